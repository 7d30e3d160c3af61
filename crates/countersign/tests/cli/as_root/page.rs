//! `docs/operator/keys.md`, carried out.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use countersign_vault::{Birth, JournalFile, Mark, Vault};
use countersign_wire::hash::sha256;
use countersign_wire::{ConsensusHash, PrivateKey, Sighash, StacksHeight, UnixSeconds};

use super::user::{Home, User};
use crate::page::follow_with;
use crate::start::{terminate, wait_until_ready};
use crate::support::said;

/// A host with a signer that is installed as docs/operator/systemd.md says and whose key is bare: its
/// configuration in root's folder, its files in its own. It has signed one block.
struct Host {
    signer: Home,
    vault: User,
    /// The key, of this test alone: of one key only one process signs on a machine.
    key: String,
}

impl Host {
    fn new() -> Self {
        let key =
            hex::encode(sha256(&[b"docs/operator/keys.md", &std::process::id().to_be_bytes()]));
        let host = Self { signer: Home::new(), vault: User::new(), key };
        let config = format!(
            "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:0\"\nstacks_private_key = \"{}\"\n\
             network = \"testnet\"\nauth_password = \"correct horse\"\ndb_path = \"{}\"\n",
            host.key,
            host.signer.path().join("signer.sqlite").display()
        );
        fs::create_dir(host.at("etc")).unwrap();
        fs::write(host.at("etc/signer-config.toml"), config).unwrap();
        host.signer.give(&host.at("etc/signer-config.toml"), 0o600);
        let journal = host.at("home/signer.countersign-journal.sqlite");
        let mut vault = Vault::create(host.private(), &journal, Birth::WithKey).unwrap();
        let signed = Mark {
            sighash: Sighash::new([7; 32]),
            height: StacksHeight::new(7),
            tenure: ConsensusHash::new([9; 20]),
            at: UnixSeconds::new(1_700_000_000),
        };
        vault.import(&[signed]).unwrap();
        vault.close_cleanly().unwrap();
        for ending in ["sqlite", "witness"] {
            host.signer.give(&journal.with_extension(ending), 0o600);
        }
        host
    }

    /// A file of this host.
    fn at(&self, path: &str) -> PathBuf {
        self.signer.above().join(path)
    }

    fn private(&self) -> PrivateKey {
        PrivateKey::from_hex(&self.key).unwrap()
    }

    fn public(&self) -> String {
        self.private().public_key().to_string()
    }

    /// Runs every block of the page, with this host's names in the place of the page's. What it printed.
    fn follow(&self, page: &str) -> String {
        let ours = [
            ("SIGNER_USER=countersign\n", self.signer.user.name.clone()),
            ("SIGNER_DIR=/etc/countersign\n", self.at("etc").display().to_string()),
            ("VAULT_USER=countersign-vault\n", self.vault.name.clone()),
            ("VAULT_DIR=/var/lib/countersign-vault\n", self.at("vault").display().to_string()),
            ("VAULT_SOCKET=/run/countersign/vault.sock\n", self.socket().display().to_string()),
            ("NETWORK=mainnet\n", "testnet".to_owned()),
            (
                "JOURNAL=/var/lib/countersign/signer.countersign-journal\n",
                self.at("home/signer.countersign-journal").display().to_string(),
            ),
        ];
        follow_with(page, &ours, &self.signer.path(), &[&self.at("")])
    }

    fn socket(&self) -> PathBuf {
        self.at("run/vault.sock")
    }

