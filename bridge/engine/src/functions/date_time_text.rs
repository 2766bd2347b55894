//! Dates and times from texts: those in ISO form, and those of formats whose fields have fixed widths.
//!
//! Postgres reads many more forms, and has its own words for what is wrong with a text. Whatever is
//! neither valid nor of these forms raises 0A000, upon which Postgres runs the query itself.

use super::calendar::{DAY, Day, SECOND};
use super::scalar::ScalarFunction;
use crate::duckdb::TypeId::{Date, Time, Timestamp, TimestampTz, Varchar};

const UNKNOWN: &str = "[0A000] a text is no date or time of a form that DuckDB reads";

/// All of them.
pub(super) static FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "pg_date_in",
        arguments: &[Varchar],
        result: Date,
        row: |args, out, row| {
            let text = trim(args.text(0, row)?);
            let days = match infinity(text) {
                Some(true) => i32::MAX,
                Some(false) => -i32::MAX,
                None => matched(text, "YYYY-MM-DD").and_then(|fields| fields.days()).ok_or(UNKNOWN)?,
            };
            out.set(row, days);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_time_in",
        arguments: &[Varchar],
        result: Time,
        row: |args, out, row| {
            let text = trim(args.text(0, row)?);
            out.set(row, clock(text).and_then(|fields| fields.micros()).ok_or(UNKNOWN)?);
            Ok(())
        },
    },
    ScalarFunction {
        // A zone is read and ignored, as in Postgres.
        name: "pg_timestamp_in",
        arguments: &[Varchar],
        result: Timestamp,
        row: |args, out, row| {
            out.set(row, timestamp(trim(args.text(0, row)?)).ok_or(UNKNOWN)?.0);
            Ok(())
        },
    },
    ScalarFunction {
        // Null if the text names no zone: it is a local time then.
        name: "pg_timestamptz_in",
        arguments: &[Varchar],
        result: TimestampTz,
        row: |args, out, row| {
            match timestamp(trim(args.text(0, row)?)).ok_or(UNKNOWN)? {
                (local, Some(offset)) => out.set(row, local - offset),
                (_, None) => out.set_null(row),
            }
            Ok(())
        },
    },
    ScalarFunction {
        // A text and its template, see `matched`.
        name: "pg_timestamp_of",
        arguments: &[Varchar, Varchar],
        result: Timestamp,
        row: |args, out, row| {
            let fields = matched(args.text(0, row)?, args.text(1, row)?);
            out.set(row, fields.and_then(|fields| fields.timestamp()).ok_or(UNKNOWN)?);
            Ok(())
        },
    },
];

/// Without what `isspace` takes for blank.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c'])
}

fn infinity(text: &str) -> Option<bool> {
    match text {
        "infinity" => Some(true),
        "-infinity" => Some(false),
        _ => None,
    }
}

/// The fields of a text, as far as a template has them.
#[derive(Default)]
struct Fields {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    fraction: i64,
    fraction_digits: u32,
}

/// Reads `text` digit by digit: `Y`, `M`, `D`, `h`, `m`, `s` and `f` of the template are digits of the year,
/// month, day, hour, minute, second and its fraction; anything else stands for itself.
fn matched(text: &str, template: &str) -> Option<Fields> {
    if text.len() != template.len() {
        return None;
    }
    let mut fields = Fields::default();
    for (byte, kind) in text.bytes().zip(template.bytes()) {
        let field = match kind {
            b'Y' => &mut fields.year,
            b'M' => &mut fields.month,
            b'D' => &mut fields.day,
            b'h' => &mut fields.hour,
            b'm' => &mut fields.minute,
            b's' => &mut fields.second,
            b'f' => {
                fields.fraction_digits += 1;
                &mut fields.fraction
            }
            literal if literal == byte => continue,
            _ => return None,
        };
        if !byte.is_ascii_digit() {
            return None;
        }
        *field = *field * 10 + i64::from(byte - b'0');
    }
    Some(fields)
}

