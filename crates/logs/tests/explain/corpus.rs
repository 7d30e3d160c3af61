//! The tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

#[test]
fn every_entry_explains_its_example_and_is_said_once() {
    let corpus = Corpus::new();
    let mut phrases = BTreeSet::new();
    for entry in corpus.entries() {
        assert!(phrases.insert(&entry.phrase), "{} is there twice", entry.phrase);
        let found = phrase_of(&entry.example);
        assert_eq!(found.as_ref(), Some(&entry.phrase), "{}", entry.example);
        for text in [&entry.meaning, &entry.source] {
            assert!(text.len() >= 10 && text.len() < 300, "{}: {text}", entry.phrase);
        }
        let needs_action = entry.severity >= Severity::Act;
        assert!(!needs_action || entry.action.is_some(), "{}: what is to be done?", entry.phrase);
    }
    assert!(phrases.len() > 200, "{}", phrases.len());
    for program in Program::ALL {
        let count =
            corpus.entries().iter().filter(|entry| entry.programs.contains(&program)).count();
        assert!(count >= 10, "{} has {count}", program.name());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Level and phrase of each row of the table of our lines.
fn our_lines() -> Vec<(String, String)> {
    let doc = include_str!("../../../../docs/logs.md");
    let (_, table) = doc.split_once("## Phrases").unwrap();
    let rows = table.lines().filter_map(|line| {
        let level = line.split('|').nth(1)?.trim().to_owned();
        Some((level, line.split('`').nth(1)?.to_owned()))
    });
    rows.collect()
}

#[test]
fn every_line_of_our_own_table_is_known_with_its_level() {
    let corpus = Corpus::new();
    let lines = our_lines();
    assert!(lines.len() > 80, "{}", lines.len());
    for (level, phrase) in lines {
        let entry = corpus.entries().iter().find(|entry| entry.phrase == phrase);
        let entry = entry.unwrap_or_else(|| panic!("`{phrase}` of docs/logs.md is not known"));
        assert!(entry.programs.contains(&Program::Countersign), "{phrase}");
        let known = entry.level.map(|level| format!("{level:?}").to_lowercase());
        assert_eq!(known.as_deref(), Some(level.as_str()), "{phrase}");
    }
}

/// The sentences of our warnings and errors, as they stand in the sources.
fn our_warnings() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in ["signerd", "vaultd", "node", "ops"] {
        let mut folders = vec![root().join("crates").join(name).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.file_name().unwrap() != "tests.rs" {
                    let text = fs::read_to_string(&path).unwrap();
                    found.extend(warnings_of(&text).map(|text| (path.display().to_string(), text)));
                }
            }
        }
    }
    found
}

/// The longest text in each `tracing::warn!(…)` and `tracing::error!(…)`.
fn warnings_of(source: &str) -> impl Iterator<Item = String> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let calls = ["tracing::warn!(", "tracing::error!("];
    calls.into_iter().flat_map(move |call| source.split(call).skip(1)).filter_map(|rest| {
        let (mut texts, mut text, mut depth) = (Vec::new(), None::<String>, 1);
        let mut characters = rest.chars();
        while let Some(c) = characters.next() {
            match (&mut text, c) {
                (Some(inside), '\\') => match characters.next() {
                    Some('\n') => {
                        let left = characters.as_str();
                        characters = left.trim_start().chars();
                    }
                    Some(escaped) => inside.push(escaped),
                    None => break,
                },
                (Some(_), '"') => texts.extend(text.take()),
                (Some(inside), c) => inside.push(c),
                (None, '"') => text = Some(String::new()),
                (None, '(') => depth += 1,
                (None, ')') => depth -= 1,
                (None, _) => {}
            }
            if depth == 0 {
                break;
            }
        }
        texts.into_iter().max_by_key(String::len)
    })
}

