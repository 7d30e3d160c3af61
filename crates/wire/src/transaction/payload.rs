//! What a transaction does.

use super::tenure_change::TenureChange;
use super::vrf::VrfProof;
use crate::address::StacksAddress;
use crate::clarity::{ClarityName, ClarityValue, ContractName, Principal};
use crate::codec::{DecodeError, MAX_MESSAGE_LEN, Reader, Wire, encode_bytes, encode_list};
use crate::keys::MessageSignature;

/// What a transaction does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionPayload {
    /// 0.
    TokenTransfer {
        /// Who is paid.
        recipient: Principal,
        /// µSTX.
        amount: u64,
        /// Free text.
        memo: [u8; 34],
    },
    /// 1, or 6 with a Clarity version.
    SmartContract {
        /// 1 to 6; none for payload id 1.
        clarity_version: Option<u8>,
        /// Name of the contract.
        name: ContractName,
        /// Source: printable ASCII, tabs and newlines.
        code: String,
    },
    /// 2.
    ContractCall {
        /// The contract's address.
        address: StacksAddress,
        /// The contract's name.
        contract: ContractName,
        /// The function.
        function: ClarityName,
        /// The arguments.
        arguments: Vec<ClarityValue>,
    },
    /// 3: two headers that contradict each other.
    PoisonMicroblock(Box<[MicroblockHeader; 2]>),
    /// 4.
    Coinbase([u8; 32]),
    /// 5.
    CoinbaseToAltRecipient([u8; 32], Principal),
    /// 7.
    TenureChange(TenureChange),
    /// 8.
    NakamotoCoinbase {
        /// Free bytes.
        memo: [u8; 32],
        /// Who is paid, if not the miner. A `some` of anything but a principal reads as none.
        recipient: Option<Principal>,
        /// The miner's VRF proof; checked to be well-formed.
        vrf_proof: VrfProof,
    },
}

/// A microblock header of epoch 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MicroblockHeader {
    /// Version.
    pub version: u8,
    /// Position in its stream.
    pub sequence: u16,
    /// The microblock below.
    pub previous: [u8; 32],
    /// Root over the transaction ids.
    pub tx_merkle_root: [u8; 32],
    /// By the stream's key.
    pub signature: MessageSignature,
}

impl TransactionPayload {
    /// Whether this pays a miner, in any of the three forms.
    pub const fn is_coinbase(&self) -> bool {
        matches!(
            self,
            Self::Coinbase(_) | Self::CoinbaseToAltRecipient(..) | Self::NakamotoCoinbase { .. }
        )
    }

    /// Whether the transaction must have [`AnchorMode::OnChainOnly`](super::AnchorMode::OnChainOnly).
    pub(super) const fn is_on_chain_only(&self) -> bool {
        self.is_coinbase() || matches!(self, Self::PoisonMicroblock(_))
    }
}

impl Wire for TransactionPayload {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::TokenTransfer { recipient, amount, memo } => {
                out.push(TOKEN_TRANSFER);
                recipient.encode(out);
                amount.encode(out);
                out.extend_from_slice(memo);
            }
            Self::SmartContract { clarity_version, name, code } => {
                match clarity_version {
                    None => out.push(SMART_CONTRACT),
                    Some(version) => out.extend_from_slice(&[VERSIONED_SMART_CONTRACT, *version]),
                }
                name.encode(out);
                encode_bytes(code.as_bytes(), out);
            }
            Self::ContractCall { address, contract, function, arguments } => {
                out.push(CONTRACT_CALL);
                address.encode(out);
                contract.encode(out);
                function.encode(out);
                encode_list(arguments, out);
            }
            Self::PoisonMicroblock(headers) => {
                out.push(POISON_MICROBLOCK);
                headers.iter().for_each(|header| header.encode(out));
            }
            Self::Coinbase(memo) => {
                out.push(COINBASE);
                out.extend_from_slice(memo);
            }
            Self::CoinbaseToAltRecipient(memo, recipient) => {
                out.push(COINBASE_TO_ALT_RECIPIENT);
                out.extend_from_slice(memo);
                recipient.encode(out);
            }
            Self::TenureChange(change) => {
                out.push(TENURE_CHANGE);
                change.encode(out);
            }
            Self::NakamotoCoinbase { memo, recipient, vrf_proof } => {
                out.push(NAKAMOTO_COINBASE);
                out.extend_from_slice(memo);
                let recipient = recipient.clone().map(ClarityValue::Principal).map(Box::new);
                ClarityValue::Optional(recipient).encode(out);
                vrf_proof.encode(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("payload")? {
            TOKEN_TRANSFER => Self::TokenTransfer {
                recipient: Wire::decode(reader)?,
                amount: Wire::decode(reader)?,
                memo: reader.array("memo of a transfer")?,
            },
            SMART_CONTRACT => decode_contract(reader, None)?,
            CONTRACT_CALL => Self::ContractCall {
                address: Wire::decode(reader)?,
                contract: Wire::decode(reader)?,
                function: Wire::decode(reader)?,
                arguments: reader.list(MAX_ARGUMENTS, 1, "arguments of a call")?,
            },
            POISON_MICROBLOCK => decode_poison(reader)?,
            COINBASE => Self::Coinbase(reader.array("memo of a coinbase")?),
            COINBASE_TO_ALT_RECIPIENT => Self::CoinbaseToAltRecipient(
                reader.array("memo of a coinbase")?,
                Wire::decode(reader)?,
            ),
            VERSIONED_SMART_CONTRACT => {
                let version = reader.u8("Clarity version")?;
                decode_contract(reader, Some(version))?
            }
            TENURE_CHANGE => Self::TenureChange(Wire::decode(reader)?),
            NAKAMOTO_COINBASE => Self::NakamotoCoinbase {
                memo: reader.array("memo of a coinbase")?,
                recipient: decode_recipient(reader)?,
                vrf_proof: Wire::decode(reader)?,
            },
            tag => return Err(DecodeError::UnknownTag { what: "payload", tag: tag.into() }),
        })
    }
}

