//! The JSON form of transactions that a block must replay (`signer-wire.md` section 6.8).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use countersign_wire::clarity::{ClarityValue, Principal};
use countersign_wire::transaction::{
    AnchorMode, AssetInfo, AuthField, FungibleCode, KeyEncoding, NonFungibleCode, PostCondition,
    PostConditionMode, PostConditionPrincipal, PoxCode, SpendingCondition, SpendingKind,
    StacksTransaction, TransactionAuth, TransactionPayload, TransactionsJson,
};
use countersign_wire::{ChainId, Hash160, MessageSignature, PrivateKey, StacksAddress};
use serde_json::{Value, json};

fn key() -> PrivateKey {
    PrivateKey::from_bytes([7; 32]).unwrap()
}

fn address() -> StacksAddress {
    StacksAddress::new(26, Hash160::new([0x11; 20])).unwrap()
}

fn bytes() -> Vec<u8> {
    vec![0x11; 20]
}

fn transfer() -> StacksTransaction {
    StacksTransaction {
        is_mainnet: false,
        chain_id: ChainId::TESTNET,
        auth: TransactionAuth::Standard(SpendingCondition::p2pkh(&key().public_key(), 5, 180)),
        anchor_mode: AnchorMode::Any,
        post_condition_mode: PostConditionMode::Deny,
        post_conditions: Vec::new(),
        payload: TransactionPayload::TokenTransfer {
            recipient: Principal::Standard(address()),
            amount: 1000,
            memo: [0xab; 34],
        },
    }
}

fn written(transaction: StacksTransaction) -> Value {
    let text = serde_json::to_string(&TransactionsJson(&[transaction])).unwrap();
    let list: Vec<Value> = serde_json::from_str(&text).unwrap();
    list.into_iter().next().unwrap()
}

/// The arguments of a call with this one.
fn argument(value: ClarityValue) -> Value {
    let payload = TransactionPayload::ContractCall {
        address: address(),
        contract: "pool".parse().unwrap(),
        function: "swap".parse().unwrap(),
        arguments: vec![value],
    };
    written(StacksTransaction { payload, ..transfer() })["payload"]["ContractCall"]["function_args"]
        [0]
    .clone()
}

#[test]
fn a_transfer_has_the_form_of_the_nodes_own_types() {
    let expected = json!({
        "version": "Testnet",
        "chain_id": 0x8000_0000_u32,
        "auth": {"Standard": {"Singlesig": {
            "hash_mode": "P2PKH",
            "signer": key().public_key().hash160().to_string(),
            "nonce": 5,
            "tx_fee": 180,
            "key_encoding": "Compressed",
            "signature": "00".repeat(65),
        }}},
        "anchor_mode": "Any",
        "post_condition_mode": "Deny",
        "post_conditions": [],
        "payload": {"TokenTransfer": [{"Standard": [26, bytes()]}, 1000, "ab".repeat(34)]},
    });
    assert_eq!(written(transfer()), expected);
}

#[test]
fn several_keys_and_a_sponsor_are_told_apart() {
    let multi = |is_segwit, is_order_independent| SpendingCondition {
        kind: SpendingKind::MultiSig {
            is_segwit,
            is_order_independent,
            fields: vec![
                AuthField::PublicKey(KeyEncoding::Uncompressed, key().public_key()),
                AuthField::Signature(KeyEncoding::Compressed, MessageSignature::EMPTY),
            ],
            signatures_required: 1,
        },
        ..SpendingCondition::p2pkh(&key().public_key(), 0, 0)
    };
    let auth =
        TransactionAuth::Sponsored { origin: multi(false, false), sponsor: multi(true, true) };
    let json = written(StacksTransaction { auth, ..transfer() });
    let (origin, sponsor) = (&json["auth"]["Sponsored"][0], &json["auth"]["Sponsored"][1]);
    assert_eq!(origin["Multisig"]["hash_mode"], "P2SH");
    assert_eq!(sponsor["OrderIndependentMultisig"]["hash_mode"], "P2WSH");
    let fields = json!([
        {"PublicKey": {"key": key().public_key().to_string(), "compressed": false}},
        {"Signature": ["Compressed", "00".repeat(65)]},
    ]);
    assert_eq!(origin["Multisig"]["fields"], fields);
    assert_eq!(origin["Multisig"]["signatures_required"], 1);
}

