//! DuckDB's profile as a text tree for EXPLAIN ANALYZE.

use crate::duckdb::ProfileNode;
use std::fmt::Write as _;

/// One line an operator: name, seconds, rows, and what DuckDB says about it.
pub(crate) fn render(root: &ProfileNode) -> String {
    let mut out = String::new();
    if let Some(latency) = metric(root, "LATENCY") {
        writeln!(out, "Total time: {}", milliseconds(latency)).expect("writing into a string cannot fail");
    }
    for child in &root.children {
        render_node(child, 0, &mut out);
    }
    out.truncate(out.trim_end().len());
    out
}

fn render_node(node: &ProfileNode, depth: usize, out: &mut String) {
    let name = metric(node, "OPERATOR_NAME").or_else(|| metric(node, "OPERATOR_TYPE")).unwrap_or("?").trim();
    let rows = metric(node, "OPERATOR_CARDINALITY").unwrap_or("0");
    let time = metric(node, "OPERATOR_TIMING").map_or_else(|| "0.000 ms".to_owned(), milliseconds);
    let indent = "  ".repeat(depth);
    let arrow = if depth == 0 { "" } else { "->  " };
    writeln!(out, "{indent}{arrow}{name}  (time={time} rows={rows})")
        .expect("writing into a string cannot fail");
    if let Some(info) = metric(node, "EXTRA_INFO") {
        let info = info.trim().trim_start_matches('{').trim_end_matches('}').replace('\n', ", ");
        if !info.is_empty() {
            writeln!(out, "{indent}      {info}").expect("writing into a string cannot fail");
        }
    }
    for child in &node.children {
        render_node(child, depth + 1, out);
    }
}

fn metric<'a>(node: &'a ProfileNode, name: &str) -> Option<&'a str> {
    node.metrics.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn milliseconds(seconds: &str) -> String {
    seconds
        .parse::<f64>()
        .map_or_else(|_| seconds.to_owned(), |seconds| format!("{:.3} ms", seconds * 1000.0))
}
