//! Transaction replay after a Bitcoin fork: what is to be replayed, and until when (5.8).

use countersign_signer::{Event, Query, ReplayChange};
use countersign_wire::Wire as _;
use countersign_wire::event::NewBlock;
use countersign_wire::message::{RejectReason, ValidateCode};

use crate::support::blocks::with_transactions;
use crate::support::chain::{burn_hash, burn_height, secs, sortition, tip_id};
use crate::support::forks::{Branch, block_on, sent};
use crate::support::{Driver, ch, tenure_start};

const A: Branch = Branch(0xa0);
const B: Branch = Branch(0xb0);

/// A signer whose node is told what to replay.
fn before_fork() -> Driver {
    Driver::before_fork(|params, _| params.validate_with_replay_tx = true)
}

/// The same after a fork that has taken tenures 4 and 5 away, seen by all.
fn after_fork() -> Driver {
    let mut driver = before_fork();
    driver.fork(4..=5, A);
    driver.agree();
    assert_eq!(driver.own_replay(), sent(&[1, 2, 3]));
    driver
}

/// The next block of the branch is validated, and is announced by the node.
fn adopt(driver: &mut Driver, height: u64, is_exhausted: bool) {
    let block = block_on(A, 4, height);
    driver.propose(&block);
    driver.verdict_on_replay(block.block.sighash(), is_exhausted);
    driver.announce(&block.block);
}

#[test]
fn a_fork_has_the_lost_transactions_of_users_replayed_in_the_order_of_their_blocks() {
    let mut driver = before_fork();
    driver.fork(5..=5, A);
    assert_eq!(driver.own_replay(), sent(&[3]));
    assert_eq!(driver.replay_changes(), [ReplayChange::Forked]);
    assert_eq!(after_fork().own_replay(), sent(&[1, 2, 3]));
}

#[test]
fn what_starts_and_pays_a_tenure_is_not_replayed() {
    let mut driver = before_fork();
    driver.node.lose(5, vec![tenure_start(5, 24).block]);
    driver.fork(5..=5, A);
    assert_eq!(driver.own_replay(), []);
    assert_eq!(driver.replay_changes(), [ReplayChange::NothingToReplay]);
}

#[test]
fn a_burn_chain_that_only_grows_has_nothing_replayed() {
    let mut driver = before_fork();
    driver.node.end_tenure(5, 24);
    driver.mine_burn_block(6);
    assert_eq!(driver.own_replay(), []);
    assert_eq!(driver.replay_changes(), []);
}

#[test]
fn a_fork_is_found_although_no_callback_told_of_it() {
    let mut driver = before_fork();
    for n in [4, 5] {
        driver.node.orphan(n);
    }
    driver.node.burn_height = burn_height(6);
    driver.node.burn_tip = A.ch(6);
    driver.node.latest = countersign_wire::rpc::Sortition {
        burn_block_hash: A.hash(6),
        consensus_hash: A.ch(6),
        last_sortition_ch: Some(ch(3)),
        ..sortition(6, 3)
    };
    driver.node.last = Some(sortition(3, 2));
    driver.pass(secs(5));
    assert_eq!(driver.own_replay(), sent(&[1, 2, 3]));
}

#[test]
fn a_later_fork_that_is_no_deeper_keeps_the_set() {
    let mut driver = after_fork();
    driver.mine_on(A, 5, A.hash(4), 3);
    for n in [4, 5] {
        driver.node.orphaned.insert(A.hash(n));
    }
    driver.mine_on(B, 4, burn_hash(3), 3);
    assert_eq!(driver.own_replay(), sent(&[1, 2, 3]));
    assert_eq!(driver.replay_changes(), [ReplayChange::Forked]);
}

