//! What passes: bodies of every size, the listed requests, and nothing else.

use std::fs;
use std::io::Write as _;
use std::thread;
use std::time::Duration;

use countersign_site::HostRole;

use super::hosts::{Hosts, Kind, NOBODY};
use super::http::{ask, ask_with};

/// Around nginx's default limit (fact F9), and up to twice a chunk of 16 MiB, which travels as hex.
const SIZES: [usize; 7] = [0, 1, 1_048_576, 1_048_577, 4_300_000, 16 << 20, 32 << 20];

/// A body in which every part differs from its neighbours.
fn body(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let pattern: Vec<u8> = (0..65_537).map(|_| next()).collect();
    pattern.iter().copied().cycle().take(len).collect()
}

fn every_size_passes_both_ways(on_signer: Kind, on_node: Kind) {
    let hosts = Hosts::new(on_signer, on_node);
    let running = hosts.start();
    let [events, rpc] = hosts.doors();
    for len in SIZES {
        let body = body(len);
        for (door, what) in [(events, "POST /stackerdb_chunks"), (rpc, "POST /v3/block_proposal")] {
            let (status, answer) = ask(door, what, &body)
                .unwrap_or_else(|error| panic!("{what} of {len}: {error}\n{}", hosts.log()));
            assert_eq!(status, 200, "{what} of {len} bytes: {}", hosts.log());
            assert!(answer == body, "{what} of {len} bytes came back as {}", answer.len());
        }
    }
    for (arrived, what) in [
        (running.signer.arrived(), "POST /stackerdb_chunks"),
        (running.node.arrived(), "POST /v3/block_proposal"),
    ] {
        assert_eq!(arrived.iter().map(|request| request.len).collect::<Vec<_>>(), SIZES);
        for request in arrived {
            assert_eq!(request.what, what);
            let has = |line: &str| request.headers.iter().any(|header| header == line);
            assert!(has("authorization: correct horse") && has("content-type: application/json"));
            // What a node's parser does not allow.
            let is_foreign = |line: &String| {
                line.starts_with("x-")
                    || line.starts_with("transfer-encoding")
                    || line.starts_with("via")
            };
            assert!(!request.headers.iter().any(is_foreign), "{:?}", request.headers);
        }
    }
}

#[test]
#[ignore = "needs root: network namespaces, nginx"]
fn nginx_passes_bodies_of_every_size_both_ways() {
    every_size_passes_both_ways(Kind::Nginx, Kind::Nginx);
}

#[test]
#[ignore = "needs root: network namespaces, haproxy"]
fn haproxy_passes_bodies_of_every_size_both_ways() {
    every_size_passes_both_ways(Kind::Haproxy, Kind::Haproxy);
}

#[test]
#[ignore = "needs root: network namespaces, nginx"]
fn nginx_and_the_built_in_link_pass_bodies_of_every_size_to_each_other() {
    every_size_passes_both_ways(Kind::Nginx, Kind::BuiltIn);
}

#[test]
#[ignore = "needs root: network namespaces, haproxy"]
fn haproxy_and_the_built_in_link_pass_bodies_of_every_size_to_each_other() {
    every_size_passes_both_ways(Kind::Haproxy, Kind::BuiltIn);
}

/// Why the limit is in the configuration (fact F9): a node repeats for ever what is refused.
#[test]
#[ignore = "needs root: network namespaces, nginx"]
fn nginx_without_its_limit_refuses_what_is_longer_than_one_mebibyte() {
    let mut hosts = Hosts::new(Kind::Nginx, Kind::Nginx);
    hosts.edit = Box::new(|_, text| {
        assert!(text.contains("client_max_body_size 64m;"));
        text.replace("client_max_body_size 64m;", "")
    });
    let _running = hosts.start();
    let [events, _] = hosts.doors();
    let status = |len| ask(events, "POST /stackerdb_chunks", &body(len)).unwrap().0;
    assert_eq!((status(1_048_576), status(1_048_577)), (200, 413));
}

const BOOT: &str = "SP000000000000000000002Q6VF78";

