//! `to_date` and `to_timestamp` of texts in formats whose fields have fixed widths.

use super::Entry;
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature};
use bridge_types::oid::TEXT;

const FORMAT: &str = "the format is a constant of YYYY, MM, DD, HH24, MI, SS, MS, US and separators; each text fills it exactly";

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::build("to_date", &[TEXT, TEXT], |s, a| Ok(local(s, a)?.cast(&DuckType::Date))).when(FORMAT),
        Entry::build("to_timestamp", &[TEXT, TEXT], |s, a| Ok(local(s, a)?.cast(&DuckType::TimestampTz)))
            .when(FORMAT),
    ]
}

/// What a clock shows at the time that the text tells.
fn local(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let format = PgConstant::of(&args[1].expr).and_then(PgConstant::as_text);
    let Some(template) = format.and_then(template) else {
        return unsupported(
            signature.display.clone(),
            "its format is no constant with fields of fixed widths",
        );
    };
    let value = args.into_iter().next().expect("it has two arguments");
    Ok(duck(format!("pg_timestamp_of({{0}}, '{template}')"), DuckType::Timestamp, vec![value]))
}

/// The template of the engine's `pg_timestamp_of` for a format; `None` for other formats, such as those
/// without a year or in which a field comes twice.
fn template(format: &str) -> Option<String> {
    const FIELDS: [(&str, &str); 8] = [
        ("YYYY", "YYYY"),
        ("MM", "MM"),
        ("DD", "DD"),
        ("HH24", "hh"),
        ("MI", "mm"),
        ("SS", "ss"),
        ("MS", "fff"),
        ("US", "ffffff"),
    ];
    let upper = format.to_ascii_uppercase();
    let mut rest = upper.as_str();
    let mut template = String::new();
    while !rest.is_empty() {
        if let Some((field, digits)) = FIELDS.iter().find(|(field, _)| rest.starts_with(field)) {
            if template.contains(&digits[..1]) {
                return None;
            }
            template.push_str(digits);
            rest = &rest[field.len()..];
        } else {
            let separator = rest.chars().next().filter(|c| matches!(c, '-' | '/' | '.' | ':' | ',' | ' '))?;
            template.push(separator);
            rest = &rest[1..];
        }
    }
    let date = template.contains('Y') && template.contains('M') && template.contains('D');
    // Days of a month of another number of days, and fractions of no second, have rules of their own.
    date.then_some(template)
}

#[cfg(test)]
mod tests {
    use super::template;

    #[test]
    fn fields_have_fixed_widths() {
        assert_eq!(template("YYYY-MM-DD HH24:MI:SS.US").as_deref(), Some("YYYY-MM-DD hh:mm:ss.ffffff"));
        assert_eq!(template("ddmmyyyy").as_deref(), Some("DDMMYYYY"));
        for other in [
            "YYYY-MM",
            "YY-MM-DD",
            "YYYY-Mon-DD",
            "YYYY-MM-DD HH:MI",
            "MM MM DD YYYY",
            "YYYY\"x\"MMDD",
            "FXYYYY-MM-DD",
        ] {
            assert_eq!(template(other), None, "{other}");
        }
    }
}