#[test]
fn a_deeper_fork_enlarges_the_set() {
    let mut driver = before_fork();
    driver.fork(5..=5, A);
    assert_eq!(driver.own_replay(), sent(&[3]));
    driver.node.orphaned.insert(A.hash(5));
    driver.fork(4..=5, B);
    assert_eq!(driver.own_replay(), sent(&[1, 2, 3]));
    assert_eq!(driver.replay_changes(), [ReplayChange::Forked; 2]);
}

/// A signer at burn block 101, the second of reward cycle 2, whose tenure had transactions.
fn in_the_next_cycle() -> Driver {
    let spoil = |_: &mut _, node: &mut crate::support::node::Node| {
        for n in 96..=101 {
            node.end_tenure(n, u64::from(n));
            node.lose(n, vec![with_transactions(n, u64::from(n), sent(&[n.into()])).block]);
        }
        node.move_to(97);
    };
    let mut driver = Driver::configured(&[20; 5], countersign_signer::Saved::default(), spoil);
    for n in 98..=101 {
        driver.mine_burn_block(n);
    }
    driver.sent.clear();
    driver.notes.clear();
    driver
}

#[test]
fn a_fork_into_the_reward_cycle_before_has_nothing_replayed() {
    let mut driver = in_the_next_cycle();
    driver.fork(99..=101, A);
    assert_eq!(driver.own_replay(), []);
    assert!(driver.replay_changes().iter().all(|why| *why == ReplayChange::CrossesCycle));
    assert!(!driver.replay_changes().is_empty());
}

#[test]
fn a_deeper_fork_into_the_reward_cycle_before_clears_the_set() {
    let mut driver = in_the_next_cycle();
    driver.fork(100..=101, A);
    assert_eq!(driver.own_replay(), sent(&[100, 101]));
    driver.node.orphaned.insert(A.hash(100));
    driver.fork(99..=101, B);
    assert_eq!(driver.own_replay(), []);
    assert!(driver.replay_changes().contains(&ReplayChange::CrossesCycle));
}

#[test]
fn the_node_is_told_what_to_replay_with_each_block() {
    let mut driver = after_fork();
    driver.propose(&block_on(A, 4, 25));
    assert_eq!(driver.replays.last().unwrap().transactions(), sent(&[1, 2, 3]));
}

#[test]
fn the_node_is_told_nothing_unless_the_operator_wants_it() {
    let mut driver = Driver::before_fork(|_, _| {});
    driver.fork(4..=5, A);
    driver.agree();
    driver.propose(&block_on(A, 4, 25));
    assert_eq!(driver.own_replay(), sent(&[1, 2, 3]));
    assert!(driver.replays.last().unwrap().is_empty());
}

#[test]
fn a_block_that_ignores_the_set_is_rejected_and_the_right_one_is_signed() {
    let mut driver = after_fork();
    let ignoring = block_on(A, 4, 25);
    driver.propose(&ignoring);
    driver.refute(ignoring.block.sighash(), ValidateCode::InvalidTransactionReplay);
    let expected = RejectReason::ValidationFailed(ValidateCode::InvalidTransactionReplay);
    assert_eq!(driver.rejections(), [(ignoring.block.sighash(), expected)]);
    let replaying = block_on(A, 4, 26);
    let sighash = replaying.block.sighash();
    driver.propose(&replaying);
    driver.verdict_on_replay(sighash, false);
    for peer in 1..4 {
        driver.pre_commit(peer, sighash);
    }
    assert_eq!(driver.acceptances(), [sighash]);
}

#[test]
fn a_block_that_exhausts_the_set_ends_the_replay() {
    let mut driver = after_fork();
    adopt(&mut driver, 25, true);
    assert_eq!(driver.own_replay(), []);
    assert_eq!(driver.replay_changes().last(), Some(&ReplayChange::Exhausted));
}

#[test]
fn a_block_that_replays_a_part_does_not_end_it() {
    let mut driver = after_fork();
    adopt(&mut driver, 25, false);
    assert_eq!(driver.own_replay(), sent(&[1, 2, 3]));
    adopt(&mut driver, 26, true);
    assert_eq!(driver.own_replay(), []);
}

