//! Strategies for identifiers, Clarity values, transactions and blocks.

use countersign_wire::address::StacksAddress;
use countersign_wire::block::{BitVec, NakamotoBlock, NakamotoBlockHeader, ProblematicTransaction};
use countersign_wire::clarity::{ClarityName, ClarityValue, ContractName, Principal};
use countersign_wire::fixed::{
    ConsensusHash, Hash160, StacksBlockId, StateRoot, TxMerkleRoot, Txid,
};
use countersign_wire::keys::{MessageSignature, PrivateKey, PublicKey};
use countersign_wire::network::ChainId;
use countersign_wire::quantity::{StacksHeight, UnixSeconds};
use countersign_wire::transaction::{
    AnchorMode, AssetInfo, AuthField, FungibleCode, KeyEncoding, MicroblockHeader, NonFungibleCode,
    PostCondition, PostConditionMode, PostConditionPrincipal, PoxCode, SpendingCondition,
    SpendingKind, StacksTransaction, TenureChange, TenureChangeCause, TransactionAuth,
    TransactionPayload, VrfProof,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

pub fn hash160() -> impl Strategy<Value = Hash160> {
    any::<[u8; 20]>().prop_map(Hash160::new)
}

pub fn consensus_hash() -> impl Strategy<Value = ConsensusHash> {
    any::<[u8; 20]>().prop_map(ConsensusHash::new)
}

pub fn block_id() -> impl Strategy<Value = StacksBlockId> {
    any::<[u8; 32]>().prop_map(StacksBlockId::new)
}

pub fn private_key() -> impl Strategy<Value = PrivateKey> {
    any::<[u8; 32]>()
        .prop_filter_map("a scalar below the order", |bytes| PrivateKey::from_bytes(bytes).ok())
}

pub fn public_key() -> impl Strategy<Value = PublicKey> {
    private_key().prop_map(|key| key.public_key())
}

/// Real signatures, the absent one, and bytes that recover no key.
pub fn signature() -> impl Strategy<Value = MessageSignature> {
    prop_oneof![
        (private_key(), any::<[u8; 32]>()).prop_map(|(key, digest)| key.sign(&digest)),
        Just(MessageSignature::EMPTY),
        (0..4_u8, any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(id, r, s)| {
            let bytes = [&[id], r.as_slice(), s.as_slice()].concat();
            MessageSignature::from_bytes(bytes.try_into().unwrap()).unwrap()
        }),
    ]
}

pub fn chain_id() -> impl Strategy<Value = ChainId> {
    any::<u32>().prop_map(ChainId::new)
}

pub fn address() -> impl Strategy<Value = StacksAddress> {
    (0..32_u8, hash160()).prop_map(|(version, hash)| StacksAddress::new(version, hash).unwrap())
}

pub fn clarity_name() -> impl Strategy<Value = ClarityName> {
    prop_oneof![
        4 => "[a-zA-Z][a-zA-Z0-9_!?+<>=/*-]{0,30}",
        1 => "[a-zA-Z][a-zA-Z0-9_!?+<>=/*-]{127}",
        1 => "[-+*/=<>]|<=|>=",
    ]
    .prop_map(|name| ClarityName::new(&name).unwrap())
}

/// Names short enough for transactions.
pub fn contract_name() -> impl Strategy<Value = ContractName> {
    prop_oneof![
        4 => "[a-zA-Z][a-zA-Z0-9_-]{0,39}",
        1 => "__transient",
    ]
    .prop_map(|name| ContractName::new(&name).unwrap())
}

/// Names short enough for values.
pub fn long_contract_name() -> impl Strategy<Value = ContractName> {
    "[a-zA-Z][a-zA-Z0-9_-]{0,127}".prop_map(|name| ContractName::new(&name).unwrap())
}

pub fn principal() -> impl Strategy<Value = Principal> {
    prop_oneof![
        address().prop_map(Principal::Standard),
        (address(), long_contract_name())
            .prop_map(|(address, name)| Principal::Contract(address, name)),
    ]
}

pub fn clarity_value() -> impl Strategy<Value = ClarityValue> {
    let leaf = prop_oneof![
        any::<i128>().prop_map(ClarityValue::Int),
        any::<u128>().prop_map(ClarityValue::UInt),
        vec(any::<u8>(), 0..40).prop_map(ClarityValue::Buffer),
        any::<bool>().prop_map(ClarityValue::Bool),
        principal().prop_map(ClarityValue::Principal),
        Just(ClarityValue::Optional(None)),
        "[ -~\t\n]{0,20}".prop_map(ClarityValue::StringAscii),
        any::<String>().prop_map(ClarityValue::StringUtf8),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|value| ClarityValue::Ok(Box::new(value))),
            inner.clone().prop_map(|value| ClarityValue::Err(Box::new(value))),
            inner.clone().prop_map(|value| ClarityValue::Optional(Some(Box::new(value)))),
            vec(inner.clone(), 0..4).prop_map(ClarityValue::List),
            btree_map(clarity_name(), inner, 0..4).prop_map(ClarityValue::Tuple),
        ]
    })
}

