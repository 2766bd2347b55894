//! Values that functions stumble over, by type, and constants for arguments that choose what a
//! function does.

/// Text forms of edge values of each type of the type map; NULL is added to each.
const VALUES: &[(&str, &[&str])] = &[
    ("bool", &["t", "f"]),
    ("int2", &["0", "1", "-1", "2", "-7", "7", "100", "32767", "-32768", "3", "12"]),
    ("int4", &["0", "1", "-1", "2", "-7", "7", "100", "2147483647", "-2147483648", "3", "12", "65"]),
    (
        "int8",
        &[
            "0",
            "1",
            "-1",
            "2",
            "-7",
            "7",
            "100",
            "9223372036854775807",
            "-9223372036854775808",
            "3",
            "5000000000",
        ],
    ),
    (
        "float4",
        &[
            "0",
            "1",
            "-1.5",
            "2.5",
            "0.1",
            "-0",
            "1e30",
            "1e-40",
            "16777216",
            "NaN",
            "Infinity",
            "-Infinity",
            "1e15",
        ],
    ),
    (
        "float8",
        &[
            "0",
            "1",
            "-1.5",
            "2.5",
            "0.1",
            "-0",
            "1e308",
            "1e-310",
            "3.5",
            "NaN",
            "Infinity",
            "-Infinity",
            "123456789012345680",
            "0.5",
        ],
    ),
    (
        "numeric",
        &[
            "0",
            "1",
            "-1",
            "2.5",
            "-2.5",
            "0.00",
            "1.10",
            "123456.789",
            "-0.00001",
            "99999999999999.99999",
            "3",
            "7",
        ],
    ),
    (
        "text",
        &[
            "",
            "a",
            "abc",
            "Hello World",
            "  pad  ",
            "ÄÖ ß é",
            "123",
            "-45.5",
            "100%_\\a",
            "2024-02-29",
            "a,b,,c",
            "tab\tnl\nend",
            "foobarfoo",
            "2024-02-29 13:14:15.678",
        ],
    ),
    ("varchar", &["", "a", "abc", "Hello World", "  pad  ", "ÄÖ ß é", "123", "true", "12:30", "{1,2}"]),
    ("bpchar", &["", "a", "abc", "Hello", " x", "é", "12", "f"]),
    ("bytea", &["\\x", "\\x00", "\\xdeadbeef", "\\x616263", "\\x6162636461", "\\xff"]),
    (
        "json",
        &[
            "{\"a\": 1, \"b\": [1, 2, {\"c\": null}]}",
            "[1,2.50,\"x\"]",
            "null",
            "\"text\"",
            "{\"a\":1,\"a\":2}",
            "[]",
        ],
    ),
    (
        "date",
        &[
            "2024-02-29",
            "1970-01-01",
            "2000-12-31",
            "1999-01-01",
            "0001-01-01",
            "0044-03-15 BC",
            "infinity",
            "-infinity",
            "2021-01-03",
            "9999-12-31",
        ],
    ),
    ("time", &["00:00", "12:34:56.789", "23:59:59.999999", "24:00:00", "01:02:03"]),
    ("timetz", &["00:00+00", "12:34:56.789+02", "23:59:59-05:30"]),
    (
        "timestamp",
        &[
            "2024-02-29 13:14:15.678",
            "1970-01-01 00:00",
            "2000-12-31 23:59:59.999999",
            "1999-12-31 12:00",
            "0001-01-01",
            "0044-03-15 10:00 BC",
            "infinity",
            "-infinity",
            "2021-03-14 02:30",
            "2021-11-07 01:30",
        ],
    ),
    (
        "timestamptz",
        &[
            "2024-02-29 13:14:15.678+00",
            "1970-01-01 00:00+00",
            "2000-12-31 23:59:59.999999+00",
            "2021-03-14 06:59:59+00",
            "2021-03-14 07:00+00",
            "infinity",
            "-infinity",
            "2021-11-07 05:30+00",
            "2021-11-07 06:30+00",
            "1850-06-01 12:00+00",
        ],
    ),
    (
        "interval",
        &[
            "0",
            "1 day",
            "1 mon",
            "30 days",
            "1 year 2 mons 3 days 04:05:06.7",
            "-1 day -02:03:04",
            "25 hours",
            "1 mon -1 day",
            "00:00:00.000001",
            "-1 year -11 mons",
            "15 minutes",
        ],
    ),
    (
        "uuid",
        &[
            "00000000-0000-0000-0000-000000000000",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ],
    ),
    ("_int4", &["{}", "{1}", "{1,2,3}", "{3,NULL,1}", "{NULL}", "{2,2,7}"]),
    ("_int8", &["{}", "{1}", "{1,2,3}", "{3,NULL,1}"]),
    ("_text", &["{}", "{a}", "{a,b,c}", "{x,NULL,\"a b\"}", "{\"\",\"NULL\"}"]),
    ("_float8", &["{}", "{1}", "{0.1,NaN,-0}"]),
    ("_bool", &["{}", "{t,f,NULL}"]),
    ("_numeric", &["{}", "{1.10,2}"]),
    ("_date", &["{2024-02-29,NULL}"]),
];

