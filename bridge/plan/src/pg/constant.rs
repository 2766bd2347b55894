//! A constant with its Postgres type.
//!
//! DataFusion's `ScalarValue` is not used: it has no exact interval, no numeric beyond 38
//! digits, and no difference between a `varchar` and a numeric carried as text.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use bridge_types::limits::MAX_DECIMAL_PRECISION;
use bridge_types::names::quote_literal;
use bridge_types::{PgType, oid};
use datafusion_common::{Result, not_impl_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature as DfSignature,
};

use super::function::ANY;
use crate::DuckType;
use crate::error::{PlanError, unsupported};

/// The value of a constant. Dates and times are text in ISO form as Postgres prints it for
/// years 1 to 9999 (`src/lower` refuses others), or `infinity` / `-infinity`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// NULL.
    Null,
    /// `boolean`.
    Bool(bool),
    /// `smallint`, `integer`, `bigint`.
    Int(i64),
    /// `real` and `double precision`: the shortest text that reads back as the same value.
    Float(String),
    /// `numeric`: Postgres' text form, display scale and `NaN`/`Infinity` included.
    Numeric(String),
    /// Text; `char(n)` without its trailing blanks. Also json, uuid, date, time, timestamp.
    Text(String),
    /// `bytea`.
    Bytes(Vec<u8>),
    /// `interval`.
    Interval {
        /// Months.
        months: i32,
        /// Days.
        days: i32,
        /// Microseconds.
        micros: i64,
    },
    /// A one-dimensional array.
    List(Vec<Value>),
}

/// A constant.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PgConstant {
    /// Its Postgres type.
    pub pg_type: PgType,
    /// Its value.
    pub value: Value,
}

impl fmt::Debug for PgConstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.value)
    }
}

impl PgConstant {
    /// The constant as an expression.
    #[must_use]
    pub fn expr(pg_type: PgType, value: Value) -> Expr {
        let udf = ScalarUDF::new_from_impl(Self { pg_type, value });
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(udf), Vec::new()))
    }

    /// The constant that an expression is, if it is one.
    #[must_use]
    pub fn of(expr: &Expr) -> Option<&Self> {
        match expr {
            Expr::ScalarFunction(call) => call.func.inner().downcast_ref::<Self>(),
            _ => None,
        }
    }

    /// The carrier: that of the type, except that a numeric keeps the digits it was written with.
    ///
    /// # Errors
    /// `Unsupported` for types the bridge does not carry.
    pub fn duck_type(&self) -> Result<DuckType, PlanError> {
        match &self.value {
            Value::Numeric(text) => Ok(numeric_carrier(text)),
            Value::Null if self.pg_type.oid == oid::NUMERIC => Ok(DuckType::Decimal(1, 0)),
            Value::List(values) if self.pg_type.oid == oid::NUMERIC_ARRAY => {
                let carriers: Vec<Option<(u8, u8)>> = values
                    .iter()
                    .filter_map(|value| match value {
                        Value::Numeric(text) => Some(numeric_carrier(text).decimal()),
                        _ => None,
                    })
                    .collect();
                // Elements of several scales each show their own.
                let same_scale = carriers.windows(2).all(|pair| pair[0].map(|a| a.1) == pair[1].map(|b| b.1));
                let all =
                    carriers.iter().try_fold((1, 0), |all, next| DuckType::decimal_union(all, (*next)?));
                let element = match all {
                    Some((p, s)) if same_scale => DuckType::Decimal(p, s),
                    _ => DuckType::NumericText,
                };
                Ok(DuckType::List(Box::new(element)))
            }
            _ => Ok(DuckType::for_pg(self.pg_type)?),
        }
    }

    /// The constant as DuckDB SQL, its type always explicit.
    ///
    /// # Errors
    /// `Unsupported` for types the bridge does not carry.
    pub fn sql(&self) -> Result<String, PlanError> {
        value_sql(&self.value, &self.duck_type()?)
    }

    /// The value as a person would write it, for EXPLAIN.
    #[must_use]
    pub fn readable(&self) -> String {
        match &self.value {
            Value::Null => "NULL".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(text) | Value::Numeric(text) => text.clone(),
            Value::Text(text) => quote_literal(text),
            Value::Bytes(_) | Value::Interval { .. } | Value::List(_) => {
                self.sql().unwrap_or_else(|error| error.to_string())
            }
        }
    }

    /// The integer that the constant is, for rules that look at values.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self.value {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The text that the constant is.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The carrier of a numeric literal: a decimal of just its digits, or text if it has too many.