pub fn key_encoding() -> impl Strategy<Value = KeyEncoding> + Clone {
    prop_oneof![Just(KeyEncoding::Compressed), Just(KeyEncoding::Uncompressed)]
}

pub fn auth_field() -> impl Strategy<Value = AuthField> {
    auth_field_with(key_encoding())
}

fn auth_field_with(
    encoding: impl Strategy<Value = KeyEncoding> + Clone,
) -> impl Strategy<Value = AuthField> {
    prop_oneof![
        (encoding.clone(), public_key())
            .prop_map(|(encoding, key)| { AuthField::PublicKey(encoding, key) }),
        (encoding, signature())
            .prop_map(|(encoding, signature)| { AuthField::Signature(encoding, signature) }),
    ]
}

fn single_sig() -> impl Strategy<Value = SpendingKind> {
    (any::<bool>(), key_encoding(), signature()).prop_map(|(is_segwit, encoding, signature)| {
        let key_encoding = if is_segwit { KeyEncoding::Compressed } else { encoding };
        SpendingKind::SingleSig { is_segwit, key_encoding, signature }
    })
}

fn multi_sig() -> impl Strategy<Value = SpendingKind> {
    let plain = vec(auth_field(), 0..4).prop_map(|fields| (false, fields));
    let segwit =
        vec(auth_field_with(Just(KeyEncoding::Compressed)), 0..4).prop_map(|fields| (true, fields));
    (prop_oneof![plain, segwit], any::<bool>(), 0..2_u16).prop_map(
        |((is_segwit, fields), is_order_independent, spare)| {
            let signatures =
                fields.iter().filter(|field| matches!(field, AuthField::Signature(..))).count();
            let spare = if is_order_independent { spare } else { 0 };
            let signatures_required = u16::try_from(signatures).unwrap().saturating_sub(spare);
            SpendingKind::MultiSig { is_segwit, is_order_independent, fields, signatures_required }
        },
    )
}

pub fn spending_condition() -> impl Strategy<Value = SpendingCondition> {
    (hash160(), any::<u64>(), any::<u64>(), prop_oneof![single_sig(), multi_sig()])
        .prop_map(|(signer, nonce, fee, kind)| SpendingCondition { signer, nonce, fee, kind })
}

pub fn transaction_auth() -> impl Strategy<Value = TransactionAuth> {
    prop_oneof![
        spending_condition().prop_map(TransactionAuth::Standard),
        (spending_condition(), spending_condition())
            .prop_map(|(origin, sponsor)| TransactionAuth::Sponsored { origin, sponsor }),
    ]
}

pub fn anchor_mode() -> impl Strategy<Value = AnchorMode> {
    prop_oneof![
        Just(AnchorMode::OnChainOnly),
        Just(AnchorMode::OffChainOnly),
        Just(AnchorMode::Any)
    ]
}

pub fn post_condition_mode() -> impl Strategy<Value = PostConditionMode> {
    prop_oneof![
        Just(PostConditionMode::Allow),
        Just(PostConditionMode::Deny),
        Just(PostConditionMode::Originator),
    ]
}

pub fn fungible_code() -> impl Strategy<Value = FungibleCode> {
    prop_oneof![
        Just(FungibleCode::Equal),
        Just(FungibleCode::Greater),
        Just(FungibleCode::GreaterOrEqual),
        Just(FungibleCode::Less),
        Just(FungibleCode::LessOrEqual),
    ]
}

