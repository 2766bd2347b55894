//! Postgres' in-memory formats of by-reference values (64-bit, little endian), as constants
//! that the extension asserts against its server headers at compile time.

use bridge_types::oid;

/// Bytes of a 4-byte varlena header (`VARHDRSZ`).
pub const VARHDRSZ: usize = 4;
/// Bytes of a 1-byte varlena header (`VARHDRSZ_SHORT`).
pub const VARHDRSZ_SHORT: usize = 1;
/// Longest varlena, header included, that may have a 1-byte header (`VARATT_SHORT_MAX`).
pub const VARATT_SHORT_MAX: usize = 0x7f;
/// `MaxAllocSize`: the longest varlena, header included.
pub const MAX_VARLENA: usize = bridge_types::limits::MAX_FIELD_BYTES;
/// `MAXIMUM_ALIGNOF`.
pub const MAXALIGN: usize = 8;
/// `NAMEDATALEN`: bytes of a `name`, zero padded.
pub const NAMEDATALEN: usize = 64;

/// The header byte of a short varlena of `total` bytes (`SET_VARSIZE_1B`).
#[inline]
#[must_use]
pub const fn short_header(total: usize) -> u8 {
    debug_assert!(total >= VARHDRSZ_SHORT && total <= VARATT_SHORT_MAX);
    #[expect(clippy::cast_possible_truncation, reason = "total <= 127, so the byte holds it")]
    let header = ((total << 1) | 1) as u8;
    header
}

/// The header word of an uncompressed varlena of `total` bytes (`SET_VARSIZE_4B`).
#[inline]
#[must_use]
pub const fn long_header(total: usize) -> u32 {
    debug_assert!(total >= VARHDRSZ && total <= MAX_VARLENA);
    #[expect(clippy::cast_possible_truncation, reason = "total < 2^30")]
    let header = (total << 2) as u32;
    header
}

/// `sizeof(pg_uuid_t)`; alignment 1.
pub const UUID_BYTES: usize = 16;
/// `sizeof(Interval)`: `time` i64, `day` i32, `month` i32; alignment 8.
pub const INTERVAL_BYTES: usize = 16;
/// Offsets of the fields of `Interval`.
pub const INTERVAL_TIME: usize = 0;
/// See [`INTERVAL_TIME`].
pub const INTERVAL_DAY: usize = 8;
/// See [`INTERVAL_TIME`].
pub const INTERVAL_MONTH: usize = 12;
/// `typlen` of `timetz`: `time` i64, `zone` i32 (seconds west); alignment 8.
pub const TIMETZ_BYTES: usize = 12;
/// `sizeof(TimeTzADT)`, with the padding behind it.
pub const TIMETZ_SLOT_BYTES: usize = 16;
/// Offset of `zone` in `TimeTzADT`.
pub const TIMETZ_ZONE: usize = 8;

/// Low bits of DuckDB's `dtime_tz_t` that hold the offset.
pub const DUCKDB_TIME_TZ_OFFSET_BITS: u32 = 24;
/// DuckDB stores this minus the seconds east of UTC: 15:59:59.
pub const DUCKDB_TIME_TZ_MAX_OFFSET: i32 = 16 * 60 * 60 - 1;

