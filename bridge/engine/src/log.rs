//! Log lines on standard error, one each; the supervisor forwards them to Postgres' log.

use crate::secrets::scrub;
use std::io::Write as _;

/// An ordinary message.
pub(crate) fn info(text: &str) {
    line("LOG", text);
}

/// Something an administrator should look at.
pub(crate) fn warning(text: &str) {
    line("WARNING", text);
}

fn line(level: &str, text: &str) {
    let text = scrub(text).replace(['\n', '\r'], " ");
    // One write per line; a closed stderr is no reason to stop.
    drop(std::io::stderr().write_all(format!("{level}:  {text}\n").as_bytes()));
}