    /// Starts the vault as its unit does, with the credential that systemd would have unsealed, and waits
    /// until it answers.
    fn start_vault(&self) -> Running {
        let credentials = self.at("credentials");
        fs::create_dir(&credentials).unwrap();
        let unsealed = Command::new("systemd-creds")
            .args(["decrypt", "--name=signer-passphrase"])
            .args([
                self.at("etc/credstore/signer-passphrase"),
                credentials.join("signer-passphrase"),
            ])
            .output()
            .expect("systemd-creds of the distribution is installed");
        assert!(unsealed.status.success(), "{}", said(&unsealed));
        for (path, mode) in
            [(credentials.clone(), 0o500), (credentials.join("signer-passphrase"), 0o400)]
        {
            std::os::unix::fs::chown(&path, Some(self.vault.uid), None).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let uid = self.vault.uid.to_string();
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", &uid, "--regid", &uid, "--clear-groups"])
            .args(["--inh-caps", "+ipc_lock", "--ambient-caps", "+ipc_lock"])
            .arg(self.signer.program())
            .args(["vault", "--config"])
            .arg(self.at("etc/vault.toml"))
            .env("CREDENTIALS_DIRECTORY", credentials);
        let mut vault = Running::start(&mut command);
        let mut log = BufReader::new(vault.0.stderr.take().unwrap());
        let mut told = String::new();
        while !told.contains("the vault answers") {
            assert_ne!(log.read_line(&mut told).unwrap(), 0, "{told}");
        }
        // Whatever else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
        vault
    }

    fn start_signer(&self) -> Running {
        let mut command = Command::new(self.signer.program());
        command
            .args(["run", "--config"])
            .arg(self.at("etc/signer-config.toml"))
            .current_dir(self.signer.path())
            .uid(self.signer.user.uid)
            .gid(self.signer.user.uid);
        let mut signer = Running::start(&mut command);
        wait_until_ready(&mut signer.0);
        signer
    }

    /// What the signer's user can read below `folder`.
    fn readable(&self, folder: &Path) -> Vec<PathBuf> {
        let found = Command::new("runuser")
            .args(["-u", &self.signer.user.name, "--", "find"])
            .arg(folder)
            .args(["-type", "f", "-readable"])
            .output()
            .unwrap();
        String::from_utf8(found.stdout).unwrap().lines().map(PathBuf::from).collect()
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(piped.spawn().unwrap())
    }

    /// Asks it to stop, and waits until it has done so in an orderly way.
    fn stop(mut self) {
        terminate(&self.0, "-TERM");
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs root: it makes users; systemd-creds of the distribution"]
fn a_newcomer_moves_to_an_encrypted_key_and_to_two_processes_with_the_commands_of_the_page_alone() {
    let host = Host::new();
    let public = host.public();
    let said = host.follow(include_str!("../../../../../docs/operator/keys.md"));
    assert!(said.contains(&format!("The backup restores the key {public}")), "{said}");
    // Sealed, and again from the vault.
    assert_eq!(said.matches(&format!("\nPublic key: {public}\nKey: ")).count(), 2, "{said}");
    assert!(!said.contains(&host.key[..16]) && !said.contains(&host.key[48..]), "{said}");
    // Neither the key nor its passphrase is on the disk any more, nor a journal where it was.
    for gone in ["etc/bare.toml", "etc/sealed.toml", "etc/key/passphrase", "etc/key/shares"] {
        assert!(!host.at(gone).exists(), "{gone}");
    }
    assert!(!host.at("home/signer.countersign-journal.sqlite").exists());
    let config = fs::read_to_string(host.at("etc/signer-config.toml")).unwrap();
    let line = format!("key = {{ vault = \"{}\" }}", host.socket().display());
    assert!(config.lines().any(|known| known == line) && !config.contains(&host.key), "{config}");
    let vault = fs::read_to_string(host.at("etc/vault.toml")).unwrap();
    assert!(
        vault.contains("passphrase_credential") && !vault.contains("passphrase_file"),
        "{vault}"
    );
    the_two_processes_run(&host);
    // The journal that was moved is the one that is used: it has its block, and more openings.
    let journal = JournalFile::inspect(&host.at("vault/journal.sqlite")).unwrap();
    assert_eq!((journal.records, journal.is_clean), (1, true), "{journal:?}");
    assert!(journal.openings >= 3, "{journal:?}");
}

/// The signer has its key through the vault, and its user can read no file of the key.
fn the_two_processes_run(host: &Host) {
    let config = host.at("etc/signer-config.toml").display().to_string();
    let (vault, signer) = (host.start_vault(), host.start_signer());
    let shown = said(&host.signer.run(&["check-config", "--config", &config]));
    assert!(shown.contains(&format!("Public key: {}\nKey: ", host.public())), "{shown}");
    let status = host.signer.run(&["status", "--config", &config, "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    let rungs = status["readiness"]["rungs"].as_array().unwrap();
    let holds = |name: &str| rungs.iter().any(|step| step["rung"] == name && step["holds"] == true);
    assert!(holds("key_open") && holds("journal_good"), "{status:#}");
    assert_eq!(status["signer"]["public_key"], host.public(), "{status:#}");

    let mut readable = host.readable(&host.at(""));
    readable.retain(|path| *path != host.signer.program());
    assert!(readable.contains(&host.at("etc/signer-config.toml")), "{readable:?}");
    let bytes = host.private().to_bytes();
    let (start, end) = host.key.as_bytes().split_at(32);
    for path in readable {
        for closed in ["etc/key", "vault", "credentials"] {
            assert!(!path.starts_with(host.at(closed)), "{}", path.display());
        }
        let content = fs::read(&path).unwrap();
        for part in [start, end, &bytes[..16], &bytes[16..]] {
            let is_there = content.windows(part.len()).any(|window| window == part);
            assert!(!is_there, "{}", path.display());
        }
    }
    signer.stop();
    vault.stop();
}
