//! `docs/operator/keys.md`, carried out on a host that systemd has booted.

use std::fs;
use std::path::PathBuf;

use countersign_vault::{Birth, Mark, Vault};
use countersign_wire::hash::sha256;
use countersign_wire::{ConsensusHash, PrivateKey, Sighash, StacksHeight, UnixSeconds};
use serde_json::Value;
use tempfile::TempDir;

use super::booted::{Host, LOCKS};
use crate::blocks::blocks;

/// A host with a signer whose key is bare, and that has signed one block: with its own units of those that are rendered,
/// and without anything else that is. The newcomer has a token, and the identities of two others.
const PREPARE: &str = r#"
touch /usr/bin/countersign
mount --bind "$(command -v countersign)" /usr/bin/countersign
ip link set lo up
systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service
countersign init --yes --network testnet --profile pool --dir before > /dev/null
countersign render --config before/countersign.toml --out before/rendered > /dev/null
cp before/rendered/signer/public/etc/systemd/system/countersign.{service,socket} /etc/systemd/system
rm -r before
systemctl daemon-reload
useradd --system --user-group --no-create-home --shell /usr/sbin/nologin countersign
install -d -m 0755 /etc/countersign
install -m 0600 -o countersign -g countersign signer-config.toml /etc/countersign
install -d -m 0700 -o countersign -g countersign /var/lib/countersign
install -m 0600 -o countersign -g countersign signer.* /var/lib/countersign
(umask 077 && printf 4711 > pin.txt && age-keygen -o owner-1.txt && age-keygen -o owner-2.txt) 2> /dev/null
softhsm2-util --init-token --free --label signer --so-pin 08154711 --pin 4711 > /dev/null
age-keygen -y owner-1.txt
age-keygen -y owner-2.txt
"#;

struct Signer {
    host: Host,
    folder: TempDir,
    /// The key, of this test alone: of one key only one process signs on a machine.
    key: String,
    /// The recipients of the two identities.
    recipients: Vec<String>,
}

impl Signer {
    fn new() -> Self {
        let key =
            hex::encode(sha256(&[b"docs/operator/keys.md", &std::process::id().to_be_bytes()]));
        let folder = TempDir::new().unwrap();
        let config = format!(
            "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:30000\"\nstacks_private_key = \"{key}\"\n\
             network = \"testnet\"\nauth_password = \"correct horse\"\n\
             db_path = \"/var/lib/countersign/signer.sqlite\"\n"
        );
        fs::write(folder.path().join("signer-config.toml"), config).unwrap();
        let journal = folder.path().join("signer.countersign-journal.sqlite");
        let private = PrivateKey::from_hex(&key).unwrap();
        let mut vault = Vault::create(private, &journal, Birth::WithKey).unwrap();
        let signed = Mark {
            sighash: Sighash::new([7; 32]),
            height: StacksHeight::new(7),
            tenure: ConsensusHash::new([9; 20]),
            at: UnixSeconds::new(1_700_000_000),
        };
        vault.import(&[signed]).unwrap();
        vault.close_cleanly().unwrap();
        let host = Host::new("signer", None, folder.path());
        let recipients = host.run(folder.path(), &format!("{LOCKS}{PREPARE}"));
        let recipients = recipients.lines().map(str::to_owned).collect();
        for secret in ["signer-config.toml", "signer.countersign-journal.sqlite"] {
            fs::remove_file(folder.path().join(secret)).unwrap();
        }
        Self { host, folder, key, recipients }
    }

    fn run(&self, script: &str) -> String {
        self.host.run(self.folder.path(), script)
    }

    /// A file of this host.
    fn at(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.host.init))
    }

    fn private(&self) -> PrivateKey {
        PrivateKey::from_hex(&self.key).unwrap()
    }

    fn public(&self) -> String {
        self.private().public_key().to_string()
    }

    /// Runs every block of the page, with what the page cannot know in its place. What it printed.
    fn follow(&self, page: &str) -> String {
        let [first, second] = self.recipients.as_slice() else { panic!("{:?}", self.recipients) };
        let ours = [
            ("NETWORK=mainnet\n", "NETWORK=testnet\n".to_owned()),
            ("RECIPIENT_1=age1…\n", format!("RECIPIENT_1={first}\n")),
            ("RECIPIENT_2=age1…\n", format!("RECIPIENT_2={second}\n")),
        ];
        let mut script = blocks(page);
        for (theirs, ours) in ours {
            assert_eq!(script.matches(theirs).count(), 1, "{theirs}");
            script = script.replace(theirs, &ours);
        }
        self.run(&format!("exec 2>&1\nset -x\n{script}"))
    }
}

