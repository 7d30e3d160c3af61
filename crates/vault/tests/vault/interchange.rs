//! Journals that travel: what comes out goes in, and nothing that was refused is signed because of it.

use countersign_vault::{
    AdoptError, Imported, InterchangeError, JournalExport, JournalFile, Mark, OpenError, SignError,
    Span, Standing, Vault,
};
use countersign_wire::{BurnHeight, ConsensusHash, Sighash, StacksHeight, UnixSeconds};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Place, acceptance, block, header, key, other_key, vault};

const NOW: UnixSeconds = UnixSeconds::new(1_700_000_500);

/// Block `number` at `height`, signed elsewhere.
fn mark(number: u64, height: u64) -> Mark {
    let header = header(number, height);
    Mark {
        sighash: header.sighash(),
        height: header.chain_length,
        tenure: header.consensus_hash,
        at: UnixSeconds::new(1_700_000_000),
    }
}

fn span(tenure: u8, lowest: u64, highest: u64, blocks: u64) -> Span {
    let [lowest, highest] = [lowest, highest].map(StacksHeight::new);
    Span { tenure: ConsensusHash::new([tenure; 20]), lowest, highest, blocks }
}

/// An export of the test's key without a proof, as another program may write it.
pub(crate) fn export(marks: &[(u64, u64)], floor: Option<u64>, spans: &[Span]) -> JournalExport {
    let mut acceptances: Vec<Mark> =
        marks.iter().map(|(number, height)| mark(*number, *height)).collect();
    acceptances.sort_by_key(|mark| (mark.height, mark.sighash));
    acceptances.dedup_by_key(|mark| mark.sighash);
    let folded: u64 = spans.iter().map(|span| span.blocks).sum();
    JournalExport {
        public_key: key().public_key(),
        created_at: NOW,
        standing: Standing::Active,
        hold: None,
        floor: floor.map(StacksHeight::new),
        records: acceptances.len() as u64 + folded,
        openings: 3,
        spans: spans.to_vec(),
        acceptances,
        proof: None,
    }
}

/// What binds, without what is about the exporter.
pub(crate) fn marks_of(vault: &mut Vault) -> (Option<StacksHeight>, Vec<Span>, Vec<Mark>) {
    let JournalExport { floor, spans, acceptances, .. } = vault.export_journal(NOW).unwrap();
    (floor, spans, acceptances)
}

#[test]
fn an_export_is_read_as_it_was_written_and_is_proven_by_its_key() {
    let mut vault = vault();
    for height in 1..5 {
        vault.sign_acceptance(&acceptance(1, height)).unwrap();
    }
    vault.hold_from(BurnHeight::new(900)).unwrap();
    vault.freeze("for its operator only", UnixSeconds::new(7)).unwrap();
    let export = vault.export_journal(NOW).unwrap();
    let text = export.to_json();
    assert!(!text.contains("operator only"));
    let read = JournalExport::from_json(text.as_bytes()).unwrap();
    assert_eq!(read, export);
    assert_eq!((read.acceptances.len(), read.records), (4, 4));
    assert_eq!(read.proof.unwrap().recover(&read.proof_digest()), Some(key().public_key()));
    assert!(read.is_proven_demotion());
    assert_eq!(
        (read.hold, read.highest()),
        (Some(BurnHeight::new(900)), Some(StacksHeight::new(4)))
    );
}

#[test]
fn the_proof_is_no_signature_of_anything_else() {
    let mut vault = vault();
    let export = vault.export_journal(NOW).unwrap();
    assert_ne!(export.proof_digest(), export.digest());
    assert!(!export.is_proven_demotion(), "an active signer proves no demotion");
    vault.demote(NOW).unwrap();
    let demoted = vault.export_journal(NOW).unwrap();
    assert!(demoted.is_proven_demotion());
    let forged = JournalExport { standing: demoted.standing, ..export };
    assert!(matches!(
        JournalExport::from_json(forged.to_json().as_bytes()),
        Err(InterchangeError::ForeignProof(_))
    ));
}

