//! DuckDB result types -> their form on the ring (`bridge_types::wire`).

use crate::duckdb::{LogicalType, TypeId};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use bridge_types::wire;
use std::sync::Arc;

/// How a column's values lie in DuckDB's vectors and in the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `width` bytes a value, the same on both sides.
    Fixed {
        /// Bytes.
        width: usize,
    },
    /// DuckDB's two-byte decimals -> four bytes.
    Decimal16,
    /// DuckDB's hugeint with flipped sign bit -> 16 bytes in text order.
    Uuid,
    /// `duckdb_string_t` -> Arrow view.
    View,
    /// List entries -> i32 offsets. `array`: elements per row of a fixed-size ARRAY.
    List {
        /// Elements.
        child: Box<WireType>,
        /// `Some(n)`: ARRAY of n.
        array: Option<usize>,
    },
}

/// The wire form of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WireType {
    /// Layout.
    pub(crate) layout: Layout,
    /// Arrow type.
    pub(crate) data_type: DataType,
    /// Extension name for the field's metadata.
    pub(crate) extension: Option<&'static str>,
    /// Labels of an ENUM: the values of its dictionary.
    pub(crate) labels: Option<Arc<[String]>>,
}

impl WireType {
    /// The wire form of `logical`; `None`: it has to be cast to text in SQL.
    pub(crate) fn of(logical: &LogicalType) -> Option<Self> {
        let fixed = |width, data_type| {
            Some(Self { layout: Layout::Fixed { width }, data_type, extension: None, labels: None })
        };
        let named = |width, data_type, extension| {
            Some(Self {
                layout: Layout::Fixed { width },
                data_type,
                extension: Some(extension),
                labels: None,
            })
        };
        match logical.id() {
            TypeId::Boolean => named(1, DataType::Int8, wire::BOOL8),
            TypeId::TinyInt => fixed(1, DataType::Int8),
            TypeId::SmallInt => fixed(2, DataType::Int16),
            TypeId::Integer => fixed(4, DataType::Int32),
            TypeId::BigInt => fixed(8, DataType::Int64),
            TypeId::UTinyInt => fixed(1, DataType::UInt8),
            TypeId::USmallInt => fixed(2, DataType::UInt16),
            TypeId::UInteger => fixed(4, DataType::UInt32),
            TypeId::UBigInt => fixed(8, DataType::UInt64),
            TypeId::Float => fixed(4, DataType::Float32),
            TypeId::Double => fixed(8, DataType::Float64),
            TypeId::HugeInt => fixed(16, DataType::Decimal128(38, 0)),
            TypeId::UHugeInt => named(16, DataType::FixedSizeBinary(16), wire::UHUGEINT),
            TypeId::Decimal => Self::decimal(logical),
            TypeId::Date => fixed(4, DataType::Date32),
            TypeId::Time => fixed(8, DataType::Time64(TimeUnit::Microsecond)),
            TypeId::TimeNs => fixed(8, DataType::Time64(TimeUnit::Nanosecond)),
            TypeId::TimeTz => named(8, DataType::FixedSizeBinary(8), wire::TIME_TZ),
            TypeId::Timestamp => fixed(8, DataType::Timestamp(TimeUnit::Microsecond, None)),
            TypeId::TimestampTz => fixed(8, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
            TypeId::TimestampS => fixed(8, DataType::Timestamp(TimeUnit::Second, None)),
            TypeId::TimestampMs => fixed(8, DataType::Timestamp(TimeUnit::Millisecond, None)),
            TypeId::TimestampNs => fixed(8, DataType::Timestamp(TimeUnit::Nanosecond, None)),
            TypeId::Interval => named(16, DataType::FixedSizeBinary(16), wire::INTERVAL),
            TypeId::Uuid => Some(Self {
                layout: Layout::Uuid,
                data_type: DataType::FixedSizeBinary(16),
                extension: Some(wire::UUID),
                labels: None,
            }),
            TypeId::Varchar => Some(Self {
                layout: Layout::View,
                data_type: DataType::Utf8View,
                extension: logical.is_json().then_some(wire::JSON),
                labels: None,
            }),
            TypeId::Blob => Some(Self {
                layout: Layout::View,
                data_type: DataType::BinaryView,
                extension: None,
                labels: None,
            }),
            TypeId::List | TypeId::Array => {
                let child = Self::of(&logical.element()?)?;
                let array = (logical.id() == TypeId::Array).then(|| logical.array_size());
                let data_type = DataType::List(Arc::new(child.field("item")));
                Some(Self {
                    layout: Layout::List { child: Box::new(child), array },
                    data_type,
                    extension: None,
                    labels: None,
                })
            }
            TypeId::Enum => {
                let width = logical.enum_width()?;
                let index = match width {
                    1 => DataType::UInt8,
                    2 => DataType::UInt16,
                    _ => DataType::UInt32,
                };
                Some(Self {
                    layout: Layout::Fixed { width },
                    data_type: DataType::Dictionary(Box::new(index), Box::new(DataType::Utf8View)),
                    extension: None,
                    labels: Some(logical.enum_labels().into()),
                })
            }
            TypeId::Null | TypeId::Other => None,
        }
    }

    fn decimal(logical: &LogicalType) -> Option<Self> {
        let (precision, scale) = logical.decimal_width_scale();
        let arrow_scale = i8::try_from(scale).ok()?;
        let (width, data_type) = match precision {
            0..=4 => {
                let data_type = DataType::Decimal32(precision, arrow_scale);
                return Some(Self { layout: Layout::Decimal16, data_type, extension: None, labels: None });
            }
            5..=9 => (4, DataType::Decimal32(precision, arrow_scale)),
            10..=18 => (8, DataType::Decimal64(precision, arrow_scale)),
            _ => (16, DataType::Decimal128(precision, arrow_scale)),
        };
        Some(Self { layout: Layout::Fixed { width }, data_type, extension: None, labels: None })
    }

    /// Adds the labels of the dictionaries that the field of this type has, depth first.
    pub(crate) fn dictionaries<'a>(&'a self, found: &mut Vec<&'a [String]>) {
        found.extend(self.labels.as_deref());
        if let Layout::List { child, .. } = &self.layout {
            child.dictionaries(found);
        }
    }

