//! Where calls are answered: permission, chain, key, and then the vault.

use std::error::Error;

use countersign_vault::ipc::{Answer, Assembly, Call, Parcel, Refusal, Reply, Request};
use countersign_vault::{AdoptError, JournalStatus, MockRequest, SignError, Vault};
use countersign_wire::{ChainId, DecodeError, Network, PublicKey, UnixSeconds, Wire as _};

use crate::caller::Caller;

/// The chain that a vault signs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Of grants, authorizations and mock signatures.
    pub id: ChainId,
    /// In the domain of rejections.
    pub of_rejections: ChainId,
}

impl Chain {
    /// The chain of a network, with the id that the configuration may give it.
    pub const fn new(network: Network, id: ChainId) -> Self {
        Self { id, of_rejections: network.rejection_chain_id() }
    }
}

/// The vaults, one for each key, and what they may be asked.
#[derive(Debug)]
pub struct Desk {
    vaults: Vec<Vault>,
    chain: Chain,
    /// A journal of which some parcels have come. There is one place for it, whoever sends it.
    incoming: Assembly,
}

/// A call that was dealt with.
#[derive(Debug)]
pub struct Served {
    /// What the caller is told.
    pub reply: Reply,
    /// The journal failed: nothing more may be signed.
    pub fatal: Option<SignError>,
}

/// Why a call is not answered.
enum Failure {
    Refused(Refusal),
    Vault(SignError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        Self::Vault(error)
    }
}

impl Desk {
    /// A desk in front of these vaults, the one in use first.
    pub fn new(vaults: Vec<Vault>, chain: Chain) -> Self {
        Self { vaults, chain, incoming: Assembly::default() }
    }

    /// The keys, the one in use first.
    pub fn keys(&self) -> Vec<PublicKey> {
        self.vaults.iter().map(Vault::public_key).collect()
    }

    /// Answers the call in `frame`. Bytes that are no call are an error, after which nothing on the
    /// connection has a meaning.
    pub fn serve(&mut self, caller: &Caller, frame: &[u8]) -> Result<Served, DecodeError> {
        let call = Call::from_bytes(frame)?;
        Ok(match self.answer(caller, call) {
            Ok(answer) => Served { reply: Reply::Done(answer), fatal: None },
            Err(Failure::Refused(refusal)) => {
                Served { reply: Reply::Refused(refusal), fatal: None }
            }
            Err(Failure::Vault(error)) => Served {
                reply: Reply::Refused(Refusal::from(&error)),
                fatal: Some(error).filter(SignError::is_fatal),
            },
        })
    }

    /// Closes the journals as after a stop that nothing went wrong with.
    pub fn close(self) -> Result<(), SignError> {
        self.vaults.into_iter().try_for_each(Vault::close_cleanly)
    }

    fn answer(&mut self, caller: &Caller, call: Call) -> Result<Answer, Failure> {
        let Call { key, request } = call;
        let kind = request.kind();
        if caller.role_for(kind).is_none() {
            return Err(Refusal::NotPermitted { uid: caller.uid, kind }.into());
        }
        self.check_chain(&request)?;
        let vault = self.vaults.iter_mut().find(|vault| vault.public_key() == key);
        let vault = vault.ok_or(Refusal::UnknownKey { key })?;
        perform(vault, &mut self.incoming, request)
    }

    /// A caller cannot have anything signed for another chain. Blocks and votes have none in what is signed.
    fn check_chain(&self, request: &Request) -> Result<(), Refusal> {
        let Chain { id, of_rejections } = self.chain;
        let (asked, ours) = match request {
            Request::Rejection(request) => (request.chain_id, of_rejections),
            Request::Mock(proposal) => (proposal.peer_info.network_id, id),
            Request::StakingGrant(request) => (request.chain_id, id),
            Request::Stacking(request) => (request.chain_id, id),
            Request::Acceptance(_)
            | Request::Chunk(_)
            | Request::SipVote(_)
            | Request::Import(_)
            | Request::HasSignedNothing
            | Request::MayHaveSigned { .. }
            | Request::Tidy
            | Request::Export { .. }
            | Request::ImportParcel(_)
            | Request::JournalStatus
            | Request::Standing
            | Request::Freeze { .. }
            | Request::Demote { .. }
            | Request::HoldFrom { .. }
            | Request::Promote
            | Request::ReleaseHold => return Ok(()),
        };
        if asked == ours { Ok(()) } else { Err(Refusal::OtherChain { asked, ours }) }
    }
}

