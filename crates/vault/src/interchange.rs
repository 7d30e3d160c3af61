//! The interchange format: a journal as it travels to another host or another program.
//!
//! `docs/journal-interchange.md` describes it for other implementations, and `vectors/journal_interchange/`
//! has cases that must be taken and cases that must be refused.

use std::collections::BTreeSet;

use countersign_wire::clarity::ClarityValue;
use countersign_wire::hash::sha256;
use countersign_wire::sip018::{self, Domain};
use countersign_wire::{
    BurnHeight, ChainId, ConsensusHash, MessageSignature, PublicKey, Sighash, StacksHeight,
    UnixSeconds,
};
use serde::{Deserialize, Serialize};

use crate::request::Mark;
use crate::standing::Standing;

/// Everything that binds a key, as its journal remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalExport {
    /// The key.
    pub public_key: PublicKey,
    /// When it was exported, by the exporter's clock.
    pub created_at: UnixSeconds,
    /// Whether the exporter signed at that time. The reason why a key is frozen stays at home.
    pub standing: Standing,
    /// The burn height from which on the exporter signs nothing.
    pub hold: Option<BurnHeight>,
    /// The height at and below which nothing new is signed.
    pub floor: Option<StacksHeight>,
    /// How many acceptances the journal was ever given.
    pub records: u64,
    /// How often it was opened.
    pub openings: u64,
    /// What was signed at and below the floor, by tenure, in the order of the tenures.
    pub spans: Vec<Span>,
    /// What was signed and is remembered block by block, by height and hash.
    pub acceptances: Vec<Mark>,
    /// The key's signature over all this.
    pub proof: Option<MessageSignature>,
}

/// Blocks of one tenure that are no longer remembered one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The tenure.
    pub tenure: ConsensusHash,
    /// The lowest height.
    pub lowest: StacksHeight,
    /// The highest height.
    pub highest: StacksHeight,
    /// How many blocks there were.
    pub blocks: u64,
}

/// Why a file is no export that can be believed. Nothing is taken from it.
#[derive(Debug, thiserror::Error)]
pub enum InterchangeError {
    /// It is something else, or it was cut.
    #[error("it is no exported journal, or it was cut: {0}")]
    Unreadable(serde_json::Error),
    /// It has another format, or a version that is not known.
    #[error(
        "it has the format `{format}`, version {version}; this reads `{FORMAT}`, version {VERSION}"
    )]
    Format {
        /// What it calls itself.
        format: String,
        /// Its version.
        version: u64,
    },
    /// Its hash is not that of its content.
    #[error(
        "its content does not have the hash that stands in it; it was changed or spoilt on the way"
    )]
    Changed,
    /// Its content makes no sense.
    #[error("its content makes no sense: {0}")]
    Inconsistent(&'static str),
    /// The signature in it is not by the key in it.
    #[error("its proof was not made by the key {0}")]
    ForeignProof(PublicKey),
}

impl InterchangeError {
    /// A short name, for programs and vectors.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Format { .. } => "format",
            Self::Changed => "changed",
            Self::Inconsistent(_) => "inconsistent",
            Self::ForeignProof(_) => "foreign-proof",
        }
    }
}

impl JournalExport {
    /// Reads an export and checks everything that can be checked without its journal.
    pub fn from_json(json: &[u8]) -> Result<Self, InterchangeError> {
        let head: Head = serde_json::from_slice(json).map_err(InterchangeError::Unreadable)?;
        if head.format != FORMAT || head.version != VERSION {
            let Head { format, version } = head;
            return Err(InterchangeError::Format { format, version });
        }
        let file: File = serde_json::from_slice(json).map_err(InterchangeError::Unreadable)?;
        file.into_export()?.verified()
    }

