//! One lane against a scripted node.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_node::{CallbackQueue, NodeClient, QueueLimits};
use countersign_vault::Vault;
use countersign_wire::stackerdb::{Chunk, ChunkAck, ChunkRefusal, SlotMetadata};
use countersign_wire::{PrivateKey, RewardCycle, Sighash, SlotVersion};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::metrics::CounterFamily;
use crate::nodes::Node;
use crate::sign::Post;
use crate::test_node::{self, Asked, Reply};

const OURS: SlotId = SlotId::new(2);

fn key() -> PrivateKey {
    PrivateKey::from_bytes([9; 32]).unwrap()
}

fn desk() -> Desk {
    Desk { cycle: RewardCycle::new(5), slot: OURS, key: key().public_key() }
}

/// A running lane of pre-commits.
struct Bench {
    publisher: Publisher,
    metrics: Arc<Metrics>,
    asked: mpsc::UnboundedReceiver<Asked>,
    stop: CancellationToken,
    lane: Option<LaneTask>,
    running: Option<JoinHandle<()>>,
}

impl Bench {
    /// A lane that does not run yet. The slot has version 7, and `put` answers writes.
    fn new(is_dry_run: bool, mut put: impl FnMut(&Chunk) -> Reply + Send + 'static) -> Self {
        let (client, asked) = test_node::start(move |asked| {
            if asked.line.starts_with("GET ") {
                return slots(written(7));
            }
            put(&serde_json::from_slice(&asked.body).unwrap())
        });
        let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
        let metrics = Arc::new(metrics);
        let (publisher, arrivals) = Publisher::new();
        let vault = Vault::in_memory(key()).unwrap();
        let (inbox, _) = mpsc::channel(1);
        let counted = Arc::clone(&metrics);
        let post = Post::open(&metrics);
        let (vault, _) =
            VaultHandle::start(vault, post, inbox, publisher.clone(), counted).unwrap();
        let delivery = Delivery {
            nodes: Nodes::only(client),
            vault,
            floors: BTreeMap::new(),
            is_dry_run,
            metrics: Arc::clone(&metrics),
        };
        let [_, _, lane] = lanes(arrivals, &delivery);
        let stop = CancellationToken::new();
        Self { publisher, metrics, asked, stop, lane: Some(lane), running: None }
    }

    fn run(mut self) -> Self {
        let lane = self.lane.take().unwrap();
        self.running = Some(tokio::spawn(lane.run(self.stop.clone())));
        self
    }

    fn publish(&self, number: u8) {
        let message = SignerMessage::BlockPreCommit(Sighash::new([number; 32]));
        self.publisher.publish(Outgoing::new(desk(), message));
    }

    /// The next write that the node is asked for: its version and its message's first byte.
    async fn written(&mut self) -> (u32, u8) {
        loop {
            let asked = self.asked.recv().await.unwrap();
            if asked.line.starts_with("POST ") {
                assert!(asked.line.ends_with("/signers-1-3/chunks"), "{}", asked.line);
                let chunk: Chunk = serde_json::from_slice(&asked.body).unwrap();
                return (chunk.slot_version.get(), chunk.data[1]);
            }
        }
    }

    /// Stops the lane; returns what was asked since.
    async fn stop(mut self) -> (Vec<String>, Arc<Metrics>) {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap();
        self.asked.close();
        let mut lines = Vec::new();
        while let Some(asked) = self.asked.recv().await {
            lines.push(asked.line);
        }
        (lines, self.metrics)
    }
}

fn accepted(chunk: &Chunk) -> Reply {
    Reply::Json(200, serde_json::to_string(&ChunkAck::accepted(chunk)).unwrap())
}

fn refused(code: ChunkRefusal, stored: Option<SlotMetadata>) -> Reply {
    Reply::Json(200, serde_json::to_string(&ChunkAck::refused(code, stored)).unwrap())
}

