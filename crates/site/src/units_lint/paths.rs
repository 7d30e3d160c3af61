//! The paths of a unit, and what its sandbox does to them (`systemd.exec(5)`).

use std::path::{Component, Path, PathBuf};

use super::UnitProblem;
use super::parse::{Unit, split};

pub(super) fn problems(unit: &Unit) -> Vec<UnitProblem> {
    if !unit.has_section("Service") {
        return Vec::new();
    }
    let sandbox = Sandbox::of(unit);
    let named = named(unit);
    let mut problems = Vec::new();
    for Named { key, path, .. } in &named {
        if let Some(by) = sandbox.hides(path) {
            let (key, path) = (key.clone(), path.display().to_string());
            push(&mut problems, UnitProblem::Hidden { key, path, by });
        }
    }
    for Named { key, path, is_used, .. } in &named {
        if *is_used && sandbox.hides(path).is_none() && sandbox.keeps_from_writing(path) {
            let (key, path) = (key.clone(), path.display().to_string());
            push(&mut problems, UnitProblem::ReadOnly { key, path });
        }
    }
    problems.extend(unchecked(unit, &named));
    problems
}

fn push(problems: &mut Vec<UnitProblem>, problem: UnitProblem) {
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}

/// A path that a unit names.
struct Named {
    key: String,
    path: PathBuf,
    /// By the program itself.
    is_used: bool,
    /// As its configuration.
    is_config: bool,
}

/// Keys with commands, which run inside of the sandbox.
const COMMANDS: &[&str] = &[
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
];

/// Keys with paths that the sandbox must not hide.
const PATHS: &[&str] = &["WorkingDirectory", "ReadWritePaths", "ReadOnlyPaths", "ExecPaths"];

fn named(unit: &Unit) -> Vec<Named> {
    let mut all = Vec::new();
    for (key, value) in unit.lines("Unit") {
        if let Some(path) = checked(key, value) {
            all.push(Named { key: key.to_owned(), path, is_used: false, is_config: false });
        }
    }
    for (key, value) in unit.lines("Service") {
        if COMMANDS.contains(&key) {
            all.extend(in_command(key, value));
        } else if PATHS.contains(&key) {
            let paths = split(value)
                .into_iter()
                .filter_map(|word| absolute(word.trim_start_matches(['-', '+'])));
            // ReadWritePaths are writable by being named.
            let is_used = key == "WorkingDirectory";
            all.extend(paths.map(|path| Named {
                key: key.to_owned(),
                path,
                is_used,
                is_config: false,
            }));
        }
    }
    all
}

/// The path that an assertion or a condition looks at. The service manager looks, who sees everything.
fn checked(key: &str, value: &str) -> Option<PathBuf> {
    let what = key.strip_prefix("Assert").or_else(|| key.strip_prefix("Condition"))?;
    let is_path =
        what.starts_with("Path") || what.starts_with("File") || what.starts_with("Directory");
    is_path.then(|| absolute(value.trim_start_matches(['|', '!']))).flatten()
}

fn in_command(key: &str, value: &str) -> Vec<Named> {
    let program = value.trim_start_matches(['-', '@', ':']);
    // Run with full privileges, outside of the sandbox.
    if program.starts_with('+') {
        return Vec::new();
    }
    let words = split(program.trim_start_matches('!'));
    let mut all = Vec::new();
    let mut is_after_config = false;
    for (position, word) in words.iter().enumerate() {
        let (option, value) = word.split_once('=').unwrap_or(("", word));
        let is_config = is_after_config || is_config_option(option);
        is_after_config = is_config_option(word);
        if let Some(path) = absolute(value) {
            all.push(Named { key: key.to_owned(), path, is_used: position > 0, is_config });
        }
    }
    all
}

fn is_config_option(word: &str) -> bool {
    matches!(word, "--config" | "-config" | "-conf" | "--conf" | "-c" | "-f")
}

