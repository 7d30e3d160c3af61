//! `countersign chainstate` from outside: its page, and what happens when it is killed.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::fake_node::FakeNode;
use crate::https::Authority;
use crate::server::Server;
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

/// An archive of a chainstate that does not shrink.
fn archive() -> Vec<u8> {
    let hashes = (0..16_000_u32).flat_map(|number| Sha256::digest(number.to_le_bytes()));
    let noise: Vec<u8> = hashes.collect();
    let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for (name, data) in [("krypton/blocks", &noise[..]), ("krypton/headers.sqlite", b"seeded")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, data).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// `chainstate seed` of a node from a server with an archive, whose authority is in `ca.pem`.
fn seed(node: &FakeNode, server: &Server) -> Command {
    let mut command =
        countersign(&["chainstate", "seed", "--node-config", "node.toml", "--replace"]);
    let sha256 = hex::encode(Sha256::digest(archive()));
    command.args(["--ca-file", "ca.pem", "--from", &server.url, "--sha256", &sha256]);
    command.current_dir(node.folder.path());
    command
}

/// A node that does not run, with `ca.pem` of this authority in its folder.
fn trusting(authority: &Authority) -> FakeNode {
    let node = FakeNode::stopped();
    write_config(&node);
    authority.file(node.folder.path());
    node
}

fn is_seeded(node: &FakeNode) -> bool {
    fs::read(node.config.chainstate.join("headers.sqlite")).is_ok_and(|text| text == b"seeded")
}

/// The part of an archive that is there, which is hidden in the node's folder.
fn part(node: &FakeNode) -> Option<u64> {
    let entries = fs::read_dir(&node.config.working_dir).unwrap().flatten();
    let mut parts = entries.filter(|entry| entry.path().extension().is_some_and(|it| it == "part"));
    Some(parts.next()?.metadata().ok()?.len())
}

#[test]
fn an_archive_over_https_goes_on_after_a_cut_and_after_a_kill() {
    let authority = Authority::new();
    let server = authority.server(archive());
    let node = trusting(&authority);
    server.with(|manners| manners.hangs_after = Some(100_000));
    let mut child = seed(&node, &server).stderr(Stdio::null()).spawn().unwrap();
    wait_for("a part arrives", || part(&node).is_some_and(|len| len >= 100_000));
    child.kill().unwrap();
    child.wait().unwrap();
    let have = part(&node).unwrap();
    assert!(!is_seeded(&node));
    server.with(|manners| (manners.hangs_after, manners.breaks_after) = (None, Some(250_000)));
    let again = seed(&node, &server).output().unwrap();
    assert!(again.status.success(), "{}", said(&again));
    assert!(is_seeded(&node) && part(&node).is_none());
    let asked = server.asked();
    assert_eq!(&asked[..2], [0, have]);
    assert!(asked.len() >= 3 && asked.windows(2).all(|pair| pair[0] < pair[1]), "{asked:?}");
}

#[test]
fn an_archive_over_https_of_whom_nobody_vouches_for_is_not_asked_for() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let node = trusting(&ours);
    for server in [theirs.server(archive()), ours.server_named("other.example", archive())] {
        let begun = Instant::now();
        let refused = seed(&node, &server).output().unwrap();
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(said(&refused).contains("is not trusted"), "{}", said(&refused));
        assert!(begun.elapsed() < Duration::from_secs(4), "it was tried again");
        assert_eq!(server.asked(), [0; 0]);
    }
    // A list without authorities is said to be one, and nobody is trusted because it is empty.
    fs::write(node.folder.path().join("ca.pem"), "").unwrap();
    let refused = seed(&node, &ours.server(archive())).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("--ca-file"), "{}", said(&refused));
    assert!(!is_seeded(&node));
}

#[test]
fn an_archive_over_https_with_another_hash_is_removed_and_nothing_is_unpacked() {
    let authority = Authority::new();
    let server = authority.server(archive());
    let node = trusting(&authority);
    server.with(|manners| manners.body[200_000] ^= 1);
    let refused = seed(&node, &server).output().unwrap();
    assert_eq!(refused.status.code(), Some(15), "{}", said(&refused));
    assert!(!is_seeded(&node) && part(&node).is_none());
}

#[test]
fn a_password_in_an_address_is_not_repeated_in_the_error() {
    let node = trusting(&Authority::new());
    let mut server = Server::new(Vec::new());
    server.url = server.url.replace("http://", "http://user:hunter2@");
    let refused = seed(&node, &server).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(!said(&refused).contains("hunter2"), "{}", said(&refused));
}
