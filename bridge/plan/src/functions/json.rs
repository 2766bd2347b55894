//! Type `json`, a text that is kept as it was written.

use bridge_types::oid::{INT4, JSON, TEXT, TEXT_ARRAY};

use super::Entry;

pub(super) fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (name, args, call) in [
        ("json_object_field", &[JSON, TEXT] as &'static [u32], "pg_json_field"),
        ("json_array_element", &[JSON, INT4], "pg_json_element"),
        ("json_extract_path", &[JSON, TEXT_ARRAY], "pg_json_path"),
    ] {
        let sql = format!("CAST({call}(CAST({{0}} AS VARCHAR), {{1}}) AS JSON)");
        entries.push(Entry::template(name, args, sql));
        let sql = format!("{call}_text(CAST({{0}} AS VARCHAR), {{1}})");
        entries.push(Entry::template(&format!("{name}_text"), args, sql));
    }
    entries.push(Entry::template("json_typeof", &[JSON], "pg_json_typeof(CAST({0} AS VARCHAR))"));
    entries.push(Entry::template("json_array_length", &[JSON], "pg_json_array_length(CAST({0} AS VARCHAR))"));
    entries
}
