//! What an installation is: everything in `countersign.toml`, checked.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;

use crate::choices::{BitcoinMode, HostRole, LinkKind, Network, Profile, Runtime};
use crate::error::{Problem, SiteError};
use crate::places::{Paths, Port, Ports, Users};
use crate::values::{
    AbsPath, Argument, Bootstrap, HostName, HostPort, Image, KeyName, Label, MailAddress, Pin,
    PublicKeyHex, Recipient, StacksAddress, Url, UserName, WireguardKey, Word,
};

/// An installation of a signer. [`Site::parse`] makes it; every value in it is safe to be written into any of the
/// rendered formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Which Stacks network.
    pub network: Network,
    /// For whom it signs.
    pub profile: Profile,
    /// What starts the programs.
    pub runtime: Runtime,
    /// The machines.
    pub hosts: Hosts,
    /// The signer.
    pub signer: Signer,
    /// The Stacks node.
    pub node: Node,
    /// Its bitcoind.
    pub bitcoin: Bitcoin,
    /// The sBTC signer, if there is one. It runs on the signer's host.
    pub sbtc: Option<Sbtc>,
    /// What connects two hosts; there is none on one host.
    pub link: Option<Link>,
    /// Where everything listens.
    pub ports: Ports,
    /// Where everything is.
    pub paths: Paths,
    /// Who runs what.
    pub users: Users,
    /// How long logs are kept.
    pub logs: Logs,
    /// Who is told of alerts.
    pub alerts: Alerts,
    /// How backups are made, if they are.
    pub backups: Option<Backups>,
    /// Who administers.
    pub access: Access,
    /// How much of the signing weight one key may have.
    pub voting_power: VotingPower,
    /// Time servers; empty leaves the host's own alone.
    pub time_servers: Vec<HostName>,
    /// Who reads metrics from outside.
    pub monitoring: Monitoring,
    /// The images of Docker; there are none with systemd.
    pub images: Option<Images>,
}

/// The machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// The one that signs, and the only one if there is no other.
    pub signer: Host,
    /// The one with stacks-node and bitcoind, if it is another.
    pub node: Option<Host>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its host name.
    pub name: HostName,
    /// Its private address.
    pub address: IpAddr,
    /// The address at which peers reach it.
    pub public_address: Option<IpAddr>,
}

/// The signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The key that signs.
    pub key: SigningKey,
    /// The key that is to take its place, while a key is being changed.
    pub next: Option<SigningKey>,
    /// Whether `countersign vault` holds it, in a process of its own; and the next key in another.
    pub vault: bool,
    /// Who may ask the vault for what an operator asks for; nobody without a vault.
    pub operators: Vec<UserName>,
}

/// A signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// What its files and credentials are called after.
    pub name: KeyName,
    /// Where it is kept.
    pub place: Place,
}

/// Where a signing key is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Sealed by systemd to this machine.
    Credential,
    /// In an encrypted file of age.
    Age,
    /// In a token, which it never leaves.
    Token(Token),
}

/// Whether a key signs, or is to take the place of the one that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The key that signs.
    Now,
    /// The key that is to take its place.
    Next,
}

impl Signer {
    /// The key that signs; behind it the next one, if there is one.
    pub fn keys(&self) -> impl Iterator<Item = (Turn, &SigningKey)> {
        let next = self.next.iter().map(|key| (Turn::Next, key));
        std::iter::once((Turn::Now, &self.key)).chain(next)
    }

    /// The tokens that keys are in.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.keys().filter_map(|(_, key)| key.token())
    }
}

impl SigningKey {
    /// The name of a key that was given none.
    pub const USUAL_NAME: &str = "signer";

    /// The token that it is in, if it is in one.
    pub const fn token(&self) -> Option<&Token> {
        match &self.place {
            Place::Token(token) => Some(token),
            Place::Credential | Place::Age => None,
        }
    }

    /// The name of what systemd hands to the process that opens it.
    pub fn credential(&self) -> String {
        let what = match self.place {
            Place::Age => return self.passphrase(),
            Place::Credential => "signing-key",
            Place::Token(_) => "token-pin",
        };
        self.called(what)
    }

    /// The name of its passphrase: of the credential, and with Docker of the file.
    pub fn passphrase(&self) -> String {
        format!("{}-passphrase", self.name)
    }

    /// `what`, after the key's name if it has one of its own.
    fn called(&self, what: &str) -> String {
        if self.name.as_str() == Self::USUAL_NAME {
            what.to_owned()
        } else {
            format!("{}-{what}", self.name)
        }
    }

    /// The name of the journal that its vault keeps.
    pub fn vault_journal(&self) -> String {
        if self.name.as_str() == Self::USUAL_NAME {
            "journal.sqlite".to_owned()
        } else {
            format!("journal-{}.sqlite", self.name)
        }
    }
}

