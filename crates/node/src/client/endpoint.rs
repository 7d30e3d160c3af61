//! The node's endpoints, and what each may cost.

/// One endpoint of the node's RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Info,
    Pox,
    StackerSet,
    LatestAndLast,
    SortitionByBurnBlock,
    SortitionByConsensus,
    TenureTip,
    ForkInfo,
    BlockProposal,
    BlockUpload,
    Account,
    LastSetCycle,
    SignerSlots,
    AggregateKey,
    PutChunk,
    SignersChunk,
    MinersChunk,
    SlotMetadata,
    SignerBlocks,
    Health,
    SignerInfo,
}

/// Which of the configured deadlines a call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    Call,
    StackerDb,
}

impl Endpoint {
    /// The `path` label of the latency metric (`signer-wire.md` section 10), and the same manner of
    /// writing for the endpoints that the reference does not measure.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Info => "/v2/info",
            Self::Pox => "/v2/pox",
            Self::StackerSet => "/v3/stacker_set/:reward_cycle",
            Self::LatestAndLast => "/v3/sortitions/latest_and_last",
            Self::SortitionByBurnBlock => "/v3/sortitions/burn/:burn_block_hash",
            Self::SortitionByConsensus => "/v3/sortitions/consensus/:consensus_hash",
            Self::TenureTip => "/v3/tenures/tip_metadata/:consensus_hash",
            Self::ForkInfo => "/v3/tenures/fork_info/:start/:stop",
            Self::BlockProposal => "/v3/block_proposal",
            Self::BlockUpload => "/v3/blocks/upload/?broadcast=1",
            Self::Account => "/v2/accounts/:principal",
            Self::LastSetCycle => "/v2/contracts/call-read/:principal/signers/get-last-set-cycle",
            Self::SignerSlots => {
                "/v2/contracts/call-read/:principal/signers/stackerdb-get-signer-slots-page"
            }
            Self::AggregateKey => {
                "/v2/contracts/call-read/:principal/sbtc-registry/get-current-aggregate-pubkey"
            }
            Self::PutChunk => "/v2/stackerdb/:principal/:contract/chunks",
            Self::SignersChunk | Self::MinersChunk => "/v2/stackerdb/:principal/:contract/:slot",
            Self::SlotMetadata => "/v2/stackerdb/:principal/:contract",
            Self::SignerBlocks => "/v3/signer/:signer/:reward_cycle",
            Self::Health => "/v3/health",
            Self::SignerInfo => "/v2/contracts/call-read/:principal/pox-5/get-signer-info",
        }
    }

    /// The longest answer that is read, in bytes. Far above every honest answer, so that a broken
    /// node costs memory only up to here.
    pub(super) const fn max_answer_len(self) -> usize {
        match self {
            Self::Info
            | Self::BlockProposal
            | Self::BlockUpload
            | Self::Account
            | Self::LastSetCycle
            | Self::SignerBlocks
            | Self::Health
            | Self::AggregateKey
            | Self::SignerInfo
            | Self::PutChunk => 64 * KIB,
            Self::Pox
            | Self::LatestAndLast
            | Self::SortitionByBurnBlock
            | Self::SortitionByConsensus => 256 * KIB,
            // Up to 4000 slots of about 170 hex digits, and of about 300 characters of JSON.
            Self::SignerSlots | Self::SlotMetadata => 4 * MIB,
            Self::StackerSet => 8 * MIB,
            Self::SignersChunk => 2 * MIB,
            Self::TenureTip | Self::MinersChunk => 16 * MIB,
            // Ten tenures, which a node may send with all their blocks as hex.
            Self::ForkInfo => 32 * MIB,
        }
    }

    /// Whether the node asks for the password. It is sent nowhere else.
    pub(super) const fn needs_password(self) -> bool {
        matches!(self, Self::BlockProposal | Self::BlockUpload)
    }

    pub(super) const fn patience(self) -> Patience {
        match self {
            Self::PutChunk | Self::SignersChunk | Self::MinersChunk | Self::SlotMetadata => {
                Patience::StackerDb
            }
            _ => Patience::Call,
        }
    }
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
