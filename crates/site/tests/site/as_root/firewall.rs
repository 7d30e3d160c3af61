//! The rules in a real kernel, between hosts in network namespaces.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use countersign_site::firewall::{FirewallError, Force, Live, Slot, State, ruleset};
use countersign_site::{Flow, HostRole, Peer, Protocol, Service, Site};
use rustix::thread::set_thread_uid;

use super::town::{Town, is_open};

const HOUR: Duration = Duration::from_hours(1);
const PUBLIC_KEY: &str = "02196f005965cebe6ddc3901b7b1cc1aa7a88f305bb8c5893456b8f9a605923893";

/// A pool on two hosts behind nginx, or on one with Docker. The users exist on every machine.
fn site(more: &str) -> Site {
    let text = format!(
        r#"network = "mainnet"
{more}
[users]
node = "daemon"
bitcoin = "bin"
sbtc = "games"
[access]
ssh_port = 2222
admin_networks = ["10.77.9.0/24", "fd77::9:0/112"]
"#
    );
    Site::parse(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
}

fn two_hosts() -> Site {
    site(&format!(
        r#"[hosts.signer]
name = "signer"
address = "10.77.0.2"
[hosts.node]
name = "node"
address = "10.77.0.3"
[link]
kind = "nginx"
[node]
bootstrap = ["{PUBLIC_KEY}@seed.example.org:20444"]
"#
    ))
}

fn town() -> Town {
    Town::new(&[
        ("signer", &["10.77.0.2/16", "fd77::2/64"]),
        ("node", &["10.77.0.3/16", "fd77::3/64"]),
        ("admin", &["10.77.9.1/16", "fd77::9:1/64"]),
        ("world", &["10.77.200.1/16", "fd77::200:1/64"]),
    ])
}

/// Puts the rules of a role in force on its host, for good.
fn guard(town: &Town, site: &Site, role: HostRole) {
    town.on(role.name(), || {
        let live = Live::default();
        live.try_out(|slot, force| ruleset(site, role, slot, force), HOUR).unwrap();
        live.confirm().unwrap();
    });
}

/// What is declared, everything beside it, and a sample of the rest.
fn doors(flows: &[Flow]) -> Vec<(Protocol, u16)> {
    let declared = flows.iter().filter_map(|flow| flow.port).map(std::num::NonZeroU16::get);
    let beside = declared.flat_map(|port| [port - 1, port, port + 1]);
    let known = [
        1, 21, 22, 23, 25, 53, 80, 111, 123, 443, 2375, 3306, 5432, 8332, 8333, 9090, 9100, 18443,
        65535,
    ];
    let sample = (0..60).map(|number| 1 + number * 1091);
    let mut ports: Vec<u16> = beside.chain(known).chain(sample).collect();
    ports.sort_unstable();
    ports.dedup();
    let of = |protocol| ports.iter().map(move |port| (protocol, *port));
    of(Protocol::Tcp).chain(of(Protocol::Udp)).collect()
}

/// The doors that the flows of `site` open to this address.
fn declared(flows: &[Flow], from: IpAddr) -> Vec<(Protocol, u16)> {
    let is_peer = |flow: &&Flow| match &flow.peer {
        Peer::Everyone => true,
        Peer::Networks(networks) => networks.iter().any(|network| network.contains(&from)),
    };
    let of = flows.iter().filter(|flow| !flow.in_tunnel && flow.user.is_none()).filter(is_peer);
    let mut doors: Vec<(Protocol, u16)> =
        of.filter_map(|flow| Some((flow.protocol, flow.port?.get()))).collect();
    doors.sort_unstable();
    doors.dedup();
    doors
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn every_declared_flow_comes_in_and_all_else_is_refused_in_both_families() {
    let site = two_hosts();
    let [signer, node] = [("signer", "10.77.0.2", "fd77::2"), ("node", "10.77.0.3", "fd77::3")];
    let admin = ("admin", "10.77.9.1", "fd77::9:1");
    let world = ("world", "10.77.200.1", "fd77::200:1");
    for (role, (_, four, six), other) in
        [(HostRole::Signer, signer, node), (HostRole::Node, node, signer)]
    {
        let town = town();
        guard(&town, &site, role);
        let flows = site.inbound(role);
        assert!(flows.iter().any(|flow| flow.service == Service::Ssh));
        for (from, from_four, from_six) in [admin, world, other] {
            for (to, source) in [(four, from_four), (six, from_six)] {
                let mut open = town.open(from, to.parse().unwrap(), &doors(&flows));
                open.sort_unstable();
                let meant = declared(&flows, source.parse().unwrap());
                assert_eq!(open, meant, "{from} to {to} of {role}");
            }
        }
    }
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn every_declared_flow_goes_out_and_all_else_is_refused() {
    let (site, town) = (two_hosts(), town());
    for role in [HostRole::Signer, HostRole::Node] {
        guard(&town, &site, role);
        let flows = site.outbound(role);
        for to in ["10.77.200.1", "fd77::200:1"] {
            let to: IpAddr = to.parse().unwrap();
            let mut open = town.open(role.name(), to, &doors(&flows));
            open.sort_unstable();
            assert_eq!(open, declared(&flows, to), "{role} to {to}");
        }
    }
    // To the other host, at the door of the link only.
    let node: IpAddr = "10.77.0.3".parse().unwrap();
    let open = town.open("signer", node, &doors(&site.inbound(HostRole::Node)));
    let link = (Protocol::Tcp, site.ports.link_rpc.get());
    let peers = (Protocol::Tcp, site.ports.node_p2p.get());
    assert!(open.contains(&link) && !open.contains(&peers), "{open:?}");
    // What only a user may do, another may not.
    let to = SocketAddr::new("10.77.200.1".parse().unwrap(), 34567);
    let as_user = |uid: u32| {
        town.on("node", || {
            set_thread_uid(rustix::process::Uid::from_raw(uid)).unwrap();
            is_open(Protocol::Tcp, to)
        })
    };
    let [daemon, games] = [1, 5];
    assert!(as_user(daemon) && !as_user(games) && !as_user(0));
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn a_host_passes_nothing_on() {
    let (site, mut town) = (two_hosts(), town());
    town.build("inner");
    let inner = town.space("inner");
    town.does("signer", &format!("ip link add inside type veth peer name eth0 netns {inner}"));
    town.does("signer", "ip address add 10.99.0.1/24 dev inside");
    town.does("signer", "ip link set inside up");
    town.does("signer", "sysctl -qw net.ipv4.ip_forward=1");
    town.does("inner", "ip address add 10.99.0.2/24 dev eth0");
    town.does("inner", "ip link set eth0 up");
    town.does("inner", "ip route add default via 10.99.0.1");
    town.does("world", "ip route add 10.99.0.0/24 via 10.77.0.2");
    let doors = [(Protocol::Tcp, 443), (Protocol::Tcp, 20444), (Protocol::Udp, 53)];
    let [inside, outside]: [IpAddr; 2] = ["10.99.0.2", "10.77.200.1"].map(|ip| ip.parse().unwrap());
    assert_eq!(town.open("world", inside, &doors), doors, "the way is there without rules");
    guard(&town, &site, HostRole::Signer);
    assert!(town.open("world", inside, &doors).is_empty());
    assert!(town.open("inner", outside, &doors).is_empty());
}

fn docker(hosts: &str) -> Site {
    let digest = "0123456789abcdef".repeat(4);
    site(&format!(
        r#"runtime = "docker"
{hosts}
[node]
bootstrap = ["{PUBLIC_KEY}@seed.example.org:20444"]
[images]
countersign = "countersign@sha256:{digest}"
node = "stacks@sha256:{digest}"
bitcoin = "bitcoin@sha256:{digest}"
"#
    ))
}

const ALONE: &str = "[hosts.signer]\nname = \"signer\"\naddress = \"10.77.0.2\"\n";

/// Docker's own part: a bridge, and addresses that are changed on the way out.
fn town_with_docker() -> Town {
    let town = town();
    town.does("signer", "ip link add countersign-br type bridge");
    town.does("signer", "ip address add 172.30.94.1/28 dev countersign-br");
    town.does("signer", "ip link set countersign-br up");
    town.does("signer", "sysctl -qw net.ipv4.ip_forward=1");
    town.does("signer", "nft add table ip nat");
    town.does(
        "signer",
        "nft add chain ip nat prerouting { type nat hook prerouting priority dstnat; }",
    );
    town.does(
        "signer",
        "nft add chain ip nat postrouting { type nat hook postrouting priority srcnat; }",
    );
    town.does(
        "signer",
        "nft add rule ip nat postrouting ip saddr 172.30.94.0/28 oifname eth0 masquerade",
    );
    town
}

/// Docker's own part: addresses and ports of published containers are changed before they are passed on.
fn publish(town: &mut Town, container: &str, address: &str, ports: &[u16]) {
    town.build(container);
    let there = town.space(container);
    town.does("signer", &format!("ip link add {container} type veth peer name eth0 netns {there}"));
    town.does("signer", &format!("ip link set {container} master countersign-br up"));
    town.does(container, &format!("ip address add {address}/28 dev eth0"));
    town.does(container, "ip link set eth0 up");
    town.does(container, "ip route add default via 172.30.94.1");
    for port in ports {
        town.does(
            "signer",
            &format!("nft add rule ip nat prerouting iifname eth0 tcp dport {port} dnat to {address}:{port}"),
        );
    }
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn a_port_that_docker_publishes_is_closed_unless_it_is_a_flow() {
    let site = docker(ALONE);
    let mut town = town_with_docker();
    publish(&mut town, "node1", "172.30.94.3", &[20444, 8080]);
    publish(&mut town, "signer1", "172.30.94.2", &[30000]);
    let [host, world, node]: [IpAddr; 3] =
        ["10.77.0.2", "10.77.200.1", "172.30.94.3"].map(|ip| ip.parse().unwrap());
    let published = [20444, 8080, 30000].map(|port| (Protocol::Tcp, port));
    assert_eq!(
        town.open("world", host, &published),
        published,
        "the world sees them without rules"
    );
    guard(&town, &site, HostRole::Signer);
    assert_eq!(town.open("world", host, &published), [(Protocol::Tcp, 20444)]);
    // Containers reach each other, and outside what they are there for.
    assert_eq!(town.open("signer1", node, &published).len(), 3);
    let out = [443, 34567].map(|port| (Protocol::Tcp, port));
    assert_eq!(town.open("node1", world, &out), out, "peers are anywhere");
    assert_eq!(town.open("signer1", world, &out), [(Protocol::Tcp, 443)]);
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn a_container_reaches_nothing_of_the_host_but_a_link_that_runs_there() {
    let linked = "[hosts.signer]\nname = \"signer\"\naddress = \"10.77.0.2\"\n\
                  [hosts.node]\nname = \"node\"\naddress = \"10.77.0.3\"\n[link]\nkind = \"haproxy\"\n";
    let host: IpAddr = "172.30.94.1".parse().unwrap();
    for (hosts, role, link) in [
        (ALONE, HostRole::Signer, None),
        (linked, HostRole::Signer, Some(21443)),
        (linked, HostRole::Node, Some(31000)),
    ] {
        let (site, mut town) = (docker(hosts), town_with_docker());
        publish(&mut town, "signer1", "172.30.94.2", &[]);
        let doors = [22, 2222, 9100, 21443, 31000].map(|port| (Protocol::Tcp, port));
        assert_eq!(town.open("signer1", host, &doors), doors, "all are open without rules");
        town.on("signer", || {
            Live::default().try_out(|slot, force| ruleset(&site, role, slot, force), HOUR).unwrap();
        });
        let meant: Vec<_> = link.into_iter().map(|port| (Protocol::Tcp, port)).collect();
        assert_eq!(town.open("signer1", host, &doors), meant, "{role} {link:?}");
    }
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn who_knocks_too_often_is_not_heard_for_a_while() {
    let host: IpAddr = "10.77.0.2".parse().unwrap();
    let heard = |town: &Town, from: &str| {
        town.on(from, || {
            let is_heard = |_: &u32| is_open(Protocol::Tcp, SocketAddr::new(host, 20444));
            (0..200).take_while(is_heard).count()
        })
    };
    let systemd = (site(ALONE), town());
    let mut with_docker = (docker(ALONE), town_with_docker());
    publish(&mut with_docker.1, "node1", "172.30.94.3", &[20444]);
    for (site, town) in [systemd, with_docker] {
        guard(&town, &site, HostRole::Signer);
        let count = heard(&town, "world");
        assert!((120..200).contains(&count), "{count} of {}", site.runtime);
        assert!(heard(&town, "admin") >= 120, "another one is");
    }
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn nobody_outside_passes_for_a_container() {
    let site = docker(ALONE);
    let town = town();
    for command in [
        "ip link add countersign-br type bridge",
        "ip address add 172.30.94.1/28 dev countersign-br",
        "ip link set countersign-br up",
        "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0",
        "nft add table ip seen",
        "nft add chain ip seen input { type filter hook input priority 10; }",
        "nft add chain ip seen forward { type filter hook forward priority 10; }",
        "nft add rule ip seen input ip saddr 172.30.94.3 counter",
        "nft add rule ip seen forward ip saddr 172.30.94.3 counter",
    ] {
        town.does("signer", command);
    }
    town.does("world", "ip address add 172.30.94.3/32 dev eth0");
    town.does("world", "ip route add 172.30.94.1/32 via 10.77.0.2");
    town.does("world", "ip route add 192.0.2.7/32 via 10.77.0.2");
    town.does("signer", "ip route add 192.0.2.7/32 via 10.77.9.1");
    let knock = || {
        town.on("world", || {
            let socket = UdpSocket::bind("172.30.94.3:0").unwrap();
            for to in ["172.30.94.1:53", "192.0.2.7:53"] {
                socket.send_to(b"?", to).unwrap();
            }
        });
        town.on("signer", || {
            let listed =
                Command::new("nft").args(["list", "table", "ip", "seen"]).output().unwrap();
            let listed = String::from_utf8(listed.stdout).unwrap();
            let counts =
                listed.split("packets ").skip(1).map(|rest| rest.split(' ').next().unwrap());
            counts.map(|count| count.parse().unwrap()).collect::<Vec<u32>>()
        })
    };
    until(|| knock().iter().all(|count| *count > 0));
    guard(&town, &site, HostRole::Signer);
    let before = knock();
    assert_eq!(knock(), before);
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn rules_that_are_not_confirmed_give_way_to_those_before() {
    let (site, town) = (two_hosts(), town());
    let moved = site_with_other_ssh_port();
    let (from, to): (_, IpAddr) = ("admin", "10.77.0.2".parse().unwrap());
    let [old, new] = [2222, 2223].map(|port| (Protocol::Tcp, port));
    let open = || town.open(from, to, &[old, new]);
    let on_host =
        |work: &(dyn Fn(&Live) -> State + Sync)| town.on("signer", || work(&Live::default()));
    let try_out = |site: &Site, time: Duration| {
        town.on("signer", || {
            let rules = |slot, force| ruleset(site, HostRole::Signer, slot, force);
            Live::default().try_out(rules, time).unwrap()
        })
    };
    assert_eq!(on_host(&|live| live.state().unwrap()), State::Open);

    // The first rules of a host give way to none.
    let two = Duration::from_secs(2);
    assert_eq!(try_out(&site, two), State::OnTrial { slot: Slot::A, left: two, before: None });
    assert_eq!(open(), [old]);
    until(|| on_host(&|live| live.state().unwrap()) == State::Open);
    assert_eq!(open(), [old, new]);
    let late = town.on("signer", || Live::default().confirm());
    assert!(matches!(late, Err(FirewallError::NothingOnTrial)), "{late:?}");

    try_out(&site, HOUR);
    assert_eq!(town.on("signer", || Live::default().confirm().unwrap()), Slot::A);
    assert_eq!(on_host(&|live| live.state().unwrap()), State::InForce(Slot::A));

    // Later ones give way to those before, in the kernel alone.
    let before = Some(Slot::A);
    assert_eq!(try_out(&moved, two), State::OnTrial { slot: Slot::B, left: two, before });
    assert_eq!(open(), [new]);
    until(|| on_host(&|live| live.state().unwrap()) == State::InForce(Slot::A));
    assert_eq!(open(), [old]);

    // A second trial takes the place of the first, and can be taken back.
    try_out(&site, HOUR);
    try_out(&moved, HOUR);
    assert_eq!(open(), [new]);
    assert_eq!(town.on("signer", || Live::default().take_back().unwrap()), before);
    assert_eq!(open(), [old]);
    try_out(&moved, HOUR);
    assert_eq!(town.on("signer", || Live::default().confirm().unwrap()), Slot::B);
    assert_eq!(
        (open(), on_host(&|live| live.state().unwrap())),
        (vec![new], State::InForce(Slot::B))
    );
}

fn site_with_other_ssh_port() -> Site {
    let mut site = two_hosts();
    site.access.ssh_port = 2223.try_into().unwrap();
    site
}

fn until(is_done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never comes");
        std::thread::yield_now();
    }
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn a_rule_that_was_added_by_hand_is_found() {
    let (site, town) = (two_hosts(), town());
    guard(&town, &site, HostRole::Signer);
    let meant = ruleset(&site, HostRole::Signer, Slot::A, Force::Permanent);
    let drift = || town.on("signer", || Live::default().compare(Slot::A, &meant).unwrap());
    assert!(drift().is_none(), "{:?}", drift());
    // Somebody knocks: what the kernel counts is no drift.
    town.open("world", "10.77.0.2".parse().unwrap(), &[(Protocol::Tcp, 2222)]);
    assert!(drift().is_none(), "{:?}", drift());
    town.does("signer", "nft insert rule inet countersign_a input tcp dport 5432 accept");
    assert_eq!(drift().foreign, ["chain input: tcp dport 5432 accept"]);
    assert!(drift().missing.is_empty());
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn rules_that_somebody_has_switched_off_are_found() {
    let (site, town) = (two_hosts(), town());
    guard(&town, &site, HostRole::Signer);
    let meant = ruleset(&site, HostRole::Signer, Slot::A, Force::Permanent);
    let drift = || town.on("signer", || Live::default().compare(Slot::A, &meant).unwrap());
    town.does("signer", "nft add element inet countersign_a suspended { ipv6 }");
    assert_eq!(drift().foreign, ["set suspended: ipv6"]);
    town.does("signer", "nft flush set inet countersign_a suspended");
    assert!(drift().is_none(), "{:?}", drift());
    town.does("signer", "nft delete element inet countersign_a in_force { ipv6 }");
    assert_eq!(drift().missing, ["set in_force: ipv6"]);
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn rules_for_docker_are_taken_with_peers_of_either_family() {
    let town = town();
    for (signer, node) in [("10.77.0.2", "10.77.0.3"), ("fd77::2", "fd77::3")] {
        let site = docker(&format!(
            r#"[hosts.signer]
name = "signer"
address = "{signer}"
[hosts.node]
name = "node"
address = "{node}"
[link]
kind = "haproxy"
[monitoring]
sources = ["10.77.9.1", "fd77::9:1"]
"#
        ));
        for role in [HostRole::Signer, HostRole::Node] {
            let rules = ruleset(&site, role, Slot::A, Force::Permanent);
            let taken = town.on("signer", || Live::default().check(&rules));
            assert!(taken.is_ok(), "{role} at {signer}: {taken:?}");
        }
    }
}

#[test]
#[ignore = "needs root: namespaces and nftables"]
fn rules_that_cannot_be_loaded_change_nothing_and_say_why() {
    let town = town();
    let mut site = two_hosts();
    site.users.node = "nobody-has-it".parse().unwrap();
    guard(&town, &two_hosts(), HostRole::Node);
    let refused = town.on("node", || {
        let rules = |slot, force| ruleset(&site, HostRole::Node, slot, force);
        Live::default().try_out(rules, HOUR).unwrap_err()
    });
    assert!(matches!(refused, FirewallError::NoUser { .. }), "{refused}");
    assert!(refused.to_string().contains("systemd-sysusers"), "{refused}");
    let state = town.on("node", || Live::default().state().unwrap());
    assert_eq!(state, State::InForce(Slot::A));
    let refused = Live::default().check("table inet x { nonsense }").unwrap_err();
    assert!(matches!(refused, FirewallError::Refused { .. }), "{refused}");
}

#[test]
#[ignore = "needs root: tries as another user"]
fn only_root_changes_the_firewall() {
    let refused = std::thread::spawn(|| {
        set_thread_uid(rustix::process::Uid::from_raw(65534)).unwrap();
        Live::default().state().unwrap_err()
    });
    let refused = refused.join().unwrap();
    assert!(matches!(refused, FirewallError::NotRoot), "{refused}");
    let is_there = Command::new("nft").arg("--version").output().unwrap().status.success();
    assert!(is_there);
}
