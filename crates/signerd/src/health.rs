//! Whether the node answers: one log line when that changes, not one per question.

use std::collections::BTreeMap;

use countersign_signer::{Event, Query, Submission};

/// What the node fails to answer at the moment.
#[derive(Debug, Default)]
pub(crate) struct NodeHealth {
    failing: BTreeMap<&'static str, String>,
}

impl NodeHealth {
    /// Takes notice of an answer on its way to the core.
    pub(crate) fn observe(&mut self, event: &Event) {
        match event {
            Event::Answered { query, answer, .. } => {
                self.note(label(query), answer.as_ref().err().map(|failure| failure.text.as_str()));
            }
            Event::ValidationSubmitted { outcome, .. } => {
                let failure = match outcome {
                    Submission::Unreachable(text) => Some(text.as_str()),
                    Submission::Accepted | Submission::Busy | Submission::Refused(_) => None,
                };
                self.note("block validation", failure);
            }
            _ => {}
        }
    }

    fn note(&mut self, asked: &'static str, failure: Option<&str>) {
        match failure {
            Some(error) if self.failing.get(asked).is_none_or(|known| known != error) => {
                tracing::warn!(asked, error, "the node does not answer; it is asked again");
                self.failing.insert(asked, error.to_owned());
            }
            Some(_) => {}
            None => {
                if self.failing.remove(asked).is_some() {
                    tracing::info!(asked, "the node answers again");
                }
            }
        }
    }
}

/// What was asked, in words.
pub(crate) const fn label(query: &Query) -> &'static str {
    match query {
        Query::Pox => "reward cycle lengths",
        Query::Info => "chain tips",
        Query::BurnView => "latest sortitions",
        Query::Registration(_) => "reward set",
        Query::TenureTip(_) => "tip of a tenure",
        Query::SortitionOf(_) => "sortition of a burn block",
        Query::Forks { .. } => "tenures between two",
    }
}
