//! Datums to canonical text, reading memory byte by byte as `numeric.c`, `arrayfuncs.c` and
//! `postgres.h` describe it.

use bridge_types::{PgType, oid};

fn pointer(datum: u64) -> *const u8 {
    std::ptr::with_exposed_provenance(usize::try_from(datum).expect("64-bit machine"))
}

/// # Safety: `N` bytes are readable at `at`.
unsafe fn read<const N: usize>(at: *const u8) -> [u8; N] {
    // SAFETY: from the caller.
    unsafe { at.cast::<[u8; N]>().read() }
}

/// Payload of the varlena at `at` and the varlena's whole length.
///
/// # Safety
/// An uncompressed, inline varlena lies at `at`.
pub unsafe fn varlena(at: *const u8) -> (Vec<u8>, usize) {
    // SAFETY: from the caller; lengths are what the header says.
    unsafe {
        let first = *at;
        let (header, total) = if first & 1 == 1 {
            assert_ne!(first, 1, "external value");
            (1, usize::from(first >> 1))
        } else {
            assert_eq!(at.addr() % 4, 0, "a 4-byte header must be aligned");
            let word = u32::from_le_bytes(read(at));
            assert_eq!(word & 3, 0, "compressed value");
            (4, (word >> 2) as usize)
        };
        (std::slice::from_raw_parts(at.add(header), total - header).to_vec(), total)
    }
}

/// What `numeric_out` prints for a numeric's payload. Checks that it is as short as Postgres
/// makes it: no zero digits at either end, the short header where it is possible.
#[must_use]
pub fn numeric(payload: &[u8]) -> String {
    let words: Vec<u16> = payload.chunks(2).map(|word| u16::from_le_bytes([word[0], word[1]])).collect();
    let header = words[0];
    match header {
        0xc000 => return "NaN".into(),
        0xd000 => return "Infinity".into(),
        0xf000 => return "-Infinity".into(),
        _ => {}
    }
    let (negative, dscale, weight, digits) = if header & 0x8000 != 0 {
        let weight = i32::from(header & 0x3f) - if header & 0x40 == 0 { 0 } else { 64 };
        (header & 0x2000 != 0, usize::from((header >> 7) & 0x3f), weight, &words[1..])
    } else {
        let weight = i32::from(words[1].cast_signed());
        let dscale = usize::from(header & 0x3fff);
        assert!(dscale > 63 || !(-64..=63).contains(&weight), "the short form was possible");
        (header & 0x4000 != 0, dscale, weight, &words[2..])
    };
    if digits.is_empty() {
        assert!(weight == 0 && !negative, "zero has weight 0 and no sign");
    } else {
        assert!(digits[0] != 0 && digits[digits.len() - 1] != 0, "zero digits at an end: {digits:?}");
    }
    assert!(digits.iter().all(|digit| *digit < 10_000));
    let place = |weight_of: i32| {
        let index = usize::try_from(weight - weight_of).ok();
        index.and_then(|index| digits.get(index)).copied().unwrap_or(0)
    };
    let integer: String = (0..=weight.max(0)).rev().map(|at| format!("{:04}", place(at))).collect();
    let integer = integer.trim_start_matches('0');
    let blocks = i32::try_from(dscale.div_ceil(4)).expect("small");
    let fraction: String = (1..=blocks).map(|at| format!("{:04}", place(-at))).collect();
    let sign = if negative { "-" } else { "" };
    let integer = if integer.is_empty() { "0" } else { integer };
    let point = if dscale > 0 { "." } else { "" };
    format!("{sign}{integer}{point}{}", &fraction[..dscale])
}