#[test]
fn contracts_are_written_with_their_source_as_numbers() {
    let publish = |clarity_version| TransactionPayload::SmartContract {
        clarity_version,
        name: "hello".parse().unwrap(),
        code: "(+)".to_owned(),
    };
    let json = |version| written(StacksTransaction { payload: publish(version), ..transfer() });
    let contract = json!({"name": "hello", "code_body": [40, 43, 41]});
    assert_eq!(json(None)["payload"], json!({"SmartContract": [contract, null]}));
    assert_eq!(json(Some(3))["payload"], json!({"SmartContract": [contract, "Clarity3"]}));
}

#[test]
fn post_conditions_name_their_codes() {
    let asset = AssetInfo {
        address: address(),
        contract: "token".parse().unwrap(),
        asset: "gold".parse().unwrap(),
    };
    let principal = PostConditionPrincipal::Contract(address(), "pool".parse().unwrap());
    let post_conditions = vec![
        PostCondition::Stx {
            principal: PostConditionPrincipal::Origin,
            code: FungibleCode::LessOrEqual,
            amount: 9,
        },
        PostCondition::Fungible {
            principal: PostConditionPrincipal::Standard(address()),
            asset: asset.clone(),
            code: FungibleCode::Equal,
            amount: 1,
        },
        PostCondition::NonFungible {
            principal: principal.clone(),
            asset,
            value: ClarityValue::UInt(3),
            code: NonFungibleCode::NotSent,
        },
        PostCondition::Staking {
            principal: principal.clone(),
            code: FungibleCode::Less,
            amount: 2,
        },
        PostCondition::Pox { principal, code: PoxCode::MaybePerformed },
    ];
    let at = json!({"version": 26, "bytes": "11".repeat(20)});
    let asset = json!({"contract_address": at, "contract_name": "token", "asset_name": "gold"});
    let contract = json!({"Contract": [at, "pool"]});
    let expected = json!([
        {"STX": ["Origin", "SentLe", 9]},
        {"Fungible": [{"Standard": at}, asset, "SentEq", 1]},
        {"Nonfungible": [contract, asset, {"UInt": 3}, "NotSent"]},
        {"Staking": [contract, "SentLt", 2]},
        {"Pox": [contract, "MaybePerformed"]},
    ]);
    assert_eq!(
        written(StacksTransaction { post_conditions, ..transfer() })["post_conditions"],
        expected
    );
}

#[test]
fn clarity_values_have_their_forms() {
    let contract = Principal::Contract(address(), "pool".parse().unwrap());
    let rows = [
        (ClarityValue::Int(-5), json!({"Int": -5})),
        (ClarityValue::Bool(true), json!({"Bool": true})),
        (ClarityValue::Buffer(vec![1, 2]), json!({"Sequence": {"Buffer": {"data": [1, 2]}}})),
        (
            ClarityValue::StringAscii("ab".to_owned()),
            json!({"Sequence": {"String": {"ASCII": {"data": [97, 98]}}}}),
        ),
        (
            ClarityValue::StringUtf8("aé".to_owned()),
            json!({"Sequence": {"String": {"UTF8": {"data": [[97], [195, 169]]}}}}),
        ),
        (
            ClarityValue::Principal(contract),
            json!({"Principal": {"Contract": {"issuer": [26, bytes()], "name": "pool"}}}),
        ),
        (ClarityValue::Optional(None), json!({"Optional": {"data": null}})),
        (
            ClarityValue::Err(Box::new(ClarityValue::UInt(1))),
            json!({"Response": {"committed": false, "data": {"UInt": 1}}}),
        ),
    ];
    for (value, expected) in rows {
        assert_eq!(argument(value), expected);
    }
}

