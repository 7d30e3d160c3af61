//! Opening a place: a key that signs, or what is wrong and what mends it.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use countersign_vault::{SigningKey, TokenKey, TokenPin};
use countersign_wire::{PrivateKey, PublicKey};
use zeroize::Zeroizing;

use crate::companion::Companion;
use crate::error::OpenError;
use crate::guard::{self, Secrecy};
use crate::place::{KeyPlace, PinSource, Unlock};
use crate::sealed;

/// Asks a human for a secret, with the echo off. The text says what for.
pub type Ask<'a> = &'a mut dyn FnMut(&str) -> io::Result<Zeroizing<String>>;

/// What is to be known for opening a place.
pub struct Opening<'a> {
    /// The configuration that names the place, if it is a file. It holds a plain key.
    pub config: Option<&'a Path>,
    /// Whether the network is a private one (`mocknet`), whose keys are worth nothing: nothing is
    /// refused there for who could read it.
    pub is_private_network: bool,
    /// Asks a human.
    pub ask: Ask<'a>,
}

impl Opening<'_> {
    /// Opens the place.
    pub fn open(&mut self, place: &KeyPlace) -> Result<SigningKey, OpenError> {
        match place {
            KeyPlace::Pkcs11 { place, pin } => {
                let pin = self.pin(&place.token, pin)?;
                Ok(TokenKey::open(place.clone(), pin)?.into())
            }
            place => self.reveal(place).map(SigningKey::from),
        }
    }

    /// Opens the place and gives the key itself, for a backup. A token has none to give.
    pub fn reveal(&mut self, place: &KeyPlace) -> Result<PrivateKey, OpenError> {
        match place {
            KeyPlace::Plain(key) => {
                if let Some(config) = self.config {
                    self.guard(config, Secrecy::Config)?;
                }
                let copy = PrivateKey::from_bytes(*key.to_bytes());
                Ok(copy.expect("the bytes of a key are a key"))
            }
            KeyPlace::Age { file, unlock } => self.age(file, unlock),
            KeyPlace::Credential(name) => {
                let text = credential(name)?;
                PrivateKey::from_hex(text.trim()).map_err(|source| OpenError::NotAKey {
                    what: format!("the credential `{name}`"),
                    source,
                })
            }
            KeyPlace::Pkcs11 { .. } => Err(OpenError::InToken),
            KeyPlace::Vault(socket) => Err(OpenError::InVault { socket: socket.clone() }),
        }
    }

    fn age(&mut self, file: &Path, unlock: &Unlock) -> Result<PrivateKey, OpenError> {
        self.guard(file, Secrecy::Sealed)?;
        let key = self.unseal(file, unlock)?;
        let found = key.public_key();
        match Companion::beside(file)? {
            Some(Companion { public_key: expected, .. }) if expected != found => {
                Err(OpenError::OtherKey { path: file.to_owned(), expected, found })
            }
            _ => Ok(key),
        }
    }

    /// Opens an age file by itself, without its companion.
    pub(crate) fn unseal(&mut self, file: &Path, unlock: &Unlock) -> Result<PrivateKey, OpenError> {
        let bytes = read("the key file", file)?;
        let with_passphrase = sealed::wants_passphrase(file, &bytes)?;
        if with_passphrase == matches!(unlock, Unlock::Identity(_)) {
            // A human is not asked for a passphrase that opens nothing.
            return Err(OpenError::OtherLock { path: file.to_owned(), with_passphrase });
        }
        let passphrase = match unlock {
            Unlock::Identity(identity) => {
                self.guard(identity, Secrecy::Secret)?;
                let text = read_text("the identity file", identity)?;
                return sealed::open_with_identities(file, &bytes, identity, &text);
            }
            Unlock::Terminal => self.ask(&format!("Passphrase of {}", file.display()))?,
            Unlock::PassphraseFile(path) => self.first_line("the passphrase file", path)?,
            Unlock::PassphraseCredential(name) => first_line(&credential(name)?),
        };
        sealed::open_with_passphrase(file, &bytes, &passphrase)
    }

    /// The PIN of a token.
    pub fn pin(&mut self, token: &str, source: &PinSource) -> Result<TokenPin, OpenError> {
        let pin = match source {
            PinSource::Terminal => self.ask(&format!("PIN of the token {token}"))?,
            PinSource::File(path) => self.first_line("the PIN file", path)?,
            PinSource::Credential(name) => first_line(&credential(name)?),
        };
        Ok(TokenPin::new(&pin))
    }

    /// The first line of a file that holds a secret.
    pub fn first_line(
        &mut self,
        what: &'static str,
        path: &Path,
    ) -> Result<Zeroizing<String>, OpenError> {
        self.guard(path, Secrecy::Secret)?;
        Ok(first_line(&read_text(what, path)?))
    }

    fn ask(&mut self, what: &str) -> Result<Zeroizing<String>, OpenError> {
        (self.ask)(what).map_err(|source| OpenError::NoTerminal { what: what.to_owned(), source })
    }

    fn guard(&self, path: &Path, secrecy: Secrecy) -> Result<(), OpenError> {
        if self.is_private_network {
            return Ok(());
        }
        Ok(guard::refuse(path, secrecy)?)
    }
}

