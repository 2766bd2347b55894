//! `bytea` and `uuid`.

use bridge_types::oid::{BYTEA, INT4, TEXT};

use super::Entry;

/// Name, argument types and template.
const FUNCTIONS: &[(&str, &[u32], &str)] = &[
    ("byteacat", &[BYTEA, BYTEA], "({0} || {1})"),
    ("encode", &[BYTEA, TEXT], "pg_encode({0}, {1})"),
    ("decode", &[TEXT, TEXT], "pg_decode({0}, {1})"),
    ("md5", &[BYTEA], "md5({0})"),
    ("sha256", &[BYTEA], "from_hex(sha256({0}))"),
    ("bit_length", &[BYTEA], "CAST(octet_length({0}) * 8 AS INTEGER)"),
    ("bit_length", &[TEXT], "CAST(strlen({0}) * 8 AS INTEGER)"),
    ("get_byte", &[BYTEA, INT4], "pg_get_byte({0}, {1})"),
    ("substring", &[BYTEA, INT4], "pg_bytea_from({0}, {1})"),
    ("substring", &[BYTEA, INT4, INT4], "pg_bytea_substring({0}, {1}, {2})"),
    ("substr", &[BYTEA, INT4], "pg_bytea_from({0}, {1})"),
    ("substr", &[BYTEA, INT4, INT4], "pg_bytea_substring({0}, {1}, {2})"),
];

pub(super) fn entries() -> Vec<Entry> {
    FUNCTIONS.iter().map(|(name, args, sql)| Entry::template(name, args, *sql)).collect()
}
