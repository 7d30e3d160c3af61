//! When this signer lets a tenure be extended: what it judges extends by, and the two timestamps in
//! every response (`signer-behaviour` 3.7).

use countersign_wire::block::TenureRole;
use countersign_wire::transaction::TenureChangeCause;
use countersign_wire::{ConsensusHash, UnixSeconds};

use crate::ledger::Ledger;
use crate::params::Timeouts;
use crate::record::{BlockState, Outline};
use crate::time::{Millis, Timestamp};

/// When a full and a read-count extend of a tenure would be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExtendTimes {
    pub(crate) full: UnixSeconds,
    pub(crate) read_count: UnixSeconds,
}

impl ExtendTimes {
    /// The same moments by a clock that is this many milliseconds ahead.
    pub(crate) fn shifted(self, millis: i64) -> Self {
        let shift = |time: UnixSeconds| Timestamp::from_secs(time.get()).shifted(millis).as_unix();
        Self { full: shift(self.full), read_count: shift(self.read_count) }
    }
}

/// Which of the two clocks of a tenure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdleClock {
    /// For extends in all dimensions.
    Full,
    /// For extends of the read count.
    ReadCount,
}

impl IdleClock {
    /// How long a tenure must be idle.
    pub(crate) const fn idle(self, timeouts: &Timeouts) -> Millis {
        match self {
            Self::Full => timeouts.tenure_idle,
            Self::ReadCount => timeouts.read_count_idle,
        }
    }

    /// Whether a block with this tenure change starts the clock anew.
    const fn restarts_at(self, cause: TenureChangeCause) -> bool {
        match self {
            Self::Full => {
                matches!(cause, TenureChangeCause::BlockFound | TenureChangeCause::Extended)
            }
            Self::ReadCount => matches!(
                cause,
                TenureChangeCause::BlockFound
                    | TenureChangeCause::Extended
                    | TenureChangeCause::ExtendedReadCount
            ),
        }
    }
}

/// The timestamps for a response to `block`. An acceptance of a tenure's first block starts the
/// clock anew; a rejection does not.
pub(crate) fn extend_times(
    block: &Outline,
    is_acceptance: bool,
    timeouts: &Timeouts,
    ledger: &Ledger,
    now: Timestamp,
) -> ExtendTimes {
    let tenure = &block.tenure;
    let starts_anew = is_acceptance && block.role == TenureRole::Start;
    let time = |clock: IdleClock| {
        let idle = clock.idle(timeouts).plus(timeouts.tenure_idle_buffer);
        if starts_anew {
            return now.plus(idle).as_unix();
        }
        idle_until(tenure, clock, idle, ledger, now)
    };
    ExtendTimes { full: time(IdleClock::Full), read_count: time(IdleClock::ReadCount) }
}

/// The proposal time of the oldest block that counts, plus the idle time, plus the validation time
/// of every block that counts: the tenure's accepted blocks from the highest down to the one that
/// restarted the clock.
pub(crate) fn idle_until(
    tenure: &ConsensusHash,
    clock: IdleClock,
    idle: Millis,
    ledger: &Ledger,
    now: Timestamp,
) -> UnixSeconds {
    let mut start = now;
    let mut spent = Millis::ZERO;
    for record in
        ledger.of_tenure(tenure).filter(|record| record.state == BlockState::GloballyAccepted)
    {
        start = record.proposed_at;
        spent = spent.plus(record.validation_time);
        let cause = match record.role() {
            TenureRole::Start => Some(TenureChangeCause::BlockFound),
            TenureRole::Extend(cause) => Some(cause),
            TenureRole::Ordinary => None,
        };
        if cause.is_some_and(|cause| clock.restarts_at(cause)) {
            break;
        }
    }
    start.plus(idle).plus(Millis::from_secs(spent.ceil_secs())).as_unix()
}
