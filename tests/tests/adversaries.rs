//! Nodes that lie, peers that garble, clocks that jump: nobody signs what a rule does not allow, and
//! the network goes on.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_signer::{Answer, Event, NodeFailure, Query};
use countersign_wire::event::{ExecutionCost, NewBurnBlock, ProposalResponse, ValidationOk};
use countersign_wire::message::{BlockAccepted, BlockResponse, RejectReason, SignerMessage};
use countersign_wire::{
    BurnBlockHash, BurnHeight, ChainId, ConsensusHash, MessageSignature, Sighash, SlotVersion,
    StacksHeight, Wire as _,
};
use system_tests::world::scene::{ALICE, BOB, Block, Scene};

type Reply = Result<Answer, NodeFailure>;

/// A tenure of Alice's with two blocks.
fn alices_tenure() -> (Scene, ConsensusHash, Block) {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    let tip = scene.mine(tenure);
    (scene, tenure, tip)
}

/// The network goes on, with signer 4 or without it; with the truth it is back.
fn goes_on(scene: &mut Scene) {
    let tenure = scene.won_by(BOB);
    let block = scene.mine(tenure);
    let accepters = scene.accepters(&block);
    assert!([0, 1, 2, 3].iter().all(|signer| accepters.contains(signer)), "{accepters:?}");
    scene.tell_the_truth();
    scene.pass_secs(60);
    let tenure = scene.won_by(ALICE);
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
}

#[test]
fn a_node_with_a_stale_tip_brings_its_signer_to_no_signature_of_a_sibling() {
    let (mut scene, tenure, tip) = alices_tenure();
    let parent = tip.proposal.block.header.parent_block_id;
    scene.lie(4, move |query, truth| match (query, truth) {
        (Query::TenureTip(_), Ok(Answer::TenureTip(Some(mut stale)))) => {
            stale.height = StacksHeight::new(stale.height.get() - 1);
            stale.sighash = None;
            Ok(Answer::TenureTip(Some(stale)))
        }
        (_, truth) => truth,
    });
    scene.bias(4, |verdict| ProposalResponse::Ok(valid(sighash_of(&verdict))));
    // While the signature of the tip is fresh, and after that.
    for pause in [0, 40] {
        scene.pass_secs(pause);
        let sibling = scene.block_on(tenure, parent);
        assert_eq!(sibling.height(), tip.height());
        scene.propose(&sibling);
        scene.expect_unsigned(&sibling);
    }
    goes_on(&mut scene);
}

#[test]
fn a_node_of_another_network_gets_nothing_from_its_signer() {
    let (mut scene, tenure, _) = alices_tenure();
    scene.lie(4, |_, truth| match truth {
        Ok(Answer::Info(mut info)) => {
            info.network_id = ChainId::MAINNET;
            Ok(Answer::Info(info))
        }
        truth => truth,
    });
    scene.pass_secs(10);
    let block = scene.mine(tenure);
    scene.expect_accepted_by(&block, 0..4);
    assert!(!scene.promisers(&block).contains(&4));
    goes_on(&mut scene);
}

/// Every way in which what a node says about sortitions can contradict itself.
#[test]
fn contradictory_sortitions_bring_no_signature_and_no_end() {
    for (name, lie) in contradictions() {
        let (mut scene, _, _) = alices_tenure();
        scene.lie(4, move |_, truth| lie(truth));
        let tenure = scene.won_by(BOB);
        let block = scene.next_block(tenure);
        scene.propose(&block);
        assert!(scene.is_adopted(&block), "{name}");
        goes_on(&mut scene);
    }
}

