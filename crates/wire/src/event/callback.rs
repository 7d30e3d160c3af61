//! Which callback a request is, by its path.

use serde::de::DeserializeOwned;

use super::{NewBlock, NewBurnBlock, ProposalResponse, StackerDbChunks};

/// What a node posts to a signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callback {
    /// Slots of a StackerDB changed.
    StackerDbChunks(StackerDbChunks),
    /// The node judged a block.
    ProposalResponse(ProposalResponse),
    /// The burn chain grew or forked.
    NewBurnBlock(NewBurnBlock),
    /// The node processed a block. It comes without being subscribed to.
    NewBlock(NewBlock),
}

/// Path of [`Callback::StackerDbChunks`].
pub const STACKERDB_CHUNKS_PATH: &str = "/stackerdb_chunks";
/// Path of [`Callback::ProposalResponse`].
pub const PROPOSAL_RESPONSE_PATH: &str = "/proposal_response";
/// Path of [`Callback::NewBurnBlock`].
pub const NEW_BURN_BLOCK_PATH: &str = "/new_burn_block";
/// Path of [`Callback::NewBlock`].
pub const NEW_BLOCK_PATH: &str = "/new_block";

/// Why a request is not a callback that a signer reads. None of these is worth an answer other than
/// 200: a node repeats a callback for ever until it gets one.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// Nodes post to other paths too, for other observers.
    #[error("the path is none that a signer reads")]
    UnknownPath,
    /// The body is not text.
    #[error("the body is not UTF-8")]
    NotUtf8(#[source] std::str::Utf8Error),
    /// The body is not JSON, or is cut off.
    #[error("the body is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// The body is JSON of another shape: a required key is missing or holds the wrong thing.
    #[error("the body is not what belongs to its path")]
    WrongShape(#[source] serde_json::Error),
}

impl CallbackError {
    /// The kind of error, fit for a metric's label.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::UnknownPath => "unknown_path",
            Self::NotUtf8(_) => "not_utf8",
            Self::NotJson(_) => "not_json",
            Self::WrongShape(_) => "wrong_shape",
        }
    }
}

impl Callback {
    /// Reads the body that was posted to `path`, the whole request target.
    pub fn parse(path: &str, body: &[u8]) -> Result<Self, CallbackError> {
        match path {
            STACKERDB_CHUNKS_PATH => parse(body).map(Self::StackerDbChunks),
            PROPOSAL_RESPONSE_PATH => parse(body).map(Self::ProposalResponse),
            NEW_BURN_BLOCK_PATH => parse(body).map(Self::NewBurnBlock),
            NEW_BLOCK_PATH => parse(body).map(Self::NewBlock),
            _ => Err(CallbackError::UnknownPath),
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallbackError> {
    let text = std::str::from_utf8(body).map_err(CallbackError::NotUtf8)?;
    serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            CallbackError::WrongShape(error)
        } else {
            CallbackError::NotJson(error)
        }
    })
}
