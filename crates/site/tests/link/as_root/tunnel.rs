//! A tunnel between two network namespaces, brought up by `wg-quick` from what is rendered. WireGuard itself is
//! `wireguard-go`, which `wg-quick` starts where the kernel has none.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use countersign_site::firewall::TUNNEL as TUNNEL_INTERFACE;
use countersign_site::link::wireguard;
use countersign_site::{HostRole, Site};
use nix::sched::{CloneFlags, setns};
use tempfile::TempDir;

use super::hosts::said;
use super::http::{Echo, ask};

/// A namespace of networks, mounts and processes. Everything in it ends with it.
struct Host {
    holder: Child,
    pid: String,
}

impl Host {
    fn new() -> Self {
        let holder = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "sleep", "infinity"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("util-linux is installed");
        let mut host = Self { holder, pid: String::new() };
        let id = host.holder.id();
        let children = format!("/proc/{id}/task/{id}/children");
        let began = Instant::now();
        while host.pid.is_empty() {
            assert!(began.elapsed() < Duration::from_secs(10), "unshare does not begin");
            let found = fs::read_to_string(&children).unwrap();
            found.trim().clone_into(&mut host.pid);
        }
        host
    }

    /// Runs a script inside.
    fn run(&self, script: &str) -> String {
        let output = Command::new("nsenter")
            .args(["--target", &self.pid, "--net", "--mount", "--pid", "sh", "-euc", script])
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}: {}", said(&output));
        said(&output)
    }

    /// Calls a function whose sockets are inside.
    fn inside<T: Send>(&self, call: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/proc/{}/ns/net", self.pid)).unwrap();
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
                call()
            });
            thread.join().unwrap()
        })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn key() -> (String, String) {
    let made = Command::new("wg").arg("genkey").output().expect("wireguard-tools are installed");
    let private = String::from_utf8(made.stdout).unwrap();
    let script = format!("printf %s {} | wg pubkey", private.trim());
    let made = Command::new("sh").args(["-c", &script]).output().unwrap();
    (private, String::from_utf8(made.stdout).unwrap().trim().to_owned())
}

/// Two hosts on one wire, whose tunnel is not up yet.
struct Pair {
    folder: TempDir,
    keys: [(String, String); 2],
    hosts: [Host; 2],
}

const ROLES: [HostRole; 2] = [HostRole::Signer, HostRole::Node];

impl Pair {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("tunnel-").tempdir_in("/srv").unwrap();
        let hosts = [Host::new(), Host::new()];
        hosts[0].inside(|| {
            let peer = ["link", "add", "wan", "type", "veth", "peer", "name", "wan", "netns"];
            let made = Command::new("ip").args(peer).arg(&hosts[1].pid).output().unwrap();
            assert!(made.status.success(), "{}", said(&made));
        });
        for (host, address) in hosts.iter().zip(["10.0.0.2/24", "10.0.0.1/24"]) {
            host.run(&format!(
                "ip address add {address} dev wan; ip link set wan up; ip link set lo up"
            ));
            // Of the sockets in it, each host has its own.
            host.run("mount -t tmpfs none /run");
        }
        Self { folder, keys: [key(), key()], hosts }
    }

    fn site(&self, role: HostRole) -> Site {
        let [signer, node] = [0, 1].map(|host: usize| &self.keys[host].1);
        Site::parse(&format!(
            "network = \"mainnet\"\n[hosts.signer]\nname = \"s\"\naddress = \"10.0.0.2\"\n[hosts.node]\n\
             name = \"n\"\naddress = \"10.0.0.1\"\n[link]\nkind = \"wireguard\"\nsigner_wireguard_key = \"{signer}\"\n\
             node_wireguard_key = \"{node}\"\ntunnel = \"10.73.0.0/30\"\n[paths]\nconfig = \"{}\"\n",
            self.at(role).display()
        ))
        .unwrap()
    }

    fn at(&self, role: HostRole) -> PathBuf {
        self.folder.path().join(role.name())
    }

    /// The rendered file of a host, with its private key beside it.
    fn write(&self, role: HostRole, private: &str) -> PathBuf {
        fs::create_dir_all(self.at(role)).unwrap();
        let private_file = |path: &Path, text: &str| {
            fs::write(path, text).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        };
        private_file(&self.at(role).join("wireguard.key"), private);
        let path = self.at(role).join(format!("{TUNNEL_INTERFACE}.conf"));
        private_file(&path, &wireguard(&self.site(role), role).unwrap());
        path
    }

    fn up(&self) {
        for (host, role) in self.hosts.iter().zip(ROLES) {
            let path = self.at(role).join(format!("{TUNNEL_INTERFACE}.conf"));
            host.run(&format!("wg-quick up {} 2>&1", path.display()));
        }
    }
}

