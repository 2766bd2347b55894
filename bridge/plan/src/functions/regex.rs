//! Regular expressions: constant patterns of Postgres' dialect that can be translated exactly.
//!
//! Whether a text matches does not depend on which of several matches is taken, so `~` runs in
//! DuckDB's RE2. What a match is does: Postgres takes the longest of those that begin first,
//! which the engine's `pg_regexp_*` do.

use bridge_types::oid::{BPCHAR, INT4, NAME, TEXT};

use super::Entry;
use super::output::blank_padded;
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{Collation, PgConstant, Signature};
use pattern::{Pattern, translate};

mod pattern;

const CONDITION: &str = "the pattern and the flags are constants; no look-around, back references, word \
    boundaries, non-greedy quantifiers or embedded options; flags `i`, `c` and, where it means all matches, `g`";

pub(super) fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (left, prefix) in [(TEXT, "text"), (BPCHAR, "bpchar"), (NAME, "name")] {
        let args: &'static [u32] = match left {
            TEXT => &[TEXT, TEXT],
            BPCHAR => &[BPCHAR, TEXT],
            _ => &[NAME, TEXT],
        };
        entries.push(Entry::build(&format!("{prefix}regexeq"), args, |s, a| like(s, a, false, true)));
        entries.push(Entry::build(&format!("{prefix}regexne"), args, |s, a| like(s, a, false, false)));
        entries.push(Entry::build(&format!("{prefix}icregexeq"), args, |s, a| like(s, a, true, true)));
        entries.push(Entry::build(&format!("{prefix}icregexne"), args, |s, a| like(s, a, true, false)));
    }
    const T2: &[u32] = &[TEXT, TEXT];
    const T3: &[u32] = &[TEXT, TEXT, TEXT];
    const T4: &[u32] = &[TEXT, TEXT, TEXT, TEXT];
    entries.extend([
        Entry::build("regexp_like", T2, |s, a| like(s, a, false, true)),
        Entry::build("regexp_like", T3, regexp_like),
        Entry::build("substring", T2, substring),
        Entry::build("regexp_replace", T3, |s, a| replace(s, a, None, None)),
        Entry::build("regexp_replace", T4, |s, mut a| {
            let flags = a.pop();
            replace(s, a, flags, None)
        }),
        Entry::build("regexp_replace", &[TEXT, TEXT, TEXT, INT4], |s, mut a| {
            let start = a.pop();
            replace(s, a, None, start.map(|start| (start, int(1))))
        }),
        Entry::build("regexp_replace", &[TEXT, TEXT, TEXT, INT4, INT4], |s, mut a| {
            let n = a.pop();
            let start = a.pop();
            replace(s, a, None, start.zip(n))
        }),
        Entry::build("regexp_match", T2, |s, a| matched(s, a, "pg_regexp_match({0}, {1})")),
        Entry::build("regexp_match", T3, |s, a| matched(s, a, "pg_regexp_match({0}, {1})")),
        Entry::build("regexp_split_to_array", T2, split),
        Entry::build("regexp_split_to_array", T3, split),
        Entry::build("regexp_count", T2, count),
        Entry::build("regexp_count", &[TEXT, TEXT, INT4], count),
        Entry::build("regexp_count", &[TEXT, TEXT, INT4, TEXT], count),
    ]);
    for args in [
        &[TEXT, TEXT] as &'static [u32],
        &[TEXT, TEXT, INT4],
        &[TEXT, TEXT, INT4, INT4],
        &[TEXT, TEXT, INT4, INT4, TEXT],
        &[TEXT, TEXT, INT4, INT4, TEXT, INT4],
    ] {
        entries.push(Entry::build("regexp_substr", args, part));
    }
    for args in [
        &[TEXT, TEXT] as &'static [u32],
        &[TEXT, TEXT, INT4],
        &[TEXT, TEXT, INT4, INT4],
        &[TEXT, TEXT, INT4, INT4, INT4],
        &[TEXT, TEXT, INT4, INT4, INT4, TEXT],
        &[TEXT, TEXT, INT4, INT4, INT4, TEXT, INT4],
    ] {
        entries.push(Entry::build("regexp_instr", args, place));
    }
    entries.into_iter().map(|entry| entry.when(CONDITION)).collect()
}

