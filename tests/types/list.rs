//! The list that the matrix is generated from.

/// A DuckDB type and a Postgres type for its values.
pub(crate) struct Case {
    /// DuckDB's type.
    pub(crate) duck: &'static str,
    /// Type of the Postgres column that DuckDB's values arrive in.
    pub(crate) pg: &'static str,
    /// DuckDB expressions of edge values, NULL aside.
    pub(crate) edges: &'static [&'static str],
    /// DuckDB expression of a random value, over the row number `i` and the random number `h`.
    pub(crate) random: &'static str,
    /// DuckDB expression over `v` of the text that Postgres' input function reads as the same
    /// value; empty for `CAST(v AS VARCHAR)`.
    pub(crate) text: &'static str,
    /// DuckDB expressions of values that Postgres cannot hold, each with its SQLSTATE.
    pub(crate) errors: &'static [(&'static str, &'static str)],
    /// Whether DuckDB sees the same text when the values come back from a heap table.
    pub(crate) returns: bool,
    /// SQLSTATE with which a value is refused on its way to DuckDB.
    pub(crate) refused: Option<&'static str>,
    /// A direction in which Postgres computes with the values, and DuckDB never sees them.
    pub(crate) left: Option<&'static str>,
    /// What a view makes the type from, where DuckDB's storage does not have it.
    pub(crate) stored: Option<&'static str>,
}

/// What most cases have.
const CASE: Case = Case {
    duck: "",
    pg: "",
    edges: &[],
    random: "NULL",
    text: "",
    errors: &[],
    returns: true,
    refused: None,
    left: None,
    stored: None,
};

/// A list of scalars as Postgres writes arrays; strings have neither quotes nor backslashes.
const ARRAY: &str = "'{' || array_to_string([CASE WHEN x IS NULL THEN 'NULL' ELSE '\"' || x::VARCHAR || '\"' END \
     FOR x IN v], ',') || '}'";
/// As [`ARRAY`], of times in nanoseconds, which become microseconds as by DuckDB's own cast.
const TIMES: &str = "'{' || array_to_string([coalesce(x::TIME::VARCHAR, 'NULL') FOR x IN v], ',') || '}'";
/// As [`TIMES`], of timestamps.
const TIMESTAMPS: &str = "'{' || array_to_string([coalesce('\"' || x::TIMESTAMP::VARCHAR || '\"', 'NULL') FOR x IN v], ',') || '}'";
/// A date or timestamp, with Postgres' place for BC.
const BC: &str = "replace(CAST(v AS VARCHAR), ' (BC)', '') || CASE WHEN CAST(v AS VARCHAR) LIKE '%(BC)%' THEN ' BC' ELSE '' END";
const BC_ZONE: &str = "replace(CAST(v AS VARCHAR), ' (BC)', '') || CASE WHEN CAST(v AS VARCHAR) LIKE '%(BC)%' THEN ' BC' ELSE '' END";
/// Bytes in hexadecimal.
const HEX: &str = "'\\x' || lower(hex(v))";

