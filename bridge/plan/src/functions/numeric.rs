//! `numeric`: decimals where the scale is known, numeric text elsewhere.
//!
//! A CASE over branches of different scales is a text, so that every row shows its own, but
//! keeps the decimal of the same value beside it ([`Scaled`]): comparisons, sums and casts,
//! to which the display scale does not matter or which can add it afterwards, stay fast.

use bridge_types::limits::MAX_DECIMAL_PRECISION;
use bridge_types::oid;

use super::{Entry, division};
use crate::DuckType;
use crate::duck::{Scaled, Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature, Value};

const N: u32 = oid::NUMERIC;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::build("numeric_add", &[N, N], |_, args| add(args, "+", "pg_numeric_add")),
        Entry::build("numeric_sub", &[N, N], |_, args| add(args, "-", "pg_numeric_sub")),
        Entry::build("numeric_mul", &[N, N], |_, args| multiply(args)),
        Entry::build("numeric_div", &[N, N], |_, args| Ok(divide(args))),
        Entry::build("numeric_mod", &[N, N], |_, args| Ok(on_text("pg_numeric_mod({0}, {1})", args))),
        Entry::build("mod", &[N, N], |_, args| Ok(on_text("pg_numeric_mod({0}, {1})", args))),
        Entry::build("numeric_uplus", &[N], |_, mut args| Ok(args.remove(0))),
        Entry::build("numeric_uminus", &[N], |_, args| keep(args, "(-{0})", "pg_numeric_neg({0})")),
        Entry::build("numeric_abs", &[N], |_, args| keep(args, "abs({0})", "pg_numeric_abs({0})")),
        Entry::build("abs", &[N], |_, args| keep(args, "abs({0})", "pg_numeric_abs({0})")),
        Entry::build("ceil", &[N], |_, args| Ok(to_whole(args, "ceil"))),
        Entry::build("ceiling", &[N], |_, args| Ok(to_whole(args, "ceil"))),
        Entry::build("floor", &[N], |_, args| Ok(to_whole(args, "floor"))),
        Entry::build("div", &[N, N], |_, args| Ok(on_text("pg_numeric_div_trunc({0}, {1})", args))),
        Entry::build("numeric_div_trunc", &[N, N], |_, args| {
            Ok(on_text("pg_numeric_div_trunc({0}, {1})", args))
        }),
        Entry::build("sign", &[N], |_, args| Ok(on_text("pg_numeric_sign({0})", args))),
        Entry::build("sqrt", &[N], |_, args| Ok(on_text("pg_numeric_sqrt({0})", args))),
        Entry::build("numeric_sqrt", &[N], |_, args| Ok(on_text("pg_numeric_sqrt({0})", args))),
        Entry::build("trim_scale", &[N], |_, args| Ok(on_text("pg_numeric_trim_scale({0})", args))),
        Entry::build("scale", &[N], |_, args| Ok(digits(args, "pg_numeric_scale({0})"))),
        Entry::build("min_scale", &[N], |_, args| {
            Ok(digits(args, "pg_numeric_scale(pg_numeric_trim_scale({0}))"))
        }),
        Entry::build("gcd", &[N, N], |_, args| Ok(on_text("pg_numeric_gcd({0}, {1})", args))),
        Entry::build("lcm", &[N, N], |_, args| Ok(on_text("pg_numeric_lcm({0}, {1})", args))),
        Entry::template("factorial", &[oid::INT8], "pg_numeric_factorial({0})"),
        Entry::build("round", &[N], |_, args| round(args, 0)),
        Entry::build("round", &[N, oid::INT4], |_, args| round_to(args)),
        Entry::build("trunc", &[N], |_, args| Ok(on_text("pg_numeric_trunc({0}, 0)", args))),
        Entry::build("trunc", &[N, oid::INT4], |_, mut args| {
            let digits = args.remove(1);
            let value = operand(args.remove(0));
            Ok(duck("pg_numeric_trunc({0}, {1})", DuckType::NumericText, vec![value, digits]))
        }),
        Entry::build("numeric", &[N, oid::INT4], |signature, mut args| {
            // A cast has its typmod as a constant, and the result has it too.
            let typmod = PgConstant::of(&args[1].expr).and_then(PgConstant::as_int);
            if typmod != Some(signature.result.typmod.into()) {
                return unsupported(signature.display.clone(), "its typmod is not a constant");
            }
            coerce(signature, args.remove(0))
        }),
        Entry::never("numeric_power", &[N, N], "numeric powers are exact in Postgres only"),
        Entry::never("ln", &[N], "numeric logarithms are exact in Postgres only"),
        Entry::never("exp", &[N], "numeric exponentials are exact in Postgres only"),
    ]
}

