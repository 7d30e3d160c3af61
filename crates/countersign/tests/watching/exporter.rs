//! The exporter as a process.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;

use countersign_ops::records::{self, Outcome, Record};
use countersign_watch::registry;
use serde_json::json;

use crate::net::{Server, ask};
use crate::program::{PATIENCE, Running, countersign, ended};

pub(crate) const KEY: &str = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd";

/// A node that says where it is, and that the key has a seat in this cycle but not in the next.
pub(crate) fn node() -> Server {
    Server::http("200 OK", |path| {
        let set = |key: &str| {
            json!({ "stacker_set": { "signers": [
                { "signing_key": key, "stacked_amt": 1, "weight": 1 },
            ] } })
        };
        let stranger = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
        match path {
            "/v2/info" => json!({
                "burn_block_height": 1020, "pox_consensus": "11".repeat(20),
                "stacks_tip": "22".repeat(32), "stacks_tip_consensus_hash": "33".repeat(20),
                "stacks_tip_height": 4567, "server_version": "stacks-node 4.0.2", "network_id": 1,
            }),
            "/v2/pox" => json!({
                "first_burnchain_block_height": 0, "current_burnchain_block_height": 1020,
                "reward_phase_block_length": 90, "prepare_phase_block_length": 10,
                "reward_cycle_id": 10,
            }),
            "/v3/health" => json!({ "difference_from_max_peer": 2 }),
            "/v3/stacker_set/10" => set(KEY),
            "/v3/stacker_set/11" => set(stranger),
            path if path == format!("/v3/signer/{KEY}/10") => json!({ "blocks_signed": 321 }),
            _ => json!({}),
        }
        .to_string()
    })
}

/// An exporter of this node and these records, and where it listens.
pub(crate) fn start(node: &Server, records: &Path, more: &[&str]) -> (Running, String) {
    let mut program = countersign(&["exporter", "--listen", "127.0.0.1:0", "--key", KEY]);
    let exporter = Running::start(
        program.args(["--node", &node.address]).arg("--records").arg(records).args(more),
    );
    let address = exporter.word_after("Exporter ready: http://");
    (exporter, address)
}

#[test]
fn an_exporter_shows_the_node_the_chains_word_certificates_and_jobs() {
    let folder = tempfile::tempdir().unwrap();
    records::write(folder.path(), &Record::new("backup.sbtc", 77, Outcome::Ok)).unwrap();
    let node = node();
    let certificate = ["--certificate", "link=/nowhere.pem"];
    let (exporter, address) = start(&node, folder.path(), &certificate);
    // It has looked once when it has asked for the count.
    node.waits_for("the question for the count", |heard| heard.path.starts_with("/v3/signer/"));
    let begun = std::time::Instant::now();
    let page = loop {
        let (status, page) = ask(&address, "GET", "/metrics", "");
        assert_eq!(status, 200);
        if page.contains("countersign_node_healthy{") {
            break page;
        }
        assert!(begun.elapsed() < PATIENCE, "{page}");
        std::thread::yield_now();
    };
    for line in [
        format!("countersign_node_stacks_height{{host=\"{}\"}} 4567", node.address),
        format!("countersign_node_healthy{{host=\"{}\"}} 1", node.address),
        "countersign_node_behind_peers 2".to_owned(),
        "countersign_cycle_blocks_left 80".to_owned(),
        "countersign_registered{cycle=\"current\"} 1".to_owned(),
        "countersign_registered{cycle=\"next\"} 0".to_owned(),
        format!("countersign_blocks_signed{{key=\"{KEY}\",cycle=\"10\"}} 321"),
        "countersign_backup_timestamp_seconds{of=\"sbtc\"} 77".to_owned(),
        "countersign_certificate_expiry_timestamp_seconds{certificate=\"link\"} 0".to_owned(),
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line}\n{page}");
    }
    let shown: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let expected: BTreeSet<&str> = registry::on_the_exporters_page().map(|m| m.name).collect();
    assert_eq!(shown, expected);
    assert_eq!(ask(&address, "GET", "/readyz", "").0, 200);
    assert_eq!(exporter.stop(), Some(0));
}

#[test]
fn a_silent_node_is_shown_and_hides_nothing_else() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let exporter = Running::start(&mut countersign(&[
        "exporter",
        "--listen",
        "127.0.0.1:0",
        "--node",
        &address,
    ]));
    let endpoint = exporter.word_after("Exporter ready: http://");
    let begun = std::time::Instant::now();
    let unhealthy = format!("countersign_node_healthy{{host=\"{address}\"}} 0");
    loop {
        let (_, page) = ask(&endpoint, "GET", "/metrics", "");
        assert!(page.contains("countersign_records_faulty 0"), "{page}");
        if page.contains(&unhealthy) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{page}");
        std::thread::yield_now();
    }
    assert_eq!(ask(&endpoint, "GET", "/readyz", "").0, 503);
}

#[test]
fn bad_arguments_have_their_codes() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, error) = ended(&mut countersign(&["exporter", "--listen", &address]));
    assert_eq!(code, 5, "{error}");
    assert!(error.contains("cannot be bound"), "{error}");
    for args in [
        &["exporter", "--key", KEY][..],
        &["exporter", "--node", "127.0.0.1:1", "--key", "12"],
        &["exporter", "--certificate", "nameless"],
        &["exporter", "--listen", "here"],
    ] {
        assert_eq!(ended(&mut countersign(args)).0, 2, "{args:?}");
    }
}
