#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::Barrier;
use std::time::Duration;

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_ops::watchdog::Pulses;
use countersign_signer::Timestamp;
use countersign_vault::{Birth, JournalExport, Standing, Vault};
use countersign_wire::stackerdb::SignersContract;
use countersign_wire::{BurnHeight, PrivateKey, Sighash, SlotVersion, Wire as _};

use super::*;
use crate::instance::{Book, Gate, GateState, Why};
use crate::readiness::Permission;
use crate::test_block::header;

fn key() -> PrivateKey {
    PrivateKey::from_bytes([9; 32]).unwrap()
}

fn order(height: u64) -> AcceptanceOrder {
    let header = header(1, height);
    AcceptanceOrder {
        key: key().public_key(),
        sighash: header.sighash(),
        header: Box::new(header),
        burn_height: BurnHeight::new(100),
        overriding: Vec::new(),
        at: now(),
    }
}

/// What the vault answers to the order to sign a block at `height`.
async fn answer(height: u64) -> Event {
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let vault = Vault::in_memory(key()).unwrap();
    let (inbox, mut events) = mpsc::channel(1);
    let (publisher, _arrivals) = Publisher::new();
    let metrics = Arc::new(metrics);
    let post = Post::open(&metrics);
    let (vault, _end) = VaultHandle::start(vault, post, inbox, publisher, metrics).unwrap();
    vault.accept(order(height));
    drop(vault);
    events.recv().await.unwrap()
}

#[tokio::test]
async fn every_order_to_sign_is_answered() {
    assert!(matches!(answer(7).await, Event::Signed { .. }));
    // No journal can hold this height.
    assert!(matches!(answer(u64::MAX).await, Event::SigningRefused { .. }));
}

/// A vault's thread that another one may sign beside.
struct Bench {
    handle: VaultHandle,
    events: mpsc::Receiver<Event>,
    end: VaultEnd,
    metrics: Arc<Metrics>,
    _arrivals: crate::publish::Arrivals,
}

const LANE: SignersContract = SignersContract { parity: 0, lane: Lane::PreCommits };

impl Bench {
    fn new(gate: Gate) -> Self {
        Self::with(Vault::in_memory(key()).unwrap(), gate, Book::in_memory())
    }

    fn with(vault: Vault, gate: Gate, book: Book) -> Self {
        let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
        let metrics = Arc::new(metrics);
        let (inbox, events) = mpsc::channel(8);
        let (publisher, arrivals) = Publisher::new();
        let permission = watch::Sender::new(Permission::Active);
        let warden = Warden::new(gate, book, Arc::clone(&metrics), permission);
        let post = Post { warden, keys: Vec::new(), locks: Vec::new() };
        let (handle, end) =
            VaultHandle::start(vault, post, inbox, publisher, Arc::clone(&metrics)).unwrap();
        Self { handle, events, end, metrics, _arrivals: arrivals }
    }

    /// Asks for a chunk that says something about block `number`.
    async fn chunk(&self, slot: u32, number: u8) -> Sealed {
        let message = SignerMessage::BlockPreCommit(Sighash::new([number; 32]));
        let request = ChunkRequest {
            contract: LANE,
            slot_id: SlotId::new(slot),
            slot_version: SlotVersion::new(1),
            message,
        };
        self.handle.chunk(key().public_key(), request).await
    }

    async fn signed(&self, slot: u32, number: u8) -> Chunk {
        match self.chunk(slot, number).await {
            Sealed::Chunk(chunk) => chunk,
            other => panic!("{other:?}"),
        }
    }

    /// Whether it signs; by then everything that was told before has been heard.
    async fn signs(&self) -> bool {
        match self.chunk(0, 250).await {
            Sealed::Chunk(_) => true,
            Sealed::Withheld => false,
            other => panic!("{other:?}"),
        }
    }

    fn state(&self) -> GateState {
        self.handle.instance().borrow().state()
    }
}

fn born(journal: &std::path::Path) -> Vault {
    Vault::create(key(), journal, Birth::WithKey).unwrap()
}

fn lost(floor: Duration) -> Turn {
    Turn::Promote { promotion: Promotion::PeerIsLost, floor }
}

/// A chunk that our key signed elsewhere.
fn foreign(slot: u32, version: u32, number: u8) -> Seen {
    let message = SignerMessage::BlockPreCommit(Sighash::new([number; 32]));
    let (slot, version) = (SlotId::new(slot), SlotVersion::new(version));
    Seen::signed(LANE, &Chunk::sign(&key(), slot, version, message.to_bytes()))
}

