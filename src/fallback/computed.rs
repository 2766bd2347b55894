//! Columns that the backend adds to the rows of a base relation: `tableoid`, whole rows, and the
//! row identifier that Postgres asks for when the statement writes or locks other tables.

use bridge_types::SqlState;
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::part;
use crate::error::{Error, Result};
use crate::lower;
use crate::pg::{self, compat, list};

/// What a relation's row consists of.
#[derive(Default)]
pub(super) struct Layout {
    /// Columns that DuckDB sends.
    pub(super) shipped: Vec<*mut pg_sys::Node>,
    /// Columns that the backend computes from them, which come behind.
    computed: Vec<*mut pg_sys::Var>,
}

impl Layout {
    /// The row that has all of `wanted`, which are Vars of the level.
    ///
    /// # Safety
    /// `root` is the state of the level.
    ///
    /// # Errors
    /// 0A000 for system columns that nobody can compute.
    pub(super) unsafe fn of(root: *mut pg_sys::PlannerInfo, wanted: &[*mut pg_sys::Node]) -> Result<Self> {
        let mut layout = Self::default();
        // SAFETY: as the caller promises.
        unsafe {
            for node in wanted {
                let var = node.cast::<pg_sys::Var>();
                match i32::from((*var).varattno) {
                    1.. => layout.ship(*node),
                    _ if lower::is_rowid(&*var) => layout.ship(*node),
                    0 => {
                        for column in columns(root, var) {
                            if (*column).type_ == NodeTag::T_Var {
                                layout.ship(column);
                            }
                        }
                        layout.computed.push(var);
                    }
                    pg_sys::TableOidAttributeNumber | pg_sys::SelfItemPointerAttributeNumber => {
                        layout.computed.push(var);
                    }
                    _ => {
                        return Err(Error::new(
                            SqlState::FEATURE_NOT_SUPPORTED,
                            "duckdb tables have no system columns but tableoid",
                        ));
                    }
                }
            }
        }
        Ok(layout)
    }

    fn ship(&mut self, column: *mut pg_sys::Node) {
        if self.position(column).is_none() {
            self.shipped.push(column);
        }
    }

    fn position(&self, column: *mut pg_sys::Node) -> Option<usize> {
        // SAFETY: nodes of the level.
        self.shipped.iter().position(|known| unsafe { pg_sys::equal(known.cast(), column.cast()) })
    }

    /// Adds the computed columns to the target list of the shipped ones.
    ///
    /// # Safety
    /// `targets` are the target entries of the shipped columns.
    pub(super) unsafe fn append_to(&self, targets: *mut pg_sys::List) -> *mut pg_sys::List {
        // SAFETY: as the caller promises; fresh nodes in the current context.
        unsafe {
            self.computed.iter().fold(targets, |targets, var| {
                let number = list::pointers::<pg_sys::Node>(targets).len() + 1;
                let number = i16::try_from(number).expect("target lists are shorter");
                let entry = pg_sys::makeTargetEntry(var.cast(), number, std::ptr::null_mut(), false);
                list::append(targets, entry)
            })
        }
    }

    /// For `custom_private`: a list of integers for each computed column, which are its attribute
    /// number, an oid (of the table, or of the row's type), and for whole rows the position of
    /// each of its columns among those shipped, -1 for dropped ones.
    ///
    /// # Safety
    /// `root` is the state of the level.
    pub(super) unsafe fn to_private(&self, root: *mut pg_sys::PlannerInfo) -> *mut pg_sys::List {
        // SAFETY: as the caller promises; fresh nodes in the current context.
        unsafe {
            self.computed.iter().fold(std::ptr::null_mut(), |private, var| {
                let entry = entry(root, *var);
                let attribute = i32::from((**var).varattno);
                let oid = if attribute == 0 { (**var).vartype } else { (*entry).relid };
                let mut items = vec![attribute, oid.to_u32().cast_signed()];
                if attribute == 0 {
                    items.extend(columns(root, *var).into_iter().map(|column| {
                        self.position(column).and_then(|position| i32::try_from(position).ok()).unwrap_or(-1)
                    }));
                }
                list::append(private, list::from_integers(items))
            })
        }
    }
}

/// # Safety
/// `var` is a Var of the level of `root`.
unsafe fn entry(root: *mut pg_sys::PlannerInfo, var: *mut pg_sys::Var) -> *mut pg_sys::RangeTblEntry {
    // SAFETY: as the caller promises.
    unsafe { pg_sys::list_nth((*(*root).parse).rtable, (*var).varno - 1).cast() }
}

/// The columns of the relation of `var`, constants for dropped ones.
///
/// # Safety
/// `var` is a Var of the level of `root`.
unsafe fn columns(root: *mut pg_sys::PlannerInfo, var: *mut pg_sys::Var) -> Vec<*mut pg_sys::Node> {
    // SAFETY: as the caller promises.
    unsafe {
        let mut vars = std::ptr::null_mut();
        let entry = entry(root, var);
        compat::expand_entry(entry, (*var).varno, std::ptr::null_mut(), &raw mut vars);
        list::pointers(vars).collect()
    }
}

/// What computes a column of a running scan.
pub(super) enum Computed {
    /// The same in each row.
    Value(u64),
    /// A row as a value.
    Row(WholeRow),
}

/// See [`Computed::Row`].
pub(super) struct WholeRow {
    descriptor: pg_sys::TupleDesc,
    /// Position of each column among those shipped.
    positions: Vec<Option<usize>>,
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
}

/// The row identifier of every row. Nothing is read by it: a statement that asks for it wants
/// to find the row again after a conflict, which the access method answers with an error.
static ROW_IDENTIFIER: [u16; 3] = [0, 0, 1];