/// What a node posts.
const CALLBACKS: [&str; 4] = [
    "POST /stackerdb_chunks",
    "POST /proposal_response",
    "POST /new_burn_block",
    "POST /new_block",
];
/// What a signer asks.
const QUESTIONS: [&str; 21] = [
    "GET /v2/info",
    "GET /v2/pox",
    "GET /v2/accounts/B?proof=0",
    "POST /v2/contracts/call-read/B/signers/get-last-set-cycle",
    "POST /v2/contracts/call-read/B/signers/stackerdb-get-signer-slots-page",
    "POST /v2/contracts/call-read/B/sbtc-registry/get-current-aggregate-pubkey",
    "POST /v2/contracts/call-read/B/pox-5/get-signer-info",
    "GET /v2/stackerdb/B/signers-0-1",
    "GET /v2/stackerdb/B/miners/0",
    "GET /v2/stackerdb/B/miners/0/7",
    "POST /v2/stackerdb/B/signers-1-2/chunks",
    "GET /v3/stacker_set/90",
    "GET /v3/signer/02ab/90",
    "GET /v3/health",
    "GET /v3/sortitions/latest_and_last",
    "GET /v3/sortitions/burn/0a",
    "GET /v3/sortitions/consensus/0a",
    "GET /v3/tenures/tip_metadata/0a",
    "GET /v3/tenures/fork_info/0a/0b",
    "POST /v3/block_proposal",
    "POST /v3/blocks/upload/?broadcast=1",
];
/// What is for neither.
const REFUSED: [&str; 25] = [
    "POST /shutdown",
    "POST /shutdown?now",
    "GET /shutdown",
    "GET /",
    "GET /metrics",
    "GET /v2/neighbors",
    "POST /v2/transactions",
    "POST /v2/info",
    "GET /v2/info/",
    "GET /v2/info?x",
    "GET /V2/INFO",
    "GET /v2/accounts/B",
    "GET /v2/accounts/B?proof=1",
    "POST /v2/contracts/call-read/B/signers/other",
    "POST /v2/contracts/call-read/B/pox-5/get-staker-info",
    "GET /v2/contracts/call-read/B/sbtc-registry/get-current-aggregate-pubkey",
    "POST /v2/contracts/call-read/B/sbtc-registry/get-current-signer-data",
    "POST /v2/contracts/call-read/B/signers/get-current-aggregate-pubkey",
    "POST /v2/contracts/call-read/B/sbtc-registry/get-current-aggregate-pubkey?tip=latest",
    "GET /v2/stackerdb/B/miners/%2e%2e",
    "GET /v2/stackerdb/B//0",
    "POST /v3/blocks/upload",
    "POST /new_block/",
    "POST /NEW_BLOCK",
    "DELETE /new_block",
];

/// `edit` decides which of the gates is there: each must hold alone.
fn only_the_listed_requests_pass(kind: Kind, edit: impl Fn(HostRole, String) -> String + 'static) {
    let mut hosts = Hosts::new(kind, kind);
    hosts.edit = Box::new(edit);
    let running = hosts.start();
    let [events, rpc] = hosts.doors();
    let status = |door, what: &str| {
        let what = what.replace("/B", &format!("/{BOOT}"));
        ask(door, &what, b"").map_or(0, |(status, _)| status)
    };
    for what in CALLBACKS {
        assert_eq!(
            (status(events, what), status(rpc, what)),
            (200, 403),
            "{what}: {}",
            hosts.log()
        );
    }
    for what in QUESTIONS {
        assert_eq!(
            (status(events, what), status(rpc, what)),
            (403, 200),
            "{what}: {}",
            hosts.log()
        );
    }
    assert_eq!(running.signer.arrived().len(), CALLBACKS.len());
    assert_eq!(running.node.arrived().len(), QUESTIONS.len());
    for what in REFUSED {
        assert_eq!((status(events, what), status(rpc, what)), (403, 403), "{what}");
    }
    // What a signer would throw away is not refused: a node would repeat it for ever, and stand still.
    assert_eq!(status(events, "POST /mined_nakamoto_block"), 200);
    assert_eq!(status(events, "GET /status"), 200);
    // Dots are not resolved on the way.
    assert!(matches!(status(rpc, "GET /v3/../v2/info"), 400 | 403));
    assert!(matches!(status(rpc, "GET http://node/v2/neighbors"), 400 | 403));
    assert_eq!(running.signer.arrived().len(), 2);
    assert_eq!(running.node.arrived(), []);
}

/// The configuration of one host without its list.
fn without_list(text: &str) -> String {
    let spoilt = text
        .replace("default 0;", "default 1;")
        .replace("unless is_get events_get or is_post events_post", "if FALSE")
        .replace("unless is_get rpc_get or is_post rpc_post", "if FALSE");
    assert_ne!(spoilt, text);
    spoilt
}

#[test]
#[ignore = "needs root: network namespaces, nginx"]
fn nginx_passes_the_listed_requests_and_answers_all_others_with_403() {
    only_the_listed_requests_pass(Kind::Nginx, |_, text| text);
}

#[test]
#[ignore = "needs root: network namespaces, haproxy"]
fn haproxy_passes_the_listed_requests_and_answers_all_others_with_403() {
    only_the_listed_requests_pass(Kind::Haproxy, |_, text| text);
}

