//! The machine and what runs on it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::grade::{Fact, Fix, Unknown};

/// What runs on this host, as far as the configurations and the processes show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each program is there or not, whatever the others are"
)]
pub struct Roles {
    /// A block signer.
    pub signer: bool,
    /// A Stacks node.
    pub node: bool,
    /// A bitcoind.
    pub bitcoin: bool,
    /// That bitcoind keeps only the newest blocks.
    pub is_pruned: bool,
    /// An sBTC signer.
    pub sbtc: bool,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Processors that we may use: of a control group's quota, in hundredths.
    pub centi_cpus: Fact<u64>,
    /// Memory that we may use, in bytes: of the machine or of a control group, whichever is less.
    pub memory: Fact<u64>,
    /// Memory that is still to be had, in bytes.
    pub available: Fact<u64>,
    /// `kernel.yama.ptrace_scope`; none if the kernel has no Yama.
    pub ptrace_scope: Fact<Option<u8>>,
    /// `kernel.core_pattern`.
    pub core_pattern: Fact<String>,
    /// Whether this process is in a container, and which sign says so.
    pub container: Fact<Option<String>>,
    /// Programs of the stack that are of another architecture than the machine: path and what they are for.
    pub foreign_programs: Fact<Vec<(PathBuf, String)>>,
}

impl Machine {
    pub(super) fn nothing() -> Self {
        fn none<T>() -> Fact<T> {
            Err(Unknown::because("it was not looked at"))
        }
        Self {
            centi_cpus: none(),
            memory: none(),
            available: none(),
            ptrace_scope: none(),
            core_pattern: none(),
            container: none(),
            foreign_programs: none(),
        }
    }
}

/// Where files are kept.
#[derive(Clone, Debug)]
pub struct Storage {
    /// The file systems that the installation writes to.
    pub volumes: Fact<Vec<Volume>>,
    /// How long it takes until the signer's folder has something for good.
    pub fsync: Fact<Fsync>,
    /// Earlier measurements of free space, the oldest first.
    pub history: Fact<Vec<Sample>>,
}

/// A file system, by a folder in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The folder.
    pub folder: PathBuf,
    /// Whose folder it is.
    pub role: Role,
    /// The file system's type, such as `ext4`.
    pub kind: String,
    /// Bytes in all.
    pub total: u64,
    /// Bytes that a user may still write.
    pub free: u64,
    /// Inodes in all; 0 where they are not counted.
    pub inodes: u64,
    /// Inodes that are left.
    pub free_inodes: u64,
    /// Whether it is mounted read-only.
    pub is_read_only: bool,
}

/// Part of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The block signer.
    Signer,
    /// The Stacks node.
    Node,
    /// bitcoind.
    Bitcoin,
    /// The sBTC signer.
    Sbtc,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signer => "the signer",
            Self::Node => "the node",
            Self::Bitcoin => "bitcoind",
            Self::Sbtc => "the sBTC signer",
        })
    }
}

/// How long `fdatasync` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fsync {
    /// The folder in which it was measured.
    pub folder: PathBuf,
    /// How often.
    pub count: usize,
    /// The median, in microseconds.
    pub p50: u64,
    /// What 99 of 100 stay below, in microseconds.
    pub p99: u64,
}

/// How much was free at a time.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sample {
    /// Seconds since 1970.
    pub at: u64,
    /// The folder.
    pub folder: PathBuf,
    /// Bytes.
    pub free: u64,
}

/// What time it is.
#[derive(Clone, Debug)]
pub struct Clock {
    /// How far our clock is from another one.
    pub offset: Fact<Offset>,
    /// Whether something keeps it right.
    pub synchrony: Fact<Synchrony>,
    /// The machine's time zone.
    pub zone: Fact<String>,
}

/// How far our clock is from another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offset {
    /// Milliseconds that ours is ahead.
    pub millis: i64,
    /// The other clock.
    pub source: String,
}

/// Whether something keeps the clock right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synchrony {
    /// Whether the kernel counts it as synchronised.
    pub is_kept: bool,
    /// Who says so.
    pub source: String,
}

/// A program of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// Our block signer, running or standing by.
    Countersign,
    /// Our vault.
    Vault,
    /// The reference's block signer.
    StacksSigner,
    /// The Stacks node.
    StacksNode,
    /// Bitcoin Core.
    Bitcoind,
    /// The reference's sBTC signer.
    SbtcSigner,
}

/// A running program of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its effective user.
    pub uid: u32,
    /// Which one it is.
    pub program: Program,
    /// The configuration that its command line names.
    pub config: Option<PathBuf>,
    /// Whether its network is ours: false in a container with one of its own.
    pub is_our_network: Option<bool>,
}

/// Something that is wrong with where a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFinding {
    /// The file.
    pub path: PathBuf,
    /// `owner`, `mode`, `acl`, `folders`, `links` or `git`.
    pub kind: &'static str,
    /// What was found.
    pub what: String,
    /// The command that mends it.
    pub remedy: String,
    /// The same as something that can be done for the operator.
    pub fix: Option<Fix>,
}

/// A transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// A socket that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The transport.
    pub protocol: Protocol,
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The program, if we may see it.
    pub program: Option<String>,
}

/// What a hook does with what no rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It is let through.
    Accept,
    /// It is refused.
    Drop,
}

/// What the packet filter does by default, for IPv4 and IPv6 alike; the weaker of the two counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firewall {
    /// With what comes in.
    pub input: Policy,
    /// With what goes out.
    pub output: Policy,
    /// With what passes through, such as to containers.
    pub forward: Policy,
}

/// sshd's effective settings, and who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    /// `passwordauthentication`.
    pub password: bool,
    /// `kbdinteractiveauthentication`.
    pub keyboard: bool,
    /// `permitrootlogin`.
    pub root: String,
    /// Whether only keys in hardware or certificates are accepted.
    pub only_hardware: bool,
    /// The ports.
    pub ports: Vec<u16>,
    /// Who may become root, with the kinds of their keys.
    pub admins: Fact<Vec<Admin>>,
}

/// Somebody who may become root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// The name.
    pub name: String,
    /// The kinds of the keys that let them log in, such as `sk-ssh-ed25519@openssh.com`.
    pub keys: Vec<String>,
}
