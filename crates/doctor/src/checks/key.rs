//! The key's place, as `doctor key` sees it, under the same names with `key-` in front.

use countersign_custody::{Check as KeyCheck, Level};

use crate::check::{Check, EVERYBODY, Source};
use crate::facts::Facts;
use crate::grade::{Fact, Outcome, Unknown};

/// A check that `doctor key` makes, too.
macro_rules! key_check {
    ($id:literal, $name:literal, $rows:expr, $title:literal, $why:literal) => {
        Check {
            id: $id,
            rows: $rows,
            profiles: EVERYBODY,
            title: $title,
            why: $why,
            source: Source::Files,
            judge: |facts| judge(facts, $name),
        }
    };
}

pub(super) const CHECKS: &[Check] = &[
    key_check!(
        "key-place",
        "place",
        &["B1", "E10", "E11"],
        "the key is sealed",
        "whoever reads a bare key signs with it; a sealed one needs one more secret"
    ),
    key_check!(
        "key-owner",
        "owner",
        &["D12"],
        "the key's file belongs to the signer",
        "the owner of a file can give it away"
    ),
    key_check!(
        "key-mode",
        "mode",
        &["B1", "D12", "D15", "F6"],
        "nobody else may read the key",
        "any process of another user could copy the key, or change the file"
    ),
    key_check!(
        "key-acl",
        "acl",
        &["D12"],
        "no access control list opens the key",
        "a list opens a file although its mode looks closed"
    ),
    key_check!(
        "key-folders",
        "folders",
        &["D12"],
        "nobody else may replace the key",
        "whoever writes into a folder can put another file in the place of ours"
    ),
    key_check!(
        "key-links",
        "links",
        &["D12"],
        "no link of somebody else leads to the key",
        "whoever owns a link decides which file we read"
    ),
    key_check!(
        "key-git",
        "git",
        &["B1", "D4"],
        "the key is in no git work tree",
        "what is committed by mistake is published, and stays in the history"
    ),
    key_check!(
        "key-environment",
        "environment",
        &["B1"],
        "no environment holds the key",
        "environments are inherited by every child, shown in /proc and often logged"
    ),
    key_check!(
        "key-backup",
        "backup",
        &["A30", "B2"],
        "a backup of the key was proven",
        "a backup that was never restored is a hope; a lost key cannot be replaced in time"
    ),
    key_check!(
        "swap",
        "swap",
        &["B1", "D3"],
        "memory goes to no unencrypted disk",
        "what was in memory, keys included, can be read from the disk later"
    ),
    key_check!(
        "core-dumps",
        "core-dumps",
        &["B1"],
        "the program forbids core dumps of itself",
        "a core file holds the memory of the process, keys included"
    ),
];

/// The worst of the findings with this name.
fn judge(facts: &Facts, name: &str) -> Fact<Outcome> {
    let checks = facts.key.as_ref()?;
    let named = |check: &&KeyCheck| check.check == name;
    let unlooked = |check: &&KeyCheck| check.check == "file";
    let is_of_file = matches!(name, "owner" | "mode" | "acl" | "folders" | "links" | "git");
    if is_of_file && let Some(blind) = checks.iter().find(unlooked) {
        return Err(Unknown::Unmeasured {
            reason: blind.measured.clone(),
            how: Some("run doctor as the signer's user or as root".to_owned()),
        });
    }
    let mut found: Vec<&KeyCheck> = checks.iter().filter(named).collect();
    found.sort_by_key(|check| std::cmp::Reverse(check.level));
    let Some(worst) = found.first() else {
        return Err(Unknown::not_here("the key is in no file"));
    };
    let remedy = worst.remedy.clone().unwrap_or_else(|| "countersign doctor key".to_owned());
    Ok(match worst.level {
        Level::Ok => Outcome::ok(worst.measured.clone()),
        Level::Warn => Outcome::warn(worst.measured.clone(), remedy),
        Level::Fail => Outcome::fail(worst.measured.clone(), remedy),
    })
}
