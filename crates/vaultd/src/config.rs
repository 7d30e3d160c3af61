//! `vault.toml`, read once.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use countersign_custody::{Ask, KeyPlace, KeyTable, OpenError, Opening, PlaceError};
use countersign_ops::config_file;
use countersign_vault::SigningKey;
use countersign_wire::network::UnknownNetwork;
use countersign_wire::{ChainId, Network, PrivateKey};
use nix::unistd::{Group, User};
use rustix::process::geteuid;
use serde::Deserialize;

use crate::caller::{Caller, Callers};
use crate::permission::Role;

/// Everything that the operator decides about a vault. It holds no secret.
#[derive(Debug)]
pub struct Config {
    /// Where it listens, unless systemd hands it a socket.
    pub socket: PathBuf,
    /// The group that may reach the socket. Without one every user may: what a user may ask is decided
    /// by who it is, not by the socket's mode.
    pub socket_group: Option<u32>,
    /// The journal's file.
    pub journal: PathBuf,
    /// The network.
    pub network: Network,
    /// The chain, which follows from the network unless it is given.
    pub chain_id: ChainId,
    /// Where the key is.
    pub key: KeyPlace,
    /// Folders that the library of a PKCS#11 token must be able to open while it signs.
    pub token_folders: Vec<PathBuf>,
    /// Whether the process may run without a part of its sandbox.
    pub must_be_confined: bool,
    /// Who may ask.
    pub callers: Callers,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// What is wrong with it, and which file it is.
    #[error("{}: {problem}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        problem: Box<Self>,
    },
    /// The file cannot be read.
    #[error("the configuration file cannot be read")]
    Unreadable(#[source] io::Error),
    /// The file is not TOML, or has a key that nobody knows, or a value of the wrong type.
    #[error("line {line}: {what}")]
    Malformed {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The network has a name that nobody knows.
    #[error("`network` cannot be used")]
    Network(#[source] UnknownNetwork),
    /// A path must begin at the root: a daemon has no folder of its own to begin in.
    #[error("`{key}` = `{}` is not an absolute path", path.display())]
    Relative {
        /// The key of the configuration.
        key: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// The path of the socket is longer than the kernel takes.
    #[error("`socket` = `{}` is longer than the 107 bytes that the kernel takes", .0.display())]
    LongSocket(PathBuf),
    /// The table `key` names no place of a key.
    #[error("`key` cannot be used")]
    Key(#[source] PlaceError),
    /// The key is in another vault.
    #[error("`key` names a vault, and this is one: name the place where the key itself is")]
    VaultOfAVault,
    /// The sandbox leaves the journal's folder open, so nothing secret may be in it.
    #[error("the key {} must not be in the journal's folder, which stays open to the process", .0.display())]
    KeyBesideJournal(PathBuf),
    /// A caller has neither a name nor a number, or both.
    #[error("a [[caller]] has either `user = \"NAME\"` or `uid = NUMBER`")]
    CallerWithoutUser,
    /// There is no such user.
    #[error("there is no {what} `{name}` on this machine")]
    Unknown {
        /// User or group.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The system's list of users cannot be read.
    #[error("the {what} `{name}` cannot be looked up")]
    LookUp {
        /// User or group.
        what: &'static str,
        /// The name.
        name: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Two entries for one user.
    #[error("the user {0} is in two [[caller]] entries; give it all its roles in one")]
    CallerTwice(String),
    /// What somebody else writes beside the journal, the vault could not open.
    #[error(
        "the journal {} belongs to the user {owner}: run this as that user, such as with `runuser -u {owner} \
         --`, or the vault could not open what is written", journal.display()
    )]
    OtherUser {
        /// The journal.
        journal: PathBuf,
        /// Whose it is.
        owner: String,
    },
    /// Nobody may ask.
    #[error("there is no [[caller]]: nobody could ask this vault for anything")]
    NoCaller,
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    socket: PathBuf,
    socket_group: Option<String>,
    journal: PathBuf,
    network: String,
    chain_id: Option<u32>,
    key: KeyTable,
    #[serde(default)]
    token_folders: Vec<PathBuf>,
    #[serde(default)]
    sandbox: Sandbox,
    #[serde(default)]
    caller: Vec<CallerEntry>,
}

/// What happens if a part of the sandbox is not to be had.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sandbox {
    /// The vault does not start.
    #[default]
    Required,
    /// It says so and starts.
    BestEffort,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallerEntry {
    user: Option<String>,
    uid: Option<u32>,
    #[serde(default)]
    roles: Vec<Role>,
}

impl Config {
    /// Reads the file at `path`, and looks up the users that it names.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = config_file::read(path).map_err(ConfigError::Unreadable);
        text.and_then(|text| Self::parse(&text)).map_err(|problem| ConfigError::InFile {
            path: path.to_owned(),
            problem: problem.into(),
        })
    }

    /// Reads the content of a file.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| ConfigError::Malformed {
            line: config_file::line_at(text, error.span().map_or(0, |span| span.start)),
            what: error.message().split_whitespace().collect::<Vec<_>>().join(" "),
        })?;
        let network: Network = file.network.parse().map_err(ConfigError::Network)?;
        let key = file.key.place().map_err(ConfigError::Key)?;
        if matches!(key, KeyPlace::Vault(_)) {
            return Err(ConfigError::VaultOfAVault);
        }
        for (name, path) in [("socket", &file.socket), ("journal", &file.journal)] {
            if !path.is_absolute() {
                return Err(ConfigError::Relative { key: name, path: path.clone() });
            }
        }
        if file.socket.as_os_str().len() > countersign_ops::control::MAX_PATH_LEN {
            return Err(ConfigError::LongSocket(file.socket));
        }
        if let (KeyPlace::Age { file: sealed, .. }, Some(folder)) = (&key, file.journal.parent())
            && sealed.starts_with(folder)
        {
            return Err(ConfigError::KeyBesideJournal(sealed.clone()));
        }
        Ok(Self {
            socket_group: file.socket_group.as_deref().map(gid_of).transpose()?,
            socket: file.socket,
            journal: file.journal,
            network,
            chain_id: file.chain_id.map_or(network.default_chain_id(), ChainId::new),
            key,
            token_folders: file.token_folders,
            must_be_confined: matches!(file.sandbox, Sandbox::Required),
            callers: callers(file.caller)?,
        })
    }
}

