//! Statements of MotherDuck that DuckDB does not know: the emulator runs them itself.

/// A statement about databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DatabaseStatement {
    /// `CREATE DATABASE [IF NOT EXISTS] name`.
    Create {
        /// Name of the database.
        name: String,
        /// Fine if it exists.
        if_not_exists: bool,
    },
    /// `DROP DATABASE [IF EXISTS] name`.
    Drop {
        /// Name of the database.
        name: String,
        /// Fine if it does not exist.
        if_exists: bool,
    },
    /// `REFRESH DATABASE [name]`, `REFRESH DATABASES`.
    Refresh {
        /// `None`: all.
        name: Option<String>,
    },
}

/// Reads `sql`; `None` if it is another statement.
pub(super) fn parse(sql: &str) -> Option<DatabaseStatement> {
    let mut words = words(sql)?.into_iter().peekable();
    let mut next_is = |wanted: &str| words.next_if(|word| word.is_keyword(wanted)).is_some();
    if next_is("create") {
        if !next_is("database") {
            return None;
        }
        let if_not_exists = next_is("if") && next_is("not") && next_is("exists");
        let name = words.next()?.text;
        return words.next().is_none().then_some(DatabaseStatement::Create { name, if_not_exists });
    }
    if next_is("drop") {
        if !next_is("database") {
            return None;
        }
        let if_exists = next_is("if") && next_is("exists");
        let name = words.next()?.text;
        return words.next().is_none().then_some(DatabaseStatement::Drop { name, if_exists });
    }
    if next_is("refresh") {
        if next_is("databases") {
            return words.next().is_none().then_some(DatabaseStatement::Refresh { name: None });
        }
        if !next_is("database") {
            return None;
        }
        let name = words.next().map(|word| word.text);
        return words.next().is_none().then_some(DatabaseStatement::Refresh { name });
    }
    None
}

/// A bare word or a quoted name.
struct Word {
    text: String,
    quoted: bool,
}

impl Word {
    fn is_keyword(&self, keyword: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(keyword)
    }
}

/// The words of a statement that has nothing else (and few of them); `None` for all others.
fn words(sql: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = sql.trim().trim_end_matches(';').trim_end();
    while !rest.is_empty() {
        if words.len() > 8 {
            return None;
        }
        let word = if let Some(quoted) = rest.strip_prefix('"') {
            let mut text = String::new();
            let mut chars = quoted.char_indices().peekable();
            loop {
                match chars.next()? {
                    (_, '"') if chars.next_if(|(_, c)| *c == '"').is_some() => text.push('"'),
                    (at, '"') => {
                        rest = &quoted[at + 1..];
                        break;
                    }
                    (_, c) => text.push(c),
                }
            }
            Word { text, quoted: true }
        } else {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            let text = rest[..end].to_owned();
            rest = &rest[end..];
            Word { text, quoted: false }
        };
        words.push(word);
        rest = rest.trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::DatabaseStatement::{Create, Drop, Refresh};
    use super::*;

    #[test]
    fn statements_about_databases_are_recognised() {
        let create = |name: &str, if_not_exists| Some(Create { name: name.to_owned(), if_not_exists });
        assert_eq!(parse("create database sales;"), create("sales", false));
        assert_eq!(parse("CREATE DATABASE IF NOT EXISTS \"a \"\"b\""), create("a \"b", true));
        assert_eq!(parse("drop database if exists x"), Some(Drop { name: "x".to_owned(), if_exists: true }));
        assert_eq!(parse("REFRESH DATABASES"), Some(Refresh { name: None }));
        assert_eq!(parse("REFRESH DATABASE d"), Some(Refresh { name: Some("d".to_owned()) }));
    }

    #[test]
    fn everything_else_is_left_to_duckdb() {
        for sql in
            ["", "create table t (a int)", "select 1", "create database", "drop table t", "refresh", "\"x"]
        {
            assert_eq!(parse(sql), None, "{sql}");
        }
    }
}
