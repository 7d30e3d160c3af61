//! The vault: the key and its journal, and the four things that they sign.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use countersign_wire::message::{BlockResponse, MockSignature, SignerMessage};
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{
    BurnHeight, MessageSignature, PublicKey, Sighash, StacksHeight, UnixSeconds, Wire as _, sip018,
};

use crate::error::{AdoptError, OpenError, SignError};
use crate::interchange::JournalExport;
use crate::journal::Journal;
use crate::journal_file::{JournalStatus, check_owner};
use crate::key::SigningKey;
use crate::request::{
    AcceptanceRequest, ChunkRequest, Imported, Mark, MockRequest, RejectionRequest, SipVoteRequest,
    StackingRequest, StakingGrantRequest,
};
use crate::standing::Standing;

/// Why there is no journal yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Birth {
    /// The key was made just now, and has signed nothing.
    WithKey,
    /// What the key has signed is not known, or lost. Nothing is signed before this has passed.
    Init {
        /// How long: [`FLOOR`] at least, unless the network is of no value.
        wait: Duration,
    },
}

impl Birth {
    const fn wait(self) -> Duration {
        match self {
            Self::WithKey => Duration::ZERO,
            Self::Init { wait } => wait,
        }
    }
}

/// After this long, what was signed and forgotten binds no more. It is the default of
/// `block_proposal_max_age_secs`: no proposal of the forgotten time is judged any more. And of a block that
/// was signed then, either the chain has adopted it, which the node says, or the signature is far older
/// than the 30 seconds after which a signer lets a block go anyway ([`OverrideRule::Stale`]).
///
/// [`OverrideRule::Stale`]: crate::OverrideRule::Stale
pub const FLOOR: Duration = Duration::from_mins(10);

/// The signing key and the memory of what it signed. It is not `Clone`, and the key is erased when it
/// is dropped.
pub struct Vault {
    key: SigningKey,
    public_key: PublicKey,
    journal: Journal,
    /// The acceptance that was signed last. It was recorded before, so its message needs neither a
    /// recovery of the key nor a look into the journal.
    latest: Option<(Sighash, MessageSignature)>,
}

impl Vault {
    /// Opens the journal at `journal`, which must exist and be the latest one, and takes its exclusive
    /// lock for the life of the vault.
    pub fn open(key: impl Into<SigningKey>, journal: &Path) -> Result<Self, OpenError> {
        let key = key.into();
        let journal = Journal::open(journal, &key.public_key())?;
        Ok(Self::new(key, journal))
    }

    /// Creates the journal at `journal`, where there must be none, and opens it.
    pub fn create(
        key: impl Into<SigningKey>,
        journal: &Path,
        birth: Birth,
    ) -> Result<Self, OpenError> {
        let key = key.into();
        let journal = Journal::create(journal, &key.public_key(), birth.wait())?;
        Ok(Self::new(key, journal))
    }

    fn new(key: SigningKey, journal: Journal) -> Self {
        Self { public_key: key.public_key(), key, journal, latest: None }
    }

