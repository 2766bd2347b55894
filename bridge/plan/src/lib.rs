//! LogicalPlan to DuckDB SQL with Postgres semantics.
//!
//! The crate is a pipeline of three vocabularies, and knows neither Postgres nor DuckDB as code:
//!
//! 1. [`pg`] and [`nodes`]: what `src/lower` builds. A DataFusion `LogicalPlan` in one canonical
//!    stack per query level (joins, WHERE, aggregate, HAVING, window, projection, distinct,
//!    sort, limit) whose functions and operators are opaque values that carry the exact
//!    Postgres signature ([`pg::PgFunction`]).
//! 2. [`functions`]: the allow-list. Each signature has a class (same, rewritten, never) and
//!    the DuckDB expression ([`duck::DuckFunction`]) that gives Postgres' answer.
//!    [`rules`] applies it to whole plans and prunes feeds.
//! 3. [`writer`]: the rewritten plan as DuckDB SQL, one SELECT block per stack.
//!
//! What has no exact DuckDB form is [`bridge_types::Unsupported`], never an approximation.
//! Known and accepted differences are listed in [`functions`].
//!
//! DataFusion's optimizer, type coercion and SQL unparser are not used: see the design notes
//! in ARCHITECTURE.md. Schemas are therefore built from types that are known at each step,
//! never inferred by DataFusion.

pub mod build;
pub mod duck;
pub mod duck_type;
pub mod error;
pub mod explain;
pub mod frame;
pub mod functions;
pub mod nodes;
pub mod pg;
pub mod rules;
pub mod writer;

pub use duck_type::DuckType;
pub use error::PlanError;

#[cfg(test)]
mod tests;
