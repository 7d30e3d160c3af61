//! Units of the stack, with their drop-ins and their exposure.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::JoinSet;

use super::bounded::{read, run};
use crate::facts::{Role, Unit};
use crate::grade::{Fact, Unknown};
use crate::parse::unit::{self, Values};

/// Where units are, the most important folder first (systemd.unit(5)).
pub(super) const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The units of the stack in these folders.
pub(super) fn find(folders: &[PathBuf]) -> Fact<Vec<Unit>> {
    let mut paths: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in folders {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.ends_with(".service") && !name.contains('@') {
                paths.entry(name).or_insert(entry.path());
            }
        }
    }
    if paths.is_empty() {
        return Err(Unknown::not_here("there is no service manager"));
    }
    let unit = |(name, path): (String, PathBuf)| {
        let mut values = Values::new();
        // One that cannot be read is a mask, or a link to nothing.
        unit::read(&read(&path).ok()?, &mut values);
        for drop_in in drop_ins(folders, &name) {
            unit::read(&read(&drop_in).ok()?, &mut values);
        }
        let start = values.get("Service.ExecStart")?.join(" ");
        let (role, is_ours) = role(&start)?;
        let exposure = Err(Unknown::because("it was not looked at"));
        Some(Unit { name, path, role, is_ours, values, exposure })
    };
    Ok(paths.into_iter().filter_map(unit).collect())
}

/// The drop-ins of a unit; of two with one name the more important one, in the order of their names.
fn drop_ins(folders: &[PathBuf], name: &str) -> impl Iterator<Item = PathBuf> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in folders {
        for entry in fs::read_dir(folder.join(format!("{name}.d"))).into_iter().flatten().flatten()
        {
            if let Ok(file) = entry.file_name().into_string()
                && Path::new(&file).extension().is_some_and(|extension| extension == "conf")
            {
                found.entry(file).or_insert(entry.path());
            }
        }
    }
    found.into_values()
}

/// What a command line starts, and whether it is ours.
fn role(start: &str) -> Option<(Role, bool)> {
    let mut words =
        start.split_whitespace().map(|word| word.trim_start_matches(['-', '+', '!', '@', ':']));
    let names: Vec<&str> =
        words.by_ref().filter_map(|word| Path::new(word).file_name()?.to_str()).collect();
    let has = |name: &str| names.contains(&name);
    let verb = names.iter().skip_while(|name| **name != "countersign").nth(1);
    if verb.is_some_and(|verb| matches!(*verb, "run" | "standby" | "vault")) {
        Some((Role::Signer, true))
    } else if has("stacks-signer")
        || start.contains("stacks-signer:")
        || start.contains("stacks-signer@")
    {
        Some((Role::Signer, false))
    } else if has("stacks-node") {
        Some((Role::Node, false))
    } else if has("bitcoind") {
        Some((Role::Bitcoin, false))
    } else if has("sbtc-signer") {
        Some((Role::Sbtc, false))
    } else {
        None
    }
}

/// Adds what systemd-analyze says of each.
pub(super) async fn exposures(units: Vec<Unit>, limit: Duration) -> Vec<Unit> {
    let mut work = JoinSet::new();
    for mut unit in units {
        work.spawn(async move {
            unit.exposure = exposure(&unit.path, limit).await;
            unit
        });
    }
    let mut units = work.join_all().await;
    units.sort_by(|a, b| a.name.cmp(&b.name));
    units
}

async fn exposure(path: &Path, limit: Duration) -> Fact<u64> {
    let path = path.display().to_string();
    let said =
        run("systemd-analyze", &["security", "--offline=yes", "--no-pager", &path], limit).await?;
    unit::exposure(&said.out).ok_or_else(|| {
        Unknown::because(format!("systemd-analyze does not rate {path}: {}", said.err))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn units_of_the_stack_are_found_with_their_drop_ins() {
        let (high, low) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [high.path().to_owned(), low.path().to_owned()];
        let unit = "[Service]\nExecStart=/usr/bin/stacks-signer run --config /a\nRestart=no\n";
        fs::write(low.path().join("s.service"), unit).unwrap();
        fs::write(low.path().join("other.service"), "[Service]\nExecStart=/bin/true\n").unwrap();
        fs::create_dir(high.path().join("s.service.d")).unwrap();
        fs::write(high.path().join("s.service.d/10-x.conf"), "[Service]\nRestart=always\n")
            .unwrap();
        let found = find(&folders).unwrap();
        let names: Vec<&str> = found.iter().map(|unit| unit.name.as_str()).collect();
        assert_eq!(names, ["s.service"]);
        let first = found.first().unwrap();
        assert_eq!((first.role, first.is_ours), (Role::Signer, false));
        assert_eq!(first.last("Service.Restart"), Some("always"));
    }

    #[test]
    fn command_lines_say_what_they_start() {
        let rows = [
            ("/usr/bin/countersign run --config /a", Some((Role::Signer, true))),
            ("-/usr/bin/countersign vault --config /a", Some((Role::Signer, true))),
            ("/usr/bin/countersign backup sbtc", None),
            ("/usr/bin/countersign backup postgres run", None),
            (
                "docker run ghcr.io/stacks-network/stacks-signer:4.0.1 run",
                Some((Role::Signer, false)),
            ),
            ("/usr/local/bin/stacks-node start", Some((Role::Node, false))),
            ("/usr/bin/bitcoind -conf=/b", Some((Role::Bitcoin, false))),
            ("/bin/sh -c true", None),
        ];
        for (start, expected) in rows {
            assert_eq!(role(start), expected, "{start}");
        }
    }
}
