//! Names of MotherDuck's schemas in Postgres.
//!
//! A MotherDuck account has many databases, a Postgres connection has one, so a pair of
//! database and schema becomes a Postgres schema:
//!
//! | in MotherDuck | in Postgres |
//! |---|---|
//! | `main` of the default database | `public` |
//! | another schema of the default database | the schema of that name |
//! | `main` of another database | `ddb$<database>` |
//! | another schema of another database | `ddb$<database>$<schema>` |
//!
//! A `$` inside a name is doubled. (That leaves one ambiguity: a database whose name ends with
//! `$` and a schema whose name begins with one can share a Postgres schema.)

use crate::names::fits_identifier;

/// What the names of schemas of other databases begin with; reserved for them.
pub const PREFIX: &str = "ddb$";
/// DuckDB's default schema.
pub const MAIN_SCHEMA: &str = "main";
/// Postgres' default schema.
const PUBLIC_SCHEMA: &str = "public";

/// Why a schema has no name in Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmappable {
    /// The name would be longer than an identifier can be.
    TooLong,
    /// A schema of the default database is called `public`, which is what `main` is called in
    /// Postgres, or is Postgres' own.
    Taken,
}

impl std::fmt::Display for Unmappable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooLong => "its name in Postgres would be longer than 63 bytes",
            Self::Taken => "its name means another schema in Postgres",
        })
    }
}

/// The Postgres schema of a DuckDB schema.
///
/// # Errors
/// See [`Unmappable`].
pub fn postgres_schema(database: &str, schema: &str, default_database: &str) -> Result<String, Unmappable> {
    let name = if database != default_database {
        let doubled = |name: &str| name.replace('$', "$$");
        match schema {
            MAIN_SCHEMA => format!("{PREFIX}{}", doubled(database)),
            _ => format!("{PREFIX}{}${}", doubled(database), doubled(schema)),
        }
    } else if schema == MAIN_SCHEMA {
        PUBLIC_SCHEMA.to_owned()
    } else if schema == PUBLIC_SCHEMA
        || schema == "information_schema"
        || schema.starts_with("pg_")
        || schema.starts_with(PREFIX)
        || schema == "duckdb"
    {
        return Err(Unmappable::Taken);
    } else {
        schema.to_owned()
    };
    if fits_identifier(&name) { Ok(name) } else { Err(Unmappable::TooLong) }
}

/// The DuckDB database and schema of a Postgres schema; `None` for a name that only begins
/// like one of ours.
#[must_use]
pub fn duckdb_schema(postgres_schema: &str, default_database: &str) -> Option<(String, String)> {
    let Some(rest) = postgres_schema.strip_prefix(PREFIX) else {
        let schema = if postgres_schema == PUBLIC_SCHEMA { MAIN_SCHEMA } else { postgres_schema };
        return Some((default_database.to_owned(), schema.to_owned()));
    };
    let mut parts = vec![String::new()];
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '$' && chars.next_if_eq(&'$').is_none() {
            parts.push(String::new());
        } else {
            parts.last_mut()?.push(c);
        }
    }
    if parts.iter().any(String::is_empty) {
        return None;
    }
    let mut parts = parts.into_iter();
    let database = parts.next()?;
    let schema = parts.next().unwrap_or_else(|| MAIN_SCHEMA.to_owned());
    parts.next().is_none().then_some((database, schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_cases_go_both_ways() {
        for (database, schema, name) in [
            ("my_db", "main", "public"),
            ("my_db", "your_schema", "your_schema"),
            ("my_shared_db", "main", "ddb$my_shared_db"),
            ("sample_data", "hn", "ddb$sample_data$hn"),
            ("a$b", "main", "ddb$a$$b"),
            ("a$b", "$c$", "ddb$a$$b$$$c$$"),
            ("Große Enten 🦆", "Mit Blank", "ddb$Große Enten 🦆$Mit Blank"),
            ("my_db", "Mixed Case", "Mixed Case"),
            // `main` of another database never looks like the default database's.
            ("public", "main", "ddb$public"),
        ] {
            assert_eq!(postgres_schema(database, schema, "my_db").as_deref(), Ok(name));
            if name != "ddb$a$$b$$$c$$" {
                let back = (database.to_owned(), schema.to_owned());
                assert_eq!(duckdb_schema(name, "my_db"), Some(back), "{name}");
            }
        }
    }

    #[test]
    fn names_without_a_place_are_refused() {
        let long = "x".repeat(60);
        assert_eq!(postgres_schema(&long, "main", "my_db"), Err(Unmappable::TooLong));
        assert_eq!(postgres_schema("d", &long, "my_db"), Err(Unmappable::TooLong));
        for taken in ["public", "pg_temp", "information_schema", "ddb$x", "duckdb"] {
            assert_eq!(postgres_schema("my_db", taken, "my_db"), Err(Unmappable::Taken), "{taken}");
        }
        for name in ["ddb$", "ddb$a$", "ddb$$", "ddb$a$b$c"] {
            let found = duckdb_schema(name, "my_db");
            assert!(found.is_none() || name == "ddb$$", "{name}: {found:?}");
        }
    }
}
