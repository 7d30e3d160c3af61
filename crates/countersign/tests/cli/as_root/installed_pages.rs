//! Pages about a signer that is installed, carried out where one is: on a host that systemd has booted.

use std::fs;
use std::path::Path;

use countersign_vault::{Birth, Vault};
use countersign_wire::PrivateKey;
use countersign_wire::hash::sha256;
use serde_json::Value;

use super::booted::{Host, POOL, SOLO, installed};
use super::link_page::{spawn, wire};
use crate::blocks::{blocks, steps};

/// The objects that lines of an output begin with.
fn objects(said: &str) -> Vec<Value> {
    let begin = said.lines().filter(|line| line.starts_with('{'));
    let first =
        begin.filter_map(|line| serde_json::Deserializer::from_str(line).into_iter().next());
    first.map(Result::unwrap).collect()
}

#[test]
#[ignore = "needs root: namespaces, systemd, curl"]
fn an_installed_signer_is_asked_with_the_commands_of_the_pages_alone() {
    let (host, folder, _) = installed(SOLO);
    let socket = blocks(include_str!("../../../../../docs/operator/control.md"));
    let said = host.run(folder.path(), &socket);
    let [status, reload] = objects(&said).try_into().unwrap_or_else(|_| panic!("{said}"));
    for part in ["signer", "readiness", "instance", "missed", "snapshot"] {
        assert!(!status[part].is_null(), "{part} is not in {status:#}");
    }
    assert_eq!(status["signer"]["network"], "testnet", "{status:#}");
    assert_eq!(reload["changes"], Value::Array(Vec::new()), "{reload:#}");

    let ladder = blocks(include_str!("../../../../../docs/operator/readiness.md"));
    let said = host.run(folder.path(), &ladder);
    // Nobody is its node.
    assert!(said.contains("node_reached"), "{said}");
    let asked = objects(&said);
    let [ladder] = asked.as_slice() else { panic!("{said}") };
    assert_eq!((&ladder["ready"], &ladder["missing"]), (&false.into(), &"node_reached".into()));
    assert!(said.contains("503 Service Unavailable"), "{said}");
    assert!(said.contains("Active: active (running)"), "{said}");
    assert!(said.contains("Status: \"not ready, node_reached: "), "{said}");
}

/// The public key that a line of an output ends with.
fn key_after<'a>(said: &'a str, before: &str) -> &'a str {
    let line = said.lines().find_map(|line| line.strip_prefix(before));
    line.unwrap_or_else(|| panic!("{before} is not in {said}")).trim()
}

/// The page about a change of keys: for a signer that has its key itself, and for one with a vault.
fn rotation() -> (Vec<String>, Vec<String>) {
    let page = include_str!("../../../../../docs/operator/rotation.md");
    let (alone, vault) = page.split_once("\n## With a vault\n").unwrap();
    let theirs = "MANAGER=SP….manager\n";
    assert_eq!([alone, vault].map(|part| part.matches(theirs).count()), [2, 1], "{page}");
    let ours = "MANAGER=ST000000000000000000002AMW42H.manager\n";
    (steps(&alone.replace(theirs, ours)), steps(&vault.replace(theirs, ours)))
}

/// The page's look at where the change stands. Nobody is the node here, so it ends with the code for that, and no other.
fn without_a_node(wait: &str) -> String {
    let (command, none) = wait.split_once(" || true\n").unwrap_or_else(|| panic!("{wait}"));
    assert_eq!(none, "");
    format!("exec 2>&1\n{command} && exit 99 || [ $? = 1 ]\n")
}

/// What that says.
fn says_that_there_is_no_node(said: &str) {
    assert!(said.contains("error: the node"), "{said}");
}

/// A grant of this key was signed.
fn grants(said: &str, key: &str) {
    let grant = format!("Signer Public Key: 0x{key}\nSigner Key Signature: 0x");
    assert!(said.contains(&grant), "{grant} is not in {said}");
}

/// A backup of this key restores it, and nothing of it is left. When that was is where the signer's records are.
fn is_backed_up(host: &Host, folder: &Path, said: &str, key: &str) {
    let proof = format!("The backup restores the key {key}, which signed a challenge.");
    assert!(said.contains(&proof), "{said}");
    let look = format!(
        "test -e /var/lib/countersign/records/key-backup.{key}.json
        test ! -e /etc/countersign/key/shares
        test ! -e /etc/countersign/key/signer-2-passphrase"
    );
    host.run(folder, &look);
}

/// The public keys that the signer has loaded, where every file is as it is rendered.
fn loaded(host: &Host, folder: &Path) -> [Value; 2] {
    let site = "--site /etc/countersign/countersign.toml";
    let ask = format!(
        "countersign render --check
        countersign doctor {site} --only files-rendered
        countersign status --json --config /etc/countersign/signer-config.toml || true"
    );
    let said = host.run(folder, &ask);
    let status = objects(&said).pop().unwrap_or_else(|| panic!("{said}"));
    ["public_key", "next_public_key"].map(|key| status["signer"][key].clone())
}

