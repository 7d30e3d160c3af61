//! Transactions as a node's `POST /v3/block_proposal` takes them: the data types of the node as JSON
//! (`signer-wire.md` section 6.8). Written only, and only for what a user can send.

use serde::ser::{SerializeMap as _, SerializeStruct as _};
use serde::{Serialize, Serializer};

use super::{
    AnchorMode, AssetInfo, AuthField, FungibleCode, KeyEncoding, NonFungibleCode, PostCondition,
    PostConditionMode, PostConditionPrincipal, PoxCode, SpendingCondition, SpendingKind,
    StacksTransaction, TransactionAuth, TransactionPayload,
};
use crate::address::StacksAddress;
use crate::clarity::{ClarityType, ClarityValue, Principal};

/// Transactions in that form.
#[derive(Clone, Copy, Debug)]
pub struct TransactionsJson<'a>(pub &'a [StacksTransaction]);

/// A part of a transaction in its JSON form.
struct Json<'a, T: ?Sized>(&'a T);

impl Serialize for TransactionsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Json))
    }
}

/// An enum's variant with one value.
fn tagged<S: Serializer>(
    serializer: S,
    name: &'static str,
    value: &impl Serialize,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, value)?;
    map.end()
}

/// A list of parts in their JSON form.
struct List<'a, T>(&'a [T]);

impl<'a, T> Serialize for List<'a, T>
where
    Json<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Json))
    }
}

impl Serialize for Json<'_, StacksTransaction> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let transaction = self.0;
        let mut json = serializer.serialize_struct("transaction", 7)?;
        let version = if transaction.is_mainnet { "Mainnet" } else { "Testnet" };
        json.serialize_field("version", version)?;
        json.serialize_field("chain_id", &transaction.chain_id)?;
        json.serialize_field("auth", &Json(&transaction.auth))?;
        json.serialize_field(
            "anchor_mode",
            match transaction.anchor_mode {
                AnchorMode::OnChainOnly => "OnChainOnly",
                AnchorMode::OffChainOnly => "OffChainOnly",
                AnchorMode::Any => "Any",
            },
        )?;
        json.serialize_field(
            "post_condition_mode",
            match transaction.post_condition_mode {
                PostConditionMode::Allow => "Allow",
                PostConditionMode::Deny => "Deny",
                PostConditionMode::Originator => "Originator",
            },
        )?;
        json.serialize_field("post_conditions", &List(&transaction.post_conditions))?;
        json.serialize_field("payload", &Json(&transaction.payload))?;
        json.end()
    }
}

impl Serialize for Json<'_, TransactionAuth> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            TransactionAuth::Standard(origin) => tagged(serializer, "Standard", &Json(origin)),
            TransactionAuth::Sponsored { origin, sponsor } => {
                tagged(serializer, "Sponsored", &(Json(origin), Json(sponsor)))
            }
        }
    }
}

impl Serialize for Json<'_, SpendingCondition> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = match self.0.kind {
            SpendingKind::SingleSig { .. } => "Singlesig",
            SpendingKind::MultiSig { is_order_independent: false, .. } => "Multisig",
            SpendingKind::MultiSig { is_order_independent: true, .. } => "OrderIndependentMultisig",
        };
        tagged(serializer, kind, &Spending(self.0))
    }
}

/// What is inside the kind of a spending condition.
struct Spending<'a>(&'a SpendingCondition);

impl Serialize for Spending<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(SpendingCondition { signer, nonce, fee, kind }) = self;
        let hash_mode = match kind {
            SpendingKind::SingleSig { is_segwit: false, .. } => "P2PKH",
            SpendingKind::SingleSig { is_segwit: true, .. } => "P2WPKH",
            SpendingKind::MultiSig { is_segwit: false, .. } => "P2SH",
            SpendingKind::MultiSig { is_segwit: true, .. } => "P2WSH",
        };
        let mut json = serializer.serialize_struct("spending condition", 6)?;
        json.serialize_field("hash_mode", hash_mode)?;
        json.serialize_field("signer", signer)?;
        json.serialize_field("nonce", nonce)?;
        json.serialize_field("tx_fee", fee)?;
        match kind {
            SpendingKind::SingleSig { key_encoding, signature, .. } => {
                json.serialize_field("key_encoding", encoding_name(*key_encoding))?;
                json.serialize_field("signature", &hex::encode(signature.as_bytes()))?;
            }
            SpendingKind::MultiSig { fields, signatures_required, .. } => {
                json.serialize_field("fields", &List(fields))?;
                json.serialize_field("signatures_required", signatures_required)?;
            }
        }
        json.end()
    }
}

