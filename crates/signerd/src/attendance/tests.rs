#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_signer::{
    IgnoredProposal, Millis, NotRegisteredReason, Outline, WithheldSignature,
};
use countersign_watch::registry::own;
use countersign_wire::block::TenureRole;
use countersign_wire::message::RejectReason;
use countersign_wire::{
    BurnHeight, ConsensusHash, PrivateKey, SlotId, StacksBlockId, UnixSeconds, Weight,
};

use super::*;
use crate::store::Store;

/// A signer with a seat in cycle 7 that started at second 1000, and what it tells.
struct Bench {
    attendance: Attendance,
    permission: watch::Sender<Permission>,
    metrics: Arc<Metrics>,
    misses: watch::Receiver<Misses>,
    store: Store,
}

fn key(byte: u8) -> PrivateKey {
    PrivateKey::from_bytes([byte; 32]).unwrap()
}

fn registered(cycle: u64) -> Note {
    Note::Registered {
        cycle: RewardCycle::new(cycle),
        key: key(7).public_key(),
        slot: SlotId::new(0),
        weight: Weight::new(10),
        total: Weight::new(100),
    }
}

fn not_registered(cycle: u64) -> Note {
    let reason = NotRegisteredReason::NoSlot;
    Note::NotRegistered { cycle: RewardCycle::new(cycle), reason }
}

fn burn_block(cycle: u64) -> Note {
    Note::BurnBlock {
        height: BurnHeight::new(1),
        consensus_hash: ConsensusHash::new([1; 20]),
        cycle: Some(RewardCycle::new(cycle)),
    }
}

fn sighash(number: u8) -> Sighash {
    Sighash::new([number; 32])
}

impl Bench {
    fn new() -> Self {
        Self::with(Store::in_memory().unwrap(), &[])
    }

    fn with(store: Store, records: &[Record]) -> Self {
        let mut bench = Self::of(store, records);
        bench.note(&[registered(7), burn_block(7)]);
        bench
    }

    /// Before the node has told anything.
    fn seatless() -> Self {
        Self::of(Store::in_memory().unwrap(), &[])
    }

    fn of(store: Store, records: &[Record]) -> Self {
        let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
        let metrics = Arc::new(metrics);
        let permission = watch::Sender::new(Permission::Active);
        let misses = watch::Sender::new(Misses::new());
        let heard = misses.subscribe();
        let attendance = Attendance::new(
            Arc::clone(&metrics),
            vec![key(7).public_key()],
            permission.subscribe(),
            Timestamp::from_millis(1_000_000),
            misses,
        )
        .resume(store.attendance().unwrap(), records);
        Self { attendance, permission, metrics, misses: heard, store }
    }

    /// Block `number`, made at second 2000 and signed by these keys, becomes part of the chain.
    fn adopt(&mut self, number: u8, signers: &[u8]) {
        self.adopt_made_at(number, signers, 2000);
    }

    fn adopt_made_at(&mut self, number: u8, signers: &[u8], second: u64) {
        let digest = sighash(number);
        let block = NewBlock {
            block_id: StacksBlockId::new([number; 32]),
            sighash: Some(digest),
            consensus_hash: ConsensusHash::new([1; 20]),
            height: StacksHeight::new(number.into()),
            txids: Vec::new(),
            signatures: signers.iter().map(|signer| key(*signer).sign(digest.as_bytes())).collect(),
            time: Some(UnixSeconds::new(second)),
        };
        self.attendance.hear(&Event::StacksBlock(block), Timestamp::from_millis(2_001_000));
        self.note(&[]);
    }

    fn note(&mut self, notes: &[Note]) {
        self.attendance.note(notes);
        self.store.count(&self.attendance.settle()).unwrap();
    }

    /// The process ends, and the next one starts with what the store has kept.
    fn restart(self) -> Self {
        Self::with(self.store, &[])
    }

    fn causes(&self) -> Vec<&'static str> {
        self.misses.borrow().iter().map(|missed| missed.cause.label()).collect()
    }
}

#[test]
fn a_block_with_our_signature_is_not_missed() {
    let mut bench = Bench::new();
    bench.adopt(1, &[3, 7, 9]);
    assert_eq!(bench.causes(), [""; 0]);
    bench.adopt(2, &[3, 9]);
    assert_eq!(bench.causes(), ["not_proposed"]);
    assert_eq!((bench.metrics.chain.adopted(), bench.metrics.chain.missed("not_proposed")), (2, 1));
}

/// What was heard of a block before it became part of the chain.
type Story<'a> = &'a dyn Fn(Sighash) -> Vec<Note>;

