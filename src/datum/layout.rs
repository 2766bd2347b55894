//! The kernels know Postgres' memory formats by heart; here the compiler compares them with
//! Postgres' own headers. `numeric.c` and `varatt.h` keep theirs to themselves, and neither `pg_uuid_t`
//! nor `MaxAllocSize` is in the bindings: those are covered by the differential tests.

use bridge_kernels::layout;
use bridge_types::oid;
use pgrx::pg_sys;
use std::mem::offset_of;

const _: () = assert!(size_of::<pg_sys::Datum>() == size_of::<u64>());
const _: () = assert!(layout::VARHDRSZ == pg_sys::VARHDRSZ);
const _: () = assert!(layout::MAXALIGN == pg_sys::MAXIMUM_ALIGNOF as usize);
const _: () = assert!(layout::NAMEDATALEN == pg_sys::NAMEDATALEN as usize);

const _: () = assert!(layout::ARRAY_HEADER_BYTES == size_of::<pg_sys::ArrayType>());
const _: () = assert!(layout::ARRAY_NDIM == offset_of!(pg_sys::ArrayType, ndim));
const _: () = assert!(layout::ARRAY_DATAOFFSET == offset_of!(pg_sys::ArrayType, dataoffset));
const _: () = assert!(layout::ARRAY_ELEMTYPE == offset_of!(pg_sys::ArrayType, elemtype));
const _: () = assert!(layout::ARRAY_MAXDIM == pg_sys::MAXDIM as usize);

const _: () = assert!(layout::INTERVAL_BYTES == size_of::<pg_sys::Interval>());
const _: () = assert!(layout::INTERVAL_TIME == offset_of!(pg_sys::Interval, time));
const _: () = assert!(layout::INTERVAL_DAY == offset_of!(pg_sys::Interval, day));
const _: () = assert!(layout::INTERVAL_MONTH == offset_of!(pg_sys::Interval, month));
const _: () = assert!(layout::TIMETZ_ZONE == offset_of!(pg_sys::TimeTzADT, zone));
const _: () = assert!(layout::TIMETZ_SLOT_BYTES == size_of::<pg_sys::TimeTzADT>());
// The padding behind the last field is no part of the value (`typlen`).
const _: () = assert!(layout::TIMETZ_BYTES == layout::TIMETZ_ZONE + size_of::<i32>());

/// Oids of built-in types never change; a typo in ours would.
const _: () = {
    let pairs = [
        (oid::BOOL, pg_sys::BOOLOID),
        (oid::BYTEA, pg_sys::BYTEAOID),
        (oid::CHAR, pg_sys::CHAROID),
        (oid::NAME, pg_sys::NAMEOID),
        (oid::INT8, pg_sys::INT8OID),
        (oid::INT2, pg_sys::INT2OID),
        (oid::INT4, pg_sys::INT4OID),
        (oid::TEXT, pg_sys::TEXTOID),
        (oid::OID, pg_sys::OIDOID),
        (oid::JSON, pg_sys::JSONOID),
        (oid::FLOAT4, pg_sys::FLOAT4OID),
        (oid::FLOAT8, pg_sys::FLOAT8OID),
        (oid::UNKNOWN, pg_sys::UNKNOWNOID),
        (oid::BPCHAR, pg_sys::BPCHAROID),
        (oid::VARCHAR, pg_sys::VARCHAROID),
        (oid::DATE, pg_sys::DATEOID),
        (oid::TIME, pg_sys::TIMEOID),
        (oid::TIMESTAMP, pg_sys::TIMESTAMPOID),
        (oid::TIMESTAMPTZ, pg_sys::TIMESTAMPTZOID),
        (oid::INTERVAL, pg_sys::INTERVALOID),
        (oid::TIMETZ, pg_sys::TIMETZOID),
        (oid::BIT, pg_sys::BITOID),
        (oid::VARBIT, pg_sys::VARBITOID),
        (oid::NUMERIC, pg_sys::NUMERICOID),
        (oid::UUID, pg_sys::UUIDOID),
        (oid::JSONB, pg_sys::JSONBOID),
        (oid::BOOL_ARRAY, pg_sys::BOOLARRAYOID),
        (oid::BYTEA_ARRAY, pg_sys::BYTEAARRAYOID),
        (oid::CHAR_ARRAY, pg_sys::CHARARRAYOID),
        (oid::NAME_ARRAY, pg_sys::NAMEARRAYOID),
        (oid::OID_ARRAY, pg_sys::OIDARRAYOID),
        (oid::INT2_ARRAY, pg_sys::INT2ARRAYOID),
        (oid::INT4_ARRAY, pg_sys::INT4ARRAYOID),
        (oid::INT8_ARRAY, pg_sys::INT8ARRAYOID),
        (oid::TEXT_ARRAY, pg_sys::TEXTARRAYOID),
        (oid::BPCHAR_ARRAY, pg_sys::BPCHARARRAYOID),
        (oid::VARCHAR_ARRAY, pg_sys::VARCHARARRAYOID),
        (oid::FLOAT4_ARRAY, pg_sys::FLOAT4ARRAYOID),
        (oid::FLOAT8_ARRAY, pg_sys::FLOAT8ARRAYOID),
        (oid::TIMESTAMP_ARRAY, pg_sys::TIMESTAMPARRAYOID),
        (oid::DATE_ARRAY, pg_sys::DATEARRAYOID),
        (oid::TIME_ARRAY, pg_sys::TIMEARRAYOID),
        (oid::TIMESTAMPTZ_ARRAY, pg_sys::TIMESTAMPTZARRAYOID),
        (oid::INTERVAL_ARRAY, pg_sys::INTERVALARRAYOID),
        (oid::NUMERIC_ARRAY, pg_sys::NUMERICARRAYOID),
        (oid::TIMETZ_ARRAY, pg_sys::TIMETZARRAYOID),
        (oid::JSON_ARRAY, pg_sys::JSONARRAYOID),
        (oid::UUID_ARRAY, pg_sys::UUIDARRAYOID),
    ];
    let mut i = 0;
    while i < pairs.len() {
        assert!(pairs[i].0 == pairs[i].1.to_u32());
        i += 1;
    }
};
