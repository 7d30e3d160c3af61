//! The verbs of a signer whose key is in a vault: in a process that runs, or in files while it does not.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use countersign_vault::{Birth, JournalExport, Mark, Vault};
use countersign_wire::{ConsensusHash, PrivateKey, Sighash, StacksHeight, UnixSeconds};
use serde_json::Value;

use crate::support::{Place, countersign, said};

/// A signer's configuration with its key in the clear, the same with the key in a vault, and that vault.
pub(crate) struct Site {
    pub(crate) embedded: Place,
    pub(crate) signer: Place,
    pub(crate) vault: Place,
}

impl Site {
    /// The user of this test has these roles; the key has signed three blocks.
    pub(crate) fn new(roles: &str) -> Self {
        let site = Self::without_journal(roles);
        let mut vault = Vault::create(site.key(), &site.journal(), Birth::WithKey).unwrap();
        vault.import(&[mark(1), mark(2), mark(3)]).unwrap();
        vault.close_cleanly().unwrap();
        site
    }

    pub(crate) fn without_journal(roles: &str) -> Self {
        let (embedded, vault) = (Place::startable(), Place::good());
        embedded.write();
        let socket = vault.path().join("vault.sock");
        let signer = Place::good().without("stacks_private_key").with(
            "[countersign]",
            &format!("[countersign]\nkey = {{ vault = \"{}\" }}", socket.display()),
        );
        signer.write();
        fs::create_dir(vault.path().join("journal")).unwrap();
        fs::write(vault.path().join("signing-key"), embedded.key()).unwrap();
        let uid = vault.path().metadata().unwrap().uid();
        let text = format!(
            "socket = \"{}\"\njournal = \"{}\"\nnetwork = \"mocknet\"\nsandbox = \"best-effort\"\n\
             key = {{ credential = \"signing-key\" }}\n[[caller]]\nuid = {uid}\nroles = {roles}\n",
            socket.display(),
            vault.path().join("journal/journal.sqlite").display(),
        );
        fs::write(vault.path().join("vault.toml"), text).unwrap();
        Self { embedded, signer, vault }
    }

    pub(crate) fn key(&self) -> PrivateKey {
        PrivateKey::from_hex(self.embedded.key()).unwrap()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.vault.path().join("journal/journal.sqlite")
    }

    /// Starts the vault and waits until it answers.
    pub(crate) fn start(&self) -> Running {
        self.start_as(self.vault.command(&["vault", "--config", "vault.toml"]))
    }

    /// The same with a command that starts it.
    pub(crate) fn start_as(&self, mut command: Command) -> Running {
        let mut child = command
            .current_dir(self.vault.path())
            .env("CREDENTIALS_DIRECTORY", self.vault.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut lines = log.lines().map(Result::unwrap);
        assert!(lines.any(|line| line.contains("the vault answers")), "it ends before it answers");
        // Its pipe is read on, so that it can write.
        std::thread::spawn(move || lines.for_each(drop));
        Running(child)
    }

    /// A verb for the signer whose key is in the vault.
    pub(crate) fn ask(&self, line: &str) -> String {
        ask(&self.signer, line)
    }

    /// A verb of `journal` on the files of the vault, with its key where systemd would put it.
    pub(crate) fn offline(&self, line: &str) -> String {
        let config = self.vault.path().join("vault.toml");
        let words = ["journal"].into_iter().chain(line.split_whitespace());
        let mut command = countersign(&words.collect::<Vec<_>>());
        command.arg("--vault-config").arg(config).current_dir(self.vault.path());
        said(&command.env("CREDENTIALS_DIRECTORY", self.vault.path()).output().unwrap())
    }
}

/// A vault that is killed when dropped.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn ask(place: &Place, line: &str) -> String {
    said(&place.command(&line.split_whitespace().collect::<Vec<_>>()).output().unwrap())
}

/// The JSON object on the standard output of a verb that succeeds.
pub(crate) fn json(said: &str) -> Value {
    assert!(said.starts_with("exit: 0\n"), "{said}");
    serde_json::from_str(said.lines().nth(2).unwrap()).unwrap()
}

pub(crate) fn mark(height: u8) -> Mark {
    Mark {
        sighash: Sighash::new([height; 32]),
        height: StacksHeight::new(height.into()),
        tenure: ConsensusHash::new([9; 20]),
        at: UnixSeconds::new(1_700_000_000),
    }
}

fn read(path: &Path) -> JournalExport {
    JournalExport::from_json(&fs::read(path).unwrap()).unwrap()
}

