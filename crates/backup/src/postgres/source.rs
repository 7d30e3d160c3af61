//! What is in a database of an sBTC signer.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::psql::{Asker, PgError, Session};
use crate::manifest::{BlockFact, Contents, ShareFact};

/// The database at one moment, which is kept for as long as the session is.
pub(crate) struct Moment {
    pub(crate) snapshot: String,
    pub(crate) server_version: String,
    pub(crate) server_major: u32,
    pub(crate) size: u64,
    pub(crate) contents: Contents,
    pub(crate) session: Session,
}

#[derive(Deserialize)]
struct Begun {
    snapshot: String,
    server_version: String,
    server_number: u32,
    size: u64,
}

#[derive(Deserialize)]
struct Tables {
    database: String,
    tables: BTreeMap<String, u64>,
}

#[derive(Default, Deserialize)]
struct Shares {
    shares: Vec<ShareFact>,
}

#[derive(Default, Deserialize)]
struct Progressed {
    migrations: Vec<String>,
    newest_block: Option<BlockFact>,
}

/// Holds a moment and reads what is in the database then. Rows are counted, so this reads every table once.
pub(crate) fn hold(asker: &Asker<'_>) -> Result<Moment, PgError> {
    let session = asker.session()?;
    let (begun, session): (Begun, _) = session.ask(BEGIN_SQL, START)?;
    let (contents, session) = contents(session)?;
    let Begun { snapshot, server_version, server_number, size } = begun;
    let server_major = server_number / 10_000;
    Ok(Moment { snapshot, server_version, server_major, size, contents, session })
}

/// What is in a database, whether a signer's or not.
pub(crate) fn contents(session: Session) -> Result<(Contents, Session), PgError> {
    let (Tables { database, tables }, mut session): (Tables, _) = session.ask(TABLES_SQL, COUNT)?;
    let (mut shares, mut progressed) = (Shares::default(), Progressed::default());
    if tables.contains_key(SHARES_TABLE) {
        (shares, session) = session.ask(SHARES_SQL, START)?;
    }
    if tables.contains_key(BLOCKS_TABLE) && tables.contains_key(MIGRATIONS_TABLE) {
        (progressed, session) = session.ask(PROGRESS_SQL, COUNT)?;
    }
    let Progressed { migrations, newest_block } = progressed;
    let shares = shares.shares;
    Ok((Contents { database, tables, migrations, shares, newest_block }, session))
}

/// The keys of the signer and their status: what must be backed up at once when it changes.
pub(crate) fn shares(asker: &Asker<'_>) -> Result<Vec<ShareFact>, PgError> {
    asker.ask::<Shares>(SHARES_SQL, START).map(|answer| answer.shares)
}

/// The table of keys.
pub(crate) const SHARES_TABLE: &str = "sbtc_signer.dkg_shares";
/// The table of Bitcoin blocks.
pub(crate) const BLOCKS_TABLE: &str = "sbtc_signer.bitcoin_blocks";
/// The ledger of migrations.
pub(crate) const MIGRATIONS_TABLE: &str = "public.__sbtc_migrations";

const BEGIN_SQL: &str = include_str!("sql/begin.sql");
const TABLES_SQL: &str = include_str!("sql/tables.sql");
const SHARES_SQL: &str = include_str!("sql/shares.sql");
const PROGRESS_SQL: &str = include_str!("sql/progress.sql");
/// Everything of the verified keys.
pub(crate) const ROWS_SQL: &str = include_str!("sql/rows.sql");

/// For a question that is answered at once.
const START: Duration = Duration::from_mins(1);
/// For counting every table; the server gives up after ten minutes itself.
const COUNT: Duration = Duration::from_mins(11);