#[test]
#[ignore = "needs root: namespaces, systemd"]
fn an_installed_signer_changes_its_key_with_the_commands_of_the_page_alone() {
    let (host, folder, _) = installed(SOLO);
    let [old, none] = loaded(&host, folder.path());
    assert_eq!(none, Value::Null);
    let (steps, _) = rotation();
    let [make, load, backup, grant, wait, finish, again] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    // The key has been sealed, passphrase and all, since its host was installed.
    let said =
        host.run(folder.path(), &format!("shred -u /etc/countersign/key/*-passphrase\n{again}"));
    grants(&said, old.as_str().unwrap());
    host.run(folder.path(), "test ! -e /run/countersign-opened");

    let script = [make, load, backup, grant, &without_a_node(wait)].map(String::as_str).concat();
    let said = host.run(folder.path(), &script);
    let next = key_after(&said, "Public key: ").to_owned();
    grants(&said, &next);
    is_backed_up(&host, folder.path(), &said, &next);
    says_that_there_is_no_node(&said);
    assert_eq!(loaded(&host, folder.path()), [old, Value::from(next.as_str())]);
    let doctor = "runuser -u countersign -- countersign doctor key --config /etc/countersign/signer-config.toml || true";
    let said = host.run(folder.path(), doctor);
    assert!(said.contains("the next key: ") && said.contains("/key/signer-2.age"), "{said}");
    // The new key's journal began with it.
    let journal = format!("/var/lib/countersign/signer.countersign-journal-{next}.sqlite");
    host.run(folder.path(), &format!("test -e {journal}"));

    host.run(folder.path(), finish);
    assert_eq!(loaded(&host, folder.path()), [Value::from(next.as_str()), Value::Null]);
    // Whose name for it is the key's, not that of its turn.
    let ask = "systemctl stop countersign.socket countersign.service
        runuser -u countersign -- countersign journal status --config /etc/countersign/signer-config.toml";
    let said = host.run(folder.path(), ask);
    assert!(said.contains(&journal) && said.contains(&next), "{said}");
}

/// As docs/operator/start.md says it of a pool.
const OPERATOR: &str = "useradd --create-home alice
    printf '\\n[signer]\\noperators = [\"alice\"]\\n' >> /etc/countersign/countersign.toml\n";

/// The second vault may lock its memory, as the first may in [`LOCKS`].
const LOCKS_OF_NEXT: &str = "cp -r /etc/systemd/system/countersign-vault.service.d \
    /etc/systemd/system/countersign-vault-next.service.d\n";

#[test]
#[ignore = "needs root: namespaces, systemd"]
fn an_installed_vault_hands_over_to_the_next_one_with_the_commands_of_the_page_alone() {
    let (host, folder, _) = installed(POOL);
    let [old, none] = loaded(&host, folder.path());
    assert_eq!(none, Value::Null);
    let (alone, steps) = rotation();
    let [load, grant, finish] = steps.as_slice() else { panic!("{steps:?}") };
    let wait = alone.iter().find(|step| step.contains("keys rotate")).unwrap();
    let script = [OPERATOR, LOCKS_OF_NEXT, load, grant, &without_a_node(wait)].concat();
    let said = host.run(folder.path(), &script);
    let next = key_after(&said, "Public key: ");
    grants(&said, next);
    is_backed_up(&host, folder.path(), &said, next);
    says_that_there_is_no_node(&said);
    let next = Value::from(next);
    assert_eq!(loaded(&host, folder.path()), [old, next.clone()]);

    host.run(folder.path(), finish);
    assert_eq!(loaded(&host, folder.path()), [next, Value::Null]);
    let look = "test ! -e /etc/countersign/vault-next.toml
        if systemctl is-active --quiet countersign-vault-next.service; then exit 1; fi
        systemctl is-active countersign-vault.service countersign.service
        runuser -u countersign -- countersign journal status --config /etc/countersign/signer-config.toml";
    let said = host.run(folder.path(), look);
    assert!(said.contains("the vault that listens there runs"), "{said}");
}

#[test]
#[ignore = "needs root: namespaces, systemd"]
fn an_installed_vault_is_handed_its_key_and_gives_its_journal_with_the_commands_of_the_page_alone()
{
    let (host, folder, _) = installed(POOL);
    // Of this test alone: of one key only one process signs on a machine.
    let key = sha256(&[b"docs/operator/vault.md", &std::process::id().to_be_bytes()]);
    let key = PrivateKey::from_bytes(key).unwrap();
    fs::write(folder.path().join("signing-key.hex"), key.to_hex().as_str()).unwrap();
    let public = key.public_key().to_string();
    Vault::create(key, &folder.path().join("journal.sqlite"), Birth::WithKey)
        .unwrap()
        .close_cleanly()
        .unwrap();
    // The key has a past: its journal comes with it.
    host.run(
        folder.path(),
        "systemctl stop countersign.socket countersign.service countersign-vault.socket countersign-vault.service
        rm /var/lib/countersign-vault/journal.*
        install -m 0600 -o countersign-vault -g countersign-vault journal.* /var/lib/countersign-vault/",
    );
    let steps = steps(include_str!("../../../../../docs/operator/vault.md"));
    let [hand_over, look] = steps.as_slice() else { panic!("{steps:?}") };
    host.run(folder.path(), hand_over);
    assert!(!folder.path().join("signing-key.hex").exists());
    let ask = "runuser -u countersign -- countersign journal status --config /etc/countersign/signer-config.toml";
    let said = host.run(folder.path(), ask);
    assert!(said.contains(&public) && said.contains("the vault that listens there runs"), "{said}");
    let said = host.run(folder.path(), look);
    assert!(said.contains("the journal is whole") && said.contains(&public), "{said}");
}

