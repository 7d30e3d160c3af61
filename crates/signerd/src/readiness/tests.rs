#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use countersign_signer::{Answer, NodeFailure, NotRegisteredReason, Query, ViewConflict};
use countersign_wire::rpc::{NodeInfo, PoxInfo};
use countersign_wire::{
    BurnHeight, ChainId, ConsensusHash, PrivateKey, RewardCycle, Sighash, SlotId, StacksHeight,
    Weight,
};

use super::*;

const CYCLE: RewardCycle = RewardCycle::new(2);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn info() -> NodeInfo {
    NodeInfo {
        burn_block_height: BurnHeight::new(140),
        pox_consensus: ConsensusHash::new([1; 20]),
        stacks_tip: Sighash::new([2; 32]),
        stacks_tip_consensus_hash: ConsensusHash::new([1; 20]),
        stacks_tip_height: StacksHeight::new(900),
        server_version: "a node".to_owned(),
        network_id: ChainId::new(1),
        is_fully_synced: Some(true),
        stackerdbs: None,
    }
}

fn pox() -> PoxInfo {
    PoxInfo {
        first_burnchain_block_height: BurnHeight::new(100),
        current_burnchain_block_height: BurnHeight::new(140),
        reward_phase_block_length: 15,
        prepare_phase_block_length: 5,
        reward_cycle_id: 2,
        current_epoch: "Epoch33".to_owned(),
    }
}

fn hear(facts: &mut Facts, answer: Answer, seconds: u64) {
    facts.hear_answer(Query::Info, &Ok(answer), at(seconds));
}

fn registered(cycle: RewardCycle) -> Note {
    let (weight, total) = (Weight::new(3), Weight::new(10));
    let key = PrivateKey::from_bytes([7; 32]).unwrap().public_key();
    Note::Registered { cycle, key, slot: SlotId::new(7), weight, total }
}

/// A signer that is ready at second 1000.
fn good() -> Facts {
    let mut facts = Facts::new(ChainId::new(1), true);
    hear(&mut facts, Answer::Info(info()), 1000);
    hear(&mut facts, Answer::Pox(pox()), 1000);
    facts.note(&registered(CYCLE), at(1000));
    facts.judged = Some(at(1000));
    facts
}

fn ladder(facts: &Facts, permission: Permission, seconds: u64) -> Ladder {
    climb(facts, permission, &Ladder::default(), at(seconds))
}

/// The first missing rung and its code.
fn missing(facts: &Facts, seconds: u64) -> Option<(Rung, String)> {
    let ladder = ladder(facts, Permission::Active, seconds);
    ladder.missing().map(|step| (step.rung, step.code.clone()))
}

