//! Random expressions.

use bridge_types::oid;

use crate::catalog::{Call, Catalog, Form};
use crate::node::{Node, Sort};
use crate::random::Random;
use crate::schema::Table;
use crate::types::{self, TYPES};

/// A value that expressions can refer to: a column, a grouping key, an aggregate.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) node: Node,
    pub(crate) oid: u32,
}

/// What a comparison of the two answers has to allow for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Freedom {
    /// Floats are added in any order.
    pub(crate) digits: bool,
    /// Of values that are equal (`1.0` and `1.00`, `0` and `-0`) any may stand for a group.
    pub(crate) representative: bool,
}

/// Makes one query.
pub(crate) struct Generator<'a> {
    pub(crate) random: Random,
    pub(crate) catalog: &'a Catalog,
    pub(crate) tables: &'a [Table],
    pub(crate) freedom: Freedom,
    /// What can be referred to, of the innermost query last.
    pub(crate) scopes: Vec<Vec<Leaf>>,
    /// Names of common table expressions and their columns.
    pub(crate) ctes: Vec<(String, Vec<crate::schema::Column>)>,
    /// Whether literals may be edge values: rows are then compared one by one.
    pub(crate) edges: bool,
    next_name: usize,
}

/// Values of arguments that must be constants of a certain kind, or that would mostly be errors otherwise: by
/// function and position.
const CONSTANTS: &[(&str, usize, &[&str])] = &[
    ("textlike", 1, PATTERNS),
    ("textnlike", 1, PATTERNS),
    ("texticlike", 1, PATTERNS),
    ("texticnlike", 1, PATTERNS),
    ("bpcharlike", 1, PATTERNS),
    ("bpcharnlike", 1, PATTERNS),
    ("bpchariclike", 1, PATTERNS),
    ("bpcharicnlike", 1, PATTERNS),
    ("like", 1, PATTERNS),
    ("notlike", 1, PATTERNS),
    ("textregexeq", 1, REGULAR),
    ("textregexne", 1, REGULAR),
    ("texticregexeq", 1, REGULAR),
    ("texticregexne", 1, REGULAR),
    ("bpcharregexeq", 1, REGULAR),
    ("bpcharregexne", 1, REGULAR),
    ("bpcharicregexeq", 1, REGULAR),
    ("bpcharicregexne", 1, REGULAR),
    ("regexp_replace", 1, REGULAR),
    ("regexp_replace", 2, &["''", "'X'", "'<\\&>'", "'\\\\'"]),
    ("regexp_replace", 3, &["'g'", "'i'", "'gi'", "''"]),
    ("regexp_match", 1, REGULAR),
    ("regexp_count", 1, REGULAR),
    ("regexp_like", 1, REGULAR),
    ("regexp_substr", 1, REGULAR),
    ("regexp_split_to_array", 1, REGULAR),
    ("left", 1, SMALL),
    ("right", 1, SMALL),
    ("substr", 1, SMALL),
    ("substring", 1, SMALL),
    ("substr", 2, LENGTHS),
    ("substring", 2, LENGTHS),
    ("lpad", 1, SMALL),
    ("rpad", 1, SMALL),
    ("lpad", 2, &["'*'", "'xy'", "'ä'", "''"]),
    ("rpad", 2, &["'*'", "'xy'", "'ä'", "''"]),
    ("repeat", 1, SMALL),
    ("split_part", 1, &["','", "' '", "'b'", "''", "'ab'"]),
    ("split_part", 2, &["1", "2", "-1", "3"]),
    ("string_to_array", 1, &["','", "' '", "'b'", "''", "NULL"]),
    ("round", 1, LENGTHS),
    ("trunc", 1, LENGTHS),
    ("power", 1, &["0", "1", "2", "0.5", "3"]),
    ("pow", 1, &["0", "1", "2", "0.5", "3"]),
    ("dpow", 1, &["0", "1", "2", "0.5", "3"]),
    ("numeric_power", 1, &["0", "1", "2", "0.5", "3"]),
    ("exp", 0, &["0", "1", "-1", "2.5", "-0.25"]),
    ("dexp", 0, &["0", "1", "-1", "2.5", "-0.25"]),
    ("array_length", 1, &["1"]),
    ("array_upper", 1, &["1"]),
    ("array_lower", 1, &["1"]),
    ("encode", 1, &["'hex'", "'base64'", "'escape'"]),
    ("decode", 1, &["'hex'"]),
    ("decode", 0, &["'deadbeef'", "''"]),
    ("chr", 0, &["65", "228", "26085"]),
    ("int4shl", 1, LENGTHS),
    ("int8shl", 1, LENGTHS),
    ("int2shl", 1, LENGTHS),
    ("make_date", 0, &["2024", "1999"]),
    ("make_date", 1, &["1", "2", "12"]),
    ("make_date", 2, &["1", "28", "15"]),
    ("make_timestamp", 0, &["2024", "1999"]),
    ("make_timestamp", 1, &["1", "2", "12"]),
    ("make_timestamp", 2, &["1", "28", "15"]),
    ("make_timestamp", 3, &["0", "23"]),
    ("make_timestamp", 4, &["0", "59"]),
    ("make_timestamp", 5, &["0", "59.5"]),
    ("make_time", 0, &["0", "23"]),
    ("make_time", 1, &["0", "59"]),
    ("make_time", 2, &["0", "59.5"]),
    ("timezone", 0, &["'UTC'", "'America/New_York'", "'Asia/Tokyo'", "'Europe/Berlin'"]),
    ("to_date", 0, &["'2024-02-29'", "'1999-12-31'"]),
    ("to_date", 1, &["'YYYY-MM-DD'"]),
    ("to_timestamp", 1, &["'YYYY-MM-DD HH24:MI:SS'"]),
    ("factorial", 0, &["0", "1", "5", "12"]),
    ("date_bin", 0, &["'1 day'", "'2 hours'", "'00:15:00'"]),
    ("width_bucket", 1, &["-10"]),
    ("width_bucket", 2, &["10"]),
    ("width_bucket", 3, &["5"]),
    ("setseed", 0, &["0"]),
    ("acos", 0, UNIT),
    ("asin", 0, UNIT),
    ("acosd", 0, UNIT),
    ("asind", 0, UNIT),
    ("dacos", 0, UNIT),
    ("dasin", 0, UNIT),
    ("atanh", 0, &["0", "0.5", "-0.25"]),
    ("acosh", 0, &["1", "1.5", "8"]),
    ("cot", 0, &["1", "-0.5"]),
    ("cotd", 0, &["45", "-30"]),
    ("overlay", 2, &["1", "2"]),
    ("overlay", 3, LENGTHS),
    ("get_byte", 1, &["0"]),
    ("get_bit", 1, &["0"]),
    ("set_byte", 1, &["0"]),
    ("set_bit", 1, &["0"]),
    ("set_bit", 2, &["0", "1"]),
    ("format", 0, &["'%s'", "'a %s %% b'"]),
    ("regexp_match", 2, FLAGS),
    ("regexp_like", 2, FLAGS),
    ("regexp_split_to_array", 2, FLAGS),
    ("regexp_count", 2, &["1", "2"]),
    ("regexp_count", 3, FLAGS),
    ("regexp_substr", 2, &["1", "2"]),
    ("regexp_substr", 3, &["1", "2"]),
    ("regexp_substr", 4, FLAGS),
    ("regexp_instr", 1, REGULAR),
    ("regexp_instr", 2, &["1", "2"]),
    ("regexp_instr", 3, &["1", "2"]),
    ("regexp_instr", 4, &["0", "1"]),
    ("regexp_instr", 5, FLAGS),
    ("to_number", 0, &["'12'"]),
    ("to_number", 1, &["'99'"]),
];

