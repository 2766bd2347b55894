//! `pg_to_char_*`: Postgres' `to_char` for timestamps.
//!
//! All of its template patterns but those that need a locale (`TM`) or the name of a time zone
//! (`TZ`), which are not sent here. Widths, suffixes and the order in which patterns are
//! looked for are those of `formatting.c`.

use super::calendar::{Day, infinite_timestamp, split};
use super::scalar::{Arguments, Output, ScalarFunction};
use super::value_text::{padded, put, set_text};
use crate::duckdb::TypeId::{Timestamp, TimestampTz, Varchar};
use std::cell::RefCell;
use std::fmt::Write as _;

/// Patterns in the order in which they are tried: longer ones first where one begins another.
const PATTERNS: &[&str] = &[
    "A.D.", "A.M.", "AD", "AM", "B.C.", "BC", "CC", "DAY", "DDD", "DD", "DY", "Day", "Dy", "D", "FF1", "FF2",
    "FF3", "FF4", "FF5", "FF6", "FX", "HH24", "HH12", "HH", "IDDD", "ID", "IW", "IYYY", "IYY", "IY", "I",
    "J", "MI", "MM", "MONTH", "MON", "MS", "Month", "Mon", "OF", "P.M.", "PM", "Q", "RM", "SSSSS", "SSSS",
    "SS", "TZH", "TZM", "US", "WW", "W", "Y,YYY", "YYYY", "YYY", "YY", "Y", "a.d.", "a.m.", "ad", "am",
    "b.c.", "bc", "cc", "day", "ddd", "dd", "dy", "d", "ff1", "ff2", "ff3", "ff4", "ff5", "ff6", "fx",
    "hh24", "hh12", "hh", "iddd", "id", "iw", "iyyy", "iyy", "iy", "i", "j", "mi", "mm", "month", "mon",
    "ms", "of", "p.m.", "pm", "q", "rm", "sssss", "ssss", "ss", "tzh", "tzm", "us", "ww", "w", "y,yyy",
    "yyyy", "yyy", "yy", "y",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const ROMAN: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// Both of them.
pub(super) static FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "pg_to_char_timestamp",
        arguments: &[Timestamp, Varchar],
        result: Varchar,
        row: |args, out, row| to_char(args, out, row, args.long(0, row), 0, 1),
    },
    ScalarFunction {
        // The instant, and what a clock in the session's time zone shows then.
        name: "pg_to_char_timestamptz",
        arguments: &[TimestampTz, Timestamp, Varchar],
        result: Varchar,
        row: |args, out, row| {
            let (instant, local) = (args.long(0, row), args.long(1, row));
            to_char(args, out, row, local, local.wrapping_sub(instant) / 1_000_000, 2)
        },
    },
];

fn to_char(
    arguments: &Arguments<'_>,
    out: &mut Output,
    row: usize,
    local: i64,
    seconds_east: i64,
    format: usize,
) -> Result<(), String> {
    let format = arguments.text(format, row)?;
    if format.is_empty() || infinite_timestamp(local).is_some() {
        out.set_null(row);
        return Ok(());
    }
    let (days, of_day) = split(local);
    let fields = Fields { day: Day::from_unix(days), micros: of_day, seconds_east };
    PARSED.with_borrow_mut(|(source, nodes)| {
        if source != format {
            *nodes = parse(format);
            format.clone_into(source);
        }
        set_text(out, row, |text| fields.write(text, nodes));
    });
    Ok(())
}

thread_local! {
    /// The format that was used last: a statement has few.
    static PARSED: RefCell<(String, Vec<Node>)> = const { RefCell::new((String::new(), Vec::new())) };
}

/// A part of a format.
enum Node {
    /// Text as it is.
    Literal(String),
    Pattern {
        name: &'static str,
        /// The name in capitals, as which patterns of numbers are known.
        capitals: &'static str,
        fill: bool,
        /// TH or th behind it.
        ordinal: Option<bool>,
    },
}

fn parse(format: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    let literal = |nodes: &mut Vec<Node>, text: &str| match nodes.last_mut() {
        Some(Node::Literal(before)) => before.push_str(text),
        _ => nodes.push(Node::Literal(text.to_owned())),
    };
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        let mut fill = true;
        if let Some(after) = rest.strip_prefix("FM").or_else(|| rest.strip_prefix("fm")) {
            fill = false;
            rest = after;
        }
        if let Some(name) = PATTERNS.iter().find(|pattern| rest.starts_with(**pattern)) {
            rest = &rest[name.len()..];
            let mut ordinal = None;
            for (suffix, upper) in [("TH", true), ("th", false)] {
                if let Some(after) = rest.strip_prefix(suffix) {
                    rest = after;
                    ordinal = Some(upper);
                    break;
                }
            }
            // Spell mode does nothing.
            rest = rest.strip_prefix("SP").or_else(|| rest.strip_prefix("sp")).unwrap_or(rest);
            let capitals = PATTERNS.iter().find(|other| **other == name.to_ascii_uppercase()).unwrap_or(name);
            nodes.push(Node::Pattern { name, capitals, fill, ordinal });
        } else if !fill {
            // FM before no pattern is dropped.
        } else if c == '"' {
            let mut text = String::new();
            rest = quoted(&mut text, &rest[1..]);
            literal(&mut nodes, &text);
        } else if let Some(after) = rest.strip_prefix("\\\"") {
            rest = after;
            literal(&mut nodes, "\"");
        } else {
            let (text, after) = rest.split_at(c.len_utf8());
            rest = after;
            literal(&mut nodes, text);
        }
    }
    nodes
}

