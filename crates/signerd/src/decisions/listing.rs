//! Many blocks at once: the lines of the log, one after the other.

use std::collections::VecDeque;

use countersign_signer::Timestamp;
use countersign_wire::Sighash;
use serde_json::Value;

use super::read::each_line;
use super::story::{name, told_plainly, utc};
use super::{Entry, Files, ReadError, What};

/// Which lines are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// From this time on, in milliseconds since 1970.
    pub since: Option<u64>,
    /// Before this time, in milliseconds since 1970.
    pub until: Option<u64>,
    /// What happened, as `what` names it, such as `rejection-sent`; everything if there is none.
    pub what: Vec<String>,
    /// Signers' votes, too, if `what` names nothing.
    pub votes: bool,
    /// The last so many of them.
    pub last: Option<usize>,
}

/// A line of the log.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The line as it stands in the file.
    pub line: String,
    /// The same for people.
    pub text: String,
}

/// The lines that are `wanted`, oldest first.
///
/// # Errors
/// If there is no log, or it cannot be read.
pub fn list(files: &Files, wanted: &Wanted, mut show: impl FnMut(Listed)) -> Result<(), ReadError> {
    let mut kept = VecDeque::new();
    each_line(files, |line| {
        let Ok(entry) = serde_json::from_slice::<Entry>(line) else { return };
        let Some(listed) = wanted.listed(&entry, line) else { return };
        match wanted.last {
            None => show(listed),
            Some(last) => {
                kept.push_back(listed);
                if kept.len() > last {
                    kept.pop_front();
                }
            }
        }
    })?;
    kept.into_iter().for_each(show);
    Ok(())
}

impl Wanted {
    fn listed(&self, entry: &Entry, line: &[u8]) -> Option<Listed> {
        let is_early = self.since.is_some_and(|since| entry.at.as_millis() < since);
        let is_late = self.until.is_some_and(|until| entry.at.as_millis() >= until);
        let is_vote = matches!(entry.what, What::Vote { .. } | What::EarlyVote { .. });
        if is_early || is_late || (self.what.is_empty() && is_vote && !self.votes) {
            return None;
        }
        if !self.what.is_empty() {
            let name = name_of(line)?;
            self.what.contains(&name).then_some(())?;
        }
        let text = in_words(entry.at, entry.block, &entry.what);
        Some(Listed { line: String::from_utf8_lossy(line).into_owned(), text })
    }
}

fn name_of(line: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(line).ok()?;
    value.get("what")?.as_str().map(str::to_owned)
}

fn in_words(at: Timestamp, block: Sighash, what: &What) -> String {
    let said = match what {
        What::Vote { by, vote, own, sum, of, .. } => {
            format!("signer {by}: {} (weight {own}; {sum} of {of})", name(*vote))
        }
        other => told_plainly(block, other).unwrap_or_default(),
    };
    let rule = match what {
        What::Judged(judgement) => format!(" [rule {}]", judgement.rule),
        _ => String::new(),
    };
    let block = block.to_string();
    format!("{}  {}  {said}{rule}", utc(at), block.get(..12).unwrap_or(&block))
}
