//! `docs/operator/link-variants.md`, carried out on two hosts, each booted by systemd in namespaces of its own. They share
//! a network with the addresses of both, or a wire.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::booted::Host;
use crate::blocks::steps;
use crate::support::said;

const PAGE: &str = include_str!("../../../../../docs/operator/link-variants.md");

impl Host {
    /// The first block of the page, with the values of this host.
    fn values(&self, first: &str) -> String {
        if self.role == "signer" {
            return first.to_owned();
        }
        let lines = first.lines().map(|line| match line.split_once("# node's host: ") {
            Some((ours, theirs)) => format!("{}={theirs}\n", ours.split_once('=').unwrap().0),
            None => format!("{line}\n"),
        });
        lines.collect::<Vec<_>>().concat()
    }
}

/// A wire between two hosts, with the addresses 10.0.0.2 and 10.0.0.1.
pub(super) fn wire(hosts: [&Host; 2], folder: &Path) {
    let made = Command::new("nsenter")
        .args(["--target", &hosts[0].init, "--net", "ip", "link", "add", "wan", "type", "veth"])
        .args(["peer", "name", "wan", "netns", &hosts[1].init])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", said(&made));
    for (host, address) in hosts.into_iter().zip(["10.0.0.2/24", "10.0.0.1/24"]) {
        let up = "ip link set wan up; ip link set lo up";
        host.run(folder, &format!("ip address add {address} dev wan; {up}"));
    }
}

/// Both hosts, and a folder in which files are carried.
pub(super) struct Pair {
    /// Signer, node.
    pub(super) hosts: [Host; 2],
    pub(super) folder: TempDir,
}

impl Pair {
    /// Both have one network, with the addresses of both.
    pub(super) fn of_one_network() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Host::new("signer", None, folder.path());
        let node = Host::new("node", Some(&signer), folder.path());
        signer.run(
            folder.path(),
            "ip link set lo up
             ip address add 10.0.0.1/32 dev lo
             ip address add 10.0.0.2/32 dev lo
             ip route change local 10.0.0.2 dev lo table local src 10.0.0.1
             ip route change local 10.0.0.1 dev lo table local src 10.0.0.2",
        );
        Self { hosts: [signer, node], folder }
    }

    /// Each has a network of its own, and there is a wire between them.
    fn on_a_wire() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hosts = ["signer", "node"].map(|role| Host::new(role, None, folder.path()));
        wire([&hosts[0], &hosts[1]], folder.path());
        Self { hosts, folder }
    }

    /// With the description of an installation that `init` wrote.
    fn described(self, link: &str) -> Self {
        let init = format!(
            "countersign init --yes --network mainnet --signer-name s --signer-address 10.0.0.2 \
             --node-name n --node-address 10.0.0.1 --link {link}"
        );
        self.run(|_| init.clone());
        self
    }

    /// Runs a script on both hosts: signer, node.
    fn run(&self, script: impl Fn(&Host) -> String) -> [String; 2] {
        [0, 1].map(|host| {
            let host: &Host = &self.hosts[host];
            host.run(self.folder.path(), &script(host))
        })
    }
}

/// A program that ends with the test.
pub(super) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["--", &format!("-{}", self.0.id())]).output();
        let _ = self.0.wait();
    }
}

