//! How a key comes into a token.

use countersign_wire::{PrivateKey, PublicKey};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass};
use cryptoki::session::Session;
use zeroize::Zeroize as _;

use super::session::{Access, SECP256K1, failed, labelled, log_in, public_key};
use super::{TokenError, TokenKey, TokenPin, TokenPlace, turn};

impl TokenKey {
    /// Has the token make a new key, which never leaves it: it cannot be backed up either. A label that
    /// is taken is refused.
    pub fn generate(place: &TokenPlace, pin: &TokenPin) -> Result<PublicKey, TokenError> {
        let _turn = turn();
        let session = writable(place, pin)?;
        let mut public = common(place, ObjectClass::PUBLIC_KEY);
        public.push(Attribute::EcParams(SECP256K1.to_vec()));
        public.extend([Attribute::Verify(true), Attribute::Private(false)]);
        session
            .generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private(place))
            .map_err(failed(place))?;
        public_key(&session, place)
    }

    /// Writes a key into the token, from which it cannot be read back. A label that is taken is refused.
    pub fn take_in(
        place: &TokenPlace,
        pin: &TokenPin,
        key: &PrivateKey,
    ) -> Result<PublicKey, TokenError> {
        let _turn = turn();
        let session = writable(place, pin)?;
        let mut template = private(place);
        template.push(Attribute::EcParams(SECP256K1.to_vec()));
        template.push(Attribute::Value(key.to_bytes().to_vec()));
        let made = session.create_object(&template);
        for attribute in &mut template {
            if let Attribute::Value(bytes) = attribute {
                bytes.zeroize();
            }
        }
        let made = made.map_err(failed(place))?;
        let mut template = common(place, ObjectClass::PUBLIC_KEY);
        template.push(Attribute::EcParams(SECP256K1.to_vec()));
        template.push(Attribute::EcPoint(point(&key.public_key())));
        template.extend([Attribute::Verify(true), Attribute::Private(false)]);
        if let Err(source) = session.create_object(&template) {
            // Half a key would only be in the way of the next attempt.
            let _ = session.destroy_object(made);
            return Err(failed(place)(source));
        }
        public_key(&session, place)
    }
}

/// A session that may write, with a token that has no key with the label.
fn writable(place: &TokenPlace, pin: &TokenPin) -> Result<Session, TokenError> {
    let session = log_in(place, pin, Access::Write)?;
    for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
        if !labelled(&session, place, class)?.is_empty() {
            let TokenPlace { token, key_label, .. } = place.clone();
            return Err(TokenError::Exists { token, key_label });
        }
    }
    Ok(session)
}

fn common(place: &TokenPlace, class: ObjectClass) -> Vec<Attribute> {
    let label = place.key_label.as_bytes().to_vec();
    vec![
        Attribute::Class(class),
        Attribute::KeyType(KeyType::EC),
        Attribute::Token(true),
        Attribute::Label(label.clone()),
        Attribute::Id(label),
    ]
}

fn private(place: &TokenPlace) -> Vec<Attribute> {
    let mut template = common(place, ObjectClass::PRIVATE_KEY);
    template.extend([
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ]);
    template
}

/// The point as a DER octet string.
fn point(key: &PublicKey) -> Vec<u8> {
    let point = key.to_uncompressed();
    let mut der = vec![0x04, 65];
    der.extend_from_slice(&point);
    der
}
