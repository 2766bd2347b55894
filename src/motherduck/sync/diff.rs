//! From what MotherDuck has and what Postgres has of it to what has to be done.

use std::collections::BTreeMap;

use bridge_types::names::quote_identifier;

use super::{Column, Relation};

/// One thing to do, in a transaction of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A relation that Postgres does not have.
    Create(Relation),
    /// Statements that make Postgres' relation like MotherDuck's.
    Alter {
        /// The relation as it will be.
        relation: Relation,
        /// What follows `ALTER TABLE name`.
        changes: Vec<String>,
        /// The comment is another one.
        comment: bool,
        /// It is read by another query, or it is a view of another query.
        source: bool,
    },
    /// A relation that MotherDuck no longer has, or that cannot be altered into what it has now;
    /// in the latter case a [`Step::Create`] follows.
    Drop {
        /// Schema in Postgres.
        schema: String,
        /// Name.
        name: String,
        /// It is a view in Postgres.
        is_view: bool,
    },
}

/// What to do, drops first: their names may be needed.
pub(super) fn steps(remote: &[Relation], local: &[Relation]) -> Vec<Step> {
    let key = |relation: &Relation| (relation.schema.clone(), relation.name.clone());
    let wanted: BTreeMap<_, _> = remote.iter().map(|relation| (key(relation), relation)).collect();
    let present: BTreeMap<_, _> = local.iter().map(|relation| (key(relation), relation)).collect();
    let mut drops = Vec::new();
    let mut rest = Vec::new();
    let drop = |relation: &Relation| Step::Drop {
        schema: relation.schema.clone(),
        name: relation.name.clone(),
        is_view: relation.view.is_some(),
    };
    for (key, old) in &present {
        if !wanted.contains_key(key) {
            drops.push(drop(old));
        }
    }
    for (key, new) in wanted {
        let Some(old) = present.get(&key) else {
            rest.push(Step::Create(new.clone()));
            continue;
        };
        if *old == new {
            continue;
        }
        // Its place in MotherDuck is fixed when it is created.
        let same_place = old.duckdb_schema == new.duckdb_schema && old.view.is_some() == new.view.is_some();
        let changes = match new.view {
            // CREATE OR REPLACE VIEW adds columns at the end.
            Some(_) => new.columns.starts_with(&old.columns).then(Vec::new),
            None => changes(&old.columns, &new.columns),
        };
        match changes {
            Some(changes) if same_place => rest.push(Step::Alter {
                relation: new.clone(),
                changes,
                comment: old.comment != new.comment,
                source: old.source != new.source
                    || old.view != new.view
                    || (new.view.is_some() && old.columns != new.columns),
            }),
            _ => {
                drops.push(drop(old));
                rest.push(Step::Create(new.clone()));
            }
        }
    }
    drops.extend(rest);
    drops
}

/// What turns columns `old` into `new`; `None` if ALTER TABLE cannot give them that order.
fn changes(old: &[Column], new: &[Column]) -> Option<Vec<String>> {
    let find = |columns: &[Column], name: &str| columns.iter().find(|column| column.name == name).cloned();
    let added = new.iter().filter(|column| find(old, &column.name).is_none());
    // Additions first: a duckdb table keeps a column at any time.
    let mut changes: Vec<String> =
        added.clone().map(|column| format!("ADD COLUMN {}", definition(column))).collect();
    let mut kept = Vec::new();
    for column in old {
        let name = quote_identifier(&column.name);
        match find(new, &column.name) {
            None => changes.push(format!("DROP COLUMN {name}")),
            Some(wanted) => {
                if wanted.type_name != column.type_name {
                    // No rows are here that could be converted.
                    changes.push(format!("ALTER COLUMN {name} TYPE {} USING NULL", wanted.type_name));
                }
                if wanted.not_null != column.not_null {
                    let verb = if wanted.not_null { "SET" } else { "DROP" };
                    changes.push(format!("ALTER COLUMN {name} {verb} NOT NULL"));
                }
                kept.push(column.name.as_str());
            }
        }
    }
    let order: Vec<&str> = kept.into_iter().chain(added.map(|column| column.name.as_str())).collect();
    let wanted = new.iter().map(|column| column.name.as_str());
    order.into_iter().eq(wanted).then_some(changes)
}

