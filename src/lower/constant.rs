//! Constants.

use bridge_plan::pg::{PgConstant, Value};
use bridge_types::epoch::{
    PG_DATE_INFINITY, PG_DATE_NEG_INFINITY, PG_EPOCH_OFFSET_DAYS, PG_TIMESTAMP_INFINITY,
    PG_TIMESTAMP_NEG_INFINITY, US_PER_DAY,
};
use bridge_types::{PgType, oid};
use datafusion_expr::Expr;
use pgrx::pg_sys;

use super::{Result, types, unsupported};
use crate::pg::owned_string;

const US_PER_SECOND: i64 = 1_000_000;

/// A `Const` node.
///
/// # Safety
/// `node` is a valid Const.
pub(super) unsafe fn lower(node: *const pg_sys::Const) -> Result<Expr> {
    // SAFETY: as the caller promises; the datum is of the type it says.
    unsafe {
        let pg_type = types::base((*node).consttype, (*node).consttypmod);
        // A type that DuckDB lacks is refused here, by name.
        types::duck(pg_type)?;
        let value = if (*node).constisnull { Value::Null } else { value(pg_type, (*node).constvalue)? };
        Ok(PgConstant::expr(pg_type, value))
    }
}

/// # Safety
/// `datum` is a value of type `pg_type`.
unsafe fn value(pg_type: PgType, datum: pg_sys::Datum) -> Result<Value> {
    // SAFETY: as the caller promises; by-value types are read with their own width.
    unsafe {
        Ok(match pg_type.oid {
            oid::BOOL => Value::Bool(datum.value() & 0xff != 0),
            oid::INT2 => Value::Int(narrow::<i16>(datum).into()),
            oid::INT4 => Value::Int(narrow::<i32>(datum).into()),
            oid::INT8 => Value::Int(narrow::<i64>(datum)),
            oid::OID => Value::Int(narrow::<i32>(datum).cast_unsigned().into()),
            oid::FLOAT4 => {
                Value::Float(format!("{:?}", f32::from_bits(narrow::<i32>(datum).cast_unsigned())))
            }
            oid::FLOAT8 => {
                Value::Float(format!("{:?}", f64::from_bits(narrow::<i64>(datum).cast_unsigned())))
            }
            oid::NUMERIC => Value::Numeric(output(pg_type, datum)),
            oid::TEXT | oid::VARCHAR | oid::NAME | oid::JSON | oid::UUID | oid::TIMETZ => {
                Value::Text(output(pg_type, datum))
            }
            oid::CHAR if datum.value() & 0x80 == 0 => Value::Text(output(pg_type, datum)),
            oid::UNKNOWN => Value::Text(owned_string(datum.cast_mut_ptr())),
            oid::BPCHAR => Value::Text(output(pg_type, datum).trim_end_matches(' ').to_owned()),
            oid::BYTEA => {
                let bytes = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
                Value::Bytes(pgrx::varlena_to_byte_slice(bytes).to_vec())
            }
            oid::DATE => Value::Text(date(narrow::<i32>(datum))?),
            oid::TIME => Value::Text(time(narrow::<i64>(datum))?),
            oid::TIMESTAMP => Value::Text(timestamp(narrow::<i64>(datum))?),
            oid::TIMESTAMPTZ => {
                let text = timestamp(narrow::<i64>(datum))?;
                Value::Text(if text.ends_with("infinity") { text } else { text + "+00" })
            }
            oid::INTERVAL => {
                let interval = &*datum.cast_mut_ptr::<pg_sys::Interval>();
                Value::Interval { months: interval.month, days: interval.day, micros: interval.time }
            }
            _ if pg_type.crosses_as_text() => Value::Text(output(pg_type, datum)),
            other => match pg_type.element() {
                Some(element) => array(element, datum)?,
                None => {
                    return unsupported(
                        format!("constant of type {}", types::name(other)),
                        "DuckDB has no such literal",
                    );
                }
            },
        })
    }
}

/// The low bytes of a datum as a signed integer.
fn narrow<T: Narrow>(datum: pg_sys::Datum) -> T {
    T::from_low_bytes(datum.value() as u64)
}

trait Narrow {
    fn from_low_bytes(value: u64) -> Self;
}

