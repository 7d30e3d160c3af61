//! What is taken.

use std::fs;

use countersign_signer::{BlockState, Record, Timestamp, Write};
use countersign_signerd::import::{Taken, import};
use countersign_wire::block::TenureRole;
use countersign_wire::{SlotId, SlotVersion};
use rusqlite::Connection;

use crate::support::{Place, insert_block, sighash};

#[test]
fn every_schema_gives_what_protects_the_key_and_what_makes_the_change_seamless() {
    for schema in 17..=20 {
        let place = Place::with_schema(schema);
        let report = place.import().unwrap();
        assert_eq!((report.schema, report.signed), (schema, 14), "schema {schema}");
        assert_eq!((report.highest_signed, report.last_signed_at), (Some(23), Some(1001)));
        assert_eq!(report.slot_version, Some(158));
        let saved = place.saved();
        assert_eq!(saved.records.len(), 16, "all but the undecided one");
        let of =
            |number| saved.records.iter().find(|record| record.sighash == sighash(number)).unwrap();
        assert_eq!(of(20).role(), TenureRole::Start);
        assert_eq!(of(21).role(), TenureRole::Ordinary);
        assert_eq!((of(23).state, of(23).block.as_ref()), (BlockState::LocallyAccepted, None));
        assert_eq!(of(23).signed_self_at, Some(Timestamp::from_secs(1001)));
        assert_eq!((of(24).state, of(24).signed_self_at), (BlockState::GloballyAccepted, None));
        assert!(of(25).is_reconsiderable(), "why it was rejected is not known");
        let heights: Vec<_> = saved.burn_blocks.iter().map(|seen| seen.height.get()).collect();
        assert_eq!(heights, [150, 200], "of the burn blocks those of the last hundred heights");
        assert_eq!(saved.burn_blocks[0].received_at, Timestamp::from_secs(500));
        assert_eq!(saved.activity.len(), 2);
        assert_eq!(saved.superseded.len(), usize::from(schema == 20));
        let slots = place.store().slot_versions().unwrap();
        assert_eq!(slots, [(SlotId::new(4), SlotVersion::new(158))]);
    }
}

#[test]
fn a_second_import_takes_nothing_again() {
    let place = Place::with_schema(20);
    assert_eq!(place.import().unwrap().taken.signed.added, 14);
    let again = place.import().unwrap();
    let known = countersign_vault::Imported { known: 14, ..Default::default() };
    assert_eq!(again.taken, Taken { signed: known, ..Taken::default() });
    assert!(again.to_string().contains("0 signed blocks taken, 14 were there"), "{again}");
}

#[test]
fn what_is_on_record_here_stays_and_only_signatures_are_added_to_it() {
    let place = Place::with_schema(20);
    place.import().unwrap();
    let mut record = place.saved().records.pop().unwrap();
    record = Record { sighash: sighash(23), uploaded: true, ..record };
    record.state = BlockState::LocallyRejected;
    record.signed_self_at = None;
    place.store().commit(&[Write::Record(Box::new(record))]).unwrap();
    assert_eq!(place.import().unwrap().taken.blocks, 1);
    let saved = place.saved();
    let kept = saved.records.iter().find(|record| record.sighash == sighash(23)).unwrap();
    assert_eq!((kept.state, kept.uploaded), (BlockState::LocallyRejected, true));
    assert_eq!(kept.signed_self_at, Some(Timestamp::from_secs(1001)));
}

#[test]
fn a_signature_whose_time_was_erased_counts_as_one() {
    let place = Place::with_schema(20);
    place.insert_own_signature(24);
    place.insert_own_signature(26);
    assert_eq!(place.import().unwrap().signed, 16);
    let saved = place.saved();
    let record = saved.records.iter().find(|record| record.sighash == sighash(26)).unwrap();
    assert_eq!(record.signed_self_at, Some(Timestamp::from_secs(999)));
}

#[test]
fn what_a_killed_process_left_in_its_log_is_read_and_left_there() {
    let place = Place::with_schema(20);
    let killed = Place::empty();
    let writer = place.open();
    writer.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    insert_block(&writer, 20, 27, "LocallyAccepted", Some(2000));
    for ending in ["", "-wal"] {
        let from = format!("{}{ending}", place.database().display());
        fs::copy(from, format!("{}{ending}", killed.database().display())).unwrap();
    }
    let log = killed.folder.path().join("signer.sqlite-wal");
    let before = (fs::read(killed.database()).unwrap(), fs::read(&log).unwrap());
    assert!(!before.1.is_empty());
    let report = killed.import().unwrap();
    assert_eq!((report.signed, report.highest_signed), (15, Some(27)));
    assert_eq!((fs::read(killed.database()).unwrap(), fs::read(&log).unwrap()), before);
}

#[test]
fn a_rehearsal_writes_nothing() {
    let place = Place::with_schema(20);
    let report = import(&place.database(), &place.config(), place.signing_key(), true).unwrap();
    assert_eq!((report.signed, report.taken), (14, Taken::default()));
    assert!(report.to_string().contains("nothing was written"), "{report}");
    assert_eq!(place.our_files(), 0);
}

/// Written by stacks-signer 4.0.2 itself, in a devnet beside four others. To make it small, blocks
/// above height 30, the contents of blocks and the times of others' reports were cut out. Its key was
/// configured with 64 digits, so that its slot's key stands there uncompressed.
#[test]
fn a_database_of_the_real_program_is_taken() {
    let mut place = Place::empty();
    place.secret = "3255ff3092e9b9b30c41578305c1f021a42bb607c125ef4557b1ba3a95ee20c1".to_owned();
    fs::write(place.database(), include_bytes!("stacks-signer-4.0.2.sqlite")).unwrap();
    let report = place.import().unwrap();
    assert_eq!((report.schema, report.signed, report.blocks), (20, 27, 28));
    assert_eq!((report.highest_signed, report.slot_version), (Some(30), Some(158)));
    assert_eq!(report.taken.signed.added, 27);
    let records = place.saved().records;
    assert!(records.iter().all(|record| record.state == BlockState::GloballyAccepted));
    assert!(records.iter().any(|record| record.role() == TenureRole::Start));
    // The real program does not mind that it was read.
    let db = Connection::open(place.database()).unwrap();
    let blocks: i64 = db.query_row("SELECT count(*) FROM blocks", [], |row| row.get(0)).unwrap();
    assert_eq!(blocks, 28);
}

#[test]
fn a_long_life_is_taken_in_bounds() {
    let place = Place::with_schema(20);
    place
        .open()
        .execute_batch(
            "WITH RECURSIVE many (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM many WHERE n < 30000)
             INSERT INTO blocks SELECT lower(hex(randomblob(32))), 7, '{}', printf('%040x', n / 100),
                 NULL, n, 200, 1, 'GloballyAccepted', n, n, n, 20, NULL, n, 0 FROM many;",
        )
        .unwrap();
    let report = place.import().unwrap();
    assert_eq!((report.signed, report.blocks, report.taken.blocks), (29_915, 4096, 4096));
    assert_eq!(place.saved().records.len(), 4096);
}
