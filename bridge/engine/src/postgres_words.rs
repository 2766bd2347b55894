//! Errors that have a text of their own in Postgres, found by DuckDB's.

use bridge_types::error::{EngineError, SqlState};

/// Postgres' error for the first line of an error of DuckDB that has `state`; `None` for those that
/// Postgres has no text for.
pub(crate) fn of(state: SqlState, line: &str) -> Option<EngineError> {
    let simple = |state, text: &'static str| Some(EngineError::new(state, text));
    match state {
        SqlState::CARDINALITY_VIOLATION if line.starts_with("More than one row returned by a subquery") => {
            simple(state, "more than one row returned by a subquery used as an expression")
        }
        SqlState::SERIALIZATION_FAILURE => {
            let change = if line.contains("delet") || line.contains("drop") { "delete" } else { "update" };
            let message = format!("could not serialize access due to concurrent {change}");
            let error = EngineError::new(state, message).with_detail(sentence(line));
            Some(error.with_hint(
                "The transaction might succeed if retried: duckdb tables do not wait for other sessions.",
            ))
        }
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE
        | SqlState::INVALID_TEXT_REPRESENTATION
        | SqlState::DATETIME_OVERFLOW => out_of_range(line),
        _ => None,
    }
}

fn out_of_range(line: &str) -> Option<EngineError> {
    const INTERVAL: &str = "interval out of range";
    const TIMESTAMP: &str = "timestamp out of range";
    let number = |text| Some(EngineError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, text));
    let time = |text| Some(EngineError::new(SqlState::DATETIME_OVERFLOW, text));
    if let Some((_, ty)) = line.split_once("for the destination type ") {
        return number(integer_type(ty)?);
    }
    if let Some((_, ty)) =
        line.strip_prefix("Failed to cast decimal value ").and_then(|s| s.split_once(" to type "))
    {
        return number(integer_type(ty)?);
    }
    if let Some((_, ty)) = line.strip_prefix("Overflow in ").and_then(|s| s.split_once(" of ")) {
        // Postgres' integers are checked elsewhere when they change their sign.
        return if ty.starts_with("numeric value") { time(INTERVAL) } else { number(integer_type(ty)?) };
    }
    if let Some(value) = line.strip_prefix("Overflow on abs(") {
        let ty = ["INT16", "INT32", "INT64"][match value.len() {
            0..=8 => 0,
            9..=14 => 1,
            _ => 2,
        }];
        return number(integer_type(ty)?);
    }
    if let Some((_, ty)) = line.split_once("to type DECIMAL(").or_else(|| {
        line.strip_prefix("Could not cast value ").and_then(|rest| rest.split_once(" to DECIMAL("))
    }) {
        return field_overflow(ty);
    }
    if line.starts_with("Interval ") || line.starts_with("interval ") {
        return time(INTERVAL);
    }
    if line.starts_with("Date out of range")
        || line.starts_with("Date and time not in timestamp range")
        || line.starts_with("ICU date overflows timestamp range")
    {
        return time(TIMESTAMP);
    }
    // The integer that has a date's value is a date.
    let cast = line
        .strip_prefix("Type INT32 with value ")
        .filter(|rest| rest.contains("can't be cast to the destination type INT64"));
    if cast.is_some_and(|rest| {
        rest.get(1..).is_some_and(|digits| digits.split(' ').next().is_some_and(|value| value.contains('-')))
    }) {
        return time("date out of range for timestamp");
    }
    None
}

/// What Postgres says of too large an integer of the type that DuckDB calls so.
fn integer_type(ty: &str) -> Option<&'static str> {
    Some(match ty.get(..5)? {
        "INT16" => "smallint out of range",
        "INT32" => "integer out of range",
        "INT64" => "bigint out of range",
        _ => return None,
    })
}

/// `ty` is what follows `DECIMAL(`.
fn field_overflow(ty: &str) -> Option<EngineError> {
    let (precision, rest) = ty.split_once(',')?;
    let (precision, scale): (u32, u32) = (precision.parse().ok()?, rest.split(')').next()?.parse().ok()?);
    let least = match precision.checked_sub(scale)? {
        0 => "1".to_owned(),
        digits => format!("10^{digits}"),
    };
    Some(EngineError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow").with_detail(format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less than {least}."
    )))
}

