//! Random arrays of the types that cross the ring, edge values among them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrowPrimitiveType;
use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BinaryViewArray, BooleanBuilder, DictionaryArray,
    FixedSizeBinaryBuilder, LargeBinaryArray, LargeStringArray, ListArray, PrimitiveArray, StringArray,
    StringViewArray, StringViewBuilder, make_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    ArrowDictionaryKeyType, DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Field,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use bridge_types::{PgType, oid, wire};

/// A small generator (splitmix64): the same seed gives the same batch everywhere.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator with a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// 128 random bits of a random magnitude, signed.
    pub fn wide(&mut self) -> i128 {
        let value = (u128::from(self.bits()) << 64 | u128::from(self.bits())).cast_signed();
        value >> self.below(128)
    }

    /// True in `percent` of 100 cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Text of 0 to `longest` characters, some of them not ASCII.
    pub fn text(&mut self, longest: u64) -> String {
        let length = self.below(longest + 1);
        let letters = ['a', 'Z', ' ', '0', 'ä', '€', '𝄞', '"', '\\', 'x'];
        (0..length).map(|_| letters[usize::try_from(self.below(10)).expect("small")]).collect()
    }
}

/// Every type of the wire with the Postgres type it becomes.
#[must_use]
pub fn wire_types() -> Vec<(Field, PgType)> {
    let plain = |data_type| Field::new("c", data_type, true);
    let extension = |data_type, name: &str| {
        plain(data_type).with_metadata(HashMap::from([(wire::EXTENSION_KEY.to_owned(), name.to_owned())]))
    };
    let list = |item: Field| plain(DataType::List(Arc::new(item)));
    let utc = Some("UTC".into());
    let mut types = vec![
        (extension(DataType::Int8, wire::BOOL8), PgType::new(oid::BOOL)),
        (plain(DataType::Boolean), PgType::new(oid::BOOL)),
        (plain(DataType::Float32), PgType::new(oid::FLOAT4)),
        (plain(DataType::Float64), PgType::new(oid::FLOAT8)),
        (plain(DataType::Utf8View), PgType::new(oid::TEXT)),
        (plain(DataType::Utf8), PgType::new(oid::VARCHAR)),
        (extension(DataType::Utf8View, wire::JSON), PgType::new(oid::JSON)),
        (plain(DataType::BinaryView), PgType::new(oid::BYTEA)),
        (plain(DataType::Date32), PgType::new(oid::DATE)),
        (plain(DataType::Time64(TimeUnit::Microsecond)), PgType::new(oid::TIME)),
        (plain(DataType::Timestamp(TimeUnit::Microsecond, None)), PgType::new(oid::TIMESTAMP)),
        (plain(DataType::Timestamp(TimeUnit::Microsecond, utc)), PgType::new(oid::TIMESTAMPTZ)),
        (extension(DataType::FixedSizeBinary(8), wire::TIME_TZ), PgType::new(oid::TIMETZ)),
        (extension(DataType::FixedSizeBinary(16), wire::INTERVAL), PgType::new(oid::INTERVAL)),
        (extension(DataType::FixedSizeBinary(16), wire::UUID), PgType::new(oid::UUID)),
        (extension(DataType::FixedSizeBinary(16), wire::UHUGEINT), PgType::new(oid::NUMERIC)),
        (plain(DataType::UInt32), PgType::new(oid::OID)),
        (plain(DataType::Int8), PgType::new(oid::INT2)),
        (plain(DataType::Int16), PgType::new(oid::INT2)),
        (plain(DataType::Int32), PgType::new(oid::INT4)),
        (plain(DataType::Int64), PgType::new(oid::INT8)),
    ];
    for integer in [DataType::Int8, DataType::Int64, DataType::UInt8, DataType::UInt16, DataType::UInt64] {
        types.push((plain(integer), PgType::new(oid::NUMERIC)));
    }
    for (precision, scale) in [(1, 0), (4, 4), (9, 2), (9, 9)] {
        types.push((plain(DataType::Decimal32(precision, scale)), PgType::new(oid::NUMERIC)));
    }
    for (precision, scale) in [(12, 2), (15, 15), (18, 0), (18, 1), (18, 18)] {
        types.push((plain(DataType::Decimal64(precision, scale)), PgType::new(oid::NUMERIC)));
    }
    for (precision, scale) in [(38, 0), (38, 10), (38, 37), (38, 38), (20, 3)] {
        types.push((plain(DataType::Decimal128(precision, scale)), PgType::new(oid::NUMERIC)));
    }
    for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Nanosecond] {
        types.push((plain(DataType::Timestamp(unit, None)), PgType::new(oid::TIMESTAMP)));
    }
    types.push((plain(DataType::Time64(TimeUnit::Nanosecond)), PgType::new(oid::TIME)));
    for key in [DataType::UInt8, DataType::UInt16, DataType::UInt32] {
        let dictionary = DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8View));
        types.push((plain(dictionary), PgType::new(oid::TEXT)));
    }
    let lists: Vec<_> =
        types.iter().filter_map(|(item, pg_type)| Some((list(item.clone()), pg_type.array()?))).collect();
    types.extend(lists);
    types
}