/// A number as an argument.
fn int(value: i32) -> Typed {
    duck(value.to_string(), DuckType::Integer, Vec::new())
}

fn text(value: &str) -> Typed {
    duck(bridge_types::names::quote_literal(value), DuckType::Varchar, Vec::new())
}

fn constant<'a>(signature: &Signature, arg: Option<&'a Typed>) -> Result<&'a str, PlanError> {
    match arg.and_then(|arg| PgConstant::of(&arg.expr)).and_then(PgConstant::as_text) {
        Some(text) => Ok(text),
        None => unsupported(signature.display.clone(), "its pattern or its flags are not constant"),
    }
}

/// What the flags say: fold case, and all matches. Other flags are refused.
fn flags(signature: &Signature, arg: Option<&Typed>, global: bool) -> Result<(bool, bool), PlanError> {
    let (mut fold, mut all) = (false, false);
    if arg.is_some() {
        for flag in constant(signature, arg)?.chars() {
            match flag {
                'i' => fold = true,
                'c' => fold = false,
                'g' if global => all = true,
                _ => {
                    return unsupported(signature.display.clone(), "one of its flags is not known in DuckDB");
                }
            }
        }
    }
    Ok((fold, all))
}

/// The pattern in the second argument.
fn pattern(signature: &Signature, args: &[Typed], fold: bool) -> Result<Pattern, PlanError> {
    let source = constant(signature, args.get(1))?;
    match translate(source, fold, signature.collation != Collation::C) {
        Some(pattern)
            if matches!(signature.collation, Collation::Linguistic(_)) && pattern.asks_for_class =>
        {
            unsupported(signature.display.clone(), "its pattern asks for classes of characters of a locale")
        }
        Some(pattern) => Ok(pattern),
        None => unsupported(
            signature.display.clone(),
            "its pattern has no exact counterpart in DuckDB's dialect of regular expressions",
        ),
    }
}

/// The pattern for a function that shows what groups took.
fn with_groups(signature: &Signature, pattern: &Pattern) -> Result<String, PlanError> {
    match &pattern.with_groups {
        Some(text) => Ok(text.clone()),
        None => {
            unsupported(signature.display.clone(), "its pattern has nested, repeated or alternative groups")
        }
    }
}

fn like(signature: &Signature, args: Vec<Typed>, fold: bool, positive: bool) -> Result<Typed, PlanError> {
    let mut args = if args.len() == 2 && signature.declared.first() == Some(&BPCHAR) {
        blank_padded(signature, args)?
    } else {
        args
    };
    let pattern = pattern(signature, &args, fold)?;
    let not = if positive { "" } else { "NOT " };
    // A point matches line ends in Postgres: option `s`.
    let sql = if pattern.asks_for_class {
        format!("({not}pg_regexp_like({{0}}, {{1}}))")
    } else {
        format!("({not}regexp_matches({{0}}, {{1}}, 's'))")
    };
    args.truncate(1);
    args.push(text(&pattern.without_groups));
    Ok(duck(sql, DuckType::Boolean, args))
}

fn regexp_like(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    let (fold, _) = flags(signature, args.get(2), false)?;
    args.truncate(2);
    like(signature, args, fold, true)
}

/// `substring(text from pattern)`: what the first group took, or else the match.
fn substring(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    let pattern = pattern(signature, &args, false)?;
    let group = i32::from(pattern.groups > 0);
    args.truncate(1);
    args.extend([text(&with_groups(signature, &pattern)?), int(1), int(1), int(group)]);
    Ok(duck("pg_regexp_substr({0}, {1}, {2}, {3}, {4})", DuckType::Varchar, args))
}

