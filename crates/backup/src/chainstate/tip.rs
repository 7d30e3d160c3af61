//! Where the chain is by two sources, and whether this is a moment to stop a node at all.

use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use countersign_wire::rpc::{NodeInfo, PoxInfo};
use countersign_wire::{BurnHeight, ChainId, Sighash, StacksHeight};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::{HttpClient, HttpError};

/// The tip of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tip {
    /// The chain.
    pub chain_id: ChainId,
    /// The height of the burn tip.
    pub burn_height: BurnHeight,
    /// The height of the Stacks tip.
    pub height: StacksHeight,
    /// Its hash.
    pub hash: Sighash,
}

/// What a comparison of two tips came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Agreement {
    /// Both have the same block at the same height.
    Same {
        /// The tip.
        tip: Tip,
    },
    /// Our node is behind, and advances.
    CatchingUp {
        /// Ours.
        ours: Tip,
        /// The other's.
        theirs: Tip,
    },
    /// Our node is behind and did not advance.
    Behind {
        /// Ours.
        ours: Tip,
        /// The other's.
        theirs: Tip,
    },
    /// The other node is behind ours and stays there: it proves nothing.
    OtherBehind {
        /// Ours.
        ours: Tip,
        /// The other's.
        theirs: Tip,
    },
    /// At one height they have different blocks.
    Fork {
        /// Ours.
        ours: Tip,
        /// The other's.
        theirs: Tip,
    },
    /// They are on different chains.
    OtherChain {
        /// Ours.
        ours: Tip,
        /// The other's.
        theirs: Tip,
    },
}

impl Agreement {
    /// Whether nothing speaks against our node.
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Same { .. } | Self::CatchingUp { .. })
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same { tip } => {
                write!(f, "both nodes have the block {} at height {}", tip.hash, tip.height)
            }
            Self::CatchingUp { ours, theirs } => {
                write!(f, "our node is at height {} of {} and advances", ours.height, theirs.height)
            }
            Self::Behind { ours, theirs } => write!(
                f,
                "our node is at height {} of {} and did not advance",
                ours.height, theirs.height
            ),
            Self::OtherBehind { ours, theirs } => write!(
                f,
                "the other node is at height {}, behind our {}, so it confirms nothing; name one that is in sync",
                theirs.height, ours.height
            ),
            Self::Fork { ours, theirs } => write!(
                f,
                "at height {} our node has the block {} and the other one {}",
                ours.height, ours.hash, theirs.hash
            ),
            Self::OtherChain { ours, theirs } => write!(
                f,
                "our node is on the chain {} and the other one on {}",
                ours.chain_id, theirs.chain_id
            ),
        }
    }
}

/// Why the tips cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum TipError {
    /// A node does not answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It answers something else.
    #[error("the answer of {url} is not a node's")]
    Malformed {
        /// The address.
        url: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// Where in a reward cycle the burn chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// The height of the burn tip.
    pub burn_height: BurnHeight,
    /// Whether this block or the next is in the prepare phase, in which the next signers are chosen.
    pub is_prepare: bool,
    /// Burn blocks until the next cycle begins.
    pub blocks_left: u64,
}

impl Phase {
    /// Asks a node.
    pub fn ask(client: &HttpClient, node: &str) -> Result<Self, TipError> {
        let pox: PoxInfo = ask(client, node, "/v2/pox")?;
        let at = pox.current_burnchain_block_height;
        let next = BurnHeight::new(at.get().saturating_add(1));
        Ok(Self {
            burn_height: at,
            is_prepare: pox.is_prepare_phase(at) || pox.is_prepare_phase(next),
            blocks_left: pox.blocks_left(at),
        })
    }
}

impl Tip {
    /// Asks a node.
    pub fn ask(client: &HttpClient, node: &str) -> Result<Self, TipError> {
        let info: NodeInfo = ask(client, node, "/v2/info")?;
        Ok(Self {
            chain_id: info.network_id,
            burn_height: info.burn_block_height,
            height: info.stacks_tip_height,
            hash: info.stacks_tip,
        })
    }