/// What a node knows of our slot with a chunk of ours in it.
fn written(version: u32) -> SlotMetadata {
    Chunk::sign(&key(), OURS, SlotVersion::new(version), b"before".to_vec()).metadata()
}

/// Our slot with a version that our key has not signed.
fn made_up(version: u32) -> SlotMetadata {
    SlotMetadata { slot_version: SlotVersion::new(version), ..written(7) }
}

/// What a node answers about its slots if ours is this one.
fn slots(ours: SlotMetadata) -> Reply {
    let mut slots: Vec<_> = (0..4).map(|id| SlotMetadata::unwritten(SlotId::new(id))).collect();
    slots[2] = ours;
    Reply::Json(200, serde_json::to_string(&slots).unwrap())
}

/// A refusal because the slot has this version, which our key has not signed.
fn stale(version: u32) -> Reply {
    refused(ChunkRefusal::DataAlreadyExists, Some(made_up(version)))
}

fn count(family: &CounterFamily) -> u64 {
    family.get_or_create(&vec![("lane", "pre_commits")]).get()
}

#[tokio::test]
async fn a_write_goes_past_the_version_that_the_slot_has() {
    let mut bench = Bench::new(false, accepted).run();
    bench.publish(1);
    bench.publish(2);
    assert_eq!(bench.written().await, (8, 1));
    assert_eq!(bench.written().await, (9, 2));
    let (asked, metrics) = bench.stop().await;
    assert!(asked.is_empty(), "the version is read once: {asked:?}");
    assert_eq!(count(&metrics.publish_dropped), 0);
}

