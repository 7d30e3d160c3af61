//! Keys in age files: 64 hex digits and a line end, encrypted.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::str::FromStr as _;

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, Identity, Recipient, scrypt, x25519};
use countersign_wire::PrivateKey;
use zeroize::Zeroizing;

use crate::error::OpenError;

/// What a file is sealed with.
pub enum Seal {
    /// A passphrase, stretched with scrypt.
    Passphrase(Zeroizing<String>),
    /// Recipients (`age1…`), each of whom can open it alone.
    Recipients(Vec<String>),
}

/// Why a key cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The passphrase is too short.
    #[error(
        "the passphrase is too short; take at least {MIN_PASSPHRASE} characters, such as six words"
    )]
    Weak,
    /// There is nobody to seal it to.
    #[error("name a recipient, or give a passphrase")]
    Nobody,
    /// The text is no recipient.
    #[error("`{0}` is not an age recipient (age1…); `age-keygen` makes one")]
    Recipient(String),
    /// An identity where a recipient was expected. It is not shown.
    #[error(
        "that is an identity, which is secret; name its recipient: `age-keygen -y FILE` shows it"
    )]
    Identity,
}

/// Seals a key into the text of an age file.
pub fn seal(key: &PrivateKey, with: &Seal) -> Result<Vec<u8>, SealError> {
    let mut text = key.to_hex();
    text.push('\n');
    let recipients: Vec<Box<dyn Recipient>> = match with {
        Seal::Passphrase(passphrase) => {
            check_passphrase(passphrase)?;
            let mut recipient = scrypt::Recipient::new(secret(passphrase));
            recipient.set_work_factor(WORK_FACTOR);
            vec![Box::new(recipient)]
        }
        Seal::Recipients(names) => names
            .iter()
            .map(|name| Ok(Box::new(recipient(name)?) as Box<dyn Recipient>))
            .collect::<Result<_, SealError>>()?,
    };
    let encryptor = Encryptor::with_recipients(recipients.iter().map(|recipient| &**recipient))
        .map_err(|_| SealError::Nobody)?;
    let infallible = "writing into memory cannot fail";
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).expect(infallible);
    let mut writer = encryptor.wrap_output(armor).expect(infallible);
    writer.write_all(text.as_bytes()).expect(infallible);
    Ok(writer.finish().and_then(ArmoredWriter::finish).expect(infallible))
}

/// Whether a passphrase is long enough to seal a key with.
pub fn check_passphrase(passphrase: &str) -> Result<(), SealError> {
    if passphrase.chars().count() < MIN_PASSPHRASE {
        return Err(SealError::Weak);
    }
    Ok(())
}

fn recipient(name: &str) -> Result<x25519::Recipient, SealError> {
    let name = name.trim();
    if name.to_ascii_uppercase().starts_with(IDENTITY) {
        return Err(SealError::Identity);
    }
    x25519::Recipient::from_str(name).map_err(|_| SealError::Recipient(name.to_owned()))
}

/// Whether the bytes begin as an age file does, armored or not.
pub(crate) fn is_age(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.starts_with(b"age-encryption.org/") || text.starts_with(b"-----BEGIN AGE ENCRYPTED FILE")
}

/// Whether a file is sealed with a passphrase.
pub(crate) fn wants_passphrase(path: &Path, bytes: &[u8]) -> Result<bool, OpenError> {
    Ok(decryptor(path, bytes)?.is_scrypt())
}

/// Opens a file that is sealed with a passphrase.
pub(crate) fn open_with_passphrase(
    path: &Path,
    bytes: &[u8],
    passphrase: &str,
) -> Result<PrivateKey, OpenError> {
    let mut identity = scrypt::Identity::new(secret(passphrase));
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    decrypt(path, bytes, &[&identity]).map_err(|error| {
        let path = path.to_owned();
        match error {
            Undone::NoMatch | Undone::Locked => OpenError::WrongPassphrase { path },
            Undone::Open(error) => error,
        }
    })
}

/// Opens a file that is sealed to recipients, with the text of a file of identities.
pub(crate) fn open_with_identities(
    path: &Path,
    bytes: &[u8],
    identity: &Path,
    identities: &str,
) -> Result<PrivateKey, OpenError> {
    let lines = identities.lines().map(str::trim);
    let identities: Vec<x25519::Identity> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let not_one = |_| OpenError::NotAnIdentity { path: identity.to_owned() };
            x25519::Identity::from_str(line).map_err(not_one)
        })
        .collect::<Result<_, _>>()?;
    if identities.is_empty() {
        return Err(OpenError::NotAnIdentity { path: identity.to_owned() });
    }
    let identities: Vec<&dyn Identity> =
        identities.iter().map(|identity| identity as &dyn Identity).collect();
    decrypt(path, bytes, &identities).map_err(|error| match error {
        Undone::NoMatch | Undone::Locked => {
            OpenError::WrongIdentity { path: path.to_owned(), identity: identity.to_owned() }
        }
        Undone::Open(error) => error,
    })
}

enum Undone {
    NoMatch,
    Locked,
    Open(OpenError),
}

fn decrypt(path: &Path, bytes: &[u8], with: &[&dyn Identity]) -> Result<PrivateKey, Undone> {
    let decryptor = decryptor(path, bytes).map_err(Undone::Open)?;
    let mut reader = decryptor.decrypt(with.iter().copied()).map_err(|error| match error {
        DecryptError::NoMatchingKeys => Undone::NoMatch,
        DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed => Undone::Locked,
        DecryptError::ExcessiveWork { .. } => {
            Undone::Open(OpenError::TooMuchWork { path: path.to_owned() })
        }
        _ => Undone::Open(OpenError::Damaged { path: path.to_owned() }),
    })?;
    // One allocation, so that no copy of the key stays behind.
    let mut text = Zeroizing::new([0; MAX_TEXT]);
    let mut len = 0;
    loop {
        let damaged = |_| Undone::Open(OpenError::Damaged { path: path.to_owned() });
        let rest = text.get_mut(len..).unwrap_or_default();
        match reader.read(rest).map_err(damaged)? {
            0 => break,
            read => len += read,
        }
    }
    let text = text.get(..len).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default();
    PrivateKey::from_hex(text.trim()).map_err(|source| {
        Undone::Open(OpenError::NotAKey { what: path.display().to_string(), source })
    })
}

fn decryptor<'a>(
    path: &Path,
    bytes: &'a [u8],
) -> Result<Decryptor<ArmoredReader<std::io::BufReader<&'a [u8]>>>, OpenError> {
    if !is_age(bytes) {
        return Err(OpenError::NotAge { path: path.to_owned() });
    }
    Decryptor::new(ArmoredReader::new(bytes))
        .map_err(|_| OpenError::Damaged { path: path.to_owned() })
}

fn secret(passphrase: &str) -> SecretString {
    SecretString::from(Box::<str>::from(passphrase))
}

/// The fewest characters of a passphrase.
const MIN_PASSPHRASE: usize = 12;
/// The logarithm of scrypt's work, as age itself takes it: about a second.
const WORK_FACTOR: u8 = 18;
/// The most work that is done for a file of another program.
const MAX_WORK_FACTOR: u8 = 22;
/// More than a key in hex with white space around it.
const MAX_TEXT: usize = 256;
/// How every age identity begins.
const IDENTITY: &str = "AGE-SECRET-KEY-";