const fn encoding_name(encoding: KeyEncoding) -> &'static str {
    match encoding {
        KeyEncoding::Compressed => "Compressed",
        KeyEncoding::Uncompressed => "Uncompressed",
    }
}

impl Serialize for Json<'_, AuthField> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            AuthField::PublicKey(encoding, key) => {
                #[derive(Serialize)]
                struct Key {
                    key: String,
                    compressed: bool,
                }
                let compressed = *encoding == KeyEncoding::Compressed;
                let key = Key { key: hex::encode(key.as_bytes()), compressed };
                tagged(serializer, "PublicKey", &key)
            }
            AuthField::Signature(encoding, signature) => {
                let signature = hex::encode(signature.as_bytes());
                tagged(serializer, "Signature", &(encoding_name(*encoding), signature))
            }
        }
    }
}

impl Serialize for Json<'_, PostCondition> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            PostCondition::Stx { principal, code, amount } => {
                tagged(serializer, "STX", &(Json(principal), fungible(*code), amount))
            }
            PostCondition::Fungible { principal, asset, code, amount } => {
                let parts = (Json(principal), Json(asset), fungible(*code), amount);
                tagged(serializer, "Fungible", &parts)
            }
            PostCondition::NonFungible { principal, asset, value, code } => {
                let code = match code {
                    NonFungibleCode::Sent => "Sent",
                    NonFungibleCode::NotSent => "NotSent",
                    NonFungibleCode::MaybeSent => "MaybeSent",
                };
                tagged(
                    serializer,
                    "Nonfungible",
                    &(Json(principal), Json(asset), Json(value), code),
                )
            }
            PostCondition::Staking { principal, code, amount } => {
                tagged(serializer, "Staking", &(Json(principal), fungible(*code), amount))
            }
            PostCondition::Pox { principal, code } => {
                let code = match code {
                    PoxCode::NotPerformed => "NotPerformed",
                    PoxCode::MaybePerformed => "MaybePerformed",
                    PoxCode::Performed => "Performed",
                };
                tagged(serializer, "Pox", &(Json(principal), code))
            }
        }
    }
}

const fn fungible(code: FungibleCode) -> &'static str {
    match code {
        FungibleCode::Equal => "SentEq",
        FungibleCode::Greater => "SentGt",
        FungibleCode::GreaterOrEqual => "SentGe",
        FungibleCode::Less => "SentLt",
        FungibleCode::LessOrEqual => "SentLe",
    }
}

impl Serialize for Json<'_, PostConditionPrincipal> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            PostConditionPrincipal::Origin => serializer.serialize_str("Origin"),
            PostConditionPrincipal::Standard(address) => {
                tagged(serializer, "Standard", &Json(address))
            }
            PostConditionPrincipal::Contract(address, name) => {
                tagged(serializer, "Contract", &(Json(address), name.as_str()))
            }
        }
    }
}

impl Serialize for Json<'_, AssetInfo> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("asset", 3)?;
        json.serialize_field("contract_address", &Json(&self.0.address))?;
        json.serialize_field("contract_name", self.0.contract.as_str())?;
        json.serialize_field("asset_name", self.0.asset.as_str())?;
        json.end()
    }
}

impl Serialize for Json<'_, StacksAddress> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("address", 2)?;
        json.serialize_field("version", &self.0.version())?;
        json.serialize_field("bytes", self.0.hash())?;
        json.end()
    }
}

/// An address in a Clarity value: a pair, and the hash as numbers.
fn issuer(address: &StacksAddress) -> (u8, &[u8; 20]) {
    (address.version(), address.hash().as_bytes())
}

impl Serialize for Json<'_, Principal> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Contract<'a> {
            issuer: (u8, &'a [u8; 20]),
            name: &'a str,
        }
        match self.0 {
            Principal::Standard(address) => tagged(serializer, "Standard", &issuer(address)),
            Principal::Contract(address, name) => {
                let contract = Contract { issuer: issuer(address), name: name.as_str() };
                tagged(serializer, "Contract", &contract)
            }
        }
    }
}

