//! Hosts that systemd boots, for the units that are rendered: a sandbox is good if its program works inside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::said;

/// A host that systemd has booted, as far as services need it: with its own files but for programs, its own processes, and
/// without the services of the machine that this is.
pub(super) struct Host {
    pub(super) role: &'static str,
    holder: Child,
    /// The process id of its systemd.
    pub(super) init: String,
    /// Its control group, in which systemd makes those of its services.
    group: PathBuf,
}

/// What a host is before its systemd begins. Targets that services are ordered after are there, and empty; of the
/// distribution's services there are the journal, sshd, WireGuard and Prometheus with its helpers, for whoever starts them.
const BOOT: &str = r#"
mount --make-rprivate /
# As a manager of containers has it: systemd mounts credentials through it.
mount --make-rshared /
mount -t proc proc /proc
mount -t tmpfs run /run
mount -t cgroup2 cgroup /sys/fs/cgroup
mkdir /run/units
cp /usr/lib/systemd/system/{ssh.service,systemd-journald{.service,.socket,-dev-log.socket}} /run/units
cp /usr/lib/systemd/system/{prometheus{,-alertmanager,-node-exporter},wg-quick@}.service /run/units
mount -t tmpfs units /usr/lib/systemd/system
mv /run/units/* /usr/lib/systemd/system
for path in etc var usr/bin root home; do
    mkdir -p /run/over/$path/upper /run/over/$path/work
    mount -t overlay over -o lowerdir=/$path,upperdir=/run/over/$path/upper,workdir=/run/over/$path/work /$path
done
rm -rf /etc/systemd/system /etc/machine-id /var/log/journal
systemd-machine-id-setup > /dev/null
mkdir /var/log/journal
mkdir /etc/systemd/system
for target in sysinit basic shutdown sockets timers network-online time-sync multi-user; do
    printf '[Unit]\nDefaultDependencies=no\n' > /usr/lib/systemd/system/$target.target
done
exec env -i container=other PATH="$PATH" /lib/systemd/systemd --system --unit=basic.target --log-target=console
"#;

impl Host {
    /// With the network of `beside`, or one of its own.
    pub(super) fn new(role: &'static str, beside: Option<&Self>, folder: &Path) -> Self {
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
    pub(super) fn run(&self, folder: &Path, script: &str) -> String {
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
        // The kernel ends what was in the namespace with its first process, in its own time.
        let events = self.group.join("cgroup.events");
        let began = Instant::now();
        while fs::read_to_string(&events).is_ok_and(|text| !text.contains("populated 0"))
            && began.elapsed() < Duration::from_secs(10)
        {
            std::thread::sleep(Duration::from_millis(5));
        }
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

/// As docs/operator/start.md says it, without its backups.
const INSTALL: &str = r#"
touch /usr/bin/countersign
mount --bind "$(command -v countersign)" /usr/bin/countersign
ip link set lo up
countersign init --yes --network testnet --profile "$PROFILE" ${ADMIN:+--admin "$ADMIN"}
countersign render
systemd-tmpfiles --create /etc/tmpfiles.d/countersign.conf
KEY_DIR=/etc/countersign/key
as_holder() { runuser -u "$HOLDER" -- env CREDENTIALS_DIRECTORY="$KEY_DIR" "$@"; }
(umask 077 && head -c 24 /dev/urandom | base64 > "$KEY_DIR/signer-passphrase")
chown "$HOLDER": "$KEY_DIR/signer-passphrase"
as_holder countersign keys new --to "age:$KEY_DIR/signer.age" \
    --passphrase-file "$KEY_DIR/signer-passphrase" $JOURNAL
systemd-creds encrypt --name=signer-passphrase "$KEY_DIR/signer-passphrase" \
    /etc/countersign/credstore/signer-passphrase
systemctl daemon-reload
systemctl start $UNITS || { systemctl status $UNITS; exit 1; }
countersign status --config /etc/countersign/signer-config.toml || true
systemctl show --value -p ActiveState -p NRestarts $UNITS
"#;

/// A host on which this is installed and runs, with the folder of its scripts. What was printed meanwhile.
pub(super) fn installed(values: &str) -> (Host, TempDir, String) {
    let folder = TempDir::new().unwrap();
    let host = Host::new("signer", None, folder.path());
    let told = host.run(folder.path(), &format!("{LOCKS}{values}{INSTALL}"));
    (host, folder, told)
}

/// A signer that has its key itself.
pub(super) const SOLO: &str =
    "PROFILE=solo HOLDER=countersign UNITS='countersign.socket countersign.service'
    JOURNAL='--config /etc/countersign/signer-config.toml'";

/// A vault may lock its memory here. Not every machine of a test lets root raise the limit, which the unit does.
pub(super) const LOCKS: &str = "mkdir -p /etc/systemd/system/countersign-vault.service.d
    printf '[Service]\nCapabilityBoundingSet=CAP_IPC_LOCK\nAmbientCapabilities=CAP_IPC_LOCK\n' \
        > /etc/systemd/system/countersign-vault.service.d/limit.conf\n";

/// A signer whose key is in a vault.
pub(super) const POOL: &str = "PROFILE=pool HOLDER=countersign-vault
    UNITS='countersign-vault.socket countersign-vault.service countersign.socket countersign.service'
    JOURNAL='--journal /var/lib/countersign-vault/journal.sqlite'";

#[test]
#[ignore = "needs root: namespaces, systemd"]
fn the_signer_works_inside_of_its_sandbox_under_a_booted_systemd() {
    let (_host, _folder, told) = installed(SOLO);
    assert!(told.contains("node_reached"), "{told}");
    assert_eq!(told.lines().filter(|line| *line == "active").count(), 2, "{told}");
}

#[test]
#[ignore = "needs root: namespaces, systemd"]
fn the_vault_and_its_signer_work_inside_of_their_sandboxes_under_a_booted_systemd() {
    let (_host, _folder, told) = installed(POOL);
    assert!(told.contains("node_reached"), "{told}");
    assert_eq!(told.lines().filter(|line| *line == "active").count(), 4, "{told}");
}

/// As docs/operator/keys.md says it of a token, with SoftHSM's.
const TOKEN: &str = r#"
touch /usr/bin/countersign
mount --bind "$(command -v countersign)" /usr/bin/countersign
ip link set lo up
MODULE=/usr/lib/softhsm/libsofthsm2.so
countersign init --yes --network testnet --profile "$PROFILE" --token-module "$MODULE" --token signer \
    --key-label block-1
sed -i 's|^# folders = .*|folders = ["/var/lib/softhsm"]|; s|^# groups = .*|groups = ["softhsm"]|' \
    /etc/countersign/countersign.toml
countersign render
systemd-tmpfiles --create /etc/tmpfiles.d/countersign.conf
(umask 077 && printf 4711 > pin.txt)
chown "$HOLDER" pin.txt .
as_holder() { setpriv --reuid "$HOLDER" --regid "$HOLDER" --groups softhsm "$@"; }
as_holder softhsm2-util --init-token --free --label signer --so-pin 08154711 --pin 4711
as_holder countersign keys new --to "pkcs11:$MODULE" --token signer --key-label block-1 --pin-file "$PWD/pin.txt" $JOURNAL
systemd-creds encrypt --name=token-pin pin.txt /etc/countersign/credstore/token-pin
shred -u pin.txt
systemctl daemon-reload
systemctl start $UNITS || { systemctl status $UNITS; exit 1; }
countersign status --config /etc/countersign/signer-config.toml || true
systemctl show --value -p ActiveState -p NRestarts $UNITS
"#;

#[test]
#[ignore = "needs root: namespaces, systemd, SoftHSM"]
fn the_vault_signs_with_a_token_inside_of_its_sandbox_under_a_booted_systemd() {
    let folder = TempDir::new().unwrap();
    let host = Host::new("signer", None, folder.path());
    let told = host.run(folder.path(), &format!("{LOCKS}{POOL}{TOKEN}"));
    assert!(told.contains("node_reached"), "{told}");
    assert_eq!(told.lines().filter(|line| *line == "active").count(), 4, "{told}");
}

#[test]
#[ignore = "needs root: namespaces, systemd, SoftHSM"]
fn the_signer_works_with_a_token_inside_of_its_sandbox_under_a_booted_systemd() {
    let folder = TempDir::new().unwrap();
    let host = Host::new("signer", None, folder.path());
    let told = host.run(folder.path(), &format!("{SOLO}{TOKEN}"));
    assert!(told.contains("node_reached"), "{told}");
    assert_eq!(told.lines().filter(|line| *line == "active").count(), 2, "{told}");
}
