//! Every type through the encoder and back, against what DuckDB itself says about the value.

use super::{BatchBuilder, ResultLayout, WireType};
use crate::duckdb::{Connection, Database};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use bridge_ipc::batch::BatchReader;
use bridge_types::wire;

fn connect() -> (Database, Connection) {
    let database = Database::open(":memory:", &[]).unwrap();
    let connection = Connection::open(&database).unwrap();
    connection.query("SET TimeZone = 'UTC'").unwrap();
    (database, connection)
}

/// Runs `sql` and encodes its chunks into batches of at most `rows_per_batch` rows.
fn batches(connection: &Connection, sql: &str, rows_per_batch: usize, heap: usize) -> Vec<RecordBatch> {
    let statement = connection.prepare(sql).unwrap();
    let (names, wires): (Vec<String>, Vec<WireType>) = statement
        .columns()
        .into_iter()
        .map(|(name, logical)| (name, WireType::of(&logical).unwrap()))
        .unzip();
    let layout = ResultLayout::new(&names, wires).unwrap();
    let reader = BatchReader::new(layout.schema().clone());
    let mut result = statement.execute(true).unwrap();
    let mut encoded: Vec<Vec<u8>> = Vec::new();
    let mut memory = Vec::new();
    let mut pending = result.fetch().unwrap().map(|chunk| (chunk, 0));
    while let Some((chunk, at)) = &mut pending {
        if layout.is_nested() {
            let rows = (chunk.len() - *at).min(rows_per_batch);
            memory.clear();
            // The ring does not hand out clean memory either.
            memory.resize(layout.exact_bytes(chunk, *at, rows), 0xa5);
            let used = BatchBuilder::exact(&layout, &mut memory, chunk, *at, rows).unwrap().finish().unwrap();
            encoded.push(memory[..used].to_vec());
            *at += rows;
            if *at == chunk.len() {
                pending = result.fetch().unwrap().map(|chunk| (chunk, 0));
            }
            continue;
        }
        memory.clear();
        memory.resize(layout.batch_bytes(rows_per_batch, 0) + heap, 0xa5);
        let mut batch = BatchBuilder::flat(&layout, &mut memory, rows_per_batch).unwrap();
        while let Some((chunk, at)) = &mut pending {
            let wanted = chunk.len() - *at;
            let taken = batch.append(chunk, *at, wanted);
            *at += taken;
            if taken < wanted {
                break;
            }
            pending = result.fetch().unwrap().map(|chunk| (chunk, 0));
        }
        assert!(batch.rows() > 0, "a row fits");
        let used = batch.finish().unwrap();
        encoded.push(memory[..used].to_vec());
    }
    encoded.into_iter().map(|bytes| reader.read(Buffer::from_vec(bytes)).unwrap()).collect()
}