pub fn non_fungible_code() -> impl Strategy<Value = NonFungibleCode> {
    prop_oneof![
        Just(NonFungibleCode::Sent),
        Just(NonFungibleCode::NotSent),
        Just(NonFungibleCode::MaybeSent),
    ]
}

pub fn pox_code() -> impl Strategy<Value = PoxCode> {
    prop_oneof![
        Just(PoxCode::NotPerformed),
        Just(PoxCode::MaybePerformed),
        Just(PoxCode::Performed),
    ]
}

pub fn post_condition_principal() -> impl Strategy<Value = PostConditionPrincipal> {
    prop_oneof![
        Just(PostConditionPrincipal::Origin),
        address().prop_map(PostConditionPrincipal::Standard),
        (address(), contract_name())
            .prop_map(|(address, name)| PostConditionPrincipal::Contract(address, name)),
    ]
}

pub fn asset_info() -> impl Strategy<Value = AssetInfo> {
    (address(), contract_name(), clarity_name()).prop_map(|(address, contract, asset)| AssetInfo {
        address,
        contract,
        asset,
    })
}

pub fn post_condition() -> impl Strategy<Value = PostCondition> {
    let of = post_condition_principal;
    prop_oneof![
        (of(), fungible_code(), any::<u64>())
            .prop_map(|(principal, code, amount)| PostCondition::Stx { principal, code, amount }),
        (of(), asset_info(), fungible_code(), any::<u64>()).prop_map(
            |(principal, asset, code, amount)| {
                PostCondition::Fungible { principal, asset, code, amount }
            }
        ),
        (of(), asset_info(), clarity_value(), non_fungible_code()).prop_map(
            |(principal, asset, value, code)| {
                PostCondition::NonFungible { principal, asset, value, code }
            }
        ),
        (of(), fungible_code(), any::<u64>()).prop_map(|(principal, code, amount)| {
            PostCondition::Staking { principal, code, amount }
        }),
        (of(), pox_code()).prop_map(|(principal, code)| PostCondition::Pox { principal, code }),
    ]
}

pub fn microblock_header() -> impl Strategy<Value = MicroblockHeader> {
    (any::<u8>(), any::<u16>(), any::<[u8; 32]>(), any::<[u8; 32]>(), signature()).prop_map(
        |(version, sequence, previous, tx_merkle_root, signature)| MicroblockHeader {
            version,
            sequence,
            previous,
            tx_merkle_root,
            signature,
        },
    )
}

fn poison() -> impl Strategy<Value = TransactionPayload> {
    (microblock_header(), private_key(), any::<[u8; 32]>()).prop_map(|(header, key, root)| {
        let signed =
            |root| MicroblockHeader { tx_merkle_root: root, signature: key.sign(&root), ..header };
        let mut other = root;
        other[0] ^= 1;
        TransactionPayload::PoisonMicroblock(Box::new([signed(root), signed(other)]))
    })
}

pub fn vrf_proof() -> impl Strategy<Value = VrfProof> {
    any::<[u8; 32]>().prop_map(|seed| VrfProof::well_formed(&seed))
}

pub fn tenure_change_cause() -> impl Strategy<Value = TenureChangeCause> {
    (0..7_u8).prop_map(|cause| TenureChangeCause::from_u8(cause).unwrap())
}

pub fn tenure_change() -> impl Strategy<Value = TenureChange> {
    (
        [consensus_hash(), consensus_hash(), consensus_hash()],
        block_id(),
        any::<u32>(),
        tenure_change_cause(),
        hash160(),
    )
        .prop_map(|(hashes, previous_tenure_end, previous_tenure_blocks, cause, key_hash)| {
            let [tenure, previous_tenure, burn_view] = hashes;
            TenureChange {
                tenure,
                previous_tenure,
                burn_view,
                previous_tenure_end,
                previous_tenure_blocks,
                cause,
                key_hash,
            }
        })
}

fn memo() -> impl Strategy<Value = [u8; 34]> {
    vec(any::<u8>(), 34).prop_map(|bytes| bytes.try_into().unwrap())
}

