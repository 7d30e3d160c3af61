//! What `countersign init` makes of answers.

use std::fs;

use countersign_site::init::{Answers, InitError};
use countersign_site::{KeyPlace, Link, LinkKind, Network, Problem, Profile, Runtime, Site};
use tempfile::TempDir;

fn least() -> Answers {
    Answers { signer_name: "signer-1".to_owned(), ..Answers::default() }
}

#[test]
fn the_least_answers_make_a_complete_installation() {
    let home = TempDir::new().unwrap();
    let made = least().write(home.path()).unwrap();
    assert!(made.missing.is_none());
    assert_eq!(made.secrets.len(), 2);
    let site = Site::parse(&fs::read_to_string(&made.file).unwrap()).unwrap();
    assert_eq!((site.network, site.profile), (Network::Mainnet, Profile::Solo));
    let ignored = fs::read_to_string(home.path().join(".gitignore")).unwrap();
    assert_eq!(ignored, "/secrets/\n/*/secret/\n");
}

#[test]
fn secrets_are_ignored_in_a_repository_that_ignores_something_else() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join(".gitignore"), "/target/\n").unwrap();
    least().write(home.path()).unwrap();
    assert_eq!(fs::read_to_string(home.path().join(".gitignore")).unwrap(), "/target/\n");
    assert_eq!(fs::read_to_string(home.path().join("secrets/.gitignore")).unwrap(), "*\n");
}

#[test]
fn every_answer_is_in_the_file() {
    let answers = Answers {
        network: Some(Network::Testnet),
        profile: Some(Profile::Pool),
        runtime: Some(Runtime::Systemd),
        signer_address: Some("10.0.0.2".to_owned()),
        node: Some(("node-1".to_owned(), "10.0.0.1".to_owned())),
        link: Some(LinkKind::Haproxy),
        key: Some(KeyPlace::Pkcs11),
        token: Some(("/usr/lib/hsm.so".to_owned(), "signer".to_owned(), "block-1".to_owned())),
        admin_networks: vec!["10.9.0.0/24".to_owned()],
        admins: vec!["alice".to_owned()],
        ..least()
    };
    let site = Site::parse(&answers.to_toml()).unwrap();
    assert_eq!((site.network, site.profile), (Network::Testnet, Profile::Pool));
    assert_eq!(site.link, Some(Link::Haproxy));
    assert_eq!(site.access.admin_networks.len(), 1);
    assert_eq!(site.signer.key.token().unwrap().label.as_str(), "signer");
    insta::assert_snapshot!(answers.to_toml());
}

#[test]
fn what_only_the_other_host_knows_is_left_to_be_written_and_named() {
    let home = TempDir::new().unwrap();
    let two = Answers {
        signer_address: Some("10.0.0.2".to_owned()),
        node: Some(("node-1".to_owned(), "10.0.0.1".to_owned())),
        ..least()
    };
    let made = two.write(home.path()).unwrap();
    assert!(matches!(made.missing, Some(Problem::Missing { key: "link.signer_pin", .. })));
    assert_eq!(made.secrets.len(), 2);
    let token = Answers { key: Some(KeyPlace::Pkcs11), ..least() };
    let made = token.write(TempDir::new().unwrap().path()).unwrap();
    assert!(matches!(made.missing, Some(Problem::Missing { key: "signer.token.module", .. })));
    let docker = Answers { runtime: Some(Runtime::Docker), ..least() };
    let made = docker.write(TempDir::new().unwrap().path()).unwrap();
    assert!(matches!(made.missing, Some(Problem::Missing { key: "images.countersign", .. })));
}

#[test]
fn nothing_is_ever_overwritten() {
    let home = TempDir::new().unwrap();
    least().write(home.path()).unwrap();
    let before = fs::read(home.path().join("secrets/auth-token")).unwrap();
    let again = Answers { profile: Some(Profile::Pool), ..least() }.write(home.path());
    assert!(matches!(again, Err(InitError::Exists(_))));
    assert!(fs::read_to_string(home.path().join("countersign.toml")).unwrap().contains("\"solo\""));
    // A file that somebody removed comes back with the secrets that are there.
    fs::remove_file(home.path().join("countersign.toml")).unwrap();
    assert_eq!(least().write(home.path()).unwrap().secrets, Vec::<std::path::PathBuf>::new());
    assert_eq!(fs::read(home.path().join("secrets/auth-token")).unwrap(), before);
}

#[test]
fn hostile_answers_are_refused_before_anything_is_written() {
    for hostile in ["a\"\nprofile = \"pool", "$(id)", "../x", "a b", "", "\u{1b}[31m"] {
        let home = TempDir::new().unwrap();
        let answers = Answers { signer_name: hostile.to_owned(), ..Answers::default() };
        let refused = answers.write(home.path()).unwrap_err();
        assert!(matches!(refused, InitError::Answer(_)), "{hostile}: {refused}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "{hostile}");
    }
}
