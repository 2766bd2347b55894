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

    /// Makes a row null.
    #[inline(always)]
    pub(crate) fn put_null(&mut self, row: usize) {
        self.put(row, 0);
        // SAFETY: row < rows, asserted by `put`; bounds as there.
        unsafe { self.isnull.add(row * self.stride).write(true) }
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

/// Fills `out` by a function that is total: it is called for null slots too, and its answer
/// is then overwritten.
/// In: row within the input.  Out: a datum; 0 and the flag for nulls.
/// Cost: no branch per row, and one step more for each null.
#[inline(always)]
pub(crate) fn total(input: &Input<'_>, out: &mut Column<'_>, mut value: impl FnMut(usize) -> u64) {
    let rows = input.rows.min(out.rows());
    for row in 0..rows {
        out.put(row, value(row));
    }
    if let Some(nulls) = input.nulls() {
        put_nulls(&nulls, rows, out);
    }
}

/// As [`total`], for a function that also tells if the value is one that Postgres cannot hold.
/// Whether such a value is null, and which one it is, is looked up only if there is any.
/// In: row within the input.  Out: a datum and "it is bad".  Errors: `fault` with the first valid
/// row that is bad.  Cost: as for `total`; another pass if a value is bad.
#[inline(always)]
pub(crate) fn flagged(
    input: &Input<'_>,
    out: &mut Column<'_>,
    fault: Fault,
    value: impl Fn(usize) -> (u64, bool),
) -> Result<(), Stop> {
    let rows = input.rows.min(out.rows());
    for row in 0..rows {
        let (datum, bad) = value(row);
        // A branch never taken is cheaper than gathering the flags, where the stores are strided
        // and nothing becomes a vector anyway.
        if bad && let Some(row) = first_valid(input, |row| value(row).1) {
            return Err(Stop::Value(row, fault));
        }
        out.put(row, datum);
    }
    if let Some(nulls) = input.nulls() {
        put_nulls(&nulls, rows, out);
    }
    Ok(())
}

/// As [`total`], for types with rare values that need more than arithmetic: `plain` answers for
/// the others and tells if a value may be one of them, upon which `exact` answers for all rows.
/// In: row within the input.  Out: a datum; 0 and the flag for nulls.  Errors: those of `exact`.
/// Cost: as for `total`; another pass, of branches, if a value is not plain.
#[inline(always)]
pub(crate) fn sifted(
    input: &Input<'_>,
    out: &mut Column<'_>,
    plain: impl Fn(usize) -> (u64, bool),
    exact: impl Fn(usize) -> Result<u64, Fault>,
) -> Result<(), Stop> {
    let rows = input.rows.min(out.rows());
    for row in 0..rows {
        let (datum, rare) = plain(row);
        // As in `flagged`.
        if rare {
            return checked(input, out, exact);
        }
        out.put(row, datum);
    }
    if let Some(nulls) = input.nulls() {
        put_nulls(&nulls, rows, out);
    }
    Ok(())
}

/// The first valid row that `is_bad`.
#[cold]
pub(crate) fn first_valid(input: &Input<'_>, is_bad: impl Fn(usize) -> bool) -> Option<usize> {
    let nulls = input.nulls();
    (0..input.rows).find(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row)) && is_bad(*row))
}

/// Fills `out` by a function that is called for every row with a mask: all ones for a valid
/// slot, 0 for a null one, whose content it must not trust; its answer is then overwritten.
/// For values whose place depends on those before: a null is then no branch either.
/// In: row and mask.  Out: a datum; 0 and the flag for nulls.  Cost: a shift per row, and one step
/// more for each null.
#[inline(always)]
pub(crate) fn masked(
    input: &Input<'_>,
    out: &mut Column<'_>,
    mut value: impl FnMut(usize, u64) -> Result<u64, Fault>,
) -> Result<(), Stop> {
    let rows = input.rows.min(out.rows());
    for_each_masked(&Input { rows, ..*input }, |row, mask| {
        out.put(row, value(row, mask)?);
        Ok(())
    })?;
    if let Some(nulls) = input.nulls() {
        put_nulls(&nulls, rows, out);
    }
    Ok(())
}

/// Calls a function for every row with a mask: all ones for a valid slot, 0 for a null one.
#[inline(always)]
pub(crate) fn for_each_masked(
    input: &Input<'_>,
    mut visit: impl FnMut(usize, u64) -> Result<(), Fault>,
) -> Result<(), Stop> {
    let nulls = input.nulls();
    let chunks = nulls.as_ref().map(|nulls| nulls.inner().bit_chunks());
    let mut words = chunks.as_ref().map(arrow::util::bit_chunk_iterator::BitChunks::iter_padded);
    let mut row = 0;
    while row < input.rows {
        let mut valid = words.as_mut().map_or(u64::MAX, |words| words.next().unwrap_or(0));
        let end = input.rows.min(row + WORD_ROWS);
        while row < end {
            visit(row, (valid & 1).wrapping_neg()).map_err(|fault| Stop::Value(row, fault))?;
            valid >>= 1;
            row += 1;
        }
    }
    Ok(())
}

/// Rows whose validity is one word.
const WORD_ROWS: usize = 64;

/// Makes the null ones of the first `rows` rows null; a word without nulls costs one look.
#[inline]
fn put_nulls(nulls: &NullBuffer, rows: usize, out: &mut Column<'_>) {
    for (word, valid) in nulls.inner().bit_chunks().iter_padded().enumerate() {
        let first = word * WORD_ROWS;
        let mut missing = !valid;
        while missing != 0 {
            let row = first + missing.trailing_zeros() as usize;
            // The padding of the last word looks like nulls.
            if row >= rows {
                return;
            }
            out.put_null(row);
            missing &= missing - 1;
        }
    }
}

/// Fills `out` by a function that may fail and must not see null slots, in runs of valid ones
/// (one run if there are no nulls). For the kernels whose values take long anyway.
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