impl Config {
    /// Refuses to care for the journal as another user than its own. Whether there is one, is for opening it
    /// to say.
    pub fn check_user(&self) -> Result<(), ConfigError> {
        let Ok(found) = self.journal.metadata() else { return Ok(()) };
        if found.uid() == geteuid().as_raw() {
            return Ok(());
        }
        let user = User::from_uid(found.uid().into()).ok().flatten();
        let owner = user.map_or_else(|| found.uid().to_string(), |user| user.name);
        Err(ConfigError::OtherUser { journal: self.journal.clone(), owner })
    }

    /// Opens the key.
    pub fn open_key(&self, ask: Ask<'_>) -> Result<SigningKey, OpenError> {
        self.opening(ask).open(&self.key)
    }

    /// The key itself, for its backup.
    pub fn reveal_key(&self, ask: Ask<'_>) -> Result<PrivateKey, OpenError> {
        self.opening(ask).reveal(&self.key)
    }

    fn opening<'a>(&self, ask: Ask<'a>) -> Opening<'a> {
        let is_private_network = self.network == Network::Mocknet;
        Opening { config: None, is_private_network, ask }
    }
}

fn callers(entries: Vec<CallerEntry>) -> Result<Callers, ConfigError> {
    if entries.is_empty() {
        return Err(ConfigError::NoCaller);
    }
    let mut callers = Callers::default();
    for CallerEntry { user, uid, roles } in entries {
        let caller = match (user, uid) {
            (Some(user), None) => Caller { uid: uid_of(&user)?, user, roles },
            (None, Some(uid)) => Caller { user: uid.to_string(), uid, roles },
            _ => return Err(ConfigError::CallerWithoutUser),
        };
        callers.insert(caller).map_err(|caller| ConfigError::CallerTwice(caller.user))?;
    }
    Ok(callers)
}

fn uid_of(name: &str) -> Result<u32, ConfigError> {
    found("user", name, User::from_name(name)).map(|user| user.uid.as_raw())
}