fn decode_contract(
    reader: &mut Reader<'_>,
    clarity_version: Option<u8>,
) -> Result<TransactionPayload, DecodeError> {
    if clarity_version.is_some_and(|version| !(1..=6).contains(&version)) {
        return Err(DecodeError::Invalid { what: "Clarity version" });
    }
    let name = ContractName::decode(reader)?;
    let code = reader.bytes(MAX_MESSAGE_LEN, "source of a contract")?;
    if !code.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n')) {
        return Err(DecodeError::Invalid { what: "source of a contract" });
    }
    let code = code.iter().copied().map(char::from).collect();
    Ok(TransactionPayload::SmartContract { clarity_version, name, code })
}

fn decode_poison(reader: &mut Reader<'_>) -> Result<TransactionPayload, DecodeError> {
    let headers = [MicroblockHeader::decode(reader)?, MicroblockHeader::decode(reader)?];
    let [first, second] = &headers;
    let is_fork = first.sequence == second.sequence || first.previous == second.previous;
    let is_signed = headers.iter().all(|header| header.signature.is_well_formed());
    if first == second || !is_fork || !is_signed {
        return Err(DecodeError::Invalid { what: "pair of contradicting microblocks" });
    }
    Ok(TransactionPayload::PoisonMicroblock(Box::new(headers)))
}

/// A `some` of anything but a principal reads as none, as the network reads it.
fn decode_recipient(reader: &mut Reader<'_>) -> Result<Option<Principal>, DecodeError> {
    match ClarityValue::decode(reader)? {
        ClarityValue::Optional(Some(value)) => match *value {
            ClarityValue::Principal(principal) => Ok(Some(principal)),
            _ => Ok(None),
        },
        ClarityValue::Optional(None) => Ok(None),
        _ => Err(DecodeError::Invalid { what: "recipient of a coinbase" }),
    }
}

impl Wire for MicroblockHeader {
    fn encode(&self, out: &mut Vec<u8>) {
        self.version.encode(out);
        self.sequence.encode(out);
        out.extend_from_slice(&self.previous);
        out.extend_from_slice(&self.tx_merkle_root);
        self.signature.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: reader.u8("microblock version")?,
            sequence: reader.u16("microblock sequence")?,
            previous: reader.array("previous microblock")?,
            tx_merkle_root: reader.array("microblock Merkle root")?,
            signature: Wire::decode(reader)?,
        })
    }
}

/// As many values as the network holds in [`MAX_MESSAGE_LEN`] bytes of memory at 64 bytes each.
const MAX_ARGUMENTS: u32 = MAX_MESSAGE_LEN / 64;

const TOKEN_TRANSFER: u8 = 0;
const SMART_CONTRACT: u8 = 1;
const CONTRACT_CALL: u8 = 2;
const POISON_MICROBLOCK: u8 = 3;
const COINBASE: u8 = 4;
const COINBASE_TO_ALT_RECIPIENT: u8 = 5;
const VERSIONED_SMART_CONTRACT: u8 = 6;
const TENURE_CHANGE: u8 = 7;
const NAKAMOTO_COINBASE: u8 = 8;
