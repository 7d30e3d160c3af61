//! Why a token's key is not to be had.

use std::path::PathBuf;

/// Why a token's key cannot be used. The PIN is in none of these.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The library cannot be loaded or started.
    #[error(
        "the PKCS#11 module {} cannot be used; name the library of the token's vendor (SoftHSM's is \
         /usr/lib/softhsm/libsofthsm2.so)",
        module.display()
    )]
    Module {
        /// The library.
        module: PathBuf,
        /// What the loader or the library says.
        #[source]
        source: cryptoki::error::Error,
    },
    /// No slot holds a token with this label.
    #[error("the token `{token}` is not there{}", listed(present))]
    Missing {
        /// The label that was looked for.
        token: String,
        /// The labels of the tokens that are there.
        present: Vec<String>,
    },
    /// The PIN is wrong.
    #[error("the token `{token}` refuses the PIN; {}", tries.as_str())]
    PinRefused {
        /// The token.
        token: String,
        /// How many tries are left, as far as the token tells.
        tries: PinTries,
    },
    /// The PIN was refused before, and is not tried again.
    #[error(
        "the token `{token}` has refused the PIN since it was opened; correct the PIN and start again"
    )]
    PinRefusedBefore {
        /// The token.
        token: String,
    },
    /// The token has no user yet.
    #[error("the token `{token}` has no user PIN yet; initialise it with its vendor's tool")]
    PinUnset {
        /// The token.
        token: String,
    },
    /// There is no such key.
    #[error(
        "the token `{token}` has no {half} key with the label `{key_label}`; see its labels with \
         `pkcs11-tool --module … --list-objects`, or make one with `countersign keys new --to pkcs11:…`"
    )]
    NoSuchKey {
        /// The token.
        token: String,
        /// The label.
        key_label: String,
        /// `private` or `public`.
        half: &'static str,
    },
    /// Several keys have the label, so it does not say which one signs.
    #[error(
        "the token `{token}` has {count} {half} keys with the label `{key_label}`; give each its own"
    )]
    Ambiguous {
        /// The token.
        token: String,
        /// The label.
        key_label: String,
        /// `private` or `public`.
        half: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A key that was to be made is there already.
    #[error(
        "the token `{token}` has a key with the label `{key_label}` already; nothing is overwritten: \
         choose another label"
    )]
    Exists {
        /// The token.
        token: String,
        /// The label.
        key_label: String,
    },
    /// The key is of another kind.
    #[error(
        "the key `{key_label}` is not a secp256k1 key; Stacks signers sign with no other curve"
    )]
    NotSecp256k1 {
        /// The label.
        key_label: String,
    },
    /// The private key is another one than the public key with the same label.
    #[error("the private and the public key `{key_label}` do not belong together")]
    Unpaired {
        /// The label.
        key_label: String,
    },
    /// The token does something else than it should.
    #[error("the token `{token}` fails")]
    Failed {
        /// The token.
        token: String,
        /// What it says.
        #[source]
        source: cryptoki::error::Error,
    },
}

/// What a token says about the PINs that may still be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinTries {
    /// It says nothing.
    Untold,
    /// At least one wrong PIN was entered since the last right one.
    Fewer,
    /// The next wrong PIN locks it.
    Last,
    /// It is locked.
    None,
}

impl PinTries {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Untold => {
                "it does not tell how many tries are left: check the PIN before you start again"
            }
            Self::Fewer => "tries are running out: check the PIN before you start again",
            Self::Last => "ONE try is left before it locks: check the PIN before you start again",
            Self::None => "it is locked now; unlock it with its security officer's PIN",
        }
    }
}

impl TokenError {
    /// Whether the token counted a wrong PIN, or has none to be asked for.
    pub const fn is_about_pin(&self) -> bool {
        matches!(
            self,
            Self::PinRefused { .. } | Self::PinRefusedBefore { .. } | Self::PinUnset { .. }
        )
    }
}

fn listed(present: &[String]) -> String {
    match present {
        [] => "; plug it in, or check the module's configuration".to_owned(),
        labels => format!("; those that are: {}", labels.join(", ")),
    }
}
