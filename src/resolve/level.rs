//! One query level at a time: relations first, then expressions, then the target list.

use std::collections::HashMap;

use bridge_types::{EngineError, SqlState, Unsupported};
use pgrx::pg_sys;

use super::clauses::{SortOperators, clause_lists, expand_clauses};
use super::column::{Column, name_list, oid_list, output_column, output_columns, rename};
use super::describe;
use super::path::{Path, Step};
use super::set_operation::take_columns;
use super::{Placeholders, reader};
use crate::error::Result;
use crate::pg::{self, compat, list};

/// What a column that Postgres saw as a placeholder has become.
#[derive(Clone, Debug)]
pub(super) enum Meaning {
    /// One typed column (an unresolved value, or a plain column that moved).
    One(Column),
    /// All columns of a row.
    Row(Vec<Column>),
}

/// New meanings by old attribute number; empty for a relation that did not change.
pub(super) type Meanings = HashMap<i16, Meaning>;

/// A query level on the way down.
#[derive(Default)]
struct Level {
    /// By range table index - 1.
    relations: Vec<Meanings>,
    ctes: HashMap<String, Meanings>,
    /// The column names Postgres gave to rows, by range table index - 1.
    row_names: HashMap<usize, String>,
    /// The readers among the relations, by range table index - 1.
    files: HashMap<usize, File>,
}

/// A reader in FROM.
struct File {
    entry: *mut pg_sys::RangeTblEntry,
    /// The call, as DuckDB SQL.
    call: String,
    /// Its columns, then the parts of columns that the query names.
    columns: Vec<Column>,
}

/// Rewrites a query, innermost levels first.
pub(super) struct Resolver {
    pub(super) placeholders: Placeholders,
    levels: Vec<Level>,
    /// An empty one, for the parser's functions that choose operators and casts.
    pub(super) parse_state: *mut pg_sys::ParseState,
    /// Types of the parameters that had none, by number.
    pub(super) parameters: HashMap<i32, pg_sys::Oid>,
    /// Outputs of the subqueries around whose tests are being rewritten.
    pub(super) sublinks: Vec<Vec<Column>>,
    /// Type, typmod and collation of what the surrounding CASEs test.
    pub(super) case_tests: Vec<(pg_sys::Oid, i32, pg_sys::Oid)>,
}

impl Resolver {
    pub(super) fn new(placeholders: Placeholders) -> Self {
        // SAFETY: allocates in the current context.
        let parse_state = unsafe { pg_sys::make_parsestate(std::ptr::null_mut()) };
        Self {
            placeholders,
            levels: Vec::new(),
            parse_state,
            parameters: HashMap::new(),
            sublinks: Vec::new(),
            case_tests: Vec::new(),
        }
    }

    /// # Safety
    /// `query` is a valid analysed query; it is rewritten in place.
    pub(super) unsafe fn resolve(&mut self, query: *mut pg_sys::Query) -> Result<()> {
        // SAFETY: as the caller promises.
        unsafe { self.level(query).map(|_| ()) }
    }

    /// Rewrites a level and everything below it; returns what became of its output columns.
    ///
    /// # Safety
    /// As for [`Self::resolve`].
    pub(super) unsafe fn level(&mut self, query: *mut pg_sys::Query) -> Result<Meanings> {
        // SAFETY: as the caller promises, for everything inside.
        unsafe {
            self.levels.push(Level::default());
            for cte in list::pointers::<pg_sys::CommonTableExpr>((*query).cteList) {
                self.cte(cte)?;
            }
            for entry in list::pointers::<pg_sys::RangeTblEntry>((*query).rtable) {
                let name = list::pointers::<pg_sys::Node>((*(*entry).eref).colnames)
                    .next()
                    .map(|name| pg::node_string(name));
                let index = self.top().relations.len();
                let meanings = self.relation(entry, index)?;
                if let (Some(Meaning::Row(_)), Some(name)) = (meanings.get(&1), name) {
                    self.top().row_names.insert(index, name);
                }
                self.top().relations.push(meanings);
            }
            // The types of what is grouped may change with those of its columns.
            compat::put_group_expressions(query);
            let before: Vec<_> = list::pointers::<pg_sys::TargetEntry>((*query).targetList)
                .map(|entry| pg_sys::exprType((*entry).expr.cast()))
                .collect();
            self.rewrite_expressions(query)?;
            let mut meanings = Meanings::new();
            if (*query).commandType == pg_sys::CmdType::CMD_SELECT {
                meanings = self.expand_targets(query, &before)?;
            } else {
                self.expand_insert(query)?;
            }
            if !(*query).setOperations.is_null() {
                let columns = self.set_operation(query, (*query).setOperations)?;
                take_columns(query, &columns, &mut meanings);
            }
            self.retype_clauses(query);
            self.levels.pop();
            Ok(meanings)
        }
    }

