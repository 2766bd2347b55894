//! The structured error that crosses the process boundary.

use std::borrow::Cow;
use std::fmt;

/// A five-character SQLSTATE (Postgres manual, appendix A).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// `22003` numeric value out of range.
    pub const NUMERIC_VALUE_OUT_OF_RANGE: Self = Self(*b"22003");
    /// `22008` datetime field overflow.
    pub const DATETIME_OVERFLOW: Self = Self(*b"22008");
    /// `22012` division by zero.
    pub const DIVISION_BY_ZERO: Self = Self(*b"22012");
    /// `22001` string data right truncation.
    pub const STRING_TOO_LONG: Self = Self(*b"22001");
    /// `22021` character not in repertoire.
    pub const CHARACTER_NOT_IN_REPERTOIRE: Self = Self(*b"22021");
    /// `22P02` invalid text representation.
    pub const INVALID_TEXT_REPRESENTATION: Self = Self(*b"22P02");
    /// `22023` invalid parameter value.
    pub const INVALID_PARAMETER_VALUE: Self = Self(*b"22023");
    /// `2202E` array subscript error.
    pub const ARRAY_SUBSCRIPT: Self = Self(*b"2202E");
    /// `22000` data exception.
    pub const DATA_EXCEPTION: Self = Self(*b"22000");
    /// `21000` cardinality violation.
    pub const CARDINALITY_VIOLATION: Self = Self(*b"21000");
    /// `23502` not-null violation.
    pub const NOT_NULL_VIOLATION: Self = Self(*b"23502");
    /// `23505` unique violation.
    pub const UNIQUE_VIOLATION: Self = Self(*b"23505");
    /// `23503` foreign key violation.
    pub const FOREIGN_KEY_VIOLATION: Self = Self(*b"23503");
    /// `23514` check violation.
    pub const CHECK_VIOLATION: Self = Self(*b"23514");
    /// `25001` active SQL transaction.
    pub const ACTIVE_SQL_TRANSACTION: Self = Self(*b"25001");
    /// `25006` read-only SQL transaction.
    pub const READ_ONLY_TRANSACTION: Self = Self(*b"25006");
    /// `25P02` in failed SQL transaction.
    pub const IN_FAILED_TRANSACTION: Self = Self(*b"25P02");
    /// `40001` serialization failure.
    pub const SERIALIZATION_FAILURE: Self = Self(*b"40001");
    /// `40003` statement completion unknown.
    pub const STATEMENT_COMPLETION_UNKNOWN: Self = Self(*b"40003");
    /// `42501` insufficient privilege.
    pub const INSUFFICIENT_PRIVILEGE: Self = Self(*b"42501");
    /// `42601` syntax error.
    pub const SYNTAX_ERROR: Self = Self(*b"42601");
    /// `42602`: a name that cannot be one, such as a relative path.
    pub const INVALID_NAME: Self = Self(*b"42602");
    /// `42703` undefined column.
    pub const UNDEFINED_COLUMN: Self = Self(*b"42703");
    /// `42P01` undefined table.
    pub const UNDEFINED_TABLE: Self = Self(*b"42P01");
    /// `42883` undefined function.
    pub const UNDEFINED_FUNCTION: Self = Self(*b"42883");
    /// `42804` datatype mismatch.
    pub const DATATYPE_MISMATCH: Self = Self(*b"42804");
    /// `42P07` duplicate table.
    pub const DUPLICATE_TABLE: Self = Self(*b"42P07");
    /// `0A000` feature not supported.
    pub const FEATURE_NOT_SUPPORTED: Self = Self(*b"0A000");
    /// `53000` insufficient resources.
    pub const INSUFFICIENT_RESOURCES: Self = Self(*b"53000");
    /// `53100` disk full.
    pub const DISK_FULL: Self = Self(*b"53100");
    /// `53200` out of memory.
    pub const OUT_OF_MEMORY: Self = Self(*b"53200");
    /// `53300` too many connections.
    pub const TOO_MANY_CONNECTIONS: Self = Self(*b"53300");
    /// `54000` program limit exceeded.
    pub const PROGRAM_LIMIT_EXCEEDED: Self = Self(*b"54000");
    /// `55000` object not in prerequisite state.
    pub const OBJECT_NOT_IN_PREREQUISITE_STATE: Self = Self(*b"55000");
    /// `55006` object in use.
    pub const OBJECT_IN_USE: Self = Self(*b"55006");
    /// `57014` query cancelled.
    pub const QUERY_CANCELED: Self = Self(*b"57014");
    /// `57P03` cannot connect now.
    pub const CANNOT_CONNECT_NOW: Self = Self(*b"57P03");
    /// `58000` system error: the class for a lost engine.
    pub const SYSTEM_ERROR: Self = Self(*b"58000");
    /// `58P02` duplicate file.
    pub const DUPLICATE_FILE: Self = Self(*b"58P02");
    /// `58030` I/O error.
    pub const IO_ERROR: Self = Self(*b"58030");
    /// `58P01` undefined file.
    pub const UNDEFINED_FILE: Self = Self(*b"58P01");
    /// `08001` a connection could not be made.
    pub const CANNOT_ESTABLISH_CONNECTION: Self = Self(*b"08001");
    /// `08006` a connection is gone.
    pub const CONNECTION_FAILURE: Self = Self(*b"08006");
    /// `28000` a token that is not accepted.
    pub const INVALID_AUTHORIZATION: Self = Self(*b"28000");
    /// `3D000` a database that does not exist.
    pub const UNDEFINED_DATABASE: Self = Self(*b"3D000");
    /// `3F000` a schema that cannot be.
    pub const INVALID_SCHEMA_NAME: Self = Self(*b"3F000");
    /// `42710` an object that exists already.
    pub const DUPLICATE_OBJECT: Self = Self(*b"42710");
    /// `42939` a name that is reserved.
    pub const RESERVED_NAME: Self = Self(*b"42939");
    /// `42P04` a database that exists already.
    pub const DUPLICATE_DATABASE: Self = Self(*b"42P04");
    /// `08P01` protocol violation.
    pub const PROTOCOL_VIOLATION: Self = Self(*b"08P01");
    /// `F0000` a configuration file that is wrong.
    pub const CONFIG_FILE_ERROR: Self = Self(*b"F0000");
    /// `HV00D` an option that does not exist.
    pub const FDW_INVALID_OPTION_NAME: Self = Self(*b"HV00D");
    /// `HV00J` an option that is missing.
    pub const FDW_OPTION_NAME_NOT_FOUND: Self = Self(*b"HV00J");
    /// `XX000` internal error.
    pub const INTERNAL_ERROR: Self = Self(*b"XX000");

    /// A SQLSTATE from its five characters; `None` unless all are upper-case letters or digits.
    #[must_use]
    pub fn parse(code: &[u8]) -> Option<Self> {
        let code: [u8; 5] = code.try_into().ok()?;
        code.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).then_some(Self(code))
    }

    /// The five characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }

    /// The five bytes.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 5] {
        self.0
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as a user of Postgres sees it: what the engine sends and the backend raises.
///
/// `message` is the primary text (lower case, no full stop), `detail` facts, `hint` advice.
/// `position` is a 1-based character position in the statement the user typed, where known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineError {
    /// SQLSTATE.
    pub sqlstate: SqlState,
    /// Primary message.
    pub message: Cow<'static, str>,
    /// Detail, a fact.
    pub detail: Option<String>,
    /// Hint, advice.
    pub hint: Option<Cow<'static, str>>,
    /// 1-based position in the user's statement.
    pub position: Option<u32>,
}