#[test]
#[ignore = "needs root: network namespaces, nginx"]
fn nginx_on_either_host_holds_the_list_alone() {
    for without in [HostRole::Signer, HostRole::Node] {
        only_the_listed_requests_pass(Kind::Nginx, move |role, text| {
            if role == without { without_list(&text) } else { text }
        });
    }
}

#[test]
#[ignore = "needs root: network namespaces, haproxy"]
fn haproxy_on_either_host_holds_the_list_alone() {
    for without in [HostRole::Signer, HostRole::Node] {
        only_the_listed_requests_pass(Kind::Haproxy, move |role, text| {
            if role == without { without_list(&text) } else { text }
        });
    }
}

/// Longer than any honest body, or of a length that a node would take for 0.
fn bodies_that_no_node_reads_are_refused(kind: Kind) {
    let hosts = Hosts::new(kind, kind);
    let running = hosts.start();
    let [events, rpc] = hosts.doors();
    for (door, what) in [(events, "POST /new_block"), (rpc, "POST /v3/block_proposal")] {
        let announce = |headers: &str| ask_with(door, what, headers, |_| Ok(())).unwrap().0;
        assert_eq!(announce(&format!("Content-Length: {}\r\n", (64 << 20) + 1)), 413, "{what}");
        assert_eq!(announce("Transfer-Encoding: chunked\r\n"), 411, "{what}: {}", hosts.log());
    }
    assert_eq!((running.signer.arrived(), running.node.arrived()), (vec![], vec![]));
}

#[test]
#[ignore = "needs root: network namespaces, nginx"]
fn nginx_refuses_bodies_that_no_node_reads() {
    bodies_that_no_node_reads_are_refused(Kind::Nginx);
}

#[test]
#[ignore = "needs root: network namespaces, haproxy"]
fn haproxy_refuses_bodies_that_no_node_reads() {
    bodies_that_no_node_reads_are_refused(Kind::Haproxy);
}

/// Sends a body in two halves with a rest between them.
fn slow_body(kind: Kind, edit: impl Fn(HostRole, String) -> String + 'static) -> u16 {
    let mut hosts = Hosts::new(kind, kind);
    hosts.edit = Box::new(edit);
    let _running = hosts.start();
    let [_, rpc] = hosts.doors();
    let answer = ask_with(rpc, "POST /v3/block_proposal", "Content-Length: 200000\r\n", |stream| {
        stream.write_all(&vec![b'a'; 100_000])?;
        thread::sleep(Duration::from_millis(1500));
        stream.write_all(&vec![b'b'; 100_000])
    });
    answer.map_or(0, |(status, body)| if body.len() == 200_000 { status } else { 0 })
}

fn a_slow_body_arrives_because_the_proxies_are_patient(kind: Kind) {
    assert_eq!(slow_body(kind, |_, text| text), 200);
    let impatient = slow_body(kind, |_, text| {
        let spoilt = text.replace("150s", "1s");
        assert!(spoilt.matches(" 1s").count() >= 2);
        spoilt
    });
    assert_ne!(impatient, 200);
}

#[test]
#[ignore = "needs root: network namespaces, nginx"]
fn a_slow_body_arrives_because_nginx_is_patient() {
    a_slow_body_arrives_because_the_proxies_are_patient(Kind::Nginx);
}

#[test]
#[ignore = "needs root: network namespaces, haproxy"]
fn a_slow_body_arrives_because_haproxy_is_patient() {
    a_slow_body_arrives_because_the_proxies_are_patient(Kind::Haproxy);
}

#[test]
#[ignore = "needs root: network namespaces, nginx, haproxy"]
fn the_proxies_are_nobody_and_listen_where_the_site_says_and_nowhere_else() {
    for kind in [Kind::Nginx, Kind::Haproxy] {
        let hosts = Hosts::new(kind, kind);
        let running = hosts.start();
        for pid in running.pids() {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
            let expected = NOBODY.to_string();
            assert!(uids.split_whitespace().all(|uid| uid == expected), "{uids}");
        }
        let listed = std::process::Command::new("ss").args(["-Hltn"]).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let mut listening: Vec<&str> =
            listed.lines().filter_map(|line| line.split_whitespace().nth(3)).collect();
        listening.sort_unstable();
        listening.dedup();
        let site = hosts.site(HostRole::Signer);
        let mut expected: Vec<String> = hosts
            .doors()
            .into_iter()
            .chain(hosts.tls_doors())
            .chain([site.signer_endpoint(), site.node_rpc()])
            .map(|address| address.to_string())
            .collect();
        expected.sort_unstable();
        assert_eq!(listening, expected);
    }
}
