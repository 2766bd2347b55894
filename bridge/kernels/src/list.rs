//! Lists into arrays.

use arrow::array::{Array, LargeListArray, ListArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};
use bridge_types::PgType;

use crate::Sink;
use crate::column::{Column, Input, Kernel};
use crate::dispatch::{Place, choose};
use crate::error::{Fault, KernelError, Stop};
use crate::layout::{
    ARRAY_DATAOFFSET, ARRAY_ELEMTYPE, ARRAY_HEADER_BYTES, ARRAY_MAXDIM, ARRAY_NDIM, ElementLayout,
    MAX_VARLENA, MAXALIGN, long_header,
};
use crate::sink::{VecSink, pointer_datum};

/// `List`, `LargeList`, nested up to six deep -> arrays of as many dimensions.
/// In:     offsets into the child; slots under a null hold anything, elements below them are not read.
/// Out:    `datums[i]` points at an array with a 4-byte header on an 8-byte boundary, lower bounds
///         1, without dimensions if it has no elements; 0 and `isnull[i]` for nulls.
/// Errors: `NotRectangular` for sublists that are null or differ in length, `TooLarge`, and those
///         of the elements' kernel, all naming the list's row.
/// Cost:   the elements of each run of non-null rows are converted at once, then copied; one
///         allocation per row.
pub(crate) struct List {
    element: Box<dyn Kernel>,
    element_oid: u32,
    layout: ElementLayout,
    dimensions: usize,
}

impl List {
    /// Lists with items `item` into the array type `to`; `None` if there is no such conversion.
    pub(crate) fn new(item: &Field, to: PgType) -> Option<Self> {
        let element = to.element()?;
        let mut dimensions = 1;
        let mut leaf = item;
        while let DataType::List(inner) | DataType::LargeList(inner) = leaf.data_type() {
            dimensions += 1;
            leaf = inner;
        }
        let kernel = choose(leaf, element, Place::Element).filter(|_| dimensions <= ARRAY_MAXDIM)?;
        let layout = ElementLayout::of(element.oid)?;
        Some(Self { element: kernel, element_oid: element.oid, layout, dimensions })
    }

