//! DuckDB's error texts -> what a user of Postgres expects.

use crate::duckdb::DuckError;
use crate::postgres_words;
use crate::secrets::scrub;
use bridge_types::error::{EngineError, SqlState, split_marked};
use bridge_types::names::STORE_FILE;

/// Error classes after which the DuckDB instance refuses all work: the engine must restart.
const FATAL_CLASSES: [&str; 2] = ["FATAL", "INTERNAL"];

/// SQLSTATEs that `bridge-types` has no name for yet.
const DUPLICATE_OBJECT: &[u8; 5] = b"42710";
const DEPENDENT_OBJECTS: &[u8; 5] = b"2BP01";
const INVALID_CATALOG: &[u8; 5] = b"3D000";
const INVALID_SCHEMA: &[u8; 5] = b"3F000";
const AMBIGUOUS_COLUMN: &[u8; 5] = b"42702";
const GROUPING_ERROR: &[u8; 5] = b"42803";
const INDETERMINATE_TYPE: &[u8; 5] = b"42P18";
const INVALID_DATETIME: &[u8; 5] = b"22007";
const INVALID_ESCAPE_SEQUENCE: &[u8; 5] = b"22025";
const INVALID_ARGUMENT_FOR_NTILE: &[u8; 5] = b"22014";

/// True if DuckDB will answer nothing any more after this error.
pub(crate) fn is_fatal(error: &DuckError) -> bool {
    let (class, text) = split_class(&error.message);
    FATAL_CLASSES.contains(&class) || own_words(text).contains("database has been invalidated")
}

/// The error as Postgres would tell it.
pub(crate) fn to_engine_error(error: &DuckError) -> EngineError {
    let message = scrub(&error.message);
    if let Some((state, primary)) = split_marked(&message)
        && own_words(&message).contains(&format!("[{state}]"))
    {
        let primary = primary.to_owned();
        let rest = message.split_once(&primary).map_or("", |(_, rest)| rest).trim();
        let marked = EngineError::new(state, primary);
        // Positions and echoes of our own generated SQL help nobody.
        return match rest.lines().next() {
            Some(detail) if !detail.is_empty() && !detail.starts_with("LINE ") => marked.with_detail(detail),
            _ => marked,
        };
    }
    let (class, text) = split_class(&message);
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let state = state_of(class, text);
    if let Some(error) = postgres_words::of(state, first.trim()) {
        return error;
    }
    let mut out = EngineError::new(state, lower_first(first.trim().trim_end_matches('.')));
    match state {
        SqlState::NOT_NULL_VIOLATION => {
            if let Some(message) = not_null(first) {
                out.message = message.into();
            }
        }
        SqlState::QUERY_CANCELED => {
            return EngineError::new(state, "canceling statement due to user request");
        }
        SqlState::OUT_OF_MEMORY => {
            out.message = "out of memory in the DuckDB engine".into();
            return out.with_detail(first.trim().to_owned()).with_hint(
                "Raise duckdb.memory_limit, or set duckdb.temporary_directory so that DuckDB can spill.",
            );
        }
        SqlState::DISK_FULL if first.contains(STORE_FILE) => {
            out.message = "no space left for the local DuckDB store".into();
            return out
                .with_detail(first.trim().to_owned())
                .with_hint("Free space on the disk that holds the data directory.");
        }
        SqlState::DISK_FULL => {
            out.message = "no space left for temporary data of the DuckDB engine".into();
            return out.with_detail(first.trim().to_owned()).with_hint(
                "Raise duckdb.max_temp_directory_size, or point duckdb.temporary_directory to a larger disk.",
            );
        }
        SqlState::IN_FAILED_TRANSACTION => {
            return EngineError::new(state, "the DuckDB transaction was ended by an earlier error")
                .with_detail(
                    "DuckDB has no savepoints: an error in a transaction that has written duckdb tables undoes it.",
                )
                .with_hint("Roll the whole transaction back and run it again.");
        }
        _ => {}
    }
    let detail = rest.trim();
    // The user has not written the names in our SQL, and DuckDB looks for similar ones in the
    // stores of other databases too.
    let suggestion = detail.lines().find_map(|line| line.trim().strip_prefix("Did you mean "));
    if class != "Catalog"
        && let Some(hint) = suggestion
    {
        out = out.with_hint(format!("Did you mean {hint}"));
    }
    let facts: Vec<&str> = detail
        .lines()
        .map(str::trim_end)
        .take_while(|line| !line.starts_with("LINE "))
        .filter(|line| !line.trim().is_empty() && !line.trim().starts_with("Did you mean "))
        .collect();
    if !facts.is_empty() {
        out = out.with_detail(facts.join("\n"));
    }
    out
}