/// What patterns show.
struct Fields {
    day: Day,
    /// Of the day.
    micros: i64,
    seconds_east: i64,
}

impl Fields {
    fn write(&self, out: &mut String, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Literal(text) => out.push_str(text),
                Node::Pattern { name, capitals, fill, ordinal } => {
                    let start = out.len();
                    let is_number = self.pattern(out, name, capitals, *fill);
                    if let Some(upper) = ordinal
                        && is_number
                    {
                        let suffix = suffix(&out[start..], *upper);
                        out.push_str(suffix);
                    }
                }
            }
        }
    }

    /// Writes one pattern; true if it is a number, which TH applies to.
    fn pattern(&self, out: &mut String, pattern: &str, capitals: &str, fill: bool) -> bool {
        let Day { year, month, day } = self.day;
        let number = |out: &mut String, value: i64, width: usize| {
            if value < 0 {
                out.push('-');
            }
            padded(out, value.unsigned_abs(), if fill { width } else { 1 });
        };
        let fixed = |out: &mut String, value: i64, width: usize| {
            if value < 0 {
                out.push('-');
            }
            padded(out, value.unsigned_abs(), width.max(1));
        };
        let name = |out: &mut String, text: &str, width: usize| {
            let width = if fill { width } else { 0 };
            put!(out, "{text:width$}");
        };
        let (hour, minute, second) =
            (self.micros / 3_600_000_000, self.micros / 60_000_000 % 60, self.micros / 1_000_000 % 60);
        let micros = self.micros % 1_000_000;
        let month_name = MONTHS[usize::try_from(month - 1).unwrap_or(0)];
        let weekday = self.day.weekday();
        let day_name = DAYS[usize::try_from(weekday).unwrap_or(0)];
        let adjusted = |year: i64| if year <= 0 { 1 - year } else { year };
        let east = self.seconds_east;
        match pattern {
            "A.M." | "P.M." => out.push_str(if hour % 24 >= 12 { "P.M." } else { "A.M." }),
            "AM" | "PM" => out.push_str(if hour % 24 >= 12 { "PM" } else { "AM" }),
            "a.m." | "p.m." => out.push_str(if hour % 24 >= 12 { "p.m." } else { "a.m." }),
            "am" | "pm" => out.push_str(if hour % 24 >= 12 { "pm" } else { "am" }),
            "A.D." | "B.C." => out.push_str(if year <= 0 { "B.C." } else { "A.D." }),
            "AD" | "BC" => out.push_str(if year <= 0 { "BC" } else { "AD" }),
            "a.d." | "b.c." => out.push_str(if year <= 0 { "b.c." } else { "a.d." }),
            "ad" | "bc" => out.push_str(if year <= 0 { "bc" } else { "ad" }),
            "MONTH" => name(out, &month_name.to_uppercase(), 9),
            "Month" => name(out, month_name, 9),
            "month" => name(out, &month_name.to_lowercase(), 9),
            "MON" => out.push_str(&month_name[..3].to_uppercase()),
            "Mon" => out.push_str(&month_name[..3]),
            "mon" => out.push_str(&month_name[..3].to_lowercase()),
            "DAY" => name(out, &day_name.to_uppercase(), 9),
            "Day" => name(out, day_name, 9),
            "day" => name(out, &day_name.to_lowercase(), 9),
            "DY" => out.push_str(&day_name[..3].to_uppercase()),
            "Dy" => out.push_str(&day_name[..3]),
            "dy" => out.push_str(&day_name[..3].to_lowercase()),
            "RM" => name(out, ROMAN[usize::try_from(month - 1).unwrap_or(0)], 4),
            "rm" => name(out, &ROMAN[usize::try_from(month - 1).unwrap_or(0)].to_lowercase(), 4),
            "FX" | "fx" => {}
            _ => {
                match capitals {
                    "HH" | "HH12" => number(out, if hour % 12 == 0 { 12 } else { hour % 12 }, 2),
                    "HH24" => number(out, hour, 2),
                    "MI" => number(out, minute, 2),
                    "SS" => number(out, second, 2),
                    "FF1" => fixed(out, micros / 100_000, 1),
                    "FF2" => fixed(out, micros / 10_000, 2),
                    "FF3" | "MS" => fixed(out, micros / 1_000, 3),
                    "FF4" => fixed(out, micros / 100, 4),
                    "FF5" => fixed(out, micros / 10, 5),
                    "FF6" | "US" => fixed(out, micros, 6),
                    "SSSS" | "SSSSS" => fixed(out, self.micros / 1_000_000, 0),
                    "OF" => {
                        out.push(if east >= 0 { '+' } else { '-' });
                        number(out, east.abs() / 3_600, 2);
                        if east.abs() % 3_600 != 0 {
                            put!(out, ":{:02}", east.abs() % 3_600 / 60);
                        }
                        return false;
                    }
                    "TZH" => {
                        put!(out, "{}{:02}", if east >= 0 { '+' } else { '-' }, east.abs() / 3_600);
                        return false;
                    }
                    "TZM" => {
                        put!(out, "{:02}", east.abs() % 3_600 / 60);
                        return false;
                    }
                    "MM" => number(out, month, 2),
                    "DDD" => number(out, self.day.day_of_year(), 3),
                    "IDDD" => number(out, self.day.iso_day_of_year(), 3),
                    "DD" => number(out, day, 2),
                    "D" => fixed(out, weekday + 1, 0),
                    "ID" => fixed(out, if weekday == 0 { 7 } else { weekday }, 0),
                    "WW" => number(out, (self.day.day_of_year() - 1) / 7 + 1, 2),
                    "IW" => number(out, self.day.iso_week().1, 2),
                    "Q" => fixed(out, (month - 1) / 3 + 1, 0),
                    "CC" => {
                        let century = if year > 0 { (year - 1) / 100 + 1 } else { year / 100 - 1 };
                        if century.abs() <= 99 { number(out, century, 2) } else { fixed(out, century, 0) }
                    }
                    "Y,YYY" => put!(out, "{},{:03}", adjusted(year) / 1_000, adjusted(year) % 1_000),
                    "YYYY" => number(out, adjusted(year), 4),
                    "YYY" => number(out, adjusted(year) % 1_000, 3),
                    "YY" => number(out, adjusted(year) % 100, 2),
                    "Y" => fixed(out, adjusted(year) % 10, 1),
                    "IYYY" => number(out, adjusted(self.day.iso_week().0), 4),
                    "IYY" => number(out, adjusted(self.day.iso_week().0) % 1_000, 3),
                    "IY" => number(out, adjusted(self.day.iso_week().0) % 100, 2),
                    "I" => fixed(out, adjusted(self.day.iso_week().0) % 10, 1),
                    "W" => fixed(out, (day - 1) / 7 + 1, 0),
                    "J" => fixed(out, self.day.julian(), 0),
                    _ => return false,
                }
                return true;
            }
        }
        false
    }
}