impl KeyPlace {
    /// The public key, if it is known without a secret: of a plain key, and of an age file that this
    /// program has sealed.
    pub fn known_public_key(&self) -> Option<PublicKey> {
        match self {
            Self::Plain(key) => Some(key.public_key()),
            Self::Age { file, .. } => Some(Companion::beside(file).ok()??.public_key),
            Self::Credential(_) | Self::Pkcs11 { .. } | Self::Vault(_) => None,
        }
    }
}

/// Reads a credential that systemd put into this process's folder of credentials. The folder and its
/// files belong to root or to the service's user, and no other user can look into it
/// (systemd.exec(5), "CREDENTIALS"); so nothing of them is checked.
fn credential(name: &str) -> Result<Zeroizing<String>, OpenError> {
    credential_in(env::var_os("CREDENTIALS_DIRECTORY"), name)
}

fn credential_in(folder: Option<OsString>, name: &str) -> Result<Zeroizing<String>, OpenError> {
    let name = name.to_owned();
    let Some(folder) = folder.map(PathBuf::from) else {
        return Err(OpenError::NoCredentials { name });
    };
    let path = folder.join(&name);
    if !path.exists() {
        return Err(OpenError::CredentialMissing { name, folder });
    }
    read_text("the credential", &path)
}

fn first_line(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())
}

pub(crate) fn read(what: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let unreadable = |source| OpenError::Unreadable { what, path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let len = file.metadata().map_err(unreadable)?.len();
    // As large as it will be, and with room to find that it has ended: no copy of a secret is left where it was
    // smaller, nor where the library looks for the end if it has less than 32 bytes left.
    let expected = usize::try_from(len.min(MAX_FILE)).unwrap_or(0).max(4096);
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected + 64));
    // A device or a pipe has no length, and may have no end.
    file.by_ref().take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        let source = io::Error::new(io::ErrorKind::FileTooLarge, "it is no key file: too large");
        return Err(unreadable(source));
    }
    Ok(bytes)
}

fn read_text(what: &'static str, path: &Path) -> Result<Zeroizing<String>, OpenError> {
    let mut bytes = read(what, path)?;
    let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|error| {
        // The bytes are taken back, so that they are erased.
        drop(Zeroizing::new(error.into_bytes()));
        let source = io::Error::new(io::ErrorKind::InvalidData, "it is not text");
        OpenError::Unreadable { what, path: path.to_owned(), source }
    })?;
    Ok(Zeroizing::new(text))
}

/// More than any file of keys, passphrases, identities or shares.
const MAX_FILE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;

    #[test]
    fn a_credential_is_read_from_the_folder_that_systemd_names() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("signer-key"), "07".repeat(32)).unwrap();
        let given = || Some(folder.path().as_os_str().to_owned());
        assert_eq!(*credential_in(given(), "signer-key").unwrap(), "07".repeat(32));
        let error = credential_in(given(), "other").unwrap_err().to_string();
        assert!(error.contains("no credential `other` in"), "{error}");
        let error = credential_in(None, "signer-key").unwrap_err().to_string();
        assert!(error.contains("LoadCredentialEncrypted=signer-key:"), "{error}");
    }

    #[test]
    fn a_secret_in_a_file_ends_with_its_first_line() {
        assert_eq!(*first_line("correct horse\r\nbattery"), "correct horse");
        assert_eq!(*first_line(""), "");
    }
}
