#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_signer::{IgnoredProposal, Millis, WithheldSignature};
use countersign_wire::message::RejectReason;
use countersign_wire::{
    BurnHeight, ConsensusHash, PrivateKey, SlotId, StacksBlockId, UnixSeconds, Weight,
};

use super::*;

/// A signer with a seat in cycle 7 that started at second 1000, and what it tells.
struct Bench {
    attendance: Attendance,
    permission: watch::Sender<Permission>,
    metrics: Arc<Metrics>,
    misses: watch::Receiver<Misses>,
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
        let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
        let metrics = Arc::new(metrics);
        let permission = watch::Sender::new(Permission::Active);
        let misses = watch::Sender::new(Misses::new());
        let heard = misses.subscribe();
        let mut attendance = Attendance::new(
            Arc::clone(&metrics),
            vec![key(7).public_key()],
            permission.subscribe(),
            Timestamp::from_millis(1_000_000),
            misses,
        );
        attendance.note(&[registered(7), burn_block(7)]);
        Self { attendance, permission, metrics, misses: heard }
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
        bench.attendance.note(&story(sighash(number)));
        bench.adopt(number, &[3]);
        assert_eq!(bench.causes(), [cause], "row {number}");
    }
}

#[test]
fn what_was_made_before_the_start_or_without_leave_to_sign_has_that_cause() {
    let mut bench = Bench::new();
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
    bench.attendance.note(&[burn_block(8)]);
    bench.adopt(6, &[3]);
    assert_eq!(bench.causes().len(), 1, "there is no seat in cycle 8");
    bench.attendance.note(&[registered(8)]);
    bench.adopt(7, &[]);
    assert_eq!(bench.causes().len(), 1, "the node does not say who signed");
    bench.adopt(8, &[3]);
    assert_eq!(bench.causes().len(), 2);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut bench = Bench::new();
    for number in 0..2000_u32 {
        let mut bytes = [0; 32];
        bytes.first_chunk_mut::<4>().unwrap().copy_from_slice(&number.to_be_bytes());
        bench.attendance.note(&[Note::ProposalHeld { sighash: Sighash::new(bytes) }]);
    }
    assert_eq!(bench.attendance.progress.len(), MAX_OPEN);
    assert_eq!(bench.attendance.order.len(), MAX_OPEN);
    for number in 1..=150 {
        bench.adopt(number, &[3]);
    }
    assert_eq!(bench.misses.borrow().len(), MAX_TOLD);
}