/// The value as numeric text; its display scale is that of the carrier.
pub(crate) fn text(value: Typed) -> Typed {
    match &value.ty {
        DuckType::NumericText => value,
        _ => value.cast(&DuckType::NumericText),
    }
}

/// The value as an argument of the engine's numeric functions, which take text, decimals and
/// integers.
pub(super) fn operand(value: Typed) -> Typed {
    if value.ty.is_numeric() || value.ty.decimal().is_some() { value } else { text(value) }
}

/// The value without its display scale: a decimal where there is one.
pub(super) fn without_scale(value: Typed) -> Typed {
    match value.decimal {
        Some(scaled) => scaled.value,
        None => value,
    }
}

/// Value and display scale of a numeric that has a decimal.
fn scaled(value: &Typed) -> Option<Scaled> {
    if let Some(scaled) = &value.decimal {
        return Some((**scaled).clone());
    }
    let (_, scale) = value.ty.decimal()?;
    let scale =
        duck(if is_null(value) { "NULL".to_owned() } else { scale.to_string() }, DuckType::Integer, vec![]);
    Some(Scaled { value: as_decimal(value.clone()), scale, within: true })
}

/// A carrier of fixed scale as the decimal that holds all of its values; others unchanged.
pub(crate) fn as_decimal(value: Typed) -> Typed {
    match value.ty.decimal() {
        Some((p, s)) => value.cast(&DuckType::Decimal(p, s)),
        None => value,
    }
}

/// A numeric as `DECIMAL(p, s)`: rounded half away from zero, 22003 if it has more digits.
pub(super) fn to_decimal(value: Typed, p: u8, s: u8) -> Result<Typed, PlanError> {
    let value = without_scale(value);
    let target = DuckType::Decimal(p, s);
    match &value.ty {
        DuckType::NumericText => {
            Ok(duck(format!("CAST(pg_numeric_fit({{0}}, {p}, {s}) AS {target})"), target, vec![value]))
        }
        // Fits whatever the value, rounding included: DuckDB's cast cannot fail.
        DuckType::Decimal(from_p, from_s) if from_p - from_s + u8::from(*from_s > s) <= p - s => {
            Ok(value.cast(&target))
        }
        _ => Ok(duck(format!("CAST(pg_numeric_fit({{0}}, {p}, {s}) AS {target})"), target, vec![value])),
    }
}

/// Brings values to one carrier: DuckDB would pick one of its own for decimals of different
/// scales. Each keeps its display scale, as text if they differ. Values that are not numeric
/// have the same carrier already.
pub(crate) fn unify(values: Vec<Typed>) -> Result<(Vec<Typed>, DuckType), PlanError> {
    // NULL has no scale: it must not make a text of its neighbours.
    let mut scales = values.iter().filter(|value| !is_null(value)).map(|value| value.ty.decimal());
    let first = scales.next().flatten().map(|(_, scale)| scale);
    let same_scale = first.is_none() || scales.all(|next| next.map(|(_, scale)| scale) == first);
    let (widened, ty) = widen(values.clone())?;
    if same_scale || !matches!(ty, DuckType::Decimal(..)) {
        return Ok((widened, ty));
    }
    Ok((values.into_iter().map(text).collect(), DuckType::NumericText))
}