/// A PKCS#11 token, and what its library must reach from inside of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The library of the token's vendor.
    pub module: AbsPath,
    /// The token.
    pub label: Label,
    /// The key in it.
    pub key_label: Label,
    /// Whether it is reached through pcscd, as smart cards and USB keys are.
    pub pcscd: bool,
    /// Folders that the library opens and writes into.
    pub folders: Vec<AbsPath>,
    /// Devices that it opens itself.
    pub devices: Vec<AbsPath>,
    /// Groups that may do that.
    pub groups: Vec<UserName>,
}

/// The Stacks node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The peers that it begins with; empty on a network of one's own.
    pub bootstrap: Vec<Bootstrap>,
}

/// The node's bitcoind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitcoin {
    /// Full, pruned or somebody else's.
    pub mode: BitcoinMode,
    /// How much a pruned one keeps, in MiB.
    pub prune_mb: u64,
    /// Memory for its database, in MiB.
    pub dbcache_mb: u64,
    /// The name under which the node asks it.
    pub rpc_user: Word,
    /// Where an external one is.
    pub external: Option<HostName>,
}

/// The sBTC signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sbtc {
    /// The signing set.
    pub signers: Vec<PublicKeyHex>,
    /// How many of it must sign.
    pub signatures_required: u16,
    /// Who deployed the contracts.
    pub deployer: StacksAddress,
    /// Peers to begin with.
    pub seeds: Vec<HostPort>,
    /// Who says which requests to refuse.
    pub blocklist: Option<Url>,
}

/// What connects two hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Built in, with the pins of both sides.
    Countersign {
        /// The signer's certificate.
        signer: Pin,
        /// The certificate of the link on the node's host.
        node: Pin,
    },
    /// nginx on both hosts.
    Nginx,
    /// HAProxy on both hosts.
    Haproxy,
    /// A tunnel.
    Wireguard {
        /// The public key of the signer's host.
        signer: WireguardKey,
        /// The public key of the node's host.
        node: WireguardKey,
        /// The address of the signer's host inside.
        signer_address: IpAddr,
        /// The address of the node's host inside.
        node_address: IpAddr,
        /// The length of the inner network's prefix.
        prefix: u8,
    },
}

impl Link {
    /// Which kind.
    pub const fn kind(&self) -> LinkKind {
        match self {
            Self::Countersign { .. } => LinkKind::Countersign,
            Self::Nginx => LinkKind::Nginx,
            Self::Haproxy => LinkKind::Haproxy,
            Self::Wireguard { .. } => LinkKind::Wireguard,
        }
    }
}

/// How long logs are kept (rows A4 and C7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logs {
    /// In days.
    pub retention_days: u16,
    /// The most that the journal takes, in GiB.
    pub max_disk_gb: u16,
}

/// Who is told of alerts. Secrets are in files of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// The file with a URL that takes alerts.
    pub webhook_url_file: Option<AbsPath>,
    /// Mail.
    pub smtp: Option<Smtp>,
    /// Telegram.
    pub telegram: Option<Telegram>,
    /// The file with PagerDuty's integration key.
    pub pagerduty_key_file: Option<AbsPath>,
    /// The dead-man's switch.
    pub deadman: Option<Deadman>,
}

impl Alerts {
    /// Whether somebody is told, apart from the dead-man's switch.
    pub const fn reach_somebody(&self) -> bool {
        self.webhook_url_file.is_some()
            || self.smtp.is_some()
            || self.telegram.is_some()
            || self.pagerduty_key_file.is_some()
    }
}

/// Alerts by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// The server.
    pub server: HostPort,
    /// The sender.
    pub from: MailAddress,
    /// The receivers; at least one.
    pub to: Vec<MailAddress>,
    /// The name to log in with, and the file with its password.
    pub login: Option<(MailLogin, AbsPath)>,
}

/// The name to log in with at a mail server: often a mail address.
pub type MailLogin = Argument;

/// Alerts by Telegram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telegram {
    /// The number of the chat; groups have negative ones.
    pub chat: i64,
    /// The file with the bot's token.
    pub token_file: AbsPath,
}

/// A URL that is called while all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadman {
    /// The file with the URL.
    pub url_file: AbsPath,
    /// How often it is called, in seconds.
    pub every_secs: u32,
}

/// How backups are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// Who can open them; at least two.
    pub recipients: Vec<Recipient>,
    /// Where they are.
    pub folder: AbsPath,
    /// How many daily ones are kept.
    pub daily: u16,
    /// How many weekly ones.
    pub weekly: u16,
    /// How many monthly ones.
    pub monthly: u16,
    /// The command that carries one to another host; empty if there is none.
    pub off_host: Vec<Argument>,
    /// How far this host itself proves them.
    pub proof: Proof,
    /// How PostgreSQL is reached.
    pub database: Database,
}

