//! The one place where our errors become Postgres errors.
//!
//! Everything below the outermost callback returns `Result`; the callback calls
//! [`report`], when nothing of ours is left half-done.

use std::ffi::CString;

use bridge_ipc::IpcError;
use bridge_kernels::KernelError;
use bridge_types::{EngineError, SqlState, Unsupported};
use pgrx::prelude::*;

use crate::lower::LowerError;

mod subject;

/// Any error of ours, in the form a user sees.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Wraps [`EngineError`] so that every error type of the bridge converts with `?`.
#[derive(Debug)]
pub(crate) struct Error(pub(crate) Box<EngineError>, Option<Box<Subject>>);

/// What an error is about: the fields that clients get beside the message (`SCHEMA NAME` and so on).
#[derive(Debug, Default)]
pub(crate) struct Subject {
    pub(crate) schema: CString,
    pub(crate) table: CString,
    pub(crate) column: Option<CString>,
    pub(crate) constraint: Option<CString>,
}

impl Error {
    pub(crate) fn new(sqlstate: SqlState, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        EngineError::new(sqlstate, message).into()
    }

    /// Adds what the error is about.
    pub(crate) fn about(mut self, subject: Subject) -> Self {
        self.1 = Some(Box::new(subject));
        self
    }

    /// The engine went away in the middle of something.
    pub(crate) fn engine_lost() -> Self {
        EngineError::new(SqlState::SYSTEM_ERROR, "connection to the DuckDB engine was lost")
            .with_hint("The engine is being restarted; run the transaction again. The server log says why it stopped.")
            .into()
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        Self(Box::new(error), None)
    }
}

impl From<pgrx::spi::SpiError> for Error {
    fn from(error: pgrx::spi::SpiError) -> Self {
        Self::new(SqlState::INTERNAL_ERROR, error.to_string())
    }
}

impl From<Unsupported> for Error {
    fn from(unsupported: Unsupported) -> Self {
        EngineError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("{} is not supported in DuckDB queries", unsupported.what),
        )
        .with_detail(sentence(&unsupported.why))
        .into()
    }
}

/// A clause as a sentence of its own.
fn sentence(clause: &str) -> String {
    let mut characters = clause.chars();
    let first: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", characters.as_str())
}

impl From<LowerError> for Error {
    fn from(error: LowerError) -> Self {
        match error {
            LowerError::Unsupported(unsupported) => unsupported.into(),
            LowerError::Engine(error) => error.into(),
        }
    }
}

impl From<KernelError> for Error {
    fn from(error: KernelError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<IpcError> for Error {
    fn from(error: IpcError) -> Self {
        match error {
            IpcError::Closed => Self::engine_lost(),
            IpcError::Io(io) => EngineError::new(SqlState::IO_ERROR, "could not talk to the DuckDB engine")
                .with_detail(io.to_string())
                .into(),
            other => {
                EngineError::new(SqlState::PROTOCOL_VIOLATION, "malformed message from the DuckDB engine")
                    .with_detail(other.to_string())
                    .into()
            }
        }
    }
}

/// Postgres' packed form of a SQLSTATE (`MAKE_SQLSTATE`): six bits a character.
fn packed(state: SqlState) -> i32 {
    state
        .bytes()
        .iter()
        .rev()
        .fold(0, |code, byte| (code << 6) | ((i32::from(*byte) - i32::from(b'0')) & 0x3f))
}

/// Raises `error` as a Postgres ERROR. Unwinds, so that destructors run.
pub(crate) fn raise(error: Error) -> ! {
    let Error(error, subject) = error;
    let EngineError { sqlstate, message, detail, hint, position: _ } = *error;
    if let Some(subject) = subject {
        subject::add(packed(sqlstate), *subject);
    }
    let mut report =
        pgrx::pg_sys::panic::ErrorReport::new(PgSqlErrorCode::from(packed(sqlstate)), message, "pg_duckdb");
    if let Some(detail) = detail {
        report = report.set_detail(detail);
    }
    if let Some(hint) = hint {
        report = report.set_hint(hint.into_owned());
    }
    report.report(PgLogLevel::ERROR);
    unreachable!("an ERROR report unwinds")
}

/// The value, or the error raised. For outermost callbacks only.
pub(crate) fn report<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| raise(error))
}
