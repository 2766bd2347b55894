//! Expressions.

use bridge_plan::build;
use bridge_plan::pg::{PgFunction, Quantifier};
use bridge_types::{PgType, oid};
use datafusion_expr::Expr;
use datafusion_expr::expr::{Case, Placeholder};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;
use std::ffi::c_void;

use super::scope::{Entry, Lowerer, Phase};
use super::{ParamRef, Result, constant, function, row, source, types, unsupported};
use crate::pg::{list, owned_string};

const BOOLEAN: PgType = PgType::new(oid::BOOL);

/// `node` with what can be computed at plan time computed, SQL functions inlined and named or
/// default arguments in place. The original is not changed.
///
/// # Safety
/// `node` is an analysed expression.
pub(super) unsafe fn fold(node: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises; without a root, parameters are left alone.
    unsafe {
        pg_sys::eval_const_expressions(
            std::ptr::null_mut(),
            pg_sys::copyObjectImpl(node.cast_const().cast()).cast(),
        )
    }
}

impl Lowerer {
    /// An expression as the query has it: folded, then lowered.
    ///
    /// # Safety
    /// `node` is an analysed expression of the current level.
    pub(super) unsafe fn folded(&mut self, node: *mut pg_sys::Node) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe { self.expr(fold(node)) }
    }

    /// A condition.
    ///
    /// # Safety
    /// `node` is an analysed boolean expression of the current level.
    pub(super) unsafe fn condition(&mut self, node: *mut pg_sys::Node) -> Result<Expr> {
        // SAFETY: as the caller promises; the tag says what the node is.
        unsafe {
            let node = fold(node);
            if self.scope().phase == Phase::Groups {
                return self.expr(node);
            }
            let condition = node.cast::<pg_sys::BoolExpr>();
            if (*node).type_ != NodeTag::T_BoolExpr || (*condition).boolop != pg_sys::BoolExprType::AND_EXPR {
                return self.conjunct(node);
            }
            let conjuncts = list::pointers::<pg_sys::Node>((*condition).args);
            let conjuncts = conjuncts.map(|node| self.conjunct(node)).collect::<Result<Vec<_>>>()?;
            Ok(PgFunction::syntax("and", BOOLEAN, conjuncts))
        }
    }

    /// Expressions of a list.
    ///
    /// # Safety
    /// `nodes` is a list of folded expressions of the current level.
    unsafe fn exprs(&mut self, nodes: *mut pg_sys::List) -> Result<Vec<Expr>> {
        // SAFETY: as the caller promises.
        unsafe { list::pointers::<pg_sys::Node>(nodes).map(|node| self.expr(node)).collect() }
    }

    /// A folded expression.
    ///
    /// # Safety
    /// `node` is a folded expression of the current level.
    pub(super) unsafe fn expr(&mut self, node: *mut pg_sys::Node) -> Result<Expr> {
        // SAFETY: as the caller promises.
        self.nested(|this| unsafe {
            if this.scope().phase == Phase::Groups
                && (*node).type_ != NodeTag::T_Const
                && let Some(key) =
                    this.scope().keys.iter().find(|key| pg_sys::equal(node.cast(), key.node.cast()))
            {
                return Ok(Expr::Column(build::unqualified(&key.name)));
            }
            if is_stable(node) {
                if is_fixed_by_transaction(node, std::ptr::null_mut()) {
                    this.plan_time_values = true;
                    return constant::lower(value_at_plan_time(node)?);
                }
                return this.parameter(node);
            }
            if this.fragment && this.is_from_outside(node) {
                return this.parameter(node);
            }
            this.node(node)
        })
    }

    /// True for an expression of a fragment over values from outside alone: Postgres computes it
    /// once each time the part is started, as it does for the key of an index scan.
    ///
    /// # Safety
    /// As [`Self::expr`].
    unsafe fn is_from_outside(&self, node: *mut pg_sys::Node) -> bool {
        // SAFETY: as the caller promises; the lowerer outlives the walk.
        unsafe {
            let mut outside = Outside { lowerer: self, values: false, inside: false };
            visit_outside(node, (&raw mut outside).cast());
            outside.values
                && !outside.inside
                && !matches!((*node).type_, NodeTag::T_Param | NodeTag::T_Var)
                && !pg_sys::contain_volatile_functions(node)
                && !pg_sys::expression_returns_set(node)
        }
    }

    /// # Safety
    /// As [`Self::expr`]; each arm casts to the struct of its tag.
    unsafe fn node(&mut self, node: *mut pg_sys::Node) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            match (*node).type_ {
                NodeTag::T_Var => self.var(node.cast()),
                NodeTag::T_Const => constant::lower(node.cast()),
                NodeTag::T_Param => self.param(node),
                NodeTag::T_FuncExpr => self.function(node),
                NodeTag::T_OpExpr => {
                    let op = &*node.cast::<pg_sys::OpExpr>();
                    let signature =
                        self.operator_signature(op.opno, op.args, types::of_node(node), op.inputcollid)?;
                    Ok(PgFunction::call(signature, self.exprs(op.args)?))
                }
                NodeTag::T_DistinctExpr => self.by_equality(node, "distinct"),
                NodeTag::T_NullIfExpr => self.by_equality(node, "nullif"),
                NodeTag::T_ScalarArrayOpExpr => {
                    self.array_operator(&*node.cast::<pg_sys::ScalarArrayOpExpr>())
                }
                NodeTag::T_BoolExpr => {
                    let expr = &*node.cast::<pg_sys::BoolExpr>();
                    let name = match expr.boolop {
                        pg_sys::BoolExprType::AND_EXPR => "and",
                        pg_sys::BoolExprType::OR_EXPR => "or",
                        _ => "not",
                    };
                    Ok(PgFunction::syntax(name, BOOLEAN, self.exprs(expr.args)?))
                }
                NodeTag::T_NullTest => {
                    let test = &*node.cast::<pg_sys::NullTest>();
                    let is_null = test.nulltesttype == pg_sys::NullTestType::IS_NULL;
                    if (*test.arg).type_ == NodeTag::T_RowExpr && !test.argisrow {
                        // What is left when the fields have been tested: a row inside a row.
                        return Ok(row::boolean(!is_null));
                    }
                    if test.argisrow {
                        return unsupported("IS NULL of a row", "DuckDB tests rows as a whole");
                    }
                    let arg = Box::new(self.expr(test.arg.cast())?);
                    Ok(if test.nulltesttype == pg_sys::NullTestType::IS_NULL {
                        Expr::IsNull(arg)
                    } else {
                        Expr::IsNotNull(arg)
                    })
                }
                NodeTag::T_BooleanTest => self.boolean_test(&*node.cast::<pg_sys::BooleanTest>()),
                NodeTag::T_CaseExpr => self.case(&*node.cast::<pg_sys::CaseExpr>()),
                NodeTag::T_CaseTestExpr => match self.scope().case_tests.last() {
                    Some(test) => Ok(test.clone()),
                    None => unsupported("a placeholder of CASE", "it stands outside a CASE"),
                },
                NodeTag::T_CoalesceExpr => {
                    let args = self.exprs((*node.cast::<pg_sys::CoalesceExpr>()).args)?;
                    Ok(PgFunction::syntax("coalesce", types::of_node(node), args))
                }
                NodeTag::T_MinMaxExpr => {
                    let expr = &*node.cast::<pg_sys::MinMaxExpr>();
                    let greatest = expr.op == pg_sys::MinMaxOp::IS_GREATEST;
                    function::check_order(if greatest { "GREATEST" } else { "LEAST" }, expr.inputcollid)?;
                    let name = if greatest { "greatest" } else { "least" };
                    types::check_comparable("GREATEST or LEAST", types::of_node(node))?;
                    Ok(PgFunction::syntax(name, types::of_node(node), self.exprs(expr.args)?))
                }
                NodeTag::T_ArrayExpr => {
                    let array = &*node.cast::<pg_sys::ArrayExpr>();
                    if array.multidims {
                        return unsupported("ARRAY of several dimensions", "DuckDB's lists nest differently");
                    }
                    let ty = types::of_node(node);
                    if ty.crosses_as_text() {
                        return unsupported(
                            format!("ARRAY of type {}", types::name(ty.oid)),
                            "DuckDB has only its text",
                        );
                    }
                    Ok(PgFunction::syntax("array", ty, self.exprs(array.elements)?))
                }
                // Same bits, another name for the type.
                NodeTag::T_RelabelType => {
                    let arg = (*node.cast::<pg_sys::RelabelType>()).arg.cast();
                    let (from, to) = (types::of_node(arg), types::of_node(node));
                    if from.crosses_as_text() != to.crosses_as_text() {
                        let what = format!("cast from {} to {}", types::name(from.oid), types::name(to.oid));
                        return unsupported(what, "DuckDB has only the text of one of them");
                    }
                    self.expr(arg)
                }
                NodeTag::T_CollateExpr => self.expr((*node.cast::<pg_sys::CollateExpr>()).arg.cast()),
                NodeTag::T_CoerceToDomain => {
                    let coerce = &*node.cast::<pg_sys::CoerceToDomain>();
                    if has_constraints(coerce.resulttype) {
                        return unsupported("a cast to a domain", "its constraints are checked by Postgres");
                    }
                    self.expr(coerce.arg.cast())
                }
                NodeTag::T_CoerceViaIO => self.through_text(node),
                NodeTag::T_ArrayCoerceExpr => {
                    let coerce = &*node.cast::<pg_sys::ArrayCoerceExpr>();
                    if is_relabel(coerce.elemexpr.cast()) {
                        return self.expr(coerce.arg.cast());
                    }
                    unsupported("a cast of an array", "it converts the elements")
                }
                NodeTag::T_Aggref => self.aggregate(node.cast()),
                NodeTag::T_WindowFunc => self.window_function(node.cast()),
                NodeTag::T_SubLink => self.sublink(&*node.cast::<pg_sys::SubLink>()),
                NodeTag::T_GroupingFunc => self.grouping(&*node.cast::<pg_sys::GroupingFunc>()),
                NodeTag::T_SubscriptingRef => self.subscript(&*node.cast::<pg_sys::SubscriptingRef>()),
                NodeTag::T_RowCompareExpr => self.row_comparison(&*node.cast::<pg_sys::RowCompareExpr>()),
                NodeTag::T_RowExpr => {
                    unsupported("a row value", "DuckDB compares rows with NULLs differently")
                }
                NodeTag::T_SQLValueFunction => {
                    unsupported("a session value", "it has no type that DuckDB has")
                }
                NodeTag::T_FieldSelect => {
                    unsupported("a field of a composite value", "DuckDB has no composite types")
                }
                other => unsupported(
                    format!("expression {other:?}"),
                    "it is not known to give Postgres' answer in DuckDB",
                ),
            }
        }
    }

    /// # Safety
    /// `var` is a Var of a level in reach.
    unsafe fn var(&mut self, var: *mut pg_sys::Var) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let attribute = (*var).varattno;
            if source::is_rowid(&*var) {
                let index = usize::try_from((*var).varno - 1).unwrap_or(usize::MAX);
                return match self.scope().entries.get(index) {
                    Some(Entry::Columns { alias, .. }) => {
                        Ok(Expr::Column(build::qualified(alias, source::ROWID)))
                    }
                    _ => unsupported("a reference to a row", "its relation is not in FROM"),
                };
            }
            let Ok(position) = usize::try_from(i32::from(attribute) - 1) else {
                return if attribute == 0 {
                    unsupported("a whole-row reference", "DuckDB has no composite types")
                } else {
                    unsupported("a system column", "DuckDB does not have it")
                };
            };
            let up = usize::try_from((*var).varlevelsup).unwrap_or(usize::MAX);
            let entry = self.scopes.len().checked_sub(up.saturating_add(1)).and_then(|level| {
                self.scopes[level].entries.get(usize::try_from((*var).varno).ok()?.checked_sub(1)?)
            });
            match entry.cloned() {
                Some(Entry::Columns { alias, names }) => {
                    let Some(Some(name)) = names.get(position) else {
                        let name = types::name((*var).vartype.to_u32());
                        return unsupported(format!("a column of type {name}"), "DuckDB has no type for it");
                    };
                    if up == 0 && self.scope().phase == Phase::Groups {
                        return self.same_in_group(var.cast());
                    }
                    let column = build::qualified(&alias, name);
                    if up == 0 {
                        return Ok(Expr::Column(column));
                    }
                    let ty = types::duck(types::of_node(var.cast()))?;
                    Ok(Expr::OuterReferenceColumn(ty.field(name), column))
                }
                Some(Entry::Join) => {
                    let level = self.scopes.len() - 1 - up;
                    let rtable = (*self.scopes[level].query).rtable;
                    let join = pg_sys::list_nth(rtable, (*var).varno - 1).cast::<pg_sys::RangeTblEntry>();
                    let source = pg_sys::list_nth((*join).joinaliasvars, i32::from(attribute) - 1);
                    if source.is_null() {
                        return unsupported("a dropped column", "it is referred to through a join");
                    }
                    let source = pg_sys::copyObjectImpl(source.cast_const()).cast::<pg_sys::Node>();
                    pg_sys::IncrementVarSublevelsUp(source, i32::try_from(up).unwrap_or(0), 0);
                    self.expr(source)
                }
                // A relation outside of this part of the query.
                Some(Entry::Unseen) if self.fragment && up + 1 == self.scopes.len() => {
                    let outside = pg_sys::copyObjectImpl(var.cast()).cast::<pg_sys::Var>();
                    (*outside).varlevelsup = 0;
                    self.parameter(outside.cast())
                }
                Some(Entry::Unseen) | None => unsupported("a reference to a relation", "it is not in FROM"),
            }
        }
    }

    /// # Safety
    /// `node` is a Param.
    unsafe fn param(&mut self, node: *mut pg_sys::Node) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let param = &*node.cast::<pg_sys::Param>();
            let kind = param.paramkind;
            if kind == pg_sys::ParamKind::PARAM_SUBLINK
                && let Some(alias) = self.scope().sublink_rows.last()
            {
                let output = usize::try_from(param.paramid - 1).unwrap_or(usize::MAX);
                return Ok(Expr::Column(build::qualified(alias, &build::column_name(output))));
            }
            let internal = self.fragment && kind == pg_sys::ParamKind::PARAM_EXEC;
            if kind != pg_sys::ParamKind::PARAM_EXTERN && !internal {
                return unsupported("an internal parameter", "it is not a parameter of the statement");
            }
            self.parameter(node)
        }
    }

    /// A value that Postgres computes when the statement starts.
    ///
    /// # Safety
    /// `node` refers to nothing but external parameters.
    unsafe fn parameter(&mut self, node: *mut pg_sys::Node) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let type_oid = pg_sys::exprType(node);
            let ty = types::duck(types::base(type_oid, -1))?;
            let known = self.params.iter().position(|known| pg_sys::equal(known.expr.cast(), node.cast()));
            let position = known.unwrap_or_else(|| {
                self.params.push(ParamRef { expr: node, type_oid });
                self.params.len() - 1
            });
            let id = format!("${}", position + 1);
            let field = Some(ty.field(&id));
            Ok(Expr::Placeholder(Placeholder { id, field }))
        }
    }

    /// # Safety
    /// `node` is a FuncExpr.
    unsafe fn function(&mut self, node: *mut pg_sys::Node) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let call = &*node.cast::<pg_sys::FuncExpr>();
            if call.funcretset {
                return self.set_in_select(node.cast());
            }
            let args = arg_types(call.args);
            let signature =
                function::signature(call.funcid, args, types::of_node(node), call.inputcollid, None)?;
            if call.funcvariadic {
                return unsupported(signature.display, "it is called with VARIADIC");
            }
            self.plan_time_values |= function::depends_on_output_settings(&signature)?;
            Ok(PgFunction::call(signature, self.exprs(call.args)?))
        }
    }

    /// # Safety
    /// `args` is the argument list of operator `operator`.
    pub(super) unsafe fn operator_signature(
        &mut self,
        operator: pg_sys::Oid,
        args: *mut pg_sys::List,
        result: PgType,
        collation: pg_sys::Oid,
    ) -> Result<bridge_plan::pg::Signature> {
        // SAFETY: as the caller promises.
        unsafe { function::operator(operator, arg_types(args), result, collation) }
    }

    /// IS DISTINCT FROM and NULLIF: syntax over the `=` that Postgres chose.
    ///
    /// # Safety
    /// `node` has the layout of OpExpr.
    unsafe fn by_equality(&mut self, node: *mut pg_sys::Node, name: &str) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let op = &*node.cast::<pg_sys::OpExpr>();
            let mut signature =
                self.operator_signature(op.opno, op.args, types::of_node(node), op.inputcollid)?;
            // Refuses what is no built-in equality.
            bridge_plan::functions::comparison_of(&signature)?;
            signature.name = format!("{name}:{}", signature.name);
            // The declared types of the equality go along as those of the arguments.
            signature.args = signature.declared.iter().map(|oid| PgType::new(*oid)).collect();
            signature.declared = Vec::new();
            Ok(PgFunction::call(signature, self.exprs(op.args)?))
        }
    }

    /// # Safety
    /// `op` is a valid node.
    unsafe fn array_operator(&mut self, op: &pg_sys::ScalarArrayOpExpr) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let signature = self.operator_signature(op.opno, op.args, BOOLEAN, op.inputcollid)?;
            let quantifier = if op.useOr { Quantifier::Any } else { Quantifier::All };
            let function = PgFunction { signature, quantifier: Some(quantifier) };
            Ok(function.apply(self.exprs(op.args)?))
        }
    }

    /// # Safety
    /// `test` is a valid node.
    unsafe fn boolean_test(&mut self, test: &pg_sys::BooleanTest) -> Result<Expr> {
        use pg_sys::BoolTestType::{
            IS_FALSE, IS_NOT_FALSE, IS_NOT_TRUE, IS_NOT_UNKNOWN, IS_TRUE, IS_UNKNOWN,
        };
        // SAFETY: as the caller promises.
        let arg = unsafe { self.expr(test.arg.cast())? };
        let name = match test.booltesttype {
            IS_TRUE => "is_true",
            IS_NOT_TRUE => "is_not_true",
            IS_FALSE => "is_false",
            IS_NOT_FALSE => "is_not_false",
            IS_UNKNOWN => return Ok(Expr::IsNull(Box::new(arg))),
            IS_NOT_UNKNOWN => return Ok(Expr::IsNotNull(Box::new(arg))),
            _ => return unsupported("a boolean test", "it is not known"),
        };
        Ok(PgFunction::syntax(name, BOOLEAN, vec![arg]))
    }

    /// `CASE x WHEN a ..` has become `CASE WHEN <test> = a ..`: the test is put in place.
    ///
    /// # Safety
    /// `case` is a valid node.
    unsafe fn case(&mut self, case: &pg_sys::CaseExpr) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let has_test = !case.arg.is_null();
            if has_test {
                let test = self.expr(case.arg.cast())?;
                self.scope().case_tests.push(test);
            }
            let result = self.case_branches(case);
            if has_test {
                self.scope().case_tests.pop();
            }
            result
        }
    }

    /// # Safety
    /// `case` is a valid node.
    unsafe fn case_branches(&mut self, case: &pg_sys::CaseExpr) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let mut when_then_expr = Vec::new();
            for when in list::pointers::<pg_sys::CaseWhen>(case.args) {
                let condition = self.expr((*when).expr.cast())?;
                let result = self.expr((*when).result.cast())?;
                when_then_expr.push((Box::new(condition), Box::new(result)));
            }
            let else_expr = if case.defresult.is_null() {
                None
            } else {
                Some(Box::new(self.expr(case.defresult.cast())?))
            };
            Ok(Expr::Case(Case { expr: None, when_then_expr, else_expr }))
        }
    }

    /// GROUPING(): which keys a row is not grouped by.
    ///
    /// # Safety
    /// `call` is a valid node.
    unsafe fn grouping(&mut self, call: &pg_sys::GroupingFunc) -> Result<Expr> {
        if call.agglevelsup > 0 || self.scope().phase != Phase::Groups {
            return unsupported("GROUPING()", "it is about the groups of another query");
        }
        // SAFETY: as the caller promises: a list of integers.
        let positions = unsafe { self.key_positions(call.refs)? };
        let keys = &self.scope().keys;
        let args = positions
            .into_iter()
            .filter_map(|position| keys.get(position))
            .map(|key| Expr::Column(build::unqualified(&key.name)))
            .collect();
        Ok(PgFunction::syntax("grouping", PgType::new(oid::INT4), args))
    }

    /// A conversion by output and input function, which the allow-list knows as `io:<type>`.
    ///
    /// # Safety
    /// `node` is a CoerceViaIO.
    unsafe fn through_text(&mut self, node: *mut pg_sys::Node) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let coerce = &*node.cast::<pg_sys::CoerceViaIO>();
            let from = types::of_node(coerce.arg.cast());
            let to = types::of_node(node);
            let to_text = matches!(to.oid, oid::TEXT | oid::VARCHAR | oid::BPCHAR);
            let name = if to_text { "io:text".to_owned() } else { format!("io:{}", to.oid) };
            let signature = bridge_plan::pg::Signature {
                name,
                declared: vec![from.oid],
                args: vec![from],
                result: to,
                collation: bridge_plan::pg::Collation::None,
                display: format!("a cast from {} to {}", types::name(from.oid), types::name(to.oid)),
            };
            self.plan_time_values |= function::depends_on_output_settings(&signature)?;
            function::check_cast_time_zone(&signature)?;
            let arg = self.expr(coerce.arg.cast())?;
            Ok(PgFunction::call(signature, vec![arg]))
        }
    }
}