    /// Rewrites a subquery in an expression; returns its columns.
    ///
    /// # Safety
    /// As for [`Self::resolve`].
    pub(super) unsafe fn subquery(&mut self, query: *mut pg_sys::Query) -> Result<Vec<Column>> {
        // SAFETY: as the caller promises.
        unsafe {
            self.level(query)?;
            Ok(output_columns(query))
        }
    }

    fn top(&mut self) -> &mut Level {
        self.levels.last_mut().expect("inside a level")
    }

    /// What a placeholder column means, as seen from `levels_up` levels below.
    pub(super) fn meaning(&self, index: i32, attno: i16, levels_up: u32) -> Option<&Meaning> {
        let depth = self.levels.len().checked_sub(1 + usize::try_from(levels_up).ok()?)?;
        let index = usize::try_from(index).ok()?.checked_sub(1)?;
        self.levels.get(depth)?.relations.get(index)?.get(&attno)
    }

    unsafe fn cte(&mut self, cte: *mut pg_sys::CommonTableExpr) -> Result<()> {
        // SAFETY: a valid CTE of the query being rewritten.
        unsafe {
            let query = (*cte).ctequery.cast::<pg_sys::Query>();
            if (*query.cast::<pg_sys::Node>()).type_ != pg_sys::NodeTag::T_Query {
                return Ok(());
            }
            let meanings = self.level(query)?;
            if !meanings.is_empty() {
                if (*cte).cterecursive {
                    return Err(Unsupported::new(
                        "a recursive query over file columns without a type",
                        "cast the columns to their types in the first branch",
                    )
                    .into());
                }
                let columns = output_columns(query);
                (*cte).ctecolnames = name_list(&columns);
                (*cte).ctecoltypes = oid_list(columns.iter().map(|column| column.type_oid));
                (*cte).ctecoltypmods = list::from_integers(columns.iter().map(|column| column.typmod));
                (*cte).ctecolcollations = oid_list(columns.iter().map(|column| column.collation));
            }
            let name = pg::owned_string((*cte).ctename);
            self.top().ctes.insert(name, meanings);
            Ok(())
        }
    }

    unsafe fn relation(&mut self, entry: *mut pg_sys::RangeTblEntry, index: usize) -> Result<Meanings> {
        // SAFETY: a valid range table entry of the query being rewritten.
        unsafe {
            match (*entry).rtekind {
                pg_sys::RTEKind::RTE_SUBQUERY => {
                    let meanings = self.level((*entry).subquery)?;
                    if !meanings.is_empty() {
                        rename(entry, &output_columns((*entry).subquery));
                    }
                    Ok(meanings)
                }
                pg_sys::RTEKind::RTE_CTE => {
                    let name = pg::owned_string((*entry).ctename);
                    let depth = self.levels.len() - 1 - usize::try_from((*entry).ctelevelsup).unwrap_or(0);
                    let meanings = self.levels[depth].ctes.get(&name).cloned().unwrap_or_default();
                    if !meanings.is_empty() {
                        let columns = all_columns(&meanings);
                        rename(entry, &columns);
                        (*entry).coltypes = oid_list(columns.iter().map(|column| column.type_oid));
                        (*entry).coltypmods = list::from_integers(columns.iter().map(|column| column.typmod));
                        (*entry).colcollations = oid_list(columns.iter().map(|column| column.collation));
                    }
                    Ok(meanings)
                }
                pg_sys::RTEKind::RTE_FUNCTION => self.file(entry, index),
                _ => Ok(Meanings::new()),
            }
        }
    }

    unsafe fn file(&mut self, entry: *mut pg_sys::RangeTblEntry, index: usize) -> Result<Meanings> {
        // SAFETY: as in `relation`.
        unsafe {
            let Some(call) = reader::call(entry) else { return Ok(Meanings::new()) };
            if (*call).funcresulttype != self.placeholders.row {
                return Ok(Meanings::new());
            }
            if (*entry).funcordinality || (*(*entry).functions).length != 1 {
                return Err(Unsupported::new(
                    "ROWS FROM and WITH ORDINALITY over files",
                    "DuckDB reads a file in parallel and in no particular order",
                )
                .into());
            }
            let sql = reader::duckdb_sql(call)?;
            let described = describe::columns(&sql)?;
            let columns: Vec<_> =
                described.iter().zip(1..).map(|(column, attno)| Column::of_file(column, attno)).collect();
            // From here on a function with a column definition list.
            reader::take_definition_list(call)?;
            declare(entry, &columns);
            self.top().files.insert(index, File { entry, call: sql, columns: columns.clone() });
            Ok(Meanings::from([(1, Meaning::Row(columns))]))
        }
    }

