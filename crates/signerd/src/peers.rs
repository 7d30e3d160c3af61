//! Which software the other signers run, by weight: from the version that each names in its responses.
//!
//! So an operator sees that the others upgrade even if no announcement arrives.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_signer::{Answer, Event, Note, Query};
use countersign_wire::message::{BlockResponse, SignerMessage};
use countersign_wire::{PublicKey, RewardCycle, SignerSet};

use crate::metrics::Metrics;

/// Listens to what the signers say of themselves.
#[derive(Debug)]
pub(crate) struct Peers {
    metrics: Arc<Metrics>,
    sets: BTreeMap<RewardCycle, SignerSet>,
    current: Option<RewardCycle>,
    versions: BTreeMap<PublicKey, Said>,
}

/// What a signer says that it runs.
#[derive(Debug)]
struct Said {
    version: String,
    /// How often it has said something else in this cycle.
    changes: u32,
}

impl Peers {
    /// Nobody has been heard yet.
    pub(crate) const fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, sets: BTreeMap::new(), current: None, versions: BTreeMap::new() }
    }

    /// An event on its way to the core.
    pub(crate) fn hear(&mut self, event: &Event) {
        let is_news = match event {
            Event::Answered {
                query: Query::Registration(cycle),
                answer: Ok(Answer::Registration(facts)),
                ..
            } => self.learn(*cycle, facts.set.as_ref()),
            Event::Peer { from, message: SignerMessage::BlockResponse(response), .. } => {
                let said = match response {
                    BlockResponse::Accepted(accepted) => &accepted.server_version,
                    BlockResponse::Rejected(rejected) => &rejected.server_version,
                };
                self.on_version(*from, said)
            }
            _ => false,
        };
        if is_news {
            self.show();
        }
    }

    /// What the core has to say.
    pub(crate) fn note(&mut self, notes: &[Note]) {
        for note in notes {
            if let Note::BurnBlock { cycle: cycle @ Some(_), .. } = note
                && self.current != *cycle
            {
                self.current = *cycle;
                self.versions.values_mut().for_each(|said| said.changes = 0);
                self.show();
            }
        }
    }

    fn learn(&mut self, cycle: RewardCycle, set: Option<&SignerSet>) -> bool {
        let Some(set) = set else { return false };
        self.sets.insert(cycle, set.clone());
        while self.sets.len() > MAX_CYCLES {
            self.sets.pop_first();
        }
        let sets = &self.sets;
        self.versions.retain(|key, _| sets.values().any(|set| set.slot_of(key).is_some()));
        true
    }

    /// Only signers of a known set are remembered: anybody can write a chunk. Each version is a series that
    /// Prometheus keeps, so a signer that always says another one is no longer listened to in this cycle.
    fn on_version(&mut self, from: PublicKey, said: &str) -> bool {
        let version = short(said);
        let known = self.versions.get(&from);
        if version.is_empty() || known.is_some_and(|known| known.version == version) {
            return false;
        }
        let changes = known.map_or(0, |known| known.changes + 1);
        let is_signer = self.sets.values().any(|set| set.slot_of(&from).is_some());
        if !is_signer || changes > MAX_CHANGES {
            return false;
        }
        let version = if changes == MAX_CHANGES { OTHER.to_owned() } else { version };
        self.versions.insert(from, Said { version, changes });
        true
    }

    fn show(&self) {
        let Some(set) = self.current.and_then(|cycle| self.sets.get(&cycle)) else { return };
        let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
        for signer in set.signers() {
            let version =
                self.versions.get(&signer.key).map_or(UNKNOWN, |said| said.version.as_str());
            let is_new = !weights.contains_key(version);
            let version = if is_new && weights.len() >= MAX_VERSIONS { OTHER } else { version };
            *weights.entry(version).or_default() += u64::from(signer.weight.get());
        }
        self.metrics.chain.show_peers(&weights);
    }
}

/// The program and the number of a version such as `stacks-signer 4.0.2 (release build, linux)`: what
/// anybody may write becomes a short label of plain characters.
fn short(said: &str) -> String {
    let words = said.split_whitespace().take_while(|word| !word.starts_with('('));
    let text: Vec<&str> = words.take(3).collect();
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | ' ');
    text.join(" ").chars().filter(is_plain).take(MAX_LEN).collect()
}

