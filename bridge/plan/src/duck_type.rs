//! The DuckDB type that carries a value inside the generated SQL.
//!
//! For every Postgres type but `numeric` there is exactly one carrier. A numeric is carried by
//! whatever DuckDB infers for the expression, because its digits and its display scale must
//! both come out as in Postgres:
//!
//! | carrier | when | display scale |
//! |---|---|---|
//! | `DECIMAL(p, s)` | columns and constants of known scale, and `+ - *` and `sum` of these | `s` |
//! | `HUGEINT` | `sum(bigint)` | 0 |
//! | numeric text (VARCHAR) | unconstrained columns, division, `avg`, anything beyond 38 digits | in the text |

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use bridge_types::limits::MAX_DECIMAL_PRECISION;
use bridge_types::names::META_NUMERIC_TEXT;
use bridge_types::{PgType, Unsupported, oid};

/// Arrow metadata key: the DuckDB type's name, where the Arrow type does not tell it.
const META_DUCKDB_TYPE: &str = "pg_duckdb.duckdb_type";

/// A carrier type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are DuckDB's type names")]
pub enum DuckType {
    Boolean,
    SmallInt,
    Integer,
    BigInt,
    UInteger,
    HugeInt,
    Float,
    Double,
    /// `DECIMAL(precision, scale)`, `scale <= precision <= 38`.
    Decimal(u8, u8),
    /// VARCHAR holding a Postgres numeric in its text form.
    NumericText,
    Varchar,
    /// VARCHAR holding the text form of a Postgres type that DuckDB lacks: to be passed on, not
    /// to be compared.
    TextForm,
    Json,
    Blob,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    List(Box<DuckType>),
}

impl DuckType {
    /// The carrier of stored values of a Postgres type: columns, parameters, declared results.
    ///
    /// # Errors
    /// `Unsupported` for types the bridge does not carry.
    pub fn for_pg(pg: PgType) -> Result<Self, Unsupported> {
        Ok(match pg.oid {
            oid::BOOL => Self::Boolean,
            oid::INT2 => Self::SmallInt,
            oid::INT4 => Self::Integer,
            oid::INT8 => Self::BigInt,
            oid::FLOAT4 => Self::Float,
            oid::FLOAT8 => Self::Double,
            oid::NUMERIC => match pg.numeric_precision_scale() {
                Some((p, s)) => match (u8::try_from(p), u8::try_from(s)) {
                    (Ok(p), Ok(s)) if p <= MAX_DECIMAL_PRECISION && s <= p => Self::Decimal(p, s),
                    _ => Self::NumericText,
                },
                None => Self::NumericText,
            },
            oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN => Self::Varchar,
            oid::CHAR => Self::TextForm,
            oid::OID => Self::UInteger,
            oid::JSON | oid::JSONB => Self::Json,
            oid::BYTEA => Self::Blob,
            oid::DATE => Self::Date,
            oid::TIME => Self::Time,
            oid::TIMETZ => Self::TimeTz,
            oid::TIMESTAMP => Self::Timestamp,
            oid::TIMESTAMPTZ => Self::TimestampTz,
            oid::INTERVAL => Self::Interval,
            oid::UUID => Self::Uuid,
            other => match pg.element() {
                Some(element) => Self::List(Box::new(Self::for_pg(element)?)),
                None if pg.crosses_as_text() => Self::TextForm,
                None => {
                    return Err(Unsupported::new(
                        format!("type with oid {other}"),
                        "the bridge has no DuckDB type for it",
                    ));
                }
            },
        })
    }

