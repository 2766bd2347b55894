//! From what MotherDuck has and what Postgres has of it to what has to be done.

use std::collections::BTreeMap;

use bridge_types::names::quote_identifier;

use super::{Column, Place, Relation};

/// What has to be done about one relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Postgres does not have it.
    Create,
    /// MotherDuck no longer has it.
    Drop,
    /// It cannot be altered into what MotherDuck has now.
    MakeAnew,
    /// Statements make Postgres' relation like MotherDuck's.
    Alter {
        /// What follows `ALTER TABLE name`.
        changes: Vec<String>,
        /// Some comments are others.
        comments: bool,
        /// It is read by another query, or it is a view of another query.
        source: bool,
    },
}

/// A relation that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Where it is in Postgres, or belongs.
    pub(super) place: Place,
    /// As MotherDuck has it.
    pub(super) wanted: Option<Relation>,
    /// As Postgres has it.
    pub(super) present: Option<Relation>,
}

/// What differs: first what MotherDuck does not have, since others may need the names.
pub(super) fn differing(remote: &[Relation], local: &[Relation]) -> Vec<Difference> {
    let by_place = |relations: &'_ [Relation]| -> BTreeMap<Place, Relation> {
        relations.iter().map(|relation| (relation.place(), relation.clone())).collect()
    };
    let (wanted, mut present) = (by_place(remote), by_place(local));
    let gone: Vec<Place> = present.keys().filter(|place| !wanted.contains_key(place)).cloned().collect();
    let mut differing: Vec<Difference> = gone
        .into_iter()
        .map(|place| Difference { wanted: None, present: present.remove(&place), place })
        .collect();
    differing.extend(wanted.into_iter().filter_map(|(place, wanted)| {
        let present = present.remove(&place);
        let wanted = Some(wanted);
        (wanted != present).then_some(Difference { place, wanted, present })
    }));
    differing
}

/// What makes `present` of Postgres what is `wanted`, the relation of that name in MotherDuck.
pub(super) fn step(wanted: Option<&Relation>, present: Option<&Relation>) -> Option<Step> {
    let (new, old) = match (wanted, present) {
        (None, None) => return None,
        (Some(_), None) => return Some(Step::Create),
        (None, Some(_)) => return Some(Step::Drop),
        (Some(new), Some(old)) if new == old => return None,
        (Some(new), Some(old)) => (new, old),
    };
    // Its place in MotherDuck is fixed when it is created.
    let same_place = old.duckdb_schema == new.duckdb_schema && old.view.is_some() == new.view.is_some();
    let shape = |relation: &Relation| -> Vec<Column> {
        relation.columns.iter().map(|column| Column { comment: None, ..column.clone() }).collect()
    };
    let (new_shape, old_shape) = (shape(new), shape(old));
    let changes = match new.view {
        // CREATE OR REPLACE VIEW adds columns at the end.
        Some(_) => new_shape.starts_with(&old_shape).then(Vec::new),
        None => changes(&old.columns, &new.columns),
    };
    Some(match changes {
        Some(changes) if same_place => Step::Alter {
            changes,
            comments: comments(old).ne(comments(new)),
            source: old.source != new.source
                || old.view != new.view
                || (new.view.is_some() && old_shape != new_shape),
        },
        _ => Step::MakeAnew,
    })
}

/// The comments of a relation and of its columns.
fn comments(relation: &Relation) -> impl Iterator<Item = (Option<&str>, &str)> {
    let columns = relation.columns.iter().map(|column| (Some(column.name.as_str()), &column.comment));
    [(None, &relation.comment)]
        .into_iter()
        .chain(columns)
        .filter_map(|(column, comment)| Some((column, comment.as_deref()?)))
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
                    comment: None,
                })
                .collect(),
            comment: None,
            source: None,
            view: None,
        }
    }

    fn altered(old: &Relation, new: &Relation) -> Vec<String> {
        match step(Some(new), Some(old)) {
            Some(Step::Alter { changes, .. }) => changes,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_the_same_is_left_alone() {
        let t = relation("t", &[("a", "integer")]);
        assert_eq!(step(Some(&t), Some(&t)), None);
        assert_eq!(differing(std::slice::from_ref(&t), std::slice::from_ref(&t)), []);
        assert_eq!(step(None, None), None);
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
        commented.columns[1].comment = Some("about b".to_owned());
        assert!(matches!(
            step(Some(&commented), Some(&old)),
            Some(Step::Alter { comments: true, source: false, .. })
        ));
    }

    #[test]
    fn another_order_or_place_makes_it_anew() {
        let old = relation("t", &[("a", "integer"), ("b", "text")]);
        let other_order = relation("t", &[("b", "text"), ("a", "integer")]);
        let mut other_place = old.clone();
        other_place.duckdb_schema = "elsewhere".to_owned();
        for new in [other_order, other_place] {
            assert_eq!(step(Some(&new), Some(&old)), Some(Step::MakeAnew));
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
            let found = step(Some(&new), Some(&old));
            assert!(matches!(found, Some(Step::Alter { source: true, .. })), "{found:?}");
        }
        let table = relation("v", &[("a", "integer")]);
        for (from, to) in [(&old, &view(&[("a", "text")], "x")), (&old, &table), (&table, &old)] {
            assert_eq!(step(Some(to), Some(from)), Some(Step::MakeAnew));
        }
    }

    #[test]
    fn a_renamed_relation_frees_its_name_first() {
        let (a, b) = (relation("a", &[("i", "integer")]), relation("b", &[("i", "integer")]));
        assert_eq!(step(None, Some(&b)), Some(Step::Drop));
        assert_eq!(step(Some(&a), None), Some(Step::Create));
        let places: Vec<Place> = differing(std::slice::from_ref(&a), std::slice::from_ref(&b))
            .into_iter()
            .map(|difference| difference.place)
            .collect();
        assert_eq!(places, [b.place(), a.place()]);
    }
}
