//! "We cannot send this query" as a value.

use std::borrow::Cow;
use std::fmt;

/// The answer "this stays in Postgres": which construct, and why DuckDB must not have it.
///
/// It is an answer, not a failure: a caller that can finish the work in Postgres does so,
/// one that cannot raises it with SQLSTATE 0A000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The construct, as a user would name it: `function foo(integer)`, `FOR UPDATE`.
    pub what: Cow<'static, str>,
    /// The reason, as one clause: `it has no exact DuckDB equivalent`.
    pub why: Cow<'static, str>,
}

impl Unsupported {
    /// Names the construct and the reason.
    pub fn new(what: impl Into<Cow<'static, str>>, why: impl Into<Cow<'static, str>>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot run in DuckDB: {}", self.what, self.why)
    }
}

impl std::error::Error for Unsupported {}
