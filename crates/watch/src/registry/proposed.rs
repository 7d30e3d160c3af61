//! What a later stacks-signer may show, and we show already under the same names: stacks-core pull request 7535, open in
//! November 2026. Its text names thirteen gauges without labels. Those of the backlog of validations and of the weights
//! behind the signers' global state are not here, since what exactly they count is not public yet.

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
}
