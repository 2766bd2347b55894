//! Window frames as SQL has them: DataFusion's have no EXCLUDE, and scalars for offsets.

use bridge_types::{PgType, oid};
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, WindowFrame, WindowFrameBound, WindowFrameUnits};

use crate::pg::{PgConstant, Value};

/// Where a frame starts or ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the words of the SQL standard")]
pub enum Bound {
    /// UNBOUNDED PRECEDING of a start, UNBOUNDED FOLLOWING of an end.
    Unbounded,
    CurrentRow,
    Preceding(Expr),
    Following(Expr),
}

impl Bound {
    /// The offset, if there is one.
    #[must_use]
    pub fn offset(&self) -> Option<&Expr> {
        match self {
            Self::Preceding(offset) | Self::Following(offset) => Some(offset),
            Self::Unbounded | Self::CurrentRow => None,
        }
    }

    /// This bound with another offset, if it has one.
    pub(crate) fn try_map<E>(self, map: impl FnOnce(Expr) -> Result<Expr, E>) -> Result<Self, E> {
        Ok(match self {
            Self::Preceding(offset) => Self::Preceding(map(offset)?),
            Self::Following(offset) => Self::Following(map(offset)?),
            other => other,
        })
    }

    fn displayed(&self, unbounded: WindowFrameBound) -> WindowFrameBound {
        let text = |offset: &Expr| ScalarValue::Utf8(Some(offset.to_string()));
        match self {
            Self::Unbounded => unbounded,
            Self::CurrentRow => WindowFrameBound::CurrentRow,
            Self::Preceding(offset) => WindowFrameBound::Preceding(text(offset)),
            Self::Following(offset) => WindowFrameBound::Following(text(offset)),
        }
    }
}

/// Rows of the frame that are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the words of the SQL standard")]
pub enum Exclude {
    NoOthers,
    CurrentRow,
    Group,
    Ties,
}

/// `units BETWEEN start AND end EXCLUDE ..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// ROWS, RANGE or GROUPS.
    pub units: WindowFrameUnits,
    /// Its first row.
    pub start: Bound,
    /// Its last row.
    pub end: Bound,
    /// What is left out.
    pub exclude: Exclude,
}

impl Frame {
    /// The frame in DataFusion's words, for EXPLAIN: without EXCLUDE, offsets as text.
    #[must_use]
    pub fn displayed(&self) -> WindowFrame {
        let none = ScalarValue::Null;
        WindowFrame::new_bounds(
            self.units,
            self.start.displayed(WindowFrameBound::Preceding(none.clone())),
            self.end.displayed(WindowFrameBound::Following(none)),
        )
    }

    /// The frame for an aggregate of the engine. Where it is the whole partition, DuckDB (1.5) computes
    /// an aggregate once, and hands one state to a callback that expects one for each row; offsets that
    /// hold any partition keep it from doing so.
    pub(crate) fn for_own_aggregate(&self, no_order: bool) -> Self {
        let all_peers = no_order && self.units != WindowFrameUnits::Rows;
        let is_open = |bound: &Bound| match bound {
            Bound::Unbounded => true,
            Bound::CurrentRow => all_peers,
            _ => false,
        };
        if self.exclude != Exclude::NoOthers || !is_open(&self.start) || !is_open(&self.end) {
            return self.clone();
        }
        let offset = || PgConstant::expr(PgType::new(oid::INT8), Value::Int(1 << 40));
        Self {
            units: WindowFrameUnits::Rows,
            start: Bound::Preceding(offset()),
            end: Bound::Following(offset()),
            exclude: Exclude::NoOthers,
        }
    }

    /// True if it is bounded by values of the ORDER BY key.
    #[must_use]
    pub fn is_by_value(&self) -> bool {
        let has_offset = self.start.offset().is_some() || self.end.offset().is_some();
        self.units == WindowFrameUnits::Range && has_offset
    }
}
