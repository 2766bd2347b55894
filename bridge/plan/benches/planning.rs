//! What it costs to turn a plan into DuckDB SQL: the rules and the writer, without lowering (which
//! needs Postgres) and without DuckDB's own planning. Run with `cargo bench -p bridge-plan`.
//!
//! `report` is a join of six tables with four conditions each, two keys and eight aggregates: larger than
//! any TPC-H query. `pivots` is three of twelve-column pivots in a union, grouped again, under a WITH:
//! the form of the longest TPC-DS query, q66. `explain` is what EXPLAIN VERBOSE adds.

use std::hint::black_box;

use bridge_plan::build::{self, column_name, qualified, unqualified};
use bridge_plan::duck::Typed;
use bridge_plan::explain::explain;
use bridge_plan::nodes::{CteDefinition, CteScan, Materialized, Relation, SetOperation, SetOperator, With};
use bridge_plan::pg::{Collation, PgAggregate, PgConstant, PgFunction, Signature, Value};
use bridge_plan::{DuckType, rules, writer};
use bridge_types::{PgType, oid};
use criterion::{Criterion, criterion_group, criterion_main};
use datafusion_expr::expr::{AggregateFunction, Case, Sort};
use datafusion_expr::{Expr, JoinType, LogicalPlan};

const BOOL: PgType = PgType::new(oid::BOOL);
const INT8: PgType = PgType::new(oid::INT8);
const NUMERIC: PgType = PgType::new(oid::NUMERIC);
const TEXT: PgType = PgType::new(oid::TEXT);
const DATE: PgType = PgType::new(oid::DATE);

/// Columns of a table.
const COLUMNS: usize = 16;

fn signature(name: &str, args: &[PgType], result: PgType) -> Signature {
    Signature {
        name: name.to_owned(),
        declared: args.iter().map(|arg| arg.oid).collect(),
        args: args.to_vec(),
        result,
        collation: Collation::None,
        display: format!("function {name}"),
    }
}

fn call(name: &str, arg: PgType, result: PgType, values: [Expr; 2]) -> Expr {
    PgFunction::call(signature(name, &[arg, arg], result), values.to_vec())
}

fn sum(value: Expr) -> Typed {
    let udf = PgAggregate::udf(signature("sum", &[NUMERIC], NUMERIC));
    let call = AggregateFunction::new_udf(udf, vec![value], false, None, Vec::new(), None);
    Typed::new(Expr::AggregateFunction(call), DuckType::NumericText)
}

/// Column `kind` (`k` bigint, `n` numeric, `t` text, `d` date) number `i` of table `table`.
fn column(table: usize, kind: char, i: usize) -> Expr {
    Expr::Column(qualified(&format!("r{table}"), &format!("{kind}{i}")))
}

fn table(number: usize) -> LogicalPlan {
    let kinds = [
        ('k', DuckType::BigInt),
        ('n', DuckType::Decimal(7, 2)),
        ('t', DuckType::Varchar),
        ('d', DuckType::Date),
    ];
    let columns: Vec<_> =
        (0..COLUMNS).map(|i| (format!("{}{}", kinds[i % 4].0, i / 4), kinds[i % 4].1.clone())).collect();
    let name = ["pg5".to_owned(), "main".to_owned(), format!("table_{number}")];
    Relation::plan(name, &format!("r{number}"), &columns).expect("names are unique")
}

/// The cross product of `count` tables, joined by conditions in WHERE.
fn joined(first: usize, count: usize) -> LogicalPlan {
    let mut plan = table(first);
    let mut conditions = Vec::new();
    for number in first + 1..first + count {
        plan = build::join(plan, table(number), JoinType::Inner, None);
        let text = PgConstant::expr(TEXT, Value::Text("some text".to_owned()));
        let day = PgConstant::expr(DATE, Value::Text("1998-12-01".to_owned()));
        let price = PgConstant::expr(NUMERIC, Value::Numeric("99.99".to_owned()));
        conditions.push(call("int8eq", INT8, BOOL, [column(number - 1, 'k', 0), column(number, 'k', 1)]));
        conditions.push(call("texteq", TEXT, BOOL, [column(number, 't', 0), text]));
        conditions.push(call("date_ge", DATE, BOOL, [column(number, 'd', 0), day]));
        conditions.push(call("numeric_lt", NUMERIC, BOOL, [column(number, 'n', 0), price]));
    }
    build::filter(plan, PgFunction::syntax("and", BOOL, conditions)).expect("the schema is the input's")
}

