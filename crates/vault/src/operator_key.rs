//! What an operator signs by hand.

use std::fmt;

use countersign_wire::stackerdb::Chunk;
use countersign_wire::{MessageSignature, PublicKey, sip018};

use crate::key::{KeyError, SigningKey};
use crate::request::{RawChunkRequest, SipVoteRequest, StackingRequest, StakingGrantRequest};

/// The signing key without its journal: for what an operator signs by hand, beside a running signer
/// that has the journal locked.
///
/// It signs only what cannot contradict an earlier signature: grants and authorizations, which their
/// contracts accept once; votes, of which the last counts; and chunks, whose signature commits to
/// nothing but a slot. It signs neither a block nor a rejection, and no digest that the caller chooses:
/// each digest is made here, in a domain of its own.
pub struct OperatorKey {
    key: SigningKey,
}

impl OperatorKey {
    /// Takes charge of the key, which is erased when this is dropped.
    pub fn new(key: impl Into<SigningKey>) -> Self {
        Self { key: key.into() }
    }

    /// The public half of the key.
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// Signs a grant of pox-5.
    pub fn sign_staking_grant(
        &self,
        request: &StakingGrantRequest,
    ) -> Result<MessageSignature, KeyError> {
        self.key.sign_staking_grant(request)
    }

    /// Signs an authorization of pox-4.
    pub fn sign_stacking(&self, request: &StackingRequest) -> Result<MessageSignature, KeyError> {
        self.key.sign_stacking(request)
    }

    /// Signs a vote on a SIP.
    pub fn sign_sip_vote(&self, request: SipVoteRequest) -> Result<MessageSignature, KeyError> {
        self.key.sign_sip_vote(request)
    }

    /// Signs a chunk.
    pub fn sign_chunk(&self, request: RawChunkRequest) -> Result<Chunk, KeyError> {
        self.key.sign_chunk(request.slot_id, request.slot_version, request.data)
    }
}

/// What an operator has signed by hand, from wherever the key is asked.
impl SigningKey {
    pub(crate) fn sign_staking_grant(
        &self,
        request: &StakingGrantRequest,
    ) -> Result<MessageSignature, KeyError> {
        let StakingGrantRequest { manager, auth_id, chain_id } = request;
        self.sign(&sip018::staking_grant(manager, *auth_id, *chain_id))
    }

    pub(crate) fn sign_stacking(
        &self,
        request: &StackingRequest,
    ) -> Result<MessageSignature, KeyError> {
        self.sign(&sip018::stacking_pox4(&request.authorization, request.chain_id))
    }

    pub(crate) fn sign_sip_vote(
        &self,
        request: SipVoteRequest,
    ) -> Result<MessageSignature, KeyError> {
        self.sign(&sip018::sip_vote(request.sip, request.is_yes))
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatorKey")
            .field("public_key", &self.public_key())
            .finish_non_exhaustive()
    }
}