/// Postgres' text for `NOT NULL constraint failed: table.column`; `None` if the names have dots,
/// which DuckDB does not quote.
fn not_null(text: &str) -> Option<String> {
    let (table, column) = text.trim().strip_prefix("NOT NULL constraint failed: ")?.split_once('.')?;
    (!column.contains('.')).then(|| {
        format!("null value in column \"{column}\" of relation \"{table}\" violates not-null constraint")
    })
}

/// `Out of Range Error: text` -> (`Out of Range`, `text`).
fn split_class(message: &str) -> (&str, &str) {
    if let Some((class, text)) = message.split_once(" Error: ")
        && class.len() <= 30
        && class.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ')
    {
        return (class, text);
    }
    ("", message)
}

fn state(code: &[u8; 5]) -> SqlState {
    SqlState::parse(code).unwrap_or(SqlState::INTERNAL_ERROR)
}

/// DuckDB's own words of the first line of an error: what it quotes may be a user's value, which
/// may say anything. A quotation ends at the last quote, since DuckDB escapes none.
fn own_words(text: &str) -> String {
    let mut words = text.to_owned();
    // "can't" quotes nothing.
    let opens = |words: &str, at: usize| !words[..at].ends_with(|c: char| c.is_alphanumeric());
    // The outer quotes first: they may hold the other kind.
    while let Some((start, quote)) =
        words.match_indices(['\'', '"']).find(|(at, quote)| *quote == "\"" || opens(&words, *at))
    {
        let end = words.rfind(quote).filter(|end| *end > start).map_or(words.len(), |end| end + 1);
        words.replace_range(start..end, "");
    }
    words.lines().next().unwrap_or_default().to_owned()
}

