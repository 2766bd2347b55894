//! A function or operator call with its exact Postgres signature.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, FieldRef};
use bridge_types::PgType;
use datafusion_common::{Result, not_impl_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature as DfSignature, Volatility,
};

use crate::DuckType;

/// The signature DataFusion sees on every opaque function: anything goes.
pub(crate) static ANY: LazyLock<DfSignature> =
    LazyLock::new(|| DfSignature::variadic_any(Volatility::Immutable));

/// How the collation of a call orders text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub enum Collation {
    /// The call has no collation.
    #[default]
    None,
    /// `C` or `POSIX`: byte order, and case mapping of ASCII only.
    C,
    /// `C.UTF-8`: byte order, Unicode case mapping.
    Unicode,
    /// Deterministic, but its order is not byte order; the name, for messages.
    Linguistic(String),
    /// Equal strings may differ in bytes; the name, for messages.
    Nondeterministic(String),
}

impl Collation {
    /// True if `<` is byte order, as in DuckDB.
    #[must_use]
    pub fn orders_bytes(&self) -> bool {
        matches!(self, Self::None | Self::C | Self::Unicode)
    }

    /// True if `=` is byte equality, as in DuckDB.
    #[must_use]
    pub fn compares_bytes(&self) -> bool {
        !matches!(self, Self::Nondeterministic(_))
    }
}

/// `op ANY (array)` or `op ALL (array)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the words of the SQL standard")]
pub enum Quantifier {
    Any,
    All,
}

/// What identifies a Postgres function: the allow-list's key, and what messages say.
///
/// Syntax that Postgres parses into nodes of its own has reserved names, none of which is in
/// `pg_proc`: `and`, `or`, `not`, `coalesce`, `nullif:<=function>`, `greatest`, `least`,
/// `distinct:<=function>`, `array`, `is_true`, `is_not_true`, ...
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    /// `pg_proc.proname` of a function in `pg_catalog` (an operator's function), or a reserved name.
    pub name: String,
    /// `pg_proc.proargtypes`; empty for reserved names.
    pub declared: Vec<u32>,
    /// Types and typmods of the actual arguments, domains resolved.
    pub args: Vec<PgType>,
    /// Type of the result, and its typmod where a length coercion fixes it.
    pub result: PgType,
    /// Input collation.
    pub collation: Collation,
    /// As a user would name it: `function foo(integer)`, `operator integer / integer`.
    pub display: String,
}

/// An opaque scalar function.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PgFunction {
    /// Its identity.
    pub signature: Signature,
    /// Set if the operator is applied to the elements of an array (the second argument).
    pub quantifier: Option<Quantifier>,
}

impl fmt::Debug for PgFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.signature.display)
    }
}

impl PgFunction {
    /// A call.
    #[must_use]
    pub fn call(signature: Signature, args: Vec<Expr>) -> Expr {
        Self { signature, quantifier: None }.apply(args)
    }

    /// This function applied to arguments.
    #[must_use]
    pub fn apply(self, args: Vec<Expr>) -> Expr {
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(self)), args))
    }

    /// A call of a reserved name: syntax rather than a function.
    #[must_use]
    pub fn syntax(name: &str, result: PgType, args: Vec<Expr>) -> Expr {
        let signature = Signature {
            name: name.to_owned(),
            declared: Vec::new(),
            args: Vec::new(),
            result,
            collation: Collation::None,
            display: name.to_uppercase(),
        };
        Self::call(signature, args)
    }

    /// The function of a call, if the expression is one.
    #[must_use]
    pub fn of(expr: &Expr) -> Option<(&Self, &[Expr])> {
        match expr {
            Expr::ScalarFunction(call) => Some((call.func.inner().downcast_ref::<Self>()?, &call.args)),
            _ => None,
        }
    }
}

impl ScalarUDFImpl for PgFunction {
    fn name(&self) -> &str {
        &self.signature.name
    }
    fn signature(&self) -> &DfSignature {
        &ANY
    }
    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(DuckType::for_pg(self.signature.result).map_or(DataType::Null, |ty| ty.arrow()))
    }
    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        match DuckType::for_pg(self.signature.result) {
            Ok(ty) => Ok(ty.field(self.name())),
            Err(error) => not_impl_err!("{error}"),
        }
    }
    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        not_impl_err!("{} is evaluated by DuckDB", self.signature.display)
    }
}
