//! What stands once in a journal: whether the key signs, from when on it does not, and how it was left.

use std::time::{Duration, Instant};

use countersign_wire::{BurnHeight, PublicKey, UnixSeconds};
use rusqlite::{Connection, params};

use super::seal::{Sum, seal};
use super::witness::Testimony;
use super::{Journal, fold};
use crate::error::{JournalError, SignError};
use crate::standing::Standing;

/// The row of the table `service`. While the journal is open nobody else writes it, so what is in memory
/// is what is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) standing: Standing,
    /// Nothing is signed at or above this burn height.
    pub(super) hold: Option<BurnHeight>,
    /// How long nothing is signed after an opening; zero if it has passed. Whole seconds.
    pub(super) wait: Duration,
    pub(super) is_clean: bool,
    pub(super) records: u64,
    pub(super) opening: [u8; 16],
    pub(super) previous: [u8; 16],
    pub(super) sum: Sum,
}

impl Service {
    /// The row, and the seal that stands in it.
    pub(super) fn load(db: &Connection) -> rusqlite::Result<(Self, [u8; 32])> {
        db.query_row(include_str!("find_service.sql"), [], |row| {
            let (name, since): (String, i64) = (row.get(0)?, row.get(1)?);
            let since = UnixSeconds::new(since.unsigned_abs());
            let standing = Standing::from_parts(&name, since, row.get(2)?)
                .ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            let number = |index| row.get::<_, i64>(index).map(i64::unsigned_abs);
            let hold: Option<i64> = row.get(3)?;
            let service = Self {
                standing,
                hold: hold.map(|height| BurnHeight::new(height.unsigned_abs())),
                wait: Duration::from_secs(number(4)?),
                is_clean: row.get(5)?,
                records: number(6)?,
                opening: row.get(7)?,
                previous: row.get(8)?,
                sum: Sum::new(row.get(9)?),
            };
            Ok((service, row.get(10)?))
        })
    }

    /// Writes the row and its seal.
    pub(super) fn save(&self, db: &Connection, owner: &PublicKey) -> rusqlite::Result<()> {
        let floor = fold::floor_row(db)?;
        db.prepare_cached(include_str!("update_service.sql"))?
            .execute(params![
                self.standing.name(),
                self.standing.since().get().cast_signed(),
                self.standing.reason(),
                self.hold.map(|height| height.get().cast_signed()),
                self.wait.as_secs().cast_signed(),
                self.is_clean,
                self.records.cast_signed(),
                self.opening,
                self.previous,
                self.sum.as_bytes(),
                seal(owner, floor, self),
            ])
            .map(drop)
    }

    /// Begins another opening, with a new name for it. The name of the one before that is kept is the one
    /// that the witness has, until it has the new one.
    pub(super) fn begin_opening(
        &mut self,
        db: &Connection,
        testimony: Testimony,
    ) -> rusqlite::Result<()> {
        if testimony != Testimony::Previous {
            self.previous = self.opening;
        }
        self.opening = db.query_row(include_str!("draw_name.sql"), [], |row| row.get(0))?;
        self.is_clean = false;
        Ok(())
    }
}

/// A time that must pass within one opening. A restart begins it anew, and a clock that is set back or
/// forward does not matter: what counts has really passed while this process could see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    since: Instant,
}

impl Waiting {
    pub(super) fn begin() -> Self {
        Self { since: Instant::now() }
    }

    /// What is left of `wait`; nothing if it has passed.
    fn left(self, wait: Duration, now: Instant) -> Option<Duration> {
        let left = wait.saturating_sub(now.saturating_duration_since(self.since));
        (!left.is_zero()).then_some(left)
    }
}

impl Journal {
    /// Whether the key may sign at all.
    pub(crate) const fn standing(&self) -> &Standing {
        &self.service.standing
    }

    /// The burn height at and above which nothing is signed.
    pub(crate) const fn hold(&self) -> Option<BurnHeight> {
        self.service.hold
    }

    /// How long nothing will be signed from now on; none if nothing is waited for.
    pub(crate) fn waits_for(&self) -> Option<Duration> {
        self.waiting.left(self.service.wait, Instant::now())
    }

    /// Whether the opening before this one ended by a clean stop.
    pub(crate) const fn was_stopped_cleanly(&self) -> bool {
        self.was_clean
    }

    /// Refuses what must not be signed now, whatever it is.
    pub(crate) fn admit(&self) -> Result<(), SignError> {
        self.refuse_if_failed()?;
        if !self.service.standing.is_active() {
            return Err(SignError::NotActive { standing: self.service.standing.clone() });
        }
        if let Some(left) = self.waits_for() {
            return Err(SignError::Waiting { left });
        }
        match self.service.hold {
            Some(from) if self.is_held => Err(SignError::Held { from }),
            _ => Ok(()),
        }
    }