/// A random array of `field`'s type in which `nulls` percent are null. Values lie in
/// Postgres' range; slots under nulls hold anything.
///
/// # Panics
/// For types that [`wire_types`] does not name, `LargeUtf8` and `LargeBinary` aside.
#[must_use]
pub fn array(random: &mut Random, field: &Field, rows: usize, nulls: u64) -> ArrayRef {
    let valid: Vec<bool> = (0..rows).map(|_| !random.percent(nulls)).collect();
    let with_nulls = NullBuffer::from(valid.clone());
    let bound = |precision: u8| 10_i128.pow(precision.into());
    match field.data_type() {
        DataType::Boolean => {
            let mut builder = BooleanBuilder::new();
            valid.iter().for_each(|valid| builder.append_option(valid.then(|| random.percent(50))));
            Arc::new(builder.finish())
        }
        DataType::Int8 => ints::<Int8Type>(random, with_nulls),
        DataType::Int16 => ints::<Int16Type>(random, with_nulls),
        DataType::Int32 => ints::<Int32Type>(random, with_nulls),
        DataType::Int64 => ints::<Int64Type>(random, with_nulls),
        DataType::UInt8 => ints::<UInt8Type>(random, with_nulls),
        DataType::UInt16 => ints::<UInt16Type>(random, with_nulls),
        DataType::UInt32 => ints::<UInt32Type>(random, with_nulls),
        DataType::UInt64 => ints::<UInt64Type>(random, with_nulls),
        DataType::Float32 => from_fn::<Float32Type>(with_nulls, field, |_| {
            f32::from_bits(u32::try_from(random.bits() >> 32).expect("32 bits"))
        }),
        DataType::Float64 => from_fn::<Float64Type>(with_nulls, field, |_| f64::from_bits(random.bits())),
        DataType::Decimal32(precision, _) => from_fn::<Decimal32Type>(with_nulls, field, |_| {
            i32::try_from(random.wide() % bound(*precision)).expect("at most nine digits")
        }),
        DataType::Decimal64(precision, _) => from_fn::<Decimal64Type>(with_nulls, field, |_| {
            i64::try_from(random.wide() % bound(*precision)).expect("at most 18 digits")
        }),
        DataType::Decimal128(38, 0) => {
            from_fn::<Decimal128Type>(with_nulls, field, |_| match random.below(20) {
                0 => i128::MIN,
                1 => i128::MAX,
                _ => random.wide(),
            })
        }
        DataType::Decimal128(precision, _) => {
            from_fn::<Decimal128Type>(with_nulls, field, |_| random.wide() % bound(*precision))
        }
        DataType::Date32 => from_fn::<Date32Type>(with_nulls, field, |valid| match random.below(10) {
            _ if !valid => i32::MIN,
            0 => i32::MAX,
            1 => -i32::MAX,
            2 => 10_957 - 2_451_545,
            _ => i32::try_from(random.below(4_000_000)).expect("small") - 2_000_000,
        }),
        DataType::Time64(TimeUnit::Nanosecond) => {
            from_fn::<Time64NanosecondType>(with_nulls, field, |valid| {
                if valid { random.below(86_400_000_000_001).cast_signed() } else { -1 }
            })
        }
        DataType::Time64(_) => from_fn::<Time64MicrosecondType>(with_nulls, field, |valid| {
            if valid { random.below(86_400_000_001).cast_signed() } else { -1 }
        }),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            from_fn::<TimestampMicrosecondType>(with_nulls, field, |valid| match random.below(10) {
                _ if !valid => i64::MIN,
                0 => i64::MAX,
                1 => -i64::MAX,
                2 => i64::MAX - 1,
                _ => random.bits().cast_signed() >> 10,
            })
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            from_fn::<TimestampSecondType>(with_nulls, field, |valid| instant(random, valid, 40))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            from_fn::<TimestampMillisecondType>(with_nulls, field, |valid| instant(random, valid, 20))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            from_fn::<TimestampNanosecondType>(with_nulls, field, |valid| instant(random, valid, 0))
        }
        DataType::Dictionary(key, _) => {
            let entries = 1 + random.below(40);
            let labels: StringViewArray = (0..entries).map(|_| Some(text(random))).collect();
            let key = Field::new("key", key.as_ref().clone(), true);
            match key.data_type() {
                DataType::UInt8 => dictionary::<UInt8Type>(random, with_nulls, &key, labels),
                DataType::UInt16 => dictionary::<UInt16Type>(random, with_nulls, &key, labels),
                _ => dictionary::<UInt32Type>(random, with_nulls, &key, labels),
            }
        }
        DataType::Utf8View => {
            let mut builder = StringViewBuilder::new();
            valid.iter().for_each(|valid| builder.append_option(valid.then(|| text(random))));
            Arc::new(builder.finish())
        }
        DataType::Utf8 => {
            Arc::new(valid.iter().map(|valid| valid.then(|| text(random))).collect::<StringArray>())
        }
        DataType::LargeUtf8 => {
            Arc::new(valid.iter().map(|valid| valid.then(|| text(random))).collect::<LargeStringArray>())
        }
        DataType::BinaryView => {
            Arc::new(valid.iter().map(|valid| valid.then(|| bytes(random))).collect::<BinaryViewArray>())
        }
        DataType::LargeBinary => {
            Arc::new(valid.iter().map(|valid| valid.then(|| bytes(random))).collect::<LargeBinaryArray>())
        }
        DataType::FixedSizeBinary(width) => {
            let time_tz = field.metadata().get(wire::EXTENSION_KEY).is_some_and(|name| name == wire::TIME_TZ);
            let mut builder = FixedSizeBinaryBuilder::new(*width);
            for valid in &valid {
                let bits = u128::from(random.bits()) << 64 | u128::from(random.bits());
                let value = if time_tz {
                    (random.below(86_400_000_001) << 24 | random.below(2 * 57_599 + 1)).to_le_bytes().to_vec()
                } else {
                    bits.to_le_bytes().to_vec()
                };
                if *valid { builder.append_value(value).expect("right width") } else { builder.append_null() }
            }
            Arc::new(builder.finish())
        }
        DataType::List(item) => {
            let lengths: Vec<usize> =
                (0..rows).map(|_| usize::try_from(random.below(5)).expect("small")).collect();
            let items = array(random, item, lengths.iter().sum(), nulls);
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::new(Arc::clone(item), offsets, items, Some(with_nulls)))
        }
        other => panic!("testkit makes no {other}"),
    }
}

