//! What may pass through a link, by method and by the whole request target.
//!
//! Towards the signer: the callbacks that a signer reads, and `/status`. What a node posts to other
//! observers is taken and goes no further: a node repeats for ever what is not answered with 200, and
//! stands still meanwhile. Only `/shutdown`, which no node posts and by which anybody could stop the
//! reference signer, is refused outright.
//!
//! Towards the node: the questions of a signer (`signer-wire.md` sections 5.5 and 6.2), the one by which a backup of
//! an sBTC signer is compared with the chain (`sbtc-database.md` section 5), and the one by which `countersign doctor`
//! learns which key the signer is registered with. All functions that are called only read.

use hyper::{Method, StatusCode, Uri};

use crate::listener::Route;

/// Which way a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the node to the signer.
    Events,
    /// From the signer to the node.
    Rpc,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// It goes on.
    Forward,
    /// It is taken and goes no further.
    Forget,
    /// It is refused.
    Refuse(StatusCode),
}

impl Direction {
    /// For the log.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Rpc => "rpc",
        }
    }

    /// What becomes of a request.
    pub(super) fn judge(self, method: &Method, target: &Uri) -> Pass {
        match self {
            Self::Events => match Route::of(method, target) {
                Route::Status | Route::Callback(_) => Pass::Forward,
                Route::Unknown if target.path() == SHUTDOWN => Pass::Refuse(StatusCode::FORBIDDEN),
                Route::Unused | Route::Unknown => Pass::Forget,
                Route::WrongMethod => Pass::Refuse(StatusCode::METHOD_NOT_ALLOWED),
            },
            Self::Rpc => {
                let path = match (target.authority(), target.path_and_query()) {
                    (None, Some(path)) => path.as_str(),
                    _ => "",
                };
                let is_allowed = RPC
                    .iter()
                    .any(|(allowed, pattern)| allowed == method && matches(pattern, path));
                if is_allowed { Pass::Forward } else { Pass::Refuse(StatusCode::FORBIDDEN) }
            }
        }
    }
}

/// Whether `path` is `pattern` with a plain word in the place of each `*`.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, wanted) = split(pattern);
    let (path, query) = split(path);
    let fits =
        |(pattern, word): (&str, &str)| pattern == word || (pattern == "*" && is_plain(word));
    wanted == query
        && pattern.split('/').count() == path.split('/').count()
        && pattern.split('/').zip(path.split('/')).all(fits)
}

/// The path and, if there is one, the query.
fn split(target: &str) -> (&str, Option<&str>) {
    target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)))
}

/// Numbers, hashes, addresses and names of contracts; nothing that a parser could read otherwise.
fn is_plain(word: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_WORD_LEN).contains(&word.len()) && word.bytes().all(is_letter)
}

const SHUTDOWN: &str = "/shutdown";

/// A contract's name has at most 128 bytes; it is the longest.
const MAX_WORD_LEN: usize = 128;

