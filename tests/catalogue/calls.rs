//! Calls of what the catalogs know, as SQL expressions over the columns of table `calls`.

use postgres::Client;
use tests::Result;

use crate::edges;

/// What kind of catalog entry a call is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `pg_cast`, or a conversion through text.
    Cast,
    /// `pg_operator`.
    Operator,
    /// `pg_proc`, an ordinary function.
    Function,
    /// `pg_proc`, an aggregate.
    Aggregate,
    /// `pg_proc`, a window function.
    Window,
}

/// One function, operator or cast and the ways it is called.
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    /// As in `pg_catalog`, with argument types.
    pub(crate) name: String,
    /// Expressions over `calls`.
    pub(crate) expressions: Vec<String>,
}

/// Functions whose answer is about the server or the storage of a value.
const ABOUT_SERVER: &str = "^(pg_|has_|row_security_active|current_setting|ts_debug|set_config|to_regc|xml|query_to|table_to|cursor_to|gin_|in_range)";

/// Every function, operator and cast over the types of the table.
pub(crate) fn subjects(client: &mut Client) -> Result<Vec<Subject>> {
    let names: Vec<String> = edges::types().map(|name| format!("'{name}'")).collect();
    let known = format!(
        "SELECT oid FROM pg_type WHERE typname IN ({}, 'anyelement', 'anyarray', 'anynonarray', 'anycompatible', \
         'anycompatiblearray', 'anycompatiblenonarray', 'any') AND typnamespace = 'pg_catalog'::regnamespace",
        names.join(", ")
    );
    let mut subjects = casts(client, &known)?;
    subjects.extend(operators(client, &known)?);
    subjects.extend(functions(client, &known)?);
    Ok(subjects)
}

fn casts(client: &mut Client, known: &str) -> Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    let sql = format!(
        "SELECT s.typname::text, t.typname::text FROM pg_cast \
         JOIN pg_type s ON s.oid = castsource JOIN pg_type t ON t.oid = casttarget \
         WHERE castsource IN ({known}) AND casttarget IN ({known}) ORDER BY 1, 2"
    );
    let mut pairs: Vec<(String, String)> =
        client.query(&sql, &[])?.iter().map(|row| (row.get(0), row.get(1))).collect();
    for name in edges::types() {
        for pair in [(name.to_owned(), "text".to_owned()), ("text".to_owned(), name.to_owned())] {
            if pair.0 != pair.1 && !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
    }
    for (source, target) in pairs {
        let modifiers: &[&str] = match target.as_str() {
            "numeric" => &["", "(10,2)", "(4,0)", "(38,10)"],
            "varchar" | "bpchar" => &["(3)", "(1)"],
            "timestamp" | "timestamptz" | "time" => &["", "(0)", "(3)"],
            _ => &[""],
        };
        let bytes = source.bytes().chain(target.bytes()).all(|b| b != b'_');
        let expressions = modifiers
            .iter()
            .filter(|modifier| bytes || modifier.is_empty())
            .map(|modifier| {
                let written = match target.strip_prefix('_') {
                    Some(element) => format!("{element}[]"),
                    None => format!("{target}{modifier}"),
                };
                format!("CAST(x1_{source} AS {written})")
            })
            .collect();
        subjects.push(Subject { kind: Kind::Cast, name: format!("{source}::{target}"), expressions });
    }
    Ok(subjects)
}

fn operators(client: &mut Client, known: &str) -> Result<Vec<Subject>> {
    let sql = format!(
        "SELECT oprname::text, coalesce(l.typname::text, ''), r.typname::text FROM pg_operator \
         LEFT JOIN pg_type l ON l.oid = oprleft JOIN pg_type r ON r.oid = oprright \
         WHERE (oprleft = 0 OR oprleft IN ({known})) AND oprright IN ({known}) AND oprresult IN ({known}) \
         AND oprnamespace = 'pg_catalog'::regnamespace ORDER BY 1, 2, 3"
    );
    let mut subjects = Vec::new();
    for row in client.query(&sql, &[])? {
        let (name, left, right): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let types: Vec<&str> =
            [left.as_str(), right.as_str()].into_iter().filter(|t| !t.is_empty()).collect();
        let expressions = instances(&name, &types)
            .iter()
            .flat_map(|types| arguments(&name, types))
            .map(|args| match args.as_slice() {
                [only] => format!("(OPERATOR(pg_catalog.{name}) {only})"),
                [left, right, ..] => format!("({left} OPERATOR(pg_catalog.{name}) {right})"),
                [] => "NULL".to_owned(),
            })
            .collect();
        subjects.push(Subject { kind: Kind::Operator, name: format!("{left} {name} {right}"), expressions });
    }
    Ok(subjects)
}