impl EngineError {
    /// An error with a primary message only.
    pub fn new(sqlstate: SqlState, message: impl Into<Cow<'static, str>>) -> Self {
        Self { sqlstate, message: message.into(), detail: None, hint: None, position: None }
    }

    /// Adds the detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sqlstate, self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        Ok(())
    }
}

impl std::error::Error for EngineError {}

/// Marks an error text that already carries its SQLSTATE: `[22012] division by zero`.
///
/// SQL the plan writer emits (`error('[22012] division by zero')`) and functions the engine
/// registers raise errors in this form, since DuckDB's error classes are too coarse.
/// Returns the state and the message behind it, wherever in `text` the mark stands.
#[must_use]
pub fn split_marked(text: &str) -> Option<(SqlState, &str)> {
    let bytes = text.as_bytes();
    let start = bytes
        .windows(8)
        .position(|w| w[0] == b'[' && w[6] == b']' && w[7] == b' ' && SqlState::parse(&w[1..6]).is_some())?;
    let state = SqlState::parse(&bytes[start + 1..start + 6])?;
    let message = text.get(start + 8..)?;
    Some((state, message.lines().next().unwrap_or(message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_errors_keep_their_state() {
        let text = "Invalid Input Error: [22012] division by zero\nLINE 1: ...";
        assert_eq!(split_marked(text), Some((SqlState::DIVISION_BY_ZERO, "division by zero")));
        assert_eq!(split_marked("no mark [here] at all"), None);
    }
}