const UNKNOWN: &str = "unknown";
const OTHER: &str = "other";
/// This cycle, the next, and one that has just ended.
const MAX_CYCLES: usize = 3;
/// More are shown as one.
const MAX_VERSIONS: usize = 16;
const MAX_LEN: usize = 48;
/// An upgrade, a way back, and some more; after so many in a cycle a signer's version is [`OTHER`].
const MAX_CHANGES: u32 = 8;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_node::{CallbackQueue, QueueLimits};
    use countersign_ops::metrics::page;
    use countersign_wire::{BurnHeight, ConsensusHash, PrivateKey, Signer, Weight};

    use super::*;

    #[test]
    fn a_version_becomes_a_short_plain_label() {
        let rows = [
            ("stacks-signer 4.0.2 (1efa4a9, release build, linux [x86_64])", "stacks-signer 4.0.2"),
            ("countersign 0.1.0 (release build, linux [x86_64])", "countersign 0.1.0"),
            ("evil\"} 1\nfake{x=\"", "evil 1 fakex"),
            ("  ", ""),
        ];
        for (said, label) in rows {
            assert_eq!(short(said), label);
        }
        assert_eq!(short(&"x".repeat(1000)).len(), MAX_LEN);
    }

    #[test]
    fn the_weight_of_each_version_is_shown_and_that_of_the_silent() {
        let (metrics, registry) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
        let key = |byte| PrivateKey::from_bytes([byte; 32]).unwrap().public_key();
        let signer = |byte, weight| Signer { key: key(byte), weight: Weight::new(weight) };
        let set = SignerSet::new(vec![signer(1, 60), signer(2, 30), signer(3, 10)]).unwrap();
        let mut peers = Peers::new(Arc::new(metrics));
        let cycle = RewardCycle::new(9);
        assert!(!peers.on_version(key(1), "stacks-signer 4.0.2"), "no set is known yet");
        assert!(peers.learn(cycle, Some(&set)));
        peers.current = Some(cycle);
        assert!(peers.on_version(key(1), "stacks-signer 4.0.2 (a)"));
        assert!(!peers.on_version(key(1), "stacks-signer 4.0.2 (b)"), "nothing new");
        assert!(peers.on_version(key(2), "stacks-signer 4.0.1"));
        assert!(!peers.on_version(key(9), "stranger 1"));
        peers.show();
        let shown = |page: &str| -> Vec<String> {
            let lines = page.lines().filter(|line| line.starts_with("countersign_peer_weight{"));
            let mut lines: Vec<String> = lines.map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let series = |version, weight| {
            format!("countersign_peer_weight{{server_version=\"{version}\"}} {weight}")
        };
        let expected = [
            series("stacks-signer 4.0.1", 30),
            series("stacks-signer 4.0.2", 60),
            series("unknown", 10),
        ];
        assert_eq!(shown(&page(&registry)), expected);
        assert!(peers.on_version(key(2), "stacks-signer 4.0.2"));
        peers.show();
        assert_eq!(
            shown(&page(&registry)),
            [series("stacks-signer 4.0.2", 90), series("unknown", 10)]
        );
    }

    #[test]
    fn a_signer_that_always_says_another_version_makes_few_series() {
        let (metrics, registry) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
        let key = PrivateKey::from_bytes([1; 32]).unwrap().public_key();
        let set = SignerSet::new(vec![Signer { key, weight: Weight::new(60) }]).unwrap();
        let mut peers = Peers::new(Arc::new(metrics));
        peers.learn(RewardCycle::new(9), Some(&set));
        let enter = |peers: &mut Peers, cycle| {
            let (height, consensus_hash) = (BurnHeight::new(1), ConsensusHash::new([1; 20]));
            let cycle = Some(RewardCycle::new(cycle));
            peers.note(&[Note::BurnBlock { height, consensus_hash, cycle }]);
        };
        enter(&mut peers, 9);
        let heard = (0..1000).filter(|n| peers.on_version(key, &format!("evil {n}"))).count();
        assert_eq!(heard, 9, "its first one, and eight changes");
        peers.show();
        let shown = "countersign_peer_weight{server_version=\"other\"} 60";
        assert!(page(&registry).lines().any(|line| line == shown));
        peers.learn(RewardCycle::new(10), Some(&set));
        enter(&mut peers, 10);
        assert!(peers.on_version(key, "stacks-signer 4.0.3"), "a cycle is a new chance");
    }
}
