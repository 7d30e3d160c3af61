//! What a signer starts from: its parameters and what its store gave back.

use countersign_wire::{DecodeError, Reader};

use super::{Recorded, recorded_enums, recorded_structs};
use crate::burn::{BurnBlockSeen, Superseded};
use crate::params::{Params, Timeouts};
use crate::record::{BlockState, Outline, Record};
use crate::saved::{Saved, SavedUpdate};
use crate::votes::{ParkedVote, RejectionVote, Vote};

recorded_structs! {
    Params {
        key, next_key, network, chain_id, server_version, timeouts, validate_with_replay_tx,
        reset_replay_set_after_fork_blocks, is_dry_run,
    }
    Timeouts {
        block_proposal, validation, proposal_max_age, first_proposal_burn_block_timing,
        tenure_last_block, reorg_attempts_activity, wait_for_parent, tenure_idle, read_count_idle,
        tenure_idle_buffer, capitulate,
    }
    Saved {
        records, votes, parked, burn_blocks, peer_updates, burn_reports, activity, superseded,
    }
    SavedUpdate { cycle, from, update, at }
    Record {
        sighash, cycle, outline, block, burn_height, state, valid, proposed_at, approved_at,
        signed_self_at, signed_group_at, validation_time, reject_reason, uploaded,
    }
    Outline { height, tenure, role }
    ParkedVote { cycle, sighash, from, vote, at }
    RejectionVote { reason }
    BurnBlockSeen { hash, height, consensus_hash, parent, received_at }
    Superseded { tenure, burn_height, by, by_burn_block, at }
}

recorded_enums! {
    BlockState {
        0 => Unprocessed,
        1 => PreCommitted,
        2 => LocallyAccepted,
        3 => LocallyRejected,
        4 => GloballyAccepted,
        5 => GloballyRejected,
    }
    Vote {
        0 => PreCommit,
        1 => Acceptance(signature),
        2 => Rejection(vote),
    }
}
