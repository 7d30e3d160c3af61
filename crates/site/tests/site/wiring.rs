//! Who listens where, who asks whom, and what passes between hosts.

use countersign_site::{HostRole, Peer, Protocol, Service, Site};

use crate::sample::{FULL, LEAST, spoiled};

fn two(link: &str) -> Site {
    Site::parse(&format!(
        "network = \"mainnet\"\n[hosts.signer]\nname = \"s\"\naddress = \"10.0.0.2\"\n\
         [hosts.node]\nname = \"n\"\naddress = \"10.0.0.1\"\n[link]\n{link}\n"
    ))
    .unwrap()
}

const PINS: &str = "signer_pin = \"sha256/qp0dqZ0QuvYwGWR9GmrLHuyhP8E5EWIQDWzWBRXWwmM=\"\n\
                    node_pin = \"sha256/Vvd0zVaczM5bS6NL1ZDJdfyPS4jOzIEOcgwbWvKmwGY=\"";

/// signer's endpoint, whom the signer asks, the node's RPC, the node's observer.
fn wires(site: &Site) -> [String; 4] {
    [site.signer_endpoint(), site.node_host(), site.node_rpc(), site.observer()]
        .map(|address| address.to_string())
}

#[test]
fn on_one_host_everything_is_on_loopback() {
    let site = Site::parse(LEAST).unwrap();
    let [signer, node] = ["127.0.0.1:30000", "127.0.0.1:20443"];
    assert_eq!(wires(&site), [signer, node, node, signer]);
    assert!(site.signer_metrics().ip().is_loopback() && site.node_metrics().ip().is_loopback());
}

#[test]
fn each_kind_of_link_meets_in_the_middle() {
    let built_in = two(PINS);
    assert_eq!(
        wires(&built_in),
        ["10.0.0.2:30000", "10.0.0.1:2443", "127.0.0.1:20443", "127.0.0.1:31000"]
    );
    for kind in ["nginx", "haproxy"] {
        let proxied = two(&format!("kind = \"{kind}\""));
        let expected = ["127.0.0.1:30000", "127.0.0.1:21443", "127.0.0.1:20443", "127.0.0.1:31000"];
        assert_eq!(wires(&proxied), expected);
    }
    let tunnel = Site::parse(FULL).unwrap();
    let [signer, node] = ["10.73.0.1:31001", "10.73.0.2:20443"];
    assert_eq!(wires(&tunnel), [signer, node, node, signer]);
}

#[test]
fn on_one_host_only_peers_and_administrators_come_in() {
    let site = Site::parse(LEAST).unwrap();
    let services: Vec<Service> =
        site.inbound(HostRole::Signer).iter().map(|flow| flow.service).collect();
    assert_eq!(services, [Service::Ssh, Service::NodePeers]);
}

#[test]
fn a_signer_of_its_own_host_is_reached_by_its_node_only() {
    let site = two(PINS);
    let inbound = site.inbound(HostRole::Signer);
    let [ssh, events] = inbound.as_slice() else { panic!("{inbound:?}") };
    assert_eq!(ssh.service, Service::Ssh);
    assert_eq!(events.port.unwrap().get(), 30000);
    assert_eq!(events.peer, Peer::Networks(vec!["10.0.0.1/32".parse().unwrap()]));
}

#[test]
fn what_one_host_takes_from_the_other_the_other_makes() {
    for site in [two(PINS), two("kind = \"nginx\""), Site::parse(FULL).unwrap()] {
        for (role, other) in
            [(HostRole::Signer, HostRole::Node), (HostRole::Node, HostRole::Signer)]
        {
            let made = site.outbound(other);
            let between = [
                Service::SignerEvents,
                Service::NodeRpc,
                Service::Tunnel,
                Service::SbtcEvents,
                Service::BitcoinRpc,
            ];
            for taken in site.inbound(role).iter().filter(|flow| between.contains(&flow.service)) {
                assert!(
                    made.iter().any(|flow| flow.service == taken.service
                        && flow.port == taken.port
                        && flow.in_tunnel == taken.in_tunnel),
                    "{taken:?} is not made by the other host"
                );
            }
        }
    }
}

#[test]
fn inside_the_tunnel_everything_else_is_open_and_outside_only_its_own_port() {
    let site = Site::parse(FULL).unwrap();
    let outside: Vec<_> = site
        .inbound(HostRole::Node)
        .into_iter()
        .filter(|flow| !flow.in_tunnel && flow.service != Service::Metrics)
        .map(|flow| (flow.service, flow.protocol))
        .collect();
    assert_eq!(
        outside,
        [
            (Service::Ssh, Protocol::Tcp),
            (Service::NodePeers, Protocol::Tcp),
            (Service::Tunnel, Protocol::Udp)
        ]
    );
}

#[test]
fn what_the_description_names_elsewhere_can_be_reached() {
    let text =
        spoiled(FULL, "https://metrics.example.org/api", "http://metrics.example.org:9009/api");
    let text = spoiled(&text, "\"/run/postgresql\"", "\"db.example.org\"");
    let site = Site::parse(&text).unwrap();
    let ports = |role| -> Vec<u16> {
        site.outbound(role).iter().filter_map(|flow| Some(flow.port?.get())).collect()
    };
    assert!(ports(HostRole::Signer).contains(&9009) && ports(HostRole::Signer).contains(&5432));
    assert!(ports(HostRole::Node).contains(&9009) && !ports(HostRole::Node).contains(&5432));
    let here = Site::parse(&spoiled(FULL, "\"/run/postgresql\"", "\"localhost\"")).unwrap();
    let asks = |flow: &countersign_site::Flow| flow.service == Service::Database;
    assert!(!here.outbound(HostRole::Signer).iter().any(asks));
    let plain = Site::parse(&spoiled(FULL, "https://metrics", "http://metrics")).unwrap();
    assert!(plain.outbound(HostRole::Node).iter().any(|flow| flow.port == 80.try_into().ok()));
}

#[test]
fn metrics_are_shown_to_the_named_sources_only() {
    let site = Site::parse(FULL).unwrap();
    let shown: Vec<_> = site
        .inbound(HostRole::Signer)
        .into_iter()
        .filter(|flow| flow.service == Service::Metrics)
        .collect();
    assert_eq!(shown.len(), 4);
    let source = Peer::Networks(vec!["10.0.0.9/32".parse().unwrap()]);
    assert!(shown.iter().all(|flow| flow.peer == source));
}
