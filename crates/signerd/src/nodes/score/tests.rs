#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use countersign_wire::{BurnHeight, ConsensusHash, StacksHeight};
use proptest::prelude::*;

use super::*;

/// A node as it really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Down,
    Foreign,
    Up { fork: u8, burn: u64, stacks: u64 },
}

use State::{Down, Foreign, Up};

/// At the chain's tip.
const GOOD: State = Up { fork: 0, burn: 100, stacks: 1000 };

fn tip(fork: u8, burn: u64, stacks: u64) -> Tip {
    let mut name = [fork; 20];
    name[..8].copy_from_slice(&burn.to_be_bytes());
    Tip {
        burn_height: BurnHeight::new(burn),
        consensus_hash: ConsensusHash::new(name),
        stacks_height: StacksHeight::new(stacks),
    }
}

fn sight(state: State) -> Sight {
    match state {
        Down => Sight::Silent,
        Foreign => Sight::Elsewhere,
        Up { fork, burn, stacks } => Sight::At(tip(fork, burn, stacks)),
    }
}

/// Nodes, and who watches them.
struct Watched {
    scores: Scores,
    round: u32,
    /// With the rounds in which they were made.
    switches: Vec<(u32, Switch)>,
}

impl Watched {
    fn new(nodes: usize) -> Self {
        Self { scores: Scores::of(nodes), round: 0, switches: Vec::new() }
    }

    fn active(&self) -> usize {
        self.scores.active
    }

    /// One round in which the nodes are like this.
    fn see(&mut self, states: &[State]) -> Option<Switch> {
        self.round += 1;
        let sights: Vec<Sight> = states.iter().copied().map(sight).collect();
        let reference = self.scores.reference(&sights);
        let looks: Vec<Look> = sights
            .into_iter()
            .map(|sight| Look { sight, has_active_tip: has_tip(sight, reference) })
            .collect();
        let switch = self.scores.round(&looks);
        self.switches.extend(switch.map(|switch| (self.round, switch)));
        switch
    }

    fn see_for(&mut self, rounds: u32, states: &[State]) -> Vec<Switch> {
        (0..rounds).filter_map(|_| self.see(states)).collect()
    }
}

/// What an honest node answers when it is asked for the active node's tip.
fn has_tip(sight: Sight, reference: Option<Tip>) -> Option<bool> {
    let (Sight::At(tip), Some(active)) = (sight, reference) else { return None };
    let fork = |tip: &Tip| tip.consensus_hash.as_bytes()[19];
    tip.must_be_compared(&active).then(|| fork(&tip) == fork(&active))
}

fn switch(from: usize, to: usize, why: Reason) -> Switch {
    Switch { from, to, why }
}

#[test]
fn good_nodes_are_left_alone() {
    assert_eq!(Watched::new(3).see_for(10_000, &[GOOD; 3]), []);
}

#[test]
fn a_silent_node_is_left_in_the_third_round_for_the_first_fall_back() {
    let mut nodes = Watched::new(3);
    nodes.see_for(5, &[GOOD; 3]);
    assert_eq!(nodes.see_for(2, &[Down, GOOD, GOOD]), []);
    assert_eq!(nodes.see(&[Down, GOOD, GOOD]), Some(switch(0, 1, Reason::Silent)));
    assert_eq!(nodes.scores.condition(0), Condition::Silent);
}

#[test]
fn a_node_that_is_silent_from_the_start_is_left() {
    let mut nodes = Watched::new(2);
    assert_eq!(nodes.see_for(3, &[Down, GOOD]), [switch(0, 1, Reason::Silent)]);
}

#[test]
fn two_silent_rounds_are_forgiven_for_ever() {
    let mut nodes = Watched::new(2);
    for _ in 0..1000 {
        nodes.see_for(2, &[Down, GOOD]);
        nodes.see(&[GOOD; 2]);
    }
    assert_eq!(nodes.switches, []);
}

#[test]
fn where_no_node_is_well_the_active_one_stays() {
    let mut nodes = Watched::new(3);
    assert_eq!(nodes.see_for(100, &[Down, Down, Foreign]), []);
    assert_eq!(nodes.see_for(2, &[Down, GOOD, Foreign]), [], "it must have proved itself");
    assert_eq!(nodes.see(&[Down, GOOD, Foreign]), Some(switch(0, 1, Reason::Silent)));
}

#[test]
fn a_node_on_another_network_is_left_at_once_and_never_chosen() {
    let mut nodes = Watched::new(3);
    nodes.see_for(5, &[GOOD, Foreign, GOOD]);
    assert_eq!(nodes.scores.condition(1), Condition::WrongNetwork);
    let left = nodes.see(&[Foreign, Foreign, GOOD]);
    assert_eq!(left, Some(switch(0, 2, Reason::WrongNetwork)));
    assert_eq!(nodes.see_for(1000, &[Foreign, Foreign, Down]), []);
}