/// Every type DuckDB can return.
pub(crate) const CASES: &[Case] = &[
    Case { duck: "BOOLEAN", pg: "boolean", edges: &["true", "false"], random: "h % 2 = 0", ..CASE },
    Case { duck: "TINYINT", pg: "smallint", edges: &["-128", "127", "0"], random: "h % 256 - 128", ..CASE },
    Case {
        duck: "SMALLINT",
        pg: "smallint",
        edges: &["-32768", "32767"],
        random: "h % 65536 - 32768",
        ..CASE
    },
    Case {
        duck: "INTEGER",
        pg: "integer",
        edges: &["-2147483648", "2147483647", "0", "-1"],
        random: "h % 4294967296 - 2147483648",
        ..CASE
    },
    Case {
        duck: "INTEGER",
        pg: "smallint",
        edges: &["-32768", "32767"],
        random: "h % 65536 - 32768",
        errors: &[("32768", "22003"), ("-32769", "22003")],
        ..CASE
    },
    Case {
        duck: "BIGINT",
        pg: "bigint",
        edges: &["-9223372036854775808", "9223372036854775807", "0"],
        random: "(h >> (i % 60)::INTEGER) * CASE WHEN i % 2 = 0 THEN 1 ELSE -1 END",
        ..CASE
    },
    Case {
        duck: "BIGINT",
        pg: "numeric(19,0)",
        edges: &["-9223372036854775808", "9223372036854775807", "0", "10000", "9999"],
        random: "h >> (i % 60)::INTEGER",
        ..CASE
    },
    Case { duck: "UTINYINT", pg: "smallint", edges: &["0", "255"], random: "h % 256", ..CASE },
    Case { duck: "USMALLINT", pg: "integer", edges: &["0", "65535"], random: "h % 65536", ..CASE },
    Case { duck: "UINTEGER", pg: "bigint", edges: &["0", "4294967295"], random: "h % 4294967296", ..CASE },
    Case { duck: "UINTEGER", pg: "oid", edges: &["0", "4294967295"], random: "h % 4294967296", ..CASE },
    Case {
        duck: "UINTEGER",
        pg: "integer",
        edges: &["2147483647"],
        random: "h % 2147483648",
        errors: &[("2147483648", "22003")],
        ..CASE
    },
    Case {
        duck: "UBIGINT",
        pg: "numeric(20,0)",
        edges: &["0", "18446744073709551615"],
        random: "h::HUGEINT * 2",
        ..CASE
    },
    Case {
        duck: "UBIGINT",
        pg: "bigint",
        edges: &["9223372036854775807"],
        random: "h",
        errors: &[("9223372036854775808", "22003")],
        ..CASE
    },
    Case {
        duck: "HUGEINT",
        pg: "numeric(38,0)",
        edges: &[
            "0",
            "-1",
            "99999999999999999999999999999999999999",
            "-99999999999999999999999999999999999999",
        ],
        random: "h::HUGEINT * 1000000007 * CASE WHEN i % 2 = 0 THEN 1 ELSE -1 END",
        ..CASE
    },
    Case {
        duck: "HUGEINT",
        pg: "bigint",
        edges: &["-9223372036854775808", "9223372036854775807"],
        random: "h",
        errors: &[("9223372036854775808", "22003")],
        ..CASE
    },
    Case {
        duck: "UHUGEINT",
        pg: "numeric(38,0)",
        edges: &["0", "99999999999999999999999999999999999999"],
        random: "h::UHUGEINT * 1000000007",
        ..CASE
    },
    Case {
        duck: "BIGNUM",
        pg: "text",
        edges: &["0", "'-123456789012345678901234567890123456789012345678901234567890'"],
        random: "h",
        ..CASE
    },
    Case {
        duck: "FLOAT",
        pg: "real",
        edges: &["0", "'-0'", "'nan'", "'inf'", "'-inf'", "1.17549435e-38", "3.4028235e38", "1e-45", "0.1"],
        random: "h::FLOAT / 1000003",
        ..CASE
    },
    Case {
        duck: "FLOAT",
        pg: "double precision",
        edges: &["0.5", "'nan'", "'-inf'"],
        random: "(h % 1000000)::FLOAT / 1024",
        text: "CAST(CAST(v AS DOUBLE) AS VARCHAR)",
        returns: false,
        ..CASE
    },
    Case {
        duck: "DOUBLE",
        pg: "double precision",
        edges: &[
            "0",
            "'-0'",
            "'nan'",
            "'inf'",
            "'-inf'",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "5e-324",
            "0.1",
        ],
        random: "h::DOUBLE / 1000003",
        ..CASE
    },
    Case {
        duck: "DECIMAL(4,0)",
        pg: "numeric(4,0)",
        edges: &["0", "9999", "-9999", "1"],
        random: "h % 10000",
        ..CASE
    },
    Case {
        duck: "DECIMAL(4,4)",
        pg: "numeric(4,4)",
        edges: &["0", "0.9999", "-0.9999", "0.0001"],
        random: "(h % 10000) / 10000.0",
        ..CASE
    },
    Case {
        duck: "DECIMAL(9,2)",
        pg: "numeric(9,2)",
        edges: &["0", "9999999.99", "-9999999.99", "0.01", "100", "10000"],
        random: "(h % 1000000000) / 100.0",
        ..CASE
    },
    Case {
        duck: "DECIMAL(12,2)",
        pg: "numeric(12,2)",
        edges: &["0", "9999999999.99", "-0.01", "10000.00"],
        random: "(h % 1000000000) / 100.0",
        ..CASE
    },
    Case {
        duck: "DECIMAL(18,6)",
        pg: "numeric(18,6)",
        edges: &["0", "999999999999.999999", "-999999999999.999999", "0.000001"],
        random: "(h % 1000000000000) / 1000.0",
        ..CASE
    },
    Case {
        duck: "DECIMAL(18,18)",
        pg: "numeric(18,18)",
        edges: &["0", "0.999999999999999999", "-0.000000000000000001"],
        random: "(h % 1000) / 1000.0",
        ..CASE
    },
    Case {
        duck: "DECIMAL(38,0)",
        pg: "numeric(38,0)",
        edges: &[
            "0",
            "99999999999999999999999999999999999999",
            "-99999999999999999999999999999999999999",
            "10000000000000000",
        ],
        random: "h::DECIMAL(38,0) * 1000000007",
        ..CASE
    },
    Case {
        duck: "DECIMAL(38,10)",
        pg: "numeric(38,10)",
        edges: &["0", "9999999999999999999999999999.9999999999", "-0.0000000001"],
        random: "(h % 1000000000000)::DECIMAL(38,10) / 1000",
        ..CASE
    },
    Case {
        duck: "DECIMAL(38,38)",
        pg: "numeric(38,38)",
        edges: &[
            "0",
            "'0.99999999999999999999999999999999999999'",
            "'-0.00000000000000000000000000000000000001'",
        ],
        random: "'0.' || h",
        ..CASE
    },
    Case {
        duck: "VARCHAR",
        pg: "text",
        edges: &[
            "''",
            "'x'",
            "repeat('x', 12)",
            "repeat('y', 13)",
            "repeat('x', 126)",
            "repeat('x', 127)",
            "repeat('ä€𝄞', 100)",
            "repeat('x', 65536)",
            "' '",
            "'NULL'",
            "'\"\\'",
            "'it''s'",
        ],
        random: "repeat('aä€𝄞 \"\\' || i, (h % 20)::INTEGER)",
        errors: &[("'a' || chr(0) || 'b'", "22021"), ("repeat('long enough', 10) || chr(0)", "22021")],
        ..CASE
    },
    Case {
        duck: "VARCHAR",
        pg: "varchar(10)",
        edges: &["''", "'ten chars.'", "'ääääääääää'"],
        random: "left((h % 100000)::VARCHAR, 10)",
        ..CASE
    },
    Case {
        duck: "VARCHAR",
        pg: "char(5)",
        edges: &["''", "'a'", "'ab'", "'fiveä'", "'äöüßé'"],
        random: "rtrim((h % 100000)::VARCHAR)",
        errors: &[("'longer than five'", "22001")],
        left: Some("param"),
        ..CASE
    },
    Case {
        duck: "VARCHAR",
        pg: "name",
        edges: &["''", "'pg_class'", "repeat('n', 63)"],
        random: "'n' || h",
        ..CASE
    },
    Case {
        duck: "VARCHAR",
        pg: "json",
        edges: &["'{}'", "'[1, null, \"x\"]'", "'\"\"'"],
        random: "'{\"a\": ' || h || '}'",
        ..CASE
    },
    Case {
        duck: "JSON",
        pg: "json",
        edges: &["'{}'", "'[1, null, \"x\"]'", "'null'", "'{\"a\": {\"b\": \"ä€\"}}'"],
        random: "'{\"a\": ' || h || '}'",
        ..CASE
    },
    Case {
        duck: "JSON",
        pg: "jsonb",
        edges: &["'{}'", "'[1, null, \"x\"]'", "'{\"b\": 1, \"a\": 1.50, \"b\": 2}'"],
        random: "'{\"a\": ' || h || '}'",
        errors: &[("'\"\\u0000\"'", "22P05")],
        returns: false,
        ..CASE
    },
    Case {
        duck: "BLOB",
        pg: "bytea",
        edges: &[
            "''::BLOB",
            "'\\x00'::BLOB",
            "'\\x00\\xFF'::BLOB",
            "repeat('x', 127)::BLOB",
            "repeat('x', 70000)::BLOB",
        ],
        random: "repeat('b' || i, (h % 20)::INTEGER)::BLOB",
        text: HEX,
        ..CASE
    },
    Case {
        duck: "BIT",
        pg: "text",
        edges: &["'0'", "'10101'", "repeat('01', 100)"],
        random: "(h % 1024)::INTEGER::BIT",
        ..CASE
    },
    Case {
        duck: "UUID",
        pg: "uuid",
        edges: &[
            "'00000000-0000-0000-0000-000000000000'",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
            "'80000000-0000-0000-0000-000000000000'",
        ],
        random: "md5(h::VARCHAR)::UUID",
        ..CASE
    },
    Case {
        duck: "DATE",
        pg: "date",
        edges: &[
            "'infinity'",
            "'-infinity'",
            "'1970-01-01'",
            "'2000-02-29'",
            "'0001-01-01'",
            "'0001-12-31 (BC)'",
            "'4714-11-24 (BC)'",
            "'5874897-12-31'",
        ],
        random: "DATE '1900-01-01' + (h % 100000)::INTEGER",
        text: BC,
        errors: &[("'4714-11-23 (BC)'", "22008"), ("'5874898-01-01'", "22008")],
        ..CASE
    },
    Case {
        duck: "TIME",
        pg: "time",
        edges: &["'00:00:00'", "'23:59:59.999999'", "'24:00:00'"],
        random: "TIME '00:00:00' + to_microseconds((h % 86400000000)::BIGINT)",
        ..CASE
    },
    // Nanoseconds are rounded in times and cut in timestamps, as by DuckDB's own casts.
    Case {
        duck: "TIME_NS",
        pg: "time",
        edges: &["'00:00:00'", "'23:59:59.999999999'", "'12:34:56.123456499'", "'12:34:56.1234565'"],
        random: "(TIME '00:00:00' + to_microseconds((h % 86400000000)::BIGINT))::VARCHAR",
        text: "CAST(CAST(v AS TIME) AS VARCHAR)",
        returns: false,
        ..CASE
    },
    Case {
        duck: "TIMETZ",
        pg: "timetz",
        edges: &["'00:00:00+00'", "'23:59:59.999999-15:59:59'", "'24:00:00+15:59:59'", "'12:00:00+05:30'"],
        random: "(TIME '00:00:00' + to_microseconds((h % 86400000000)::BIGINT))::VARCHAR || CASE WHEN i % 2 = 0 THEN '+05:30' ELSE '-08' END",
        ..CASE
    },
    Case {
        duck: "TIMESTAMP",
        pg: "timestamp",
        edges: &[
            "'infinity'",
            "'-infinity'",
            "'1970-01-01 00:00:00'",
            "'1969-12-31 23:59:59.999999'",
            "'2000-01-01 00:00:00'",
            "'4714-11-24 (BC) 00:00:00'",
            "'0001-12-31 (BC) 23:59:59.999999'",
            "'294247-01-10 04:00:54.775806'",
        ],
        random: "TIMESTAMP '1900-01-01' + to_microseconds((h % 6000000000000000)::BIGINT)",
        text: BC,
        errors: &[("'4714-11-23 (BC) 23:59:59.999999'", "22008")],
        ..CASE
    },
    Case {
        duck: "TIMESTAMP_S",
        pg: "timestamp",
        edges: &[
            "'infinity'",
            "'-infinity'",
            "'1970-01-01 00:00:00'",
            "'1969-12-31 23:59:59'",
            "'2024-02-29 12:34:56'",
        ],
        random: "(TIMESTAMP '1900-01-01' + to_seconds((h % 6000000000)::BIGINT))::TIMESTAMP_S",
        text: BC,
        ..CASE
    },
    Case {
        duck: "TIMESTAMP_MS",
        pg: "timestamp",
        edges: &[
            "'infinity'",
            "'-infinity'",
            "'1970-01-01 00:00:00'",
            "'1969-12-31 23:59:59.999'",
            "'2024-02-29 12:34:56.789'",
        ],
        random: "(TIMESTAMP '1900-01-01' + to_milliseconds((h % 6000000000000)::BIGINT))::TIMESTAMP_MS",
        text: BC,
        ..CASE
    },
    Case {
        duck: "TIMESTAMP_NS",
        pg: "timestamp",
        edges: &[
            "'infinity'",
            "'-infinity'",
            "'1970-01-01 00:00:00'",
            "'1969-12-31 23:59:59.999999999'",
            "'2024-02-29 12:34:56.789012345'",
            "'2262-04-11 23:47:16.854775'",
        ],
        random: "(TIMESTAMP '1970-01-01' + to_microseconds((h % 6000000000000000)::BIGINT))::TIMESTAMP_NS",
        text: "CAST(CAST(v AS TIMESTAMP) AS VARCHAR)",
        returns: false,
        ..CASE
    },
    Case {
        duck: "TIMESTAMPTZ",
        pg: "timestamptz",
        edges: &[
            "'infinity'",
            "'-infinity'",
            "'1970-01-01 00:00:00+00'",
            "'2024-02-29 12:34:56.789012+05:30'",
            "'0044-03-15 (BC) 00:00:00+00'",
        ],
        random: "(TIMESTAMP '1900-01-01' + to_microseconds((h % 6000000000000000)::BIGINT))::VARCHAR || '+00'",
        text: BC_ZONE,
        errors: &[("'4714-11-23 (BC) 23:59:59+00'", "22008")],
        ..CASE
    },
    Case {
        duck: "INTERVAL",
        pg: "interval",
        edges: &[
            "INTERVAL 0 DAYS",
            "INTERVAL '-1 day'",
            "to_months(-1) + to_days(1) - to_microseconds(1)",
            "to_months(2147483647)",
            "to_months(-2147483648)",
            "to_days(2147483647)",
            "to_days(-2147483648)",
            "to_microseconds(9223372036854775807)",
            "to_microseconds(-9223372036854775807)",
        ],
        random: "to_months((h % 1000)::INTEGER - 500) + to_days((h % 100)::INTEGER - 50) + to_microseconds((h % 100000000000)::BIGINT - 50000000000)",
        text: "datepart('year', v) * 12 + datepart('month', v) || ' mons ' || datepart('day', v) || ' days ' || epoch_us(v - to_months((datepart('year', v) * 12 + datepart('month', v))::INTEGER) - to_days(datepart('day', v)::INTEGER)) || ' microseconds'",
        ..CASE
    },
    Case {
        duck: "ENUM('sad', 'a label of more than twelve bytes', 'ä', '')",
        pg: "text",
        edges: &["'sad'", "'ä'", "''", "'a label of more than twelve bytes'"],
        random: "CASE h % 3 WHEN 0 THEN 'sad' WHEN 1 THEN 'ä' ELSE '' END",
        ..CASE
    },
    Case {
        duck: "ENUM('x', 'yy', 'zzz')",
        pg: "char(3)",
        edges: &["'x'", "'zzz'"],
        random: "['x', 'yy', 'zzz'][1 + h % 3]",
        left: Some("param"),
        ..CASE
    },
    Case {
        duck: "ENUM('1.50', '-0.05')",
        pg: "numeric(10,2)",
        edges: &["'1.50'", "'-0.05'"],
        random: "['1.50', '-0.05'][1 + h % 2]",
        returns: false,
        ..CASE
    },
    Case {
        duck: "ENUM('a', 'b')[]",
        pg: "text[]",
        edges: &["[]", "['a', NULL, 'b']"],
        random: "['a', 'b'][1 : h % 3]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "BOOLEAN[]",
        pg: "boolean[]",
        edges: &["[]", "[true, NULL, false]"],
        random: "[h % 2 = 0, NULL]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "TINYINT[]",
        pg: "smallint[]",
        edges: &["[]", "[-128, NULL, 127]"],
        random: "[h % 100]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "SMALLINT[]",
        pg: "smallint[]",
        edges: &["[]", "[-32768, NULL, 32767]"],
        random: "[h % 100]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "INTEGER[]",
        pg: "integer[]",
        edges: &["[]", "[NULL]", "[-2147483648, NULL, 2147483647]", "range(200)"],
        random: "range((h % 70)::INTEGER)",
        text: ARRAY,
        errors: &[],
        ..CASE
    },
    Case {
        duck: "BIGINT[]",
        pg: "bigint[]",
        edges: &["[]", "[-9223372036854775808, NULL]"],
        random: "[h, NULL, i]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "UINTEGER[]",
        pg: "bigint[]",
        edges: &["[]", "[4294967295, NULL]"],
        random: "[h % 100]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "UINTEGER[]",
        pg: "oid[]",
        edges: &["[]", "[4294967295, NULL]"],
        random: "[h % 100]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "FLOAT[]",
        pg: "real[]",
        edges: &["[]", "['nan', NULL, '-inf', '1.5']"],
        random: "[h / 7]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "DOUBLE[]",
        pg: "double precision[]",
        edges: &["[]", "['nan', NULL, '-inf', '1.5']"],
        random: "[h / 7]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "DECIMAL(9,3)[]",
        pg: "numeric(9,3)[]",
        edges: &["[]", "[1.5, NULL, -999999.999]"],
        random: "[(h % 1000) / 1000.0]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "VARCHAR[]",
        pg: "text[]",
        edges: &["[]", "['', NULL, 'NULL', 'a,b', 'ä€𝄞', repeat('x', 200)]"],
        random: "[h::VARCHAR, NULL, repeat('x', (i % 30)::INTEGER)]",
        text: ARRAY,
        errors: &[("['a' || chr(0)]", "22021")],
        ..CASE
    },
    Case {
        duck: "VARCHAR[]",
        pg: "name[]",
        edges: &["[]", "['pg_class', NULL]"],
        random: "['n' || h]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "BLOB[]",
        pg: "bytea[]",
        edges: &["[]", "['\\xFF'::BLOB, NULL]"],
        random: "[('b' || i)::BLOB]",
        text: "'{' || array_to_string([CASE WHEN x IS NULL THEN 'NULL' ELSE '\"\\\\x' || hex(x) || '\"' END FOR x IN v], ',') || '}'",
        ..CASE
    },
    Case {
        duck: "UUID[]",
        pg: "uuid[]",
        edges: &["[]", "['80000000-0000-0000-0000-000000000000', NULL]"],
        random: "[md5(h::VARCHAR)::UUID]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "DATE[]",
        pg: "date[]",
        edges: &["[]", "['infinity', NULL, '2024-02-29']"],
        random: "[DATE '2000-01-01' + (h % 1000)::INTEGER]",
        text: ARRAY,
        errors: &[("['5874898-01-01'::DATE]", "22008")],
        ..CASE
    },
    Case {
        duck: "TIME[]",
        pg: "time[]",
        edges: &["[]", "['24:00:00', NULL]"],
        random: "[TIME '01:02:03' + to_microseconds((h % 1000)::BIGINT)]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "TIMETZ[]",
        pg: "timetz[]",
        edges: &["[]", "['24:00:00+15:59:59', NULL, '01:02:03-08']"],
        random: "['01:02:03+01']",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "TIMESTAMP[]",
        pg: "timestamp[]",
        edges: &["[]", "['infinity', NULL, '2024-02-29 01:02:03']"],
        random: "[TIMESTAMP '2000-01-01' + to_microseconds((h % 100000000000)::BIGINT)]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "TIMESTAMPTZ[]",
        pg: "timestamptz[]",
        edges: &["[]", "['infinity', NULL, '2024-02-29 01:02:03+00']"],
        random: "[(TIMESTAMP '2000-01-01' + to_microseconds((h % 100000000000)::BIGINT))::VARCHAR || '+00']",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "INTERVAL[]",
        pg: "interval[]",
        edges: &["[]", "[INTERVAL '1 month -1 day', NULL]"],
        random: "[to_days((h % 100)::INTEGER)]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "JSON[]",
        pg: "json[]",
        edges: &["[]", "['[1]'::JSON, NULL]"],
        random: "[h::VARCHAR::JSON]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "UTINYINT[]",
        pg: "smallint[]",
        edges: &["[]", "[0, NULL, 255]"],
        random: "[h % 256]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "USMALLINT[]",
        pg: "integer[]",
        edges: &["[]", "[0, NULL, 65535]"],
        random: "[h % 65536]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "UBIGINT[]",
        pg: "numeric(20,0)[]",
        edges: &["[]", "[18446744073709551615, NULL, 0]"],
        random: "[h::UBIGINT]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "HUGEINT[]",
        pg: "numeric(38,0)[]",
        edges: &["[]", "[-99999999999999999999999999999999999999, NULL, 0]"],
        random: "[h::HUGEINT * 1000000007]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "UHUGEINT[]",
        pg: "numeric(38,0)[]",
        edges: &["[]", "[99999999999999999999999999999999999999, NULL, 0]"],
        random: "[h::UHUGEINT * 1000000007]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "BIGNUM[]",
        pg: "text[]",
        edges: &["[]", "['-123456789012345678901234567890123456789012345678901234567890', NULL]"],
        random: "[h]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "DECIMAL(4,1)[]",
        pg: "numeric(4,1)[]",
        edges: &["[]", "[999.9, NULL, -0.1]"],
        random: "[(h % 1000) / 10.0]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "DECIMAL(18,6)[]",
        pg: "numeric(18,6)[]",
        edges: &["[]", "[999999999999.999999, NULL]"],
        random: "[(h % 1000) / 1000.0]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "DECIMAL(38,10)[]",
        pg: "numeric(38,10)[]",
        edges: &["[]", "[9999999999999999999999999999.9999999999, NULL]"],
        random: "[(h % 1000) / 1000.0]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "TIME_NS[]",
        pg: "time[]",
        edges: &["[]", "['12:34:56.123456499', NULL]"],
        random: "[(TIME '00:00:00' + to_microseconds((h % 86400000000)::BIGINT))::VARCHAR]",
        text: TIMES,
        returns: false,
        ..CASE
    },
    Case {
        duck: "TIMESTAMP_S[]",
        pg: "timestamp[]",
        edges: &["[]", "['infinity', NULL, '2024-02-29 12:34:56']"],
        random: "[(TIMESTAMP '1900-01-01' + to_seconds((h % 6000000000)::BIGINT))::TIMESTAMP_S]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "TIMESTAMP_MS[]",
        pg: "timestamp[]",
        edges: &["[]", "['infinity', NULL, '2024-02-29 12:34:56.789']"],
        random: "[(TIMESTAMP '1900-01-01' + to_milliseconds((h % 6000000000000)::BIGINT))::TIMESTAMP_MS]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "TIMESTAMP_NS[]",
        pg: "timestamp[]",
        edges: &["[]", "['infinity', NULL, '2024-02-29 12:34:56.789012345']"],
        random: "[(TIMESTAMP '1970-01-01' + to_microseconds((h % 6000000000000000)::BIGINT))::TIMESTAMP_NS]",
        text: TIMESTAMPS,
        returns: false,
        ..CASE
    },
    Case {
        duck: "BIT[]",
        pg: "text[]",
        edges: &["[]", "['0'::BIT, NULL, '10101'::BIT]"],
        random: "[(h % 1024)::INTEGER::BIT]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "MAP(VARCHAR, INTEGER)[]",
        pg: "text[]",
        edges: &["[]", "[MAP {'k': 1}, NULL, MAP {}]"],
        random: "[MAP {h::VARCHAR: i % 10}]",
        text: ARRAY,
        returns: false,
        ..CASE
    },
    Case {
        duck: "UNION(n INTEGER, s VARCHAR)[]",
        pg: "text[]",
        edges: &["[]", "[union_value(s := 'x')]"],
        random: "[union_value(s := h::VARCHAR)]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "GEOMETRY[]",
        pg: "text[]",
        edges: &["[]", "['POINT (1 2)'::GEOMETRY, NULL]"],
        random: "[('POINT (' || h % 90 || ' 1)')::GEOMETRY]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "VARCHAR[]",
        pg: "varchar(10)[]",
        edges: &["[]", "['', NULL, 'ääääääääää']"],
        random: "[left(h::VARCHAR, 10)]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "VARCHAR[]",
        pg: "char(3)[]",
        edges: &["[]", "['', NULL, 'ab', 'äöü']"],
        random: "[rtrim((h % 1000)::VARCHAR)]",
        text: ARRAY,
        left: Some("param"),
        ..CASE
    },
    Case {
        duck: "INTEGER[][]",
        pg: "integer[]",
        edges: &["[]", "[[1, NULL], [3, 4]]", "[[1], [2], [3]]"],
        random: "[[h % 10, 1], [2, NULL]]",
        text: "replace(replace(replace(CAST(v AS VARCHAR), '[', '{'), ']', '}'), ' ', '')",
        errors: &[("[[1], [2, 3]]", "2202E"), ("[[1], NULL]", "2202E")],
        returns: false,
        refused: Some("0A000"),
        ..CASE
    },
    Case {
        duck: "INTEGER[][][]",
        pg: "integer[]",
        edges: &["[[[1, 2], [3, 4]], [[5, 6], [7, NULL]]]"],
        random: "[[[h % 10]]]",
        text: "replace(replace(replace(CAST(v AS VARCHAR), '[', '{'), ']', '}'), ' ', '')",
        returns: false,
        refused: Some("0A000"),
        ..CASE
    },
    Case {
        duck: "VARCHAR[2][2]",
        pg: "text[]",
        edges: &["[['a', NULL], ['c', 'd']]"],
        random: "[[h::VARCHAR, 'x'], [NULL, 'y']]",
        text: "replace(replace(replace(CAST(v AS VARCHAR), '[', '{'), ']', '}'), ' ', '')",
        returns: false,
        refused: Some("0A000"),
        ..CASE
    },
    Case {
        duck: "DOUBLE[3]",
        pg: "double precision[]",
        edges: &["['1.5', NULL, 'nan']"],
        random: "[h / 3, 1, NULL]",
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "STRUCT(a INTEGER, b VARCHAR)",
        pg: "text",
        edges: &["{'a': 1, 'b': NULL}", "{'a': NULL, 'b': 'ä'}"],
        random: "{'a': h % 10, 'b': h::VARCHAR}",
        ..CASE
    },
    Case {
        duck: "STRUCT(a INTEGER)[]",
        pg: "text[]",
        edges: &["[]", "[{'a': 1}, NULL]"],
        random: "[{'a': h % 10}]",
        text: ARRAY,
        returns: false,
        ..CASE
    },
    Case {
        duck: "MAP(VARCHAR, INTEGER)",
        pg: "text",
        edges: &["MAP {}", "MAP {'k': NULL}"],
        random: "MAP {h::VARCHAR: i % 10}",
        ..CASE
    },
    Case {
        duck: "UNION(n INTEGER, s VARCHAR)",
        pg: "text",
        edges: &["union_value(n := 1)", "union_value(s := 'x')"],
        random: "union_value(s := h::VARCHAR)",
        ..CASE
    },
    Case {
        duck: "VARIANT",
        pg: "text",
        edges: &["1", "'x'", "'[1, 2]'"],
        random: "h",
        stored: Some("VARCHAR"),
        ..CASE
    },
    Case {
        duck: "VARIANT[]",
        pg: "text[]",
        edges: &["[]", "['1', NULL, 'x y']"],
        random: "[h]",
        stored: Some("VARCHAR[]"),
        text: ARRAY,
        ..CASE
    },
    Case {
        duck: "GEOMETRY",
        pg: "text",
        edges: &["'POINT (1 2)'::GEOMETRY"],
        random: "('POINT (' || h % 90 || ' 1)')::GEOMETRY",
        ..CASE
    },
];