    /// True if a numeric is carried.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Decimal(..) | Self::HugeInt | Self::NumericText)
    }

    /// False for carriers whose equality and order are not those of the Postgres type.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        match self {
            Self::TextForm | Self::Json => false,
            Self::List(element) => element.is_comparable(),
            _ => true,
        }
    }

    /// Precision and scale of a carrier with a fixed display scale: decimals, and integers as
    /// the decimal that holds all of their values.
    #[must_use]
    pub fn decimal(&self) -> Option<(u8, u8)> {
        match self {
            Self::Decimal(p, s) => Some((*p, *s)),
            Self::HugeInt => Some((38, 0)),
            Self::BigInt => Some((19, 0)),
            Self::Integer => Some((10, 0)),
            Self::SmallInt => Some((5, 0)),
            _ => None,
        }
    }

    /// The smallest decimal type that holds all values of both, or `None` beyond 38 digits.
    #[must_use]
    pub fn decimal_union(a: (u8, u8), b: (u8, u8)) -> Option<(u8, u8)> {
        let scale = a.1.max(b.1);
        let whole = (a.0 - a.1).max(b.0 - b.1);
        (whole + scale <= MAX_DECIMAL_PRECISION).then_some((whole + scale, scale))
    }

    /// A field of a plan schema with this carrier.
    #[must_use]
    pub fn field(&self, name: &str) -> FieldRef {
        let mut metadata = HashMap::new();
        match self {
            Self::NumericText => {
                metadata.insert(META_NUMERIC_TEXT.to_owned(), String::new());
            }
            Self::HugeInt
            | Self::TextForm
            | Self::Json
            | Self::TimeTz
            | Self::Interval
            | Self::Uuid
            | Self::List(_) => {
                metadata.insert(META_DUCKDB_TYPE.to_owned(), self.to_string());
            }
            _ => {}
        }
        Arc::new(Field::new(name, self.arrow(), true).with_metadata(metadata))
    }

    /// The Arrow type that stands for this carrier in plan schemas.
    #[must_use]
    pub fn arrow(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::SmallInt => DataType::Int16,
            Self::Integer => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::UInteger => DataType::UInt32,
            Self::HugeInt => DataType::Decimal128(38, 0),
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Decimal(p, s) => DataType::Decimal128(*p, i8::try_from(*s).unwrap_or(i8::MAX)),
            Self::NumericText | Self::Varchar | Self::TextForm | Self::Json => DataType::Utf8View,
            Self::Blob => DataType::BinaryView,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::TimeTz => DataType::FixedSizeBinary(8),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Interval | Self::Uuid => DataType::FixedSizeBinary(16),
            Self::List(element) => DataType::List(element.field("item")),
        }
    }

    /// The carrier a plan field was made from by [`Self::field`]; `None` for foreign fields.
    #[must_use]
    pub fn of_field(field: &Field) -> Option<Self> {
        let name = field.metadata().get(META_DUCKDB_TYPE).map(String::as_str);
        Some(match field.data_type() {
            DataType::Boolean => Self::Boolean,
            DataType::Int16 => Self::SmallInt,
            DataType::Int32 => Self::Integer,
            DataType::Int64 => Self::BigInt,
            DataType::UInt32 => Self::UInteger,
            DataType::Float32 => Self::Float,
            DataType::Float64 => Self::Double,
            DataType::Decimal128(_, _) if name == Some("HUGEINT") => Self::HugeInt,
            DataType::Decimal128(p, s) => Self::Decimal(*p, u8::try_from(*s).ok()?),
            DataType::Utf8View if field.metadata().contains_key(META_NUMERIC_TEXT) => Self::NumericText,
            DataType::Utf8View if name == Some("JSON") => Self::Json,
            DataType::Utf8View if name == Some("VARCHAR") => Self::TextForm,
            DataType::Utf8View => Self::Varchar,
            DataType::BinaryView => Self::Blob,
            DataType::Date32 => Self::Date,
            DataType::Time64(_) => Self::Time,
            DataType::FixedSizeBinary(8) => Self::TimeTz,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::TimestampTz,
            DataType::FixedSizeBinary(16) if name == Some("UUID") => Self::Uuid,
            DataType::FixedSizeBinary(16) => Self::Interval,
            DataType::List(item) => Self::List(Box::new(Self::of_field(item)?)),
            _ => return None,
        })
    }
}

/// The type as DuckDB SQL writes it.
impl fmt::Display for DuckType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "BOOLEAN",
            Self::SmallInt => "SMALLINT",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
            Self::UInteger => "UINTEGER",
            Self::HugeInt => "HUGEINT",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Decimal(p, s) => return write!(f, "DECIMAL({p},{s})"),
            Self::NumericText | Self::Varchar | Self::TextForm => "VARCHAR",
            Self::Json => "JSON",
            Self::Blob => "BLOB",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::TimeTz => "TIMETZ",
            Self::Timestamp => "TIMESTAMP",
            Self::TimestampTz => "TIMESTAMPTZ",
            Self::Interval => "INTERVAL",
            Self::Uuid => "UUID",
            Self::List(element) => return write!(f, "{element}[]"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_remember_their_carrier() {
        use DuckType::*;
        for ty in [
            Boolean,
            SmallInt,
            Integer,
            BigInt,
            UInteger,
            HugeInt,
            Float,
            Double,
            Decimal(15, 2),
            Decimal(38, 0),
            NumericText,
            Varchar,
            TextForm,
            Json,
            Blob,
            Date,
            Time,
            TimeTz,
            Timestamp,
            TimestampTz,
            Interval,
            Uuid,
            List(Box::new(NumericText)),
            List(Box::new(Integer)),
        ] {
            assert_eq!(DuckType::of_field(&ty.field("x")), Some(ty));
        }
    }

    #[test]
    fn numerics_are_carried_by_their_declared_scale() {
        assert_eq!(DuckType::for_pg(PgType::numeric(15, 2)), Ok(DuckType::Decimal(15, 2)));
        assert_eq!(DuckType::for_pg(PgType::new(oid::NUMERIC)), Ok(DuckType::NumericText));
        assert_eq!(DuckType::for_pg(PgType::numeric(39, 2)), Ok(DuckType::NumericText));
        assert_eq!(DuckType::decimal_union((15, 2), (3, 3)), Some((16, 3)));
        assert_eq!(DuckType::decimal_union((38, 0), (3, 3)), None);
    }
}
