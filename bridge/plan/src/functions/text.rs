//! Strings. Lengths and positions count characters in both systems.

use bridge_types::oid::{BPCHAR, BYTEA, INT4, TEXT};
use bridge_types::{PgType, oid};

use super::{Entry, result_type};
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{Collation, PgConstant, Signature};

/// `pg_proc`'s `any`.
const ANY: u32 = 2276;

const SAME: &[(&str, &[u32], &str)] = &[
    ("textcat", &[TEXT, TEXT], "({0} || {1})"),
    ("length", &[TEXT], "CAST(length({0}) AS INTEGER)"),
    ("char_length", &[TEXT], "CAST(length({0}) AS INTEGER)"),
    ("character_length", &[TEXT], "CAST(length({0}) AS INTEGER)"),
    // The carrier of char(n) has no trailing blanks, and Postgres does not count them.
    ("length", &[BPCHAR], "CAST(length({0}) AS INTEGER)"),
    ("char_length", &[BPCHAR], "CAST(length({0}) AS INTEGER)"),
    ("character_length", &[BPCHAR], "CAST(length({0}) AS INTEGER)"),
    ("octet_length", &[TEXT], "CAST(strlen({0}) AS INTEGER)"),
    ("octet_length", &[BYTEA], "CAST(octet_length({0}) AS INTEGER)"),
    ("length", &[BYTEA], "CAST(octet_length({0}) AS INTEGER)"),
    ("btrim", &[TEXT], "trim({0}, ' ')"),
    ("btrim", &[TEXT, TEXT], "trim({0}, {1})"),
    ("ltrim", &[TEXT], "ltrim({0}, ' ')"),
    ("ltrim", &[TEXT, TEXT], "ltrim({0}, {1})"),
    ("rtrim", &[TEXT], "rtrim({0}, ' ')"),
    ("rtrim", &[TEXT, TEXT], "rtrim({0}, {1})"),
    ("strpos", &[TEXT, TEXT], "CAST(strpos({0}, {1}) AS INTEGER)"),
    ("position", &[TEXT, TEXT], "CAST(strpos({0}, {1}) AS INTEGER)"),
    (
        "replace",
        &[TEXT, TEXT, TEXT],
        "CASE WHEN {1} = '' AND {2} IS NOT NULL THEN {0} ELSE replace({0}, {1}, {2}) END",
    ),
    ("left", &[TEXT, INT4], "left({0}, {1})"),
    ("right", &[TEXT, INT4], "right({0}, {1})"),
    ("reverse", &[TEXT], "reverse({0})"),
    ("starts_with", &[TEXT, TEXT], "starts_with({0}, {1})"),
    ("md5", &[TEXT], "md5({0})"),
    ("repeat", &[TEXT, INT4], "repeat({0}, {1})"),
    (
        "split_part",
        &[TEXT, TEXT, INT4],
        "CASE WHEN {2} = 0 AND {0} IS NOT NULL AND {1} IS NOT NULL \
         THEN error('[22023] field position must not be zero') \
         WHEN {1} = '' AND {2} IN (1, -1) THEN {0} WHEN {1} = '' THEN left({0}, {2} * 0) \
         ELSE split_part({0}, {1}, {2}) END",
    ),
];

pub(super) fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> =
        SAME.iter().map(|(name, args, sql)| Entry::template(name, args, *sql)).collect();
    for name in ["substring", "substr"] {
        entries.push(Entry::build(name, &[TEXT, INT4], substring));
        entries.push(Entry::build(name, &[TEXT, INT4, INT4], substring));
    }
    entries.push(Entry::build("upper", &[TEXT], |s, a| map_case(s, a, "upper({0})")));
    entries.push(Entry::build("lower", &[TEXT], |s, a| map_case(s, a, "lower({0})")));
    entries.push(Entry::build("lpad", &[TEXT, INT4, TEXT], |s, a| pad(s, a, "lpad")));
    entries.push(Entry::build("rpad", &[TEXT, INT4, TEXT], |s, a| pad(s, a, "rpad")));
    entries.push(Entry::build("lpad", &[TEXT, INT4], |s, a| pad(s, a, "lpad")));
    entries.push(Entry::build("rpad", &[TEXT, INT4], |s, a| pad(s, a, "rpad")));
    for name in ["textlike", "like"] {
        entries.push(Entry::build(name, &[TEXT, TEXT], |_, a| Ok(like(a, "LIKE", true))));
    }
    for name in ["textnlike", "notlike"] {
        entries.push(Entry::build(name, &[TEXT, TEXT], |_, a| Ok(like(a, "LIKE", false))));
    }
    entries.push(Entry::build("texticlike", &[TEXT, TEXT], |s, a| {
        map_case_allowed(s)?;
        Ok(like(a, "ILIKE", true))
    }));
    entries.push(Entry::build("texticnlike", &[TEXT, TEXT], |s, a| {
        map_case_allowed(s)?;
        Ok(like(a, "ILIKE", false))
    }));
    entries.push(Entry::build("bpcharlike", &[BPCHAR, TEXT], |s, a| {
        Ok(like(blank_padded(s, a)?, "LIKE", true))
    }));
    entries.push(Entry::build("bpcharnlike", &[BPCHAR, TEXT], |s, a| {
        Ok(like(blank_padded(s, a)?, "LIKE", false))
    }));
    entries.push(Entry::build("octet_length", &[BPCHAR], |s, a| {
        Ok(duck("CAST(strlen({0}) AS INTEGER)", DuckType::Integer, blank_padded(s, a)?))
    }));
    entries.push(Entry::build("bpchariclike", &[BPCHAR, TEXT], |s, a| {
        map_case_allowed(s)?;
        Ok(like(blank_padded(s, a)?, "ILIKE", true))
    }));
    entries.push(Entry::build("bpcharicnlike", &[BPCHAR, TEXT], |s, a| {
        map_case_allowed(s)?;
        Ok(like(blank_padded(s, a)?, "ILIKE", false))
    }));
    entries.push(Entry::build("concat", &[ANY], |s, a| concat(s, "concat", a)));
    entries.push(Entry::build("concat_ws", &[TEXT, ANY], |s, a| concat(s, "concat_ws", a)));
    entries.push(Entry::build("textregexeq", &[TEXT, TEXT], |s, a| matches(s, a, true)));
    entries.push(Entry::build("textregexne", &[TEXT, TEXT], |s, a| matches(s, a, false)));
    for name in ["texticregexeq", "texticregexne"] {
        entries.push(Entry::never(
            name,
            &[TEXT, TEXT],
            "DuckDB's regular expressions are of another dialect",
        ));
    }
    entries
}

