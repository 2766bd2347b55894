//! Statements that change tables: their source as a query, and DuckDB's statement around it.
//!
//! UPDATE and DELETE of what one plain block selects are written over the block's own FROM and
//! WHERE. All other changes find their rows by `rowid`, which the source has as `c0`.

use bridge_types::names::{quote_identifier, quote_literal};
use datafusion_expr::LogicalPlan;

use super::block::{self, Plain};
use crate::build::column_name;
use crate::error::{PlanError, malformed};
use crate::nodes::{Delete, Insert, Merge, MergeAction, OnConflict, Update, node_of};

/// The statement, if the plan is one; `None` for a query.
pub(super) fn statement(plan: &LogicalPlan) -> Result<Option<String>, PlanError> {
    Ok(if let Some(insert) = node_of::<Insert>(plan) {
        Some(self::insert(insert)?)
    } else if let Some(update) = node_of::<Update>(plan) {
        Some(self::update(update)?)
    } else if let Some(delete) = node_of::<Delete>(plan) {
        Some(self::delete(delete)?)
    } else if let Some(merge) = node_of::<Merge>(plan) {
        Some(self::merge(merge)?)
    } else {
        None
    })
}

fn insert(insert: &Insert) -> Result<String, PlanError> {
    let table = name(&insert.table);
    let source = if insert.columns.is_empty() {
        "DEFAULT VALUES".to_owned()
    } else {
        format!("({}) {}", identifiers(&insert.columns), block::query(input(&insert.inputs)?)?)
    };
    let conflict = match &insert.on_conflict {
        OnConflict::Fail => String::new(),
        OnConflict::Nothing(keys) if keys.is_empty() => " ON CONFLICT DO NOTHING".to_owned(),
        OnConflict::Nothing(keys) => format!(" ON CONFLICT ({}) DO NOTHING", identifiers(keys)),
    };
    Ok(format!("INSERT INTO {table} {source}{conflict}{}", returning(&insert.returning)))
}

fn update(update: &Update) -> Result<String, PlanError> {
    let table = name(&update.table);
    let input = input(&update.inputs)?;
    if let Some(Plain { from, filters, outputs }) = block::plain(input)?
        && let [relation] = from.as_slice()
        && relation.starts_with(&table)
    {
        let sets = update.columns.iter().zip(outputs.iter().skip(1));
        let sets: Vec<String> =
            sets.map(|(column, value)| format!("{} = {value}", quote_identifier(column))).collect();
        return Ok(format!(
            "UPDATE {relation} SET {}{}{}",
            sets.join(", "),
            condition(&filters),
            returning(&update.returning)
        ));
    }
    let sets: Vec<String> = update
        .columns
        .iter()
        .enumerate()
        .map(|(i, column)| format!("{} = {}", quote_identifier(column), source(i + 1)))
        .collect();
    let query = block::query(input)?;
    let query = if update.repeated {
        format!("SELECT DISTINCT ON ({}) * FROM ({query})", quote_identifier(&column_name(0)))
    } else {
        query
    };
    Ok(format!(
        "UPDATE {table} AS \"target\" SET {} FROM ({query}) AS \"source\" WHERE \"target\".rowid = {}{}",
        sets.join(", "),
        source(0),
        returning(&update.returning)
    ))
}

fn delete(delete: &Delete) -> Result<String, PlanError> {
    let table = name(&delete.table);
    let input = input(&delete.inputs)?;
    if let Some(Plain { from, filters, .. }) = block::plain(input)?
        && let [relation, others @ ..] = from.as_slice()
        && relation.starts_with(&table)
    {
        let using = if others.is_empty() { String::new() } else { format!(" USING {}", others.join(", ")) };
        return Ok(format!(
            "DELETE FROM {relation}{using}{}{}",
            condition(&filters),
            returning(&delete.returning)
        ));
    }
    Ok(format!(
        "DELETE FROM {table} AS \"target\" USING ({}) AS \"source\" WHERE \"target\".rowid = {}{}",
        block::query(input)?,
        source(0),
        returning(&delete.returning)
    ))
}

