//! What is on file about a block, for people: its way in time, then the votes.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use countersign_signer::{Note, Timestamp};
use countersign_wire::{Sighash, SlotId, Weight};

use super::translate::translate;
use super::{Explanation, Judgement, VoteKind, What};

/// Colours of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Plain,
    Good,
    Bad,
    Faint,
}

impl Explanation {
    /// The text for people, with the colours of a terminal if `in_colour`.
    pub fn in_words(&self, in_colour: bool) -> String {
        let mut out = String::new();
        self.write(&mut out, in_colour).expect("writing into a string does not fail");
        out
    }

    fn write(&self, out: &mut String, in_colour: bool) -> fmt::Result {
        writeln!(out, "block    {}", self.block)?;
        if let Some(id) = self.block_id {
            writeln!(out, "block id {id}")?;
        }
        if let Some((height, tenure)) = self.place() {
            writeln!(out, "height   {height} in tenure {tenure}")?;
        }
        writeln!(out, "outcome  {}", self.outcome())?;
        let Some(first) = self.entries.first() else { return Ok(()) };
        writeln!(out, "\n{}, and how much later:", utc(first.at))?;
        for entry in &self.entries {
            let Some((tone, text)) = told(self.block, &entry.what) else { continue };
            let after = entry.at.since(first.at).get();
            writeln!(out, "{} {}", span(after), paint(tone, &text, in_colour))?;
            if let What::Judged(judgement) = &entry.what {
                for line in grounds(judgement, entry.at) {
                    writeln!(out, "{:>12} {}", "", paint(Tone::Faint, &line, in_colour))?;
                }
            }
        }
        self.write_votes(out, first.at)?;
        if self.unreadable_lines > 0 {
            let count = self.unreadable_lines;
            writeln!(out, "\n{count} lines of the log are cut off or of another version.")?;
        }
        Ok(())
    }

    fn place(&self) -> Option<(String, String)> {
        self.entries.iter().find_map(|entry| match &entry.what {
            What::Received { height, tenure, .. } => Some((height.to_string(), tenure.to_string())),
            _ => None,
        })
    }

    /// Where it has ended, as far as is on file: the network's decision, then ours.
    pub fn outcome(&self) -> String {
        let ours = self.entries.iter().rev().find_map(|entry| match &entry.what {
            What::AcceptanceSent { .. } => Some("we signed it".to_owned()),
            What::RejectionSent { text, .. } => Some(format!("we rejected it: {text}")),
            What::VaultRefused { rival } if *rival == self.block => Some(UNSIGNED.to_owned()),
            What::VaultRefused { .. } => Some("the vault refused to sign it".to_owned()),
            What::Ignored { why } => Some(format!("we did not answer: {why}")),
            What::PromiseSent => Some("we promised to sign it".to_owned()),
            _ => None,
        });
        let network = self.entries.iter().rev().find_map(|entry| match &entry.what {
            What::GloballyAccepted { .. } | What::Announced { .. } => {
                Some("it is part of the chain")
            }
            What::GloballyRejected { .. } => Some("the network rejected it"),
            What::ThresholdReached { .. } => Some("enough have signed it"),
            _ => None,
        });
        match (network, ours) {
            (Some(network), Some(ours)) => format!("{network}; {ours}"),
            (Some(network), None) => format!("{network}; we said nothing"),
            (None, Some(ours)) => ours,
            (None, None) => "nothing was decided".to_owned(),
        }
    }

    fn write_votes(&self, out: &mut String, first: Timestamp) -> fmt::Result {
        let mut signers: BTreeMap<SlotId, (Weight, Vec<String>)> = BTreeMap::new();
        for entry in &self.entries {
            if let What::Vote { by, vote, reason, own, .. } = &entry.what {
                let (weight, said) = signers.entry(*by).or_insert((*own, Vec::new()));
                *weight = *own;
                let after = span(entry.at.since(first).get());
                let reason = reason.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
                said.push(format!("{}{reason} {}", name(*vote), after.trim_start()));
            }
        }
        if signers.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nsigner  weight  said")?;
        for (signer, (weight, said)) in signers {
            writeln!(out, "{signer:>6}  {weight:>6}  {}", said.join(", "))?;
        }
        Ok(())
    }
}

/// What is said of a block that came while this instance only listened, or its vault let nobody sign.
const UNSIGNED: &str = "we did not sign it: nothing was signed at that moment";

/// What `note` says about a block in a line; none for votes of others.
pub(crate) fn told_of(note: &Note) -> Option<(Sighash, String)> {
    let (block, what) = translate(note)?;
    told(block, &what).map(|(_, text)| (block, text))
}

/// What one entry about a block says; none of votes.
pub(super) fn told_plainly(block: Sighash, what: &What) -> Option<String> {
    told(block, what).map(|(_, text)| text)
}

