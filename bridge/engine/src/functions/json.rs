//! `pg_json_*`: operators of type `json`, which keeps its text as it was written.

use super::scalar::ScalarFunction;
use crate::duckdb::TypeId::{Integer, List, Varchar};

const INVALID: &str = "[22P02] invalid input syntax for type json";

macro_rules! get {
    ($name:literal, $key:ident, $as_text:literal, |$args:ident, $row:ident, $json:ident| $find:expr) => {
        ScalarFunction {
            name: $name,
            arguments: &[Varchar, $key],
            result: Varchar,
            row: |$args, out, $row| {
                let $json = $args.text(0, $row)?;
                match $find? {
                    Some(found) if !$as_text => out.set_bytes($row, found.as_bytes()),
                    Some("null") | None => out.set_null($row),
                    Some(found) => match unquoted(found)? {
                        Some(text) => out.set_bytes($row, text.as_bytes()),
                        None => out.set_bytes($row, found.as_bytes()),
                    },
                }
                Ok(())
            },
        }
    };
}

/// All of them.
pub(super) static FUNCTIONS: &[ScalarFunction] = &[
    get!("pg_json_field", Varchar, false, |args, row, json| field(json, args.text(1, row)?)),
    get!("pg_json_field_text", Varchar, true, |args, row, json| field(json, args.text(1, row)?)),
    get!("pg_json_element", Integer, false, |args, row, json| element(json, args.integer(1, row))),
    get!("pg_json_element_text", Integer, true, |args, row, json| element(json, args.integer(1, row))),
    get!("pg_json_path", List, false, |args, row, json| path(json, args.texts(1, row))),
    get!("pg_json_path_text", List, true, |args, row, json| path(json, args.texts(1, row))),
    ScalarFunction {
        name: "pg_json_typeof",
        arguments: &[Varchar],
        result: Varchar,
        row: |args, out, row| {
            let name: &[u8] = match value(args.text(0, row)?)?.as_bytes().first() {
                Some(b'{') => b"object",
                Some(b'[') => b"array",
                Some(b'"') => b"string",
                Some(b't' | b'f') => b"boolean",
                Some(b'n') => b"null",
                _ => b"number",
            };
            out.set_bytes(row, name);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_json_array_length",
        arguments: &[Varchar],
        result: Integer,
        row: |args, out, row| {
            let json = value(args.text(0, row)?)?;
            if !json.starts_with('[') {
                let what = if json.starts_with('{') { "a non-array" } else { "a scalar" };
                return Err(format!("[22023] cannot get array length of {what}"));
            }
            let mut count = 0;
            for item in members(json) {
                item?;
                count += 1;
            }
            out.set(row, count);
            Ok(())
        },
    },
];

/// The value without white space around it.
fn value(json: &str) -> Result<&str, String> {
    let trimmed = json.trim_matches([' ', '\t', '\n', '\r']);
    if trimmed.is_empty() { Err(INVALID.into()) } else { Ok(trimmed) }
}

/// The last member of that name, as Postgres has it.
fn field<'a>(json: &'a str, name: &str) -> Result<Option<&'a str>, String> {
    let json = value(json)?;
    let mut found = None;
    if json.starts_with('{') {
        for member in members(json) {
            let (key, member) = member?;
            let key = key.ok_or(INVALID)?;
            if unquoted(key)?.is_some_and(|key| key == name) {
                found = Some(member);
            }
        }
    }
    Ok(found)
}

/// An element of an array, counted from 0, or from -1 at the end.
fn element(json: &str, index: i32) -> Result<Option<&str>, String> {
    let json = value(json)?;
    if !json.starts_with('[') {
        return Ok(None);
    }
    let elements =
        members(json).map(|member| member.map(|(_, value)| value)).collect::<Result<Vec<_>, _>>()?;
    let at = if index < 0 {
        elements.len().checked_sub(index.unsigned_abs() as usize)
    } else {
        usize::try_from(index).ok()
    };
    Ok(at.and_then(|at| elements.get(at).copied()))
}