    /// Refuses what must not be signed now at this burn height. After the first refusal at the height of
    /// a hold everything is refused, whether it has a height or not.
    pub(crate) fn admit_at(&mut self, height: BurnHeight) -> Result<(), SignError> {
        self.is_held |= self.service.hold.is_some_and(|from| height >= from);
        self.admit()
    }

    /// Stops signing on purpose. A frozen key stays frozen.
    pub(crate) fn demote(&mut self, at: UnixSeconds) -> Result<(), SignError> {
        let at = recordable_time(at);
        self.change(|service| {
            if service.standing.is_active() {
                service.standing = Standing::Demoted { at };
            }
        })?;
        self.be_witnessed()
    }

    /// Stops signing because something is wrong. The first reason is kept.
    pub(crate) fn freeze(&mut self, reason: &str, at: UnixSeconds) -> Result<(), SignError> {
        let at = recordable_time(at);
        let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
        let reason: String = reason.chars().take(MAX_REASON).map(plain).collect();
        self.change(|service| {
            if !matches!(service.standing, Standing::Frozen { .. }) {
                service.standing = Standing::Frozen { at, reason };
            }
        })
    }

    /// Signs again.
    pub(crate) fn promote(&mut self) -> Result<(), SignError> {
        self.change(|service| service.standing = Standing::Active)
    }

    /// Signs nothing at or above a burn height from now on. A hold that is lower stays.
    pub(crate) fn hold_from(&mut self, height: BurnHeight) -> Result<(), SignError> {
        super::recordable("burn height", height.get())?;
        self.change(|service| {
            service.hold = Some(service.hold.map_or(height, |hold| hold.min(height)));
        })
    }

    /// Takes the hold away.
    pub(crate) fn release_hold(&mut self) -> Result<(), SignError> {
        self.change(|service| service.hold = None)?;
        self.is_held = false;
        Ok(())
    }

    /// Signs nothing until this has passed, counted from now. A longer wait that has not passed stays.
    pub(crate) fn wait(&mut self, wait: Duration) -> Result<(), SignError> {
        let wait = whole_seconds(self.waits_for().unwrap_or_default().max(wait));
        self.change(|service| service.wait = wait)?;
        self.waiting = Waiting::begin();
        Ok(())
    }

    /// Waits for nothing any more.
    pub(crate) fn end_wait(&mut self) -> Result<(), SignError> {
        self.change(|service| service.wait = Duration::ZERO)
    }

    /// Writes a mark that the next opening reads and takes away. Everything that was recorded is in the
    /// database afterwards, and the log is empty.
    pub(crate) fn close_cleanly(mut self) -> Result<(), SignError> {
        self.change(|service| service.is_clean = true)?;
        self.be_witnessed()?;
        self.db.query_row(include_str!("checkpoint.sql"), [], |_| Ok(()))?;
        self.db.close().map_err(|(_, error)| error.into())
    }

    /// Has the witness see what is on the disk now.
    fn be_witnessed(&mut self) -> Result<(), SignError> {
        let written = self.witness.write(&self.owner, &self.service);
        self.has_failed = written.is_err();
        written.map_err(|error| SignError::Journal(JournalError::Io(error)))
    }

    /// Has the witness see what is on the disk now if it has not for long.
    pub(crate) fn be_witnessed_if_due(&mut self) -> Result<(), SignError> {
        self.refuse_if_failed()?;
        if self.witness.is_due(&self.service) { self.be_witnessed() } else { Ok(()) }
    }

    fn change(&mut self, change: impl FnOnce(&mut Service)) -> Result<(), SignError> {
        self.transact(|_, service| {
            change(service);
            Ok(())
        })
    }
}

/// Rounded up.
pub(super) fn whole_seconds(wait: Duration) -> Duration {
    let extra = u64::from(wait.subsec_nanos() > 0);
    Duration::from_secs(wait.as_secs().saturating_add(extra).min(MAX_WAIT_SECS))
}

/// The time is for people only: one that makes no sense is no reason to go on signing, nor to write what will not
/// be read back as it was.
fn recordable_time(at: UnixSeconds) -> UnixSeconds {
    at.min(UnixSeconds::new(i64::MAX.unsigned_abs()))
}

/// A reason is for a human to read, in one row.
const MAX_REASON: usize = 400;
/// A year.
const MAX_WAIT_SECS: u64 = 31_536_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_its_time_has_passed_and_not_before() {
        let (begun, wait) = (Waiting::begin(), Duration::from_mins(10));
        let after = |seconds| begun.left(wait, begun.since + Duration::from_secs(seconds));
        assert_eq!(after(0), Some(wait));
        assert_eq!(after(599), Some(Duration::from_secs(1)));
        assert_eq!((after(600), after(6000)), (None, None));
        assert_eq!(begun.left(Duration::ZERO, begun.since), None);
    }
}
