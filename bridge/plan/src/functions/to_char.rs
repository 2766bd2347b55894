//! `to_char` with constant formats, by the engine's functions.

use bridge_types::oid::{FLOAT4, FLOAT8, INT4, INT8, NUMERIC, TEXT, TIMESTAMP, TIMESTAMPTZ};

use super::{Entry, numeric};
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature};

const TIMES: &str = "the format is a constant without TM and TZ";
const NUMBERS: &str = "the format is a constant of the patterns `9 0 . , FM S MI PR` and punctuation";

pub(super) fn entries() -> Vec<Entry> {
    let mut entries = vec![
        Entry::build("to_char", &[TIMESTAMP, TEXT], |s, a| {
            times(s, &a)?;
            Ok(duck("pg_to_char_timestamp({0}, {1})", DuckType::Varchar, a))
        })
        .when(TIMES),
        Entry::build("to_char", &[TIMESTAMPTZ, TEXT], |s, a| {
            times(s, &a)?;
            Ok(duck("pg_to_char_timestamptz({0}, CAST({0} AS TIMESTAMP), {1})", DuckType::Varchar, a))
        })
        .when(TIMES),
    ];
    for args in
        [&[INT4, TEXT] as &'static [u32], &[INT8, TEXT], &[NUMERIC, TEXT], &[FLOAT8, TEXT], &[FLOAT4, TEXT]]
    {
        entries.push(Entry::build("to_char", args, number).when(NUMBERS));
    }
    entries
}

fn format<'a>(signature: &Signature, args: &'a [Typed]) -> Result<&'a str, PlanError> {
    match args.get(1).and_then(|arg| PgConstant::of(&arg.expr)).and_then(PgConstant::as_text) {
        Some(format) => Ok(format),
        None => unsupported(signature.display.clone(), "its format is not a constant"),
    }
}

/// Refuses formats that need a locale or the name of a time zone.
fn times(signature: &Signature, args: &[Typed]) -> Result<(), PlanError> {
    let format = format(signature, args)?.to_ascii_uppercase();
    // TZH and TZM are numbers.
    let zone = format.match_indices("TZ").any(|(at, _)| !format[at + 2..].starts_with(['H', 'M']));
    if format.contains("TM") || zone {
        return unsupported(signature.display.clone(), "its format needs names that DuckDB does not have");
    }
    Ok(())
}

/// `to_char(x, format)`  ==>  an engine function of the text of x, rounded to the format's digits.
fn number(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    let Some(digits) = digits_behind_point(format(signature, &args)?) else {
        return unsupported(
            signature.display.clone(),
            "its format has patterns that are not known in DuckDB",
        );
    };
    let value = args.remove(0);
    let text = match &value.ty {
        DuckType::Float => {
            args.insert(0, value);
            return Ok(duck("pg_to_char_float4({0}, {1})", DuckType::Varchar, args));
        }
        DuckType::Double => {
            args.insert(0, value);
            return Ok(duck("pg_to_char_float8({0}, {1})", DuckType::Varchar, args));
        }
        DuckType::Integer | DuckType::BigInt if digits == 0 => value.cast(&DuckType::Varchar),
        DuckType::Integer | DuckType::BigInt => {
            let zeros = "0".repeat(usize::from(digits));
            duck(format!("(CAST({{0}} AS VARCHAR) || '.{zeros}')"), DuckType::Varchar, vec![value])
        }
        _ => numeric::text(numeric::round(vec![value], digits)?),
    };
    args.insert(0, text);
    Ok(duck("pg_to_char_number({0}, {1})", DuckType::Varchar, args))
}

/// Digits behind the point of a format that the engine knows; `None` for others.
fn digits_behind_point(format: &str) -> Option<u8> {
    let (mut digits, mut points, mut signs, mut minus, mut brackets) = (0_u8, 0, 0, 0, 0);
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        let two = rest.get(..2).map(str::to_ascii_uppercase);
        let mut length = c.len_utf8();
        // Nothing but literals may follow PR.
        match (c, two.as_deref()) {
            ('9' | '0', _) if brackets > 0 => return None,
            ('9' | '0', _) => digits = digits.checked_add(u8::from(points > 0))?,
            ('.', _) => points += 1,
            (_, Some("FM")) => length = 2,
            (_, Some("MI")) => {
                length = 2;
                minus += 1;
            }
            (_, Some("PR")) => {
                length = 2;
                brackets += 1;
            }
            ('S' | 's', _) => signs += 1,
            (',' | ' ' | '$' | '%' | '-' | '+' | '/' | '(' | ')' | ':' | '#' | '*' | '=', _) => {}
            _ => return None,
        }
        rest = &rest[length..];
    }
    (points <= 1 && signs + minus + brackets <= 1 && digits <= 38 && !format.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::digits_behind_point;

    #[test]
    fn formats_are_known_or_not() {
        assert_eq!(digits_behind_point("FM999,990.00"), Some(2));
        assert_eq!(digits_behind_point("s999"), Some(0));
        for unknown in ["", "9.9.9", "RN", "9.9EEEE", "L99", "9D9", "99th", "S9PR", "PR9", "\"a\"9", "9V9"] {
            assert_eq!(digits_behind_point(unknown), None, "{unknown}");
        }
    }
}
