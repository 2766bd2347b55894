//! The allow-list: which Postgres functions run in DuckDB, and as what.
//!
//! The key is the exact signature, `pg_proc.proname` and `proargtypes` of a function in
//! `pg_catalog`; an operator is the function behind it. What is not in a table is
//! [`Unsupported`](bridge_types::Unsupported). One file per family, each a table of rows.
//!
//! Classes: *same* (DuckDB's function of the same meaning), *rewritten* (a different DuckDB
//! expression gives Postgres' answer), *engine function* (one of ours), *conditional* (one of
//! these, for some arguments), *never* (with the reason). `docs/functions.md` is written from the
//! table by the test of `reference.rs`.
//!
//! Numeric typing. DuckDB infers for decimals `DECIMAL(p1,s1)` and `DECIMAL(p2,s2)`:
//! `+ -`: `DECIMAL(max(p1-s1, p2-s2) + max(s1,s2) + 1, max(s1,s2))`; `*`: `DECIMAL(p1+p2, s1+s2)`,
//! refused above a scale of 38; both capped at 38 digits and then checked at run time.
//! These scales are Postgres' display scales. Below aggregates, products and sums of numerics that each have
//! at most 18 digits are tried with 18 digits first, where at most 6 of these are behind the point, because
//! that is several times faster ([`crate::rules::apply_short`]). Division and whatever else has a display scale
//! that depends on the values is computed on numeric text by the engine's `pg_numeric_*`.
//!
//! Known differences, accepted:
//! - covariances and regressions over floats that are infinite, NaN or near the largest double may
//!   be NaN or NULL where Postgres has an error or NaN, and float aggregates differ in the last
//!   digits (their order is not defined in either system);
//! - years, decades, centuries, millennia and epochs of infinite dates and timestamps, their age, NaN cast
//!   to `numeric(p, s)`, and texts that are no ISO dates have no form in DuckDB ([`is_partial`]): a query
//!   that meets one is run again by Postgres, and is an error (0A000) in a transaction that has written
//!   duckdb tables or keeps one snapshot;
//! - numeric results of more than 38 digits are an error (22003) where decimals carry them.

mod aggregate;
mod arithmetic;
mod array;
mod bytes;
mod cast;
mod comparison;
mod date_time;
mod division;
mod from_text;
mod json;
mod numeric;
mod ordered_set;
mod output;
mod quantified;
mod range;
#[cfg(test)]
mod reference;
mod regex;
mod set_returning;
mod syntax;
mod text;
mod to_char;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use bridge_types::PgType;
use datafusion_expr::Operator;

pub use aggregate::{AggregateCall, rewrite_aggregate};
pub(crate) use comparison::{comparable_pair, equality_key, sort_key};
pub(crate) use numeric::{as_decimal, one_of, unify, widened};
pub(crate) use ordered_set::{is_ordered_set, rewrite_ordered_set};
pub(crate) use range::range_operands;
pub(crate) use syntax::key_name;

use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgFunction, Signature};

/// True if SQL that we have written may raise 0A000 while it runs, because DuckDB has no form for the
/// results of rare values.
#[must_use]
pub fn is_partial(sql: &str) -> bool {
    const MARKS: &[&str] = &[
        "[0A000]",
        "pg_age",
        "pg_date_in(",
        "pg_float4_in(",
        "pg_float8_in(",
        "pg_numeric_fit(",
        "pg_time_in(",
        "pg_timestamp_in(",
        "pg_timestamp_of(",
    ];
    MARKS.iter().any(|mark| sql.contains(mark))
}