#[test]
fn a_fork_in_the_middle_of_a_replay_begins_it_again() {
    let mut driver = after_fork();
    adopt(&mut driver, 25, false);
    driver.node.orphaned.insert(A.hash(4));
    driver.mine_on(B, 4, burn_hash(3), 3);
    assert_eq!(driver.own_replay(), sent(&[1, 2, 3]));
    driver.agree();
    driver.propose(&block_on(B, 4, 25));
    assert_eq!(driver.replays.last().unwrap().transactions(), sent(&[1, 2, 3]));
}

#[test]
fn a_block_that_was_not_validated_with_the_set_ends_the_replay() {
    type Validate = fn(&mut Driver, countersign_wire::Sighash);
    let rows: [(&str, Validate); 3] = [
        ("never validated by us", |_, _| {}),
        ("validated without a set", Driver::verdict),
        ("validated with the set before the signers' changed", |driver, sighash| {
            driver.verdict_on_replay(sighash, false);
            for n in [3, 2] {
                driver.handle(Event::BurnBlock(crate::support::burn_block(n)));
            }
            driver.node.orphaned.insert(A.hash(4));
            driver.node.orphan(3);
            driver.node.lose(3, vec![with_transactions(3, 21, sent(&[9])).block]);
            driver.mine_on(B, 3, burn_hash(2), 2);
            assert_eq!(driver.own_replay(), sent(&[9, 1, 2, 3]));
        }),
    ];
    for (why, validate) in rows {
        let mut driver = after_fork();
        let block = block_on(A, 4, 25);
        if why != "never validated by us" {
            driver.propose(&block);
        }
        validate(&mut driver, block.block.sighash());
        driver.announce(&block.block);
        assert_eq!(driver.own_replay(), [], "{why}");
        assert_eq!(driver.replay_changes().last(), Some(&ReplayChange::Bypassed), "{why}");
    }
}

#[test]
fn without_validation_by_the_set_the_first_block_after_the_fork_ends_the_replay() {
    let mut driver = Driver::before_fork(|_, _| {});
    driver.fork(4..=5, A);
    driver.agree();
    let block = block_on(A, 4, 25);
    driver.promise(&block);
    driver.announce(&block.block);
    assert_eq!(driver.own_replay(), []);
}

#[test]
fn what_is_announced_late_or_twice_or_before_nakamoto_ends_nothing() {
    let mut driver = before_fork();
    let old = with_transactions(3, 21, sent(&[8])).block;
    driver.announce(&old);
    driver.fork(4..=5, A);
    driver.announce(&old);
    driver.announce(&with_transactions(5, 24, sent(&[3])).block);
    driver.handle(Event::StacksBlock(NewBlock {
        block_id: tip_id(9, 9),
        sighash: None,
        consensus_hash: ch(9),
        height: countersign_wire::StacksHeight::new(9),
        txids: Vec::new(),
        signatures: Vec::new(),
        time: None,
    }));
    assert_eq!(driver.own_replay(), sent(&[1, 2, 3]));
}

#[test]
fn a_replay_that_does_not_come_on_is_given_up_two_burn_blocks_above_the_lost_branch() {
    let mut driver = after_fork();
    for n in 5..=7 {
        driver.mine_on(A, n, A.hash(n - 1), 3);
        assert_eq!(driver.own_replay(), sent(&[1, 2, 3]), "burn block {n}");
    }
    driver.mine_on(A, 8, A.hash(7), 3);
    assert_eq!(driver.own_replay(), []);
    assert_eq!(driver.replay_changes().last(), Some(&ReplayChange::TimedOut));
}

