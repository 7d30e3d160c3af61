//! Why the node did not answer a question.

use std::error::Error;
use std::io;
use std::time::Duration;

/// Why the node did not answer a question. `endpoint` is the label of the question's endpoint, the
/// same as in the latency metric.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// No connection: the node is down, or `node_host` names another machine or port.
    #[error(
        "the node cannot be reached for {endpoint}; check that it runs and that `node_host` or --host is its RPC address"
    )]
    Unreachable {
        /// What was asked.
        endpoint: &'static str,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The node's proxy and this signer do not accept each other.
    #[error(
        "TLS with the node's proxy fails for {endpoint}; check that each side lists the other's pin \
         (`countersign tls pin FILE`) and that no certificate has expired"
    )]
    Tls {
        /// What was asked.
        endpoint: &'static str,
        /// What TLS says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection ended before the answer did.
    #[error("the node broke off its answer to {endpoint}")]
    Interrupted {
        /// What was asked.
        endpoint: &'static str,
        /// Where it broke off.
        #[source]
        source: hyper::Error,
    },
    /// The deadline passed.
    #[error("the node has not answered {endpoint} within {} ms", .after.as_millis())]
    TimedOut {
        /// What was asked.
        endpoint: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// The node answered with an error.
    #[error("the node refuses {endpoint} with status {status}: {text}")]
    Refused {
        /// What was asked.
        endpoint: &'static str,
        /// The HTTP status.
        status: u16,
        /// The start of the node's explanation, on one line.
        text: String,
    },
    /// The node does not keep this StackerDB.
    #[error(
        "the node does not replicate {contract}; a signer's node needs `stacker = true` in its [node] section"
    )]
    NotReplicated {
        /// The contract's name, such as `signers-0-1`.
        contract: String,
    },
    /// The answer is not what the endpoint gives: not HTTP, not JSON, or of another shape.
    #[error(
        "the node's answer to {endpoint} is not understood; check that `node_host` or --host is a Stacks node of a supported version"
    )]
    Malformed {
        /// What was asked.
        endpoint: &'static str,
        /// What is wrong with the answer.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The answer is longer than any honest one.
    #[error("the node's answer to {endpoint} is longer than {limit} bytes")]
    TooLarge {
        /// What was asked.
        endpoint: &'static str,
        /// How long it may be, in bytes.
        limit: usize,
    },
}

impl NodeError {
    /// Whether asking again may help, without anybody changing the node or the configuration.
    ///
    /// A node that has just started answers 404 and 500 to questions it can answer soon (seen on
    /// `/v2/pox` of a real stacks-node 4.0.2), and a StackerDB appears when its cycle does.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Tls { .. }
            | Self::Interrupted { .. }
            | Self::TimedOut { .. }
            | Self::NotReplicated { .. } => true,
            Self::Refused { status, .. } => matches!(status, 404 | 408 | 429 | 500..),
            Self::Malformed { .. } | Self::TooLarge { .. } => false,
        }
    }

    /// A word for the kind of error, for metrics and for telling one outage from the next.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Tls { .. } => "tls",
            Self::Interrupted { .. } => "interrupted",
            Self::TimedOut { .. } => "timed_out",
            Self::Refused { .. } => "refused",
            Self::NotReplicated { .. } => "not_replicated",
            Self::Malformed { .. } => "malformed",
            Self::TooLarge { .. } => "too_large",
        }
    }
}
