//! `INSERT .. ON CONFLICT`.
//!
//! DO NOTHING is DuckDB's own. DO UPDATE becomes a MERGE of the rows with those that have the same
//! key: DuckDB's own would take a second row of the same key in silence, and no subqueries.

use bridge_plan::nodes::{Insert, Merge, MergeAction, OnConflict};
use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::source::{self, Source, Target};
use super::{LowerError, LowerOptions, Result, constraint, insert, make, multiple};
use crate::hooks::planner;
use crate::pg::{self, list, palloc_string};
use crate::tables::definition::{Definition, Key};

/// What to do with rows that are there already, for DO NOTHING and without ON CONFLICT.
///
/// # Safety
/// `query` is an INSERT into `target`.
pub(super) unsafe fn clause(query: *mut pg_sys::Query, target: &Target) -> Result<OnConflict> {
    // SAFETY: as the caller promises.
    unsafe {
        let Some(clause) = (*query).onConflict.as_ref() else { return Ok(OnConflict::Fail) };
        let keys = keys(clause, target)?;
        if keys.is_none() && unique(target)?.is_empty() {
            // DuckDB wants to know what there may be a conflict with.
            return Ok(OnConflict::Fail);
        }
        let columns = keys.iter().flatten().map(|attribute| target.column(*attribute));
        Ok(OnConflict::Nothing(columns.collect()))
    }
}

/// True for DO UPDATE.
///
/// # Safety
/// `query` is an analysed INSERT.
pub(super) unsafe fn updates(query: *mut pg_sys::Query) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        (*query)
            .onConflict
            .as_ref()
            .is_some_and(|clause| clause.action == pg_sys::OnConflictAction::ONCONFLICT_UPDATE)
    }
}

