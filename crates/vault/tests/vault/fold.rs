//! A million signatures: what stays of the old ones, and what that forbids.

use std::fs;
use std::path::Path;

use countersign_vault::{Imported, Mark, SignError, Vault};
use countersign_wire::{ConsensusHash, Sighash, StacksHeight, UnixSeconds};
use rusqlite::Connection;

use crate::support::{Place, acceptance, block, overriding, rejection, vault};

/// The block at this height of a chain with a hundred blocks a tenure.
fn mark(height: u64) -> Mark {
    let (mut sighash, mut tenure) = ([0xcc; 32], [0; 20]);
    // As scattered as real hashes.
    sighash[..8].copy_from_slice(&height.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    tenure[..8].copy_from_slice(&(height / 100).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Mark {
        sighash: Sighash::new(sighash),
        height: StacksHeight::new(height),
        tenure: ConsensusHash::new(tenure),
        at: UnixSeconds::new(1_700_000_000),
    }
}

/// Has the vault know every height up to `last`, as a long life would.
fn signed_up_to(vault: &mut Vault, last: u64) {
    let marks: Vec<Mark> = (1..=last).map(mark).collect();
    for marks in marks.chunks(2000) {
        let imported = vault.import(marks).unwrap();
        assert_eq!(imported, Imported { added: marks.len() as u64, ..Imported::default() });
    }
}

fn refusal(vault: &mut Vault, number: u64, height: u64) -> SignError {
    vault.sign_acceptance(&acceptance(number, height)).unwrap_err()
}

#[test]
fn below_the_floor_nothing_is_signed_and_above_it_rivals_bind_by_name() {
    let mut vault = vault();
    signed_up_to(&mut vault, 20_000);
    let floor = 20_000 - 16_384;
    let error = refusal(&mut vault, 1, floor);
    assert!(
        matches!(error, SignError::BelowFloor { floor: at, .. } if at.get() == floor),
        "{error}"
    );
    assert!(
        !error.is_fatal() && error.to_string().contains("remembered by tenure only"),
        "{error}"
    );
    assert!(matches!(refusal(&mut vault, 1, floor + 1), SignError::Conflict { .. }));
    vault.sign_acceptance(&acceptance(1, 20_001)).unwrap();
}

#[test]
fn naming_rivals_does_not_help_below_the_floor() {
    let mut vault = vault();
    signed_up_to(&mut vault, 20_000);
    let all: Vec<Sighash> = (1..=255).map(|height| mark(height).sighash).collect();
    let request = overriding(acceptance(1, 1), &all);
    assert!(matches!(vault.sign_acceptance(&request), Err(SignError::BelowFloor { .. })));
}

#[test]
fn few_signatures_are_remembered_one_by_one_whatever_their_heights() {
    let mut vault = vault();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    vault.sign_acceptance(&acceptance(2, 1_000_000_000)).unwrap();
    vault.tidy().unwrap();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    vault
        .sign_acceptance(&overriding(acceptance(3, 10), &[block(1, 10), block(2, 1_000_000_000)]))
        .unwrap();
}

#[test]
fn overrides_are_folded_with_the_blocks_that_they_name() {
    let place = Place::new();
    let mut vault = place.open();
    vault.sign_acceptance(&acceptance(1, 5)).unwrap();
    vault.sign_acceptance(&overriding(acceptance(2, 5), &[block(1, 5)])).unwrap();
    for height in 6..20_000 {
        if height % 2000 == 0 {
            vault.import(&(height..height + 2000).map(mark).collect::<Vec<_>>()).unwrap();
        }
    }
    drop(vault);
    let db = Connection::open(&place.journal).unwrap();
    let count = |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM overridden"), 0);
    assert_eq!(
        count("SELECT blocks FROM span WHERE tenure = (SELECT tenure FROM span ORDER BY lowest)"),
        2
    );
    assert!(count("SELECT count(*) FROM acceptance") < 16_384 + 2000);
}

#[test]
fn a_folded_journal_is_as_strict_after_a_restart() {
    let place = Place::new();
    signed_up_to(&mut place.open(), 20_000);
    assert!(matches!(refusal(&mut place.open(), 1, 100), SignError::BelowFloor { .. }));
}

#[test]
fn the_latest_rejections_are_remembered() {
    let place = Place::new();
    let mut vault = place.open();
    vault.sign_rejection(&rejection(1)).unwrap();
    drop(vault);
    Connection::open(&place.journal)
        .unwrap()
        .execute_batch(
            "WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 18000)
             INSERT INTO rejection (sighash, chain_id, at) SELECT randomblob(32), 1, n FROM many;",
        )
        .unwrap();
    let mut vault = place.open();
    vault.sign_rejection(&rejection(2)).unwrap();
    vault.tidy().unwrap();
    // The first one is forgotten, and binds nobody: it is signed anew, and so is the block.
    vault.sign_rejection(&rejection(1)).unwrap();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    drop(vault);
    let db = Connection::open(&place.journal).unwrap();
    let left: i64 = db.query_row("SELECT count(*) FROM rejection", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 16_385);
}

#[test]
fn marks_of_another_program_bind_as_if_they_had_been_signed_here() {
    let mut vault = vault();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    let known = Mark { sighash: block(1, 10), height: StacksHeight::new(10), ..mark(1) };
    let known = Mark { tenure: acceptance(1, 10).tenure(), ..known };
    let imported = vault.import(&[known, mark(12)]).unwrap();
    assert_eq!(imported, Imported { added: 1, known: 1, covered: 0 });
    assert!(
        matches!(refusal(&mut vault, 3, 12), SignError::Conflict { rival, .. } if rival == mark(12).sighash)
    );
    assert_eq!(vault.import(&[known, mark(12)]).unwrap().added, 0);
}

#[test]
fn a_mark_that_contradicts_the_journal_is_refused_with_all_others() {
    let mut vault = vault();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    let wrong = Mark { sighash: block(1, 10), ..mark(11) };
    assert!(matches!(vault.import(&[mark(12), wrong]), Err(SignError::Inconsistent { .. })));
    vault.sign_acceptance(&acceptance(3, 12)).unwrap();
}

#[test]
fn marks_below_the_floor_are_covered_by_it() {
    let mut vault = vault();
    signed_up_to(&mut vault, 20_000);
    let other = Mark { sighash: block(1, 10), ..mark(7) };
    assert_eq!(vault.import(&[other]).unwrap(), Imported { covered: 1, ..Imported::default() });
}

#[test]
fn a_million_signatures_fit_into_ten_megabytes() {
    let place = Place::new();
    let mut vault = place.open();
    signed_up_to(&mut vault, 1_000_000);
    let bytes = size_of(place.folder.path());
    drop(vault);
    assert!(bytes < 10_000_000, "{bytes} bytes");
}

/// The size of all files in a folder.
fn size_of(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).unwrap();
    files.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}