/// Names and positions one after the other; NULL in it finds nothing.
fn path<'a, 'b>(
    json: &'a str,
    steps: impl Iterator<Item = Result<Option<&'b str>, String>>,
) -> Result<Option<&'a str>, String> {
    let mut current = value(json)?;
    for step in steps {
        let Some(step) = step? else { return Ok(None) };
        let next = if current.starts_with('{') {
            field(current, step)?
        } else {
            match step.trim_matches([' ', '\t']).parse::<i32>() {
                Ok(index) => element(current, index)?,
                Err(_) => None,
            }
        };
        match next {
            Some(next) => current = next,
            None => return Ok(None),
        }
    }
    Ok(Some(current))
}

/// A member's quoted key, if of an object, and its value.
type Member<'a> = (Option<&'a str>, &'a str);

/// The members of an object or array.
fn members(json: &str) -> impl Iterator<Item = Result<Member<'_>, String>> {
    let object = json.starts_with('{');
    let mut rest = json[1..].trim_start_matches([' ', '\t', '\n', '\r']);
    let mut done = rest.starts_with(['}', ']']);
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let member = next_member(&mut rest, object, &mut done);
        done |= member.is_err();
        Some(member)
    })
}

fn next_member<'a>(rest: &mut &'a str, object: bool, done: &mut bool) -> Result<Member<'a>, String> {
    const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];
    let mut key = None;
    if object {
        let length = span(rest)?;
        key = Some(&rest[..length]);
        *rest = rest[length..]
            .trim_start_matches(SPACE)
            .strip_prefix(':')
            .ok_or(INVALID)?
            .trim_start_matches(SPACE);
    }
    let length = span(rest)?;
    let value = &rest[..length];
    let after = rest[length..].trim_start_matches(SPACE);
    match after.as_bytes().first() {
        Some(b',') => *rest = after[1..].trim_start_matches(SPACE),
        Some(b'}' | b']') => *done = true,
        _ => return Err(INVALID.into()),
    }
    Ok((key, value))
}

/// Bytes of the value that the text begins with.
fn span(text: &str) -> Result<usize, String> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while bytes.get(at).ok_or(INVALID)? != &b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                if depth == 0 {
                    return Ok(at + 1);
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => break,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at + 1);
                }
            }
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    if at == 0 || depth > 0 { Err(INVALID.into()) } else { Ok(at) }
}

/// The text of a quoted string; `None` for other values.
fn unquoted(json: &str) -> Result<Option<String>, String> {
    let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return Ok(None) };
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    let mut high = None;
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next().ok_or(INVALID)? {
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'u' => {
                let digits: String = chars.by_ref().take(4).collect();
                let unit = u32::from_str_radix(&digits, 16).map_err(|_| INVALID)?;
                match (high.take(), unit) {
                    (_, 0) => return Err("[22P05] unsupported Unicode escape sequence".into()),
                    (None, 0xd800..0xdc00) => high = Some(unit),
                    (Some(first), 0xdc00..0xe000) => {
                        let code = 0x1_0000 + ((first - 0xd800) << 10) + (unit - 0xdc00);
                        text.push(char::from_u32(code).ok_or(INVALID)?);
                    }
                    (None, unit) => text.push(char::from_u32(unit).ok_or(INVALID)?),
                    (Some(_), _) => return Err(INVALID.into()),
                }
            }
            other => text.push(other),
        }
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_text() {
        let json = r#" {"a": 1.50, "b": [1, {"c" : null}, "x,]" ], "a":"last\u00e9\n"} "#;
        assert_eq!(field(json, "b").unwrap(), Some(r#"[1, {"c" : null}, "x,]" ]"#));
        assert_eq!(field(json, "a").unwrap(), Some(r#""last\u00e9\n""#));
        assert_eq!(unquoted(field(json, "a").unwrap().unwrap()).unwrap().as_deref(), Some("lasté\n"));
        assert_eq!(field(json, "z").unwrap(), None);
        let steps = ["b", "1", "c"].map(|step| Ok(Some(step)));
        assert_eq!(path(json, steps.into_iter()).unwrap(), Some("null"));
        assert_eq!(element("[1, 2 ,3]", -1).unwrap(), Some("3"));
        assert_eq!(element("[]", 0).unwrap(), None);
        assert!(field("{\"a\"", "a").is_err());
    }
}