/// A value that is one of `values`, as `make` writes it for the values and for their scales.
/// Where it depends on nulls which one that is (`by_null`: COALESCE), the scale of a null is null.
pub(crate) fn one_of(
    values: Vec<Typed>,
    by_null: bool,
    make: impl Fn(Vec<Typed>, DuckType) -> Typed,
) -> Result<Typed, PlanError> {
    let (unified, ty) = unify(values.clone())?;
    let mut result = make(unified, ty.clone());
    if ty == DuckType::NumericText
        && let Some(all) = values.iter().map(scaled).collect::<Option<Vec<_>>>()
    {
        let within = all.iter().all(|scaled| scaled.within);
        let (values, mut scales): (Vec<_>, Vec<_>) = all.into_iter().map(|s| (s.value, s.scale)).unzip();
        if by_null {
            for (value, scale) in values.iter().zip(&mut scales) {
                // That of a constant is right already.
                if PgConstant::of(&value.expr).is_some() {
                    continue;
                }
                let args = vec![value.clone(), scale.clone()];
                *scale = duck("CASE WHEN {0} IS NOT NULL THEN {1} END", DuckType::Integer, args);
            }
        }
        let (values, ty) = widen(values)?;
        if matches!(ty, DuckType::Decimal(..)) {
            let (value, scale) = (make(values, ty), make(scales, DuckType::Integer));
            result.decimal = Some(Box::new(Scaled { value, scale, within }));
        }
    }
    Ok(result)
}

/// `greatest` or `least` (`name`) of values, with the display scale of the first that is it.
pub(super) fn extreme(name: &str, values: Vec<Typed>) -> Result<Typed, PlanError> {
    let places =
        |range: std::ops::Range<usize>| range.map(|i| format!("{{{i}}}")).collect::<Vec<_>>().join(", ");
    let of =
        |values: Vec<Typed>, ty: DuckType| duck(format!("{name}({})", places(0..values.len())), ty, values);
    let (unified, ty) = unify(values.clone())?;
    if ty != DuckType::NumericText && ty != DuckType::Interval {
        return Ok(of(unified, ty));
    }
    // The first of `shown` whose `key` is the best one.
    let pick = |keys: &[Typed], best: &Typed, shown: Vec<Typed>| {
        let count = keys.len();
        let arms: String =
            (0..count).map(|i| format!(" WHEN {{{i}}} = {{{}}} THEN {{{}}}", 2 * count, count + i)).collect();
        let ty = shown[0].ty.clone();
        let args = keys.iter().cloned().chain(shown).chain([best.clone()]).collect();
        duck(format!("CASE{arms} END"), ty, args)
    };
    if ty == DuckType::Interval {
        // DuckDB's `greatest` does not know that 30 days are a month.
        let keys: Vec<Typed> = unified
            .iter()
            .map(|value| duck("pg_interval_key({0})", ty.clone(), vec![value.clone()]))
            .collect();
        let extreme = if name == "greatest" { "list_max" } else { "list_min" };
        let best = duck(format!("{extreme}([{}])", places(0..keys.len())), ty, keys.clone());
        return Ok(pick(&keys, &best, unified));
    }
    if let Some(all) = values.iter().map(scaled).collect::<Option<Vec<_>>>() {
        let within = all.iter().all(|scaled| scaled.within);
        let (decimals, scales): (Vec<_>, Vec<_>) = all.into_iter().map(|s| (s.value, s.scale)).unzip();
        let (decimals, ty) = widen(decimals)?;
        if matches!(ty, DuckType::Decimal(..)) {
            let best = of(decimals.clone(), ty);
            let mut result = pick(&decimals, &best, unified);
            let scale = pick(&decimals, &best, scales);
            result.decimal = Some(Box::new(Scaled { value: best, scale, within }));
            return Ok(result);
        }
    }
    let keys: Vec<Typed> = unified.iter().cloned().map(super::sort_key).collect();
    let best = of(keys.clone(), DuckType::Blob);
    Ok(pick(&keys, &best, unified))
}

