//! What is not taken, and what is said about it. Nothing is created in any of these cases.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use countersign_ops::exit::Exit;
use countersign_signerd::import::{ImportError, Refusal, import};
use countersign_signerd::store::{Store, StoreError};
use countersign_vault::OpenError;
use rusqlite::Connection;

use crate::support::Place;

/// Why the database is refused, with what is said.
fn refusal(place: &Place) -> (Refusal, String) {
    let error = place.import().unwrap_err();
    assert_eq!((error.exit(), place.our_files()), (Exit::Import, 0));
    match error {
        ImportError::Refused { path, why } => {
            assert_eq!(path, place.database());
            let said = why.to_string();
            (why, said)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_database_that_is_not_there() {
    let (why, said) = refusal(&Place::empty());
    assert!(matches!(why, Refusal::Unreadable(_)) && said.contains("check the path"), "{said}");
}

#[test]
fn a_file_that_is_no_database_or_somebody_elses() {
    let place = Place::empty();
    for content in [&b""[..], &b"SQLite"[..], &[0x5a; 9000][..]] {
        fs::write(place.database(), content).unwrap();
        assert!(matches!(refusal(&place).0, Refusal::Foreign));
    }
    fs::remove_file(place.database()).unwrap();
    place.open().execute_batch("CREATE TABLE blocks (id INTEGER)").unwrap();
    assert!(matches!(refusal(&place).0, Refusal::Foreign));
}

#[test]
fn our_own_store() {
    let place = Place::empty();
    drop(Store::open(&place.database()).unwrap());
    let (why, said) = refusal(&place);
    assert!(matches!(why, Refusal::Foreign) && said.contains("stacks-signer"), "{said}");
}

#[test]
fn a_schema_that_is_newer_or_older() {
    for (sql, remedy) in [
        ("INSERT INTO db_config VALUES (21)", "a later version of this program"),
        ("DELETE FROM db_config WHERE version > 16", "start stacks-signer 4.0.2 with it once"),
    ] {
        let place = Place::with_schema(20);
        place.open().execute_batch(sql).unwrap();
        let (why, said) = refusal(&place);
        assert!(
            matches!(why, Refusal::Newer(21) | Refusal::Older(16)) && said.contains(remedy),
            "{said}"
        );
    }
}

#[test]
fn a_database_that_is_cut_or_spoilt() {
    let spoilers: [fn(&mut Vec<u8>); 3] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.truncate(4096),
        |bytes| bytes[4096..].fill(0x5a),
    ];
    for spoil in spoilers {
        let place = Place::with_schema(20);
        let mut bytes = fs::read(place.database()).unwrap();
        spoil(&mut bytes);
        fs::write(place.database(), bytes).unwrap();
        let (why, said) = refusal(&place);
        assert!(matches!(why, Refusal::Damaged(_)), "{why:?} {said}");
    }
}

#[test]
fn rows_that_make_no_sense() {
    for spoil in [
        "UPDATE blocks SET state = 'Perhaps' WHERE stacks_height = 15",
        "UPDATE blocks SET stacks_height = -1 WHERE stacks_height = 15",
        "UPDATE blocks SET signer_signature_hash = 'ff' WHERE stacks_height = 15",
        "UPDATE burn_blocks SET received_time = -5",
    ] {
        let place = Place::with_schema(20);
        place.open().execute_batch(spoil).unwrap();
        assert!(matches!(refusal(&place).0, Refusal::Damaged(_)), "{spoil}");
    }
}

#[test]
fn the_database_of_another_key_or_network() {
    let mut place = Place::with_schema(20);
    place.secret = "8".repeat(64);
    let (why, said) = refusal(&place);
    assert!(matches!(why, Refusal::OtherKey(_)) && said.contains("same signer"), "{said}");
    let mut place = Place::with_schema(20);
    place.insert_own_signature(20);
    place.network = "mainnet";
    let (why, said) = refusal(&place);
    assert!(matches!(why, Refusal::OtherNetwork(_)) && said.contains("`network`"), "{said}");
}

#[test]
fn a_database_that_a_program_has_open() {
    let place = Place::with_schema(20);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "refused::child_has_it_open", "--ignored", "--nocapture"])
        .current_dir(place.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("it is open")));
    let (why, said) = refusal(&place);
    let id = child.id().cast_signed();
    assert!(
        matches!(why, Refusal::InUse(by) if by == id) && said.contains("stop the signer"),
        "{said}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    place.import().unwrap();
}

#[test]
#[ignore = "runs as a child of another test"]
#[expect(clippy::print_stdout, reason = "the parent waits for it")]
fn child_has_it_open() {
    let db = Connection::open(Path::new("signer.sqlite")).unwrap();
    db.query_row("SELECT count(*) FROM blocks", [], |row| row.get::<_, i64>(0)).unwrap();
    println!("it is open");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

#[test]
fn a_running_signer_of_ours_keeps_its_files_to_itself() {
    let place = Place::with_schema(20);
    let running = place.vault();
    let error = place.import().unwrap_err();
    assert!(matches!(error, ImportError::Journal(OpenError::InUse { .. })), "{error:?}");
    assert_eq!(error.exit(), Exit::Journal);
    drop(running);
    let running = place.store();
    let error = place.import().unwrap_err();
    assert!(matches!(error, ImportError::Store(StoreError::InUse { .. })), "{error:?}");
    drop(running);
    place.import().unwrap();
}

#[test]
fn a_configuration_that_keeps_nothing() {
    let place = Place::with_schema(20);
    let text = "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:0\"\nauth_password = \"x\"\n\
                network = \"testnet\"\ndb_path = \":memory:\"\nstacks_private_key = \"";
    let config = countersign_signerd::Config::parse(&format!("{text}{}\"", place.secret)).unwrap();
    let error = import(&place.database(), &config, place.signing_key(), false).unwrap_err();
    assert!(matches!(error, ImportError::NothingIsKept), "{error:?}");
}
