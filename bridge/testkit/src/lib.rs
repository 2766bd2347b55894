//! Random batches and slow reference conversions for tests.
//!
//! Everything meets in one canonical text: [`mod@reference`] says what text a slot of an Arrow
//! array must have as a Postgres value, [`decode`] what text a datum has. Both work value by
//! value on strings and share no code with the kernels they judge.
//!
//! Canonical text: numbers in decimal (floats by their bits), dates and timestamps as counts
//! since 2000-01-01, `inf` and `-inf`, bytes in hexadecimal, intervals as `months days us`,
//! arrays as nested `[a,b,NULL]`.
#![allow(unsafe_code, reason = "decode reads Postgres values from raw memory, as Postgres would")]

pub mod decode;
pub mod random;
pub mod reference;
