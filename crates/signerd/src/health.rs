//! Whether the node answers: one log line when that changes, not one per question.
//!
//! A node may fail in several ways by turns, or say something else each time; of one outage a few
//! reasons are told, each once.

use std::collections::BTreeMap;

use countersign_signer::{Event, Query, Submission};

/// What the node fails to answer at the moment.
#[derive(Debug, Default)]
pub(crate) struct NodeHealth {
    /// With the reasons that were told.
    failing: BTreeMap<&'static str, Vec<String>>,
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
            // The new node has not failed yet.
            Event::NodeSwitched => self.failing.clear(),
            _ => {}
        }
    }

    fn note(&mut self, asked: &'static str, failure: Option<&str>) {
        let Some(error) = failure else {
            if self.failing.remove(asked).is_some() {
                tracing::info!(asked, "the node answers again");
            }
            return;
        };
        let told = self.failing.entry(asked).or_default();
        if told.len() < MAX_REASONS && !told.iter().any(|known| known == error) {
            tracing::warn!(asked, error, "the node does not answer; it is asked again");
            told.push(error.to_owned());
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

/// How many reasons of one outage are told.
const MAX_REASONS: usize = 4;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::Arc;

    use super::*;

    /// How many lines these failures and answers make, one after the other.
    fn lines(failures: &[Option<&str>]) -> usize {
        let file = tempfile::NamedTempFile::new().unwrap();
        let log = tracing_subscriber::fmt().with_writer(Arc::new(file.reopen().unwrap())).finish();
        let mut health = NodeHealth::default();
        tracing::subscriber::with_default(log, || {
            for failure in failures {
                health.note("chain tips", *failure);
            }
        });
        std::fs::read_to_string(file.path()).unwrap().lines().count()
    }

    #[test]
    fn an_outage_is_told_when_it_begins_and_when_it_ends() {
        assert_eq!(lines(&[None, Some("refused"), Some("refused"), None, None]), 2);
        assert_eq!(lines(&[Some("refused"), Some("slow"), Some("refused"), Some("slow")]), 2);
    }

    #[test]
    fn a_node_that_always_says_something_else_does_not_fill_the_log() {
        let said: Vec<String> =
            (0..1000).map(|number| format!("request {number} failed")).collect();
        let failures: Vec<_> = said.iter().map(|text| Some(text.as_str())).collect();
        assert_eq!(lines(&failures), MAX_REASONS);
    }
}
