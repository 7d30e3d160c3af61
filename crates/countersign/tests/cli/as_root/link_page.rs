//! `docs/operator/link-variants.md`, carried out on two hosts, each booted by systemd in namespaces of its own. They share
//! a network with the addresses of both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::said;

const PAGE: &str = include_str!("../../../../../docs/operator/link-variants.md");

/// The blocks of a part of the page that a shell can run.
fn steps(part: &str) -> Vec<String> {
    let after = part.split("```sh\n").skip(1);
    after.map(|rest| rest.split_once("```").unwrap().0.replace("\n   ", "\n")).collect()
}

/// A host that systemd has booted, as far as services need it: with its own `/etc`, `/var`, `/run` and processes, and
/// without the services of the machine that this is.
struct Host {
    role: &'static str,
    holder: Child,
    /// The process id of its systemd.
    init: String,
    /// Its control group, in which systemd makes those of its services.
    group: PathBuf,
}

/// What a host is before its systemd begins. Targets that services are ordered after are there, and empty.
const BOOT: &str = r#"
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs run /run
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tmpfs units /usr/lib/systemd/system
mkdir -p /run/over/etc/upper /run/over/etc/work /run/over/var/upper /run/over/var/work
for path in etc var; do
    mount -t overlay over -o lowerdir=/$path,upperdir=/run/over/$path/upper,workdir=/run/over/$path/work /$path
done
rm -rf /etc/systemd/system
mkdir /etc/systemd/system
for target in sysinit basic shutdown sockets timers network-online time-sync multi-user; do
    printf '[Unit]\nDefaultDependencies=no\n' > /usr/lib/systemd/system/$target.target
done
exec env -i container=other PATH="$PATH" /lib/systemd/systemd --system --unit=basic.target --log-target=console
"#;

impl Host {
    /// With the network of `beside`, or one of its own.
    fn new(role: &'static str, beside: Option<&Self>, folder: &Path) -> Self {
        let group = control_group(role);
        let mut command = Command::new("bash");
        command.args(["-euc", "echo $$ > \"$0/cgroup.procs\"; exec \"$@\""]).arg(&group);
        match beside {
            None => command.args(["unshare", "--net"]),
            Some(other) => command.args(["nsenter", "--target", &other.init, "--net", "unshare"]),
        };
        command
            .args(["--mount", "--pid", "--cgroup", "--uts", "--ipc", "--fork", "--kill-child"])
            .args(["bash", "-euc", BOOT])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join(format!("{role}.log"))).unwrap());
        let holder = command.spawn().expect("util-linux is installed");
        let mut host = Self { role, holder, init: String::new(), group };
        let log = || fs::read_to_string(folder.join(format!("{role}.log"))).unwrap();
        let id = host.holder.id();
        host.init = until(log, || {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
            Some(children.trim().to_owned()).filter(|pid| !pid.is_empty())
        });
        let manager = format!("/proc/{}/root/run/systemd/private", host.init);
        until(log, || fs::exists(&manager).unwrap_or(false).then_some(()));
        host
    }

    /// Runs a script as root of this host. What it printed.
    fn run(&self, folder: &Path, script: &str) -> String {
        let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
        let search = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let done = Command::new("nsenter")
            .args(["--target", &self.init, "--net", "--mount", "--pid", "--cgroup"])
            .arg(format!("--wd={}", folder.display()))
            .args(["bash", "-euc", script])
            .env("PATH", search)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}: {script}\n{}", self.role, said(&done));
        String::from_utf8(done.stdout).unwrap()
    }

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

/// What `look` finds, in the end.
fn until<T>(log: impl Fn() -> String, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{}", log());
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        let _ = Command::new("find")
            .arg(&self.group)
            .args(["-depth", "-type", "d", "-exec", "rmdir", "{}", "+"])
            .output();
    }
}

/// A new control group below the one of this process.
fn control_group(role: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let mount = mounts.lines().find(|line| line.starts_with("cgroup2 ")).expect("there is cgroup2");
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("countersign-test-{}-{count}-{role}", std::process::id());
    let group = Path::new(mount.split(' ').nth(1).unwrap()).join(own).join(name);
    fs::create_dir(&group).unwrap();
    group
}

/// Both hosts, with the description of an installation that `init` wrote and a folder in which files are carried.
struct Pair {
    hosts: [Host; 2],
    folder: TempDir,
}

impl Pair {
    fn new(link: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Host::new("signer", None, folder.path());
        let node = Host::new("node", Some(&signer), folder.path());
        let pair = Self { hosts: [signer, node], folder };
        pair.hosts[0].run(
            pair.folder.path(),
            "ip link set lo up
             ip address add 10.0.0.1/32 dev lo
             ip address add 10.0.0.2/32 dev lo
             ip route change local 10.0.0.2 dev lo table local src 10.0.0.1
             ip route change local 10.0.0.1 dev lo table local src 10.0.0.2",
        );
        for host in &pair.hosts {
            let init = format!(
                "countersign init --yes --network mainnet --signer-name s --signer-address 10.0.0.2 \
                 --node-name n --node-address 10.0.0.1 --link {link}"
            );
            host.run(pair.folder.path(), &init);
        }
        pair
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
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["--", &format!("-{}", self.0.id())]).output();
        let _ = self.0.wait();
    }
}

fn spawn(host: &Host, script: &str) -> Program {
    use std::os::unix::process::CommandExt as _;
    let child = Command::new("nsenter")
        .args([
            "--target",
            &host.holder.id().to_string(),
            "--net",
            "--mount",
            "bash",
            "-euc",
            script,
        ])
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
    let pair = Pair::new(link);
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
#[ignore = "needs root: namespaces, wg, wg-quick"]
fn a_newcomer_describes_a_tunnel_with_the_commands_of_the_page_alone() {
    let pair = Pair::new("nginx");
    let (before, part) = PAGE.split_once("## WireGuard").unwrap();
    let first = &steps(before)[0];
    let steps = steps(part);
    let [make, render] = steps.as_slice() else { panic!("{steps:?}") };
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
}