/// A lie by its name: what is said instead of the truth.
type Lie = (&'static str, fn(Reply) -> Reply);

fn contradictions() -> Vec<Lie> {
    fn view(truth: Reply, spoil: fn(&mut countersign_signer::BurnView)) -> Reply {
        match truth {
            Ok(Answer::BurnView(mut view)) => {
                spoil(&mut view);
                Ok(Answer::BurnView(view))
            }
            truth => truth,
        }
    }
    vec![
        ("the latest sortition is the one before", |truth| {
            view(truth, |view| view.latest = view.last.clone().unwrap())
        }),
        ("both are the same", |truth| view(truth, |view| view.last = Some(view.latest.clone()))),
        ("the two have changed places", |truth| {
            view(truth, |view| std::mem::swap(&mut view.latest, view.last.as_mut().unwrap()))
        }),
        ("the latest has no winner", |truth| {
            view(truth, |view| {
                view.latest.was_sortition = false;
                view.latest.miner_pk_hash160 = None;
            })
        }),
        ("the latest is above the burn tip", |truth| {
            view(truth, |view| view.latest.burn_block_height = BurnHeight::new(u64::MAX))
        }),
        ("the winner builds on nothing that exists", |truth| {
            view(truth, |view| view.latest.stacks_parent_ch = Some(ConsensusHash::new([9; 20])))
        }),
        ("the winner builds on itself", |truth| {
            view(truth, |view| view.latest.stacks_parent_ch = Some(view.latest.consensus_hash))
        }),
        ("the burn tip is at height 0", |truth| {
            view(truth, |view| view.info.burn_block_height = BurnHeight::new(0))
        }),
        ("the burn tip is as high as numbers go", |truth| {
            view(truth, |view| view.info.burn_block_height = BurnHeight::new(u64::MAX))
        }),
        ("info is as high as numbers go", |truth| match truth {
            Ok(Answer::Info(mut info)) => {
                info.burn_block_height = BurnHeight::new(u64::MAX);
                info.stacks_tip_height = StacksHeight::new(u64::MAX);
                Ok(Answer::Info(info))
            }
            truth => truth,
        }),
        ("there are no forks", |truth| match truth {
            Ok(Answer::Forks(_)) => Ok(Answer::Forks(Vec::new())),
            truth => truth,
        }),
        ("nothing is canonical", |truth| match truth {
            Ok(Answer::SortitionOf(_)) => Ok(Answer::SortitionOf(false)),
            truth => truth,
        }),
        ("every answer is to another question", |truth| truth.map(|_| Answer::SortitionOf(true))),
    ]
}

#[test]
fn a_verdict_without_a_request_promises_nothing() {
    let (mut scene, tenure, _) = alices_tenure();
    let block = scene.next_block(tenure);
    let verdict = |sighash| Event::Verdict(ProposalResponse::Ok(valid(sighash)));
    for signer in scene.honest() {
        scene.forge(signer, verdict(block.sighash));
        scene.forge(signer, verdict(Sighash::new([7; 32])));
    }
    scene.stall_validation(scene.honest());
    scene.propose(&block);
    assert!(scene.promisers(&block).is_empty(), "nobody has validated it");
    scene.finish_validation();
    scene.expect_accepted_by_all(&block);
}

/// The node is asked about one block and tells of another one.
#[test]
fn a_verdict_for_another_block_is_no_verdict_for_this_one() {
    let (mut scene, tenure, _) = alices_tenure();
    scene.bias(4, |_| ProposalResponse::Ok(valid(Sighash::new([7; 32]))));
    let block = scene.mine(tenure);
    scene.expect_accepted_by(&block, 0..4);
    assert!(!scene.promisers(&block).contains(&4));
    goes_on(&mut scene);
}

#[test]
fn forged_burn_blocks_and_blocks_move_nobody() {
    let (mut scene, tenure, _) = alices_tenure();
    for number in 1..60 {
        let block = NewBurnBlock {
            burn_block_hash: BurnBlockHash::new([number; 32]),
            burn_block_height: BurnHeight::new(u64::from(number) << (number % 56)),
            consensus_hash: ConsensusHash::new([number; 20]),
            parent_burn_block_hash: BurnBlockHash::new([number - 1; 32]),
        };
        scene.forge(4, Event::BurnBlock(block));
    }
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
    goes_on(&mut scene);
}

#[test]
fn a_pushed_block_without_enough_signatures_joins_no_chain() {
    let (mut scene, tenure, _) = alices_tenure();
    let block = scene.next_block(tenure);
    let mut signed = scene.signed_by_all(&block);
    signed.header.signer_signature.truncate(2);
    scene.push(&signed, scene.honest());
    assert!(!scene.is_adopted(&block));
    scene.expect_silence(&block);
    goes_on(&mut scene);
}

/// Every message of a block's life, cut at every byte and with every byte flipped, as if a signer of
/// the set had written it. A vote is counted only if it says what was said.
#[test]
fn garbled_messages_of_every_kind_count_for_nothing() {
    let mut scene = Scene::with_puppets(2);
    let tenure = scene.won_by(ALICE);
    scene.agree();
    let block = scene.next_block(tenure);
    scene.propose(&block);
    assert_eq!(scene.promisers(&block), [0, 1, 2]);
    let view = scene.view_of(0).unwrap();
    let good = [
        Scene::acceptance_by(3, &block),
        scene.rejection_by(3, &block, RejectReason::InvalidParentBlock),
        SignerMessage::BlockPreCommit(block.sighash),
        SignerMessage::StateMachineUpdate(view),
        SignerMessage::BlockProposal(Box::new((*block.proposal).clone())),
        SignerMessage::BlockPushed(Box::new(block.proposal.block.clone())),
    ];
    let mut read = 0;
    for (number, message) in good.iter().enumerate() {
        for garbled in garbled(&message.to_bytes()) {
            let Ok(decoded) = SignerMessage::from_chunk_data(&garbled) else { continue };
            if says_the_same(&decoded, &block) {
                continue;
            }
            read += 1;
            let version = SlotVersion::new(1000 + read);
            for to in scene.honest() {
                scene.hear_now(to, 3 + number % 2, version, decoded.clone());
            }
        }
    }
    scene.moment();
    assert!(read > 500, "many of them are messages: {read}");
    scene.expect_unsigned(&block);
    assert!(scene.rejecters(&block).is_empty());
    scene.agree();
    scene.pre_commit(3, &block);
    scene.expect_accepted_by(&block, 0..3);
}

/// Whether a garbled message is still a promise for, or a signed word about, this block: what was
/// garbled is not part of the vote, or the message is whole.
fn says_the_same(message: &SignerMessage, block: &Block) -> bool {
    match message {
        SignerMessage::BlockPreCommit(sighash) => *sighash == block.sighash,
        SignerMessage::BlockResponse(response) => {
            let is_signed = response.recover() == Some(Scene::key_of(3));
            *response.sighash() == block.sighash && is_signed
        }
        _ => false,
    }
}

fn garbled(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cut = (0..bytes.len()).map(|end| bytes[..end].to_vec());
    let flipped = (0..bytes.len()).flat_map(move |at| {
        [0x01, 0x80, 0xff].map(|mask| {
            let mut copy = bytes.to_vec();
            copy[at] ^= mask;
            copy
        })
    });
    cut.chain(flipped)
}

/// A message that garbles a signature recovers somebody else's key, or nobody's.
#[test]
fn a_garbled_acceptance_is_never_the_vote_of_a_member() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    let block = scene.mine(tenure);
    let whole = Scene::acceptance_by(3, &block);
    let SignerMessage::BlockResponse(BlockResponse::Accepted(accepted)) = &whole else {
        panic!("it is an acceptance");
    };
    for garbled in garbled(accepted.signature.as_bytes()).filter(|bytes| bytes.len() == 65) {
        let bytes = garbled.try_into().unwrap();
        let Some(signature) = MessageSignature::from_bytes(bytes) else { continue };
        let spoilt = BlockAccepted { signature, ..accepted.clone() };
        let voter = spoilt.recover();
        assert!(!(0..5).any(|member| voter == Some(Scene::key_of(member))));
    }
}

