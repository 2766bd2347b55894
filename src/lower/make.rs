//! Small analysed expressions that statements are put together from.

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use crate::pg::{self, list};

/// `int4eq`'s operator.
const INT4_EQUAL: pg_sys::Oid = pg_sys::Oid::from_u32(96);

/// A column of range-table entry `index`, which is relation `relid`.
///
/// # Safety
/// `attribute` is one of the relation, which the statement has locked.
pub(super) unsafe fn var(relid: pg_sys::Oid, index: i32, attribute: i16) -> *mut pg_sys::Var {
    let (mut type_oid, mut typmod, mut collation) = (pg_sys::InvalidOid, -1, pg_sys::InvalidOid);
    // SAFETY: as the caller promises; a fresh node.
    unsafe {
        pg_sys::get_atttypetypmodcoll(
            relid,
            attribute,
            &raw mut type_oid,
            &raw mut typmod,
            &raw mut collation,
        );
        pg_sys::makeVar(index as _, attribute, type_oid, typmod, collation, 0)
    }
}

/// An integer constant.
pub(super) fn integer(value: i32) -> *mut pg_sys::Node {
    // SAFETY: a fresh node; integers are by value.
    unsafe {
        let datum = pg_sys::Datum::from(value);
        pg_sys::makeConst(pg_sys::INT4OID, -1, pg_sys::InvalidOid, 4, datum, false, true).cast()
    }
}

/// A bigint constant.
pub(super) fn bigint(value: i64) -> *mut pg_sys::Node {
    // SAFETY: a fresh node; integers are by value.
    unsafe {
        let datum = pg_sys::Datum::from(value);
        pg_sys::makeConst(pg_sys::INT8OID, -1, pg_sys::InvalidOid, 8, datum, false, true).cast()
    }
}

/// An oid constant.
pub(super) fn oid(value: pg_sys::Oid) -> *mut pg_sys::Node {
    // SAFETY: a fresh node; oids are by value.
    unsafe {
        let datum = pg_sys::Datum::from(value.to_u32());
        pg_sys::makeConst(pg_sys::OIDOID, -1, pg_sys::InvalidOid, 4, datum, false, true).cast()
    }
}

/// A bigint that is null.
pub(super) fn null_rowid() -> *mut pg_sys::Node {
    // SAFETY: a fresh node.
    unsafe { pg_sys::makeNullConst(pg_sys::INT8OID, -1, pg_sys::InvalidOid).cast() }
}

/// `left = right` of two integers.
///
/// # Safety
/// Both are expressions of type integer.
pub(super) unsafe fn equal(left: *mut pg_sys::Node, right: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe { operator(INT4_EQUAL, left, right, pg_sys::InvalidOid) }
}

/// `left operator right`, a condition.
///
/// # Safety
/// `operator` takes the types of both sides and gives a boolean.
pub(super) unsafe fn operator(
    operator: pg_sys::Oid,
    left: *mut pg_sys::Node,
    right: *mut pg_sys::Node,
    collation: pg_sys::Oid,
) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe {
        let clause = pg_sys::make_opclause(
            operator,
            pg_sys::BOOLOID,
            false,
            left.cast(),
            right.cast(),
            pg_sys::InvalidOid,
            collation,
        );
        pg_sys::set_opfuncid(clause.cast());
        clause.cast()
    }
}

/// `arg IS NULL`.
///
/// # Safety
/// `arg` is an expression of a scalar type.
pub(super) unsafe fn is_null(arg: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe {
        let test = pg::new_node::<pg_sys::NullTest>(NodeTag::T_NullTest);
        (*test).arg = arg.cast();
        (*test).nulltesttype = pg_sys::NullTestType::IS_NULL;
        (*test).location = -1;
        test.cast()
    }
}

/// `arg IS FALSE`.
///
/// # Safety
/// `arg` is a boolean expression.
pub(super) unsafe fn is_false(arg: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe {
        let test = pg::new_node::<pg_sys::BooleanTest>(NodeTag::T_BooleanTest);
        (*test).arg = arg.cast();
        (*test).booltesttype = pg_sys::BoolTestType::IS_FALSE;
        (*test).location = -1;
        test.cast()
    }
}

/// `CASE WHEN condition THEN value .. ELSE otherwise END`, `otherwise` being null if it is a null
/// pointer; just that without branches.
///
/// # Safety
/// All values have one type; conditions are booleans.
pub(super) unsafe fn case(
    branches: &[(*mut pg_sys::Node, *mut pg_sys::Node)],
    otherwise: *mut pg_sys::Node,
) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe {
        let Some((_, value)) = branches.first() else { return otherwise };
        let case = pg::new_node::<pg_sys::CaseExpr>(NodeTag::T_CaseExpr);
        (*case).casetype = pg_sys::exprType(*value);
        (*case).casecollid = pg_sys::exprCollation(*value);
        for (condition, value) in branches {
            let when = pg::new_node::<pg_sys::CaseWhen>(NodeTag::T_CaseWhen);
            (*when).expr = condition.cast();
            (*when).result = value.cast();
            (*when).location = -1;
            (*case).args = list::append((*case).args, when);
        }
        (*case).defresult = if otherwise.is_null() {
            let typmod = pg_sys::exprTypmod(*value);
            pg_sys::makeNullConst((*case).casetype, typmod, (*case).casecollid).cast()
        } else {
            otherwise.cast()
        };
        (*case).location = -1;
        case.cast()
    }
}

/// An inner or left join of two items.
///
/// # Safety
/// Both are join tree nodes and `condition` a boolean over their columns, or null.
pub(super) unsafe fn join(
    kind: pg_sys::JoinType::Type,
    left: *mut pg_sys::Node,
    right: *mut pg_sys::Node,
    condition: *mut pg_sys::Node,
) -> *mut pg_sys::FromExpr {
    // SAFETY: as the caller promises.
    unsafe {
        let join = pg::new_node::<pg_sys::JoinExpr>(NodeTag::T_JoinExpr);
        (*join).jointype = kind;
        (*join).larg = left;
        (*join).rarg = right;
        (*join).quals = condition;
        let from = pg::new_node::<pg_sys::FromExpr>(NodeTag::T_FromExpr);
        (*from).fromlist = list::append(std::ptr::null_mut(), join);
        from
    }
}

/// A reference to a range-table entry in FROM.
///
/// # Safety
/// `index` is one of the level's range table.
pub(super) unsafe fn reference(index: i32) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe {
        let reference = pg::new_node::<pg_sys::RangeTblRef>(NodeTag::T_RangeTblRef);
        (*reference).rtindex = index;
        reference.cast()
    }
}

/// Another copy of an expression: no node may be in a tree twice.
///
/// # Safety
/// `node` is a valid expression.
pub(super) unsafe fn copy(node: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe { pg_sys::copyObjectImpl(node.cast_const().cast()).cast() }
}
