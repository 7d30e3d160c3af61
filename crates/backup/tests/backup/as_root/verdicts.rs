//! One good backup, and one kind of damage at a time.

use std::fs;

use age::x25519;
use countersign_backup::verify::{Class, Fault, Report};
use countersign_wire::PrivateKey;

use super::place::Place;
use crate::ceremony::Ceremony;
use crate::cluster::Database;

fn first() -> Ceremony {
    Ceremony::new("first", 850_000, 3, 2)
}

fn second() -> Ceremony {
    Ceremony::new("second", 850_100, 3, 2)
}

/// What a verification of a fresh backup comes to, with the newest key on the chain.
fn verified(place: &Place) -> Report {
    let made = place.back_up().unwrap();
    place.verify(&place.file(&made), &second(), &second().key(0))
}

fn of_both() -> Place {
    Place::new(Database::of_signer(&[&first(), &second()]))
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn a_good_backup_reaches_level_4_and_leaves_nothing_behind() {
    let place = of_both();
    // Equal and inverted times of writing must not hide which key is the newest.
    place.database.sql(
        "UPDATE sbtc_signer.dkg_shares SET created_at = now() - make_interval(days => (started_at_bitcoin_block_height - 850000)::int)",
    );
    let made = place.back_up().unwrap();
    let report = place.verify(&place.file(&made), &second(), &second().key(0));
    assert_eq!((report.level, &report.fault), (Some(4), &None));
    assert_eq!((report.verdict(), report.keys_that_fit.len()), ("good", 2));
    let (ms, gb) = (report.took_ms, report.bytes);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let expected = (ms as f64 / 1e3) / (gb as f64 / 1e9);
    assert!((report.seconds_per_gb().unwrap() - expected).abs() < 1e-6 * expected);
    // What takes long says how far it is: each phase in its turn, and a file that is read to its end.
    let told = place.told.borrow();
    let mut phases: Vec<&str> = told.iter().map(|progress| progress.phase).collect();
    phases.dedup();
    assert_eq!(phases, ["read", "start", "restore", "count"]);
    for phase in ["read", "restore"] {
        let told = told.iter().filter(|progress| progress.phase == phase);
        let bytes: Vec<u64> = told.clone().map(|progress| progress.bytes).collect();
        assert!(bytes.is_sorted() && bytes.last() == Some(&made.plain_bytes), "{phase}: {bytes:?}");
        assert!(told.clone().all(|progress| progress.of == Some(made.bytes)), "{phase}");
    }
    let left = fs::read_dir(std::env::temp_dir()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().unwrap().starts_with("countersign-scratch-")
    });
    // Other tests may verify at this moment; what is there is theirs and alive.
    for entry in left {
        let lock = fs::File::open(entry.unwrap().path().join(".lock"));
        assert!(lock.is_err() || lock.unwrap().try_lock().is_err());
    }
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn damaged_files_do_not_pass_level_0_and_say_how_they_are_damaged() {
    let place = of_both();
    let made = place.back_up().unwrap();
    let file = place.file(&made);
    let manifest = countersign_backup::Manifest::path_of(&file);
    let whole = fs::read(&file).unwrap();
    let verdict = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let report = place.verify(&file, &second(), &second().key(0));
        assert_eq!(report.level, None);
        (report.verdict(), report.fault.unwrap().class())
    };
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let half = &whole[..whole.len() / 2];
    assert_eq!(verdict(&flipped), ("altered", Class::Bad));
    assert_eq!(verdict(half), ("truncated", Class::Bad));
    assert_eq!(verdict(b""), ("truncated", Class::Bad));
    // Without a manifest as well.
    fs::remove_file(&manifest).unwrap();
    assert_eq!(verdict(&flipped).0, "altered");
    assert!(["truncated", "altered"].contains(&verdict(half).0));
    assert_eq!(verdict(b"PGDMP"), ("not-encrypted", Class::Bad));
    let strange = x25519::Identity::generate();
    let other = Place { identity: strange, ..of_both() };
    fs::write(&file, &whole).unwrap();
    let report = other.verify(&file, &second(), &second().key(0));
    assert_eq!((report.level, report.verdict()), (None, "not-a-recipient"));
}

/// Encrypts something else than a dump for the place's recipients.
fn sealed(place: &Place, plain: &[u8]) -> std::path::PathBuf {
    use std::io::Write as _;
    let recipient = place.identity.to_public();
    let recipients = [&recipient as &dyn age::Recipient];
    let encryptor = age::Encryptor::with_recipients(recipients.into_iter()).unwrap();
    let mut sealed = encryptor.wrap_output(Vec::new()).unwrap();
    sealed.write_all(plain).unwrap();
    let file = place.folder.path().join("sealed");
    fs::write(&file, sealed.finish().unwrap()).unwrap();
    file
}

