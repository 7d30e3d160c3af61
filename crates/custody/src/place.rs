//! Where a key is kept, as a configuration says it.

use std::fmt;
use std::path::PathBuf;

use countersign_vault::TokenPlace;
use countersign_wire::PrivateKey;
use serde::Deserialize;

/// Where a key is kept. Reading it from a configuration opens nothing.
#[derive(Debug)]
pub enum KeyPlace {
    /// The configuration itself holds the key, as the reference signer's does.
    Plain(PrivateKey),
    /// An age file.
    Age {
        /// The file.
        file: PathBuf,
        /// What opens it.
        unlock: Unlock,
    },
    /// A credential that systemd hands to the service (`LoadCredential=`, `LoadCredentialEncrypted=`).
    Credential(String),
    /// A PKCS#11 token.
    Pkcs11 {
        /// Which key of which token.
        place: TokenPlace,
        /// Where the PIN comes from.
        pin: PinSource,
    },
    /// The process that listens on this socket holds the key and signs with it.
    Vault(PathBuf),
}

/// What opens an age file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlock {
    /// A passphrase that a human types.
    Terminal,
    /// A passphrase in a file: its first line.
    PassphraseFile(PathBuf),
    /// A passphrase in a credential of systemd's.
    PassphraseCredential(String),
    /// A file of age identities.
    Identity(PathBuf),
}

/// Where a token's PIN comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinSource {
    /// A human types it.
    Terminal,
    /// A file: its first line.
    File(PathBuf),
    /// A credential of systemd's.
    Credential(String),
}

/// The inline table `key = { … }` as it is written.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct KeyTable {
    age: Option<PathBuf>,
    passphrase_file: Option<PathBuf>,
    passphrase_credential: Option<String>,
    identity: Option<PathBuf>,
    credential: Option<String>,
    pkcs11: Option<PathBuf>,
    token: Option<String>,
    key_label: Option<String>,
    pin_file: Option<PathBuf>,
    pin_credential: Option<String>,
    vault: Option<PathBuf>,
}

/// The keys of [`KeyTable`], for suggestions. A test holds the two together.
pub const KEYS: [&str; 11] = [
    "age",
    "passphrase_file",
    "passphrase_credential",
    "identity",
    "credential",
    "pkcs11",
    "token",
    "key_label",
    "pin_file",
    "pin_credential",
    "vault",
];

