//! Every verb beside the reference's own, on the same inputs: standard output to the byte, and the exit
//! code. `docs/cli.md` shows what was compared.
//!
//! The program that runs here is this workspace's under the name `stacks-signer`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use system_tests::daemons::{Network, countersign, quick};
use tempfile::TempDir;

const VARIABLE: &str = "COUNTERSIGN_REFERENCE_SIGNER";
const BOOT: &str = "ST000000000000000000002AMW42H";
/// Key A of the worked vectors, and what belongs to it (`signer-wire.md` 12.1 and 12.5).
const KEY: &str = "b791c6d39263a2469fbb7378da40e84e89d319e4b5e74f69836ff75b3cd30092";
const PUBLIC: &str = "028c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9";
const LONG: &str = "048c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9a0ed56cc7003b1da62a39c7d0581c31614c2bfbf83c6cfb0a7217ed69266073c";
const ADDRESS: &str = "ST185PX4EBXC3QWDN697MJEM13Y8E9JNSRRPZ3ZY0";
const VOTE: &str = "00f39971a3c7beb5395aee4d60eb8fc519abc144c8f4da5cd30ec045610bd8a7bc2470092cc72cd3b1df24f6c71ab70a8d9ffbbc7eb901760ce5b616e9cb6a08a7";
const HIGH: &str = "01f39971a3c7beb5395aee4d60eb8fc519abc144c8f4da5cd30ec045610bd8a7bcdb8ff6d338d32c4e20db0938e548f5711ab32067f6472a2eda1c47a304cc389a";

/// The two programs, and a folder with a configuration.
struct Pair {
    folder: TempDir,
    reference: PathBuf,
}

impl Pair {
    fn new() -> Self {
        let reference = std::env::var_os(VARIABLE)
            .unwrap_or_else(|| panic!("set {VARIABLE} to the path of a stacks-signer 4.0.2"));
        let folder = tempfile::tempdir().unwrap();
        symlink(countersign(), folder.path().join("stacks-signer")).unwrap();
        let config = format!(
            "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:0\"\n\
             stacks_private_key = \"{KEY}01\"\nnetwork = \"testnet\"\n\
             auth_password = \"correct horse\"\ndb_path = \"signer.sqlite\"\n"
        );
        fs::write(folder.path().join("c.toml"), config).unwrap();
        Self { folder, reference: reference.into() }
    }