/// Functions that map case: under `C` Postgres touches ASCII only, DuckDB all of Unicode.
fn map_case(signature: &Signature, args: Vec<Typed>, sql: &'static str) -> Result<Typed, PlanError> {
    map_case_allowed(signature)?;
    Ok(duck(sql, result_type(signature)?, args))
}

fn map_case_allowed(signature: &Signature) -> Result<(), PlanError> {
    if signature.collation == Collation::C {
        return unsupported(signature.display.clone(), "under the C collation only ASCII letters have case");
    }
    Ok(())
}

/// `substring(s, start[, length])`: positions before the first character count towards the
/// length, as in SQL; DuckDB counts negative ones from the end.
fn substring(_signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let int =
        |arg: Option<&Typed>| arg.and_then(|arg| PgConstant::of(&arg.expr)).and_then(PgConstant::as_int);
    let start = int(args.get(1));
    let ty = DuckType::Varchar;
    if args.len() == 2 {
        return Ok(match start {
            Some(start) => duck(format!("substring({{0}}, {})", start.max(1)), ty, args),
            None => duck("substring({0}, CASE WHEN {1} < 1 THEN 1 ELSE {1} END)", ty, args),
        });
    }
    if let (Some(start), Some(length @ 0..)) = (start, int(args.get(2))) {
        let end = (start + length).max(1);
        let start = start.max(1);
        return Ok(duck(format!("substring({{0}}, {start}, {})", (end - start).max(0)), ty, args));
    }
    let sql = "CASE WHEN {2} < 0 THEN error('[22011] negative substring length not allowed') \
               WHEN {1} >= 1 THEN substring({0}, {1}, {2}) \
               WHEN CAST({1} AS BIGINT) + {2} <= 1 THEN substring({0}, 1, 0) \
               WHEN {1} < 1 THEN substring({0}, 1, CAST({1} AS BIGINT) + {2} - 1) END";
    Ok(duck(sql, ty, args))
}

/// `lpad`, `rpad`: a negative length is an empty string, an empty fill leaves the string.
fn pad(signature: &Signature, mut args: Vec<Typed>, name: &str) -> Result<Typed, PlanError> {
    if args.len() == 2 {
        let blank = crate::pg::Value::Text(" ".to_owned());
        let blank = PgConstant::expr(bridge_types::PgType::new(TEXT), blank);
        args.push(Typed::new(blank, DuckType::Varchar));
    }
    match PgConstant::of(&args[2].expr).and_then(PgConstant::as_text) {
        Some(fill) if !fill.is_empty() => {}
        _ => return unsupported(signature.display.clone(), "the fill is not a constant string"),
    }
    let sql = format!("CASE WHEN {{1}} <= 0 THEN left({{0}}, 0) ELSE {name}({{0}}, {{1}}, {{2}}) END");
    Ok(duck(sql, DuckType::Varchar, args))
}

/// LIKE. A backslash escapes in Postgres without being asked to; where the pattern has none,
/// DuckDB's fast matchers can do without ESCAPE.
fn like(args: Vec<Typed>, operator: &str, positive: bool) -> Typed {
    let plain = args
        .get(1)
        .and_then(|pattern| PgConstant::of(&pattern.expr))
        .and_then(PgConstant::as_text)
        .is_some_and(|pattern| !pattern.contains('\\'));
    let escape = if plain { "" } else { r" ESCAPE '\'" };
    let not = if positive { "" } else { "NOT " };
    duck(format!("({{0}} {not}{operator} {{1}}{escape})"), DuckType::Boolean, args)
}

