//! What a search found, what it could not read, and how much it read.

use std::fmt;
use std::path::PathBuf;

use countersign_wire::PublicKey;
use serde::{Serialize, Serializer};

use super::form::Form;

/// What a search came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The keys that were found, in the order of the search. At most [`Report::MOST_FINDINGS`].
    pub findings: Vec<Finding>,
    /// What could not be read, or not to its end: keys may be there. At most [`Report::MOST_UNREAD`].
    pub unread: Vec<Unread>,
    /// How much was read.
    pub totals: Totals,
}

impl Report {
    /// Whoever has this many has enough to do.
    pub const MOST_FINDINGS: usize = 10_000;
    /// Of what could not be read, the first ones are told.
    pub const MOST_UNREAD: usize = 1_000;

    /// Whether everything was read.
    pub fn is_complete(&self) -> bool {
        self.totals.unread == 0
    }
}

/// One place where one of our private keys is. It never holds the key, nor a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, or for a Git object the repository's folder.
    pub path: PathBuf,
    /// The way from the file to the text that holds the key, the outermost step first.
    pub inside: Vec<Inside>,
    /// The line of that text, from 1; absent in what is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Where in that text the key begins, in bytes from 0; of an encoded text, where that begins.
    pub offset: u64,
    /// How the key is written, the outermost form first.
    pub forms: Vec<Form>,
    /// The public half of the key.
    #[serde(serialize_with = "as_text")]
    pub public_key: PublicKey,
    /// What to do.
    pub remedy: Remedy,
}

/// One step into something that holds other things.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Inside {
    /// A file of an archive, such as a layer of an image or a file of a layer.
    Member(String),
    /// What is compressed: the name of the compression.
    Unpacked(&'static str),
    /// An object of Git.
    Object(Object),
    /// The name of the file, of the member or of the folder: not its content.
    Name,
}

/// An object in a Git repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Object {
    /// Its id.
    pub id: String,
    /// Blob, tree, commit or tag.
    pub kind: &'static str,
    /// Which commits hold it, if they were looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
}

/// Where in the history an object is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct History {
    /// The oldest commit that holds the object; none if none does, as after `git add` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The path of the object in that commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How many commits hold it.
    pub commits: usize,
    /// The refs from which one of these commits can be reached, and reflogs; at most [`History::MOST_REFS`].
    pub refs: Vec<String>,
    /// How many more refs there are.
    pub more_refs: usize,
    /// Whether the search for commits and refs was ended early or could not read something.
    pub is_partial: bool,
}

impl History {
    /// This many refs are named.
    pub const MOST_REFS: usize = 20;
}

/// What to do about a key that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// A file: whoever could read it may have the key.
    Destroy,
    /// An archive or an image: each copy of it has the key.
    Withdraw,
    /// A Git repository: each clone of it has the key.
    Rewrite,
}

impl Remedy {
    /// What to do, in one sentence or two.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Destroy => {
                "If anybody else could read this file or a backup of it, rotate the key first. Then \
                 destroy the file (shred -u)"
            }
            Self::Withdraw => {
                "Each copy of this archive or image has the key: consider it lost and rotate it first. Then \
                 delete the archive wherever it was copied or pushed, and build it anew without the key"
            }
            Self::Rewrite => {
                "Each clone of this repository may have the key: consider it lost and rotate it first. Then \
                 rewrite the history (git filter-repo), expire the reflogs and prune, here and on every server"
            }
        }
    }
}

/// Something that could not be read, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The file or folder.
    pub path: PathBuf,
    /// The way from the file to what could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Inside>,
    /// Why.
    pub reason: String,
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Files on disk.
    pub files: u64,
    /// Objects of Git repositories.
    pub objects: u64,
    /// Bytes that were searched, unpacked.
    pub bytes: u64,
    /// Public keys that were derived.
    pub candidates: u64,
    /// Findings, whether they are listed or not.
    pub findings: u64,
    /// What could not be read, whether it is listed or not.
    pub unread: u64,
}

/// `FILE » MEMBER, line 3`, without what could confuse a terminal.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        place(f, &self.path, &self.inside)?;
        match self.line {
            Some(line) => write!(f, ", line {line}"),
            None => write!(f, ", byte {}", self.offset),
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        place(f, &self.path, &self.inside)?;
        write!(f, ": {}", printable(&self.reason))
    }
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name) => f.write_str(&printable(name)),
            Self::Unpacked(name) => write!(f, "({name})"),
            Self::Object(Object { id, kind, .. }) => write!(f, "{kind} {id}"),
            Self::Name => f.write_str("(its name)"),
        }
    }
}

/// Where in the history an object is, as a line for each fact.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.commit, &self.path) {
            (Some(commit), Some(path)) => {
                write!(f, "{} in commit {commit}", printable(path))?;
            }
            (Some(commit), None) => write!(f, "commit {commit}")?,
            (None, _) => write!(f, "in no commit: staged once, or left over")?,
        }
        if self.commits > 1 {
            write!(f, " and {} later", self.commits - 1)?;
        }
        if self.commit.is_some() {
            match self.refs.as_slice() {
                [] => write!(f, "; no ref reaches it")?,
                refs => write!(f, "; reached by {}", printable(&refs.join(", ")))?,
            }
        }
        if self.more_refs > 0 {
            write!(f, " and {} more", self.more_refs)?;
        }
        if self.is_partial {
            write!(f, " (not all of the history could be followed)")?;
        }
        Ok(())
    }
}

fn place(f: &mut fmt::Formatter<'_>, path: &std::path::Path, inside: &[Inside]) -> fmt::Result {
    f.write_str(&printable(&path.to_string_lossy()))?;
    for step in inside {
        write!(f, " » {step}")?;
    }
    Ok(())
}

/// The text with control characters, which names of files may have, written as escapes.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if is_confusing(c) { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// Control characters, and those that turn the direction of writing.
fn is_confusing(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn as_text<S: Serializer>(key: &PublicKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(key)
}