#[test]
fn what_was_signed_elsewhere_binds_here_and_is_itself_bound() {
    let mut vault = vault();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    let other = export(&[(2, 10), (3, 12)], None, &[]);
    let imported = vault.import_journal(&other).unwrap();
    assert_eq!(imported, Imported { added: 2, ..Imported::default() });
    let refused = vault.sign_acceptance(&acceptance(9, 12)).unwrap_err();
    assert!(matches!(refused, SignError::Conflict { rival, .. } if rival == block(3, 12)));
    // It was refused before the import, for the sake of block 1, and a file says only that it was signed.
    assert!(matches!(vault.sign_acceptance(&acceptance(2, 10)), Err(SignError::Conflict { .. })));
    // What was signed here is signed again.
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    // And what is highest has no rival.
    vault.sign_acceptance(&acceptance(3, 12)).unwrap();
}

#[test]
fn a_count_that_no_key_reaches_is_refused_and_the_journal_opens_and_signs_afterwards() {
    let place = Place::new();
    let mut vault = place.open();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    let most = i64::MAX.unsigned_abs();
    let hostile = export(&[], Some(9), &[span(1, 3, 9, most)]);
    let refused = JournalExport::from_json(hostile.to_json().as_bytes()).unwrap_err();
    assert_eq!(refused.code(), "inconsistent", "{refused}");
    // Nor by a caller that has not read it from a file.
    let refused = vault.import_journal(&hostile).unwrap_err();
    assert!(matches!(refused, AdoptError::Journal(SignError::OutOfRange { .. })), "{refused}");
    // Nor does any number of files add up to one.
    let large = |tenure| export(&[], Some(9), &[span(tenure, 3, 9, 1 << 61)]);
    vault.import_journal(&large(1)).unwrap();
    assert!(vault.import_journal(&large(2)).is_err() && vault.import_journal(&large(3)).is_err());
    for height in 11..14 {
        drop(vault);
        vault = place.open();
        vault.sign_acceptance(&acceptance(1, height)).unwrap();
    }
}

#[test]
fn standing_and_hold_stay_with_the_exporter_and_a_demotion_here_is_not_undone() {
    let mut vault = vault();
    vault.demote(NOW).unwrap();
    let active = export(&[(1, 10)], None, &[]);
    vault.import_journal(&JournalExport { hold: Some(BurnHeight::new(1)), ..active }).unwrap();
    assert_eq!((vault.standing(), vault.hold()), (&Standing::Demoted { at: NOW }, None));
}

#[test]
fn a_contradiction_takes_nothing_at_all() {
    let mut vault = vault();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    let before = marks_of(&mut vault);
    let mut other = export(&[(5, 20), (1, 10)], Some(3), &[span(4, 1, 3, 2)]);
    other.acceptances[0].height = StacksHeight::new(9);
    let refused = vault.import_journal(&other).unwrap_err();
    assert!(matches!(&refused, AdoptError::Journal(SignError::Inconsistent { .. })), "{refused}");
    assert_eq!(marks_of(&mut vault), before);
    let foreign = JournalExport { public_key: other_key().public_key(), ..export(&[], None, &[]) };
    assert_eq!(vault.import_journal(&foreign).unwrap_err().code(), "foreign-key");
}

#[test]
fn a_rehearsal_says_what_there_is_to_take_and_takes_nothing() {
    let place = Place::new();
    place.open().sign_acceptance(&acceptance(1, 10)).unwrap();
    let mut file = JournalFile::open(&place.journal).unwrap();
    let other = export(&[(1, 10), (2, 11)], None, &[]);
    for _ in 0..2 {
        let would = file.rehearse_import(&other).unwrap();
        assert_eq!(would, Imported { added: 1, known: 1, covered: 0 });
    }
    assert_eq!(file.status().unwrap().records, 1);
}

