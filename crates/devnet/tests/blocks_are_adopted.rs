//! The network runs with signers of few lines: proposals, validation, signatures, adoption, reward
//! cycles.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_devnet::{Devnet, DevnetConfig, DevnetEvent, Seed, SignerKind, Weights};
use countersign_wire::Weight;
use support::fake_signer::FakeSigner;
use tokio::sync::mpsc;
use tokio::time::timeout;

fn quick(signers: usize) -> DevnetConfig {
    DevnetConfig {
        burn_interval: Duration::from_millis(700),
        block_interval: Duration::from_millis(50),
        cycle_length: 6,
        prepare_length: 2,
        validation_delay: Duration::from_millis(1),
        ..DevnetConfig::new(vec![SignerKind::External; signers], Seed::from_text("adopted"))
    }
}

async fn next(events: &mut mpsc::Receiver<DevnetEvent>) -> DevnetEvent {
    timeout(Duration::from_secs(30), events.recv()).await.expect("something happens").unwrap()
}

#[tokio::test]
async fn blocks_are_adopted_across_reward_cycles_with_signers_that_come_and_go() {
    let config = quick(5);
    let devnet = Devnet::start(config.clone()).await.unwrap();
    let mut events = devnet.subscribe().await.unwrap();
    for index in 0..5 {
        FakeSigner::start(&devnet, &config, index).await;
    }
    let (mut cycles, mut blocks, mut tenures) = (Vec::new(), 0, BTreeSet::new());
    while cycles.len() < 2 || blocks < 10 || tenures.len() < 3 {
        match next(&mut events).await {
            DevnetEvent::BlockAdopted { tenure, signed_weight, total_weight, .. } => {
                assert!(signed_weight.approves(total_weight));
                blocks += 1;
                tenures.insert(tenure);
            }
            DevnetEvent::RewardCycle { signers, .. } => cycles.push(signers),
            DevnetEvent::BlockRejected { reasons, .. } => panic!("rejected: {reasons:?}"),
            _ => {}
        }
    }
    assert_ne!(cycles[0], cycles[1]);
    let chain = devnet.chain().await.unwrap();
    assert!(chain.stacks_tip().header.chain_length.get() >= 10);
    let summary = devnet.stop().await;
    assert!(summary.blocks >= 10);
    assert!(summary.median_threshold_ms.is_some());
    assert!(summary.signatures.iter().all(|count| *count > 0), "{summary:?}");
}

#[tokio::test]
async fn no_block_is_adopted_without_seventy_percent_and_they_flow_again_afterwards() {
    let weights = Weights::Fixed(vec![Weight::new(10); 5]);
    let config = DevnetConfig { weights, quiet_limit: Duration::from_secs(2), ..quick(5) };
    let devnet = Devnet::start(config.clone()).await.unwrap();
    let mut events = devnet.subscribe().await.unwrap();
    for index in 0..3 {
        FakeSigner::start(&devnet, &config, index).await;
    }
    loop {
        match next(&mut events).await {
            DevnetEvent::BlockAdopted { .. } => panic!("three of five are not enough"),
            DevnetEvent::Waiting { missing, .. } => {
                let missing = missing.join("\n");
                assert!(missing.contains("signer 3 does not take callbacks"), "{missing}");
                break;
            }
            _ => {}
        }
    }
    FakeSigner::start(&devnet, &config, 3).await;
    loop {
        if let DevnetEvent::BlockAdopted { signed_weight, .. } = next(&mut events).await {
            assert_eq!(signed_weight, Weight::new(40));
            break;
        }
    }
    devnet.stop().await;
}
