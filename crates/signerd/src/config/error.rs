//! Why a configuration is refused: one line each, which names the key and never a secret.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use countersign_custody::PlaceError;
use countersign_node::NotANetwork;
use countersign_node::tls::SettingsError;
use countersign_ops::control::TooLong;
use countersign_ops::telemetry::TelemetryError;
use countersign_wire::keys::PrivateKeyError;
use countersign_wire::network::UnknownNetwork;

use super::door::Door;

/// A configuration file that is refused.
#[derive(Debug)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("the configuration file cannot be read")]
    Unreadable {
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The file is not TOML. The line itself is not shown: it may hold the key.
    #[error("line {line} is not TOML: {what}")]
    NotToml {
        /// Which line, from 1.
        line: usize,
        /// What the parser missed.
        what: String,
    },
    /// A key that nobody knows.
    #[error("unknown key `{}`{}", key.escape_debug(), suggestion(key, *.meant))]
    UnknownKey {
        /// The key.
        key: String,
        /// The known key that is most like it.
        meant: Option<&'static str>,
    },
    /// A key that must be there.
    #[error("the key `{key}` is missing; add a line `{key} = {example}`")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// What a value looks like.
        example: &'static str,
    },
    /// A value of the wrong type.
    #[error("a value has the wrong type: {what}")]
    WrongType {
        /// Which key, what is there and what was expected.
        what: String,
    },
    /// The private key is none. Its digits are not shown.
    #[error("`stacks_private_key` is not a private key: {0}")]
    PrivateKey(PrivateKeyError),
    /// The key is in two places.
    #[error(
        "both `stacks_private_key` and `countersign.key` say where the key is; remove the first line, \
         since the key is sealed now"
    )]
    TwoKeys,
    /// The key's place makes no sense.
    #[error("`countersign.key`: {0}")]
    KeyPlace(PlaceError),
    /// The place of the key that is to take the other's makes no sense.
    #[error("`countersign.next_key`: {0}")]
    NextKeyPlace(PlaceError),
    /// The network has no such name.
    #[error("`network`: {0}")]
    Network(UnknownNetwork),
    /// An address without a port, or not an address.
    #[error("`{key}` = `{}` {what}; write host:port, such as {example}", value.escape_debug())]
    HostPort {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What is wrong with it.
        what: &'static str,
        /// What a value looks like.
        example: &'static str,
    },
    /// A host name that does not resolve.
    #[error("`{key}` = `{}` does not resolve to an address; check the host name", value.escape_debug())]
    Unresolved {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What the resolver says.
        #[source]
        source: io::Error,
    },
    /// The password cannot be sent.
    #[error("`{key}` may hold only visible ASCII characters; it is not shown here")]
    Password {
        /// The key.
        key: &'static str,
    },
    /// A node that is listed twice.
    #[error("the node `{host}` is listed twice; name each node once, in `node_host` or in `{key}`")]
    NodeTwice {
        /// The node.
        host: String,
        /// The key that lists it again.
        key: &'static str,
    },
    /// More nodes than can be watched.
    #[error("`{key}` lists {count} nodes; list at most {most}")]
    TooManyNodes {
        /// The key.
        key: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// A node that is to be spoken to in the clear and with TLS.
    #[error("`{key}` has `plain` and `node_tls` for {host}; leave one of them out")]
    PlainAndTls {
        /// The key that lists it.
        key: &'static str,
        /// The node.
        host: String,
    },
    /// A list of peers that is none.
    #[error("`countersign.allowed_peers`: {source}")]
    Peers {
        /// Which entry, and why.
        source: NotANetwork,
    },
    /// A table for TLS that makes no sense.
    #[error("`{key}`: {source}")]
    Tls {
        /// The table.
        key: &'static str,
        /// What is wrong with it.
        source: SettingsError,
    },
    /// An address that everybody can reach, with nothing in the door.
    #[error("`{key}` = {address} can be reached from everywhere, and {door}")]
    OpenDoor {
        /// The key.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What is at stake and what to do about it.
        door: Door,
    },
    /// A signer of the main network must remember.
    #[error(
        "`db_path` = `:memory:` forgets at every stop what was signed, which is not allowed on \
         mainnet; name a file"
    )]
    MemoryOnMainnet,
    /// A folder or a bound for recordings that makes no sense.
    #[error(
        "`countersign.record` names a folder, and `countersign.record_max_mb` is at least 1; leave \
         both out to record nothing"
    )]
    Recording,
    /// A decision log that would keep nothing.
    #[error(
        "`countersign.decision_log_mb` and `countersign.decision_log_days` say how much of what was decided is \
         kept, and must be more than zero"
    )]
    DecisionLog,
    /// A wait that is shorter than what it waits for.
    #[error(
        "`countersign.lost_peer_floor_secs` = {floor} is too short: for {least} s a block may be asked \
         for again that has a rival signed by the lost instance; only a mocknet may go below"
    )]
    Floor {
        /// What was configured, in seconds.
        floor: u64,
        /// The least that makes sense, in seconds.
        least: u64,
    },
    /// A control socket that is no file.
    #[error("`countersign.control_socket` = `{}` does not name a file", .0.display())]
    ControlSocket(PathBuf),
    /// A control socket that cannot be bound.
    #[error("`countersign.control_socket`: {0}")]
    ControlSocketTooLong(#[from] TooLong),
    /// A status page that others could see, or that is nowhere.
    #[error(
        "`countersign.status_page` = {value:?} is not a loopback address with a port, such as \
         \"127.0.0.1:30003\"; look from afar through a tunnel (`ssh -L`)"
    )]
    StatusPage {
        /// The value.
        value: String,
    },
    /// Who may ask for a status page in a container, which makes no sense.
    #[error(
        "`countersign.status_page_peer` = {value:?} is not the one address that may ask for a `status_page` which is \
         in a container, such as \"172.30.94.1\"; on loopback leave it out"
    )]
    StatusPagePeer {
        /// The value.
        value: String,
    },
    /// A log filter that is none.
    #[error("`countersign.log` cannot be used")]
    Log {
        /// What is wrong with it.
        #[source]
        source: TelemetryError,
    },
    /// A path that names no file.
    #[error("`db_path` = `{0}` does not name a file")]
    DbPath(String),
}

fn suggestion(key: &str, meant: Option<&'static str>) -> String {
    match meant {
        Some(meant) => format!("; did you mean `{meant}`?"),
        None if OF_THE_DESCRIPTION.contains(&key) => {
            "; is this a countersign.toml? `countersign render` makes the signer's configuration from it"
                .to_owned()
        }
        None => String::new(),
    }
}

/// What the description of an installation begins with, which is easily named by mistake.
const OF_THE_DESCRIPTION: [&str; 6] =
    ["hosts", "profile", "runtime", "signer", "bitcoin", "time_servers"];
