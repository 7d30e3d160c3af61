//! The tables, and finding a line in them.

use aho_corasick::AhoCorasick;
use serde::{Deserialize, Serialize};

use super::Form;

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// Ours: signer, vault and link.
    Countersign,
    /// The reference signer.
    StacksSigner,
    /// The Stacks node.
    StacksNode,
    /// The sBTC signer.
    SbtcSigner,
    /// Bitcoin Core.
    Bitcoind,
}

impl Program {
    /// Every program.
    pub const ALL: [Self; 5] =
        [Self::Countersign, Self::StacksSigner, Self::StacksNode, Self::SbtcSigner, Self::Bitcoind];

    /// Its name, as in a unit or on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Countersign => "countersign",
            Self::StacksSigner => "stacks-signer",
            Self::StacksNode => "stacks-node",
            Self::SbtcSigner => "sbtc-signer",
            Self::Bitcoind => "bitcoind",
        }
    }
}

/// How much a line matters. Not the level that its program gives it: some say errors that are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// What a healthy program says.
    Routine,
    /// Worth knowing; it heals by itself, or matters only if it goes on.
    Note,
    /// Somebody must do something, today.
    Act,
    /// Somebody must do something now.
    Page,
}

/// The level that Countersign gives a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// One line per decision.
    Info,
    /// It heals by itself.
    Warn,
    /// A human must act.
    Error,
}

/// What is known about a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// A part of the line.
    pub phrase: String,
    /// Whose line it is; anybody's if there is none.
    #[serde(default)]
    pub programs: Vec<Program>,
    /// The level that the signers give it, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// How much it matters.
    pub severity: Severity,
    /// What it means.
    pub meaning: String,
    /// What to do, if there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// A page that says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub see: Option<String>,
    /// Where the knowledge comes from.
    pub source: String,
    /// A line that it explains.
    #[serde(skip_serializing)]
    pub example: String,
}

#[derive(Deserialize)]
struct Table {
    entry: Vec<Entry>,
}

/// Everything that is known.
#[derive(Debug)]
pub struct Corpus {
    entries: Vec<Entry>,
    phrases: AhoCorasick,
}

impl Default for Corpus {
    fn default() -> Self {
        Self::new()
    }
}

impl Corpus {
    /// Reads the tables that are part of the program.
    pub fn new() -> Self {
        let mut entries = Vec::new();
        for table in TABLES {
            let table: Table = toml::from_str(table).expect("the tables are read by a test");
            entries.extend(table.entry);
        }
        let phrases = AhoCorasick::new(entries.iter().map(|entry| &entry.phrase))
            .expect("so few phrases fit into an automaton");
        Self { entries, phrases }
    }

    /// Every entry.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is known about a line: the entry with the longest phrase that is in it, and its number.
    pub fn find(&self, form: &Form<'_>) -> Option<(usize, &Entry)> {
        let found = self.phrases.find_overlapping_iter(form.message.as_ref());
        let known = found.filter_map(|found| {
            let index = found.pattern().as_usize();
            let entry = self.entries.get(index)?;
            entry.may_be_of(form.program).then_some((index, entry))
        });
        known.max_by_key(|(index, entry)| (entry.phrase.len(), std::cmp::Reverse(*index)))
    }
}

impl Entry {
    /// Whether the line of a program may be meant. If nobody knows whose line it is, short phrases are too common.
    fn may_be_of(&self, program: Option<Program>) -> bool {
        if self.programs.is_empty() {
            return true;
        }
        match program {
            None => self.phrase.len() >= TELLING,
            // Countersign runs under that name, too.
            Some(Program::StacksSigner) => {
                self.programs.contains(&Program::StacksSigner)
                    || self.programs.contains(&Program::Countersign)
            }
            Some(program) => self.programs.contains(&program),
        }
    }
}

/// A phrase of so many bytes says whose it is.
const TELLING: usize = 20;

const TABLES: [&str; 7] = [
    include_str!("corpus/both.toml"),
    include_str!("corpus/reference.toml"),
    include_str!("corpus/countersign.toml"),
    include_str!("corpus/node.toml"),
    include_str!("corpus/bitcoin.toml"),
    include_str!("corpus/sbtc.toml"),
    include_str!("corpus/system.toml"),
];
