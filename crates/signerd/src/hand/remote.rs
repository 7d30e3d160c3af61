//! A vault in another process: asked over its socket, and waited for while it is away.

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use countersign_ops::report::describe;
use countersign_vault::ipc::{Answer, RemoteError, Request, VaultClient};
use countersign_vault::{
    AcceptanceRequest, ChunkRequest, Imported, JournalExport, JournalStatus, Mark, MockRequest,
    RejectionRequest, SignError, Standing,
};
use countersign_wire::message::MockSignature;
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{
    BurnHeight, MessageSignature, PublicKey, Sighash, StacksHeight, UnixSeconds, Wire as _,
};
use prometheus_client::metrics::counter::Counter;

use crate::retry::Backoff;

/// The vault that listens on a socket, and the key that it had when we first asked.
///
/// Its process may be killed and started again at any time. A request that it did not answer is made again
/// on a new connection: the vault gives the same bytes for the same request, so none is signed twice. If it
/// stays away, requests fail one after the other without a wait, until it is back.
#[derive(Debug)]
pub struct RemoteVault {
    socket: PathBuf,
    key: PublicKey,
    connection: Option<VaultClient>,
    /// Since when it is away.
    away_since: Option<Instant>,
    outages: Counter,
}

impl RemoteVault {
    /// Connects, and takes the key that the vault has in use for ours. A vault that is about to start is
    /// waited for.
    pub fn connect(socket: &Path) -> Result<Self, RemoteError> {
        Self::connect_within(socket, START_PATIENCE)
    }

    /// The same for a human, who asks again: a vault that does not run is not waited for.
    pub fn connect_at_once(socket: &Path) -> Result<Self, RemoteError> {
        Self::connect_within(socket, Duration::ZERO)
    }

    fn connect_within(socket: &Path, patience: Duration) -> Result<Self, RemoteError> {
        let (begun, mut backoff) = (Instant::now(), Backoff::up_to(MAX_PAUSE));
        let connection = loop {
            match VaultClient::connect(socket, PATIENCE) {
                Err(error @ RemoteError::Unreachable { .. }) if begun.elapsed() >= patience => {
                    return Err(error);
                }
                Err(RemoteError::Unreachable { .. }) => sleep(backoff.pause()),
                other => break other?,
            }
        };
        let Some(key) = connection.keys().first().copied() else {
            return Err(RemoteError::WrongAnswer { socket: socket.to_owned() });
        };
        Ok(Self {
            socket: socket.to_owned(),
            key,
            connection: Some(connection),
            away_since: None,
            outages: Counter::default(),
        })
    }

    /// The public half of the key.
    pub const fn public_key(&self) -> PublicKey {
        self.key
    }

    /// Where the vault listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Counts outages here from now on.
    pub(crate) fn count_outages(&mut self, outages: Counter) {
        self.outages = outages;
    }

    /// Asks until there is an answer, for as long as an answer is worth waiting for.
    fn ask(&mut self, request: &Request) -> Result<Answer, SignError> {
        let mut backoff = Backoff::up_to(MAX_PAUSE);
        loop {
            match self.attempt(request) {
                Err(error) if error.is_transient() => {
                    let waited = self.on_away(&error);
                    if waited >= PATIENCE {
                        return Err(error);
                    }
                    sleep(backoff.pause().min(PATIENCE.saturating_sub(waited)));
                }
                Err(error) => {
                    if matches!(error, SignError::Remote(_)) {
                        // Whatever is out of step is not so on a new connection.
                        self.connection = None;
                    }
                    return Err(error);
                }
                Ok(answer) => {
                    self.on_answer();
                    return Ok(answer);
                }
            }
        }
    }

    fn attempt(&mut self, request: &Request) -> Result<Answer, SignError> {
        let key = self.key;
        self.connected()?.ask(key, request.clone())
    }

