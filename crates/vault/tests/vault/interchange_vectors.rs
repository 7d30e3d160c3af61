//! The conformance vectors of the interchange format.

use std::fs;
use std::path::PathBuf;

use countersign_vault::{JournalExport, Mark, Span, Standing, Vault};
use countersign_wire::{BurnHeight, ConsensusHash, PrivateKey, StacksHeight, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::interchange::{marks_of, sighash};
use crate::support::{key, other_key};

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    origin: String,
    /// The secret key of every export but those that are another key's. It controls nothing.
    secret_key: String,
    /// Taken over one after the other by an empty journal.
    accepted: Vec<Accepted>,
    /// Not taken: the reason is the last one's, and the marks are those of the ones before.
    refused: Vec<Refused>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    name: String,
    imports: Vec<String>,
    floor: Option<u64>,
    spans: Vec<Span>,
    /// Hash and height of what is remembered block by block.
    acceptances: Vec<(String, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    name: String,
    imports: Vec<String>,
    text: String,
    reason: String,
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/journal_interchange/cases.json")
}

fn vectors() -> Vectors {
    serde_json::from_str(&fs::read_to_string(path()).unwrap()).unwrap()
}

/// An empty journal that took these over.
fn after(imports: &[String]) -> Vault {
    let mut vault = Vault::in_memory(key()).unwrap();
    for text in imports {
        vault.import_journal(&JournalExport::from_json(text.as_bytes()).unwrap()).unwrap();
    }
    vault
}

/// The code of the refusal.
fn refusal(vault: &mut Vault, text: &str) -> Option<&'static str> {
    match JournalExport::from_json(text.as_bytes()) {
        Err(error) => Some(error.code()),
        Ok(export) => vault.import_journal(&export).err().map(|error| error.code()),
    }
}

#[test]
fn each_accepted_case_comes_to_its_marks() {
    let vectors = vectors();
    assert!(vectors.accepted.len() >= 9);
    for case in vectors.accepted {
        let (floor, spans, marks) = marks_of(&mut after(&case.imports));
        assert_eq!(floor.map(StacksHeight::get), case.floor, "{}", case.name);
        assert_eq!(spans, case.spans, "{}", case.name);
        let marks: Vec<_> =
            marks.iter().map(|mark| (mark.sighash.to_string(), mark.height.get())).collect();
        assert_eq!(marks, case.acceptances, "{}", case.name);
    }
}

#[test]
fn each_refused_case_is_refused_for_its_reason_and_changes_nothing() {
    let vectors = vectors();
    assert!(vectors.refused.len() >= 15);
    for case in vectors.refused {
        let mut vault = after(&case.imports);
        let before = marks_of(&mut vault);
        assert_eq!(refusal(&mut vault, &case.text), Some(case.reason.as_str()), "{}", case.name);
        assert_eq!(marks_of(&mut vault), before, "{}", case.name);
    }
}

/// Writes the file anew, from the table below.
#[test]
#[ignore = "writes the vectors; run it by hand and look at the difference"]
fn write() {
    let vectors = Vectors {
        origin:
            "made by `cargo test -p countersign-vault --test vault interchange_vectors::write -- \
                 --ignored`; the reasons are those of docs/journal-interchange.md"
                .to_owned(),
        secret_key: key().to_hex().to_string(),
        accepted: accepted(),
        refused: refused(),
    };
    fs::create_dir_all(path().parent().unwrap()).unwrap();
    fs::write(path(), serde_json::to_string_pretty(&vectors).unwrap() + "\n").unwrap();
}

fn mark(byte: u8, height: u64) -> Mark {
    Mark {
        sighash: sighash(byte),
        height: StacksHeight::new(height),
        tenure: ConsensusHash::new([u8::try_from(height % 100 / 10).unwrap(); 20]),
        at: UnixSeconds::new(1_700_000_000),
    }
}

fn span(tenure: u8, lowest: u64, highest: u64, blocks: u64) -> Span {
    let [lowest, highest] = [lowest, highest].map(StacksHeight::new);
    Span { tenure: ConsensusHash::new([tenure; 20]), lowest, highest, blocks }
}

/// A good export with two blocks above a floor, proven.
fn good() -> JournalExport {
    prove(JournalExport {
        public_key: key().public_key(),
        created_at: UnixSeconds::new(1_700_001_000),
        standing: Standing::Demoted { at: UnixSeconds::new(1_700_000_900) },
        hold: Some(BurnHeight::new(900_000)),
        floor: Some(StacksHeight::new(39)),
        records: 12,
        openings: 5,
        spans: vec![span(1, 30, 34, 5), span(2, 35, 39, 5)],
        acceptances: vec![mark(0xa1, 40), mark(0xa2, 41)],
        proof: None,
    })
}

fn plain(acceptances: Vec<Mark>) -> JournalExport {
    let records = acceptances.len() as u64;
    let (floor, spans) = (None, Vec::new());
    JournalExport { acceptances, records, floor, spans, proof: None, hold: None, ..good() }
}

fn prove(export: JournalExport) -> JournalExport {
    prove_with(export, &key())
}

fn prove_with(export: JournalExport, key: &PrivateKey) -> JournalExport {
    let proof = Some(key.sign(&export.proof_digest()));
    JournalExport { proof, ..export }
}

