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
        let query = block::query(input(&insert.inputs)?)?;
        let query = match &insert.violations {
            None => query,
            Some((output, _)) => format!(
                "SELECT * EXCLUDE ({}) REPLACE (CASE {}ELSE {c0} END AS {c0}) FROM ({query})",
                quote_identifier(&column_name(*output)),
                violated(&insert.violations),
                c0 = quote_identifier(&column_name(0)),
            ),
        };
        format!("({}) {query}", identifiers(&insert.columns))
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
    let violated = violated(&merge.violations);
    // A row without an action counts for nothing. No aggregate: DuckDB would make a join of the
    // source with itself of it, and a feed can be read once only.
    let query = format!(
        "SELECT * REPLACE (CASE {violated}WHEN row_number() OVER (PARTITION BY {}, {c1} <> 0) > 1 AND {c1} <> 0{known} THEN error({}) ELSE {c0} END AS {c0}) FROM ({})",
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

/// Branches of a CASE that raise the errors of violated constraints.
fn violated(violations: &Option<(usize, Vec<String>)>) -> String {
    violations.iter().fold(String::new(), |sql, (output, errors)| {
        let number = quote_identifier(&column_name(*output));
        let branches = errors.iter().zip(1..);
        branches.fold(sql, |sql, (error, i)| {
            format!("{sql}WHEN {number} = {i} THEN error({}) ", quote_literal(error))
        })
    })
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

#[cfg(test)]
mod tests {
    use datafusion_expr::{Expr, JoinType, LogicalPlan};

    use crate::build::{self, project, qualified};
    use crate::duck::{Typed, duck};
    use crate::nodes::{Delete, Insert, Merge, MergeAction, OnConflict, Relation, Update};
    use crate::{DuckType, writer};

    fn name(table: &str) -> [String; 3] {
        ["pg1".to_owned(), "main".to_owned(), table.to_owned()]
    }

    fn relation(table: &str, alias: &str) -> LogicalPlan {
        let columns = ["a", "b", "rowid"].map(|column| (column.to_owned(), DuckType::Integer));
        Relation::plan(name(table), alias, &columns).expect("distinct names")
    }

    fn column(alias: &str, name: &str) -> Typed {
        Typed::new(Expr::Column(qualified(alias, name)), DuckType::Integer)
    }

    fn positive(alias: &str) -> Expr {
        duck("({0} > 0)", DuckType::Boolean, vec![column(alias, "b")]).expr
    }

    fn select(from: LogicalPlan, outputs: Vec<Typed>) -> LogicalPlan {
        project(from, outputs).expect("distinct names")
    }

    fn sql(plan: &LogicalPlan) -> String {
        writer::write(plan).expect("a plan of the writer's own words")
    }

    #[test]
    fn an_update_of_one_table_is_written_over_it() {
        let from = build::filter(relation("t", "r1"), positive("r1")).expect("a boolean");
        let source = select(from, vec![column("r1", "rowid"), column("r1", "b")]);
        let plan = Update::plan(name("t"), vec!["a\"".into()], false, vec!["a\"".into()], source);
        assert_eq!(
            sql(&plan),
            r#"UPDATE "pg1"."main"."t" AS "r1" SET "a""" = "r1"."b" WHERE ("r1"."b" > 0) RETURNING "a""" AS "c0""#
        );
    }

    #[test]
    fn an_update_from_another_table_names_each_row_once() {
        let from = build::join(relation("t", "r1"), relation("u", "r2"), JoinType::Inner, None);
        let source = select(from, vec![column("r1", "rowid"), column("r2", "b")]);
        let plan = Update::plan(name("t"), vec!["a".into()], true, Vec::new(), source);
        assert_eq!(
            sql(&plan),
            r#"UPDATE "pg1"."main"."t" AS "target" SET "a" = "source"."c1" FROM (SELECT DISTINCT ON ("c0") * FROM (SELECT "r1"."rowid" AS "c0", "r2"."b" AS "c1" FROM "pg1"."main"."t" AS "r1", "pg1"."main"."u" AS "r2")) AS "source" WHERE "target".rowid = "source"."c0""#
        );
    }

    /// A table whose name starts with that of the target is not the target.
    #[test]
    fn only_the_target_itself_is_written_over() {
        let source = select(relation("t2", "r1"), vec![column("r1", "rowid")]);
        let plan = Delete::plan(name("t"), Vec::new(), source);
        assert!(sql(&plan).starts_with(r#"DELETE FROM "pg1"."main"."t" AS "target" USING (SELECT"#));
    }

    #[test]
    fn a_delete_keeps_the_other_tables_as_they_are() {
        let from = build::join(relation("t", "r1"), relation("u", "r2"), JoinType::Inner, None);
        let from = build::filter(from, positive("r2")).expect("a boolean");
        let plan = Delete::plan(name("t"), vec!["a".into()], select(from, vec![column("r1", "rowid")]));
        assert_eq!(
            sql(&plan),
            r#"DELETE FROM "pg1"."main"."t" AS "r1" USING "pg1"."main"."u" AS "r2" WHERE ("r2"."b" > 0) RETURNING "a" AS "c0""#
        );
    }

    #[test]
    fn an_insert_names_its_columns() {
        let source = select(relation("u", "r1"), vec![column("r1", "a"), column("r1", "b")]);
        let plan = Insert::plan(
            name("t"),
            vec!["a".into()],
            OnConflict::Nothing(vec!["a".into(), "b".into()]),
            Some((1, vec!["[23502] null".into()])),
            Vec::new(),
            source,
        );
        assert_eq!(
            sql(&plan),
            r#"INSERT INTO "pg1"."main"."t" ("a") SELECT * EXCLUDE ("c1") REPLACE (CASE WHEN "c1" = 1 THEN error('[23502] null') ELSE "c0" END AS "c0") FROM (SELECT "r1"."a" AS "c0", "r1"."b" AS "c1" FROM "pg1"."main"."u" AS "r1") ON CONFLICT ("a", "b") DO NOTHING"#
        );
        let plan = Insert::plan(name("t"), Vec::new(), OnConflict::Fail, None, Vec::new(), build::one_row());
        assert_eq!(sql(&plan), r#"INSERT INTO "pg1"."main"."t" DEFAULT VALUES"#);
    }

    #[test]
    fn a_merge_takes_the_action_of_each_row() {
        let outputs = ["rowid", "a", "b", "b"].map(|name| column("r1", name));
        let plan = Merge::plan(
            name("t"),
            vec![
                MergeAction::Update(vec![("a".into(), 2)]),
                MergeAction::Nothing,
                MergeAction::Delete,
                MergeAction::Insert(vec![("b".into(), 3)]),
            ],
            vec![0],
            Some((2, vec!["[23502] it's null".into()])),
            "[21000] twice",
            Vec::new(),
            select(relation("u", "r1"), outputs.to_vec()),
        );
        assert_eq!(
            sql(&plan),
            r#"MERGE INTO "pg1"."main"."t" AS "target" USING (SELECT * REPLACE (CASE WHEN "c2" = 1 THEN error('[23502] it''s null') WHEN row_number() OVER (PARTITION BY "c0", "c1" <> 0) > 1 AND "c1" <> 0 AND "c0" IS NOT NULL THEN error('[21000] twice') ELSE "c0" END AS "c0") FROM (SELECT "r1"."rowid" AS "c0", "r1"."a" AS "c1", "r1"."b" AS "c2", "r1"."b" AS "c3" FROM "pg1"."main"."u" AS "r1")) AS "source" ON "target".rowid = "source"."c0" WHEN MATCHED AND "source"."c1" = 1 THEN UPDATE SET "a" = "source"."c2" WHEN MATCHED AND "source"."c1" = 3 THEN DELETE WHEN NOT MATCHED AND "source"."c1" = 4 THEN INSERT ("b") VALUES ("source"."c3")"#
        );
    }

    #[test]
    fn a_merge_that_does_nothing_still_has_a_clause() {
        let source = select(relation("u", "r1"), vec![column("r1", "rowid"), column("r1", "a")]);
        let plan = Merge::plan(
            name("t"),
            vec![MergeAction::Nothing],
            vec![0],
            None,
            "[21000] twice",
            Vec::new(),
            source,
        );
        assert!(sql(&plan).ends_with(r#"= "source"."c0" WHEN MATCHED THEN DO NOTHING"#));
    }
}