#[test]
fn each_missed_block_has_its_cause() {
    let (height, tenure) = (StacksHeight::new(1), ConsensusHash::new([1; 20]));
    let proposed = |sighash| Note::ProposalReceived { sighash, height, tenure };
    let valid = |sighash| Note::Verdict { sighash, valid: true, took: None };
    let (latency, reason) = (Millis::new(5), RejectReason::InvalidMiner);
    let withheld = WithheldSignature::BlockedByRejections;
    let too_old = IgnoredProposal::TooOld;
    let validating = |sighash| Note::ValidationRequested { sighash };
    let ignored = |sighash| Note::ProposalIgnored { sighash, why: IgnoredProposal::TooMany };
    let rows: [(Story<'_>, &str); 12] = [
        (&|_| vec![], "not_proposed"),
        (&|sighash| vec![Note::ProposalIgnored { sighash, why: too_old }], "ignored"),
        (&|sighash| vec![proposed(sighash)], "validated_late"),
        (&|sighash| vec![proposed(sighash), Note::ProposalHeld { sighash }], "held"),
        (&|sighash| vec![Note::ProposalHeld { sighash }, validating(sighash)], "validated_late"),
        (&|sighash| vec![ignored(sighash), proposed(sighash)], "validated_late"),
        (&|sighash| vec![proposed(sighash), ignored(sighash)], "validated_late"),
        (&|sighash| vec![proposed(sighash), valid(sighash)], "signed_late"),
        (&|sighash| vec![valid(sighash), Note::Accepted { sighash, latency }], "signed_late"),
        (
            &|sighash| vec![proposed(sighash), Note::Rejected { sighash, reason, latency }],
            "rejected",
        ),
        (
            &|sighash| vec![valid(sighash), Note::SigningWithheld { sighash, why: withheld }],
            "withheld",
        ),
        (
            &|sighash| vec![Note::Rejected { sighash, reason, latency }, proposed(sighash)],
            "rejected",
        ),
    ];
    for (number, (story, cause)) in (1_u8..).zip(rows) {
        let mut bench = Bench::new();
        bench.note(&story(sighash(number)));
        bench.adopt(number, &[3]);
        assert_eq!(bench.causes(), [cause], "row {number}");
    }
}

#[test]
fn what_was_made_before_the_start_or_without_leave_to_sign_has_that_cause() {
    let mut bench = Bench::new();
    let (late, reason) = (sighash(1), RejectReason::InvalidMiner);
    bench.note(&[Note::Rejected { sighash: late, reason, latency: Millis::new(5) }]);
    bench.adopt_made_at(1, &[3], 999);
    bench.permission.send_replace(Permission::Standby);
    bench.adopt(2, &[3]);
    assert_eq!(bench.causes(), ["down", "not_allowed"]);
    let told = bench.misses.borrow().iter().map(Missed::to_json).next().unwrap();
    assert_eq!(told["height"], 1);
    assert_eq!(told["text"], "it was made before this process started");
}

#[test]
fn a_block_counts_once_and_only_in_a_cycle_with_a_seat() {
    let mut bench = Bench::new();
    bench.adopt(5, &[3]);
    bench.adopt(5, &[3]);
    bench.adopt(4, &[3]);
    assert_eq!(bench.causes().len(), 1, "a node posts a block again");
    bench.note(&[burn_block(8), not_registered(8)]);
    bench.adopt(6, &[3]);
    assert_eq!(bench.causes().len(), 1, "there is no seat in cycle 8");
    bench.note(&[registered(8)]);
    bench.adopt(7, &[]);
    assert_eq!(bench.causes().len(), 1, "the node does not say who signed");
    bench.adopt(8, &[3]);
    assert_eq!(bench.causes().len(), 2);
}

#[test]
fn the_account_goes_on_after_a_restart() {
    let mut bench = Bench::new();
    let (sighash_of_2, reason) = (sighash(2), RejectReason::InvalidMiner);
    let rejected = Note::Rejected { sighash: sighash_of_2, reason, latency: Millis::new(5) };
    bench.adopt(1, &[3]);
    bench.note(&[rejected]);
    bench.adopt(2, &[3]);
    bench.adopt(3, &[7]);
    let told: Vec<Value> = bench.misses.borrow().iter().map(Missed::to_json).collect();

    let mut bench = bench.restart();
    let kept: Vec<Value> = bench.misses.borrow().iter().map(Missed::to_json).collect();
    assert_eq!(kept, told);
    assert_eq!((bench.metrics.chain.adopted(), bench.metrics.chain.missed("rejected")), (3, 1));
    bench.adopt(2, &[3]);
    bench.adopt(3, &[3]);
    assert_eq!(bench.causes().len(), 2, "the node posts blocks that were counted before");
    bench.adopt_made_at(4, &[3], 999);
    assert_eq!(bench.causes(), ["not_proposed", "rejected", "down"]);
    assert_eq!((bench.metrics.chain.adopted(), bench.metrics.chain.missed("down")), (4, 1));
    let causes: Vec<_> = bench.restart().causes();
    assert_eq!(causes, ["not_proposed", "rejected", "down"]);
}

/// After a start the node posts the blocks of the outage before it has told who signs in this cycle.
#[test]
fn blocks_that_come_before_the_seat_is_known_are_counted_when_it_is() {
    let mut bench = Bench::seatless();
    for number in 1..=3 {
        bench.adopt_made_at(number, &[3], 999);
    }
    bench.note(&[burn_block(7)]);
    assert_eq!(bench.causes(), [""; 0]);
    bench.note(&[registered(7)]);
    assert_eq!(bench.causes(), ["down", "down", "down"]);
    assert_eq!(bench.restart().causes().len(), 3);

    let mut bench = Bench::seatless();
    bench.adopt(1, &[3]);
    bench.note(&[burn_block(7), not_registered(7)]);
    bench.note(&[registered(7)]);
    assert_eq!(bench.causes(), [""; 0], "it was of no concern to us");
}

#[test]
fn what_was_answered_before_a_restart_explains_a_block_that_came_during_it() {
    let record = |number, reject_reason, signed_self_at| Record {
        sighash: sighash(number),
        cycle: RewardCycle::new(7),
        outline: Outline {
            height: StacksHeight::new(number.into()),
            tenure: ConsensusHash::new([1; 20]),
            role: TenureRole::Ordinary,
        },
        block: None,
        burn_height: BurnHeight::new(1),
        state: BlockState::Unprocessed,
        valid: None,
        proposed_at: Timestamp::from_secs(990),
        approved_at: None,
        signed_self_at,
        signed_group_at: None,
        validation_time: Millis::ZERO,
        reject_reason,
        uploaded: false,
    };
    let records = [
        record(1, Some(RejectReason::InvalidMiner), None),
        record(2, None, Some(Timestamp::from_secs(990))),
        record(3, None, None),
    ];
    let mut bench = Bench::with(Store::in_memory().unwrap(), &records);
    for number in 1..=3 {
        bench.adopt_made_at(number, &[3], 999);
    }
    assert_eq!(bench.causes(), ["rejected", "signed_late", "down"]);
}

#[test]
fn every_cause_is_kept_as_what_it_is() {
    let causes = own::BLOCKS_MISSED.values("cause");
    let reason = |name| (name == "rejected").then_some(RejectReason::InvalidBitvec);
    let mut store = Store::in_memory().unwrap();
    let mut account = Account::default();
    for (height, name) in (1..).zip(causes) {
        let cause = Cause::named(name, reason(*name)).unwrap();
        assert_eq!(cause.label(), *name);
        let height = StacksHeight::new(height);
        let missed = Missed { height, sighash: sighash(9), cause, at: 2001 };
        store.count(&[Counted { height, missed: Some(missed.clone()), forgotten: None }]).unwrap();
        account.missed.push_back(missed);
        account.causes.insert((*name).to_owned(), 1);
        (account.height, account.adopted) = (Some(height), account.adopted + 1);
    }
    assert_eq!(store.attendance().unwrap(), account);
    assert_eq!(Cause::named("rejected", None), None);
    assert_eq!(Cause::named("down", reason("rejected")), None);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut bench = Bench::new();
    for number in 0..2000_u32 {
        let mut bytes = [0; 32];
        bytes.first_chunk_mut::<4>().unwrap().copy_from_slice(&number.to_be_bytes());
        bench.note(&[Note::ProposalHeld { sighash: Sighash::new(bytes) }]);
    }
    assert_eq!(bench.attendance.progress.len(), MAX_OPEN);
    assert_eq!(bench.attendance.order.len(), MAX_OPEN);
    for number in 1..=150 {
        bench.adopt(number, &[3]);
    }
    assert_eq!(bench.misses.borrow().len(), MAX_TOLD);
    let (kept, told) = (bench.store.attendance().unwrap(), bench.misses.borrow().clone());
    assert_eq!((kept.missed, kept.adopted), (told, 150));
}
