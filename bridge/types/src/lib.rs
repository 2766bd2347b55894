//! Words every crate of the bridge shares: Postgres types, SQLSTATEs, structured errors,
//! epochs and limits. No I/O and no unsafe code.

pub mod epoch;
pub mod error;
pub mod limits;
pub mod motherduck;
pub mod names;
pub mod pg_type;
pub mod time_zone;
pub mod unsupported;
pub mod wire;

pub use error::{EngineError, SqlState};
pub use pg_type::{ColumnSpec, PgType, oid};
pub use unsupported::Unsupported;
