//! Which backups are kept: some days, weeks and months back, and always the last one that was verified.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

/// How many days, weeks and months with backups are covered (UTC, ISO weeks). For each of them stands the
/// newest backup that was verified, or the newest if none was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Days.
    pub daily: u32,
    /// Weeks.
    pub weekly: u32,
    /// Months.
    pub monthly: u32,
}

/// A week of days, a month of weeks, a year of months: as `countersign.toml` has them.
impl Default for Policy {
    fn default() -> Self {
        Self { daily: 7, weekly: 5, monthly: 12 }
    }
}

/// What counts of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// When it was made, in seconds since 1970.
    pub made_at: u64,
    /// Whether it was restored and found good.
    pub is_verified: bool,
}

/// The places in `entries` of the backups that stay. Whatever the policy says, the newest backup is one of
/// them, and so is the newest that was verified.
pub fn kept(entries: &[Entry], policy: Policy) -> BTreeSet<usize> {
    let mut kept = BTreeSet::new();
    let newest = |among: &mut dyn Iterator<Item = (usize, &Entry)>| {
        among.max_by_key(|(place, entry)| (entry.made_at, *place)).map(|(place, _)| place)
    };
    kept.extend(newest(&mut entries.iter().enumerate()));
    kept.extend(newest(&mut entries.iter().enumerate().filter(|(_, entry)| entry.is_verified)));
    for (count, span) in
        [(policy.daily, day as fn(u64) -> i64), (policy.weekly, week), (policy.monthly, month)]
    {
        let mut best: BTreeMap<i64, (bool, u64, usize)> = BTreeMap::new();
        for (place, entry) in entries.iter().enumerate() {
            let rank = (entry.is_verified, entry.made_at, place);
            let best = best.entry(span(entry.made_at)).or_insert(rank);
            *best = rank.max(*best);
        }
        let spans = best.into_values().rev().take(usize::try_from(count).unwrap_or(usize::MAX));
        kept.extend(spans.map(|(_, _, place)| place));
    }
    kept
}

fn day(at: u64) -> i64 {
    i64::from(date(at).to_julian_day())
}

/// Monday's Julian day: day 0 was a Monday.
fn week(at: u64) -> i64 {
    day(at).div_euclid(7)
}

fn month(at: u64) -> i64 {
    let date = date(at);
    i64::from(date.year()) * 12 + i64::from(u8::from(date.month()))
}

/// The date in UTC; a moment after the year 9999 counts as 1970.
fn date(at: u64) -> time::Date {
    let moment = i64::try_from(at).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    moment.unwrap_or(OffsetDateTime::UNIX_EPOCH).date()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 86_400;
    /// Monday, 1 January 2024, noon.
    const MONDAY: u64 = 1_704_110_400;

    fn entries(ages: impl IntoIterator<Item = u64>) -> Vec<Entry> {
        let entry = |days| Entry { made_at: MONDAY - days * DAY, is_verified: false };
        ages.into_iter().map(entry).collect()
    }

    #[test]
    fn a_year_of_daily_backups_becomes_days_weeks_and_months() {
        let all = entries(0..400);
        let policy = Policy { daily: 3, weekly: 2, monthly: 3 };
        let kept = kept(&all, policy);
        // 1 January stands for a day, a week and a month; 31 December is a Sunday and ends both.
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), [0, 1, 2, 32]);
    }

    #[test]
    fn a_day_without_a_backup_is_not_counted() {
        let all = entries([0, 100, 200, 300]);
        let kept = kept(&all, Policy { daily: 3, weekly: 0, monthly: 0 });
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn the_last_verified_backup_stays_for_ever() {
        let mut all = entries(0..100);
        all[90].is_verified = true;
        all[95].is_verified = true;
        let kept = kept(&all, Policy { daily: 1, weekly: 0, monthly: 0 });
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), [0, 90]);
    }

    #[test]
    fn of_one_day_the_verified_backup_stands_for_it() {
        let mut all = entries([0, 0, 0]);
        all[0].made_at += 10;
        all[1].is_verified = true;
        let kept = kept(&all, Policy { daily: 1, weekly: 0, monthly: 0 });
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), [0, 1]);
    }

    fn history() -> impl Strategy<Value = Vec<Entry>> {
        let entry = (0..u64::from(u32::MAX), any::<bool>());
        vec(entry.prop_map(|(made_at, is_verified)| Entry { made_at, is_verified }), 0..60)
    }

    fn policy() -> impl Strategy<Value = Policy> {
        (0..40_u32, 0..10_u32, 0..15_u32).prop_map(|(daily, weekly, monthly)| Policy {
            daily,
            weekly,
            monthly,
        })
    }

    proptest! {
        #[test]
        fn the_newest_and_the_newest_verified_always_stay(all in history(), policy in policy()) {
            let kept = kept(&all, policy);
            let stays = |entry: &Entry| kept.iter().any(|place| all[*place] == *entry);
            if let Some(newest) = all.iter().max_by_key(|entry| entry.made_at) {
                prop_assert!(kept.iter().any(|place| all[*place].made_at == newest.made_at));
            }
            let verified = all.iter().filter(|entry| entry.is_verified);
            if let Some(newest) = verified.max_by_key(|entry| entry.made_at) {
                prop_assert!(stays(newest));
            }
        }

        #[test]
        fn no_more_stay_than_the_policy_covers(all in history(), policy in policy()) {
            let most = policy.daily + policy.weekly + policy.monthly + 2;
            prop_assert!(kept(&all, policy).len() <= most as usize);
        }

        #[test]
        fn what_was_thinned_once_stays_as_it_is(all in history(), policy in policy()) {
            let once: Vec<Entry> = kept(&all, policy).into_iter().map(|place| all[place]).collect();
            prop_assert_eq!(kept(&once, policy).len(), once.len());
        }

        #[test]
        fn a_longer_policy_keeps_all_that_a_shorter_one_keeps(all in history(), policy in policy()) {
            let longer = Policy { daily: policy.daily + 1, weekly: policy.weekly + 1, ..policy };
            prop_assert!(kept(&all, policy).is_subset(&kept(&all, longer)));
        }
    }
}
