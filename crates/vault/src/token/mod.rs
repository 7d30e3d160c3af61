//! A key that never leaves its PKCS#11 token: a security module, a smart card, SoftHSM.
//!
//! The token signs a digest with `CKM_ECDSA` and nothing else. It promises neither a low S nor a
//! recovery id nor the nonce of RFC 6979, so all three are made up for here: S is normalised, the
//! recovery id is found, and the latest signatures are remembered, so that the same request gives the
//! same bytes for as long as the process lives. No signature leaves before it has been checked
//! against the public key.
//!
//! Session and handles are kept. A session that is lost (the token was pulled out, its service began
//! anew) is opened again at the next request, once; if the token is away, nothing is signed and the
//! next request looks for it again. A PIN that was refused is never tried again, because tokens count.

mod birth;
mod error;
mod session;

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_wire::{MessageSignature, PublicKey};
use cryptoki::types::AuthPin;

pub use self::error::{PinTries, TokenError};
use self::session::Session;
use crate::key::KeyError;

/// Which key of which token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPlace {
    /// The vendor's library, such as `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: PathBuf,
    /// The label of the token.
    pub token: String,
    /// The label (`CKA_LABEL`) that the private and the public key have.
    pub key_label: String,
}

/// The PIN of a token's user. It does not print, and it is erased when it is dropped.
pub struct TokenPin(AuthPin);

impl TokenPin {
    /// Copies the PIN; the caller erases its own copy.
    pub fn new(pin: &str) -> Self {
        Self(AuthPin::new(pin.into()))
    }
}

impl fmt::Debug for TokenPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenPin(..)")
    }
}

/// A key in a token.
pub struct TokenKey {
    place: TokenPlace,
    pin: TokenPin,
    public_key: PublicKey,
    state: Mutex<State>,
}

/// What changes while the key is used.
#[derive(Default)]
struct State {
    session: Option<Session>,
    /// The token would count one more wrong PIN.
    pin_was_refused: bool,
    recent: VecDeque<([u8; 32], MessageSignature)>,
}

impl TokenKey {
    /// Logs in, finds the key, and proves with a signature over a fixed text that its two halves
    /// belong together.
    pub fn open(place: TokenPlace, pin: TokenPin) -> Result<Self, TokenError> {
        let _turn = turn();
        let session = Session::open(&place, &pin)?;
        let public_key = session.public_key(&place)?;
        let proof = session.sign(&place, &PROOF)?;
        if MessageSignature::from_compact(&proof, &PROOF, &public_key).is_none() {
            return Err(TokenError::Unpaired { key_label: place.key_label });
        }
        let state = State { session: Some(session), ..State::default() };
        Ok(Self { place, pin, public_key, state: Mutex::new(state) })
    }

    /// The public half of the key.
    pub const fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Signs a digest. After a failure of the session that is at hand, one new session is tried.
    pub fn sign(&self, digest: &[u8; 32]) -> Result<MessageSignature, KeyError> {
        // Each request leaves the state whole, so a panic elsewhere does not spoil it.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, signature)) = state.recent.iter().find(|(signed, _)| signed == digest) {
            return Ok(*signature);
        }
        let _turn = turn();
        // That a session is lost shows only when it is used.
        let kept = state.session.take().map(|session| self.sign_over(&mut state, session, digest));
        let signature = if let Some(Ok(signature)) = kept {
            signature
        } else {
            let session = self.reopen(&mut state)?;
            self.sign_over(&mut state, session, digest)?
        };
        state.recent.truncate(REMEMBERED - 1);
        state.recent.push_front((*digest, signature));
        Ok(signature)
    }

    /// Keeps the session only if it has signed well: handles of a session that has ended may name
    /// another key by now.
    fn sign_over(
        &self,
        state: &mut State,
        session: Session,
        digest: &[u8; 32],
    ) -> Result<MessageSignature, KeyError> {
        let compact = session.sign(&self.place, digest)?;
        let signature = MessageSignature::from_compact(&compact, digest, &self.public_key)
            .ok_or(KeyError::ForeignSignature { key: self.public_key })?;
        state.session = Some(session);
        Ok(signature)
    }

    fn reopen(&self, state: &mut State) -> Result<Session, TokenError> {
        if state.pin_was_refused {
            return Err(TokenError::PinRefusedBefore { token: self.place.token.clone() });
        }
        let session = Session::open(&self.place, &self.pin);
        state.pin_was_refused = matches!(&session, Err(error) if error.is_about_pin());
        session
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("place", &self.place)
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

/// Waits for the process's turn at its tokens. A PKCS#11 module has one state for the whole process,
/// and may not be begun anew by one key while another one is signing with it; so has this lock.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many signatures are remembered: those of more than a minute of the fastest blocks.
const REMEMBERED: usize = 256;
/// What is signed to prove that a token's key is there: text that is no hash of anything.
const PROOF: [u8; 32] = *b"countersign: is this key at hand";
