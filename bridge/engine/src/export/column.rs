//! One column of a batch under construction.

use super::bits::{copy_bits, set_bits};
use super::wire_type::{Layout, WireType};
use crate::duckdb::{INLINE_BYTES, ListEntry, StringRef, VectorView};
use bridge_ipc::batch::SlotWriter;

/// Rows of a vector: first row and number of rows.
pub(crate) type Range = (usize, usize);
/// Bytes of an Arrow view.
pub(crate) const VIEW_BYTES: usize = 16;

/// What a column will hold at most: rows, and elements below it.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    /// Rows.
    pub(crate) rows: usize,
    /// Elements of a list.
    pub(crate) child: Option<Box<Capacity>>,
}

impl StringRef {
    /// The Arrow view of a valid string. A long one's bytes go to `heap`, from `used` on; the caller
    /// made sure that they fit.
    #[inline(always)]
    fn view(&self, heap: &mut [u8], used: &mut usize) -> [u8; VIEW_BYTES] {
        let len = self.len();
        if len <= INLINE_BYTES {
            return self.0;
        }
        copy_long(&mut heap[*used..*used + len], self.bytes());
        let offset = u32::try_from(*used).expect("a heap is smaller than 2 GiB");
        *used += len;
        // Length and first bytes are where DuckDB has them; its pointer becomes buffer 0 and offset.
        let head = u128::from_le_bytes(self.0) & u128::from(u64::MAX);
        (head | u128::from(offset) << 96).to_le_bytes()
    }
}

/// Copies a string of at least 8 bytes, ordinary lengths without a call.
#[inline(always)]
fn copy_long(to: &mut [u8], from: &[u8]) {
    if from.len() <= 16 {
        copy_ends::<8>(to, from);
    } else if from.len() <= 32 {
        copy_ends::<16>(to, from);
    } else {
        to.copy_from_slice(from);
    }
}

/// Copies N to 2 N bytes, as many as `to` has: both ends, which overlap in the middle.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        *to = *from;
    }
}

/// A column whose buffers lie in the body of a [`SlotWriter`].
#[derive(Debug)]
pub(crate) struct Column {
    validity_at: usize,
    data_at: usize,
    rows: usize,
    nulls: usize,
    /// The bitmap has been written for the rows so far.
    has_validity: bool,
    child: Option<Box<Column>>,
}

/// The bytes of long strings: one region for all view columns of the batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heap {
    /// Its offset in the body.
    pub(crate) at: usize,
    /// Bytes used.
    pub(crate) used: usize,
    /// Bytes it has.
    pub(crate) capacity: usize,
}

/// Bytes of the value buffer for `rows` rows.
fn data_bytes(layout: &Layout, rows: usize) -> usize {
    match layout {
        Layout::Fixed { width } => width * rows,
        Layout::Decimal16 => 4 * rows,
        Layout::Uuid | Layout::View => VIEW_BYTES * rows,
        Layout::List { .. } => 4 * (rows + 1),
    }
}

/// Bytes of all buffers of a column of that capacity, alignment included.
pub(crate) fn column_bytes(wire: &WireType, capacity: &Capacity) -> usize {
    const ALIGN: usize = bridge_types::limits::BUFFER_ALIGN;
    let own = capacity.rows.div_ceil(8).next_multiple_of(ALIGN)
        + data_bytes(&wire.layout, capacity.rows).next_multiple_of(ALIGN);
    match (&wire.layout, &capacity.child) {
        (Layout::List { child, .. }, Some(capacity)) => own + column_bytes(child, capacity),
        _ => own,
    }
}

/// Bytes that the long strings of these rows need in the heap, children included.
pub(crate) fn heap_bytes(wire: &WireType, vector: &VectorView<'_>, ranges: &[Range]) -> usize {
    match &wire.layout {
        Layout::View => {
            let strings: &[StringRef] = vector.values();
            let long = |row: usize| match strings[row].len() {
                len if len > INLINE_BYTES => len,
                _ => 0,
            };
            let rows = ranges.iter().flat_map(|(from, count)| *from..from + count);
            match vector.validity_words() {
                None => rows.map(long).sum(),
                Some(_) => rows.filter(|row| vector.is_valid(*row)).map(long).sum(),
            }
        }
        Layout::List { child, array } => {
            let (inner, inner_ranges) = children(vector, *array, ranges);
            heap_bytes(child, &inner, &inner_ranges)
        }
        _ => 0,
    }
}

