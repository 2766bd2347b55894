//! Waiting for something that another process does.

use std::time::{Duration, Instant};

use crate::Result;

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(5);

/// Asks `probe` until it answers, and returns the answer and the time it took.
///
/// # Errors
/// If it has not answered after `timeout`; `what` names the awaited thing.
pub fn for_some<T>(
    what: &str,
    timeout: Duration,
    mut probe: impl FnMut() -> Option<T>,
) -> Result<(T, Duration)> {
    let start = Instant::now();
    loop {
        if let Some(answer) = probe() {
            return Ok((answer, start.elapsed()));
        }
        if start.elapsed() > timeout {
            return Err(format!("{what} did not happen within {timeout:?}").into());
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Waits until `condition` holds, and returns how long that took.
///
/// # Errors
/// As [`for_some`].
pub fn until(what: &str, timeout: Duration, mut condition: impl FnMut() -> bool) -> Result<Duration> {
    for_some(what, timeout, || condition().then_some(())).map(|((), took)| took)
}
