//! What expressions are made of: the functions, operators and casts on the allow-list as
//! `pg_proc`, `pg_operator` and `pg_cast` describe them, and the aggregates that are shipped.

use std::collections::{HashMap, HashSet};

use bridge_types::oid;
use postgres::Client;
use tests::Result;

use crate::types::{self, TYPES};

/// Pseudo-types in signatures.
const ANY: u32 = 2276;
const ANYARRAY: u32 = 2277;
const ANYELEMENT: u32 = 2283;
const ANYNONARRAY: u32 = 2776;
const ANYCOMPATIBLE: u32 = 5077;
const ANYCOMPATIBLEARRAY: u32 = 5078;
const ANYCOMPATIBLENONARRAY: u32 = 5079;

/// How a call is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Function,
    Infix(String),
    Prefix(String),
    Cast,
}

/// A function with types of the type map in place of pseudo-types.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) args: Vec<u32>,
    pub(crate) result: u32,
    pub(crate) form: Form,
    /// The last argument may be repeated.
    pub(crate) variadic: bool,
}

/// An aggregate or window function.
#[derive(Clone, Debug)]
pub(crate) struct Aggregate {
    pub(crate) name: String,
    pub(crate) args: Vec<u32>,
    pub(crate) result: u32,
    /// Only with OVER.
    pub(crate) window: bool,
}

/// All of them, by result type.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) calls: HashMap<u32, Vec<Call>>,
    pub(crate) aggregates: Vec<Aggregate>,
}

/// Functions that have more than one answer, or that say who and when we are.
const EXCLUDED: &[&str] = &["first", "any_value", "now", "random", "pg_typeof"];

impl Catalog {
    /// Reads the catalogs through `client` and asks with `is_shipped` which aggregates DuckDB takes.
    ///
    /// # Errors
    /// If the catalogs can't be read.
    pub(crate) fn read(client: &mut Client, mut is_shipped: impl FnMut(&Aggregate) -> bool) -> Result<Self> {
        let listed: HashSet<(&str, &[u32])> = bridge_plan::functions::shipped().collect();
        let mut catalog = Self::default();
        for (name, args) in &listed {
            if let (Some(target), [_]) = (name.strip_prefix("io:"), *args) {
                let target = if target == "text" { Ok(oid::TEXT) } else { target.parse() };
                if let Ok(target) = target {
                    catalog.add(name, args, target, Form::Cast, false);
                }
            }
        }
        let sql = "SELECT p.proname::text, ARRAY(SELECT unnest(p.proargtypes)), p.prorettype, p.prokind::text, p.provariadic <> 0, \
                   (SELECT o.oprname::text FROM pg_operator o WHERE o.oprcode = p.oid ORDER BY o.oid LIMIT 1), \
                   EXISTS (SELECT FROM pg_aggregate g WHERE g.aggfnoid = p.oid AND g.aggkind <> 'n'), \
                   EXISTS (SELECT FROM pg_cast c WHERE c.castfunc = p.oid AND c.castsource <> c.casttarget) \
                   FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND NOT p.proretset ORDER BY p.oid";
        for row in client.query(sql, &[])? {
            let (name, args): (String, Vec<u32>) = (row.get(0), row.get(1));
            let (result, kind, variadic): (u32, String, bool) = (row.get(2), row.get(3), row.get(4));
            if EXCLUDED.contains(&name.as_str()) || row.get::<_, bool>(6) {
                continue;
            }
            if kind == "a" || kind == "w" {
                catalog.add_aggregate(&name, &args, result, kind == "w");
                continue;
            }
            if !listed.contains(&(name.as_str(), args.as_slice())) || is_length_coercion(&name, &args) {
                continue;
            }
            let form = match (row.get::<_, Option<String>>(5), row.get::<_, bool>(7)) {
                (_, true) if args.len() == 1 => Form::Cast,
                (Some(operator), _) if args.len() == 1 => Form::Prefix(operator),
                (Some(operator), _) => Form::Infix(operator),
                _ => Form::Function,
            };
            catalog.add(&name, &args, result, form, variadic);
        }
        catalog.aggregates.retain(|aggregate| is_shipped(aggregate));
        for calls in catalog.calls.values_mut() {
            calls.sort_by(|a, b| (&a.name, &a.args).cmp(&(&b.name, &b.args)));
        }
        Ok(catalog)
    }

    fn add(&mut self, name: &str, args: &[u32], result: u32, form: Form, variadic: bool) {
        for (args, result) in instances(args, result) {
            let call = Call { name: name.to_owned(), args, result, form: form.clone(), variadic };
            self.calls.entry(result).or_default().push(call);
        }
    }

    fn add_aggregate(&mut self, name: &str, args: &[u32], result: u32, window: bool) {
        for (args, result) in instances(args, result) {
            self.aggregates.push(Aggregate { name: name.to_owned(), args, result, window });
        }
    }

    /// Number of signatures.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.calls.values().map(Vec::len).sum(), self.aggregates.len())
    }
}

/// `varchar(varchar, integer, boolean)` and its like, which are written as casts with a length.
fn is_length_coercion(name: &str, args: &[u32]) -> bool {
    args.len() > 1 && types::find(args[0]).is_some_and(|ty| ty.name == name || name == ty.columns[0])
}

/// The signature with each choice of types for its pseudo-types; none if a type is foreign.
fn instances(args: &[u32], result: u32) -> Vec<(Vec<u32>, u32)> {
    let polymorphic = |oid: u32| {
        matches!(
            oid,
            ANY | ANYARRAY
                | ANYELEMENT
                | ANYNONARRAY
                | ANYCOMPATIBLE
                | ANYCOMPATIBLEARRAY
                | ANYCOMPATIBLENONARRAY
        )
    };
    let elements: Vec<u32> = if !args.iter().any(|oid| polymorphic(*oid)) {
        vec![0]
    } else if args.iter().any(|oid| matches!(*oid, ANYARRAY | ANYCOMPATIBLEARRAY)) {
        vec![oid::INT4, oid::TEXT, oid::NUMERIC]
    } else {
        TYPES.iter().map(|ty| ty.oid).filter(|oid| types::element_of(*oid).is_none()).collect()
    };
    let mut found = Vec::new();
    for element in elements {
        let replace = |oid: u32| match oid {
            ANYARRAY | ANYCOMPATIBLEARRAY => types::array_of(element),
            oid if polymorphic(oid) => Some(element),
            oid => types::find(oid).map(|ty| ty.oid),
        };
        if let (Some(args), Some(result)) =
            (args.iter().map(|oid| replace(*oid)).collect::<Option<Vec<_>>>(), replace(result))
        {
            found.push((args, result));
        }
    }
    found
}
