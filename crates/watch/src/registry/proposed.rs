//! What a later stacks-signer may show, and we show already under the same names: stacks-core pull request 7535, open in
//! November 2026: thirteen gauges without labels.

use super::metrics;

metrics! {
    RUNLOOP_READY = Proposed Gauge Truth "stacks_signer_runloop_ready" []
        "1 since the loop that decides has begun";
    REGISTERED_NOW = Proposed Gauge Truth "stacks_signer_registered_for_current_reward_cycle" []
        "1 if our key has a seat in this cycle, 0 if it has none; nothing while the node cannot tell";
    REGISTERED_NEXT = Proposed Gauge Truth "stacks_signer_registered_for_next_reward_cycle" []
        "the same for the next cycle";
    STATE_BURN_HEIGHT = Proposed Gauge Height "stacks_signer_state_burn_block_height" []
        "height of the burn block of our view; nothing before we have one";
    STATE_CHANGED = Proposed Gauge Timestamp "stacks_signer_state_last_changed_timestamp_seconds" []
        "when our view changed last; nothing before we have one";
    COMPANION_BURN_HEIGHT = Proposed Gauge Height "stacks_signer_companion_burn_block_height" []
        "the node's burn tip height, read every 60 s";
    PENDING_VALIDATIONS = Proposed Gauge Count "stacks_signer_pending_block_validations" []
        "blocks that the node validates for us, or that wait for it";
    STATE_AVAILABLE = Proposed Gauge Truth "stacks_signer_global_state_available" []
        "1 if the signers of the cycle agree on a version and a state; like those below, nothing without a seat in it";
    STATE_TOTAL = Proposed Gauge Weight "stacks_signer_global_state_total_weight" []
        "weight of all signers of the cycle";
    STATE_KNOWN = Proposed Gauge Weight "stacks_signer_global_state_known_weight" []
        "weight of those whose view is known, ours included";
    STATE_MAXIMUM = Proposed Gauge Weight "stacks_signer_global_state_maximum_view_weight" []
        "the greatest weight behind one state";
    STATE_AGREES = Proposed Gauge Weight "stacks_signer_global_state_evaluator_threshold_weight" []
        "the weight that agrees on a state: seven tenths, rounded down";
    STATE_APPROVES = Proposed Gauge Weight "stacks_signer_global_state_canonical_threshold_weight" []
        "the weight that a block needs: seven tenths, rounded up";
}
