//! Translation of Postgres' advanced regular expressions to the syntax that RE2 and Rust share.

use std::fmt::Write as _;

/// Most repetitions Postgres takes.
const MAX_REPEAT: u32 = 255;

/// A pattern in the other syntax, to be compiled so that a point matches everything.
#[derive(Debug, PartialEq)]
pub(super) struct Pattern {
    /// No group is captured.
    pub(super) without_groups: String,
    /// Groups are captured; `None` if it takes more than cutting the pattern at them to tell
    /// what they match, or if none is.
    pub(super) with_groups: Option<String>,
    /// Capturing groups.
    pub(super) groups: usize,
    /// True if a set holds `{{class}}`, which RE2 does not know.
    pub(super) asks_for_class: bool,
}

/// `None` for patterns that cannot be translated exactly, or that are wrong. `fold`: case does
/// not matter. `unicode`: letters beyond ASCII are letters.
pub(super) fn translate(source: &str, fold: bool, unicode: bool) -> Option<Pattern> {
    if source.starts_with("***") || source.starts_with("(?") && !source.starts_with("(?:") {
        return None;
    }
    let mut parser = Parser {
        rest: source,
        fold,
        unicode,
        plain: String::new(),
        grouped: String::new(),
        depth: 0,
        groups: 0,
        separable: true,
        asks_for_class: false,
    };
    parser.alternatives()?;
    if !parser.rest.is_empty() {
        return None;
    }
    Some(Pattern {
        with_groups: parser.separable.then_some(parser.grouped),
        without_groups: parser.plain,
        groups: parser.groups,
        asks_for_class: parser.asks_for_class,
    })
}

struct Parser<'a> {
    rest: &'a str,
    fold: bool,
    unicode: bool,
    plain: String,
    grouped: String,
    depth: usize,
    groups: usize,
    /// Groups are not nested, repeated or alternatives.
    separable: bool,
    asks_for_class: bool,
}