/// [`unify`], except that the display scale may grow.
pub(crate) fn widen(values: Vec<Typed>) -> Result<(Vec<Typed>, DuckType), PlanError> {
    let Some(first) = values.first() else {
        return unsupported("empty expression list", "it has no type");
    };
    let first = first.ty.clone();
    if values.iter().all(|value| value.ty == first) {
        return Ok((values, first));
    }
    if !values.iter().all(|value| value.ty.is_numeric()) {
        return unsupported("expression of mixed types", "its branches have no common DuckDB type");
    }
    // NULL has no digits: it must not widen its neighbours.
    let mut common = None;
    for value in values.iter().filter(|value| !is_null(value)) {
        let next = value.ty.decimal();
        common = match (common, next) {
            (None, next) => Some(next),
            (Some(Some(a)), Some(b)) => Some(DuckType::decimal_union(a, b)),
            (Some(_), _) => Some(None),
        };
    }
    let target = match common.flatten() {
        Some((p, s)) => DuckType::Decimal(p, s),
        None => DuckType::NumericText,
    };
    let values = values
        .into_iter()
        .map(|value| if target == DuckType::NumericText { text(value) } else { value.cast(&target) })
        .collect();
    Ok((values, target))
}

fn is_null(value: &Typed) -> bool {
    PgConstant::of(&value.expr).is_some_and(|constant| constant.value == Value::Null)
}

/// A number of digits of a numeric's text.
fn digits(args: Vec<Typed>, sql: &str) -> Typed {
    duck(sql, DuckType::Integer, args.into_iter().map(operand).collect())
}

/// `ceil(x)` and `floor(x)`: DuckDB's own for decimals, which have one digit more then.
fn to_whole(args: Vec<Typed>, name: &str) -> Typed {
    let decimal = args.first().map(|value| without_scale(value.clone()));
    match decimal.as_ref().and_then(|value| value.ty.decimal()) {
        Some((p, s)) if s > 0 && p - s < MAX_DECIMAL_PRECISION => {
            let ty = DuckType::Decimal(p - s + 1, 0);
            duck(format!("CAST({name}({{0}}) AS {ty})"), ty, decimal.into_iter().map(as_decimal).collect())
        }
        _ => on_text(&format!("pg_numeric_{name}({{0}})"), args),
    }
}

fn on_text(template: &str, args: Vec<Typed>) -> Typed {
    duck(template, DuckType::NumericText, args.into_iter().map(operand).collect())
}

/// The two fixed scales of a binary call.
fn scales(args: &[Typed]) -> Option<((u8, u8), (u8, u8))> {
    let [left, right] = args else { return None };
    Some((left.ty.decimal()?, right.ty.decimal()?))
}

/// `on_texts` of two numerics of which one is a text. If both have decimals, so has the result:
/// `on_decimals` of these, with the display scale `scale`.
fn on_scaled(
    on_texts: &str,
    scale: &str,
    args: Vec<Typed>,
    on_decimals: impl FnOnce(Vec<Typed>) -> Option<Typed>,
) -> Typed {
    let all = args.iter().map(scaled).collect::<Option<Vec<_>>>();
    let mut result = on_text(&format!("{on_texts}({{0}}, {{1}})"), args);
    if let Some(all) = all {
        let within = all.iter().all(|scaled| scaled.within);
        let (values, scales): (Vec<_>, Vec<_>) = all.into_iter().map(|s| (s.value, s.scale)).unzip();
        let scale = duck(scale, DuckType::Integer, scales);
        result.decimal = on_decimals(values).map(|value| Box::new(Scaled { value, scale, within }));
    }
    result
}

fn add(args: Vec<Typed>, op: &str, on_texts: &str) -> Result<Typed, PlanError> {
    let args = without_smaller_scale(args);
    match add_decimals(&args, op) {
        Some(sum) => Ok(sum),
        None => Ok(on_scaled(on_texts, "greatest({0}, {1})", args, |args| add_decimals(&args, op))),
    }
}

/// `price - coalesce(refund, 0.0)`: where one side of a sum has a fixed scale that is never smaller than
/// that of the other, the other's does not matter.
fn without_smaller_scale(mut args: Vec<Typed>) -> Vec<Typed> {
    if let [left, right] = args.as_mut_slice() {
        let (of_left, of_right) = (left.ty.decimal(), right.ty.decimal());
        for (fixed, varying) in [(of_left, right), (of_right, left)] {
            if let (Some((_, scale)), Some(scaled)) = (fixed, &varying.decimal)
                && scaled.within
                && scaled.value.ty.decimal().is_some_and(|(_, most)| most <= scale)
            {
                *varying = scaled.value.clone();
            }
        }
    }
    args
}

