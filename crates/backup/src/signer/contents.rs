//! What is in a backup: a tar of a few small files, each with its hash in the first of them.

use std::collections::BTreeMap;
use std::io::{self, Read as _};

use countersign_vault::{InterchangeError, JournalExport};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, EntryType, Header};

/// Everything in a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// What it is.
    pub about: About,
    /// What each key has signed. None of them proves a demotion.
    pub journals: Vec<JournalExport>,
    /// The store, as one SQLite file.
    pub store: Vec<u8>,
    /// What the configuration says, without its secrets; for people.
    pub config: String,
}

/// What a backup is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The version of this format, 1.
    pub format: u32,
    /// When it was made, in seconds since 1970.
    pub made_at: u64,
    /// The program that made it.
    pub version: String,
    /// The network.
    pub network: String,
    /// The keys.
    pub keys: Vec<KeyFact>,
    /// How far the store was.
    pub heights: Heights,
    /// Length and SHA-256 of each other file, by its name.
    files: BTreeMap<String, Sum>,
}

/// A key in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFact {
    /// The key, in hex.
    pub public_key: String,
    /// How many signed blocks are known of it one by one.
    pub marks: u64,
    /// The height of the highest.
    pub highest: Option<u64>,
    /// Why its journal was not to be had, if it was not: then the marks are those that the store knows.
    pub withheld: Option<String>,
}

/// How far a store is. A later one is larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heights {
    /// The highest burn block that it has seen.
    pub burn: Option<u64>,
    /// The highest Stacks block that it remembers.
    pub stacks: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sum {
    bytes: u64,
    sha256: String,
}

/// What is wrong with a backup. Nothing is taken from it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It is no tar, or was cut.
    #[error("it is no backup of a signer, or it was cut")]
    NoArchive(#[source] io::Error),
    /// It lacks a file.
    #[error("it lacks the file {0}; it was cut, or it is no backup of a signer")]
    Missing(String),
    /// It has a file that it should not have.
    #[error("it has a file {0:?} too many")]
    Unexpected(String),
    /// A file is not what was written.
    #[error("its file {0} is not what was written")]
    Changed(String),
    /// Its description makes no sense.
    #[error("its description is not understood")]
    About(#[source] serde_json::Error),
    /// A later version made it.
    #[error("it has format {found}, and this program knows {FORMAT}; use the release that made it")]
    Format {
        /// Its format.
        found: u32,
    },
    /// A journal in it is none.
    #[error("the journal {name} in it cannot be used")]
    Journal {
        /// The name of its file.
        name: String,
        /// What is wrong with it.
        #[source]
        source: InterchangeError,
    },
    /// A journal in it is another key's than its name says, or a key has none.
    #[error("the journal {0} in it belongs to another key")]
    OtherKey(String),
}

impl Contents {
    /// The contents of a backup that is made now.
    pub fn new(
        (made_at, version, network): (u64, String, String),
        journals: Vec<(JournalExport, Option<String>)>,
        (store, heights): (Vec<u8>, Heights),
        config: String,
    ) -> Self {
        let keys = journals.iter().map(|(journal, withheld)| KeyFact {
            public_key: journal.public_key.to_string(),
            marks: journal.acceptances.len() as u64,
            highest: journal.highest().map(countersign_wire::StacksHeight::get),
            withheld: withheld.clone(),
        });
        let keys = keys.collect();
        let files = BTreeMap::new();
        let about = About { format: FORMAT, made_at, version, network, keys, heights, files };
        let journals = journals.into_iter().map(|(journal, _)| journal.for_backup()).collect();
        let mut contents = Self { about, journals, store, config };
        contents.about.files =
            contents.files().into_iter().map(|(name, data)| (name, Sum::of(&data))).collect();
        contents
    }

    /// The files but for the description.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let journals = self.journals.iter().map(|journal| {
            (journal_name(&journal.public_key.to_string()), journal.to_json().into_bytes())
        });
        let others = [
            (STORE.to_owned(), self.store.clone()),
            (CONFIG.to_owned(), self.config.clone().into_bytes()),
        ];
        journals.chain(others).collect()
    }

    /// The tar.
    pub fn to_tar(&self) -> Vec<u8> {
        let about = serde_json::to_vec_pretty(&self.about).expect("it is strings and numbers");
        let mut tar = Builder::new(Vec::new());
        for (name, data) in [(ABOUT.to_owned(), about)].into_iter().chain(self.files()) {
            let mut header = Header::new_gnu();
            header.set_size(data.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(self.about.made_at);
            tar.append_data(&mut header, name, &data[..]).expect("memory can be written");
        }
        tar.into_inner().expect("memory can be written")
    }

    /// What a tar holds, if every file is what was written and none is missing.
    pub fn from_tar(tar: &[u8]) -> Result<Self, Fault> {
        let mut files = read_files(tar)?;
        let mut take =
            |name: &str| files.remove(name).ok_or_else(|| Fault::Missing(name.to_owned()));
        let about = take(ABOUT)?;
        let head: Head = serde_json::from_slice(&about).map_err(Fault::About)?;
        if head.format != FORMAT {
            return Err(Fault::Format { found: head.format });
        }
        let about: About = serde_json::from_slice(&about).map_err(Fault::About)?;
        for (name, sum) in &about.files {
            let data = files.get(name).ok_or_else(|| Fault::Missing(name.clone()))?;
            if *sum != Sum::of(data) {
                return Err(Fault::Changed(name.clone()));
            }
        }
        if let Some(name) = files.keys().find(|name| !about.files.contains_key(*name)) {
            return Err(Fault::Unexpected(name.clone()));
        }
        let mut take =
            |name: &str| files.remove(name).ok_or_else(|| Fault::Missing(name.to_owned()));
        let mut journals = Vec::new();
        for key in &about.keys {
            let name = journal_name(&key.public_key);
            let journal = JournalExport::from_json(&take(&name)?);
            let journal =
                journal.map_err(|source| Fault::Journal { name: name.clone(), source })?;
            if journal.public_key.to_string() != key.public_key {
                return Err(Fault::OtherKey(name));
            }
            journals.push(journal.for_backup());
        }
        let (store, config) = (take(STORE)?, String::from_utf8_lossy(&take(CONFIG)?).into_owned());
        match files.into_keys().next() {
            Some(name) => Err(Fault::Unexpected(name)),
            None => Ok(Self { about, journals, store, config }),
        }
    }
}

/// What every version has.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Sum {
    fn of(data: &[u8]) -> Self {
        Self { bytes: data.len() as u64, sha256: hex::encode(Sha256::digest(data)) }
    }
}

fn read_files(tar: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let mut files = BTreeMap::new();
    for entry in Archive::new(tar).entries().map_err(Fault::NoArchive)? {
        let mut entry = entry.map_err(Fault::NoArchive)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type() != EntryType::Regular {
            return Err(Fault::Unexpected(name));
        }
        let mut data = Vec::new();
        entry.read_to_end(&mut data).map_err(Fault::NoArchive)?;
        if files.insert(name.clone(), data).is_some() {
            return Err(Fault::Unexpected(name));
        }
    }
    Ok(files)
}

fn journal_name(key: &str) -> String {
    format!("journal-{key}.json")
}

/// The format that this program writes and reads.
pub(super) const FORMAT: u32 = 1;
const ABOUT: &str = "about.json";
const STORE: &str = "store.sqlite";
const CONFIG: &str = "config.txt";