/// Canonical text of a datum that is not null.
///
/// # Safety
/// The datum is a value of `pg_type`.
#[must_use]
pub unsafe fn datum(datum: u64, pg_type: PgType) -> String {
    if let Some(element) = pg_type.element() {
        // SAFETY: an array (caller).
        return unsafe { array(pointer(datum), element) };
    }
    let signed = datum.cast_signed();
    let infinite = |value: i64, low: i64, high: i64| match value {
        _ if value == low => "-inf".into(),
        _ if value == high => "inf".into(),
        _ => value.to_string(),
    };
    // SAFETY: by-reference values as their types say (caller).
    unsafe {
        match pg_type.oid {
            oid::BOOL => ["false", "true"][usize::from(datum != 0)].into(),
            oid::INT2 | oid::INT4 | oid::INT8 | oid::OID | oid::TIME | oid::CHAR => signed.to_string(),
            oid::FLOAT4 => format!("{:08x}", u32::try_from(datum & 0xffff_ffff).expect("masked")),
            oid::FLOAT8 => format!("{datum:016x}"),
            oid::DATE => infinite(signed, i32::MIN.into(), i32::MAX.into()),
            oid::TIMESTAMP | oid::TIMESTAMPTZ => infinite(signed, i64::MIN, i64::MAX),
            oid::NUMERIC => {
                assert_eq!(read::<1>(pointer(datum))[0] & 1, 0, "numerics have 4-byte headers");
                numeric(&varlena(pointer(datum)).0)
            }
            oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::JSON => {
                String::from_utf8(varlena(pointer(datum)).0).expect("text is UTF-8")
            }
            oid::NAME => {
                let bytes = read::<64>(pointer(datum));
                assert_eq!(bytes[63], 0);
                String::from_utf8_lossy(&bytes).trim_end_matches('\0').into()
            }
            oid::BYTEA => hex(&varlena(pointer(datum)).0),
            oid::UUID => hex(&read::<16>(pointer(datum))),
            oid::INTERVAL => {
                assert_eq!(pointer(datum).addr() % 8, 0);
                let time = i64::from_le_bytes(read(pointer(datum)));
                let day = i32::from_le_bytes(read(pointer(datum).add(8)));
                let month = i32::from_le_bytes(read(pointer(datum).add(12)));
                format!("{month} {day} {time}")
            }
            oid::TIMETZ => {
                let time = i64::from_le_bytes(read(pointer(datum)));
                let zone = i32::from_le_bytes(read(pointer(datum).add(8)));
                format!("{time} west {zone}")
            }
            other => panic!("testkit does not decode type oid {other}"),
        }
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Canonical text of the array at `at`.
///
/// # Safety
/// An array with a 4-byte header and elements of type `element` lies there.
unsafe fn array(at: *const u8, element: PgType) -> String {
    let (size, align) = match element.oid {
        oid::BOOL | oid::CHAR => (Some(1), 1),
        oid::NAME => (Some(64), 1),
        oid::INT2 => (Some(2), 2),
        oid::INT4 | oid::OID | oid::FLOAT4 | oid::DATE => (Some(4), 4),
        oid::INT8 | oid::FLOAT8 | oid::TIME | oid::TIMESTAMP | oid::TIMESTAMPTZ => (Some(8), 8),
        oid::INTERVAL => (Some(16), 8),
        oid::TIMETZ => (Some(12), 8),
        oid::UUID => (Some(16), 1),
        _ => (None, 4),
    };
    // SAFETY: the layout of ArrayType (caller).
    unsafe {
        let word = |offset: usize| u32::from_le_bytes(read(at.add(offset))) as usize;
        let total = word(0) >> 2;
        let (ndim, dataoffset) = (word(4), word(8));
        assert_eq!(word(12), element.oid as usize, "element type");
        if ndim == 0 {
            assert_eq!(total, 16, "an empty array is its header");
            return "[]".into();
        }
        let dims: Vec<usize> = (0..ndim).map(|dim| word(16 + 4 * dim)).collect();
        assert!((0..ndim).all(|dim| word(16 + 4 * (ndim + dim)) == 1), "lower bounds");
        let count: usize = dims.iter().product();
        let bitmap = at.add(16 + 8 * ndim);
        let header = 16 + 8 * ndim + if dataoffset == 0 { 0 } else { count.div_ceil(8) };
        let mut offset = header.next_multiple_of(8);
        assert!(dataoffset == 0 || dataoffset == offset, "data offset");
        let mut items = Vec::new();
        for index in 0..count {
            if dataoffset != 0 && *bitmap.add(index / 8) >> (index % 8) & 1 == 0 {
                items.push("NULL".to_owned());
                continue;
            }
            offset = offset.next_multiple_of(align);
            let place = at.add(offset);
            let by_value = matches!(size, Some(1 | 2 | 4 | 8));
            let value = match size {
                Some(1) => i64::from(i8::from_le_bytes(read(place))).cast_unsigned(),
                Some(2) => i64::from(i16::from_le_bytes(read(place))).cast_unsigned(),
                Some(4) if element.oid == oid::OID => u32::from_le_bytes(read(place)).into(),
                Some(4) => i64::from(i32::from_le_bytes(read(place))).cast_unsigned(),
                Some(8) => u64::from_le_bytes(read(place)),
                _ => place.expose_provenance() as u64,
            };
            debug_assert!(by_value || size.is_none_or(|size| size >= 12));
            items.push(datum(value, element));
            offset += size.unwrap_or_else(|| varlena(place).1);
        }
        assert_eq!(offset.next_multiple_of(align), total, "array length");
        for dim in dims.iter().rev() {
            items = items.chunks(*dim).map(|chunk| format!("[{}]", chunk.join(","))).collect();
        }
        items.remove(0)
    }
}