    /// Converts rows `start .. end` of `input`, none of which is null.
    fn run_valid(
        &self,
        levels: &[Level<'_>],
        leaf: &dyn Array,
        (first, count): (usize, usize),
        (out, at): (&mut Column<'_>, usize),
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        // The leaf elements of the whole run are contiguous.
        let (mut start, mut end) = (first, first + count);
        for level in levels {
            (start, end) = (level.offset(start)?, level.offset(end)?);
        }
        let elements = end.checked_sub(start).filter(|_| end <= leaf.len());
        let elements = elements.ok_or(Stop::Value(at, BROKEN_LIST))?;
        let mut datums = vec![0; elements];
        let mut isnull = vec![false; elements];
        let mut scratch = VecSink::new();
        let input = Input { array: leaf, start, rows: elements };
        let converted = self.element.run(&input, &mut Column::dense(&mut datums, &mut isnull), &mut scratch);
        converted.map_err(|stop| match stop {
            Stop::Value(element, fault) => {
                Stop::Value(at + row_of_leaf(levels, first, count, start + element), fault)
            }
            whole @ Stop::Whole(_) => whole,
        })?;
        let mut dims = [0_usize; ARRAY_MAXDIM];
        for row in 0..count {
            let fault = |fault| Stop::Value(at + row, fault);
            let dims = &mut dims[..self.dimensions];
            let (from, to) = shape(levels, first + row, dims).map_err(fault)?;
            // A list without elements may lie anywhere.
            let (from, to) =
                if from == to { (0, 0) } else { (from.wrapping_sub(start), to.wrapping_sub(start)) };
            let values = datums.get(from..to).zip(isnull.get(from..to));
            let (values, nulls) = values.ok_or_else(|| fault(BROKEN_LIST))?;
            // SAFETY: the element kernel wrote these datums; what they point at is in
            // `scratch`, which lives to the end of this function, and has this layout.
            let datum = unsafe { self.write(values, nulls, dims, sink) }.map_err(|stop| match stop {
                Stop::Value(_, stopped) => fault(stopped),
                whole @ Stop::Whole(_) => whole,
            })?;
            out.put(at + row, datum);
        }
        Ok(())
    }

    /// Writes one array.
    ///
    /// # Safety
    /// By-reference datums of non-null elements point at values of `self.layout`, varlenas
    /// with 4-byte headers.
    unsafe fn write(
        &self,
        values: &[u64],
        nulls: &[bool],
        dims: &[usize],
        sink: &mut dyn Sink,
    ) -> Result<u64, Stop> {
        let dims = if values.is_empty() { &[][..] } else { dims };
        let any_null = nulls.contains(&true);
        let bitmap_at = ARRAY_HEADER_BYTES + 8 * dims.len();
        let bitmap_bytes = if any_null { values.len().div_ceil(8) } else { 0 };
        let data_at = (bitmap_at + bitmap_bytes).next_multiple_of(MAXALIGN);
        let align = self.layout.align();
        let mut total = data_at;
        for (value, _) in values.iter().zip(nulls).filter(|(_, null)| !**null) {
            // SAFETY: a non-null element (filter), from the caller.
            total += unsafe { self.element_bytes(*value) }.next_multiple_of(align);
        }
        if total > MAX_VARLENA {
            return Err(Stop::Value(0, Fault::TooLarge));
        }
        let array = sink.allocate(total)?.as_ptr();
        let word = |value: usize| u32::try_from(value).map_err(|_| Stop::Value(0, Fault::TooLarge));
        // SAFETY: `total` bytes were reserved on an 8-byte boundary; the header, dimensions and
        // bitmap end before `data_at`, and the loop below adds up to `total` as the one above did.
        unsafe {
            // Padding is zero, as in arrays Postgres builds: they are compared byte by byte.
            array.write_bytes(0, total);
            let put = |at: usize, value: u32| array.add(at).cast::<u32>().write(value);
            put(0, long_header(total));
            put(ARRAY_NDIM, word(dims.len())?);
            put(ARRAY_DATAOFFSET, if any_null { word(data_at)? } else { 0 });
            put(ARRAY_ELEMTYPE, self.element_oid);
            for (dimension, length) in dims.iter().enumerate() {
                put(ARRAY_HEADER_BYTES + 4 * dimension, word(*length)?);
                put(ARRAY_HEADER_BYTES + 4 * (dims.len() + dimension), 1);
            }
            let mut at = data_at;
            for (index, (value, null)) in values.iter().zip(nulls).enumerate() {
                if *null {
                    continue;
                }
                if any_null {
                    *array.add(bitmap_at + index / 8) |= 1 << (index % 8);
                }
                let bytes = self.element_bytes(*value);
                match self.layout {
                    ElementLayout::ByValue(_) => {
                        array.add(at).copy_from_nonoverlapping(value.to_le_bytes().as_ptr(), bytes);
                    }
                    ElementLayout::Fixed { .. } | ElementLayout::Varlena => {
                        array.add(at).copy_from_nonoverlapping(datum_pointer(*value), bytes);
                    }
                }
                at += bytes.next_multiple_of(align);
            }
        }
        Ok(pointer_datum(array))
    }

    /// Bytes of an element without padding.
    ///
    /// # Safety
    /// As for [`Self::write`], for this element.
    #[inline(always)]
    unsafe fn element_bytes(&self, value: u64) -> usize {
        match self.layout {
            ElementLayout::ByValue(bytes) | ElementLayout::Fixed { bytes, .. } => bytes,
            // SAFETY: a varlena with a 4-byte header (caller).
            ElementLayout::Varlena => unsafe { datum_pointer(value).cast::<u32>().read() as usize >> 2 },
        }
    }
}

const BROKEN_LIST: Fault = Fault::Malformed("a list lies outside of its elements");

/// The address in a by-reference datum.
fn datum_pointer(datum: u64) -> *const u8 {
    std::ptr::with_exposed_provenance(usize::try_from(datum).unwrap_or(0))
}

impl Kernel for List {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let mut levels = Vec::with_capacity(self.dimensions);
        let mut leaf = input.array;
        for _ in 0..self.dimensions {
            let (level, child) = Level::open(leaf)?;
            levels.push(level);
            leaf = child;
        }
        let Some(nulls) = input.nulls() else {
            return self.run_valid(&levels, leaf, (input.start, input.rows), (out, 0), sink);
        };
        let mut done = 0;
        for (start, end) in nulls.valid_slices() {
            (done..start).for_each(|row| out.put_null(row));
            self.run_valid(&levels, leaf, (input.start + start, end - start), (&mut *out, start), sink)?;
            done = end;
        }
        (done..input.rows).for_each(|row| out.put_null(row));
        Ok(())
    }
}

/// One level of nesting.
struct Level<'a> {
    offsets: OffsetSlice<'a>,
    nulls: Option<&'a NullBuffer>,
}

enum OffsetSlice<'a> {
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
}

impl<'a> Level<'a> {
    fn open(array: &'a dyn Array) -> Result<(Self, &'a dyn Array), Stop> {
        if let Some(list) = array.as_any().downcast_ref::<ListArray>() {
            let offsets = OffsetSlice::Narrow(list.value_offsets());
            return Ok((Self { offsets, nulls: list.nulls() }, list.values().as_ref()));
        }
        let list = array.as_any().downcast_ref::<LargeListArray>();
        let list = list.ok_or_else(|| KernelError::Shape("a column has another Arrow type".into()))?;
        Ok((
            Self { offsets: OffsetSlice::Wide(list.value_offsets()), nulls: list.nulls() },
            list.values().as_ref(),
        ))
    }

