//! Postgres' functions, operators, aggregates and constants as opaque plan values.
//!
//! Nothing here can be evaluated or coerced by DataFusion: the values only say what Postgres
//! meant, in enough detail for the allow-list of [`crate::functions`] to decide.
//! A window function is a [`PgAggregate`] inside `Expr::WindowFunction`.

mod aggregate;
mod constant;
mod function;

pub use aggregate::PgAggregate;
pub use constant::{PgConstant, Value};
pub use function::{Collation, PgFunction, Quantifier, Signature};

pub(crate) use function::ANY;
