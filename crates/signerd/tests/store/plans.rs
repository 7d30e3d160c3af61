//! How SQLite answers every statement of the store: none that runs while blocks are decided reads a
//! whole table.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_signerd::store::Store;
use rusqlite::Connection;

/// Statements that run at the start only; they read everything that is there, which is bounded.
const AT_START: [&str; 2] = ["load_", "trim_"];
/// Runs once per burn block, over at most one row for each of a hundred tenures.
const PER_BURN_BLOCK: &str = "prune_activity.sql";

fn store() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// The steps by which SQLite would carry out a statement.
fn plan(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = statement.raw_query().mapped(|row| row.get("detail")).collect::<Result<_, _>>();
    steps.unwrap()
}

#[test]
fn no_statement_of_a_decision_reads_a_whole_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    drop(Store::open(&path).unwrap());
    let db = Connection::open(&path).unwrap();
    let mut looked_at = 0;
    for file in files(&store().join("sql"), "sql") {
        let sql = fs::read_to_string(&file).unwrap();
        if sql.starts_with("PRAGMA") {
            continue;
        }
        let steps = plan(&db, &sql);
        let is_free = AT_START.iter().any(|prefix| name(&file).starts_with(prefix))
            || name(&file) == PER_BURN_BLOCK;
        let scans = steps.iter().any(|step| step.starts_with("SCAN"));
        assert!(is_free || !scans, "{}: {steps:?}", name(&file));
        looked_at += usize::from(!is_free);
    }
    assert!(looked_at >= 20, "{looked_at}");
}

#[test]
fn every_statement_stands_in_a_file_and_is_used() {
    let code: String =
        files(&store(), "rs").iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    for word in ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "REPLACE "] {
        assert!(!code.contains(word), "`{word}` stands in the code; move it into sql/");
    }
    for folder in ["sql", "migrations"] {
        for file in files(&store().join(folder), "sql") {
            assert!(code.contains(&format!("{folder}/{}", name(&file))), "{}", name(&file));
        }
    }
}
