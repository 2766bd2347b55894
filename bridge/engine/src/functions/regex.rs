//! `pg_regexp_*`: Postgres' functions over regular expressions.
//!
//! Plans send patterns in the syntax of [`regex_automata`], translated from Postgres' (see
//! `bridge_plan`); `{{alpha}}` in a set stands for the letters beyond ASCII, and so on. A match
//! is the longest of those that begin first, and a group takes as much as the match allows,
//! from left to right, as in Postgres; leftmost-first engines pick other ones.

use super::ctype;
use super::scalar::{Arguments, ScalarFunction};
use super::value_text::set_text;
use crate::duckdb::TypeId::{Boolean, Integer, List, Varchar};
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::meta;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::LazyLock;

/// Classes whose members beyond ASCII the C library knows.
static CLASSES: LazyLock<[(String, String); 6]> = LazyLock::new(|| {
    ["alnum", "alpha", "lower", "punct", "space", "upper"]
        .map(|class| (format!("{{{{{class}}}}}"), ctype::ranges_beyond_ascii(class)))
});

/// All of them. `start` and `n` count from 1; a group of 0 is the whole match.
pub(super) static FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "pg_regexp_like",
        arguments: &[Varchar, Varchar],
        result: Boolean,
        row: |args, out, row| {
            let found = compiled(args.text(1, row)?)?.borrow().start.is_match(args.text(0, row)?);
            out.set(row, u8::from(found));
            Ok(())
        },
    },
    ScalarFunction {
        // text, pattern, replacement, start, n (0: all)
        name: "pg_regexp_replace",
        arguments: &[Varchar, Varchar, Varchar, Integer, Integer],
        result: Varchar,
        row: |args, out, row| {
            let pattern = compiled(args.text(1, row)?)?;
            let (text, replacement) = (args.text(0, row)?, args.text(2, row)?);
            let (start, n) = (position("start", args.integer(3, row))?, args.integer(4, row));
            let n = usize::try_from(n).map_err(|_| invalid("n", n))?;
            let result = replace(&mut pattern.borrow_mut(), text, replacement, start, n);
            set_text(out, row, |out| out.push_str(&result));
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_regexp_match",
        arguments: &[Varchar, Varchar],
        result: List,
        row: |args, out, row| {
            let pattern = compiled(args.text(1, row)?)?;
            let text = args.text(0, row)?;
            let mut pattern = pattern.borrow_mut();
            match pattern.find(text, 0) {
                None => out.set_null(row),
                Some(found) => {
                    let mut groups = pattern.groups(text, &found);
                    if groups.is_empty() {
                        groups.push(Some(found));
                    }
                    out.set_texts(row, groups.into_iter().map(|group| group.map(|group| &text[group])));
                }
            }
            Ok(())
        },
    },
    ScalarFunction {
        // text, pattern, start
        name: "pg_regexp_count",
        arguments: &[Varchar, Varchar, Integer],
        result: Integer,
        row: |args, out, row| {
            let pattern = compiled(args.text(1, row)?)?;
            let start = position("start", args.integer(2, row))?;
            let count =
                matches(&mut pattern.borrow_mut(), args.text(0, row)?, start, false, usize::MAX).len();
            out.set(row, i32::try_from(count).unwrap_or(i32::MAX));
            Ok(())
        },
    },
    ScalarFunction {
        // text, pattern, start, n, group
        name: "pg_regexp_substr",
        arguments: &[Varchar, Varchar, Integer, Integer, Integer],
        result: Varchar,
        row: |args, out, row| {
            match nth_group(args, row, 4)? {
                Some((text, range)) => out.set_bytes(row, &text.as_bytes()[range]),
                None => out.set_null(row),
            }
            Ok(())
        },
    },
    ScalarFunction {
        // text, pattern, start, n, 1 for the end, group
        name: "pg_regexp_instr",
        arguments: &[Varchar, Varchar, Integer, Integer, Integer, Integer],
        result: Integer,
        row: |args, out, row| {
            let end = args.integer(4, row);
            if !(0..=1).contains(&end) {
                return Err(invalid("endoption", end));
            }
            let place = nth_group(args, row, 5)?.map_or(0, |(text, range)| {
                let bytes = if end == 1 { range.end } else { range.start };
                text[..bytes].chars().count() + 1
            });
            out.set(row, i32::try_from(place).unwrap_or(i32::MAX));
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_regexp_split",
        arguments: &[Varchar, Varchar],
        result: List,
        row: |args, out, row| {
            let pattern = compiled(args.text(1, row)?)?;
            let text = args.text(0, row)?;
            let found = matches(&mut pattern.borrow_mut(), text, 0, true, usize::MAX);
            let ends = found.iter().map(|found| found.start).chain([text.len()]);
            let starts = std::iter::once(0).chain(found.iter().map(|found| found.end));
            out.set_texts(row, starts.zip(ends).map(|(start, end)| Some(&text[start..end])));
            Ok(())
        },
    },
];

fn invalid(name: &str, value: i32) -> String {
    format!("[22023] invalid value for parameter \"{name}\": {value}")
}

/// A position that counts from 1, as one that counts from 0.
fn position(name: &str, value: i32) -> Result<usize, String> {
    usize::try_from(value).ok().and_then(|value| value.checked_sub(1)).ok_or_else(|| invalid(name, value))
}

/// Group `args[group]` of match `args[3]` from character `args[2]` on.
fn nth_group<'a>(
    args: &'a Arguments<'_>,
    row: usize,
    group: usize,
) -> Result<Option<(&'a str, Range<usize>)>, String> {
    let pattern = compiled(args.text(1, row)?)?;
    let text = args.text(0, row)?;
    let start = position("start", args.integer(2, row))?;
    let n = position("n", args.integer(3, row))?;
    let group = args.integer(group, row);
    let group = usize::try_from(group).map_err(|_| invalid("subexpr", group))?;
    let mut pattern = pattern.borrow_mut();
    let Some(found) = matches(&mut pattern, text, start, false, n + 1).into_iter().nth(n) else {
        return Ok(None);
    };
    let range = match group.checked_sub(1) {
        None => Some(found),
        Some(group) => {
            let groups = pattern.groups(text, &found);
            // Of a pattern without groups, the first is the whole match.
            if group == 0 && groups.is_empty() {
                Some(found)
            } else {
                groups.into_iter().nth(group).flatten()
            }
        }
    };
    Ok(range.map(|range| (text, range)))
}