/// `plan` grouped by `keys`, with `sums`, all of it selected.
fn grouped(plan: LogicalPlan, keys: Vec<Typed>, sums: Vec<Typed>) -> LogicalPlan {
    let named = |prefix: &str, items: Vec<Typed>| -> Vec<(String, Typed)> {
        items.into_iter().enumerate().map(|(i, typed)| (format!("{prefix}{i}"), typed)).collect()
    };
    let (keys, sums) = (named("g", keys), named("a", sums));
    let outputs = keys
        .iter()
        .chain(&sums)
        .map(|(name, typed)| Typed::new(Expr::Column(unqualified(name)), typed.ty.clone()))
        .collect();
    build::project(build::aggregate(plan, keys, sums).expect("names are unique"), outputs).expect("as many")
}

fn report() -> (LogicalPlan, Vec<PgType>) {
    let keys = vec![
        Typed::new(column(6, 't', 0), DuckType::Varchar),
        Typed::new(column(5, 'k', 0), DuckType::BigInt),
    ];
    let one = || PgConstant::expr(NUMERIC, Value::Numeric("1".to_owned()));
    let sums = (0..8)
        .map(|i| {
            let rest = call("numeric_sub", NUMERIC, NUMERIC, [one(), column(1 + i % 4, 'n', 1)]);
            sum(call("numeric_mul", NUMERIC, NUMERIC, [column(1, 'n', i % 4), rest]))
        })
        .collect();
    let plan = grouped(joined(1, 6), keys, sums);
    let key = |i| Sort { expr: Expr::Column(unqualified(&column_name(i))), asc: i == 1, nulls_first: i != 1 };
    let plan = build::sort(plan, vec![key(2), key(1)]);
    let plan = build::limit(plan, None, Some(PgConstant::expr(INT8, Value::Int(100))));
    (plan, [TEXT, INT8].into_iter().chain([NUMERIC; 8]).collect())
}

/// Sums of one column by month.
fn pivot(first: usize) -> LogicalPlan {
    let keys = vec![Typed::new(column(first, 't', 0), DuckType::Varchar)];
    let sums = (1..=24)
        .map(|month| {
            let month = PgConstant::expr(INT8, Value::Int(month));
            let when = call("int8eq", INT8, BOOL, [column(first + 1, 'k', 2), month]);
            let price = call("numeric_mul", NUMERIC, NUMERIC, [column(first, 'n', 0), column(first, 'n', 1)]);
            sum(Expr::Case(Case {
                expr: None,
                when_then_expr: vec![(Box::new(when), Box::new(price))],
                else_expr: Some(Box::new(PgConstant::expr(NUMERIC, Value::Numeric("0".to_owned())))),
            }))
        })
        .collect();
    grouped(joined(first, 5), keys, sums)
}

fn pivots() -> (LogicalPlan, Vec<PgType>) {
    let types: Vec<DuckType> =
        [DuckType::Varchar].into_iter().chain(vec![DuckType::NumericText; 24]).collect();
    let union = |left, right| {
        SetOperation::plan(SetOperator::Union, true, left, right, &types).expect("columns are numbered")
    };
    let definition = union(union(pivot(1), pivot(11)), pivot(21));
    let columns: Vec<_> = types.iter().enumerate().map(|(i, ty)| (column_name(i), ty.clone())).collect();
    let scan = CteScan::plan("cte1", "r31", &columns).expect("names are unique");
    let output = |i: usize| Expr::Column(qualified("r31", &column_name(i)));
    let keys = vec![Typed::new(output(0), DuckType::Varchar)];
    let body = grouped(scan, keys, (1..=24).map(|i| sum(output(i))).collect());
    let name =
        CteDefinition { name: "cte1".to_owned(), materialized: Materialized::Default, recursive: false };
    (With::plan(vec![(name, definition)], body), [TEXT].into_iter().chain(vec![NUMERIC; 24]).collect())
}

fn planning(criterion: &mut Criterion) {
    for (name, (plan, outputs)) in [("report", report()), ("pivots", pivots())] {
        let mut group = criterion.benchmark_group(name);
        let rewritten = rules::apply(plan.clone(), &outputs).expect("all of it is shipped");
        let length = writer::write(&rewritten).expect("the rules made it").len();
        eprintln!("{name}: {length} bytes of SQL");
        group.bench_function("clone", |bencher| bencher.iter(|| black_box(plan.clone())));
        group.bench_function("rules", |bencher| {
            bencher.iter(|| black_box(rules::apply(plan.clone(), &outputs).expect("shipped")));
        });
        group.bench_function("writer", |bencher| {
            bencher.iter(|| black_box(writer::write(&rewritten).expect("written")));
        });
        group.bench_function("explain", |bencher| bencher.iter(|| black_box(explain(&rewritten))));
        group.finish();
    }
}

criterion_group!(benches, planning);
criterion_main!(benches);
