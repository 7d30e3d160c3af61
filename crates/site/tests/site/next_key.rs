//! A key that is to take the other's place, while a key is being changed.

use countersign_site::{HostRole, Site};

use crate::golden::{rendered, site};
use crate::sample::{LEAST, TOKEN, spoiled};

const NEXT: &str = "[signer.next]\nkey_name = \"signer-2\"\n";

/// The next key in the token of [`TOKEN`].
const NEXT_IN_TOKEN: &str = r#"[signer.next]
key_name = "signer-2"
[signer.next.token]
module = "/usr/lib/softhsm/libsofthsm2.so"
label = "signer"
key_label = "block 2"
pcscd = true
folders = ["/var/lib/softhsm"]
devices = ["/dev/tpmrm0"]
groups = ["softhsm"]
"#;

fn refusal(text: &str) -> String {
    Site::parse(text).unwrap_err().to_string()
}

/// What is rendered for the signer's host at a path that ends so.
fn file(site: &Site, end: &str) -> String {
    let files = rendered(site, HostRole::Signer);
    let found = files.iter().find(|file| file.path.as_path().ends_with(end));
    found.unwrap_or_else(|| panic!("{end} is not rendered")).contents.to_string()
}

fn paths(site: &Site) -> Vec<String> {
    rendered(site, HostRole::Signer).iter().map(|file| file.path.to_string()).collect()
}

/// A text, what is replaced in it by what, and how the refusal begins.
type Case<'a> = (&'a str, &'a str, &'a str, &'a str);