    fn run(&self, program: &Path, line: &str, stdin: &str) -> Output {
        let mut child = Command::new(program)
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that fails before it reads has closed its end.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What both print and how both end.
    fn both(&self, line: &str, stdin: &str) -> [(Option<i32>, String); 2] {
        let ours = self.folder.path().join("stacks-signer");
        [self.reference.as_path(), &ours].map(|program| {
            let output = self.run(program, line, stdin);
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        })
    }

    fn compare(&self, line: &str, stdin: &str) {
        let [reference, ours] = self.both(line, stdin);
        assert_eq!(reference, ours, "reference and ours differ in: {line}");
    }
}

#[test]
#[ignore = "needs COUNTERSIGN_REFERENCE_SIGNER, the path of a stacks-signer 4.0.2"]
fn what_is_signed_by_hand_is_the_same_to_the_byte() {
    let pair = Pair::new();
    let grant = "generate-staking-signature -c c.toml --signer-manager";
    let verify = format!("verify-vote -p {PUBLIC} -s {VOTE} --sip 45 --vote");
    let most = u128::MAX;
    let lines = [
        "-V".to_owned(),
        format!("{grant} {ADDRESS} --auth-id 7"),
        format!("{grant} {ADDRESS} --auth-id 7 --json"),
        format!("{grant} {BOOT}.test-signer --auth-id 0 --json"),
        format!("{grant} {} --auth-id {most} --json", ADDRESS.to_lowercase()),
        format!("{grant} SP185PX4EBXC3QWDN697MJEM13Y8E9JNSRRG0M7R1 --auth-id +7"),
        format!("{grant} nonsense --auth-id 7"),
        format!("{grant} {ADDRESS} --auth-id -1"),
        format!("{grant} {ADDRESS}"),
        "generate-staking-signature -c missing.toml --signer-manager x.y --auth-id 1".to_owned(),
        format!(
            "generate-staking-signature -c missing.toml --signer-manager {ADDRESS} --auth-id 1"
        ),
        "generate-vote -c c.toml --sip 45 --vote yes".to_owned(),
        "generate-vote -c c.toml --sip 0 --vote NO".to_owned(),
        "generate-vote -c c.toml --sip 4294967295 --vote Yes".to_owned(),
        "generate-vote -c c.toml --sip 4294967296 --vote yes".to_owned(),
        "generate-vote -c c.toml --sip 45 --vote maybe".to_owned(),
        format!("{verify} yes"),
        format!("{verify} no"),
        format!(
            "verify-vote -p {} -s {} --sip 45 --vote yes",
            PUBLIC.to_uppercase(),
            VOTE.to_uppercase()
        ),
        format!("verify-vote -p {LONG} -s {VOTE} --sip 45 --vote yes"),
        format!("verify-vote -p {PUBLIC} -s {HIGH} --sip 45 --vote yes"),
        format!("verify-vote -p {PUBLIC} -s 04{} --sip 45 --vote yes", &VOTE[2..]),
        format!("verify-vote -p {PUBLIC} -s {} --sip 45 --vote yes", "0".repeat(130)),
        format!("verify-vote -p {PUBLIC} -s 00 --sip 45 --vote yes"),
        format!("verify-vote -p zz -s {VOTE} --sip 45 --vote yes"),
        "nonsense".to_owned(),
        "run".to_owned(),
        "check-config -c missing.toml".to_owned(),
    ];
    for line in lines {
        pair.compare(&line, "");
    }
}

#[test]
#[ignore = "needs COUNTERSIGN_REFERENCE_SIGNER, the path of a stacks-signer 4.0.2"]
fn a_checked_configuration_differs_in_its_first_line_alone() {
    let pair = Pair::new();
    let [reference, ours] = pair.both("check-config --config c.toml", "").map(|(code, text)| {
        let (version, rest) = text.split_once('\n').unwrap();
        assert!(version.starts_with("Signer version: stacks-signer 4.0.2 ("), "{version}");
        (code, rest.to_owned())
    });
    assert_eq!(reference, ours);
}

#[tokio::test]
#[ignore = "needs COUNTERSIGN_REFERENCE_SIGNER, the path of a stacks-signer 4.0.2"]
async fn chunks_of_a_network_are_the_same_to_the_byte() {
    let mut network = Network::start(quick(1)).await;
    network.adopts(2, "there is something to read").await;
    // Nobody writes any more.
    network.devnet.pause_signer(0).await.unwrap();
    let place = network.devnet.place(0).unwrap().clone();
    let compared = tokio::task::spawn_blocking(move || {
        let pair = Pair::new();
        let host = place.node.trim_start_matches("http://");
        read_chunks(&pair, host);
        refused_chunks(&pair, host);
        written_chunk(&pair, host, &place.config);
    });
    compared.await.unwrap();
}

fn at(host: &str, verb: &str, name: &str, rest: &str) -> String {
    format!("{verb} --host {host} -c {BOOT}.{name} {rest}")
}

fn read_chunks(pair: &Pair, host: &str) {
    for name in ["signers-0-1", "signers-0-2", "signers-0-3", "signers-1-1", "nothing"] {
        pair.compare(&at(host, "list-chunks", name, "--stackerdb-timeout-secs 5"), "");
        pair.compare(&at(host, "get-latest-chunk", name, "--slot-id 0"), "");
        for version in 1..=8 {
            let version = format!("--slot-id 0 --slot-version {version}");
            pair.compare(&at(host, "get-chunk", name, &version), "");
        }
    }
    pair.compare(&at(host, "get-latest-chunk", "signers-0-1", "--slot-id 99"), "");
    pair.compare(&at("127.0.0.1:9", "list-chunks", "signers-0-1", ""), "");
    pair.compare(&at("localhost", "list-chunks", "signers-0-1", ""), "");
    pair.compare(&format!("list-chunks --host {host} -c {BOOT}"), "");
}

fn refused_chunks(pair: &Pair, host: &str) {
    let put = |rest: &str| at(host, "put-chunk", "signers-0-3", &format!("-p {KEY} {rest}"));
    pair.compare(&put("--slot-id 0 --slot-version 9999 2NEpo7TZRRrLZSi2U"), "");
    pair.compare(&put("--slot-id 99 --slot-version 1 2NEpo7TZRRrLZSi2U"), "");
    pair.compare(&put("--slot-id 0 --slot-version 9999 0OIl"), "");
    pair.compare(&put("--slot-id 0 --slot-version 9999"), "");
    let rest = format!("-p {KEY}01 --slot-id 0 --slot-version 1 2NEp");
    pair.compare(&at(host, "put-chunk", "nothing", &rest), "");
    pair.compare(
        &at(host, "put-chunk", "signers-0-3", "-p abc --slot-id 0 --slot-version 1 2NEp"),
        "",
    );
    for stdin in ["2NEpo7TZRRrLZSi2U", "2NEpo7TZRRrLZSi2U\n", ""] {
        pair.compare(&put("--slot-id 0 --slot-version 9999 -"), stdin);
    }
}

/// What ours writes with the owner's key, both read, and neither can write again.
fn written_chunk(pair: &Pair, host: &str, config: &Path) {
    let config = fs::read_to_string(config).unwrap();
    let owner = config.split("stacks_private_key = \"").nth(1).unwrap().split('"').next().unwrap();
    let rest = format!("-p {owner} --slot-id 0 --slot-version 9999 2NEpo7TZRRrLZSi2U");
    let put = at(host, "put-chunk", "signers-0-3", &rest);
    let written = pair.run(&pair.folder.path().join("stacks-signer"), &put, "");
    assert!(written.stdout.starts_with(b"{\"accepted\":true,\"metadata\":{"), "{written:?}");
    pair.compare(&at(host, "get-latest-chunk", "signers-0-3", "--slot-id 0"), "");
    pair.compare(&at(host, "get-chunk", "signers-0-3", "--slot-id 0 --slot-version 9999"), "");
    pair.compare(&put, "");
}
