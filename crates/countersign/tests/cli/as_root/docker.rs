//! `Containerfile`, the compose file and `docs/operator/docker.md` with a real Docker: dockerd, containerd, runc, a
//! registry and docker-compose of the distribution, on a machine of their own (`docker/machine.sh`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use crate::blocks::blocks;
use crate::support::said;

const PAGE: &str = include_str!("../../../../../docs/operator/docker.md");

/// A machine that is not there yet, and whose control groups are gone when it is dropped.
struct Machine {
    folder: TempDir,
    group: String,
}

impl Machine {
    fn new() -> Self {
        static MACHINES: AtomicU32 = AtomicU32::new(0);
        let number = MACHINES.fetch_add(1, Ordering::Relaxed);
        let group = format!("countersign-docker-{}-{number}", std::process::id());
        Self { folder: TempDir::new().unwrap(), group }
    }

    /// Runs a script on it, after Docker is up and has the images. What it says of what it found: each line that
    /// begins with `fact `.
    fn run(&self, script: &str) -> (Vec<String>, String) {
        let script = format!(
            "GROUP='{}'\n. /sources/crates/countersign/tests/cli/as_root/docker/daemon.sh\n{LOOK}\n{script}",
            self.group
        );
        let path = self.folder.path().join("script");
        fs::write(&path, script).unwrap();
        let root = self.folder.path().join("machine");
        fs::create_dir(&root).unwrap();
        let ran = start(&root, &path);
        let heard = said(&ran);
        assert!(ran.status.success(), "{heard}");
        let facts = heard.lines().filter_map(|line| line.strip_prefix("fact "));
        (facts.map(str::to_owned).collect(), heard)
    }

    /// What is left of control groups that containers were in.
    fn groups(&self) -> Vec<PathBuf> {
        let found = Command::new("find")
            .args(["/sys/fs/cgroup", "-depth", "-type", "d", "-path"])
            .arg(format!("*/{}*", self.group))
            .output()
            .unwrap();
        String::from_utf8(found.stdout).unwrap().lines().map(PathBuf::from).collect()
    }
}