/// An absolute path that is known before the start, in its one spelling.
fn absolute(word: &str) -> Option<PathBuf> {
    let word = word.trim_end_matches(';');
    if !word.starts_with('/') || word.contains(['%', '$']) {
        return None;
    }
    let parts = Path::new(word).components();
    let mut path = PathBuf::from("/");
    for part in parts {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    Some(path)
}

/// The configuration of `ExecStart` is what an assertion is to look at.
fn unchecked(unit: &Unit, named: &[Named]) -> Vec<UnitProblem> {
    let checked: Vec<PathBuf> =
        unit.lines("Unit").filter_map(|(key, value)| checked(key, value)).collect();
    let configs = named.iter().filter(|named| named.is_config && named.key == "ExecStart");
    configs
        .filter(|named| !checked.contains(&named.path))
        .map(|named| UnitProblem::Unchecked { path: named.path.display().to_string() })
        .collect()
}

/// What a sandbox hides and leaves writable.
struct Sandbox {
    hidden: Vec<(&'static str, String)>,
    inaccessible: Vec<(PathBuf, String)>,
    shown: Vec<PathBuf>,
    is_strict: bool,
    writable: Vec<PathBuf>,
}

const HOMES: &[&str] = &["/home", "/root", "/run/user"];
const TEMPORARY: &[&str] = &["/tmp", "/var/tmp"];
/// Where programs keep what changes.
const CHANGING: &[&str] = &["/var", "/srv", "/run"];

impl Sandbox {
    fn of(unit: &Unit) -> Self {
        let mut hidden = Vec::new();
        let home = unit.last("Service", "ProtectHome").unwrap_or_default();
        if unit.is_on("ProtectHome") || home == "tmpfs" {
            hidden.extend(HOMES.iter().map(|path| (*path, format!("ProtectHome={home}"))));
        }
        if unit.is_on("PrivateTmp") {
            hidden.extend(TEMPORARY.iter().map(|path| (*path, "PrivateTmp=yes".to_owned())));
        }
        let mut inaccessible = Vec::new();
        for key in ["InaccessiblePaths", "TemporaryFileSystem"] {
            for word in unit.list(key) {
                let word = word.trim_start_matches(['-', '+']);
                let path = word.split(':').next().and_then(absolute);
                inaccessible.extend(path.map(|path| (path, format!("{key}={word}"))));
            }
        }
        let shown = ["BindPaths", "BindReadOnlyPaths"].iter().flat_map(|key| unit.list(key));
        let shown: Vec<PathBuf> = shown
            .filter_map(|word| absolute(word.trim_start_matches('-').rsplit(':').next()?))
            .collect();
        let is_strict = unit.last("Service", "ProtectSystem") == Some("strict");
        Self { hidden, inaccessible, shown, is_strict, writable: writable(unit) }
    }

    /// The setting that hides a path.
    fn hides(&self, path: &Path) -> Option<String> {
        if self.shown.iter().any(|shown| path.starts_with(shown)) {
            return None;
        }
        let fixed = self.hidden.iter().find(|(folder, _)| path.starts_with(folder));
        let named = self.inaccessible.iter().find(|(folder, _)| path.starts_with(folder));
        fixed.map(|(_, by)| by.clone()).or_else(|| named.map(|(_, by)| by.clone()))
    }

    /// Whether the path is where programs keep what changes, and read-only.
    fn keeps_from_writing(&self, path: &Path) -> bool {
        self.is_strict
            && CHANGING.iter().any(|folder| path.starts_with(folder))
            && !self.writable.iter().any(|folder| path.starts_with(folder))
    }
}

fn writable(unit: &Unit) -> Vec<PathBuf> {
    let folders = [
        ("RuntimeDirectory", "/run"),
        ("StateDirectory", "/var/lib"),
        ("CacheDirectory", "/var/cache"),
        ("LogsDirectory", "/var/log"),
    ];
    let mut all = Vec::new();
    for (key, above) in folders {
        let names = unit.list(key).into_iter();
        all.extend(
            names.map(|name| Path::new(above).join(name.split(':').next().unwrap_or_default())),
        );
    }
    for key in ["ReadWritePaths", "BindPaths"] {
        let words = unit.list(key).into_iter();
        all.extend(
            words.filter_map(|word| {
                absolute(word.trim_start_matches(['-', '+']).rsplit(':').next()?)
            }),
        );
    }
    all
}