fn dump(place: &Place, more: &[&str]) -> Vec<u8> {
    let dumped = std::process::Command::new(crate::cluster::bin().join("pg_dump"))
        .args(["-Fc", "-U", "tester", "-h"])
        .arg(place.database.cluster.socket())
        .args(more)
        .arg(&place.database.name)
        .output()
        .unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    dumped.stdout
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn a_dump_that_was_cut_short_before_it_was_encrypted_does_not_restore() {
    let place = of_both();
    let plain = dump(&place, &[]);
    let verdict = |plain: &[u8]| {
        let report = place.verify(&sealed(&place, plain), &second(), &second().key(0));
        (report.level, report.verdict())
    };
    assert_eq!(verdict(&plain[..plain.len() - 3000]), (Some(0), "truncated"));
    assert_eq!(verdict(b"not a dump at all, but long enough to be asked"), (None, "not-a-dump"));
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn a_dump_without_rows_is_schema_only() {
    let place = of_both();
    let report = place.verify(
        &sealed(&place, &dump(&place, &["--schema-only"])),
        &second(),
        &second().key(0),
    );
    assert_eq!((report.level, report.fault), (Some(1), Some(Fault::SchemaOnly)));
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn the_dump_of_another_database_is_told() {
    let place = Place { database: Database::empty(), ..of_both() };
    place.database.sql("CREATE TABLE accounts (id INT); INSERT INTO accounts VALUES (1)");
    let report = place.verify(&sealed(&place, &dump(&place, &[])), &second(), &second().key(0));
    assert_eq!((report.level, report.verdict()), (Some(1), "other-database"));
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn a_missing_migration_and_an_old_database_do_not_pass_level_2() {
    let place = of_both();
    place.database.sql("DELETE FROM public.__sbtc_migrations WHERE key LIKE '0021%'");
    let report = verified(&place);
    let missing = Fault::MissingMigration(vec!["0021".to_owned()]);
    assert_eq!((report.level, report.fault), (Some(1), Some(missing)));
    place.database.sql("INSERT INTO public.__sbtc_migrations VALUES ('0021__again.sql')");
    place
        .database
        .sql("UPDATE sbtc_signer.bitcoin_blocks SET created_at = now() - interval '3 days'");
    let report = verified(&place);
    assert_eq!((report.level, report.verdict()), (Some(1), "old"));
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn a_database_that_hides_its_shares_from_the_last_question_does_not_pass_level_4() {
    let place = of_both();
    place.database.sql(
        "ALTER TABLE sbtc_signer.dkg_shares ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
         CREATE POLICY hides ON sbtc_signer.dkg_shares USING (\
         current_query() NOT LIKE '%tweaked%' OR started_at_bitcoin_block_height < 850100)",
    );
    let verdict = || {
        let dump = sealed(&place, &dump(&place, &[]));
        let report = place.verify(&dump, &second(), &second().key(0));
        (report.level, report.verdict())
    };
    assert_eq!(verdict(), (Some(3), "other-shares"), "the older key fits");
    place.database.sql(
        "ALTER POLICY hides ON sbtc_signer.dkg_shares USING (current_query() NOT LIKE '%tweaked%')",
    );
    assert_eq!(verdict(), (Some(3), "other-shares"), "there is no key");
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn garbage_damage_and_a_wrong_key_are_told_apart_at_level_4() {
    let place = of_both();
    let key = second().key(0);
    let newest = "started_at_bitcoin_block_height = 850100";
    let set = |value: &str| {
        place.database.sql(&format!(
            "UPDATE sbtc_signer.dkg_shares SET encrypted_private_shares = {value} WHERE {newest}"
        ));
    };
    let good = place.back_up().unwrap();
    let strange = PrivateKey::from_bytes([9; 32]).unwrap();
    let report = place.verify(&place.file(&good), &second(), &strange);
    assert_eq!((report.level, report.verdict()), (Some(3), "wrong-key"));
    let said = report.fault.unwrap().to_string();
    assert!(said.contains("AEAD failure") && !said.contains("corrupt"), "{said}");
    set("'\\xdeadbeef'");
    assert_eq!(verified(&place).verdict(), "garbage-shares");
    // Only an older key's shares are damaged: the newest decides, and the other is told.
    let row = second().row(0);
    set(&format!("'\\x{}'", hex::encode(&row.encrypted_private_shares)));
    place.database.sql(&format!(
        "UPDATE sbtc_signer.dkg_shares SET encrypted_private_shares = '\\xdeadbeef' WHERE NOT {newest}"
    ));
    let made = place.back_up().unwrap();
    let report = place.verify(&place.file(&made), &second(), &key);
    assert_eq!((report.level, report.verdict(), report.older_faults.len()), (Some(4), "good", 1));
}