/// The exact capacity these rows need.
pub(crate) fn measure(wire: &WireType, vector: &VectorView<'_>, ranges: &[Range]) -> Capacity {
    let rows = ranges.iter().map(|(_, count)| count).sum();
    let child = match &wire.layout {
        Layout::List { child, array } => {
            let (inner, inner_ranges) = children(vector, *array, ranges);
            Some(Box::new(measure(child, &inner, &inner_ranges)))
        }
        _ => None,
    };
    Capacity { rows, child }
}

/// The element vector of a list and the ranges of it that the valid rows show.
fn children<'a>(
    vector: &VectorView<'a>,
    array: Option<usize>,
    ranges: &[Range],
) -> (VectorView<'a>, Vec<Range>) {
    let inner = match array {
        Some(size) => vector.array_child(size),
        None => vector.list_child(),
    };
    let mut inner_ranges: Vec<Range> = Vec::new();
    for (from, count) in ranges {
        for row in *from..from + count {
            let (start, len) = elements(vector, array, row);
            match inner_ranges.last_mut() {
                _ if len == 0 => {}
                Some((last, last_len)) if *last + *last_len == start => *last_len += len,
                _ => inner_ranges.push((start, len)),
            }
        }
    }
    (inner, inner_ranges)
}

/// First element and number of elements of a row; none for null.
fn elements(vector: &VectorView<'_>, array: Option<usize>, row: usize) -> Range {
    if !vector.is_valid(row) {
        return (0, 0);
    }
    match array {
        Some(size) => (row * size, size),
        None => {
            let entry = vector.values::<ListEntry>()[row];
            let part = |value: u64| usize::try_from(value).expect("DuckDB's lists fit in memory");
            (part(entry.offset), part(entry.length))
        }
    }
}

impl Column {
    /// Takes the column's buffers from the slot; `None`: it has no room.
    pub(crate) fn allocate(
        writer: &mut SlotWriter<'_>,
        wire: &WireType,
        capacity: &Capacity,
    ) -> Option<Self> {
        let validity_at = writer.allocate(capacity.rows.div_ceil(8))?;
        let data_at = writer.allocate(data_bytes(&wire.layout, capacity.rows))?;
        let child = match (&wire.layout, &capacity.child) {
            (Layout::List { child, .. }, Some(capacity)) => {
                writer.bytes_mut(data_at, 4).fill(0);
                Some(Box::new(Self::allocate(writer, child, capacity)?))
            }
            _ => None,
        };
        Some(Self { validity_at, data_at, rows: 0, nulls: 0, has_validity: false, child })
    }

    /// Appends rows; the caller made sure that they fit (capacity and heap).
    pub(crate) fn append(
        &mut self,
        body: &mut [u8],
        heap: &mut Heap,
        wire: &WireType,
        vector: &VectorView<'_>,
        ranges: &[Range],
    ) {
        let start = self.rows;
        for (from, count) in ranges {
            self.append_validity(body, vector, *from, *count);
            match &wire.layout {
                Layout::Fixed { width } => {
                    let out = &mut body[self.data_at + self.rows * width..][..count * width];
                    out.copy_from_slice(&vector.bytes(*width)[from * width..(from + count) * width]);
                }
                Layout::Decimal16 => {
                    let out = &mut body[self.data_at + self.rows * 4..][..count * 4];
                    let values = &vector.values::<i16>()[*from..from + count];
                    for (out, value) in out.chunks_exact_mut(4).zip(values) {
                        out.copy_from_slice(&i32::from(*value).to_le_bytes());
                    }
                }
                Layout::Uuid => {
                    let out = &mut body[self.data_at + self.rows * 16..][..count * 16];
                    let values = &vector.values::<u128>()[*from..from + count];
                    for (out, value) in out.chunks_exact_mut(16).zip(values) {
                        // DuckDB flips the sign bit so that UUIDs compare as signed numbers.
                        out.copy_from_slice(&(value ^ (1 << 127)).to_be_bytes());
                    }
                }
                Layout::View => self.append_views(body, heap, vector, *from, *count),
                Layout::List { array, .. } => self.append_offsets(body, vector, *array, *from, *count),
            }
            self.rows += count;
        }
        if let (Layout::List { child: wire, array }, Some(child)) = (&wire.layout, &mut self.child) {
            let (inner, inner_ranges) = children(vector, *array, ranges);
            child.append(body, heap, wire, &inner, &inner_ranges);
        }
        debug_assert_eq!(self.rows - start, ranges.iter().map(|(_, count)| count).sum::<usize>());
    }

