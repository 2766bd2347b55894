//! `pg_duckdb_engine sql`: a client of a running engine, for debugging and tests.

use crate::table::{Format, Table};
use arrow::array::AsArray;
use bridge_ipc::IpcError;
use bridge_ipc::batch::BatchReader;
use bridge_ipc::client::Client;
use bridge_ipc::message::{
    Context, Execute, Hello, MAIN_INSTANCE, OpenAccount, PROTOCOL_VERSION, Prepare, Prepared, Reply, Request,
};
use bridge_ipc::ring::{Consumer, SlotKind};
use bridge_ipc::segment::Segment;
use bridge_types::names::{SOCKET, quote_identifier};
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// How long `sql` waits for an account.
const CONNECT_TIMEOUT_MS: u32 = 30_000;

/// Arguments of `sql`.
#[derive(clap::Args)]
pub(crate) struct Sql {
    /// Socket of the engine, relative to the data directory it serves.
    #[arg(long, default_value = SOCKET)]
    socket: PathBuf,
    /// Oid of the Postgres database whose local store to use.
    #[arg(long, conflicts_with = "catalog")]
    database_oid: Option<u32>,
    /// Use no local store, only the instance itself.
    #[arg(long)]
    catalog: bool,
    /// Work on the MotherDuck account of the token in the environment variable motherduck_token.
    #[arg(long)]
    motherduck: bool,
    /// With --motherduck: the database that unqualified names mean.
    #[arg(long, default_value = "", requires = "motherduck")]
    database: String,
    /// Statement to run [default: standard input].
    #[arg(short = 'c', allow_hyphen_values = true)]
    command: Option<String>,
    /// How to print rows.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Sql {
    /// Connects, runs, prints.
    pub(crate) fn run(self) -> Result<(), String> {
        let text = match self.command {
            Some(command) => command,
            None => read_stdin()?,
        };
        let mut session = Session::connect(&self.socket, self.database_oid.unwrap_or(0))?;
        if self.motherduck {
            let token = std::env::var("motherduck_token")
                .map_err(|_| "--motherduck needs the environment variable motherduck_token".to_owned())?;
            session.open_account(token, self.database)?;
        }
        for statement in split_statements(&text) {
            let table = session.execute(&statement)?;
            match table {
                Outcome::Rows(table) => print!("{}", table.render(self.format)),
                Outcome::Done(rows) => eprintln!("OK {rows}"),
            }
        }
        Ok(())
    }
}

/// Standard input as text.
pub(crate) fn read_stdin() -> Result<String, String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| format!("could not read standard input: {error}"))?;
    Ok(text)
}

enum Outcome {
    Rows(Table),
    Done(u64),
}

struct Session {
    client: Client,
    instance: u32,
    next: u32,
}

fn lost(error: IpcError) -> String {
    format!("connection to the DuckDB engine was lost: {error}")
}

impl Session {
    fn connect(socket: &std::path::Path, database_oid: u32) -> Result<Self, String> {
        let client = Client::connect(socket)
            .map_err(|error| format!("could not connect to \"{}\": {error}", socket.display()))?;
        let mut session = Self { client, instance: MAIN_INSTANCE, next: 0 };
        let hello = Hello {
            version: PROTOCOL_VERSION,
            backend_pid: i32::try_from(std::process::id()).unwrap_or(0),
            database_oid,
            database_name: "sql".to_owned(),
            role_name: String::new(),
        };
        match session.request(&Request::Hello(hello))? {
            (Reply::Welcome(_), _) => Ok(session),
            (other, _) => Err(unexpected(&other)),
        }
    }

    /// Statements run on the account from here on.
    fn open_account(&mut self, token: String, default_database: String) -> Result<(), String> {
        self.instance = MAIN_INSTANCE + 1;
        let account = OpenAccount {
            instance: self.instance,
            token,
            default_database,
            session_hint: String::new(),
            refresh_timeout: String::new(),
            timeout_ms: CONNECT_TIMEOUT_MS,
        };
        self.request(&Request::OpenAccount(account)).map(drop)
    }

    fn request(&mut self, request: &Request) -> Result<(Reply, Vec<OwnedFd>), String> {
        self.client.send(request, &[]).map_err(lost)?;
        self.reply()
    }

    fn reply(&mut self) -> Result<(Reply, Vec<OwnedFd>), String> {
        match self.client.recv(None).map_err(lost)? {
            Some((_, Reply::Error(error), _)) => {
                let mut text = format!("{} (SQLSTATE {})", error.message, error.sqlstate);
                if let Some(detail) = error.detail {
                    text.push_str(&format!("\nDETAIL:  {detail}"));
                }
                if let Some(hint) = error.hint {
                    text.push_str(&format!("\nHINT:  {hint}"));
                }
                Err(text)
            }
            Some((_, reply, descriptors)) => Ok((reply, descriptors)),
            None => Err("the DuckDB engine did not answer".to_owned()),
        }
    }

    fn prepare(&mut self, sql: &str) -> Result<Prepared, String> {
        self.next += 1;
        let prepare = Prepare {
            statement: self.next,
            instance: self.instance,
            sql: sql.to_owned(),
            query: sql.to_owned(),
            scans: Vec::new(),
            remote_scans: Vec::new(),
            context: Context::default(),
        };
        match self.request(&Request::Prepare(prepare))? {
            (Reply::Prepared(prepared), _) => Ok(prepared),
            (other, _) => Err(unexpected(&other)),
        }
    }

