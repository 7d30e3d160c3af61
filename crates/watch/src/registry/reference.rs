//! What stacks-signer 4.0.2 shows, and we show under the same names (`docs/spec/signer-wire.md` section 10).

use super::{closed, metrics, open};

const RESPONSE_TYPES: &[&str] = &["accepted", "rejected"];

metrics! {
    STACKS_NODE_HEIGHT = Reference Gauge Height "stacks_signer_stacks_node_height" []
        "the node's Stacks tip height, read every 60 s";
    CURRENT_REWARD_CYCLE = Reference Gauge Height "stacks_signer_current_reward_cycle" []
        "the reward cycle, read every 60 s";
    STX_BALANCE = Reference Gauge MicroStx "stacks_signer_stx_balance" []
        "balance of the signer's account in uSTX, read every 60 s";
    NONCE = Reference Gauge Count "stacks_signer_nonce" []
        "nonce of the signer's account, read every 60 s";
    PROPOSALS_RECEIVED = Reference Counter Count "stacks_signer_block_proposals_received" []
        "proposals that were judged";
    VALIDATION_RESPONSES = Reference Counter Count "stacks_signer_block_validation_responses"
        [closed("response_type", RESPONSE_TYPES)]
        "the node's verdicts";
    RESPONSES_SENT = Reference Counter Count "stacks_signer_block_responses_sent"
        [closed("response_type", RESPONSE_TYPES)]
        "our responses";
    PRE_COMMITS_SENT = Reference Counter Count "stacks_signer_block_pre_commits_sent" []
        "our promises to sign";
    STATE_CHANGE_REASONS = Reference Counter Count "stacks_signer_agreement_state_change_reasons"
        [closed("reason", &[
            "burn_block_arrival", "stacks_block_arrival", "inactive_miner", "protocol_upgrade",
            "miner_view_update", "miner_parent_tenure_update",
        ])]
        "our view changed";
    STATE_CONFLICTS = Reference Counter Count "stacks_signer_agreement_state_conflicts"
        [closed("conflict", &["burn_block_delay", "stacks_block_delay", "miner_view"])]
        "looked for a majority's view to follow in vain, at most every `capitulate_miner_view_timeout_secs`: no agreed burn block or another than ours, a majority that builds on a Stacks block which our node lacks, no miner with enough weight";
    RPC_LATENCIES = Reference Histogram Seconds "stacks_signer_node_rpc_call_latencies_histogram"
        [open("path")]
        "seconds until the node has answered";
    VALIDATION_LATENCIES = Reference Histogram Seconds "stacks_signer_block_validation_latencies_histogram" []
        "seconds that the node took to validate a block";
    RESPONSE_LATENCIES = Reference Histogram Seconds "stacks_signer_block_response_latencies_histogram" []
        "seconds from a block's timestamp to our response";
    CAPITULATION_LATENCIES = Reference Histogram Seconds "stacks_signer_agreement_capitulation_latencies_histogram" []
        "seconds from our last view of our own to the majority's";
}