/// The types, in the spelling of `pg_type.typname`.
pub(crate) fn types() -> impl Iterator<Item = &'static str> {
    VALUES.iter().map(|(name, _)| *name)
}

/// Values of each list in a row of combinations: the square of this is the number of rows.
const DEGREE: usize = 15;

/// How a column of a type is declared.
fn declared(type_name: &str) -> String {
    match type_name {
        "numeric" => "numeric(24,5)".to_owned(),
        "bpchar" => "char(6)".to_owned(),
        "varchar" => "varchar(20)".to_owned(),
        array if array.starts_with('_') => match &array[1..] {
            "numeric" => "numeric(10,2)[]".to_owned(),
            element => format!("{element}[]"),
        },
        other => other.to_owned(),
    }
}

/// Columns `x1_<type>` to `x4_<type>` of every type, and `id`.
pub(crate) fn create_table() -> String {
    let columns: Vec<String> =
        types().flat_map(|name| (1..=4).map(move |i| format!("x{i}_{name} {}", declared(name)))).collect();
    format!("CREATE TABLE calls (id integer, {})", columns.join(", "))
}

/// Rows in which the first two columns of each type hold all pairs of its edge values, and the
/// others something else each time.
pub(crate) fn insert_rows() -> String {
    let mut rows = Vec::new();
    for id in 0..DEGREE * DEGREE {
        let mut cells = vec![id.to_string()];
        for (_, values) in VALUES {
            let places = [id / DEGREE, id % DEGREE, id * 7 + 3, id * 5 + 1];
            for place in places {
                // One more than there are values: NULL.
                cells.push(match values.get(place % (values.len() + 1)) {
                    Some(value) => format!("'{}'", value.replace('\'', "''")),
                    None => "NULL".to_owned(),
                });
            }
        }
        rows.push(format!("({})", cells.join(", ")));
    }
    format!("INSERT INTO calls VALUES {}", rows.join(", "))
}

const FIELDS: &[&str] = &[
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "milliseconds",
    "microseconds",
    "week",
    "quarter",
    "dow",
    "isodow",
    "doy",
    "isoyear",
    "decade",
    "century",
    "millennium",
    "epoch",
    "julian",
    "timezone",
    "nonsense",
];
const PATTERNS: &[&str] = &[
    "",
    "a",
    "o+",
    "^a",
    "b$",
    "[a-c]+",
    "(foo|bar)",
    "(o)(b)?",
    "[[:digit:]]+",
    "\\d+",
    "\\s",
    "^\\w+$",
    "a|abc|b",
    "\\mfoo",
    "(a)\\1",
    ".",
    "x*",
    "[^,]+",
    "H.*o",
    "(?i)hello",
    "(",
];
const DATE_FORMATS: &[&str] = &[
    "YYYY-MM-DD",
    "YYYY-MM-DD HH24:MI:SS",
    "DD Mon YYYY",
    "FMDay, FMMonth DD",
    "HH12:MI:SS AM",
    "YYYY-MM-DD HH24:MI:SS.MS",
    "HH24:MI:SS.US",
    "IYYY-IW",
    "Q",
    "YYYYMMDD",
    "WW",
    "J",
    "\"week\" IW",
    "Dy DD.MM.YY",
    "TMMonth",
    "DDD",
    "MON",
    "TZ",
    "OF",
    "YYYY-MM",
    "ID D",
    "DDth",
];
const NUMBER_FORMATS: &[&str] = &[
    "999",
    "FM999999990.00",
    "9,999,999.99",
    "S999",
    "0000",
    "999.9PR",
    "RN",
    "9.99EEEE",
    "FM9",
    "$99",
    "FM999,999,990",
    "MI99",
];