    fn append_validity(&mut self, body: &mut [u8], vector: &VectorView<'_>, from: usize, count: usize) {
        let bitmap = &mut body[self.validity_at..];
        let words = vector.validity_words();
        if !self.has_validity {
            let any_null = words.is_some() && (from..from + count).any(|row| !vector.is_valid(row));
            if !any_null {
                return;
            }
            set_bits(bitmap, 0, self.rows);
            self.has_validity = true;
        }
        match words {
            Some(words) => self.nulls += copy_bits(bitmap, self.rows, words, from, count),
            None => set_bits(bitmap, self.rows, count),
        }
    }

    fn append_views(
        &self,
        body: &mut [u8],
        heap: &mut Heap,
        vector: &VectorView<'_>,
        from: usize,
        count: usize,
    ) {
        let strings: &[StringRef] = &vector.values()[from..from + count];
        // The heap lies behind all other buffers of the body.
        let (front, back) = body.split_at_mut(heap.at);
        let views = &mut front[self.data_at + self.rows * VIEW_BYTES..][..count * VIEW_BYTES];
        let views = views.as_chunks_mut::<VIEW_BYTES>().0.iter_mut().zip(strings);
        let mut used = heap.used;
        match vector.validity_words() {
            None => views.for_each(|(view, string)| *view = string.view(back, &mut used)),
            Some(_) => views.enumerate().for_each(|(i, (view, string))| {
                *view =
                    if vector.is_valid(from + i) { string.view(back, &mut used) } else { [0; VIEW_BYTES] };
            }),
        }
        heap.used = used;
    }

    fn append_offsets(
        &self,
        body: &mut [u8],
        vector: &VectorView<'_>,
        array: Option<usize>,
        from: usize,
        count: usize,
    ) {
        let offsets = &mut body[self.data_at..];
        let at = self.rows * 4;
        let mut last = [0; 4];
        last.copy_from_slice(&offsets[at..at + 4]);
        let mut end = u32::from_le_bytes(last);
        for row in from..from + count {
            end += u32::try_from(elements(vector, array, row).1).expect("bounded by max_elements");
            let at = (self.rows + row - from + 1) * 4;
            offsets[at..at + 4].copy_from_slice(&end.to_le_bytes());
        }
    }

    /// Adds the column's node and buffers to the metadata, parents before children.
    pub(crate) fn describe(
        &self,
        wire: &WireType,
        heap: &Heap,
        nodes: &mut Vec<(usize, usize)>,
        buffers: &mut Vec<(usize, usize)>,
        variadic_counts: &mut Vec<i64>,
    ) {
        nodes.push((self.rows, self.nulls));
        buffers.push((self.validity_at, if self.nulls > 0 { self.rows.div_ceil(8) } else { 0 }));
        buffers.push((self.data_at, data_bytes(&wire.layout, self.rows)));
        match (&wire.layout, &self.child) {
            (Layout::View, _) => {
                buffers.push((heap.at, heap.used));
                variadic_counts.push(1);
            }
            (Layout::List { child: wire, .. }, Some(child)) => {
                child.describe(wire, heap, nodes, buffers, variadic_counts);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::copy_long;

    #[test]
    fn long_strings_of_every_length_are_copied() {
        let text: Vec<u8> = (8..120).collect();
        for len in 8..text.len() {
            let mut out = [0; 120];
            copy_long(&mut out[3..3 + len], &text[..len]);
            assert_eq!(out[3..3 + len], text[..len], "{len}");
            assert!(out[..3].iter().chain(&out[3 + len..]).all(|byte| *byte == 0), "{len}");
        }
    }
}