/// What an operator has signed by hand.
const SIGNED_BY_HAND: [&str; 3] = [
    "generate-staking-signature -c signer-config.toml --json --auth-id 7 \
     --signer-manager ST185PX4EBXC3QWDN697MJEM13Y8E9JNSRRPZ3ZY0",
    "generate-stacking-signature -c signer-config.toml --json --method stack-stx --auth-id 7 --period 12 \
     --reward-cycle 100 --max-amount 1000 --pox-address mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8",
    "generate-vote -c signer-config.toml --sip 45 --vote yes",
];

#[test]
fn a_storm_of_hangups_does_not_end_a_vault() {
    let site = Site::new("[\"operator\"]");
    let vault = site.start();
    for _ in 0..50 {
        crate::start::terminate(&vault.0, "-HUP");
    }
    let answer = site.ask("journal status -c signer-config.toml --json");
    assert_eq!(json(&answer)["records"], 3, "{answer}");
}

#[test]
fn what_is_signed_by_hand_has_the_same_bytes_from_a_vault_as_from_a_key_that_is_here() {
    let site = Site::new("[\"operator\"]");
    let _vault = site.start();
    for line in SIGNED_BY_HAND {
        let expected = ask(&site.embedded, line);
        assert!(expected.starts_with("exit: 0\n"), "{expected}");
        assert_eq!(site.ask(line), expected);
    }
    assert!(site.signer.files().is_empty(), "nothing is created");

    // The same key, while it is to take another's place.
    let socket = site.vault.path().join("vault.sock");
    let next = format!("[countersign]\nnext_key = {{ vault = \"{}\" }}", socket.display());
    let rotating = Place::good().with("[countersign]", &next);
    rotating.write();
    let line = SIGNED_BY_HAND[0];
    assert_eq!(ask(&rotating, &format!("{line} --next")), ask(&site.embedded, line));
}

#[test]
fn whoever_is_no_operator_is_told_so_and_gets_nothing() {
    let site = Site::new("[\"block-signer\"]");
    for line in SIGNED_BY_HAND {
        let said = site.ask(line);
        assert!(said.starts_with("exit: 11\n--- stderr\n"), "{said}");
        assert!(said.contains("is `countersign vault` running?"), "{said}");
    }
    let _vault = site.start();
    for line in SIGNED_BY_HAND {
        let said = site.ask(line);
        assert!(said.starts_with("exit: 11\n--- stderr\n"), "{said}");
        assert!(said.contains("explain-permissions"), "{said}");
    }
    let said = site.ask("journal release");
    assert!(said.starts_with("exit: 11\n") && said.contains("resume-signing"), "{said}");
}

