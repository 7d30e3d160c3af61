//! Stacks transactions, decoded whole (`signer-wire.md` section 3.3).

use crate::address::StacksAddress;
use crate::clarity::{ClarityName, ClarityValue, ContractName, Principal};
use crate::fixed::{ConsensusHash, Hash160, StacksBlockId};
use crate::keys::{MessageSignature, PublicKey};
use crate::network::ChainId;

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StacksTransaction {
    /// Bit 7 clear: mainnet. The encoder writes exactly `00` or `80`.
    pub is_mainnet: bool,
    /// The chain.
    pub chain_id: ChainId,
    /// Who pays and who signs.
    pub auth: TransactionAuth,
    /// Where it may be mined.
    pub anchor_mode: AnchorMode,
    /// What happens to transfers that no post-condition covers.
    pub post_condition_mode: PostConditionMode,
    /// What must hold afterwards.
    pub post_conditions: Vec<PostCondition>,
    /// What it does.
    pub payload: TransactionPayload,
}

/// Who pays and who signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionAuth {
    /// 04.
    Standard(SpendingCondition),
    /// 05.
    Sponsored {
        /// The account that acts.
        origin: SpendingCondition,
        /// The account that pays.
        sponsor: SpendingCondition,
    },
}

/// How an account authorises a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendingCondition {
    /// The account's hash.
    pub signer: Hash160,
    /// The account's nonce.
    pub nonce: u64,
    /// The fee in µSTX.
    pub fee: u64,
    /// The kind of account and its signatures.
    pub kind: SpendingKind,
}

/// The kind of account and its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpendingKind {
    /// Hash modes 00 and 02.
    SingleSig {
        /// Mode 02, whose keys are always compressed.
        is_segwit: bool,
        /// How the key was hashed.
        key_encoding: KeyEncoding,
        /// The signature.
        signature: MessageSignature,
    },
    /// Hash modes 01, 03, 05 and 07.
    MultiSig {
        /// Modes 03 and 07.
        is_segwit: bool,
        /// Modes 05 and 07.
        is_order_independent: bool,
        /// Keys and signatures.
        fields: Vec<AuthField>,
        /// How many signatures are needed.
        signatures_required: u16,
    },
}

/// How a public key was hashed into its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEncoding {
    /// 0.
    Compressed,
    /// 1.
    Uncompressed,
}

/// One key or signature of a multi-signature account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthField {
    /// 00 and 01: a key that did not sign; on the wire always in its compressed form.
    PublicKey(KeyEncoding, PublicKey),
    /// 02 and 03.
    Signature(KeyEncoding, MessageSignature),
}

/// Where a transaction may be mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorMode {
    /// 1.
    OnChainOnly,
    /// 2.
    OffChainOnly,
    /// 3.
    Any,
}

/// What happens to transfers that no post-condition covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostConditionMode {
    /// 1.
    Allow,
    /// 2.
    Deny,
    /// 3.
    Originator,
}

/// What must hold after a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostCondition {
    /// Kind 0.
    Stx {
        /// Whose.
        principal: PostConditionPrincipal,
        /// Comparison.
        code: FungibleCode,
        /// µSTX.
        amount: u64,
    },
    /// Kind 1.
    Fungible {
        /// Whose.
        principal: PostConditionPrincipal,
        /// Which token.
        asset: AssetInfo,
        /// Comparison.
        code: FungibleCode,
        /// Units of the token.
        amount: u64,
    },
    /// Kind 2.
    NonFungible {
        /// Whose.
        principal: PostConditionPrincipal,
        /// Which token.
        asset: AssetInfo,
        /// Which item.
        value: ClarityValue,
        /// What happened to it.
        code: NonFungibleCode,
    },
    /// Kind 3, from epoch 4.0.
    Staking {
        /// Whose.
        principal: PostConditionPrincipal,
        /// Comparison.
        code: FungibleCode,
        /// µSTX.
        amount: u64,
    },
    /// Kind 4, from epoch 4.0.
    Pox {
        /// Whose.
        principal: PostConditionPrincipal,
        /// What happened.
        code: PoxCode,
    },
}

/// Whose assets a post-condition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostConditionPrincipal {
    /// 01.
    Origin,
    /// 02.
    Standard(StacksAddress),
    /// 03.
    Contract(StacksAddress, ContractName),
}

/// Which token a post-condition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetInfo {
    /// The contract's address.
    pub address: StacksAddress,
    /// The contract's name.
    pub contract: ContractName,
    /// The token's name in the contract.
    pub asset: ClarityName,
}

/// Comparison of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FungibleCode {
    /// 1.
    Equal,
    /// 2.
    Greater,
    /// 3.
    GreaterOrEqual,
    /// 4.
    Less,
    /// 5.
    LessOrEqual,
}

/// What happened to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonFungibleCode {
    /// 0x10.
    Sent,
    /// 0x11.
    NotSent,
    /// 0x12.
    MaybeSent,
}

/// What happened to a PoX position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoxCode {
    /// 0x30.
    NotPerformed,
    /// 0x31.
    MaybePerformed,
    /// 0x32.
    Performed,
}

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
    /// 3.
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

/// A VRF proof that is well-formed: a point of large order, a challenge, a canonical scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VrfProof(pub(crate) [u8; 80]);

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

/// Starts or extends a tenure (SIP-021, SIP-034).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenureChange {
    /// The tenure that this transaction is in.
    pub tenure: ConsensusHash,
    /// The tenure before; for extends the same tenure.
    pub previous_tenure: ConsensusHash,
    /// The burn block that the tenure sees from here on.
    pub burn_view: ConsensusHash,
    /// The last block of the tenure before.
    pub previous_tenure_end: StacksBlockId,
    /// How many blocks the tenure before has.
    pub previous_tenure_blocks: u32,
    /// Why.
    pub cause: TenureChangeCause,
    /// Hash of the miner's key.
    pub key_hash: Hash160,
}

/// Why a tenure starts or is extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenureChangeCause {
    /// 0: a sortition was won.
    BlockFound,
    /// 1: extended in all dimensions.
    Extended,
    /// 2.
    ExtendedRuntime,
    /// 3.
    ExtendedReadCount,
    /// 4.
    ExtendedReadLength,
    /// 5.
    ExtendedWriteCount,
    /// 6.
    ExtendedWriteLength,
}
