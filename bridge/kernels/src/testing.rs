//! What the tests of the kernels share: one column through the converter, read back as
//! `testkit`'s canonical text.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use bridge_testkit::decode;
use bridge_types::{ColumnSpec, PgType, wire};

use crate::{BatchBuilder, Converter, KernelError, RowBlock, VecSink};

/// A nullable field with an extension name, if any.
pub(crate) fn field(data_type: DataType, extension: Option<&str>) -> Field {
    let metadata = extension.map(|name| (wire::EXTENSION_KEY.to_owned(), name.to_owned()));
    Field::new("c", data_type, true).with_metadata(metadata.into_iter().collect())
}

fn spec(pg_type: PgType) -> ColumnSpec {
    ColumnSpec { name: "c".into(), pg_type }
}

/// Converts a column and hands datums and null flags to `look` while their memory lives.
pub(crate) fn with_datums<T>(
    field: &Field,
    array: Arc<dyn Array>,
    pg_type: PgType,
    look: impl FnOnce(&[u64], &[bool]) -> T,
) -> Result<T, KernelError> {
    let schema = Arc::new(Schema::new(vec![field.clone()]));
    let converter = Converter::new(&schema, &[spec(pg_type)])?;
    let rows = array.len();
    let batch = RecordBatch::try_new(schema, vec![array]).expect("one column");
    let (mut datums, mut isnull) = (vec![7; rows], vec![true; rows]);
    let mut sink = VecSink::new();
    let mut block = RowBlock { datums: &mut datums, isnull: &mut isnull, columns: 1 };
    converter.convert(&batch, 0..rows, &mut block, &mut sink)?;
    Ok(look(&datums, &isnull))
}

/// Canonical texts of a converted column.
pub(crate) fn texts(
    array: impl Array + 'static,
    extension: Option<&str>,
    pg_type: PgType,
) -> Result<Vec<Option<String>>, KernelError> {
    let field = field(array.data_type().clone(), extension);
    with_datums(&field, Arc::new(array), pg_type, |datums, isnull| {
        let cells = datums.iter().zip(isnull);
        // SAFETY: the kernel wrote values of this type; the sink is alive within `with_datums`.
        cells.map(|(datum, null)| (!null).then(|| unsafe { decode::datum(*datum, pg_type) })).collect()
    })
}

/// The SQLSTATE a conversion fails with, and the row it names.
pub(crate) fn failure(
    array: impl Array + 'static,
    extension: Option<&str>,
    pg_type: PgType,
) -> Option<(String, Option<usize>)> {
    let error = texts(array, extension, pg_type).err()?;
    let row = if let KernelError::Value { row, .. } = &error { Some(*row) } else { None };
    Some((error.sqlstate().to_string(), row))
}

/// Sends one datum of `from` type as a column of type `to` and gives the batch.
pub(crate) fn feed_one(datum: u64, to: PgType) -> Result<RecordBatch, KernelError> {
    let mut builder = BatchBuilder::new(&[spec(to)]).expect("a type that travels");
    // SAFETY: callers pass a datum of type `to` whose memory is alive.
    unsafe { builder.push_row(&[datum], &[false]) }?;
    Ok(builder.finish())
}