impl Serialize for Json<'_, TransactionPayload> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            TransactionPayload::TokenTransfer { recipient, amount, memo } => {
                let parts = (Json(recipient), amount, hex::encode(memo));
                tagged(serializer, "TokenTransfer", &parts)
            }
            TransactionPayload::SmartContract { clarity_version, name, code } => {
                #[derive(Serialize)]
                struct Contract<'a> {
                    name: &'a str,
                    code_body: &'a [u8],
                }
                let contract = Contract { name: name.as_str(), code_body: code.as_bytes() };
                let version = clarity_version.map(|version| format!("Clarity{version}"));
                tagged(serializer, "SmartContract", &(contract, version))
            }
            TransactionPayload::ContractCall { address, contract, function, arguments } => {
                #[derive(Serialize)]
                struct Call<'a> {
                    address: Json<'a, StacksAddress>,
                    contract_name: &'a str,
                    function_name: &'a str,
                    function_args: List<'a, ClarityValue>,
                }
                let call = Call {
                    address: Json(address),
                    contract_name: contract.as_str(),
                    function_name: function.as_str(),
                    function_args: List(arguments),
                };
                tagged(serializer, "ContractCall", &call)
            }
            TransactionPayload::PoisonMicroblock(_)
            | TransactionPayload::Coinbase(_)
            | TransactionPayload::CoinbaseToAltRecipient(..)
            | TransactionPayload::TenureChange(_)
            | TransactionPayload::NakamotoCoinbase { .. } => {
                Err(serde::ser::Error::custom("what a miner sends is not replayed"))
            }
        }
    }
}

/// A struct with the one field `data`.
#[derive(Serialize)]
struct Data<T> {
    data: T,
}

impl Serialize for Json<'_, ClarityValue> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let untyped = || serde::ser::Error::custom("a Clarity list holds values of several types");
        match self.0 {
            ClarityValue::Int(int) => tagged(serializer, "Int", int),
            ClarityValue::UInt(uint) => tagged(serializer, "UInt", uint),
            ClarityValue::Bool(value) => tagged(serializer, "Bool", value),
            ClarityValue::Principal(principal) => tagged(serializer, "Principal", &Json(principal)),
            ClarityValue::Optional(value) => {
                let data = value.as_deref().map(Json);
                tagged(serializer, "Optional", &Data { data })
            }
            ClarityValue::Ok(value) => response(serializer, true, value),
            ClarityValue::Err(value) => response(serializer, false, value),
            ClarityValue::Buffer(bytes) => {
                tagged(serializer, "Sequence", &Sequence::Buffer(Data { data: bytes }))
            }
            ClarityValue::StringAscii(text) => {
                let text = Text::ASCII(Data { data: text.as_bytes() });
                tagged(serializer, "Sequence", &Sequence::String(text))
            }
            ClarityValue::StringUtf8(text) => {
                let data = text.chars().map(|c| c.to_string().into_bytes()).collect();
                tagged(serializer, "Sequence", &Sequence::String(Text::UTF8(Data { data })))
            }
            ClarityValue::List(items) => {
                let type_signature = ClarityType::of_list(items).ok_or_else(untyped)?;
                let list = Sequence::List { data: List(items), type_signature };
                tagged(serializer, "Sequence", &list)
            }
            ClarityValue::Tuple(fields) => {
                #[derive(Serialize)]
                struct Tuple<'a, M> {
                    type_signature: crate::clarity::TupleType,
                    data_map: &'a M,
                }
                let type_signature = ClarityType::of_tuple(fields).ok_or_else(untyped)?;
                let data_map: std::collections::BTreeMap<&str, Json<'_, ClarityValue>> =
                    fields.iter().map(|(name, value)| (name.as_str(), Json(value))).collect();
                tagged(serializer, "Tuple", &Tuple { type_signature, data_map: &data_map })
            }
        }
    }
}

/// Bytes, characters and values in a row.
#[derive(Serialize)]
enum Sequence<'a> {
    Buffer(Data<&'a Vec<u8>>),
    String(Text<'a>),
    List { data: List<'a, ClarityValue>, type_signature: crate::clarity::ListType },
}

#[derive(Serialize)]
#[expect(clippy::upper_case_acronyms, reason = "the node's names")]
enum Text<'a> {
    ASCII(Data<&'a [u8]>),
    UTF8(Data<Vec<Vec<u8>>>),
}

fn response<S: Serializer>(
    serializer: S,
    committed: bool,
    value: &ClarityValue,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Response<'a> {
        committed: bool,
        data: Json<'a, ClarityValue>,
    }
    tagged(serializer, "Response", &Response { committed, data: Json(value) })
}
