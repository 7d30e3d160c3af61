//! Golden vectors of keys, addresses, blocks, transactions, Clarity values and SIP-018 digests.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use countersign_wire::address::AddressError;
use countersign_wire::block::TenureRole;
use countersign_wire::clarity::ClarityValue;
use countersign_wire::fixed::TxMerkleRoot;
use countersign_wire::keys::PrivateKeyError;
use countersign_wire::merkle::tx_merkle_root;
use countersign_wire::sip018::{self, Domain, Pox4Authorization, Pox4Topic, PoxAddress};
use countersign_wire::transaction::StacksTransaction;
use countersign_wire::{
    ChainId, Hash160, MessageSignature, NakamotoBlock, NakamotoBlockHeader, Network, PrivateKey,
    PublicKey, Sighash, StacksAddress, StacksBlockId, Txid, Wire,
};
use serde::Deserialize;
use support::vectors::{check_tolerated_and_refused, load};

/// The key that signs the worked vectors.
const KEY_A: &str = "b791c6d39263a2469fbb7378da40e84e89d319e4b5e74f69836ff75b3cd30092";

#[derive(Deserialize)]
struct AddressCase {
    name: String,
    version: u8,
    hash: Hash160,
    text: String,
}

#[test]
fn addresses_have_their_text() {
    let vectors = load::<AddressCase>("address/c32check.toml");
    for case in &vectors.cases {
        let address = StacksAddress::new(case.version, case.hash).unwrap();
        assert_eq!(address.to_string(), case.text, "{}", case.name);
        assert_eq!(case.text.parse(), Ok(address), "{}", case.name);
    }
    for tolerated in &vectors.tolerated {
        let address: StacksAddress = tolerated.text.parse().unwrap();
        assert_eq!(address.to_string(), tolerated.reads_as, "{}", tolerated.name);
    }
    for refused in &vectors.refused {
        let error = match refused.text.parse::<StacksAddress>().unwrap_err() {
            AddressError::Length => "Length",
            AddressError::Character(_) => "Character",
            AddressError::Checksum => "Checksum",
        };
        assert_eq!(error, refused.error, "{}", refused.name);
    }
}

#[derive(Deserialize)]
struct KeyCase {
    name: String,
    private: String,
    public: PublicKey,
    uncompressed: String,
    hash160: Hash160,
    mainnet: StacksAddress,
    testnet: StacksAddress,
}

#[test]
fn keys_have_their_hash_and_addresses() {
    let vectors = load::<KeyCase>("key/keys.toml");
    for case in &vectors.cases {
        let name = &case.name;
        for text in [case.private.clone(), format!("{}01", case.private)] {
            let private = PrivateKey::from_hex(&text).unwrap();
            assert_eq!(private.public_key(), case.public, "{name}");
        }
        let uncompressed = case.public.to_uncompressed();
        assert_eq!(hex::encode(uncompressed), case.uncompressed, "{name}");
        assert_eq!(PublicKey::from_uncompressed(uncompressed), Some(case.public), "{name}");
        let mut off_the_curve = uncompressed;
        off_the_curve[64] ^= 1;
        assert_eq!(PublicKey::from_uncompressed(off_the_curve), None, "{name}");
        assert_eq!(case.public.hash160(), case.hash160, "{name}");
        let address = |network| StacksAddress::single_sig(network, &case.public);
        assert_eq!(address(Network::Mainnet), case.mainnet, "{name}");
        assert_eq!(address(Network::Testnet), case.testnet, "{name}");
        assert_eq!(address(Network::Mocknet), case.testnet, "{name}");
    }
    for refused in &vectors.refused {
        let error = match PrivateKey::from_hex(&refused.text).unwrap_err() {
            PrivateKeyError::Length => "Length",
            PrivateKeyError::NotHex => "NotHex",
            PrivateKeyError::Marker => "Marker",
            PrivateKeyError::OutOfRange => "OutOfRange",
        };
        assert_eq!(error, refused.error, "{}", refused.name);
    }
}

#[test]
fn boot_addresses_are_recognised_on_every_network() {
    for network in [Network::Mainnet, Network::Testnet, Network::Mocknet] {
        assert!(network.boot_address().is_boot());
    }
    let key = PrivateKey::from_hex(KEY_A).unwrap().public_key();
    assert!(!StacksAddress::single_sig(Network::Mainnet, &key).is_boot());
}