macro_rules! narrow_from_le {
    ($($ty:ty),*) => {$(
        impl Narrow for $ty {
            fn from_low_bytes(value: u64) -> Self {
                let bytes = value.to_le_bytes();
                let mut low = [0; size_of::<$ty>()];
                low.copy_from_slice(&bytes[..size_of::<$ty>()]);
                <$ty>::from_le_bytes(low)
            }
        }
    )*};
}
narrow_from_le!(i16, i32, i64);

/// Postgres' own text of a value whose output depends on no setting.
///
/// # Safety
/// `datum` is a value of type `pg_type`.
unsafe fn output(pg_type: PgType, datum: pg_sys::Datum) -> String {
    // SAFETY: as the caller promises.
    unsafe {
        let mut function = pg_sys::InvalidOid;
        let mut is_varlena = false;
        pg_sys::getTypeOutputInfo(pg_sys::Oid::from(pg_type.oid), &raw mut function, &raw mut is_varlena);
        owned_string(pg_sys::OidOutputFunctionCall(function, datum))
    }
}

/// # Safety
/// `datum` is an array of `element`.
unsafe fn array(element: PgType, datum: pg_sys::Datum) -> Result<Value> {
    // SAFETY: as the caller promises; deconstruct_array allocates what it returns.
    unsafe {
        let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        if (*array).ndim == 0 {
            return Ok(Value::List(Vec::new()));
        }
        let lower_bound =
            *array.cast::<u8>().add(size_of::<pg_sys::ArrayType>() + size_of::<i32>()).cast::<i32>();
        if (*array).ndim != 1 || lower_bound != 1 {
            return unsupported("array constant", "it has several dimensions or a lower bound other than 1");
        }
        let type_oid = pg_sys::Oid::from(element.oid);
        let (mut length, mut by_value, mut align) = (0, false, 0);
        pg_sys::get_typlenbyvalalign(type_oid, &raw mut length, &raw mut by_value, &raw mut align);
        let (mut values, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
        pg_sys::deconstruct_array(
            array,
            type_oid,
            length.into(),
            by_value,
            align,
            &raw mut values,
            &raw mut nulls,
            &raw mut count,
        );
        let count = usize::try_from(count).unwrap_or(0);
        let items =
            (0..count).map(|i| if *nulls.add(i) { Ok(Value::Null) } else { value(element, *values.add(i)) });
        Ok(Value::List(items.collect::<Result<_>>()?))
    }
}

/// Year, month and day of a day count since 1970-01-01, in the proleptic Gregorian calendar
/// (the usual arithmetic over 400-year eras that begin in March).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// `YYYY-MM-DD` of days since 1970-01-01.
fn day_text(days: i64) -> Result<String> {
    let (year, month, day) = civil(days);
    if !(1..=9999).contains(&year) {
        return unsupported("date or timestamp constant", "its year is not between 1 and 9999");
    }
    Ok(format!("{year:04}-{month:02}-{day:02}"))
}

fn date(days: i32) -> Result<String> {
    match days {
        PG_DATE_INFINITY => Ok("infinity".to_owned()),
        PG_DATE_NEG_INFINITY => Ok("-infinity".to_owned()),
        days => day_text(i64::from(days) + i64::from(PG_EPOCH_OFFSET_DAYS)),
    }
}

fn time(micros: i64) -> Result<String> {
    if !(0..=US_PER_DAY).contains(&micros) {
        return unsupported("time constant", "it is not within a day");
    }
    let seconds = micros / US_PER_SECOND;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = micros % US_PER_SECOND;
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    Ok(format!("{hours:02}:{minutes:02}:{seconds:02}{fraction}"))
}

/// `YYYY-MM-DD HH:MM:SS[.ffffff]` of microseconds since 2000-01-01.
fn timestamp(micros: i64) -> Result<String> {
    match micros {
        PG_TIMESTAMP_INFINITY => Ok("infinity".to_owned()),
        PG_TIMESTAMP_NEG_INFINITY => Ok("-infinity".to_owned()),
        micros => {
            let days = micros.div_euclid(US_PER_DAY) + i64::from(PG_EPOCH_OFFSET_DAYS);
            Ok(format!("{} {}", day_text(days)?, time(micros.rem_euclid(US_PER_DAY))?))
        }
    }
}