fn replace(
    signature: &Signature,
    mut args: Vec<Typed>,
    flag: Option<Typed>,
    start_and_n: Option<(Typed, Typed)>,
) -> Result<Typed, PlanError> {
    let (fold, all) = flags(signature, flag.as_ref(), true)?;
    let pattern = pattern(signature, &args, fold)?;
    let refers = match PgConstant::of(&args[2].expr).and_then(PgConstant::as_text) {
        Some(replacement) => {
            let bytes = replacement.as_bytes();
            bytes.windows(2).any(|pair| pair[0] == b'\\' && pair[1].is_ascii_digit())
        }
        None => true,
    };
    args[1] = if refers && pattern.groups > 0 {
        text(&with_groups(signature, &pattern)?)
    } else {
        text(&pattern.without_groups)
    };
    let (start, n) = start_and_n.unwrap_or((int(1), int(i32::from(!all))));
    args.extend([start, n]);
    Ok(duck("pg_regexp_replace({0}, {1}, {2}, {3}, {4})", DuckType::Varchar, args))
}

fn matched(signature: &Signature, mut args: Vec<Typed>, sql: &str) -> Result<Typed, PlanError> {
    let (fold, _) = flags(signature, args.get(2), false)?;
    let pattern = pattern(signature, &args, fold)?;
    args.truncate(1);
    args.push(text(&with_groups(signature, &pattern)?));
    Ok(duck(sql, DuckType::List(Box::new(DuckType::Varchar)), args))
}

fn split(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    let (fold, _) = flags(signature, args.get(2), false)?;
    let pattern = pattern(signature, &args, fold)?;
    args.truncate(1);
    args.push(text(&pattern.without_groups));
    Ok(duck("pg_regexp_split({0}, {1})", DuckType::List(Box::new(DuckType::Varchar)), args))
}

fn count(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    let (fold, _) = flags(signature, args.get(3), false)?;
    let pattern = pattern(signature, &args, fold)?;
    args.truncate(3);
    args[1] = text(&pattern.without_groups);
    if args.len() == 2 {
        args.push(int(1));
    }
    Ok(duck("pg_regexp_count({0}, {1}, {2})", DuckType::Integer, args))
}

/// `regexp_substr(text, pattern, start, n, flags, group)`.
fn part(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    let (fold, _) = flags(signature, args.get(4), false)?;
    let pattern = pattern(signature, &args, fold)?;
    let group = if args.len() > 5 { args.remove(5) } else { int(0) };
    args.truncate(4);
    while args.len() < 4 {
        args.push(int(1));
    }
    args[1] = text(&groups_for(signature, &pattern, &group)?);
    args.push(group);
    Ok(duck("pg_regexp_substr({0}, {1}, {2}, {3}, {4})", DuckType::Varchar, args))
}

/// `regexp_instr(text, pattern, start, n, end, flags, group)`.
fn place(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    let (fold, _) = flags(signature, args.get(5), false)?;
    let pattern = pattern(signature, &args, fold)?;
    let group = if args.len() > 6 { args.remove(6) } else { int(0) };
    args.truncate(5);
    while args.len() < 5 {
        args.push(int(i32::from(args.len() < 4)));
    }
    args[1] = text(&groups_for(signature, &pattern, &group)?);
    args.push(group);
    Ok(duck("pg_regexp_instr({0}, {1}, {2}, {3}, {4}, {5})", DuckType::Integer, args))
}

/// The pattern, with its groups unless the whole match is asked for.
fn groups_for(signature: &Signature, pattern: &Pattern, group: &Typed) -> Result<String, PlanError> {
    let constant = PgConstant::of(&group.expr).and_then(PgConstant::as_int);
    let whole = constant == Some(0)
        || crate::duck::DuckFunction::of(&group.expr).is_some_and(|(f, _)| f.template == "0");
    if whole { Ok(pattern.without_groups.clone()) } else { with_groups(signature, pattern) }
}
