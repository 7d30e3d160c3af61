//! The scenarios of `signer-behaviour` 11.4 that signers decide, each named after its row.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_signer::{Event, Millis};
use countersign_wire::StacksHeight;
use countersign_wire::block::ProblematicTransaction;
use countersign_wire::message::{
    BlockResponse, MinerState, RejectCode, RejectReason, SignerMessage, ValidateCode,
};
use system_tests::world::scene::{ALICE, BOB, Block, Scene};

/// The height of the parent tenure's last block in a signer's latest view.
fn parents_end(scene: &Scene, signer: usize) -> StacksHeight {
    match scene.view_of(signer).unwrap().content.miner {
        MinerState::Active(miner) => miner.parent_last_height,
        MinerState::NoValidMiner => panic!("signer {signer} follows nobody"),
    }
}

/// `pre_commit_50_50_split_agrees_on_node_tip`
#[test]
fn pre_commit_50_50_split_agrees_on_node_tip() {
    let mut scene = Scene::new();
    let before = scene.won_by(ALICE);
    let tip = scene.mine(before);
    let promised = scene.next_block(before);
    scene.propose_to(&promised, 0..3);
    assert_eq!(scene.promisers(&promised), [0, 1, 2]);
    let tenure = scene.won_by(BOB);
    for signer in scene.honest() {
        assert_eq!(parents_end(&scene, signer), tip.height(), "signer {signer}");
    }
    let sister = scene.mine(tenure);
    assert_eq!(sister.height(), promised.height());
    scene.expect_accepted_by_all(&sister);
}

/// `deadlock_50_50_split_capitulates_to_node_tip`: three of five have signed a block that is not
/// approved, and state it as the parent's end while their signatures are fresh. The others do not.
#[test]
fn deadlock_50_50_split_capitulates_to_node_tip() {
    let mut scene = Scene::with_puppets(2);
    let before = scene.won_by(ALICE);
    scene.agree();
    let tip = scene.mine_with_puppets(before);
    let split = scene.next_block(before);
    scene.propose(&split);
    scene.pre_commit(3, &split);
    scene.expect_accepted_by(&split, 0..3);
    let tenure = scene.won_by(BOB);
    let mut others = scene.view_of(0).unwrap();
    if let MinerState::Active(miner) = &mut others.content.miner {
        miner.parent_last_height = tip.height();
        miner.parent_last_block = tip.id();
    }
    for puppet in scene.puppets() {
        scene.see(puppet, others.clone());
    }
    let stated = |scene: &Scene| [0, 1, 2].map(|signer| parents_end(scene, signer));
    assert_eq!(stated(&scene), [split.height(); 3]);
    let early = scene.next_block(tenure);
    scene.propose(&early);
    scene.expect_unsigned(&early);
    scene.pass_secs(60);
    assert_eq!(stated(&scene), [tip.height(); 3]);
    let sister = scene.mine_with_puppets(tenure);
    assert_eq!(sister.height(), split.height());
    scene.expect_accepted_by_all(&sister);
}

/// `minority_signers_capitulate_to_supermajority_consensus`
#[test]
fn minority_signers_capitulate_to_supermajority_consensus() {
    let mut scene = Scene::new();
    let before = scene.won_by(ALICE);
    let old = scene.mine(before);
    scene.freeze_nodes([4]);
    let tip = scene.next_block(before);
    scene.propose_to(&tip, 0..4);
    scene.expect_adopted(&tip);
    let tenure = scene.won_by(BOB);
    // Its node learns of everything at once, and the callback for the block is lost.
    scene.lose(|to, event| to == 4 && matches!(event, Event::StacksBlock(_)));
    scene.lie(4, {
        let old = old.clone();
        move |query, truth| hide_above(&old, query, truth)
    });
    scene.thaw_nodes();
    assert_eq!(parents_end(&scene, 4), old.height());
    scene.tell_the_truth();
    scene.lose_nothing();
    scene.pass_secs(45);
    assert_eq!(parents_end(&scene, 4), tip.height());
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
}

