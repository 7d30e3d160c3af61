//! What our own programs show beyond the reference's metrics.

use super::{closed, metrics, open};

const LANES: &[&str] = &["responses", "state_updates", "pre_commits"];

metrics! {
    CALLBACKS_WAITING = Daemon Gauge Count "countersign_callbacks_waiting" []
        "callbacks that wait to be read";
    CALLBACK_BYTES_WAITING = Daemon Gauge Bytes "countersign_callback_bytes_waiting" []
        "bytes of their bodies";
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
    NODE_ACTIVE = Daemon Gauge Truth "countersign_node_active" [open("host")]
        "1 for the node that is asked, 0 for the others";
    NODE_HEALTHY = Daemon Gauge Truth "countersign_node_healthy" [open("host")]
        "1 for a node that could be asked; nothing if there is only one node, which nobody looks at";
    NODE_BURN_HEIGHT = Daemon Gauge Height "countersign_node_burn_height" [open("host")]
        "the node's burn tip when it was last looked at; nothing if there is only one node";
    NODE_STACKS_HEIGHT = Daemon Gauge Height "countersign_node_stacks_height" [open("host")]
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
}
