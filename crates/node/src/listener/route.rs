//! What a request to the listener is (`signer-wire.md` section 7.1).

use countersign_wire::event::{
    NEW_BLOCK_PATH, NEW_BURN_BLOCK_PATH, PROPOSAL_RESPONSE_PATH, STACKERDB_CHUNKS_PATH,
};
use hyper::{Method, Uri};

/// One of the four callbacks that a signer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallbackKind {
    StackerDbChunks,
    ProposalResponse,
    NewBurnBlock,
    NewBlock,
}

impl CallbackKind {
    const ALL: [Self; 4] =
        [Self::StackerDbChunks, Self::ProposalResponse, Self::NewBurnBlock, Self::NewBlock];

    /// Where the node posts it.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::StackerDbChunks => STACKERDB_CHUNKS_PATH,
            Self::ProposalResponse => PROPOSAL_RESPONSE_PATH,
            Self::NewBurnBlock => NEW_BURN_BLOCK_PATH,
            Self::NewBlock => NEW_BLOCK_PATH,
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Whether anybody is there.
    Status,
    /// To take a callback.
    Callback(CallbackKind),
    /// To take something that a node posts to every observer and a signer has no use for.
    Unused,
    /// To take something that no node posts. `/shutdown`, by which anybody could stop the
    /// reference, is one of these.
    Unknown,
    /// Not a POST, and not for `/status`.
    WrongMethod,
}

impl Route {
    /// The whole request target must match, its query included.
    pub(crate) fn of(method: &Method, target: &Uri) -> Self {
        let path = match (target.authority(), target.path_and_query()) {
            (None, Some(path)) => path.as_str(),
            _ => "",
        };
        if path == "/status" {
            return Self::Status;
        }
        if method != Method::POST {
            return Self::WrongMethod;
        }
        match CallbackKind::ALL.into_iter().find(|kind| kind.path() == path) {
            Some(kind) => Self::Callback(kind),
            None if UNUSED.contains(&path) => Self::Unused,
            None => Self::Unknown,
        }
    }
}

const UNUSED: [&str; 7] = [
    "/attachments/new",
    "/new_mempool_tx",
    "/drop_mempool_tx",
    "/new_microblocks",
    "/mined_block",
    "/mined_microblock",
    "/mined_nakamoto_block",
];
