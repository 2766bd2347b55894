//! Why a plan did not become SQL.

use bridge_types::Unsupported;
use datafusion_common::DataFusionError;

/// Failure of a rule or of the writer.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A construct that has to stay in Postgres: an answer, not a fault.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// A plan that breaks the invariants of this crate: our bug.
    #[error("malformed plan: {0}")]
    Malformed(String),
}

impl From<DataFusionError> for PlanError {
    fn from(error: DataFusionError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// `Err(Unsupported)` in the shape rules return.
pub(crate) fn unsupported<T>(
    what: impl Into<std::borrow::Cow<'static, str>>,
    why: impl Into<std::borrow::Cow<'static, str>>,
) -> Result<T, PlanError> {
    Err(Unsupported::new(what, why).into())
}

/// `Err(Malformed)` in the shape rules return.
pub(crate) fn malformed<T>(what: impl Into<String>) -> Result<T, PlanError> {
    Err(PlanError::Malformed(what.into()))
}