fn merge(merge: &Merge) -> Result<String, PlanError> {
    let input = input(&merge.inputs)?;
    let identity: Vec<String> =
        merge.identity.iter().map(|output| quote_identifier(&column_name(*output))).collect();
    let known: String = identity.iter().map(|column| format!(" AND {column} IS NOT NULL")).collect();
    // A row without an action counts for nothing. No aggregate: DuckDB would make a join of the
    // source with itself of it, and a feed can be read once only.
    let query = format!(
        "SELECT * REPLACE (CASE WHEN row_number() OVER (PARTITION BY {}, {c1} <> 0) > 1 AND {c1} <> 0{known} THEN error({}) ELSE {c0} END AS {c0}) FROM ({})",
        identity.join(", "),
        quote_literal(merge.twice),
        block::query(input)?,
        c0 = quote_identifier(&column_name(0)),
        c1 = quote_identifier(&column_name(1)),
    );
    let mut sql = format!(
        "MERGE INTO {} AS \"target\" USING ({query}) AS \"source\" ON \"target\".rowid = {}",
        name(&merge.table),
        source(0)
    );
    for (action, number) in merge.actions.iter().zip(1..) {
        if *action == MergeAction::Nothing {
            continue;
        }
        let matched = if matches!(action, MergeAction::Insert(_)) { "NOT MATCHED" } else { "MATCHED" };
        sql.push_str(&format!(" WHEN {matched} AND {} = {number} THEN ", source(1)));
        match action {
            MergeAction::Update(values) => {
                let sets: Vec<String> = values
                    .iter()
                    .map(|(column, output)| format!("{} = {}", quote_identifier(column), source(*output)))
                    .collect();
                sql.push_str(&format!("UPDATE SET {}", sets.join(", ")));
            }
            MergeAction::Delete => sql.push_str("DELETE"),
            MergeAction::Nothing => {}
            MergeAction::Insert(values) if values.is_empty() => sql.push_str("INSERT DEFAULT VALUES"),
            MergeAction::Insert(values) => {
                let columns: Vec<String> =
                    values.iter().map(|(column, _)| quote_identifier(column)).collect();
                let values: Vec<String> = values.iter().map(|(_, output)| source(*output)).collect();
                sql.push_str(&format!("INSERT ({}) VALUES ({})", columns.join(", "), values.join(", ")));
            }
        }
    }
    if merge.actions.iter().all(|action| *action == MergeAction::Nothing) {
        // The source is still computed, errors and all.
        sql.push_str(" WHEN MATCHED THEN DO NOTHING");
    }
    sql.push_str(&returning(&merge.returning));
    Ok(sql)
}

fn input(inputs: &[LogicalPlan]) -> Result<&LogicalPlan, PlanError> {
    match inputs {
        [input] => Ok(input),
        _ => malformed("a statement without a source"),
    }
}

fn name(table: &[String; 3]) -> String {
    table.iter().map(|part| quote_identifier(part)).collect::<Vec<_>>().join(".")
}

fn identifiers(names: &[String]) -> String {
    names.iter().map(|name| quote_identifier(name)).collect::<Vec<_>>().join(", ")
}

/// An output of the source.
fn source(output: usize) -> String {
    format!("\"source\".{}", quote_identifier(&column_name(output)))
}

fn condition(filters: &[String]) -> String {
    if filters.is_empty() { String::new() } else { format!(" WHERE {}", filters.join(" AND ")) }
}

/// Named `c0`.. like the outputs of a query.
fn returning(columns: &[String]) -> String {
    if columns.is_empty() {
        return String::new();
    }
    let columns: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| format!("{} AS {}", quote_identifier(column), quote_identifier(&column_name(i))))
        .collect();
    format!(" RETURNING {}", columns.join(", "))
}