/// How a call is written in DuckDB.
enum Make {
    /// A template over the arguments; the carrier is that of the declared result.
    Template(Cow<'static, str>),
    /// A comparison operator.
    Compare(&'static str),
    /// Code, for whatever depends on carriers or on constant arguments.
    Build(fn(&Signature, Vec<Typed>) -> Result<Typed, PlanError>),
    /// Stays in Postgres, for this reason.
    Never(&'static str),
}

/// One row of the allow-list.
struct Entry {
    name: String,
    args: &'static [u32],
    make: Make,
    /// Under which condition it runs in DuckDB, if not always; empty for none.
    condition: &'static str,
}

impl Entry {
    fn template(name: &str, args: &'static [u32], sql: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.to_owned(), args, make: Make::Template(sql.into()), condition: "" }
    }
    fn build(
        name: &str,
        args: &'static [u32],
        make: fn(&Signature, Vec<Typed>) -> Result<Typed, PlanError>,
    ) -> Self {
        Self { name: name.to_owned(), args, make: Make::Build(make), condition: "" }
    }
    /// The entry, which runs in DuckDB only if `condition`.
    fn when(mut self, condition: &'static str) -> Self {
        self.condition = condition;
        self
    }
    fn compare(name: String, args: &'static [u32], operator: &'static str) -> Self {
        Self { name, args, make: Make::Compare(operator), condition: "" }
    }
    fn never(name: &str, args: &'static [u32], why: &'static str) -> Self {
        Self { name: name.to_owned(), args, make: Make::Never(why), condition: "" }
    }
}

/// The rows, by family.
fn families() -> Vec<(&'static str, Vec<Entry>)> {
    vec![
        ("arithmetic", arithmetic::entries()),
        ("array", array::entries()),
        ("bytes", bytes::entries()),
        ("comparison", comparison::entries()),
        ("cast", cast::entries()),
        ("date_time", date_time::entries()),
        ("from_text", from_text::entries()),
        ("json", json::entries()),
        ("numeric", numeric::entries()),
        ("regex", regex::entries()),
        ("set_returning", set_returning::entries()),
        ("text", text::entries()),
        ("to_char", to_char::entries()),
    ]
}

/// Name -> overloads.
static ALLOWED: LazyLock<HashMap<String, Vec<Entry>>> = LazyLock::new(|| {
    let mut map: HashMap<String, Vec<Entry>> = HashMap::new();
    for entry in families().into_iter().flat_map(|(_, entries)| entries) {
        map.entry(entry.name.clone()).or_default().push(entry);
    }
    map
});

/// Name and argument types of every function on the list that DuckDB runs, unless its arguments
/// prevent it. Casts through text are called `io:<type>`.
pub fn shipped() -> impl Iterator<Item = (&'static str, &'static [u32])> {
    ALLOWED
        .values()
        .flatten()
        .filter(|entry| !matches!(entry.make, Make::Never(_)))
        .map(|entry| (entry.name.as_str(), entry.args))
}

fn find(signature: &Signature) -> Option<&'static Entry> {
    ALLOWED.get(&signature.name)?.iter().find(|entry| entry.args == signature.declared.as_slice())
}

/// The DuckDB expression of a Postgres call on rewritten arguments.
///
/// # Errors
/// `Unsupported` naming the function if it is not on the list or not for these arguments.
pub fn rewrite(function: &PgFunction, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let signature = &function.signature;
    if let Some(quantifier) = function.quantifier {
        return quantified::rewrite(signature, quantifier, args);
    }
    if signature.declared.is_empty()
        && let Some(result) = syntax::rewrite(signature, &args)
    {
        return result;
    }
    call(signature, args)
}

/// [`rewrite`] for an ordinary function.
fn call(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let Some(entry) = find(signature) else {
        return unsupported(signature.display.clone(), "it is not known to give Postgres' answer in DuckDB");
    };
    if !signature.collation.compares_bytes() {
        return unsupported(signature.display.clone(), "its collation is nondeterministic");
    }
    match &entry.make {
        Make::Template(sql) => Ok(duck(sql.as_ref(), result_type(signature)?, args)),
        Make::Compare(op) => comparison::compare(signature, op, args),
        Make::Build(make) => make(signature, args),
        Make::Never(why) => unsupported(signature.display.clone(), *why),
    }
}

/// The carrier of the declared result.
fn result_type(signature: &Signature) -> Result<DuckType, PlanError> {
    Ok(DuckType::for_pg(signature.result)?)
}

/// The comparison that a function is (`int4lt` is `<`), if it is one that DuckDB may do with
/// ANY, ALL or IN over a subquery.
///
/// # Errors
/// `Unsupported` for other functions and for collations DuckDB does not have.
pub fn comparison_of(signature: &Signature) -> Result<Operator, PlanError> {
    let op = match find(signature).map(|entry| &entry.make) {
        Some(Make::Compare(op)) => *op,
        _ => {
            return unsupported(
                signature.display.clone(),
                "only comparisons can be quantified over a subquery",
            );
        }
    };
    comparison::check_collation(signature, op)?;
    Ok(match op {
        "=" => Operator::Eq,
        "<>" => Operator::NotEq,
        "<" => Operator::Lt,
        "<=" => Operator::LtEq,
        ">" => Operator::Gt,
        _ => Operator::GtEq,
    })
}

/// A cast to the carrier that stored values of `pg` have: for results that leave the plan into
/// a column of that type. A numeric without typmod keeps its carrier.
///
/// # Errors
/// `Unsupported` if the value has no such form.
pub fn to_declared(value: Typed, pg: PgType) -> Result<Typed, PlanError> {
    let target = DuckType::for_pg(pg)?;
    if value.ty == target {
        return Ok(value);
    }
    match (&value.ty, &target) {
        (from, DuckType::NumericText) if from.decimal().is_some() => Ok(numeric::text(value)),
        (from, DuckType::Decimal(p, s)) if from.is_numeric() || from.decimal().is_some() => {
            numeric::to_decimal(value, *p, *s)
        }
        _ => Ok(value.cast(&target)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_signature_is_listed_twice() {
        for (name, entries) in ALLOWED.iter() {
            for (i, entry) in entries.iter().enumerate() {
                assert!(
                    entries[i + 1..].iter().all(|other| other.args != entry.args),
                    "{name} {:?}",
                    entry.args
                );
            }
        }
    }
}