#[derive(Deserialize)]
struct HeaderCase {
    name: String,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
    #[serde(with = "hex::serde")]
    miner_signature_hash: Vec<u8>,
    miner_signature: MessageSignature,
    miner_key: PublicKey,
    sighash: Sighash,
    block_id: StacksBlockId,
}

#[test]
fn headers_have_their_hashes_and_their_miner() {
    let vectors = load::<HeaderCase>("block_header/headers.toml");
    let key = PrivateKey::from_hex(KEY_A).unwrap();
    for case in &vectors.cases {
        let name = &case.name;
        let header = NakamotoBlockHeader::from_bytes(&case.bytes).expect(name);
        assert_eq!(header.to_bytes(), case.bytes, "{name}");
        assert_eq!(header.miner_signature_hash(), *case.miner_signature_hash, "{name}");
        assert_eq!(header.miner_signature, case.miner_signature, "{name}");
        assert_eq!(key.sign(&header.miner_signature_hash()), case.miner_signature, "{name}");
        assert_eq!(header.recover_miner(), Some(case.miner_key), "{name}");
        assert_eq!(header.sighash(), case.sighash, "{name}");
        assert_eq!(header.block_id(), case.block_id, "{name}");
        assert_eq!(header.is_shadow(), name.contains("shadow"), "{name}");
        assert_eq!(header.pox_treatment.is_all_set(), !name.contains("one of them zero"), "{name}");
    }
    check_tolerated_and_refused::<NakamotoBlockHeader, _>(&vectors);
}

#[test]
fn header_json_of_nodes_before_4_0_has_no_problematic_transactions() {
    let vectors = load::<HeaderCase>("block_header/headers.toml");
    let header = NakamotoBlockHeader::from_bytes(&vectors.cases[1].bytes).unwrap();
    let mut json = serde_json::to_value(&header).unwrap();
    assert_eq!(json["pox_treatment"], "00010000000101");
    assert_eq!(json["chain_length"], 7);
    json.as_object_mut().unwrap().remove("problematic_txs").unwrap();
    assert_eq!(serde_json::from_value::<NakamotoBlockHeader>(json).unwrap(), header);
}

#[derive(Deserialize)]
struct BlockCase {
    name: String,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
    sighash: Sighash,
    block_id: StacksBlockId,
    tenure: String,
    transactions: usize,
}

#[test]
fn blocks_have_their_hashes_and_their_role() {
    let vectors = load::<BlockCase>("block/blocks.toml");
    for case in &vectors.cases {
        let name = &case.name;
        let block = NakamotoBlock::from_bytes(&case.bytes).expect(name);
        assert_eq!(block.to_bytes(), case.bytes, "{name}");
        assert_eq!(block.sighash(), case.sighash, "{name}");
        assert_eq!(block.block_id(), case.block_id, "{name}");
        let role = match block.tenure_role() {
            TenureRole::Start => "start".to_owned(),
            TenureRole::Extend(cause) => format!("extend {}", cause.as_u8()),
            TenureRole::Ordinary => "ordinary".to_owned(),
        };
        assert_eq!(role, case.tenure, "{name}");
        assert_eq!(block.transactions.len(), case.transactions, "{name}");
        for transaction in &block.transactions {
            assert_eq!(transaction.verify(), Ok(()), "{name}");
        }
    }
    check_tolerated_and_refused::<NakamotoBlock, _>(&vectors);
}

#[derive(Deserialize)]
struct TransactionCase {
    name: String,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
    #[serde(with = "hex::serde")]
    initial_sighash: Vec<u8>,
    txid: Txid,
    account: Hash160,
}

#[test]
fn transactions_have_their_id_and_their_signatures() {
    let vectors = load::<TransactionCase>("transaction/transactions.toml");
    for case in &vectors.cases {
        let name = &case.name;
        let transaction = StacksTransaction::from_bytes(&case.bytes).expect(name);
        assert_eq!(transaction.to_bytes(), case.bytes, "{name}");
        assert_eq!(transaction.txid(), case.txid, "{name}");
        assert_eq!(transaction.initial_sighash(), *case.initial_sighash, "{name}");
        assert_eq!(transaction.auth.origin().signer, case.account, "{name}");
        assert_eq!(transaction.verify(), Ok(()), "{name}");
    }
    check_tolerated_and_refused::<StacksTransaction, _>(&vectors);
}

