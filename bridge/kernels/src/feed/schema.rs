//! Which Arrow type a Postgres column travels in.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use bridge_types::limits::MAX_DECIMAL_PRECISION;
use bridge_types::names::META_NUMERIC_TEXT;
use bridge_types::{ColumnSpec, PgType, Unsupported, oid, wire};

/// The Arrow schema in which rows of these Postgres columns travel (types as in
/// `bridge_types::wire`). `numeric(p, s)` with p <= 38 and 0 <= s <= p is a decimal; other
/// numerics are text, marked with the metadata `pg_duckdb.numeric_text`. Types that cross as text
/// ([`PgType::crosses_as_text`]) are text here. All fields are nullable.
///
/// # Errors
/// [`Unsupported`] naming a column whose type the bridge does not carry.
pub fn feed_schema(columns: &[ColumnSpec]) -> Result<Schema, Unsupported> {
    let fields = columns
        .iter()
        .map(|spec| field(&spec.name, spec.pg_type).ok_or_else(|| no_feed(&spec.name, spec.pg_type)));
    Ok(Schema::new(fields.collect::<Result<Vec<_>, _>>()?))
}

/// The answer for a column that cannot travel.
pub(crate) fn no_feed(name: &str, pg_type: PgType) -> Unsupported {
    Unsupported::new(
        format!("column \"{name}\""),
        format!("its type (oid {}) has no counterpart in DuckDB", pg_type.oid),
    )
}

/// The field of one column, `None` if the bridge does not carry its type.
fn field(name: &str, pg_type: PgType) -> Option<Field> {
    let pg_type = pg_type.crossing();
    if let Some(element) = pg_type.element() {
        let item = field("l", element)?;
        return Some(Field::new(name, DataType::List(Arc::new(item)), true));
    }
    let plain = |data_type| (data_type, None);
    let extension = |data_type, extension: &'static str| (data_type, Some((wire::EXTENSION_KEY, extension)));
    let (data_type, metadata) = match pg_type.oid {
        oid::BOOL => extension(DataType::Int8, wire::BOOL8),
        oid::INT2 => plain(DataType::Int16),
        oid::INT4 => plain(DataType::Int32),
        oid::INT8 => plain(DataType::Int64),
        oid::OID => plain(DataType::UInt32),
        oid::FLOAT4 => plain(DataType::Float32),
        oid::FLOAT8 => plain(DataType::Float64),
        oid::NUMERIC => match decimal(pg_type) {
            Some((precision @ ..=9, scale)) => plain(DataType::Decimal32(precision, scale)),
            Some((precision @ ..=18, scale)) => plain(DataType::Decimal64(precision, scale)),
            Some((precision, scale)) => plain(DataType::Decimal128(precision, scale)),
            None => (DataType::Utf8View, Some((META_NUMERIC_TEXT, "true"))),
        },
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::CHAR => plain(DataType::Utf8View),
        oid::JSON => extension(DataType::Utf8View, wire::JSON),
        oid::BYTEA => plain(DataType::BinaryView),
        oid::DATE => plain(DataType::Date32),
        oid::TIME => plain(DataType::Time64(TimeUnit::Microsecond)),
        oid::TIMETZ => extension(DataType::FixedSizeBinary(8), wire::TIME_TZ),
        oid::TIMESTAMP => plain(DataType::Timestamp(TimeUnit::Microsecond, None)),
        oid::TIMESTAMPTZ => plain(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        oid::INTERVAL => extension(DataType::FixedSizeBinary(16), wire::INTERVAL),
        oid::UUID => extension(DataType::FixedSizeBinary(16), wire::UUID),
        _ => return None,
    };
    let metadata: HashMap<_, _> =
        metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Some(Field::new(name, data_type, true).with_metadata(metadata))
}

/// Precision and scale if DuckDB has the decimal.
pub(crate) fn decimal(pg_type: PgType) -> Option<(u8, i8)> {
    let (precision, scale) = pg_type.numeric_precision_scale()?;
    let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
    let fits =
        precision <= MAX_DECIMAL_PRECISION && scale >= 0 && u8::try_from(scale).is_ok_and(|s| s <= precision);
    fits.then_some((precision, scale))
}
