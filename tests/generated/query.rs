//! Random queries.

use bridge_types::oid;

use crate::catalog::Aggregate;
use crate::expr::{Generator, Leaf};
use crate::node::{Node, Sort};
use crate::schema::Column;
use crate::types;

/// A query and what its result is.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) node: Node,
    pub(crate) columns: Vec<Column>,
    /// Columns that tell all rows apart; `None` if there may be equal rows.
    keys: Option<Vec<usize>>,
    /// Whether it has an ORDER BY over its keys.
    pub(crate) ordered: bool,
}

/// What a FROM clause provides.
struct Source {
    node: Node,
    leaves: Vec<Leaf>,
    /// Values that tell all rows apart.
    keys: Option<Vec<Node>>,
}

/// Aggregates whose result depends on the order of rows.
const IN_ORDER: &[&str] =
    &["array_agg", "string_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "xmlagg"];
/// Aggregates that add floats up if they have any.
const ADDING: &[&str] = &["sum", "avg", "stddev", "var", "covar", "corr", "regr"];
/// Window functions that ask for one order of all rows.
const BY_ROW: &[&str] = &["row_number", "lag", "lead", "first_value", "last_value", "nth_value", "ntile"];

impl Generator<'_> {
    /// `SELECT id, expressions FROM table`: nothing but expressions, over edge values sometimes; and
    /// whether these are one call deep.
    pub(crate) fn bare(&mut self) -> (Query, bool) {
        let edges = self.random.chance(40);
        self.edges = edges;
        let tables: Vec<_> = self.tables.iter().filter(|table| table.edges == edges).cloned().collect();
        let table = if edges { tables[0].clone() } else { self.random.pick(&tables[..2]).clone() };
        self.push_table(&table, "t");
        let mut items = vec![Node::other("t.id AS k")];
        let mut columns = vec![Column { name: "k".to_owned(), oid: oid::INT4 }];
        let shallow = self.random.chance(50);
        for _ in 0..(if edges { 1 } else { 1 + self.random.below(3) }) {
            let oid = self.any_type();
            let depth = if shallow { 1 } else { 2 + self.random.below(if edges { 1 } else { 3 }) };
            items.push(self.item(oid, depth, &mut columns));
        }
        self.scopes.pop();
        // One row alone shows its error, whatever others there are.
        let row = format!(" WHERE t.id = {}", self.random.between(1, 30));
        let node = Node::new(Sort::Query)
            .list("SELECT ", ", ", 1, items)
            .text(format!(" FROM {} AS t", table.name))
            .text(if edges && self.random.chance(50) { row } else { String::new() })
            .list(" ORDER BY ", ", ", 0, vec![Node::other("t.id")]);
        (Query { node, columns, keys: Some(vec![0]), ordered: true }, shallow)
    }

    /// Any query.
    pub(crate) fn top(&mut self) -> Query {
        if !self.random.chance(15) {
            return self.query(2, None);
        }
        let count = 1 + self.random.below(2);
        let mut definitions = Vec::new();
        let mut ctes = Vec::new();
        for _ in 0..count {
            let name = self.name("w");
            let query = self.query(1, None);
            let word = *self.random.pick(&["AS", "AS", "AS MATERIALIZED", "AS NOT MATERIALIZED"]);
            definitions.push(Node::template(Sort::Other, &format!("{name} {word} ({{}})"), vec![query.node]));
            ctes.push((name, query.columns));
            self.ctes.clone_from(&ctes);
        }
        let query = self.query(2, None);
        let node = Node::new(Sort::Query).list("WITH ", ", ", 0, definitions).text(" ").child(query.node);
        Query { node, ..query }
    }

    fn query(&mut self, depth: usize, types: Option<&[u32]>) -> Query {
        match self.random.below(100) {
            0..=34 => self.plain(depth, types),
            35..=59 => self.aggregate(depth, types),
            60..=74 => self.window(depth, types),
            75..=84 => self.distinct(depth, types),
            _ if depth > 0 => self.set_operation(depth, types),
            _ => self.plain(depth, types),
        }
    }

    fn types(&mut self, wanted: Option<&[u32]>) -> Vec<u32> {
        match wanted {
            Some(types) => types.to_vec(),
            None => (0..1 + self.random.below(4)).map(|_| self.any_type()).collect(),
        }
    }

    fn item(&mut self, oid: u32, depth: usize, columns: &mut Vec<Column>) -> Node {
        let value = self.expr(oid, depth);
        self.named(value, oid, columns)
    }

    fn named(&mut self, value: Node, oid: u32, columns: &mut Vec<Column>) -> Node {
        let name = self.name("c");
        let node = Node::new(Sort::Other).child(value).text(format!(" AS {name}"));
        columns.push(Column { name, oid });
        node
    }

    fn depth(&mut self) -> usize {
        *self.random.pick(&[1, 1, 2, 2, 3])
    }

    fn plain(&mut self, depth: usize, wanted: Option<&[u32]>) -> Query {
        let source = self.source(depth);
        self.scopes.push(source.leaves);
        let mut columns = Vec::new();
        let mut items = Vec::new();
        let mut keys = None;
        if let (None, Some(nodes), true) = (wanted, &source.keys, self.random.chance(60)) {
            for key in nodes {
                items.push(self.named(key.clone(), oid::INT4, &mut columns));
            }
            keys = Some((0..items.len()).collect());
        }
        for oid in self.types(wanted) {
            let depth = self.depth();
            items.push(self.item(oid, depth, &mut columns));
        }
        let conditions = self.conditions();
        let mut node = Node::new(Sort::Query)
            .list("SELECT ", ", ", 1, items)
            .text(" FROM ")
            .child(source.node)
            .list(" WHERE ", " AND ", 0, conditions);
        let mut ordered = false;
        if let (Some(nodes), true) = (source.keys, self.random.chance(50)) {
            (node, ordered) = (self.order_by(node, nodes), true);
        }
        self.scopes.pop();
        Query { node, columns, keys, ordered }
    }

    fn conditions(&mut self) -> Vec<Node> {
        let count = *self.random.pick(&[0, 0, 1, 1, 2]);
        (0..count)
            .map(|_| {
                let depth = self.depth();
                Node::new(Sort::Other).child(self.expr(oid::BOOL, depth))
            })
            .collect()
    }

    /// ORDER BY something, then by `keys`; LIMIT and OFFSET.
    fn order_by(&mut self, node: Node, keys: Vec<Node>) -> Node {
        let mut items = Vec::new();
        if self.random.chance(50) {
            let oid = self.exact_type();
            items.push(Node::new(Sort::Other).child(self.expr(oid, 1)));
        }
        items.extend(keys.iter().map(fixed));
        let items: Vec<Node> = items.into_iter().map(|key| self.direction(key)).collect();
        let least = items.len();
        let node = node.list(" ORDER BY ", ", ", least, items);
        self.limit(node)
    }

    fn direction(&mut self, key: Node) -> Node {
        let direction = *self.random.pick(&["", "", " DESC", " ASC NULLS FIRST", " DESC NULLS LAST"]);
        Node::new(Sort::Other).child(key).text(direction)
    }

    fn limit(&mut self, node: Node) -> Node {
        let mut words = Vec::new();
        if self.random.chance(40) {
            words.push(Node::other(format!(" LIMIT {}", self.random.below(20))));
        }
        if self.random.chance(20) {
            words.push(Node::other(format!(" OFFSET {}", self.random.below(5))));
        }
        node.list("", "", 0, words)
    }

    fn aggregate(&mut self, depth: usize, wanted: Option<&[u32]>) -> Query {
        let source = self.source(depth);
        self.scopes.push(source.leaves);
        let mut groups = Vec::new();
        for _ in 0..*self.random.pick(&[0, 1, 1, 1, 2, 3]) {
            let oid = self.exact_type();
            let depth = self.random.below(2);
            let node = if depth == 0 { self.column(oid) } else { Some(self.expr(oid, depth)) };
            groups.extend(node.map(|node| Leaf { node, oid }));
        }
        let mut leaves = Vec::new();
        let mut inexact = Vec::new();
        for _ in 0..=self.random.below(4) {
            if let Some((leaf, exact)) = self.aggregate_call(source.keys.as_deref()) {
                if exact { leaves.push(leaf) } else { inexact.push(leaf) }
            }
        }
        let conditions = self.conditions();
        self.scopes.pop();

        // What is selected knows the keys and the aggregates only.
        let sets = groups.len() > 1 && self.random.chance(25);
        leaves.extend(groups.iter().cloned());
        self.scopes.push(leaves.clone());
        let mut columns = Vec::new();
        let mut items = Vec::new();
        let mut keys = None;
        match wanted {
            Some(types) => {
                for oid in types {
                    items.push(self.item(*oid, 1, &mut columns));
                }
            }
            None => {
                for group in &groups {
                    items.push(self.named(group.node.clone(), group.oid, &mut columns));
                }
                keys = Some((0..items.len()).collect());
                for leaf in leaves.iter().take(leaves.len() - groups.len()) {
                    items.push(self.named(leaf.node.clone(), leaf.oid, &mut columns));
                }
                for leaf in inexact {
                    self.freedom.digits = true;
                    items.push(self.named(leaf.node, leaf.oid, &mut columns));
                }
                if self.random.chance(40) {
                    let oid = self.any_type();
                    items.push(self.item(oid, 1, &mut columns));
                }
            }
        }
        if items.is_empty() {
            items.push(self.named(Node::scalar(oid::INT8, "count(*)"), oid::INT8, &mut columns));
        }
        let having = if self.random.chance(20) { vec![self.expr(oid::BOOL, 1)] } else { Vec::new() };
        self.scopes.pop();

        self.freedom.representative |= groups.iter().any(|group| group.oid == oid::BPCHAR);
        let nodes: Vec<Node> = groups.iter().map(|group| group.node.clone()).collect();
        let mut node = Node::new(Sort::Query)
            .list("SELECT ", ", ", 1, items)
            .text(" FROM ")
            .child(source.node)
            .list(" WHERE ", " AND ", 0, conditions);
        // A constant as a grouping key would be a position.
        let written: Vec<Node> =
            nodes.iter().map(|key| Node::template(Sort::Other, "({})", vec![key.clone()])).collect();
        if sets {
            keys = None;
            let word = *self.random.pick(&["ROLLUP", "CUBE", "GROUPING SETS"]);
            let written = if word == "GROUPING SETS" {
                let all = Node::new(Sort::Other).text("(").list("", ", ", 0, written.clone()).text(")");
                vec![
                    all,
                    Node::new(Sort::Other).text("(").list("", ", ", 0, written[1..].to_vec()).text(")"),
                    Node::other("()"),
                ]
            } else {
                written
            };
            node = node.text(format!(" GROUP BY {word} (")).list("", ", ", 1, written).text(")");
        } else if groups.is_empty() && wanted.is_some() {
            node = node.text(" GROUP BY ()");
        } else {
            node = node.list(" GROUP BY ", ", ", 0, written);
        }
        node = node.list(" HAVING ", " AND ", 0, having);
        let mut ordered = false;
        if keys.is_some() && self.random.chance(60) {
            let mut items = Vec::new();
            for key in nodes {
                let key = fixed(&Node::template(Sort::Other, "({})", vec![key]));
                items.push(self.direction(key));
            }
            ordered = !items.is_empty();
            let least = items.len();
            node = node.list(" ORDER BY ", ", ", least, items);
            node = self.limit(node);
        }
        Query { node, columns, keys, ordered }
    }

    /// A column of the innermost query.
    fn column(&mut self, oid: u32) -> Option<Node> {
        let leaves = self.scopes.last()?;
        let found: Vec<Node> =
            leaves.iter().filter(|leaf| leaf.oid == oid).map(|leaf| leaf.node.clone()).collect();
        (!found.is_empty()).then(|| self.random.pick(&found).clone())
    }

    /// An aggregate with DISTINCT, ORDER BY, FILTER, and whether its result has one answer.
    fn aggregate_call(&mut self, keys: Option<&[Node]>) -> Option<(Leaf, bool)> {
        let names: Vec<&str> = {
            let mut names: Vec<&str> =
                self.catalog.aggregates.iter().filter(|a| !a.window).map(|a| a.name.as_str()).collect();
            names.dedup();
            names
        };
        let name = *self.random.pick(&names);
        let overloads: Vec<&Aggregate> =
            self.catalog.aggregates.iter().filter(|a| !a.window && a.name == name).collect();
        let aggregate = (*self.random.pick(&overloads)).clone();
        let (mut args, exact) = self.aggregate_args(&aggregate);
        let simple =
            aggregate.args.iter().all(|oid| types::find(*oid).is_some_and(|ty| ty.exact && ty.ordered));
        let distinct = args.len() == 1 && simple && exact && self.random.chance(25);
        let mut order = Vec::new();
        if IN_ORDER.contains(&name) {
            if distinct {
                order.push(self.direction(args[0].clone()));
            } else {
                let keys = keys?;
                if simple && self.random.chance(50) {
                    order.push(self.direction(args[0].clone()));
                }
                for key in keys {
                    order.push(self.direction(fixed(key)));
                }
            }
        }
        if name == "string_agg" {
            args[1] = Node::other("','");
        }
        if aggregate.args.is_empty() {
            args.push(Node::other("*"));
        }
        let filter = if self.random.chance(20) { vec![self.expr(oid::BOOL, 1)] } else { Vec::new() };
        let least = args.len();
        let order_least = order.len();
        let node = Node::new(Sort::Scalar(aggregate.result))
            .text(format!("{name}("))
            .list("", "", 0, if distinct { vec![Node::other("DISTINCT ")] } else { Vec::new() })
            .list("", ", ", least, args)
            .list(" ORDER BY ", ", ", if distinct { 0 } else { order_least }, order)
            .text(")")
            .list(
                " FILTER (WHERE ",
                "",
                0,
                filter.into_iter().map(|f| Node::template(Sort::Other, "{})", vec![f])).collect(),
            );
        Some((Leaf { node, oid: aggregate.result }, exact))
    }

    fn aggregate_args(&mut self, aggregate: &Aggregate) -> (Vec<Node>, bool) {
        let floats = aggregate.args.iter().any(|oid| matches!(*oid, oid::FLOAT4 | oid::FLOAT8));
        let exact = !(floats && ADDING.iter().any(|prefix| aggregate.name.starts_with(prefix)));
        if matches!(aggregate.name.as_str(), "min" | "max") {
            self.freedom.representative = true;
        }
        let args = aggregate
            .args
            .iter()
            .map(|oid| {
                // Of constants, two-argument statistics are noise.
                let depth = if exact { self.random.below(3) } else { 0 };
                self.column(*oid).filter(|_| depth == 0).unwrap_or_else(|| self.expr(*oid, depth))
            })
            .collect();
        (args, exact)
    }

    fn window(&mut self, depth: usize, wanted: Option<&[u32]>) -> Query {
        let source = self.source(depth);
        self.scopes.push(source.leaves.clone());
        let mut calls = Vec::new();
        let mut inexact = Vec::new();
        for _ in 0..=self.random.below(2) {
            if let Some((leaf, exact)) = self.window_call(source.keys.as_deref()) {
                if exact { calls.push(leaf) } else { inexact.push(leaf) }
            }
        }
        let conditions = self.conditions();
        self.scopes.pop();
        let mut leaves = source.leaves;
        leaves.extend(calls.iter().cloned());
        self.scopes.push(leaves);
        let mut columns = Vec::new();
        let mut items = Vec::new();
        if let Some(types) = wanted {
            for oid in types {
                items.push(self.item(*oid, 1, &mut columns));
            }
        } else {
            for leaf in calls {
                items.push(self.named(leaf.node, leaf.oid, &mut columns));
            }
            for leaf in inexact {
                self.freedom.digits = true;
                items.push(self.named(leaf.node, leaf.oid, &mut columns));
            }
            let oid = self.any_type();
            items.push(self.item(oid, 1, &mut columns));
        }
        let mut node = Node::new(Sort::Query)
            .list("SELECT ", ", ", 1, items)
            .text(" FROM ")
            .child(source.node)
            .list(" WHERE ", " AND ", 0, conditions);
        let mut ordered = false;
        if let (Some(keys), true) = (source.keys, self.random.chance(60)) {
            let items: Vec<Node> = keys.iter().map(|key| self.direction(fixed(key))).collect();
            let least = items.len();
            node = node.list(" ORDER BY ", ", ", least, items);
            node = self.limit(node);
            ordered = true;
        }
        self.scopes.pop();
        Query { node, columns, keys: None, ordered }
    }

    fn window_call(&mut self, keys: Option<&[Node]>) -> Option<(Leaf, bool)> {
        let windows = self.random.chance(50);
        let pool: Vec<&Aggregate> = self
            .catalog
            .aggregates
            .iter()
            .filter(|aggregate| aggregate.window == windows && !IN_ORDER.contains(&aggregate.name.as_str()))
            .collect();
        let name = pool[self.random.below(pool.len())].name.clone();
        let pool: Vec<&Aggregate> = pool.into_iter().filter(|aggregate| aggregate.name == name).collect();
        let aggregate = pool[self.random.below(pool.len())].clone();
        let (mut args, exact) = self.aggregate_args(&aggregate);
        match (name.as_str(), args.len()) {
            ("ntile", 1) => args[0] = Node::other("3"),
            ("nth_value", 2) => args[1] = Node::other("2"),
            ("lag" | "lead", 2 | 3) => args[1] = Node::other(["1", "2", "0", "-1"][self.random.below(4)]),
            (_, 0) if !aggregate.window => args.push(Node::other("*")),
            _ => {}
        }
        let by_row = BY_ROW.contains(&name.as_str());
        let mut partition = Vec::new();
        if self.random.chance(50) {
            let oid = self.exact_type();
            partition.push(self.expr(oid, 1));
        }
        let mut order = Vec::new();
        let mut total = false;
        if self.random.chance(60) {
            let oid = self.exact_type();
            let key = self.expr(oid, 1);
            order.push(self.direction(key));
        }
        if by_row || self.random.chance(40) {
            match keys {
                Some(keys) if !keys.is_empty() => {
                    for key in keys {
                        order.push(self.direction(fixed(key)));
                    }
                    total = true;
                }
                _ if by_row => return None,
                _ => {}
            }
        }
        let mut frame = Vec::new();
        if !order.is_empty() && self.random.chance(50) {
            let unit = if total {
                *self.random.pick(&["ROWS", "GROUPS", "RANGE"])
            } else {
                *self.random.pick(&["GROUPS", "RANGE"])
            };
            let bounds: &[&str] = if unit == "RANGE" {
                &[
                    "UNBOUNDED PRECEDING AND CURRENT ROW",
                    "CURRENT ROW AND UNBOUNDED FOLLOWING",
                    "UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
                ]
            } else {
                &[
                    "1 PRECEDING AND 1 FOLLOWING",
                    "2 PRECEDING AND CURRENT ROW",
                    "1 FOLLOWING AND 3 FOLLOWING",
                    "UNBOUNDED PRECEDING AND 1 PRECEDING",
                    "CURRENT ROW AND UNBOUNDED FOLLOWING",
                ]
            };
            let bounds = *self.random.pick(bounds);
            let exclude =
                *self.random.pick(&["", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"]);
            // Which of its peers a row leaves out depends on their order.
            frame.push(Node::other(format!(" {unit} BETWEEN {bounds}{}", if total { exclude } else { "" })));
        }
        let filter = if !aggregate.window && self.random.chance(20) {
            vec![self.expr(oid::BOOL, 1)]
        } else {
            Vec::new()
        };
        let least = args.len();
        let order_least = usize::from(by_row || total) * order.len();
        let node = Node::new(Sort::Scalar(aggregate.result))
            .text(format!("{name}("))
            .list("", ", ", least, args)
            .text(")")
            .list(
                " FILTER (WHERE ",
                "",
                0,
                filter.into_iter().map(|f| Node::template(Sort::Other, "{})", vec![f])).collect(),
            )
            .text(" OVER (")
            .list("PARTITION BY ", ", ", 0, partition)
            .list(" ORDER BY ", ", ", order_least, order)
            .list("", "", 0, frame)
            .text(")");
        Some((Leaf { node, oid: aggregate.result }, exact))
    }

    fn distinct(&mut self, depth: usize, wanted: Option<&[u32]>) -> Query {
        let source = self.source(depth);
        self.scopes.push(source.leaves);
        let on = wanted.is_none() && self.random.chance(30);
        if let (true, Some(keys)) = (on, &source.keys) {
            let oid = self.exact_type();
            let first = self.expr(oid, 1);
            let mut columns = Vec::new();
            let mut items = Vec::new();
            for oid in self.types(None) {
                items.push(self.item(oid, 1, &mut columns));
            }
            let conditions = self.conditions();
            let mut order = vec![Node::template(Sort::Other, "({})", vec![first.clone()])];
            order.extend(keys.iter().map(|key| self.direction(fixed(key))));
            self.scopes.pop();
            let least = order.len();
            let node = Node::new(Sort::Query)
                .text("SELECT DISTINCT ON ((")
                .child(first)
                .list(")) ", ", ", 1, items)
                .text(" FROM ")
                .child(source.node)
                .list(" WHERE ", " AND ", 0, conditions)
                .list(" ORDER BY ", ", ", least, order);
            return Query { node, columns, keys: None, ordered: true };
        }
        let types = match wanted {
            Some(types) => types.to_vec(),
            None => (0..1 + self.random.below(3)).map(|_| self.exact_type()).collect(),
        };
        let exact = types.iter().all(|oid| types::find(*oid).is_some_and(|ty| ty.exact && ty.ordered));
        let mut columns = Vec::new();
        let mut items = Vec::new();
        for oid in types {
            items.push(self.item(oid, 1, &mut columns));
        }
        let conditions = self.conditions();
        self.scopes.pop();
        self.freedom.representative |= types_have_blanks(&columns);
        let word = if exact { "SELECT DISTINCT " } else { "SELECT " };
        let keys = exact.then(|| (0..columns.len()).collect());
        let mut node = Node::new(Sort::Query)
            .list(word, ", ", 1, items)
            .text(" FROM ")
            .child(source.node)
            .list(" WHERE ", " AND ", 0, conditions);
        let mut ordered = false;
        if exact && self.random.chance(60) {
            (node, ordered) = (self.order_by_position(node, columns.len()), true);
        }
        Query { node, columns, keys, ordered }
    }

    fn order_by_position(&mut self, node: Node, count: usize) -> Node {
        let items = (1..=count).map(|position| self.direction(Node::other(position.to_string()))).collect();
        let node = node.list(" ORDER BY ", ", ", count, items);
        self.limit(node)
    }

    fn set_operation(&mut self, depth: usize, wanted: Option<&[u32]>) -> Query {
        let types = match wanted {
            Some(types) => types.to_vec(),
            None => (0..1 + self.random.below(3)).map(|_| self.exact_type()).collect(),
        };
        let exact = types.iter().all(|oid| types::find(*oid).is_some_and(|ty| ty.exact && ty.ordered));
        let words: &[&str] = if exact {
            &["UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"]
        } else {
            &["UNION ALL"]
        };
        let first = self.query(depth - 1, Some(&types));
        let mut node = Node::new(Sort::Query).text("(").child(first.node).text(")");
        let mut word = "";
        let mut others = Vec::new();
        for _ in 0..=self.random.below(2) {
            word = *self.random.pick(words);
            let query = self.query(depth - 1, Some(&types));
            others.push(Node::template(Sort::Other, &format!(" {word} ({{}})"), vec![query.node]));
        }
        let single = others.len() == 1;
        node = node.list("", "", 0, others);
        // INTERSECT binds closer: with several operations the last word tells nothing.
        let keys = (exact && single && matches!(word, "UNION" | "INTERSECT" | "EXCEPT"))
            .then(|| (0..types.len()).collect());
        let mut ordered = false;
        if exact && self.random.chance(50) {
            (node, ordered) = (self.order_by_position(node, types.len()), true);
        }
        self.freedom.representative |= types_have_blanks(&first.columns);
        Query { node, columns: first.columns, keys, ordered }
    }

    /// What stands behind FROM.
    fn source(&mut self, depth: usize) -> Source {
        let count = *self.random.pick(&[1, 1, 1, 2, 2, 3]);
        let mut source = self.item_of_from(depth);
        for _ in 1..count {
            source = self.join(source, depth);
        }
        source
    }

    fn join(&mut self, left: Source, depth: usize) -> Source {
        let lateral = depth > 0 && self.random.chance(12);
        if lateral {
            self.scopes.push(left.leaves.clone());
        }
        let right = if lateral { self.derived(depth - 1, "LATERAL ") } else { self.item_of_from(depth) };
        if lateral {
            self.scopes.pop();
        }
        let kind = *self.random.pick(if lateral {
            &["CROSS JOIN", "LEFT JOIN"] as &[&str]
        } else {
            &["JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"]
        });
        let on = match kind {
            "CROSS JOIN" => Vec::new(),
            _ if lateral => vec![Node::other("true")],
            _ => {
                let mut conditions = vec![self.equality(&left.leaves, &right.leaves)];
                if kind != "FULL JOIN" && self.random.chance(30) {
                    let mut both = left.leaves.clone();
                    both.extend(right.leaves.iter().cloned());
                    self.scopes.push(both);
                    conditions.push(self.expr(oid::BOOL, 1));
                    self.scopes.pop();
                }
                conditions
            }
        };
        let least = usize::from(!on.is_empty());
        let node = Node::new(Sort::Other)
            .child(left.node)
            .text(format!(" {kind} "))
            .child(right.node)
            .list(" ON ", " AND ", least, on);
        let mut leaves = left.leaves;
        leaves.extend(right.leaves);
        let keys = left.keys.zip(right.keys).map(|(mut left, right)| {
            left.extend(right);
            left
        });
        Source { node, leaves, keys }
    }

    /// `l = r` over columns of one type.
    fn equality(&mut self, left: &[Leaf], right: &[Leaf]) -> Node {
        let mut pairs = Vec::new();
        for l in left {
            for r in right {
                let comparable = types::find(l.oid).is_some_and(|ty| ty.ordered);
                if l.oid == r.oid && comparable {
                    pairs.push((l, r));
                }
            }
        }
        if pairs.is_empty() {
            return Node::other("true");
        }
        let (l, r) = *self.random.pick(&pairs);
        Node::template(Sort::Scalar(oid::BOOL), "{} = {}", vec![l.node.clone(), r.node.clone()])
    }

    fn item_of_from(&mut self, depth: usize) -> Source {
        match self.random.below(100) {
            0..=14 if depth > 0 => self.derived(depth - 1, ""),
            15..=24 if !self.ctes.is_empty() => {
                let (cte, columns) = self.random.pick(&self.ctes.clone()).clone();
                let alias = self.name("r");
                let leaves = leaves_of(&alias, &columns);
                Source { node: Node::other(format!("{cte} AS {alias}")), leaves, keys: None }
            }
            25..=28 => self.values(),
            29..=32 => {
                let alias = self.name("g");
                let (from, to) = (self.random.between(-2, 2), self.random.between(2, 8));
                let node = Node::other(format!("generate_series({from}, {to}) AS {alias} (n)"));
                let column = Node::scalar(oid::INT4, format!("{alias}.n"));
                Source {
                    node,
                    leaves: vec![Leaf { node: column.clone(), oid: oid::INT4 }],
                    keys: Some(vec![column]),
                }
            }
            33..=35 => {
                let alias = self.name("u");
                let node =
                    Node::other(format!("unnest(ARRAY[3, 1, NULL, 2]) WITH ORDINALITY AS {alias} (x, o)"));
                let leaf = |name: &str, oid| Leaf { node: Node::scalar(oid, format!("{alias}.{name}")), oid };
                let key = Node::scalar(oid::INT8, format!("{alias}.o"));
                Source {
                    node,
                    leaves: vec![leaf("x", oid::INT4), leaf("o", oid::INT8)],
                    keys: Some(vec![key]),
                }
            }
            _ => {
                let tables: Vec<_> = self.tables.iter().filter(|table| !table.edges).cloned().collect();
                let table = self.random.pick(&tables).clone();
                let alias = self.name("r");
                let leaves = leaves_of(&alias, &table.columns);
                let keys = Some(vec![Node::scalar(oid::INT4, format!("{alias}.id"))]);
                Source { node: Node::other(format!("{} AS {alias}", table.name)), leaves, keys }
            }
        }
    }

    /// `(query) AS alias`.
    fn derived(&mut self, depth: usize, word: &str) -> Source {
        let query = self.query(depth, None);
        let alias = self.name("q");
        let node =
            Node::new(Sort::Other).text(format!("{word}(")).child(query.node).text(format!(") AS {alias}"));
        let leaves = leaves_of(&alias, &query.columns);
        let keys = query.keys.map(|keys| keys.into_iter().map(|key| leaves[key].node.clone()).collect());
        Source { node, leaves, keys }
    }

    fn values(&mut self) -> Source {
        let alias = self.name("v");
        let oids: Vec<u32> = (0..1 + self.random.below(2)).map(|_| self.any_type()).collect();
        let rows = (1..=1 + self.random.below(3))
            .map(|row| {
                let mut items = vec![Node::other(row.to_string())];
                items.extend(oids.iter().map(|oid| self.literal(*oid)));
                let least = items.len();
                Node::new(Sort::Other).text("(").list("", ", ", least, items).text(")")
            })
            .collect();
        let mut columns = vec![Column { name: "n".to_owned(), oid: oid::INT4 }];
        columns.extend(
            oids.iter().enumerate().map(|(index, oid)| Column { name: format!("x{index}"), oid: *oid }),
        );
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let node = Node::new(Sort::Other)
            .list("(VALUES ", ", ", 1, rows)
            .text(format!(") AS {alias} ({})", names.join(", ")));
        let leaves = leaves_of(&alias, &columns);
        let keys = Some(vec![leaves[0].node.clone()]);
        Source { node, leaves, keys }
    }
}

/// True if there are `char` columns: of equal values of several lengths any stands for all.
fn types_have_blanks(columns: &[Column]) -> bool {
    columns.iter().any(|column| column.oid == oid::BPCHAR)
}

/// The key as it is: what is made smaller must still tell rows apart.
fn fixed(key: &Node) -> Node {
    Node::other(key.sql())
}

fn leaves_of(alias: &str, columns: &[Column]) -> Vec<Leaf> {
    columns
        .iter()
        .map(|column| Leaf {
            node: Node::scalar(column.oid, format!("{alias}.{}", column.name)),
            oid: column.oid,
        })
        .collect()
}
