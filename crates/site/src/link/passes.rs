//! What may pass, by method and by the whole request target. Everything else is refused with 403, `/shutdown` among
//! it, by which anybody could stop the reference signer (fact F1).
//!
//! It is the list of `countersign link`, with one difference: callbacks that a signer has no use for are passed on to
//! it, and it throws them away. Refused they must not be: a node repeats for ever what is not answered with 200, and
//! stands still meanwhile.

/// Which way a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the node to the signer.
    Events,
    /// From the signer to the node.
    Rpc,
}

impl Direction {
    /// The name of its list.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Rpc => "rpc",
        }
    }

    /// The methods, each with a regular expression for whole targets.
    pub(super) fn expressions(self) -> impl Iterator<Item = (&'static str, String)> {
        let list = match self {
            Self::Events => EVENTS,
            Self::Rpc => RPC,
        };
        list.iter().map(|(method, pattern)| (*method, expression(pattern)))
    }
}

/// `^…$` for a pattern, with a plain word in the place of each `*`: numbers, hashes, addresses and names of contracts;
/// nothing that a parser could read otherwise.
fn expression(pattern: &str) -> String {
    let literal = pattern.replace('?', r"\?");
    format!("^{}$", literal.replace('*', "[0-9A-Za-z_-]{1,128}"))
}

const EVENTS: &[(&str, &str)] = &[
    ("GET", "/status"),
    ("POST", "/stackerdb_chunks"),
    ("POST", "/proposal_response"),
    ("POST", "/new_burn_block"),
    ("POST", "/new_block"),
    ("POST", "/attachments/new"),
    ("POST", "/new_mempool_tx"),
    ("POST", "/drop_mempool_tx"),
    ("POST", "/new_microblocks"),
    ("POST", "/mined_block"),
    ("POST", "/mined_microblock"),
    ("POST", "/mined_nakamoto_block"),
];

const RPC: &[(&str, &str)] = &[
    ("GET", "/v2/info"),
    ("GET", "/v2/pox"),
    ("GET", "/v2/accounts/*?proof=0"),
    ("POST", "/v2/contracts/call-read/*/signers/get-last-set-cycle"),
    ("POST", "/v2/contracts/call-read/*/signers/stackerdb-get-signer-slots-page"),
    ("POST", "/v2/contracts/call-read/*/sbtc-registry/get-current-aggregate-pubkey"),
    ("POST", "/v2/contracts/call-read/*/pox-5/get-signer-info"),
    ("GET", "/v2/stackerdb/*/*"),
    ("GET", "/v2/stackerdb/*/*/*"),
    ("GET", "/v2/stackerdb/*/*/*/*"),
    ("POST", "/v2/stackerdb/*/*/chunks"),
    ("GET", "/v3/stacker_set/*"),
    ("GET", "/v3/signer/*/*"),
    ("GET", "/v3/health"),
    ("GET", "/v3/sortitions/latest_and_last"),
    ("GET", "/v3/sortitions/burn/*"),
    ("GET", "/v3/sortitions/consensus/*"),
    ("GET", "/v3/tenures/tip_metadata/*"),
    ("GET", "/v3/tenures/fork_info/*/*"),
    ("POST", "/v3/block_proposal"),
    ("POST", "/v3/blocks/upload/?broadcast=1"),
];