/// True if not every value of the base type is one of the domain.
fn has_constraints(domain: pg_sys::Oid) -> bool {
    // SAFETY: a catalog look-up on the main thread.
    unsafe { pg_sys::DomainHasConstraints(domain) }
}

/// The types of the arguments in a list.
///
/// # Safety
/// `args` is a list of expressions.
pub(super) unsafe fn arg_types(args: *mut pg_sys::List) -> Vec<PgType> {
    // SAFETY: as the caller promises.
    unsafe { list::pointers::<pg_sys::Node>(args).map(|arg| types::of_node(arg)).collect() }
}

/// An element conversion that changes no bits.
///
/// # Safety
/// `node` is an expression or null.
unsafe fn is_relabel(node: *mut pg_sys::Node) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        if node.is_null() {
            return false;
        }
        match (*node).type_ {
            NodeTag::T_CaseTestExpr => true,
            NodeTag::T_RelabelType => is_relabel((*node.cast::<pg_sys::RelabelType>()).arg.cast()),
            _ => false,
        }
    }
}

/// True for an expression whose value is one for the whole statement but was not folded: it has
/// stable functions and no references.
///
/// # Safety
/// `node` is a folded expression.
unsafe fn is_stable(node: *mut pg_sys::Node) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        matches!(
            (*node).type_,
            NodeTag::T_FuncExpr
                | NodeTag::T_OpExpr
                | NodeTag::T_SQLValueFunction
                | NodeTag::T_CoerceViaIO
                | NodeTag::T_ArrayCoerceExpr
                | NodeTag::T_ScalarArrayOpExpr
        ) && !refers(node, std::ptr::null_mut())
            && !pg_sys::contain_volatile_functions(node)
            && !pg_sys::expression_returns_set(node)
    }
}

