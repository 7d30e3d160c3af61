//! The journal at the vault's desk: who may have it, when it is given, and what is taken.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_vault::ipc::{Answer, Assembly, Call, Parcel, Refusal, Reply, Request};
use countersign_vault::{Imported, JournalExport, JournalStatus, Mark, Standing, Vault};
use countersign_vaultd::{Caller, Chain, Desk, Role};
use countersign_wire::{
    BurnHeight, ChainId, ConsensusHash, Network, PrivateKey, Sighash, StacksHeight, UnixSeconds,
    Wire as _,
};

fn key(byte: u8) -> PrivateKey {
    PrivateKey::from_bytes([byte; 32]).unwrap()
}

fn mark(height: u64) -> Mark {
    let mut sighash = [0; 32];
    sighash[..8].copy_from_slice(&height.to_be_bytes());
    Mark {
        sighash: Sighash::new(sighash),
        height: StacksHeight::new(height),
        tenure: ConsensusHash::new([1; 20]),
        at: UnixSeconds::new(7),
    }
}

/// A desk whose key has signed the blocks of these heights.
fn desk(heights: impl Iterator<Item = u64>) -> Desk {
    let mut vault = Vault::in_memory(key(7)).unwrap();
    vault.import(&heights.map(mark).collect::<Vec<_>>()).unwrap();
    Desk::new(vec![vault], Chain::new(Network::Testnet, ChainId::TESTNET))
}

fn ask(desk: &mut Desk, role: Role, request: Request) -> Result<Answer, Refusal> {
    let caller = Caller { user: "somebody".to_owned(), uid: 1001, roles: vec![role] };
    let call = Call { key: key(7).public_key(), request };
    match desk.serve(&caller, &call.to_bytes()).unwrap().reply {
        Reply::Done(answer) => Ok(answer),
        Reply::Refused(refusal) => Err(refusal),
    }
}

fn demote(desk: &mut Desk) {
    ask(desk, Role::BlockSigner, Request::Demote { at: UnixSeconds::new(8) }).unwrap();
}

fn export(desk: &mut Desk, role: Role) -> Result<JournalExport, Refusal> {
    let mut assembly = Assembly::default();
    for number in 0.. {
        let at = UnixSeconds::new(9);
        let Answer::Parcel(Some(parcel)) = ask(desk, role, Request::Export { at, number })? else {
            panic!("it ends too early")
        };
        if let Some(export) = assembly.take(*parcel).unwrap() {
            let beyond = ask(desk, role, Request::Export { at, number: number + 1 })?;
            assert_eq!(beyond, Answer::Parcel(None));
            return Ok(export);
        }
    }
    unreachable!("there are fewer parcels than numbers")
}

fn import(desk: &mut Desk, export: &JournalExport) -> Result<Imported, Refusal> {
    for number in 0.. {
        let parcel = Parcel::cut(export, number).unwrap().expect("the last one has an answer");
        match ask(desk, Role::BlockSigner, Request::ImportParcel(Box::new(parcel)))? {
            Answer::Imported(imported) => return Ok(imported),
            answer => assert_eq!(answer, Answer::Nothing),
        }
    }
    unreachable!("there are fewer parcels than numbers")
}

fn status(desk: &mut Desk) -> JournalStatus {
    let Ok(Answer::JournalStatus(status)) = ask(desk, Role::Operator, Request::JournalStatus)
    else {
        panic!("an operator may ask for it")
    };
    *status
}

#[test]
fn a_key_that_signs_gives_no_journal_and_one_that_has_stopped_gives_all_of_it_with_its_proof() {
    let mut desk = desk(1..=10_000);
    for role in [Role::BlockSigner, Role::Operator] {
        assert_eq!(export(&mut desk, role), Err(Refusal::StillActive));
    }
    demote(&mut desk);
    for role in [Role::BlockSigner, Role::Operator] {
        let exported = export(&mut desk, role).unwrap();
        assert!(exported.is_proven_demotion());
        assert_eq!((exported.acceptances.len(), exported.records), (10_000, 10_000));
    }
    let refused = export(&mut desk, Role::SbtcSigner).unwrap_err();
    assert!(matches!(refused, Refusal::NotPermitted { .. }), "{refused}");
}