/// Text up to the closing quote, in which a backslash takes the next character as it is.
fn quoted<'a>(out: &mut String, text: &'a str) -> &'a str {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return &text[at + 1..],
            '\\' => {
                if let Some((_, escaped)) = chars.next() {
                    out.push(escaped);
                }
            }
            _ => out.push(c),
        }
    }
    ""
}

/// `st`, `nd`, `rd` or `th` of a number.
fn suffix(number: &str, upper: bool) -> &'static str {
    let digits = number.as_bytes();
    let last = digits.last().copied().unwrap_or(b'0');
    let teens = digits.len() > 1 && digits[digits.len() - 2] == b'1';
    match (if teens { b'0' } else { last }, upper) {
        (b'1', true) => "ST",
        (b'1', false) => "st",
        (b'2', true) => "ND",
        (b'2', false) => "nd",
        (b'3', true) => "RD",
        (b'3', false) => "rd",
        (_, true) => "TH",
        (_, false) => "th",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_suffixes_and_literals() {
        let fields = Fields {
            day: Day { year: 2024, month: 2, day: 3 },
            micros: 13 * 3_600_000_000 + 4 * 60_000_000 + 5_678_000,
            seconds_east: -5 * 3_600,
        };
        for (format, expected) in [
            ("YYYY-MM-DD HH24:MI:SS.MS", "2024-02-03 13:04:05.678"),
            ("FMDay, FMMonth FMDDth", "Saturday, February 3rd"),
            ("Day|Month|RM|", "Saturday |February |II  |"),
            ("HH12:MI am OF", "01:04 pm -05"),
            ("\"YYYY\" \\\"YY", "YYYY \"24"),
            ("IYYY-\"W\"IW-ID DDD Q CC J", "2024-W05-6 034 1 21 2460344"),
            ("y,yyy SSSS", "2,024 47045"),
        ] {
            let mut out = String::new();
            fields.write(&mut out, &parse(format));
            assert_eq!(out, expected, "{format}");
        }
    }
}
