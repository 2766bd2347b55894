//! How the arrays of a type lie in an IPC body.

use arrow::datatypes::{DataType, Field, Fields};

use crate::IpcError;

/// Nesting of types beyond which a schema is refused.
pub(super) const MAX_DEPTH: usize = 64;

/// The buffers of a type behind its validity bitmap, and its children.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape<'a> {
    /// No buffers at all, not even a bitmap.
    Null,
    /// A bit per value.
    Bits,
    /// This many bytes per value; aligned like an integer of that size unless `bytes`.
    Fixed {
        /// Bytes per value.
        width: usize,
        /// The value is an opaque string of bytes without alignment.
        bytes: bool,
    },
    /// Unsigned indices of this many bytes into a dictionary that crossed before.
    Indices(usize),
    /// `i32` offsets and bytes.
    Offsets,
    /// 16-byte views and any number of data buffers.
    Views,
    /// `i32` offsets into a child.
    List(&'a Field),
    /// A child with this many values per value.
    FixedList(&'a Field, usize),
    /// Children as long as the parent.
    Struct(&'a Fields),
}

/// The shape of `data_type`.
///
/// # Errors
/// [`IpcError::Unsendable`] for types that do not cross (unions, maps, dictionaries of
/// anything but text by unsigned indices, ...).
pub(super) fn shape(data_type: &DataType) -> Result<Shape<'_>, IpcError> {
    Ok(match data_type {
        DataType::Null => Shape::Null,
        DataType::Boolean => Shape::Bits,
        DataType::Utf8 | DataType::Binary => Shape::Offsets,
        DataType::Utf8View | DataType::BinaryView => Shape::Views,
        DataType::FixedSizeBinary(width) => Shape::Fixed { width: positive(*width)?, bytes: true },
        DataType::List(child) => Shape::List(child),
        DataType::FixedSizeList(child, count) => Shape::FixedList(child, positive(*count)?),
        DataType::Struct(children) => Shape::Struct(children),
        DataType::Dictionary(index, value) if **value == DataType::Utf8View => match **index {
            DataType::UInt8 => Shape::Indices(1),
            DataType::UInt16 => Shape::Indices(2),
            DataType::UInt32 => Shape::Indices(4),
            _ => return Err(IpcError::Unsendable(format!("arrays of type {data_type} do not cross").into())),
        },
        other => match other.primitive_width() {
            Some(width) => Shape::Fixed { width, bytes: false },
            None => return Err(IpcError::Unsendable(format!("arrays of type {other} do not cross").into())),
        },
    })
}

fn positive(size: i32) -> Result<usize, IpcError> {
    usize::try_from(size)
        .ok()
        .filter(|size| *size > 0)
        .ok_or_else(|| IpcError::Unsendable("types without a size do not cross".into()))
}

/// How many nodes, buffers and view columns arrays of a type have, children included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) nodes: usize,
    /// With one data buffer per view column.
    pub(super) buffers: usize,
    pub(super) views: usize,
}

impl Counts {
    /// Adds those of one column.
    pub(super) fn add(&mut self, data_type: &DataType) -> Result<(), IpcError> {
        self.nodes += 1;
        match shape(data_type)? {
            Shape::Null => {}
            Shape::Bits | Shape::Fixed { .. } | Shape::Indices(_) => self.buffers += 2,
            Shape::Offsets => self.buffers += 3,
            Shape::Views => {
                self.buffers += 3;
                self.views += 1;
            }
            Shape::List(child) => {
                self.buffers += 2;
                self.add(child.data_type())?;
            }
            Shape::FixedList(child, _) => {
                self.buffers += 1;
                self.add(child.data_type())?;
            }
            Shape::Struct(children) => {
                self.buffers += 1;
                for child in children {
                    self.add(child.data_type())?;
                }
            }
        }
        Ok(())
    }
}
