//! An aggregate or window function with its exact Postgres signature.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, not_impl_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature as DfSignature};

use super::Signature;
use super::function::ANY;
use crate::DuckType;
use crate::frame::Frame;

/// An opaque aggregate (or window) function.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PgAggregate {
    /// Its identity.
    pub signature: Signature,
    /// Of a window function, its frame.
    pub frame: Option<Frame>,
}

impl fmt::Debug for PgAggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.signature.display)
    }
}

impl PgAggregate {
    /// The function as DataFusion's expressions hold it.
    #[must_use]
    pub fn udf(signature: Signature) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::new_from_impl(Self { signature, frame: None }))
    }

    /// A window function as DataFusion's expressions hold it.
    #[must_use]
    pub fn window(signature: Signature, frame: Frame) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::new_from_impl(Self { signature, frame: Some(frame) }))
    }
}

impl AggregateUDFImpl for PgAggregate {
    fn name(&self) -> &str {
        &self.signature.name
    }
    fn signature(&self) -> &DfSignature {
        &ANY
    }
    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(DuckType::for_pg(self.signature.result).map_or(DataType::Null, |ty| ty.arrow()))
    }
    fn return_field(&self, _args: &[FieldRef]) -> Result<FieldRef> {
        match DuckType::for_pg(self.signature.result) {
            Ok(ty) => Ok(ty.field(self.name())),
            Err(error) => not_impl_err!("{error}"),
        }
    }
    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("{} is evaluated by DuckDB", self.signature.display)
    }
    fn state_fields(&self, _args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        not_impl_err!("{} is evaluated by DuckDB", self.signature.display)
    }
}