/// The old host, and what would carry the journal of a host that is not rendered.
const OLD_HOST: &str = "
CONFIG=/etc/countersign/signer-config.toml
as_signer() { runuser -u countersign -- countersign \"$@\" --config \"$CONFIG\"; }
shred -u /etc/countersign/key/signer-passphrase
countersign demote --config \"$CONFIG\" --out moved.json
systemctl stop countersign.socket countersign.service
as_signer journal export --out /tmp/exported.json && exit 99 || echo \"export: $?\"
rm /var/lib/countersign/signer.*
as_signer run --init && exit 99 || echo \"run --init: $?\"
";

/// The command of the page waits for what the node says of the key's slots. Nobody is the node here.
const PROMOTED: &str = "
countersign promote --config /etc/countersign/signer-config.toml --journal moved.json 2> promoted.txt &
for turn in $(seq 200); do grep waiting promoted.txt && break; sleep 0.05; done
kill $!
wait $! || true
cat promoted.txt
";

#[test]
#[ignore = "needs root: namespaces, systemd"]
fn an_installed_signer_whose_unit_alone_opens_the_key_moves_to_a_standby_with_the_commands_of_the_page()
 {
    let page = include_str!("../../../../../docs/operator/journal.md");
    assert!(page.contains("`export` and\n`run --init` by hand end with code 11."), "{page}");
    let steps = steps(include_str!("../../../../../docs/operator/one-instance.md"));
    let [_, standby, back, ..] = steps.as_slice() else { panic!("{steps:?}") };
    let (host, folder, _) = installed(SOLO);
    let said = host.run(folder.path(), OLD_HOST);
    for line in ["export: 11", "run --init: 11"] {
        assert!(said.lines().any(|said| said == line), "{line}: {said}");
    }
    // With nothing left of the signer, the same host is the new one.
    let state = || {
        let ask = "countersign status --json --config /etc/countersign/signer-config.toml || true";
        let said = host.run(folder.path(), ask);
        objects(&said).pop().unwrap_or_else(|| panic!("{said}"))["instance"]["state"].clone()
    };
    host.run(folder.path(), &format!("{standby}\nsystemctl start countersign.socket"));
    assert_eq!(state(), "standby");
    let said = host.run(folder.path(), PROMOTED);
    assert!(said.contains("it goes on waiting if this command is interrupted"), "{said}");
    assert_eq!(state(), "listening");
    host.run(folder.path(), &format!("{back}\nsystemctl restart countersign.service"));
    assert_eq!(state(), "listening");
}

/// On the signer's host: an administrator, and sshd as it is rendered.
const LET_IN: &str = "
ssh-keygen -q -t ed25519 -N '' -f key
useradd --create-home alice
install -D -m 0600 -o alice key.pub /home/alice/.ssh/authorized_keys
ssh-keygen -A > /dev/null
systemctl start ssh.service";

/// On her computer: the host's name, and how she logs in.
const KNOW: &str = "
echo 10.0.0.2 signer.example >> /etc/hosts
install -D -m 0600 key /root/.ssh/key
printf 'User alice\nIdentityFile ~/.ssh/key\nStrictHostKeyChecking accept-new\n' > /root/.ssh/config";

#[test]
#[ignore = "needs root: namespaces, systemd, sshd, curl"]
fn the_status_page_of_an_installed_signer_is_seen_from_afar_through_the_tunnel_of_the_page() {
    let steps = steps(include_str!("../../../../../docs/operator/status-page.md"));
    let (host, folder, _) = installed(&format!("ADMIN=alice {SOLO}"));
    let afar = Host::new("afar", None, folder.path());
    wire([&host, &afar], folder.path());
    host.run(folder.path(), LET_IN);
    afar.run(folder.path(), KNOW);
    let _tunnel = spawn(&afar, &format!("exec < <(sleep 600)\n{}", steps[0]));
    let look = "for turn in $(seq 200); do curl --silent http://localhost:30003/ && exit; sleep 0.05; done; exit 1";
    let page = afar.run(folder.path(), look);
    assert!(page.starts_with("<!doctype html>") && page.contains("<title>"), "{page}");
}