#[test]
fn clocks_that_jump_by_hours_neither_stop_a_signer_nor_make_it_sign_a_sibling() {
    for hours in [-48, -3, -1, 1, 3, 48] {
        let (mut scene, tenure, tip) = alices_tenure();
        let sibling = scene.block_on(tenure, tip.proposal.block.header.parent_block_id);
        scene.clock_jumps(4, hours);
        scene.propose(&sibling);
        scene.expect_unsigned(&sibling);
        for _ in 0..3 {
            scene.mine(tenure);
            scene.pass_secs(5);
        }
        scene.clock_jumps(4, -hours);
        let block = scene.mine(tenure);
        scene.expect_accepted_by_all(&block);
        goes_on(&mut scene);
    }
}

#[test]
fn a_restart_with_a_wrong_clock_brings_no_second_signature() {
    for hours in [-48, -1, 1, 48] {
        let (mut scene, tenure, tip) = alices_tenure();
        let sibling = scene.block_on(tenure, tip.proposal.block.header.parent_block_id);
        scene.clock_jumps(4, hours);
        scene.kill(4);
        scene.start(4);
        scene.propose(&sibling);
        scene.expect_unsigned(&sibling);
        scene.clock_jumps(4, -hours);
        scene.kill(4);
        scene.start(4);
        let block = scene.mine(tenure);
        scene.expect_accepted_by_all(&block);
        goes_on(&mut scene);
    }
}

const fn valid(sighash: Sighash) -> ValidationOk {
    ValidationOk {
        sighash,
        cost: ExecutionCost {
            write_length: 0,
            write_count: 0,
            read_length: 0,
            read_count: 0,
            runtime: 1,
        },
        size: 0,
        validation_time_ms: 1,
        replay_tx_hash: None,
        replay_tx_exhausted: false,
    }
}

const fn sighash_of(verdict: &ProposalResponse) -> Sighash {
    match verdict {
        ProposalResponse::Ok(ok) => ok.sighash,
        ProposalResponse::Reject(reject) => reject.sighash,
    }
}
