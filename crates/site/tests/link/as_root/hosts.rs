//! Two hosts in one network namespace, with a certificate each, and what runs on them.

use std::fs::{self, File, Permissions};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use countersign_node::Pin;
use countersign_node::link::{Link, LinkConfig};
use countersign_site::link::{haproxy, nginx};
use countersign_site::{HostRole, Site};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::http::Echo;
use super::identity::Identity;

/// Nobody's user, who runs the proxies.
pub(crate) const NOBODY: u32 = 65534;

/// What carries the link on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
    /// `countersign link`, on the node's host only.
    BuiltIn,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Nginx | Self::BuiltIn => "nginx",
            Self::Haproxy => "haproxy",
        }
    }
}

/// Two hosts. What they trust and show can be changed before the proxies start.
pub(crate) struct Hosts {
    folder: TempDir,
    pub(crate) kinds: [Kind; 2],
    pub(crate) signer: Identity,
    pub(crate) node: Identity,
    /// What the node's host takes for the signer's certificate, and the other way round.
    pub(crate) signer_pinned: String,
    pub(crate) node_pinned: String,
    /// A change of the configurations.
    pub(crate) edit: Box<dyn Fn(HostRole, String) -> String>,
}

impl Hosts {
    /// The kind on the signer's host, and the one on the node's.
    pub(crate) fn new(on_signer: Kind, on_node: Kind) -> Self {
        enter_namespace();
        let folder = tempfile::Builder::new().prefix("link-").tempdir_in("/srv").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let (signer, node) = (Identity::new("signer"), Identity::new("link"));
        let (signer_pinned, node_pinned) = (signer.certificate.clone(), node.certificate.clone());
        let edit = Box::new(|_, text| text);
        let kinds = [on_signer, on_node];
        Self { folder, kinds, signer, node, signer_pinned, node_pinned, edit }
    }

    pub(crate) fn kind(&self, role: HostRole) -> Kind {
        if role == HostRole::Signer { self.kinds[0] } else { self.kinds[1] }
    }

    pub(crate) fn at(&self, role: HostRole, path: &str) -> PathBuf {
        self.folder.path().join(role.name()).join(path)
    }

    /// The description of both, with the folders of one.
    pub(crate) fn site(&self, role: HostRole) -> Site {
        Site::parse(&format!(
            "network = \"mainnet\"\n[hosts.signer]\nname = \"s\"\naddress = \"10.0.0.2\"\n[hosts.node]\n\
             name = \"n\"\naddress = \"10.0.0.1\"\n[link]\nkind = \"{}\"\n[paths]\nconfig = \"{}\"\n",
            self.kind(role).name(),
            self.folder.path().join(role.name()).display(),
        ))
        .unwrap()
    }

    /// Where the node posts, and where the signer asks.
    pub(crate) fn doors(&self) -> [SocketAddr; 2] {
        let site = self.site(HostRole::Signer);
        [site.observer(), site.node_host()]
    }

    /// Where each host takes what comes from the other: signer, node.
    pub(crate) fn tls_doors(&self) -> [SocketAddr; 2] {
        let site = self.site(HostRole::Signer);
        let at =
            |role, port: std::num::NonZeroU16| SocketAddr::new(site.host(role).address, port.get());
        [at(HostRole::Signer, site.ports.link_events), at(HostRole::Node, site.ports.link_rpc)]
    }

    /// Starts both proxies, a signer and a node.
    pub(crate) fn start(&self) -> Running {
        let site = self.site(HostRole::Signer);
        let signer = Echo::start(site.signer_endpoint());
        let node = Echo::start(site.node_rpc());
        let proxies = [HostRole::Signer, HostRole::Node].map(|role| self.start_proxy(role));
        let [events, rpc] = self.doors();
        for address in [events, rpc].into_iter().chain(self.tls_doors()) {
            self.wait_for(address);
        }
        Running { proxies, signer, node }
    }

