//! Random tables and their rows.

use std::fmt::Write as _;

use bridge_types::oid;

use crate::random::Random;
use crate::types::{self, TYPES};

/// A column: its quoted name and its type.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) oid: u32,
}

/// A table. `id`, its first column, is unique and not null.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    declarations: Vec<String>,
    /// Rows as lists of literals.
    rows: Vec<String>,
    /// Whether its values are at the ends of their types.
    pub(crate) edges: bool,
}

/// Numbers of rows: one table is empty, and one has only one row.
const SIZES: &[usize] = &[40, 25, 12, 0, 1];

/// Tables `t0` to `t4` with ordinary values, and `edges`.
pub(crate) fn tables(random: &mut Random) -> Vec<Table> {
    let mut tables: Vec<Table> = SIZES
        .iter()
        .enumerate()
        .map(|(number, rows)| table(random, format!("t{number}"), *rows, false))
        .collect();
    tables.push(table(random, "edges".to_owned(), 30, true));
    tables
}

fn table(random: &mut Random, name: String, rows: usize, edges: bool) -> Table {
    let mut columns = vec![Column { name: "id".to_owned(), oid: oid::INT4 }];
    let mut declarations = vec!["id integer".to_owned()];
    let mut makers: Vec<(&'static types::Type, &'static str, usize)> = Vec::new();
    for ty in TYPES {
        // Numbers and text are what most functions take.
        let common = matches!(ty.oid, oid::INT4 | oid::NUMERIC | oid::TEXT | oid::FLOAT8 | oid::DATE);
        for copy in 0..(if common { 2 } else { 1 }) {
            let declared = *random.pick(ty.columns);
            // Names that need quotes.
            let bare = ty.name.replace("[]", "s");
            let name = match copy {
                0 => format!("\"c {bare}\""),
                _ => format!("\"D {bare}\""),
            };
            declarations.push(format!("{name} {declared}"));
            columns.push(Column { name, oid: ty.oid });
            makers.push((ty, declared, *random.pick(&[0, 10, 30])));
        }
    }
    let rows = (1..=rows)
        .map(|id| {
            let mut row = id.to_string();
            for (ty, declared, nulls) in &makers {
                let value = if random.chance(*nulls) {
                    "NULL".to_owned()
                } else {
                    value(random, ty, declared, edges)
                };
                let _ = write!(row, ", {value}");
            }
            row
        })
        .collect();
    Table { name, columns, declarations, rows, edges }
}

fn value(random: &mut Random, ty: &types::Type, declared: &str, edges: bool) -> String {
    let literal = types::literal(random, ty, edges);
    if ty.oid != oid::NUMERIC || declared == "numeric(4,4)" {
        return literal;
    }
    let whole = match (edges, declared) {
        (false, _) => random.between(-9, 9),
        (true, "numeric(30,4)" | "numeric(18,6)") => random.between(-999_999_999, 999_999_999),
        (true, _) => random.between(-9999, 9999),
    };
    format!("{literal} + {whole}")
}

impl Table {
    /// `CREATE TABLE`; `using` makes it a duckdb table.
    pub(crate) fn create(&self, using: &str) -> String {
        format!("CREATE TABLE {} ({}) {using}", self.name, self.declarations.join(", "))
    }

    /// The rows of schema `heap`, without what Parquet refuses: negative intervals.
    pub(crate) fn select_for_parquet(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| match column.oid {
                oid::INTERVAL => format!("greatest({0}, '0') AS {0}", column.name),
                _ => column.name.clone(),
            })
            .collect();
        format!("SELECT {} FROM heap.{}", columns.join(", "), self.name)
    }

    /// `CREATE VIEW` over a Parquet file with the rows.
    pub(crate) fn view(&self, file: &str) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .zip(&self.declarations)
            .map(|(column, declaration)| {
                let declared = declaration.strip_prefix(column.name.as_str()).unwrap_or_default().trim();
                format!("r['{}']::{declared} AS {}", column.name.trim_matches('"'), column.name)
            })
            .collect();
        format!("CREATE VIEW {} AS SELECT {} FROM read_parquet('{file}') AS r", self.name, columns.join(", "))
    }

    /// `INSERT` of all rows, if there are any.
    pub(crate) fn insert(&self) -> Option<String> {
        let rows: Vec<String> = self.rows.iter().map(|row| format!("({row})")).collect();
        (!rows.is_empty()).then(|| format!("INSERT INTO {} VALUES {}", self.name, rows.join(", ")))
    }
}