/// True if an expression changes only with what [`crate::scan::plan`] watches (the transaction's
/// time, the user, a few settings), so that its value may be written into the SQL: DuckDB
/// prunes by constants, not by parameters.
///
/// # Safety
/// `node` satisfies [`is_stable`].
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn is_fixed_by_transaction(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    #[pgrx::pg_guard]
    unsafe extern "C-unwind" fn depends_on_more(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
        /// Stable functions of Postgres that read the transaction's time, `TimeZone` or
        /// `DateStyle` and nothing else.
        const KNOWN: [&str; 13] = [
            "now",
            "transaction_timestamp",
            "timestamptz_pl_interval",
            "timestamptz_mi_interval",
            "interval_pl_timestamptz",
            "date_trunc",
            "date_part",
            "extract",
            "date",
            "time",
            "timetz",
            "timestamp",
            "timestamptz",
        ];
        /// True if the function may change its answer.
        unsafe extern "C-unwind" fn is_unknown(function: pg_sys::Oid, _context: *mut c_void) -> bool {
            // SAFETY: catalog look-ups on the main thread.
            unsafe {
                if pg_sys::func_volatile(function).cast_unsigned() == pg_sys::PROVOLATILE_IMMUTABLE {
                    return false;
                }
                let name = owned_string(pg_sys::get_func_name(function));
                let comparison = ["_eq_", "_ne_", "_lt_", "_le_", "_gt_", "_ge_", "_mi_", "_cmp_"];
                let of_times =
                    name.contains("timestamp") && comparison.iter().any(|part| name.contains(part));
                let reads_time = ["date_in", "timestamp_in", "timestamptz_in", "time_in", "timetz_in"];
                function.to_u32() >= pg_sys::FirstNormalObjectId
                    || !(KNOWN.contains(&name.as_str()) || of_times || reads_time.contains(&name.as_str()))
            }
        }
        if node.is_null() {
            return false;
        }
        // SAFETY: Postgres walks valid trees.
        unsafe {
            pg_sys::check_functions_in_node(node, Some(is_unknown), context)
                || pg_sys::expression_tree_walker(node, Some(depends_on_more), context)
        }
    }
    // SAFETY: as the caller promises.
    unsafe { !depends_on_more(node, context) }
}

