//! A session with a token: logged in, the key found.

use countersign_wire::PublicKey;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::UserType;
use cryptoki::slot::Slot;

use super::error::PinTries;
use super::{TokenError, TokenPin, TokenPlace};

/// A session and the private key's handle in it. Closed when dropped.
pub(super) struct Session {
    session: cryptoki::session::Session,
    private: ObjectHandle,
}

/// Whether a session may change the token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl Session {
    pub(super) fn open(place: &TokenPlace, pin: &TokenPin) -> Result<Self, TokenError> {
        let session = log_in(place, pin, Access::Read)?;
        let private = only(&session, place, ObjectClass::PRIVATE_KEY)?;
        Ok(Self { session, private })
    }

    /// r and s as the token made them.
    pub(super) fn sign(
        &self,
        place: &TokenPlace,
        digest: &[u8; 32],
    ) -> Result<[u8; 64], TokenError> {
        self.session
            .sign(&Mechanism::Ecdsa, self.private, digest)
            .and_then(|signature| <[u8; 64]>::try_from(signature).map_err(|_| Error::InvalidValue))
            .map_err(failed(place))
    }

    pub(super) fn public_key(&self, place: &TokenPlace) -> Result<PublicKey, TokenError> {
        public_key(&self.session, place)
    }
}

/// Reads the public key with the label.
pub(super) fn public_key(
    session: &cryptoki::session::Session,
    place: &TokenPlace,
) -> Result<PublicKey, TokenError> {
    let object = only(session, place, ObjectClass::PUBLIC_KEY)?;
    let wanted = [AttributeType::EcParams, AttributeType::EcPoint];
    let attributes = session.get_attributes(object, &wanted).map_err(failed(place))?;
    let is_secp256k1 = attributes
        .iter()
        .any(|attribute| matches!(attribute, Attribute::EcParams(oid) if *oid == SECP256K1));
    let point = attributes.iter().find_map(|attribute| match attribute {
        Attribute::EcPoint(point) => point_of(point),
        _ => None,
    });
    match point {
        Some(point) if is_secp256k1 => Ok(point),
        _ => Err(TokenError::NotSecp256k1 { key_label: place.key_label.clone() }),
    }
}

/// Opens a session with the token and logs in. If the module does not know the token, or cannot open a
/// session with it, the module is begun anew once: many look for their tokens only then.
pub(super) fn log_in(
    place: &TokenPlace,
    pin: &TokenPin,
    access: Access,
) -> Result<cryptoki::session::Session, TokenError> {
    let module = load(place)?;
    match log_in_once(&module, place, pin, access) {
        Ok(session) => Ok(session),
        Err(error) if error.is_about_pin() => Err(error),
        Err(_) => {
            // A module that cannot even end is begun anew all the same, and says what is wrong.
            let _ = module.finalize();
            log_in_once(&load(place)?, place, pin, access)
        }
    }
}

fn load(place: &TokenPlace) -> Result<Pkcs11, TokenError> {
    let unusable = |source| TokenError::Module { module: place.module.clone(), source };
    let module = Pkcs11::new(&place.module).map_err(unusable)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Another key of this process uses the same module.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(source) => Err(unusable(source)),
    }
}

fn log_in_once(
    module: &Pkcs11,
    place: &TokenPlace,
    pin: &TokenPin,
    access: Access,
) -> Result<cryptoki::session::Session, TokenError> {
    let slot = slot(module, place)?;
    let session = match access {
        Access::Read => module.open_ro_session(slot),
        Access::Write => module.open_rw_session(slot),
    };
    let session = session.map_err(failed(place))?;
    match session.login(UserType::User, Some(&pin.0)) {
        // A login holds for the whole process.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(Error::Pkcs11(RvError::UserPinNotInitialized, _)) => {
            Err(TokenError::PinUnset { token: place.token.clone() })
        }
        Err(Error::Pkcs11(
            error @ (RvError::PinIncorrect
            | RvError::PinLocked
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::PinExpired),
            _,
        )) => {
            let tries = tries_left(module, slot, error);
            Err(TokenError::PinRefused { token: place.token.clone(), tries })
        }
        Err(source) => Err(failed(place)(source)),
    }
}

/// The slot whose token has the label.
fn slot(module: &Pkcs11, place: &TokenPlace) -> Result<Slot, TokenError> {
    let mut present = Vec::new();
    for slot in module.get_slots_with_initialized_token().map_err(failed(place))? {
        // A token may be pulled out between the two questions.
        let Ok(token) = module.get_token_info(slot) else { continue };
        if token.label() == place.token {
            return Ok(slot);
        }
        present.push(token.label().to_owned());
    }
    Err(TokenError::Missing { token: place.token.clone(), present })
}

fn tries_left(module: &Pkcs11, slot: Slot, error: RvError) -> PinTries {
    match module.get_token_info(slot) {
        _ if matches!(error, RvError::PinLocked) => PinTries::None,
        Ok(token) if token.user_pin_locked() => PinTries::None,
        Ok(token) if token.user_pin_final_try() => PinTries::Last,
        Ok(token) if token.user_pin_count_low() => PinTries::Fewer,
        _ => PinTries::Untold,
    }
}

/// All keys of a class with the label.
pub(super) fn labelled(
    session: &cryptoki::session::Session,
    place: &TokenPlace,
    class: ObjectClass,
) -> Result<Vec<ObjectHandle>, TokenError> {
    let template = [Attribute::Class(class), Attribute::Label(place.key_label.as_bytes().to_vec())];
    session.find_objects(&template).map_err(failed(place))
}

/// The only key of a class with the label, if it is one of an elliptic curve.
fn only(
    session: &cryptoki::session::Session,
    place: &TokenPlace,
    class: ObjectClass,
) -> Result<ObjectHandle, TokenError> {
    let half = if class == ObjectClass::PRIVATE_KEY { "private" } else { "public" };
    let TokenPlace { token, key_label, .. } = place.clone();
    let found = labelled(session, place, class)?;
    let [object] = found.as_slice() else {
        return Err(match found.len() {
            0 => TokenError::NoSuchKey { token, key_label, half },
            count => TokenError::Ambiguous { token, key_label, half, count },
        });
    };
    let kind = session.get_attributes(*object, &[AttributeType::KeyType]).map_err(failed(place))?;
    if kind == [Attribute::KeyType(KeyType::EC)] {
        Ok(*object)
    } else {
        Err(TokenError::NotSecp256k1 { key_label })
    }
}

/// Reads `CKA_EC_POINT`: a DER octet string, or, of tokens that do not follow the standard, the point.
fn point_of(bytes: &[u8]) -> Option<PublicKey> {
    let point = match bytes {
        [OCTET_STRING, len, point @ ..] if usize::from(*len) == point.len() => point,
        point => point,
    };
    if let Ok(uncompressed) = <[u8; 65]>::try_from(point) {
        return PublicKey::from_uncompressed(uncompressed);
    }
    PublicKey::from_bytes(<[u8; 33]>::try_from(point).ok()?)
}

pub(super) fn failed(place: &TokenPlace) -> impl Fn(Error) -> TokenError {
    |source| TokenError::Failed { token: place.token.clone(), source }
}

/// The curve's object identifier 1.3.132.0.10 in DER (SEC 2, section A.2).
pub(super) const SECP256K1: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];
/// The tag of a DER octet string.
const OCTET_STRING: u8 = 0x04;
