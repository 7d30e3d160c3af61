//! A proposal comes in (2.2).

use countersign_signer::{BlockState, Event, IgnoredProposal, Note, QueuedValidation};
use countersign_wire::message::RejectReason;
use countersign_wire::{RewardCycle, UnixSeconds};

use crate::support::chain::secs;
use crate::support::driver::writes_record;
use crate::support::{Driver, NOW, Sent, ordinary, spoilt, tenure_start};

#[test]
fn a_good_proposal_is_validated_promised_signed_and_uploaded() {
    let mut driver = Driver::good();
    let proposal = tenure_start(3, 21);
    let sighash = driver.promise(&proposal);
    for peer in 1..4 {
        driver.pre_commit(peer, sighash);
    }
    assert_eq!(driver.acceptances(), [sighash]);
    for peer in 1..4 {
        driver.accept(peer, sighash);
    }
    let uploads = driver.uploads();
    assert_eq!(uploads.len(), 1);
    assert_eq!(uploads[0].sighash(), sighash);
    let sent: Vec<&str> = driver.sent.iter().map(kind).collect();
    assert_eq!(sent, ["validate", "pre-commit", "order", "accepted", "upload"]);
}

fn kind(sent: &Sent) -> &'static str {
    match sent {
        Sent::Validate(_) => "validate",
        Sent::Mock(..) => "mock",
        Sent::PreCommit(..) => "pre-commit",
        Sent::Order(_) => "order",
        Sent::Accepted(_) => "accepted",
        Sent::Upload(_) => "upload",
        Sent::Rejected(..) => "rejected",
        Sent::Update(..) => "update",
        Sent::ReadSlots => "read slots",
    }
}

#[test]
fn a_proposal_of_another_cycle_is_ignored() {
    for cycle in [0, 2, 3] {
        let mut driver = Driver::good();
        let mut proposal = tenure_start(3, 21);
        proposal.reward_cycle = RewardCycle::new(cycle);
        driver.propose(&proposal);
        assert!(driver.is_silent(), "{cycle}");
        let sighash = proposal.block.sighash();
        let why = IgnoredProposal::NotOurCycle;
        assert!(driver.notes.contains(&Note::ProposalIgnored { sighash, why }));
        assert_eq!(driver.stored(sighash), None);
    }
}

#[test]
fn a_proposal_is_too_old_when_its_timestamp_is_more_than_ten_minutes_ago() {
    for (age, is_judged) in [(600, true), (601, false)] {
        let mut driver = Driver::good();
        let proposal = spoilt(tenure_start(3, 21), |header| {
            header.timestamp = UnixSeconds::new(NOW.as_unix().get() - age);
        });
        driver.propose(&proposal);
        assert_eq!(driver.validations().len(), usize::from(is_judged), "{age} s");
        assert_eq!(driver.stored(proposal.block.sighash()).is_some(), is_judged);
        assert_eq!(driver.rejections(), []);
    }
}

#[test]
fn the_record_is_written_in_the_step_that_asks_for_validation() {
    let mut driver = Driver::good();
    driver.node.silent.insert(countersign_signer::Query::TenureTip(crate::support::ch(2)));
    let proposal = tenure_start(3, 21);
    driver.propose(&proposal);
    let (ticket, query) = driver.open.remove(0);
    driver.node.silent.clear();
    let answer = driver.node.answer(query).unwrap();
    let step = driver.step(Event::Answered { ticket, query, answer });
    assert!(writes_record(&step, |record| record.state == BlockState::Unprocessed
        && record.valid.is_none()
        && record.sighash == proposal.block.sighash()));
    assert_eq!(step.actions.len(), 1, "{:?}", step.actions);
}

#[test]
fn a_proposal_that_is_rejected_at_intake_is_not_stored_and_judged_afresh_next_time() {
    let mut driver = Driver::good();
    driver.node.end_tenure(2, 21);
    let proposal = tenure_start(3, 21);
    driver.propose(&proposal);
    driver.pass(secs(2));
    assert_eq!(driver.reasons(), [RejectReason::InvalidParentBlock]);
    assert_eq!(driver.stored(proposal.block.sighash()), None);

    driver.node.end_tenure(2, 20);
    driver.propose(&proposal);
    assert_eq!(driver.validations(), [proposal.block.sighash()]);
}

#[test]
fn a_second_proposal_waits_until_the_node_has_judged_the_first() {
    let mut driver = Driver::good();
    let (first, second) = (tenure_start(3, 21), ordinary(3, 22));
    driver.propose(&first);
    driver.propose(&second);
    let (first, second) = (first.block.sighash(), second.block.sighash());
    assert_eq!(driver.validations(), [first]);
    let why = QueuedValidation::Occupied;
    assert!(driver.notes.contains(&Note::ValidationQueued { sighash: second, why }));
    assert!(driver.stored(second).is_some());
    driver.verdict(first);
    assert_eq!(driver.validations(), [first, second]);
}

#[test]
fn a_flood_of_proposals_is_dropped_beyond_a_bound() {
    let mut driver = Driver::good();
    driver.node.silent.insert(countersign_signer::Query::TenureTip(crate::support::ch(3)));
    for height in 0..300 {
        driver.propose(&ordinary(3, 1000 + height));
    }
    assert!(driver.open.len() <= 256, "{}", driver.open.len());
    let is_dropped =
        |note: &&Note| matches!(note, Note::ProposalIgnored { why: IgnoredProposal::TooMany, .. });
    assert!(driver.notes.iter().filter(is_dropped).count() >= 44);
}

#[test]
fn a_proposals_age_goes_by_the_machines_clock_however_it_is_set() {
    let ahead = 3_600_000;
    let mut driver = Driver::good();
    driver.handle(Event::ClockSet { ahead });
    driver.propose(&tenure_start(3, 21));
    assert!(driver.is_silent(), "the proposal is an hour old by now");
    driver.handle(Event::ClockSet { ahead: -ahead });
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.validations().len(), 1);
}

#[test]
fn miners_are_told_times_of_the_machines_clock() {
    for ahead in [0, 3_600_000, -3_600_000] {
        let mut driver = Driver::good();
        let block = driver.promise(&tenure_start(3, 21));
        driver.handle(Event::ClockSet { ahead });
        for peer in 1..4 {
            driver.pre_commit(peer, block);
        }
        let Some(Sent::Accepted(accepted)) =
            driver.sent.iter().find(|sent| matches!(sent, Sent::Accepted(_)))
        else {
            panic!("{:?}", driver.sent)
        };
        let full = accepted.data.full_extend_at;
        assert_eq!(full, NOW.plus(secs(32)).shifted(ahead).as_unix());
    }
}
