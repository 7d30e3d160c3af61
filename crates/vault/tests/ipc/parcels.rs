//! A journal in parcels: whole on the other side, or not at all.

use std::sync::LazyLock;

use countersign_vault::ipc::{
    Assembly, MAX_EXPORTED_MARKS, MAX_FRAME_LEN, MAX_SPANS, PARCEL_LEN, Parcel, ParcelError,
    Request, to_frame,
};
use countersign_vault::{InterchangeError, JournalExport, Mark, Span, Vault};
use countersign_wire::{ConsensusHash, PrivateKey, Sighash, StacksHeight, UnixSeconds};
use proptest::prelude::*;

use crate::strategies;
use crate::support::config;

fn numbered<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// A proven export with so many spans below its floor and so many blocks above.
fn proven(span_count: u32, mark_count: u32) -> JournalExport {
    let (spans, marks) = (u64::from(span_count), u64::from(mark_count));
    let mut vault = Vault::in_memory(PrivateKey::from_bytes([7; 32]).unwrap()).unwrap();
    vault.demote(UnixSeconds::new(5)).unwrap();
    let other = JournalExport {
        floor: (spans > 0).then_some(StacksHeight::new(spans)),
        records: spans + marks,
        spans: (1..=spans)
            .map(|height| Span {
                tenure: ConsensusHash::new(numbered(height)),
                lowest: StacksHeight::new(height),
                highest: StacksHeight::new(height),
                blocks: 1,
            })
            .collect(),
        acceptances: (spans + 1..=spans + marks)
            .map(|height| Mark {
                sighash: Sighash::new(numbered(height)),
                height: StacksHeight::new(height),
                tenure: ConsensusHash::new(numbered(height)),
                at: UnixSeconds::new(9),
            })
            .collect(),
        ..vault.export_journal(UnixSeconds::new(5)).unwrap()
    };
    vault.import_journal(&other).unwrap();
    vault.export_journal(UnixSeconds::new(6)).unwrap()
}

/// Three parcels: spans, both, and marks.
static LONG: LazyLock<JournalExport> = LazyLock::new(|| proven(9_000, 9_000));

fn parcels(export: &JournalExport) -> Vec<Parcel> {
    (0..).map_while(|number| Parcel::cut(export, number).unwrap()).collect()
}

fn assemble(parcels: Vec<Parcel>) -> Result<Option<JournalExport>, ParcelError> {
    let mut assembly = Assembly::default();
    let mut last = None;
    for parcel in parcels {
        assert!(last.is_none(), "nothing comes after the last one");
        last = assembly.take(parcel)?;
    }
    Ok(last)
}

#[test]
fn a_journal_of_any_length_is_whole_on_the_other_side_and_each_parcel_fits_into_a_frame() {
    let sizes = [(0, 0), (0, 1), (3, 0), (0, PARCEL_LEN), (1, PARCEL_LEN), (PARCEL_LEN, 1)];
    for (spans, marks) in sizes {
        let export = proven(spans, marks);
        let parcels = parcels(&export);
        assert_eq!(parcels.len(), (spans + marks).div_ceil(PARCEL_LEN).max(1) as usize);
        assert_eq!(assemble(parcels).unwrap(), Some(export), "{spans} spans, {marks} marks");
    }
    let parcels = parcels(&LONG);
    assert_eq!(parcels.len(), 3);
    for parcel in &parcels {
        let frame = to_frame(&Request::ImportParcel(Box::new(parcel.clone()))).unwrap();
        assert!(frame.len() < MAX_FRAME_LEN as usize / 2, "{} bytes", frame.len());
    }
    assert_eq!(assemble(parcels).unwrap().as_ref(), Some(&*LONG));
}

#[test]
fn parcels_that_are_missing_doubled_exchanged_or_of_two_journals_make_nothing() {
    let good = || parcels(&LONG);
    let other = {
        let at = UnixSeconds::new(7);
        parcels(&JournalExport { created_at: at, ..LONG.clone() })
    };
    let [first, second, third]: [Parcel; 3] = good().try_into().unwrap();
    let rows = [
        ("the first is missing", vec![second.clone(), third.clone()]),
        ("the second is missing", vec![first.clone(), third.clone()]),
        ("the second comes twice", vec![first.clone(), second.clone(), second.clone()]),
        ("the second is of another journal", vec![first.clone(), other[1].clone()]),
    ];
    for (why, parcels) in rows {
        assert!(matches!(assemble(parcels), Err(ParcelError::OutOfOrder)), "{why}");
    }
    assert!(assemble(vec![first.clone(), second.clone()]).unwrap().is_none(), "it is not whole");
    // The first begins anew.
    assert!(assemble(vec![first.clone(), second.clone(), first, second, third]).unwrap().is_some());
}

#[test]
fn a_journal_that_was_changed_on_the_way_or_that_no_key_has_proven_is_known_as_such() {
    let mut parcels = parcels(&LONG);
    parcels[2].piece.acceptances[7].sighash = Sighash::new([0xee; 32]);
    let changed = assemble(parcels).unwrap_err();
    assert!(matches!(changed, ParcelError::Export(InterchangeError::ForeignProof(_))), "{changed}");
    let unproven = JournalExport { proof: None, ..LONG.clone() };
    let taken = assemble(self::parcels(&unproven)).unwrap().unwrap();
    assert_eq!(taken.proof, None);
}

#[test]
fn what_a_token_signs_anew_for_each_parcel_is_still_one_journal() {
    let mut parcels = parcels(&LONG);
    parcels[1].piece.proof = None;
    assert_eq!(assemble(parcels).unwrap().as_ref(), Some(&*LONG));
}

#[test]
fn counts_that_lie_neither_take_memory_nor_go_on_without_an_end() {
    let parcel = Parcel::cut(&proven(1, 1), 0).unwrap().unwrap();
    let rows = [
        ("too many spans", MAX_SPANS + 1, 1),
        ("too many marks", 1, MAX_EXPORTED_MARKS + 1),
        ("fewer spans than there are", 0, 2),
        ("more than come in a parcel that is not full", 2, 1),
    ];
    for (why, span_count, mark_count) in rows {
        let lying = Parcel { span_count, mark_count, ..parcel.clone() };
        assert!(assemble(vec![lying]).is_err(), "{why}");
    }
    // A full one that has more spans than there are would go on for ever.
    let full = Parcel::cut(&LONG, 0).unwrap().unwrap();
    let lying = Parcel { span_count: 1, mark_count: 17_999, ..full };
    assert!(matches!(assemble(vec![lying]), Err(ParcelError::OutOfOrder)));
    let mut long = LONG.clone();
    long.acceptances = vec![long.acceptances[0]; MAX_EXPORTED_MARKS as usize + 1];
    assert!(matches!(Parcel::cut(&long, 0), Err(ParcelError::TooLong)));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_parcels_come_in_whatever_order_only_a_proven_whole_is_given(
        parcels in prop::collection::vec(
            prop_oneof![
                strategies::parcel(),
                (0..3_usize).prop_map(|number| parcels(&LONG)[number].clone()),
            ],
            0..8,
        ),
    ) {
        let mut assembly = Assembly::default();
        for parcel in parcels {
            if let Ok(Some(export)) = assembly.take(parcel) {
                let proof = export.proof.map(|proof| proof.recover(&export.proof_digest()));
                prop_assert!(proof.is_none_or(|key| key == Some(export.public_key)));
            }
        }
    }
}
