//! Whole plans, from Postgres' vocabulary to DuckDB SQL: one rule at a time would show less,
//! since what a call becomes depends on the carriers below it.

use bridge_types::{PgType, oid};
use datafusion_expr::expr::{AggregateFunction, Case, Exists, Sort, WindowFunction, WindowFunctionParams};
use datafusion_expr::logical_plan::Subquery;
use datafusion_expr::{Expr, JoinType, LogicalPlan, WindowFrameUnits, WindowFunctionDefinition};
use std::sync::Arc;

use crate::build::{self, qualified, unqualified};
use crate::duck::Typed;
use crate::frame::{Bound, Exclude, Frame};
use crate::nodes::{
    CteDefinition, CteScan, FeedColumn, FeedScan, Materialized, Relation, SetOperation, SetOperator, With,
};
use crate::pg::{Collation, PgAggregate, PgConstant, PgFunction, Quantifier, Signature, Value};
use crate::{DuckType, PlanError, rules, writer};

const INT4: PgType = PgType::new(oid::INT4);
const NUMERIC: PgType = PgType::new(oid::NUMERIC);
const TEXT: PgType = PgType::new(oid::TEXT);
const BOOL: PgType = PgType::new(oid::BOOL);

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

fn call(name: &str, args: &[PgType], result: PgType, values: Vec<Expr>) -> Expr {
    PgFunction::call(signature(name, args, result), values)
}

fn aggregate(name: &str, arg: PgType, result: PgType, value: Expr) -> Expr {
    let udf = PgAggregate::udf(signature(name, &[arg], result));
    Expr::AggregateFunction(AggregateFunction::new_udf(udf, vec![value], false, None, Vec::new(), None))
}

fn int(value: i64) -> Expr {
    PgConstant::expr(INT4, Value::Int(value))
}

fn numeric(text: &str) -> Expr {
    PgConstant::expr(NUMERIC, Value::Numeric(text.to_owned()))
}

fn text(text: &str) -> Expr {
    PgConstant::expr(TEXT, Value::Text(text.to_owned()))
}

fn column(name: &str) -> Expr {
    Expr::Column(qualified("r1", name))
}

fn output(index: usize) -> Expr {
    Expr::Column(unqualified(&build::column_name(index)))
}

fn orders() -> LogicalPlan {
    let columns = [
        ("id".to_owned(), DuckType::Integer),
        ("Price".to_owned(), DuckType::Decimal(15, 2)),
        ("name".to_owned(), DuckType::Varchar),
        ("day".to_owned(), DuckType::Date),
    ];
    Relation::plan(["pg5".to_owned(), "main".to_owned(), "orders".to_owned()], "r1", &columns).unwrap()
}

fn typed(expr: Expr, ty: DuckType) -> Typed {
    Typed::new(expr, ty)
}

fn sql(plan: LogicalPlan, outputs: &[PgType]) -> String {
    writer::write(&rules::apply(plan, outputs).unwrap()).unwrap()
}

/// `SELECT <expr> FROM orders`, without the words around the expression.
fn expression(expr: Expr, pg: PgType) -> String {
    let plan = build::project(orders(), vec![typed(expr, DuckType::for_pg(pg).unwrap())]).unwrap();
    let sql = sql(plan, &[pg]);
    sql.trim_start_matches("SELECT ").split(" AS \"c0\" FROM").next().unwrap().to_owned()
}

