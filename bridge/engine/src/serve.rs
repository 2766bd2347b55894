//! `pg_duckdb_engine serve`: the server loop.

use crate::bridge_scan;
use crate::engine::Engine;
use crate::execute::Worker;
use crate::session::Session;
use crate::settings::Settings;
use crate::{log, process};
use bridge_ipc::IpcError;
use bridge_ipc::message::{Reply, Request};
use bridge_ipc::server::{Connection, ConnectionReader, Listener};
use bridge_types::{EngineError, SqlState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How often the main thread looks whether a signal came between two polls.
const SIGNAL_POLL: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// How long sessions get to end at shutdown before stores are checkpointed regardless.
const SESSION_PATIENCE: Duration = Duration::from_secs(2);
/// Pause after a failed accept (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until standard input ends or SIGTERM or SIGINT comes.
pub(crate) fn serve(settings: Settings) -> Result<(), String> {
    process::private_files();
    process::handle_stop_signals().map_err(|error| format!("could not install signal handlers: {error}"))?;
    process::die_with_parent().map_err(|error| format!("could not follow the parent process: {error}"))?;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    for directory in [&settings.directory, &settings.temp_directory] {
        builder
            .create(directory)
            .map_err(|error| format!("could not create directory \"{}\": {error}", directory.display()))?;
    }
    let socket = settings.directory.join("run/engine.sock");
    let engine = Engine::open(settings).map_err(|error| format!("could not start DuckDB: {error}"))?;
    let listener = Listener::bind(&socket)
        .map_err(|error| format!("could not listen on \"{}\": {error}", socket.display()))?;
    log::info(&format!(
        "pg_duckdb engine is ready, DuckDB {}, memory limit {} MiB, {} threads",
        crate::duckdb::library_version(),
        engine.settings.memory_limit_bytes >> 20,
        engine.settings.threads
    ));
    let accepting = Arc::clone(&engine);
    std::thread::Builder::new()
        .name("accept".to_owned())
        .spawn(move || accept(&accepting, &listener))
        .map_err(|error| format!("could not start a thread: {error}"))?;
    wait_for_stop();
    log::info("pg_duckdb engine is shutting down");
    // No new clients; the accepting thread still holds the listener itself.
    drop(std::fs::remove_file(&socket));
    engine.shut_down(SESSION_PATIENCE);
    log::info("pg_duckdb engine has stopped");
    // The stores are closed; threads that still run must not see the instance being destroyed.
    process::exit_at_once(0)
}

/// Returns when standard input ends or a signal asks to stop.
fn wait_for_stop() {
    let stdin = std::io::stdin();
    let mut drain = [0; 256];
    loop {
        if process::stop_requested() {
            return;
        }
        let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut wanted, Some(&SIGNAL_POLL)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
            // Nothing is said on standard input; only its end counts.
            Ok(_) => match rustix::io::read(&stdin, &mut drain) {
                Ok(0) => return,
                Ok(_) | Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(_) => return,
            },
        }
    }
}

/// A request as it comes: sequence number, message, descriptors.
type Received = Result<(u32, Request, Vec<OwnedFd>), IpcError>;

fn accept(engine: &Arc<Engine>, listener: &Listener) {
    loop {
        match listener.accept() {
            Ok(connection) => open_session(engine, connection),
            Err(error) => {
                log::warning(&format!("could not accept a connection: {error}"));
                std::thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}

fn open_session(engine: &Arc<Engine>, connection: Connection) {
    let Connection { mut reader, writer, .. } = connection;
    let engine = Arc::clone(engine);
    let refused = Arc::clone(&writer);
    let reading = std::thread::Builder::new().name("reader".to_owned());
    let started = reading.spawn(move || {
        // The first frame says what the connection is for.
        let mut first = reader.recv();
        if let Ok((_, Request::Produce(request), descriptors)) = &mut first {
            if let Some(segment) = descriptors.pop() {
                bridge_scan::serve_producer(&engine, request, segment, &mut reader, &writer);
            }
            writer.shutdown();
            return;
        }
        let id = match engine.admit() {
            Ok(id) => id,
            Err(error) => {
                drop(writer.send(0, &Reply::Error(error), &[]));
                writer.shutdown();
                return;
            }
        };
        let own = Arc::new(Session::new(id, writer));
        engine.enter(&own);
        let worker = Worker::new(Arc::clone(&engine), Arc::clone(&own));
        let working_session = Arc::clone(&own);
        let working = std::thread::Builder::new().name(format!("worker {id}")).spawn(move || {
            if catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
                log::warning("a session was closed: its thread panicked");
            }
            // Whatever ended the worker: nobody would answer the client any more.
            working_session.writer.shutdown();
        });
        if working.is_ok() {
            read(&engine, &own, &mut reader, first);
        }
        if own.close() {
            drop(engine.stopping.send(Arc::clone(&own)));
        }
        if let Ok(worker) = working {
            // It never panics, see above.
            drop(worker.join());
        }
        own.writer.shutdown();
        engine.leave(&own);
    });
    if let Err(error) = started {
        log::warning(&format!("could not start a thread: {error}"));
        refused.shutdown();
    }
}

/// Reads requests until the client is gone or breaks the protocol.
fn read(engine: &Arc<Engine>, session: &Arc<Session>, reader: &mut ConnectionReader, first: Received) {
    let mut received = first;
    loop {
        let (sequence, request, mut descriptors) = match received {
            Ok(request) => request,
            Err(IpcError::Closed) => return,
            Err(error) => {
                let text = error.to_string();
                log::warning(&format!("a session was closed: {text}"));
                engine.note_error(&text);
                session.reply(0, &Reply::Error(EngineError::new(SqlState::PROTOCOL_VIOLATION, text)));
                return;
            }
        };
        match request {
            Request::Cancel => stop_if(engine, session, session.cancel(sequence)),
            Request::Wake => session.wake(),
            Request::ScanEnd { portal, scan, workers } => session.feeds.end(portal, scan, workers),
            Request::Outsize { portal, scan } => match descriptors.pop() {
                Some(segment) => session.feeds.outsize(portal, scan, segment),
                None => return,
            },
            Request::Status => session.reply(sequence, &Reply::Status(engine.status())),
            Request::Sessions => session.reply(sequence, &Reply::Sessions(engine.session_infos())),
            Request::Reset => {
                stop_if(engine, session, session.cancel_all());
                session.push((sequence, Request::Reset, descriptors));
            }
            Request::ClosePortal { portal } => {
                // A read that waits for feeds nobody will fill any more ends by itself.
                session.feeds.abandon(portal);
                // Queued first: a statement that is about to start looks for it there.
                session.push((sequence, request, descriptors));
                stop_if(engine, session, session.close_portal(portal));
            }
            other => session.push((sequence, other, descriptors)),
        }
        received = reader.recv();
    }
}

fn stop_if(engine: &Engine, session: &Arc<Session>, stopping: bool) {
    if stopping {
        drop(engine.stopping.send(Arc::clone(session)));
    }
}
