//! Byte strings.

use std::marker::PhantomData;

use crate::Sink;
use crate::bytes::Reader;
use crate::column::{Column, Input, Kernel};
use crate::error::Stop;
use crate::varlena::write_varlenas;

/// `BinaryView`, `Binary`, `LargeBinary` -> `bytea`.
/// In:     any bytes; slots under a null hold anything.
/// Out:    `datums[i]` points at a varlena, with a 1-byte header where it is legal and `SHORT` is
///         set, else a 4-byte one on a 4-byte boundary; 0 and `isnull[i]` for nulls.
/// Errors: `TooLarge`, `Malformed` naming the row, for valid slots only.
/// Cost:   two passes (sizes, bytes), one allocation.
pub(crate) struct Bytea<R, const SHORT: bool>(pub(crate) PhantomData<R>);

impl<R: Reader + Send + Sync, const SHORT: bool> Kernel for Bytea<R, SHORT> {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        write_varlenas::<R, SHORT, false>(input, out, sink, None)
    }
}