/// Why a table is no place of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// None of the kinds, or more than one.
    #[error("name one place: `age`, `credential`, `pkcs11` or `vault`")]
    OneKind,
    /// More than one way to open it.
    #[error("name at most one of {0}")]
    OneOf(&'static str),
    /// A key that belongs to another kind of place.
    #[error("`{key}` does not go with `{kind}`")]
    Stray {
        /// The key.
        key: &'static str,
        /// The kind of place.
        kind: &'static str,
    },
    /// A key that this kind of place needs.
    #[error("`{kind}` needs `{key}` beside it")]
    Missing {
        /// The key.
        key: &'static str,
        /// The kind of place.
        kind: &'static str,
    },
    /// A name that could lead out of the folder of credentials.
    #[error("`{0}` is not the name of a credential: no `/`, not empty, no `.` at the start")]
    CredentialName(String),
    /// A path or a label of no length.
    #[error("`{0}` is empty")]
    Empty(&'static str),
}

impl KeyTable {
    /// Gives the table its meaning.
    pub fn place(self) -> Result<KeyPlace, PlaceError> {
        self.refuse_empty()?;
        match (&self.age, &self.credential, &self.pkcs11, &self.vault) {
            (Some(file), None, None, None) => {
                self.refuse_others(
                    "age",
                    &["passphrase_file", "passphrase_credential", "identity"],
                )?;
                Ok(KeyPlace::Age { file: file.clone(), unlock: self.unlock()? })
            }
            (None, Some(name), None, None) => {
                self.refuse_others("credential", &[])?;
                Ok(KeyPlace::Credential(credential(name)?))
            }
            (None, None, Some(module), None) => {
                let with = ["token", "key_label", "pin_file", "pin_credential"];
                self.refuse_others("pkcs11", &with)?;
                let needed = |value: &Option<String>, key| {
                    value.clone().ok_or(PlaceError::Missing { key, kind: "pkcs11" })
                };
                let place = TokenPlace {
                    module: module.clone(),
                    token: needed(&self.token, "token")?,
                    key_label: needed(&self.key_label, "key_label")?,
                };
                Ok(KeyPlace::Pkcs11 { place, pin: self.pin()? })
            }
            (None, None, None, Some(socket)) => {
                self.refuse_others("vault", &[])?;
                Ok(KeyPlace::Vault(socket.clone()))
            }
            _ => Err(PlaceError::OneKind),
        }
    }

    fn unlock(&self) -> Result<Unlock, PlaceError> {
        match (&self.passphrase_file, &self.passphrase_credential, &self.identity) {
            (None, None, None) => Ok(Unlock::Terminal),
            (Some(file), None, None) => Ok(Unlock::PassphraseFile(file.clone())),
            (None, Some(name), None) => Ok(Unlock::PassphraseCredential(credential(name)?)),
            (None, None, Some(file)) => Ok(Unlock::Identity(file.clone())),
            _ => Err(PlaceError::OneOf("`passphrase_file`, `passphrase_credential`, `identity`")),
        }
    }

    fn pin(&self) -> Result<PinSource, PlaceError> {
        match (&self.pin_file, &self.pin_credential) {
            (None, None) => Ok(PinSource::Terminal),
            (Some(file), None) => Ok(PinSource::File(file.clone())),
            (None, Some(name)) => Ok(PinSource::Credential(credential(name)?)),
            (Some(_), Some(_)) => Err(PlaceError::OneOf("`pin_file`, `pin_credential`")),
        }
    }

    /// Each key with whether it is there, and whether it is empty.
    fn given(&self) -> [(&'static str, Option<bool>); 11] {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.as_os_str().is_empty());
        let text = |text: &Option<String>| text.as_ref().map(String::is_empty);
        let [age, passphrase_file, passphrase_credential, identity, credential, pkcs11, ..] = KEYS;
        let [.., token, key_label, pin_file, pin_credential, vault] = KEYS;
        [
            (age, path(&self.age)),
            (passphrase_file, path(&self.passphrase_file)),
            (passphrase_credential, text(&self.passphrase_credential)),
            (identity, path(&self.identity)),
            (credential, text(&self.credential)),
            (pkcs11, path(&self.pkcs11)),
            (token, text(&self.token)),
            (key_label, text(&self.key_label)),
            (pin_file, path(&self.pin_file)),
            (pin_credential, text(&self.pin_credential)),
            (vault, path(&self.vault)),
        ]
    }

    fn refuse_empty(&self) -> Result<(), PlaceError> {
        match self.given().into_iter().find(|(_, is_empty)| *is_empty == Some(true)) {
            Some((key, _)) => Err(PlaceError::Empty(key)),
            None => Ok(()),
        }
    }

    fn refuse_others(&self, kind: &'static str, with: &[&str]) -> Result<(), PlaceError> {
        let stray = self
            .given()
            .into_iter()
            .find(|(key, given)| given.is_some() && *key != kind && !with.contains(key));
        match stray {
            Some((key, _)) => Err(PlaceError::Stray { key, kind }),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for KeyPlace {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        KeyTable::deserialize(deserializer)?.place().map_err(serde::de::Error::custom)
    }
}

/// The place in the words of the configuration, without a secret.
impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("plain, in the configuration file"),
            Self::Age { file, .. } => write!(f, "age file {}", file.display()),
            Self::Credential(name) => write!(f, "credential {name}"),
            Self::Pkcs11 { place, .. } => {
                write!(f, "key {} in the token {}", place.key_label, place.token)
            }
            Self::Vault(socket) => write!(f, "vault at {}", socket.display()),
        }
    }
}

fn credential(name: &str) -> Result<String, PlaceError> {
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(PlaceError::CredentialName(name.to_owned()));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

    use super::*;

    fn read(text: &str) -> Result<KeyPlace, PlaceError> {
        toml::from_str::<KeyTable>(text).unwrap().place()
    }

    #[test]
    fn each_kind_of_place_is_read() {
        for (text, shown) in [
            ("age = \"k.age\"", "Age { file: \"k.age\", unlock: Terminal }"),
            (
                "age = \"k.age\"\npassphrase_file = \"p\"",
                "Age { file: \"k.age\", unlock: PassphraseFile(\"p\") }",
            ),
            (
                "age = \"k.age\"\npassphrase_credential = \"p\"",
                "Age { file: \"k.age\", unlock: PassphraseCredential(\"p\") }",
            ),
            (
                "age = \"k.age\"\nidentity = \"i\"",
                "Age { file: \"k.age\", unlock: Identity(\"i\") }",
            ),
            ("credential = \"key\"", "Credential(\"key\")"),
            (
                "pkcs11 = \"m.so\"\ntoken = \"t\"\nkey_label = \"l\"\npin_file = \"p\"",
                "Pkcs11 { place: TokenPlace { module: \"m.so\", token: \"t\", key_label: \"l\" }, \
                 pin: File(\"p\") }",
            ),
            ("vault = \"/run/vault.sock\"", "Vault(\"/run/vault.sock\")"),
        ] {
            assert_eq!(format!("{:?}", read(text).unwrap()), shown, "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (text, says) in [
            ("", "name one place"),
            ("age = \"a\"\nvault = \"b\"", "name one place"),
            ("age = \"a\"\npin_file = \"p\"", "`pin_file` does not go with `age`"),
            ("vault = \"a\"\ntoken = \"p\"", "`token` does not go with `vault`"),
            ("age = \"a\"\nidentity = \"i\"\npassphrase_file = \"p\"", "at most one of"),
            ("pkcs11 = \"m\"\nkey_label = \"l\"", "`pkcs11` needs `token`"),
            ("pkcs11 = \"m\"\ntoken = \"t\"", "`pkcs11` needs `key_label`"),
            ("credential = \"../key\"", "`../key` is not the name of a credential"),
            ("credential = \".key\"", "not the name"),
            ("age = \"\"", "`age` is empty"),
            ("pkcs11 = \"m\"\ntoken = \"\"\nkey_label = \"l\"", "`token` is empty"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn the_keys_for_suggestions_are_the_keys_that_are_read() {
        let refusal = toml::from_str::<KeyTable>("unheard_of = 1").unwrap_err().to_string();
        let named = refusal.split_once("expected").unwrap().1;
        assert!(KEYS.iter().all(|key| named.contains(&format!("`{key}`"))), "{refusal}");
        assert_eq!(named.matches('`').count(), 2 * KEYS.len(), "{refusal}");
        let given = KeyTable::default().given();
        assert!(given.iter().map(|(key, _)| *key).eq(KEYS));
    }

    #[test]
    fn a_plain_key_shows_no_secret() {
        let place = KeyPlace::Plain(PrivateKey::from_bytes([7; 32]).unwrap());
        let shown = format!("{place} {place:?}");
        assert!(!shown.contains("0707") && shown.contains("Plain(PrivateKey(..))"), "{shown}");
    }
}
