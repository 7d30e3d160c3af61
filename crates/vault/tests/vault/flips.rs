//! One flipped bit, anywhere in the files of a journal: it is found, or it changes nothing that binds.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_vault::{OpenError, SignError, Vault};
use countersign_wire::BurnHeight;

use crate::support::{Place, acceptance, block, key};

const HEIGHTS: u64 = 40;

/// What a journal with a hold and a demotion binds to. None if it is refused.
fn binds(journal: &Path) -> Result<(), OpenError> {
    let mut vault = Vault::open(key(), journal)?;
    assert!(!vault.standing().is_active(), "the demotion is forgotten");
    assert_eq!(vault.hold(), Some(BurnHeight::new(1000)), "the hold is forgotten");
    vault.promote().unwrap();
    for height in 1..=HEIGHTS {
        let refused = vault.sign_acceptance(&acceptance(9, height)).unwrap_err();
        assert!(matches!(refused, SignError::Conflict { .. }), "{height}: {refused}");
        let SignError::Conflict { rival, .. } = refused else { unreachable!() };
        assert_eq!(rival, block(1, HEIGHTS), "the highest one binds first");
    }
    Ok(())
}

fn fill(vault: &mut Vault) {
    for height in 1..=HEIGHTS {
        vault.sign_acceptance(&acceptance(1, height)).unwrap();
    }
    vault.hold_from(BurnHeight::new(1000)).unwrap();
    vault.demote(acceptance(1, 1).at).unwrap();
}

/// A journal as an orderly process leaves it: without a log.
fn closed() -> Place {
    let place = Place::new();
    fill(&mut place.open());
    place
}

/// A journal as a killed process leaves it: everything that was signed is in its log.
fn killed() -> Place {
    let place = Place::new();
    let copy = Place::new();
    let mut vault = place.open();
    fill(&mut vault);
    for name in ["journal.sqlite", "journal.sqlite-wal", "journal.witness"] {
        fs::copy(place.folder.path().join(name), copy.folder.path().join(name)).unwrap();
    }
    copy
}

/// Numbers that look random and are the same in each run.
fn offsets(below: usize, count: usize) -> impl Iterator<Item = usize> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..count).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    })
}

/// Flips bits of one of the files, one at a time. Returns how many were found.
fn flip(place: &Place, name: &str, bits: impl Iterator<Item = usize>) -> usize {
    let files: Vec<(PathBuf, Vec<u8>)> =
        ["journal.sqlite", "journal.sqlite-wal", "journal.witness"]
            .map(|name| place.folder.path().join(name))
            .into_iter()
            .filter_map(|path| fs::read(&path).ok().map(|content| (path, content)))
            .collect();
    let mut found = 0;
    for bit in bits {
        for (path, content) in &files {
            let mut content = content.clone();
            if path.ends_with(name) {
                content[bit / 8] ^= 1 << (bit % 8);
            }
            fs::write(path, content).unwrap();
        }
        match binds(&place.journal) {
            Ok(()) => {}
            Err(
                OpenError::Damaged { .. }
                | OpenError::NotAJournal { .. }
                | OpenError::NewerSchema { .. }
                | OpenError::ForeignKey { .. }
                | OpenError::RolledBack { .. }
                | OpenError::Unwitnessed { .. }
                | OpenError::Unwritable { .. },
            ) => found += 1,
            Err(other) => panic!("bit {bit} of {name}: {other}"),
        }
    }
    found
}

#[test]
fn a_flipped_bit_in_the_database_is_found_or_binds_as_before() {
    let place = closed();
    binds(&place.journal).unwrap();
    let place = closed();
    let bits = 8 * usize::try_from(fs::metadata(&place.journal).unwrap().len()).unwrap();
    let found = flip(&place, "journal.sqlite", offsets(bits, 300));
    assert!(found > 30, "{found} of 300 flips were found");
}

#[test]
fn a_flipped_bit_in_the_log_of_a_killed_process_is_found_or_binds_as_before() {
    let place = killed();
    let log = fs::read(place.folder.path().join("journal.sqlite-wal")).unwrap();
    let used = log.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let found = flip(&place, "journal.sqlite-wal", offsets(8 * used, 200));
    assert_eq!(found, 200, "each one is in a frame whose checksum it spoils");
    // In the last frames, which could be taken for torn ones, and in the log's header.
    let last = 8 * (used - 24)..8 * used;
    assert_eq!(flip(&place, "journal.sqlite-wal", last.step_by(5)), (24 * 8_usize).div_ceil(5));
    assert_eq!(
        flip(&place, "journal.sqlite-wal", (0..32 * 8).step_by(3)),
        (32 * 8_usize).div_ceil(3)
    );
}

#[test]
fn a_flipped_bit_in_the_witness_is_found() {
    let place = closed();
    let bits = 8 * usize::try_from(
        fs::metadata(place.folder.path().join("journal.witness")).unwrap().len(),
    )
    .unwrap();
    let found = flip(&place, "journal.witness", offsets(bits, 100));
    assert!(found > 90, "{found} of 100");
}

#[test]
fn a_log_that_was_cut_while_it_was_written_is_no_damage() {
    let place = killed();
    let path = place.folder.path().join("journal.sqlite-wal");
    let log = fs::read(&path).unwrap();
    let used = log.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let frames = (used - 32).div_ceil(4120);
    let witness = fs::read(place.folder.path().join("journal.witness")).unwrap();
    let database = fs::read(&place.journal).unwrap();
    // The last transaction is the demotion: the witness saw nothing new in it.
    for kept in [0, 12, 24, 25, 600, 4119] {
        let mut torn = log.clone();
        torn[32 + (frames - 1) * 4120 + kept..].fill(0);
        fs::write(&path, torn).unwrap();
        fs::write(&place.journal, &database).unwrap();
        fs::write(place.folder.path().join("journal.witness"), &witness).unwrap();
        let vault = Vault::open(key(), &place.journal).unwrap();
        assert!(vault.standing().is_active(), "the demotion was not durable");
    }
}
