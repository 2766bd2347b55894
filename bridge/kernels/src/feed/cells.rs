//! One column of a block of rows, and filling vectors from it.

use arrow::array::NullBufferBuilder;

use crate::error::{Fault, Stop};

/// Datums and null flags of one column: `rows` cells, `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'a> {
    datums: &'a [u64],
    /// `None` if no cell is null.
    isnull: Option<&'a [bool]>,
    stride: usize,
    rows: usize,
}

impl<'a> Cells<'a> {
    /// Column `column` of row-major cells, `columns` to a row; `None` if there is no such column
    /// or the flags are fewer than the datums. `isnull` may be left out if no cell is null.
    pub(crate) fn new(
        datums: &'a [u64],
        isnull: Option<&'a [bool]>,
        columns: usize,
        column: usize,
    ) -> Option<Self> {
        let rows = datums.len().checked_div(columns)?;
        if column >= columns || isnull.is_some_and(|isnull| isnull.len() < datums.len()) {
            return None;
        }
        // Of no rows there is no first cell.
        let from = |len: usize| column.min(len);
        let isnull = isnull.map(|isnull| &isnull[from(isnull.len())..]);
        Some(Self { datums: &datums[from(datums.len())..], isnull, stride: columns, rows })
    }

    /// Rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The datum of a row, `None` for null.
    #[inline(always)]
    pub(crate) fn datum(&self, row: usize) -> Option<u64> {
        let at = row * self.stride;
        if self.isnull.is_some_and(|isnull| isnull[at]) { None } else { Some(self.datums[at]) }
    }

    /// Appends the null flags of all rows.
    pub(crate) fn append_validity(&self, nulls: &mut NullBufferBuilder) {
        const STEP: usize = 64;
        let Some(isnull) = self.isnull else { return nulls.append_n_non_nulls(self.rows) };
        let mut flags = isnull.iter().step_by(self.stride).take(self.rows);
        let mut left = self.rows;
        while left > 0 {
            let mut valid = [true; STEP];
            let step = left.min(STEP);
            let mut all = true;
            for (valid, null) in valid.iter_mut().zip(flags.by_ref().take(step)) {
                *valid = !null;
                all &= *valid;
            }
            if all {
                nulls.append_n_non_nulls(step);
            } else {
                nulls.append_slice(&valid[..step]);
            }
            left -= step;
        }
    }

    /// Appends the value of each row's datum, by value; of datum 0 for null, so that a null is no
    /// branch. Returns the bytes that were appended.
    /// Errors: those of `value`; nothing is appended then.
    #[inline(always)]
    pub(crate) fn by_value<T: Copy>(
        &self,
        values: &mut Vec<T>,
        value: impl Fn(u64) -> Result<T, Fault>,
    ) -> Result<usize, Stop> {
        let Self { datums, stride, .. } = *self;
        match self.isnull {
            None => self.fill(values, |row| value(datums[row * stride])),
            Some(isnull) => self.fill(values, |row| {
                let at = row * stride;
                value(datums[at] & u64::from(isnull[at]).wrapping_sub(1))
            }),
        }
    }

    /// Appends the value of each row's datum, or `null`; for datums that must not be looked at
    /// where they are null. Returns the bytes that were appended.
    /// Errors: those of `value`; nothing is appended then.
    #[inline(always)]
    pub(crate) fn by_reference<T: Copy>(
        &self,
        values: &mut Vec<T>,
        null: T,
        mut value: impl FnMut(u64) -> Result<T, Fault>,
    ) -> Result<usize, Stop> {
        // One loop, and no `map_or`: either would call `value` out of line, and its answer would come
        // through memory.
        self.fill(values, |row| match self.datum(row) {
            Some(datum) => value(datum),
            None => Ok(null),
        })
    }

    #[inline(always)]
    fn fill<T: Copy>(
        &self,
        values: &mut Vec<T>,
        mut value: impl FnMut(usize) -> Result<T, Fault>,
    ) -> Result<usize, Stop> {
        values.reserve(self.rows);
        let places = &mut values.spare_capacity_mut()[..self.rows];
        for (row, place) in places.iter_mut().enumerate() {
            place.write(value(row).map_err(|fault| Stop::Value(row, fault))?);
        }
        // SAFETY: `rows` values behind the old length were reserved and written above.
        unsafe { values.set_len(values.len() + self.rows) };
        Ok(size_of::<T>() * self.rows)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::NullBufferBuilder;

    use super::Cells;

    #[test]
    fn a_column_is_strided_and_its_nulls_are_zero() {
        let datums = [1, 10, 2, 20, 3, 30];
        let isnull = [false, false, false, true, false, false];
        let cells = Cells::new(&datums, Some(&isnull), 2, 1).unwrap();
        let mut values = vec![7_u64];
        assert_eq!(cells.by_value(&mut values, Ok).unwrap(), 24);
        assert_eq!(values, [7, 10, 0, 30]);
        cells.by_reference(&mut values, 5, |datum| Ok(datum + 1)).unwrap();
        assert_eq!(values[4..], [11, 5, 31]);
        let mut nulls = NullBufferBuilder::new(0);
        cells.append_validity(&mut nulls);
        Cells::new(&datums, None, 2, 0).unwrap().append_validity(&mut nulls);
        let nulls = nulls.finish().unwrap();
        assert_eq!(nulls.iter().collect::<Vec<_>>(), [true, false, true, true, true, true]);
    }

    #[test]
    fn validity_of_more_rows_than_a_word() {
        for null_at in [0, 63, 64, 127, 129] {
            let isnull: Vec<bool> = (0..130).map(|row| row == null_at).collect();
            let mut nulls = NullBufferBuilder::new(0);
            Cells::new(&[0; 130], Some(&isnull), 1, 0).unwrap().append_validity(&mut nulls);
            let nulls = nulls.finish().unwrap();
            assert_eq!((0..130).filter(|row| nulls.is_null(*row)).collect::<Vec<_>>(), [null_at]);
        }
    }

    #[test]
    fn no_rows_and_columns_that_are_not_there() {
        assert_eq!(Cells::new(&[], Some(&[]), 3, 2).unwrap().rows(), 0);
        assert!(Cells::new(&[1], None, 1, 1).is_none());
        assert!(Cells::new(&[], None, 0, 0).is_none());
        assert!(Cells::new(&[1, 2], Some(&[false]), 1, 0).is_none());
    }
}
