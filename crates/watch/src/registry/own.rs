//! What our own programs show beyond the reference's metrics.

use super::{closed, metrics, open};

const LANES: &[&str] = &["responses", "state_updates", "pre_commits"];

metrics! {
    CALLBACKS_WAITING = Daemon Gauge Count "countersign_callbacks_waiting" []
        "callbacks that wait to be read";
    CALLBACK_BYTES_WAITING = Daemon Gauge Bytes "countersign_callback_bytes_waiting" []
        "bytes of their bodies";
    CALLBACK_WAIT = Daemon Gauge Seconds "countersign_callback_wait_seconds" []
        "seconds that the oldest of them has waited";
    CALLBACK_GAP = Daemon Gauge Seconds "countersign_callback_gap_seconds"
        [closed("path", &["/stackerdb_chunks", "/proposal_response", "/new_burn_block", "/new_block"])]
        "seconds since the node last posted there, or since the start if it never has";
    CALLBACKS_RECEIVED = Daemon Counter Count "countersign_callbacks_received" []
        "callbacks that were read completely";
    CALLBACKS_DROPPED = Daemon Counter Count "countersign_callbacks_dropped"
        [closed("reason", &[
            "not_allowed", "handshake", "not_http", "unknown_path", "wrong_method", "too_large", "truncated",
            "too_slow", "no_room", "superseded", "queue_full", "not_utf8", "not_json", "wrong_shape",
        ])]
        "requests and callbacks that were dropped";
    CHUNKS_SKIPPED = Daemon Counter Count "countersign_chunks_skipped"
        [closed("reason", &[
            "other_contract", "empty", "unknown_type", "wrong_lane", "no_signer", "not_in_set", "undecodable",
            "mock",
        ])]
        "StackerDB chunks that were skipped";
    EVENTS = Daemon Counter Count "countersign_events"
        [closed("kind", &[
            "deadline", "resumed", "node_switched", "clock_set", "burn_block", "stacks_block", "verdict",
            "proposal", "mock_proposal", "pushed", "peer", "answered", "validation_submitted", "signed",
            "signing_refused", "uploaded",
        ])]
        "events that the core has handled";
    REJECTIONS_SENT = Daemon Counter Count "countersign_rejections_sent"
        [closed("reason", &[
            "validation_failed", "connectivity_issues", "rejected_in_prior_round", "no_sortition_view",
            "sortition_view_mismatch", "testing_directive", "reorg_not_allowed", "invalid_bitvec",
            "pubkey_hash_mismatch", "invalid_miner", "not_latest_sortition_winner", "invalid_parent_block",
            "duplicate_block_found", "invalid_tenure_extend", "irrecoverable_pubkey_hash", "no_signer_consensus",
            "consensus_hash_mismatch", "problematic_transactions", "unknown", "not_rejected",
        ])]
        "our rejections";
    PROPOSALS_HELD = Daemon Counter Count "countersign_proposals_held" []
        "proposals that waited for the signers to agree";
    SIGNING_ALLOWED = Daemon Gauge Truth "countersign_signing_allowed" []
        "1 if this instance signs, otherwise 0";
    INSTANCE = Daemon Gauge Truth "countersign_instance"
        [closed("state", &["active", "listening", "waiting", "standby", "demoted", "frozen"])]
        "1 for the one that this instance is in";
    FROZEN = Daemon Gauge Truth "countersign_frozen" []
        "1 if signing stopped because another process signed with this key: page a human";
    WITHHELD = Daemon Counter Count "countersign_withheld"
        [closed("payload", &["acceptance", "rejection", "mock", "chunk"])]
        "what was not signed because this instance may not";
    STANDBY_DECISIONS = Daemon Counter Count "countersign_standby_decisions"
        [closed("outcome", &["agreed", "differs", "only_ours", "only_theirs"])]
        "blocks on which this standby and the active instance decided; at most one per block";
    VAULT_SECONDS = Daemon Histogram Seconds "countersign_vault_seconds"
        [closed("payload", &["acceptance", "rejection", "mock", "chunk"])]
        "seconds to record and sign";
    JOURNAL_SECONDS = Daemon Histogram Seconds "countersign_journal_commit_seconds" []
        "seconds until a record of the signing journal is on the disk; nothing from a vault in another process";
    VAULT_OUTAGES = Daemon Counter Count "countersign_vault_outages" []
        "times that the vault's process was away when it was asked";
    STEP_SECONDS = Daemon Histogram Seconds "countersign_step_seconds" []
        "seconds to decide on an event and to store the step";
    PUBLISH_RETRIES = Daemon Counter Count "countersign_publish_retries" [closed("lane", LANES)]
        "chunks that were written once more";
    PUBLISH_DROPPED = Daemon Counter Count "countersign_publish_dropped" [closed("lane", LANES)]
        "messages that were never delivered";
    SEAT_WEIGHT = Daemon Gauge Weight "countersign_seat_weight" [open("key"), open("cycle")]
        "our weight in a reward cycle in which we have a seat, with the key that has it; gone when the cycle is over. While a key is being changed two cycles have different keys";
    TOTAL_WEIGHT = Daemon Gauge Weight "countersign_total_weight" [open("cycle")]
        "everybody's weight in a reward cycle in which we have a seat";
    REGISTERED = Everywhere Gauge Truth "countersign_registered" [closed("cycle", &["current", "next"])]
        "1 if our key has a seat in the cycle, 0 if it has none; nothing while the node cannot tell";
    CYCLE_BLOCKS_LEFT = Everywhere Gauge Count "countersign_cycle_blocks_left" []
        "burn blocks until the next reward cycle begins";
    BLOCKS_ADOPTED = Daemon Counter Count "countersign_blocks_adopted" []
        "blocks that became part of the chain in cycles in which we have a seat; goes on after a restart";
    BLOCKS_MISSED = Daemon Counter Count "countersign_blocks_missed"
        [closed("cause", &[
            "down", "not_allowed", "not_proposed", "ignored", "held", "validated_late", "rejected", "withheld",
            "signed_late",
        ])]
        "those of them whose headers lack our signature; goes on after a restart";
    BLOCKS_SIGNED = Everywhere Gauge Count "countersign_blocks_signed" [open("key"), open("cycle")]
        "blocks of the cycle whose headers have our signature, by the node's own count (`/v3/signer`), read every 60 s";
    PEER_WEIGHT = Daemon Gauge Weight "countersign_peer_weight" [open("server_version")]
        "weight of the signers of this cycle whose last response named this version; `unknown` for those that were not heard, `other` beyond 16 versions";
    NODE_BEHIND_PEERS = Everywhere Gauge Count "countersign_node_behind_peers" []
        "Stacks blocks that the node is behind its highest peer, by its own word (`/v3/health`), read every 60 s";
    NODE_ACTIVE = Daemon Gauge Truth "countersign_node_active" [open("host")]
        "1 for the node that is asked, 0 for the others";
    NODE_HEALTHY = Everywhere Gauge Truth "countersign_node_healthy" [open("host")]
        "1 for a node that could be asked; nothing from a signer with only one node, which nobody looks at";
    NODE_BURN_HEIGHT = Everywhere Gauge Height "countersign_node_burn_height" [open("host")]
        "the node's burn tip when it was last looked at, likewise";
    NODE_STACKS_HEIGHT = Everywhere Gauge Height "countersign_node_stacks_height" [open("host")]
        "the node's Stacks tip, likewise";
    NODE_SWITCHES = Daemon Counter Count "countersign_node_switches"
        [closed("reason", &["silent", "wrong_network", "late", "preferred"])]
        "changes of the node that is asked";
    READY = Daemon Gauge Truth "countersign_ready" []
        "1 if every rung of the ladder of readiness holds, otherwise 0";
    READINESS = Daemon Gauge Truth "countersign_readiness"
        [closed("rung", &[
            "key_open", "journal_good", "node_reached", "right_network", "in_sync", "registered",
            "allowed_to_sign", "deciding",
        ])]
        "1 if it holds";
    CERTIFICATE_EXPIRY = Everywhere Gauge Timestamp "countersign_certificate_expiry_timestamp_seconds"
        [open("certificate")]
        "the last second in which the certificate is valid";
    BACKUP_TAKEN = Everywhere Gauge Timestamp "countersign_backup_timestamp_seconds" [open("of")]
        "when the last good backup was taken";
    BACKUP_VERIFIED = Everywhere Gauge Timestamp "countersign_backup_verified_timestamp_seconds" [open("of")]
        "when a backup was last verified";
    BACKUP_LEVEL = Everywhere Gauge Count "countersign_backup_verified_level" [open("of")]
        "how much that verification proved, 0 to 4";
    LOG_OLDEST = Everywhere Gauge Timestamp "countersign_log_oldest_timestamp_seconds" [open("service")]
        "the oldest entry that was found in a service's log";
    DRILL_DONE = Everywhere Gauge Timestamp "countersign_drill_timestamp_seconds" [open("drill")]
        "when a drill last succeeded";
    JOB_DONE = Everywhere Gauge Timestamp "countersign_job_timestamp_seconds" [open("task")]
        "when a job last ended, whatever came of it";
    JOB_SUCCEEDED = Everywhere Gauge Truth "countersign_job_succeeded" [open("task")]
        "1 if a job's last run did what it is for, otherwise 0";
    RECORDS_FAULTY = Everywhere Gauge Count "countersign_records_faulty" []
        "files in the folder of records that are no records, or the folder itself";
    STARTED = Everywhere Gauge Timestamp "countersign_start_timestamp_seconds" []
        "when the process started";
    BUILD = Everywhere Gauge Truth "countersign_build_info" [open("version")]
        "1, with the version of the program";
}