    /// The Arrow field; always nullable.
    pub(crate) fn field(&self, name: &str) -> Field {
        let field = Field::new(name, self.data_type.clone(), true);
        match self.extension {
            Some(name) => {
                field.with_metadata([(wire::EXTENSION_KEY.to_owned(), name.to_owned())].into_iter().collect())
            }
            None => field,
        }
    }

    /// The type to cast to in SQL for a type without wire form: VARCHAR, or lists of it.
    pub(crate) fn cast_target(logical: &LogicalType) -> String {
        match (logical.id(), logical.element()) {
            (TypeId::List | TypeId::Array, Some(element)) => format!("{}[]", Self::cast_target(&element)),
            _ => "VARCHAR".to_owned(),
        }
    }
}

/// DuckDB's name of a type, as `typeof` prints it, for the types that have a wire form.
pub(crate) fn type_name(logical: &LogicalType) -> String {
    let name = match logical.id() {
        TypeId::Boolean => "BOOLEAN",
        TypeId::TinyInt => "TINYINT",
        TypeId::SmallInt => "SMALLINT",
        TypeId::Integer => "INTEGER",
        TypeId::BigInt => "BIGINT",
        TypeId::UTinyInt => "UTINYINT",
        TypeId::USmallInt => "USMALLINT",
        TypeId::UInteger => "UINTEGER",
        TypeId::UBigInt => "UBIGINT",
        TypeId::Float => "FLOAT",
        TypeId::Double => "DOUBLE",
        TypeId::Timestamp => "TIMESTAMP",
        TypeId::TimestampS => "TIMESTAMP_S",
        TypeId::TimestampMs => "TIMESTAMP_MS",
        TypeId::TimestampNs => "TIMESTAMP_NS",
        TypeId::TimestampTz => "TIMESTAMP WITH TIME ZONE",
        TypeId::Date => "DATE",
        TypeId::Time => "TIME",
        TypeId::TimeNs => "TIME_NS",
        TypeId::TimeTz => "TIME WITH TIME ZONE",
        TypeId::Interval => "INTERVAL",
        TypeId::HugeInt => "HUGEINT",
        TypeId::UHugeInt => "UHUGEINT",
        TypeId::Varchar if logical.is_json() => "JSON",
        TypeId::Varchar => "VARCHAR",
        TypeId::Blob => "BLOB",
        TypeId::Uuid => "UUID",
        TypeId::Enum => "ENUM",
        TypeId::Null => "\"NULL\"",
        TypeId::Other => return logical.other_name().to_owned(),
        TypeId::Decimal => {
            let (width, scale) = logical.decimal_width_scale();
            return format!("DECIMAL({width},{scale})");
        }
        TypeId::List | TypeId::Array => {
            let element =
                logical.element().map_or_else(|| "VARCHAR".to_owned(), |element| type_name(&element));
            return match logical.id() {
                TypeId::Array => format!("{element}[{}]", logical.array_size()),
                _ => format!("{element}[]"),
            };
        }
    };
    name.to_owned()
}

/// The schema of a result.
pub(crate) fn schema(names: &[String], types: &[WireType]) -> Schema {
    Schema::new(names.iter().zip(types).map(|(name, wire)| wire.field(name)).collect::<Vec<_>>())
}
