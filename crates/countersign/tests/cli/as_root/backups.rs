//! Backups of a real PostgreSQL, as an operator makes them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use age::secrecy::ExposeSecret as _;
use age::x25519;
use serde_json::Value;
use tempfile::TempDir;

use super::booted::Host;
use super::user::Home;
use crate::blocks::blocks;
use crate::ceremony::Ceremony;
use crate::cluster::{Database, PASSWORD, bin};
use crate::support::{countersign, said};

/// A database of a signer with one key, and what its operator has.
pub(super) struct Desk {
    database: Database,
    folder: TempDir,
    recipients: [String; 2],
}

fn ceremony() -> Ceremony {
    Ceremony::new("desk", 850_000, 3, 2)
}

impl Desk {
    pub(super) fn new() -> Self {
        let database = Database::of_signer(&[&ceremony()]);
        let folder = tempfile::tempdir().unwrap();
        let desk = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        };
        desk("pgpass", &format!("*:*:*:*:{PASSWORD}\n"));
        let (first, second) = (x25519::Identity::generate(), x25519::Identity::generate());
        desk("identity", first.to_string().expose_secret());
        desk("key", &ceremony().key(0).to_hex());
        let recipients = [first, second].map(|identity| identity.to_public().to_string());
        let desk = Self { database, folder, recipients };
        let role = desk.command(&["role", "--owner", "sbtc"]).output().unwrap();
        desk.database.sql(&String::from_utf8(role.stdout).unwrap());
        desk
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `backup postgres VERB` with the arguments that say which database.
    fn command(&self, verb: &[&str]) -> Command {
        let mut command = countersign(&["backup", "postgres"]);
        command.args(verb).args(["--user", "backup", "--password-file", "pgpass", "--database"]);
        command.arg(&self.database.name).arg("--host").arg(self.database.cluster.socket());
        command.current_dir(self.folder.path());
        command
    }

    /// The same with a folder and recipients.
    fn backing_up(&self, verb: &[&str]) -> Command {
        let mut command = self.command(verb);
        command.args(["--folder", "backups", "--records", "records"]);
        command.args(["--recipient", &self.recipients[0], "--recipient", &self.recipients[1]]);
        command
    }

    pub(super) fn back_up(&self, more: &[&str]) -> Output {
        self.backing_up(&["run"]).args(more).output().unwrap()
    }

    /// `backup verify` of the newest backup, with everything that level 4 needs.
    pub(super) fn verifying(&self, more: &[&str]) -> Command {
        let mut command = countersign(&["backup", "verify", "--folder", "backups"]);
        command.args(["--records", "records", "--identity", "identity"]).args(more);
        command.current_dir(self.folder.path());
        command
    }

