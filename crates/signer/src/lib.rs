//! The block signer's decisions: events in, steps out.
//!
//! [`Signer::handle`] takes one [`Event`] and the time, and returns a [`Step`]: what to remember,
//! what to do, what to tell people. The shell commits the writes first, then performs the actions.
//!
//! This crate has no clock, no network, no storage, no randomness and no key. It does not sign; it
//! asks for signatures. It does not ask the node and wait; it asks, and the answer is an event.
//! The same events at the same times give the same steps.
//!
//! The rules come from SIP-021 and from watching the reference; each module names the section of
//! the behaviour that it implements (`docs/spec/signer-behaviour.md`).

mod agreement;
mod burn;
mod capitulation;
mod commit;
mod cycle;
mod evaluation;
mod event;
mod facts;
mod fork;
mod grounds;
mod inactivity;
mod intake;
mod ledger;
mod machine;
mod mock;
mod note;
mod outcome;
mod params;
mod parked;
mod record;
mod recorded;
mod registration;
mod reminder;
mod replay;
mod response;
mod restore;
mod rules;
mod saved;
mod seat;
mod signer;
mod sortitions;
mod step;
mod support;
mod switch;
mod tally;
mod time;
mod turn;
mod validation;
mod views;
mod votes;

pub use burn::{BurnBlockSeen, Superseded};
pub use event::{
    Answer, BurnView, Event, NodeFailure, Query, RegistrationFacts, Submission, Ticket,
};
pub use grounds::{Agreed, Conclusion, Grounds, Reading, Rule};
pub use ledger::MAX_RECORDS;
pub use note::{
    IgnoredProposal, NotRegisteredReason, Note, QueuedValidation, RepeatedProposal, ReplayChange,
    ViewChange, ViewConflict, WithheldSignature,
};
pub use params::{DEFAULT_REPLAY_BLOCKS, Params, SUPPORTED_VERSION, Timeouts};
pub use record::{BlockState, Outline, Record};
pub use recorded::{Outcome, Recorded};
pub use replay::ReplaySet;
pub use saved::{Saved, SavedUpdate};
pub use signer::Signer;
pub use step::{AcceptanceOrder, Action, OverrideReason, Step, Write};
pub use support::Support;
pub use time::{Millis, Timestamp};
pub use votes::{ParkedVote, RejectionVote, Vote};