    /// The connection; a new one if there is none. A vault with another key is not asked for anything.
    fn connected(&mut self) -> Result<&mut VaultClient, RemoteError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => VaultClient::connect(&self.socket, PATIENCE)?,
        };
        self.check_keys(&connection)?;
        Ok(self.connection.insert(connection))
    }

    fn check_keys(&self, connection: &VaultClient) -> Result<(), RemoteError> {
        if connection.keys().contains(&self.key) {
            return Ok(());
        }
        Err(RemoteError::OtherKey { socket: self.socket.clone(), key: self.key })
    }

    /// One line in the log for each outage. Returns how long it has lasted.
    fn on_away(&mut self, error: &SignError) -> Duration {
        self.connection = None;
        let since = self.away_since.get_or_insert_with(|| {
            self.outages.inc();
            let error = describe(error);
            tracing::warn!(error, "the vault is away; nothing is signed until it is back");
            Instant::now()
        });
        since.elapsed()
    }

    fn on_answer(&mut self) {
        if let Some(since) = self.away_since.take() {
            let seconds = since.elapsed().as_secs();
            tracing::info!(seconds, "the vault is back");
        }
    }

    fn signature(&mut self, request: &Request) -> Result<MessageSignature, SignError> {
        match self.ask(request)? {
            Answer::Signature(signature) => Ok(signature),
            _ => Err(self.wrong_answer()),
        }
    }

    fn truth(&mut self, request: &Request) -> Result<bool, SignError> {
        match self.ask(request)? {
            Answer::Truth(truth) => Ok(truth),
            _ => Err(self.wrong_answer()),
        }
    }

    fn wrong_answer(&mut self) -> SignError {
        self.connection = None;
        RemoteError::WrongAnswer { socket: self.socket.clone() }.into()
    }

    pub(super) fn sign_acceptance(
        &mut self,
        request: &AcceptanceRequest,
    ) -> Result<MessageSignature, SignError> {
        self.signature(&Request::Acceptance(request.clone()))
    }

    pub(super) fn sign_rejection(
        &mut self,
        request: &RejectionRequest,
    ) -> Result<MessageSignature, SignError> {
        self.signature(&Request::Rejection(*request))
    }

    pub(super) fn sign_mock(&mut self, request: MockRequest) -> Result<MockSignature, SignError> {
        let MockRequest { proposal, server_version } = request;
        let signature = self.signature(&Request::Mock(Box::new(proposal.clone())))?;
        Ok(MockSignature { signature, proposal, server_version })
    }

    pub(super) fn sign_chunk(&mut self, request: &ChunkRequest) -> Result<Chunk, SignError> {
        let signature = self.signature(&Request::Chunk(Box::new(request.clone())))?;
        Ok(Chunk {
            slot_id: request.slot_id,
            slot_version: request.slot_version,
            signature,
            data: request.message.to_bytes(),
        })
    }

    pub(super) fn import(&mut self, marks: &[Mark]) -> Result<Imported, SignError> {
        match self.ask(&Request::Import(marks.to_vec()))? {
            Answer::Imported(imported) => Ok(imported),
            _ => Err(self.wrong_answer()),
        }
    }

    pub(super) fn has_signed_nothing(&mut self) -> Result<bool, SignError> {
        self.truth(&Request::HasSignedNothing)
    }

    pub(super) fn may_have_signed(
        &mut self,
        sighash: &Sighash,
        height: StacksHeight,
    ) -> Result<bool, SignError> {
        self.truth(&Request::MayHaveSigned { sighash: *sighash, height })
    }

    /// Whether the key may sign at all.
    pub fn standing(&mut self) -> Result<Standing, SignError> {
        match self.ask(&Request::Standing)? {
            Answer::Standing(standing) => Ok(standing),
            _ => Err(self.wrong_answer()),
        }
    }

    /// [`Vault::freeze`](countersign_vault::Vault::freeze).
    pub fn freeze(&mut self, reason: &str, at: UnixSeconds) -> Result<(), SignError> {
        let reason = reason.chars().take(MAX_REASON).collect();
        self.done(&Request::Freeze { reason, at })
    }

    /// [`Vault::demote`](countersign_vault::Vault::demote).
    pub fn demote(&mut self, at: UnixSeconds) -> Result<(), SignError> {
        self.done(&Request::Demote { at })
    }

    /// [`Vault::hold_from`](countersign_vault::Vault::hold_from).
    pub fn hold_from(&mut self, height: BurnHeight) -> Result<(), SignError> {
        self.done(&Request::HoldFrom { height })
    }

    /// [`Vault::promote`](countersign_vault::Vault::promote), which only an operator may ask for.
    pub fn promote(&mut self) -> Result<(), SignError> {
        self.done(&Request::Promote)
    }

    /// [`Vault::release_hold`](countersign_vault::Vault::release_hold), which only an operator may ask for.
    pub fn release_hold(&mut self) -> Result<(), SignError> {
        self.done(&Request::ReleaseHold)
    }

    /// [`Vault::export_journal`](countersign_vault::Vault::export_journal), of a key that has stopped, with its
    /// proof, which was checked.
    pub fn export_journal(&mut self, at: UnixSeconds) -> Result<JournalExport, SignError> {
        self.unhurried()?.export_journal(self.key, at)
    }

    /// [`Vault::import_journal`](countersign_vault::Vault::import_journal), of a journal that the key itself
    /// has proven.
    pub fn import_journal(&mut self, other: &JournalExport) -> Result<Imported, SignError> {
        self.unhurried()?.import_journal(self.key, other)
    }

    /// [`Vault::journal_status`](countersign_vault::Vault::journal_status). Its wait is what is left of it.
    pub fn journal_status(&mut self) -> Result<JournalStatus, SignError> {
        self.unhurried()?.journal_status(self.key)
    }

    /// A connection for what takes longer than a signature and is asked for by a human, who asks again if the
    /// vault goes away meanwhile.
    fn unhurried(&self) -> Result<VaultClient, RemoteError> {
        let connection = VaultClient::connect(&self.socket, JOURNAL_PATIENCE)?;
        self.check_keys(&connection)?;
        Ok(connection)
    }

    fn done(&mut self, request: &Request) -> Result<(), SignError> {
        match self.ask(request)? {
            Answer::Nothing => Ok(()),
            _ => Err(self.wrong_answer()),
        }
    }

    /// Not doing it costs only time, so nothing is waited for.
    pub(super) fn tidy(&mut self) {
        if self.connection.is_some() && self.attempt(&Request::Tidy).is_err() {
            self.connection = None;
        }
    }
}

/// For how long a request is made again. A block whose signature comes later is decided anew.
const PATIENCE: Duration = Duration::from_secs(3);
/// For how long a part of a journal is waited for.
const JOURNAL_PATIENCE: Duration = Duration::from_secs(10);
/// For how long a start waits for the vault.
const START_PATIENCE: Duration = Duration::from_secs(10);
const MAX_PAUSE: Duration = Duration::from_millis(200);
/// Of a reason, so many characters cross the socket.
const MAX_REASON: usize = 240;
