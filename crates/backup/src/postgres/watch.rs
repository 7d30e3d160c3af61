//! When a backup is due: once a day, and at once when a key was made or changed its status.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::dump::{DumpError, Job};
use super::psql::Asker;
use super::source::shares;
use crate::manifest::{Manifest, Reason, ShareFact};

/// When backups are due, whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Seconds after midnight (UTC).
    pub daily_at: u32,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A backup, for this reason.
    Now(Reason),
    /// Nothing, for so many seconds.
    In(u64),
}

/// What is due at `now` (seconds since 1970), with the last backup and the keys that the database has now. Of
/// a database that is away the keys are not known.
pub fn due(
    schedule: Schedule,
    last: Option<&Manifest>,
    keys: Option<&[ShareFact]>,
    now: u64,
) -> Due {
    let Some(last) = last else { return Due::Now(Reason::Daily) };
    let is_new = keys.is_some_and(|keys| {
        let (mut known, mut keys) = (last.contents.shares.clone(), keys.to_vec());
        known.sort();
        keys.sort();
        known != keys
    });
    if is_new {
        return Due::Now(Reason::NewShares);
    }
    let at = u64::from(schedule.daily_at) % DAY;
    // The latest moment up to now at which a backup was due.
    let since = (now + DAY - at) % DAY;
    if last.made_at < now.saturating_sub(since) {
        return Due::Now(Reason::Daily);
    }
    Due::In(DAY - since)
}

/// Looks at a database again and again.
pub struct Watcher<'a> {
    /// The backup that is made when one is due.
    pub job: &'a Job,
    /// When it is due.
    pub schedule: Schedule,
    /// How often the keys are looked at.
    pub every: Duration,
    /// Ends what runs.
    pub stop: CancellationToken,
    /// The time, in seconds since 1970.
    pub now: &'a dyn Fn() -> u64,
}

/// What the watcher tells its caller.
#[derive(Debug)]
pub enum Seen {
    /// A backup is due.
    Due(Reason),
    /// The database, or the folder, cannot be used; told at the first of several times.
    Away(DumpError),
    /// It can be used again.
    Back,
}

impl Watcher<'_> {
    /// Looks until `stopped` says something or is closed. Whatever fails is tried again, after a while that
    /// grows to five minutes; what is due is made by `make`, which says whether that succeeded.
    pub fn run(&self, stopped: &Receiver<()>, make: &mut dyn FnMut(Seen) -> bool) {
        let (mut failures, mut is_away) = (0_u32, false);
        loop {
            let wait = match self.look() {
                Ok(found) => {
                    if std::mem::take(&mut is_away) {
                        make(Seen::Back);
                    }
                    match found {
                        Due::Now(reason) if make(Seen::Due(reason)) => {
                            failures = 0;
                            continue;
                        }
                        Due::Now(_) => {
                            failures = failures.saturating_add(1);
                            self.pause(failures)
                        }
                        Due::In(seconds) => {
                            failures = 0;
                            self.every.min(Duration::from_secs(seconds.max(1)))
                        }
                    }
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    if !std::mem::replace(&mut is_away, true) {
                        make(Seen::Away(error));
                    }
                    self.pause(failures)
                }
            };
            if !matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
                return;
            }
        }
    }

    fn look(&self) -> Result<Due, DumpError> {
        let now = (self.now)();
        // A clock that was wrong once must not keep backups from being made.
        let last = self.job.folder.backups()?.into_iter().find(|last| last.made_at <= now);
        let keys = shares(&self.asker());
        let known = keys.as_deref().ok();
        match (due(self.schedule, last.as_ref(), known, now), keys) {
            (Due::In(_), Err(error)) => Err(error.into()),
            (due, _) => Ok(due),
        }
    }

    fn asker(&self) -> Asker<'_> {
        let (programs, connection) = (&self.job.programs, &self.job.connection);
        Asker { programs, connection, other: None, stop: &self.stop }
    }

    fn pause(&self, failures: u32) -> Duration {
        let pause = self.every.saturating_mul(1_u32 << failures.min(10));
        pause.min(LONGEST_PAUSE)
    }
}

const DAY: u64 = 86_400;
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::manifest;

    const MIDNIGHT: u64 = 20_000 * DAY;
    const AT_THREE: Schedule = Schedule { daily_at: 3 * 3600 };

    fn key(name: &str, status: &str) -> ShareFact {
        ShareFact { aggregate_key: name.to_owned(), status: status.to_owned(), height: 1 }
    }

    fn made(at: u64, keys: &[ShareFact]) -> Manifest {
        let mut made = manifest("postgres-1", at);
        made.contents.shares = keys.to_vec();
        made
    }

    #[test]
    fn the_first_backup_is_due_at_once() {
        assert_eq!(due(AT_THREE, None, None, MIDNIGHT), Due::Now(Reason::Daily));
    }

    #[test]
    fn a_backup_is_due_once_a_day_also_after_a_day_without_power() {
        let yesterday = made(MIDNIGHT - 21 * 3600, &[]);
        let at = |hours: u64| due(AT_THREE, Some(&yesterday), Some(&[]), MIDNIGHT + hours * 3600);
        assert_eq!(at(0), Due::In(3 * 3600));
        assert_eq!(at(2), Due::In(3600));
        assert_eq!(at(3), Due::Now(Reason::Daily));
        assert_eq!(at(100), Due::Now(Reason::Daily));
    }

    #[test]
    fn a_new_key_or_another_status_is_due_at_once() {
        let (new, old) = (key("02b", "unverified"), key("02a", "verified"));
        let last = made(MIDNIGHT, std::slice::from_ref(&old));
        let with = |keys: &[ShareFact]| due(AT_THREE, Some(&last), Some(keys), MIDNIGHT + 60);
        assert_eq!(with(std::slice::from_ref(&old)), Due::In(3 * 3600 - 60));
        assert_eq!(with(&[new.clone(), old.clone()]), Due::Now(Reason::NewShares));
        let both = made(MIDNIGHT, &[old.clone(), new.clone()]);
        let with = |keys: &[ShareFact]| due(AT_THREE, Some(&both), Some(keys), MIDNIGHT + 60);
        assert_eq!(with(&[new, old.clone()]), Due::In(3 * 3600 - 60));
        assert_eq!(with(&[key("02b", "verified"), old]), Due::Now(Reason::NewShares));
    }
}