const PATTERNS: &[&str] = &[
    "'a%'", "'%b'", "'%b%'", "'_'", "'_b%'", "''", "'%'", "'a\\%c'", "'A%'", "'%\\_%'", "'a%c'", "'%ä%'",
    "'__'",
];
const REGULAR: &[&str] = &[
    "'a'", "'^a'", "'b$'", "'[a-c]+'", "'^$'", "'a|b'", "'(a|x).'", "''", "'a.c'", "'[^a]'", "'A'", "'a*'",
    "'\\d+'",
];
const FLAGS: &[&str] = &["'i'", "''", "'c'"];
const UNIT: &[&str] = &["0", "0.5", "-1", "1"];
const SMALL: &[&str] = &["0", "1", "2", "3", "5", "-1", "-2"];
const LENGTHS: &[&str] = &["0", "1", "2", "3", "4"];
const DATE_FIELDS: &[&str] =
    &["'year'", "'month'", "'day'", "'quarter'", "'week'", "'century'", "'decade'", "'millennium'"];
const TIME_FIELDS: &[&str] = &["'hour'", "'minute'", "'second'", "'milliseconds'", "'microseconds'"];
const MORE_FIELDS: &[&str] = &["'dow'", "'doy'", "'isodow'", "'isoyear'", "'epoch'", "'julian'"];
const FORMATS_TIME: &[&str] =
    &["'YYYY-MM-DD'", "'HH24:MI:SS'", "'DD.MM.YY'", "'YYYYMMDD'", "'Day Month'", "'Q WW J'", "'HH12 am'"];
