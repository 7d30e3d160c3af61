//! Every file of every kind of installation, as it is rendered: both profiles, one host and two, systemd and Docker,
//! and each kind of link.

use std::path::Path;

use countersign_site::{HostRole, Rendered, Secrecy, Site, files, unit_problems};

use crate::sample::{FULL, LEAST, drawn_secrets, spoiled};

/// The images of a Docker installation.
const IMAGES: &str = r#"
[images]
countersign = "registry.example.org/countersign@sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
node = "registry.example.org/stacks-core@sha256:1a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
bitcoin = "registry.example.org/bitcoin@sha256:2a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
sbtc = "registry.example.org/sbtc@sha256:3a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
postgres = "registry.example.org/postgres@sha256:4a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
"#;

const PINS: &str = "signer_pin = \"sha256/qp0dqZ0QuvYwGWR9GmrLHuyhP8E5EWIQDWzWBRXWwmM=\"\n\
                    node_pin = \"sha256/Vvd0zVaczM5bS6NL1ZDJdfyPS4jOzIEOcgwbWvKmwGY=\"\n";

/// An installation of a kind.
pub(crate) fn site(profile: &str, hosts: u8, runtime: &str, more: &str) -> Site {
    let mut text =
        format!("network = \"mainnet\"\nprofile = \"{profile}\"\nruntime = \"{runtime}\"\n");
    text.push_str("[hosts.signer]\nname = \"signer-1\"\n");
    if hosts == 2 {
        text.push_str(
            "address = \"10.0.0.2\"\n[hosts.node]\nname = \"node-1\"\naddress = \"10.0.0.1\"\n",
        );
        text.push_str("public_address = \"192.0.2.1\"\n");
        if !more.contains("[link]") {
            text.push_str("[link]\n");
            text.push_str(PINS);
        }
    }
    text.push_str(more);
    if runtime == "docker" {
        text.push_str(IMAGES);
    }
    Site::parse(&text).unwrap()
}

#[test]
fn an_address_of_ipv6_has_brackets_before_its_port() {
    let tunnel = spoiled(FULL, "10.73.0.0/30", "fd73::/64");
    let text_of = |text: &str, role: HostRole, name: &str| {
        let files = rendered(&Site::parse(text).unwrap(), role);
        let file = files.iter().find(|file| file.path.as_path().ends_with(name)).unwrap();
        file.contents.to_string()
    };
    let bitcoin = text_of(&tunnel, HostRole::Node, "bitcoin/bitcoin.conf");
    assert!(bitcoin.contains("\nbind=[fd73::2]:8333\nrpcbind=fd73::2\n"), "{bitcoin}");
    let external = "mode = \"external\"\nhost = \"fd00::5\"";
    let external = spoiled(FULL, "mode = \"full\"", external);
    let sbtc = text_of(&external, HostRole::Signer, "sbtc-signer/signer-config.toml");
    assert!(sbtc.contains("@[fd00::5]:8332\"]\n"), "{sbtc}");
}

/// Every kind of installation, with the name of its snapshot.
pub(crate) fn kinds() -> Vec<(String, Site)> {
    let mut kinds = Vec::new();
    for profile in ["solo", "pool"] {
        for (hosts, count) in [("one", 1), ("two", 2)] {
            for runtime in ["systemd", "docker"] {
                let name = format!("{profile}-{hosts}-{runtime}");
                kinds.push((name, site(profile, count, runtime, "")));
            }
        }
    }
    for link in ["nginx", "haproxy"] {
        let more = format!("[link]\nkind = \"{link}\"\n");
        kinds.push((format!("solo-two-{link}"), site("solo", 2, "systemd", &more)));
    }
    kinds.push(("everything".to_owned(), Site::parse(FULL).unwrap()));
    let docker = FULL
        .replace("runtime = \"systemd\"", "runtime = \"docker\"")
        .replace("operators = [\"carol\", \"alice\"]\n", "")
        .replace("host = \"/run/postgresql\"\n", "");
    let docker = format!("{}{IMAGES}", docker.split("[images]").next().unwrap());
    kinds.push(("everything-docker".to_owned(), Site::parse(&docker).unwrap()));
    let pruned = site("solo", 1, "systemd", "[bitcoin]\nmode = \"pruned\"\n");
    kinds.push(("pruned".to_owned(), pruned));
    for (name, more) in [
        ("token", crate::sample::TOKEN.to_owned()),
        ("token-alone", crate::sample::TOKEN.replace("vault = true", "vault = false")),
    ] {
        kinds.push((name.to_owned(), site("solo", 1, "systemd", &more)));
    }
    // While a key is being changed; in the second case it was changed once before.
    for (name, profile, more) in [
        ("next-key", "solo", "[signer.next]\nkey_name = \"signer-2\"\n"),
        (
            "next-key-vault",
            "pool",
            "[signer]\nkey_name = \"signer-2\"\noperators = [\"carol\"]\n\
             [signer.next]\nkey_name = \"signer-3\"\nkey = \"credential\"\n",
        ),
    ] {
        kinds.push((name.to_owned(), site(profile, 1, "systemd", more)));
    }
    let least = "[hosts.signer]\nname = \"signer-1\"\n";
    let testnet = Site::parse(&format!("network = \"testnet\"\n{least}")).unwrap();
    kinds.push(("testnet".to_owned(), testnet));
    kinds
}

