#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_wire::message::SignerMessage;
use countersign_wire::{PrivateKey, Sighash, SlotId, SlotVersion, Wire as _};

use super::*;
use crate::metrics::Metrics;
use crate::test_node::{self, Reply};

fn key() -> PrivateKey {
    PrivateKey::from_bytes([5; 32]).unwrap()
}

/// A written slot of the pre-commits' lane.
fn chunk(slot: u32) -> Chunk {
    let message = SignerMessage::BlockPreCommit(Sighash::new([1; 32]));
    Chunk::sign(&key(), SlotId::new(slot), SlotVersion::new(3), message.to_bytes())
}

/// Events from a node whose slots 0, 1 and 7 of the pre-commits' lane are written, of which slot 1
/// answers with `data_of_1`.
async fn read(data_of_1: Vec<u8>) -> Vec<Event> {
    let (client, _asked) = test_node::start(move |asked| {
        let (_, place) = asked.line.split_once("/v2/stackerdb/").unwrap();
        let mut parts = place.split('/').skip(1);
        match (parts.next().unwrap(), parts.next()) {
            ("signers-0-3", None) => {
                let slots = [0, 1, 7].map(|slot| chunk(slot).metadata());
                let empty = SlotMetadata::unwritten(SlotId::new(2));
                // A node that names every slot twice has each read once.
                let once = slots.into_iter().chain([empty]);
                let all: Vec<_> = once.clone().chain(once).collect();
                Reply::Json(200, serde_json::to_string(&all).unwrap())
            }
            ("signers-0-3", Some("1")) => Reply::Bytes(data_of_1.clone()),
            ("signers-0-3", Some("0")) => Reply::Bytes(chunk(0).data),
            (_, None) => Reply::Json(200, "[]".to_owned()),
            other => panic!("nobody should ask for {other:?}"),
        }
    });
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let (inbox, mut events) = mpsc::channel(16);
    let intake = Intake::new(Arc::new(metrics));
    let (_handle, reader) =
        SlotReader::new(Nodes::only(client.clone()), Network::Testnet, intake, inbox);
    reader.read_cycle(client, RewardCycle::new(4), 3).await;
    drop(reader);
    let mut all = Vec::new();
    while let Some(event) = events.recv().await {
        all.push(event);
    }
    all
}

#[tokio::test]
async fn every_written_slot_of_the_cycle_becomes_an_event() {
    let events = read(chunk(1).data).await;
    assert_eq!(events.len(), 2, "{events:?}");
    for event in events {
        let Event::Peer { parity, from, version, .. } = event else { panic!("{event:?}") };
        assert_eq!((parity, from, version.get()), (0, key().public_key(), 3));
    }
}

#[tokio::test]
async fn a_slot_that_was_written_anew_in_between_is_left_to_its_callback() {
    let newer = SignerMessage::BlockPreCommit(Sighash::new([2; 32])).to_bytes();
    assert_eq!(read(newer).await.len(), 1);
}