fn state_of(class: &str, text: &str) -> SqlState {
    // These two quote names only.
    let words = if matches!(class, "Binder" | "Catalog") { text.to_owned() } else { own_words(text) };
    let has = |part: &str| words.contains(part);
    let starts = |part: &str| words.starts_with(part);
    match class {
        "Out of Memory" if text.contains("max_temp_directory_size") || has("failed to offload") => {
            SqlState::DISK_FULL
        }
        "IO" | "Out of Memory" | "TransactionContext" | "Transaction" | "FATAL"
            if has("No space left on device") =>
        {
            SqlState::DISK_FULL
        }
        // DuckDB chose a plan by statistics that another session has changed since.
        "Invalid Input" if starts("Perfect hash aggregate") => SqlState::SERIALIZATION_FAILURE,
        "INTERRUPT" => SqlState::QUERY_CANCELED,
        "Out of Memory" => SqlState::OUT_OF_MEMORY,
        "Out of Range" if has("date") || has("Date") || has("timestamp") || has("interval") => {
            SqlState::DATETIME_OVERFLOW
        }
        "Out of Range" if has("ivision by zero") => SqlState::DIVISION_BY_ZERO,
        "Out of Range" => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "Divide by Zero" => SqlState::DIVISION_BY_ZERO,
        "Conversion" if starts("date field value out of range") => SqlState::DATETIME_OVERFLOW,
        "Conversion"
            if has("out of range") || has("is too large") || has("doesn't fit") || has("overflow") =>
        {
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE
        }
        "Conversion" if starts("Could not cast value") => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "Conversion" if has("date field value") || has("timestamp") && has("format") => {
            state(INVALID_DATETIME)
        }
        "Conversion" | "Mismatch Type" => SqlState::INVALID_TEXT_REPRESENTATION,
        // What follows may be the text of a constraint.
        "Constraint" if starts("NOT NULL") => SqlState::NOT_NULL_VIOLATION,
        "Constraint" if starts("CHECK") => SqlState::CHECK_VIOLATION,
        "Constraint" if has("foreign key") => SqlState::FOREIGN_KEY_VIOLATION,
        "Constraint" => SqlState::UNIQUE_VIOLATION,
        "TransactionContext" | "Transaction" if has("onflict") => SqlState::SERIALIZATION_FAILURE,
        "TransactionContext" | "Transaction" if has("is aborted") => SqlState::IN_FAILED_TRANSACTION,
        "TransactionContext" | "Transaction" if has("within a transaction") => {
            SqlState::ACTIVE_SQL_TRANSACTION
        }
        "TransactionContext" | "Transaction" if has("onstraint") || has("uplicate key") => {
            SqlState::UNIQUE_VIOLATION
        }
        "TransactionContext" | "Transaction" => SqlState::SERIALIZATION_FAILURE,
        "Catalog" if has("already exists") && has("Table") => SqlState::DUPLICATE_TABLE,
        "Catalog" if has("already exists") => state(DUPLICATE_OBJECT),
        "Catalog" | "Binder" if has("onflict on ") || has("write-write") => SqlState::SERIALIZATION_FAILURE,
        "Catalog" if has("Function with name ") => SqlState::UNDEFINED_FUNCTION,
        "Catalog" if has("Schema with name") => state(INVALID_SCHEMA),
        "Catalog" => SqlState::UNDEFINED_TABLE,
        "Binder" if has("No function matches") => SqlState::UNDEFINED_FUNCTION,
        "Binder" if has("Ambiguous") => state(AMBIGUOUS_COLUMN),
        "Binder" if has("GROUP BY") => state(GROUPING_ERROR),
        "Binder" if has("Catalog") && has("does not exist") => state(INVALID_CATALOG),
        "Binder" if has("not found") || has("does not have a column") => SqlState::UNDEFINED_COLUMN,
        "Binder" if has("already exists") => state(DUPLICATE_OBJECT),
        "Binder" if has("not supported") || has("cannot contain window functions") => {
            SqlState::FEATURE_NOT_SUPPORTED
        }
        "Binder" => SqlState::DATATYPE_MISMATCH,
        "Syntax" if has("must not end with escape character") => state(INVALID_ESCAPE_SEQUENCE),
        "Parser" | "Syntax" => SqlState::SYNTAX_ERROR,
        "IO" if has("create directory") => SqlState::IO_ERROR,
        "IO" | "HTTP" if has("No files found") || has("No such file") => SqlState::UNDEFINED_FILE,
        "IO" | "HTTP" | "Serialization" => SqlState::IO_ERROR,
        "Permission" => SqlState::INSUFFICIENT_PRIVILEGE,
        "Not implemented" => SqlState::FEATURE_NOT_SUPPORTED,
        "Dependency" => state(DEPENDENT_OBJECTS),
        "Parameter Not Resolved" | "Parameter Not Allowed" => state(INDETERMINATE_TYPE),
        "Invalid Input" if has("read-only") => SqlState::READ_ONLY_TRANSACTION,
        "Invalid Input" if has("rgument for ntile") => state(INVALID_ARGUMENT_FOR_NTILE),
        "Invalid Input" if has("More than one row returned") => SqlState::CARDINALITY_VIOLATION,
        "Invalid Input" | "Invalid Configuration" | "Settings" => SqlState::INVALID_PARAMETER_VALUE,
        "FATAL" | "INTERNAL" => SqlState::INTERNAL_ERROR,
        _ => SqlState::DATA_EXCEPTION,
    }
}