pub fn transaction_payload() -> impl Strategy<Value = TransactionPayload> {
    prop_oneof![
        (principal(), any::<u64>(), memo()).prop_map(|(recipient, amount, memo)| {
            TransactionPayload::TokenTransfer { recipient, amount, memo }
        }),
        (prop::option::of(1..=6_u8), contract_name(), "[ -~\t\n]{0,60}").prop_map(
            |(clarity_version, name, code)| {
                TransactionPayload::SmartContract { clarity_version, name, code }
            }
        ),
        (address(), contract_name(), clarity_name(), vec(clarity_value(), 0..3)).prop_map(
            |(address, contract, function, arguments)| {
                TransactionPayload::ContractCall { address, contract, function, arguments }
            }
        ),
        poison(),
        any::<[u8; 32]>().prop_map(TransactionPayload::Coinbase),
        (any::<[u8; 32]>(), principal()).prop_map(|(memo, recipient)| {
            TransactionPayload::CoinbaseToAltRecipient(memo, recipient)
        }),
        tenure_change().prop_map(TransactionPayload::TenureChange),
        (any::<[u8; 32]>(), prop::option::of(principal()), vrf_proof()).prop_map(
            |(memo, recipient, vrf_proof)| {
                TransactionPayload::NakamotoCoinbase { memo, recipient, vrf_proof }
            }
        ),
    ]
}

pub fn transaction() -> impl Strategy<Value = StacksTransaction> {
    (
        (any::<bool>(), chain_id(), transaction_auth()),
        anchor_mode(),
        post_condition_mode(),
        vec(post_condition(), 0..3),
        transaction_payload(),
    )
        .prop_map(
            |((is_mainnet, chain_id, auth), anchor_mode, mode, post_conditions, payload)| {
                let on_chain_only = payload.is_coinbase()
                    || matches!(payload, TransactionPayload::PoisonMicroblock(_));
                StacksTransaction {
                    is_mainnet,
                    chain_id,
                    auth,
                    anchor_mode: if on_chain_only { AnchorMode::OnChainOnly } else { anchor_mode },
                    post_condition_mode: mode,
                    post_conditions,
                    payload,
                }
            },
        )
}

pub fn bit_vec() -> impl Strategy<Value = BitVec> {
    (1..=40_u16, vec(any::<bool>(), 40)).prop_map(|(len, bits)| {
        let mut set = BitVec::new(len).unwrap();
        for (index, bit) in (0..len).zip(bits) {
            set.set(index, bit);
        }
        set
    })
}

pub fn problematic_transaction() -> impl Strategy<Value = ProblematicTransaction> {
    (any::<u32>(), any::<u8>())
        .prop_map(|(tx_index, category)| ProblematicTransaction { tx_index, category })
}

pub fn block_header() -> impl Strategy<Value = NakamotoBlockHeader> {
    (
        prop_oneof![Just(0_u8), Just(1), Just(0x80), Just(0x81), any::<u8>()],
        (any::<u64>(), any::<u64>(), any::<u64>()),
        (consensus_hash(), block_id()),
        (any::<[u8; 32]>(), any::<[u8; 32]>()),
        (signature(), vec(signature(), 0..3)),
        bit_vec(),
        vec(problematic_transaction(), 0..3),
    )
        .prop_map(
            |(version, numbers, (tenure, parent), roots, signatures, bits, problematic)| {
                NakamotoBlockHeader {
                    version,
                    chain_length: StacksHeight::new(numbers.0),
                    burn_spent: numbers.1,
                    consensus_hash: tenure,
                    parent_block_id: parent,
                    tx_merkle_root: TxMerkleRoot::new(roots.0),
                    state_index_root: StateRoot::new(roots.1),
                    timestamp: UnixSeconds::new(numbers.2),
                    miner_signature: signatures.0,
                    signer_signature: signatures.1,
                    pox_treatment: bits,
                    problematic_txs: if matches!(version, 0 | 0x80) {
                        Vec::new()
                    } else {
                        problematic
                    },
                }
            },
        )
}

/// Blocks whose transactions are distinct and fit their header.
pub fn block() -> impl Strategy<Value = NakamotoBlock> {
    (block_header(), vec(transaction(), 0..4)).prop_map(|(header, mut transactions)| {
        let mut seen = std::collections::BTreeSet::<Txid>::new();
        transactions.retain(|transaction| seen.insert(transaction.txid()));
        let mut block = NakamotoBlock { header, transactions };
        block.header.tx_merkle_root = block.tx_merkle_root();
        block
    })
}
