//! Reading Postgres' values.

use bridge_types::epoch::{
    DUCKDB_DATE_INFINITY, DUCKDB_DATE_NEG_INFINITY, DUCKDB_TIMESTAMP_INFINITY, DUCKDB_TIMESTAMP_NEG_INFINITY,
    PG_DATE_INFINITY, PG_DATE_NEG_INFINITY, PG_EPOCH_OFFSET_DAYS, PG_EPOCH_OFFSET_US, PG_TIMESTAMP_INFINITY,
    PG_TIMESTAMP_NEG_INFINITY,
};

use crate::error::Fault;
use crate::layout::{
    DUCKDB_TIME_TZ_MAX_OFFSET, DUCKDB_TIME_TZ_OFFSET_BITS, INTERVAL_BYTES, NAMEDATALEN, TIMETZ_BYTES,
    VARHDRSZ, VARHDRSZ_SHORT,
};

/// The address in a by-reference datum.
#[inline(always)]
pub(crate) fn datum_pointer(datum: u64) -> *const u8 {
    std::ptr::with_exposed_provenance(usize::try_from(datum).unwrap_or(0))
}

/// The payload of a varlena.
/// Errors: `Malformed` if it is external or compressed.
///
/// # Safety
/// `datum` points at a varlena that stays as it is for `'a`; a 4-byte header is 4-aligned.
#[inline(always)]
pub(crate) unsafe fn varlena<'a>(datum: u64) -> Result<&'a [u8], Fault> {
    let start = datum_pointer(datum);
    // SAFETY: a varlena has at least its header; its header says how long it is (caller).
    unsafe {
        let first = *start;
        if first & 1 == 1 {
            let total = usize::from(first >> 1);
            let len = total
                .checked_sub(VARHDRSZ_SHORT)
                .ok_or(Fault::Malformed("an external value was not fetched"))?;
            return Ok(std::slice::from_raw_parts(start.add(VARHDRSZ_SHORT), len));
        }
        let header = start.cast::<u32>().read_unaligned();
        if header & 3 != 0 {
            return Err(Fault::Malformed("a compressed value was not expanded"));
        }
        let len = (header >> 2) as usize;
        let len = len.checked_sub(VARHDRSZ).ok_or(Fault::Malformed("a value is shorter than its header"))?;
        Ok(std::slice::from_raw_parts(start.add(VARHDRSZ), len))
    }
}

/// The text of a `name`.
///
/// # Safety
/// `datum` points at 64 bytes that stay as they are for `'a`.
pub(crate) unsafe fn name<'a>(datum: u64) -> &'a [u8] {
    // SAFETY: 64 bytes (caller).
    let bytes = unsafe { std::slice::from_raw_parts(datum_pointer(datum), NAMEDATALEN) };
    bytes.split(|byte| *byte == 0).next().unwrap_or(bytes)
}

/// A fixed-size value.
///
/// # Safety
/// `datum` points at `N` bytes.
#[inline(always)]
pub(crate) unsafe fn fixed<const N: usize>(datum: u64) -> [u8; N] {
    // SAFETY: N bytes (caller), no alignment needed for bytes.
    unsafe { *datum_pointer(datum).cast::<[u8; N]>() }
}

/// The low 32 bits of a by-value datum, signed.
#[inline(always)]
pub(crate) fn int4(datum: u64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "DatumGetInt32 takes the low half")]
    let low = datum as u32;
    low.cast_signed()
}

/// The low 16 bits of a by-value datum, signed.
#[inline(always)]
pub(crate) fn int2(datum: u64) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "DatumGetInt16 takes the low quarter")]
    let low = datum as u16;
    low.cast_signed()
}

/// The low byte of a by-value datum.
#[inline(always)]
pub(crate) fn byte(datum: u64) -> u8 {
    (datum & 0xff).to_le_bytes()[0]
}

/// Days since 1970-01-01 of days since 2000-01-01; infinities map to infinities.
/// Errors: `DatetimeOverflow` beyond what DuckDB holds.
#[inline(always)]
pub(crate) fn date(pg: i32) -> Result<i32, Fault> {
    match pg {
        PG_DATE_INFINITY => Ok(DUCKDB_DATE_INFINITY),
        PG_DATE_NEG_INFINITY => Ok(DUCKDB_DATE_NEG_INFINITY),
        _ => {
            let days = pg.checked_add(PG_EPOCH_OFFSET_DAYS).filter(|days| *days != DUCKDB_DATE_INFINITY);
            days.ok_or(Fault::DatetimeOverflow("date"))
        }
    }
}

/// Microseconds since 1970-01-01 of microseconds since 2000-01-01; infinities map to infinities.
/// Errors: `DatetimeOverflow` beyond what DuckDB holds, from the year 294247 on.
#[inline(always)]
pub(crate) fn timestamp(pg: i64) -> Result<i64, Fault> {
    match pg {
        PG_TIMESTAMP_INFINITY => Ok(DUCKDB_TIMESTAMP_INFINITY),
        PG_TIMESTAMP_NEG_INFINITY => Ok(DUCKDB_TIMESTAMP_NEG_INFINITY),
        _ => {
            let us = pg.checked_add(PG_EPOCH_OFFSET_US).filter(|us| *us != DUCKDB_TIMESTAMP_INFINITY);
            us.ok_or(Fault::DatetimeOverflow("timestamp"))
        }
    }
}

/// DuckDB's `time_tz` bits of a `timetz`.
/// Errors: `DatetimeOverflow` for an offset of 16 hours or more.
pub(crate) fn timetz(pg: [u8; TIMETZ_BYTES]) -> Result<[u8; 8], Fault> {
    let [t0, t1, t2, t3, t4, t5, t6, t7, z0, z1, z2, z3] = pg;
    let time = i64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
    // Postgres counts seconds west, DuckDB stores its largest offset minus seconds east.
    let offset = i32::from_le_bytes([z0, z1, z2, z3]).saturating_add(DUCKDB_TIME_TZ_MAX_OFFSET);
    let offset = u64::try_from(offset)
        .ok()
        .filter(|offset| *offset <= 2 * u64::from(DUCKDB_TIME_TZ_MAX_OFFSET.unsigned_abs()));
    let offset = offset.ok_or(Fault::DatetimeOverflow("time zone displacement"))?;
    let time = u64::try_from(time).map_err(|_| Fault::DatetimeOverflow("time"))?;
    Ok((time << DUCKDB_TIME_TZ_OFFSET_BITS | offset).to_le_bytes())
}

/// DuckDB's interval (months, days, microseconds) of Postgres' (microseconds, days, months).
/// Errors: `DatetimeOverflow` for the infinite intervals of Postgres 17.
pub(crate) fn interval(pg: [u8; INTERVAL_BYTES]) -> Result<[u8; INTERVAL_BYTES], Fault> {
    const INFINITY: u128 = (i64::MAX.cast_unsigned() as u128)
        | (i32::MAX.cast_unsigned() as u128) << 64
        | (i32::MAX.cast_unsigned() as u128) << 96;
    let bits = u128::from_le_bytes(pg);
    // -infinity has the lowest value in all three fields: the complement of the highest.
    if bits == INFINITY || bits == !INFINITY {
        return Err(Fault::DatetimeOverflow("interval"));
    }
    let (time, days, months) = (bits & u128::from(u64::MAX), (bits >> 64) & 0xffff_ffff, bits >> 96);
    Ok((months | days << 32 | time << 64).to_le_bytes())
}
