//! Files of SQL statements with notes for the runner.

/// One statement of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Line of the file it starts at, from 1.
    pub line: usize,
    /// The text, without the semicolon.
    pub sql: String,
    /// The `-- name: text` comments directly above it.
    pub notes: Vec<(String, String)>,
}

impl Statement {
    /// The text of note `name`, if there is one.
    #[must_use]
    pub fn note(&self, name: &str) -> Option<&str> {
        self.notes.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str())
    }
}

/// Splits `text` into statements at semicolons that are outside of quotes and comments.
/// Knows `'..'`, `".."`, `$tag$..$tag$`, `--` and `/* */` (not nested).
#[must_use]
pub fn statements(text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut notes = Vec::new();
    let mut sql = String::new();
    let mut line = 1;
    let mut start = 1;
    let mut rest = text;
    while !rest.is_empty() {
        let length = token_length(rest);
        let (token, after) = rest.split_at(length);
        if token.starts_with("--") {
            let note = token.trim_start_matches('-').trim().split_once(": ");
            if let (true, Some((name, text))) = (sql.trim().is_empty(), note)
                && !name.contains(' ')
            {
                notes.push((name.to_owned(), text.trim().to_owned()));
            }
        } else if token == ";" {
            if !sql.trim().is_empty() {
                let notes = std::mem::take(&mut notes);
                found.push(Statement { line: start, sql: sql.trim().to_owned(), notes });
            }
            sql.clear();
        } else {
            if sql.trim().is_empty() && !token.trim().is_empty() {
                start = line;
            }
            sql.push_str(token);
        }
        line += token.matches('\n').count();
        rest = after;
    }
    if !sql.trim().is_empty() {
        found.push(Statement { line: start, sql: sql.trim().to_owned(), notes });
    }
    found
}

/// Length of the quoted text, comment or single character `text` starts with.
fn token_length(text: &str) -> usize {
    let first = text.chars().next().map_or(0, char::len_utf8);
    let until = |end: &str, from: usize| {
        text[from..].find(end).map_or(text.len(), |position| from + position + end.len())
    };
    if text.starts_with("--") {
        // The newline stays outside: it separates words.
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return until("*/", 2);
    }
    if text.starts_with('\'') {
        return until("'", 1);
    }
    if text.starts_with('"') {
        return until("\"", 1);
    }
    if let Some(tag) = text.strip_prefix('$').and_then(|rest| rest.split_once('$')).map(|(tag, _)| tag)
        && tag.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !tag.starts_with(|c: char| c.is_ascii_digit())
    {
        let quote = format!("${tag}$");
        return until(&quote, quote.len());
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<String> {
        statements(sql).into_iter().map(|statement| statement.sql).collect()
    }

    #[test]
    fn semicolons_in_quotes_and_comments_do_not_split() {
        assert_eq!(
            texts("a ';' \";\" -- ;\n b; /* ; */ c; $x$ ; $x$"),
            ["a ';' \";\" \n b", "/* ; */ c", "$x$ ; $x$"]
        );
    }

    #[test]
    fn parameters_are_not_quotes() {
        assert_eq!(texts("select $1; select $2"), ["select $1", "select $2"]);
    }

    #[test]
    fn notes_belong_to_the_next_statement() {
        let found = statements("-- differs: last digit\n\nselect 1;\n-- an ordinary remark\nselect 2;");
        assert_eq!(found[0].note("differs"), Some("last digit"));
        assert_eq!((found[0].line, found[1].line), (3, 5));
        assert!(found[1].notes.is_empty());
    }
}