#[tokio::test]
async fn versions_are_one_counter_for_all_slots() {
    let bench = Bench::new(Gate::Open);
    let mut versions = Vec::new();
    for slot in [1, 2, 1] {
        versions.push(bench.signed(slot, 1).await.slot_version.get());
    }
    assert_eq!(versions, [1, 2, 3]);
}

#[tokio::test]
async fn our_own_chunks_freeze_nothing_whatever_lane_they_come_back_in() {
    let bench = Bench::new(Gate::Open);
    let (first, second) = (bench.signed(1, 1).await, bench.signed(2, 2).await);
    for chunk in [&second, &first, &first] {
        for lane in Lane::ALL {
            let contract = SignersContract { parity: 1, lane };
            bench.handle.heard(Seen::signed(contract, chunk));
        }
    }
    assert!(bench.signs().await);
}

#[tokio::test]
async fn a_chunk_that_somebody_else_signed_with_our_key_freezes_signing_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let mut bench = Bench::with(born(&journal), Gate::Open, Book::in_memory());
    let ours = bench.signed(1, 1).await;
    bench.handle.heard(foreign(1, ours.slot_version.get() + 1, 7));
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Frozen);
    // The core is answered all the same.
    let sighash = order(7).sighash;
    bench.handle.accept(order(7));
    let answer = bench.events.recv().await.unwrap();
    assert!(
        matches!(answer, Event::SigningRefused { sighash: of, rival } if (of, rival) == (sighash, sighash))
    );
    let withheld = &bench.metrics.instance.withheld;
    assert_eq!(withheld.get_or_create(&vec![("payload", "acceptance")]).get(), 1);
    drop(bench.handle);
    bench.end.await.unwrap().unwrap();
    let standing = Vault::open(key(), &journal).unwrap().standing().clone();
    let Standing::Frozen { reason, .. } = standing else { panic!("{standing:?}") };
    assert!(reason.contains("in slot 1 of signers-0-3 with version 2"), "{reason}");
    assert!(reason.contains(&"07".repeat(32)), "{reason}");
}

#[tokio::test]
async fn a_frozen_instance_that_is_promoted_is_not_frozen_again_by_the_same_chunk() {
    let bench = Bench::new(Gate::Open);
    let ours = bench.signed(1, 1).await;
    let theirs = foreign(1, ours.slot_version.get() + 500, 7);
    bench.handle.heard(theirs.clone());
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Frozen);
    let promotion = Promotion::Journals(vec![journal_of_peer(true)]);
    let turn = Turn::Promote { promotion, floor: Duration::ZERO };
    bench.handle.turn(turn).await.unwrap().unwrap();
    // It stands in our slot until we write past it.
    bench.handle.heard(theirs);
    assert!(bench.signed(1, 2).await.slot_version.get() > ours.slot_version.get() + 500);
    assert_eq!(bench.state(), GateState::Open);
}

#[tokio::test]
async fn a_start_signs_nothing_before_our_slots_were_read() {
    let bench = Bench::new(Gate::listening(Duration::ZERO, Why::CleanStart));
    assert!(!bench.signs().await);
    bench.handle.looked(Instant::now(), Vec::new());
    assert!(bench.signs().await);
}

#[tokio::test]
async fn only_the_end_of_an_instance_that_signed_lets_the_next_start_listen_for_less() {
    let late = || Gate::listening(Duration::from_mins(1), Why::Start);
    let gates =
        [(Gate::Open, true), (Gate::Standby, false), (Gate::Demoted, false), (late(), false)];
    for (gate, is_enough) in gates {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book");
        let vault = Vault::in_memory(key()).unwrap();
        let bench = Bench::with(vault, gate.clone(), Book::open(&path).unwrap());
        drop(bench.handle);
        bench.end.await.unwrap().unwrap();
        assert_eq!(Book::open(&path).unwrap().was_closed(), is_enough, "{gate:?}");
    }
}

