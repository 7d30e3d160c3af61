//! Making backups, and what keeps one from being made.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use countersign_backup::Manifest;
use countersign_backup::postgres::{Connection, DumpError, Flaw, PgError, Programs, role_flaws};

use super::place::Place;
use crate::ceremony::Ceremony;
use crate::cluster::Database;

fn keys() -> (Ceremony, Ceremony) {
    (Ceremony::new("old", 850_000, 3, 2), Ceremony::new("new", 850_100, 3, 2))
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn a_backup_is_made_as_a_role_that_can_only_read_and_its_manifest_says_what_is_in_it() {
    let (old, new) = keys();
    let place = Place::new(Database::of_signer(&[&new, &old]));
    let flaws = role_flaws(&place.job.programs, &place.job.connection).unwrap();
    assert_eq!(flaws, []);
    let made = place.back_up().unwrap();
    assert_eq!(made.contents.tables["sbtc_signer.dkg_shares"], 2);
    assert_eq!(made.contents.tables["sbtc_signer.bitcoin_blocks"], 301);
    assert_eq!(made.migration_level(), Some(22));
    let newest = hex::encode(new.aggregate().serialize());
    assert_eq!(made.aggregate_key(), Some(&*newest));
    assert_eq!(made.contents.newest_block.as_ref().unwrap().height, 850_200);
    let file = place.file(&made);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&file).unwrap().len(), made.bytes);
    assert!(fs::read(&file).unwrap().starts_with(b"age-encryption.org/"));
    assert_eq!(Manifest::beside(&file).unwrap(), Some(made.clone()));
    assert_eq!(place.names().len(), 2);
    // A table of a later migration can be read as well.
    place.database.sql("SET ROLE sbtc; CREATE TABLE sbtc_signer.later (n INT)");
    assert_eq!(place.back_up().unwrap().contents.tables["sbtc_signer.later"], 0);
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn each_reason_for_no_backup_has_its_error_and_leaves_no_file() {
    let (key, _) = keys();
    let mut place = Place::new(Database::of_signer(&[&key]));
    let good = place.job.connection.clone();
    let wrong = place.folder.path().join("wrong");
    fs::write(&wrong, "*:*:*:*:wrong\n").unwrap();
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).unwrap();
    let mut error = |connection: Connection| {
        place.job.connection = connection;
        let error = place.back_up().unwrap_err();
        assert_eq!(place.names(), Vec::<String>::new(), "{error}");
        error
    };
    let refused = error(Connection { password_file: Some(wrong), ..good.clone() });
    assert!(matches!(refused, DumpError::Database(PgError::Authentication { .. })), "{refused}");
    let refused = error(Connection { password_file: None, ..good.clone() });
    assert!(matches!(refused, DumpError::Database(PgError::Authentication { .. })), "{refused}");
    let away = error(Connection { port: 1, ..good.clone() });
    assert!(matches!(away, DumpError::Database(PgError::Unreachable { .. })), "{away}");
    let other = error(Connection {
        database: "postgres".to_owned(),
        user: "tester".to_owned(),
        ..good.clone()
    });
    assert!(matches!(other, DumpError::OtherDatabase { .. }), "{other}");
    let hostile = "x'; $(touch /tmp/x) \" \\".to_owned();
    let refused = error(Connection { database: hostile, ..good });
    assert!(
        matches!(
            refused,
            DumpError::Database(PgError::Refused { .. } | PgError::Unreachable { .. })
        ),
        "{refused}"
    );
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn a_role_without_a_right_or_with_too_many_is_told_which() {
    let (key, _) = keys();
    let place = Place::new(Database::of_signer(&[&key]));
    place.database.sql("REVOKE SELECT ON sbtc_signer.dkg_shares FROM backup");
    let error = place.back_up().unwrap_err();
    assert!(matches!(error, DumpError::Database(PgError::Rights { .. })), "{error}");
    assert!(error.to_string().contains("dkg_shares"), "{error}");
    assert!(error.to_string().contains("countersign backup postgres role"), "{error}");
    assert_eq!(place.names(), Vec::<String>::new());
    place.database.sql("GRANT UPDATE ON sbtc_signer.bitcoin_blocks TO backup");
    let flaws = role_flaws(&place.job.programs, &place.job.connection).unwrap();
    let expected = [
        Flaw::Writes("sbtc_signer.bitcoin_blocks".to_owned()),
        Flaw::Blind("sbtc_signer.dkg_shares".to_owned()),
    ];
    assert_eq!(flaws, expected);
    let tester = Connection { user: "tester".to_owned(), ..place.job.connection.clone() };
    let flaws = role_flaws(&place.job.programs, &tester).unwrap();
    assert!(flaws.contains(&Flaw::Power("is a superuser".to_owned())), "{flaws:?}");
}

/// Programs of another release: the real ones, but for what `pg_restore` says of its version.
fn older(folder: &std::path::Path) -> Programs {
    for program in ["pg_dump", "psql"] {
        std::os::unix::fs::symlink(crate::cluster::bin().join(program), folder.join(program))
            .unwrap();
    }
    let script = "#!/bin/sh\necho 'pg_restore (PostgreSQL) 9.6.24'\n";
    fs::write(folder.join("pg_restore"), script).unwrap();
    fs::set_permissions(folder.join("pg_restore"), fs::Permissions::from_mode(0o755)).unwrap();
    Programs::of_client(Some(folder)).unwrap()
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn programs_that_are_older_than_the_server_are_refused_before_anything_is_dumped() {
    let (key, _) = keys();
    let mut place = Place::new(Database::of_signer(&[&key]));
    let folder = tempfile::tempdir().unwrap();
    place.job.programs = older(folder.path());
    let error = place.back_up().unwrap_err();
    assert!(matches!(error, DumpError::Version { dump: 9, .. }), "{error}");
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
#[ignore = "needs root: it mounts a small file system"]
fn a_full_disk_leaves_the_last_backup_and_no_half_of_a_new_one() {
    let (key, _) = keys();
    let mut place = Place::new(Database::of_signer(&[&key]));
    // Random bytes do not get smaller.
    place.database.sql(
        "INSERT INTO sbtc_signer.stacks_blocks SELECT sha256(n::text::bytea), n, sha256((n+1)::text::bytea), \
         sha256((n+2)::text::bytea) FROM generate_series(1, 30000) n",
    );
    let mount = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"])
        .arg(mount.path())
        .status();
    assert!(mounted.unwrap().success());
    place.job.folder = countersign_backup::Folder::open(mount.path()).unwrap();
    let outcome = place.back_up().map(drop);
    let names = place.names();
    let unmounted = std::process::Command::new("umount").arg(mount.path()).status();
    assert!(unmounted.unwrap().success());
    let error = outcome.unwrap_err();
    assert!(matches!(error, DumpError::Full { .. }), "{error}");
    assert_eq!(names, Vec::<String>::new());
}