/// The arguments of a sum or product that could overflow 64 bits, the first of them in 128 bits; `None`
/// for other calls.
pub(crate) fn widened(signature: &Signature, args: &[Typed]) -> Option<Vec<Typed>> {
    let all = args.iter().map(|arg| Some(scaled(arg)?.value)).collect::<Option<Vec<_>>>();
    let is_short = match signature.name.as_str() {
        "numeric_add" | "numeric_sub" => is_short_sum(scales(&all?)?),
        "numeric_mul" => is_short_product(scales(&all?)?),
        _ => false,
    };
    is_short.then(|| {
        let mut args = args.to_vec();
        let first = &mut args[0];
        match &mut first.decimal {
            Some(scaled) => scaled.value = wide(scaled.value.clone()),
            None => *first = wide(first.clone()),
        }
        args
    })
}

/// A decimal of up to 18 digits in 128 bits.
fn wide(value: Typed) -> Typed {
    match value.ty.decimal() {
        Some((_, scale)) => value.cast(&DuckType::Decimal(NARROW_DIGITS + 1, scale)),
        None => value,
    }
}

/// True if two decimals are added in 64 bits where a carry alone could make the sum too long for them.
fn is_short_sum((left, right): ((u8, u8), (u8, u8))) -> bool {
    let scale = left.1.max(right.1);
    left.0.max(right.0) <= NARROW_DIGITS
        && (left.0 - left.1).max(right.0 - right.1) + scale == NARROW_DIGITS
        && scale <= NARROW_SCALE
}

/// True if two decimals are multiplied in 64 bits though the product might be too long for them.
fn is_short_product((left, right): ((u8, u8), (u8, u8))) -> bool {
    left.0.max(right.0) <= NARROW_DIGITS
        && left.0 + right.0 > NARROW_DIGITS
        && left.1 + right.1 <= NARROW_SCALE
}

/// A sum of decimals. DuckDB adds two that fit in 64 bits there, even if the sum might not fit,
/// and says so if it does not. That is left so where [`is_short_sum`], since 128 bits are four
/// times slower; otherwise one is widened.
fn add_decimals(args: &[Typed], op: &str) -> Option<Typed> {
    let (mut left, right) = scales(args)?;
    let scale = left.1.max(right.1);
    let digits = |left: (u8, u8)| (left.0 - left.1).max(right.0 - right.1) + scale;
    if is_short_sum((left, right)) {
        return Some(on_decimals(op, args, left, DuckType::Decimal(NARROW_DIGITS, scale)));
    }
    if left.0.max(right.0) <= NARROW_DIGITS && digits(left) >= NARROW_DIGITS {
        left.0 = NARROW_DIGITS + 1;
    }
    let ty = DuckType::Decimal((digits(left) + 1).min(MAX_DECIMAL_PRECISION), scale);
    Some(on_decimals(op, args, left, ty))
}

/// `l op r`, with the left side as a decimal of this precision.
fn on_decimals(op: &str, args: &[Typed], left: (u8, u8), ty: DuckType) -> Typed {
    let mut args: Vec<Typed> = args.iter().cloned().map(as_decimal).collect();
    if let Some(first) = args.first_mut() {
        *first = first.clone().cast(&DuckType::Decimal(left.0, left.1));
    }
    duck(format!("({{0}} {op} {{1}})"), ty, args)
}

pub(super) fn multiply(args: Vec<Typed>) -> Result<Typed, PlanError> {
    match multiply_decimals(&args) {
        Some(product) => Ok(product),
        None => Ok(on_scaled("pg_numeric_mul", "({0} + {1})", args, |args| multiply_decimals(&args))),
    }
}

