//! The types of the bridge's type map, and values of them.

use bridge_types::oid;

use crate::random::Random;

/// A type: how columns of it are declared, and which values they hold.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) oid: u32,
    /// Name in casts.
    pub(crate) name: &'static str,
    /// Declarations of columns.
    pub(crate) columns: &'static [&'static str],
    /// Ordinary values: arithmetic on them hardly ever overflows, and text has few lengths.
    pub(crate) values: &'static [&'static str],
    /// What is at the ends of the type.
    pub(crate) edges: &'static [&'static str],
    /// Whether `=`, DISTINCT and GROUP BY have one answer: no two values are equal and look different.
    pub(crate) exact: bool,
    /// Whether there is a `<` that DuckDB has too.
    pub(crate) ordered: bool,
}

const INTEGERS: &[&str] = &["-7", "-3", "-2", "-1", "0", "1", "2", "3", "4", "5", "7", "10", "12"];
const FLOATS: &[&str] = &["-4.5", "-2.5", "-1", "-0.25", "0", "0.25", "0.5", "1", "1.5", "2.5", "3.5", "8"];

macro_rules! types {
    ($($oid:ident $name:literal $columns:expr, $exact:literal $ordered:literal, $values:expr, $edges:expr;)*) => {
        &[$(Type { oid: oid::$oid, name: $name, columns: &$columns, values: $values, edges: &$edges,
                   exact: $exact, ordered: $ordered },)*]
    };
}