    /// Asks our own node, which may just have been started, until it answers.
    pub fn await_ours(client: &HttpClient, node: &str, limit: Duration) -> Result<Self, TipError> {
        let begun = Instant::now();
        loop {
            match Self::ask(client, node) {
                Err(TipError::Http(error)) if error.is_transient() && begun.elapsed() < limit => {
                    sleep(PAUSE);
                }
                answer => return answer,
            }
        }
    }
}

/// Compares our node with another until they have the same block, contradict each other, or the time is over.
pub(super) fn compare(
    client: &HttpClient,
    (ours, theirs): (&str, &str),
    limit: Duration,
) -> Result<Agreement, TipError> {
    let begun = Instant::now();
    let first = Tip::await_ours(client, ours, limit)?;
    let mut disagreements = 0;
    loop {
        // Two nodes that are asked for minutes may each miss an answer, and a public one counts its callers.
        let pause = (begun.elapsed() / 20).clamp(PAUSE, LONGEST_PAUSE).min(limit);
        let both = Tip::ask(client, ours).and_then(|our| Ok((our, Tip::ask(client, theirs)?)));
        let (our, their) = match both {
            Err(TipError::Http(error)) if error.is_transient() && begun.elapsed() < limit => {
                sleep(pause);
                continue;
            }
            both => both?,
        };
        if our.chain_id != their.chain_id {
            return Ok(Agreement::OtherChain { ours: our, theirs: their });
        }
        if our.height == their.height {
            if our.hash == their.hash {
                return Ok(Agreement::Same { tip: our });
            }
            // Two tips of one height may be a fork of a moment.
            disagreements += 1;
            if disagreements >= MAX_DISAGREEMENTS {
                return Ok(Agreement::Fork { ours: our, theirs: their });
            }
        }
        if begun.elapsed() >= limit {
            return Ok(if our.height > their.height {
                Agreement::OtherBehind { ours: our, theirs: their }
            } else if our.height > first.height {
                Agreement::CatchingUp { ours: our, theirs: their }
            } else {
                Agreement::Behind { ours: our, theirs: their }
            });
        }
        sleep(pause);
    }
}

fn ask<T: DeserializeOwned>(client: &HttpClient, node: &str, path: &str) -> Result<T, TipError> {
    let url = format!("{}{path}", node.trim_end_matches('/'));
    let body = client.get(&url, MAX_ANSWER)?;
    serde_json::from_slice(&body).map_err(|source| TipError::Malformed { url, source })
}

/// Between two questions, at first and at last.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A node that has another block this often in a row has another chain.
const MAX_DISAGREEMENTS: u32 = 10;
/// `/v2/pox` of mainnet has about 3 kB.
const MAX_ANSWER: usize = 1 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::path::Path;

    use tokio_util::sync::CancellationToken;

    use super::*;

    /// A node that gives these answers, and the last one for ever.
    fn node(answers: Vec<String>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // It ends with the process of the tests.
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let mut head = BufReader::new(&stream).lines();
                while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let answer = answers.get(number).or(answers.last()).unwrap();
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        url
    }

    fn answer(status: &str, body: &str) -> String {
        let len = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}")
    }

    fn info() -> String {
        let (short, long) = ("01".repeat(20), "02".repeat(32));
        let info = serde_json::json!({
            "burn_block_height": 9, "pox_consensus": short, "stacks_tip": long,
            "stacks_tip_consensus_hash": short, "stacks_tip_height": 7, "server_version": "test",
            "network_id": 1,
        });
        info.to_string()
    }

    #[test]
    fn a_node_that_misses_an_answer_is_asked_again() {
        let client =
            HttpClient::new(Path::new("none"), Duration::from_secs(5), CancellationToken::new());
        let client = client.unwrap();
        let info = answer("200 OK", &info());
        let busy = || answer("429 Too Many Requests", "");
        let (ours, theirs) =
            (node(vec![info.clone()]), node(vec![busy(), answer("502 Bad", ""), info]));
        let tips = compare(&client, (&ours, &theirs), Duration::from_secs(30)).unwrap();
        assert!(matches!(tips, Agreement::Same { .. }), "{tips}");
        let never = node(vec![busy()]);
        let error = compare(&client, (&ours, &never), Duration::from_millis(200)).unwrap_err();
        assert!(matches!(error, TipError::Http(HttpError::Refused { status: 429, .. })), "{error}");
    }
}