fn refusal(expr: Expr) -> String {
    let plan = build::project(orders(), vec![typed(expr, DuckType::Boolean)]).unwrap();
    match rules::apply(plan, &[BOOL]) {
        Err(PlanError::Unsupported(unsupported)) => unsupported.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn integer_division_is_guarded_unless_the_divisor_is_known() {
    let by = |divisor| expression(call("int4div", &[INT4, INT4], INT4, vec![column("id"), divisor]), INT4);
    insta::assert_snapshot!(by(int(2)), @r#"("r1"."id" // CAST(2 AS INTEGER))"#);
    insta::assert_snapshot!(by(column("id")), @r#"pg_int4_div("r1"."id", "r1"."id")"#);
}

#[test]
fn decimals_keep_the_display_scale_of_postgres() {
    let discounted = call("numeric_sub", &[NUMERIC, NUMERIC], NUMERIC, vec![numeric("1"), numeric("0.05")]);
    let price = call("numeric_mul", &[NUMERIC, NUMERIC], NUMERIC, vec![column("Price"), discounted]);
    insta::assert_snapshot!(expression(price, NUMERIC), @r#"(CAST("r1"."Price" AS DECIMAL(19,2)) * (CAST(1 AS DECIMAL(1,0)) - CAST(0.05 AS DECIMAL(2,2))))"#);
    let third = call("numeric_div", &[NUMERIC, NUMERIC], NUMERIC, vec![column("Price"), numeric("3")]);
    insta::assert_snapshot!(expression(third.clone(), NUMERIC), @r#"pg_numeric_div("r1"."Price", CAST(3 AS DECIMAL(1,0)))"#);
    let large = call("numeric_gt", &[NUMERIC, NUMERIC], BOOL, vec![third, numeric("1.5")]);
    insta::assert_snapshot!(expression(large, BOOL), @r#"(pg_numeric_sortkey(pg_numeric_div("r1"."Price", CAST(3 AS DECIMAL(1,0)))) > pg_numeric_sortkey(CAST(1.5 AS DECIMAL(2,1))))"#);
}

#[test]
fn explained_operators_stand_between_their_arguments() {
    let large = call("int4gt", &[INT4, INT4], BOOL, vec![column("id"), int(5)]);
    let like = call("textlike", &[TEXT, TEXT], BOOL, vec![column("name"), text("a%")]);
    let both = PgFunction::syntax("and", BOOL, vec![large, like]);
    let plan = build::filter(orders(), both).unwrap();
    let plan = build::project(plan, vec![typed(column("id"), DuckType::Integer)]).unwrap();
    let plan = rules::apply(plan, &[INT4]).unwrap();
    insta::assert_snapshot!(crate::explain::explain(&plan), @r"
    Projection: r1.id AS c0
      Filter: ((r1.id > 5) AND (r1.name LIKE 'a%'))
        Relation: pg5.main.orders as r1
    ");
}

#[test]
fn branches_of_different_scales_keep_them() {
    let condition = call("int4gt", &[INT4, INT4], BOOL, vec![column("id"), int(5)]);
    let case = || {
        Expr::Case(Case {
            expr: None,
            when_then_expr: vec![(Box::new(condition.clone()), Box::new(column("Price")))],
            else_expr: Some(Box::new(numeric("0"))),
        })
    };
    insta::assert_snapshot!(expression(case(), NUMERIC), @r#"CASE WHEN ("r1"."id" > CAST(5 AS INTEGER)) THEN CAST("r1"."Price" AS VARCHAR) ELSE CAST(CAST(0 AS DECIMAL(1,0)) AS VARCHAR) END"#);
    let large = call("numeric_gt", &[NUMERIC, NUMERIC], BOOL, vec![case(), numeric("1.5")]);
    insta::assert_snapshot!(expression(large, BOOL), @r#"(CASE WHEN ("r1"."id" > CAST(5 AS INTEGER)) THEN "r1"."Price" ELSE CAST(CAST(0 AS DECIMAL(1,0)) AS DECIMAL(15,2)) END > CAST(1.5 AS DECIMAL(2,1)))"#);
}

#[test]
fn a_sum_with_a_larger_fixed_scale_is_a_decimal() {
    let minus = |right| call("numeric_sub", &[NUMERIC, NUMERIC], NUMERIC, vec![column("Price"), right]);
    let refund = || PgFunction::syntax("coalesce", NUMERIC, vec![column("Price"), numeric("0.0")]);
    insta::assert_snapshot!(expression(minus(refund()), NUMERIC), @r#"("r1"."Price" - coalesce("r1"."Price", CAST(CAST(0.0 AS DECIMAL(1,1)) AS DECIMAL(15,2))))"#);
    // The other scale may be the larger one.
    let fee = PgFunction::syntax("coalesce", NUMERIC, vec![column("Price"), numeric("0.125")]);
    insta::assert_snapshot!(expression(minus(fee), NUMERIC), @r#"pg_numeric_sub("r1"."Price", (CASE WHEN CAST("r1"."Price" AS VARCHAR) IS NOT NULL THEN CAST("r1"."Price" AS VARCHAR) ELSE CAST(CAST(CAST(0.125 AS DECIMAL(3,3)) AS DECIMAL(4,3)) AS VARCHAR) END))"#);
    // Postgres shows more digits of a quotient than its decimal has.
    let half = call("numeric_div", &[NUMERIC, NUMERIC], NUMERIC, vec![refund(), numeric("2")]);
    insta::assert_snapshot!(expression(minus(half), NUMERIC), @r#"pg_numeric_sub("r1"."Price", pg_numeric_div((CASE WHEN CAST("r1"."Price" AS VARCHAR) IS NOT NULL THEN CAST("r1"."Price" AS VARCHAR) ELSE CAST(CAST(CAST(0.0 AS DECIMAL(1,1)) AS DECIMAL(2,1)) AS VARCHAR) END), CAST(2 AS DECIMAL(1,0))))"#);
}

#[test]
fn a_date_is_compared_with_the_day_of_a_timestamp() {
    let timestamp = PgType::new(oid::TIMESTAMP);
    let against = |text: &str| {
        let constant = PgConstant::expr(timestamp, Value::Text(text.to_owned()));
        let args = [PgType::new(oid::DATE), timestamp];
        expression(call("date_lt_timestamp", &args, BOOL, vec![column("day"), constant]), BOOL)
    };
    insta::assert_snapshot!(against("1998-12-01 00:00:00"), @r#"("r1"."day" < CAST('1998-12-01' AS DATE))"#);
    insta::assert_snapshot!(against("1998-12-01 12:00:00"), @r#"("r1"."day" <= CAST('1998-12-01' AS DATE))"#);
}

#[test]
fn any_of_constants_is_a_list() {
    let array = PgType::new(oid::INT4_ARRAY);
    let list = PgConstant::expr(array, Value::List(vec![Value::Int(1), Value::Int(2)]));
    let function = |name, quantifier| PgFunction {
        signature: Signature {
            declared: vec![oid::INT4, oid::INT4],
            ..signature(name, &[INT4, array], BOOL)
        },
        quantifier: Some(quantifier),
    };
    let any = function("int4eq", Quantifier::Any).apply(vec![column("id"), list.clone()]);
    insta::assert_snapshot!(expression(any, BOOL), @r#"("r1"."id" IN (CAST(1 AS INTEGER), CAST(2 AS INTEGER)))"#);
    let all = function("int4lt", Quantifier::All).apply(vec![column("id"), list]);
    insta::assert_snapshot!(expression(all, BOOL), @r#"(("r1"."id" < CAST(1 AS INTEGER)) AND ("r1"."id" < CAST(2 AS INTEGER)))"#);
}

#[test]
fn substring_counts_from_before_the_first_character() {
    let text = PgConstant::expr(TEXT, Value::Text("hello".to_owned()));
    let part = call("substring", &[TEXT, INT4, INT4], TEXT, vec![text, int(-2), int(4)]);
    insta::assert_snapshot!(expression(part, TEXT), @"substring('hello', 1, 1)");
}

#[test]
fn what_is_not_listed_is_refused_by_name() {
    insta::assert_snapshot!(refusal(call("to_ascii", &[INT4], TEXT, vec![column("id")])), @"function to_ascii cannot run in DuckDB: it is not known to give Postgres' answer in DuckDB");
    let mut less = signature("text_lt", &[TEXT, TEXT], BOOL);
    less.collation = Collation::Linguistic("de_DE.UTF-8".to_owned());
    let less = PgFunction::call(less, vec![column("name"), column("name")]);
    insta::assert_snapshot!(refusal(less), @"function text_lt cannot run in DuckDB: DuckDB orders text by bytes, the collation of this comparison does not");
}

#[test]
fn a_canonical_stack_is_one_block() {
    let positive = call("int4gt", &[INT4, INT4], BOOL, vec![column("id"), int(0)]);
    let plan = build::filter(orders(), positive).unwrap();
    let groups = vec![("g1".to_owned(), typed(column("name"), DuckType::Varchar))];
    let total = typed(aggregate("avg", NUMERIC, NUMERIC, column("Price")), DuckType::NumericText);
    let count = typed(aggregate("sum", INT4, PgType::new(oid::INT8), column("id")), DuckType::BigInt);
    let plan =
        build::aggregate(plan, groups, vec![("a1".to_owned(), total), ("a2".to_owned(), count)]).unwrap();
    let plan = build::project(
        plan,
        vec![
            typed(Expr::Column(unqualified("g1")), DuckType::Varchar),
            typed(Expr::Column(unqualified("a1")), DuckType::NumericText),
            typed(Expr::Column(unqualified("a2")), DuckType::BigInt),
        ],
    )
    .unwrap();
    let key = |index, asc| Sort { expr: output(index), asc, nulls_first: !asc };
    let plan = build::sort(plan, vec![key(1, false), key(2, true), key(0, true)]);
    let plan = build::limit(plan, None, Some(int(10)));
    // The sum was only ordered by.
    let plan = build::keep_first(plan, 2).unwrap();
    insta::assert_snapshot!(sql(plan, &[TEXT, NUMERIC]), @r#"SELECT "r1"."name" AS "c0", pg_numeric_div(sum("r1"."Price"), count("r1"."Price")) AS "c1" FROM "pg5"."main"."orders" AS "r1" WHERE ("r1"."id" > CAST(0 AS INTEGER)) GROUP BY "r1"."name" ORDER BY pg_numeric_sortkey(pg_numeric_div(sum("r1"."Price"), count("r1"."Price"))) DESC NULLS FIRST, CAST(sum("r1"."id") AS BIGINT) ASC NULLS LAST, 1 ASC NULLS LAST LIMIT CAST(10 AS INTEGER)"#);
}

#[test]
fn feeds_keep_the_columns_that_are_read_even_from_inside_a_subquery() {
    let columns = [("a1", 1), ("a2", 2), ("a3", 3)].map(|(name, source)| FeedColumn {
        name: name.to_owned(),
        source,
        ty: DuckType::Integer,
    });
    let feed = FeedScan::plan(0, "heap", "r2", columns.to_vec()).unwrap();
    let plan = build::join(
        orders(),
        feed,
        JoinType::Left,
        Some(call("int4eq", &[INT4, INT4], BOOL, vec![column("id"), Expr::Column(qualified("r2", "a1"))])),
    );
    let inner = Relation::plan(
        ["pg5".to_owned(), "main".to_owned(), "other".to_owned()],
        "r3",
        &[("x".to_owned(), DuckType::Integer)],
    )
    .unwrap();
    let outer = Expr::OuterReferenceColumn(DuckType::Integer.field("a3"), qualified("r2", "a3"));
    let same = call("int4eq", &[INT4, INT4], BOOL, vec![Expr::Column(qualified("r3", "x")), outer]);
    let inner = build::project(build::filter(inner, same).unwrap(), Vec::new()).unwrap();
    let exists = Expr::Exists(Exists {
        subquery: Subquery {
            subquery: Arc::new(inner),
            outer_ref_columns: Vec::new(),
            spans: datafusion_common::Spans::new(),
        },
        negated: false,
    });
    let plan = build::filter(plan, exists).unwrap();
    let plan = build::project(plan, vec![typed(column("id"), DuckType::Integer)]).unwrap();
    insta::assert_snapshot!(sql(plan, &[INT4]), @r#"SELECT "r1"."id" AS "c0" FROM "pg5"."main"."orders" AS "r1" LEFT JOIN bridge_scan(0) AS "r2"("a1", "a3") ON ("r1"."id" = "r2"."a1") WHERE (EXISTS (SELECT 1 FROM "pg5"."main"."other" AS "r3" WHERE ("r3"."x" = "r2"."a3")))"#);
}

#[test]
fn definitions_and_set_operations_keep_their_order_and_limits() {
    let definition = build::project(orders(), vec![typed(column("id"), DuckType::Integer)]).unwrap();
    let scan = |alias: &str| {
        let scan = CteScan::plan("cte1", alias, &[("c0".to_owned(), DuckType::Integer)]).unwrap();
        let id = typed(Expr::Column(qualified(alias, "c0")), DuckType::Integer);
        build::project(scan, vec![id]).unwrap()
    };
    let first = build::limit(
        build::sort(scan("r2"), vec![Sort { expr: output(0), asc: true, nulls_first: false }]),
        None,
        Some(int(1)),
    );
    let union =
        SetOperation::plan(SetOperator::Union, true, first, scan("r3"), &[DuckType::Integer]).unwrap();
    let body = build::sort(union, vec![Sort { expr: output(0), asc: false, nulls_first: true }]);
    let name =
        CteDefinition { name: "cte1".to_owned(), materialized: Materialized::Always, recursive: false };
    let plan = With::plan(vec![(name, definition)], body);
    insta::assert_snapshot!(sql(plan, &[INT4]), @r#"WITH "cte1"("c0") AS MATERIALIZED (SELECT "r1"."id" AS "c0" FROM "pg5"."main"."orders" AS "r1") (SELECT "r2"."c0" AS "c0" FROM "cte1" AS "r2" ORDER BY 1 ASC NULLS LAST LIMIT CAST(1 AS INTEGER)) UNION ALL (SELECT "r3"."c0" AS "c0" FROM "cte1" AS "r3") ORDER BY 1 DESC NULLS FIRST"#);
}

fn over(frame: Frame, order_by: Expr) -> Expr {
    let udf = PgAggregate::window(signature("sum", &[INT4], PgType::new(oid::INT8)), frame.clone());
    Expr::WindowFunction(Box::new(WindowFunction {
        fun: WindowFunctionDefinition::AggregateUDF(udf),
        params: WindowFunctionParams {
            args: vec![column("id")],
            partition_by: Vec::new(),
            order_by: vec![Sort { expr: order_by, asc: true, nulls_first: false }],
            window_frame: frame.displayed(),
            filter: None,
            null_treatment: None,
            distinct: false,
        },
    }))
}

#[test]
fn frames_keep_their_offsets_and_what_they_exclude() {
    let window = |frame, order_by| {
        let sum = vec![("w1".to_owned(), typed(over(frame, order_by), DuckType::BigInt))];
        let output = typed(Expr::Column(unqualified("w1")), DuckType::BigInt);
        let plan = build::project(build::window(orders(), sum).unwrap(), vec![output]).unwrap();
        let sql = sql(plan, &[PgType::new(oid::INT8)]);
        sql.split("OVER ").nth(1).unwrap().split(" AS BIGINT").next().unwrap().to_owned()
    };
    let rows = Frame {
        units: WindowFrameUnits::Rows,
        start: Bound::Preceding(int(2)),
        end: Bound::CurrentRow,
        exclude: Exclude::CurrentRow,
    };
    insta::assert_snapshot!(window(rows, column("id")), @r#"(ORDER BY "r1"."id" ASC NULLS LAST ROWS BETWEEN CAST(2 AS INTEGER) PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW)"#);
    // The sum of key and offset is computed where it cannot overflow.
    let range = Frame {
        units: WindowFrameUnits::Range,
        start: Bound::Unbounded,
        end: Bound::Following(int(10)),
        exclude: Exclude::NoOthers,
    };
    insta::assert_snapshot!(window(range, column("id")), @r#"(ORDER BY CAST("r1"."id" AS HUGEINT) ASC NULLS LAST RANGE BETWEEN UNBOUNDED PRECEDING AND CAST(CAST(10 AS INTEGER) AS HUGEINT) FOLLOWING)"#);
}

#[test]
fn both_sides_of_a_recursion_have_the_declared_carriers() {
    let types = [DuckType::Integer, DuckType::NumericText];
    let base = build::project(
        orders(),
        vec![typed(column("id"), DuckType::Integer), typed(column("Price"), DuckType::NumericText)],
    )
    .unwrap();
    let fields = [("c0".to_owned(), DuckType::Integer), ("c1".to_owned(), DuckType::NumericText)];
    let scan = |alias: &str| CteScan::plan("cte1", alias, &fields).unwrap();
    let previous = |name: &str| Expr::Column(qualified("r2", name));
    let more = call("numeric_mul", &[NUMERIC, NUMERIC], NUMERIC, vec![previous("c1"), numeric("1.5")]);
    let step = build::project(
        scan("r2"),
        vec![typed(previous("c0"), DuckType::Integer), typed(more, DuckType::NumericText)],
    )
    .unwrap();
    let union = SetOperation::plan(SetOperator::Union, true, base, step, &types).unwrap();
    let body =
        build::project(scan("r3"), vec![typed(Expr::Column(qualified("r3", "c1")), DuckType::NumericText)])
            .unwrap();
    let name =
        CteDefinition { name: "cte1".to_owned(), materialized: Materialized::Default, recursive: true };
    let plan = With::plan(vec![(name, union)], body);
    insta::assert_snapshot!(sql(plan, &[NUMERIC]), @r#"WITH RECURSIVE "cte1"("c0", "c1") AS ((SELECT "r1"."id" AS "c0", CAST("r1"."Price" AS VARCHAR) AS "c1" FROM "pg5"."main"."orders" AS "r1") UNION ALL (SELECT "r2"."c0" AS "c0", pg_numeric_mul("r2"."c1", CAST(1.5 AS DECIMAL(2,1))) AS "c1" FROM "cte1" AS "r2")) SELECT "r3"."c1" AS "c0" FROM "cte1" AS "r3""#);
}

#[test]
fn rows_of_sets_are_unnested_lists() {
    let series = call("generate_series", &[INT4, INT4], INT4, vec![int(1), column("id")]);
    let each = PgFunction::syntax("each", INT4, vec![series.clone()]);
    insta::assert_snapshot!(expression(each, INT4), @r#"unnest(CAST(generate_series(CAST(1 AS INTEGER), "r1"."id") AS INTEGER[]))"#);
    let number = PgFunction::syntax("ordinality", PgType::new(oid::INT8), vec![series]);
    insta::assert_snapshot!(expression(number, PgType::new(oid::INT8)), @r#"unnest(generate_series(CAST(1 AS BIGINT), greatest(len(CAST(generate_series(CAST(1 AS INTEGER), "r1"."id") AS INTEGER[])))))"#);
}

#[test]
fn percentiles_take_the_row_that_postgres_takes() {
    let float = PgType::new(oid::FLOAT8);
    let percentile = |name: &str, value_type: PgType, fraction: &str, value: Expr| {
        let fraction = PgConstant::expr(float, Value::Float(fraction.to_owned()));
        let udf = PgAggregate::udf(Signature {
            declared: vec![oid::FLOAT8, if name == "percentile_disc" { 2283 } else { value_type.oid }],
            ..signature(name, &[float, value_type], value_type)
        });
        let key = Sort { expr: value.clone(), asc: true, nulls_first: false };
        let call = AggregateFunction::new_udf(udf, vec![fraction, value], false, None, vec![key], None);
        let ty = DuckType::for_pg(value_type).unwrap();
        let a1 = vec![("a1".to_owned(), typed(Expr::AggregateFunction(call), ty.clone()))];
        let plan = build::aggregate(orders(), Vec::new(), a1).unwrap();
        let plan = build::project(plan, vec![typed(Expr::Column(unqualified("a1")), ty)]).unwrap();
        let sql = sql(plan, &[value_type]);
        sql.trim_start_matches("SELECT ").split(" AS \"c0\" FROM").next().unwrap().to_owned()
    };
    // Where the product is exact, DuckDB's own.
    insta::assert_snapshot!(percentile("percentile_disc", INT4, "0.25", column("id")), @r#"quantile_disc("r1"."id", CAST(0.25 AS DOUBLE))"#);
    insta::assert_snapshot!(percentile("percentile_disc", INT4, "0.07", column("id")), @r#"(list("r1"."id" ORDER BY "r1"."id" ASC NULLS LAST))[greatest(1, CAST(ceil(CAST(0.07 AS DOUBLE) * count("r1"."id")) AS BIGINT))]"#);
    let price = call("float8", &[NUMERIC], float, vec![column("Price")]);
    insta::assert_snapshot!(percentile("percentile_cont", float, "0.5", price), @r#"(CASE WHEN quantile_disc(CAST("r1"."Price" AS DOUBLE), CAST(0.5 AS DOUBLE)) = quantile_disc(CAST("r1"."Price" AS DOUBLE), CAST(-0.5 AS DOUBLE)) THEN quantile_disc(CAST("r1"."Price" AS DOUBLE), CAST(0.5 AS DOUBLE)) ELSE quantile_disc(CAST("r1"."Price" AS DOUBLE), CAST(0.5 AS DOUBLE)) + 0.5::DOUBLE * (quantile_disc(CAST("r1"."Price" AS DOUBLE), CAST(-0.5 AS DOUBLE)) - quantile_disc(CAST("r1"."Price" AS DOUBLE), CAST(0.5 AS DOUBLE))) END)"#);
}

#[test]
fn quotients_by_decimal_fractions_are_summed_as_decimals() {
    let half = call("numeric_div", &[NUMERIC, NUMERIC], NUMERIC, vec![column("Price"), numeric("2")]);
    let a1 = vec![("a1".to_owned(), typed(aggregate("sum", NUMERIC, NUMERIC, half), DuckType::NumericText))];
    let plan = build::aggregate(orders(), Vec::new(), a1).unwrap();
    let output = typed(Expr::Column(unqualified("a1")), DuckType::NumericText);
    let plan = build::project(plan, vec![output]).unwrap();
    insta::assert_snapshot!(sql(plan, &[NUMERIC]), @r#"SELECT pg_numeric_round(sum(("r1"."Price" * CAST(0.5 AS DECIMAL(1,1)))), max((CASE WHEN ("r1"."Price" * CAST(0.5 AS DECIMAL(1,1))) IS NOT NULL THEN (CASE WHEN abs("r1"."Price") >= CAST(3000000000000.00 AS DECIMAL(15,2)) THEN 4 WHEN abs("r1"."Price") >= CAST(300000000.00 AS DECIMAL(15,2)) THEN 8 WHEN abs("r1"."Price") >= CAST(30000.00 AS DECIMAL(15,2)) THEN 12 WHEN abs("r1"."Price") >= CAST(3.00 AS DECIMAL(15,2)) THEN 16 WHEN "r1"."Price" = 0 THEN 20 ELSE 20 END) END))) AS "c0" FROM "pg5"."main"."orders" AS "r1""#);
}
