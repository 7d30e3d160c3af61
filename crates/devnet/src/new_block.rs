//! The JSON of `/new_block`, with every key that a real node writes (`signer-wire.md` section 7.3).

use std::fmt::Display;

use countersign_wire::Wire as _;
use countersign_wire::event::ExecutionCost;
use serde_json::{Value, json};

use crate::chain::{NewBlockFacts, TransactionFacts};

/// The body of the callback.
pub(crate) fn payload(facts: &NewBlockFacts) -> Value {
    let header = &facts.block.header;
    let zeros = "0".repeat(64);
    let signatures: Vec<_> = header.signer_signature.iter().map(ToString::to_string).collect();
    let transactions: Vec<_> = (0_u32..)
        .zip(&facts.transactions)
        .map(|(index, facts)| transaction(index, facts))
        .collect();
    json!({
        "anchored_cost": facts.cost,
        "block_hash": prefixed(&facts.sighash),
        "block_height": header.chain_length,
        "block_time": header.timestamp,
        "burn_block_hash": prefixed(&facts.burn_view.hash),
        "burn_block_height": facts.burn_view.height,
        "burn_block_time": facts.burn_view.timestamp,
        "confirmed_microblocks_cost": ExecutionCost::default(),
        "consensus_hash": prefixed(&header.consensus_hash),
        "cycle_number": null,
        "events": [],
        "index_block_hash": prefixed(&facts.block_id),
        "matured_miner_rewards": [],
        "miner_signature": prefixed(&header.miner_signature),
        "miner_txid": prefixed(&zeros),
        "parent_block_hash": prefixed(&facts.parent_sighash),
        "parent_burn_block_hash": prefixed(&facts.parent_burn_view.hash),
        "parent_burn_block_height": facts.parent_burn_view.height,
        "parent_burn_block_timestamp": facts.parent_burn_view.timestamp,
        "parent_index_block_hash": prefixed(&header.parent_block_id),
        "parent_microblock": prefixed(&zeros),
        "parent_microblock_sequence": 0,
        "pox_v1_unlock_height": 1,
        "pox_v2_unlock_height": 1,
        "pox_v3_unlock_height": 1,
        "pox_v4_unlock_height": u32::MAX,
        "reward_set": null,
        "signer_bitvec": hex::encode(header.pox_treatment.to_bytes()),
        "signer_signature": signatures,
        "signer_signature_hash": prefixed(&facts.sighash),
        "tenure_height": facts.tenure_height,
        "transactions": transactions,
    })
}

fn transaction(index: u32, facts: &TransactionFacts) -> Value {
    json!({
        "burnchain_op": null,
        "contract_interface": null,
        "execution_cost": facts.cost,
        "microblock_hash": null,
        "microblock_parent_hash": null,
        "microblock_sequence": null,
        "raw_result": OK_TRUE,
        "raw_tx": format!("0x{}", hex::encode(&facts.raw)),
        "status": "success",
        "tx_index": index,
        "txid": prefixed(&facts.txid),
        "vm_error": null,
    })
}

fn prefixed(hash: &impl Display) -> String {
    format!("0x{hash}")
}

/// `(ok true)`.
const OK_TRUE: &str = "0x0703";
