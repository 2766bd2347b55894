//! The input and output of a kernel: rows of one array, and a strided column of a row block.

use std::marker::PhantomData;
use std::ptr::NonNull;

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow::buffer::NullBuffer;

use crate::error::{Fault, KernelError, Stop};

/// Row-major datums and null flags: row `r`, column `c` is at `r * columns + c`.
#[derive(Debug)]
pub struct RowBlock<'a> {
    /// The datums; 0 for nulls.
    pub datums: &'a mut [u64],
    /// True where the value is null.
    pub isnull: &'a mut [bool],
    /// Columns in a row.
    pub columns: usize,
}

/// One column of a block: `rows` places, `stride` apart. Null flags start out false.
pub(crate) struct Column<'a> {
    datums: NonNull<u64>,
    isnull: NonNull<bool>,
    stride: usize,
    rows: usize,
    block: PhantomData<&'a mut u64>,
}

impl<'a> Column<'a> {
    /// Column `column` of `rows` rows from row `first` on; `None` if the block is too small.
    pub(crate) fn new(block: &'a mut RowBlock<'_>, column: usize, first: usize, rows: usize) -> Option<Self> {
        let end = first.checked_add(rows)?.checked_mul(block.columns)?;
        if column >= block.columns || end > block.datums.len() || end > block.isnull.len() {
            return None;
        }
        let start = (first * block.columns + column).min(end);
        Some(Self {
            datums: NonNull::from(&mut block.datums[start..]).cast(),
            isnull: NonNull::from(&mut block.isnull[start..]).cast(),
            stride: block.columns,
            rows,
            block: PhantomData,
        })
    }

    /// A column that is a whole slice, for list elements. Both slices have the same length.
    pub(crate) fn dense(datums: &'a mut [u64], isnull: &'a mut [bool]) -> Self {
        let rows = datums.len().min(isnull.len());
        Self {
            datums: NonNull::from(datums).cast(),
            isnull: NonNull::from(isnull).cast(),
            stride: 1,
            rows,
            block: PhantomData,
        }
    }

    /// Rows to fill.
    #[inline]
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Sets the value of a row.
    #[inline(always)]
    pub(crate) fn put(&mut self, row: usize, datum: u64) {
        assert!(row < self.rows);
        // SAFETY: row < rows (above), so row * stride lies within the slices that `new` and
        // `dense` measured.
        unsafe { self.datums.add(row * self.stride).write(datum) }
    }

    /// Sets value and null flag of a row.
    #[inline(always)]
    pub(crate) fn put_nullable(&mut self, row: usize, datum: u64, null: bool) {
        self.put(row, datum);
        // SAFETY: row < rows, asserted by `put`; bounds as there.
        unsafe { self.isnull.add(row * self.stride).write(null) }
    }

    /// Makes a row null.
    #[inline(always)]
    pub(crate) fn put_null(&mut self, row: usize) {
        self.put_nullable(row, 0, true);
    }
}

/// Rows `start .. start + rows` of an array.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) array: &'a dyn Array,
    pub(crate) start: usize,
    pub(crate) rows: usize,
}

impl<'a> Input<'a> {
    /// The array as its concrete type.
    pub(crate) fn downcast<A: Array + 'static>(&self) -> Result<&'a A, Stop> {
        let array = self.array.as_any().downcast_ref::<A>();
        array.ok_or_else(|| KernelError::Shape("a column has another Arrow type".into()).into())
    }

    /// The values of these rows; slots under nulls hold anything.
    pub(crate) fn values<T: ArrowPrimitiveType>(&self) -> Result<&'a [T::Native], Stop> {
        let array = self.downcast::<PrimitiveArray<T>>()?;
        let rows = array.values().get(self.start..self.start + self.rows);
        rows.ok_or_else(|| KernelError::Shape("a column is too short".into()).into())
    }

    /// The nulls of these rows, `None` if there are none among them.
    pub(crate) fn nulls(&self) -> Option<NullBuffer> {
        let nulls = self.array.nulls().filter(|nulls| nulls.null_count() > 0)?;
        Some(nulls.slice(self.start, self.rows)).filter(|nulls| nulls.null_count() > 0)
    }
}

/// Fills `out` by a function that is total: it may be called for null slots too, and its
/// answer is then dropped.
/// In: row within the input.  Out: a datum by value; 0 and the flag for nulls.  Cost: no branch per row.
#[inline(always)]
pub(crate) fn total(input: &Input<'_>, out: &mut Column<'_>, value: impl Fn(usize) -> u64) {
    let rows = input.rows.min(out.rows());
    match input.nulls() {
        None => {
            for row in 0..rows {
                out.put(row, value(row));
            }
        }
        Some(nulls) => {
            for (word, bits) in nulls.inner().bit_chunks().iter_padded().enumerate() {
                let first = word * 64;
                for bit in 0..rows.saturating_sub(first).min(64) {
                    let valid = (bits >> bit) & 1;
                    out.put_nullable(first + bit, value(first + bit) & valid.wrapping_neg(), valid == 0);
                }
            }
        }
    }
}

/// Fills `out` by a function that may fail; it is called for valid slots only, in runs of
/// them (one run if there are no nulls), from one place so that it is inlined there.
#[inline(always)]
pub(crate) fn checked(
    input: &Input<'_>,
    out: &mut Column<'_>,
    mut value: impl FnMut(usize) -> Result<u64, Fault>,
) -> Result<(), Stop> {
    let rows = input.rows.min(out.rows());
    let nulls = input.nulls();
    let mut runs = nulls.as_ref().map(NullBuffer::valid_slices);
    let mut whole = Some((0, rows));
    let mut done = 0;
    while let Some((start, end)) = runs.as_mut().map_or_else(|| whole.take(), Iterator::next) {
        (done..start).for_each(|row| out.put_null(row));
        for row in start..end {
            match value(row) {
                Ok(datum) => out.put(row, datum),
                Err(fault) => return Err(Stop::Value(row, fault)),
            }
        }
        done = end;
    }
    (done..rows).for_each(|row| out.put_null(row));
    Ok(())
}

/// A conversion of one column, chosen once per result.
pub(crate) trait Kernel: Send + Sync {
    /// Converts all rows of `input` into `out`.
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn crate::Sink) -> Result<(), Stop>;
}
