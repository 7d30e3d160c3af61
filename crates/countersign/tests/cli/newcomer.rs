//! What somebody meets who uses the program for the first time: mistypes, waits, and starts what does not work.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{Place, countersign, said};

/// The public key of the configuration.
const PUBLIC: &str = "02db3ee269c096bb07fad458f7b1cfada089a72dba6404c2d1a516efd59f2699e5";
const CONTRACT: &str = "SP000000000000000000002Q6VF78.signers-0-1";

#[test]
fn a_number_that_makes_no_sense_is_refused_and_the_range_is_named() {
    let lines = [
        "monitor-signers --host 127.0.0.1:9 --interval 0",
        "monitor-signers --host 127.0.0.1:9 --interval 18446744073709551615",
        "monitor-signers --host 127.0.0.1:9 --max-age 0",
        "monitor-signers --host 127.0.0.1:9 --stackerdb-timeout-secs 0",
        &format!("list-chunks --host 127.0.0.1:9 -c {CONTRACT} --stackerdb-timeout-secs 0"),
        &format!("put-chunk --host a:9 -c {CONTRACT} --slot-id 1 --slot-version 0 2NEp"),
        "generate-stacking-signature -c c --period 0",
        "generate-stacking-signature -c c --period 13",
        "backup verify some.age --max-age 0",
        "chainstate seed --node-config n --from x --limit-secs 0 --sha256 \
         0000000000000000000000000000000000000000000000000000000000000000",
        "devnet --stop-after-blocks 0",
        "devnet --stop-after-cycles 0",
        "devnet --burn-seconds 18446744073709551615",
        "devnet --block-interval-ms 18446744073709551615",
        "devnet --cycle-length 18446744073709551615",
    ];
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let said = said(&countersign(&words).output().unwrap());
        assert!(said.starts_with("exit: 2\n") && said.contains("is not in"), "{line}: {said}");
    }
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_named_with_what_it_should_be() {
    let place = Place::good();
    let folder = place.path();
    place.write();
    fs::write(folder.join("empty"), "").unwrap();
    fs::write(
        folder.join("countersign.toml"),
        "network = \"mainnet\"\n[hosts.signer]\nname = \"a\"\n",
    )
    .unwrap();
    fs::write(folder.join("binary"), [0x9b, 0x1b, 0xff, 0]).unwrap();
    fs::create_dir(folder.join("folder")).unwrap();
    let node = "[node]\nworking_dir = \"/none/chain\"\nrpc_bind = \"127.0.0.1:1\"\n\
                p2p_bind = \"127.0.0.1:2\"\n[burnchain]\nmode = \"krypton\"\n";
    fs::write(folder.join("node.toml"), node).unwrap();
    let hash = "00".repeat(32);
    let chunk = format!(
        "put-chunk --host 127.0.0.1:9 -c {CONTRACT} --slot-id 1 --slot-version 1 --private-key-file \
         none 2NEpo7TZRRrLZSi2U"
    );
    let prove = format!("keys restore --prove --public-key {PUBLIC} --from");
    let seed = format!("chainstate seed --node-config node.toml --from x --sha256 {hash}");
    let rows = [
        ("render --config none", 2, "`countersign init` writes one"),
        ("render --config folder", 2, "name the file in it, countersign.toml\n"),
        ("render --config signer-config.toml", 2, "is this a signer's configuration? name"),
        ("check-config --config countersign.toml", 2, "is this a countersign.toml?"),
        ("deadman --config empty", 2, "error: empty: line 1: missing field `listen`"),
        ("alerts fill /dev/zero filled", 2, "it has more than 4 MiB"),
        (&format!("{prove} /dev/zero"), 11, "it is no key file: too large"),
        (&format!("{prove} empty"), 11, "there is neither an age file nor a share in what"),
        (
            "keys backup --config signer-config.toml --shares 2/3 --out empty",
            1,
            "empty is there already, and is no folder",
        ),
        (&chunk, 2, "the private key cannot be read from none"),
        (&seed, 2, "the node's folder /none/chain is not there; make it"),
        ("backup verify binary --identity none", 11, "none cannot be looked at"),
    ];
    for (line, code, what) in rows {
        let words: Vec<&str> = line.split(' ').collect();
        let ended = countersign(&words).current_dir(folder).stdin(Stdio::null()).output().unwrap();
        let said = said(&ended);
        assert!(said.starts_with(&format!("exit: {code}\n")), "{line}: {said}");
        assert!(said.contains(what), "{line}: {said}");
    }
    let binary =
        said(&countersign(&["render", "--config", "binary"]).current_dir(folder).output().unwrap());
    assert!(binary.contains("valid UTF-8") && !binary.contains("init"), "{binary}");
}

