//! Postgres types as the bridge sees them: a built-in type oid and a typmod.

/// Oids of the built-in types the bridge knows (`pg_type.dat`; fixed for all versions).
#[allow(missing_docs)]
pub mod oid {
    pub const BOOL: u32 = 16;
    pub const BYTEA: u32 = 17;
    pub const CHAR: u32 = 18;
    pub const NAME: u32 = 19;
    pub const INT8: u32 = 20;
    pub const INT2: u32 = 21;
    pub const INT4: u32 = 23;
    pub const TEXT: u32 = 25;
    pub const OID: u32 = 26;
    pub const JSON: u32 = 114;
    pub const FLOAT4: u32 = 700;
    pub const FLOAT8: u32 = 701;
    pub const UNKNOWN: u32 = 705;
    pub const BPCHAR: u32 = 1042;
    pub const VARCHAR: u32 = 1043;
    pub const DATE: u32 = 1082;
    pub const TIME: u32 = 1083;
    pub const TIMESTAMP: u32 = 1114;
    pub const TIMESTAMPTZ: u32 = 1184;
    pub const INTERVAL: u32 = 1186;
    pub const TIMETZ: u32 = 1266;
    pub const BIT: u32 = 1560;
    pub const VARBIT: u32 = 1562;
    pub const NUMERIC: u32 = 1700;
    pub const UUID: u32 = 2950;
    pub const JSONB: u32 = 3802;

    pub const BOOL_ARRAY: u32 = 1000;
    pub const BYTEA_ARRAY: u32 = 1001;
    pub const CHAR_ARRAY: u32 = 1002;
    pub const NAME_ARRAY: u32 = 1003;
    pub const INT2_ARRAY: u32 = 1005;
    pub const INT4_ARRAY: u32 = 1007;
    pub const TEXT_ARRAY: u32 = 1009;
    pub const BPCHAR_ARRAY: u32 = 1014;
    pub const VARCHAR_ARRAY: u32 = 1015;
    pub const INT8_ARRAY: u32 = 1016;
    pub const FLOAT4_ARRAY: u32 = 1021;
    pub const FLOAT8_ARRAY: u32 = 1022;
    pub const OID_ARRAY: u32 = 1028;
    pub const TIMESTAMP_ARRAY: u32 = 1115;
    pub const DATE_ARRAY: u32 = 1182;
    pub const TIME_ARRAY: u32 = 1183;
    pub const TIMESTAMPTZ_ARRAY: u32 = 1185;
    pub const INTERVAL_ARRAY: u32 = 1187;
    pub const NUMERIC_ARRAY: u32 = 1231;
    pub const TIMETZ_ARRAY: u32 = 1270;
    pub const JSON_ARRAY: u32 = 199;
    pub const UUID_ARRAY: u32 = 2951;
}

/// `VARHDRSZ`, which Postgres adds into the typmods of numeric, varchar and bpchar.
const TYPMOD_HEADER: i32 = 4;

/// Element oid -> array oid, for the types of which the bridge carries arrays.
const ARRAYS: [(u32, u32); 22] = [
    (oid::BOOL, oid::BOOL_ARRAY),
    (oid::BYTEA, oid::BYTEA_ARRAY),
    (oid::CHAR, oid::CHAR_ARRAY),
    (oid::NAME, oid::NAME_ARRAY),
    (oid::OID, oid::OID_ARRAY),
    (oid::INT2, oid::INT2_ARRAY),
    (oid::INT4, oid::INT4_ARRAY),
    (oid::INT8, oid::INT8_ARRAY),
    (oid::TEXT, oid::TEXT_ARRAY),
    (oid::BPCHAR, oid::BPCHAR_ARRAY),
    (oid::VARCHAR, oid::VARCHAR_ARRAY),
    (oid::FLOAT4, oid::FLOAT4_ARRAY),
    (oid::FLOAT8, oid::FLOAT8_ARRAY),
    (oid::TIMESTAMP, oid::TIMESTAMP_ARRAY),
    (oid::DATE, oid::DATE_ARRAY),
    (oid::TIME, oid::TIME_ARRAY),
    (oid::TIMESTAMPTZ, oid::TIMESTAMPTZ_ARRAY),
    (oid::INTERVAL, oid::INTERVAL_ARRAY),
    (oid::NUMERIC, oid::NUMERIC_ARRAY),
    (oid::TIMETZ, oid::TIMETZ_ARRAY),
    (oid::JSON, oid::JSON_ARRAY),
    (oid::UUID, oid::UUID_ARRAY),
];

/// Types without values, or whose input functions refuse every text (`pg_type.dat`):
/// pseudo-types, and what the system keeps in its catalogs.
const WITHOUT_INPUT: [u32; 34] = [
    32, 194, 269, 325, 705, 1263, 2249, 2275, 2276, 2277, 2278, 2279, 2280, 2281, 2282, 2283, 2287, 2776,
    3115, 3310, 3361, 3402, 3500, 3831, 3838, 4537, 4538, 4600, 4601, 5017, 5077, 5078, 5079, 5080,
];