#[test]
fn a_stale_fall_back_is_passed_over_for_one_that_is_not() {
    let stale = Up { fork: 0, burn: 90, stacks: 900 };
    let mut nodes = Watched::new(3);
    nodes.see_for(5, &[GOOD, stale, GOOD]);
    assert_eq!(nodes.see_for(3, &[Down, stale, GOOD]), [switch(0, 2, Reason::Silent)]);
}

#[test]
fn of_stale_fall_backs_the_least_stale_is_taken_and_one_on_another_fork_last() {
    let stale = |burn| Up { fork: 0, burn, stacks: 900 };
    let apart = Up { fork: 1, burn: 120, stacks: 2000 };
    let mut nodes = Watched::new(4);
    nodes.see_for(5, &[GOOD, apart, stale(90), stale(95)]);
    let all = [Down, apart, stale(90), stale(95)];
    assert_eq!(nodes.see_for(3, &all), [switch(0, 3, Reason::Silent)]);

    let mut nodes = Watched::new(2);
    nodes.see_for(5, &[GOOD, apart]);
    assert_eq!(nodes.see_for(3, &[Down, apart]), [switch(0, 1, Reason::Silent)]);
}

#[test]
fn a_node_that_stays_behind_is_left_after_twenty_rounds() {
    let ahead = [
        Up { fork: 0, burn: 101, stacks: 1000 },
        Up { fork: 0, burn: 100, stacks: 1004 },
        Up { fork: 0, burn: 101, stacks: 990 },
    ];
    for ahead in ahead {
        let mut nodes = Watched::new(2);
        assert_eq!(nodes.see_for(LATE - 1, &[GOOD, ahead]), []);
        assert_eq!(nodes.scores.condition(0), Condition::Well);
        assert_eq!(nodes.see(&[GOOD, ahead]), Some(switch(0, 1, Reason::Late)), "{ahead:?}");
    }
}

#[test]
fn a_node_that_catches_up_in_time_is_kept() {
    let ahead = Up { fork: 0, burn: 101, stacks: 1000 };
    let mut nodes = Watched::new(2);
    for _ in 0..100 {
        assert_eq!(nodes.see_for(LATE - 1, &[GOOD, ahead]), []);
        nodes.see(&[GOOD; 2]);
    }
    assert_eq!(nodes.switches, []);
}

#[test]
fn a_few_stacks_blocks_are_no_lead() {
    let little = Up { fork: 0, burn: 100, stacks: 1003 };
    assert_eq!(Watched::new(2).see_for(1000, &[GOOD, little]), []);
}

#[test]
fn a_longer_fork_does_not_win() {
    let fork = Up { fork: 1, burn: 130, stacks: 5000 };
    let mut nodes = Watched::new(3);
    assert_eq!(nodes.see_for(1000, &[GOOD, fork, fork]), []);
    assert_eq!(nodes.scores.condition(1), Condition::Apart);
    assert_eq!(nodes.scores.condition(0), Condition::Well);
}

#[test]
fn a_node_that_does_not_say_whose_tip_it_has_does_not_win() {
    let mut scores = Scores::of(2);
    let quiet = [
        Look { sight: sight(GOOD), has_active_tip: None },
        Look { sight: Sight::At(tip(0, 200, 9000)), has_active_tip: None },
    ];
    assert!((0..1000).all(|_| scores.round(&quiet).is_none()));
}

#[test]
fn the_preferred_node_is_returned_to_when_it_was_well_for_thirty_rounds() {
    let mut nodes = Watched::new(2);
    nodes.see_for(3, &[Down, GOOD]);
    assert_eq!(nodes.see_for(RETURN - 1, &[GOOD; 2]), []);
    assert_eq!(nodes.see(&[GOOD; 2]), Some(switch(1, 0, Reason::Preferred)));
}

#[test]
fn the_preferred_node_is_not_returned_to_while_it_is_behind_or_on_another_fork() {
    for unfit in [Up { fork: 0, burn: 99, stacks: 999 }, Up { fork: 1, burn: 101, stacks: 999 }] {
        let mut nodes = Watched::new(2);
        nodes.see_for(3, &[Down, GOOD]);
        assert_eq!(nodes.see_for(1000, &[unfit, GOOD]), [], "{unfit:?}");
    }
}

#[test]
fn a_second_fall_back_is_left_for_the_preferred_node_and_not_for_the_first() {
    let mut nodes = Watched::new(3);
    nodes.see_for(3, &[Down, Down, GOOD]);
    assert_eq!(nodes.active(), 2);
    assert_eq!(nodes.see_for(1000, &[Down, GOOD, GOOD]), []);
    assert_eq!(nodes.see_for(RETURN, &[GOOD; 3]), [switch(2, 0, Reason::Preferred)]);
}

#[test]
fn a_preferred_node_that_fails_after_each_return_is_trusted_less_each_time() {
    let mut nodes = Watched::new(2);
    let mut waits = Vec::new();
    for _ in 0..7 {
        nodes.see_for(MISSES, &[Down, GOOD]);
        let left = nodes.round;
        while nodes.active() != PREFERRED {
            nodes.see(&[GOOD; 2]);
        }
        waits.push((nodes.round - left) / RETURN);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 16, 16]);
    nodes.see_for(PROBATION, &[GOOD; 2]);
    nodes.see_for(MISSES, &[Down, GOOD]);
    let returned = nodes.see_for(RETURN, &[GOOD; 2]);
    assert_eq!(returned, [switch(1, 0, Reason::Preferred)], "it has passed its probation");
}

