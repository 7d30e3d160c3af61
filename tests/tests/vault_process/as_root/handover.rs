//! A key that moves from one vault to another, and what an operator has signed by a vault.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use countersign_vault::JournalExport;
use system_tests::daemons::countersign;

use super::*;

/// Runs the program to its end.
async fn command(arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(countersign());
    command.args(arguments).kill_on_drop(true).output().await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn proven(path: &Path) -> JournalExport {
    let export = JournalExport::from_json(&fs::read(path).unwrap()).unwrap();
    assert!(export.is_proven_demotion());
    export
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_key_moves_with_everything_it_signed_from_one_vault_to_another() {
    let mut network = Network::start(alone()).await;
    let settings = network.settings(0);
    let key = PrivateKey::from_hex(settings.text("stacks_private_key")).unwrap();
    let (folder, owner) = (tempfile::tempdir().unwrap(), UnixUser::create("cs-vault"));
    let callers = [(ROOT, "block-signer")];
    let old = VaultPlace::new(&key, Some(&owner), &callers);
    let vault = old.start().await;
    let config = network.write(0, &settings.clone().with_vault(&old.socket()));
    let daemon = Daemon::start(&config);
    let adopted = network.adopts(3, "the first vault signs").await;

    // A vault that is away when its signer is told to stop is told the next time.
    let (first, second) = (folder.path().join("first.json"), folder.path().join("second.json"));
    let demote = async |out: &Path| {
        let (config, out) = (config.to_str().unwrap(), out.to_str().unwrap());
        command(&["demote", "--config", config, "--out", out]).await
    };
    vault.kill().await;
    let refused = demote(&first).await;
    assert_eq!(refused.status.code(), Some(12), "{refused:?}");
    assert!(text(&refused.stderr).contains("its vault did not do its part"), "{refused:?}");
    assert!(!first.exists() && daemon.is_running());
    let vault = old.start().await;
    for out in [&first, &second] {
        let demoted = demote(out).await;
        assert_eq!(demoted.status.code(), Some(0), "{demoted:?}");
        assert!(text(&demoted.stdout).contains("read back, and proven by the key"), "{demoted:?}");
    }
    let moved = proven(&first);
    assert_eq!(moved.acceptances, proven(&second).acceptances);
    let has = |sighash: &Sighash| moved.acceptances.iter().any(|mark| mark.sighash == *sighash);
    assert!(adopted.iter().all(has), "a block is missing");
    network.skip_to_now();
    network.proposes(2, "nothing is signed after the demotion").await;
    daemon.signal(Signal::TERM);
    daemon.ended(LIMIT).await;
    vault.signal(Signal::TERM);
    let ended = vault.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(accepted_in_journal(&old.journal()).len(), moved.acceptances.len());

    // The other side: a vault that knows nothing, and a standby.
    let new = VaultPlace::new(&key, Some(&owner), &callers);
    let vault = new.start().await;
    let database = folder.path().join("signer.sqlite");
    let settings = settings.with_vault(&new.socket()).with("db_path", database.to_str().unwrap());
    let config = settings.write(&folder.path().join("config.toml"));
    let (standby, _) = Daemon::standby(&config).await;
    let (config, moved) = (config.to_str().unwrap(), first.to_str().unwrap());
    let promoted = command(&["promote", "--config", config, "--journal", moved]).await;
    assert_eq!(promoted.status.code(), Some(0), "{promoted:?}");
    network.skip_to_now();
    network.adopts(2, "the second vault signs").await;
    standby.signal(Signal::TERM);
    standby.ended(LIMIT).await;
    vault.signal(Signal::TERM);
    vault.ended().await;
    let known = accepted_in_journal(&new.journal());
    assert!(adopted.iter().all(|sighash| known.contains(sighash)), "a block was not taken over");
    network.devnet.stop().await;
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn an_operator_has_signed_by_hand_what_a_signer_and_a_stranger_may_not() {
    let key = fresh();
    let [operator, signer, stranger] =
        ["cs-operator", "cs-signer", "cs-stranger"].map(UnixUser::create);
    let callers = [(operator.uid(), "operator"), (signer.uid(), "block-signer")];
    let place = VaultPlace::new(&key, None, &callers);
    let _vault = place.start().await;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let config = folder.path().join("signer-config.toml");
    let text = format!(
        "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:0\"\nnetwork = \"testnet\"\n\
         auth_password = \"p\"\ndb_path = \"signer.sqlite\"\n[countersign]\nkey = {{ vault = \"{}\" }}\n",
        place.socket().display()
    );
    fs::write(&config, text).unwrap();
    fs::set_permissions(&config, Permissions::from_mode(0o644)).unwrap();
    let votes = |user: &UnixUser| {
        let mut command = Command::new(countersign());
        command.args(["generate-vote", "--sip", "31", "--vote", "yes", "--config"]).arg(&config);
        std::os::unix::process::CommandExt::uid(&mut command, user.uid());
        std::os::unix::process::CommandExt::gid(&mut command, user.gid());
        let done = command.output().unwrap();
        (done.status.code(), self::text(&done.stdout), self::text(&done.stderr))
    };
    let signature = key.sign(&sip018::sip_vote(31, true)).to_string();
    assert_eq!(votes(&operator), (Some(0), format!("{signature}\n"), String::new()));
    for (user, says) in [
        (&signer, "may not ask this vault for a sip-vote"),
        (&stranger, "add a [[caller]] with this user"),
    ] {
        let (code, printed, said) = votes(user);
        assert_eq!((code, printed.as_str()), (Some(11), ""), "{said}");
        assert!(said.contains(says), "{said}");
    }
}