/// A value as text, in a form that the SQL of the tests produces too.
fn text(array: &ArrayRef, extension: Option<&str>, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    macro_rules! primitive {
        ($t:ty) => {
            array.as_primitive::<$t>().value(row).to_string()
        };
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    Some(match (array.data_type(), extension) {
        (DataType::Int8, Some(wire::BOOL8)) => (array.as_primitive::<Int8Type>().value(row) == 1).to_string(),
        (DataType::Int8, _) => primitive!(Int8Type),
        (DataType::Int16, _) => primitive!(Int16Type),
        (DataType::Int32, _) => primitive!(Int32Type),
        (DataType::Int64, _) => primitive!(Int64Type),
        (DataType::UInt8, _) => primitive!(UInt8Type),
        (DataType::UInt16, _) => primitive!(UInt16Type),
        (DataType::UInt32, _) => primitive!(UInt32Type),
        (DataType::UInt64, _) => primitive!(UInt64Type),
        (DataType::Float32, _) => primitive!(Float32Type),
        (DataType::Float64, _) => primitive!(Float64Type),
        (DataType::Decimal32(..), _) => array.as_primitive::<Decimal32Type>().value_as_string(row),
        (DataType::Decimal64(..), _) => array.as_primitive::<Decimal64Type>().value_as_string(row),
        (DataType::Decimal128(_, 0), _) => primitive!(Decimal128Type),
        (DataType::Decimal128(..), _) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        (DataType::Date32, _) => primitive!(Date32Type),
        (DataType::Time64(_), _) => primitive!(Time64MicrosecondType),
        (DataType::Timestamp(TimeUnit::Second, _), _) => primitive!(TimestampSecondType),
        (DataType::Timestamp(TimeUnit::Millisecond, _), _) => primitive!(TimestampMillisecondType),
        (DataType::Timestamp(TimeUnit::Microsecond, _), _) => primitive!(TimestampMicrosecondType),
        (DataType::Timestamp(TimeUnit::Nanosecond, _), _) => primitive!(TimestampNanosecondType),
        (DataType::Utf8View, _) => array.as_string_view().value(row).to_owned(),
        (DataType::BinaryView, _) => hex(array.as_binary_view().value(row)),
        (DataType::FixedSizeBinary(_), Some(wire::INTERVAL)) => {
            let bytes = array.as_fixed_size_binary().value(row);
            let months = i32::from_le_bytes(bytes[..4].try_into().unwrap());
            let days = i32::from_le_bytes(bytes[4..8].try_into().unwrap());
            format!("{months} {days} {}", i64::from_le_bytes(bytes[8..].try_into().unwrap()))
        }
        (DataType::FixedSizeBinary(_), Some(wire::UHUGEINT)) => {
            u128::from_le_bytes(array.as_fixed_size_binary().value(row).try_into().unwrap()).to_string()
        }
        (DataType::FixedSizeBinary(_), Some(wire::TIME_TZ)) => {
            let bits = u64::from_le_bytes(array.as_fixed_size_binary().value(row).try_into().unwrap());
            (bits >> 24).to_string()
        }
        (DataType::FixedSizeBinary(_), _) => hex(array.as_fixed_size_binary().value(row)).to_lowercase(),
        (DataType::List(field), _) => {
            let items = array.as_list::<i32>().value(row);
            let extension = field.metadata().get(wire::EXTENSION_KEY).map(String::as_str);
            let items: Vec<String> = (0..items.len())
                .map(|item| text(&items, extension, item).unwrap_or_else(|| "NULL".to_owned()))
                .collect();
            format!("[{}]", items.join(", "))
        }
        (other, _) => panic!("no text for {other}"),
    })
}

/// (value over `i`, the text DuckDB gives for column `v`).
const TYPES: [(&str, &str); 32] = [
    ("i % 2 = 0", "v::VARCHAR"),
    ("(i % 200 - 100)::TINYINT", "v::VARCHAR"),
    ("(i - 3000)::SMALLINT", "v::VARCHAR"),
    ("(i * 100003 - 7)::INTEGER", "v::VARCHAR"),
    ("i * 4611686018427 - 9", "v::VARCHAR"),
    ("(i % 256)::UTINYINT", "v::VARCHAR"),
    ("(i * 5)::USMALLINT", "v::VARCHAR"),
    ("(i * 400003)::UINTEGER", "v::VARCHAR"),
    ("18446744073709551615::UBIGINT - i::UBIGINT", "v::VARCHAR"),
    ("170141183460469231731687303715884105727::HUGEINT - i", "v::VARCHAR"),
    ("-170141183460469231731687303715884105727::HUGEINT + i", "v::VARCHAR"),
    ("340282366920938463463374607431768211455::UHUGEINT - i::UHUGEINT", "v::VARCHAR"),
    ("(i + 0.5)::FLOAT", "v::VARCHAR"),
    ("(i + 0.25)::DOUBLE", "v::VARCHAR"),
    ("((i % 200 - 100) / 10)::DECIMAL(4,1)", "v::VARCHAR"),
    ("((i - 5000) / 100)::DECIMAL(9,2)", "v::VARCHAR"),
    ("((i - 5000) / 100)::DECIMAL(18,3)", "v::VARCHAR"),
    ("((i - 5000) / 100)::DECIMAL(38,5)", "v::VARCHAR"),
    ("'s' || i", "v"),
    ("repeat('ä', (i % 40)::INTEGER) || i", "v"),
    ("'exactly12by' || chr((65 + i % 26)::INTEGER)", "v"),
    ("('b' || i)::BLOB", "hex(v)"),
    ("repeat('b', (i % 40)::INTEGER)::BLOB", "hex(v)"),
    ("DATE '1970-01-01' + (i - 3000)::INTEGER", "(v - DATE '1970-01-01')::VARCHAR"),
    ("TIME '00:00:00' + to_microseconds(i * 1000007)", "epoch_us(v)::VARCHAR"),
    ("make_timestamp(i * 1000000007 - 77)", "epoch_us(v)::VARCHAR"),
    ("make_timestamp(i * 1000000007 - 77)::TIMESTAMPTZ", "epoch_us(v)::VARCHAR"),
    ("make_timestamp(i * 1000000)::TIMESTAMP_S", "(epoch_us(v) // 1000000)::VARCHAR"),
    ("make_timestamp(i * 1000)::TIMESTAMP_MS", "(epoch_us(v) // 1000)::VARCHAR"),
    ("make_timestamp_ns(i * 13)", "epoch_ns(v)::VARCHAR"),
    (
        "to_months((i % 99)::INTEGER) + to_days((i % 31)::INTEGER) + to_microseconds(i)",
        "(datepart('year', v) * 12 + datepart('month', v)) || ' ' || datepart('day', v) || ' ' || (i)",
    ),
    ("md5(i::VARCHAR)::UUID", "replace(v::VARCHAR, '-', '')"),
];

/// Nulls at the borders of words and bytes, and in between.
const NULLS: [&str; 4] = ["false", "true", "i % 64 IN (0, 63) OR i % 7 = 3", "i >= 2100"];

#[test]
fn every_type_comes_back_as_it_was() {
    let (_database, connection) = connect();
    connection.query("CREATE TABLE n AS SELECT range AS i FROM range(5000)").unwrap();
    for (value, expected) in TYPES {
        for nulls in NULLS {
            // Filters leave chunks whose lengths are not multiples of 8.
            for filter in ["true", "i % 3 = 1"] {
                let inner = format!(
                    "SELECT i, CASE WHEN {nulls} THEN NULL ELSE {value} END AS v FROM n WHERE {filter}"
                );
                let sql =
                    format!("SELECT v, CASE WHEN v IS NULL THEN NULL ELSE {expected} END FROM ({inner})");
                let found = batches(&connection, &sql, 4096, 1 << 20);
                check(&found, &sql);
            }
        }
    }
}

fn check(found: &[RecordBatch], sql: &str) -> usize {
    let mut rows = 0;
    for batch in found {
        let schema = batch.schema();
        let extension = schema.field(0).metadata().get(wire::EXTENSION_KEY).map(String::as_str);
        for row in 0..batch.num_rows() {
            let value = text(batch.column(0), extension, row);
            assert_eq!(value, text(batch.column(1), None, row), "row {row}: {sql}");
        }
        rows += batch.num_rows();
    }
    rows
}

#[test]
fn lists_of_lists_with_nulls_everywhere() {
    let (_database, connection) = connect();
    connection.query("CREATE TABLE n AS SELECT range AS i FROM range(5000)").unwrap();
    for value in [
        "CASE WHEN i % 5 = 0 THEN NULL WHEN i % 5 = 1 THEN [] ELSE [i, NULL, i * 2] END",
        "CASE WHEN i % 5 = 0 THEN NULL ELSE ['a' || i, NULL, 'a text that is not inline ' || i] END",
        "CASE WHEN i % 5 = 0 THEN NULL ELSE [[i], NULL, [], [NULL, i + 1]] END",
        "[i, i + 1, NULL]::BIGINT[3]",
    ] {
        for filter in ["true", "i % 3 = 1"] {
            for rows in [100, 4096] {
                let sql = format!("SELECT v, v::VARCHAR FROM (SELECT {value} AS v FROM n WHERE {filter})");
                assert!(check(&batches(&connection, &sql, rows, 0), &sql) > 1000);
            }
        }
    }
}

#[test]
fn a_full_heap_ends_the_batch() {
    let (_database, connection) = connect();
    let sql = "SELECT v, v || '' FROM (SELECT repeat('x', 100 + (range % 50)::INTEGER) || range AS v FROM range(5000))";
    // Room for some of a chunk's strings only.
    let found = batches(&connection, sql, 4096, 50_000);
    assert!(found.len() > 20, "{}", found.len());
    assert_eq!(check(&found, sql), 5000);
}

#[test]
fn infinities_cross_raw() {
    let (_database, connection) = connect();
    let sql = "SELECT 'infinity'::DATE, '-infinity'::DATE, 'infinity'::TIMESTAMP, '-infinity'::TIMESTAMPTZ";
    let batch = &batches(&connection, sql, 1, 4096)[0];
    let raw: Vec<String> = (0..4).map(|column| text(batch.column(column), None, 0).unwrap()).collect();
    assert_eq!(
        raw,
        [i32::MAX.to_string(), (-i32::MAX).to_string(), i64::MAX.to_string(), (-i64::MAX).to_string()]
    );
}

#[test]
fn a_result_without_rows_has_no_batches() {
    let (_database, connection) = connect();
    assert!(batches(&connection, "SELECT 1 AS a WHERE false", 10, 0).is_empty());
}