impl Computed {
    /// Decodes [`Layout::to_private`]; memory is that of the current context.
    ///
    /// # Safety
    /// `private` was made for a scan whose shipped columns are `targets`.
    pub(super) unsafe fn all(private: *mut pg_sys::List, targets: *mut pg_sys::List) -> Result<Vec<Self>> {
        // SAFETY: as the caller promises.
        unsafe {
            list::pointers::<pg_sys::List>(private)
                .map(|items| {
                    let items = list::integers(items);
                    let oid = pg_sys::Oid::from(items[1].cast_unsigned());
                    Ok(match items[0] {
                        0 => {
                            let positions =
                                items[2..].iter().map(|position| usize::try_from(*position).ok()).collect();
                            Self::Row(WholeRow::new(oid, positions, targets)?)
                        }
                        pg_sys::TableOidAttributeNumber => Self::Value(oid.to_u32().into()),
                        _ => Self::Value((&raw const ROW_IDENTIFIER).addr() as u64),
                    })
                })
                .collect()
        }
    }

    /// The datum for the row whose shipped columns are `values`, in the current memory context.
    ///
    /// # Safety
    /// `values` and `nulls` hold as many columns as were shipped, of their types.
    pub(super) unsafe fn datum(&mut self, values: &[pg_sys::Datum], nulls: &[bool]) -> pg_sys::Datum {
        match self {
            Self::Value(value) => pg_sys::Datum::from(*value),
            // SAFETY: as the caller promises.
            Self::Row(row) => unsafe { row.form(values, nulls) },
        }
    }
}

impl WholeRow {
    /// # Safety
    /// `targets` are the target entries that the positions refer to.
    unsafe fn new(
        type_oid: pg_sys::Oid,
        positions: Vec<Option<usize>>,
        targets: *mut pg_sys::List,
    ) -> Result<Self> {
        let count = positions.len();
        // SAFETY: as the caller promises; the descriptors are copies of our own.
        let descriptor = unsafe {
            if type_oid == pg_sys::RECORDOID {
                let targets: Vec<*mut pg_sys::TargetEntry> = list::pointers(targets).collect();
                let natts = i32::try_from(count).expect("a relation has at most 1600 columns");
                let descriptor = pg_sys::CreateTemplateTupleDesc(natts);
                for (position, number) in positions.iter().zip(1..) {
                    let target = position.and_then(|position| targets.get(position));
                    let Some(target) = target else {
                        return Err(part_of_dropped_column());
                    };
                    let node = (**target).expr.cast::<pg_sys::Node>();
                    let (type_oid, typmod) = (pg_sys::exprType(node), pg_sys::exprTypmod(node));
                    pg_sys::TupleDescInitEntry(descriptor, number, (**target).resname, type_oid, typmod, 0);
                    let collation = pg_sys::exprCollation(node);
                    pg_sys::TupleDescInitEntryCollation(descriptor, number, collation);
                }
                pg_sys::BlessTupleDesc(descriptor)
            } else {
                pg_sys::lookup_rowtype_tupdesc_copy(pg_sys::getBaseType(type_oid), -1)
            }
        };
        // SAFETY: just made.
        if usize::try_from(unsafe { (*descriptor).natts }).ok() != Some(count) {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "the columns of the relation changed between planning and execution",
            ));
        }
        let (values, nulls) = (vec![pg_sys::Datum::from(0); count], vec![true; count]);
        Ok(Self { descriptor, positions, values, nulls })
    }

    /// # Safety
    /// As [`Computed::datum`].
    unsafe fn form(&mut self, values: &[pg_sys::Datum], nulls: &[bool]) -> pg_sys::Datum {
        for (i, position) in self.positions.iter().enumerate() {
            if let Some(position) = *position {
                (self.values[i], self.nulls[i]) = (values[position], nulls[position]);
            }
        }
        // SAFETY: as many values as the descriptor has columns.
        unsafe {
            let tuple =
                pg_sys::heap_form_tuple(self.descriptor, self.values.as_mut_ptr(), self.nulls.as_mut_ptr());
            pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data)
        }
    }
}

fn part_of_dropped_column() -> Error {
    Error::new(SqlState::FEATURE_NOT_SUPPORTED, "a row with dropped columns is not supported here")
}

/// Target entries of the columns that DuckDB sends, named as the relations name them; one
/// constant if there are none, since DuckDB has no rows without columns.
///
/// # Safety
/// `root` is the state of the level, whose expressions `shipped` are.
pub(super) unsafe fn targets(
    root: *mut pg_sys::PlannerInfo,
    shipped: &[*mut pg_sys::Node],
) -> *mut pg_sys::List {
    // SAFETY: as the caller promises; fresh nodes in the current context.
    unsafe {
        if shipped.is_empty() {
            let one = pg_sys::Datum::from(1i32);
            let one = pg_sys::makeConst(pg_sys::INT4OID, -1, pg_sys::InvalidOid, 4, one, false, true);
            return part::targets(&[one.cast()]);
        }
        let targets = part::targets(shipped);
        for target in list::pointers::<pg_sys::TargetEntry>(targets) {
            if (*(*target).expr).type_ == NodeTag::T_Var {
                let var = (*target).expr.cast::<pg_sys::Var>();
                if lower::is_rowid(&*var) {
                    continue;
                }
                let names = (*(*entry(root, var)).eref).colnames;
                let name = pg_sys::list_nth(names, i32::from((*var).varattno) - 1);
                (*target).resname = pg::palloc_string(&pg::node_string(name.cast()));
            }
        }
        targets
    }
}