fn any_state() -> impl Strategy<Value = State> {
    prop_oneof![
        4 => Just(Down),
        1 => Just(Foreign),
        8 => (0..2_u8, 95..105_u64, 990..1010_u64)
            .prop_map(|(fork, burn, stacks)| Up { fork, burn, stacks }),
    ]
}

/// Stretches of rounds in which nothing changes, as they come in life.
fn any_history(nodes: usize) -> impl Strategy<Value = Vec<Vec<State>>> {
    let stretch = (1..40_usize, prop::collection::vec(any_state(), nodes));
    prop::collection::vec(stretch, 1..60).prop_map(|stretches| {
        stretches
            .into_iter()
            .flat_map(|(rounds, states)| std::iter::repeat_n(states, rounds))
            .collect()
    })
}

proptest! {
    /// Each reason has its own least distance from the switch before, so switches are bounded by the
    /// length of the history, whatever the nodes do.
    #[test]
    fn no_history_makes_it_flap(history in any_history(3)) {
        let mut nodes = Watched::new(3);
        for states in &history {
            nodes.see(states);
        }
        let mut last = 0;
        for (round, switch) in &nodes.switches {
            let least = match switch.why {
                Reason::Silent => MISSES,
                Reason::WrongNetwork => 1,
                Reason::Late => LATE,
                Reason::Preferred => RETURN,
            };
            prop_assert!(round - last >= least, "{switch:?} in round {round} after {last}");
            last = *round;
        }
        let of = |why| nodes.switches.iter().filter(|(_, switch)| switch.why == why).count();
        let rounds = history.len();
        prop_assert!(of(Reason::Silent) <= rounds / MISSES as usize);
        prop_assert!(of(Reason::Late) <= rounds / LATE as usize);
        prop_assert!(of(Reason::Preferred) <= rounds / RETURN as usize);
    }

    #[test]
    fn only_a_steady_node_of_the_right_network_is_switched_to(history in any_history(4)) {
        let mut nodes = Watched::new(4);
        for (round, states) in history.iter().enumerate() {
            let Some(switch) = nodes.see(states) else { continue };
            prop_assert_ne!(switch.from, switch.to);
            if matches!(switch.why, Reason::Silent | Reason::WrongNetwork) {
                for earlier in &history[(round + 1).saturating_sub(STEADY as usize)..=round] {
                    let was_up = matches!(earlier[switch.to], Up { .. });
                    prop_assert!(was_up, "{earlier:?}");
                }
            }
            let is_up = matches!(states[switch.to], Up { .. });
            prop_assert!(is_up);
        }
    }

    #[test]
    fn a_foreign_node_is_not_active_while_another_is_steady(history in any_history(3)) {
        let mut nodes = Watched::new(3);
        for states in &history {
            nodes.see(states);
            let is_steady = nodes.scores.cards.iter().any(|card| card.steady >= STEADY);
            prop_assert!(states[nodes.active()] != Foreign || !is_steady);
        }
    }

    /// A preferred node that comes and goes at any rhythm is returned to ever less often.
    #[test]
    fn a_node_that_comes_and_goes_is_returned_to_rarely(
        rhythm in prop::collection::vec((3..50_u32, 1..PROBATION), 1..200),
    ) {
        let mut nodes = Watched::new(2);
        for (down, up) in rhythm {
            nodes.see_for(down, &[Down, GOOD]);
            nodes.see_for(up, &[GOOD; 2]);
        }
        let returns = nodes.switches.iter().filter(|(_, switch)| switch.to == PREFERRED).count();
        let doublings = MAX_CAUTION.ilog2() + 1;
        let bound = doublings + nodes.round / (RETURN * MAX_CAUTION);
        prop_assert!(returns <= bound as usize, "{returns} returns in {} rounds", nodes.round);
    }

    /// The order of ups and downs that are shorter than the limits does not matter.
    #[test]
    fn short_faults_change_nothing(
        faults in prop::collection::vec((0..4_u8, 1..LATE, 1..5_u32), 1..100),
    ) {
        let mut nodes = Watched::new(2);
        let ahead = Up { fork: 0, burn: 101, stacks: 1000 };
        for (kind, long, pause) in faults {
            match kind {
                0 => nodes.see_for(long.min(MISSES - 1), &[Down, GOOD]),
                1 => nodes.see_for(long, &[GOOD, ahead]),
                2 => nodes.see_for(long, &[GOOD, Down]),
                _ => nodes.see_for(long, &[GOOD, Foreign]),
            };
            nodes.see_for(pause, &[GOOD; 2]);
        }
        prop_assert_eq!(nodes.switches, vec![]);
    }
}