pub(crate) fn rendered(site: &Site, role: HostRole) -> Vec<Rendered> {
    files(site, role, &drawn_secrets(site))
}

fn shown(files: &[Rendered]) -> String {
    let show = |file: &Rendered| {
        // Shown where they are made.
        let is_made_elsewhere =
            ["alerts.yml", "json"].iter().any(|end| file.path.to_string().ends_with(end));
        if is_made_elsewhere {
            return format!("==== {} {:o}\n", file.path, file.mode);
        }
        let Rendered { path, mode, owner, secrecy, contents } = file;
        format!("==== {path} {mode:o} {owner} {secrecy:?}\n{}", contents.as_str())
    };
    files.iter().map(show).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_kind_of_installation_is_rendered_as_before() {
    for (name, site) in kinds() {
        for role in site.roles() {
            insta::assert_snapshot!(format!("{name}-{role}"), shown(&rendered(&site, *role)));
        }
    }
}

#[test]
fn what_may_be_committed_holds_no_secret() {
    for (name, site) in kinds() {
        for role in site.roles() {
            for file in rendered(&site, *role) {
                let text = file.contents.as_str();
                let holds = crate::sample::SECRETS.iter().any(|(_, value)| text.contains(value));
                assert!(!holds || file.secrecy == Secrecy::Secret, "{name}: {file:?}");
                if file.secrecy == Secrecy::Secret {
                    assert_eq!(file.mode, 0o600, "{name}: {file:?}");
                    assert_ne!(file.owner, "root", "{name}: {file:?}");
                }
            }
        }
    }
}

#[test]
fn each_path_is_rendered_once_and_in_order() {
    for (name, site) in kinds() {
        for role in site.roles() {
            let paths: Vec<_> = rendered(&site, *role).into_iter().map(|file| file.path).collect();
            assert!(paths.is_sorted_by(|one, other| one < other), "{name}: {paths:?}");
        }
    }
}

#[test]
fn rendering_twice_gives_the_same() {
    for (name, site) in kinds() {
        for role in site.roles() {
            assert_eq!(rendered(&site, *role), rendered(&site, *role), "{name}");
        }
    }
}

#[test]
fn signer_and_node_agree_about_what_they_share() {
    for (name, site) in kinds() {
        let file = |role, end: &str| {
            let files = rendered(&site, role);
            let found = files.into_iter().find(|file| file.path.as_path().ends_with(end));
            found.unwrap().contents.parse::<toml::Table>().unwrap()
        };
        let signer = file(HostRole::Signer, "etc/countersign/signer-config.toml");
        let node = file(site.node_role(), "etc/stacks-node/Config.toml");
        assert_eq!(signer["auth_password"], node["connection_options"]["auth_token"], "{name}");
        assert_eq!(node["node"]["stacker"].as_bool(), Some(true), "{name}");
        assert_eq!(node["node"]["event_dispatcher_blocking"].as_bool(), Some(false), "{name}");
        let keys = node["events_observer"][0]["events_keys"].to_string();
        assert_eq!(keys, "[\"stackerdb\", \"block_proposal\", \"burn_blocks\"]", "{name}");
        if !site.has_two_hosts() {
            assert_eq!(signer["endpoint"], node["events_observer"][0]["endpoint"], "{name}");
            assert_eq!(signer["node_host"], node["node"]["rpc_bind"], "{name}");
        }
    }
}

#[test]
fn nobody_is_told_of_his_weight_on_a_network_of_his_own() {
    for (network, is_told) in [("mainnet", true), ("testnet", true), ("mocknet", false)] {
        let site = Site::parse(&spoiled(LEAST, "mainnet", network)).unwrap();
        let files = rendered(&site, HostRole::Signer);
        let rules = files.iter().find(|file| file.path.as_path().ends_with("alerts.yml")).unwrap();
        assert_eq!(rules.contents.contains("WeightAboveCap"), is_told, "{network}");
        assert!(rules.contents.contains("SignerDown"), "{network}");
    }
}

#[test]
fn containers_are_pinned_unprivileged_and_published_on_single_addresses() {
    let mut seen = 0;
    for (name, site) in kinds() {
        for role in site.roles() {
            let files = rendered(&site, *role);
            let compose = files.iter().find(|file| file.path.as_path().ends_with("compose.yaml"));
            let Some(compose) = compose else { continue };
            seen += 1;
            let text = compose.contents.as_str();
            let count = |what: &str| text.matches(what).count();
            let services = count("    image: ");
            assert!(services > 0, "{name}");
            assert_eq!(count("@sha256:"), services, "{name}");
            for line in
                ["read_only: true\n    cap_drop: [ALL]", "no-new-privileges:true", "    user: \"76"]
            {
                assert_eq!(count(line), services, "{name}: {line}");
            }
            assert!(!text.contains("0.0.0.0") && !text.contains("[::]"), "{name}");
            assert!(!text.contains("privileged") || count("privileged") == services, "{name}");
            assert!(!text.contains(":latest"), "{name}");
            let has_vault = site.signer.vault && *role == HostRole::Signer;
            assert_eq!(count("network_mode"), usize::from(has_vault), "{name}");
            assert_eq!(count("network_mode: none"), usize::from(has_vault), "{name}");
        }
    }
    assert_eq!(seen, 8);
}

/// The lines of a service in a compose file.
fn service<'a>(compose: &'a str, name: &str) -> &'a str {
    let (_, rest) = compose.split_once(&format!("\n  {name}:\n    image")).expect(name);
    let end = rest.match_indices("\n  ").find(|(at, _)| !rest[at + 3..].starts_with(' '));
    end.map_or(rest, |(end, _)| &rest[..end])
}