fn accepted() -> Vec<Accepted> {
    let low = JournalExport {
        floor: Some(StacksHeight::new(9)),
        spans: vec![span(1, 3, 9, 7)],
        records: 8,
        acceptances: vec![mark(0xb1, 40)],
        ..good()
    };
    let rows: Vec<(&str, Vec<JournalExport>)> = vec![
        ("an empty journal gives nothing", vec![plain(Vec::new())]),
        ("blocks without a floor and without a proof", vec![plain(vec![mark(1, 10), mark(2, 11)])]),
        ("rivals at one height are both taken", vec![plain(vec![mark(1, 10), mark(2, 10)])]),
        ("a demoted and proven journal with a floor and spans", vec![good()]),
        ("the same twice is the same as once", vec![good(), good()]),
        (
            "blocks at or below the floor that is there are covered by it",
            vec![good(), plain(vec![mark(3, 20), mark(4, 45)])],
        ),
        (
            "a floor that is lower does not lower the one that is there",
            vec![good(), prove(low.clone())],
        ),
        ("a floor that is higher raises it, and blocks below it stay", vec![prove(low), good()]),
        (
            "spans of one tenure become the widest",
            vec![
                good(),
                prove(JournalExport { spans: vec![span(1, 28, 32, 3)], records: 5, ..good() }),
            ],
        ),
        (
            "an active journal, which proves no demotion",
            vec![prove(JournalExport { standing: Standing::Active, ..good() })],
        ),
    ];
    rows.into_iter()
        .map(|(name, imports)| {
            let imports: Vec<String> = imports.iter().map(JournalExport::to_json).collect();
            let (floor, spans, marks) = marks_of(&mut after(&imports));
            Accepted {
                name: name.to_owned(),
                imports,
                floor: floor.map(StacksHeight::get),
                spans,
                acceptances: marks
                    .iter()
                    .map(|mark| (mark.sighash.to_string(), mark.height.get()))
                    .collect(),
            }
        })
        .collect()
}

#[expect(
    clippy::too_many_lines,
    reason = "the list of what must be refused, one entry after the other"
)]
fn refused() -> Vec<Refused> {
    let text = good().to_json();
    let spoilt = |export: JournalExport| prove(export).to_json();
    let rows: Vec<(&str, Vec<JournalExport>, String)> = vec![
        ("cut in the middle", vec![], text[..text.len() / 2].to_owned()),
        ("nothing at all", vec![], String::new()),
        ("an unknown field", vec![], text.replacen('{', "{\n  \"more\": 1,", 1)),
        ("another format", vec![], text.replace("stacks-signing-journal", "eip-3076")),
        ("a later version", vec![], text.replace("\"version\": 1", "\"version\": 2")),
        ("an edited height", vec![], text.replace("\"height\": 41", "\"height\": 42")),
        ("a block taken out", vec![], {
            let mut short = good();
            short.acceptances.pop();
            let hash = |export: &JournalExport| {
                export.to_json().lines().find(|line| line.contains("sha256")).unwrap().to_owned()
            };
            short.to_json().replace(&hash(&short), &hash(&good()))
        }),
        ("an edited standing", vec![], text.replace("\"demoted\"", "\"frozen\"")),
        ("a standing that there is not", vec![], text.replace("\"demoted\"", "\"asleep\"")),
        (
            "blocks out of order",
            vec![],
            spoilt(JournalExport { acceptances: vec![mark(2, 41), mark(1, 40)], ..good() }),
        ),
        (
            "a block twice",
            vec![],
            spoilt(JournalExport { acceptances: vec![mark(2, 41), mark(2, 42)], ..good() }),
        ),
        (
            "a span above the floor",
            vec![],
            spoilt(JournalExport { spans: vec![span(1, 30, 40, 5)], ..good() }),
        ),
        ("spans without a floor", vec![], spoilt(JournalExport { floor: None, ..good() })),
        (
            "an empty span",
            vec![],
            spoilt(JournalExport { spans: vec![span(1, 30, 34, 0)], ..good() }),
        ),
        ("more blocks than it counts", vec![], spoilt(JournalExport { records: 11, ..good() })),
        (
            "a count that no key reaches",
            vec![],
            spoilt(JournalExport { records: (1 << 53) + 1, ..good() }),
        ),
        (
            "a height that no journal can hold",
            vec![],
            spoilt(JournalExport { acceptances: vec![mark(1, u64::MAX)], ..good() }),
        ),
        (
            "a proof of another key",
            vec![],
            prove_with(JournalExport { proof: None, ..good() }, &other_key()).to_json(),
        ),
        (
            "a proof of another content",
            vec![],
            JournalExport { proof: good().proof, ..plain(vec![mark(1, 2)]) }.to_json(),
        ),
        ("a journal of another key", vec![], {
            let public_key = other_key().public_key();
            prove_with(JournalExport { public_key, ..good() }, &other_key()).to_json()
        }),
        (
            "the hash of a known block at another height",
            vec![good()],
            plain(vec![mark(5, 50), mark(0xa2, 51)]).to_json(),
        ),
    ];
    rows.into_iter()
        .map(|(name, imports, text)| {
            let imports: Vec<String> = imports.iter().map(JournalExport::to_json).collect();
            let reason =
                refusal(&mut after(&imports), &text).unwrap_or_else(|| panic!("{name}: taken"));
            Refused { name: name.to_owned(), imports, text, reason: reason.to_owned() }
        })
        .collect()
}