#[test]
fn a_journal_binds_where_it_is_taken_over_and_a_second_time_changes_nothing() {
    let mut old = desk(1..=30_000);
    demote(&mut old);
    let exported = export(&mut old, Role::BlockSigner).unwrap();
    assert!(!exported.spans.is_empty() && exported.floor.is_some(), "old blocks were folded");

    let mut new = desk(29_990..=30_005);
    let imported = import(&mut new, &exported).unwrap();
    assert_eq!((imported.known, imported.covered), (11, 0));
    let taken = status(&mut new);
    assert_eq!((taken.floor, taken.highest), (exported.floor, Some(StacksHeight::new(30_005))));
    assert!(taken.standing.is_active(), "an import neither demotes nor promotes");
    let again = import(&mut new, &exported).unwrap();
    assert_eq!((again.added, status(&mut new)), (0, taken));
}

#[test]
fn what_a_caller_has_made_up_raises_no_floor() {
    let mut other = Vault::in_memory(key(7)).unwrap();
    other.demote(UnixSeconds::new(8)).unwrap();
    let good = other.export_journal(UnixSeconds::new(9)).unwrap();
    let forged = JournalExport { floor: Some(StacksHeight::new(1 << 62)), ..good.clone() };
    let mut desk = desk(1..=3);
    let before = status(&mut desk);
    for (journal, says) in [
        (forged.clone(), "was not made by the key"),
        (JournalExport { proof: None, ..forged }, "has no proof by its key"),
    ] {
        match import(&mut desk, &journal) {
            Err(Refusal::BadJournal { text }) => assert!(text.contains(says), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    let mut stranger = Vault::in_memory(key(8)).unwrap();
    let foreign = stranger.export_journal(UnixSeconds::new(9)).unwrap();
    assert!(matches!(import(&mut desk, &foreign), Err(Refusal::BadJournal { .. })));
    assert_eq!(status(&mut desk), before);
    import(&mut desk, &good).unwrap();
}

#[test]
fn a_journal_that_contradicts_what_is_known_is_refused_whole() {
    let mut other = Vault::in_memory(key(7)).unwrap();
    let wrong = Mark { tenure: ConsensusHash::new([2; 20]), ..mark(2) };
    other.import(&[mark(4), wrong]).unwrap();
    let journal = other.export_journal(UnixSeconds::new(9)).unwrap();
    let mut desk = desk(1..=3);
    let refused = import(&mut desk, &journal).unwrap_err();
    assert!(matches!(refused, Refusal::Inconsistent { .. }), "{refused}");
    assert_eq!(status(&mut desk).records, 3);
}

#[test]
fn an_operator_may_not_bring_marks_and_a_parcel_alone_takes_nothing() {
    let mut old = desk(1..=10_000);
    demote(&mut old);
    let journal = export(&mut old, Role::Operator).unwrap();
    let parcel = || Box::new(Parcel::cut(&journal, 0).unwrap().unwrap());
    let mut new = desk(1..=1);
    let refused = ask(&mut new, Role::Operator, Request::ImportParcel(parcel())).unwrap_err();
    assert!(matches!(refused, Refusal::NotPermitted { .. }), "{refused}");
    let begun = ask(&mut new, Role::BlockSigner, Request::ImportParcel(parcel())).unwrap();
    assert_eq!((begun, status(&mut new).records), (Answer::Nothing, 1));
}

#[test]
fn the_status_says_what_holds_the_key() {
    let mut desk = desk(1..=3);
    let height = BurnHeight::new(900);
    ask(&mut desk, Role::Operator, Request::HoldFrom { height }).unwrap();
    let (reason, at) = ("a rival".to_owned(), UnixSeconds::new(8));
    let frozen = Standing::Frozen { at, reason: reason.clone() };
    ask(&mut desk, Role::BlockSigner, Request::Freeze { reason, at }).unwrap();
    let status = status(&mut desk);
    assert_eq!((status.hold, status.standing), (Some(height), frozen));
    assert_eq!((status.records, status.public_key), (3, key(7).public_key()));
    // Why a key is frozen is for its own operator.
    let exported = export(&mut desk, Role::Operator).unwrap();
    assert_eq!(exported.standing, Standing::Frozen { at, reason: String::new() });
}