/// A product of decimals. `price * (1 - discount) * (1 + tax)` has 47 digits by its types and
/// far fewer in fact. DuckDB computes it in 64 bits if both factors have them; that is left so where
/// [`is_short_product`], except for squares, and DuckDB says so (22003) if the product is too
/// long. Otherwise a factor is widened to 128 bits, or, if both are that wide and the product may
/// have more than 38 digits, it is computed on texts (`None`).
fn multiply_decimals(args: &[Typed]) -> Option<Typed> {
    let (mut left, right) = scales(args)?;
    let (precision, scale) = (left.0 + right.0, left.1 + right.1);
    let may_overflow = precision > MAX_DECIMAL_PRECISION && left.0.min(right.0) > NARROW_DIGITS;
    if scale > MAX_DECIMAL_PRECISION || may_overflow {
        return None;
    }
    if left.0.max(right.0) <= NARROW_DIGITS && precision > NARROW_DIGITS {
        if is_short_product((left, right)) && args[0].expr != args[1].expr {
            return Some(on_decimals("*", args, left, DuckType::Decimal(NARROW_DIGITS, scale)));
        }
        left.0 = NARROW_DIGITS + 1;
    }
    let ty = DuckType::Decimal((left.0 + right.0).min(MAX_DECIMAL_PRECISION), scale);
    Some(on_decimals("*", args, left, ty))
}

/// Scale up to which sums and products stay in 64 bits: 12 digits are left before the point.
const NARROW_SCALE: u8 = 6;

/// Digits of a decimal that DuckDB keeps in 64 bits.
const NARROW_DIGITS: u8 = 18;

/// A quotient is a text; by a constant such as 2 or 100 it is a product as well.
fn divide(args: Vec<Typed>) -> Typed {
    let decimal = match args.as_slice() {
        [left, right] => scaled(left).and_then(|left| division::by_constant(&left, right)),
        _ => None,
    };
    let mut result = on_text("pg_numeric_div({0}, {1})", args);
    result.decimal = decimal.map(Box::new);
    result
}

/// A unary call that changes neither precision nor scale.
fn keep(mut args: Vec<Typed>, on_decimal: &str, on_texts: &str) -> Result<Typed, PlanError> {
    let value = as_decimal(args.remove(0));
    if value.ty != DuckType::NumericText {
        return Ok(duck(on_decimal, value.ty.clone(), vec![value]));
    }
    let scaled = value.decimal.clone();
    let mut result = duck(on_texts, DuckType::NumericText, vec![value]);
    result.decimal = scaled.map(|scaled| {
        let Scaled { value, scale, within } = *scaled;
        Box::new(Scaled { value: duck(on_decimal, value.ty.clone(), vec![value]), scale, within })
    });
    Ok(result)
}

fn round_to(mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    if let Some(digits) = PgConstant::of(&args[1].expr).and_then(PgConstant::as_int)
        && let Ok(digits) = u8::try_from(digits)
    {
        args.truncate(1);
        return round(args, digits);
    }
    let digits = args.remove(1);
    let value = operand(args.remove(0));
    Ok(duck("pg_numeric_round({0}, {1})", DuckType::NumericText, vec![value, digits]))
}

/// `round(x, digits)`: DuckDB's decimal cast rounds half away from zero, as Postgres does.
pub(super) fn round(mut args: Vec<Typed>, digits: u8) -> Result<Typed, PlanError> {
    let value = without_scale(args.remove(0));
    if let Some((p, s)) = value.ty.decimal() {
        // One more digit before the point: 9.99 rounds to 10.0.
        let precision = p - s + digits + u8::from(digits < s);
        if precision <= MAX_DECIMAL_PRECISION {
            return Ok(as_decimal(value).cast(&DuckType::Decimal(precision.max(1), digits)));
        }
    }
    Ok(duck(format!("pg_numeric_round({{0}}, {digits})"), DuckType::NumericText, vec![operand(value)]))
}

/// `x::numeric(p, s)`.
fn coerce(signature: &Signature, value: Typed) -> Result<Typed, PlanError> {
    match DuckType::for_pg(signature.result)? {
        DuckType::Decimal(p, s) => to_decimal(as_decimal(value), p, s),
        _ if signature.result.typmod < 0 => Ok(value),
        _ => unsupported(signature.display.clone(), "DuckDB's decimals have at most 38 digits"),
    }
}