const FORMATS_NUMBER: &[&str] = &["'999'", "'00000'", "'9,999.99'", "'FM999.00'", "'S99'"];

impl<'a> Generator<'a> {
    pub(crate) fn new(random: Random, catalog: &'a Catalog, tables: &'a [Table]) -> Self {
        Self {
            random,
            catalog,
            tables,
            freedom: Freedom::default(),
            scopes: Vec::new(),
            ctes: Vec::new(),
            edges: false,
            next_name: 0,
        }
    }

    /// A name that the query does not have yet.
    pub(crate) fn name(&mut self, prefix: &str) -> String {
        self.next_name += 1;
        format!("{prefix}{}", self.next_name)
    }

    /// A type of which there are columns, simple ones more often.
    pub(crate) fn any_type(&mut self) -> u32 {
        if self.random.chance(50) {
            return *self.random.pick(&[
                oid::INT4,
                oid::TEXT,
                oid::NUMERIC,
                oid::BOOL,
                oid::FLOAT8,
                oid::INT8,
                oid::DATE,
            ]);
        }
        self.random.pick(TYPES).oid
    }

    /// A type whose values can be grouped, made distinct and joined.
    pub(crate) fn exact_type(&mut self) -> u32 {
        let exact: Vec<u32> = TYPES.iter().filter(|ty| ty.exact && ty.ordered).map(|ty| ty.oid).collect();
        *self.random.pick(&exact)
    }

    /// An expression of type `oid`, `depth` calls deep at most.
    pub(crate) fn expr(&mut self, oid: u32, depth: usize) -> Node {
        if depth == 0 {
            return self.leaf(oid);
        }
        match self.random.below(100) {
            0..=14 => self.leaf(oid),
            15..=64 => self.call(oid, depth),
            65..=72 => self.case(oid, depth),
            73..=77 => self.coalesce(oid, depth),
            78..=80 => self.nullif(oid, depth),
            81..=84 => self.extreme(oid, depth),
            85..=89 => self.typmod_cast(oid, depth),
            90..=92 => self.scalar_subquery(oid, depth),
            _ if oid == oid::BOOL => self.condition(depth),
            _ => self.array_form(oid, depth),
        }
    }