#[test]
#[ignore = "needs root: namespaces, systemd, SoftHSM, age"]
fn a_newcomer_moves_to_an_encrypted_key_and_to_two_processes_with_the_commands_of_the_page_alone() {
    let host = Signer::new();
    let public = host.public();
    let said = host.follow(include_str!("../../../../../docs/operator/keys.md"));
    assert!(said.contains(&format!("The backup restores the key {public}")), "{said}");
    // Sealed, and again from the vault.
    assert_eq!(said.matches(&format!("\nPublic key: {public}\nKey: ")).count(), 2, "{said}");
    assert!(!said.contains(&host.key[..16]) && !said.contains(&host.key[48..]), "{said}");
    // The vault by hand, and as a service.
    assert!(said.contains("the vault answers"), "{said}");
    // Neither the key nor its passphrase is on the disk any more, nor a journal where it was.
    for gone in [
        "/etc/countersign/bare.toml",
        "/etc/countersign/sealed.toml",
        "/etc/countersign/key/passphrase",
        "/etc/countersign/key/shares",
        "/var/lib/countersign/signer.countersign-journal.sqlite",
    ] {
        assert!(!host.at(gone).exists(), "{gone}");
    }
    assert!(!host.folder.path().join("pin.txt").exists());
    for made in [
        "/etc/countersign/key/next.age",
        "/etc/countersign/key/spare.age",
        "/var/lib/countersign-vault/next.sqlite",
        "/etc/countersign/credstore/token-pin",
    ] {
        assert!(host.at(made).is_file(), "{made}: {said}");
    }
    let config = fs::read_to_string(host.at("/etc/countersign/signer-config.toml")).unwrap();
    let line = "key = { vault = \"/run/countersign/vault.sock\" }";
    assert!(config.lines().any(|known| known == line) && !config.contains(&host.key), "{config}");
    let vault = fs::read_to_string(host.at("/etc/countersign/vault.toml")).unwrap();
    assert!(
        vault.contains("passphrase_credential") && !vault.contains("passphrase_file"),
        "{vault}"
    );
    the_two_processes_run(&host);
    // The journal that was moved is the one that is used: it has its block, and more openings.
    let journal = host.run(
        "systemctl stop countersign.socket countersign.service countersign-vault.socket countersign-vault.service
        runuser -u countersign-vault -- countersign journal status --json --vault-config /etc/countersign/vault.toml",
    );
    let journal: Value = serde_json::from_str(&journal).unwrap();
    assert_eq!((&journal["records"], &journal["is_clean"]), (&1.into(), &true.into()));
    assert!(journal["openings"].as_u64().unwrap() >= 3, "{journal:#}");
}

/// The signer has its key through the vault, and its user can read no file of the key.
fn the_two_processes_run(host: &Signer) {
    let services = "systemctl show --value -p ActiveState -p NRestarts countersign-vault.service countersign.service";
    assert_eq!(host.run(services), "0\nactive\n\n0\nactive\n");
    let status =
        host.run("countersign status --json --config /etc/countersign/signer-config.toml || true");
    let status: Value = serde_json::from_str(&status).unwrap();
    let rungs = status["readiness"]["rungs"].as_array().unwrap();
    let holds = |name: &str| rungs.iter().any(|step| step["rung"] == name && step["holds"] == true);
    assert!(holds("key_open") && holds("journal_good"), "{status:#}");
    assert_eq!(status["signer"]["public_key"], host.public(), "{status:#}");

    let readable = host.run(
        "runuser -u countersign -- find /etc/countersign /var/lib/countersign /var/lib/countersign-vault \
             /run/countersign /run/credentials -type f -readable 2> /dev/null || true",
    );
    let readable: Vec<&str> = readable.lines().collect();
    assert!(readable.contains(&"/etc/countersign/signer-config.toml"), "{readable:?}");
    let bytes = host.private().to_bytes();
    let (start, end) = host.key.as_bytes().split_at(32);
    for path in readable {
        for closed in ["/etc/countersign/key", "/var/lib/countersign-vault", "/run/credentials"] {
            assert!(!path.starts_with(closed), "{path}");
        }
        let content = fs::read(host.at(path)).unwrap();
        for part in [start, end, &bytes[..16], &bytes[16..]] {
            let is_there = content.windows(part.len()).any(|window| window == part);
            assert!(!is_there, "{path}");
        }
    }
}