#[tokio::test]
async fn a_process_that_stood_still_signs_nothing_before_its_slots_were_read() {
    let mut bench = Bench::new(Gate::listening(Duration::ZERO, Why::CleanStart));
    bench.handle.looked(Instant::now(), Vec::new());
    assert!(bench.signs().await);
    let before = Instant::now();
    bench.handle.stood_still();
    // Not even a look that had begun before counts.
    bench.handle.looked(before, Vec::new());
    assert!(!bench.signs().await);
    bench.handle.looked(Instant::now(), Vec::new());
    assert!(bench.signs().await);
    // An order that waited for as long was stopped, too, and its block is not signed afterwards either.
    bench.handle.accept(AcceptanceOrder { at: Timestamp::from_secs(1), ..order(7) });
    let answer = bench.events.recv().await.unwrap();
    assert!(matches!(answer, Event::SigningRefused { .. }), "{answer:?}");
    assert_eq!(bench.state(), GateState::Listening);
    // Whoever took our place meanwhile has written.
    let theirs = foreign(1, 9_000, 1);
    bench.handle.looked(Instant::now(), vec![theirs]);
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Frozen);
}

#[tokio::test]
async fn what_stood_in_our_slots_before_the_first_start_is_taken_as_it_is() {
    let bench = Bench::new(Gate::listening(Duration::ZERO, Why::Start));
    bench.handle.looked(Instant::now(), vec![foreign(3, 40, 1)]);
    assert!(bench.signs().await);
    // And we write above it.
    assert!(bench.signed(3, 2).await.slot_version.get() > 40);
}

#[tokio::test]
async fn a_key_that_is_used_while_a_start_listens_is_not_used_here() {
    let bench = Bench::new(Gate::listening(Duration::from_secs(30), Why::Start));
    let book = [foreign(3, 40, 1)];
    bench.handle.looked(Instant::now(), book.to_vec());
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Listening);
    tokio::time::sleep_until((Instant::now() + Duration::from_millis(3_100)).into()).await;
    bench.handle.heard(foreign(3, 41, 2));
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Frozen);
}

#[tokio::test]
async fn a_key_that_was_used_elsewhere_since_our_last_run_is_not_used_here() {
    let mut book = Book::in_memory();
    book.write(foreign(3, 5, 1).entry()).unwrap();
    let bench = Bench::with(
        Vault::in_memory(key()).unwrap(),
        Gate::listening(Duration::ZERO, Why::CleanStart),
        book,
    );
    bench.handle.looked(Instant::now(), vec![foreign(3, 5, 1), foreign(3, 6, 2)]);
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Frozen);
}

#[tokio::test]
async fn a_start_after_a_promotion_at_rest_takes_what_stands_in_our_slots_for_the_other_ones() {
    let mut book = Book::in_memory();
    book.write(foreign(3, 5, 1).entry()).unwrap();
    book.fall_behind().unwrap();
    let vault = Vault::in_memory(key()).unwrap();
    let bench = Bench::with(vault, Gate::listening(Duration::ZERO, Why::Start), book);
    bench.handle.looked(Instant::now(), vec![foreign(3, 5, 1), foreign(3, 6, 2)]);
    assert!(bench.signed(3, 3).await.slot_version.get() > 6);
    // But not for ever.
    bench.handle.heard(foreign(3, 99, 4));
    assert!(!bench.signs().await);
}

#[tokio::test]
async fn a_standby_compares_its_decisions_and_lives_with_the_other_ones_chunks() {
    let bench = Bench::new(Gate::Standby);
    bench.handle.heard(foreign(3, 41, 1));
    assert!(matches!(bench.chunk(3, 1).await, Sealed::Withheld));
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Standby);
    let compared = &bench.metrics.instance.compared;
    assert_eq!(compared.get_or_create(&vec![("outcome", "agreed")]).get(), 1);
}

#[tokio::test]
async fn the_floor_is_waited_out_only_in_silence() {
    let bench = Bench::new(Gate::Standby);
    let floor = Duration::from_millis(50);
    bench.handle.turn(lost(floor)).await.unwrap().unwrap();
    assert_eq!(bench.state(), GateState::Waiting);
    bench.handle.looked(Instant::now(), Vec::new());
    assert!(!bench.signs().await);
    tokio::time::sleep_until((Instant::now() + floor).into()).await;
    bench.handle.looked(Instant::now(), Vec::new());
    assert!(bench.signs().await);
}

