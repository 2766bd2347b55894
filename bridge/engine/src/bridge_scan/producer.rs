//! The connection of a parallel worker that brings rows of a scan.

use crate::engine::Engine;
use crate::log;
use bridge_ipc::IpcError;
use bridge_ipc::message::{PROTOCOL_VERSION, Produce, Reply, Request};
use bridge_ipc::server::{ConnectionReader, ConnectionWriter};
use bridge_types::{EngineError, SqlState};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Hears what the worker says until it hangs up or is hung up on. Its rows are in its ring, which
/// outlives the connection.
pub(crate) fn serve(
    engine: &Engine,
    request: &Produce,
    segment: OwnedFd,
    reader: &mut ConnectionReader,
    writer: &Arc<ConnectionWriter>,
) {
    if request.version != PROTOCOL_VERSION {
        refuse(writer, format!("the DuckDB engine does not speak protocol {}", request.version));
        return;
    }
    let feed = engine.sessions().into_iter().find_map(|session| session.feeds.find(request));
    // Without a feed, nobody wants the rows any more: the worker finds itself hung up on.
    let Some(feed) = feed else { return };
    let number = match feed.add_worker(segment, Arc::clone(writer)) {
        Ok(Some(number)) => number,
        Ok(None) => return,
        Err(error) => return refuse(writer, error.to_string()),
    };
    // Not kept alive by a worker: dropping the statement's feeds hangs up on workers.
    let feed = Arc::downgrade(&feed);
    loop {
        let received = reader.recv();
        let Some(feed) = feed.upgrade() else { return };
        match received {
            Ok((_, Request::Wake, _)) => feed.wake(),
            Ok((_, Request::Outsize { .. }, mut descriptors)) => match descriptors.pop() {
                Some(segment) => feed.outsize_of_worker(number, segment),
                None => return refuse(writer, "Outsize without a segment".to_owned()),
            },
            Ok((_, Request::ScanEnd { .. }, _)) => return feed.end_worker(number),
            Ok(_) => return refuse(writer, "unexpected request of a parallel worker".to_owned()),
            // It has failed, which its leader learns from Postgres.
            Err(IpcError::Closed) => return,
            Err(error) => return log::warning(&format!("a parallel worker was lost: {error}")),
        }
    }
}

fn refuse(writer: &ConnectionWriter, why: String) {
    // A worker that is gone does not want to know.
    drop(writer.send(0, &Reply::Error(EngineError::new(SqlState::PROTOCOL_VIOLATION, why)), &[]));
}