fn numeric_carrier(text: &str) -> DuckType {
    let digits = text.trim_start_matches('-');
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return DuckType::NumericText;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0').len();
    match (u8::try_from(whole + fraction.len()), u8::try_from(fraction.len())) {
        (Ok(p), Ok(s)) if p <= MAX_DECIMAL_PRECISION => DuckType::Decimal(p.max(1), s),
        _ => DuckType::NumericText,
    }
}

fn value_sql(value: &Value, ty: &DuckType) -> Result<String, PlanError> {
    Ok(match value {
        Value::Null => format!("CAST(NULL AS {ty})"),
        Value::Bool(value) => (if *value { "true" } else { "false" }).to_owned(),
        Value::Int(value) => format!("CAST({value} AS {ty})"),
        Value::Float(text) => format!("CAST({} AS {ty})", quote_literal(text)),
        Value::Numeric(text) if *ty == DuckType::NumericText => quote_literal(text),
        // DuckDB counts the zero before the point and takes what has more than 38 digits for a double.
        Value::Numeric(text) if matches!(ty, DuckType::Decimal(MAX_DECIMAL_PRECISION, _)) => {
            format!("CAST({} AS {ty})", quote_literal(text))
        }
        Value::Numeric(text) => format!("CAST({text} AS {ty})"),
        Value::Text(text) if *ty == DuckType::Varchar => {
            if text.contains('\0') {
                return unsupported("text constant", "it holds a zero byte");
            }
            quote_literal(text)
        }
        Value::Text(text) => format!("CAST({} AS {ty})", quote_literal(text)),
        Value::Bytes(bytes) => {
            let mut hex = String::with_capacity(bytes.len() * 4);
            for byte in bytes {
                write!(hex, "\\x{byte:02X}").expect("writing to a String does not fail");
            }
            format!("CAST('{hex}' AS BLOB)")
        }
        Value::Interval { months, days, micros } => {
            format!("(to_months({months}) + to_days({days}) + to_microseconds(CAST({micros} AS BIGINT)))")
        }
        Value::List(values) => {
            let DuckType::List(element) = ty else {
                return unsupported("array constant", "its type is not an array the bridge carries");
            };
            let items: Result<Vec<_>, _> = values.iter().map(|value| value_sql(value, element)).collect();
            format!("CAST([{}] AS {ty})", items?.join(", "))
        }
    })
}

impl ScalarUDFImpl for PgConstant {
    fn name(&self) -> &'static str {
        "constant"
    }
    fn schema_name(&self, _args: &[Expr]) -> Result<String> {
        Ok(self.sql().unwrap_or_else(|error| error.to_string()))
    }
    fn signature(&self) -> &DfSignature {
        &ANY
    }
    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(self.duck_type().map_or(DataType::Null, |ty| ty.arrow()))
    }
    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        match self.duck_type() {
            Ok(ty) => Ok(ty.field("constant")),
            Err(error) => not_impl_err!("{error}"),
        }
    }
    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        not_impl_err!("constants are evaluated by DuckDB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(pg_type: u32, value: Value) -> String {
        PgConstant { pg_type: PgType::new(pg_type), value }.sql().unwrap()
    }

    #[test]
    fn every_literal_names_its_type() {
        assert_eq!(sql(oid::INT4, Value::Int(-7)), "CAST(-7 AS INTEGER)");
        assert_eq!(sql(oid::NUMERIC, Value::Numeric("1.10".into())), "CAST(1.10 AS DECIMAL(3,2))");
        assert_eq!(sql(oid::NUMERIC, Value::Numeric("-0.05".into())), "CAST(-0.05 AS DECIMAL(2,2))");
        let nines = format!("0.{}", "9".repeat(38));
        let exact = format!("CAST('{nines}' AS DECIMAL(38,38))");
        assert_eq!(sql(oid::NUMERIC, Value::Numeric(nines)), exact);
        assert_eq!(sql(oid::NUMERIC, Value::Numeric("NaN".into())), "'NaN'");
        assert_eq!(sql(oid::TEXT, Value::Text("it's".into())), "'it''s'");
        assert_eq!(sql(oid::DATE, Value::Text("1998-12-01".into())), "CAST('1998-12-01' AS DATE)");
        assert_eq!(sql(oid::BYTEA, Value::Bytes(vec![0xde, 0x0a])), "CAST('\\xDE\\x0A' AS BLOB)");
        assert_eq!(
            sql(oid::INT4_ARRAY, Value::List(vec![Value::Int(1), Value::Null])),
            "CAST([CAST(1 AS INTEGER), CAST(NULL AS INTEGER)] AS INTEGER[])"
        );
    }
}
