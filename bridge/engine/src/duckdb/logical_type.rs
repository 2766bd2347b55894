//! DuckDB's types.

use super::owned_text;
use libduckdb_sys as ffi;

/// DuckDB's type ids, the ones the bridge tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeId {
    Boolean,
    TinyInt,
    SmallInt,
    Integer,
    BigInt,
    UTinyInt,
    USmallInt,
    UInteger,
    UBigInt,
    Float,
    Double,
    Timestamp,
    TimestampS,
    TimestampMs,
    TimestampNs,
    TimestampTz,
    Date,
    Time,
    TimeNs,
    TimeTz,
    Interval,
    HugeInt,
    UHugeInt,
    Varchar,
    Blob,
    Decimal,
    Uuid,
    List,
    Array,
    Enum,
    Null,
    /// Everything else: crosses as text.
    Other,
}

/// (type, C constant) of every type above but `Other`.
const IDS: [(TypeId, ffi::DUCKDB_TYPE); 31] = [
    (TypeId::Boolean, ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN),
    (TypeId::TinyInt, ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT),
    (TypeId::SmallInt, ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT),
    (TypeId::Integer, ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER),
    (TypeId::BigInt, ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT),
    (TypeId::UTinyInt, ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT),
    (TypeId::USmallInt, ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT),
    (TypeId::UInteger, ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER),
    (TypeId::UBigInt, ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT),
    (TypeId::Float, ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT),
    (TypeId::Double, ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE),
    (TypeId::Timestamp, ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP),
    (TypeId::TimestampS, ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S),
    (TypeId::TimestampMs, ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS),
    (TypeId::TimestampNs, ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS),
    (TypeId::TimestampTz, ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ),
    (TypeId::Date, ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE),
    (TypeId::Time, ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME),
    (TypeId::TimeNs, ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_NS),
    (TypeId::TimeTz, ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_TZ),
    (TypeId::Interval, ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL),
    (TypeId::HugeInt, ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT),
    (TypeId::UHugeInt, ffi::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT),
    (TypeId::Varchar, ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR),
    (TypeId::Blob, ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB),
    (TypeId::Decimal, ffi::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL),
    (TypeId::Uuid, ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID),
    (TypeId::List, ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST),
    (TypeId::Array, ffi::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY),
    (TypeId::Enum, ffi::DUCKDB_TYPE_DUCKDB_TYPE_ENUM),
    (TypeId::Null, ffi::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL),
];

/// An owned logical type.
pub(crate) struct LogicalType {
    raw: ffi::duckdb_logical_type,
}

// SAFETY: an owned, immutable description; nothing in it is tied to a thread.
unsafe impl Send for LogicalType {}
// SAFETY: as above; all shared uses only read it.
unsafe impl Sync for LogicalType {}

impl LogicalType {
    /// Takes over `raw`, which must be a live type that we own.
    pub(super) fn from_raw(raw: ffi::duckdb_logical_type) -> Self {
        Self { raw }
    }

    pub(crate) fn raw(&self) -> ffi::duckdb_logical_type {
        self.raw
    }

    /// A type without parameters; `Other`, `List`, `Array`, `Enum` and `Decimal` give VARCHAR here.
    pub(crate) fn plain(id: TypeId) -> Self {
        let raw_id = match id {
            TypeId::Other | TypeId::List | TypeId::Array | TypeId::Enum | TypeId::Decimal => {
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR
            }
            _ => IDS
                .iter()
                .find(|(known, _)| *known == id)
                .map_or(ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR, |(_, raw)| *raw),
        };
        // SAFETY: an id of the list above.
        Self::from_raw(unsafe { ffi::duckdb_create_logical_type(raw_id) })
    }

    /// VARCHAR under the name JSON.
    pub(crate) fn json() -> Self {
        let json = Self::plain(TypeId::Varchar);
        // SAFETY: a live type of our own and a static string.
        unsafe { ffi::duckdb_logical_type_set_alias(json.raw, c"JSON".as_ptr()) };
        json
    }

    /// Any type at all, for arguments of functions.
    pub(crate) fn any() -> Self {
        // SAFETY: a type id without parameters.
        Self::from_raw(unsafe { ffi::duckdb_create_logical_type(ffi::DUCKDB_TYPE_DUCKDB_TYPE_ANY) })
    }