/// A node that does not know of blocks above this one in its tenure.
fn hide_above(
    block: &Block,
    query: &countersign_signer::Query,
    truth: Result<countersign_signer::Answer, countersign_signer::NodeFailure>,
) -> Result<countersign_signer::Answer, countersign_signer::NodeFailure> {
    use countersign_signer::{Answer, Query};
    match (query, truth) {
        (Query::TenureTip(tenure), Ok(Answer::TenureTip(Some(mut tip))))
            if *tenure == block.tenure() =>
        {
            tip.height = block.height();
            tip.block_id = block.id();
            tip.sighash = Some(block.sighash);
            Ok(Answer::TenureTip(Some(tip)))
        }
        (_, truth) => truth,
    }
}

/// `signers_do_not_reconsider_globally_accepted_and_responded_blocks`
#[test]
fn signers_do_not_reconsider_globally_accepted_and_responded_blocks() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.refute([4], ValidateCode::BadTransaction);
    let block = scene.mine(tenure);
    scene.expect_accepted_by(&block, 0..4);
    scene.tell_the_truth();
    scene.forget_what_was_said();
    scene.propose(&block);
    scene.expect_silence(&block);
    scene.expect_not_validated(&block);
}

/// `signers_respond_to_unprocessed_globally_accepted_block_proposals`
#[test]
fn signers_respond_to_unprocessed_globally_accepted_block_proposals() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.stall_validation([4]);
    let block = scene.mine(tenure);
    assert!(!scene.has_answered(4, &block));
    scene.kill(4);
    scene.start(4);
    scene.propose_to(&block, [4]);
    scene.expect_rejected_by(&block, RejectReason::InvalidParentBlock, [4]);
    let codes = scene.said_by(4).into_iter().filter_map(|message| match message {
        SignerMessage::BlockResponse(BlockResponse::Rejected(rejected)) => Some(rejected.code),
        _ => None,
    });
    assert_eq!(codes.collect::<Vec<_>>(), [RejectCode::SortitionViewMismatch]);
}

/// `signers_respond_to_unprocessed_globally_rejected_block_proposals`
#[test]
fn signers_respond_to_unprocessed_globally_rejected_block_proposals() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.refute([3, 4], ValidateCode::UnknownParent);
    scene.stall_validation([2]);
    let block = scene.next_block(tenure);
    scene.propose(&block);
    assert!(!scene.has_answered(2, &block) && scene.promisers(&block) == [0, 1]);
    scene.tell_the_truth();
    scene.finish_validation();
    scene.expect_unsigned(&block);
    scene.propose(&block);
    assert_eq!(scene.promisers(&block), [0, 1, 2, 3, 4]);
    scene.expect_accepted_by_all(&block);
}

/// `signers_reprocess_late_block_proposals_pre_commits`
#[test]
fn signers_reprocess_late_block_proposals_pre_commits() {
    let mut scene = Scene::with_puppets(2);
    let tenure = scene.won_by(ALICE);
    scene.agree();
    let block = scene.next_block(tenure);
    for puppet in scene.puppets() {
        scene.pre_commit(puppet, &block);
    }
    scene.propose_to(&block, 0..1);
    scene.expect_unsigned(&block);
    scene.propose_to(&block, 1..2);
    scene.expect_accepted_by(&block, 0..2);
    scene.propose_to(&block, 2..3);
    scene.expect_accepted_by(&block, 0..3);
}

/// `signers_reprocess_late_block_proposals_signatures`: nobody else has heard all signatures.
#[test]
fn signers_reprocess_late_block_proposals_signatures() {
    let mut scene = Scene::with_puppets(2);
    let tenure = scene.won_by(ALICE);
    scene.agree();
    scene.lose(|to, event| {
        let Event::Peer { message, .. } = event else { return false };
        to < 2 && matches!(message, SignerMessage::BlockResponse(BlockResponse::Accepted(_)))
    });
    let block = scene.next_block(tenure);
    scene.propose_to(&block, 0..2);
    for puppet in scene.puppets() {
        scene.pre_commit(puppet, &block);
        scene.accept(puppet, &block);
    }
    scene.expect_accepted_by(&block, 0..2);
    assert!(!scene.is_adopted(&block));
    scene.propose_to(&block, 2..3);
    scene.expect_adopted(&block);
    assert_eq!(scene.uploads_of(&block), 1, "the late signer completes it");
}

