//! The proleptic Gregorian calendar, as Postgres counts in it: years before 1 AD are 0, -1, ...

use super::decimal_text::Marked;

/// Microseconds in a day.
pub(crate) const DAY: i64 = 86_400_000_000;
/// Microseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000;
/// Julian day of 1970-01-01.
const UNIX_EPOCH_JULIAN: i64 = 2_440_588;
/// DuckDB's `infinity` as days; `-infinity` is its negative.
const DATE_INFINITY: i32 = i32::MAX;
/// DuckDB's `infinity` as microseconds; `-infinity` is its negative.
const TIMESTAMP_INFINITY: i64 = i64::MAX;
/// The first timestamp of Postgres, 4714-11-24 BC (`MIN_TIMESTAMP`), in Unix microseconds.
const FIRST_TIMESTAMP: i64 = -210_866_803_200_000_000;
/// Behind the last timestamp of DuckDB, in the year 294247; Postgres has 30 years more.
const END_TIMESTAMP: i64 = TIMESTAMP_INFINITY;
pub(crate) const TIMESTAMP_OUT_OF_RANGE: &str = "[22008] timestamp out of range";

/// Year, month and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
}

impl Day {
    /// Of days since 1970-01-01: the usual arithmetic over 400-year eras that begin in March.
    pub(crate) fn from_unix(days: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self { year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
    }

    /// Days since 1970-01-01; months beyond 1 to 12 must be normalised.
    pub(crate) fn to_unix(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let from_march = (self.month + 9) % 12;
        let day_of_year = (153 * from_march + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// `date2j`.
    pub(crate) fn julian(self) -> i64 {
        self.to_unix() + UNIX_EPOCH_JULIAN
    }

    /// Sunday is 0.
    pub(crate) fn weekday(self) -> i64 {
        (self.to_unix() + 4).rem_euclid(7)
    }

    /// January 1st is 1.
    pub(crate) fn day_of_year(self) -> i64 {
        self.to_unix() - Self { year: self.year, month: 1, day: 1 }.to_unix() + 1
    }

    /// Days of the month.
    pub(crate) fn month_length(year: i64, month: i64) -> i64 {
        match month {
            4 | 6 | 9 | 11 => 30,
            2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
            2 => 28,
            _ => 31,
        }
    }

    /// First day (Monday) of the ISO week that January 4th of `year` is in.
    fn first_iso_monday(year: i64) -> i64 {
        let fourth = Self { year, month: 1, day: 4 };
        fourth.to_unix() - (fourth.weekday() + 6) % 7
    }

    /// ISO year and ISO week.
    pub(crate) fn iso_week(self) -> (i64, i64) {
        let days = self.to_unix();
        let mut year = self.year + 1;
        while Self::first_iso_monday(year) > days {
            year -= 1;
        }
        (year, (days - Self::first_iso_monday(year)) / 7 + 1)
    }

    /// Day of the ISO year, from 1.
    pub(crate) fn iso_day_of_year(self) -> i64 {
        self.to_unix() - Self::first_iso_monday(self.iso_week().0) + 1
    }
}

/// `Some(negative)` for infinite dates.
pub(crate) fn infinite_date(days: i32) -> Option<bool> {
    (days == DATE_INFINITY || days == -DATE_INFINITY).then_some(days < 0)
}

/// `Some(negative)` for infinite timestamps.
pub(crate) fn infinite_timestamp(micros: i64) -> Option<bool> {
    (micros == TIMESTAMP_INFINITY || micros == -TIMESTAMP_INFINITY).then_some(micros < 0)
}

/// Unix days and microseconds of the day.
pub(crate) fn split(micros: i64) -> (i64, i64) {
    (micros.div_euclid(DAY), micros.rem_euclid(DAY))
}

/// A timestamp, if Postgres has it.
pub(crate) fn timestamp(days: i64, micros_of_day: i64) -> Result<i64, Marked> {
    let micros = days.checked_mul(DAY).and_then(|micros| micros.checked_add(micros_of_day));
    micros
        .filter(|micros| (FIRST_TIMESTAMP..END_TIMESTAMP).contains(micros))
        .ok_or_else(|| TIMESTAMP_OUT_OF_RANGE.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_round_trip() {
        for days in (-3_000_000..3_000_000).step_by(997) {
            let day = Day::from_unix(days);
            assert_eq!(day.to_unix(), days);
            assert!(day.day <= Day::month_length(day.year, day.month));
        }
        assert_eq!(Day::from_unix(0), Day { year: 1970, month: 1, day: 1 });
        assert_eq!(Day { year: 2024, month: 2, day: 29 }.weekday(), 4);
        assert_eq!(Day { year: 2021, month: 1, day: 3 }.iso_week(), (2020, 53));
        assert_eq!(Day { year: 2024, month: 12, day: 31 }.day_of_year(), 366);
        assert_eq!(Day { year: 2000, month: 1, day: 1 }.julian(), 2_451_545);
    }
}
