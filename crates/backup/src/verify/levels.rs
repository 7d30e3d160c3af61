//! The levels that facts decide: pure functions from what was found to the first fault.

use std::collections::BTreeSet;

use super::chain::ChainAnswer;
use super::fault::Fault;
use crate::manifest::{Contents, Manifest, VERIFIED, migration_number};
use crate::postgres::source::{BLOCKS_TABLE, MIGRATIONS_TABLE, SHARES_TABLE};
use crate::postgres::{Listed, Programs};

/// Level 0: the table of contents, if the file is intact.
pub(crate) fn file(
    manifest: Option<&Manifest>,
    listed: Listed,
    programs: &Programs,
) -> Result<String, Fault> {
    if let Some(manifest) = manifest {
        if listed.bytes < manifest.bytes {
            return Err(Fault::Truncated { lengths: Some((manifest.bytes, listed.bytes)) });
        }
        if listed.sha256 != manifest.sha256 {
            return Err(Fault::Altered);
        }
        let later = manifest.dump_version.split('.').next().and_then(|major| major.parse().ok());
        if later.is_some_and(|later: u32| later > programs.major()) {
            let (dump, here) = (&manifest.dump_version, programs.version());
            return Err(Fault::LaterPostgres(format!("it is of {dump}, and here is {here}")));
        }
    }
    listed.contents.map_err(|error| Fault::of_archive(error, None))
}

/// What a complete and fresh backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The highest migration that must have been run.
    pub migration: u32,
    /// The most seconds since the newest block was written.
    pub max_age: u64,
}

/// Level 2: whether schema and rows are complete and fresh at `now`.
pub(crate) fn complete(
    manifest: Option<&Manifest>,
    found: &Contents,
    expected: Expected,
    now: u64,
) -> Result<(), Fault> {
    let missing: Vec<String> = TABLES
        .iter()
        .filter(|table| !found.tables.contains_key(**table))
        .map(|table| (*table).to_owned())
        .collect();
    if !missing.is_empty() {
        return Err(Fault::OtherDatabase(missing));
    }
    if found.tables.values().all(|rows| *rows == 0) {
        return Err(Fault::SchemaOnly);
    }
    migrations(manifest, found, expected.migration)?;
    if let Some(manifest) = manifest {
        rows(manifest, found)?;
    }
    let most = expected.max_age;
    let written = found.newest_block.as_ref().and_then(|block| block.created_at);
    match written.map(|at| now.saturating_sub(at)) {
        Some(age) if age <= most => Ok(()),
        age => Err(Fault::Old { age, most }),
    }
}

/// Whether every table that was backed up has all its rows.
pub(crate) fn rows(manifest: &Manifest, found: &Contents) -> Result<(), Fault> {
    for (table, expected) in &manifest.contents.tables {
        let count = found.tables.get(table).copied();
        if count != Some(*expected) {
            let (table, expected, found) = (table.clone(), *expected, count.unwrap_or(0));
            return Err(Fault::RowsMissing { table, expected, found });
        }
    }
    Ok(())
}

/// Whether all migrations up to the expected one were run, and those that the manifest names.
fn migrations(manifest: Option<&Manifest>, found: &Contents, level: u32) -> Result<(), Fault> {
    let run: BTreeSet<u32> =
        found.migrations.iter().filter_map(|name| migration_number(name)).collect();
    let wanted = (1..=level).filter(|number| !NEVER_WERE.contains(number));
    let lacking =
        wanted.filter(|number| !run.contains(number)).map(|number| format!("{number:04}"));
    let mut missing: BTreeSet<String> = lacking.collect();
    if let Some(manifest) = manifest {
        let lost = manifest.contents.migrations.iter().filter(|it| !found.migrations.contains(it));
        missing.extend(lost.cloned());
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Fault::MissingMigration(missing.into_iter().collect()))
    }
}

/// Level 3: whether the newest verified key is the one that every source names.
pub(crate) fn chain(found: &Contents, answers: &[ChainAnswer]) -> Result<(), Fault> {
    let verified = |share: &&crate::manifest::ShareFact| share.status == VERIFIED;
    let newest = found.shares.iter().find(verified).ok_or(Fault::NoVerifiedKey)?;
    let mut keys = Vec::new();
    for ChainAnswer { source, key } in answers {
        match key {
            Ok(Some(key)) => keys.push((source, key.to_string())),
            Ok(None) => return Err(Fault::NoChainKey),
            Err(said) => return Err(Fault::ChainUnknown(format!("{source}: {said}"))),
        }
    }
    let Some((_, chain)) = keys.first() else {
        return Err(Fault::ChainUnknown("no source was named".to_owned()));
    };
    if keys.iter().any(|(_, key)| key != chain) {
        let all: Vec<String> =
            keys.iter().map(|(source, key)| format!("{source}: {key}")).collect();
        return Err(Fault::SourcesDisagree(all.join(", ")));
    }
    if newest.aggregate_key == *chain {
        return Ok(());
    }
    let (chain, backup) = (chain.clone(), newest.aggregate_key.clone());
    if found.shares.iter().filter(verified).any(|share| share.aggregate_key == chain) {
        Err(Fault::ChangeUnderWay { chain, backup })
    } else {
        Err(Fault::BehindChain { chain, backup })
    }
}

/// The tables without which it is no sBTC signer's database (`docs/spec/sbtc-database.md`, section 2). The
/// manifest names all.
const TABLES: [&str; 6] = [
    SHARES_TABLE,
    BLOCKS_TABLE,
    MIGRATIONS_TABLE,
    "sbtc_signer.deposit_requests",
    "sbtc_signer.withdrawal_requests",
    "sbtc_signer.rotate_keys_transactions",
];

/// Numbers that no migration has.
const NEVER_WERE: [u32; 1] = [2];
/// The highest migration that this program knows of.
pub const KNOWN_MIGRATION: u32 = 22;