    /// A wrong configuration is told by the log, instead of by a test that hangs.
    fn wait_for(&self, address: SocketAddr) {
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "{address}: {}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What both proxies have said.
    pub(crate) fn log(&self) -> String {
        let read = |role| fs::read_to_string(self.at(role, "log")).unwrap_or_default();
        read(HostRole::Signer) + &read(HostRole::Node)
    }

    fn start_proxy(&self, role: HostRole) -> Proxy {
        let (own, identity, other, pinned) = match role {
            HostRole::Signer => ("signer", &self.signer, "link", &self.node_pinned),
            HostRole::Node => ("link", &self.node, "signer", &self.signer_pinned),
        };
        fs::create_dir_all(self.at(role, "tls")).unwrap();
        fs::create_dir_all(self.at(role, "run")).unwrap();
        let is_built_in = self.kind(role) == Kind::BuiltIn;
        self.write(role, &format!("tls/{own}.crt"), &identity.certificate);
        self.write(role, &format!("tls/{own}.key"), &identity.key);
        self.write(role, &format!("tls/{other}.crt"), pinned);
        for path in ["tls", "run"] {
            chown(self.at(role, path), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        if is_built_in {
            chown(self.at(role, &format!("tls/{own}.key")), Some(0), Some(0)).unwrap();
            return Proxy::BuiltIn(self.start_built_in());
        }
        let program = self.program(role);
        Proxy::Process(self.spawn(role, program))
    }

    /// The program with its configuration.
    pub(crate) fn program(&self, role: HostRole) -> Command {
        let site = self.site(role);
        let (mut command, text) = if self.kind(role) == Kind::Nginx {
            let mut command = Command::new("/usr/sbin/nginx");
            command.args(["-e", "stderr", "-c"]);
            (command, nginx(&site, role).unwrap())
        } else {
            let mut command = Command::new("/usr/sbin/haproxy");
            command.args(["-W", "-f"]);
            (command, haproxy(&site, role).unwrap())
        };
        let run = self.at(role, "run").display().to_string();
        let text = (self.edit)(role, text).replace("/run/countersign-link", &run);
        self.write(role, "proxy.conf", &text);
        command.arg(self.at(role, "proxy.conf")).uid(NOBODY).gid(NOBODY);
        command
    }

    fn spawn(&self, role: HostRole, mut command: Command) -> Child {
        let log = File::create(self.at(role, "log")).unwrap();
        let streams = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        streams
            .process_group(0)
            .spawn()
            .expect("nginx and haproxy of the distribution are installed")
    }

    /// `countersign link` on the node's host, with the same wires.
    fn start_built_in(&self) -> CancellationToken {
        let role = HostRole::Node;
        let site = self.site(role);
        let pin = Pin::of_file(&self.at(role, "tls/signer.crt")).unwrap();
        let [events, rpc] = self.tls_doors();
        let text = format!(
            "certificate = \"{}\"\nkey = \"{}\"\npeers = [\"{pin}\"]\n[events]\nlisten = \"{}\"\nto = \"{events}\"\n\
             [rpc]\nlisten = \"{rpc}\"\nto = \"{}\"\n",
            self.at(role, "tls/link.crt").display(),
            self.at(role, "tls/link.key").display(),
            site.observer(),
            site.node_rpc(),
        );
        let config = LinkConfig::parse(&text).unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                Link::bind(&config).await.unwrap().run(stopped).await.unwrap();
            });
        });
        stop
    }

    pub(crate) fn write(&self, role: HostRole, path: &str, text: &str) {
        let path = self.at(role, path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// What runs. Dropping it ends it.
pub(crate) struct Running {
    proxies: [Proxy; 2],
    pub(crate) signer: Echo,
    pub(crate) node: Echo,
}

enum Proxy {
    Process(Child),
    BuiltIn(CancellationToken),
}

impl Running {
    /// The processes of the proxies.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let pid = |proxy: &Proxy| match proxy {
            Proxy::Process(child) => Some(child.id()),
            Proxy::BuiltIn(_) => None,
        };
        self.proxies.iter().filter_map(pid).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        match self {
            Self::BuiltIn(stop) => stop.cancel(),
            // With its workers, which are in its group.
            Self::Process(child) => {
                let group = i32::try_from(child.id()).unwrap();
                let group = rustix::process::Pid::from_raw(group).unwrap();
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                let _ = child.wait();
            }
        }
    }
}

/// From here on this thread, and what it starts, is alone in a network with the addresses of both hosts.
fn enter_namespace() {
    unshare(CloneFlags::CLONE_NEWNET).expect("root may make a network namespace");
    for args in [
        ["link", "set", "lo", "up"].as_slice(),
        &["address", "add", "10.0.0.1/32", "dev", "lo"],
        &["address", "add", "10.0.0.2/32", "dev", "lo"],
        // Each host is asked by the other.
        &["route", "change", "local", "10.0.0.2", "dev", "lo", "table", "local", "src", "10.0.0.1"],
        &["route", "change", "local", "10.0.0.1", "dev", "lo", "table", "local", "src", "10.0.0.2"],
    ] {
        let done = Command::new("ip").args(args).output().expect("iproute2 is installed");
        assert!(done.status.success(), "{args:?}: {}", said(&done));
    }
}

pub(crate) fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// What curl sees that shows a certificate, or none: the status, or 0, and its complaint.
pub(crate) fn curl(url: &str, identity: Option<(&Path, &Path)>, more: &[&str]) -> (u16, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--insecure", "--max-time", "20"]);
    command.args(["--output", "/dev/null", "--write-out", "%{http_code}"]).args(more).arg(url);
    if let Some((certificate, key)) = identity {
        command.arg("--cert").arg(certificate).arg("--key").arg(key);
    }
    let output = command.output().expect("curl is installed");
    let status = String::from_utf8_lossy(&output.stdout).parse().unwrap();
    (status, String::from_utf8_lossy(&output.stderr).into_owned())
}
