//! An engine in a temporary directory and a client that speaks the whole protocol.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its part")]

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use bridge_ipc::batch::{BatchReader, encode_into, encode_schema, encode_stream, encoded_size};
use bridge_ipc::client::Client;
use bridge_ipc::message::*;
use bridge_ipc::ring::{Consumer, Producer, SlotKind};
use bridge_ipc::segment::Segment;
use bridge_types::EngineError;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const DATABASE: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(20);

/// A running engine; killed on drop.
pub struct Engine {
    pub child: Child,
    pub directory: PathBuf,
}

impl Engine {
    pub fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::start_with(directory, arguments, &[])
    }

    pub fn start_with(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pg_duckdb_engine"))
            .arg("serve")
            .args(["--memory-limit", "1GB"])
            .args(arguments)
            .envs(environment.iter().copied())
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Ready is said on standard error.
        let mut lines = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("is ready") {
            let read = std::io::BufRead::read_line(&mut lines, &mut said).unwrap();
            assert!(read > 0, "{said}");
        }
        let drain = move || std::io::copy(&mut lines, &mut std::io::sink());
        std::thread::Builder::new().spawn(drain).unwrap();
        Self { child, directory: directory.to_owned() }
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.join("pg_duckdb/run/engine.sock")
    }

    pub fn session(&self) -> Session {
        Session::open(&self.socket(), DATABASE).unwrap()
    }

    /// Ends standard input and waits; the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Batches the client feeds into a scan.
pub struct Scan {
    pub schema: SchemaRef,
    pub batches: VecDeque<RecordBatch>,
}

pub struct ScanRing {
    producer: Producer,
    batches: VecDeque<RecordBatch>,
    ended: bool,
}

pub struct OpenPortal {
    pub number: u32,
    pub sequence: u32,
    reader: Option<BatchReader>,
    ring: Option<Consumer>,
    outsize: VecDeque<OwnedFd>,
    scans: Vec<ScanRing>,
    pub finished: Option<Finished>,
}

pub struct Session {
    pub client: Client,
    /// Where statements run.
    pub instance: u32,
    next: u32,
    statements: HashMap<u32, Prepared>,
    /// Replies that belong to other requests.
    backlog: VecDeque<(u32, Reply, Vec<OwnedFd>)>,
}

pub fn context() -> Context {
    Context { time_zone: "UTC".to_owned() }
}

impl Session {
    pub fn open(socket: &Path, database_oid: u32) -> Result<Self, EngineError> {
        let client = Client::connect(socket).unwrap();
        let mut session =
            Self { client, instance: 0, next: 0, statements: HashMap::new(), backlog: VecDeque::new() };
        let hello = Hello {
            version: PROTOCOL_VERSION,
            backend_pid: 1,
            database_oid,
            database_name: "test".into(),
            role_name: "tester".into(),
        };
        match session.request(&Request::Hello(hello))? {
            Reply::Welcome(_) => Ok(session),
            other => panic!("{other:?}"),
        }
    }

    /// Opens the account of a token as `instance`, and works on it from here on.
    pub fn open_account(&mut self, instance: u32, token: &str, database: &str) -> Result<(), EngineError> {
        let request = Request::OpenAccount(OpenAccount {
            instance,
            token: token.into(),
            default_database: database.into(),
            session_hint: String::new(),
            refresh_timeout: String::new(),
            timeout_ms: 2000,
        });
        self.request(&request)?;
        self.instance = instance;
        Ok(())
    }

    /// The next reply to `sequence`.
    pub fn reply(&mut self, sequence: u32) -> (Reply, Vec<OwnedFd>) {
        if let Some(index) = self.backlog.iter().position(|(other, ..)| *other == sequence) {
            let (_, reply, fds) = self.backlog.remove(index).unwrap();
            return (reply, fds);
        }
        loop {
            let (other, reply, fds) = self.client.recv(Some(PATIENCE)).unwrap().expect("an answer in time");
            if other == sequence {
                return (reply, fds);
            }
            self.backlog.push_back((other, reply, fds));
        }
    }