fn refuses(cases: &[Case<'_>]) {
    for (text, from, to, message) in cases {
        let refused = refusal(&spoiled(text, from, to));
        assert!(refused.starts_with(message), "{from} -> {to}: {refused}");
        assert!(!refused.contains('\n'), "{refused:?}");
    }
}

#[test]
fn a_next_key_without_a_name_of_its_own_is_refused() {
    let text = &format!("{LEAST}{NEXT}");
    Site::parse(text).unwrap();
    let (name, other) = ("signer-2", "[signer.next]\n");
    let beside = "[signer]\nkey_name = \"a b\"\n[signer.next]\n";
    let same = "`signer.key_name` and `signer.next.key_name` are both \"signer\"; the next";
    refuses(&[
        (text, "key_name = \"signer-2\"\n", "", "`signer.next.key_name` is missing; write what"),
        (text, name, "", "`signer.next.key_name` is missing; "),
        (text, name, "signer", same),
        (text, name, "../signer", "`signer.next.key_name` = \"../signer\" is refused; "),
        (text, name, "a\\nb", "`signer.next.key_name` = \"a\\nb\" is refused; "),
        (text, name, "$(id)", "`signer.next.key_name` = "),
        (text, name, "%n", "`signer.next.key_name` = "),
        (text, name, "-o", "`signer.next.key_name` = "),
        (text, other, beside, "`signer.key_name` = \"a b\" is refused; "),
        (
            text,
            "key_name",
            "keyname",
            "unknown key \"signer.next.keyname\"; did you mean `signer.next.key_name`?",
        ),
    ]);
}

#[test]
fn a_next_key_that_cannot_be_where_it_is_said_to_be_is_refused() {
    let plain = &format!("{LEAST}{NEXT}");
    let token = &format!("{LEAST}{TOKEN}{NEXT_IN_TOKEN}");
    Site::parse(token).unwrap();
    let docker = &format!("runtime = \"docker\"\n{plain}");
    let head = "[signer.next]\n";
    let with = |line: &str| format!("{head}{line}\n");
    let (vault, age) = (with("key = \"vault\""), with("key = \"age\""));
    let (pkcs11, sealed) = (with("key = \"pkcs11\""), with("key = \"credential\""));
    let after = |line: &str| format!("[signer]\n{line}\n{head}");
    let twice = "`signer.token.key_label` and `signer.next.token.key_label` are both \"block 1\"";
    let module = "[signer.next.token]\nmodule = \"/";
    refuses(&[
        (plain, head, &vault, "`signer.next.key` = \"vault\" is refused; "),
        (plain, head, &with("vault = true"), "unknown key \"signer.next.vault\""),
        (plain, head, &pkcs11, "`signer.next.token.module` is missing; "),
        (plain, head, &after("key = \"pkcs11\""), "`signer.token.module` is missing; "),
        (plain, head, &after("next = \"signer-2\""), "line "),
        (token, "block 2", "block 1", twice),
        (token, head, &age, "`signer.next.token`: only a key in a token"),
        (token, module, &format!("{module}home/"), "`signer.next.token.module` = "),
        (docker, head, &sealed, "`signer.next.key`: Docker has no credentials"),
        (docker, head, &pkcs11, "`signer.next.key`: the image has no library"),
    ]);
}

#[test]
fn a_next_key_adds_one_line_to_the_configuration_and_one_to_the_unit() {
    let (before, during) = (site("solo", 1, "systemd", ""), site("solo", 1, "systemd", NEXT));
    assert_eq!(paths(&before), paths(&during));
    for (end, line) in [
        (
            "countersign/signer-config.toml",
            "next_key = { age = \"/etc/countersign/key/signer-2.age\", passphrase_credential = \"signer-2-passphrase\" }\n",
        ),
        (
            "countersign.service",
            "LoadCredentialEncrypted=signer-2-passphrase:/etc/countersign/credstore/signer-2-passphrase\n",
        ),
    ] {
        let during = file(&during, end);
        assert_eq!(during.matches(line).count(), 1, "{during}");
        assert_eq!(during.replace(line, ""), file(&before, end));
    }
}

#[test]
fn a_key_that_has_taken_the_others_place_keeps_its_name_and_its_journal() {
    let during = site("pool", 1, "systemd", NEXT);
    let after = site("pool", 1, "systemd", "[signer]\nkey_name = \"signer-2\"\n");
    let (next, now) = (file(&during, "vault-next.toml"), file(&after, "countersign/vault.toml"));
    let as_now = next.replace("vault-next.sock", "vault.sock");
    assert!(next != as_now, "{next}");
    assert_eq!(now, as_now);
    assert!(now.contains("journal = \"/var/lib/countersign-vault/journal-signer-2.sqlite\"\n"));
    let left: Vec<_> = paths(&after).into_iter().filter(|path| path.contains("next")).collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn the_next_key_has_a_vault_of_its_own_and_the_signer_has_neither_key() {
    let site = site("pool", 1, "systemd", NEXT);
    let signer = file(&site, "countersign/signer-config.toml");
    assert!(
        signer.contains(
            "key = { vault = \"/run/countersign/vault.sock\" }\n\
             next_key = { vault = \"/run/countersign/vault-next.sock\" }\n"
        ),
        "{signer}"
    );
    let unit = file(&site, "countersign.service");
    assert!(!unit.contains("LoadCredential"), "{unit}");
    assert!(unit.contains(" countersign-vault.socket countersign-vault-next.socket\n"), "{unit}");
    for (name, mine, other) in [
        ("countersign-vault", "signer-passphrase", "signer-2-passphrase"),
        ("countersign-vault-next", "signer-2-passphrase", "signer-passphrase"),
    ] {
        let unit = file(&site, &format!("{name}.service"));
        assert!(unit.contains(&format!("Encrypted={mine}:")), "{unit}");
        assert!(!unit.contains(&format!("Encrypted={other}:")), "{unit}");
        assert!(unit.contains(&format!("After={name}.socket ")), "{unit}");
    }
}

#[test]
fn two_keys_in_one_token_have_a_pin_each_and_its_library_once() {
    let more = format!("{}{NEXT_IN_TOKEN}", TOKEN.replace("vault = true", "vault = false"));
    let site = site("solo", 1, "systemd", &more);
    let config = file(&site, "countersign/signer-config.toml");
    for (name, label, pin) in
        [("\nkey", "block 1", "token-pin"), ("next_key", "block 2", "signer-2-token-pin")]
    {
        let line = format!(
            "{name} = {{ pkcs11 = \"/usr/lib/softhsm/libsofthsm2.so\", token = \"signer\", key_label = \"{label}\", \
             pin_credential = \"{pin}\" }}\n"
        );
        assert!(config.contains(&line), "{config}");
    }
    let unit = file(&site, "countersign.service");
    assert_eq!(unit.matches("LoadCredentialEncrypted=").count(), 2, "{unit}");
    assert_eq!(unit.matches("ReadWritePaths=/var/lib/softhsm\n").count(), 1, "{unit}");
}

#[test]
fn with_docker_the_next_key_is_in_the_folder_that_only_its_holder_sees() {
    let solo = site("solo", 1, "docker", NEXT);
    let config = file(&solo, "countersign/signer-config.toml");
    assert!(
        config.contains(
            "next_key = { age = \"/etc/countersign/key/signer-2.age\", \
             passphrase_file = \"/etc/countersign/key/signer-2-passphrase\" }\n"
        ),
        "{config}"
    );
    let before = site("solo", 1, "docker", "");
    assert_eq!(file(&solo, "compose.yaml"), file(&before, "compose.yaml"));

    let pool = site("pool", 1, "docker", NEXT);
    let compose = file(&pool, "compose.yaml");
    assert!(compose.contains("depends_on: [\"vault\", \"vault-next\"]\n"), "{compose}");
    let (_, vault) = compose.split_once("\n  vault-next:\n").unwrap();
    let (vault, _) = vault.split_once("\n  node:\n").unwrap();
    for part in [
        "\"countersign\", \"vault\", \"--config\", \"/etc/countersign/vault-next.toml\"",
        "user: \"7602:7602\"",
        "network_mode: none",
        "source: /etc/countersign/key\n",
        "source: vault-socket\n",
    ] {
        assert_eq!(vault.matches(part).count(), 1, "{part}: {vault}");
    }
    assert!(
        file(&pool, "vault-next.toml").contains("socket = \"/run/countersign/vault-next.sock\"\n")
    );
}
