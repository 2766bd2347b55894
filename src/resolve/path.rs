//! Parts of a column: `"s"['field'][1]`, DuckDB's notation.
//!
//! A part that a query names becomes a column of the file's relation, under its notation as a
//! name. The notation comes back from stored views and from what users write in a column
//! definition list, so it is parsed and written anew before it gets into SQL.

use bridge_types::names::{quote_identifier, quote_literal};

/// A column and the way to one of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    column: String,
    steps: Vec<Step>,
}

/// One subscript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A field of a struct or a key of a map.
    Name(String),
    /// An element of a list, counted from 1, or a key of a map.
    Index(i64),
}

impl Path {
    /// `step` of a column, or of the part of a column that is named so.
    pub(super) fn below(name: &str, step: Step) -> Self {
        let mut path =
            Self::parse(name).unwrap_or_else(|| Self { column: name.to_owned(), steps: Vec::new() });
        path.steps.push(step);
        path
    }

    /// The notation read; `None` if `name` is that of a whole column.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (column, mut rest) = quoted(name.strip_prefix('"')?, '"')?;
        let mut steps = Vec::new();
        while let Some(inside) = rest.strip_prefix('[') {
            let (step, after) = match inside.strip_prefix('\'') {
                Some(text) => {
                    let (name, after) = quoted(text, '\'')?;
                    (Step::Name(name), after)
                }
                None => {
                    let end = inside.find(']')?;
                    (Step::Index(inside[..end].parse().ok()?), &inside[end..])
                }
            };
            steps.push(step);
            rest = after.strip_prefix(']')?;
        }
        (rest.is_empty() && !steps.is_empty()).then_some(Self { column, steps })
    }

    /// The notation, which is DuckDB SQL.
    pub(super) fn sql(&self) -> String {
        let mut sql = quote_identifier(&self.column);
        for step in &self.steps {
            match step {
                Step::Name(name) => sql.push_str(&format!("[{}]", quote_literal(name))),
                Step::Index(index) => sql.push_str(&format!("[{index}]")),
            }
        }
        sql
    }
}

/// The text up to the closing quote, doubled quotes made single, and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((position, character)) = characters.next() {
        if character != quote {
            value.push(character);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            value.push(quote);
        } else {
            return Some((value, &text[position + quote.len_utf8()..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_is_read_as_it_is_written() {
        let path = Path::below("a \"b\"", Step::Name("it's".to_owned()));
        assert_eq!(path.sql(), r#""a ""b"""['it''s']"#);
        let deeper = Path::below(&path.sql(), Step::Index(-1));
        assert_eq!(Path::parse(&deeper.sql()), Some(deeper.clone()));
    }

    #[test]
    fn anything_else_is_the_name_of_a_column() {
        for name in
            ["a", "a['b']", "\"a\"", "\"a\"[", "\"a\"['b", "\"a\"[1] + 1", "\"a\"[x]", "\"a\"['b']['c"]
        {
            assert_eq!(Path::parse(name), None, "{name}");
        }
    }
}
