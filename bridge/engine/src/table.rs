//! Prints rows as an aligned table or as CSV.

use std::fmt::Write as _;

/// How `sql` and `run` print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns, as psql prints them.
    Table,
    /// Comma-separated values with a header.
    Csv,
}

/// Rows as text; `None` is null.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Names of the columns.
    pub(crate) columns: Vec<String>,
    /// Rows.
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

impl Table {
    /// The text to print.
    pub(crate) fn render(&self, format: Format) -> String {
        match format {
            Format::Table => self.aligned(),
            Format::Csv => self.csv(),
        }
    }

    fn aligned(&self) -> String {
        let mut widths: Vec<usize> = self.columns.iter().map(|name| name.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.as_deref().unwrap_or("").chars().count());
            }
        }
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let cells = cells.zip(&widths).map(|(cell, width)| {
                let padding = width.saturating_sub(cell.chars().count());
                format!(" {cell}{} ", " ".repeat(padding))
            });
            cells.collect::<Vec<_>>().join("|").trim_end().to_owned()
        };
        let mut out = line(&mut self.columns.iter().map(String::as_str));
        out.push('\n');
        out.push_str(&widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("+"));
        out.push('\n');
        for row in &self.rows {
            out.push_str(&line(&mut row.iter().map(|cell| cell.as_deref().unwrap_or(""))));
            out.push('\n');
        }
        let plural = if self.rows.len() == 1 { "" } else { "s" };
        writeln!(out, "({} row{plural})", self.rows.len()).expect("writing into a string cannot fail");
        out
    }

    fn csv(&self) -> String {
        let quoted = |cell: &str| {
            if cell.is_empty() || cell.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.to_owned()
            }
        };
        let mut out = self.columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(",");
        out.push('\n');
        for row in &self.rows {
            let cells = row.iter().map(|cell| cell.as_deref().map_or_else(String::new, quoted));
            out.push_str(&cells.collect::<Vec<_>>().join(","));
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_and_empty_strings_differ_in_csv() {
        let table = Table {
            columns: vec!["a".into(), "b".into()],
            rows: vec![vec![None, Some(String::new())], vec![Some("x,y".into()), Some("ü".into())]],
        };
        assert_eq!(table.render(Format::Csv), "a,b\n,\"\"\n\"x,y\",ü\n");
        assert_eq!(table.render(Format::Table), " a   | b\n-----+---\n     |\n x,y | ü\n(2 rows)\n");
    }
}