/// An instant, infinities among them, of 64 - `shift` bits.
fn instant(random: &mut Random, valid: bool, shift: u32) -> i64 {
    match random.below(10) {
        _ if !valid => i64::MIN,
        0 => i64::MAX,
        1 => -i64::MAX,
        _ => random.bits().cast_signed() >> shift,
    }
}

/// Random indices into `labels`; those under nulls are anything.
fn dictionary<K: ArrowDictionaryKeyType>(
    random: &mut Random,
    nulls: NullBuffer,
    key: &Field,
    labels: StringViewArray,
) -> ArrayRef
where
    K::Native: TryFrom<u64>,
{
    let end = labels.len() as u64;
    let keys = from_fn::<K>(nulls, key, |valid| {
        let index = if valid { random.below(end) } else { 0xff };
        K::Native::try_from(index).unwrap_or_default()
    });
    Arc::new(DictionaryArray::<K>::new(keys.as_primitive::<K>().clone(), Arc::new(labels)))
}

fn bytes(random: &mut Random) -> Vec<u8> {
    (0..random.below(200)).map(|_| random.bits().to_le_bytes()[0]).collect()
}

/// Text around the lengths where views and headers change.
fn text(random: &mut Random) -> String {
    match random.below(20) {
        0 => String::new(),
        1 => "x".repeat(usize::try_from(120 + random.below(12)).expect("small")),
        2 => "y".repeat(usize::try_from(10 + random.below(24)).expect("small")),
        _ => random.text(24),
    }
}

/// An array from a function of "is this slot valid".
fn from_fn<T: ArrowPrimitiveType>(
    nulls: NullBuffer,
    field: &Field,
    mut value: impl FnMut(bool) -> T::Native,
) -> ArrayRef {
    let values: Vec<T::Native> = nulls.iter().map(&mut value).collect();
    let array =
        PrimitiveArray::<T>::new(values.into(), Some(nulls)).with_data_type(field.data_type().clone());
    make_array(arrow::array::Array::to_data(&array))
}

/// Integers of all magnitudes, the extremes among them.
fn ints<T: ArrowPrimitiveType>(random: &mut Random, nulls: NullBuffer) -> ArrayRef
where
    T::Native: TryFrom<i128>,
{
    let width = 8 * size_of::<T::Native>();
    let values: Vec<T::Native> = (0..nulls.len())
        .map(|_| {
            loop {
                let extremes = [0, 1, -1, (1 << (width - 1)) - 1, -(1 << (width - 1)), (1 << width) - 1];
                let choice = usize::try_from(random.below(12)).expect("small");
                let value = extremes.get(choice).copied().unwrap_or_else(|| random.wide());
                if let Ok(value) = T::Native::try_from(value) {
                    break value;
                }
            }
        })
        .collect();
    Arc::new(PrimitiveArray::<T>::new(values.into(), Some(nulls)))
}