/// Makes a machine below `root`, and runs a script on it to its end.
fn start(root: &Path, script: &Path) -> Output {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Command::new("unshare")
        .args(["--mount", "--net", "--pid", "--cgroup", "--uts", "--ipc", "--fork"])
        .args(["--kill-child", "bash"])
        .arg(sources.join("crates/countersign/tests/cli/as_root/docker/machine.sh"))
        .args([root, env!("CARGO_BIN_EXE_countersign").as_ref(), &sources, script])
        .output()
        .expect("unshare is installed")
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The kernel ends what was on the machine with its first process, in its own time.
        for _ in 0..500 {
            let groups = self.groups();
            if groups.is_empty() {
                return;
            }
            for group in groups {
                let _ = fs::remove_dir(group);
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let left = self.groups();
        assert!(std::thread::panicking(), "control groups are left behind: {left:?}");
    }
}

/// What the scripts look at.
const LOOK: &str = r#"
FILE=/etc/countersign/compose.yaml
CONFIG=/etc/countersign/signer-config.toml
container() { command docker inspect --format "$2" "countersign_$1_1"; }
# The program, which the container's init has started.
pid() {
    local init
    init=$(container "$1" '{{.State.Pid}}')
    cut -d' ' -f1 "/proc/$init/task/$init/children"
}
# Runs in the network of a container.
inside() { local where; where=$(pid "$1"); shift; nsenter --target "$where" --net "$@"; }
status() { countersign status --config "$CONFIG" --json || [ $? = 1 ]; }
read_json() { python3 -c "import json, sys; it = json.load(sys.stdin); print($1)"; }
holds() { [ "$(status | read_json "[rung['holds'] for rung in it['readiness']['rungs'] if rung['rung'] == '$1'][0]")" = True ]; }
# The status of an answer, or that there is none.
ask() { "${@:2}" curl -so /dev/null -w '%{http_code}' --max-time 3 "$1" || true; }
# Who a container's program is to the kernel, and what it may do.
rights() {
    local of
    of=/proc/$(pid "$1")
    awk -v name="$1" '{ seen[$1] = $2 } END {
        print "fact " name " is user " seen["Uid:"] ", capabilities " seen["CapBnd:"] seen["CapEff:"] \
            ", gains none " seen["NoNewPrivs:"] ", filtered " seen["Seccomp:"]
    }' "$of/status"
    echo "fact $1 has its root $(awk '$5 == "/" { print substr($6, 1, 2) }' "$of/mountinfo")" \
        "and at most $(container "$1" '{{.HostConfig.PidsLimit}}') processes"
}
# What the file publishes, and what listens on this machine but its registry.
ports() {
    echo "fact declared $(grep -o '^    ports: .*' "$FILE" | grep -o '"[^"]*"' | tr -d '"' | sed 's/:[0-9]*$//' | sort | paste -sd ' ')"
    echo "fact listening $(ss -Hltun | awk '{ print $5 }' | grep -v '^127.0.0.1:80$' | sort | paste -sd ' ')"
}
"#;

/// The page as it is printed, and what is found then.
const FOLLOWED: &str = r#"
until_it holds node_reached
rights signer
rights node
ports
echo "fact page on this machine $(ask http://127.0.0.1:30003/)"
echo "fact page from the node $(ask http://172.30.94.2:30003/ inside node)"
echo "fact metrics on this machine $(ask http://172.30.94.2:30001/metrics)"
docker compose -f "$FILE" logs signer | grep -q 'Signer spawned successfully'
until_it sh -c 'journalctl CONTAINER_TAG=signer | grep -q "Signer spawned successfully"'

# It dies, and is there again.
BEFORE=$(pid signer)
kill -9 "$BEFORE"
until_it holds node_reached
[ "$(pid signer)" != "$BEFORE" ]
echo "fact after its death started again $(container signer '{{.RestartCount}}') time"

# A container keeps the file that was there when it started.
sed -i 's/^\[hosts.signer\]/[ports]\nsigner_metrics = 30009\n\n&/' /etc/countersign/countersign.toml
countersign render > /dev/null
echo "fact before a restart $(ask http://172.30.94.2:30009/metrics)"
docker compose -f "$FILE" restart signer
until_it holds node_reached
echo "fact after a restart $(ask http://172.30.94.2:30009/metrics)"

# The same key outside of the container, with everything else its own.
install -d -o countersign /srv/other
sed "s,^db_path.*,db_path = \"/srv/other/signer.sqlite\",; s,172.30.94.2:[0-9]*,127.0.0.1:0,; /^status_page/d; /^allowed/d" \
    "$CONFIG" > /srv/other/config.toml
chown countersign /srv/other/config.toml
chmod 0600 /srv/other/config.toml
other() {
    exec "$@" setpriv --reuid countersign --regid countersign --clear-groups \
        countersign run --init --config /srv/other/config.toml > /srv/other/log 2>&1
}
code=0
(other timeout 20) || code=$?
cat /srv/other/log
echo "fact outside beside the container $code"
docker compose -f "$FILE" stop signer
(other) &
OTHER=$!
until_it grep -q 'Signer spawned' /srv/other/log
docker compose -f "$FILE" up --detach
twelve() { [ "$(container signer '{{.State.ExitCode}}')" = 12 ]; }
until_it twelve
echo "fact the container beside one outside 12"
kill -TERM "$OTHER"
wait "$OTHER"
until_it holds node_reached

docker compose -f "$FILE" down
echo "fact killed because they did not stop $(grep -c 'using the force' /root/dockerd.log || true)"
echo "fact journal $(runuser -u countersign -- countersign journal status --config "$CONFIG" --json)"
"#;

#[test]
#[ignore = "needs root: namespaces, and Docker of the distribution"]
fn a_newcomer_runs_a_signer_in_containers_with_the_commands_of_the_page_alone() {
    let page = blocks(PAGE);
    let script = format!("node_image\ncd /sources\nset -x\n{page}\nset +x\ncd\n{FOLLOWED}");
    let (facts, heard) = Machine::new().run(&script);
    let ports: Vec<_> = ["declared ", "listening "]
        .iter()
        .filter_map(|what| facts.iter().find_map(|fact| fact.strip_prefix(what)))
        .collect();
    let [declared, listening] = ports.as_slice() else { panic!("{heard}") };
    // The status page here, and whatever of the node is for its peers.
    assert!(declared.contains("127.0.0.1:30003"), "{heard}");
    assert_eq!(declared, listening, "{heard}");
    let others =
        facts.iter().filter(|fact| !fact.contains(declared) && !fact.starts_with("journal "));
    let mut expected = [rights("signer", 7601), rights("node", 7605)].concat();
    expected.extend(
        [
            "page on this machine 200",
            "page from the node 000",
            "metrics on this machine 200",
            "after its death started again 1 time",
            "before a restart 000",
            "after a restart 200",
            "outside beside the container 12",
            "the container beside one outside 12",
            "killed because they did not stop 0",
        ]
        .map(str::to_owned),
    );
    assert_eq!(others.cloned().collect::<Vec<_>>(), expected, "{heard}");
    let journals = journals(&facts);
    assert_eq!(journals[0]["is_clean"], true, "{heard}");
    assert!(journals[0]["openings"].as_u64().unwrap() >= 5, "{heard}");
}

/// What is found of a container that may do little.
fn rights(name: &str, user: u32) -> Vec<String> {
    let none = "0".repeat(32);
    vec![
        format!("{name} is user {user}, capabilities {none}, gains none 1, filtered 2"),
        format!("{name} has its root ro and at most 4096 processes"),
    ]
}

/// What was said of a journal each time.
fn journals(facts: &[String]) -> Vec<Value> {
    let said = facts.iter().filter_map(|fact| fact.strip_prefix("journal "));
    said.map(|said| serde_json::from_str(said).unwrap()).collect()
}

/// An installation of a pool whose node is the stand-in, with the key and the password of the signer that this one knows.
const POOL: &str = r#"
countersign devnet --signers 1 --weights 100 --seed docker --burn-seconds 60 --dir /root/first > /root/first.log 2>&1 &
FIRST=$!
until_it grep -q 'Signer spawned' /root/first/signer-0/log
kill -INT $FIRST
wait $FIRST || true
countersign init --yes --network mocknet --profile pool --runtime docker --signer-address 10.77.0.2
sed -n 's/^auth_password = "\(.*\)"/\1/p' /root/first/signer-0/signer-config.toml | tr -d '\n' \
    > /etc/countersign/secrets/auth-token
docker pull registry.example.org/stacks-core:4.0.2 > /dev/null
digest() { command docker image inspect --format '{{index .RepoDigests 0}}' "$1"; }
sed -i "/^\[images\]/,\$d" /etc/countersign/countersign.toml
cat >> /etc/countersign/countersign.toml << END
[bitcoin]
mode = "external"
host = "10.77.0.1"
[images]
countersign = "$(digest registry.example.org/countersign:0.1)"
node = "$(digest registry.example.org/stacks-core:4.0.2)"
END
countersign render > /dev/null
systemd-tmpfiles --create /etc/tmpfiles.d/countersign.conf
KEY_DIR=/etc/countersign/key STATE=/var/lib/countersign-vault
(umask 077 && head -c 24 /dev/urandom | base64 > "$KEY_DIR/signer-passphrase")
countersign keys import --from-config /root/first/signer-0/signer-config.toml --to "age:$KEY_DIR/signer.age" \
    --passphrase-file "$KEY_DIR/signer-passphrase" > /dev/null
for ending in sqlite witness; do
    install -m 0600 "/root/first/signer-0/signer.countersign-journal.$ending" "$STATE/journal.$ending"
done
chown -R countersign-vault: "$KEY_DIR" "$STATE"
# As the devnet has it: nobody else has its keys.
sed -i '/^\[countersign\]/a listen_before_signing_secs = 0' "$CONFIG"
if ! prlimit --memlock=unlimited:unlimited true; then
    echo "Nobody may raise the limit of locked memory here: it stays, and the vault goes without." >&2
    limit=$(ulimit -H -l)
    sed -i "s/^\( *\(soft\|hard\)\): -1/\1: $((limit * 1024))/" "$FILE"
    sed -i '/^key = /a sandbox = "best-effort"' /etc/countersign/vault.toml
fi
docker compose -f "$FILE" up --detach
until_it countersign status --config "$CONFIG"
"#;

/// What is found when they run.
const SIGNED: &str = r#"
rights signer
rights vault
echo "fact the vault has the addresses $(inside vault ip -brief address | awk '{ $2 = ""; print }' | paste -sd ' ')"
for folder in /etc/countersign/key /var/lib/countersign-vault; do
    container signer '{{range .Mounts}}{{println .Destination}}{{end}}' | grep -qx "$folder" && echo "fact the signer has $folder"
done
container vault '{{range .Mounts}}{{println .Destination .RW}}{{end}}' | sort | sed '/^$/d; s/^/fact the vault mounts /'
command docker export countersign_signer_1 | tar --list | grep -E '(^|/)(ba|da|)sh$' | sed 's/^/fact a shell: /'
signed() { status | grep -o '"signed":[0-9]*' | head -1 | cut -d: -f2; }
several() { [ "$(signed)" -ge 3 ]; }
until_it several
docker compose -f "$FILE" logs vault | grep -q 'only the named folders can be opened'

journal() { runuser -u countersign-vault -- countersign journal status --vault-config /etc/countersign/vault.toml --json; }
docker compose -f "$FILE" down
echo "fact journal $(journal)"
docker compose -f "$FILE" up --detach vault signer
until_it holds journal_good
docker compose -f "$FILE" down
echo "fact journal $(journal)"
"#;

/// A second machine on the same cable, whose packets for containers come here, too.
const OUTSIDE: &str = r#"
outside() { ip netns exec outside "$@"; }
ip netns add outside
ip link add cable type veth peer name cable netns outside
ip address add 10.77.0.2/24 dev cable
ip address add fd77::2/64 dev cable nodad
ip link set cable up
ip route add default via 10.77.0.1
outside ip link set lo up
outside ip address add 10.77.0.1/24 dev cable
outside ip address add fd77::1/64 dev cable nodad
outside ip link set cable up
outside ip route add 172.30.94.0/28 via 10.77.0.2
ANSWER='use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => "0.0.0.0:$ARGV[0]", Listen => 9) or die;
    while (my $c = $s->accept) { sysread $c, my $asked, 4096; print $c "HTTP/1.0 200 OK\r\n\r\nhere\n"; close $c }'
for port in 443 4444; do outside perl -e "$ANSWER" "$port" & done
"#;

/// Who reaches what before the firewall and after it. Somebody has published a port of a container of his own.
const TRIED: &str = r#"
command docker run --detach --name theirs --publish 8080:8080 --publish '[fd77::2]:20444:8080' \
    --network countersign_signer --entrypoint /usr/bin/perl \
    "$(digest registry.example.org/stacks-core:4.0.2)" -e "$ANSWER" 8080 > /dev/null
until_it curl -sf http://10.77.0.2:8080/
# All knock at once: whoever is not let in waits until the time is over.
knock() {
    { echo "fact $1 $2 $(ask "${@:2}")" > "/tmp/knock.$((100 + ${#KNOCKS[@]}))"; } &
    KNOCKS+=($!)
}
look() {
    local url
    KNOCKS=()
    for url in http://10.77.0.2:20444/v2/info 'http://[fd77::2]:20444/' http://10.77.0.2:8080/ 'http://[fd77::2]:8080/' \
        http://10.77.0.2:30003/ http://172.30.94.2:30003/ http://172.30.94.2:30001/metrics; do
        knock "$1, from outside" "$url" ip netns exec outside
    done
    for url in http://127.0.0.1:30003/ http://172.30.94.2:30001/metrics; do
        knock "$1, from this machine" "$url"
    done
    for url in http://172.30.94.3:20443/v2/info http://10.77.0.1:443/ http://10.77.0.1:4444/; do
        knock "$1, from the signer" "$url" inside signer
    done
    knock "$1, from the node" http://10.77.0.1:4444/ inside node
    wait "${KNOCKS[@]}"
    cat /tmp/knock.*
}
look open
countersign firewall apply --rollback-after 120
countersign firewall confirm
look closed
# Docker writes its own rules anew.
docker compose -f "$FILE" restart signer
until_it countersign status --config "$CONFIG"
look again
countersign firewall check
command docker rm --force theirs > /dev/null
"#;

#[test]
#[ignore = "needs root: namespaces, nftables, and Docker of the distribution"]
fn a_pool_signs_in_containers_and_only_what_is_declared_passes_the_firewall() {
    let script = format!("image\nnode_image\n{OUTSIDE}\n{POOL}\n{TRIED}\n{SIGNED}");
    let (facts, heard) = Machine::new().run(&script);
    let journals = journals(&facts);
    let facts: Vec<_> = facts.into_iter().filter(|fact| !fact.starts_with("journal ")).collect();
    let mut expected = tried();
    expected.extend([rights("signer", 7601), rights("vault", 7602)].concat());
    expected.extend(
        [
            "the vault has the addresses lo  127.0.0.1/8",
            "the vault mounts /etc/countersign/key false",
            "the vault mounts /etc/countersign/vault.toml false",
            "the vault mounts /run/countersign true",
            "the vault mounts /run/lock true",
            "the vault mounts /var/lib/countersign-vault true",
        ]
        .map(str::to_owned),
    );
    assert_eq!(facts, expected, "{heard}");
    // Three blocks at least, and they are remembered over the end of both containers.
    let [before, after] = journals.as_slice() else { panic!("{heard}") };
    assert!(before["records"].as_u64().unwrap() >= 3, "{heard}");
    assert!(before["is_clean"] == true && after["is_clean"] == true, "{heard}");
    for kept in ["records", "highest", "public_key"] {
        assert_eq!(before[kept], after[kept], "{heard}");
    }
    assert_eq!(before["openings"].as_u64().unwrap() + 1, after["openings"].as_u64().unwrap());
}

/// Who gets an answer before the firewall, with it, and after Docker has written its own rules anew.
fn tried() -> Vec<String> {
    let doors = [
        // Peers of the node.
        ("from outside http://10.77.0.2:20444/v2/info", "200", "200"),
        ("from outside http://[fd77::2]:20444/", "200", "200"),
        // Somebody else's container.
        ("from outside http://10.77.0.2:8080/", "200", "000"),
        ("from outside http://[fd77::2]:8080/", "200", "000"),
        // What is for this machine alone.
        ("from outside http://10.77.0.2:30003/", "000", "000"),
        ("from outside http://172.30.94.2:30003/", "000", "000"),
        ("from outside http://172.30.94.2:30001/metrics", "000", "000"),
        ("from this machine http://127.0.0.1:30003/", "200", "200"),
        ("from this machine http://172.30.94.2:30001/metrics", "200", "200"),
        // Only the node has peers anywhere.
        ("from the signer http://172.30.94.3:20443/v2/info", "200", "200"),
        ("from the signer http://10.77.0.1:443/", "200", "200"),
        ("from the signer http://10.77.0.1:4444/", "200", "000"),
        ("from the node http://10.77.0.1:4444/", "200", "200"),
    ];
    let at = |time: &str, is_open: bool| {
        doors.map(|(door, open, closed)| {
            format!("{time}, {door} {}", if is_open { open } else { closed })
        })
    };
    [at("open", true), at("closed", false), at("again", false)].concat()
}