    pub fn request(&mut self, request: &Request) -> Result<Reply, EngineError> {
        let sequence = self.client.send(request, &[]).unwrap();
        match self.reply(sequence).0 {
            Reply::Error(error) => Err(error),
            reply => Ok(reply),
        }
    }

    pub fn run(&mut self, sql: &str) -> Result<u64, EngineError> {
        match self.request(&Request::Run { instance: self.instance, sql: sql.into(), context: context() })? {
            Reply::Done { rows } => Ok(rows),
            other => panic!("{other:?}"),
        }
    }

    pub fn prepare(&mut self, sql: &str, scans: &[Scan]) -> Result<u32, EngineError> {
        self.prepare_with(sql, scans, vec![])
    }

    pub fn prepare_with(
        &mut self,
        sql: &str,
        scans: &[Scan],
        remote_scans: Vec<RemoteScan>,
    ) -> Result<u32, EngineError> {
        self.next += 1;
        let scans = scans
            .iter()
            .map(|scan| ScanSpec { schema: encode_schema(&scan.schema).unwrap(), rows: 1000, producers: 1 })
            .collect();
        let prepare = Prepare {
            statement: self.next,
            instance: self.instance,
            sql: sql.into(),
            query: sql.into(),
            scans,
            remote_scans,
            context: context(),
        };
        match self.request(&Request::Prepare(prepare))? {
            Reply::Prepared(prepared) => {
                self.statements.insert(self.next, prepared);
                Ok(self.next)
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn prepared(&self, statement: u32) -> &Prepared {
        &self.statements[&statement]
    }

    pub fn execute(&mut self, statement: u32, params: Option<&RecordBatch>, scans: Vec<Scan>) -> OpenPortal {
        self.execute_with(statement, params, scans, u64::MAX, true, false)
    }

    pub fn execute_with(
        &mut self,
        statement: u32,
        params: Option<&RecordBatch>,
        scans: Vec<Scan>,
        credit_bytes: u64,
        whole_result: bool,
        profile: bool,
    ) -> OpenPortal {
        self.next += 1;
        let portal = self.next;
        let scans: Vec<ScanRing> = scans
            .into_iter()
            .map(|scan| ScanRing {
                producer: Producer::new(Segment::create(1 << 20).unwrap()),
                batches: scan.batches,
                ended: false,
            })
            .collect();
        let execute = Execute {
            statement,
            portal,
            params: params.map_or_else(Bytes::new, |batch| encode_stream(batch).unwrap()),
            feed_key: 0,
            credit_bytes,
            whole_result,
            complete: false,
            profile,
            context: context(),
        };
        let fds: Vec<BorrowedFd<'_>> = scans.iter().map(|scan| scan.producer.segment().fd()).collect();
        let sequence = self.client.send(&Request::Execute(execute), &fds).unwrap();
        let prepared = &self.statements[&statement];
        let reader = (!prepared.schema.is_empty()).then(|| BatchReader::of_statement(prepared).unwrap());
        OpenPortal {
            number: portal,
            sequence,
            reader,
            ring: None,
            outsize: VecDeque::new(),
            scans,
            finished: None,
        }
    }

    /// The next batch; `None` at the end.
    pub fn next(&mut self, portal: &mut OpenPortal) -> Result<Option<RecordBatch>, EngineError> {
        loop {
            if let Some(ring) = &mut portal.ring {
                if ring.take_release_wake() {
                    self.client.send_as(portal.sequence, &Request::Wake, &[]).unwrap();
                }
                if let Some(message) = ring.try_next().unwrap() {
                    let buffer = match message.kind {
                        SlotKind::Batch => message.buffer,
                        SlotKind::Outsize => {
                            while portal.outsize.is_empty() {
                                self.dispatch(portal)?;
                            }
                            let segment = Segment::open(portal.outsize.pop_front().unwrap()).unwrap();
                            segment.into_buffer()
                        }
                    };
                    return Ok(Some(portal.reader.as_ref().unwrap().read(buffer).unwrap()));
                }
                if portal.finished.is_some() {
                    return Ok(None);
                }
                if !ring.prepare_sleep() {
                    continue;
                }
            } else if portal.finished.is_some() {
                return Ok(None);
            }
            self.dispatch(portal)?;
        }
    }

    fn dispatch(&mut self, portal: &mut OpenPortal) -> Result<(), EngineError> {
        let (reply, fds) = self.reply(portal.sequence);
        match reply {
            Reply::Started { .. } => {
                portal.ring = Some(Consumer::new(Segment::open(fds.into_iter().next().unwrap()).unwrap()));
            }
            Reply::Finished(finished) => portal.finished = Some(finished),
            Reply::Error(error) => return Err(error),
            Reply::ScanRequest { scan, .. } => self.feed(portal, scan),
            Reply::Outsize { .. } => portal.outsize.extend(fds),
            Reply::Wake => {}
            other => panic!("{other:?}"),
        }
        Ok(())
    }

    /// Answers a scan request with one batch, or with the end.
    fn feed(&mut self, portal: &mut OpenPortal, number: u32) {
        let scan = &mut portal.scans[number as usize];
        if let Some(batch) = scan.batches.pop_front() {
            let size = encoded_size(&batch).unwrap();
            let wake = if size <= scan.producer.max_slot_bytes() {
                let mut slot = scan.producer.try_reserve(size).unwrap().expect("the ring was empty");
                let used = encode_into(&batch, &mut slot).unwrap();
                slot.commit(used, SlotKind::Batch)
            } else {
                let fill = |out: &mut [u8]| encode_into(&batch, out).map(|_| ());
                let segment = Segment::outsize(size, fill).unwrap();
                let outsize = Request::Outsize { portal: portal.number, scan: number };
                self.client.send_as(portal.sequence, &outsize, &[segment.fd().as_fd()]).unwrap();
                scan.producer.try_reserve(0).unwrap().unwrap().commit(0, SlotKind::Outsize)
            };
            if wake {
                self.client.send_as(portal.sequence, &Request::Wake, &[]).unwrap();
            }
        } else if !scan.ended {
            scan.ended = true;
            let end = Request::ScanEnd { portal: portal.number, scan: number, workers: 0 };
            self.client.send_as(portal.sequence, &end, &[]).unwrap();
        }
    }

    pub fn drain(&mut self, portal: &mut OpenPortal) -> Result<Vec<RecordBatch>, EngineError> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next(portal)? {
            batches.push(copy(&batch, portal.reader.as_ref().unwrap()));
        }
        Ok(batches)
    }

    /// Prepares, executes, reads everything.
    pub fn query(&mut self, sql: &str) -> Result<Vec<RecordBatch>, EngineError> {
        let statement = self.prepare(sql, &[])?;
        let mut portal = self.execute(statement, None, vec![]);
        self.drain(&mut portal)
    }

    pub fn query_with(&mut self, sql: &str, scans: Vec<Scan>) -> Result<Vec<RecordBatch>, EngineError> {
        let statement = self.prepare(sql, &scans)?;
        let mut portal = self.execute(statement, None, scans);
        self.drain(&mut portal)
    }

    /// A single BIGINT.
    pub fn int(&mut self, sql: &str) -> Result<i64, EngineError> {
        let batches = self.query(&format!("SELECT ({sql})::BIGINT"))?;
        let column = batches[0].column(0).clone();
        Ok(arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&column).value(0))
    }
}

/// A batch that does not hold its slot.
pub fn copy(batch: &RecordBatch, reader: &BatchReader) -> RecordBatch {
    let mut bytes = vec![0; encoded_size(batch).unwrap()];
    let used = encode_into(batch, &mut bytes).unwrap();
    bytes.truncate(used);
    reader.read(arrow::buffer::Buffer::from_vec(bytes)).unwrap()
}

pub fn int64s(batches: &[RecordBatch], column: usize) -> Vec<i64> {
    let arrays = batches.iter().map(|batch| batch.column(column).clone());
    arrays
        .flat_map(|array: ArrayRef| {
            arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&array).values().to_vec()
        })
        .collect()
}

/// Waits until `check` holds.
pub fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !check() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