/// The value of an expression, computed now by Postgres.
///
/// # Safety
/// `node` satisfies [`is_stable`].
unsafe fn value_at_plan_time(node: *mut pg_sys::Node) -> Result<*const pg_sys::Const> {
    // SAFETY: as the caller promises; an expression without references can be evaluated alone.
    unsafe {
        let value = pg_sys::evaluate_expr(
            node.cast(),
            pg_sys::exprType(node),
            pg_sys::exprTypmod(node),
            pg_sys::exprCollation(node),
        );
        if (*value).type_ != NodeTag::T_Const {
            return unsupported("an expression without references", "Postgres did not compute it");
        }
        Ok(value.cast_const().cast())
    }
}

/// What an expression of a fragment refers to.
struct Outside<'a> {
    lowerer: &'a Lowerer,
    /// Parameters, or columns of relations outside of the fragment.
    values: bool,
    /// Anything else.
    inside: bool,
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn visit_outside(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: Postgres walks valid trees; the context is the `Outside` of `is_from_outside`.
    unsafe {
        let outside = &mut *context.cast::<Outside<'_>>();
        match (*node).type_ {
            NodeTag::T_Param => {
                // The rows of a subquery are the fragment's own.
                let of_rows = (*node.cast::<pg_sys::Param>()).paramkind == pg_sys::ParamKind::PARAM_SUBLINK;
                outside.values |= !of_rows;
                outside.inside |= of_rows;
                return of_rows;
            }
            NodeTag::T_Var => {
                let var = &*node.cast::<pg_sys::Var>();
                let scopes = &outside.lowerer.scopes;
                let entry = usize::try_from(var.varno).ok().and_then(|index| index.checked_sub(1));
                let unseen = scopes.len() == 1
                    && var.varlevelsup == 0
                    && entry.is_some_and(|index| matches!(scopes[0].entries.get(index), Some(Entry::Unseen)));
                outside.values |= unseen;
                outside.inside |= !unseen;
                return !unseen;
            }
            _ => {}
        }
        if is_reference(node) {
            outside.inside = true;
            return true;
        }
        pg_sys::expression_tree_walker(node, Some(visit_outside), context)
    }
}

/// True if an expression depends on anything but its own constants.
#[pgrx::pg_guard]
pub(super) unsafe extern "C-unwind" fn refers(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: Postgres walks valid trees.
    unsafe { is_reference(node) || pg_sys::expression_tree_walker(node, Some(refers), context) }
}

/// True for a node whose value comes from elsewhere.
///
/// # Safety
/// `node` is a valid node.
unsafe fn is_reference(node: *mut pg_sys::Node) -> bool {
    // SAFETY: as the caller promises.
    let tag = unsafe { (*node).type_ };
    matches!(
        tag,
        NodeTag::T_Var
            | NodeTag::T_Param
            | NodeTag::T_SubLink
            | NodeTag::T_Aggref
            | NodeTag::T_GroupingFunc
            | NodeTag::T_WindowFunc
            | NodeTag::T_CaseTestExpr
            | NodeTag::T_CoerceToDomainValue
            | NodeTag::T_SetToDefault
            | NodeTag::T_SubPlan
            | NodeTag::T_AlternativeSubPlan
            | NodeTag::T_PlaceHolderVar
            | NodeTag::T_NextValueExpr
            | NodeTag::T_CurrentOfExpr
    )
}