#[test]
fn a_signer_is_ready_when_every_rung_holds() {
    let ladder = ladder(&good(), Permission::Active, 1010);
    insta::assert_snapshot!(ladder, @r"
    ready: block proposals arrive and are judged
    ok key_open        key_open: the signing key is open
    ok journal_good    journal_good: the signing journal is this key's and can be written
    ok node_reached    node_answers: the node answers
    ok right_network   right_network: the node is on chain 0x1
    ok in_sync         in_sync: the node is at burn block 140 and Stacks block 900
    ok registered      registered: signer #7 of reward cycle 2, weight 3 of 10
    ok allowed_to_sign active: this instance signs
    ok deciding        deciding: block proposals arrive and are judged
    ");
    assert!(ladder.is_ready());
    assert!(!Ladder::default().is_ready());
}

#[test]
fn a_signer_that_has_just_started_waits_for_its_node() {
    let facts = Facts::new(ChainId::new(1), true);
    insta::assert_snapshot!(ladder(&facts, Permission::Active, 0), @r"
    not ready, node_reached: the node has not answered yet
    ok key_open        key_open: the signing key is open
    ok journal_good    journal_good: the signing journal is this key's and can be written
    -- node_reached    node_not_heard: the node has not answered yet
    -- right_network   network_unknown: the node has not said which chain it is on
    -- in_sync         tip_unknown: the node has not said where its chains end
    -- registered      cycle_unknown: the node has not said which reward cycle it is in
    ok allowed_to_sign active: this instance signs
    -- deciding        no_proposal_yet: no block proposal was judged since the start
    ");
}

type Spoil = fn(&mut Facts);

#[test]
fn each_rung_has_its_reasons() {
    let rows: [(&str, Spoil, Rung, &str); 17] = [
        (
            "not asked",
            |f| _ = f.hear(&Event::NodeSwitched, at(1000)),
            Rung::NodeReached,
            "node_not_heard",
        ),
        ("hangs", |f| hear(f, Answer::Info(info()), 989), Rung::NodeReached, "node_hangs"),
        ("silent", |f| silence(f, Query::Info), Rung::NodeReached, "node_silent"),
        (
            "wrong network",
            |f| hear(f, Answer::Info(NodeInfo { network_id: ChainId::new(2), ..info() }), 1000),
            Rung::RightNetwork,
            "wrong_network",
        ),
        ("behind", |f| behind(f, 141), Rung::InSync, "node_behind"),
        ("lacks a block", |f| lacks(f), Rung::InSync, "node_lacks_block"),
        ("syncing", |f| unsynced(f, 940), Rung::InSync, "node_syncing"),
        ("no calendar", |f| f.calendar = None, Rung::Registered, "cycle_unknown"),
        ("another cycle", |f| f.seats.clear(), Rung::Registered, "seat_unknown"),
        ("dry run", |f| watching(f), Rung::Registered, "dry_run"),
        ("delayed", |f| delayed(f), Rung::Registered, "registration_delayed"),
        (
            "no signers",
            |f| unseated(f, NotRegisteredReason::NoSigners),
            Rung::Registered,
            "no_signers",
        ),
        ("no slot", |f| unseated(f, NotRegisteredReason::NoSlot), Rung::Registered, "no_slot"),
        (
            "not in set",
            |f| unseated(f, NotRegisteredReason::NotInRewardSet),
            Rung::Registered,
            "not_in_reward_set",
        ),
        (
            "dry run owns slot",
            |f| unseated(f, NotRegisteredReason::DryRunOwnsSlot),
            Rung::Registered,
            "dry_run_owns_slot",
        ),
        ("no proposal", |f| f.judged = None, Rung::Deciding, "no_proposal_yet"),
        ("old proposal", |f| f.judged = Some(at(0)), Rung::Deciding, "no_proposal_yet"),
    ];
    for (why, spoil, rung, code) in rows {
        let mut facts = good();
        spoil(&mut facts);
        let at = 1010;
        if why == "old proposal" {
            hear(&mut facts, Answer::Info(info()), 1800);
            assert_eq!(missing(&facts, 1800), None, "{why}");
            assert_eq!(
                missing(&facts, 1801),
                Some((rung, "proposals_stopped".to_owned())),
                "{why}"
            );
            continue;
        }
        assert_eq!(missing(&facts, at), Some((rung, code.to_owned())), "{why}");
    }
}

fn silence(facts: &mut Facts, query: Query) {
    let failure = NodeFailure { text: "refused".to_owned() };
    facts.hear_answer(query, &Err(failure), at(1000));
}

fn behind(facts: &mut Facts, expected: u64) {
    let (expected, node) = (BurnHeight::new(expected), BurnHeight::new(140));
    facts.note(&Note::NodeBehind { cycle: CYCLE, expected, node }, at(1000));
}

fn lacks(facts: &mut Facts) {
    let conflict = ViewConflict::StacksBlockDelay;
    facts.note(&Note::ViewConflict { cycle: CYCLE, conflict }, at(1000));
}

fn unsynced(facts: &mut Facts, since: u64) {
    hear(facts, Answer::Info(NodeInfo { is_fully_synced: Some(false), ..info() }), since);
    hear(facts, Answer::Info(NodeInfo { is_fully_synced: Some(false), ..info() }), since + 50);
}

fn watching(facts: &mut Facts) {
    facts.note(&Note::Watching { cycle: CYCLE, total: Weight::new(10) }, at(1000));
}

fn delayed(facts: &mut Facts) {
    let why = "not yet".to_owned();
    facts.note(&Note::RegistrationDelayed { cycle: CYCLE, why }, at(1000));
}

fn unseated(facts: &mut Facts, reason: NotRegisteredReason) {
    facts.note(&Note::NotRegistered { cycle: CYCLE, reason }, at(1000));
}

#[test]
fn what_concerns_the_node_heals_when_the_node_does() {
    let mut facts = good();
    silence(&mut facts, Query::Info);
    behind(&mut facts, 141);
    unsynced(&mut facts, 900);
    let caught_up = NodeInfo { burn_block_height: BurnHeight::new(141), ..info() };
    hear(&mut facts, Answer::Info(caught_up), 1001);
    assert_eq!(missing(&facts, 1002), None);
}

#[test]
fn a_failure_of_another_question_than_where_the_node_is_does_not_count() {
    let mut facts = good();
    silence(&mut facts, Query::BurnView);
    assert_eq!(missing(&facts, 1002), None);
}

/// Anybody who reaches the endpoint can announce a burn block that nobody has.
#[test]
fn an_invented_burn_block_does_not_count_for_ever() {
    let mut facts = good();
    behind(&mut facts, 1_000_000);
    hear(&mut facts, Answer::Info(info()), 1060);
    assert_eq!(missing(&facts, 1060), Some((Rung::InSync, "node_behind".to_owned())));
    assert_eq!(missing(&facts, 1061), None);
}

#[test]
fn a_node_that_lags_for_a_moment_is_in_sync() {
    let mut facts = good();
    unsynced(&mut facts, 1000);
    assert_eq!(missing(&facts, 1059), None);
    assert_eq!(missing(&facts, 1060), Some((Rung::InSync, "node_syncing".to_owned())));
}

#[test]
fn the_next_cycle_is_told_as_soon_as_it_is_known() {
    let text = |facts: &Facts| {
        let ladder = ladder(facts, Permission::Active, 1010);
        ladder.rungs.into_iter().find(|step| step.rung == Rung::Registered).unwrap().text
    };
    let mut facts = good();
    unseated(&mut facts, NotRegisteredReason::NoSlot);
    facts.note(&registered(CYCLE.next()), at(1000));
    assert_eq!(
        text(&facts),
        "not registered in reward cycle 2: this key's address has no slot in it; registered for cycle 3 \
         as signer #7, weight 3"
    );
    let mut facts = good();
    let reason = NotRegisteredReason::NoSlot;
    facts.note(&Note::NotRegistered { cycle: CYCLE.next(), reason }, at(1000));
    assert_eq!(
        text(&facts),
        "signer #7 of reward cycle 2, weight 3 of 10; not registered for cycle 3 (no-slot)"
    );
}

#[test]
fn only_an_active_instance_is_ready() {
    for permission in Permission::ALL {
        let ladder = ladder(&good(), permission, 1010);
        assert_eq!(ladder.is_ready(), permission == Permission::Active, "{permission:?}");
        if let Some(step) = ladder.missing() {
            assert_eq!((step.rung, step.code.as_str()), (Rung::AllowedToSign, permission.label()));
        }
    }
}

#[test]
fn a_rung_keeps_its_time_while_its_reason_stays() {
    let since =
        |ladder: &Ladder, rung| ladder.rungs.iter().find(|step| step.rung == rung).unwrap().since;
    let mut facts = good();
    let first = ladder(&facts, Permission::Active, 1010);
    silence(&mut facts, Query::Info);
    let second = climb(&facts, Permission::Active, &first, at(1020));
    assert_eq!((since(&second, Rung::NodeReached), since(&second, Rung::Registered)), (1020, 1010));
    let failure = NodeFailure { text: "it hangs".to_owned() };
    facts.hear_answer(Query::Info, &Err(failure), at(1025));
    let third = climb(&facts, Permission::Active, &second, at(1030));
    assert_eq!(since(&third, Rung::NodeReached), 1020);
}

#[test]
fn old_cycles_are_forgotten() {
    let mut facts = good();
    for cycle in 0..1000 {
        facts.note(&registered(RewardCycle::new(cycle)), at(1000));
    }
    assert!(facts.seats.len() <= 5);
}

#[test]
fn the_documentation_lists_every_rung_and_every_code() {
    let doc = include_str!("../../../../docs/operator/readiness.md");
    let source = include_str!("climb.rs");
    let codes = source.split("Finding::good(").chain(source.split("Finding::bad(")).skip(1);
    let codes = codes.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    let of_reasons = source.split("=> (").chain(source.split("=> {\n            (")).skip(1);
    let of_reasons =
        of_reasons.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    let mut expected: BTreeSet<&str> = codes.chain(of_reasons).collect();
    expected.extend(Permission::ALL.map(Permission::label));
    let rows = doc.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|row| {
        let (rung, rest) = row.split_once("` | `")?;
        Some((rung, rest.split('`').next()?))
    });
    let rows: Vec<_> = rows.collect();
    let documented: BTreeSet<&str> = rows.iter().map(|(_, code)| *code).collect();
    assert_eq!(documented, expected);
    let rungs: BTreeSet<&str> = rows.iter().map(|(rung, _)| *rung).collect();
    assert_eq!(rungs, Rung::ALL.map(Rung::label).into());
}
