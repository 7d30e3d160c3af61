//! Where the key is, searched for as a thief would: in memory, core files, environments, arguments, logs and
//! databases of the running system. It is in the vault's process and nowhere else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use countersign_devnet::{DevnetConfig, SignerKind};
use countersign_wire::PrivateKey;
use system_tests::daemons::{Daemon, Network, UnixUser, VaultPlace, quick};

const LIMIT: Duration = Duration::from_secs(20);

/// The forms in which the key could stand somewhere.
struct Thief {
    raw: Vec<u8>,
    hex: Vec<u8>,
    base64: Vec<u8>,
}

impl Thief {
    fn of(key: &PrivateKey) -> Self {
        let hex = key.to_hex();
        let raw = hex::decode(hex.as_bytes()).unwrap();
        let base64 = encode_base64(&raw);
        Self { raw, hex: hex.as_bytes().to_vec(), base64 }
    }

    /// The forms that are in `bytes`.
    fn finds(&self, bytes: &[u8]) -> Vec<&'static str> {
        let lower = bytes.to_ascii_lowercase();
        // The last group of base64 depends on what follows.
        let base64 = &self.base64[..40];
        let found = [
            ("raw", contains(bytes, &self.raw)),
            ("hex", contains(&lower, &self.hex)),
            ("base64", contains(bytes, base64)),
        ];
        found.into_iter().filter_map(|(form, is_there)| is_there.then_some(form)).collect()
    }

    fn finds_in_file(&self, path: &Path) -> Vec<&'static str> {
        self.finds(&fs::read(path).unwrap())
    }

    /// What is in the memory of a process.
    fn finds_in_memory(&self, pid: u32) -> Vec<&'static str> {
        let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
        let mut found = Vec::new();
        let mut searched = 0;
        for line in fs::read_to_string(format!("/proc/{pid}/maps")).unwrap().lines() {
            let (range, _) = line.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let [start, end] = [start, end].map(|number| u64::from_str_radix(number, 16).unwrap());
            let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
            // Some of the kernel's own pages cannot be read.
            if memory.read_exact_at(&mut bytes, start).is_ok() {
                searched += bytes.len();
                found.extend(self.finds(&bytes));
            }
        }
        assert!(searched > 1024 * 1024, "only {searched} bytes could be read");
        found
    }
}

fn encode_base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for group in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded[1..=group.len()].copy_from_slice(group);
        let number = u32::from_be_bytes(padded);
        text.extend((0..4).map(|at| DIGITS[(number >> (18 - 6 * at) & 63) as usize]));
    }
    text
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    let (first, rest) = needle.split_first().unwrap();
    let mut hay = hay;
    while let Some(at) = hay.iter().position(|byte| byte == first) {
        hay = &hay[at + 1..];
        if hay.starts_with(rest) {
            return true;
        }
    }
    false
}

#[test]
#[ignore = "needs root: makes users, or looks into another process"]
fn the_thief_finds_each_form_of_a_key() {
    let key = PrivateKey::from_bytes([0x5a; 32]).unwrap();
    let thief = Thief::of(&key);
    let hex = key.to_hex();
    assert_eq!(thief.finds(&[&[1, 2][..], &[0x5a; 32], &[3]].concat()), ["raw"]);
    assert_eq!(thief.finds(format!("key = {}", hex.to_uppercase()).as_bytes()), ["hex"]);
    assert_eq!(
        thief.finds(&[b"key = ".as_slice(), &encode_base64(&[0x5a; 32])].concat()),
        ["base64"]
    );
    assert!(thief.finds(&[0x5a; 31]).is_empty());
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn the_key_is_in_the_vaults_memory_and_nowhere_else() {
    let config = DevnetConfig { signers: vec![SignerKind::External], ..quick(1) };
    let mut network = Network::start(config).await;
    let settings = network.settings(0);
    let key = PrivateKey::from_hex(settings.text("stacks_private_key")).unwrap();
    let thief = Thief::of(&key);
    let owner = UnixUser::create("cs-vault");
    let place = VaultPlace::new(&key, Some(&owner), &[(0, "block-signer")]);
    let vault = place.start().await;
    let settings = settings.with_vault(&place.socket());
    let daemon = Daemon::start(&network.write(0, &settings));
    network.adopts(2, "the system works").await;

    let in_the_vault = thief.finds_in_memory(vault.pid());
    assert!(in_the_vault.contains(&"raw"), "the search itself does not work");
    assert!(
        in_the_vault.iter().all(|form| *form == "raw"),
        "{in_the_vault:?}: no text of it is left"
    );
    let nothing: Vec<&str> = Vec::new();
    assert_eq!(thief.finds_in_memory(daemon.pid()), nothing, "the signer's memory");
    for pid in [daemon.pid(), vault.pid()] {
        for file in ["environ", "cmdline"] {
            let path = format!("/proc/{pid}/{file}");
            assert_eq!(thief.finds_in_file(Path::new(&path)), nothing, "{path}");
        }
    }

    // What root gets when it asks the debugger for a core file of the signer.
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("core");
    let mut gcore = Command::new("gcore");
    gcore.arg("-o").arg(&prefix).arg(daemon.pid().to_string());
    let said = gcore.output().expect("gcore is installed (package `gdb`)");
    let core = prefix.with_extension(daemon.pid().to_string());
    assert!(core.exists(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(fs::metadata(&core).unwrap().len() > 1024 * 1024);
    assert_eq!(thief.finds_in_file(&core), nothing, "a core file of the signer");

    network.adopts(1, "neither search disturbed it").await;
    for log in [daemon.log(), vault.log()] {
        assert_eq!(thief.finds(log.text().as_bytes()), nothing, "a log");
    }
    daemon.signal(system_tests::daemons::Signal::TERM);
    assert_eq!(daemon.ended(LIMIT).await.code, Some(0));
    let [store, journal] = settings.files();
    assert_eq!(thief.finds_in_file(&store), nothing, "the store");
    assert!(!journal.exists(), "the signer has no journal of its own");
    assert_eq!(thief.finds_in_file(&place.journal()), nothing, "the vault's journal");
    network.devnet.stop().await;
}