/// Starts a script as root of a host.
pub(super) fn spawn(host: &Host, script: &str) -> Program {
    use std::os::unix::process::CommandExt as _;
    let child = Command::new("nsenter")
        .args(["--target", &host.init, "--net", "--mount", "--pid", "bash", "-euc", script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    Program(child.unwrap())
}

/// A node and a signer, as far as the page asks them.
const STAND_IN: &str = "cat > /run/stand-in.conf <<'END'
daemon off; pid /run/stand-in.pid; events {}
http {
    access_log off;
    server { listen 127.0.0.1:20443; location / { return 200 '{\"network_id\":1}'; } }
    server { listen 127.0.0.1:30000; location / { return 200 'alive'; } }
}
END
exec nginx -e stderr -c /run/stand-in.conf";

fn a_newcomer_links_two_hosts(link: &str) {
    let pair = Pair::of_one_network().described(link);
    let part = PAGE.split("## WireGuard").next().unwrap();
    let steps = steps(part);
    let [first, render, certificate, trust, start, ask] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    let on_both = |step: &str| pair.run(|host| host.values(first) + step);
    on_both(render);
    let made = on_both(certificate);
    let pins = on_both(trust);
    for (pin, other) in pins.iter().zip(made.iter().rev()) {
        assert!(pin.starts_with("sha256/") && other.contains(pin.trim_end()), "{pin} {other}");
    }
    let _stand_in = spawn(&pair.hosts[0], STAND_IN);
    on_both(start);
    let wait = "for port in 20443 30000 21443 31000; do
        for turn in $(seq 400); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && continue 2; sleep 0.05; done
        echo \"nobody listens on $port\" >&2; exit 1
    done";
    pair.hosts[0].run(pair.folder.path(), wait);
    let [at_signer, at_node] = on_both(ask);
    // Inside of its sandbox, and as nobody that matters.
    for shown in pair.run(|_| {
        "systemctl show --value -p ActiveState -p NRestarts -p User countersign-link".to_owned()
    }) {
        let mut shown: Vec<&str> = shown.lines().collect();
        shown.sort_unstable();
        assert_eq!(shown, ["0", "active", "countersign-link"]);
    }
    assert_eq!(at_signer, "{\"network_id\":1}403\n");
    assert_eq!(at_node, "alive403\n");
}

#[test]
#[ignore = "needs root: namespaces, nginx, curl"]
fn a_newcomer_links_two_hosts_by_nginx_with_the_commands_of_the_page_alone() {
    a_newcomer_links_two_hosts("nginx");
}

#[test]
#[ignore = "needs root: namespaces, haproxy, nginx, curl"]
fn a_newcomer_links_two_hosts_by_haproxy_with_the_commands_of_the_page_alone() {
    a_newcomer_links_two_hosts("haproxy");
}

#[test]
#[ignore = "needs root: namespaces, wg, wg-quick, wireguard-go"]
fn a_newcomer_links_two_hosts_by_a_tunnel_with_the_commands_of_the_page_alone() {
    let pair = Pair::on_a_wire().described("nginx");
    let (before, part) = PAGE.split_once("## WireGuard").unwrap();
    let first = &steps(before)[0];
    let steps = steps(part);
    let [make, render, up, look] = steps.as_slice() else { panic!("{steps:?}") };
    let keys = pair.run(|_| make.clone());
    let [signer, node] = keys.each_ref().map(|key| key.trim());
    let link = format!(
        "\nkind = \"wireguard\"\nsigner_wireguard_key = \"{signer}\"\nnode_wireguard_key = \"{node}\"\n"
    );
    let shown = pair.run(|host| {
        let site = "/etc/countersign/countersign.toml";
        format!(
            "sed -i 's|^kind = \"nginx\"||; s|^\\[link\\]|[link]{}|' {site}\n",
            link.replace('\n', "\\n")
        ) + &host.values(first)
            + render
    });
    let peer = |key: &str| format!("PublicKey = {key}\n");
    assert!(shown[0].contains(&peer(node)) && shown[1].contains(&peer(signer)), "{shown:?}");
    assert!(!shown.concat().contains("PrivateKey"), "{shown:?}");
    pair.run(|_| up.clone());
    // Each hears the other, whose key the page had it take.
    let wait = "grep -q '\t0$' || break; sleep 0.05";
    let look = look.trim();
    let heard = pair.run(|_| format!("for turn in $(seq 400); do {look} | {wait}; done\n{look}"));
    for (heard, other) in heard.iter().zip([node, signer]) {
        let at = heard.trim().strip_prefix(other).unwrap_or_else(|| panic!("{heard}"));
        assert!(at.trim().parse::<u64>().unwrap() > 0, "{heard}");
    }
}