impl Fields {
    fn days(&self) -> Option<i32> {
        let months = 1..=12;
        if self.year == 0 || !months.contains(&self.month) {
            return None;
        }
        let days = 1..=Day::month_length(self.year, self.month);
        if !days.contains(&self.day) {
            return None;
        }
        i32::try_from(Day { year: self.year, month: self.month, day: self.day }.to_unix()).ok()
    }

    fn micros(&self) -> Option<i64> {
        if self.hour > 23 || self.minute > 59 || self.second > 59 || self.fraction_digits > 6 {
            return None;
        }
        let fraction = self.fraction * 10_i64.pow(6 - self.fraction_digits);
        Some((self.hour * 3_600 + self.minute * 60 + self.second) * SECOND + fraction)
    }

    fn timestamp(&self) -> Option<i64> {
        Some(i64::from(self.days()?) * DAY + self.micros()?)
    }
}

/// `hh:mm[:ss[.ffffff]]`.
fn clock(text: &str) -> Option<Fields> {
    const LONGEST: &str = "hh:mm:ss.ffffff";
    let template = match text.len() {
        5 | 8 | 10..=15 => &LONGEST[..text.len()],
        _ => return None,
    };
    matched(text, template)
}

/// A timestamp in ISO form: microseconds as a clock shows them, and those that its zone, if it has one,
/// is ahead of UTC.
fn timestamp(text: &str) -> Option<(i64, Option<i64>)> {
    const DATE: usize = "YYYY-MM-DD".len();
    if let Some(end) = infinity(text) {
        // Whatever the zone.
        return Some((if end { i64::MAX } else { -i64::MAX }, Some(0)));
    }
    let days = i64::from(matched(text.get(..DATE)?, "YYYY-MM-DD")?.days()?);
    let rest = &text[DATE..];
    if rest.is_empty() {
        return Some((days * DAY, None));
    }
    let rest = rest.strip_prefix([' ', 'T'])?;
    let zone = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let micros = clock(&rest[..zone])?.micros()?;
    let offset = if zone < rest.len() { Some(offset(&rest[zone..])?) } else { None };
    Some((days * DAY + micros, offset))
}

/// `Z`, `+hh`, `+hhmm`, `+hh:mm`.
fn offset(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = &text[1..];
    let template = match digits.len() {
        2 => "hh",
        4 => "hhmm",
        5 => "hh:mm",
        _ => return None,
    };
    let fields = matched(digits, template).filter(|fields| fields.hour < 15)?;
    Some(sign * fields.micros()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 19_782 * DAY + 12 * 3_600 * SECOND;

    #[test]
    fn iso_forms_are_read() {
        let cases = [
            ("2024-02-29", NOON - DAY / 2, None),
            ("2024-02-29 12:00", NOON, None),
            ("2024-02-29T12:00:00", NOON, None),
            ("2024-02-29 12:00:00.5", NOON + SECOND / 2, None),
            ("2024-02-29 12:00:00.000001Z", NOON + 1, Some(0)),
            ("2024-02-29 12:00+05:30", NOON, Some(19_800 * SECOND)),
            ("2024-02-29 12:00:00-08", NOON, Some(-28_800 * SECOND)),
        ];
        for (text, micros, zone) in cases {
            assert_eq!(timestamp(text), Some((micros, zone)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_for_postgres() {
        for text in [
            "",
            "today",
            "2024-2-9",
            "2023-02-29",
            "2024-13-01",
            "0000-01-01",
            "20240229",
            "2024-02-29 24:00:00",
            "2024-02-29 12",
            "2024-02-29 12:00:60",
            "2024-02-29 12:00:00.",
            "2024-02-29 12:00:00.1234567",
            "2024-02-29 12:00:00 +02",
            "2024-02-29 12:00:00+15",
            "2024-02-29 12:00 BC",
            "٢٠٢٤-02-29",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn templates_have_fixed_widths() {
        let at = |text, template| matched(text, template).and_then(|fields| fields.timestamp());
        assert_eq!(at("29.02.2024 12:00", "DD.MM.YYYY hh:mm"), Some(NOON));
        assert_eq!(at("20240229", "YYYYMMDD"), Some(NOON - DAY / 2));
        assert_eq!(at("29.2.2024", "DD.MM.YYYY"), None);
    }
}
