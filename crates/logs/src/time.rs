//! Times as people write them.

/// `2026-11-21 03:45:49.123 UTC`, for milliseconds since 1970.
pub fn utc(millis: u64) -> String {
    let (days, of_day) = (millis / DAY, millis % DAY);
    let (year, month, day) = date(days);
    let (hours, minutes) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (seconds, millis) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}.{millis:03} UTC")
}

/// Milliseconds since 1970 of the time at the beginning of `text`, such as `2026-11-21T03:45:49.123456Z`: a `T` or a
/// space in the middle, a fraction or none, and `Z`, an offset such as `+01:00`, or nothing for UTC.
pub fn parse(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let number = |at: usize, len: usize| -> Option<u64> {
        let digits = bytes.get(at..at + len)?;
        digits.iter().all(u8::is_ascii_digit).then(|| text.get(at..at + len)?.parse().ok())?
    };
    let is = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
    let shape = is(4, b"-") && is(7, b"-") && is(10, b"T ") && is(13, b":") && is(16, b":");
    if !shape {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let (mut fraction, mut end) = (0, 19);
    if is(19, b".,") {
        let digits = bytes.iter().skip(20).take_while(|byte| byte.is_ascii_digit()).count();
        fraction = number(20, digits.min(3))? * [1, 100, 10, 1].get(digits.min(3)).copied()?;
        end = 20 + digits;
    }
    let local = days_since_1970(year, month, day)? * DAY
        + (hour * 3600 + minute * 60 + second) * 1000
        + fraction;
    let offset = |at: usize| {
        Some((number(at, 2)? * 60 + number(at + if is(at + 2, b":") { 3 } else { 2 }, 2)?) * 60_000)
    };
    match bytes.get(end) {
        Some(b'+') => local.checked_sub(offset(end + 1)?),
        Some(b'-') => Some(local + offset(end + 1)?),
        _ => Some(local),
    }
}

/// Year, month and day of a day since 1970 in the Gregorian calendar, whose 400 years have 146 097 days. Years are
/// counted from March on, so that the leap day is the last of its year.
const fn date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + BEFORE_1970;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// The reverse of [`date`]; none before 1970.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    (era * 146_097 + of_era).checked_sub(BEFORE_1970)
}

/// A day in milliseconds.
pub const DAY: u64 = 86_400_000;
/// The days from the first of March of the year 0 to 1970.
const BEFORE_1970: u64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let said = |seconds: u64| utc(seconds * 1000);
        assert_eq!(said(0), "1970-01-01 00:00:00.000 UTC");
        assert_eq!(said(951_782_400), "2000-02-29 00:00:00.000 UTC");
        assert_eq!(said(1_700_000_000), "2023-11-14 22:13:20.000 UTC");
        assert_eq!(said(4_107_542_399), "2100-02-28 23:59:59.000 UTC");
        assert_eq!(said(4_107_542_400), "2100-03-01 00:00:00.000 UTC");
    }

    #[test]
    fn what_is_written_is_read() {
        for day in (0..60_000).step_by(7) {
            let millis = day * DAY + 12_345_678;
            assert_eq!(parse(&utc(millis)), Some(millis));
        }
    }

    #[test]
    fn the_forms_that_programs_write_are_read() {
        let at = 1_700_000_000_000;
        for (text, millis) in [
            ("2023-11-14T22:13:20Z UpdateTip", at),
            ("2023-11-14T22:13:20.5Z", at + 500),
            ("2023-11-14T22:13:20.123456Z  INFO", at + 123),
            ("2023-11-14T23:13:20+01:00", at),
            ("2023-11-14T23:13:20+0100 host", at),
            ("2023-11-14T17:13:20-05:00", at),
            ("2023-11-14 22:13:20", at),
        ] {
            assert_eq!(parse(text), Some(millis), "{text}");
        }
        for text in [
            "",
            "2023-11-14",
            "2023-13-14T22:13:20Z",
            "20231114T221320Z",
            "x023-11-14T22:13:20Z",
            "1969-12-31T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