/// `name type [NOT NULL]`.
pub(super) fn definition(column: &Column) -> String {
    let not_null = if column.not_null { " NOT NULL" } else { "" };
    format!("{} {}{not_null}", quote_identifier(&column.name), column.type_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(name: &str, columns: &[(&str, &str)]) -> Relation {
        Relation {
            schema: "public".to_owned(),
            name: name.to_owned(),
            duckdb_schema: "main".to_owned(),
            columns: columns
                .iter()
                .map(|(name, type_name)| Column {
                    name: (*name).to_owned(),
                    type_name: (*type_name).to_owned(),
                    not_null: false,
                })
                .collect(),
            comment: None,
            source: None,
            view: None,
        }
    }

    fn altered(old: &Relation, new: &Relation) -> Vec<String> {
        match steps(std::slice::from_ref(new), std::slice::from_ref(old)).as_slice() {
            [Step::Alter { changes, .. }] => changes.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_the_same_is_left_alone() {
        let t = relation("t", &[("a", "integer")]);
        assert_eq!(steps(std::slice::from_ref(&t), std::slice::from_ref(&t)), []);
    }

    #[test]
    fn columns_are_altered_in_place() {
        let old = relation("t", &[("a", "integer"), ("b", "text"), ("c", "date")]);
        let new = relation("t", &[("a", "bigint"), ("c", "date"), ("d", "text")]);
        assert_eq!(
            altered(&old, &new),
            ["ADD COLUMN \"d\" text", "ALTER COLUMN \"a\" TYPE bigint USING NULL", "DROP COLUMN \"b\""]
        );
        let mut not_null = old.clone();
        not_null.columns[1].not_null = true;
        assert_eq!(altered(&old, &not_null), ["ALTER COLUMN \"b\" SET NOT NULL"]);
        let mut commented = old.clone();
        commented.comment = Some("about t".to_owned());
        assert!(altered(&old, &commented).is_empty());
    }

    #[test]
    fn another_order_or_place_makes_it_anew() {
        let old = relation("t", &[("a", "integer"), ("b", "text")]);
        let other_order = relation("t", &[("b", "text"), ("a", "integer")]);
        let mut other_place = old.clone();
        other_place.duckdb_schema = "elsewhere".to_owned();
        for new in [other_order, other_place] {
            let dropped = Step::Drop { schema: "public".to_owned(), name: "t".to_owned(), is_view: false };
            assert_eq!(
                steps(std::slice::from_ref(&new), std::slice::from_ref(&old)),
                [dropped, Step::Create(new)]
            );
        }
    }

    #[test]
    fn a_view_is_replaced_or_made_anew() {
        let view = |columns: &[(&str, &str)], sql: &str| Relation {
            view: Some(sql.to_owned()),
            ..relation("v", columns)
        };
        let old = view(&[("a", "integer")], "SELECT 1 AS a");
        for new in [view(&[("a", "integer"), ("b", "text")], "x"), view(&[("a", "integer")], "SELECT 2 AS a")]
        {
            let found = steps(std::slice::from_ref(&new), std::slice::from_ref(&old));
            assert!(matches!(found.as_slice(), [Step::Alter { source: true, .. }]), "{found:?}");
        }
        let dropped = |is_view| Step::Drop { schema: "public".to_owned(), name: "v".to_owned(), is_view };
        let table = relation("v", &[("a", "integer")]);
        for (from, to) in [(&old, view(&[("a", "text")], "x")), (&old, table.clone()), (&table, old.clone())]
        {
            assert_eq!(
                steps(std::slice::from_ref(&to), std::slice::from_ref(from)),
                [dropped(from.view.is_some()), Step::Create(to)]
            );
        }
    }

    #[test]
    fn a_renamed_relation_frees_its_name_first() {
        let (a, b) = (relation("a", &[("i", "integer")]), relation("b", &[("i", "integer")]));
        let dropped = Step::Drop { schema: "public".to_owned(), name: "b".to_owned(), is_view: false };
        assert_eq!(steps(std::slice::from_ref(&a), &[b]), [dropped, Step::Create(a)]);
    }
}
