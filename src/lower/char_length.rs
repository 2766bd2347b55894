//! How long the values of a `char(n)` or `char(n)[]` column of the result are.
//!
//! In DuckDB such values have no trailing blanks, and the kernels put them back. Postgres forgets
//! the `n` of many expressions (`max(c)`, `CASE WHEN .. THEN c END`), whose values keep their
//! length nevertheless.

use bridge_types::{PgType, oid};
use pgrx::pg_sys;

use super::{Result, types, unsupported};
use crate::pg::list;

/// The length of a value with all of its blanks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// There are nulls only.
    Empty,
    /// The typmod of all values; -1 for a column that is declared without one.
    Typmod(i32),
    /// Values of several lengths, or of a length that only the executor knows.
    Mixed,
}

impl Length {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, length) | (length, Self::Empty) => length,
            (a, b) if a == b => a,
            _ => Self::Mixed,
        }
    }
}

/// The type of the values of column `index` of a query, and false if they are `char` of lengths
/// that differ.
///
/// # Safety
/// `query` is an analysed query, `node` the expression of that column.
pub(super) unsafe fn of_column(
    query: *mut pg_sys::Query,
    index: usize,
    node: *const pg_sys::Node,
) -> (PgType, bool) {
    // SAFETY: as the caller promises.
    unsafe {
        let own = types::of_node(node);
        if !matches!(own.oid, oid::BPCHAR | oid::BPCHAR_ARRAY) || own.typmod >= 0 {
            return (own, true);
        }
        match of_output(query, index) {
            Length::Empty => (own, true),
            Length::Typmod(typmod) => (PgType { typmod, ..own }, true),
            Length::Mixed => (own, false),
        }
    }
}

/// Refuses results with `char` values of several lengths, since DuckDB does not keep the blanks.
///
/// # Safety
/// `query` is an analysed query.
pub(super) unsafe fn check_result(query: *mut pg_sys::Query) -> Result<()> {
    // SAFETY: as the caller promises; target lists hold target entries.
    unsafe {
        for (index, entry) in list::pointers::<pg_sys::TargetEntry>((*query).targetList).enumerate() {
            if !(*entry).resjunk && !of_column(query, index, (*entry).expr.cast()).1 {
                return unsupported("a result column of type character", "its values have different lengths");
            }
        }
        Ok(())
    }
}

/// # Safety
/// `query` is an analysed query.
unsafe fn of_output(query: *mut pg_sys::Query, index: usize) -> Length {
    // SAFETY: as the caller promises.
    unsafe {
        if !(*query).setOperations.is_null() {
            return of_set_operation(query, (*query).setOperations, index);
        }
        let entry = list::pointers::<pg_sys::TargetEntry>((*query).targetList).nth(index);
        entry.map_or(Length::Mixed, |entry| of_value(query, (*entry).expr.cast()))
    }
}

/// # Safety
/// `node` is a set operation of `query` or a reference to one of its subqueries.
unsafe fn of_set_operation(query: *mut pg_sys::Query, node: *mut pg_sys::Node, index: usize) -> Length {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_SetOperationStmt => {
                let operation = node.cast::<pg_sys::SetOperationStmt>();
                of_set_operation(query, (*operation).larg, index).and(of_set_operation(
                    query,
                    (*operation).rarg,
                    index,
                ))
            }
            pg_sys::NodeTag::T_RangeTblRef => {
                let reference = node.cast::<pg_sys::RangeTblRef>();
                match range_entry(query, (*reference).rtindex) {
                    Some(entry) if !(*entry).subquery.is_null() => of_output((*entry).subquery, index),
                    _ => Length::Mixed,
                }
            }
            _ => Length::Mixed,
        }
    }
}

/// # Safety
/// `query` is an analysed query.
unsafe fn range_entry(query: *mut pg_sys::Query, number: i32) -> Option<*mut pg_sys::RangeTblEntry> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    // SAFETY: as the caller promises.
    unsafe { list::pointers::<pg_sys::RangeTblEntry>((*query).rtable).nth(index) }
}

