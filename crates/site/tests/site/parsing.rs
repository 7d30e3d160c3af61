//! What `countersign.toml` may say, and what is refused.

use countersign_site::{
    BitcoinMode, DatabaseHost, HostRole, Link, Place, Profile, Runtime, Site, keys,
};
use proptest::prelude::*;

use crate::sample::{FULL, LEAST, TOKEN, spoiled};

fn refusal(text: &str) -> String {
    Site::parse(text).unwrap_err().to_string()
}

#[test]
fn the_least_file_is_a_solo_signer_on_one_host_with_safe_defaults() {
    let site = Site::parse(LEAST).unwrap();
    assert_eq!(site.profile, Profile::Solo);
    assert_eq!(site.runtime, Runtime::Systemd);
    assert_eq!(site.roles(), [HostRole::Signer]);
    assert_eq!((site.signer.key.name.as_str(), &site.signer.key.place), ("signer", &Place::Age));
    assert_eq!(site.signer.next, None);
    assert!(!site.signer.vault);
    assert_eq!(site.bitcoin.mode, BitcoinMode::Full);
    assert_eq!(site.logs.retention_days, 7);
    assert!(site.link.is_none() && site.sbtc.is_none() && site.backups.is_none());
    assert_eq!(site.profiles(), ["solo"]);
}

#[test]
fn a_full_file_is_read_whole() {
    let site = Site::parse(FULL).unwrap();
    assert_eq!(site.profiles(), ["pool", "sbtc"]);
    assert!(site.signer.vault);
    assert!(matches!(site.link, Some(Link::Wireguard { prefix: 30, .. })));
    assert_eq!(site.ports.signer.get(), 31001);
    assert_eq!(site.ports.node_rpc.get(), 20443);
    assert_eq!(site.backups.as_ref().unwrap().off_host.len(), 3);
    assert_eq!(site.role_of("node-1"), Some(HostRole::Node));
    assert_eq!(site.role_of("elsewhere"), None);
}

#[test]
fn sbtc_keeps_logs_for_ninety_days_and_refuses_less() {
    let site = Site::parse(&spoiled(FULL, "retention_days = 120\n", "")).unwrap();
    assert_eq!(site.logs.retention_days, 90);
    let short = refusal(&spoiled(FULL, "retention_days = 120", "retention_days = 30"));
    assert_eq!(short, "`logs.retention_days` = 30 is refused; it is from 90 to 3650");
}

#[test]
fn a_pool_has_a_vault_with_docker_too() {
    let pool = spoiled(LEAST, "network", "profile = \"pool\"\nnetwork");
    assert!(Site::parse(&pool).unwrap().signer.vault);
    let docker = format!("runtime = \"docker\"\n{LEAST}[signer]\nkey = \"credential\"\n");
    assert!(refusal(&docker).starts_with("`signer.key`: "));
}

#[test]
fn a_misspelt_key_is_refused_with_the_one_that_was_meant() {
    let text = spoiled(FULL, "retention_days", "retentoin_days");
    assert_eq!(
        refusal(&text),
        "unknown key \"logs.retentoin_days\"; did you mean `logs.retention_days`?"
    );
    assert_eq!(refusal(&format!("{LEAST}[zzz]\nq = 1\n")), "unknown key \"zzz\"");
    assert_eq!(
        refusal(&spoiled(LEAST, "[hosts.signer]", "[host.signer]")),
        "unknown key \"host\"; did you mean `hosts`?"
    );
}

#[test]
fn a_wrong_type_is_refused_by_the_name_of_its_key() {
    let text = spoiled(FULL, "ssh_port = 2222", "ssh_port = \"2222\"");
    assert!(refusal(&text).starts_with("`access.ssh_port` is not a number"));
    let text = spoiled(FULL, "[time]\nservers = [\"ntp.example.org\"]", "[time]\nservers = [1]");
    assert!(refusal(&text).starts_with("`time.servers` is not a list of texts"));
}

