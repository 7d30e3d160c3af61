//! Units that pages for operators name: each is one that is rendered, or one of which the pages themselves show the
//! file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::golden::{kinds, rendered};

/// Units of which `docs/operator/` has the text, for what is not part of any installation that is rendered.
const SHOWN: [&str; 2] = ["countersign-deadman.service", "countersign-exporter.service"];

fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages.extend(self::pages(&path));
        } else if path.extension().is_some_and(|end| end == "md") {
            pages.push(path);
        }
    }
    pages
}

const KINDS: [&str; 3] = [".service", ".socket", ".timer"];

/// Our units that a line names: in full anywhere, and without their ending where a command takes them.
fn named(line: &str) -> Vec<String> {
    let is_command = line.contains("systemctl ") || line.contains("journalctl ");
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-.@".contains(c);
    let mut before = "";
    let mut units = Vec::new();
    for word in line.split(|c| !is_name(c)).filter(|word| !word.is_empty()) {
        let name = word.trim_end_matches('.');
        if name.starts_with("countersign") && KINDS.iter().any(|kind| name.ends_with(kind)) {
            units.push(name.to_owned());
        } else if name.starts_with("countersign") && is_command && is_argument(before) {
            units.push(format!("{name}.service"));
        }
        before = word;
    }
    units
}

/// Whether the word after this one is a unit's name.
fn is_argument(before: &str) -> bool {
    let verbs = ["-u", "status", "start", "stop", "restart", "reload", "enable", "edit"];
    verbs.contains(&before)
}

#[test]
fn every_unit_that_a_page_names_is_rendered_or_shown_there() {
    let mut there: BTreeSet<String> = SHOWN.map(str::to_owned).into();
    for (_, site) in kinds() {
        for role in site.roles() {
            let files = rendered(&site, *role);
            let names = files.iter().filter_map(|file| file.path.as_path().file_name());
            there.extend(names.map(|name| name.to_str().unwrap().to_owned()));
        }
    }
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operator"));
    let mut seen = BTreeSet::new();
    for page in pages(folder) {
        for line in fs::read_to_string(&page).unwrap().lines() {
            for unit in named(line) {
                assert!(there.contains(&unit), "{}: {unit} in `{line}`", page.display());
                seen.insert(unit);
            }
        }
    }
    for unit in
        ["countersign.service", "countersign-backup-verify.timer", "countersign-logs.service"]
            .iter()
            .chain(&SHOWN)
    {
        assert!(seen.contains(*unit), "{unit} is in no page: {seen:?}");
    }
}

#[test]
fn names_of_units_are_found_in_prose_and_in_commands() {
    for (line, units) in [
        (
            "systemctl enable --now countersign.socket countersign-x.timer",
            &["countersign.socket", "countersign-x.timer"][..],
        ),
        ("journalctl -u countersign-logs -n 50 --no-pager", &["countersign-logs.service"]),
        ("`systemctl status countersign` shows", &["countersign.service"]),
        ("There is `countersign-y.service`.", &["countersign-y.service"]),
        ("countersign backup verify --site /etc/countersign/countersign.toml", &[]),
        ("systemctl edit countersign-vault", &["countersign-vault.service"]),
        (
            "journalctl -f -u stacks-node -u countersign | countersign logs explain",
            &["countersign.service"],
        ),
    ] {
        assert_eq!(named(line), units, "{line}");
    }
}
