//! A database with its folder of backups.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use age::secrecy::ExposeSecret as _;
use age::x25519;
use countersign_backup::postgres::{
    Connection, DumpError, Job, Programs, Workshop, back_up, role_sql,
};
use countersign_backup::verify::{ChainAnswer, Expected, KNOWN_MIGRATION, Report, Request, verify};
use countersign_backup::{Care, Folder, Identities, Manifest, Progress, Reason, Recipients};
use countersign_wire::{PrivateKey, PublicKey};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::ceremony::Ceremony;
use crate::cluster::{Database, PASSWORD};

pub(super) struct Place {
    pub(super) database: Database,
    pub(super) folder: TempDir,
    pub(super) job: Job,
    pub(super) identity: x25519::Identity,
    pub(super) stop: CancellationToken,
    /// What verifications told of their progress.
    pub(super) told: RefCell<Vec<Progress>>,
}

/// The time of the tests' backups.
pub(super) fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}

impl Place {
    /// Whose backups are made by a role that may only read.
    pub(super) fn new(database: Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("pgpass");
        fs::write(&password, format!("*:*:*:*:{PASSWORD}\n")).unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
        database.sql(&role_sql("backup", &database.name, "sbtc"));
        let (identity, second) = (x25519::Identity::generate(), x25519::Identity::generate());
        let names = [identity.to_public().to_string(), second.to_public().to_string()];
        let job = Job {
            connection: Connection {
                host: database.cluster.socket().display().to_string(),
                port: 5432,
                database: database.name.clone(),
                user: "backup".to_owned(),
                password_file: Some(password),
                service: None,
            },
            programs: Programs::of_client(None).unwrap(),
            folder: Folder::open(&folder.path().join("backups")).unwrap(),
            recipients: Recipients::new(names.iter().map(String::as_str)).unwrap(),
        };
        Self {
            database,
            folder,
            job,
            identity,
            stop: CancellationToken::new(),
            told: RefCell::default(),
        }
    }

    pub(super) fn back_up(&self) -> Result<Manifest, DumpError> {
        let mut care = Care { progress: &mut |_| {}, stop: self.stop.clone() };
        back_up(&self.job, Reason::Asked, now(), &mut care)
    }

    pub(super) fn identities(&self) -> Identities {
        Identities::new(self.identity.to_string().expose_secret()).unwrap()
    }

    pub(super) fn file(&self, manifest: &Manifest) -> PathBuf {
        self.job.folder.file(manifest)
    }

    /// The names in the folder of backups that are not its lock's.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.job.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != ".lock").collect()
    }

    /// What a verification of the file comes to, with the chain's key and the signer's own.
    pub(super) fn verify(
        &self,
        file: &std::path::Path,
        chain: &Ceremony,
        key: &PrivateKey,
    ) -> Report {
        let bytes = chain.aggregate().serialize();
        let chain_key = PublicKey::from_bytes(bytes);
        let chain = [ChainAnswer { source: "a test".to_owned(), key: Ok(chain_key) }];
        let workshop = Workshop {
            programs: Programs::of_server(None).unwrap(),
            folder: std::env::temp_dir(),
            user: "postgres".to_owned(),
        };
        let request = Request {
            backup: file,
            identities: &self.identities(),
            workshop: &workshop,
            level: 4,
            expected: Expected { migration: KNOWN_MIGRATION, max_age: DAY.as_secs() },
            chain: &chain,
            key: Some(key),
            now: now(),
        };
        let mut progress = |progress| self.told.borrow_mut().push(progress);
        let mut care = Care { progress: &mut progress, stop: self.stop.clone() };
        verify(&request, &mut care).unwrap()
    }
}

const DAY: Duration = Duration::from_hours(24);