    /// The reader that a rewritten variable belongs to.
    unsafe fn file_of(&mut self, var: *mut pg_sys::Var) -> Option<&mut File> {
        // SAFETY: a valid variable of the level being rewritten.
        let (varno, levels_up) = unsafe { ((*var).varno, (*var).varlevelsup) };
        let depth = self.levels.len().checked_sub(usize::try_from(levels_up).ok()?.checked_add(1)?)?;
        let index = usize::try_from(varno).ok()?.checked_sub(1)?;
        self.levels.get_mut(depth)?.files.get_mut(&index)
    }

    /// True for a column of a file that has parts.
    ///
    /// # Safety
    /// `var` is a rewritten variable of the level being rewritten.
    pub(super) unsafe fn has_parts(&mut self, var: *mut pg_sys::Var) -> bool {
        // SAFETY: as the caller promises.
        unsafe {
            let attno = (*var).varattno;
            self.file_of(var)
                .is_some_and(|file| file.columns.iter().any(|column| column.nested && column.attno == attno))
        }
    }

    /// A part of a column of a file, as a column of its own; `None` if `var` is not a column
    /// of a file.
    ///
    /// # Safety
    /// `var` is a rewritten variable of the level being rewritten.
    pub(super) unsafe fn part_of_column(
        &mut self,
        var: *mut pg_sys::Var,
        step: Step,
    ) -> Result<Option<*mut pg_sys::Var>> {
        // SAFETY: as the caller promises.
        unsafe {
            let attno = (*var).varattno;
            let Some(file) = self.file_of(var) else { return Ok(None) };
            let of = file.columns.iter().find(|column| column.nested && column.attno == attno);
            let Some(of) = of else { return Ok(None) };
            let path = Path::below(&of.name, step);
            let name = path.sql();
            if !file.columns.iter().any(|column| column.name == name) {
                let attno = next_resno(i16::try_from(file.columns.len()).unwrap_or(i16::MAX))?;
                let part = describe::part(&file.call, &path)?;
                file.columns.push(Column::of_file(&part, attno));
                declare(file.entry, &file.columns);
            }
            let column = file.columns.iter().find(|column| column.name == name).expect("it was added");
            column.var((*var).varno, (*var).varlevelsup).map(Some)
        }
    }

    /// The columns of a row, if `node` is a variable that stands for one.
    ///
    /// # Safety
    /// `node` is a valid expression of the level being rewritten.
    pub(super) unsafe fn row_of(&self, node: *mut pg_sys::Node) -> Option<&[Column]> {
        // SAFETY: as the caller promises.
        unsafe {
            if (*node).type_ != pg_sys::NodeTag::T_Var {
                return None;
            }
            let var = node.cast::<pg_sys::Var>();
            if (*var).vartype != self.placeholders.row {
                return None;
            }
            match self.meaning((*var).varno, (*var).varattno, (*var).varlevelsup)? {
                Meaning::Row(columns) => Some(columns),
                Meaning::One(_) => None,
            }
        }
    }

    /// The name under which Postgres knows a row variable.
    ///
    /// # Safety
    /// As for [`Self::row_of`].
    pub(super) unsafe fn row_name(&self, node: *mut pg_sys::Node) -> Option<String> {
        // SAFETY: as the caller promises; a row is a Var.
        unsafe {
            self.row_of(node)?;
            let var = node.cast::<pg_sys::Var>();
            let depth = self.levels.len().checked_sub(1 + usize::try_from((*var).varlevelsup).ok()?)?;
            let index = usize::try_from((*var).varno).ok()?.checked_sub(1)?;
            self.levels.get(depth)?.row_names.get(&index).cloned()
        }
    }

