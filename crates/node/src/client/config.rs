//! What the client must be told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign_wire::Network;

use crate::tls::ClientTls;

/// Is told how long the node took to answer, whatever the answer: the endpoint's label and the time
/// from the call to the last byte.
pub type Observer = Arc<dyn Fn(&'static str, Duration) + Send + Sync>;

/// What the client must be told.
#[derive(Clone)]
pub struct NodeConfig {
    /// The node's RPC address, `host:port`; an IPv6 address in brackets.
    pub host: String,
    /// Mutual TLS with the proxy at `host`, or plain HTTP with the node itself.
    pub tls: Option<ClientTls>,
    /// The node's `auth_token`.
    pub auth_password: AuthPassword,
    /// Whose boot address the signers' contracts are under.
    pub boot: Network,
    /// How long to wait.
    pub deadlines: Deadlines,
    /// Is told how long each call took.
    pub observer: Option<Observer>,
}

/// How long to wait for the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For a connection, including the resolution of the host's name and a TLS handshake.
    pub connect: Duration,
    /// For a whole call, from connecting to the last byte of the answer.
    pub call: Duration,
    /// The same for calls to a StackerDB (`stackerdb_timeout_secs`).
    pub stackerdb: Duration,
}

/// As the reference waits: 30 s for a call, 120 s for a StackerDB.
impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            call: Duration::from_secs(30),
            stackerdb: Duration::from_mins(2),
        }
    }
}

/// The password that the node asks for before it validates or broadcasts a block. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthPassword(String);

impl AuthPassword {
    /// The password with this text.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuthPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthPassword(..)")
    }
}

/// Why a configuration cannot become a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The host is not `host:port`.
    #[error("`{0}` is not a node address; expected host:port, such as 127.0.0.1:20443")]
    Host(String),
    /// The password cannot stand in an HTTP header.
    #[error("the node's password may hold only visible ASCII characters")]
    Password,
}
