//! The levels that facts decide: pure functions from what was found to the first fault.

use std::collections::BTreeSet;

use super::chain::ChainAnswer;
use super::fault::Fault;
use crate::manifest::{Contents, Manifest, VERIFIED, migration_number};
use crate::postgres::Listed;
use crate::postgres::source::{BLOCKS_TABLE, MIGRATIONS_TABLE, SHARES_TABLE};

/// Level 0: the table of contents, if the file is intact and of no later PostgreSQL than this one.
pub(crate) fn file(
    manifest: Option<&Manifest>,
    listed: Listed,
    (version, major): (&str, u32),
) -> Result<String, Fault> {
    if let Some(manifest) = manifest {
        bytes(manifest, listed.bytes, &listed.sha256)?;
        let later = manifest.dump_version.split('.').next().and_then(|major| major.parse().ok());
        if later.is_some_and(|later: u32| later > major) {
            let dump = &manifest.dump_version;
            return Err(Fault::LaterPostgres(format!("it is of {dump}, and here is {version}")));
        }
    }
    listed.contents.map_err(|error| Fault::of_archive(error, None))
}

/// Whether the file is the one that was written.
pub(crate) fn bytes(manifest: &Manifest, bytes: u64, sha256: &str) -> Result<(), Fault> {
    if bytes < manifest.bytes {
        return Err(Fault::Truncated { lengths: Some((manifest.bytes, bytes)) });
    }
    if sha256 == manifest.sha256 { Ok(()) } else { Err(Fault::Altered) }
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
    if let Some(ahead) = written.and_then(|at| at.checked_sub(now)).filter(|it| *it > MAX_AHEAD) {
        return Err(Fault::Ahead { ahead });
    }
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

/// Level 3: the newest verified key, if it is the one that every source names.
pub(crate) fn chain<'a>(found: &'a Contents, answers: &[ChainAnswer]) -> Result<&'a str, Fault> {
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
        return Ok(&newest.aggregate_key);
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

