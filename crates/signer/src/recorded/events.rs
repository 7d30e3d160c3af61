//! Events and what they consist of.

use countersign_wire::{DecodeError, Reader};

use super::{Recorded, recorded_enums, recorded_structs};
use crate::event::{Answer, BurnView, Event, NodeFailure, Query, RegistrationFacts, Submission};

recorded_enums! {
    Event {
        0 => Deadline,
        1 => Resumed,
        2 => NodeSwitched,
        3 => ClockSet { ahead },
        4 => BurnBlock(block),
        5 => StacksBlock(block),
        6 => Verdict(verdict),
        7 => Proposal(proposal),
        8 => MockProposal(proposal),
        9 => Pushed(block),
        10 => Peer { parity, from, version, message },
        11 => Answered { ticket, query, answer },
        12 => ValidationSubmitted { sighash, outcome },
        13 => Signed { sighash, signature },
        14 => SigningRefused { sighash, rival },
        15 => Uploaded { sighash },
    }
    Query {
        0 => Pox,
        1 => Info,
        2 => BurnView,
        3 => Registration(cycle),
        4 => TenureTip(tenure),
        5 => SortitionOf(burn_block),
        6 => Forks { from, to },
    }
    Answer {
        0 => Pox(pox),
        1 => Info(info),
        2 => BurnView(view),
        3 => Registration(facts),
        4 => TenureTip(tip),
        5 => SortitionOf(is_canonical),
        6 => Forks(tenures),
    }
    Submission {
        0 => Accepted,
        1 => Busy,
        2 => Refused(text),
        3 => Unreachable(text),
    }
}

recorded_structs! {
    BurnView { info, latest, last }
    RegistrationFacts { set, last_set_cycle, slots }
    NodeFailure { text }
}