    /// The names in the folder of backups.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("backups")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn finished(&self) -> usize {
        self.names().iter().filter(|name| name.ends_with(".dump.age")).count()
    }

    fn record(&self, job: &str) -> Value {
        let text = fs::read(self.path("records").join(format!("{job}.json"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// PostgreSQL's programs, of which one is this script. `$REAL` is its real path.
    fn programs(&self, program: &str, script: &str) -> PathBuf {
        let folder = self.path(&format!("bin-{program}"));
        fs::create_dir(&folder).unwrap();
        for real in fs::read_dir(bin()).unwrap() {
            let real = real.unwrap();
            std::os::unix::fs::symlink(real.path(), folder.join(real.file_name())).unwrap();
        }
        let path = folder.join(program);
        fs::remove_file(&path).unwrap();
        let real = bin().join(program);
        fs::write(&path, format!("#!/bin/sh\nREAL={}\n{script}\n", real.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }
}

pub(super) fn aggregate() -> String {
    hex::encode(ceremony().aggregate().serialize())
}

/// Waits until a file is there with a whole line in it, which a child of `running` writes.
fn line_of(path: &Path, running: &mut Child) -> String {
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') {
            return text.trim().to_owned();
        }
        assert!(running.try_wait().unwrap().is_none(), "it ended before {}", path.display());
        std::thread::yield_now();
    }
}

fn kill(signal: &str, id: &str) {
    let killed = Command::new("kill").args([signal, id]).status().unwrap();
    assert!(killed.success(), "{signal} {id}");
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user, and makes a user"]
fn a_newcomer_backs_up_proves_and_restores_with_the_commands_of_the_page_alone() {
    let home = Home::new();
    let database = Database::of_signer(&[&ceremony()]);
    let name = &database.name;
    let page = include_str!("../../../../../docs/operator/backups.md");
    let work = tempfile::tempdir().unwrap();
    let mut script = blocks(page);
    let at = |name: &str| home.above().join(name).display().to_string();
    for (theirs, ours) in [
        ("DATABASE=sbtc\n", format!("DATABASE={name}\n")),
        (
            "SOCKET=/var/run/postgresql\n",
            format!("SOCKET={}\n", database.cluster.socket().display()),
        ),
        ("BACKUPS=/var/backups/countersign\n", format!("BACKUPS={}\n", at("backups"))),
        ("RECORDS=/var/lib/countersign/records\n", format!("RECORDS={}\n", work.path().display())),
        ("BACKUP_USER=countersign-backup\n", format!("BACKUP_USER={}\n", home.user.name)),
        ("PGPASS=/etc/countersign/pgpass-backup\n", format!("PGPASS={}\n", at("pgpass-backup"))),
        (
            "CREDSTORE=/etc/countersign/credstore\n",
            format!("CREDSTORE={}\n", work.path().display()),
        ),
    ] {
        assert_eq!(script.matches(theirs).count(), 1, "{theirs}");
        script = script.replace(theirs, &ours);
    }
    let key = work.path().join("key");
    fs::write(&key, ceremony().key(0).to_hex().as_bytes()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let search = format!("{}:{}", home.above().display(), std::env::var("PATH").unwrap());
    let ran = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(work.path())
        .env("PATH", search)
        .env("PGHOST", database.cluster.socket())
        .env("PGUSER", "tester")
        .env("SBTC_KEY", &key)
        .env("AGGREGATE_KEY", aggregate())
        .env("OWNER_PASSWORD", PASSWORD)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("level 4  ok") && said.contains("Verdict: good"), "{said}");
    assert!(said.contains(" s per GB"), "{said}");
    assert!(said.contains("can read everything and change nothing"), "{said}");
    assert!(said.contains("Verdict: untouched"), "{said}");
    assert!(work.path().join("backup-verify.sbtc.json").exists(), "{said}");
    for sealed in ["backup-identity", "sbtc-key"] {
        assert!(work.path().join(sealed).exists(), "{sealed}: {said}");
    }
    assert!(!work.path().join("identity-3.txt").exists(), "{said}");
    let restored = format!("{name}_restored");
    let count = "SELECT count(*) FROM sbtc_signer.bitcoin_blocks";
    assert_eq!(database.cluster.sql(&restored, count), "301");
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'dkg_shares'";
    assert_eq!(database.cluster.sql(&restored, owner), "sbtc");
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn the_password_is_in_no_argument_and_no_environment() {
    let desk = Desk::new();
    let script =
        "{ tr '\\0' '\\n' < /proc/$$/cmdline; env; } > \"${0%/*}/seen\"; exec \"$REAL\" \"$@\"";
    let programs = desk.programs("pg_dump", script);
    let output = desk.back_up(&["--json", "--pg-bin", programs.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    let seen = fs::read_to_string(programs.join("seen")).unwrap();
    assert!(seen.contains("--snapshot=") && seen.contains("PGPASSFILE=/"), "{seen}");
    assert!(!seen.contains(PASSWORD) && !seen.contains("AGE-SECRET-KEY"), "{seen}");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["manifest"]["contents"]["shares"][0]["aggregate_key"], aggregate());
    assert_eq!(desk.record("backup.sbtc")["outcome"], "ok");
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn a_backup_that_is_killed_leaves_no_file_under_a_final_name_and_the_next_one_clears_up() {
    let desk = Desk::new();
    let script = "\"$REAL\" \"$@\" | head -c 3000; echo $$ > \"${0%/*}/id\"; exec sleep 600";
    let programs = desk.programs("pg_dump", script);
    let started = |signal: &str| {
        let mut running = desk
            .backing_up(&["run", "--pg-bin", programs.to_str().unwrap()])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let id = line_of(&programs.join("id"), &mut running);
        kill(signal, &running.id().to_string());
        let status = running.wait().unwrap();
        fs::remove_file(programs.join("id")).unwrap();
        (status, id)
    };
    let (status, id) = started("-KILL");
    assert_eq!(status.code(), None);
    kill("-KILL", &id);
    assert_eq!(desk.finished(), 0);
    assert!(desk.names().iter().any(|name| name.starts_with(".partial-")), "{:?}", desk.names());
    // Asked to stop, it clears up itself, and pg_dump is gone.
    let (status, id) = started("-TERM");
    assert_eq!(status.code(), Some(1));
    assert_eq!(desk.names(), [".lock"]);
    assert!(!Path::new(&format!("/proc/{id}")).exists());
    let output = desk.back_up(&[]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(desk.finished(), 1);
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn a_verification_needs_no_network_and_is_written_down() {
    let desk = Desk::new();
    assert!(desk.back_up(&[]).status.success());
    let key = aggregate();
    let args = ["--json", "--key", "key", "--aggregate-key", &key];
    let inner = desk.verifying(&args);
    let output = Command::new("unshare")
        .args(["--net", "--"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(desk.folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&verdict["level"], &verdict["verdict"]), (&4.into(), &"good".into()));
    assert!(verdict["seconds_per_gb"].as_f64().unwrap() > 0.0);
    let record = desk.record("backup-verify.sbtc");
    assert_eq!((&record["detail"]["level"], &record["outcome"]), (&4.into(), &"ok".into()));
    let list = desk.command(&["list"]).output().unwrap();
    assert!(!list.status.success(), "list has no database: {}", said(&list));
    let list = countersign(&["backup", "postgres", "list", "--folder", "backups"])
        .current_dir(desk.folder.path())
        .output()
        .unwrap();
    assert!(said(&list).contains("level 4, good"), "{}", said(&list));
    // A copy that was elsewhere is a drill, and only that.
    let drill = || desk.path("records").join("drill.restore.database.json").exists();
    assert!(!drill());
    let copy = desk.path("elsewhere");
    fs::create_dir(&copy).unwrap();
    for name in desk.names().iter().filter(|name| name.starts_with("postgres-")) {
        fs::copy(desk.path("backups").join(name), copy.join(name)).unwrap();
    }
    let copied = |name: &String| name.ends_with(".dump.age");
    let copied = copy.join(desk.names().into_iter().find(copied).unwrap());
    let output = desk.verifying(&args).arg(&copied).output().unwrap();
    assert!(output.status.success() && drill(), "{}", said(&output));
    // What cannot be known is not called bad.
    let output = desk.verifying(&["--aggregate-key", &key]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("Verdict: no-key"), "{}", said(&output));
    fs::write(desk.path("key"), "09".repeat(32)).unwrap();
    let output = desk.verifying(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(15), "{}", said(&output));
    assert!(said(&output).contains("AEAD failure"), "{}", said(&output));
    assert!(!said(&output).contains(&"09".repeat(8)), "{}", said(&output));
    assert_eq!(desk.record("backup-verify.sbtc")["detail"]["level"], 3);
}

/// More lines than a watch says in a test.
const MOST_LINES: usize = 12;

/// A watch, and what it says.
struct Watching {
    child: Child,
    says: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Watching {
    /// The next line with this in it.
    fn until(&mut self, text: &str) {
        let mut said = Vec::new();
        for line in self.says.by_ref().take(MOST_LINES) {
            said.push(line.unwrap());
            if said.last().unwrap().contains(text) {
                return;
            }
        }
        panic!("it did not say `{text}`: {said:#?}");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn a_watch_backs_up_at_once_after_a_new_key_and_outlives_the_database() {
    let desk = Desk::new();
    let hook = ["--off-host", "/bin/cp", "--off-host-arg=-t", "--off-host-arg=elsewhere"];
    fs::create_dir(desk.path("elsewhere")).unwrap();
    let mut child = desk
        .backing_up(&["watch", "--every", "1"])
        .args(hook)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let says = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut watching = Watching { child, says };
    watching.until("(Daily)");
    let new = Ceremony::new("new", 850_100, 3, 2);
    desk.database.insert(&new, "unverified");
    watching.until("(NewShares)");
    desk.database
        .cluster
        .sql("postgres", &format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", desk.database.name));
    watching.until("error: ");
    desk.database
        .cluster
        .sql("postgres", &format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", desk.database.name));
    watching.until("answers again");
    desk.database.sql("UPDATE sbtc_signer.dkg_shares SET dkg_shares_status = 'verified'");
    watching.until("(NewShares)");
    kill("-TERM", &watching.child.id().to_string());
    assert_eq!(watching.child.wait().unwrap().code(), Some(0));
    let elsewhere = fs::read_dir(desk.path("elsewhere")).unwrap().count();
    assert!(elsewhere >= 6, "{elsewhere}");
    let newest = desk.names().into_iter().filter(|name| name.contains(".age.json")).max().unwrap();
    let manifest: Value =
        serde_json::from_slice(&fs::read(desk.path("backups").join(newest)).unwrap()).unwrap();
    assert_eq!(manifest["contents"]["shares"][0]["status"], "verified");
    assert_eq!(manifest["offsite"]["program"], "/bin/cp");
}

/// The folder of a temporary PostgreSQL into which the script wrote its id.
fn data_with_id(scratch: &Path, running: &mut Child) -> PathBuf {
    loop {
        let mut folders = fs::read_dir(scratch).unwrap().map(|it| it.unwrap().path().join("data"));
        if let Some(data) = folders.find(|data| data.join("id").exists()) {
            return data;
        }
        assert!(running.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::yield_now();
    }
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn what_a_killed_verification_left_is_ended_and_removed_by_the_next() {
    let desk = Desk::new();
    assert!(desk.back_up(&[]).status.success());
    let script = "case \"$*\" in *--list*) exec \"$REAL\" \"$@\";; *--version*) exec \"$REAL\" \"$@\";; esac\n\
                  echo $$ > \"$(echo \"$*\" | sed \"s/.*host='\\([^']*\\)'.*/\\1/\")/data/id\"; exec sleep 600";
    let programs = desk.programs("pg_restore", script);
    let scratch = desk.path("scratch");
    fs::create_dir(&scratch).unwrap();
    fs::set_permissions(&scratch, fs::Permissions::from_mode(0o755)).unwrap();
    let args = ["--level", "1", "--scratch", "scratch"];
    let scratch_path = scratch.to_str().unwrap().to_owned();
    let args = args.map(|arg| if arg == "scratch" { scratch_path.as_str() } else { arg });
    // The process, the one that restores, and the server, once all three run.
    let started = || {
        let mut running = desk
            .verifying(&args)
            .args(["--pg-bin", programs.to_str().unwrap()])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let data = data_with_id(&scratch, &mut running);
        let restoring = line_of(&data.join("id"), &mut running);
        let server = fs::read_to_string(data.join("postmaster.pid")).unwrap();
        (running, restoring, server.lines().next().unwrap().to_owned())
    };
    // Asked to stop, it leaves nothing.
    let (mut running, _, server) = started();
    kill("-TERM", &running.id().to_string());
    assert_eq!(running.wait().unwrap().code(), Some(1));
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0);
    assert!(!Path::new(&format!("/proc/{server}")).exists());
    // Killed, it cannot.
    let (mut running, restoring, server) = started();
    running.kill().unwrap();
    running.wait().unwrap();
    kill("-KILL", &restoring);
    assert!(Path::new(&format!("/proc/{server}")).exists());
    let output = desk.verifying(&args).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0);
    let status = fs::read_to_string(format!("/proc/{server}/stat")).unwrap_or_default();
    assert!(status.is_empty() || status.contains(") Z "), "{status}");
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn nothing_is_restored_over_something_and_nothing_from_a_damaged_backup() {
    let desk = Desk::new();
    assert!(desk.back_up(&[]).status.success());
    let names = desk.names();
    let name = names.iter().find(|name| name.ends_with(".dump.age")).unwrap();
    let file = desk.path("backups").join(name);
    let drill = || desk.path("records").join("drill.restore.database.json").exists();
    let restore = |database: &str| {
        let mut command = countersign(&["restore", "postgres", "--identity", "identity"]);
        command.args(["--records", "records"]);
        command.args(["--user", "tester", "--owner", "sbtc", "--database", database, "--host"]);
        command.arg(desk.database.cluster.socket()).arg(&file).current_dir(desk.folder.path());
        command.output().unwrap()
    };
    let output = restore(&desk.database.name);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("is not empty"), "{}", said(&output));
    let empty = Database::empty();
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'sbtc_signer')";
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(&file, flipped).unwrap();
    let output = restore(&empty.name);
    assert_eq!(output.status.code(), Some(15), "{}", said(&output));
    assert_eq!(empty.sql(tables), "0");
    let output = restore("nobody's; $(touch x)");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    fs::write(&file, whole).unwrap();
    assert!(!drill());
    let output = restore(&empty.name);
    assert!(output.status.success() && drill(), "{}", said(&output));
    assert_eq!(
        empty.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'dkg_shares'"),
        "sbtc"
    );
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn the_description_of_the_installation_says_everything_that_a_backup_needs() {
    let desk = Desk::new();
    // Services see no /tmp, and a description with it is refused.
    let home = tempfile::tempdir_in("/var/lib").unwrap();
    let at = |name: &str| home.path().join(name).display().to_string();
    fs::create_dir(at("state")).unwrap();
    fs::copy(desk.path("pgpass"), at("pgpass")).unwrap();
    let toml = format!(
        "network = \"mainnet\"\n[hosts.signer]\nname = \"signer-1\"\n[paths]\nstate = \"{}\"\n\
         [backups]\nrecipients = [\"{}\", \"{}\"]\nfolder = \"{}\"\noff_host = [\"/bin/cp\", \"-t\", \"{}\"]\n\
         [backups.database]\nname = \"{}\"\nuser = \"backup\"\npassword_file = \"{}\"\n",
        at("state"),
        desk.recipients[0],
        desk.recipients[1],
        at("backups"),
        at("elsewhere"),
        desk.database.name,
        at("pgpass"),
    );
    fs::write(at("countersign.toml"), toml).unwrap();
    let run = || {
        countersign(&["backup", "postgres", "run", "--site", "countersign.toml", "--host"])
            .arg(desk.database.cluster.socket())
            .current_dir(home.path())
            .output()
            .unwrap()
    };
    let finished = || {
        let entries = fs::read_dir(at("backups")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".dump.age")).count()
    };
    let outcome = || {
        let text = fs::read(home.path().join("state/records/backup.sbtc.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["outcome"].clone()
    };
    // The other host is away: the backup is made, and the failure is told.
    let output = run();
    assert_eq!(output.status.code(), Some(15), "{}", said(&output));
    assert_eq!(finished(), 1);
    assert_eq!(outcome(), "failed");
    fs::create_dir(at("elsewhere")).unwrap();
    let output = run();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(outcome(), "ok");
    // The one that was not carried is carried now; of one day one backup stays.
    assert_eq!(fs::read_dir(at("elsewhere")).unwrap().count(), 2);
    assert_eq!(finished(), 1);
}

/// A host with a backup in its folder, whose units are started one after the other. What they wrote down.
const PROVE: &str = r#"
touch /usr/bin/countersign
mount --bind "$(command -v countersign)" /usr/bin/countersign
ip link set lo up
KEY=02196f005965cebe6ddc3901b7b1cc1aa7a88f305bb8c5893456b8f9a605923893
countersign init --yes --sbtc-signer "$KEY" --sbtc-signatures 1
printf '[backups]
recipients = ["%s", "%s"]
' $RECIPIENTS >> /etc/countersign/countersign.toml
countersign render
systemd-tmpfiles --create /etc/tmpfiles.d/countersign.conf
cp backups/*.age backups/*.json /var/backups/countersign/
chown -R countersign-backup: /var/backups/countersign
shown() { tr -d '\n' < "/var/lib/countersign/records/$1"; echo; }
systemctl daemon-reload
systemctl start countersign-backup-verify.service countersign-logs.service || true
shown backup-checksum.sbtc.json
shown logs.decisions.json || ls -la /var/lib/countersign/records
for name in backup-identity:identity sbtc-key:key; do
    systemd-creds encrypt --name="${name%:*}" "${name#*:}" "/etc/countersign/credstore/${name%:*}"
done
printf '[backups.verify]
identity = "%s"
key = "%s"
' /etc/countersign/credstore/backup-identity     /etc/countersign/credstore/sbtc-key >> /etc/countersign/countersign.toml
countersign render
systemctl daemon-reload
systemctl start countersign-backup-verify.service || true
shown backup-verify.sbtc.json
ls -A /var/cache/countersign-backup-verify
"#;

#[test]
#[ignore = "needs root: namespaces, systemd, it runs PostgreSQL as its user"]
fn the_units_prove_a_backup_inside_of_their_sandboxes_under_a_booted_systemd() {
    let desk = Desk::new();
    assert!(desk.back_up(&[]).status.success());
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new("signer", None, folder.path());
    let recipients = desk.recipients.join(" ");
    let told = host.run(
        desk.folder.path(),
        &format!(
            "RECIPIENTS='{recipients}'
{PROVE}"
        ),
    );
    assert!(told.contains("untouched"), "{told}");
    // No node answers there, so the chain's key is not known: but everything below was proven.
    let record = told.lines().find(|line| line.contains("backup-verify.sbtc")).expect(&told);
    let record: Value = serde_json::from_str(record).unwrap();
    assert_eq!(record["detail"]["level"], 2, "{told}");
    assert_eq!(record["detail"]["verdict"], "chain-unknown", "{told}");
}