#[test]
fn the_patience_of_a_replay_is_the_operators() {
    let mut driver = Driver::before_fork(|params, _| params.reset_replay_set_after_fork_blocks = 0);
    driver.fork(4..=5, A);
    driver.mine_on(A, 5, A.hash(4), 3);
    assert_eq!(driver.own_replay(), sent(&[1, 2, 3]));
    driver.mine_on(A, 6, A.hash(5), 3);
    assert_eq!(driver.own_replay(), []);
}

#[test]
fn a_restart_forgets_the_replay_and_not_the_view() {
    let mut driver = after_fork();
    driver.restart();
    let view = driver.updates().pop().expect("the view is derived anew");
    assert_eq!(view.content.burn_block, A.ch(4));
    assert_eq!(view.content.replay_transactions, []);
    assert_eq!(driver.replay_changes(), []);
}

#[test]
fn a_node_that_does_not_tell_about_the_fork_is_asked_again_but_not_for_ever() {
    for query in [
        Query::SortitionOf(burn_hash(5)),
        Query::SortitionOf(burn_hash(4)),
        Query::SortitionOf(burn_hash(3)),
        Query::Forks { from: ch(4), to: ch(4) },
    ] {
        let mut driver = before_fork();
        driver.node.fail(query);
        driver.fork(4..=5, A);
        driver.pass(secs(5));
        assert_eq!(driver.updates(), [], "{query:?}");
        driver.node.failing.clear();
        driver.pass(secs(1));
        assert_eq!(driver.own_replay(), sent(&[1, 2, 3]), "{query:?}");

        let mut driver = before_fork();
        driver.node.fail(query);
        driver.fork(4..=5, A);
        driver.pass(secs(30));
        assert_eq!(driver.own_replay(), [], "{query:?}");
        assert_eq!(driver.updates().last().unwrap().content.burn_block, A.ch(4), "{query:?}");
    }
}

#[test]
fn a_branch_that_is_not_known_or_cannot_be_read_has_nothing_replayed() {
    // Burn block 3 was learned without its callback, so nobody has told what is below it.
    let mut driver = before_fork();
    driver.node.orphan(3);
    driver.fork(4..=5, A);
    assert_eq!(driver.own_replay(), []);
    assert_eq!(driver.replay_changes(), [ReplayChange::UnknownBranch]);

    let mut driver = before_fork();
    driver.node.lost.get_mut(&ch(4)).unwrap().nakamoto_blocks = Some("0x12".to_owned());
    driver.fork(4..=5, A);
    assert_eq!(driver.own_replay(), []);
    assert_eq!(driver.replay_changes(), [ReplayChange::UnknownBranch]);
}

#[test]
fn a_callback_that_comes_after_its_burn_block_is_known_tells_what_is_below() {
    let mut driver = before_fork();
    driver.handle(Event::BurnBlock(crate::support::burn_block(3)));
    driver.handle(Event::BurnBlock(crate::support::burn_block(2)));
    driver.node.orphan(3);
    driver.node.lose(3, vec![with_transactions(3, 21, sent(&[9])).block]);
    driver.fork(4..=5, A);
    assert_eq!(driver.own_replay(), sent(&[9, 1, 2, 3]));
}

#[test]
fn a_set_that_would_not_fit_into_an_update_is_cut_off_at_its_end() {
    let mut driver = before_fork();
    let large = |nonce| {
        let mut transaction = crate::support::blocks::sent_by_user(nonce);
        transaction.payload = countersign_wire::transaction::TransactionPayload::SmartContract {
            clarity_version: None,
            name: "large".parse().unwrap(),
            code: "x".repeat(1 << 20),
        };
        transaction
    };
    driver.node.lose(5, vec![with_transactions(5, 24, vec![large(1), large(2), large(3)]).block]);
    driver.fork(5..=5, A);
    assert_eq!(driver.own_replay().len(), 1);
    let update = driver.updates().pop().unwrap();
    assert_eq!(
        countersign_wire::message::StateMachineUpdate::from_bytes(&update.to_bytes()),
        Ok(update)
    );
}