    /// Replaces `*` over rows and renumbers what follows it. `before` are the types as parsed.
    /// A row is sorted by its first column, as `ORDER BY 1` means, and grouped by all.
    unsafe fn expand_targets(
        &mut self,
        query: *mut pg_sys::Query,
        before: &[pg_sys::Oid],
    ) -> Result<Meanings> {
        // SAFETY: as in `level`.
        unsafe {
            let entries: Vec<*mut pg_sys::TargetEntry> = list::pointers((*query).targetList).collect();
            let mut last_reference = entries.iter().map(|entry| (**entry).ressortgroupref).max().unwrap_or(0);
            let mut meanings = Meanings::new();
            let mut changed = false;
            let mut expanded = std::ptr::null_mut();
            let mut resno = 0;
            for (entry, type_before) in entries.into_iter().zip(before) {
                let old = (*entry).resno;
                let Some(columns) = self.row_of((*entry).expr.cast()).map(<[Column]>::to_vec) else {
                    resno = next_resno(resno)?;
                    (*entry).resno = resno;
                    expanded = list::append(expanded, entry);
                    let column = output_column(entry);
                    changed |= column.type_oid != *type_before;
                    meanings.insert(old, Meaning::One(column));
                    continue;
                };
                let var = (*entry).expr.cast::<pg_sys::Var>();
                let mut outputs = Vec::with_capacity(columns.len());
                let mut references = Vec::new();
                for column in columns {
                    resno = next_resno(resno)?;
                    let target = pg_sys::makeTargetEntry(
                        column.var((*var).varno, (*var).varlevelsup)?.cast(),
                        resno,
                        pg::palloc_string(&column.name),
                        (*entry).resjunk,
                    );
                    if (*entry).ressortgroupref != 0 {
                        last_reference += 1;
                        (*target).ressortgroupref = last_reference;
                        references.push(last_reference);
                    }
                    expanded = list::append(expanded, target);
                    outputs.push(Column { attno: resno, ..column });
                }
                let first = references.len().min(1);
                let sort_clause = (*query).sortClause;
                for clauses in clause_lists(query) {
                    *clauses = expand_clauses(*clauses, (*entry).ressortgroupref, &references);
                }
                let sorted = &references[..first];
                (*query).sortClause = expand_clauses(sort_clause, (*entry).ressortgroupref, sorted);
                meanings.insert(old, Meaning::Row(outputs));
                changed = true;
            }
            (*query).targetList = expanded;
            Ok(if changed { meanings } else { Meanings::new() })
        }
    }

    /// Gives every sort and group clause of a level the operators of the real types.
    unsafe fn retype_clauses(&self, query: *mut pg_sys::Query) {
        // SAFETY: a valid query whose target list is rewritten.
        unsafe {
            for clauses in clause_lists(query) {
                for clause in list::pointers::<pg_sys::SortGroupClause>(*clauses) {
                    self.retype(clause, (*query).targetList);
                }
            }
        }
    }

    /// Exchanges the operators of a sort or group clause, if they are those of a placeholder.
    ///
    /// # Safety
    /// `clause` refers to an entry of `targets`.
    pub(super) unsafe fn retype(&self, clause: *mut pg_sys::SortGroupClause, targets: *mut pg_sys::List) {
        // SAFETY: as the caller promises.
        unsafe {
            let (mut left, mut right) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
            pg_sys::op_input_types((*clause).eqop, &mut left, &mut right);
            if left != self.placeholders.unresolved && left != self.placeholders.row {
                return;
            }
            let target = pg_sys::get_sortgroupref_tle((*clause).tleSortGroupRef, targets);
            let descending = (*clause).sortop != pg_sys::InvalidOid
                && pg::owned_string(pg_sys::get_opname((*clause).sortop)) == ">";
            let sorted = (*clause).sortop != pg_sys::InvalidOid;
            let operators = SortOperators::of(pg_sys::exprType((*target).expr.cast()), sorted);
            (*clause).eqop = operators.equal;
            (*clause).hashable = operators.hashable;
            if sorted {
                (*clause).sortop = if descending { operators.greater } else { operators.less };
            }
        }
    }
}

/// Gives a reader in FROM its column definition list.
unsafe fn declare(entry: *mut pg_sys::RangeTblEntry, columns: &[Column]) {
    // SAFETY: an entry for which `reader::call` answers has one function.
    unsafe {
        let function = list::pointers::<pg_sys::RangeTblFunction>((*entry).functions)
            .next()
            .expect("a reader is a function");
        (*function).funccolcount = i32::try_from(columns.len()).unwrap_or(i32::MAX);
        (*function).funccolnames = name_list(columns);
        (*function).funccoltypes = oid_list(columns.iter().map(|column| column.type_oid));
        (*function).funccoltypmods = list::from_integers(columns.iter().map(|column| column.typmod));
        (*function).funccolcollations = oid_list(columns.iter().map(|column| column.collation));
        rename(entry, columns);
    }
}

fn next_resno(resno: i16) -> Result<i16> {
    resno.checked_add(1).ok_or_else(|| {
        EngineError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "a target list can have at most 32767 columns")
            .into()
    })
}

/// All columns of a relation, in order.
fn all_columns(meanings: &Meanings) -> Vec<Column> {
    let mut columns: Vec<_> = meanings
        .values()
        .flat_map(|meaning| match meaning {
            Meaning::One(column) => std::slice::from_ref(column),
            Meaning::Row(columns) => columns,
        })
        .cloned()
        .collect();
    columns.sort_by_key(|column| column.attno);
    columns
}