fn gid_of(name: &str) -> Result<u32, ConfigError> {
    found("group", name, Group::from_name(name)).map(|group| group.gid.as_raw())
}

fn found<T>(
    what: &'static str,
    name: &str,
    looked_up: nix::Result<Option<T>>,
) -> Result<T, ConfigError> {
    let name = name.to_owned();
    match looked_up {
        Ok(Some(entry)) => Ok(entry),
        Ok(None) => Err(ConfigError::Unknown { what, name }),
        Err(error) => Err(ConfigError::LookUp { what, name, source: error.into() }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const GOOD: &str = "socket = \"/run/countersign/vault.sock\"\n\
        journal = \"/var/lib/countersign-vault/journal.sqlite\"\n\
        network = \"mainnet\"\n\
        key = { age = \"/etc/countersign-vault/key.age\" }\n";
    const CALLER: &str = "[[caller]]\nuid = 4711\nroles = [\"block-signer\"]\n";

    fn refusal(text: &str) -> String {
        Config::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_good_file_is_read_and_what_it_leaves_out_is_strict() {
        let config = Config::parse(&format!("{GOOD}{CALLER}")).unwrap();
        assert!(config.must_be_confined);
        assert_eq!((config.chain_id, config.socket_group), (ChainId::MAINNET, None));
        let caller = config.callers.find(4711).unwrap();
        assert_eq!(
            (caller.user.as_str(), caller.roles.as_slice()),
            ("4711", &[Role::BlockSigner][..])
        );
        assert_eq!(config.callers.find(0), None, "not even root is a caller unless it is named");
    }

    #[test]
    fn a_file_that_is_refused_is_named_with_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.toml");
        std::fs::write(&path, format!("{GOOD}jornal = 1\n{CALLER}")).unwrap();
        let refused = Config::load(&path).unwrap_err().to_string();
        let begins = format!("{}: line 5: unknown field `jornal`, expected one of", path.display());
        assert!(refused.starts_with(&begins), "{refused}");
        std::fs::write(&path, GOOD).unwrap();
        let refused = Config::load(&path).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("{}: there is no", path.display())), "{refused}");
    }

    #[test]
    fn users_are_looked_up_by_their_name() {
        let root = "[[caller]]\nuser = \"root\"\nroles = [\"operator\"]\n";
        let config = Config::parse(&format!("{GOOD}{CALLER}{root}")).unwrap();
        assert_eq!(config.callers.find(0).unwrap().user, "root");
        let nobody = "[[caller]]\nuser = \"no such user\"\n";
        let refused = refusal(&format!("{GOOD}{nobody}"));
        assert_eq!(refused, "there is no user `no such user` on this machine");
    }

    #[test]
    fn a_bad_file_is_refused_by_name() {
        let rows: [(&str, String, &str); 11] = [
            (
                "no place",
                format!("{}{CALLER}", GOOD.replace("age =", "credential = \"a\", age =")),
                "`key`",
            ),
            ("a vault", format!("{}{CALLER}", GOOD.replace("age =", "vault =")), "names a vault"),
            ("nobody", GOOD.to_owned(), "there is no [[caller]]"),
            ("a user twice", format!("{GOOD}{CALLER}{CALLER}"), "in two [[caller]] entries"),
            ("no user", format!("{GOOD}[[caller]]\nroles = []\n"), "has either `user"),
            ("two users", format!("{GOOD}{CALLER}user = \"root\"\n"), "has either `user"),
            ("unknown role", format!("{GOOD}{}", CALLER.replace("block", "blok")), "blok-signer"),
            ("unknown key", format!("keyy = 1\n{GOOD}{CALLER}"), "keyy"),
            ("relative", format!("{}{CALLER}", GOOD.replace("\"/run", "\"run")), "`socket` = `run"),
            (
                "key in the open",
                format!("{}{CALLER}", GOOD.replace("/etc/", "/var/lib/")),
                "must not be in the journal's folder",
            ),
            (
                "unknown network",
                format!("{}{CALLER}", GOOD.replace("mainnet", "Mainnet")),
                "network",
            ),
        ];
        for (why, text, says) in rows {
            assert!(refusal(&text).contains(says), "{why}: {}", refusal(&text));
        }
    }
}