/// Decimal digits in one digit of a numeric (`DEC_DIGITS`); the base is 10^4 (`NBASE`).
pub const NUMERIC_DEC_DIGITS: usize = 4;
/// `NBASE`.
pub const NUMERIC_BASE: u16 = 10_000;
/// `NUMERIC_SIGN_MASK` of the first 16-bit word.
pub const NUMERIC_SIGN_MASK: u16 = 0xc000;
/// `NUMERIC_NEG`, long form.
pub const NUMERIC_NEG: u16 = 0x4000;
/// `NUMERIC_SHORT`: the word is the whole header.
pub const NUMERIC_SHORT: u16 = 0x8000;
/// `NUMERIC_SPECIAL`.
pub const NUMERIC_SPECIAL: u16 = 0xc000;
/// `NUMERIC_NAN`.
pub const NUMERIC_NAN: u16 = 0xc000;
/// `NUMERIC_PINF`.
pub const NUMERIC_PINF: u16 = 0xd000;
/// `NUMERIC_NINF`.
pub const NUMERIC_NINF: u16 = 0xf000;
/// `NUMERIC_SHORT_SIGN_MASK`.
pub const NUMERIC_SHORT_SIGN: u16 = 0x2000;
/// `NUMERIC_SHORT_DSCALE_SHIFT`.
pub const NUMERIC_SHORT_DSCALE_SHIFT: u32 = 7;
/// `NUMERIC_SHORT_DSCALE_MAX`.
pub const NUMERIC_SHORT_DSCALE_MAX: u16 = 0x3f;
/// `NUMERIC_SHORT_WEIGHT_SIGN_MASK`.
pub const NUMERIC_SHORT_WEIGHT_SIGN: u16 = 0x40;
/// `NUMERIC_SHORT_WEIGHT_MASK`.
pub const NUMERIC_SHORT_WEIGHT_MASK: u16 = 0x3f;
/// `NUMERIC_SHORT_WEIGHT_MIN`.
pub const NUMERIC_SHORT_WEIGHT_MIN: i16 = -64;
/// `NUMERIC_SHORT_WEIGHT_MAX`.
pub const NUMERIC_SHORT_WEIGHT_MAX: i16 = 63;
/// `NUMERIC_DSCALE_MASK` and `NUMERIC_DSCALE_MAX`, long form.
pub const NUMERIC_DSCALE_MASK: u16 = 0x3fff;

/// The header word of a short-form numeric. `dscale` and `weight` must be in the short ranges.
#[inline]
#[must_use]
pub const fn numeric_short_header(negative: bool, dscale: u16, weight: i16) -> u16 {
    NUMERIC_SHORT
        | if negative { NUMERIC_SHORT_SIGN } else { 0 }
        | (dscale << NUMERIC_SHORT_DSCALE_SHIFT)
        | (weight.cast_unsigned() & (NUMERIC_SHORT_WEIGHT_SIGN | NUMERIC_SHORT_WEIGHT_MASK))
}

/// `sizeof(ArrayType)`: length word, `ndim`, `dataoffset` (i32), `elemtype` (oid). Dimensions
/// (i32 each), lower bounds (i32 each), null bitmap (bit set = not null) and, on the next
/// [`MAXALIGN`] boundary, the elements follow.
pub const ARRAY_HEADER_BYTES: usize = 16;
/// Offset of `ndim` in `ArrayType`.
pub const ARRAY_NDIM: usize = 4;
/// Offset of `dataoffset` in `ArrayType`: 0 if there is no null bitmap.
pub const ARRAY_DATAOFFSET: usize = 8;
/// Offset of `elemtype` in `ArrayType`.
pub const ARRAY_ELEMTYPE: usize = 12;
/// `MAXDIM`.
pub const ARRAY_MAXDIM: usize = 6;

/// How values of a type lie in an array: `typlen`, `typbyval` and `typalign` of `pg_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementLayout {
    /// By value, so many bytes, aligned to its size.
    ByValue(usize),
    /// By reference, a fixed size and its alignment.
    Fixed {
        /// `typlen`.
        bytes: usize,
        /// `typalign` in bytes.
        align: usize,
    },
    /// A varlena, aligned to 4.
    Varlena,
}

impl ElementLayout {
    /// The layout of a type the bridge carries in arrays.
    #[must_use]
    pub const fn of(type_oid: u32) -> Option<Self> {
        Some(match type_oid {
            oid::BOOL | oid::CHAR => Self::ByValue(1),
            oid::INT2 => Self::ByValue(2),
            oid::INT4 | oid::OID | oid::FLOAT4 | oid::DATE => Self::ByValue(4),
            oid::INT8 | oid::FLOAT8 | oid::TIME | oid::TIMESTAMP | oid::TIMESTAMPTZ => Self::ByValue(8),
            oid::INTERVAL => Self::Fixed { bytes: INTERVAL_BYTES, align: 8 },
            oid::TIMETZ => Self::Fixed { bytes: TIMETZ_BYTES, align: 8 },
            oid::UUID => Self::Fixed { bytes: UUID_BYTES, align: 1 },
            oid::NAME => Self::Fixed { bytes: NAMEDATALEN, align: 1 },
            oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::JSON | oid::BYTEA | oid::NUMERIC => Self::Varlena,
            _ => return None,
        })
    }

    /// Alignment in bytes.
    #[must_use]
    pub const fn align(self) -> usize {
        match self {
            Self::ByValue(bytes) => bytes,
            Self::Fixed { align, .. } => align,
            Self::Varlena => VARHDRSZ,
        }
    }
}
