//! What a signing journal holds, read as an auditor would: by SQL, from the file.

use std::collections::BTreeSet;
use std::path::Path;

use countersign_wire::Sighash;
use rusqlite::{Connection, OpenFlags};

/// The blocks whose acceptance is recorded. The journal must not be in use.
pub fn accepted_in_journal(journal: &Path) -> BTreeSet<Sighash> {
    let db = Connection::open_with_flags(journal, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let finding: String = db.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(finding, "ok");
    let mut rows = db.prepare("SELECT sighash FROM acceptance").unwrap();
    let found = rows.query_map([], |row| row.get::<_, [u8; 32]>(0)).unwrap();
    found.map(|sighash| Sighash::new(sighash.unwrap())).collect()
}