/// Constants for argument `position` of `name` that are of type `type_name`.
pub(crate) fn constants(name: &str, position: usize, type_name: &str) -> Vec<String> {
    let text = |values: &[&str]| {
        values.iter().map(|value| format!("'{}'::{type_name}", value.replace('\'', "''"))).collect()
    };
    let pattern_position = if matches!(name, "~" | "!~" | "~*" | "!~*") { 1 } else { usize::MAX };
    match (name, position, type_name) {
        ("date_trunc" | "date_part" | "extract", 0, "text") => text(FIELDS),
        ("date_trunc", 2, "text") | ("timezone", 0, "text") | ("make_timestamptz", 6, "text") => {
            text(&["UTC", "America/New_York", "+02", "EST5EDT", "Europe/Berlin", "nowhere"])
        }
        ("to_char", 1, "text") => {
            [DATE_FORMATS, NUMBER_FORMATS].concat().iter().map(|f| format!("'{f}'::text")).collect()
        }
        ("to_date" | "to_timestamp", 1, "text") => text(DATE_FORMATS),
        ("to_number", 1, "text") => text(NUMBER_FORMATS),
        ("encode" | "decode", 1, "text") => text(&["hex", "base64", "escape", "nonsense"]),
        ("regexp_replace", 2, "text") => text(&["", "X", "[\\1]", "<\\&>", "\\\\", "\\2"]),
        ("regexp_replace" | "regexp_like" | "regexp_match" | "regexp_split_to_array", 2.., "text")
        | ("regexp_count", 3, "text")
        | ("regexp_instr", 5, "text")
        | ("regexp_substr", 4, "text") => text(&["", "g", "i", "gi", "n", "x", "z"]),
        (_, p, _) if p == pattern_position => text(PATTERNS),
        (_, 1, "text") if name.starts_with("regexp_") || name == "substring" => text(PATTERNS),
        ("~~" | "!~~" | "~~*" | "!~~*", 1, "text") => {
            text(&["", "%", "a%", "%o%", "_bc", "%\\%%", "%\\", "A_%"])
        }
        ("format", 0, "text") => {
            text(&["%s", "%s and %s", "%I", "%L", "%%", "%1$s", "%-5s|", "%5s", "plain", "%"])
        }
        ("split_part" | "string_to_array", 1, "text") => text(&[",", "", "o", "foo"]),
        ("string_to_array" | "array_to_string", 2, "text") => text(&["", "a", "NULL"]),
        ("translate", 1 | 2, "text") => text(&["abc", "o", "", "oW ", "é"]),
        ("overlay", 1, "text") => text(&["XX", ""]),
        ("chr", 0, "int4") => vec!["65".into(), "228".into(), "0".into(), "1114112".into()],
        ("->" | "->>", 1, "text") => text(&["a", "b", "$.a", "/a", "zzz"]),
        ("#>" | "#>>", 1, "_text") => {
            vec!["'{a}'::text[]".into(), "'{b,2,c}'::text[]".into(), "'{}'::text[]".into()]
        }
        ("array_position", 2, "int4") => vec!["1".into(), "2".into()],
        ("lpad" | "rpad", 1, "int4") => vec!["5".into(), "0".into(), "-1".into(), "12".into()],
        ("repeat", 1, "int4") => vec!["0".into(), "3".into(), "-1".into()],
        ("array_fill", _, "int4") | ("array_fill", _, "_int4") => {
            vec![if type_name == "int4" { "7".into() } else { "'{3}'::int[]".into() }]
        }
        (_, _, "text" | "varchar" | "bpchar") => text(&["", "a", ",", "abc"]),
        (_, _, "bool") => vec!["true".into(), "false".into()],
        (_, _, "int2" | "int4" | "int8") => {
            ["0", "1", "2", "-1", "10"].map(|v| format!("({v})::{type_name}")).to_vec()
        }
        _ => {
            let values = VALUES
                .iter()
                .find(|(known, _)| *known == type_name)
                .map_or(&[] as &[&str], |(_, values)| values);
            values
                .iter()
                .take(4)
                .map(|value| format!("'{}'::{type_name}", value.replace('\'', "''")))
                .collect()
        }
    }
}
