//! A real PostgreSQL for tests: in a temporary folder, on a unix socket, with a password for every role but the
//! test's own. It is shared by the tests that run at the same time, and gone with the last of them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tempfile::TempDir;

use crate::ceremony::Ceremony;

pub(crate) struct Cluster {
    folder: TempDir,
}

/// A database with the schema of the fixture; its owner is `sbtc`, and `backup` may read it.
pub(crate) struct Database {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) name: String,
}

pub(crate) const PASSWORD: &str = "correct horse";

/// PostgreSQL refuses to run as root.
fn postgres(program: &str) -> Command {
    let id = |flag: &str| {
        let id = Command::new("id").args([flag, "postgres"]).output().unwrap();
        String::from_utf8(id.stdout)
            .unwrap()
            .trim()
            .parse::<u32>()
            .expect("there is a user postgres")
    };
    let mut command = Command::new(bin().join(program));
    command.uid(id("-u")).gid(id("-g")).stdin(Stdio::null()).env("LC_ALL", "C");
    command
}

/// The folder of PostgreSQL's programs, of the latest release.
pub(crate) fn bin() -> PathBuf {
    let releases = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let latest =
        releases.filter_map(|it| it.unwrap().file_name().to_str()?.parse::<u32>().ok()).max();
    format!("/usr/lib/postgresql/{}/bin", latest.unwrap()).into()
}

fn expect(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl Cluster {
    pub(crate) fn shared() -> Arc<Self> {
        static RUNNING: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap();
        running.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Self::start());
            *running = Arc::downgrade(&started);
            started
        })
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let uid = Command::new("id").args(["-u", "postgres"]).output().unwrap();
        let uid: u32 = String::from_utf8(uid.stdout).unwrap().trim().parse().unwrap();
        chown(folder.path(), Some(uid), None).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let made = postgres("initdb")
            .args([
                "--username=tester",
                "--auth=trust",
                "--no-sync",
                "--locale=C",
                "--encoding=UTF8",
            ])
            .arg("--pgdata")
            .arg(&data)
            .current_dir(folder.path())
            .output();
        expect(&made.unwrap());
        let rules = "local all tester trust\nlocal all all scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), rules).unwrap();
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nfsync = off\nautovacuum = off\n\
             full_page_writes = off\nshared_buffers = '16MB'\nmax_connections = 40\n",
            folder.path().display()
        );
        let mut file =
            fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        file.write_all(settings.as_bytes()).unwrap();
        let cluster = Self { folder };
        cluster.pg_ctl(&["start", "--wait", "--log=/dev/null"]);
        cluster.sql("postgres", &format!("CREATE ROLE sbtc LOGIN PASSWORD '{PASSWORD}'"));
        cluster.sql("postgres", &format!("CREATE ROLE backup LOGIN PASSWORD '{PASSWORD}'"));
        cluster
    }

    fn pg_ctl(&self, args: &[&str]) {
        let mut command = postgres("pg_ctl");
        command.args(args).arg("--silent").arg("--pgdata").arg(self.folder.path().join("data"));
        // What it starts inherits its outputs; nobody waits for their end.
        let status = command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(std::thread::panicking() || status.unwrap().success(), "pg_ctl {args:?}");
    }

    /// The folder of the socket.
    pub(crate) fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// What statements give, as the test's own role.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(bin().join("psql"));
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "tester", "-f", "-", "-d", database]);
        psql.arg("-h")
            .arg(self.socket())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut psql = psql.spawn().unwrap();
        let mut stdin = psql.stdin.take().unwrap();
        let text = sql.to_owned();
        let writer = std::thread::spawn(move || drop(stdin.write_all(text.as_bytes())));
        let output = psql.wait_with_output().unwrap();
        writer.join().unwrap();
        expect(&output);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.pg_ctl(&["stop", "--wait", "--mode=immediate"]);
    }
}

impl Database {
    /// An empty one.
    pub(crate) fn empty() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = Self { cluster: Cluster::shared(), name: format!("sbtc_{number}") };
        let make = format!("CREATE DATABASE {} OWNER sbtc TEMPLATE template0", database.name);
        database.cluster.sql("postgres", &make);
        database
    }

    /// One with the schema, rows and these keys, of which all are verified and signer 0 is the one that keeps it.
    pub(crate) fn of_signer(keys: &[&Ceremony]) -> Self {
        let database = Self::empty();
        database.sql(&format!("SET ROLE sbtc;\n{}", include_str!("schema.sql")));
        for key in keys {
            database.insert(key, "verified");
        }
        database
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        self.cluster.sql(&self.name, sql)
    }

    pub(crate) fn insert(&self, key: &Ceremony, status: &str) {
        let row = key.row(0);
        let bytes = |bytes: &[u8]| format!("'\\x{}'", hex::encode(bytes));
        let set: Vec<String> = row.signer_set.iter().map(|it| bytes(it)).collect();
        self.sql(&format!(
            "INSERT INTO sbtc_signer.dkg_shares (aggregate_key, tweaked_aggregate_key, encrypted_private_shares, \
             public_shares, script_pubkey, signer_set_public_keys, signature_share_threshold, dkg_shares_status, \
             started_at_bitcoin_block_hash, started_at_bitcoin_block_height) \
             VALUES ({}, {}, {}, {}, {}, ARRAY[{}]::bytea[], {}, '{status}', '\\x00', {})",
            bytes(&row.aggregate_key),
            bytes(&row.tweaked_aggregate_key),
            bytes(&row.encrypted_private_shares),
            bytes(&row.public_shares),
            bytes(&row.script_pubkey),
            set.join(", "),
            row.threshold,
            key.height,
        ));
    }
}