impl Parser<'_> {
    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn put(&mut self, text: &str) {
        self.plain.push_str(text);
        self.grouped.push_str(text);
    }

    fn alternatives(&mut self) -> Option<()> {
        let before = self.groups;
        let mut several = false;
        loop {
            self.sequence()?;
            if !self.take("|") {
                break;
            }
            several = true;
            self.put("|");
        }
        // Cutting at groups must not cut an alternative.
        if several && self.groups > before {
            self.separable = false;
        }
        Some(())
    }

    fn sequence(&mut self) -> Option<()> {
        loop {
            let groups = self.groups;
            let quantifiable = match self.rest.chars().next() {
                None | Some('|') => return Some(()),
                Some(')') if self.depth > 0 => return Some(()),
                Some(')' | '*' | '+' | '?') => return None,
                Some('^') => {
                    self.next();
                    self.put("\\A");
                    false
                }
                Some('$') => {
                    self.next();
                    self.put("\\z");
                    false
                }
                Some(_) => self.atom()?,
            };
            if self.quantifier(quantifiable)? && self.groups > groups {
                self.separable = false;
            }
        }
    }

    /// True if a quantifier may follow.
    fn atom(&mut self) -> Option<bool> {
        match self.next()? {
            '(' => {
                let captures = !self.take("?:");
                if self.rest.starts_with(['?', '*', '+']) {
                    return None;
                }
                self.plain.push_str("(?:");
                if captures {
                    self.groups += 1;
                    self.grouped.push('(');
                    // A capturing group inside of any other one.
                    self.separable &= self.depth == 0;
                } else {
                    self.grouped.push_str("(?:");
                }
                self.depth += 1;
                self.alternatives()?;
                self.depth -= 1;
                if !self.take(")") {
                    return None;
                }
                self.put(")");
            }
            '[' => self.set()?,
            '.' => self.put("."),
            '\\' => return self.escape(),
            '{' => return None,
            c => self.literal(c)?,
        }
        Some(true)
    }

    fn literal(&mut self, c: char) -> Option<()> {
        let mut text = String::new();
        if self.fold && c.is_ascii_alphabetic() {
            write!(text, "[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase()).ok()?;
        } else if self.fold && c.is_alphabetic() {
            // Its other case is a matter of the C library.
            return None;
        } else {
            if !c.is_ascii_alphanumeric() && c.is_ascii_graphic() {
                text.push('\\');
            }
            text.push(c);
        }
        self.put(&text);
        Some(())
    }

    fn escape(&mut self) -> Option<bool> {
        let c = self.next()?;
        match c {
            'd' | 's' | 'w' | 'D' | 'S' | 'W' => {
                let set = self.class(c.to_ascii_lowercase())?;
                let not = if c.is_ascii_uppercase() { "^" } else { "" };
                self.put(&format!("[{not}{set}]"));
            }
            'A' => {
                self.put("\\A");
                return Some(false);
            }
            'Z' => {
                self.put("\\z");
                return Some(false);
            }
            c => {
                let c = escaped(c)?;
                self.literal(c)?;
            }
        }
        Some(true)
    }

    /// `\d` and its like, inside of a set.
    fn class(&mut self, letter: char) -> Option<String> {
        match letter {
            'd' => self.named_class("digit"),
            's' => self.named_class("space"),
            _ => Some(format!("{}_", self.named_class("alnum")?)),
        }
    }

    fn named_class(&mut self, name: &str) -> Option<String> {
        let ascii = match name {
            "digit" => return Some("0-9".to_owned()),
            "xdigit" => return Some("0-9A-Fa-f".to_owned()),
            "alnum" => "0-9A-Za-z",
            "alpha" => "A-Za-z",
            "space" => "\\t-\\r ",
            "punct" => "!-/:-@\\[-`{-~",
            "upper" if !self.fold => "A-Z",
            "lower" if !self.fold => "a-z",
            _ => return None,
        };
        if !self.unicode {
            return Some(ascii.to_owned());
        }
        self.asks_for_class = true;
        Some(format!("{ascii}{{{{{name}}}}}"))
    }

    /// `[...]` behind its first bracket.
    fn set(&mut self) -> Option<()> {
        let mut set = String::from("[");
        if self.take("^") {
            set.push('^');
        }
        let mut first = true;
        loop {
            if self.rest.starts_with(']') && !first {
                self.next();
                break;
            }
            if self.take("[:") {
                let (name, rest) = self.rest.split_once(":]")?;
                self.rest = rest;
                set.push_str(&self.named_class(name)?);
                // The end of a range cannot be a class.
                if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                    return None;
                }
                first = false;
                continue;
            }
            if self.rest.starts_with("[.") || self.rest.starts_with("[=") {
                return None;
            }
            if let Some(letter @ ('d' | 's' | 'w')) =
                self.rest.strip_prefix('\\').and_then(|rest| rest.chars().next())
            {
                self.rest = &self.rest[2..];
                set.push_str(&self.class(letter)?);
                if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                    return None;
                }
                first = false;
                continue;
            }
            let low = self.member()?;
            // A hyphen that is neither first nor last is a range.
            if low == '-' && !first && !self.rest.starts_with(']') {
                return None;
            }
            first = false;
            let mut high = low;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.next();
                if self.rest.starts_with("[") {
                    return None;
                }
                high = self.member()?;
            }
            if high < low {
                return None;
            }
            range(&mut set, low, high)?;
            if self.fold {
                fold_range(&mut set, low, high)?;
            }
        }
        set.push(']');
        self.put(&set);
        Some(())
    }

    /// A character of a set.
    fn member(&mut self) -> Option<char> {
        match self.next()? {
            '\\' => {
                let c = self.next()?;
                escaped(c)
            }
            '[' if self.rest.starts_with([':', '.', '=']) => None,
            c => Some(c),
        }
    }

    /// True if there was one.
    fn quantifier(&mut self, allowed: bool) -> Option<bool> {
        let text = match self.rest.chars().next() {
            Some(c @ ('*' | '+' | '?')) => {
                self.next();
                c.to_string()
            }
            Some('{') => {
                let (bounds, rest) = self.rest[1..].split_once('}')?;
                self.rest = rest;
                let number = |text: &str| {
                    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                    text.parse::<u32>().ok().filter(|n| digits && *n <= MAX_REPEAT)
                };
                match bounds.split_once(',') {
                    None => number(bounds).map(|n| format!("{{{n}}}"))?,
                    Some((least, "")) => number(least).map(|n| format!("{{{n},}}"))?,
                    Some((least, most)) => {
                        let (least, most) = (number(least)?, number(most)?);
                        (least <= most).then(|| format!("{{{least},{most}}}"))?
                    }
                }
            }
            _ => return Some(false),
        };
        // No second one, and none that prefers the shortest match.
        if !allowed || self.rest.starts_with(['*', '+', '?', '{']) {
            return None;
        }
        self.put(&text);
        Some(true)
    }
}

