//! Strings. Lengths and positions count characters in both systems.

use bridge_types::oid::{BPCHAR, BYTEA, INT4, INT8, NAME, TEXT};

use super::output::{blank_padded, written};
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
    // DuckDB reverses what a reader sees as characters, Postgres code points.
    ("reverse", &[TEXT], "pg_reverse({0})"),
    ("starts_with", &[TEXT, TEXT], "starts_with({0}, {1})"),
    ("md5", &[TEXT], "md5({0})"),
    ("repeat", &[TEXT, INT4], "pg_repeat({0}, {1})"),
    ("lpad", &[TEXT, INT4], "pg_lpad({0}, {1}, ' ')"),
    ("lpad", &[TEXT, INT4, TEXT], "pg_lpad({0}, {1}, {2})"),
    ("rpad", &[TEXT, INT4], "pg_rpad({0}, {1}, ' ')"),
    ("rpad", &[TEXT, INT4, TEXT], "pg_rpad({0}, {1}, {2})"),
    ("textlen", &[TEXT], "CAST(length({0}) AS INTEGER)"),
    ("ascii", &[TEXT], "pg_ascii({0})"),
    ("chr", &[INT4], "pg_chr({0})"),
    ("translate", &[TEXT, TEXT, TEXT], "pg_translate({0}, {1}, {2})"),
    ("overlay", &[TEXT, TEXT, INT4], "pg_overlay({0}, {1}, {2}, CAST(length({1}) AS INTEGER))"),
    ("overlay", &[TEXT, TEXT, INT4, INT4], "pg_overlay({0}, {1}, {2}, {3})"),
    ("quote_literal", &[TEXT], "pg_quote_literal({0})"),
    ("quote_nullable", &[TEXT], "coalesce(pg_quote_literal({0}), 'NULL')"),
    ("to_hex", &[INT4], "pg_to_hex4({0})"),
    ("to_hex", &[INT8], "pg_to_hex8({0})"),
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
    for name in ["upper", "lower", "initcap"] {
        entries.push(Entry::build(name, &[TEXT], map_case).when(CASE));
    }
    entries.push(Entry::build("string_to_array", &[TEXT, TEXT], string_to_array));
    entries.push(Entry::build("string_to_array", &[TEXT, TEXT, TEXT], string_to_array));
    entries.push(
        Entry::build("format", &[TEXT, ANY], format_values)
            .when("the format is a constant of `%s`, `%L`, their positions (`%1$s`) and `%%`"),
    );
    entries.push(Entry::build("format", &[TEXT], format_values).when("the format is a constant"));
    for (name, positive) in [("textlike", true), ("like", true), ("textnlike", false), ("notlike", false)] {
        let make = if positive {
            |_: &Signature, a| Ok(like(a, true))
        } else {
            |_: &Signature, a| Ok(like(a, false))
        };
        entries.push(Entry::build(name, &[TEXT, TEXT], make));
    }
    entries.push(Entry::build("namelike", &[NAME, TEXT], |_, a| Ok(like(a, true))));
    entries.push(Entry::build("namenlike", &[NAME, TEXT], |_, a| Ok(like(a, false))));
    entries.push(Entry::build("bpcharlike", &[BPCHAR, TEXT], |s, a| Ok(like(blank_padded(s, a)?, true))));
    entries.push(Entry::build("bpcharnlike", &[BPCHAR, TEXT], |s, a| Ok(like(blank_padded(s, a)?, false))));
    entries.push(Entry::build("octet_length", &[BPCHAR], |s, a| {
        Ok(duck("CAST(strlen({0}) AS INTEGER)", DuckType::Integer, blank_padded(s, a)?))
    }));
    let folded = [
        Entry::build("texticlike", &[TEXT, TEXT], |s, a| Ok(like(folded(s, a)?, true))),
        Entry::build("texticnlike", &[TEXT, TEXT], |s, a| Ok(like(folded(s, a)?, false))),
        Entry::build("bpchariclike", &[BPCHAR, TEXT], |s, a| Ok(like(folded(s, blank_padded(s, a)?)?, true))),
        Entry::build("bpcharicnlike", &[BPCHAR, TEXT], |s, a| {
            Ok(like(folded(s, blank_padded(s, a)?)?, false))
        }),
    ];
    entries.extend(folded.map(|entry| entry.when(CASE)));
    entries.push(Entry::build("concat", &[ANY], |s, a| concat(s, "concat", a)));
    entries.push(Entry::build("concat_ws", &[TEXT, ANY], |s, a| concat(s, "concat_ws", a)));
    entries
}

const CASE: &str = "the locale is not one of Turkish, Azeri or Lithuanian, nor of ICU";

/// True if letters beyond ASCII have case: under `C` they have none.
fn unicode_case(signature: &Signature) -> Result<bool, PlanError> {
    match &signature.collation {
        Collation::None | Collation::Unicode => Ok(true),
        Collation::C => Ok(false),
        // The C library maps case by language in a few only; its names have an encoding.
        Collation::Linguistic(name)
            if name.to_ascii_lowercase().replace('-', "").ends_with(".utf8")
                && !["tr", "az", "lt", "crh", "ku", "tt"]
                    .iter()
                    .any(|language| name.starts_with(language)) =>
        {
            Ok(true)
        }
        _ => unsupported(signature.display.clone(), "its locale has letter cases of its own"),
    }
}