/// The matches from character `start` on, at most `most`; `split` leaves out empty ones at the
/// ends of the text and right behind another.
fn matches(pattern: &mut Pattern, text: &str, start: usize, split: bool, most: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let Some(mut from) = byte_of_character(text, start) else { return found };
    let mut last_end = 0;
    while found.len() < most
        && let Some(range) = pattern.find(text, from)
    {
        from = after(text, &range);
        let end = range.end;
        if !split || (range.start < text.len() && end > last_end) {
            found.push(range);
        }
        last_end = end;
        if from > text.len() {
            break;
        }
    }
    found
}

/// Where the next search begins: a character further if the match was empty.
fn after(text: &str, found: &Range<usize>) -> usize {
    if found.is_empty() {
        found.end + text[found.end..].chars().next().map_or(1, char::len_utf8)
    } else {
        found.end
    }
}

fn byte_of_character(text: &str, character: usize) -> Option<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(character)
}

/// Replaces match `n`, or all if it is 0.
fn replace(pattern: &mut Pattern, text: &str, replacement: &str, start: usize, n: usize) -> String {
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    let mut number = 0;
    let mut from = byte_of_character(text, start).unwrap_or(text.len() + 1);
    while from <= text.len()
        && let Some(found) = pattern.find(text, from)
    {
        number += 1;
        from = after(text, &found);
        if number < n {
            continue;
        }
        result.push_str(&text[copied..found.start]);
        copied = found.end;
        substitute(&mut result, replacement, pattern, text, &found);
        if n > 0 {
            break;
        }
    }
    result.push_str(&text[copied..]);
    result
}