    /// DECIMAL(width, scale).
    pub(crate) fn decimal(width: u8, scale: u8) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_decimal_type(width, scale) })
    }

    /// LIST of `element`.
    pub(crate) fn list(element: &Self) -> Self {
        // SAFETY: a live type; DuckDB copies it.
        Self::from_raw(unsafe { ffi::duckdb_create_list_type(element.raw) })
    }

    /// What kind of type this is.
    pub(crate) fn id(&self) -> TypeId {
        if self.raw.is_null() {
            return TypeId::Other;
        }
        // SAFETY: a live type.
        let raw = unsafe { ffi::duckdb_get_type_id(self.raw) };
        IDS.iter().find(|(_, known)| *known == raw).map_or(TypeId::Other, |(id, _)| *id)
    }

    /// True if DuckDB could not tell the type yet (a parameter without one).
    pub(crate) fn is_unresolved(&self) -> bool {
        // SAFETY: checked for null, then a live type.
        self.raw.is_null()
            || unsafe { ffi::duckdb_get_type_id(self.raw) } == ffi::DUCKDB_TYPE_DUCKDB_TYPE_INVALID
    }

    /// Width and scale of a DECIMAL.
    pub(crate) fn decimal_width_scale(&self) -> (u8, u8) {
        // SAFETY: a live type; other types give 0.
        unsafe { (ffi::duckdb_decimal_width(self.raw), ffi::duckdb_decimal_scale(self.raw)) }
    }

    /// True for VARCHAR under the name JSON.
    pub(crate) fn is_json(&self) -> bool {
        // SAFETY: a live type; the text is ours to free.
        unsafe { owned_text(ffi::duckdb_logical_type_get_alias(self.raw)) }.eq_ignore_ascii_case("json")
    }

    /// DuckDB's name for the kinds that have no variant of [`TypeId`].
    pub(crate) fn other_name(&self) -> &'static str {
        if self.raw.is_null() {
            return "UNKNOWN";
        }
        // SAFETY: a live type.
        match unsafe { ffi::duckdb_get_type_id(self.raw) } {
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => "STRUCT",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP => "MAP",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => "UNION",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIT => "BIT",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGNUM => "BIGNUM",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_GEOMETRY => "GEOMETRY",
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARIANT => "VARIANT",
            _ => "UNKNOWN",
        }
    }

    /// The labels of an ENUM, in its order; none for other types.
    pub(crate) fn enum_labels(&self) -> Vec<String> {
        if self.id() != TypeId::Enum {
            return Vec::new();
        }
        // SAFETY: a live ENUM type.
        let size = unsafe { ffi::duckdb_enum_dictionary_size(self.raw) };
        // SAFETY: as above, index < size; the text is ours to free.
        let label = |index| unsafe { owned_text(ffi::duckdb_enum_dictionary_value(self.raw, index)) };
        (0..u64::from(size)).map(label).collect()
    }

    /// Bytes of an ENUM's indices; `None` for other types.
    pub(crate) fn enum_width(&self) -> Option<usize> {
        if self.id() != TypeId::Enum {
            return None;
        }
        // SAFETY: a live ENUM type.
        match unsafe { ffi::duckdb_enum_internal_type(self.raw) } {
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => Some(1),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => Some(2),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => Some(4),
            _ => None,
        }
    }

    /// True if vectors of the two types have the same layout and meaning.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        if self.raw.is_null() || other.raw.is_null() {
            return false;
        }
        // SAFETY: live types.
        let raw_ids = unsafe { [ffi::duckdb_get_type_id(self.raw), ffi::duckdb_get_type_id(other.raw)] };
        raw_ids[0] == raw_ids[1]
            && self.decimal_width_scale() == other.decimal_width_scale()
            && self.array_size() == other.array_size()
            && self.enum_labels() == other.enum_labels()
            && match (self.element(), other.element()) {
                (Some(own), Some(other)) => own.is_same_as(&other),
                (None, None) => true,
                _ => false,
            }
            && {
                let (own, other) = (self.members(), other.members());
                own.len() == other.len()
                    && own.iter().zip(&other).all(|((own_name, own), (other_name, other))| {
                        own_name == other_name && own.is_same_as(other)
                    })
            }
    }

    /// Names and types of what a STRUCT, MAP or UNION is made of; none for other types.
    fn members(&self) -> Vec<(String, Self)> {
        // SAFETY: a live type, of the kind that each call is for; texts and types are ours.
        unsafe {
            match ffi::duckdb_get_type_id(self.raw) {
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => (0..ffi::duckdb_struct_type_child_count(self.raw))
                    .map(|index| {
                        let name = owned_text(ffi::duckdb_struct_type_child_name(self.raw, index));
                        (name, Self::from_raw(ffi::duckdb_struct_type_child_type(self.raw, index)))
                    })
                    .collect(),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => (0..ffi::duckdb_union_type_member_count(self.raw))
                    .map(|index| {
                        let name = owned_text(ffi::duckdb_union_type_member_name(self.raw, index));
                        (name, Self::from_raw(ffi::duckdb_union_type_member_type(self.raw, index)))
                    })
                    .collect(),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP => vec![
                    ("key".to_owned(), Self::from_raw(ffi::duckdb_map_type_key_type(self.raw))),
                    ("value".to_owned(), Self::from_raw(ffi::duckdb_map_type_value_type(self.raw))),
                ],
                _ => Vec::new(),
            }
        }
    }

    /// Element type of a LIST or an ARRAY.
    pub(crate) fn element(&self) -> Option<Self> {
        let raw = match self.id() {
            // SAFETY: a live LIST type.
            TypeId::List => unsafe { ffi::duckdb_list_type_child_type(self.raw) },
            // SAFETY: a live ARRAY type.
            TypeId::Array => unsafe { ffi::duckdb_array_type_child_type(self.raw) },
            _ => return None,
        };
        Some(Self::from_raw(raw))
    }

    /// Elements of an ARRAY; 0 for other types.
    pub(crate) fn array_size(&self) -> usize {
        // SAFETY: a live type; other types give 0.
        let size = unsafe { ffi::duckdb_array_type_array_size(self.raw) };
        usize::try_from(size).unwrap_or(0)
    }
}

impl Drop for LogicalType {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: ours, destroyed once.
            unsafe { ffi::duckdb_destroy_logical_type(&raw mut self.raw) };
        }
    }
}