const RPC: [(Method, &str); 21] = [
    (Method::GET, "/v2/info"),
    (Method::GET, "/v2/pox"),
    (Method::GET, "/v2/accounts/*?proof=0"),
    (Method::POST, "/v2/contracts/call-read/*/signers/get-last-set-cycle"),
    (Method::POST, "/v2/contracts/call-read/*/signers/stackerdb-get-signer-slots-page"),
    (Method::POST, "/v2/contracts/call-read/*/sbtc-registry/get-current-aggregate-pubkey"),
    (Method::POST, "/v2/contracts/call-read/*/pox-5/get-signer-info"),
    (Method::GET, "/v2/stackerdb/*/*"),
    (Method::GET, "/v2/stackerdb/*/*/*"),
    (Method::GET, "/v2/stackerdb/*/*/*/*"),
    (Method::POST, "/v2/stackerdb/*/*/chunks"),
    (Method::GET, "/v3/stacker_set/*"),
    (Method::GET, "/v3/signer/*/*"),
    (Method::GET, "/v3/health"),
    (Method::GET, "/v3/sortitions/latest_and_last"),
    (Method::GET, "/v3/sortitions/burn/*"),
    (Method::GET, "/v3/sortitions/consensus/*"),
    (Method::GET, "/v3/tenures/tip_metadata/*"),
    (Method::GET, "/v3/tenures/fork_info/*/*"),
    (Method::POST, "/v3/block_proposal"),
    (Method::POST, "/v3/blocks/upload/?broadcast=1"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    fn judge(direction: Direction, method: &str, target: &str) -> Pass {
        direction.judge(&method.parse().unwrap(), &target.parse().unwrap())
    }

    #[test]
    fn events_pass_one_way() {
        let refused = |status| Pass::Refuse(StatusCode::from_u16(status).unwrap());
        let rows = [
            ("POST", "/stackerdb_chunks", Pass::Forward),
            ("POST", "/proposal_response", Pass::Forward),
            ("POST", "/new_burn_block", Pass::Forward),
            ("POST", "/new_block", Pass::Forward),
            ("GET", "/status", Pass::Forward),
            ("POST", "/mined_nakamoto_block", Pass::Forget),
            ("POST", "/attachments/new", Pass::Forget),
            ("POST", "/what_a_later_node_posts", Pass::Forget),
            ("POST", "/new_block?x", Pass::Forget),
            ("POST", "/v3/block_proposal", Pass::Forget),
            ("POST", "/shutdown", refused(403)),
            ("POST", "/shutdown?now", refused(403)),
            ("POST", "http://signer/shutdown", refused(403)),
            ("GET", "/shutdown", refused(405)),
            ("GET", "/new_block", refused(405)),
            ("GET", "/metrics", refused(405)),
        ];
        for (method, target, pass) in rows {
            assert_eq!(judge(Direction::Events, method, target), pass, "{method} {target}");
        }
    }

    #[test]
    fn questions_of_a_signer_pass_the_other_way_and_no_others() {
        const BOOT: &str = "ST000000000000000000002AMW42H";
        let rows = [
            ("GET", "/v2/info", true),
            ("GET", "/v2/stackerdb/B/signers-0-1", true),
            ("GET", "/v2/stackerdb/B/miners/0", true),
            ("GET", "/v2/stackerdb/B/miners/0/7", true),
            ("POST", "/v2/stackerdb/B/miners/chunks", true),
            ("POST", "/v3/blocks/upload/?broadcast=1", true),
            ("GET", "/v2/accounts/B?proof=0", true),
            ("POST", "/v2/contracts/call-read/B/signers/get-last-set-cycle", true),
            ("GET", "/v2/accounts/B", false),
            ("GET", "/v2/accounts/B?proof=1", false),
            ("GET", "/v2/accounts?B/proof=0", false),
            ("POST", "/v3/blocks/upload", false),
            ("POST", "/v3/blocks/upload/", false),
            ("POST", "/v2/info", false),
            ("GET", "/v2/info/", false),
            ("GET", "/v2/info?x", false),
            ("GET", "//v2/info", false),
            ("GET", "http://node/v2/info", false),
            ("POST", "/v2/transactions", false),
            ("GET", "/v2/neighbors", false),
            ("POST", "/v2/contracts/call-read/B/signers/other", false),
            ("POST", "/v2/contracts/call-read/B/sbtc-registry/get-current-aggregate-pubkey", true),
            ("POST", "/v2/contracts/call-read/B/pox-5/get-signer-info", true),
            ("GET", "/v2/contracts/call-read/B/pox-5/get-signer-info", false),
            ("POST", "/v2/contracts/call-read/B/pox-5/get-signer-info?tip=latest", false),
            ("POST", "/v2/contracts/call-read/B/pox-5/get-staker-info", false),
            ("POST", "/v2/contracts/call-read/B/pox-4/get-signer-info", false),
            ("GET", "/v2/contracts/call-read/B/sbtc-registry/get-current-aggregate-pubkey", false),
            ("POST", "/v2/contracts/call-read/B/sbtc-registry/get-current-signer-data", false),
            ("POST", "/v2/contracts/call-read/B/signers/get-current-aggregate-pubkey", false),
            ("POST", "/v2/contracts/call-read/B/sbtc-registry/get-last-set-cycle", false),
            ("GET", "/v2/stackerdb/B/..", false),
            ("GET", "/v2/stackerdb/B/%2e%2e", false),
            ("GET", "/v2/stackerdb/B//0", false),
            ("POST", "/shutdown", false),
            ("GET", "/new_block", false),
        ];
        for (method, target, passes) in rows {
            let target = target.replace("/B", &format!("/{BOOT}"));
            let pass = judge(Direction::Rpc, method, &target);
            let expected = if passes { Pass::Forward } else { Pass::Refuse(StatusCode::FORBIDDEN) };
            assert_eq!(pass, expected, "{method} {target}");
        }
    }

    proptest! {
        /// Whatever passes is made of nothing but the pattern's own text and plain words.
        #[test]
        fn nothing_that_could_be_read_otherwise_passes(
            target in "/(v[23]/)?(info|accounts|stackerdb|sortitions/burn)[/a-zA-Z0-9.%?=_~-]{0,40}"
        ) {
            let Ok(uri) = target.parse::<Uri>() else { return Ok(()) };
            if Direction::Rpc.judge(&Method::GET, &uri) == Pass::Forward {
                prop_assert!(!target.contains(['%', '.', '~']) && !target.contains("//"));
            }
        }
    }
}