#[test]
fn the_largest_numbers_are_written_in_full() {
    let arguments = vec![ClarityValue::UInt(u128::MAX), ClarityValue::Int(i128::MIN)];
    let payload = TransactionPayload::ContractCall {
        address: address(),
        contract: "pool".parse().unwrap(),
        function: "swap".parse().unwrap(),
        arguments,
    };
    let text =
        serde_json::to_string(&TransactionsJson(&[StacksTransaction { payload, ..transfer() }]));
    let expected = format!(r#"[{{"UInt":{}}},{{"Int":{}}}]"#, u128::MAX, i128::MIN);
    assert!(text.unwrap().contains(&expected));
}

#[test]
fn a_list_has_the_narrowest_type_of_its_items() {
    let items = vec![
        ClarityValue::tuple([
            ("memo", ClarityValue::Optional(None)),
            ("to", ClarityValue::Buffer(vec![1])),
        ]),
        ClarityValue::tuple([
            ("memo", ClarityValue::Optional(Some(Box::new(ClarityValue::List(Vec::new()))))),
            ("to", ClarityValue::Buffer(vec![1, 2, 3])),
        ]),
    ];
    let nothing = json!({"SequenceType": {"ListType": {"max_len": 0, "entry_type": "NoType"}}});
    let entry = json!({"TupleType": {"type_map": {
        "memo": {"OptionalType": nothing},
        "to": {"SequenceType": {"BufferType": 3}},
    }}});
    let list = argument(ClarityValue::List(items));
    let expected = json!({"max_len": 2, "entry_type": entry});
    assert_eq!(list["Sequence"]["List"]["type_signature"], expected);
    let first = &list["Sequence"]["List"]["data"][0]["Tuple"];
    assert_eq!(first["type_signature"]["type_map"]["memo"], json!({"OptionalType": "NoType"}));
    assert_eq!(first["data_map"]["memo"], json!({"Optional": {"data": null}}));
}

#[test]
fn both_halves_of_responses_and_all_lengths_are_joined() {
    let list =
        |items| argument(ClarityValue::List(items))["Sequence"]["List"]["type_signature"].clone();
    let boxed = |text: &str| Box::new(ClarityValue::StringAscii(text.to_owned()));
    let responses = list(vec![
        ClarityValue::Ok(boxed("abc")),
        ClarityValue::Err(Box::new(ClarityValue::UInt(1))),
    ]);
    let text = json!({"SequenceType": {"StringType": {"ASCII": 3}}});
    assert_eq!(responses["entry_type"], json!({"ResponseType": [text, "UIntType"]}));
    let texts = ["é", "éé"].map(|text| ClarityValue::StringUtf8(text.to_owned())).to_vec();
    let expected = json!({"SequenceType": {"StringType": {"UTF8": 2}}});
    assert_eq!(list(texts)["entry_type"], expected);
    let lists = vec![
        ClarityValue::List(Vec::new()),
        ClarityValue::List(vec![ClarityValue::Int(1), ClarityValue::Int(2)]),
    ];
    let inner = json!({"SequenceType": {"ListType": {"max_len": 2, "entry_type": "IntType"}}});
    assert_eq!(list(lists)["entry_type"], inner);
}

#[test]
fn what_no_node_lets_pass_and_what_only_miners_send_has_no_form() {
    let mixed = ClarityValue::List(vec![ClarityValue::Int(1), ClarityValue::Bool(true)]);
    let call = TransactionPayload::ContractCall {
        address: address(),
        contract: "pool".parse().unwrap(),
        function: "swap".parse().unwrap(),
        arguments: vec![mixed],
    };
    for payload in [call, TransactionPayload::Coinbase([0; 32])] {
        let transaction = StacksTransaction { payload, ..transfer() };
        assert!(serde_json::to_string(&TransactionsJson(&[transaction])).is_err());
    }
}
