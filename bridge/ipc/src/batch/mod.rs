//! Arrow IPC record batches in slots.
//!
//! A slot (or any buffer) that holds a batch is one encapsulated Arrow IPC message:
//!
//! ```text
//! ffffffff | i32 metadata bytes | flatbuffer RecordBatch message, padded to 64 | body
//! ```
//!
//! Nothing of it is compressed, every array has offset 0. The schema crosses once, elsewhere
//! ([`encode_schema`]), and so do the values of its dictionaries ([`encode_dictionaries`]): a
//! batch holds indices only.
//!
//! * The engine writes DuckDB's vectors straight into a slot with [`SlotWriter`].
//! * Batches that exist as arrays are written by [`BatchEncoder`].
//! * Both are read in place, without a copy, by [`BatchReader`].

mod dictionary;
mod encode;
mod read;
mod schema;
mod shape;
mod slot;

pub use dictionary::{decode_dictionaries, encode_dictionaries};
pub use encode::{BatchEncoder, encode_into, encode_stream, encoded_size};
pub use read::{BatchReader, decode_stream};
pub use schema::{decode_schema, encode_schema};
pub use slot::{SlotWriter, metadata_reserve};

#[cfg(test)]
mod tests;
