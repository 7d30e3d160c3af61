//! Complete objects, as the parsers of the reference signer require them.
//!
//! The wire types write what a signer uses; a real node writes more, and the reference refuses an
//! object that lacks any of it (`signer-wire.md` sections 6.3, 6.4 and 7.3). What nobody reads has a
//! plausible constant here.

use countersign_wire::rpc::{NodeInfo, PoxInfo};
use countersign_wire::stackerdb::MINERS_CONTRACT;
use countersign_wire::{BurnHeight, ConsensusHash, Network, SignerSet};
use serde_json::{Value, json};

/// `GET /v2/info`. `stable` is a burn block that no fork is expected to reach.
pub(super) fn info(info: &NodeInfo, stable: (BurnHeight, ConsensusHash), tenures: u64) -> Value {
    let (stable_height, stable_consensus_hash) = stable;
    let mut object = json!({
        "peer_version": PEER_VERSION,
        "stable_pox_consensus": stable_consensus_hash,
        "stable_burn_block_height": stable_height,
        "parent_network_id": BITCOIN_REGTEST,
        "genesis_chainstate_hash": "0".repeat(64),
        "unanchored_tip": null,
        "unanchored_seq": null,
        "tenure_height": tenures,
        "exit_at_block_height": null,
        "is_fully_synced": true,
        "node_public_key": NODE_KEY,
        "node_public_key_hash": NODE_KEY_HASH,
        "last_pox_anchor": {
            "anchor_block_hash": "0".repeat(64),
            "anchor_block_txid": "0".repeat(64),
        },
    });
    overlay(&mut object, info);
    // The chain names those that it keeps; a node names them all.
    overlay(&mut object, &json!({ "stackerdbs": stackerdbs() }));
    object
}

/// `GET /v2/pox`.
pub(super) fn pox(pox: &PoxInfo) -> Value {
    let boot = Network::Testnet.boot_address();
    let length =
        pox.reward_phase_block_length.saturating_add(pox.prepare_phase_block_length).max(1);
    let first = pox.first_burnchain_block_height.get();
    let height = pox.current_burnchain_block_height.get();
    let next_start =
        first.saturating_add(pox.reward_cycle_id.saturating_add(1).saturating_mul(length));
    let prepare_start = next_start.saturating_sub(pox.prepare_phase_block_length);
    let until = |start: u64| {
        i64::try_from(start)
            .unwrap_or(i64::MAX)
            .saturating_sub(i64::try_from(height).unwrap_or(i64::MAX))
    };
    let version = |name: &str, cycle: u64| {
        json!({
            "contract_id": format!("{boot}.{name}"),
            "activation_burnchain_block_height": first,
            "first_reward_cycle_id": cycle,
        })
    };
    let mut object = json!({
        "contract_id": format!("{boot}.pox-4"),
        "pox_activation_threshold_ustx": 1,
        "reward_slots": length.saturating_mul(2),
        "rejection_fraction": null,
        "total_liquid_supply_ustx": STACKED_PER_SLOT * 1000,
        "current_cycle": {
            "id": pox.reward_cycle_id,
            "min_threshold_ustx": STACKED_PER_SLOT,
            "stacked_ustx": STACKED_PER_SLOT,
            "is_pox_active": true,
        },
        "next_cycle": {
            "id": pox.reward_cycle_id.saturating_add(1),
            "min_threshold_ustx": STACKED_PER_SLOT,
            "min_increment_ustx": 1,
            "stacked_ustx": STACKED_PER_SLOT,
            "prepare_phase_start_block_height": prepare_start,
            "blocks_until_prepare_phase": until(prepare_start),
            "reward_phase_start_block_height": next_start,
            "blocks_until_reward_phase": until(next_start),
            "ustx_until_pox_rejection": null,
        },
        "epochs": epochs(pox),
        "min_amount_ustx": STACKED_PER_SLOT,
        "prepare_cycle_length": pox.prepare_phase_block_length,
        "reward_cycle_length": length,
        "rejection_votes_left_required": null,
        "next_reward_cycle_in": until(next_start),
        "contract_versions": [
            version("pox", 0), version("pox-2", 0), version("pox-3", 0), version("pox-4", 0),
            version("pox-5", u64::from(u32::MAX)),
        ],
        "pox_5_sbtc_contract": format!("{boot}.sbtc-token"),
        "pox_5_sbtc_registry_contract": format!("{boot}.sbtc-registry"),
    });
    overlay(&mut object, pox);
    object
}