/// `signer_waits_for_validation_before_signing`
#[test]
fn signer_waits_for_validation_before_signing() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.delay_uploads();
    scene.stall_validation([4]);
    let block = scene.next_block(tenure);
    scene.propose(&block);
    scene.pass_secs(20);
    scene.expect_accepted_by(&block, 0..4);
    scene.finish_validation();
    scene.expect_accepted_by(&block, 0..5);
}

/// `signers_reprocess_bitcoin_block_not_found_proposals`
#[test]
fn signers_reprocess_bitcoin_block_not_found_proposals() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.refute([2, 3, 4], ValidateCode::NotFoundError);
    let block = scene.next_block(tenure);
    scene.propose(&block);
    let reason = RejectReason::ValidationFailed(ValidateCode::NotFoundError);
    scene.expect_rejected_by(&block, reason, 2..5);
    scene.tell_the_truth();
    scene.propose(&block);
    scene.expect_accepted_by_all(&block);
}

/// `signer_reevaluates_proposal_with_missing_burn_view`
#[test]
fn signer_reevaluates_proposal_with_missing_burn_view() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.refute(scene.honest(), ValidateCode::NotFoundError);
    let block = scene.next_block(tenure);
    let reason = RejectReason::ValidationFailed(ValidateCode::NotFoundError);
    for _ in 0..3 {
        scene.forget_what_was_said();
        scene.propose(&block);
        scene.expect_rejected(&block, reason);
    }
}

/// `signer_rejects_proposal_after_block_pushed`
#[test]
fn signer_rejects_proposal_after_block_pushed() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    let block = scene.next_block(tenure);
    let signed = scene.signed_by_all(&block);
    scene.push(&signed, scene.honest());
    scene.expect_adopted(&block);
    scene.propose_to(&block, [4]);
    scene.expect_rejected_by(&block, RejectReason::InvalidParentBlock, [4]);
    let texts = scene.said_by(4).into_iter().filter_map(|message| match message {
        SignerMessage::BlockResponse(BlockResponse::Rejected(rejected)) => Some(&rejected.reason),
        _ => None,
    });
    let expected = "The block does not confirm the expected parent block.";
    assert_eq!(texts.collect::<Vec<_>>(), [expected]);
}

/// `signers_reject_blocks_with_problematic_txs`
#[test]
fn signers_reject_blocks_with_problematic_txs() {
    for category in [0, 1, 255] {
        let mut scene = Scene::new();
        let tenure = scene.won_by(ALICE);
        let block = scene.next_block(tenure);
        let marked = scene.spoilt(&block, |header| {
            header.version = 1;
            header.problematic_txs = vec![ProblematicTransaction { tx_index: 2, category }];
        });
        scene.propose(&marked);
        scene.expect_rejected(&marked, RejectReason::ProblematicTransactions);
        scene.expect_not_validated(&marked);
    }
}

/// `miner_permanently_bans_problematic_txid` and
/// `signer_rejects_contract_publish_on_analysis_time_expired`: the node's words are passed on.
#[test]
fn signer_rejects_contract_publish_on_analysis_time_expired() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.refute(scene.honest(), ValidateCode::ProblematicTransaction);
    let block = scene.next_block(tenure);
    scene.propose(&block);
    let reason = RejectReason::ValidationFailed(ValidateCode::ProblematicTransaction);
    scene.expect_rejected(&block, reason);
}

/// The stories are quick: an hour of a network passes in a moment.
#[test]
fn an_idle_hour_leaves_the_network_as_it_was() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.pass(Millis::from_secs(3600));
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
}