/// # Safety
/// `node` is an expression of `query`.
unsafe fn of_value(query: *mut pg_sys::Query, node: *mut pg_sys::Node) -> Length {
    // SAFETY: as the caller promises; the tag says what the node is, and argument lists hold nodes.
    unsafe {
        let own = types::of_node(node);
        if !matches!(own.oid, oid::BPCHAR | oid::BPCHAR_ARRAY) {
            return Length::Mixed;
        }
        if let pg_sys::NodeTag::T_Const = (*node).type_
            && (*node.cast::<pg_sys::Const>()).constisnull
        {
            return Length::Empty;
        }
        if own.typmod >= 0 {
            return Length::Typmod(own.typmod);
        }
        let of_all = |args: *mut pg_sys::List| {
            list::pointers::<pg_sys::Node>(args)
                .map(|arg| of_value(query, arg))
                .fold(Length::Empty, Length::and)
        };
        match (*node).type_ {
            pg_sys::NodeTag::T_Const if own.oid == oid::BPCHAR => of_constant(node.cast()),
            pg_sys::NodeTag::T_Var => of_var(query, node.cast()),
            pg_sys::NodeTag::T_CaseExpr => {
                let case = node.cast::<pg_sys::CaseExpr>();
                let otherwise = (*case).defresult;
                let otherwise =
                    if otherwise.is_null() { Length::Empty } else { of_value(query, otherwise.cast()) };
                list::pointers::<pg_sys::CaseWhen>((*case).args)
                    .map(|arm| of_value(query, (*arm).result.cast()))
                    .fold(otherwise, Length::and)
            }
            pg_sys::NodeTag::T_CoalesceExpr => of_all((*node.cast::<pg_sys::CoalesceExpr>()).args),
            pg_sys::NodeTag::T_MinMaxExpr => of_all((*node.cast::<pg_sys::MinMaxExpr>()).args),
            pg_sys::NodeTag::T_NullIfExpr => {
                let first = list::pointers((*node.cast::<pg_sys::NullIfExpr>()).args).next();
                first.map_or(Length::Mixed, |first| of_value(query, first))
            }
            pg_sys::NodeTag::T_Aggref => {
                let first =
                    list::pointers::<pg_sys::TargetEntry>((*node.cast::<pg_sys::Aggref>()).args).next();
                first.map_or(Length::Mixed, |entry| of_value(query, (*entry).expr.cast()))
            }
            pg_sys::NodeTag::T_WindowFunc => {
                // The value, and the default of lag and lead.
                list::pointers::<pg_sys::Node>((*node.cast::<pg_sys::WindowFunc>()).args)
                    .filter(|arg| types::of_node(*arg).oid == oid::BPCHAR)
                    .map(|arg| of_value(query, arg))
                    .fold(Length::Empty, Length::and)
            }
            pg_sys::NodeTag::T_RelabelType => {
                of_value(query, (*node.cast::<pg_sys::RelabelType>()).arg.cast())
            }
            pg_sys::NodeTag::T_SubLink => {
                let select = (*node.cast::<pg_sys::SubLink>()).subselect.cast::<pg_sys::Query>();
                of_output(select, 0)
            }
            _ => Length::Mixed,
        }
    }
}

/// # Safety
/// `constant` is a `char` that is not null.
unsafe fn of_constant(constant: *mut pg_sys::Const) -> Length {
    // SAFETY: as the caller promises; the length function of char(n) does not count blanks, that of text does.
    unsafe {
        let length = pg_sys::OidFunctionCall1Coll(
            pg_sys::Oid::from(TEXT_LENGTH),
            pg_sys::InvalidOid,
            (*constant).constvalue,
        );
        // A typmod of char(n) is n and the size of a varlena header.
        i32::try_from(length.value()).map_or(Length::Mixed, |length| Length::Typmod(length + 4))
    }
}

/// `pg_proc`'s `length(text)`.
const TEXT_LENGTH: u32 = 1257;

/// # Safety
/// `var` is a column reference in `query`.
unsafe fn of_var(query: *mut pg_sys::Query, var: *mut pg_sys::Var) -> Length {
    // SAFETY: as the caller promises.
    unsafe {
        let Some(index) = usize::try_from((*var).varattno).ok().and_then(|number| number.checked_sub(1))
        else {
            return Length::Mixed;
        };
        if (*var).varlevelsup > 0 {
            return Length::Mixed;
        }
        let Some(entry) = range_entry(query, (*var).varno) else { return Length::Mixed };
        match (*entry).rtekind {
            pg_sys::RTEKind::RTE_RELATION => Length::Typmod(-1),
            pg_sys::RTEKind::RTE_SUBQUERY => of_output((*entry).subquery, index),
            pg_sys::RTEKind::RTE_JOIN => list::pointers::<pg_sys::Node>((*entry).joinaliasvars)
                .nth(index)
                .map_or(Length::Mixed, |alias| of_value(query, alias)),
            _ => Length::Mixed,
        }
    }
}