/// Every type that tables and expressions have.
pub(crate) const TYPES: &[Type] = types! {
    BOOL "bool" ["boolean"], true true, &["true", "false"], ["true", "false"];
    INT2 "int2" ["smallint"], true true, INTEGERS, ["0", "1", "-1", "32767", "-32768", "181", "255"];
    INT4 "int4" ["integer"], true true, INTEGERS, ["0", "1", "-1", "2147483647", "-2147483648", "46341", "65536"];
    INT8 "int8" ["bigint"], true true, INTEGERS,
        ["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "9007199254740993", "3037000500", "4294967296"];
    FLOAT4 "float4" ["real"], false true, FLOATS,
        ["0", "-0", "1", "0.1", "1e30", "3.4e38", "1e-40", "-1e-30", "16777217", "NaN", "Infinity", "-Infinity"];
    FLOAT8 "float8" ["double precision"], false true, FLOATS,
        ["0", "-0", "1", "0.1", "2.5", "-3.5", "1e300", "-1e-300", "9007199254740993", "1e15", "123456789012345678", "NaN", "Infinity", "-Infinity"];
    NUMERIC "numeric" ["numeric(8,2)", "numeric(18,6)", "numeric(30,4)", "numeric(5)", "numeric(4,4)"], false true,
        &["-0.50", "0", "0.25", "0.1", "0.9999", "-0.0001", "0.5", "0.125", "0.01", "-0.75"],
        ["0", "0.5", "-0.5", "0.9999", "-0.9999", "0.0001", "0.00005", "0.00004"];
    TEXT "text" ["text"], true true,
        &["", "a", "b", "ab", "abc", "Abc ", " x", "a%c", "a_c", "ä", "foo bar", "12", "ZZ", "a,b,c", "日本"],
        ["", " ", "a\\b", "'", "\"", "\t", "日本語", "ß", "İ", "e\u{301}", "😀", "%", "_", "10", "-0", "NULL", "{}"];
    VARCHAR "varchar" ["varchar(12)", "varchar"], true true,
        &["", "a", "b", "ab", "abc", "Abc ", " x", "a%c", "12", "foo bar"], ["", "a  ", "ä", "abcdefghijkl", "日本語"];
    BPCHAR "bpchar" ["char(5)", "char(1)", "char(12)"], true true,
        &["", "a", "b", "A", "c", "ä", "x"], ["", " ", "a", "ä", "\t", "%"];
    BYTEA "bytea" ["bytea"], true true, &["", "\\x00", "\\x61", "\\xdeadbeef"], ["", "\\x00", "\\xff00ff", "\\x5c"];
    DATE "date" ["date"], true true,
        &["2023-12-31", "2024-01-01", "2024-02-28", "2024-02-29", "2024-03-01", "2000-01-01", "1999-12-31", "2024-12-30"],
        ["1970-01-01", "0001-01-01", "9999-12-31", "infinity", "-infinity", "0044-03-15 BC", "1582-10-15"];
    TIME "time" ["time"], true true, &["00:00:00", "12:34:56.789", "23:59:59.999999", "06:30:00"],
        ["00:00:00", "24:00:00", "00:00:00.000001", "23:59:59.999999"];
    TIMETZ "timetz" ["timetz"], true false, &["00:00:00+00", "12:00:00+02", "23:59:59.5-08"],
        ["00:00:00+15:59", "24:00:00-15:59", "12:00:00+05:30"];
    TIMESTAMP "timestamp" ["timestamp"], true true,
        &["2023-12-31 23:59:59.999999", "2024-01-01 00:00:00", "2024-02-29 12:30:00.5", "2024-03-10 02:30:00", "1999-12-31 06:00:00", "2024-11-03 01:30:00"],
        ["1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "0001-01-01 00:00:00", "infinity", "-infinity", "0044-03-15 01:02:03 BC", "9999-12-31 23:59:59.999999"];
    TIMESTAMPTZ "timestamptz" ["timestamptz"], true true,
        &["2023-12-31 23:59:59.999999+00", "2024-01-01 00:00:00+00", "2024-02-29 12:30:00.5+00", "2024-03-10 07:30:00+00", "1999-12-31 06:00:00+00", "2024-11-03 05:30:00+00"],
        ["1970-01-01 00:00:00+00", "1969-12-31 23:59:59.999999+00", "2024-03-10 06:59:59.999999+00", "infinity", "-infinity", "1900-01-01 00:00:00+00"];
    INTERVAL "interval" ["interval"], false true,
        &["0", "1 day", "2 hours", "1 mon", "-3 days 04:05:06", "1 year 2 mons", "00:00:00.5"],
        ["0", "24 hours", "30 days", "1 mon", "-1 year 2 mons 3 days 04:05:06.789", "1 microsecond", "1000 years", "-1000000 hours"];
    UUID "uuid" ["uuid"], true true,
        &["00000000-0000-0000-0000-000000000000", "12345678-9abc-def0-1234-56789abcdef0"],
        ["ffffffff-ffff-ffff-ffff-ffffffffffff", "80000000-0000-0000-0000-000000000001"];
    JSON "json" ["json"], false false, &["{\"a\": 1}", "[1, 2]", "null", "\"x\""], ["{\"a\":1,\"a\":2}", "1.50", "{}", "[]"];
    INT4_ARRAY "int4[]" ["integer[]"], true true, &["{1,2,3}", "{}", "{NULL,7}", "{-1}"], ["{}", "{NULL}", "{2147483647,-2147483648}"];
    TEXT_ARRAY "text[]" ["text[]"], true true, &["{a,\"b c\",NULL}", "{}", "{\"\",\"NULL\"}", "{ab}"], ["{}", "{NULL}", "{\"{\",\"\\\\\",\"\\\"\"}"];
    NUMERIC_ARRAY "numeric[]" ["numeric(8,2)[]"], false false, &["{1.50,-2.25}", "{}", "{NULL}"], ["{}", "{999999.99}"];
};

/// The type of that oid.
pub(crate) fn find(oid: u32) -> Option<&'static Type> {
    TYPES.iter().find(|ty| ty.oid == oid)
}

/// Name of a type in casts.
pub(crate) fn name(oid: u32) -> String {
    find(oid).map_or_else(|| "text".to_owned(), |ty| ty.name.to_owned())
}

/// The array type over `element`, if it is on the list.
pub(crate) fn array_of(element: u32) -> Option<u32> {
    match element {
        oid::INT4 => Some(oid::INT4_ARRAY),
        oid::TEXT => Some(oid::TEXT_ARRAY),
        oid::NUMERIC => Some(oid::NUMERIC_ARRAY),
        _ => None,
    }
}

/// The element type of an array type.
pub(crate) fn element_of(array: u32) -> Option<u32> {
    TYPES.iter().map(|ty| ty.oid).find(|oid| array_of(*oid) == Some(array))
}

/// A literal of the type, an edge value in one of ten or always.
pub(crate) fn literal(random: &mut Random, ty: &Type, edges: bool) -> String {
    let values = if edges { ty.edges } else { ty.values };
    let value = random.pick(values);
    match ty.oid {
        oid::INT4 if !value.starts_with('-') => (*value).to_owned(),
        oid::NUMERIC if value.contains('.') && !value.starts_with('-') => (*value).to_owned(),
        oid::BOOL => (*value).to_owned(),
        _ => format!("'{}'::{}", value.replace('\'', "''"), ty.name),
    }
}