    fn execute(&mut self, sql: &str) -> Result<Outcome, String> {
        // What the service knows and DuckDB does not can only be run, not prepared.
        let first = sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        if self.instance != MAIN_INSTANCE && matches!(first.as_str(), "create" | "drop" | "refresh") {
            let run =
                Request::Run { instance: self.instance, sql: sql.to_owned(), context: Context::default() };
            return match self.request(&run)? {
                (Reply::Done { rows }, _) => Ok(Outcome::Done(rows)),
                (other, _) => Err(unexpected(&other)),
            };
        }
        let prepared = self.prepare(sql)?;
        if !prepared.schema.is_empty() {
            // DuckDB prints its values best itself.
            let names = prepared.column_names;
            let aliases: Vec<String> = (0..names.len()).map(|index| format!("c{index}")).collect();
            let casts: Vec<String> =
                aliases.iter().map(|alias| format!("CAST({alias} AS VARCHAR)")).collect();
            let wrapped = format!(
                "SELECT {} FROM ({sql}\n) AS {}({})",
                casts.join(", "),
                quote_identifier("q"),
                aliases.join(", ")
            );
            // EXPLAIN, PRAGMA and RETURNING cannot be a subquery: print what they return.
            if let Ok(mut prepared) = self.prepare(&wrapped) {
                prepared.column_names = names;
                return self.fetch(prepared);
            }
            let prepared = self.prepare(sql)?;
            return self.fetch(prepared);
        }
        self.fetch(prepared)
    }

    fn fetch(&mut self, prepared: Prepared) -> Result<Outcome, String> {
        let execute = Execute {
            statement: self.next,
            portal: self.next,
            params: Bytes::new(),
            feed_key: 0,
            credit_bytes: u64::MAX,
            whole_result: true,
            complete: false,
            profile: false,
            context: Context::default(),
        };
        self.client.send(&Request::Execute(execute), &[]).map_err(lost)?;
        let reader = if prepared.schema.is_empty() {
            None
        } else {
            Some(BatchReader::of_statement(&prepared).map_err(lost)?)
        };
        let mut table = Table { columns: prepared.column_names, rows: Vec::new() };
        let mut ring: Option<Consumer> = None;
        let mut outsize = VecDeque::new();
        let mut finished = None;
        loop {
            let mut outsize_missing = false;
            if let (Some(ring), Some(reader)) = (&mut ring, &reader) {
                while let Some(message) = ring.try_next().map_err(lost)? {
                    let buffer = match message.kind {
                        SlotKind::Batch => message.buffer,
                        SlotKind::Outsize => {
                            while outsize.is_empty() {
                                match self.reply()? {
                                    (Reply::Outsize { .. }, fds) => outsize.extend(fds),
                                    (Reply::Finished(end), _) => finished = Some(end),
                                    _ => {}
                                }
                            }
                            let fd = outsize.pop_front().ok_or("an outsize batch without its segment")?;
                            Segment::open(fd).map_err(lost)?.into_buffer()
                        }
                    };
                    append(&mut table, &reader.read(buffer).map_err(lost)?);
                }
                if ring.take_release_wake() {
                    self.client.send_as(0, &Request::Wake, &[]).map_err(lost)?;
                }
                outsize_missing = finished.is_none() && !ring.prepare_sleep();
            }
            if let Some(finished) = finished {
                return Ok(if reader.is_some() {
                    Outcome::Rows(table)
                } else {
                    Outcome::Done(finished.rows)
                });
            }
            if outsize_missing {
                continue;
            }
            match self.reply()? {
                (Reply::Started { .. }, fds) => {
                    let fd = fds.into_iter().next().ok_or("a result without its ring")?;
                    ring = Some(Consumer::new(Segment::open(fd).map_err(lost)?));
                }
                (Reply::Outsize { .. }, fds) => outsize.extend(fds),
                // One more look into the ring.
                (Reply::Finished(end), _) => finished = Some(end),
                (Reply::Wake, _) => {}
                (other, _) => return Err(unexpected(&other)),
            }
            if let Some(end) = &finished
                && let Some(ring) = &mut ring
                && ring.is_empty()
            {
                return Ok(if reader.is_some() { Outcome::Rows(table) } else { Outcome::Done(end.rows) });
            }
        }
    }
}

fn unexpected(reply: &Reply) -> String {
    format!("unexpected answer of the DuckDB engine: {reply:?}")
}

fn append(table: &mut Table, batch: &arrow::array::RecordBatch) {
    for row in 0..batch.num_rows() {
        let cells = batch.columns().iter().map(|column| match column.data_type() {
            _ if column.is_null(row) => None,
            arrow::datatypes::DataType::Utf8View => Some(column.as_string_view().value(row).to_owned()),
            _ => arrow::util::display::array_value_to_string(column, row).ok(),
        });
        table.rows.push(cells.collect());
    }
}

/// `text` cut at semicolons outside of quotes and comments.
pub(crate) fn split_statements(text: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut current = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        current.push(c);
        match c {
            '\'' | '"' => {
                for inner in chars.by_ref() {
                    current.push(inner);
                    if inner == c {
                        break;
                    }
                }
            }
            '-' if chars.peek() == Some(&'-') => {
                for inner in chars.by_ref() {
                    current.push(inner);
                    if inner == '\n' {
                        break;
                    }
                }
            }
            '/' if chars.peek() == Some(&'*') => {
                let mut last = ' ';
                for inner in chars.by_ref() {
                    current.push(inner);
                    if last == '*' && inner == '/' {
                        break;
                    }
                    last = inner;
                }
            }
            ';' => {
                current.pop();
                statements.push(std::mem::take(&mut current));
            }
            _ => {}
        }
    }
    statements.push(current);
    statements.into_iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::split_statements;

    #[test]
    fn semicolons_in_quotes_and_comments_do_not_split() {
        let text = "select ';' as \"a;b\"; -- x;y\nselect /* ; */ 2;;\n";
        assert_eq!(split_statements(text), ["select ';' as \"a;b\"", "-- x;y\nselect /* ; */ 2"]);
    }
}