    fn offset(&self, index: usize) -> Result<usize, Stop> {
        let offset = match self.offsets {
            OffsetSlice::Narrow(offsets) => {
                offsets.get(index).and_then(|offset| usize::try_from(*offset).ok())
            }
            OffsetSlice::Wide(offsets) => offsets.get(index).and_then(|offset| usize::try_from(*offset).ok()),
        };
        offset.ok_or_else(|| KernelError::Shape("the offsets of a list are broken".into()).into())
    }

    fn range(&self, index: usize) -> Result<(usize, usize), Fault> {
        let ends = self.offset(index).ok().zip(self.offset(index + 1).ok());
        ends.filter(|(start, end)| start <= end).ok_or(BROKEN_LIST)
    }
}

/// Dimensions of the list `row` of the outermost level, and its range of leaf elements.
fn shape(levels: &[Level<'_>], row: usize, dims: &mut [usize]) -> Result<(usize, usize), Fault> {
    let (mut start, mut end) = (row, row + 1);
    for (depth, (level, length)) in levels.iter().zip(dims.iter_mut()).enumerate() {
        let mut common = None;
        for list in start..end {
            // In range of the nulls too: there is one offset more than there are lists.
            let (from, to) = level.range(list)?;
            if depth > 0 && level.nulls.is_some_and(|nulls| nulls.is_null(list)) {
                return Err(Fault::NotRectangular);
            }
            if *common.get_or_insert(to - from) != to - from {
                return Err(Fault::NotRectangular);
            }
        }
        *length = common.unwrap_or(0);
        if start < end {
            (start, end) = (level.range(start)?.0, level.range(end - 1)?.1);
        } else {
            (start, end) = (0, 0);
        }
    }
    Ok((start, end))
}

/// Which of the rows `first .. first + count` (0-based) the leaf element `leaf` belongs to.
fn row_of_leaf(levels: &[Level<'_>], first: usize, count: usize, leaf: usize) -> usize {
    let begins_after = |row: usize| {
        let start = levels.iter().try_fold(first + row + 1, |index, level| level.offset(index));
        start.is_ok_and(|start| start > leaf)
    };
    (0..count).find(|row| begins_after(*row)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use arrow::array::builder::{Int32Builder, ListBuilder};
    use arrow::array::{ListArray, StringViewBuilder};
    use bridge_types::{PgType, oid};

    use crate::testing::{failure, texts};

    const INTS: PgType = PgType::new(oid::INT4_ARRAY);

    /// A list of integers or nulls, or a null.
    type Inner = Option<Vec<Option<i32>>>;

    /// Lists of lists; `None` anywhere is a null.
    fn nested(rows: &[Option<Vec<Inner>>]) -> ListArray {
        let mut outer = ListBuilder::new(ListBuilder::new(Int32Builder::new()));
        for row in rows {
            for inner in row.iter().flatten() {
                inner.iter().flatten().for_each(|value| outer.values().values().append_option(*value));
                outer.values().append(inner.is_some());
            }
            outer.append(row.is_some());
        }
        outer.finish()
    }

    #[test]
    fn rectangles_become_two_dimensions() {
        let array = nested(&[
            Some(vec![Some(vec![Some(1), None]), Some(vec![Some(3), Some(4)])]),
            None,
            Some(vec![]),
            Some(vec![Some(vec![]), Some(vec![])]),
            Some(vec![Some(vec![Some(5)])]),
        ]);
        let expected = [Some("[[1,NULL],[3,4]]"), None, Some("[]"), Some("[]"), Some("[[5]]")];
        let expected: Vec<_> = expected.iter().map(|text| text.map(str::to_owned)).collect();
        assert_eq!(texts(array.clone(), None, INTS).unwrap(), expected);
        assert_eq!(texts(array.slice(1, 4), None, INTS).unwrap(), expected[1..]);
    }

    #[test]
    fn other_shapes_are_errors_with_their_row() {
        let ragged = nested(&[Some(vec![]), None, Some(vec![Some(vec![Some(1)]), Some(vec![])])]);
        assert_eq!(failure(ragged, None, INTS), Some(("2202E".into(), Some(2))));
        let hole = nested(&[Some(vec![Some(vec![Some(1)]), None])]);
        assert_eq!(failure(hole, None, INTS), Some(("2202E".into(), Some(0))));
    }

    #[test]
    fn an_elements_error_names_the_lists_row() {
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        for texts in [vec!["a", "b"], vec![], vec!["c", "\0"]] {
            texts.iter().for_each(|text| lists.values().append_value(text));
            lists.append(true);
        }
        assert_eq!(
            failure(lists.finish(), None, PgType::new(oid::TEXT_ARRAY)),
            Some(("22021".into(), Some(2)))
        );
    }

    #[test]
    fn elements_under_a_null_list_are_not_read() {
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        lists.values().append_value("\0");
        lists.append(false);
        lists.values().append_value("x");
        lists.append(true);
        assert_eq!(
            texts(lists.finish(), None, PgType::new(oid::TEXT_ARRAY)).unwrap(),
            [None, Some("[x]".into())]
        );
    }
}
