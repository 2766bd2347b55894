//! What a statement answers, and how two answers differ.

use bridge_types::oid::{BPCHAR, FLOAT4, FLOAT8, NUMERIC};
use postgres::{Client, SimpleQueryMessage};

/// Floats that are computed in another order may differ by this, relative to their size (or to a
/// tenth: what cancels out leaves a rest).
const FLOAT_TOLERANCE: f64 = 1e-11;

/// What a statement gave: column descriptions and rows, or an error.
pub type Answer = Result<Rows, Failure>;

/// A statement's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Name, type oid and typmod of each column.
    pub columns: Vec<(String, u32, i32)>,
    /// Values in Postgres' text form; `None` is null.
    pub rows: Vec<Vec<Option<String>>>,
    /// The number in the command tag: rows returned or changed.
    pub count: u64,
}

/// A statement's error.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The five characters; `none` if the connection failed.
    pub sqlstate: String,
    /// SQLSTATE and message.
    pub message: String,
}

/// Runs `sql` twice: described through the extended protocol for the types, and through
/// the simple one for Postgres' own text of the values.
pub fn answer(client: &mut Client, sql: &str) -> Answer {
    let fail = |error: postgres::Error| Failure {
        sqlstate: error.code().map_or_else(|| "none".to_owned(), |code| code.code().to_owned()),
        message: describe(&error),
    };
    let columns = client
        .prepare(sql)
        .map_err(fail)?
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.type_().oid(), column.type_modifier()))
        .collect();
    let (mut rows, mut count) = (Vec::new(), 0);
    for message in client.simple_query(sql).map_err(fail)? {
        match message {
            SimpleQueryMessage::Row(row) => {
                rows.push((0..row.len()).map(|index| row.get(index).map(ToOwned::to_owned)).collect());
            }
            SimpleQueryMessage::CommandComplete(changed) => count = changed,
            _ => {}
        }
    }
    Ok(Rows { columns, rows, count })
}

/// SQLSTATE and message of an error.
#[must_use]
pub fn describe(error: &postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), |error| format!("{}: {}", error.code().code(), error.message()))
}

/// What differs between the two answers, if anything does.
#[must_use]
pub fn difference(expected: &Answer, actual: &Answer, ordered: bool, approximate: bool) -> Option<String> {
    let (expected, actual) = match (expected, actual) {
        (Err(expected), Err(actual)) if expected.sqlstate == actual.sqlstate => return None,
        (Ok(expected), Ok(actual)) => (expected, actual),
        (expected, actual) => {
            return Some(format!("Postgres: {}; we: {}", outline(expected), outline(actual)));
        }
    };
    if expected.columns != actual.columns {
        return Some(format!("columns are {:?}, not {:?}", actual.columns, expected.columns));
    }
    if expected.count != actual.count {
        return Some(format!("{} rows in the command tag, not {}", actual.count, expected.count));
    }
    if expected.rows.len() != actual.rows.len() {
        return Some(format!("{} rows, not {}", actual.rows.len(), expected.rows.len()));
    }
    let (mut expected, mut actual) = (expected.rows.clone(), actual.rows.clone());
    if !ordered {
        let key = |row: &Vec<Option<String>>| -> Vec<Option<String>> {
            row.iter()
                .map(|value| {
                    value.as_deref().map(|text| if approximate { blurred(text) } else { text.to_owned() })
                })
                .collect()
        };
        expected.sort_by_cached_key(key);
        actual.sort_by_cached_key(key);
    }
    let same = |a: &Option<String>, b: &Option<String>| a == b || (approximate && is_near(a, b));
    let unequal = expected
        .iter()
        .zip(&actual)
        .position(|(expected, actual)| !expected.iter().zip(actual).all(|(a, b)| same(a, b)))?;
    Some(format!("row {unequal} is {:?}, not {:?}", actual[unequal], expected[unequal]))
}

/// `rows` with values that are equal made look equal: numbers without trailing zeros and without
/// the sign of a zero. Which of `1.0` and `1.00` stands for a group has no one answer.
#[must_use]
pub fn representatives(rows: &Rows) -> Rows {
    let shorten = |text: &str, oid: u32| match oid {
        NUMERIC if text.contains('.') => {
            let short = text.trim_end_matches('0').trim_end_matches('.');
            if short == "-0" { "0".to_owned() } else { short.to_owned() }
        }
        FLOAT4 | FLOAT8 if text == "-0" => "0".to_owned(),
        BPCHAR => text.trim_end_matches(' ').to_owned(),
        _ => text.to_owned(),
    };
    let mut rows = rows.clone();
    for row in &mut rows.rows {
        for (value, (_, oid, _)) in row.iter_mut().zip(&rows.columns) {
            *value = value.as_deref().map(|text| shorten(text, *oid));
        }
    }
    rows
}

fn outline(answer: &Answer) -> String {
    match answer {
        Ok(rows) => format!("{} rows, first {:?}", rows.rows.len(), rows.rows.first()),
        Err(failure) => format!("error {}", failure.message),
    }
}

/// A number with so few digits that those which may differ are gone, for sorting. A short integer may be
/// a float too.
fn blurred(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if text.contains(['.', 'e']) || text.len() <= 6 => format!("{:.6e}", number + 0.0),
        _ => text.to_owned(),
    }
}

fn is_near(a: &Option<String>, b: &Option<String>) -> bool {
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<f64>().ok());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => (a - b).abs() <= FLOAT_TOLERANCE * a.abs().max(b.abs()).max(1e-1),
        _ => false,
    }
}

/// True if the statement orders its result: an ORDER BY outside of parentheses.
#[must_use]
pub fn is_ordered(sql: &str) -> bool {
    let mut depth = 0_usize;
    let upper = sql.to_ascii_uppercase();
    upper.char_indices().any(|(position, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && upper[position..].starts_with("ORDER BY")
    })
}