#[test]
fn what_must_be_there_is_asked_for() {
    assert!(refusal("").starts_with("`network` is missing; "));
    assert!(refusal("network = \"mainnet\"").starts_with("`hosts.signer.name` is missing; "));
    let docker = format!("runtime = \"docker\"\n{LEAST}");
    assert!(refusal(&docker).starts_with("`images.countersign` is missing; "));
    let two = format!(
        "{LEAST}address = \"10.0.0.2\"\n[hosts.node]\nname = \"node-1\"\naddress = \"10.0.0.1\"\n"
    );
    assert!(refusal(&two).starts_with("`link.signer_pin` is missing; "));
}

#[test]
fn what_must_differ_is_compared() {
    for (from, to, message) in [
        (
            "signer = 31001",
            "signer = 20443",
            "`ports.signer` and `ports.node_rpc` are both \"20443\"",
        ),
        ("ssh_port = 2222", "ssh_port = 30001", "`ports.signer_metrics` and `access.ssh_port`"),
        ("address = \"10.0.0.1\"", "address = \"10.0.0.2\"", "`hosts.signer.address` and"),
        ("name = \"node-1\"", "name = \"signer-1\"", "`hosts.signer.name` and `hosts.node.name`"),
        ("[ports]", "[users]\nnode = \"countersign\"\n[ports]", "`users.signer` and `users.node`"),
        ("[ports]", "[paths]\nstate = \"/var/lib/bitcoin/x\"\n[ports]", "`paths.state` and"),
    ] {
        let refused = refusal(&spoiled(FULL, from, to));
        assert!(refused.starts_with(message), "{refused}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    for (from, to, message) in [
        ("mode = \"full\"", "mode = \"pruned\"", "`bitcoin.mode`: sBTC needs all blocks"),
        ("kind = \"wireguard\"", "kind = \"nginx\"", "`link.kind`: the sBTC signer also needs"),
        ("signatures_required = 2", "signatures_required = 3", "`sbtc.signatures_required` = 3"),
        ("hard_percent = 12", "hard_percent = 30", "`voting_power.hard_percent` = 30"),
        ("soft_percent = 8", "soft_percent = 13", "`voting_power.soft_percent` = 13"),
        ("address = \"10.0.0.2\"", "address = \"127.0.0.1\"", "`hosts.signer.address`: with two"),
        (
            "operators = [\"carol\"",
            "operators = [\"alice\"",
            "`signer.operators`: name each user once",
        ),
        (
            "operators = [\"carol\"",
            "operators = [\"countersign\"",
            "`signer.operators`: whoever takes",
        ),
        ("vault = true", "vault = false", "`signer.operators`: only a vault knows operators"),
    ] {
        let refused = refusal(&spoiled(FULL, from, to));
        assert!(refused.starts_with(message), "{refused}");
    }
    let watched = format!("{LEAST}[monitoring]\nsources = [\"10.0.0.9\"]\n");
    assert!(refusal(&watched).starts_with("`monitoring.sources`: metrics are read at"));
    let linked = format!("{LEAST}[link]\nkind = \"nginx\"\n");
    assert!(refusal(&linked).starts_with("`link`: there is only one host"));
}

#[test]
fn a_key_in_a_token_needs_to_be_found_and_only_such_a_key_has_a_token() {
    let whole = format!("{LEAST}{TOKEN}");
    let site = Site::parse(&whole).unwrap();
    assert_eq!(site.signer.key.token().unwrap().key_label.as_str(), "block 1");
    for (from, to, message) in [
        ("label = \"signer\"\n", "", "`signer.token.label` is missing; "),
        ("\"block 1\"", "\"block 1\\\" }\"", "`signer.token.key_label` = "),
        ("\"block 1\"", "\" block\"", "`signer.token.key_label` = "),
        ("\"/usr/lib/softhsm", "\"/home/me", "`signer.token.module` = "),
        ("\"/var/lib/softhsm\"", "\"/tmp/tokens\"", "`signer.token.folders` = "),
        ("\"/dev/tpmrm0\"", "\"/etc/shadow\"", "`signer.token.devices` = "),
        ("[\"softhsm\"]", "[\"root\"]", "`signer.token.groups` = "),
        ("key = \"pkcs11\"", "key = \"age\"", "`signer.token`: only a key in a token"),
    ] {
        let refused = refusal(&spoiled(&whole, from, to));
        assert!(refused.starts_with(message), "{refused}");
    }
    let bare = whole.split("[signer.token]").next().unwrap();
    assert!(refusal(bare).starts_with("`signer.token.module` is missing; "));
    let docker =
        format!("runtime = \"docker\"\n{}", whole.replace("vault = true", "vault = false"));
    assert!(refusal(&docker).starts_with("`signer.key`: the image has no library"));
}

#[test]
fn a_key_that_opens_shares_needs_an_identity_that_opens_the_backup() {
    let refused =
        refusal(&spoiled(FULL, "identity = \"/etc/countersign/credstore/backup-identity\"\n", ""));
    assert!(refused.starts_with("`backups.verify.identity` is missing; "), "{refused}");
}

#[test]
fn a_database_in_a_container_is_backed_up_over_its_network() {
    let images = ["node", "bitcoin", "sbtc", "postgres"]
        .map(|name| format!("{name} = \"x@sha256:{}\"\n", "0a1b2c3d4e5f6071".repeat(4)));
    let docker = spoiled(FULL, "runtime = \"systemd\"", "runtime = \"docker\"") + &images.concat();
    let docker = spoiled(&docker, "operators = [\"carol\", \"alice\"]\n", "");
    let socket = refusal(&docker);
    assert!(
        socket.starts_with("`backups.database.host`: PostgreSQL is in a container"),
        "{socket}"
    );
    let inside = spoiled(&docker, "host = \"/run/postgresql\"\n", "");
    let site = Site::parse(&inside).unwrap();
    let host = site.backups.unwrap().database.host;
    assert_eq!(host, DatabaseHost::Host("172.30.94.6".parse().unwrap()));
    let password = "password_file = \"/etc/countersign/secrets/backup-password\"\n";
    let open = refusal(&spoiled(&inside, password, ""));
    assert!(open.starts_with("`backups.database.password_file` is missing; "), "{open}");
}

#[test]
fn one_recipient_of_backups_is_not_enough_even_if_it_is_listed_twice() {
    let twice = spoiled(
        FULL,
        "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg",
        "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
    );
    assert!(refusal(&twice).starts_with("`backups.recipients`: "));
    // One digit of the checksum is wrong.
    let typo = spoiled(FULL, "3equnujwj", "3equnujwq");
    assert!(refusal(&typo).starts_with("`backups.recipients` = "));
}

#[test]
fn folders_that_the_sandbox_hides_are_refused() {
    for hidden in ["/home/etc/stacks/signer", "/root/signer", "/tmp/signer", "/run/signer"] {
        let text = format!("{LEAST}[paths]\nconfig = \"{hidden}\"\n");
        assert!(refusal(&text).contains("hides home folders"), "{hidden}");
    }
}

#[test]
fn paths_have_one_spelling_and_lead_nowhere_else() {
    for path in ["relative", "", "/", "/etc/../root", "/etc/./x", "/etc//x", "/etc/x/", "/etc/a b"]
    {
        let text = format!("{LEAST}[paths]\nconfig = \"{path}\"\n");
        assert!(refusal(&text).starts_with("`paths.config` = "), "{path}");
    }
}

#[test]
fn an_address_with_a_port_has_no_scope_and_no_port_0() {
    for bad in ["[fe80::1%5]:4122", "192.0.2.9:0", "[fd00::1]:0", "seed.example.org:0"] {
        let refused = refusal(&spoiled(FULL, "192.0.2.9:4122", bad));
        assert!(refused.starts_with("`sbtc.seeds` = "), "{refused}");
    }
    Site::parse(&spoiled(FULL, "192.0.2.9:4122", "[fd00::1]:4122")).unwrap();
}

#[test]
fn a_placeholder_of_a_digest_is_refused() {
    let digest = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";
    let docker = spoiled(FULL, "runtime = \"systemd\"", "runtime = \"docker\"");
    let docker = spoiled(&docker, "operators = [\"carol\", \"alice\"]\n", "");
    let docker = spoiled(&docker, "host = \"/run/postgresql\"\n", "");
    for bad in ["0".repeat(64), "<digest>".to_owned(), digest.get(1..).unwrap().to_owned()] {
        let refused = refusal(&spoiled(&docker, digest, &bad));
        assert!(refused.starts_with("`images.countersign` = "), "{refused}");
    }
    assert!(refusal(&docker).starts_with("`images.node` is missing"));
}

/// Every place in the full sample where a text stands.
fn texts() -> Vec<(usize, usize)> {
    let mut quotes = FULL.match_indices('"').map(|(at, _)| at);
    std::iter::from_fn(|| Some((quotes.next()? + 1, quotes.next()?))).collect()
}

#[test]
fn no_text_takes_what_ends_a_value_or_expands_in_another_format() {
    let hostile = [
        "\\n", "\\r", "\\u0000", "\\u001b", "\\\"", "'", "$(id)", "${HOME}", "`id`", "%n", "%%",
        "\\\\", ";", "#", " ", "\\t", "{", "}", "|", "<", ">", "é", "\\u202e",
    ];
    for (from, to) in texts() {
        let good = FULL.get(from..to).unwrap();
        for bad in hostile {
            for value in
                [format!("{good}{bad}"), format!("{bad}{good}"), format!("{good}{bad}{good}")]
            {
                let text =
                    format!("{}{value}{}", FULL.get(..from).unwrap(), FULL.get(to..).unwrap());
                // Not read with systemd.
                if good.contains("@sha256:") {
                    continue;
                }
                let refused = Site::parse(&text).expect_err(&value).to_string();
                assert!(!refused.contains(['\n', '\r', '\u{1b}', '\0', '\u{202e}']), "{refused:?}");
            }
        }
    }
}

#[test]
fn the_sample_says_every_key_or_leaves_it_to_a_tested_default() {
    // So that the test above meets every key that holds a text.
    let table: toml::Table = FULL.parse().unwrap();
    let said = |path: &str| {
        let mut value = Some(&toml::Value::Table(table.clone())).cloned();
        for part in path.split('.') {
            value = value.and_then(|value| value.get(part).cloned());
        }
        value.is_some()
    };
    let silent: Vec<&str> = keys().map(|key| key.path).filter(|path| !said(path)).collect();
    let expected = |path: &&str| {
        ["ports.", "paths.", "users.", "images.", "signer.token.", "signer.next."]
            .iter()
            .any(|table| path.starts_with(table))
            || ["bitcoin.host", "link.signer_pin", "link.node_pin", "signer.key_name"]
                .contains(path)
    };
    assert!(silent.iter().all(expected), "{silent:?}");
}

#[test]
fn the_documentation_shows_the_table_of_keys() {
    let doc = include_str!("../../../../docs/operator/countersign-toml.md");
    let documented: Vec<&str> = doc.lines().filter(|line| line.starts_with("| `")).collect();
    let table: Vec<String> = keys()
        .map(|key| {
            let default = if key.default.is_empty() { "must be there" } else { key.default };
            format!("| `{}` | {} | {default} | {} |", key.path, key.kind.name(), key.meaning)
        })
        .collect();
    assert!(documented == table, "the table should be:\n{}", table.join("\n"));
}

#[test]
fn the_documented_samples_are_good() {
    let doc = include_str!("../../../../docs/operator/countersign-toml.md");
    let samples: Vec<&str> =
        doc.split("```toml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert!(samples.len() >= 2);
    for sample in samples {
        Site::parse(sample).unwrap();
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*") {
        drop(Site::parse(&text));
        drop(Site::parse(&format!("{LEAST}{text}")));
    }

    #[test]
    fn arbitrary_values_never_panic_and_never_reach_a_site(value in "[^\"\\\\\\p{Cc}]*") {
        let text = spoiled(FULL, "\"signer-1\"", &format!("{value:?}"));
        if let Ok(site) = Site::parse(&text) {
            prop_assert_eq!(site.hosts.signer.name.as_str(), value.as_str());
            prop_assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte)));
        }
    }
}