/// Lower-cases the first letter unless the word is an acronym or a name (`IO`, `CHECK`).
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_uppercase() => text.to_owned(),
        (Some(first), _) => first.to_lowercase().chain(text.chars().skip(1)).collect(),
        (None, _) => "unknown error".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duckdb::{Connection, Database};

    fn mapped(text: &str) -> (String, String) {
        let error = to_engine_error(&DuckError::new(text));
        (error.sqlstate.to_string(), error.message.into_owned())
    }

    #[test]
    fn classes_become_sqlstates() {
        let cases = [
            ("Invalid Input Error: [22012] division by zero\nLINE 1: x", "22012", "division by zero"),
            (
                "Out of Range Error: Overflow in multiplication of INT64 (1 * 2)!",
                "22003",
                "bigint out of range",
            ),
            (
                "Conversion Error: Could not convert string 'x' to INT32\n\nLINE 1: ...",
                "22P02",
                "could not convert string 'x' to INT32",
            ),
            (
                "Constraint Error: NOT NULL constraint failed: t.a",
                "23502",
                "null value in column \"a\" of relation \"t\" violates not-null constraint",
            ),
            (
                "Constraint Error: Duplicate key \"a: 1\" violates primary key constraint.",
                "23505",
                "duplicate key \"a: 1\" violates primary key constraint",
            ),
            (
                "TransactionContext Error: Conflict on update!",
                "40001",
                "could not serialize access due to concurrent update",
            ),
            ("INTERRUPT Error: Interrupted!", "57014", "canceling statement due to user request"),
            (
                "IO Error: No files found that match the pattern \"x.parquet\"",
                "58P01",
                "no files found that match the pattern \"x.parquet\"",
            ),
            (
                "Catalog Error: Table with name t does not exist!\nDid you mean \"u\"?",
                "42P01",
                "table with name t does not exist!",
            ),
            ("Parser Error: syntax error at or near \"x\"", "42601", "syntax error at or near \"x\""),
        ];
        for (text, state, message) in cases {
            assert_eq!(mapped(text), (state.to_owned(), message.to_owned()), "{text}");
        }
    }

    /// What DuckDB itself says of each class, so that another release that says it otherwise is
    /// noticed.
    #[test]
    fn classes_of_this_duckdb_become_sqlstates() {
        let cases = [
            ("CREATE TABLE a (i INT CHECK (i IS NOT NULL)); INSERT INTO a VALUES (NULL)", "23514"),
            ("CREATE TABLE b (i INT NOT NULL); INSERT INTO b VALUES (NULL)", "23502"),
            (
                "CREATE TABLE c (i INT); INSERT INTO c VALUES (NULL); ALTER TABLE c ALTER i SET NOT NULL",
                "23502",
            ),
            (
                "CREATE TABLE d (t VARCHAR PRIMARY KEY); INSERT INTO d VALUES ('NOT NULL'), ('NOT NULL')",
                "23505",
            ),
            ("INSERT INTO d VALUES ('foreign key'); INSERT INTO d VALUES ('foreign key')", "23505"),
            (
                "CREATE TABLE e (i INT); INSERT INTO e VALUES (1), (1); CREATE UNIQUE INDEX u ON e (i)",
                "23505",
            ),
            ("CREATE TABLE f (t VARCHAR REFERENCES d (t)); INSERT INTO f VALUES ('CHECK')", "23503"),
            ("SELECT x::INT FROM (VALUES ('is too large')) v(x)", "22P02"),
            ("SELECT x::INT FROM (VALUES ('[42501] no')) v(x)", "22P02"),
            ("SELECT x::INT FROM (VALUES ('it''s \"out of range\nNo space left on device')) v(x)", "22P02"),
            ("SELECT x::TINYINT FROM (VALUES (200)) v(x)", "22003"),
            ("SELECT x::DECIMAL(4,2) FROM (VALUES (12345)) v(x)", "22003"),
            ("SELECT x + 1 FROM (VALUES (2147483647)) v(x)", "22003"),
            (
                "SELECT sum(x) FROM (VALUES (170141183460469231731687303715884105727::HUGEINT), (5)) v(x)",
                "22003",
            ),
            ("SELECT x::DATE FROM (VALUES ('2024-13-45')) v(x)", "22008"),
            ("SELECT DATE '5874897-12-31' + x::INT FROM (VALUES (100000000)) v(x)", "22008"),
            ("SELECT x::TIMESTAMP FROM (VALUES ('nonsense')) v(x)", "22007"),
            ("SELECT (SELECT x FROM (VALUES (1), (2)) v(x))", "21000"),
            ("SELECT ntile(0) OVER ()", "22014"),
            ("SELECT error('[22012] division by \"zero\"')", "22012"),
            ("SELECT nosuch FROM (VALUES (1)) v(x)", "42703"),
            ("SELECT x FROM (VALUES (1)) v(x), (VALUES (1)) w(x)", "42702"),
            ("SELECT x, count(*) FROM (VALUES (1)) v(x)", "42803"),
            ("SELECT nosuch(1)", "42883"),
            ("SELECT * FROM nosuch", "42P01"),
            ("DROP TABLE \"Function\"", "42P01"),
            ("CREATE TABLE a (i INT)", "42P07"),
            ("CREATE SCHEMA s; CREATE SCHEMA s", "42710"),
            ("SELECT 1 +", "42601"),
            ("FROM read_csv('/nonexistent/x.csv')", "58P01"),
            ("BEGIN; BEGIN", "25001"),
            ("SELECT 1", "25P02"),
        ];
        let database = Database::open(":memory:", &[]).unwrap();
        let connection = Connection::open(&database).unwrap();
        for (sql, state) in cases {
            let error = sql.split("; ").find_map(|sql| connection.query(sql).err());
            let error = to_engine_error(&error.unwrap_or_else(|| panic!("{sql} has no error")));
            assert_eq!(error.sqlstate.to_string(), state, "{sql}: {error}");
        }
    }

    /// As above, of two sessions that meet.
    #[test]
    fn conflicts_of_this_duckdb_ask_to_try_again() {
        let cases = [
            ("UPDATE t SET i = 2", "UPDATE t SET i = 3"),
            ("DELETE FROM t", "DELETE FROM t"),
            ("ALTER TABLE t ADD COLUMN j INT", "ALTER TABLE t ADD COLUMN k INT"),
            ("CREATE TABLE made (i INT)", "CREATE TABLE made (i INT)"),
            ("CREATE SCHEMA s", "CREATE SCHEMA s"),
            ("DROP TABLE t", "INSERT INTO t VALUES (1); COMMIT"),
            ("ALTER TABLE t ADD COLUMN j INT", "INSERT INTO t VALUES (1); COMMIT"),
            ("ALTER TABLE t ADD COLUMN j INT", "CREATE INDEX made ON t (i); COMMIT"),
        ];
        for (first, second) in cases {
            let database = Database::open(":memory:", &[]).unwrap();
            let [one, two] = [(); 2].map(|()| Connection::open(&database).unwrap());
            one.query("CREATE TABLE t (i INT); INSERT INTO t VALUES (1)").unwrap();
            one.query(&format!("BEGIN; {first}")).unwrap();
            two.query("BEGIN; FROM t").unwrap();
            let waits = second.ends_with("COMMIT");
            if waits {
                one.query("COMMIT").unwrap();
            }
            let error =
                to_engine_error(&two.query(second).err().unwrap_or_else(|| panic!("{first}, {second}")));
            assert_eq!(error.sqlstate, SqlState::SERIALIZATION_FAILURE, "{first}, {second}: {error}");
        }
        // A key that another session has committed meanwhile is a duplicate.
        let database = Database::open(":memory:", &[]).unwrap();
        let [one, two] = [(); 2].map(|()| Connection::open(&database).unwrap());
        one.query("CREATE TABLE k (i INT PRIMARY KEY)").unwrap();
        one.query("BEGIN; INSERT INTO k VALUES (1)").unwrap();
        two.query("BEGIN; INSERT INTO k VALUES (1)").unwrap();
        one.query("COMMIT").unwrap();
        let error = to_engine_error(&two.query("COMMIT").err().unwrap());
        assert_eq!(error.sqlstate, SqlState::UNIQUE_VIOLATION, "{error}");
    }

    #[test]
    fn limits_name_the_setting_to_raise() {
        let memory = to_engine_error(&DuckError::new("Out of Memory Error: could not allocate block"));
        assert!(memory.hint.is_some_and(|hint| hint.contains("duckdb.memory_limit")));
        let disk = to_engine_error(&DuckError::new(
            "Out of Memory Error: failed to offload data block\nThis limit was set by the 'max_temp_directory_size' setting.",
        ));
        assert_eq!(disk.sqlstate, SqlState::DISK_FULL);
        assert!(disk.hint.is_some_and(|hint| hint.contains("duckdb.max_temp_directory_size")));
    }

    #[test]
    fn fatal_errors_are_told_apart() {
        assert!(is_fatal(&DuckError::new("INTERNAL Error: Attempted to access index 1")));
        assert!(is_fatal(&DuckError::new("FATAL Error: Failed: database has been invalidated")));
        assert!(!is_fatal(&DuckError::new("Catalog Error: no")));
        let value = "Conversion Error: Could not convert string 'database has been invalidated' to INT32";
        assert!(!is_fatal(&DuckError::new(value)));
    }
}
