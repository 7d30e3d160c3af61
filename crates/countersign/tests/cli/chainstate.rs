//! `countersign chainstate` from outside: its page, and what happens when it is killed.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::fake_node::FakeNode;
use crate::support::{countersign, said};

/// A configuration of the node in its folder.
fn write_config(node: &FakeNode) -> std::path::PathBuf {
    let path = node.folder.path().join("node.toml");
    let text = format!(
        "[node]\nworking_dir = \"{}\"\nrpc_bind = \"{}\"\np2p_bind = \"{}\"\n[burnchain]\nmode = \"krypton\"\n",
        node.config.working_dir.display(),
        node.config.rpc,
        node.config.p2p
    );
    fs::write(&path, text).unwrap();
    path
}

/// Waits for something that happens soon.
fn wait_for(what: &str, mut happens: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happens() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        sleep(Duration::from_millis(5));
    }
}

/// `docs/operator/chainstate.md`, carried out.
#[test]
fn the_commands_of_the_page_about_chainstate_work() {
    let (node, other) = (FakeNode::start(), FakeNode::start());
    let systemctl = node.folder.path().join("systemctl");
    let service = node.service();
    let script = format!(
        "#!/bin/bash\ncase $1 in\nstart) touch {0};;\nstop) rm -f {0}\n\
         while (exec 3<>/dev/tcp/127.0.0.1/{1}) 2>/dev/null; do :; done;;\nesac\n",
        service.stop[1],
        node.config.rpc.port()
    );
    fs::write(&systemctl, script).unwrap();
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
    let ours = [
        ("NODE_CONFIG=/etc/stacks/node.toml\n", write_config(&node)),
        ("OTHER=https://api.hiro.so\n", other.url().into()),
        ("SNAPSHOTS=/srv/snapshots\n", node.folder.path().join("snapshots")),
    ];
    let page = include_str!("../../../../docs/operator/chainstate.md");
    let said = crate::page::follow(page, &ours, node.folder.path());
    assert!(said.contains("the node stood still for") && said.contains("tar.zst: OK"), "{said}");
    assert_eq!(said.matches("both nodes have the block").count(), 2, "{said}");
    assert!(node.is_up());
}

/// The words of a snapshot of a chainstate that one process holds and whose start leaves a file.
fn snapshot(folder: &Path, holder: u32) -> Command {
    let mut command =
        countersign(&["chainstate", "snapshot", "--in-any-phase", "--limit-secs", "5"]);
    command
        .current_dir(folder)
        .args(["--node-config", "node.toml", "--out", "out", "--compare", "http://127.0.0.1:1"])
        .args(["--stop-command", "kill", &holder.to_string(), ";"])
        .args(["--start-command", "touch", "started"]);
    command
}

#[test]
fn a_snapshot_that_is_killed_starts_the_node_and_the_next_one_clears_up() {
    let node = FakeNode::stopped();
    let folder = node.folder.path();
    write_config(&node);
    let large = node.config.chainstate.join("large");
    File::create(&large).unwrap().set_len(1 << 30).unwrap();
    let held = File::open(&large).unwrap();
    let mut holder = Command::new("sleep").arg("600").stdin(held).spawn().unwrap();
    let mut child = snapshot(folder, holder.id()).stderr(Stdio::null()).spawn().unwrap();
    holder.wait().unwrap();
    let open = format!("/proc/{}/fd", child.id());
    wait_for("it archives", || {
        let entries = fs::read_dir(&open).unwrap().flatten();
        entries.into_iter().any(|entry| fs::read_link(entry.path()).is_ok_and(|path| path == large))
    });
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for("the node is started", || folder.join("started").exists());
    // Nobody holds anything now, and the next snapshot is made of a node that does not run.
    fs::write(&large, "").unwrap();
    let again = snapshot(folder, 1).output().unwrap();
    assert!(again.status.success(), "{}", said(&again));
    let mut names: Vec<String> = fs::read_dir(folder.join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".lock")
        .collect();
    names.sort();
    assert!(
        names.len() == 2 && names.iter().all(|name| name.starts_with("chainstate-krypton-")),
        "{names:?}"
    );
}

#[test]
fn a_seed_without_a_hash_or_with_another_one_is_refused() {
    let node = FakeNode::stopped();
    write_config(&node);
    let run = |args: &[&str]| {
        let mut command =
            countersign(&["chainstate", "seed", "--node-config", "node.toml", "--replace"]);
        command.args(args).current_dir(node.folder.path()).output().unwrap()
    };
    fs::write(node.folder.path().join("a.tar"), "archive").unwrap();
    let unnamed = run(&["--from", "a.tar"]);
    assert_eq!(unnamed.status.code(), Some(2), "{}", said(&unnamed));
    let latest = run(&["--from", "a.tar", "--sha256", "latest"]);
    assert_eq!(latest.status.code(), Some(2), "{}", said(&latest));
    let other = run(&["--from", "a.tar", "--sha256", &"0".repeat(64)]);
    assert_eq!(other.status.code(), Some(15), "{}", said(&other));
    assert!(node.config.chainstate.join("headers.sqlite").exists());
}