#[test]
fn a_look_at_a_journal_is_no_opening_and_needs_no_key() {
    let place = Place::new();
    let mut vault = place.open();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    assert!(matches!(JournalFile::inspect(&place.journal), Err(OpenError::InUse { .. })));
    vault.close_cleanly().unwrap();
    for _ in 0..2 {
        let status = JournalFile::inspect(&place.journal).unwrap();
        assert_eq!((status.openings, status.records, status.is_clean), (1, 1, true));
        assert_eq!(status.public_key, key().public_key());
        let read = JournalFile::read(&place.journal, NOW).unwrap();
        assert_eq!((read.acceptances.len(), read.proof), (1, None));
    }
    assert!(place.open().was_stopped_cleanly());
}

#[test]
fn a_journal_that_is_taken_anyway_makes_its_key_wait() {
    let place = Place::new();
    place.open().sign_acceptance(&acceptance(1, 10)).unwrap();
    std::fs::remove_file(place.folder.path().join("journal.witness")).unwrap();
    let wait = std::time::Duration::from_mins(10);
    JournalFile::accept(&place.journal, wait).unwrap().close().unwrap();
    let mut vault = place.open();
    assert!(matches!(vault.sign_acceptance(&acceptance(1, 20)), Err(SignError::Waiting { .. })));
}

/// What another journal of the key may hold: few blocks, so that they meet.
fn exports() -> impl Strategy<Value = JournalExport> {
    let marks = vec((0..3_u64, 0..5_u64), 0..4);
    let spans = prop_oneof![
        Just((None, Vec::new())),
        (0..3_u64, 1..4_u64).prop_map(|(highest, blocks)| {
            (Some(highest), vec![span(4, highest / 2, highest, blocks)])
        }),
    ];
    (marks, spans).prop_map(|(marks, (floor, spans))| export(&marks, floor, &spans))
}

/// A vault that has signed what it would of these, and has taken these over.
fn lived(signs: &[(u64, u64)], imports: &[JournalExport]) -> Vault {
    let mut vault = vault();
    for (number, height) in signs {
        let _ = vault.sign_acceptance(&acceptance(*number, *height));
    }
    for other in imports {
        vault.import_journal(other).unwrap();
    }
    vault
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn what_was_refused_before_an_import_is_refused_after_it(
        signs in vec((0..3_u64, 0..5_u64), 0..4),
        imports in vec(exports(), 1..4),
    ) {
        let (last, earlier) = imports.split_last().unwrap();
        for number in 0..3 {
            for height in 0..5 {
                let request = acceptance(number, height);
                let before = lived(&signs, earlier).sign_acceptance(&request).is_ok();
                let mut vault = lived(&signs, earlier);
                vault.import_journal(last).unwrap();
                let after = vault.sign_acceptance(&request).is_ok();
                prop_assert!(before || !after, "block {number} at {height}");
            }
        }
    }

    #[test]
    fn an_export_taken_over_twice_or_by_its_own_journal_changes_nothing(
        signs in vec((0..3_u64, 0..5_u64), 0..4),
        other in exports(),
    ) {
        let mut vault = lived(&signs, &[other]);
        let once = marks_of(&mut vault);
        let own = vault.export_journal(NOW).unwrap();
        vault.import_journal(&own).unwrap();
        prop_assert_eq!(&marks_of(&mut vault), &once);
        let mut elsewhere = lived(&[], &[own.clone(), own.clone()]);
        // Whoever gets it has all of it, but for what its floor covers.
        let (floor, spans, _) = marks_of(&mut elsewhere);
        prop_assert_eq!((floor, spans), (once.0, once.1));
        let read = JournalExport::from_json(own.to_json().as_bytes()).unwrap();
        prop_assert_eq!(read, own);
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn arbitrary_bytes_are_no_export_and_no_crash(bytes in vec(any::<u8>(), 0..200)) {
        JournalExport::from_json(&bytes).unwrap_err();
    }

    #[test]
    fn a_changed_byte_is_found_or_changes_nothing(other in exports(), at in any::<usize>(), to in any::<u8>()) {
        let mut text = other.to_json().into_bytes();
        let at = at % text.len();
        text[at] = to;
        if let Ok(read) = JournalExport::from_json(&text) {
            prop_assert_eq!(read, other);
        }
    }
}

/// The hash of an arbitrary block, for the vectors.
pub(crate) fn sighash(byte: u8) -> Sighash {
    Sighash::new([byte; 32])
}