    /// The key whose signatures the journal at `journal` remembers; none if there is no such file. A
    /// journal that is in use is refused, as in [`Vault::open`]; so do not ask while this process has it
    /// open.
    pub fn owner_of(journal: &Path) -> Result<Option<PublicKey>, OpenError> {
        match Journal::owner_of(journal) {
            Ok(owner) => Ok(Some(owner)),
            Err(OpenError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A vault that forgets everything when it is dropped: for simulated and dry-run signers only.
    pub fn in_memory(key: impl Into<SigningKey>) -> Result<Self, OpenError> {
        let key = key.into();
        let journal = Journal::in_memory(&key.public_key())?;
        Ok(Self::new(key, journal))
    }

    /// The public half of the key.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Whether the key may sign at all.
    pub const fn standing(&self) -> &Standing {
        self.journal.standing()
    }

    /// Stops signing, durably, so that another instance may sign with this key. A frozen key stays
    /// frozen, with its reason.
    pub fn demote(&mut self, at: UnixSeconds) -> Result<(), SignError> {
        self.journal.demote(at)
    }

    /// Stops signing, durably, because something is wrong. Of several reasons the first is kept, cut to
    /// 400 characters.
    pub fn freeze(&mut self, reason: &str, at: UnixSeconds) -> Result<(), SignError> {
        self.journal.freeze(reason, at)
    }

    /// Signs again, whatever the reason was not to. Whether no other instance signs is for the caller to
    /// know. A hold and a wait stay.
    pub fn promote(&mut self) -> Result<(), SignError> {
        self.journal.promote()
    }

    /// The burn height at and above which nothing is signed.
    pub const fn hold(&self) -> Option<BurnHeight> {
        self.journal.hold()
    }

    /// Signs nothing at or above this burn height from now on, durably: for a move to another instance at
    /// a height that both know. Of two holds the lower one stays.
    ///
    /// Acceptances and state updates have a burn height. What has none (rejections, for instance) is
    /// refused from the first such request at the height on.
    pub fn hold_from(&mut self, height: BurnHeight) -> Result<(), SignError> {
        self.journal.hold_from(height)
    }

    /// Takes the hold away.
    pub fn release_hold(&mut self) -> Result<(), SignError> {
        self.journal.release_hold()
    }

    /// Signs nothing until this has passed in one go, durably: for a key whose latest signatures are not
    /// known. A restart begins the wait anew; a clock that is set does not matter. In whole seconds, at
    /// most a year.
    pub fn wait(&mut self, wait: Duration) -> Result<(), SignError> {
        self.journal.wait(wait)
    }

    /// Ends the wait, durably: everything that the key has signed is known now.
    pub fn end_wait(&mut self) -> Result<(), SignError> {
        self.journal.end_wait()
    }

    /// How long nothing will be signed from now on; none if there is nothing to wait for.
    pub fn waits_for(&self) -> Option<Duration> {
        self.journal.waits_for()
    }

    /// The longest that a transaction of the journal took to be on the disk since the last call: how fast
    /// the disk is where it matters. Zero if there was none.
    pub fn take_slowest_commit(&mut self) -> Duration {
        self.journal.take_slowest_commit()
    }

    /// Ends the vault with a durable mark that the next opening finds, once. Without it the last stop was
    /// a crash, or a power cut.
    pub fn close_cleanly(self) -> Result<(), SignError> {
        self.journal.close_cleanly()
    }

    /// Whether the opening before this one ended by [`Vault::close_cleanly`]. A key that was born with
    /// this journal counts as such.
    pub const fn was_stopped_cleanly(&self) -> bool {
        self.journal.was_stopped_cleanly()
    }

    /// Signs a block, unless an earlier signature that the request does not name is in conflict.
    ///
    /// Every other block signed at or above the height, in whatever tenure, is in conflict. The same
    /// block again gives the same bytes and no new record. A block that was rejected may be accepted:
    /// for the network an acceptance overrides a rejection (`signer-behaviour.md` section 4.6).
    pub fn sign_acceptance(
        &mut self,
        request: &AcceptanceRequest,
    ) -> Result<MessageSignature, SignError> {
        let sighash = request.sighash();
        self.journal.record_acceptance(sighash, request)?;
        let signature = self.sign_once(sighash.as_bytes())?;
        self.latest = Some((sighash, signature));
        Ok(signature)
    }

    /// Signs what is on record. The same digest gives the same bytes, whatever the key does.
    fn sign_once(&mut self, digest: &[u8; 32]) -> Result<MessageSignature, SignError> {
        if self.key.is_deterministic() {
            return Ok(self.key.sign(digest)?);
        }
        if let Some(given) = self.journal.given(digest)? {
            return Ok(given);
        }
        let signature = self.key.sign(digest)?;
        self.journal.keep(*digest, signature);
        Ok(signature)
    }

    /// Takes over what this key signed in another program: all marks or none. They bind as if they had
    /// been signed here, and none lets go of what binds already. Nothing is signed.
    ///
    /// Fails if one of the blocks is recorded with another height or tenure.
    pub fn import(&mut self, marks: &[Mark]) -> Result<Imported, SignError> {
        self.journal.import(marks)
    }

    /// Everything that binds the key, for another host or program, and the key's own signature that it is
    /// so. It is the one thing that is signed whatever the standing is: after a demotion it proves it.
    pub fn export_journal(&mut self, at: UnixSeconds) -> Result<JournalExport, SignError> {
        let mut export = self.journal.export(at)?;
        export.proof = Some(self.key.sign(&export.proof_digest())?);
        Ok(export)
    }

    /// Takes over what another journal of this key has: all of it or nothing. Marks are added and raised
    /// and never lowered; nothing that was refused is signed because of it.
    pub fn import_journal(&mut self, other: &JournalExport) -> Result<Imported, AdoptError> {
        check_owner(&self.public_key, other)?;
        Ok(self.journal.adopt(other)?)
    }

    /// What the journal comes to.
    pub fn journal_status(&mut self) -> Result<JournalStatus, SignError> {
        self.journal.status()
    }

    /// Whether this key has never signed a block, as far as the journal knows.
    pub fn has_signed_nothing(&mut self) -> Result<bool, SignError> {
        self.journal.is_blank()
    }

    /// Whether the journal knows that this block was signed. At or below the height under which old
    /// records are folded it cannot tell blocks apart, and says so of all.
    pub fn may_have_signed(
        &mut self,
        sighash: &Sighash,
        height: StacksHeight,
    ) -> Result<bool, SignError> {
        self.journal.may_have_accepted(sighash, height)
    }

    /// Folds old records if there are many, and brings the journal's log into its database if it has
    /// grown. Both take longer than many signatures, and not calling this costs only time: best when
    /// nobody waits. Of the blocks far below the highest one only tenures and heights stay, and nothing
    /// new is signed at or below them any more ([`SignError::BelowFloor`]).
    pub fn tidy(&mut self) -> Result<(), SignError> {
        self.journal.tidy()?;
        self.journal.merge_log()?;
        self.journal.be_witnessed_if_due()
    }

    /// Signs the rejection of a block, unless the block was accepted.
    pub fn sign_rejection(
        &mut self,
        request: &RejectionRequest,
    ) -> Result<MessageSignature, SignError> {
        self.journal.record_rejection(request)?;
        self.sign_once(&sip018::block_rejection(&request.sighash, request.chain_id))
    }

    /// Signs a mock proposal. It decides nothing, so there is nothing that it could contradict, and no
    /// record; its SIP-018 domain keeps the signature from being taken for one over a block.
    pub fn sign_mock(&self, request: MockRequest) -> Result<MockSignature, SignError> {
        self.journal.admit()?;
        let MockRequest { proposal, server_version } = request;
        let signature = MessageSignature::EMPTY;
        let mut mock = MockSignature { signature, proposal, server_version };
        mock.signature = self.key.sign(&mock.digest())?;
        Ok(mock)
    }

    /// Signs a chunk that holds a response, a mock signature, a state update or a pre-commit.
    ///
    /// A response must carry a signature of this key that the journal knows, and a rejection must not
    /// follow an acceptance. A chunk itself leaves no record: it says nothing that the next version of
    /// its slot may not take back.
    pub fn sign_chunk(&mut self, request: &ChunkRequest) -> Result<Chunk, SignError> {
        match &request.message {
            SignerMessage::StateMachineUpdate(update) => {
                self.journal.admit_at(update.content.burn_height)?;
            }
            _ => self.journal.admit()?,
        }
        let lane = request.contract.lane;
        if request.message.lane() != Some(lane) {
            return Err(SignError::WrongLane { lane });
        }
        match &request.message {
            SignerMessage::BlockResponse(response) => self.check_response(response)?,
            SignerMessage::MockSignature(mock) if mock.recover() != Some(self.public_key) => {
                return Err(SignError::ForeignMock);
            }
            SignerMessage::MockSignature(_)
            | SignerMessage::StateMachineUpdate(_)
            | SignerMessage::BlockPreCommit(_) => {}
            other => {
                return Err(SignError::Unsignable { message_type: other.message_type() });
            }
        }
        let data = request.message.to_bytes();
        Ok(self.key.sign_chunk(request.slot_id, request.slot_version, data)?)
    }

    /// Signs a grant of pox-5. Like the two below it contradicts no block, and leaves no record.
    pub fn sign_staking_grant(
        &self,
        request: &StakingGrantRequest,
    ) -> Result<MessageSignature, SignError> {
        Ok(self.key.sign_staking_grant(request)?)
    }

    /// Signs an authorization of pox-4.
    pub fn sign_stacking(&self, request: &StackingRequest) -> Result<MessageSignature, SignError> {
        Ok(self.key.sign_stacking(request)?)
    }

    /// Signs a vote on a SIP.
    pub fn sign_sip_vote(&self, request: SipVoteRequest) -> Result<MessageSignature, SignError> {
        Ok(self.key.sign_sip_vote(request)?)
    }

    fn check_response(&mut self, response: &BlockResponse) -> Result<(), SignError> {
        let sighash = *response.sighash();
        if let BlockResponse::Accepted(accepted) = response
            && self.latest == Some((sighash, accepted.signature))
        {
            return Ok(());
        }
        let signed_by = match response {
            BlockResponse::Accepted(accepted) => accepted.recover(),
            BlockResponse::Rejected(rejected) => rejected.recover(),
        };
        if signed_by != Some(self.public_key) {
            return Err(SignError::ForeignSignature { sighash });
        }
        let record = self.journal.record_of(&sighash)?;
        match response {
            BlockResponse::Accepted(_) if record.is_accepted => Ok(()),
            BlockResponse::Rejected(_) if record.is_accepted => {
                Err(SignError::ContradictsAcceptance { sighash })
            }
            BlockResponse::Rejected(_) if record.is_rejected => Ok(()),
            _ => Err(SignError::Unrecorded { sighash }),
        }
    }
}

/// Whether there is something at the place of a journal, be it one or not.
pub fn is_there(journal: &Path) -> bool {
    journal.symlink_metadata().is_ok()
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}
