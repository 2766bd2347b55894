//! DuckDB expressions as opaque plan values: what the allow-list rewrites to.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use bridge_types::limits::MAX_DECIMAL_PRECISION;
use datafusion_common::{Result, not_impl_err};
use datafusion_expr::expr::{AggregateFunction, ScalarFunction};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature as DfSignature,
};

use crate::DuckType;
use crate::frame::Frame;
use crate::pg::ANY;

/// An expression together with its carrier.
#[derive(Clone, Debug)]
pub struct Typed {
    /// The expression.
    pub expr: Expr,
    /// What DuckDB computes it as.
    pub ty: DuckType,
    /// The same value as a decimal, if this is a numeric text whose display scale alone varies.
    pub(crate) decimal: Option<Box<Scaled>>,
}

/// A numeric whose rows have different display scales, without the text.
#[derive(Clone, Debug)]
pub(crate) struct Scaled {
    /// The value, on a decimal wide enough for all rows.
    pub(crate) value: Typed,
    /// The display scale of each row, an INTEGER.
    pub(crate) scale: Typed,
    /// No row's display scale is larger than the scale of the decimal.
    pub(crate) within: bool,
}

impl Typed {
    /// Pairs the two.
    #[must_use]
    pub fn new(expr: Expr, ty: DuckType) -> Self {
        Self { expr, ty, decimal: None }
    }

    /// This value cast to `ty`; itself if it is of that type.
    #[must_use]
    pub fn cast(self, ty: &DuckType) -> Self {
        if self.ty == *ty {
            return self;
        }
        let sql = match (&self.ty, ty) {
            // DuckDB writes decimals that have no digits before the point without the zero there.
            (DuckType::Decimal(p, s), DuckType::NumericText | DuckType::Varchar) if p == s => {
                if *p < MAX_DECIMAL_PRECISION {
                    format!("CAST(CAST({{0}} AS DECIMAL({},{s})) AS {ty})", p + 1)
                } else {
                    format!("pg_numeric_round({{0}}, {s})")
                }
            }
            _ => format!("CAST({{0}} AS {ty})"),
        };
        duck(sql, ty.clone(), vec![self])
    }
}

/// A piece of DuckDB SQL: `{0}`, `{1}`, ... stand for the arguments.
///
/// The text is a complete term: a call, a cast, or parenthesised.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DuckFunction {
    /// The SQL.
    pub template: String,
    /// The carrier of the result.
    pub ty: DuckType,
}

impl fmt::Debug for DuckFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.template)
    }
}

/// A call of a template.
#[must_use]
pub fn duck(template: impl Into<String>, ty: DuckType, args: Vec<Typed>) -> Typed {
    let function = DuckFunction { template: template.into(), ty: ty.clone() };
    let args = args.into_iter().map(|arg| arg.expr).collect();
    let call = ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), args);
    Typed::new(Expr::ScalarFunction(call), ty)
}

impl DuckFunction {
    /// The function of a call, if the expression is one.
    #[must_use]
    pub fn of(expr: &Expr) -> Option<(&Self, &[Expr])> {
        match expr {
            Expr::ScalarFunction(call) => Some((call.func.inner().downcast_ref::<Self>()?, &call.args)),
            _ => None,
        }
    }
}

/// `template` with `{i}` replaced by `args[i]`; other text, braces included, stays.
#[must_use]
pub(crate) fn fill(template: &str, args: &[String]) -> String {
    let mut sql = String::with_capacity(template.len() + args.iter().map(String::len).sum::<usize>());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        sql.push_str(before);
        let close = after.find('}');
        let index = close.and_then(|close| after[1..close].parse::<usize>().ok());
        match (index.and_then(|index| args.get(index)), close) {
            (Some(arg), Some(close)) => {
                sql.push_str(arg);
                rest = &after[close + 1..];
            }
            _ => {
                sql.push('{');
                rest = &after[1..];
            }
        }
    }
    sql.push_str(rest);
    sql
}

impl ScalarUDFImpl for DuckFunction {
    fn name(&self) -> &str {
        &self.template
    }
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        Ok(fill(&self.template, &args))
    }
    fn signature(&self) -> &DfSignature {
        &ANY
    }
    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(self.ty.arrow())
    }
    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(self.ty.field(&self.template))
    }
    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        not_impl_err!("{} is evaluated by DuckDB", self.template)
    }
}

/// A DuckDB aggregate (or window) function by name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DuckAggregate {
    /// Name as DuckDB knows it.
    pub name: String,
    /// The carrier of the result.
    pub ty: DuckType,
    /// Of a window function, its frame.
    pub frame: Option<Frame>,
}

impl fmt::Debug for DuckAggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl DuckAggregate {
    /// The function as DataFusion's expressions hold it.
    #[must_use]
    pub fn udf(name: &str, ty: DuckType) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::new_from_impl(Self { name: name.to_owned(), ty, frame: None }))
    }

    /// A window function as DataFusion's expressions hold it.
    #[must_use]
    pub fn window(name: &str, ty: DuckType, frame: Frame) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::new_from_impl(Self { name: name.to_owned(), ty, frame: Some(frame) }))
    }

    /// The function of an aggregate call, if it is one of DuckDB's.
    #[must_use]
    pub fn of(call: &AggregateFunction) -> Option<&Self> {
        call.func.inner().downcast_ref::<Self>()
    }
}

impl AggregateUDFImpl for DuckAggregate {
    fn name(&self) -> &str {
        &self.name
    }
    fn signature(&self) -> &DfSignature {
        &ANY
    }
    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(self.ty.arrow())
    }
    fn return_field(&self, _args: &[FieldRef]) -> Result<FieldRef> {
        Ok(self.ty.field(&self.name))
    }
    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("{} is evaluated by DuckDB", self.name)
    }
    fn state_fields(&self, _args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        not_impl_err!("{} is evaluated by DuckDB", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn templates_take_arguments_by_number() {
        let args = ["a".to_owned(), "{0}".to_owned()];
        assert_eq!(fill("f({1}, {0}) || '{x}' || '{9}'", &args), "f({0}, a) || '{x}' || '{9}'");
    }
}