/// A sentence of DuckDB's as a detail.
fn sentence(line: &str) -> String {
    let line = line.trim().trim_end_matches(['.', '!']);
    format!("DuckDB: {line}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duckdb::{Connection, Database};
    use crate::errors::to_engine_error;

    /// DuckDB's texts are no interface: this DuckDB is asked for each of them.
    #[test]
    fn overflows_of_this_duckdb_are_told_in_the_words_of_postgres() {
        let cases = [
            ("SELECT x::INT + 2147483647 FROM range(1, 2) t(x)", "22003 integer out of range"),
            ("SELECT x - 9223372036854775807 FROM range(-3, -2) t(x)", "22003 bigint out of range"),
            ("SELECT x::SMALLINT * 32767::SMALLINT FROM range(2, 3) t(x)", "22003 smallint out of range"),
            ("SELECT abs(x::SMALLINT) FROM range(-32768, -32767) t(x)", "22003 smallint out of range"),
            ("SELECT abs(x::INT) FROM range(-2147483648, -2147483647) t(x)", "22003 integer out of range"),
            ("SELECT (x * 1e10)::DOUBLE::INT FROM range(2, 3) t(x)", "22003 integer out of range"),
            ("SELECT (x * 10000000000)::INT FROM range(2, 3) t(x)", "22003 integer out of range"),
            ("SELECT (x * 1e5)::INT::SMALLINT FROM range(2, 3) t(x)", "22003 smallint out of range"),
            ("SELECT (x * 1e10)::DECIMAL(18,2)::INT FROM range(2, 3) t(x)", "22003 integer out of range"),
            ("SELECT ('inf'::FLOAT * x)::BIGINT FROM range(2, 3) t(x)", "22003 bigint out of range"),
            ("SELECT (x * 1000)::DECIMAL(5,2) FROM range(2, 3) t(x)", "22003 numeric field overflow"),
            (
                "SELECT (x * 1000)::DECIMAL(18,2)::DECIMAL(5,2) FROM range(2, 3) t(x)",
                "22003 numeric field overflow",
            ),
            ("SELECT (x * 1e5)::DOUBLE::DECIMAL(5,2) FROM range(2, 3) t(x)", "22003 numeric field overflow"),
            (
                "SELECT TIMESTAMP '290000-01-01' + to_years(x::INT) FROM range(20000, 20001) t(x)",
                "22008 timestamp out of range",
            ),
            (
                "SELECT TIMESTAMP '290000-01-01' + to_years(x::INT) FROM range(170000000, 170000001) t(x)",
                "22008 timestamp out of range",
            ),
            (
                "SELECT (DATE '5877641-01-01' + x::INT)::TIMESTAMP FROM range(100, 101) t(x)",
                "22008 date out of range for timestamp",
            ),
            (
                "SELECT -(to_microseconds(x)) FROM (VALUES ((-9223372036854775808)::BIGINT)) t(x)",
                "22008 interval out of range",
            ),
            (
                "SELECT (SELECT x FROM range(3) t(x))",
                "21000 more than one row returned by a subquery used as an expression",
            ),
        ];
        let database = Database::open(":memory:", &[]).unwrap();
        let connection = Connection::open(&database).unwrap();
        for (sql, expected) in cases {
            let error = connection.query(sql).err().unwrap_or_else(|| panic!("{sql} has no error"));
            let told = to_engine_error(&error);
            assert_eq!(format!("{} {}", told.sqlstate, told.message), expected, "{sql}: {}", error.message);
        }
    }

    #[test]
    fn a_field_overflow_says_what_would_fit() {
        let detail = |ty| field_overflow(ty).unwrap().detail.unwrap();
        assert!(detail("5,2) failed").ends_with("less than 10^3."));
        assert!(detail("4,4)").ends_with("less than 1."));
        assert!(field_overflow("5)").is_none());
    }
}
