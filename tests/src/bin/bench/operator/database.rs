//! Verification of an sBTC signer's backup up to level 4, beside PostgreSQL alone that takes in the same rows.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use age::secrecy::ExposeSecret as _;
use age::x25519::Identity;
use serde_json::Value;

use super::commands::ran;
use super::{Figure, in_turns};
use crate::ceremony::Ceremony;
use crate::cluster::{Database, PASSWORD, bin};
use crate::error::BenchError;

/// The figure's name.
pub(super) const NAME: &str = "backup verification";

/// Why it cannot be measured here, if it cannot.
pub(super) fn absence() -> Option<&'static str> {
    if !Path::new("/usr/lib/postgresql").exists() {
        return Some("PostgreSQL is not installed");
    }
    (!rustix::process::geteuid().is_root()).then_some("only root can start PostgreSQL as its user")
}

/// Backs a database up and verifies the backup. The folder is where temporary ones are: in a git work tree, where this
/// program may be, no secret is taken.
pub(super) fn verification(program: &Path) -> Result<Figure, BenchError> {
    let folder = tempfile::tempdir().map_err(BenchError::io("a temporary folder"))?;
    let folder = folder.path();
    let ceremony = Ceremony::new("bench", 850_000, 3, 2);
    let database = Database::of_signer(&[&ceremony]);
    database.sql(&format!(
        "INSERT INTO sbtc_signer.stacks_blocks \
         SELECT sha256(n::text::bytea), n, sha256((n - 1)::text::bytea), sha256(('anchor' || n)::bytea) \
         FROM generate_series(1, {ROWS}) n"
    ));
    let keys = prepare(folder, &ceremony).map_err(BenchError::io("the folder of backups"))?;
    let here = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command.current_dir(folder).arg("backup").args(arguments);
        command
    };
    let of_database = |arguments: &[&str]| {
        let mut command = here(arguments);
        command.args(["--user", "backup", "--password-file", "pgpass", "--database"]);
        command.arg(&database.name).arg("--host").arg(database.cluster.socket());
        command
    };
    let role = ran(&mut of_database(&["postgres", "role", "--owner", "sbtc"]), &[0])?;
    database.sql(&String::from_utf8_lossy(&role.stdout));
    let [first, second] = &keys;
    let mut run = of_database(&["postgres", "run", "--folder", "backups"]);
    ran(run.args(["--recipient", first, "--recipient", second]), &[0])?;

    let dump = folder.join("plain.dump");
    let client = |program: &str| {
        let mut command = Command::new(bin().join(program));
        command.args(["-U", "tester", "-h"]).arg(database.cluster.socket());
        command
    };
    ran(client("pg_dump").arg("-Fc").arg("-f").arg(&dump).arg(&database.name), &[0])?;
    let aggregate = hex::encode(ceremony.aggregate().serialize());
    let mut said = Value::Null;
    let verify = |_| {
        let mut verify = here(&["verify", "--folder", "backups", "--json", "--level", "4"]);
        verify.args(["--identity", "identity", "--key", "key", "--aggregate-key", &aggregate]);
        said = serde_json::from_slice(&ran(&mut verify, &[0])?.stdout).unwrap_or_default();
        Ok(())
    };
    let restore = |turn: u32| {
        let name = format!("{}_{turn}", database.name);
        database.cluster.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        ran(client("pg_restore").args(["-d", &name]).arg(&dump), &[0]).map(drop)
    };
    let [took, floor_took] = in_turns(TURNS, verify, restore)?;
    let bytes = said.get("bytes").and_then(Value::as_u64);
    Ok(Figure {
        name: NAME,
        took,
        floor: "the same rows taken in by `pg_restore` alone",
        floor_took,
        target: None,
        size: Some((bytes.ok_or(BenchError::Missing("size of the backup"))?, None)),
        seconds_per_gb: said.get("seconds_per_gb").and_then(Value::as_f64),
    })
}

/// Writes the secrets that the commands read, and gives the recipients of the backup.
fn prepare(folder: &Path, ceremony: &Ceremony) -> io::Result<[String; 2]> {
    let private = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))
    };
    let identities = [Identity::generate(), Identity::generate()];
    let [identity, _] = &identities;
    private("identity", identity.to_string().expose_secret())?;
    private("key", &ceremony.key(0).to_hex())?;
    private("pgpass", &format!("*:*:*:*:{PASSWORD}\n"))?;
    Ok(identities.map(|identity| identity.to_public().to_string()))
}

/// About thirty megabytes that do not become smaller.
const ROWS: u32 = 300_000;
const TURNS: u32 = 4;
