//! Arrays being collected.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field};
use bridge_types::PgType;

use super::cells::Cells;
use super::column::ColumnBuilder;
use super::value::{datum_pointer, varlena};
use crate::error::{Fault, Stop};
use crate::layout::{
    ARRAY_DATAOFFSET, ARRAY_HEADER_BYTES, ARRAY_MAXDIM, ARRAY_NDIM, ElementLayout, MAXALIGN, VARHDRSZ,
};

/// Arrays as lists. The type does not say how many dimensions a value has, so it is one.
pub(super) struct ListBuilder {
    element: ColumnBuilder,
    layout: ElementLayout,
    ends: Vec<i32>,
    /// The elements of the arrays at hand, which go to `element` together.
    datums: Vec<u64>,
    isnull: Vec<bool>,
}

const BROKEN: Fault = Fault::Malformed("an array lies outside of its value");

impl ListBuilder {
    /// A builder for a Postgres array that travels as `data_type`.
    pub(super) fn new(pg_type: PgType, data_type: &DataType) -> Option<Self> {
        let (element, DataType::List(item)) = (pg_type.element()?, data_type) else { return None };
        Some(Self {
            element: ColumnBuilder::new(element, item.data_type())?,
            layout: ElementLayout::of(element.oid)?,
            ends: Vec::new(),
            datums: Vec::new(),
            isnull: Vec::new(),
        })
    }

    /// Drops everything collected.
    pub(super) fn clear(&mut self) {
        self.element.clear();
        self.ends.clear();
    }

    /// Appends the array of each cell, an empty one for null; returns about how many bytes they
    /// take.
    /// Errors: `Multidimensional`, `LowerBound`, `TooLarge`, and those of the elements.
    ///
    /// # Safety
    /// Datums that are not null point at arrays of the element type.
    pub(super) unsafe fn extend(&mut self, cells: &Cells<'_>) -> Result<usize, Stop> {
        let first = self.ends.len();
        let before = self.element.rows();
        self.datums.clear();
        self.isnull.clear();
        for row in 0..cells.rows() {
            let gathered = match cells.datum(row) {
                // SAFETY: an array (caller).
                Some(datum) => unsafe { self.gather(datum) },
                None => Ok(()),
            };
            let end = gathered
                .and_then(|()| i32::try_from(before + self.datums.len()).map_err(|_| Fault::TooLarge));
            self.ends.push(end.map_err(|fault| Stop::Value(row, fault))?);
        }
        let isnull = self.isnull.contains(&true).then_some(&*self.isnull);
        let elements = Cells::new(&self.datums, isnull, 1, 0)
            .ok_or(Stop::Value(0, Fault::Malformed("elements and their nulls differ")))?;
        // SAFETY: `gather` took them out of arrays of the element type, which are still there.
        let bytes = unsafe { self.element.extend(&elements) }.map_err(|stop| match stop {
            // An element's fault is its array's.
            Stop::Value(element, fault) => {
                let holds = |end: &i32| usize::try_from(*end).is_ok_and(|end| end <= before + element);
                Stop::Value(self.ends[first..].partition_point(holds), fault)
            }
            whole @ Stop::Whole(_) => whole,
        })?;
        Ok(bytes + size_of::<i32>() * cells.rows())
    }

    /// Adds the elements of an array to `datums` and `isnull`.
    /// Errors: `Multidimensional`, `LowerBound`, `Malformed`.
    ///
    /// # Safety
    /// `datum` points at an array of the element type.
    unsafe fn gather(&mut self, datum: u64) -> Result<(), Fault> {
        // SAFETY: an array is a varlena (caller).
        let payload = unsafe { varlena(datum) }?;
        // Offsets count from the start of a value with a 4-byte header, whichever it has.
        let word = |at: usize| {
            let bytes = payload.get(at - VARHDRSZ..).and_then(|bytes| bytes.first_chunk::<4>());
            bytes.map(|bytes| i32::from_le_bytes(*bytes)).ok_or(BROKEN)
        };
        let size = |at: usize| usize::try_from(word(at)?).map_err(|_| BROKEN);
        let dimensions = size(ARRAY_NDIM)?;
        if dimensions > ARRAY_MAXDIM {
            return Err(BROKEN);
        }
        if dimensions == 0 {
            return Ok(());
        }
        if dimensions > 1 {
            return Err(Fault::Multidimensional);
        }
        if word(ARRAY_HEADER_BYTES + 4 * dimensions)? != 1 {
            return Err(Fault::LowerBound);
        }
        let count = size(ARRAY_HEADER_BYTES)?;
        let bitmap_at = ARRAY_HEADER_BYTES + 8 * dimensions - VARHDRSZ;
        let (bitmap, data_at) = match size(ARRAY_DATAOFFSET)? {
            0 => (None, (ARRAY_HEADER_BYTES + 8 * dimensions).next_multiple_of(MAXALIGN)),
            data_at => (Some(payload.get(bitmap_at..).ok_or(BROKEN)?), data_at),
        };
        let mut at = data_at;
        for index in 0..count {
            if bitmap
                .is_some_and(|bitmap| bitmap.get(index / 8).is_none_or(|byte| byte >> (index % 8) & 1 == 0))
            {
                self.datums.push(0);
                self.isnull.push(true);
                continue;
            }
            let element = payload.get(at.checked_sub(VARHDRSZ).ok_or(BROKEN)?..).ok_or(BROKEN)?;
            // SAFETY: a well-formed array (caller) has an element of this layout here.
            let (value, len) = unsafe { self.layout_element(element)? };
            self.datums.push(value);
            self.isnull.push(false);
            // Elements of arrays on disk may have short headers only in principle; an
            // aligned start is what all of them share.
            at = (at + len).next_multiple_of(self.layout.align());
        }
        Ok(())
    }

    /// The datum of the element at the start of `bytes`, and its length.
    ///
    /// # Safety
    /// An element of this layout starts there.
    unsafe fn layout_element(&self, bytes: &[u8]) -> Result<(u64, usize), Fault> {
        const BROKEN: Fault = Fault::Malformed("an array ends within an element");
        let datum = crate::sink::pointer_datum(bytes.as_ptr());
        let (value, len) = match self.layout {
            ElementLayout::ByValue(len) => {
                let mut value = [0; 8];
                value[..len].copy_from_slice(bytes.get(..len).ok_or(BROKEN)?);
                (u64::from_le_bytes(value), len)
            }
            ElementLayout::Fixed { bytes: len, .. } => (datum, len),
            ElementLayout::Varlena => {
                // SAFETY: a varlena (caller).
                let payload = unsafe { varlena(datum) }?;
                (datum, payload.as_ptr().addr() - datum_pointer(datum).addr() + payload.len())
            }
        };
        if len > bytes.len() { Err(BROKEN) } else { Ok((value, len)) }
    }

    /// The collected arrays as an array of `field`'s type; the builder starts anew.
    pub(super) fn finish(&mut self, nulls: Option<NullBuffer>, field: &Field) -> ArrayRef {
        let DataType::List(item) = field.data_type() else {
            unreachable!("a list builder is made for list fields only");
        };
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.append(&mut self.ends);
        let values = self.element.finish(item);
        debug_assert_eq!(offsets.last().copied(), i32::try_from(values.len()).ok());
        Arc::new(ListArray::new(Arc::clone(item), OffsetBuffer::new(offsets.into()), values, nulls))
    }
}