/// `s ~ pattern`, for constant patterns that mean the same in both dialects.
fn matches(signature: &Signature, args: Vec<Typed>, positive: bool) -> Result<Typed, PlanError> {
    let pattern = args.get(1).and_then(|arg| PgConstant::of(&arg.expr)).and_then(PgConstant::as_text);
    if !pattern.is_some_and(is_plain_pattern) {
        return unsupported(
            signature.display.clone(),
            "DuckDB's regular expressions are of another dialect, and this is no simple constant pattern",
        );
    }
    let not = if positive { "" } else { "NOT " };
    // A point matches line ends in Postgres: option `s`.
    Ok(duck(format!("({not}regexp_matches({{0}}, {{1}}, 's'))"), DuckType::Boolean, args))
}

/// True for patterns of literals, points, anchors, groups, alternatives, sets of characters,
/// single quantifiers and escaped punctuation. What else there is (classes, look-around, back
/// references, word boundaries, options) differs between Postgres and RE2.
fn is_plain_pattern(pattern: &str) -> bool {
    let mut chars = pattern.chars().peekable();
    // True where a quantifier may follow.
    let mut quantifiable = false;
    let mut depth = 0_u32;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => quantifiable = true,
                _ => return false,
            },
            '[' => {
                if chars.peek() == Some(&'^') {
                    chars.next();
                }
                let mut members = 0;
                loop {
                    match chars.next() {
                        Some(']') if members > 0 => break,
                        Some('[' | '\\' | ']') | None => return false,
                        Some('-') if chars.peek() != Some(&']') && members == 0 => return false,
                        Some(_) => members += 1,
                    }
                }
                quantifiable = true;
            }
            '(' => {
                if matches!(chars.peek(), Some('?' | '*')) {
                    return false;
                }
                depth += 1;
                quantifiable = false;
            }
            ')' => {
                let Some(outer) = depth.checked_sub(1) else { return false };
                depth = outer;
                quantifiable = true;
            }
            '*' | '+' | '?' => {
                if !quantifiable {
                    return false;
                }
                quantifiable = false;
            }
            '|' | '^' | '$' => quantifiable = false,
            '{' | '}' | ']' => return false,
            _ => quantifiable = true,
        }
    }
    depth == 0
}

/// `concat`, `concat_ws`: NULLs are left out, other values come as their output functions write them.
fn concat(signature: &Signature, name: &str, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let args: Vec<Typed> = args
        .into_iter()
        .zip(&signature.args)
        .map(|(arg, pg)| written(signature, arg, *pg))
        .collect::<Result<_, _>>()?;
    let places: Vec<String> = (0..args.len()).map(|i| format!("{{{i}}}")).collect();
    Ok(duck(format!("{name}({})", places.join(", ")), DuckType::Varchar, args))
}

/// A value as its output function writes it.
fn written(signature: &Signature, value: Typed, pg: PgType) -> Result<Typed, PlanError> {
    let ty = DuckType::Varchar;
    match pg.oid {
        oid::TEXT | oid::VARCHAR | oid::NAME | oid::UNKNOWN => Ok(value),
        BPCHAR => match pg.length() {
            Some(length) => Ok(duck(format!("rpad({{0}}, {length}, ' ')"), ty, vec![value])),
            None => unsupported(signature.display.clone(), "the length of the char(n) is not known"),
        },
        oid::INT2 | INT4 | oid::INT8 => Ok(value.cast(&ty)),
        oid::BOOL => Ok(duck("CASE WHEN {0} THEN 't' WHEN NOT {0} THEN 'f' END", ty, vec![value])),
        oid::NUMERIC => Ok(duck("{0}", ty, vec![super::numeric::text(value)])),
        _ => unsupported(signature.display.clone(), "DuckDB writes values of such a type differently"),
    }
}

/// Pattern matching sees the blanks of `char(n)`: put them back.
fn blank_padded(signature: &Signature, mut args: Vec<Typed>) -> Result<Vec<Typed>, PlanError> {
    let Some(length) = signature.args.first().and_then(PgType::length) else {
        return unsupported(signature.display.clone(), "the length of the char(n) is not known");
    };
    args[0] = duck(format!("rpad({{0}}, {length}, ' ')"), DuckType::Varchar, vec![args[0].clone()]);
    Ok(args)
}

#[cfg(test)]
mod tests {
    use super::is_plain_pattern;

    #[test]
    fn only_patterns_of_both_dialects_are_plain() {
        for plain in ["", "abc", "^a.*b$", "(a|b)+c?", "[a-z0-9_]+", "[^,]*", r"a\.b", "ä|ß", "a-b"] {
            assert!(is_plain_pattern(plain), "{plain}");
        }
        for other in [
            r"\d",
            r"\mword",
            "(?i)a",
            "***=a",
            "*a",
            "a**",
            "a+?",
            "a{2}",
            "[[:alpha:]]",
            "[]a]",
            "(a",
            "a)",
            r"[\d]",
            r"(a)\1",
            "^*",
            "[",
            r"a\",
        ] {
            assert!(!is_plain_pattern(other), "{other}");
        }
    }
}