    /// A column, or a literal.
    pub(crate) fn leaf(&mut self, oid: u32) -> Node {
        let innermost = self.scopes.last().map_or(&[] as &[Leaf], Vec::as_slice);
        let outer = self.random.chance(15);
        let pool: Vec<&Leaf> = if outer {
            self.scopes.iter().flatten().filter(|leaf| leaf.oid == oid).collect()
        } else {
            innermost.iter().filter(|leaf| leaf.oid == oid).collect()
        };
        if !pool.is_empty() && self.random.chance(85) {
            let index = self.random.below(pool.len());
            return Node::new(Sort::Scalar(oid)).child(pool[index].node.clone());
        }
        self.literal(oid)
    }

    pub(crate) fn literal(&mut self, oid: u32) -> Node {
        let Some(ty) = types::find(oid) else { return Node::scalar(oid, "NULL") };
        if self.random.chance(4) {
            return Node::scalar(oid, format!("NULL::{}", ty.name));
        }
        let edges = self.edges && self.random.chance(30);
        let text = types::literal(&mut self.random, ty, edges);
        Node::scalar(oid, text)
    }

    fn call(&mut self, oid: u32, depth: usize) -> Node {
        let Some(calls) = self.catalog.calls.get(&oid) else { return self.leaf(oid) };
        // Each name alike: `=` has a hundred signatures.
        let mut names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        names.dedup();
        let name = *self.random.pick(&names);
        let overloads: Vec<&Call> = calls.iter().filter(|call| call.name == *name).collect();
        let call = (*self.random.pick(&overloads)).clone();
        self.apply(&call, depth)
    }

    /// A call with random arguments.
    pub(crate) fn apply(&mut self, call: &Call, depth: usize) -> Node {
        let mut args: Vec<Node> =
            (0..call.args.len()).map(|position| self.argument(call, position, depth)).collect();
        let sort = Sort::Scalar(call.result);
        match (&call.form, args.len()) {
            (Form::Cast, _) => {
                Node::template(sort, "({})::{}", vec![args.remove(0), Node::other(types::name(call.result))])
            }
            (Form::Prefix(operator), 1) => Node::template(sort, &format!("({operator} {{}})"), args),
            (Form::Infix(operator), 2) => Node::template(sort, &format!("({{}} {operator} {{}})"), args),
            _ => {
                if call.variadic {
                    for _ in 0..self.random.below(3) {
                        let oid = self.any_type();
                        args.push(self.expr(oid, depth - 1));
                    }
                }
                Node::new(sort).text(format!("\"{}\"(", call.name)).list("", ", ", args.len(), args).text(")")
            }
        }
    }

    fn argument(&mut self, call: &Call, position: usize, depth: usize) -> Node {
        let name = call.name.as_str();
        let oid = call.args[position];
        let temporal = |oid: u32| {
            matches!(
                oid,
                oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::TIME | oid::INTERVAL | oid::TIMETZ
            )
        };
        let constants = match (name, position) {
            ("extract" | "date_part", 0) => Some(match call.args[1] {
                oid::TIME | oid::TIMETZ => TIME_FIELDS,
                oid::DATE if self.random.chance(70) => DATE_FIELDS,
                _ => *self.random.pick(&[DATE_FIELDS, TIME_FIELDS, MORE_FIELDS]),
            }),
            ("date_trunc", 0) => Some(*self.random.pick(&[DATE_FIELDS, TIME_FIELDS])),
            ("date_trunc", 2) => Some(&["'UTC'", "'America/New_York'"] as &[&str]),
            ("to_char", 1) => Some(if temporal(call.args[0]) { FORMATS_TIME } else { FORMATS_NUMBER }),
            _ => CONSTANTS
                .iter()
                .find(|(function, argument, _)| {
                    *function == name && *argument == position && call.args.len() > *argument
                })
                .map(|(_, _, values)| *values),
        };
        if let Some(values) = constants
            && (!matches!(name, "round" | "trunc" | "left" | "right") || self.random.chance(90))
        {
            let text = *self.random.pick(values);
            return Node::scalar(
                oid,
                if text.starts_with('-') { format!("({text})") } else { text.to_owned() },
            );
        }
        // Text that is no number is an error as one.
        if call.form == Form::Cast
            && matches!(oid, oid::TEXT | oid::VARCHAR | oid::BPCHAR)
            && call.name.starts_with("io:")
            && call.result != oid::TEXT
        {
            let values = types::find(call.result).map_or(&["12"] as &[&str], |ty| ty.values);
            let text = *self.random.pick(values);
            return Node::scalar(oid, format!("'{text}'::{}", types::name(oid)));
        }
        let value = self.expr(oid, depth - 1);
        let sort = Sort::Scalar(oid);
        let divides = name.ends_with("div") || name.contains("mod") || name == "div";
        if divides && position == 1 && !self.edges {
            return Node::template(sort, "nullif({}, 0)", vec![value]);
        }
        if matches!(
            name,
            "sqrt"
                | "dsqrt"
                | "ln"
                | "dlog1"
                | "log"
                | "log10"
                | "dlog10"
                | "power"
                | "pow"
                | "dpow"
                | "numeric_power"
        ) && position == 0
            && !self.edges
        {
            return Node::template(sort, "(abs({}) + 1)", vec![value]);
        }
        value
    }