/// `GET /v3/stacker_set/{cycle}` with status 200.
pub(super) fn stacker_set(set: &SignerSet) -> Value {
    let signers: Vec<_> = set
        .signers()
        .iter()
        .map(|signer| {
            json!({
                "signing_key": signer.key,
                "stacked_amt": u64::from(signer.weight.get()) * STACKED_PER_SLOT,
                "weight": signer.weight,
            })
        })
        .collect();
    let rewarded: Vec<_> = set
        .signers()
        .iter()
        .map(|signer| {
            let address = json!({
                "bytes": signer.key.hash160(),
                "version": Network::Testnet.single_sig_version(),
            });
            json!({ "Standard": [address, "SerializeP2PKH"] })
        })
        .collect();
    json!({
        "stacker_set": {
            "pox_ustx_threshold": STACKED_PER_SLOT,
            "reward_set_version": 0,
            "rewarded_addresses": rewarded,
            "signers": signers,
            "start_cycle_state": { "missed_reward_slots": [] },
        }
    })
}

/// The error body of `GET /v3/stacker_set/{cycle}`, which is not known yet.
pub(super) fn stacker_set_unknown(cycle: u64) -> Value {
    json!({
        "response": "error",
        "err_type": "not_available_try_again",
        "err_msg": format!("the reward set of cycle {cycle} is not known yet"),
    })
}

/// Every StackerDB that a node with `stacker = true` replicates.
fn stackerdbs() -> Vec<String> {
    let boot = Network::Testnet.boot_address();
    let lanes =
        (0..2).flat_map(|parity| (0..13).map(move |lane| format!("signers-{parity}-{lane}")));
    lanes.chain([MINERS_CONTRACT.to_owned()]).map(|name| format!("{boot}.{name}")).collect()
}

/// Every epoch up to the current one begins where the chain begins; the later ones never do.
fn epochs(pox: &PoxInfo) -> Vec<Value> {
    let first = pox.first_burnchain_block_height.get();
    let current = EPOCHS.iter().position(|(name, _)| *name == pox.current_epoch);
    let limit = json!({
        "write_length": 150_000_000, "write_count": 50_000,
        "read_length": 1_000_000_000, "read_count": 50_000, "runtime": 100_000_000_000_u64,
    });
    EPOCHS
        .iter()
        .enumerate()
        .map(|(index, (name, network_epoch))| {
            let is_over = current.is_some_and(|current| index < current);
            let is_current = current == Some(index);
            json!({
                "epoch_id": name,
                "start_height": if is_over || is_current { first } else { NEVER },
                "end_height": if is_over { first } else { NEVER },
                "block_limit": limit,
                "network_epoch": network_epoch,
            })
        })
        .collect()
}

/// Puts every key of `value` over those of `object`.
fn overlay(object: &mut Value, value: &impl serde::Serialize) {
    let value = serde_json::to_value(value).expect("the answers of a node have string keys");
    if let (Value::Object(object), Value::Object(fields)) = (object, value) {
        object.extend(fields);
    }
}

const PEER_VERSION: u32 = 0xfaca_de10;
const BITCOIN_REGTEST: u32 = 0xdab5_bffa;
/// The generator of the curve, which is nobody's key, and its hash.
const NODE_KEY: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const NODE_KEY_HASH: &str = "751e76e8199196d454941c45d1b3a323f1433bd6";
/// What a stacker locks for one reward slot, in µSTX.
const STACKED_PER_SLOT: u64 = 16_500_000_000_000;
const NEVER: u64 = i64::MAX as u64;

/// Epochs and the network epochs that belong to them.
const EPOCHS: [(&str, u8); 15] = [
    ("Epoch10", 0),
    ("Epoch20", 0),
    ("Epoch2_05", 5),
    ("Epoch21", 6),
    ("Epoch22", 7),
    ("Epoch23", 8),
    ("Epoch24", 9),
    ("Epoch25", 10),
    ("Epoch30", 11),
    ("Epoch31", 12),
    ("Epoch32", 13),
    ("Epoch33", 14),
    ("Epoch34", 15),
    ("Epoch40", 16),
    ("Epoch41", 17),
];