#[tokio::test]
async fn a_peer_that_is_heard_is_not_lost() {
    let bench = Bench::new(Gate::Demoted);
    let floor = Duration::from_mins(10);
    bench.handle.turn(lost(Duration::ZERO)).await.unwrap().unwrap();
    bench.handle.heard(foreign(3, 41, 1));
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Demoted);
    let view = bench.handle.instance().borrow().to_json();
    let why = view["promotion_called_off"].as_str().unwrap();
    assert!(
        why.starts_with("the other instance is not lost: it wrote block_pre_commit in slot"),
        "{why}"
    );
    bench.handle.turn(lost(floor)).await.unwrap().unwrap();
    assert_eq!(
        bench.handle.instance().borrow().to_json()["promotion_called_off"],
        serde_json::Value::Null
    );
    // What reaches us at first may have been its last word.
    bench.handle.heard(foreign(3, 42, 1));
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Waiting);
}

#[tokio::test]
async fn a_peer_that_is_heard_is_not_lost_however_often_that_was_said() {
    let bench = Bench::new(Gate::Standby);
    for _ in 0..2 {
        bench.handle.turn(lost(Duration::ZERO)).await.unwrap().unwrap();
        assert_eq!(bench.state(), GateState::Waiting);
    }
    bench.handle.heard(foreign(3, 41, 1));
    // Silence after that is no reason to sign.
    bench.handle.looked(Instant::now(), Vec::new());
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Standby);
}

#[tokio::test]
async fn a_demotion_is_durable_and_a_second_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let bench = Bench::with(born(&journal), Gate::Open, Book::in_memory());
    assert!(bench.signs().await);
    for before in [GateState::Open, GateState::Demoted] {
        let turned = bench.handle.turn(Turn::Demote).await.unwrap().unwrap();
        assert_eq!(turned.before, before);
        assert!(turned.journals[0].is_proven_demotion());
    }
    assert!(!bench.signs().await);
    drop(bench.handle);
    bench.end.await.unwrap().unwrap();
    let vault = Vault::open(key(), &journal).unwrap();
    assert!(matches!(vault.standing(), Standing::Demoted { .. }));
    assert!(vault.was_stopped_cleanly());
}