/// `upper(s)`  ==>  `pg_upper(s, true)`.
fn map_case(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let unicode = unicode_case(signature)?;
    Ok(duck(format!("pg_{}({{0}}, {unicode})", signature.name), result_type(signature)?, args))
}

/// Both sides of an ILIKE in small letters.
fn folded(signature: &Signature, args: Vec<Typed>) -> Result<Vec<Typed>, PlanError> {
    let unicode = unicode_case(signature)?;
    let fold = |arg: Typed| match PgConstant::of(&arg.expr).and_then(PgConstant::as_text) {
        Some(pattern) if pattern.is_ascii() => constant_text(&pattern.to_ascii_lowercase()),
        _ => duck(format!("pg_lower({{0}}, {unicode})"), DuckType::Varchar, vec![arg]),
    };
    Ok(args.into_iter().map(fold).collect())
}

fn constant_text(text: &str) -> Typed {
    let value = crate::pg::Value::Text(text.to_owned());
    Typed::new(PgConstant::expr(bridge_types::PgType::new(TEXT), value), DuckType::Varchar)
}

/// `string_to_array(s, delimiter[, null])`; without a delimiter, into characters.
fn string_to_array(_signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let ty = DuckType::List(Box::new(DuckType::Varchar));
    let sql = if args.len() == 2 {
        "CASE WHEN {1} IS NULL THEN pg_string_to_chars({0}) ELSE pg_string_to_array({0}, {1}) END"
    } else {
        "CASE WHEN {2} IS NULL AND {1} IS NULL THEN pg_string_to_chars({0}) \
         WHEN {1} IS NULL THEN list_transform(pg_string_to_chars({0}), lambda pg_item: nullif(pg_item, {2})) \
         WHEN {2} IS NULL THEN pg_string_to_array({0}, {1}) ELSE pg_string_to_array_null({0}, {1}, {2}) END"
    };
    Ok(duck(sql, ty, args))
}

/// `format(pattern, values)`  ==>  `concat(..)` of what stands between and the values.
fn format_values(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let Some(format) = PgConstant::of(&args[0].expr).and_then(PgConstant::as_text).map(ToOwned::to_owned)
    else {
        return unsupported(signature.display.clone(), "its format is not a constant");
    };
    let refuse = || unsupported(signature.display.clone(), "its format has more than %s, %L and %%");
    let mut parts: Vec<Typed> = Vec::new();
    let mut literal = String::new();
    let mut next = 1;
    let mut rest = format.as_str();
    while let Some(at) = rest.find('%') {
        literal.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            literal.push('%');
            rest = after;
            continue;
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 {
            let (number, after) = rest.split_at(digits);
            let Some(after) = after.strip_prefix('$') else { return refuse() };
            next = number.parse().unwrap_or(0);
            rest = after;
        }
        let (Some(arg), Some(pg)) = (args.get(next).filter(|_| next > 0), signature.args.get(next)) else {
            return unsupported(signature.display.clone(), "it has too few arguments");
        };
        let text = written(signature, arg.clone(), *pg)?;
        if !literal.is_empty() {
            parts.push(constant_text(&std::mem::take(&mut literal)));
        }
        parts.push(match rest.chars().next() {
            Some('s') => text,
            Some('L') => duck("coalesce(pg_quote_literal({0}), 'NULL')", DuckType::Varchar, vec![text]),
            _ => return refuse(),
        });
        rest = &rest[1..];
        next += 1;
    }
    literal.push_str(rest);
    // The empty text makes it a text even without arguments.
    parts.push(constant_text(&literal));
    let places: Vec<String> = (0..parts.len()).map(|i| format!("{{{i}}}")).collect();
    Ok(duck(format!("concat({})", places.join(", ")), DuckType::Varchar, parts))
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
    let sql = "CASE WHEN {2} < 0 AND {0} IS NOT NULL AND {1} IS NOT NULL THEN error('[22011] negative substring length not allowed') \
               WHEN {1} >= 1 THEN substring({0}, {1}, {2}) \
               WHEN CAST({1} AS BIGINT) + {2} <= 1 THEN substring({0}, 1, 0) \
               WHEN {1} < 1 THEN substring({0}, 1, CAST({1} AS BIGINT) + {2} - 1) END";
    Ok(duck(sql, ty, args))
}

/// LIKE. A backslash escapes in Postgres without being asked to; where the pattern has none,
/// DuckDB's fast matchers can do without ESCAPE.
fn like(args: Vec<Typed>, positive: bool) -> Typed {
    let plain = args
        .get(1)
        .and_then(|pattern| PgConstant::of(&pattern.expr))
        .and_then(PgConstant::as_text)
        .is_some_and(|pattern| !pattern.contains('\\'));
    let escape = if plain { "" } else { r" ESCAPE '\'" };
    let not = if positive { "" } else { "NOT " };
    duck(format!("({{0}} {not}LIKE {{1}}{escape})"), DuckType::Boolean, args)
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
