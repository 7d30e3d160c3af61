//! Who signs what an operator signs by hand.

use std::path::Path;
use std::time::Duration;

use countersign_vault::ipc::{RemoteError, Request, VaultClient};
use countersign_vault::{
    OperatorKey, SignError, SipVoteRequest, StackingRequest, StakingGrantRequest,
};
use countersign_wire::{MessageSignature, PublicKey};

/// Who signs what an operator signs by hand. Both kinds sign the same requests with the same bytes.
#[derive(Debug)]
pub enum Signatory {
    /// This process, which holds the key.
    Here(OperatorKey),
    /// The vault in another process, which decides whether our user may ask for it.
    There(RemoteSignatory),
}

/// The vault in another process, and the key that it has in use.
#[derive(Debug)]
pub struct RemoteSignatory {
    vault: VaultClient,
    key: PublicKey,
}

impl From<OperatorKey> for Signatory {
    fn from(key: OperatorKey) -> Self {
        Self::Here(key)
    }
}

impl Signatory {
    /// The vault that listens on `socket`. It is not waited for: a human asks, and asks again.
    pub fn connect(socket: &Path) -> Result<Self, RemoteError> {
        let vault = VaultClient::connect(socket, PATIENCE)?;
        let key = vault.keys().first().copied().ok_or_else(|| vault.wrong_answer())?;
        Ok(Self::There(RemoteSignatory { vault, key }))
    }

    /// The public half of the key.
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::Here(key) => key.public_key(),
            Self::There(remote) => remote.key,
        }
    }

    /// Signs a grant of pox-5.
    pub fn sign_staking_grant(
        &mut self,
        request: &StakingGrantRequest,
    ) -> Result<MessageSignature, SignError> {
        match self {
            Self::Here(key) => Ok(key.sign_staking_grant(request)?),
            Self::There(remote) => remote.sign(Request::StakingGrant(request.clone())),
        }
    }

    /// Signs an authorization of pox-4.
    pub fn sign_stacking(
        &mut self,
        request: &StackingRequest,
    ) -> Result<MessageSignature, SignError> {
        match self {
            Self::Here(key) => Ok(key.sign_stacking(request)?),
            Self::There(remote) => remote.sign(Request::Stacking(request.clone())),
        }
    }

    /// Signs a vote on a SIP.
    pub fn sign_sip_vote(
        &mut self,
        request: SipVoteRequest,
    ) -> Result<MessageSignature, SignError> {
        match self {
            Self::Here(key) => Ok(key.sign_sip_vote(request)?),
            Self::There(remote) => remote.sign(Request::SipVote(request)),
        }
    }
}

impl RemoteSignatory {
    fn sign(&mut self, request: Request) -> Result<MessageSignature, SignError> {
        self.vault.signature(self.key, request)
    }
}

/// For how long an answer is waited for. A token may take its time.
const PATIENCE: Duration = Duration::from_secs(10);