#[test]
#[ignore = "needs root: network namespaces, wg, wg-quick, wireguard-go"]
fn callbacks_and_questions_go_through_the_tunnel_that_is_rendered() {
    let pair = Pair::new();
    for (role, (private, _)) in ROLES.into_iter().zip(&pair.keys) {
        pair.write(role, private);
    }
    pair.up();
    let site = pair.site(HostRole::Signer);
    let [signer, node] = &pair.hosts;
    let [endpoint, rpc] = [site.signer_endpoint(), site.node_rpc()];
    assert_eq!([endpoint.to_string(), rpc.to_string()], ["10.73.0.1:30000", "10.73.0.2:20443"]);
    let at_signer = signer.inside(|| Echo::start(endpoint));
    let at_node = node.inside(|| Echo::start(rpc));
    for len in [0, 1, 1 << 20, 4_300_000] {
        let body = vec![b'x'; len];
        let posted = node.inside(|| ask(site.observer(), "POST /stackerdb_chunks", &body).unwrap());
        assert_eq!((posted.0, posted.1.len()), (200, len));
        let asked =
            signer.inside(|| ask(site.node_host(), "POST /v3/block_proposal", &body).unwrap());
        assert_eq!((asked.0, asked.1.len()), (200, len));
    }
    assert_eq!((at_signer.arrived().len(), at_node.arrived().len()), (4, 4));
    // Of the tunnel's peer nothing but its one address is taken, and the handshake is young.
    let shown = signer.run(&format!("wg show {TUNNEL_INTERFACE} allowed-ips"));
    assert!(shown.trim_end().ends_with("\t10.73.0.2/32"), "{shown}");
    let shown = signer.run(&format!("wg show {TUNNEL_INTERFACE} latest-handshakes"));
    assert!(!shown.trim_end().ends_with("\t0"), "{shown}");
}

#[test]
#[ignore = "needs root: network namespaces, wg, wg-quick, wireguard-go"]
fn a_host_with_another_key_has_no_tunnel() {
    let pair = Pair::new();
    pair.write(HostRole::Signer, &pair.keys[0].0);
    pair.write(HostRole::Node, &key().0);
    pair.up();
    let site = pair.site(HostRole::Signer);
    let _signer = pair.hosts[0].inside(|| Echo::start(site.signer_endpoint()));
    let reached = pair.hosts[1].inside(|| {
        std::net::TcpStream::connect_timeout(&site.observer(), Duration::from_millis(1500))
    });
    assert!(reached.is_err());
    let shown = pair.hosts[0].run(&format!("wg show {TUNNEL_INTERFACE} latest-handshakes"));
    assert!(shown.trim_end().ends_with("\t0"), "{shown}");
}

#[test]
#[ignore = "needs root: wg-quick"]
fn wg_quick_reads_what_is_rendered_and_no_private_key_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = key();
    let text = wireguard(
        &Site::parse(&format!(
            "network = \"mainnet\"\n[hosts.signer]\nname = \"s\"\naddress = \"fd00::2\"\n[hosts.node]\n\
             name = \"n\"\naddress = \"fd00::1\"\n[link]\nkind = \"wireguard\"\nsigner_wireguard_key = \"{public}\"\n\
             node_wireguard_key = \"{}\"\ntunnel = \"fd73::/126\"\n",
            key().1
        ))
        .unwrap(),
        HostRole::Node,
    )
    .unwrap();
    assert!(!text.contains("PrivateKey") && !text.contains(private.trim()));
    let path = folder.path().join(format!("{TUNNEL_INTERFACE}.conf"));
    fs::write(&path, &text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let stripped = Command::new("wg-quick").arg("strip").arg(&path).output().unwrap();
    assert!(stripped.status.success(), "{}", said(&stripped));
    let stripped = said(&stripped);
    for line in [
        "ListenPort = 51820",
        &format!("PublicKey = {public}"),
        "AllowedIPs = fd73::1/128",
        "Endpoint = [fd00::2]:51820",
    ] {
        assert!(stripped.lines().any(|other| other == line), "{line}: {stripped}");
    }
    assert!(!stripped.contains("PostUp"));
}
