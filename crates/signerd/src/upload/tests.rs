//! Blocks offered to a scripted node.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use countersign_wire::{StacksHeight, Wire as _};

use super::*;
use crate::test_node::{self, Asked, Reply};

/// The block without transactions of `signer-wire.md` 12.2.
const BLOCK: &str = "01000000000000000700000000000003e8111111111111111111111111111111111111111122\
    2222222222222222222222222222222222222222222222222222222222222200000000000000000000000000000000\
    0000000000000000000000000000000033333333333333333333333333333333333333333333333333333333333333\
    33000000006553f100013f0ea074a369ba4c7a7f1d4ee0d2c7cdab51e9129232393d42c20d9550ccd09b3f11307f42\
    747722fda8f43c79a1860d2b0287107281e65ea2ba2313cdc8afb3000000000001000000010100000000\
    00000000";

fn block(height: u64) -> Arc<NakamotoBlock> {
    let mut block = NakamotoBlock::from_bytes(&hex::decode(BLOCK).unwrap()).unwrap();
    block.header.chain_length = StacksHeight::new(height);
    Arc::new(block)
}

fn height_of(asked: &Asked) -> u64 {
    NakamotoBlock::from_bytes(&asked.body).unwrap().header.chain_length.get()
}

fn taken() -> Reply {
    let id = block(1).block_id();
    Reply::Json(200, format!(r#"{{"stacks_block_id":"{id}","accepted":true}}"#))
}

/// A running task in front of a node.
struct Bench {
    uploader: UploaderHandle,
    asked: mpsc::UnboundedReceiver<Asked>,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
}

impl Bench {
    fn new(script: impl FnMut(&Asked) -> Reply + Send + 'static) -> Self {
        let (client, asked) = test_node::start(script);
        let (inbox, events) = mpsc::channel(64);
        let (uploader, task) = Uploader::new(Nodes::only(client), inbox);
        let stop = CancellationToken::new();
        tokio::spawn(task.run(stop.clone()));
        Self { uploader, asked, events, stop }
    }

    async fn uploaded(&mut self) -> Sighash {
        match self.events.recv().await {
            Some(Event::Uploaded { sighash }) => sighash,
            _ => Sighash::ZERO,
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn a_block_is_offered_until_the_node_has_it() {
    let mut tries = 0;
    let mut bench = Bench::new(move |_| {
        tries += 1;
        match tries {
            1 => Reply::HangUp,
            2 => Reply::Json(400, "the parent is not known".to_owned()),
            _ => taken(),
        }
    });
    bench.uploader.upload(block(5));
    assert_eq!(bench.uploaded().await, block(5).sighash());
    for _ in 0..3 {
        assert_eq!(height_of(&bench.asked.recv().await.unwrap()), 5);
    }
}

#[tokio::test]
async fn a_block_that_the_node_refuses_does_not_hold_up_others() {
    let mut bench = Bench::new(|asked| match height_of(asked) {
        5 => Reply::Json(400, "no".to_owned()),
        _ => taken(),
    });
    bench.uploader.upload(block(5));
    bench.uploader.upload(block(6));
    assert_eq!(bench.uploaded().await, block(6).sighash());
}

#[tokio::test]
async fn what_the_node_refuses_makes_room_for_what_it_has_not_seen() {
    let (client, _) = test_node::start(|_| taken());
    let (_, mut task) = Uploader::new(Nodes::only(client), mpsc::channel(1).0);
    for height in 0..16 {
        task.take_in(block(height));
    }
    task.waiting[7].is_refused = true;
    task.take_in(block(100));
    task.take_in(block(101));
    let kept: Vec<u64> =
        task.waiting.iter().map(|parcel| parcel.block.header.chain_length.get()).collect();
    let expected: Vec<u64> = (1..16).filter(|height| *height != 7).chain([100, 101]).collect();
    assert_eq!(kept, expected);
}

#[tokio::test]
async fn a_later_copy_of_a_block_takes_the_place_of_the_earlier_one() {
    let (client, _) = test_node::start(|_| taken());
    let (_, mut task) = Uploader::new(Nodes::only(client), mpsc::channel(1).0);
    task.take_in(block(1));
    let mut copy = NakamotoBlock::clone(&block(1));
    copy.header.signer_signature = vec![copy.header.miner_signature];
    task.take_in(Arc::new(copy));
    assert_eq!(task.waiting.len(), 1);
    assert_eq!(task.waiting[0].block.header.signer_signature.len(), 1);
}
