//! Queries as trees of text, so that a query that fails can be made smaller.

use std::fmt::Write as _;

/// What may stand where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A value of the type with this oid.
    Scalar(u32),
    /// A whole query.
    Query,
    /// Something that only its parent understands.
    Other,
}

/// A piece of SQL.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) sort: Sort,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Child(Node),
    List(List),
}

/// Items of which some may be left out. Without items nothing is written, the prefix neither.
#[derive(Clone, Debug)]
struct List {
    prefix: &'static str,
    separator: &'static str,
    items: Vec<Node>,
    least: usize,
}

impl Node {
    pub(crate) fn new(sort: Sort) -> Self {
        Self { sort, parts: Vec::new() }
    }

    pub(crate) fn scalar(oid: u32, text: impl Into<String>) -> Self {
        Self::new(Sort::Scalar(oid)).text(text)
    }

    pub(crate) fn other(text: impl Into<String>) -> Self {
        Self::new(Sort::Other).text(text)
    }

    #[must_use]
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    #[must_use]
    pub(crate) fn child(mut self, child: Node) -> Self {
        self.parts.push(Part::Child(child));
        self
    }

    #[must_use]
    pub(crate) fn list(
        mut self,
        prefix: &'static str,
        separator: &'static str,
        least: usize,
        items: Vec<Node>,
    ) -> Self {
        self.parts.push(Part::List(List { prefix, separator, items, least }));
        self
    }

    /// `template` with `{}` for each child in turn.
    pub(crate) fn template(sort: Sort, template: &str, children: Vec<Node>) -> Self {
        let mut node = Self::new(sort);
        let mut pieces = template.split("{}");
        node = node.text(pieces.next().unwrap_or_default());
        for (child, text) in children.into_iter().zip(pieces) {
            node = node.child(child).text(text);
        }
        node
    }

    pub(crate) fn sql(&self) -> String {
        let mut sql = String::new();
        self.write(&mut sql);
        sql
    }

    fn write(&self, sql: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(text) => sql.push_str(text),
                Part::Child(child) => child.write(sql),
                Part::List(List { prefix, separator, items, .. }) => {
                    for (index, item) in items.iter().enumerate() {
                        let _ = write!(sql, "{}", if index == 0 { prefix } else { separator });
                        item.write(sql);
                    }
                }
            }
        }
    }

    /// Trees with one thing less, those that lose most first.
    pub(crate) fn reductions(&self, type_name: &dyn Fn(u32) -> String) -> Vec<Node> {
        let mut found = Vec::new();
        match self.sort {
            Sort::Other => {}
            sort => self.descendants(sort, &mut found),
        }
        if let Sort::Scalar(oid) = self.sort {
            found.push(Self::scalar(oid, format!("NULL::{}", type_name(oid))));
        }
        for (index, part) in self.parts.iter().enumerate() {
            let with = |part: Part| {
                let mut node = self.clone();
                node.parts[index] = part;
                node
            };
            match part {
                Part::Text(_) => {}
                Part::Child(child) => {
                    found.extend(
                        child.reductions(type_name).into_iter().map(|child| with(Part::Child(child))),
                    );
                }
                Part::List(list) => {
                    for position in (0..list.items.len()).filter(|_| list.items.len() > list.least) {
                        let mut fewer = list.clone();
                        fewer.items.remove(position);
                        found.push(with(Part::List(fewer)));
                    }
                    for (position, item) in list.items.iter().enumerate() {
                        for smaller in item.reductions(type_name) {
                            let mut items = list.clone();
                            items.items[position] = smaller;
                            found.push(with(Part::List(items)));
                        }
                    }
                }
            }
        }
        found
    }

    /// Nodes of this sort below the node.
    fn descendants(&self, sort: Sort, found: &mut Vec<Node>) {
        for part in &self.parts {
            let children = match part {
                Part::Text(_) => continue,
                Part::Child(child) => std::slice::from_ref(child),
                Part::List(list) => list.items.as_slice(),
            };
            for child in children {
                if child.sort == sort {
                    found.push(child.clone());
                }
                child.descendants(sort, found);
            }
        }
    }
}
