//! The files of one recording.

use countersign_signer::Event;
use countersign_wire::event::Callback;
use countersign_wire::hash::sha256;
use countersign_wire::message::BlockProposal;
use countersign_wire::{PrivateKey, Signer, SignerSet, Weight};
use serde_json::Value;

use super::intake;

/// Everything that was said on one network, in the order of time.
#[derive(Clone, Debug)]
pub struct Recording {
    lines: Vec<Line>,
}

/// One line of a recording.
#[derive(Clone, Debug)]
pub struct Line {
    /// Milliseconds since the recording was started.
    pub at: u64,
    /// The line itself.
    pub json: Value,
}

impl Recording {
    /// Reads `vectors/recordings/{name}.jsonl`.
    pub fn load(name: &str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors/recordings");
        let text = std::fs::read_to_string(format!("{folder}/{name}.jsonl")).unwrap();
        let lines = text.lines().skip(1).map(|line| {
            let json: Value = serde_json::from_str(line).unwrap();
            Line { at: millis(&json["t"]), json }
        });
        Self { lines: lines.collect() }
    }

    /// Every line.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The part before the first line for which `is_end` holds.
    #[must_use]
    pub fn until(mut self, is_end: impl Fn(&Line) -> bool) -> Self {
        let end = self.lines.iter().position(is_end).unwrap_or(self.lines.len());
        self.lines.truncate(end);
        self
    }

    /// Requests with this method whose path starts so.
    pub fn requests<'a>(
        &'a self,
        method: &'a str,
        path: &'a str,
    ) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| {
            line.json["kind"] == "rpc"
                && line.json["method"] == method
                && line.path().starts_with(path)
        })
    }

    /// Every proposal that signer 0 was told, and when.
    pub fn proposals(&self) -> impl Iterator<Item = (u64, Box<BlockProposal>)> {
        self.lines
            .iter()
            .flat_map(|line| line.proposals().into_iter().map(|proposal| (line.at, proposal)))
    }
}

impl Line {
    /// What the node told signer 0 by this line, if it is a callback.
    pub fn callback(&self) -> Option<Callback> {
        if self.json["kind"] != "event" {
            return None;
        }
        let body = self.json["body"].to_string();
        match Callback::parse(self.path(), body.as_bytes()) {
            Ok(callback) => Some(callback),
            // The test that made a recording ends the signer by an unknown path.
            Err(_) if self.path() == "/shutdown" => None,
            Err(error) => panic!("{}: {error}", self.path()),
        }
    }

    /// The proposals in this line.
    pub fn proposals(&self) -> Vec<Box<BlockProposal>> {
        let events = self.callback().map(intake::events).unwrap_or_default();
        let proposals = events.into_iter().filter_map(|event| match event {
            Event::Proposal(proposal) => Some(proposal),
            _ => None,
        });
        proposals.collect()
    }

    /// The path of the request, whoever made it.
    pub fn path(&self) -> &str {
        self.json["path"].as_str().unwrap()
    }
}

/// The key of signer `index`, as `vectors/recordings/README.md` gives it.
pub fn signer_key(index: u32) -> PrivateKey {
    let secret = sha256(&[format!("signer_{index}_").as_bytes()]);
    PrivateKey::from_bytes(secret).unwrap()
}

/// The signers of every cycle of every recording in the order of their slots, by the same page.
pub fn signer_set() -> SignerSet {
    let signers = [4, 1, 0, 2, 3].map(|index| {
        let key = signer_key(index).public_key();
        Signer { key, weight: Weight::new(6) }
    });
    SignerSet::new(signers.into()).unwrap()
}

/// Seconds with four decimals as whole milliseconds.
fn millis(seconds: &Value) -> u64 {
    let text = seconds.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction: u64 = format!("{fraction:0<3}")[..3].parse().unwrap();
    whole.parse::<u64>().unwrap() * 1000 + fraction
}