/// What an escape stands for that stands for one character.
fn escaped(c: char) -> Option<char> {
    match c {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        'f' => Some('\u{c}'),
        'v' => Some('\u{b}'),
        c if c.is_ascii_alphanumeric() => None,
        c => Some(c),
    }
}

fn range(set: &mut String, low: char, high: char) -> Option<()> {
    write!(set, "\\x{{{:X}}}", u32::from(low)).ok()?;
    if high != low {
        write!(set, "-\\x{{{:X}}}", u32::from(high)).ok()?;
    }
    Some(())
}

/// Adds the other case of the letters of a range.
fn fold_range(set: &mut String, low: char, high: char) -> Option<()> {
    if !high.is_ascii() {
        return (low == high && !low.is_alphabetic()).then_some(());
    }
    for (first, last) in [('a', 'z'), ('A', 'Z')] {
        let (from, to) = (low.max(first), high.min(last));
        if from <= to {
            let other = |c: char| {
                if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
            };
            range(set, other(from), other(to))?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(source: &str) -> Option<String> {
        translate(source, false, false).map(|pattern| pattern.without_groups)
    }

    #[test]
    fn common_patterns_are_translated() {
        for (source, expected) in [
            ("", ""),
            ("^a.*b$", r"\Aa.*b\z"),
            ("(a|b)+c?", "(?:a|b)+c?"),
            ("[a-z_-]{2,3}", r"[\x{61}-\x{7A}\x{5F}\x{2D}]{2,3}"),
            ("[^,]*", r"[^\x{2C}]*"),
            ("[]a]", r"[\x{5D}\x{61}]"),
            (r"\d+\.\s", r"[0-9]+\.[\t-\r ]"),
            (r"[[:alpha:]\d]", "[A-Za-z0-9]"),
            ("ä|ß", "ä|ß"),
            (r"a\/b", r"a\/b"),
            ("(?:x)y", "(?:x)y"),
        ] {
            assert_eq!(plain(source).as_deref(), Some(expected), "{source}");
        }
    }

    #[test]
    fn others_are_refused() {
        for source in [
            r"\mword",
            "(?i)a",
            "***=a",
            "*a",
            "a**",
            "a+?",
            "(a",
            "a)",
            r"(a)\1",
            "^*",
            "[",
            "a{2",
            "[z-a]",
            "(?=a)",
            "[[.a.]]",
            r"a\",
            "a{300}",
            "a{3,2}",
            "[a-[:digit:]]",
            "(*a)",
            "{",
        ] {
            assert_eq!(plain(source), None, "{source}");
        }
    }

    #[test]
    fn case_is_folded_in_the_pattern() {
        let folded = |source| translate(source, true, true).map(|pattern| pattern.without_groups);
        assert_eq!(folded("aB1").as_deref(), Some("[Aa][Bb]1"));
        assert_eq!(folded("[a-c]").as_deref(), Some(r"[\x{61}-\x{63}\x{41}-\x{43}]"));
        assert_eq!((folded("ä"), folded("[[:upper:]]")), (None, None));
        let set = translate(r"\w", false, true).unwrap();
        assert!(set.asks_for_class && set.without_groups == "[0-9A-Za-z{{alnum}}_]");
    }

    #[test]
    fn groups_are_kept_where_they_can_be_told_apart() {
        let grouped = |source| translate(source, false, false).unwrap().with_groups;
        assert_eq!(grouped("(a+)-(b|c)d").as_deref(), Some(r"(a+)\-(b|c)d"));
        for source in ["(a)+", "((a)b)", "(a)|b", "(?:(a)b)"] {
            assert_eq!(grouped(source), None, "{source}");
        }
        // A top-level alternative without groups is one piece.
        assert_eq!(grouped("a|b").as_deref(), Some("a|b"));
    }
}