/// How many seconds the clock of the database's host may be ahead of ours. What is from further ahead has no age.
const MAX_AHEAD: u64 = 300;
/// Numbers that no migration has.
const NEVER_WERE: [u32; 1] = [2];
/// The highest migration that this program knows of.
pub const KNOWN_MIGRATION: u32 = 22;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use countersign_wire::{PrivateKey, PublicKey};

    use super::*;
    use crate::manifest::tests::manifest;
    use crate::manifest::{BlockFact, ShareFact};

    const NOW: u64 = 1_800_000_000;
    const EXPECTED: Expected = Expected { migration: KNOWN_MIGRATION, max_age: 3600 };

    fn public(seed: u8) -> PublicKey {
        PrivateKey::from_bytes([seed; 32]).unwrap().public_key()
    }

    fn share(seed: u8, status: &str) -> ShareFact {
        let aggregate_key = public(seed).to_string();
        ShareFact { aggregate_key, status: status.to_owned(), height: u64::from(seed) }
    }

    /// A database with two verified keys, of which 2 is the newest, and one that is being made.
    fn good() -> Contents {
        Contents {
            database: "sbtc".to_owned(),
            tables: TABLES.iter().map(|table| ((*table).to_owned(), 3)).collect(),
            migrations: (1..=22).filter(|n| *n != 2).map(|n| format!("{n:04}__x.sql")).collect(),
            shares: vec![share(3, "unverified"), share(2, "verified"), share(1, "verified")],
            newest_block: Some(BlockFact { height: 9, created_at: Some(NOW - 60) }),
        }
    }

    fn level_2(found: &Contents) -> Result<(), Fault> {
        let mut manifest = manifest("x", 1);
        manifest.contents = good();
        complete(Some(&manifest), found, EXPECTED, NOW)
    }

    fn name<T>(result: Result<T, Fault>) -> &'static str {
        result.map_or_else(|fault| fault.name(), |_| "good")
    }

    fn say(source: &str, key: Result<Option<PublicKey>, &str>) -> ChainAnswer {
        ChainAnswer { source: source.to_owned(), key: key.map_err(str::to_owned) }
    }

    #[test]
    fn one_thing_spoilt_at_a_time_has_its_name_at_level_2() {
        let with = |spoil: &dyn Fn(&mut Contents)| {
            let mut found = good();
            spoil(&mut found);
            name(level_2(&found))
        };
        assert_eq!(with(&|_| ()), "good");
        assert_eq!(with(&|it| assert!(it.tables.remove(BLOCKS_TABLE).is_some())), "other-database");
        assert_eq!(with(&|it| it.tables.values_mut().for_each(|rows| *rows = 0)), "schema-only");
        assert_eq!(with(&|it| drop(it.migrations.pop())), "missing-migration");
        assert_eq!(with(&|it| drop(it.migrations.remove(5))), "missing-migration");
        assert_eq!(with(&|it| *it.tables.get_mut(SHARES_TABLE).unwrap() -= 1), "rows-missing");
        assert_eq!(with(&|it| it.newest_block = None), "old");
        let at = |it: &mut Contents, at| it.newest_block.as_mut().unwrap().created_at = at;
        assert_eq!(with(&|it| at(it, Some(NOW - 3601))), "old");
        assert_eq!(with(&|it| at(it, None)), "old");
        assert_eq!(with(&|it| at(it, Some(NOW + 300))), "good");
        assert_eq!(with(&|it| at(it, Some(NOW + 301))), "ahead");
    }

    #[test]
    fn a_table_that_only_the_manifest_knows_must_be_there() {
        let mut manifest = manifest("x", 1);
        manifest.contents.tables.insert("sbtc_signer.later".to_owned(), 0);
        let fault = rows(&manifest, &good()).unwrap_err();
        assert_eq!(fault.name(), "rows-missing");
    }

    #[test]
    fn an_older_release_passes_if_its_level_is_named() {
        let mut found = good();
        found.migrations.pop();
        let expected = Expected { migration: 21, ..EXPECTED };
        assert_eq!(name(complete(None, &found, expected, NOW)), "good");
        assert_eq!(name(complete(None, &found, EXPECTED, NOW)), "missing-migration");
    }

    #[test]
    fn the_chain_decides_whether_the_newest_verified_key_is_the_current_one() {
        let says = |answers: &[ChainAnswer]| name(chain(&good(), answers));
        let node = |seed| say("node", Ok(Some(public(seed))));
        assert_eq!(says(&[node(2)]), "good");
        assert_eq!(says(&[node(2), say("second", Ok(Some(public(2))))]), "good");
        assert_eq!(says(&[node(1)]), "change-under-way");
        // A key that is not verified is not in the backup, for this purpose.
        assert_eq!(says(&[node(3)]), "behind-chain");
        assert_eq!(says(&[node(9)]), "behind-chain");
        assert_eq!(says(&[node(2), say("second", Ok(Some(public(1))))]), "sources-disagree");
        assert_eq!(says(&[node(2), say("second", Ok(None))]), "no-chain-key");
        assert_eq!(says(&[node(2), say("second", Err("timed out"))]), "chain-unknown");
        assert_eq!(says(&[]), "chain-unknown");
        let failed = Contents { shares: vec![share(2, "failed")], ..good() };
        assert_eq!(name(chain(&failed, &[node(2)])), "no-verified-key");
    }

    #[test]
    fn a_dump_of_a_later_postgres_is_told_before_it_is_tried() {
        let mut manifest = manifest("x", 1);
        manifest.dump_version = "99.1".to_owned();
        let contents = Ok(String::new());
        let listed = Listed { bytes: manifest.bytes, sha256: manifest.sha256.clone(), contents };
        let fault = file(Some(&manifest), listed, ("15.18", 15)).unwrap_err();
        assert_eq!(fault.name(), "later-postgres");
    }
}