    /// The export, if its content makes sense and its proof, if it has one, is by its key.
    pub(crate) fn verified(self) -> Result<Self, InterchangeError> {
        self.check().map_err(InterchangeError::Inconsistent)?;
        match self.proof {
            Some(proof) if proof.recover(&self.proof_digest()) != Some(self.public_key) => {
                Err(InterchangeError::ForeignProof(self.public_key))
            }
            _ => Ok(self),
        }
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let file = File {
            format: FORMAT.to_owned(),
            version: VERSION,
            public_key: self.public_key.to_string(),
            created_at: self.created_at,
            standing: self.standing.name().to_owned(),
            standing_since: self.standing.since(),
            hold: self.hold,
            floor: self.floor,
            records: self.records,
            openings: self.openings,
            spans: self.spans.clone(),
            acceptances: self.acceptances.iter().map(Acceptance::of).collect(),
            sha256: hex::encode(self.digest()),
            proof: self.proof.map(|proof| proof.to_string()),
        };
        let mut text = serde_json::to_string_pretty(&file).expect("its keys are strings");
        text.push('\n');
        text
    }

    /// SHA-256 over the content in a fixed form: what stands in the file as `sha256`.
    pub fn digest(&self) -> [u8; 32] {
        let optional = |value: Option<u64>| {
            let mut bytes = vec![u8::from(value.is_some())];
            bytes.extend(value.unwrap_or(0).to_be_bytes());
            bytes
        };
        let number = |number: u64| number.to_be_bytes();
        let mut bytes = DIGEST_PREFIX.to_vec();
        bytes.extend(self.public_key.as_bytes());
        bytes.extend(number(self.created_at.get()));
        bytes.push(match self.standing {
            Standing::Active => 0,
            Standing::Demoted { .. } => 1,
            Standing::Frozen { .. } => 2,
        });
        bytes.extend(number(self.standing.since().get()));
        bytes.extend(optional(self.hold.map(BurnHeight::get)));
        bytes.extend(optional(self.floor.map(StacksHeight::get)));
        bytes.extend(number(self.records));
        bytes.extend(number(self.openings));
        bytes.extend(number(self.spans.len() as u64));
        for Span { tenure, lowest, highest, blocks } in &self.spans {
            bytes.extend(tenure.as_bytes());
            bytes.extend([lowest.get(), highest.get(), *blocks].map(number).concat());
        }
        bytes.extend(number(self.acceptances.len() as u64));
        for Mark { sighash, height, tenure, at } in &self.acceptances {
            bytes.extend(sighash.as_bytes());
            bytes.extend(number(height.get()));
            bytes.extend(tenure.as_bytes());
            bytes.extend(number(at.get()));
        }
        sha256(&[&bytes])
    }

    /// What the key signs to prove that the export is its own: in a SIP-018 domain of its own, so that the
    /// signature is valid for nothing else.
    pub fn proof_digest(&self) -> [u8; 32] {
        let data = ClarityValue::Buffer(self.digest().to_vec());
        sip018::digest(&Domain::v1("countersign-journal", ChainId::MAINNET), &data)
    }

    /// Whether the exporter had stopped for good and the key says so: what a planned move needs.
    pub fn is_proven_demotion(&self) -> bool {
        !self.standing.is_active() && self.proof.is_some()
    }

    /// The export as it goes into a backup, from which marks are only ever raised. It is no word on who signs,
    /// and who signs may have changed when it is read: a proof that the exporter had stopped is taken away.
    #[must_use]
    pub fn for_backup(self) -> Self {
        let proof = self.proof.filter(|_| self.standing.is_active());
        Self { proof, ..self }
    }

    /// An export of nothing but these signatures of a key, which another memory than its journal knows. It has
    /// no proof. Of two marks of one block the first counts.
    pub fn of_marks(key: PublicKey, at: UnixSeconds, mut marks: Vec<Mark>) -> Self {
        let mut known = BTreeSet::new();
        marks.retain(|mark| known.insert(mark.sighash));
        marks.sort_unstable_by_key(|mark| (mark.height, mark.sighash));
        Self {
            public_key: key,
            created_at: at,
            standing: Standing::Active,
            hold: None,
            floor: None,
            records: marks.len() as u64,
            openings: 0,
            spans: Vec::new(),
            acceptances: marks,
            proof: None,
        }
    }

    /// The height of the highest block that was signed.
    pub fn highest(&self) -> Option<StacksHeight> {
        self.acceptances.last().map(|mark| mark.height).max(self.floor)
    }