#[tokio::test]
async fn a_version_that_our_key_has_not_signed_is_not_believed() {
    let mut bench = Bench::new(false, |chunk| match chunk.slot_version.get() {
        8 => stale(u32::MAX - 1),
        _ => accepted(chunk),
    })
    .run();
    bench.publish(1);
    assert_eq!(bench.written().await, (8, 1));
    assert_eq!(bench.written().await, (9, 1));
    let (_, metrics) = bench.stop().await;
    assert_eq!(count(&metrics.publish_retries), 1);
    // Nor one that the node names before the first write.
    let mut bench = Bench::new(false, accepted);
    let (liar, asked) = test_node::start(|asked| match asked.line.get(..4) {
        Some("GET ") => slots(made_up(u32::MAX - 1)),
        _ => accepted(&serde_json::from_slice(&asked.body).unwrap()),
    });
    bench.lane.as_mut().unwrap().courier.delivery.nodes = Nodes::only(liar);
    bench.asked = asked;
    let mut bench = bench.run();
    bench.publish(2);
    assert_eq!(bench.written().await, (1, 2));
    bench.stop().await;
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_not_repeated_under_another_version() {
    let mut tries = 0;
    let mut bench = Bench::new(false, move |chunk| {
        tries += 1;
        match tries {
            // It was stored, but nobody says so.
            1 | 2 => Reply::HangUp,
            3 => refused(ChunkRefusal::DataAlreadyExists, Some(chunk.metadata())),
            _ => accepted(chunk),
        }
    })
    .run();
    bench.publish(1);
    bench.publish(2);
    let mut writes = vec![bench.written().await];
    while writes.last() != Some(&(9, 2)) {
        writes.push(bench.written().await);
    }
    assert!(writes.iter().all(|write| [(8, 1), (9, 2)].contains(write)), "{writes:?}");
}

#[tokio::test]
async fn a_refusal_that_does_not_change_ends_the_message_and_not_the_lane() {
    let refusals: [fn() -> Reply; 2] =
        [|| refused(ChunkRefusal::BadSigner, None), || Reply::Json(413, "{}".to_owned())];
    for refusal in refusals {
        let mut bench = Bench::new(false, move |chunk| match chunk.data[1] {
            1 => refusal(),
            _ => accepted(chunk),
        })
        .run();
        bench.publish(1);
        bench.publish(2);
        // The owner may have changed and the version with it, so the version is read again.
        for _ in 0..5 {
            assert_eq!(bench.written().await, (8, 1));
        }
        // One version never has two messages, whoever has seen the first one.
        assert_eq!(bench.written().await, (9, 2));
        let (_, metrics) = bench.stop().await;
        assert_eq!(count(&metrics.publish_dropped), 1);
    }
}

#[tokio::test]
async fn a_node_that_learns_of_the_slots_owner_late_gets_the_message_all_the_same() {
    let mut tries = 0;
    let mut bench = Bench::new(false, move |chunk| {
        tries += 1;
        if tries < 4 { refused(ChunkRefusal::BadSigner, None) } else { accepted(chunk) }
    })
    .run();
    bench.publish(1);
    for _ in 0..4 {
        assert_eq!(bench.written().await, (8, 1));
    }
    let (_, metrics) = bench.stop().await;
    assert_eq!(count(&metrics.publish_dropped), 0);
}

#[tokio::test]
async fn a_node_that_fails_is_tried_until_it_takes_the_message() {
    let mut tries = 0;
    let mut bench = Bench::new(false, move |chunk| {
        tries += 1;
        if tries == 1 { Reply::Json(500, "{}".to_owned()) } else { accepted(chunk) }
    })
    .run();
    bench.publish(1);
    assert_eq!(bench.written().await, (8, 1));
    assert_eq!(bench.written().await, (8, 1));
    let (_, metrics) = bench.stop().await;
    assert_eq!((count(&metrics.publish_retries), count(&metrics.publish_dropped)), (1, 0));
}

#[tokio::test]
async fn somebody_who_always_writes_first_is_not_fought_for_ever() {
    let mut bench = Bench::new(false, |chunk| match chunk.data[1] {
        1 => stale(chunk.slot_version.get() + 5),
        _ => accepted(chunk),
    })
    .run();
    bench.publish(1);
    bench.publish(2);
    let mut writes = 0;
    while bench.written().await.1 == 1 {
        writes += 1;
    }
    assert_eq!(writes, 8);
    let (_, metrics) = bench.stop().await;
    assert_eq!(count(&metrics.publish_dropped), 1);
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let bench = Bench::new(true, |_| panic!("nothing is to be written"));
    bench.publish(1);
    let (asked, _) = bench.run().stop().await;
    assert!(asked.is_empty(), "{asked:?}");
}

#[tokio::test]
async fn what_waits_at_the_stop_is_still_written() {
    let bench = Bench::new(false, accepted);
    bench.publish(1);
    bench.stop.cancel();
    let mut bench = bench.run();
    assert_eq!(bench.written().await, (8, 1));
    bench.stop().await;
}

#[tokio::test]
async fn a_message_that_may_be_at_the_old_node_keeps_its_version_at_the_new_one() {
    // The old node breaks off its answer to the write; the new one has not heard of our last ones.
    let (old, mut asked_of_old) = test_node::start(move |asked| match asked.line.get(..4) {
        Some("GET ") => slots(written(7)),
        _ => Reply::HangUp,
    });
    let (new, asked) = test_node::start(move |asked| match asked.line.get(..4) {
        Some("GET ") => slots(written(5)),
        _ => accepted(&serde_json::from_slice(&asked.body).unwrap()),
    });
    let node = |client: NodeClient| Node { host: String::new(), glance: client.clone(), client };
    let nodes = Nodes::new(node(old), [node(new)]);
    let mut bench = Bench::new(false, accepted);
    bench.asked = asked;
    let lane = bench.lane.as_mut().unwrap();
    lane.courier.delivery.nodes = nodes.clone();
    let mut bench = bench.run();
    bench.publish(1);
    while !asked_of_old.recv().await.unwrap().line.starts_with("POST ") {}
    nodes.activate(1);
    bench.publish(2);
    assert_eq!(bench.written().await, (8, 1));
    assert_eq!(bench.written().await, (9, 2));
    bench.stop().await;
}