/// A Postgres type: base type oid (domains resolved) and typmod, -1 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PgType {
    /// `pg_type.oid`.
    pub oid: u32,
    /// `atttypmod`; -1 means none.
    pub typmod: i32,
}

impl PgType {
    /// A type without a typmod.
    #[must_use]
    pub const fn new(oid: u32) -> Self {
        Self { oid, typmod: -1 }
    }

    /// `numeric(precision, scale)`.
    #[must_use]
    pub const fn numeric(precision: u8, scale: u8) -> Self {
        let typmod = (((precision as i32) << 16) | scale as i32) + TYPMOD_HEADER;
        Self { oid: oid::NUMERIC, typmod }
    }

    /// Precision and scale of a `numeric(p, s)` typmod; the scale may be negative from
    /// Postgres 15 on (11 bits, sign-extended, `numeric.c`).
    #[must_use]
    pub fn numeric_precision_scale(&self) -> Option<(u16, i16)> {
        if self.oid != oid::NUMERIC || self.typmod < TYPMOD_HEADER {
            return None;
        }
        let raw = self.typmod - TYPMOD_HEADER;
        let precision = u16::try_from((raw >> 16) & 0xffff).ok()?;
        let scale = i16::try_from(((raw & 0x7ff) ^ 1024) - 1024).ok()?;
        Some((precision, scale))
    }

    /// The `n` of `varchar(n)` and `char(n)`, in characters.
    #[must_use]
    pub fn length(&self) -> Option<i32> {
        let text = matches!(self.oid, oid::VARCHAR | oid::BPCHAR);
        (text && self.typmod >= TYPMOD_HEADER).then(|| self.typmod - TYPMOD_HEADER)
    }

    /// True for a type whose values cross as the text of Postgres' output function, because
    /// Arrow and DuckDB have no type of their own for them: `inet`, `bit`, enums, ranges,
    /// everything user-defined. `jsonb` is one of them.
    #[must_use]
    pub fn crosses_as_text(&self) -> bool {
        let in_own_form = matches!(
            self.oid,
            oid::BOOL
                | oid::BYTEA
                | oid::CHAR
                | oid::NAME
                | oid::INT8
                | oid::INT2
                | oid::INT4
                | oid::TEXT
                | oid::OID
                | oid::JSON
                | oid::FLOAT4
                | oid::FLOAT8
                | oid::BPCHAR
                | oid::VARCHAR
                | oid::DATE
                | oid::TIME
                | oid::TIMESTAMP
                | oid::TIMESTAMPTZ
                | oid::INTERVAL
                | oid::TIMETZ
                | oid::NUMERIC
                | oid::UUID
        );
        !in_own_form && self.element().is_none() && !WITHOUT_INPUT.contains(&self.oid)
    }

    /// The type in whose form values of this one cross: itself, or that of its text.
    #[must_use]
    pub fn crossing(&self) -> Self {
        match self.oid {
            oid::JSONB => Self::new(oid::JSON),
            _ if self.crosses_as_text() => Self::new(oid::TEXT),
            _ => *self,
        }
    }

    /// The element type (with this typmod) if this is an array the bridge carries.
    #[must_use]
    pub fn element(&self) -> Option<Self> {
        let (element, _) = ARRAYS.iter().find(|(_, array)| *array == self.oid)?;
        Some(Self { oid: *element, typmod: self.typmod })
    }

    /// The array of this type, if the bridge carries it.
    #[must_use]
    pub fn array(&self) -> Option<Self> {
        let (_, array) = ARRAYS.iter().find(|(element, _)| *element == self.oid)?;
        Some(Self { oid: *array, typmod: self.typmod })
    }
}

/// A named column of a result or a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSpec {
    /// The name a user sees, for error messages.
    pub name: String,
    /// Its Postgres type.
    pub pg_type: PgType,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_typmods_round_trip() {
        assert_eq!(PgType::numeric(15, 2).numeric_precision_scale(), Some((15, 2)));
        assert_eq!(PgType::new(oid::NUMERIC).numeric_precision_scale(), None);
        // numeric(3,-2), as Postgres 15 encodes it
        let negative = PgType { oid: oid::NUMERIC, typmod: ((3 << 16) | (-2 & 0x7ff)) + 4 };
        assert_eq!(negative.numeric_precision_scale(), Some((3, -2)));
    }

    #[test]
    fn what_has_no_form_of_its_own_crosses_as_text() {
        let crossing = |oid| PgType::new(oid).crossing().oid;
        assert_eq!(crossing(oid::JSONB), oid::JSON);
        assert_eq!((crossing(oid::BIT), crossing(869), crossing(16_400)), (oid::TEXT, oid::TEXT, oid::TEXT));
        assert_eq!((crossing(oid::INT4), crossing(oid::OID_ARRAY)), (oid::INT4, oid::OID_ARRAY));
        assert_eq!(crossing(2281), 2281, "internal has no text");
    }

    #[test]
    fn arrays_and_elements_agree() {
        for (element, array) in ARRAYS {
            assert_eq!(PgType::new(array).element(), Some(PgType::new(element)));
            assert_eq!(PgType::new(element).array(), Some(PgType::new(array)));
        }
    }
}