fn functions(client: &mut Client, known: &str) -> Result<Vec<Subject>> {
    let sql = format!(
        "SELECT proname::text, prokind::text, \
         array(SELECT t.typname::text FROM unnest(proargtypes) WITH ORDINALITY a(o, n) JOIN pg_type t ON t.oid = o ORDER BY n) \
         FROM pg_proc p WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind IN ('f', 'a', 'w') \
         AND NOT proretset AND provolatile <> 'v' AND prorettype IN ({known}) \
         AND NOT EXISTS (SELECT FROM unnest(proargtypes) a WHERE a NOT IN ({known})) \
         AND NOT EXISTS (SELECT FROM pg_operator WHERE oprcode = p.oid) \
         AND NOT EXISTS (SELECT FROM pg_aggregate WHERE aggfnoid = p.oid AND aggkind <> 'n') \
         AND (proname !~ '{ABOUT_SERVER}') AND (prokind <> 'f' OR cardinality(proargtypes) > 0) ORDER BY 1, 3"
    );
    let mut subjects = Vec::new();
    for row in client.query(&sql, &[])? {
        let (name, kind, types): (String, String, Vec<String>) = (row.get(0), row.get(1), row.get(2));
        let types: Vec<&str> = types.iter().map(String::as_str).collect();
        let calls = instances(&name, &types).into_iter().flat_map(|types| arguments(&name, &types));
        let quoted = format!("pg_catalog.\"{name}\"");
        let (kind, expressions) = match kind.as_str() {
            "a" => {
                let calls = calls.take(3).map(|args| {
                    if args.is_empty() {
                        format!("{quoted}(*)")
                    } else {
                        format!("{quoted}({} ORDER BY id)", args.join(", "))
                    }
                });
                (Kind::Aggregate, calls.collect())
            }
            "w" => {
                let calls = calls.map(|args| format!("{quoted}({}) OVER (ORDER BY id)", args.join(", ")));
                (Kind::Window, calls.collect())
            }
            _ => (Kind::Function, calls.map(|args| format!("{quoted}({})", args.join(", "))).collect()),
        };
        subjects.push(Subject { kind, name: format!("{name}({})", types.join(", ")), expressions });
    }
    Ok(subjects)
}

/// Argument types with concrete types in the place of polymorphic ones.
fn instances(name: &str, types: &[&str]) -> Vec<Vec<&'static str>> {
    const ELEMENTS: [&str; 2] = ["int4", "text"];
    /// What `concat` and its like write in their own way.
    const ANYTHING: [&str; 9] =
        ["int4", "text", "bool", "numeric", "float8", "date", "timestamptz", "bpchar", "_int4"];
    let polymorphic = types.iter().any(|name| name.starts_with("any"));
    let candidates: &[&str] = if types.contains(&"any") && name.starts_with("concat") {
        &ANYTHING
    } else if polymorphic {
        &ELEMENTS
    } else {
        &ELEMENTS[..1]
    };
    candidates
        .iter()
        .map(|element| {
            types
                .iter()
                .map(|name| match *name {
                    "anyarray" | "anycompatiblearray" if *element == "int4" => "_int4",
                    "anyarray" | "anycompatiblearray" => "_text",
                    name if name.starts_with("any") => {
                        edges::types().find(|known| known == element).unwrap_or("int4")
                    }
                    name => edges::types().find(|known| *known == name).unwrap_or("int4"),
                })
                .collect()
        })
        .collect()
}

/// Argument lists: all columns; each argument constant in turn; all but the first constant.
fn arguments(name: &str, types: &[&'static str]) -> Vec<Vec<String>> {
    // Columns of one type in turn; a fifth argument of a type takes the first column again.
    let columns: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(i, name)| {
            format!("x{}_{name}", types[..i].iter().filter(|other| *other == name).count() % 4 + 1)
        })
        .collect();
    // Two thousand million repetitions of nothing take Postgres long.
    let mut lists = if name == "repeat" { Vec::new() } else { vec![columns.clone()] };
    if types.len() < 2 {
        return lists;
    }
    // Those of the first two arguments matter most.
    let most = |position: usize| if types.len() <= 2 || position < 2 { usize::MAX } else { 3 };
    let positions = if name == "repeat" { 1 } else { 0 };
    for (position, type_name) in types.iter().enumerate().skip(positions) {
        for constant in edges::constants(name, position, type_name).into_iter().take(most(position)) {
            let mut list = columns.clone();
            list[position] = constant;
            lists.push(list);
        }
    }
    if types.len() > 2 {
        for turn in 0..8 {
            let mut list = columns.clone();
            for (position, type_name) in types.iter().enumerate().skip(1) {
                let pool = edges::constants(name, position, type_name);
                if let Some(constant) = pool.get((turn * (position + 1)) % pool.len().max(1)) {
                    list[position].clone_from(constant);
                }
            }
            lists.push(list);
        }
    }
    lists
}
