//! What can go wrong in a conversion.

use std::borrow::Cow;

use bridge_types::{EngineError, SqlState};
use thiserror::Error;

/// Why one value cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A number does not fit the Postgres type (22003).
    #[error("value out of range for type {0}")]
    OutOfRange(&'static str),
    /// A date, time, timestamp or interval lies outside of the type's range (22008).
    #[error("{0} out of range")]
    DatetimeOverflow(&'static str),
    /// Text holds a zero byte, which Postgres text cannot (22021).
    #[error("text from DuckDB contains a zero byte, which Postgres text cannot hold")]
    NulByte,
    /// Text does not spell a value of the type (22P02).
    #[error("invalid input syntax for type {0}")]
    InvalidText(&'static str),
    /// Text is longer than the type allows (22001).
    #[error("value too long for type {0}")]
    TooLong(Cow<'static, str>),
    /// NaN or an infinity where a decimal is needed (22003).
    #[error("{0} cannot be converted to a decimal")]
    NumericSpecial(&'static str),
    /// Sublists of different lengths have no multidimensional array (2202E).
    #[error("nested lists of different lengths cannot be a multidimensional array")]
    NotRectangular,
    /// An array of more than one dimension where DuckDB has a list of scalars (0A000).
    #[error("multidimensional arrays cannot be sent to DuckDB")]
    Multidimensional,
    /// An array whose first element does not have the index 1: DuckDB's lists begin there (0A000).
    #[error("arrays with a lower bound other than 1 cannot be sent to DuckDB")]
    LowerBound,
    /// The value exceeds what one Postgres field can hold (54000).
    #[error("value is too large for one field")]
    TooLarge,
    /// A batch or a datum contradicts itself (XX000).
    #[error("malformed value: {0}")]
    Malformed(&'static str),
}

impl Fault {
    /// The SQLSTATE a user sees.
    #[must_use]
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::OutOfRange(_) | Self::NumericSpecial(_) => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            Self::DatetimeOverflow(_) => SqlState::DATETIME_OVERFLOW,
            Self::NulByte => SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            Self::InvalidText(_) => SqlState::INVALID_TEXT_REPRESENTATION,
            Self::TooLong(_) => SqlState::STRING_TOO_LONG,
            Self::NotRectangular => SqlState::ARRAY_SUBSCRIPT,
            Self::Multidimensional | Self::LowerBound => SqlState::FEATURE_NOT_SUPPORTED,
            Self::TooLarge => SqlState::PROGRAM_LIMIT_EXCEEDED,
            Self::Malformed(_) => SqlState::INTERNAL_ERROR,
        }
    }
}

/// Why a batch or a row cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KernelError {
    /// One value cannot be converted.
    #[error("{fault}")]
    Value {
        /// The user's name of the column.
        column: String,
        /// 0-based row within the batch.
        row: usize,
        /// What is wrong with it.
        fault: Fault,
    },
    /// There is no conversion between these types.
    #[error("column \"{column}\" has no conversion from {arrow} to type {pg}")]
    NoConversion {
        /// The user's name of the column.
        column: String,
        /// The Arrow type.
        arrow: String,
        /// The Postgres type.
        pg: String,
    },
    /// The batch, the block and the schema do not agree.
    #[error("batch does not have the announced shape: {0}")]
    Shape(Cow<'static, str>),
    /// The sink has no memory.
    #[error("out of memory: {bytes} bytes were requested for row values")]
    OutOfMemory {
        /// Size of the request.
        bytes: usize,
    },
}

impl KernelError {
    /// The SQLSTATE a user sees.
    #[must_use]
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::Value { fault, .. } => fault.sqlstate(),
            Self::NoConversion { .. } => SqlState::DATATYPE_MISMATCH,
            Self::Shape(_) => SqlState::INTERNAL_ERROR,
            Self::OutOfMemory { .. } => SqlState::OUT_OF_MEMORY,
        }
    }
}

impl From<KernelError> for EngineError {
    fn from(error: KernelError) -> Self {
        let engine_error = Self::new(error.sqlstate(), error.to_string());
        let engine_error = match &error {
            KernelError::Value { fault: Fault::Multidimensional, .. } => engine_error.with_hint(
                "Declare the column with as many pairs of brackets as its arrays have dimensions: Postgres then reads it itself.",
            ),
            _ => engine_error,
        };
        match error {
            KernelError::Value { column, row, .. } => {
                engine_error.with_detail(format!("Column \"{column}\", row {row} of its batch."))
            }
            _ => engine_error,
        }
    }
}

/// How a kernel stops: a value (the dispatcher adds the column's name), or everything.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Row relative to the kernel's input.
    Value(usize, Fault),
    /// An error that is complete.
    Whole(KernelError),
}

impl From<KernelError> for Stop {
    fn from(error: KernelError) -> Self {
        Self::Whole(error)
    }
}