/// The replacement, in which `\&` is the match, `\1` a group and `\\` a backslash.
fn substitute(out: &mut String, replacement: &str, pattern: &mut Pattern, text: &str, found: &Range<usize>) {
    if !replacement.contains('\\') {
        return out.push_str(replacement);
    }
    let groups = pattern.groups(text, found);
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.peek().copied() {
            Some(digit @ '1'..='9') => {
                chars.next();
                let group = usize::try_from(u32::from(digit) - u32::from('1')).unwrap_or(0);
                if let Some(Some(range)) = groups.get(group) {
                    out.push_str(&text[range.clone()]);
                }
            }
            Some('&') => {
                chars.next();
                out.push_str(&text[found.clone()]);
            }
            Some('\\') => {
                chars.next();
                out.push('\\');
            }
            // Unrecognized: as it is.
            _ => out.push('\\'),
        }
    }
}

/// A DFA that finds the longest match from a given place.
struct Longest {
    dfa: DFA,
    cache: Cache,
}

impl Longest {
    fn new(pattern: &str) -> Result<Self, String> {
        let dfa = DFA::builder()
            .configure(DFA::config().match_kind(MatchKind::All))
            .syntax(syntax_config())
            .build(pattern)
            .map_err(|error| too_complex(&error))?;
        let cache = dfa.create_cache();
        Ok(Self { dfa, cache })
    }

    /// End of the longest match that begins at the start of the range and stays inside.
    fn end(&mut self, text: &str, range: Range<usize>) -> Option<usize> {
        let input = Input::new(text).range(range).anchored(Anchored::Yes);
        // Cannot fail: the cache may be cleared as often as needed and no byte makes it quit.
        self.dfa.try_search_fwd(&mut self.cache, &input).ok().flatten().map(|half| half.offset())
    }
}

fn syntax_config() -> syntax::Config {
    syntax::Config::new().dot_matches_new_line(true)
}

fn too_complex(error: &dyn std::fmt::Display) -> String {
    format!("[54000] regular expression is too complex: {error}")
}

/// A compiled pattern.
struct Pattern {
    source: String,
    start: meta::Regex,
    longest: Longest,
    /// What stands between, in and behind its groups.
    pieces: Vec<Piece>,
}

/// A part of a sequence.
struct Piece {
    is_group: bool,
    own: Longest,
    /// From the next piece to the end; `None` for the last.
    rest: Option<Longest>,
}

impl Pattern {
    fn new(source: &str) -> Result<Self, String> {
        let mut text = source.to_owned();
        if text.contains("{{") {
            for (name, ranges) in CLASSES.iter() {
                text = text.replace(name, ranges);
            }
        }
        let start = meta::Regex::builder()
            .syntax(syntax_config())
            .build(&text)
            .map_err(|error| too_complex(&error))?;
        let parts = sequence(&text);
        let mut pieces = Vec::new();
        if parts.iter().any(|(is_group, _)| *is_group) {
            for (at, (is_group, part)) in parts.iter().enumerate() {
                let rest: String = parts[at + 1..].iter().map(|(_, part)| *part).collect();
                let rest = if at + 1 < parts.len() { Some(Longest::new(&rest)?) } else { None };
                pieces.push(Piece { is_group: *is_group, own: Longest::new(part)?, rest });
            }
        }
        Ok(Self { source: source.to_owned(), start, longest: Longest::new(&text)?, pieces })
    }

    /// The longest of the matches that begin first at or behind `from`.
    fn find(&mut self, text: &str, from: usize) -> Option<Range<usize>> {
        let first = self.start.find(Input::new(text).range(from..))?;
        let end = self.longest.end(text, first.start()..text.len()).unwrap_or(first.end());
        Some(first.start()..end)
    }

    /// What the groups took of a match: each as much as lets the rest match.
    fn groups(&mut self, text: &str, found: &Range<usize>) -> Vec<Option<Range<usize>>> {
        let mut groups = Vec::new();
        let mut from = found.start;
        for piece in &mut self.pieces {
            let end = match &mut piece.rest {
                None => found.end,
                Some(rest) => {
                    let mut limit = found.end;
                    loop {
                        let Some(end) = piece.own.end(text, from..limit) else { break from };
                        if rest.end(text, end..found.end) == Some(found.end) {
                            break end;
                        }
                        // The next shorter one.
                        match text[from..end].char_indices().next_back() {
                            Some((at, _)) => limit = from + at,
                            None => break from,
                        }
                    }
                }
            };
            if piece.is_group {
                groups.push(Some(from..end));
            }
            from = end;
        }
        groups
    }
}