#[test]
fn a_vault_for_another_chain_signs_no_grant_for_this_one() {
    let site = Site::new("[\"operator\"]");
    let config = site.vault.path().join("vault.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("chain_id = 77\n{text}")).unwrap();
    let _vault = site.start();
    let said = site.ask(SIGNED_BY_HAND[0]);
    assert!(said.starts_with("exit: 2\n") && said.contains("signs for 0x4d only"), "{said}");
}

#[test]
fn the_journal_of_a_vault_that_is_stopped_is_looked_after_through_its_configuration() {
    let site = Site::new("[\"block-signer\"]");
    let status = json(&site.offline("status --json"));
    assert_eq!(status["journal"], site.journal().to_str().unwrap());
    assert_eq!((&status["records"], &status["is_clean"]), (&3.into(), &true.into()));
    assert!(site.offline("verify").contains("the journal is whole"));
    assert_eq!(json(&site.offline("hold --from-burn-height 900 --json"))["hold"], 900);
    assert_eq!(json(&site.offline("release --json"))["hold"], Value::Null);
    assert_eq!(json(&site.offline("export --out out.json --json"))["acceptances"], 3);
    assert_eq!(read(&site.vault.path().join("out.json")).public_key, site.key().public_key());
    assert_eq!(json(&site.offline("import out.json --dry-run --json"))["known"], 3);
    assert_eq!(json(&site.offline("import out.json --json"))["known"], 3);
    assert_eq!(json(&site.offline("accept --json"))["wait_secs"], 600);

    let _vault = site.start();
    for verb in ["status", "hold --from-burn-height 1", "export --out x", "import out.json"] {
        let said = site.offline(verb);
        assert!(said.starts_with("exit: 4\n") && said.contains("is in use by"), "{said}");
    }
}

#[test]
fn a_vaults_configuration_that_is_wrong_or_named_beside_a_signers_is_refused() {
    let site = Site::without_journal("[\"block-signer\"]");
    let said = site.offline("status");
    assert!(
        said.starts_with("exit: 4\n") && said.contains("there is no signing journal"),
        "{said}"
    );
    for line in ["status --config x", "status --next"] {
        let said = site.offline(line);
        assert!(said.starts_with("exit: 2\n") && said.contains("cannot be used with"), "{said}");
    }
    let said = ask(&site.vault, "journal status --vault-config no.toml");
    assert!(said.starts_with("exit: 2\n") && said.contains("no.toml: the configuration"), "{said}");
}

#[test]
fn the_journal_of_a_vault_that_runs_is_asked_for_over_its_socket() {
    let site = Site::new("[\"block-signer\", \"operator\"]");
    let _vault = site.start();
    let status = json(&site.ask("journal status --json"));
    assert_eq!((&status["journal"], &status["records"]), (&Value::Null, &3.into()));
    let text = site.ask("journal status");
    assert!(text.contains("the vault that listens there runs"), "{text}");
    assert_eq!(json(&site.ask("journal hold --from-burn-height 900 --json"))["hold"], 900);
    assert_eq!(json(&site.ask("journal release --json"))["hold"], Value::Null);

    // A journal of a key that signs would be out of date at once.
    let said = site.ask("journal export --out early.json");
    assert!(said.starts_with("exit: 4\n") && said.contains("`countersign demote`"), "{said}");
    assert!(site.signer.files().is_empty(), "{:?}", site.signer.files());
    for verb in ["verify", "accept"] {
        let said = site.ask(&format!("journal {verb}"));
        assert!(said.starts_with("exit: 2\n") && said.contains("--vault-config"), "{said}");
    }
}

#[test]
fn a_signer_at_rest_hands_over_what_its_vault_has_and_another_vault_takes_it() {
    let roles = "[\"block-signer\", \"operator\"]";
    let old = Site::new(roles);
    let running = old.start();
    let demoted = json(&old.ask("demote --config signer-config.toml --out moved.json --json"));
    assert_eq!(demoted["journals"][0]["acceptances"], 3);
    let moved = old.signer.path().join("moved.json");
    assert!(read(&moved).is_proven_demotion());
    assert_eq!(json(&old.ask("journal status --json"))["standing"], "demoted");
    // Once more, for a file that was lost.
    assert_eq!(
        json(&old.ask("journal export --out again.json --json"))["is_proven_demotion"],
        true
    );
    drop(running);

    let new = Site::without_journal(roles);
    fs::write(new.vault.path().join("signing-key"), old.embedded.key()).unwrap();
    let _running = new.start();
    fs::copy(&moved, new.signer.path().join("moved.json")).unwrap();
    let said = new.ask("journal import moved.json --dry-run");
    assert!(said.starts_with("exit: 2\n") && said.contains("--vault-config"), "{said}");
    assert_eq!(json(&new.ask("journal import moved.json --json"))["added"], 3);
    let promoted = new.ask("promote --config signer-config.toml --journal moved.json");
    assert!(promoted.starts_with("exit: 0\n"), "{promoted}");
    let drill = new.signer.path().join("records/drill.failover.json");
    assert!(drill.exists(), "its next start signs in the other one's place");
    let status = json(&new.ask("journal status --json"));
    assert_eq!((&status["standing"], &status["highest"]), (&"active".into(), &3.into()));
    let said = new.ask("promote --config signer-config.toml --peer-is-lost");
    assert!(said.starts_with("exit: 2\n") && said.contains("start the signer"), "{said}");
}

#[test]
fn an_export_that_its_key_has_not_proven_is_for_a_vault_that_is_stopped() {
    let site = Site::new("[\"block-signer\"]");
    let path = site.signer.path().join("unproven.json");
    let mut vault = Vault::open(site.key(), &site.journal()).unwrap();
    let export = vault.export_journal(UnixSeconds::new(9)).unwrap();
    vault.close_cleanly().unwrap();
    fs::write(&path, JournalExport { proof: None, ..export }.to_json()).unwrap();
    let running = site.start();
    let said = site.ask("journal import unproven.json");
    assert!(said.starts_with("exit: 4\n") && said.contains("`--vault-config`"), "{said}");
    drop(running);
    fs::copy(&path, site.vault.path().join("unproven.json")).unwrap();
    assert_eq!(json(&site.offline("import unproven.json --json"))["known"], 3);
}
