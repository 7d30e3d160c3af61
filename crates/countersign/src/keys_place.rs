//! Where `keys` puts a key, as its arguments say it, and what it says when the key is there.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_custody::{
    BirthError, Destination, OpenError, Opening, PinSource, Seal, check_passphrase, store,
};
use countersign_ops::exit::Exit;
use countersign_vault::TokenPlace;
use countersign_wire::{Network, PrivateKey, PublicKey, StacksAddress};
use zeroize::Zeroizing;

use crate::cli::{Failed, ask};

/// Where a key is to go.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct NewPlace {
    /// The new place: age:FILE for an encrypted file, pkcs11:MODULE.so for a token
    #[arg(long, value_name = "PLACE")]
    to: Target,
    /// Seal the file to this age recipient (age1…) instead of a passphrase; more than one may be named
    #[arg(long, value_name = "RECIPIENT")]
    recipient: Vec<String>,
    /// Take the passphrase from the first line of this file instead of asking for it twice
    #[arg(long, value_name = "FILE", conflicts_with = "recipient")]
    passphrase_file: Option<PathBuf>,
    /// The label of the token
    #[arg(long, value_name = "LABEL")]
    token: Option<String>,
    /// The label that the key gets in the token
    #[arg(long, value_name = "LABEL")]
    key_label: Option<String>,
    /// Take the token's PIN from the first line of this file instead of asking for it
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
}

/// The kind of place and its path.
#[derive(Clone, Debug)]
enum Target {
    Age(PathBuf),
    Token(PathBuf),
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("age", path)) if !path.is_empty() => Ok(Self::Age(path.into())),
            Some(("pkcs11", path)) if !path.is_empty() => Ok(Self::Token(path.into())),
            _ => Err("write age:FILE or pkcs11:MODULE.so"),
        }
    }
}

/// A key in its new place.
pub(crate) struct Kept {
    pub(crate) public_key: PublicKey,
    pub(crate) address: StacksAddress,
    /// The line of the configuration that names the place.
    pub(crate) line: String,
    /// The journal that began with the key.
    pub(crate) journal: Option<PathBuf>,
}

impl NewPlace {
    /// Puts a key there, or a new one if there is none.
    pub(crate) fn keep(self, key: Option<&PrivateKey>, network: Network) -> Result<Kept, Failed> {
        let line = self.line()?;
        let destination = self.destination(network)?;
        let public_key = store(key, &destination, now()).map_err(|error| match error {
            BirthError::Seal(_) => Failed::argument(error),
            error => Failed::new(Exit::Key, error),
        })?;
        let address = StacksAddress::single_sig(network, &public_key);
        Ok(Kept { public_key, address, line, journal: None })
    }

    fn destination(self, network: Network) -> Result<Destination, Failed> {
        let is_private_network = network == Network::Mocknet;
        let mut ask = ask;
        let mut opening = Opening { config: None, is_private_network, ask: &mut ask };
        match self.to {
            Target::Age(file) if !self.recipient.is_empty() => Ok(Destination::Age {
                file,
                with: Seal::Recipients(self.recipient),
                is_private_network,
            }),
            Target::Age(file) => {
                let passphrase = if let Some(path) = &self.passphrase_file {
                    opening.first_line("the passphrase file", path).map_err(unopened)?
                } else {
                    new_passphrase(&file)?
                };
                Ok(Destination::Age {
                    file,
                    with: Seal::Passphrase(passphrase),
                    is_private_network,
                })
            }
            Target::Token(ref module) => {
                let place = self.token_place(module)?;
                let source = self.pin_file.clone().map_or(PinSource::Terminal, PinSource::File);
                let pin = opening.pin(&place.token, &source).map_err(unopened)?;
                Ok(Destination::Token { place, pin })
            }
        }
    }

    fn token_place(&self, module: &Path) -> Result<TokenPlace, Failed> {
        match (&self.token, &self.key_label) {
            (Some(token), Some(key_label)) => Ok(TokenPlace {
                module: module.to_owned(),
                token: token.clone(),
                key_label: key_label.clone(),
            }),
            _ => Err(Failed::argument("a token also needs --token LABEL and --key-label LABEL")),
        }
    }

    /// The line of the configuration. An identity file cannot be known here.
    fn line(&self) -> Result<String, Failed> {
        let absolute = |path: &Path| {
            let path = std::path::absolute(path).map_err(Failed::failure)?;
            Ok::<_, Failed>(quoted(&path.to_string_lossy()))
        };
        match &self.to {
            Target::Age(file) => {
                let file = absolute(file)?;
                Ok(match &self.passphrase_file {
                    _ if !self.recipient.is_empty() => {
                        format!("key = {{ age = {file}, identity = \"PATH\" }}")
                    }
                    Some(path) => {
                        format!("key = {{ age = {file}, passphrase_file = {} }}", absolute(path)?)
                    }
                    None => format!("key = {{ age = {file} }}"),
                })
            }
            Target::Token(module) => {
                let TokenPlace { token, key_label, .. } = self.token_place(module)?;
                let pin = match &self.pin_file {
                    Some(path) => format!(", pin_file = {}", absolute(path)?),
                    None => String::new(),
                };
                Ok(format!(
                    "key = {{ pkcs11 = {}, token = {}, key_label = {}{pin} }}",
                    absolute(module)?,
                    quoted(&token),
                    quoted(&key_label)
                ))
            }
        }
    }
}

impl Kept {
    /// Says where the key is. `also` goes on with what is to be done.
    pub(crate) fn print(&self, json: bool, also: &str, out: &mut dyn Write) -> Result<(), Failed> {
        let Self { public_key, address, line, journal } = self;
        let journal = journal.as_deref().map(Path::display);
        let printed = if json {
            let mut kept = serde_json::json!({
                "public_key": public_key,
                "address": address.to_string(),
                "config": line,
            });
            let began = journal.map(|journal| ("journal".to_owned(), journal.to_string().into()));
            kept.as_object_mut().expect("it was made as an object").extend(began);
            writeln!(out, "{kept}")
        } else {
            let journal = journal.map(|journal| format!("Signing journal: {journal}\n"));
            writeln!(
                out,
                "Public key: {public_key}\nStacks address: {address}\n{}In signer-config.toml, or without the first \
                 line in vault.toml:\n[countersign]\n{line}\n{also}",
                journal.unwrap_or_default()
            )
        };
        printed.map_err(Failed::failure)
    }
}

/// Asks twice. Whoever names a file that is there is not asked.
fn new_passphrase(file: &Path) -> Result<Zeroizing<String>, Failed> {
    if file.exists() {
        return Err(Failed::new(Exit::Key, BirthError::Exists { path: file.to_owned() }));
    }
    let ask = |question: &str| {
        ask(question).map_err(|source| {
            unopened(OpenError::NoTerminal { what: "a new passphrase".to_owned(), source })
        })
    };
    let first = ask(&format!("New passphrase of {}", file.display()))?;
    check_passphrase(&first).map_err(Failed::argument)?;
    if first != ask("The same passphrase again")? {
        return Err(Failed::argument("the two passphrases differ; nothing was written"));
    }
    Ok(first)
}

/// JSON's strings are TOML's basic strings.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn unopened(error: OpenError) -> Failed {
    Failed::new(Exit::Key, error)
}
