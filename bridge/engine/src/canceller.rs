//! Repeats interrupts: one that lands before DuckDB has started the statement is forgotten by
//! DuckDB, so a cancel is repeated until the statement has ended.

use crate::session::Session;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Pause between two interrupts.
const PERIOD: Duration = Duration::from_millis(20);

/// Starts the thread; sessions that must stop are sent to it.
pub(crate) fn start() -> std::io::Result<Sender<Arc<Session>>> {
    let (sender, receiver) = channel();
    std::thread::Builder::new().name("canceller".to_owned()).spawn(move || run(&receiver))?;
    Ok(sender)
}

fn run(receiver: &Receiver<Arc<Session>>) {
    let mut stopping: Vec<Arc<Session>> = Vec::new();
    loop {
        let received = if stopping.is_empty() {
            receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            receiver.recv_timeout(PERIOD)
        };
        match received {
            Ok(session) => stopping.push(session),
            Err(RecvTimeoutError::Timeout) => stopping.retain(|session| session.interrupt_again()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
