//! No decoder is forgotten: every type with a consensus encoding has the generated property tests,
//! and every fuzz target is declared.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "this test reads the sources")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every file below `folder` whose name ends with `ending`, with its text.
fn texts(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let text = std::fs::read_to_string(&path).unwrap();
                texts.push((path, text));
            }
        }
    }
    texts
}

/// The types of this crate with an `impl Wire`, by hand or by one of the macros.
fn wire_types() -> BTreeSet<String> {
    let mut types: BTreeSet<String> = ["u8", "u16", "u32", "u64"].map(str::to_owned).into();
    for (path, text) in texts("src", ".rs") {
        let mut macro_name = "";
        for line in text.lines() {
            if let Some(implementation) = line.trim_start().strip_prefix("impl Wire for ") {
                let name = identifier(implementation);
                if !name.is_empty() {
                    types.insert(name.to_owned());
                }
                assert!(!name.is_empty() || implementation.starts_with('$'), "{}", path.display());
            }
            if line.ends_with("! {") {
                macro_name = identifier(line);
            } else if line == "}" {
                macro_name = "";
            }
            let entry = line.trim_start();
            let separator = match macro_name {
                "fixed_bytes" => '[',
                "quantity" => '(',
                "byte_codes" => ',',
                _ => continue,
            };
            let name = identifier(entry);
            let is_type = name.starts_with(|first: char| first.is_ascii_uppercase());
            if is_type && entry[name.len()..].starts_with(separator) {
                types.insert(name.to_owned());
            }
        }
    }
    types
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn every_encoded_type_has_property_tests() {
    let types = wire_types();
    assert!(types.len() > 60, "only {} types were found: does the scan still work?", types.len());
    for expected in ["NakamotoBlock", "Sighash", "SlotId", "PoxCode", "SignerMessage", "u64"] {
        assert!(types.contains(expected), "the scan misses {expected}");
    }
    let tests: String = texts("tests", ".rs")
        .into_iter()
        .filter(|(path, _)| path.file_name().unwrap().to_string_lossy().starts_with("properties_"))
        .map(|(_, text)| text)
        .collect();
    let untested: Vec<&String> =
        types.iter().filter(|name| !tests.contains(&format!(": {name} ="))).collect();
    assert!(untested.is_empty(), "types without `wire_properties!`: {untested:?}");
}

#[test]
fn every_fuzz_target_is_declared() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let targets = texts("../../fuzz/fuzz_targets", ".rs");
    assert!(targets.len() >= 9);
    for (path, _) in targets {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(manifest.contains(&format!("fuzz_targets/{file}")), "{file} is not declared");
    }
}

#[test]
fn every_family_of_decoders_has_a_fuzz_target() {
    let targets: String =
        texts("../../fuzz/fuzz_targets", ".rs").into_iter().map(|(_, text)| text).collect();
    let roots = [
        "StacksAddress",
        "ClarityValue",
        "StacksTransaction",
        "NakamotoBlock",
        "SignerMessage",
        "StateMachineUpdate",
        "Chunk",
        "Callback",
        "StackerSetResponse",
    ];
    for root in roots {
        assert!(targets.contains(root), "no fuzz target reads {root}");
    }
}
