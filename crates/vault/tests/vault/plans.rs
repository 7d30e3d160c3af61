//! How SQLite answers every statement of the journal: none that runs for a signature reads a whole
//! table.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::support::Place;

/// Run at the opening or for an export, and the first one once in a thousand signatures.
const RARE: [&str; 3] = ["load_rows.sql", "load_spans.sql", "load_status.sql"];

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/journal").join(folder);
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect()
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn no_statement_of_a_signature_reads_a_whole_table() {
    let place = Place::new();
    drop(place.open());
    let db = Connection::open(&place.journal).unwrap();
    let mut looked_at = 0;
    for file in files("", "sql") {
        let sql = fs::read_to_string(&file).unwrap();
        if sql.starts_with("PRAGMA") || RARE.contains(&name(&file)) {
            continue;
        }
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps: Vec<String> =
            plan.raw_query().mapped(|row| row.get("detail")).collect::<Result<_, _>>().unwrap();
        // In the order of an index only as many rows are read as are wanted.
        let scans =
            |step: &String| step.starts_with("SCAN") && !step.contains("USING COVERING INDEX");
        let is_scan =
            steps.iter().any(scans) && !steps.iter().any(|step| step.contains("CONSTANT"));
        assert!(!is_scan, "{}: {steps:?}", name(&file));
        looked_at += 1;
    }
    assert!(looked_at >= 15, "{looked_at}");
}

#[test]
fn every_statement_stands_in_a_file_and_is_used() {
    let code: String =
        files("", "rs").iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    for word in ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "REPLACE "] {
        assert!(!code.contains(word), "`{word}` stands in the code; move it into a file");
    }
    for folder in ["", "migrations/"] {
        for file in files(folder, "sql") {
            assert!(code.contains(&format!("{folder}{}", name(&file))), "{}", name(&file));
        }
    }
}
