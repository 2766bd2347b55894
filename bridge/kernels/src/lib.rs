//! Vectorised conversion between Arrow arrays and Postgres datums, both directions.
//!
//! [`Converter`] turns record batches into row blocks (a row-major matrix of datums), for
//! the scan node; [`BatchBuilder`] turns rows of datums into record batches, for heap feeds
//! and parameters. Kernels are chosen once per result from the Arrow schema and the
//! Postgres types; they trust neither lengths nor offsets nor tags of a batch that came
//! over the ring (an inconsistent one is an error), but they do trust text to be UTF-8.
//!
//! A datum is a `u64`; by-reference datums are addresses of memory from a [`Sink`], those of
//! dictionary columns of memory of the [`Converter`].
#![allow(unsafe_code, reason = "datums point into raw memory in Postgres' own formats")]

#[cfg(not(all(target_pointer_width = "64", target_endian = "little")))]
compile_error!("bridge-kernels knows Postgres' memory formats on 64-bit little-endian machines only");

mod bool;
mod bytea;
mod bytes;
mod column;
mod date_time;
mod decimal256;
mod dictionary;
mod dispatch;
mod error;
mod feed;
mod fixed;
mod float;
mod int;
mod interval;
pub mod layout;
mod list;
mod numeric;
mod sink;
#[cfg(test)]
mod testing;
mod text;
mod uuid;
mod varlena;

pub use column::RowBlock;
pub use dispatch::Converter;
pub use error::{Fault, KernelError};
pub use feed::{BatchBuilder, feed_schema};
pub use sink::{SINK_ALIGN, Sink, SliceSink, VecSink};