/// The line about one entry of a block; none for votes, which have a table of their own.
fn told(block: Sighash, what: &What) -> Option<(Tone, String)> {
    Some(match what {
        What::Vote { .. } => return None,
        What::Judged(judgement) => judged(judgement),
        What::Received { .. } => (Tone::Plain, "proposed to us".to_owned()),
        What::Repeated { then } => (Tone::Plain, format!("proposed again: {then}")),
        What::Ignored { why } => (Tone::Bad, format!("not answered: {why}")),
        What::EarlyVote { by, vote, .. } => {
            (Tone::Faint, format!("signer {by} said {} before we knew the block", name(*vote)))
        }
        What::ThresholdReached { weight } => {
            (Tone::Good, format!("enough have signed: weight {weight}"))
        }
        What::GloballyRejected { weight } => {
            (Tone::Bad, format!("it can no longer be approved: weight {weight} rejects it"))
        }
        What::GloballyAccepted { .. } => (Tone::Good, "part of the chain".to_owned()),
        What::Uploaded => (Tone::Plain, "the node took the block from us".to_owned()),
        What::Pushed => (Tone::Plain, "a miner pushed the signed block".to_owned()),
        What::Announced { .. } => (Tone::Plain, "the node has processed it".to_owned()),
        validation_or_answer => told_of_us(block, validation_or_answer)?,
    })
}

fn told_of_us(block: Sighash, what: &What) -> Option<(Tone, String)> {
    Some(match what {
        What::ValidationRequested => (Tone::Plain, "handed to the node to validate".to_owned()),
        What::ValidationQueued { why } => (Tone::Plain, format!("validation waits: {why}")),
        What::ValidationFailed { said } => {
            (Tone::Bad, format!("the node would not validate it: {said}"))
        }
        What::Verdict { valid, took_ms } => {
            let took = took_ms.map(|took| format!(" (it took {took} ms)")).unwrap_or_default();
            let (tone, valid) = if *valid { (Tone::Good, "") } else { (Tone::Bad, "not ") };
            (tone, format!("the node finds it {valid}valid{took}"))
        }
        What::ValidationTimedOut { after_ms } => {
            (Tone::Bad, format!("no verdict within {after_ms} ms"))
        }
        What::PromiseSent => (Tone::Good, "our promise is published".to_owned()),
        What::SignatureOrdered { .. } => (Tone::Plain, "the vault is asked to sign".to_owned()),
        // A block is its own rival while nothing is signed at all.
        What::VaultRefused { rival } if *rival == block => (Tone::Bad, UNSIGNED.to_owned()),
        What::VaultRefused { rival } => {
            (Tone::Bad, format!("the vault refuses: it would contradict the signature on {rival}"))
        }
        What::AcceptanceSent { latency_ms } => (
            Tone::Good,
            format!("our signature is published, {latency_ms} ms after the block's timestamp"),
        ),
        What::RejectionSent { text, reason, .. } => {
            (Tone::Bad, format!("our rejection is published: {text} ({reason})"))
        }
        _ => return None,
    })
}

fn judged(judgement: &Judgement) -> (Tone, String) {
    let reason = judgement.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let (tone, decided) = match judgement.conclusion.as_str() {
        "validate" => (Tone::Good, "judged: let the node validate it"),
        "hold" => (Tone::Plain, "judged: wait until the signers agree"),
        "promise" => (Tone::Good, "judged: promise to sign"),
        "sign" => (Tone::Good, "judged: sign"),
        "withhold" => (Tone::Bad, "judged: do not sign now"),
        "reject" => (Tone::Bad, "judged: reject"),
        other => return (Tone::Plain, format!("judged: {other}{reason}")),
    };
    (tone, format!("{decided}{reason}"))
}

fn grounds(judgement: &Judgement, at: Timestamp) -> Vec<String> {
    let mut lines = vec![format!("rule {}: {}", judgement.rule, judgement.asks)];
    for rival in &judgement.rivals {
        lines.push(format!("beside {}: {}", rival.block, rival.why));
    }
    let burn = match (judgement.burn_height, judgement.burn_block) {
        (Some(height), Some(block)) => format!("burn block {height} ({block})"),
        _ => "no burn block yet".to_owned(),
    };
    lines.push(format!("read at {burn}, Stacks height {}", judgement.stacks_height));
    let version = judgement.version.map_or("no version".to_owned(), |v| format!("version {v}"));
    let state = judgement.agreed.as_ref().map_or("no state".to_owned(), |agreed| {
        let miner = match &agreed.tenure {
            Some(tenure) => format!("the miner of tenure {tenure}"),
            None => "no valid miner".to_owned(),
        };
        format!("burn block {}, {miner}", agreed.burn_height)
    });
    lines.push(format!("the signers agreed on {version} and {state}"));
    for fact in &judgement.facts {
        let before = at.since(fact.at).get();
        lines.push(format!("the node said {before} ms before of {}: {}", fact.asked, fact.said));
    }
    lines
}

pub(super) const fn name(vote: VoteKind) -> &'static str {
    match vote {
        VoteKind::PreCommit => "pre-commit",
        VoteKind::Acceptance => "acceptance",
        VoteKind::Rejection => "rejection",
    }
}

/// Twelve columns: `+1.234 s`.
fn span(millis: u64) -> String {
    let mut text = String::new();
    write!(text, "+{}.{:03} s", millis / 1000, millis % 1000)
        .expect("writing into a string does not fail");
    format!("{text:>12}")
}

fn paint(tone: Tone, text: &str, in_colour: bool) -> String {
    let code = match tone {
        _ if !in_colour => return text.to_owned(),
        Tone::Plain => return text.to_owned(),
        Tone::Good => 32,
        Tone::Bad => 31,
        Tone::Faint => 2,
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// `2026-11-21 03:45:49.123 UTC`.
pub(crate) fn utc(at: Timestamp) -> String {
    countersign_logs::time::utc(at.as_millis())
}