#[test]
fn every_warning_and_error_of_our_sources_is_known() {
    let warnings = our_warnings();
    assert!(warnings.len() > 60, "{}", warnings.len());
    let mut unknown = Vec::new();
    for (path, text) in warnings {
        // A line that is made of its parts alone.
        if text.trim_matches(|c: char| c == '{' || c == '}' || c.is_alphanumeric()).is_empty() {
            continue;
        }
        let line = format!("2026-11-27T18:00:00Z  WARN countersign_signerd::x: {text}");
        if phrase_of(&line).is_none() {
            unknown.push(format!("{path}: {text}"));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// What is said to be from the description of the reference is there.
#[test]
fn lines_of_the_reference_are_those_of_its_description() {
    let description = include_str!("../../../../docs/spec/signer-behaviour.md");
    let corpus = Corpus::new();
    let cited = corpus.entries().iter().filter(|entry| entry.source.contains("section 10"));
    let mut count = 0;
    for entry in cited {
        assert!(description.contains(&entry.phrase), "{}", entry.phrase);
        count += 1;
    }
    assert!(count > 60, "{count}");
}

/// Whoever doubts an entry finds the thread: its repository and its number.
#[test]
fn lines_seen_in_public_say_where() {
    let mut counts = BTreeMap::new();
    for entry in Corpus::new().entries() {
        let Some((_, place)) = entry.source.split_once("seen in public") else { continue };
        let (_, place) = place.split_once(": ").unwrap();
        let (repository, number) = place.split_once(' ').unwrap();
        assert!(repository.split('/').count() == 2, "{}: {place}", entry.phrase);
        let number = number.strip_prefix("issue ").or(number.strip_prefix("pull request "));
        assert!(number.unwrap().parse::<u32>().is_ok(), "{}: {place}", entry.phrase);
        *counts.entry(entry.programs[0]).or_insert(0) += 1;
    }
    for program in [Program::SbtcSigner, Program::StacksNode, Program::Bitcoind] {
        assert!(counts[&program] >= 8, "{}: {}", program.name(), counts[&program]);
    }
}

#[test]
fn pages_that_are_named_exist() {
    for entry in Corpus::new().entries() {
        if let Some(page) = &entry.see {
            assert!(root().join(page).is_file(), "{}: {page}", entry.phrase);
        }
    }
}

#[test]
fn the_longest_phrase_wins() {
    let begin =
        "2026-11-27T18:00:00Z  INFO countersign_signerd::observe: Received block acceptance";
    assert_eq!(phrase_of(begin).unwrap(), "Received block acceptance");
    let short = ", but have not yet reached the acceptance threshold";
    assert_eq!(phrase_of(&format!("{begin}{short}")).unwrap(), short);
}

#[test]
fn the_program_is_read_from_what_is_around_the_message() {
    let rows = [
        ("Nov 27 18:00:00 host countersign-signer[12]: x", Some(Program::Countersign)),
        ("2026-11-27T18:00:00+0000 host bitcoind[12]: x", Some(Program::Bitcoind)),
        ("stacks-node-1  | INFO x", Some(Program::StacksNode)),
        (
            "{\"MESSAGE\":\"x\",\"_SYSTEMD_UNIT\":\"sbtc-signer.service\"}",
            Some(Program::SbtcSigner),
        ),
        (
            "{\"MESSAGE\":[120],\"SYSLOG_IDENTIFIER\":\"stacks-signer\"}",
            Some(Program::StacksSigner),
        ),
        ("INFO [1.2] [stacks-signer/src/runloop.rs:1] [main] x", Some(Program::StacksSigner)),
        ("INFO [1.2] [stackslib/src/net/p2p.rs:1] [main] x", Some(Program::StacksNode)),
        ("2026-11-27T18:00:00Z  INFO countersign_signerd: x", Some(Program::Countersign)),
        ("2026-11-27T18:00:00Z UpdateTip: new best=00", Some(Program::Bitcoind)),
        ("2026-11-27T18:00:00.123456Z  WARN signer::network: x", Some(Program::SbtcSigner)),
        (
            "{\"fields\":{\"message\":\"x\"},\"target\":\"signer::network\"}",
            Some(Program::SbtcSigner),
        ),
        ("{\"msg\":\"x\",\"file\":\"stackslib/src/net/p2p.rs\"}", Some(Program::StacksNode)),
        ("{\"msg\":\"x\",\"file\":\"stacks-signer/src/runloop.rs\"}", Some(Program::StacksSigner)),
        ("{\"target\":\"somebody\"}", None),
        ("2026-11-27T18:00:00.123456Z  WARN somebody: x", None),
        ("x", None),
        ("some words: x", None),
        ("é", None),
    ];
    for (line, program) in rows {
        assert_eq!(Form::of(line.as_bytes()).program, program, "{line}");
    }
}

/// `not signed` is too common to be taken for ours in a line of nobody knows whom.
#[test]
fn short_phrases_count_in_lines_of_their_program_alone() {
    assert_eq!(phrase_of("the driver is not signed"), None);
    assert_eq!(phrase_of("Nov 27 18:00:00 host kernel: the driver is not signed"), None);
    assert_eq!(phrase_of("Nov 27 18:00:00 host countersign[1]: not signed").unwrap(), "not signed");
    assert_eq!(phrase_of("2026-11-27T18:00:00.1Z  WARN somebody: unexpected message"), None);
    let of_ours = "Nov 27 18:00:00 host stacks-signer[1]: the vault does not sign a block";
    assert!(phrase_of(of_ours).is_some(), "countersign runs under that name, too");
    assert_eq!(
        phrase_of("Nov 27 18:00:00 host bitcoind[1]: Registering event observer at x"),
        None
    );
}
