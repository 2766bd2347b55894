//! The values of dictionaries, which cross once per statement: a batch of one row in which each
//! column is the list of one dictionary's values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StringViewArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;

use super::encode::encode_stream;
use super::read::decode_stream;
use crate::IpcError;

/// Dictionaries of text for [`decode_dictionaries`], in the order in which their columns are
/// met in the schema, depth first. Empty if there are none.
///
/// # Errors
/// [`IpcError::Unsendable`] for more than 2 GiB of text.
pub fn encode_dictionaries<'a>(
    dictionaries: impl IntoIterator<Item = &'a [String]>,
) -> Result<Bytes, IpcError> {
    let item = Arc::new(Field::new("value", DataType::Utf8View, true));
    let columns = dictionaries.into_iter().map(|labels| {
        let values = Arc::new(StringViewArray::from_iter_values(labels));
        Arc::new(ListArray::new(Arc::clone(&item), OffsetBuffer::from_lengths([values.len()]), values, None))
            as ArrayRef
    });
    let columns: Vec<_> = columns.collect();
    if columns.is_empty() {
        return Ok(Bytes::new());
    }
    let fields = columns.iter().map(|column| Field::new("dictionary", column.data_type().clone(), false));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(schema, columns)
        .map_err(|error| IpcError::Unsendable(error.to_string().into()))?;
    encode_stream(&batch)
}

/// The dictionaries that [`encode_dictionaries`] wrote.
///
/// # Errors
/// [`IpcError::Protocol`] if it is something else.
pub fn decode_dictionaries(bytes: &[u8]) -> Result<Vec<ArrayRef>, IpcError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let batch = decode_stream(bytes)?;
    let values = batch.columns().iter().map(|column| {
        let list = column.as_list_opt::<i32>().filter(|list| list.len() == 1 && !list.is_null(0))?;
        Some(list.value(0))
    });
    values
        .collect::<Option<_>>()
        .ok_or_else(|| IpcError::protocol("dictionaries that are not one row of lists"))
}

#[cfg(test)]
#[expect(unsafe_code, reason = "a reader that trusts nothing is shown arrays that lie")]
mod tests {
    use arrow::array::{DictionaryArray, UInt8Array};
    use arrow::buffer::Buffer;
    use arrow::datatypes::UInt8Type;

    use super::*;
    use crate::batch::{BatchEncoder, BatchReader, decode_schema, encode_schema};

    fn labels() -> [Vec<String>; 2] {
        [vec!["sad".into(), "a label of more than twelve bytes".into()], vec![]]
    }

    /// Indices into the first dictionary.
    fn batch(indices: UInt8Array, values: &ArrayRef) -> RecordBatch {
        // SAFETY: wrong indices are what the reader under test must find.
        let array = unsafe { DictionaryArray::<UInt8Type>::new_unchecked(indices, Arc::clone(values)) };
        let field = Field::new("e", array.data_type().clone(), true);
        // SAFETY: as above.
        unsafe { RecordBatch::new_unchecked(Arc::new(Schema::new(vec![field])), vec![Arc::new(array)], 3) }
    }

    fn read(indices: UInt8Array, dictionaries: usize) -> Result<RecordBatch, IpcError> {
        let all = decode_dictionaries(&encode_dictionaries(labels().iter().map(Vec::as_slice))?)?;
        let batch = batch(indices, &all[0]);
        let schema = decode_schema(&encode_schema(&batch.schema())?)?;
        assert_eq!(schema, batch.schema());
        let encoder = BatchEncoder::new(&batch)?;
        let mut bytes = vec![0; encoder.size()];
        encoder.write(&mut bytes)?;
        BatchReader::with_dictionaries(schema, all[..dictionaries].to_vec()).read(Buffer::from_vec(bytes))
    }

    #[test]
    fn indices_find_their_values_in_another_message() {
        let decoded = read(UInt8Array::from(vec![Some(1), None, Some(0)]), 1).unwrap();
        let array = decoded.column(0).as_dictionary::<UInt8Type>();
        let values = array.values().as_string_view();
        let text = |row: usize| values.value(array.key(row).unwrap());
        assert_eq!((text(0), text(2)), ("a label of more than twelve bytes", "sad"));
        assert!(array.is_null(1));
    }

    #[test]
    fn an_index_beyond_the_dictionary_matters_where_it_is_valid() {
        assert!(read(UInt8Array::from(vec![0, 1, 2]), 1).is_err());
        let hidden = UInt8Array::new(vec![0, 200, 1].into(), Some(vec![true, false, true].into()));
        assert!(read(hidden, 1).is_ok());
    }

    #[test]
    fn as_many_dictionaries_as_the_schema_has() {
        assert!(read(UInt8Array::from(vec![0, 0, 0]), 0).is_err());
        assert!(read(UInt8Array::from(vec![0, 0, 0]), 2).is_err());
        assert!(decode_dictionaries(&encode_dictionaries(std::iter::empty()).unwrap()).unwrap().is_empty());
        assert!(decode_dictionaries(b"no message").is_err());
    }
}