    fn case(&mut self, oid: u32, depth: usize) -> Node {
        if self.random.chance(25) {
            let operand = self.exact_type();
            let arms = (0..=self.random.below(2))
                .map(|_| {
                    let when = self.expr(operand, 0);
                    let then = self.expr(oid, depth - 1);
                    Node::template(Sort::Other, " WHEN {} THEN {}", vec![when, then])
                })
                .collect();
            let operand = self.expr(operand, depth - 1);
            let otherwise = self.expr(oid, depth - 1);
            return Node::new(Sort::Scalar(oid))
                .text("CASE ")
                .child(operand)
                .list("", "", 1, arms)
                .list(" ELSE ", "", 0, vec![otherwise])
                .text(" END");
        }
        let arms = (0..=self.random.below(2))
            .map(|_| {
                let when = self.expr(oid::BOOL, depth - 1);
                let then = self.expr(oid, depth - 1);
                Node::template(Sort::Other, " WHEN {} THEN {}", vec![when, then])
            })
            .collect();
        let otherwise = if self.random.chance(80) { vec![self.expr(oid, depth - 1)] } else { Vec::new() };
        Node::new(Sort::Scalar(oid))
            .text("CASE")
            .list("", "", 1, arms)
            .list(" ELSE ", "", 0, otherwise)
            .text(" END")
    }

    fn coalesce(&mut self, oid: u32, depth: usize) -> Node {
        let values = (0..2 + self.random.below(2)).map(|_| self.expr(oid, depth - 1)).collect();
        Node::new(Sort::Scalar(oid)).text("coalesce(").list("", ", ", 1, values).text(")")
    }

    fn nullif(&mut self, oid: u32, depth: usize) -> Node {
        if oid == oid::JSON {
            return self.leaf(oid);
        }
        let values = vec![self.expr(oid, depth - 1), self.leaf(oid)];
        Node::template(Sort::Scalar(oid), "nullif({}, {})", values)
    }

    fn extreme(&mut self, oid: u32, depth: usize) -> Node {
        if !types::find(oid).is_some_and(|ty| ty.ordered) {
            return self.leaf(oid);
        }
        // Of numerics, all are shown with the largest scale: a known difference, avoided here.
        let template = if oid == oid::NUMERIC { "({})::numeric(30,6)" } else { "{}" };
        let values = (0..2 + self.random.below(2))
            .map(|_| Node::template(Sort::Scalar(oid), template, vec![self.expr(oid, depth - 1)]))
            .collect();
        // Of equal values Postgres takes the first, DuckDB any.
        self.freedom.representative |= !types::find(oid).is_some_and(|ty| ty.exact);
        let name = *self.random.pick(&["greatest", "least"]);
        Node::new(Sort::Scalar(oid)).text(format!("{name}(")).list("", ", ", 1, values).text(")")
    }