    fn check(&self) -> Result<(), &'static str> {
        let fits = |number: u64| i64::try_from(number).is_ok();
        let times = [self.created_at, self.standing.since()].map(UnixSeconds::get);
        if ![self.openings].into_iter().chain(times).all(fits) || self.records > MAX_COUNT {
            return Err("a counter or a time is out of range");
        }
        if ![self.hold.map(BurnHeight::get), self.floor.map(StacksHeight::get)]
            .into_iter()
            .flatten()
            .all(fits)
        {
            return Err("a height is out of range");
        }
        if !self.spans.is_sorted_by_key(|span| span.tenure)
            || self.spans.iter().any(|span| Some(span.highest) > self.floor)
            || self.spans.iter().any(|span| span.lowest > span.highest || span.blocks == 0)
            || self.spans.iter().any(|span| span.blocks > MAX_COUNT)
        {
            return Err("a span is out of order, empty or above the floor");
        }
        let tenures: BTreeSet<_> = self.spans.iter().map(|span| span.tenure).collect();
        let hashes: BTreeSet<_> = self.acceptances.iter().map(|mark| mark.sighash).collect();
        if tenures.len() < self.spans.len() || hashes.len() < self.acceptances.len() {
            return Err("a tenure or a block is listed twice");
        }
        if !self.acceptances.is_sorted_by_key(|mark| (mark.height, mark.sighash))
            || !self.acceptances.iter().all(|mark| fits(mark.height.get()) && fits(mark.at.get()))
        {
            return Err("an acceptance is out of order or out of range");
        }
        let listed = self.spans.iter().map(|span| span.blocks).fold(0_u64, u64::saturating_add);
        if listed.saturating_add(self.acceptances.len() as u64) > self.records {
            return Err("it lists more acceptances than it counts");
        }
        Ok(())
    }
}

/// What every version has.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    version: u64,
    public_key: String,
    created_at: UnixSeconds,
    standing: String,
    standing_since: UnixSeconds,
    hold: Option<BurnHeight>,
    floor: Option<StacksHeight>,
    records: u64,
    openings: u64,
    spans: Vec<Span>,
    acceptances: Vec<Acceptance>,
    sha256: String,
    proof: Option<String>,
}

/// An entry of `acceptances`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acceptance {
    sighash: Sighash,
    height: StacksHeight,
    tenure: ConsensusHash,
    at: UnixSeconds,
}

impl Acceptance {
    fn of(&Mark { sighash, height, tenure, at }: &Mark) -> Self {
        Self { sighash, height, tenure, at }
    }
}

impl File {
    /// The export, if the hash in the file is the hash of its content.
    fn into_export(self) -> Result<JournalExport, InterchangeError> {
        let wrong = InterchangeError::Inconsistent;
        let public_key = self.public_key.parse().map_err(|_| wrong("its key is no public key"))?;
        let standing = Standing::from_parts(&self.standing, self.standing_since, String::new())
            .filter(|standing| standing.since() == self.standing_since)
            .ok_or_else(|| wrong("there is no such standing"))?;
        let proof = match self.proof.map(|text| text.parse()) {
            None => None,
            Some(Ok(proof)) => Some(proof),
            Some(Err(_)) => return Err(wrong("its proof is no signature")),
        };
        let mark =
            |Acceptance { sighash, height, tenure, at }| Mark { sighash, height, tenure, at };
        let export = JournalExport {
            public_key,
            created_at: self.created_at,
            standing,
            hold: self.hold,
            floor: self.floor,
            records: self.records,
            openings: self.openings,
            spans: self.spans,
            acceptances: self.acceptances.into_iter().map(mark).collect(),
            proof,
        };
        let is_whole = self.sha256 == hex::encode(export.digest());
        is_whole.then_some(export).ok_or(InterchangeError::Changed)
    }
}

/// What the format calls itself.
const FORMAT: &str = "stacks-signing-journal";
const VERSION: u64 = 1;
/// How many blocks may be counted: more than any key signs, and few enough that the counts of many exports can be
/// added.
const MAX_COUNT: u64 = 1 << 53;
const DIGEST_PREFIX: &[u8] = b"stacks-signing-journal/1\n";
