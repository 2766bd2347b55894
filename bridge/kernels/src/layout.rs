//! Postgres' in-memory formats of by-reference values (64-bit, little endian), as constants
//! that the extension asserts against its server headers at compile time.

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