/// The columns of the unique constraint or index that a clause means; `None` if it means any.
///
/// # Errors
/// 42P10 if there is none.
unsafe fn keys(clause: &pg_sys::OnConflictExpr, target: &Target) -> Result<Option<Vec<i16>>> {
    // SAFETY: the elements are InferenceElems of an analysed statement.
    unsafe {
        let named = clause.constraint != pg_sys::InvalidOid;
        if clause.arbiterElems.is_null() && !named {
            return Ok(None);
        }
        let mut wanted = Vec::new();
        for element in list::pointers::<pg_sys::InferenceElem>(clause.arbiterElems) {
            let expr = (*element).expr;
            if (*expr).type_ == NodeTag::T_Var {
                wanted.push((*expr.cast::<pg_sys::Var>()).varattno);
            } else {
                // An expression; there are no indexes on those.
                wanted.push(0);
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        let index = if named { pg_sys::get_constraint_index(clause.constraint) } else { pg_sys::InvalidOid };
        for key in unique(target)? {
            let mut columns = key.columns.clone();
            columns.sort_unstable();
            if if named { key.index == index } else { columns == wanted } {
                return Ok(Some(key.columns));
            }
        }
        Err(EngineError::new(
            SqlState::parse(b"42P10").unwrap_or(SqlState::SYNTAX_ERROR),
            "there is no unique or exclusion constraint matching the ON CONFLICT specification",
        )
        .into())
    }
}

/// The unique constraints and indexes of a table.
fn unique(target: &Target) -> Result<Vec<Key>> {
    let definition = Definition::of(target.relid).map_err(|error| LowerError::Engine(*error.0))?;
    let keys = definition.keys.into_iter().chain(definition.indexes);
    Ok(keys.filter(|key| key.unique).collect())
}

/// `INSERT .. ON CONFLICT .. DO UPDATE`.
///
/// # Safety
/// `query` is an analysed and rewritten INSERT into `target` with such a clause.
pub(super) unsafe fn lower_update(
    query: *mut pg_sys::Query,
    target: &Target,
    returning: Vec<String>,
    options: &LowerOptions,
) -> Result<Source> {
    // SAFETY: as the caller promises; all nodes are copies or new.
    unsafe {
        let query = pg_sys::copyObjectImpl(query.cast_const().cast()).cast::<pg_sys::Query>();
        let clause = &*(*query).onConflict;
        let Some(keys) = keys(clause, target)? else {
            // The parser demands a target for DO UPDATE.
            return super::unsupported("ON CONFLICT DO UPDATE of any key", "it names no constraint");
        };
        if !target.has_rowid() {
            return source::hidden_rowid("ON CONFLICT DO UPDATE");
        }
        let proposed = Proposed::of(query, target);
        let select = proposed.select;
        let mut condition = std::ptr::null_mut();
        for key in &keys {
            let equal = equality(target.var(*key), target.var_of(proposed.row, *key));
            condition = pg_sys::make_and_qual(condition, equal);
        }
        (*select).jointree = make::join(
            pg_sys::JoinType::JOIN_LEFT,
            make::reference(proposed.row),
            make::reference(target.index),
            condition,
        );

        let missing = make::is_null(target.rowid().cast());
        let (update, insert) = (make::integer(1), make::integer(2));
        let action = if clause.onConflictWhere.is_null() {
            make::case(&[(missing, insert)], update)
        } else {
            make::case(&[(missing, insert), (clause.onConflictWhere, update)], make::integer(0))
        };
        let mut outputs = source::output(std::ptr::null_mut(), target.rowid().cast(), source::ROWID);
        outputs = source::output(outputs, action, "action");
        let (mut inserted, mut identity) = (Vec::new(), Vec::new());
        for attribute in &proposed.given {
            let attribute = *attribute;
            let position = list::pointers::<pg_sys::Node>(outputs).len();
            let column = target.column(attribute);
            let value = target.var_of(proposed.row, attribute);
            outputs = source::output(outputs, value.cast(), &column);
            inserted.push((column, position));
            if keys.contains(&attribute) {
                identity.push(position);
            }
        }
        if identity.len() < keys.len() {
            // A key with a null is never there already.
            identity = vec![0];
        }
        let mut updated = Vec::new();
        let assignments = multiple::single_assignments(clause.onConflictSet);
        for entry in list::pointers::<pg_sys::TargetEntry>(assignments) {
            let column = target.column((*entry).resno);
            updated.push((column.clone(), list::pointers::<pg_sys::Node>(outputs).len()));
            // Computed only for the rows that are updated.
            let taken = make::equal(make::copy(action), make::integer(1));
            let value = make::case(&[(taken, (*entry).expr.cast())], std::ptr::null_mut());
            outputs = source::output(outputs, value, &column);
        }
        let violations = constraint::violated(target, proposed.row).map(|(number, errors)| {
            let position = list::pointers::<pg_sys::Node>(outputs).len();
            outputs = source::output(outputs, number, "violation");
            (position, errors)
        });
        (*select).targetList = outputs;
        let mut source = proposed.lower(options)?;
        source.plan = Merge::plan(
            target.name.clone(),
            vec![MergeAction::Update(updated), MergeAction::Insert(inserted)],
            identity,
            violations,
            "[21000] ON CONFLICT DO UPDATE command cannot affect row a second time",
            returning,
            source.plan,
        );
        Ok(source)
    }
}

/// `INSERT .. ON CONFLICT .. DO NOTHING` into a table that has constraints: DuckDB would not check
/// the rows that it leaves out.
///
/// # Safety
/// As [`lower_update`].
pub(super) unsafe fn lower_nothing(
    query: *mut pg_sys::Query,
    target: &Target,
    on_conflict: OnConflict,
    returning: Vec<String>,
    options: &LowerOptions,
) -> Result<Source> {
    // SAFETY: as the caller promises; all nodes are copies or new.
    unsafe {
        let query = pg_sys::copyObjectImpl(query.cast_const().cast()).cast::<pg_sys::Query>();
        let proposed = Proposed::of(query, target);
        let (mut outputs, mut columns) = (std::ptr::null_mut(), Vec::new());
        for attribute in &proposed.given {
            let column = target.column(*attribute);
            outputs = source::output(outputs, target.var_of(proposed.row, *attribute).cast(), &column);
            columns.push(column);
        }
        let violations = constraint::violated(target, proposed.row).map(|(number, errors)| {
            outputs = source::output(outputs, number, "violation");
            (columns.len(), errors)
        });
        (*proposed.select).targetList = outputs;
        let from = pg::new_node::<pg_sys::FromExpr>(NodeTag::T_FromExpr);
        (*from).fromlist = list::append(std::ptr::null_mut(), make::reference(proposed.row));
        (*proposed.select).jointree = from;
        let mut source = proposed.lower(options)?;
        source.plan =
            Insert::plan(target.name.clone(), columns, on_conflict, violations, returning, source.plan);
        Ok(source)
    }
}

/// The rows that an INSERT proposes, as a relation that has the target's columns.
struct Proposed {
    /// A SELECT over the INSERT's range table and the rows, still without FROM and targets.
    select: *mut pg_sys::Query,
    /// The rows' place in its range table.
    row: i32,
    /// The attributes that have values.
    given: Vec<i16>,
    /// Nothing of DuckDB is in the rows: Postgres computes them.
    fed: bool,
    /// There are values that only Postgres gives.
    volatile: bool,
}

impl Proposed {
    /// # Safety
    /// `query` is a private copy of an INSERT into `target`.
    unsafe fn of(query: *mut pg_sys::Query, target: &Target) -> Self {
        // SAFETY: as the caller promises.
        unsafe {
            let (rows, given) = rows(query, target);
            let found = planner::touches(rows);
            let fed = !(found.duckdb_table || found.duckdb_function);
            let volatile = !fed && insert::check_targets(rows).is_err();
            let select = pg::new_node::<pg_sys::Query>(NodeTag::T_Query);
            (*select).commandType = pg_sys::CmdType::CMD_SELECT;
            (*select).querySource = pg_sys::QuerySource::QSRC_ORIGINAL;
            (*select).hasSubLinks = (*query).hasSubLinks;
            (*select).hasRowSecurity = (*query).hasRowSecurity;
            (*select).stmt_location = -1;
            #[cfg(not(feature = "pg15"))]
            {
                (*select).rteperminfos = (*query).rteperminfos;
            }
            // The rows stand where EXCLUDED stands, if it does.
            let entries: Vec<*mut pg_sys::RangeTblEntry> = list::pointers((*query).rtable).collect();
            let excluded = (*query).onConflict.as_ref().map_or(0, |clause| clause.exclRelIndex);
            let behind = i32::try_from(entries.len() + 1).expect("range tables are shorter");
            let row = if excluded > 0 { excluded } else { behind };
            (*select).rtable =
                entries.into_iter().zip(1..).fold(std::ptr::null_mut(), |entries, (entry, index)| {
                    list::append(entries, if index == row { subquery(rows) } else { entry })
                });
            if row == behind {
                (*select).rtable = list::append((*select).rtable, subquery(rows));
            }
            Self { select, row, given, fed, volatile }
        }
    }

    /// The finished SELECT as a source.
    ///
    /// # Safety
    /// It has its FROM and targets.
    unsafe fn lower(&self, options: &LowerOptions) -> Result<Source> {
        // SAFETY: as the caller promises; what lowering got was not changed.
        unsafe {
            if self.volatile {
                return source::computed(self.select);
            }
            match source::lower_with_feed(self.select, self.fed.then_some(self.row), options) {
                Err(LowerError::Unsupported(_)) => source::computed(self.select),
                lowered => lowered,
            }
        }
    }
}

/// The rows to insert as a SELECT whose outputs are numbered like the target's attributes, and
/// the attributes that have values.
///
/// # Safety
/// `query` is a private copy of an INSERT into `target`.
unsafe fn rows(query: *mut pg_sys::Query, target: &Target) -> (*mut pg_sys::Query, Vec<i16>) {
    // SAFETY: as the caller promises.
    unsafe {
        let select = insert::as_select(query);
        let entries: Vec<*mut pg_sys::TargetEntry> = list::pointers((*select).targetList).collect();
        let mut given = Vec::new();
        let mut outputs = std::ptr::null_mut();
        for attribute in 1..=target.attributes {
            let entry = entries.iter().find(|entry| (***entry).resno == attribute && !(***entry).resjunk);
            let value: *mut pg_sys::Node = match entry {
                Some(entry) => {
                    given.push(attribute);
                    (**entry).expr.cast()
                }
                None if target.has(attribute) => {
                    let var = target.var(attribute);
                    pg_sys::makeNullConst((*var).vartype, (*var).vartypmod, (*var).varcollid).cast()
                }
                None => make::null_rowid(),
            };
            outputs = source::output(outputs, value, "");
        }
        (*select).targetList = outputs;
        (select, given)
    }
}

/// A range-table entry of a subquery.
///
/// # Safety
/// `query` is an analysed SELECT.
unsafe fn subquery(query: *mut pg_sys::Query) -> *mut pg_sys::RangeTblEntry {
    // SAFETY: as the caller promises; fresh nodes in the current context.
    unsafe {
        let names = list::pointers::<pg_sys::Node>((*query).targetList).enumerate();
        let names = names.fold(std::ptr::null_mut(), |names, (i, _)| {
            list::append(names, pg_sys::makeString(palloc_string(&format!("a{}", i + 1))))
        });
        let entry = pg::new_node::<pg_sys::RangeTblEntry>(NodeTag::T_RangeTblEntry);
        (*entry).rtekind = pg_sys::RTEKind::RTE_SUBQUERY;
        (*entry).subquery = query;
        (*entry).eref = pg_sys::makeAlias(c"excluded".as_ptr(), names);
        (*entry).inFromCl = true;
        entry
    }
}

/// `left = right` by the type's own equality.
///
/// # Safety
/// Both are Vars of one type.
unsafe fn equality(left: *mut pg_sys::Var, right: *mut pg_sys::Var) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises; without a parse state errors have no position.
    unsafe {
        let name = [c"pg_catalog", c"="].iter().fold(std::ptr::null_mut(), |name, part| {
            list::append(name, pg_sys::makeString(part.as_ptr().cast_mut()))
        });
        let equality =
            pg_sys::make_op(std::ptr::null_mut(), name, left.cast(), right.cast(), std::ptr::null_mut(), -1);
        pg_sys::assign_expr_collations(std::ptr::null_mut(), equality.cast());
        equality.cast()
    }
}
