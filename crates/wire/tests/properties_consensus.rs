//! The three generated tests for every consensus type of this crate.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use countersign_wire::address::StacksAddress;
use countersign_wire::block::{BitVec, NakamotoBlock, NakamotoBlockHeader, ProblematicTransaction};
use countersign_wire::clarity::{ClarityName, ClarityValue, ContractName, Principal};
use countersign_wire::fixed::{
    BlockHeaderHash, BurnBlockHash, ConsensusHash, Hash160, Sighash, SortitionId, StacksBlockId,
    StateRoot, TxMerkleRoot, Txid, VrfProofBytes,
};
use countersign_wire::keys::{MessageSignature, PublicKey};
use countersign_wire::network::ChainId;
use countersign_wire::quantity::{
    BurnHeight, RewardCycle, SlotId, SlotVersion, StacksHeight, UnixSeconds, Weight,
};
use countersign_wire::transaction::{
    AnchorMode, AssetInfo, AuthField, FungibleCode, KeyEncoding, MicroblockHeader, NonFungibleCode,
    PostCondition, PostConditionMode, PostConditionPrincipal, PoxCode, SpendingCondition,
    StacksTransaction, TenureChange, TenureChangeCause, TransactionAuth, TransactionPayload,
    VrfProof,
};
use proptest::prelude::*;
use support::strategies_consensus as any_of;
use support::wire_properties;

wire_properties! {
    byte: u8 = any::<u8>(), canonical;
    short: u16 = any::<u16>(), canonical;
    word: u32 = any::<u32>(), canonical;
    long: u64 = any::<u64>(), canonical;

    consensus_hash: ConsensusHash = any_of::consensus_hash(), canonical;
    hash160: Hash160 = any_of::hash160(), canonical;
    burn_block_hash: BurnBlockHash = any::<[u8; 32]>().prop_map(BurnBlockHash::new), canonical;
    sighash: Sighash = any::<[u8; 32]>().prop_map(Sighash::new), canonical;
    block_id: StacksBlockId = any_of::block_id(), canonical;
    txid: Txid = any::<[u8; 32]>().prop_map(Txid::new), canonical;
    block_header_hash: BlockHeaderHash = any::<[u8; 32]>().prop_map(BlockHeaderHash::new), canonical;
    vrf_proof_bytes: VrfProofBytes =
        any_of::vrf_proof().prop_map(|proof| VrfProofBytes::new(*proof.as_bytes())), canonical;
    sortition_id: SortitionId = any::<[u8; 32]>().prop_map(SortitionId::new), canonical;
    tx_merkle_root: TxMerkleRoot = any::<[u8; 32]>().prop_map(TxMerkleRoot::new), canonical;
    state_root: StateRoot = any::<[u8; 32]>().prop_map(StateRoot::new), canonical;

    stacks_height: StacksHeight = any::<u64>().prop_map(StacksHeight::new), canonical;
    burn_height: BurnHeight = any::<u64>().prop_map(BurnHeight::new), canonical;
    reward_cycle: RewardCycle = any::<u64>().prop_map(RewardCycle::new), canonical;
    unix_seconds: UnixSeconds = any::<u64>().prop_map(UnixSeconds::new), canonical;
    weight: Weight = any::<u32>().prop_map(Weight::new), canonical;
    slot_id: SlotId = any::<u32>().prop_map(SlotId::new), canonical;
    slot_version: SlotVersion = any::<u32>().prop_map(SlotVersion::new), canonical;
    chain_id: ChainId = any_of::chain_id(), canonical;

    public_key: PublicKey = any_of::public_key(), canonical;
    message_signature: MessageSignature = any_of::signature(), canonical;
    address: StacksAddress = any_of::address(), canonical;

    clarity_name: ClarityName = any_of::clarity_name(), canonical;
    contract_name: ContractName = any_of::contract_name(), canonical;
    principal: Principal = any_of::principal(), canonical;
    // Tuples: fields in any order.
    clarity_value: ClarityValue = any_of::clarity_value(), tolerant;

    key_encoding: KeyEncoding = any_of::key_encoding(), canonical;
    auth_field: AuthField = any_of::auth_field(), canonical;
    spending_condition: SpendingCondition = any_of::spending_condition(), canonical;
    transaction_auth: TransactionAuth = any_of::transaction_auth(), canonical;
    anchor_mode: AnchorMode = any_of::anchor_mode(), canonical;
    post_condition_mode: PostConditionMode = any_of::post_condition_mode(), canonical;
    fungible_code: FungibleCode = any_of::fungible_code(), canonical;
    non_fungible_code: NonFungibleCode = any_of::non_fungible_code(), canonical;
    pox_code: PoxCode = any_of::pox_code(), canonical;
    post_condition_principal: PostConditionPrincipal =
        any_of::post_condition_principal(), canonical;
    asset_info: AssetInfo = any_of::asset_info(), canonical;
    // Holds Clarity values.
    post_condition: PostCondition = any_of::post_condition(), tolerant;
    microblock_header: MicroblockHeader = any_of::microblock_header(), canonical;
    vrf_proof: VrfProof = any_of::vrf_proof(), canonical;
    tenure_change_cause: TenureChangeCause = any_of::tenure_change_cause(), canonical;
    tenure_change: TenureChange = any_of::tenure_change(), canonical;
    // Holds Clarity values; an odd coinbase recipient reads as none.
    transaction_payload: TransactionPayload = any_of::transaction_payload(), tolerant;
    // Holds payloads; the low bits of the version are dropped.
    transaction: StacksTransaction = any_of::transaction(), tolerant;

    bit_vec: BitVec = any_of::bit_vec(), canonical;
    problematic_transaction: ProblematicTransaction =
        any_of::problematic_transaction(), canonical;
    block_header: NakamotoBlockHeader = any_of::block_header(), canonical;
    // Holds transactions.
    block: NakamotoBlock = any_of::block(), tolerant;
}

proptest! {
    #![proptest_config(support::config())]

    #[test]
    fn addresses_survive_their_text(address in any_of::address()) {
        prop_assert_eq!(address.to_string().parse(), Ok(address));
        prop_assert_eq!(address.to_string().to_lowercase().parse(), Ok(address));
    }

    #[test]
    fn an_address_that_parses_is_written_as_it_was_read(
        text in "S[0-9A-HJKMNP-TV-Z]{28,42}|S[PTMN]0{1,30}[0-9A-HJKMNP-TV-Z]{0,12}"
    ) {
        if let Ok(address) = text.parse::<StacksAddress>() {
            prop_assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn text_never_panics(text in any::<String>()) {
        let _ = text.parse::<StacksAddress>();
        let _ = text.parse::<Principal>();
        let _ = text.parse::<BitVec>();
        let _ = text.parse::<PublicKey>();
    }

    #[test]
    fn principals_survive_their_text(principal in any_of::principal()) {
        prop_assert_eq!(principal.to_string().parse(), Ok(principal));
    }

    #[test]
    fn headers_survive_their_json(header in any_of::block_header()) {
        let json = serde_json::to_string(&header).unwrap();
        prop_assert_eq!(serde_json::from_str::<NakamotoBlockHeader>(&json).unwrap(), header);
    }
}
