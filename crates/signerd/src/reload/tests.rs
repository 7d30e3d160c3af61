#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use countersign_node::{Deadlines, NodeClient, NodeConfig};
use countersign_wire::Network;
use tempfile::TempDir;

use super::*;
use crate::nodes::Node;

/// A file in a folder of its own, a daemon's adjustable parts, and who reloads.
struct Stage {
    folder: TempDir,
    reloader: Reloader,
    ticks: watch::Receiver<Duration>,
}

fn good() -> String {
    format!(
        "node_host = \"127.0.0.1:20443\"\nendpoint = \"127.0.0.1:30000\"\nnetwork = \"testnet\"\n\
         stacks_private_key = \"{}\"\nauth_password = \"first\"\ndb_path = \":memory:\"\n\
         event_timeout_ms = 5000\n[countersign]\n\
         fallback_nodes = [{{ host = \"127.0.0.1:20543\", auth_password = \"second\" }}]\n",
        "01".repeat(32)
    )
}

impl Stage {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("signer-config.toml");
        fs::write(&file, good()).unwrap();
        let config = Config::load(&file).unwrap();
        let (tick, ticks) = watch::channel(config.event_timeout);
        let nodes = Nodes::new(node(config.node_host.as_str()), [node("127.0.0.1:20543")]);
        let adjustable = Adjustable { tick, nodes, log: None, usual_log: "info".to_owned() };
        let (reloader, _) = Reloader::new(file, config.outline, adjustable);
        Self { folder, reloader, ticks }
    }

    /// What a reload says after one thing was replaced in the file.
    fn replacing(&mut self, old: &str, new: &str) -> Result<String, String> {
        let text = good();
        assert!(text.contains(old), "{old} is not in {text}");
        let file = self.folder.path().join("signer-config.toml");
        fs::write(file, text.replace(old, new)).unwrap();
        let said = self.reloader.reload();
        said.map(|report| report.to_string()).map_err(|error| error.to_string())
    }

    fn tick(&self) -> u128 {
        self.ticks.borrow().as_millis()
    }
}

fn node(host: &str) -> Node {
    let client = NodeClient::new(NodeConfig {
        tls: None,
        host: host.to_owned(),
        auth_password: AuthPassword::new("password"),
        boot: Network::Testnet,
        deadlines: Deadlines::default(),
        observer: None,
    });
    let client = client.unwrap();
    Node { host: host.to_owned(), glance: client.clone(), client }
}

#[test]
fn what_is_safe_takes_effect_and_is_told_once() {
    let mut stage = Stage::set();
    let said = stage.replacing("= 5000", "= 700").unwrap();
    assert_eq!(said, "event_timeout_ms: 5000 → 700 (applied)");
    assert_eq!(stage.tick(), 700);
    assert_eq!(stage.replacing("= 5000", "= 700").unwrap(), "nothing has changed");
    assert_eq!(
        stage.replacing("event_timeout_ms = 5000\n", "stackerdb_timeout_secs = 7\n").unwrap(),
        "event_timeout_ms: 700 → default (applied)\nstackerdb_timeout_secs: default → 7 (applied)"
    );
    assert_eq!(stage.tick(), 5000);
}

#[test]
fn what_needs_a_restart_is_told_until_there_was_one() {
    let mut stage = Stage::set();
    for _ in 0..2 {
        let said =
            stage.replacing("event_timeout_ms = 5000", "dry_run = true\nevent_timeout_ms = 9");
        assert!(said.unwrap().contains("dry_run: default → true (needs a restart)"));
    }
    let said = stage.replacing("127.0.0.1:30000", "127.0.0.1:30001").unwrap();
    let expected = "endpoint: \"127.0.0.1:30000\" → \"127.0.0.1:30001\" (needs a restart)";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn passwords_take_effect_and_no_secret_is_shown() {
    let mut stage = Stage::set();
    assert_eq!(
        stage.replacing("second", "third").unwrap(),
        "countersign.fallback_nodes[0].auth_password: changed (applied)"
    );
    let mut stage = Stage::set();
    let said = stage.replacing("auth_password = \"first\"", "auth_password = \"4th\"").unwrap();
    assert_eq!(said, "auth_password: changed (applied)");
    let said = Stage::set().replacing(&"01".repeat(32), &"02".repeat(32)).unwrap();
    assert_eq!(said, "stacks_private_key: changed (needs a restart)");
}

#[test]
fn the_password_of_another_node_waits_for_the_node() {
    let other = "host = \"127.0.0.1:20643\", auth_password = \"third\"";
    let said = Stage::set()
        .replacing("host = \"127.0.0.1:20543\", auth_password = \"second\"", other)
        .unwrap();
    assert_eq!(said.matches("(needs a restart)").count(), 2, "{said}");
    assert!(!said.contains("(applied)") && !said.contains("third"), "{said}");
}

#[test]
fn a_bad_file_changes_nothing_and_says_why() {
    let rows = [
        ("network = \"testnet\"", "", "the key `network` is missing"),
        ("event_timeout_ms", "event_timeout", "did you mean `event_timeout_ms`?"),
        ("[countersign]", "[countersign]\nlog = \"countersign=loud=very\"", "`countersign.log`"),
        ("node_host = ", "node_host == ", "line 1 is not TOML"),
    ];
    for (old, new, says) in rows {
        let mut stage = Stage::set();
        stage.replacing("= 5000", "= 700").unwrap();
        let error = stage.replacing(old, new).unwrap_err();
        assert!(error.contains(says), "{error}");
        assert_eq!(stage.tick(), 700, "{says}");
    }
}

#[test]
fn the_documentation_lists_what_takes_effect() {
    let doc = include_str!("../../../../docs/config.md");
    let (_, rest) = doc.split_once("## Reading the file again").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let documented: Vec<&str> =
        section.lines().filter_map(|line| line.strip_prefix("- `")?.split('`').next()).collect();
    assert_eq!(documented, RELOADED);
}