/// A pattern cut into its groups and what stands between them.
fn sequence(pattern: &str) -> Vec<(bool, &str)> {
    let bytes = pattern.as_bytes();
    let (mut parts, mut from, mut at, mut depth) = (Vec::new(), 0, 0, 0_usize);
    let mut in_set = false;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'[' => in_set = true,
            b']' => in_set = false,
            b'(' if !in_set => {
                if depth == 0 && bytes.get(at + 1) != Some(&b'?') {
                    if from < at {
                        parts.push((false, &pattern[from..at]));
                    }
                    from = at;
                }
                depth += 1;
            }
            b')' if !in_set => {
                depth = depth.saturating_sub(1);
                if depth == 0 && pattern[from..].starts_with('(') && !pattern[from..].starts_with("(?") {
                    parts.push((true, &pattern[from..=at]));
                    from = at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    if from < pattern.len() {
        parts.push((false, &pattern[from..]));
    }
    parts
}

/// Patterns kept by each thread: a statement has few.
const KEPT: usize = 16;

thread_local! {
    static PATTERNS: RefCell<Vec<Rc<RefCell<Pattern>>>> = const { RefCell::new(Vec::new()) };
}

/// The pattern, compiled before if it was used lately.
fn compiled(source: &str) -> Result<Rc<RefCell<Pattern>>, String> {
    PATTERNS.with_borrow_mut(|patterns| {
        if let Some(at) = patterns.iter().position(|pattern| pattern.borrow().source == source) {
            if at > 0 {
                patterns.swap(0, at);
            }
        } else {
            let pattern = Rc::new(RefCell::new(Pattern::new(source)?));
            patterns.truncate(KEPT - 1);
            patterns.insert(0, pattern);
        }
        Ok(Rc::clone(&patterns[0]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(pattern: &str, text: &str) -> Option<(String, Vec<String>)> {
        let mut pattern = Pattern::new(pattern).unwrap();
        let found = pattern.find(text, 0)?;
        let groups = pattern.groups(text, &found).into_iter().map(|g| text[g.unwrap()].to_owned()).collect();
        Some((text[found].to_owned(), groups))
    }

    #[test]
    fn the_longest_match_wins_and_groups_are_greedy_from_the_left() {
        let strings = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
        assert_eq!(groups("a|ab|abc", "xabcd").unwrap().0, "abc");
        assert_eq!(groups("(.*)-([0-9]+)", "a-1-22x"), Some(("a-1-22".to_owned(), strings(&["a-1", "22"]))));
        assert_eq!(groups("x(a|ab)(c|bcd)y", "xabcdy"), Some(("xabcdy".to_owned(), strings(&["a", "bcd"]))));
        assert_eq!(groups(r"([(\])]+)\)z", "(])z"), Some(("(])z".to_owned(), strings(&["(]"]))));
        assert_eq!(groups("(b)", "a"), None);
    }

    #[test]
    fn all_matches_are_replaced_and_empty_ones_too() {
        let replaced = |pattern: &str, text: &str, with: &str, n| {
            replace(&mut Pattern::new(pattern).unwrap(), text, with, 0, n)
        };
        assert_eq!(replaced("a*", "baaac", "x", 0), "xbxxcx");
        assert_eq!(
            replaced("(o)(.)", "foobar boo", r"<\2\1\&\\\3>", 1),
            r"f<ooo\>bar boo".replace("ooo", "oooo")
        );
        assert_eq!(replaced("b", "abcb", "", 2), "abc");
        assert_eq!(replaced("é?", "né", "-", 0), "-n--".to_owned());
    }

    #[test]
    fn splitting_leaves_out_empty_matches_at_the_ends() {
        let split = |pattern: &str, text: &str| {
            matches(&mut Pattern::new(pattern).unwrap(), text, 0, true, usize::MAX)
        };
        assert_eq!(split(",", ",a,"), [0..1, 2..3]);
        assert_eq!(split("x*", "abc"), [1..1, 2..2]);
    }
}