/// A process that ends with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(quiet.spawn().unwrap())
    }

    /// The first line on stderr that has `text` in it. There is one, or the process ends.
    fn complains(&mut self, text: &str) {
        let lines = BufReader::new(self.0.stderr.take().unwrap()).lines();
        let mut heard = Vec::new();
        for line in lines.map_while(Result::ok) {
            if line.contains(text) {
                return;
            }
            heard.push(line);
        }
        panic!("{text:?} is not in {heard:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn whoever_waits_for_a_server_that_says_nothing_is_told_what_is_waited_for() {
    // It takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let place = Place::good().with("node_host", &format!("node_host = \"{address}\""));
    let config = place.write();
    let node = place.path().join("node.toml");
    fs::create_dir(place.path().join("chain")).unwrap();
    let text = format!(
        "[node]\nworking_dir = \"{}\"\nrpc_bind = \"127.0.0.1:1\"\np2p_bind = \"127.0.0.1:2\"\n\
         [burnchain]\nmode = \"krypton\"\n",
        place.path().join("chain").display()
    );
    fs::write(&node, text).unwrap();
    let at = |path: &Path| path.display().to_string();
    let (url, hash) = (format!("http://{address}/archive.tar.zst"), "00".repeat(32));
    let seed =
        ["chainstate", "seed", "--node-config", &at(&node), "--from", &url, "--sha256", &hash];
    let rotate = ["keys", "rotate", "--config", &at(&config)];
    let monitor = ["monitor-signers", "--host", &address.to_string()];
    let list = ["list-chunks", "-c", CONTRACT, "--host", &address.to_string()];
    let alert = ["alerts", "test", "--alertmanager", &address.to_string()];
    let vault = place.path().join("vault.sock").display().to_string();
    let place = Place::good()
        .without("stacks_private_key")
        .with("[countersign]", &format!("[countersign]\nkey = {{ vault = \"{vault}\" }}"));
    let check = ["check-config", "--config", &at(&place.write())];
    let asking = format!("asking the node at {address}");
    let mut waiting = [
        (Running::start(&mut countersign(&seed)), format!("waiting for {url}")),
        (Running::start(&mut countersign(&rotate)), asking.clone()),
        (Running::start(&mut countersign(&monitor)), asking.clone()),
        (Running::start(&mut countersign(&list)), asking),
        (
            Running::start(&mut countersign(&alert)),
            format!("waiting for Alertmanager at {address}"),
        ),
        (Running::start(&mut countersign(&check)), format!("asking the vault at {vault}")),
    ];
    for (running, what) in &mut waiting {
        running.complains(what);
    }
}

#[test]
fn a_signer_of_a_devnet_that_ends_at_once_is_shown_with_its_code_and_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("signer");
    let text = "#!/bin/sh\nfor n in 1 2 3 4 5 6 7 8; do echo \"line $n\"; done\n\
                echo 'error: there is no key'; echo '  caused by: nobody made one'; exit 11\n";
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let signer = format!("0={}", program.display());
    let mut devnet =
        Running::start(&mut countersign(&["devnet", "--signers", "1", "--signer", &signer]));
    let mut lines = BufReader::new(devnet.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let ended = lines.find(|line| line.contains("has ended")).unwrap();
    assert!(ended.starts_with("signer    0 has ended: exit status: 11; see "), "{ended}");
    let told: Vec<String> = lines.take(2).collect();
    assert_eq!(
        told,
        ["          | error: there is no key", "          |   caused by: nobody made one"]
    );
}
