//! What is said about a log.

use serde::Serialize;

use crate::time::DAY;

/// What a log was found to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// The oldest entry: milliseconds since 1970.
    pub oldest: Option<u64>,
    /// The newest entry.
    pub newest: Option<u64>,
    /// How many bytes all entries have on the disk.
    pub bytes: u64,
    /// Whether entries are known to have been taken away; none if nobody can know.
    pub has_lost: Option<bool>,
}

impl Measured {
    /// How many bytes come in a day, if there are entries enough to tell: those of an hour.
    pub fn bytes_per_day(&self) -> Option<u64> {
        let span = self.newest?.checked_sub(self.oldest?)?;
        if span < SHORTEST_SPAN {
            return None;
        }
        let rate = u128::from(self.bytes) * u128::from(DAY) / u128::from(span);
        u64::try_from(rate).ok()
    }
}

/// How a log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// It reaches back as far as it must.
    Ok,
    /// Nothing was lost, and it will reach back as far as it must: it is not old enough to prove it.
    Young,
    /// Nobody can tell.
    Unknown,
    /// It will not reach back as far as it must.
    Warn,
    /// What must be there is not, or cannot be.
    Fail,
}

/// What is known about one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// Its name: a unit or a file.
    pub name: String,
    /// What is configured, in words.
    pub configured: String,
    /// How many days it must reach back.
    pub target_days: u64,
    /// What it was found to hold.
    #[serde(flatten)]
    pub measured: Measured,
    /// How many bytes come in a day.
    pub bytes_per_day: Option<u64>,
    /// How many bytes the days that it must hold will have.
    pub target_bytes: Option<u64>,
    /// How many days it will hold when it has reached its bounds; none without a bound.
    pub keeps_days: Option<u64>,
    /// In how many days entries begin to be taken away that must be kept; none if never.
    pub days_until_loss: Option<u64>,
    /// How much room the disk has.
    pub room_bytes: Option<u64>,
    /// How it stands.
    pub grade: Grade,
    /// Why, in words.
    pub why: String,
    /// What mends it.
    pub remedy: Option<String>,
}

/// From less nobody can tell a rate: an hour.
const SHORTEST_SPAN: u64 = DAY / 24;
