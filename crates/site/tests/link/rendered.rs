//! What is rendered, before any program reads it.

use countersign_site::link::{haproxy, nginx, wireguard};
use countersign_site::{HostRole, Site};

const ROLES: [HostRole; 2] = [HostRole::Signer, HostRole::Node];

fn site(link: &str) -> Site {
    Site::parse(&format!(
        "network = \"mainnet\"\n[hosts.signer]\nname = \"s\"\naddress = \"10.0.0.2\"\npublic_address = \"192.0.2.2\"\n\
         [hosts.node]\nname = \"n\"\naddress = \"10.0.0.1\"\npublic_address = \"192.0.2.1\"\n[link]\n{link}\n"
    ))
    .unwrap()
}

const TUNNEL: &str = "kind = \"wireguard\"\n\
    signer_wireguard_key = \"qp0dqZ0QuvYwGWR9GmrLHuyhP8E5EWIQDWzWBRXWwmM=\"\n\
    node_wireguard_key = \"Vvd0zVaczM5bS6NL1ZDJdfyPS4jOzIEOcgwbWvKmwGY=\"\ntunnel = \"10.73.0.0/30\"";

#[test]
fn each_kind_of_link_has_its_own_file_and_no_other() {
    let one = Site::parse("network = \"mainnet\"\n[hosts.signer]\nname = \"s\"\n").unwrap();
    let pins = "signer_pin = \"sha256/qp0dqZ0QuvYwGWR9GmrLHuyhP8E5EWIQDWzWBRXWwmM=\"\n\
                node_pin = \"sha256/Vvd0zVaczM5bS6NL1ZDJdfyPS4jOzIEOcgwbWvKmwGY=\"";
    for (site, expected) in [
        (one, [false; 3]),
        (site(pins), [false; 3]),
        (site("kind = \"nginx\""), [true, false, false]),
        (site("kind = \"haproxy\""), [false, true, false]),
        (site(TUNNEL), [false, false, true]),
    ] {
        for role in ROLES {
            let there = [
                nginx(&site, role).is_some(),
                haproxy(&site, role).is_some(),
                wireguard(&site, role).is_some(),
            ];
            assert_eq!(there, expected, "{:?}, {role:?}", site.link);
        }
    }
}

/// The node's RPC and the signer's endpoint are on loopback, and what is between the hosts on their private addresses.
#[test]
fn nothing_listens_on_a_public_address_or_on_all() {
    for site in [site("kind = \"nginx\""), site("kind = \"haproxy\""), site(TUNNEL)] {
        for role in ROLES {
            let all = [nginx(&site, role), haproxy(&site, role), wireguard(&site, role)];
            for text in all.into_iter().flatten() {
                assert!(!text.contains("192.0.2.") && !text.contains("0.0.0.0"), "{text}");
                assert!(!text.contains("[::]") && !text.contains("*:"), "{text}");
            }
        }
    }
}

/// A question of the signer's passes by whatever link there is.
#[test]
fn the_proxies_pass_every_question_that_the_built_in_link_passes() {
    let list = include_str!("../../../node/src/link/route.rs");
    let questions: Vec<(&str, &str)> = list
        .lines()
        .filter_map(|line| line.trim().strip_prefix("(Method::")?.strip_suffix("\"),"))
        .map(|row| row.split_once(", \"").unwrap())
        .collect();
    assert!(questions.len() >= 19, "{questions:?}");
    for role in ROLES {
        let nginx = nginx(&site("kind = \"nginx\""), role).unwrap();
        let haproxy = haproxy(&site("kind = \"haproxy\""), role).unwrap();
        for (method, pattern) in &questions {
            let target = pattern.replace('?', "\\?").replace('*', "[0-9A-Za-z_-]{1,128}");
            assert!(nginx.contains(&format!("\"~^{method} {target}$\" 1;")), "{method} {pattern}");
            let rule = format!("acl rpc_{} url -m reg '^{target}$'", method.to_lowercase());
            assert!(haproxy.contains(&rule), "{method} {pattern}");
        }
    }
}

#[test]
fn addresses_of_the_second_kind_are_written_in_brackets() {
    let site = Site::parse(
        "network = \"mainnet\"\n[hosts.signer]\nname = \"s\"\naddress = \"fd00::2\"\n[hosts.node]\nname = \"n\"\n\
         address = \"fd00::1\"\n[link]\nkind = \"nginx\"\n",
    )
    .unwrap();
    let text = nginx(&site, HostRole::Node).unwrap();
    for line in ["listen [fd00::1]:2443 ssl;", "server [fd00::2]:3443;", "allow fd00::2;"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn the_proxies_wait_longer_than_a_signer_does() {
    for role in ROLES {
        let text = nginx(&site("kind = \"nginx\""), role).unwrap();
        for timeout in
            ["client_body_timeout", "send_timeout", "proxy_send_timeout", "proxy_read_timeout"]
        {
            assert!(text.contains(&format!("{timeout} 150s;")), "{timeout}");
        }
        let text = haproxy(&site("kind = \"haproxy\""), role).unwrap();
        assert!(text.contains("timeout client 150s") && text.contains("timeout server 150s"));
    }
}
