//! Another node is asked from now on: what the one before has said counts for no decision that is
//! still open.
//!
//! Two nodes may be at different tips, or on different forks, and each be right about its own. A rule
//! that took one fact from each would judge a chain that nobody has. So every decision that waits is
//! begun anew under a new ticket, and answers to the old one find nobody. What was decided stays
//! decided: it rested on one node, as it must.

use countersign_wire::StacksHeight;

use crate::cycle::Seat;
use crate::evaluation::{Task, TaskKey};
use crate::registration::Retries;
use crate::signer::Signer;
use crate::turn::Turn;

impl Signer {
    /// Begins everything anew that rests on what the node before has said.
    pub(crate) fn on_node_switched(&mut self, turn: &mut Turn) {
        self.forget_node(turn);
        let outdated = self.evaluations.outdate_all();
        // What chain the node is on, and where. Until it has said so, a node before that was on the
        // wrong network keeps us from promising and signing.
        if !self.evaluations.is_waiting(TaskKey::Poll) {
            self.begin(Task::Poll, turn);
        }
        if self.calendar.is_none() && !self.evaluations.is_waiting(TaskKey::Calendar) {
            self.begin(Task::Calendar, turn);
        }
        self.look_for_seats(turn);
        if let Some(tip) = self.burn_tip {
            // A node that has not reached the burn block that we were at is waited for.
            self.derive_views(tip, turn);
        }
        for ticket in outdated {
            self.advance(ticket, turn);
        }
        for due in self.withheld.values_mut() {
            *due = turn.now;
        }
        self.read_slots_again(turn);
    }

    /// Forgets what the node before was waited for, and what it knew.
    fn forget_node(&mut self, turn: &Turn) {
        self.sortitions = None;
        self.retries = Retries::default();
        self.unannounced = None;
        self.announced.clear();
        self.stacks_height = StacksHeight::new(0);
        self.validation.start_over(turn.now);
        self.seats.retain(|_, seat| matches!(seat, Seat::Registered(_)));
        for seat in self.seats.values_mut() {
            if let Seat::Registered(cycle) = seat {
                cycle.view_retry_at = None;
                cycle.inactivity_check_at = None;
                // Proposals that wait for the signers to agree are judged again.
                cycle.has_news = true;
            }
        }
    }
}