    /// `x::varchar(3)` and its like.
    fn typmod_cast(&mut self, oid: u32, depth: usize) -> Node {
        let declared = match oid {
            oid::NUMERIC => {
                *self.random.pick(&["numeric(20,2)", "numeric(30,8)", "numeric(12,0)", "numeric(38,10)"])
            }
            oid::VARCHAR => *self.random.pick(&["varchar(3)", "varchar(1)", "varchar(20)"]),
            oid::BPCHAR => *self.random.pick(&["char(3)", "char(1)", "char(20)"]),
            oid::TIMESTAMP => *self.random.pick(&["timestamp(0)", "timestamp(3)", "timestamp(6)"]),
            oid::TIMESTAMPTZ => *self.random.pick(&["timestamptz(0)", "timestamptz(3)"]),
            oid::TIME => *self.random.pick(&["time(0)", "time(3)"]),
            _ => return self.call(oid, depth),
        };
        let from = match oid {
            oid::VARCHAR | oid::BPCHAR => *self.random.pick(&[oid::TEXT, oid::VARCHAR, oid::BPCHAR]),
            _ => oid,
        };
        let value = self.expr(from, depth - 1);
        Node::template(Sort::Scalar(oid), "({})::{}", vec![value, Node::other(declared)])
    }

    fn scalar_subquery(&mut self, oid: u32, depth: usize) -> Node {
        if depth < 2 || self.scopes.len() > 2 {
            return self.leaf(oid);
        }
        let table = self.random.pick(self.tables).clone();
        let alias = self.name("s");
        self.push_table(&table, &alias);
        // At most one row: its id is unique.
        let value = self.expr(oid, depth - 2);
        let id = self.random.between(1, 12);
        let mut node = Node::new(Sort::Scalar(oid)).text("(SELECT ").child(value);
        node = node.text(format!(" FROM {} AS {alias}", table.name));
        let outer: Vec<Node> = self.scopes[..self.scopes.len() - 1]
            .iter()
            .flatten()
            .filter(|leaf| leaf.oid == oid::INT4)
            .map(|leaf| leaf.node.clone())
            .collect();
        let key = if !outer.is_empty() && self.random.chance(60) {
            self.random.pick(&outer).clone()
        } else {
            Node::other(id.to_string())
        };
        self.scopes.pop();
        node.text(format!(" WHERE {alias}.id = ")).child(key).text(")")
    }