/// The thread stands still because nobody takes its answers. To the watchdog it is the same as a disk
/// that does not come back from a sync.
#[tokio::test]
async fn a_vault_that_stands_still_has_no_pulse() {
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let vault = Vault::in_memory(key()).unwrap();
    let (inbox, mut events) = mpsc::channel(1);
    let (publisher, _arrivals) = Publisher::new();
    let metrics = Arc::new(metrics);
    let post = Post::open(&metrics);
    let (vault, _end) = VaultHandle::start(vault, post, inbox, publisher, metrics).unwrap();
    let mut pulses = Pulses::new([vault.pulse()]);
    assert_eq!((pulses.stuck(), pulses.stuck()), (None, None));
    vault.accept(order(7));
    vault.accept(order(7));
    let limit = Instant::now() + Duration::from_secs(20);
    while pulses.stuck() != Some("the vault") {
        assert!(Instant::now() < limit, "the vault still has a pulse");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    events.recv().await.unwrap();
    events.recv().await.unwrap();
    while pulses.stuck().is_some() {
        assert!(Instant::now() < limit, "the vault has no pulse any more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Another instance's journal in which it has signed a block, demoted or not.
fn journal_of_peer(is_demoted: bool) -> JournalExport {
    let mut peer = Vault::in_memory(key()).unwrap();
    peer.sign_acceptance(&request(&order(7))).unwrap();
    if is_demoted {
        peer.demote(now().as_unix()).unwrap();
    }
    peer.export_journal(now().as_unix()).unwrap()
}

#[tokio::test]
async fn a_standby_takes_over_from_a_demoted_peer_at_once_and_never_contradicts_it() {
    let mut bench = Bench::new(Gate::Standby);
    bench.handle.looked(Instant::now(), vec![foreign(3, 40, 1)]);
    let floor = Duration::from_mins(10);
    let turn = Turn::Promote { promotion: Promotion::Journals(vec![journal_of_peer(true)]), floor };
    bench.handle.turn(turn).await.unwrap().unwrap();
    // A last word of the peer may reach us late.
    bench.handle.heard(foreign(3, 41, 2));
    assert!(bench.signed(3, 2).await.slot_version.get() > 41);
    let rival = header(2, 7);
    bench.handle.accept(AcceptanceOrder {
        sighash: rival.sighash(),
        header: Box::new(rival.clone()),
        ..order(7)
    });
    let answer = bench.events.recv().await.unwrap();
    let refused = matches!(answer, Event::SigningRefused { sighash, rival: known }
        if (sighash, known) == (rival.sighash(), order(7).sighash));
    assert!(refused, "{answer:?}");
    // But whoever goes on signing is no peer that has stopped.
    let next = bench.signed(3, 3).await.slot_version.get() + 1;
    bench.handle.heard(foreign(3, next, 3));
    assert!(!bench.signs().await);
}

#[tokio::test]
async fn a_standby_that_is_promoted_before_it_has_read_its_slots_knows_the_peers_chunks_as_the_peers()
 {
    let bench = Bench::new(Gate::Standby);
    let floor = Duration::from_mins(10);
    let turn = Turn::Promote { promotion: Promotion::Journals(vec![journal_of_peer(true)]), floor };
    bench.handle.turn(turn).await.unwrap().unwrap();
    // Before that nobody could tell that the peer goes on.
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Listening);
    bench.handle.looked(Instant::now(), vec![foreign(3, 40, 1)]);
    bench.handle.heard(foreign(3, 41, 2));
    assert!(bench.signed(3, 2).await.slot_version.get() > 41);
    assert!(bench.signs().await);
}

#[tokio::test]
async fn a_journal_of_an_instance_that_may_still_sign_promotes_nobody() {
    let bench = Bench::new(Gate::Standby);
    let floor = Duration::from_mins(10);
    let turn =
        Turn::Promote { promotion: Promotion::Journals(vec![journal_of_peer(false)]), floor };
    let refused = bench.handle.turn(turn).await.unwrap().unwrap_err();
    assert!(matches!(refused, TurnError::NotDemoted), "{refused}");
    let mut journal = journal_of_peer(true);
    journal.created_at = countersign_wire::UnixSeconds::new(now().as_unix().get() - 60);
    bench.handle.looked(Instant::now(), Vec::new());
    bench.handle.heard(foreign(3, 41, 2));
    let promotion = Promotion::Journals(vec![journal]);
    let refused = bench.handle.turn(Turn::Promote { promotion, floor }).await.unwrap().unwrap_err();
    assert!(matches!(refused, TurnError::SignsOn(_)), "{refused}");
    assert!(!bench.signs().await);
}

#[tokio::test]
async fn a_journal_that_was_exported_long_ago_is_no_word_on_who_signs_now() {
    let bench = Bench::new(Gate::Standby);
    bench.handle.looked(Instant::now(), vec![foreign(3, 40, 1)]);
    let mut peer = Vault::in_memory(key()).unwrap();
    peer.demote(now().as_unix()).unwrap();
    let an_hour_ago = countersign_wire::UnixSeconds::new(now().as_unix().get() - 3_600);
    let promotion = Promotion::Journals(vec![peer.export_journal(an_hour_ago).unwrap()]);
    let turn = Turn::Promote { promotion, floor: Duration::ZERO };
    bench.handle.turn(turn).await.unwrap().unwrap();
    bench.handle.looked(Instant::now(), Vec::new());
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Listening);
    // It was promoted again meanwhile, and goes on.
    bench.handle.heard(foreign(3, 1_000, 2));
    assert!(!bench.signs().await);
    assert_eq!(bench.state(), GateState::Frozen);
}

/// Sixty-four threads give the same vault orders for rivals, a thousand times: the queue is the critical
/// section, and one of them gets its signature.
#[test]
fn of_sixty_four_that_order_rivals_at_once_one_gets_its_signature() {
    const THREADS: u64 = 64;
    const ROUNDS: u64 = 1000;
    let mut bench = Bench::new(Gate::Open);
    let together = Arc::new(Barrier::new(65));
    for number in 0..THREADS {
        let (handle, together) = (bench.handle.clone(), Arc::clone(&together));
        std::thread::spawn(move || {
            for height in 1..=ROUNDS {
                let mut order = order(height);
                order.header.burn_spent = number;
                order.sighash = order.header.sighash();
                together.wait();
                handle.accept(order);
            }
        });
    }
    for height in 1..=ROUNDS {
        together.wait();
        let answers: Vec<Event> =
            (0..THREADS).map(|_| bench.events.blocking_recv().unwrap()).collect();
        let signed = answers.iter().filter(|event| matches!(event, Event::Signed { .. })).count();
        let refused =
            answers.iter().filter(|event| matches!(event, Event::SigningRefused { .. })).count();
        assert_eq!((signed, refused), (1, 63), "at height {height}");
    }
}