#[derive(Deserialize)]
struct ValueCase {
    name: String,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
    value: String,
}

#[test]
fn clarity_values_have_their_encoding() {
    let vectors = load::<ValueCase>("clarity/values.toml");
    for case in &vectors.cases {
        let value = ClarityValue::from_bytes(&case.bytes).expect(&case.name);
        assert_eq!(format!("{value:?}"), case.value, "{}", case.name);
        assert_eq!(value.to_bytes(), case.bytes, "{}", case.name);
    }
    check_tolerated_and_refused::<ClarityValue, _>(&vectors);
}

#[derive(Deserialize)]
struct MerkleCase {
    name: String,
    txids: Vec<Txid>,
    root: TxMerkleRoot,
}

#[test]
fn merkle_trees_have_their_root() {
    for case in load::<MerkleCase>("merkle/roots.toml").cases {
        assert_eq!(tx_merkle_root(&case.txids), case.root, "{}", case.name);
    }
}

#[derive(Deserialize)]
struct DigestCase {
    name: String,
    domain: Option<String>,
    digest: String,
    private: Option<String>,
    signature: Option<MessageSignature>,
    rsv: Option<String>,
}

#[test]
fn structured_data_has_its_digest_and_signature() {
    let vectors = load::<DigestCase>("sip018/digests.toml");
    for case in &vectors.cases {
        let name = &case.name;
        let (digest, domain) = digest_of(name);
        assert_eq!(hex::encode(digest), case.digest, "{name}");
        if let Some(expected) = &case.domain {
            assert_eq!(hex::encode(domain.unwrap().to_value().to_bytes()), *expected, "{name}");
        }
        let key = PrivateKey::from_hex(case.private.as_deref().unwrap_or(KEY_A)).unwrap();
        let signature = key.sign(&digest);
        assert!(signature.is_low_s(), "{name}");
        if let Some(expected) = case.signature {
            assert_eq!(signature, expected, "{name}");
        }
        if let Some(expected) = &case.rsv {
            assert_eq!(hex::encode(signature.to_rsv()), *expected, "{name}");
        }
    }
}

fn digest_of(name: &str) -> ([u8; 32], Option<Domain<'static>>) {
    let testnet = ChainId::TESTNET;
    let digest = match name {
        "Hello World" => {
            let domain = Domain { name: "Test App", version: "1.0.0", chain_id: ChainId::MAINNET };
            let data = ClarityValue::StringAscii("Hello World".to_owned());
            return (sip018::digest(&domain, &data), Some(domain));
        }
        "block rejection" => {
            let block = "a75a106d6bfed0e636a476c5fe6c14bc0f3f8d5a1e5e388acc6274393b33e991";
            let digest = sip018::block_rejection(&block.parse().unwrap(), testnet);
            return (digest, Some(Domain::v1("block-rejection", testnet)));
        }
        "staking grant to an account" => {
            let manager = "ST185PX4EBXC3QWDN697MJEM13Y8E9JNSRRPZ3ZY0".parse().unwrap();
            sip018::staking_grant(&manager, 7, testnet)
        }
        "staking grant to a contract" => {
            let manager = "ST000000000000000000002AMW42H.test-signer".parse().unwrap();
            sip018::staking_grant(&manager, 1, testnet)
        }
        "pox-4 stack-stx" => sip018::stacking_pox4(&stack_stx(), testnet),
        "vote for SIP 45" => sip018::sip_vote(45, true),
        "vote against SIP 45" => sip018::sip_vote(45, false),
        other => panic!("no digest is known for {other}"),
    };
    (digest, None)
}

fn stack_stx() -> Pox4Authorization {
    Pox4Authorization {
        pox_address: PoxAddress { version: 0, hash_bytes: vec![0; 20] },
        reward_cycle: 1,
        topic: Pox4Topic::StackStx,
        period: 12,
        max_amount: u128::MAX,
        auth_id: 111,
    }
}
