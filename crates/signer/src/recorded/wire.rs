//! What the network's types are in a recording: in the network's codec, where they have one.

use countersign_wire::block::TenureRole;
use countersign_wire::event::{
    ExecutionCost, NewBlock, NewBurnBlock, ProposalResponse, ValidationOk, ValidationReject,
};
use countersign_wire::fixed::{SortitionId, Txid};
use countersign_wire::message::{
    BlockProposal, MockProposal, RejectReason, SignerMessage, StateMachineUpdate, ValidateCode,
};
use countersign_wire::rpc::{NodeInfo, PoxInfo, Sortition, TenureForkInfo, TenureTip};
use countersign_wire::transaction::TenureChangeCause;
use countersign_wire::{
    BurnBlockHash, BurnHeight, ChainId, ConsensusHash, DecodeError, Hash160, MessageSignature,
    NakamotoBlock, Network, PublicKey, Reader, RewardCycle, Sighash, Signer, SignerSet, SlotId,
    SlotVersion, StacksAddress, StacksBlockId, StacksHeight, Weight, Wire,
};

use super::{Recorded, recorded_enums, recorded_structs};

/// Types whose codec says where they end.
macro_rules! recorded_by_codec {
    ($($name:ident),* $(,)?) => {$(
        impl Recorded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                self.encode(out);
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Self::decode(reader)
            }
        }
    )*};
}

/// Types of which some take whatever follows for their unknown tail: with a length before them.
macro_rules! recorded_in_length {
    ($($name:ident),* $(,)?) => {$(
        impl Recorded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                countersign_wire::codec::encode_bytes(&self.to_bytes(), out);
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Self::from_bytes(reader.bytes(u32::MAX, stringify!($name))?)
            }
        }
    )*};
}

recorded_by_codec!(
    BurnBlockHash,
    BurnHeight,
    ChainId,
    ConsensusHash,
    Hash160,
    MessageSignature,
    PublicKey,
    RejectReason,
    RewardCycle,
    Sighash,
    SlotId,
    SlotVersion,
    SortitionId,
    StacksAddress,
    StacksBlockId,
    StacksHeight,
    TenureChangeCause,
    Txid,
    ValidateCode,
    Weight,
);

recorded_in_length!(BlockProposal, MockProposal, NakamotoBlock, SignerMessage, StateMachineUpdate,);

/// Without what no decision depends on: who has signed the block, and when it says that it was made.
impl Recorded for NewBlock {
    fn put(&self, out: &mut Vec<u8>) {
        let Self { block_id, sighash, consensus_hash, height, txids, signatures: _, time: _ } =
            self;
        block_id.put(out);
        sighash.put(out);
        consensus_hash.put(out);
        height.put(out);
        txids.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            block_id: Recorded::take(reader)?,
            sighash: Recorded::take(reader)?,
            consensus_hash: Recorded::take(reader)?,
            height: Recorded::take(reader)?,
            txids: Recorded::take(reader)?,
            signatures: Vec::new(),
            time: None,
        })
    }
}

recorded_structs! {
    NewBurnBlock { burn_block_hash, burn_block_height, consensus_hash, parent_burn_block_hash }
    ValidationOk {
        sighash, cost, size, validation_time_ms, replay_tx_hash, replay_tx_exhausted,
    }
    ValidationReject { sighash, reason, code, failed_txid }
    ExecutionCost { write_length, write_count, read_length, read_count, runtime }
    NodeInfo {
        burn_block_height, pox_consensus, stacks_tip, stacks_tip_consensus_hash, stacks_tip_height,
        server_version, network_id, is_fully_synced, stackerdbs,
    }
    PoxInfo {
        first_burnchain_block_height, current_burnchain_block_height, reward_phase_block_length,
        prepare_phase_block_length, reward_cycle_id, current_epoch,
    }
    Sortition {
        burn_block_hash, burn_block_height, burn_header_timestamp, sortition_id,
        parent_sortition_id, consensus_hash, was_sortition, miner_pk_hash160, stacks_parent_ch,
        last_sortition_ch, committed_block_hash, vrf_seed,
    }
    TenureForkInfo {
        burn_block_hash, burn_block_height, sortition_id, parent_sortition_id, consensus_hash,
        was_sortition, first_block_mined, nakamoto_blocks,
    }
    TenureTip { block_id, sighash, height, burn_view }
    Signer { key, weight }
}

recorded_enums! {
    ProposalResponse {
        0 => Ok(ok),
        1 => Reject(reject),
    }
    Network {
        0 => Mainnet,
        1 => Testnet,
        2 => Mocknet,
    }
    TenureRole {
        0 => Start,
        1 => Extend(cause),
        2 => Ordinary,
    }
}

impl Recorded for SignerSet {
    fn put(&self, out: &mut Vec<u8>) {
        self.signers().to_vec().put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let signers = Vec::take(reader)?;
        Self::new(signers).map_err(|_| DecodeError::Invalid { what: "SignerSet" })
    }
}
