//! DuckDB's vectors -> Arrow IPC batches, with one copy, into whatever memory is given:
//! a slot of a ring, a segment of its own, or the heap.

mod batch;
mod bits;
mod column;
mod wire_type;

pub(crate) use batch::{BatchBuilder, ResultLayout};
pub(crate) use wire_type::{WireType, type_name};

#[cfg(test)]
mod tests;