    /// A condition that is not a call.
    fn condition(&mut self, depth: usize) -> Node {
        let sort = Sort::Scalar(oid::BOOL);
        match self.random.below(12) {
            0..=2 => {
                let word = if self.random.chance(50) { " AND " } else { " OR " };
                let values = (0..2 + self.random.below(2)).map(|_| self.expr(oid::BOOL, depth - 1)).collect();
                Node::new(sort).text("(").list("", word, 1, values).text(")")
            }
            3 => Node::template(sort, "(NOT {})", vec![self.expr(oid::BOOL, depth - 1)]),
            4 => {
                let test =
                    *self.random.pick(&["TRUE", "NOT TRUE", "FALSE", "NOT FALSE", "UNKNOWN", "NOT UNKNOWN"]);
                Node::template(sort, &format!("({{}} IS {test})"), vec![self.expr(oid::BOOL, depth - 1)])
            }
            5 => {
                let oid = self.any_type();
                let test = *self.random.pick(&["NULL", "NOT NULL"]);
                Node::template(sort, &format!("({{}} IS {test})"), vec![self.expr(oid, depth - 1)])
            }
            6 => {
                let oid = self.exact_type();
                let test = *self.random.pick(&["IS DISTINCT FROM", "IS NOT DISTINCT FROM"]);
                let values = vec![self.expr(oid, depth - 1), self.expr(oid, depth - 1)];
                Node::template(sort, &format!("({{}} {test} {{}})"), values)
            }
            7 => {
                let oid = self.exact_type();
                let word = *self.random.pick(&["BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC"]);
                let values = vec![self.expr(oid, depth - 1), self.leaf(oid), self.leaf(oid)];
                Node::template(sort, &format!("({{}} {word} {{}} AND {{}})"), values)
            }
            8 => {
                let oid = self.exact_type();
                let word = *self.random.pick(&["IN", "NOT IN"]);
                let items = (0..1 + self.random.below(4)).map(|_| self.leaf(oid)).collect();
                let value = self.expr(oid, depth - 1);
                Node::new(sort)
                    .text("(")
                    .child(value)
                    .text(format!(" {word} ("))
                    .list("", ", ", 1, items)
                    .text("))")
            }
            9 => {
                let oid = *self.random.pick(&[oid::INT4, oid::TEXT]);
                let array = types::array_of(oid).expect("both have array types");
                let quantifier = *self.random.pick(&["= ANY", "<> ALL", "< ANY", ">= ALL"]);
                let values = vec![self.expr(oid, depth - 1), self.expr(array, depth - 1)];
                Node::template(sort, &format!("({{}} {quantifier} ({{}}))"), values)
            }
            10 => {
                let (a, b) = (self.exact_type(), self.exact_type());
                let operator = *self.random.pick(&["=", "<>", "<", ">="]);
                let values = vec![self.leaf(a), self.leaf(b), self.leaf(a), self.leaf(b)];
                Node::template(sort, &format!("(({{}}, {{}}) {operator} ({{}}, {{}}))"), values)
            }
            _ => self.subquery_condition(depth),
        }
    }

    /// EXISTS, IN and quantified comparisons over a table.
    fn subquery_condition(&mut self, depth: usize) -> Node {
        if self.scopes.len() > 2 {
            return self.leaf(oid::BOOL);
        }
        let sort = Sort::Scalar(oid::BOOL);
        let oid = self.exact_type();
        let value = self.expr(oid, depth - 1);
        let table = self.random.pick(self.tables).clone();
        let alias = self.name("s");
        self.push_table(&table, &alias);
        let selected = self.leaf(oid);
        let condition = self.expr(oid::BOOL, depth - 1);
        self.scopes.pop();
        let query = Node::new(Sort::Other)
            .text("SELECT ")
            .child(selected)
            .text(format!(" FROM {} AS {alias}", table.name))
            .list(" WHERE ", "", 0, vec![condition]);
        let template = *self.random.pick(&[
            "(EXISTS ({1}))",
            "(NOT EXISTS ({1}))",
            "({} IN ({}))",
            "({} NOT IN ({}))",
            "({} = ANY ({}))",
            "({} < ALL ({}))",
            "({} <> ANY ({}))",
        ]);
        match template.strip_suffix("({1}))") {
            Some(exists) => Node::template(sort, &format!("{exists}({{}}))"), vec![query]),
            None => Node::template(sort, template, vec![value, query]),
        }
    }

    fn array_form(&mut self, oid: u32, depth: usize) -> Node {
        let sort = Sort::Scalar(oid);
        if let Some(element) = types::element_of(oid) {
            let items: Vec<Node> =
                (0..1 + self.random.below(3)).map(|_| self.expr(element, depth - 1)).collect();
            return Node::new(sort).text("ARRAY[").list("", ", ", 1, items).text("]");
        }
        match types::array_of(oid) {
            Some(array) => {
                let index = self.random.between(-1, 3);
                Node::template(sort, &format!("({{}})[{index}]"), vec![self.expr(array, depth - 1)])
            }
            None => self.call(oid, depth),
        }
    }

    /// Makes the columns of a table visible under an alias.
    pub(crate) fn push_table(&mut self, table: &Table, alias: &str) {
        let leaves = table.columns.iter().map(|column| Leaf {
            node: Node::scalar(column.oid, format!("{alias}.{}", column.name)),
            oid: column.oid,
        });
        self.scopes.push(leaves.collect());
    }
}