/// A Postgres type that DuckDB lacks, or has under another name: values as literals.
pub(crate) struct Foreign {
    pub(crate) pg: &'static str,
    pub(crate) values: &'static [&'static str],
    /// SQLSTATE with which values are refused, if they are.
    pub(crate) refused: Option<&'static str>,
    /// As in [`Case::left`].
    pub(crate) left: Option<&'static str>,
}

const fn foreign(pg: &'static str, values: &'static [&'static str]) -> Foreign {
    Foreign { pg, values, refused: None, left: None }
}

/// Types of heap tables, parameters and constants without a DuckDB type of their own.
pub(crate) const FOREIGN: &[Foreign] = &[
    foreign("\"char\"", &["r", "", "\\", "\""]),
    foreign("\"char\"[]", &["{}", "{a,NULL,b}"]),
    foreign("regclass", &["pg_class", "-"]),
    foreign(
        "numeric",
        &[
            "NaN",
            "Infinity",
            "-Infinity",
            "1e1000",
            "-0.000",
            "1.5e-300",
            "12345678901234567890123456789012345678901234567890.1234567890",
        ],
    ),
    foreign("numeric(50,10)", &["1e39", "-0.0000000001"]),
    foreign("numeric[]", &["{1.50,NULL,NaN,1e100}", "{}"]),
    foreign("bit(3)", &["101", "000"]),
    foreign("varbit", &["", "1", "10101010101"]),
    foreign("bit(3)[]", &["{101,NULL}"]),
    foreign("inet", &["127.0.0.1", "::1/64", "10.1.2.3/8"]),
    foreign("cidr", &["10.0.0.0/8"]),
    foreign("macaddr", &["08:00:2b:01:02:03"]),
    foreign("macaddr8", &["08:00:2b:01:02:03:04:05"]),
    foreign("money", &["12.34", "-0.01"]),
    foreign("point", &["(1,-2.5)"]),
    foreign("box", &["(3,4),(1,2)"]),
    foreign("path", &["((0,0),(1,1))", "[(0,0),(1,1)]"]),
    foreign("tsvector", &["'fat':2 'cat':3"]),
    foreign("tsquery", &["'fat' & 'rat'"]),
    foreign("pg_lsn", &["16/B374D848"]),
    foreign("jsonpath", &["$.\"a\"[*]?(@ > 1)"]),
    foreign("jsonb", &["{\"b\": 1, \"a\": [1.50, null]}", "\"x\"", "1e500"]),
    foreign("jsonb[]", &["{\"{\\\"a\\\": 1}\",NULL}"]),
    foreign("int4range", &["[1,5)", "empty", "(,3)"]),
    foreign("nummultirange", &["{[1,2),[3,4)}", "{}"]),
    foreign("mood", &["sad", "ok", "a label of more than twelve bytes", "ok", "sad", "sad"]),
    foreign("mood[]", &["{sad,NULL,ok}", "{}"]),
    foreign("moody", &["sad", "ok"]),
    Foreign { pg: "positive", values: &["1", "2147483647"], refused: None, left: Some("const") },
    foreign("positive[]", &["{1,NULL,3}"]),
    foreign("pair", &["(1,x)", "(,\"a b\")"]),
    foreign("name", &["pg_class", ""]),
    foreign("name[]", &["{pg_class,NULL}"]),
    foreign("oid[]", &["{0,4294967295,NULL}"]),
    foreign("interval", &["178000000 years", "-178000000 years", "1 mon -1 day 00:00:00.000001"]),
    foreign("timetz", &["24:00:00+15:59:59", "00:00:00-15:59:59"]),
    foreign("date", &["4714-11-24 BC", "5874897-12-31", "infinity", "-infinity"]),
    foreign(
        "timestamp",
        &["4714-11-24 00:00:00 BC", "infinity", "-infinity", "294246-12-31 23:59:59.999999"],
    ),
    Foreign { pg: "timestamp", values: &["294276-12-31 23:59:59"], refused: Some("22008"), left: None },
    Foreign { pg: "integer[]", values: &["{{1,2},{3,4}}"], refused: Some("0A000"), left: None },
    Foreign { pg: "integer[]", values: &["[0:1]={1,2}"], refused: Some("0A000"), left: None },
];