/// How far the host of the backups proves them each day. What opens them is no friend of theirs: whoever is root there
/// has both. So by default it is not there, and only their bytes are compared with their manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The files are those that were written.
    Checksum,
    /// Up to the chain's key (level 3).
    Restored {
        /// An identity of age, sealed by systemd.
        identity: AbsPath,
    },
    /// Up to the shares (level 4).
    Opened {
        /// An identity of age, sealed by systemd.
        identity: AbsPath,
        /// The sBTC signer's private key, sealed by systemd.
        key: AbsPath,
    },
}

/// How PostgreSQL is reached for a backup. The port is [`Ports::postgres`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// A folder with its socket, or a host.
    pub host: DatabaseHost,
    /// The database.
    pub name: Word,
    /// The role.
    pub user: Word,
    /// The file with its password, if it needs one.
    pub password_file: Option<AbsPath>,
}

/// Where PostgreSQL is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseHost {
    /// The folder with its socket.
    Socket(AbsPath),
    /// A host.
    Host(HostName),
}

/// Who administers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Where sshd listens.
    pub ssh_port: Port,
    /// From where administrators connect; empty is from everywhere.
    pub admin_networks: Vec<IpNet>,
    /// Who may log in; empty leaves sshd's rules alone.
    pub admins: Vec<UserName>,
    /// Whether only SSH keys that live in hardware are taken.
    pub hardware_keys: bool,
}

/// How much of the signing weight one key may have (row A11), in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VotingPower {
    /// From here on a warning.
    pub soft_percent: u8,
    /// From here on an alert.
    pub hard_percent: u8,
}

/// Who reads metrics from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitoring {
    /// Networks that may read metrics; without them metrics are on loopback only.
    pub sources: Vec<IpNet>,
    /// Where Alloy sends them.
    pub remote_write: Option<RemoteWrite>,
}

/// Where Alloy sends metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteWrite {
    /// The URL.
    pub url: Url,
    /// The user there, and the file with its password.
    pub login: Option<(Word, AbsPath)>,
}

/// The images of Docker, each pinned by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Countersign.
    pub countersign: Image,
    /// stacks-node.
    pub node: Image,
    /// bitcoind, unless it is external.
    pub bitcoin: Option<Image>,
    /// The sBTC signer, if there is one.
    pub sbtc: Option<Image>,
    /// PostgreSQL, if there is an sBTC signer.
    pub postgres: Option<Image>,
}

impl Site {
    /// What the `countersign.toml` at `path` describes, by what reading it gave.
    pub fn of_file(path: &Path, text: io::Result<String>) -> Result<Self, SiteError> {
        text.map_err(Problem::Unreadable)
            .and_then(|text| Self::parse(&text))
            .map_err(|problem| SiteError { path: path.to_owned(), problem })
    }

    /// Reads the content of a `countersign.toml`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        crate::check::site(&crate::parse::file(text)?)
    }

    /// Whether node and signer are on two hosts.
    pub const fn has_two_hosts(&self) -> bool {
        self.hosts.node.is_some()
    }

    /// The machines, by role.
    pub fn roles(&self) -> &'static [HostRole] {
        if self.has_two_hosts() { HostRole::ALL } else { &[HostRole::Signer] }
    }

    /// The machine of a role. On one host both are the same.
    pub fn host(&self, role: HostRole) -> &Host {
        match (role, &self.hosts.node) {
            (HostRole::Node, Some(node)) => node,
            _ => &self.hosts.signer,
        }
    }

    /// Whether stacks-node and bitcoind run on this machine.
    pub const fn has_node(&self, role: HostRole) -> bool {
        matches!(role, HostRole::Node) || !self.has_two_hosts()
    }

    /// Whether the signer runs on this machine.
    pub const fn has_signer(&self, role: HostRole) -> bool {
        matches!(role, HostRole::Signer)
    }

    /// Whether bitcoind runs on this machine.
    pub fn has_bitcoin(&self, role: HostRole) -> bool {
        self.has_node(role) && self.bitcoin.mode != BitcoinMode::External
    }

    /// The role of the machine with this host name, if one machine has it and the other has not.
    pub fn role_of(&self, host_name: &str) -> Option<HostRole> {
        let named = |role: &&HostRole| self.host(**role).name.as_str() == host_name;
        let mut found = self.roles().iter().filter(named);
        found.next().copied()
    }

    /// Whether metrics can be read from other machines.
    pub const fn shows_metrics(&self) -> bool {
        !self.monitoring.sources.is_empty()
    }

    /// The doctor's profiles that concern this installation.
    pub fn profiles(&self) -> Vec<&'static str> {
        let mut profiles = vec![self.profile.name()];
        profiles.extend(self.sbtc.as_ref().map(|_| "sbtc"));
        profiles
    }
}