/// Each digest is made by the vault, from the fields.
fn perform(
    vault: &mut Vault,
    incoming: &mut Assembly,
    request: Request,
) -> Result<Answer, Failure> {
    Ok(match request {
        Request::Acceptance(request) => Answer::Signature(vault.sign_acceptance(&request)?),
        Request::Rejection(request) => Answer::Signature(vault.sign_rejection(&request)?),
        Request::Mock(proposal) => {
            // What the signer calls itself is not signed, so it need not cross the socket.
            let request = MockRequest { proposal: *proposal, server_version: String::new() };
            Answer::Signature(vault.sign_mock(request)?.signature)
        }
        Request::Chunk(request) => Answer::Signature(vault.sign_chunk(&request)?.signature),
        Request::StakingGrant(request) => Answer::Signature(vault.sign_staking_grant(&request)?),
        Request::Stacking(request) => Answer::Signature(vault.sign_stacking(&request)?),
        Request::SipVote(request) => Answer::Signature(vault.sign_sip_vote(request)?),
        Request::Import(marks) => Answer::Imported(vault.import(&marks)?),
        Request::HasSignedNothing => Answer::Truth(vault.has_signed_nothing()?),
        Request::MayHaveSigned { sighash, height } => {
            Answer::Truth(vault.may_have_signed(&sighash, height)?)
        }
        Request::Tidy => nothing(vault.tidy()?),
        Request::Export { at, number } => Answer::Parcel(export(vault, at, number)?.map(Box::new)),
        Request::ImportParcel(parcel) => import(vault, incoming, *parcel)?,
        Request::JournalStatus => Answer::JournalStatus(Box::new(status(vault)?)),
        Request::Standing => Answer::Standing(vault.standing().clone()),
        Request::Freeze { reason, at } => nothing(vault.freeze(&reason, at)?),
        Request::Demote { at } => nothing(vault.demote(at)?),
        Request::HoldFrom { height } => nothing(vault.hold_from(height)?),
        Request::Promote => nothing(vault.promote()?),
        Request::ReleaseHold => nothing(vault.release_hold()?),
    })
}

const fn nothing((): ()) -> Answer {
    Answer::Nothing
}

/// The journal is read anew for each parcel: while the key signs nothing it does not change but by an import,
/// and then the parcels do not fit together.
fn export(vault: &mut Vault, at: UnixSeconds, number: u32) -> Result<Option<Parcel>, Failure> {
    if vault.standing().is_active() {
        return Err(Refusal::StillActive.into());
    }
    let export = vault.export_journal(at)?;
    Ok(Parcel::cut(&export, number).map_err(|error| Refusal::bad_journal(&error))?)
}

/// Takes the journal over with its last parcel. Without the key's own proof nothing is taken: whoever has taken
/// over a caller could raise the floor so far that the key never signs again.
fn import(vault: &mut Vault, incoming: &mut Assembly, parcel: Parcel) -> Result<Answer, Failure> {
    let bad = |error: &dyn Error| Failure::from(Refusal::bad_journal(error));
    let Some(journal) = incoming.take(parcel).map_err(|error| bad(&error))? else {
        return Ok(Answer::Nothing);
    };
    if journal.proof.is_none() {
        return Err(bad(&Unproven));
    }
    match vault.import_journal(&journal) {
        Ok(imported) => Ok(Answer::Imported(imported)),
        Err(AdoptError::Journal(error)) => Err(error.into()),
        Err(foreign @ AdoptError::ForeignKey { .. }) => Err(bad(&foreign)),
    }
}

/// The journal of another program need not have a proof.
#[derive(Debug, thiserror::Error)]
#[error(
    "it has no proof by its key, and a running vault takes nothing else; stop the vault, and give \
     `countersign journal import` its configuration with `--vault-config`"
)]
struct Unproven;

/// What is left of a wait is known here, since the vault runs.
fn status(vault: &mut Vault) -> Result<JournalStatus, SignError> {
    let wait = vault.waits_for().unwrap_or_default();
    Ok(JournalStatus { wait, ..vault.journal_status()? })
}