#[test]
fn with_docker_only_the_vault_has_the_key_and_it_has_no_network() {
    let site = site("pool", 1, "docker", "");
    let files = rendered(&site, HostRole::Signer);
    let text = |end: &str| {
        let file = files.iter().find(|file| file.path.as_path().ends_with(end)).unwrap();
        file.contents.to_string()
    };
    let compose = text("compose.yaml");
    let (vault, signer) = (service(&compose, "vault"), service(&compose, "signer"));
    for line in ["user: \"7602:7602\"", "network_mode: none", "/etc/countersign/key", "memlock"] {
        assert!(vault.contains(line) && !signer.contains(line), "{line}");
    }
    assert!(!vault.contains("networks:") && !vault.contains("ports:"), "{vault}");
    // Nobody but these two reaches the socket, and who writes there is the vault alone.
    assert_eq!(compose.matches("source: vault-socket").count(), 2);
    assert!(signer.contains("target: /run/countersign\n        read_only: true"), "{signer}");
    assert!(vault.contains("target: /run/countersign\n        read_only: false"), "{vault}");
    assert!(compose.contains("o: \"mode=0750,uid=7602,gid=7601,size=64k\""), "{compose}");
    assert!(text("vault.toml").contains("[[caller]]\nuid = 7601\n"));
    assert!(
        text("signer-config.toml").contains("key = { vault = \"/run/countersign/vault.sock\" }")
    );
}

#[test]
fn with_docker_the_status_page_is_seen_on_this_machine_alone() {
    let mut seen = 0;
    for (name, site) in kinds() {
        let files = rendered(&site, HostRole::Signer);
        let Some(compose) = files.iter().find(|file| file.path.as_path().ends_with("compose.yaml"))
        else {
            continue;
        };
        seen += 1;
        assert_eq!(compose.contents.matches(":30003\"").count(), 1, "{name}");
        assert!(
            service(&compose.contents, "signer").contains("\"127.0.0.1:30003:30003\""),
            "{name}"
        );
        assert!(
            !site
                .inbound(HostRole::Signer)
                .iter()
                .any(|flow| { flow.port == Some(site.ports.status_page) })
        );
    }
    assert_eq!(seen, 5);
}

#[test]
fn no_unit_has_a_problem() {
    // Not drop-ins: they say only a part of what the distribution's unit says.
    let units = Path::new("/etc/systemd/system");
    for (name, site) in kinds() {
        for role in site.roles() {
            for file in rendered(&site, *role) {
                if file.path.as_path().parent() == Some(units) {
                    assert_eq!(unit_problems(&file.contents), [], "{name}: {:?}", file.path);
                }
            }
        }
    }
}
