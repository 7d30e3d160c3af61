//! No decoder is forgotten.

use std::fs;
use std::path::Path;

use countersign_vault::ipc::{PROTOCOL, Request};
use countersign_wire::{DecodeError, Wire as _};

/// The types with an `impl Wire` in the protocol's sources.
fn wire_types() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ipc");
    let mut types = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let named = text.lines().filter_map(|line| line.strip_prefix("impl Wire for "));
        types.extend(named.map(|name| name.trim_end_matches(" {").to_owned()));
    }
    types.sort();
    types
}

#[test]
fn every_type_of_the_protocol_has_property_tests() {
    let types = wire_types();
    assert!(types.len() >= 15, "the scan finds only {types:?}");
    let tests = include_str!("properties.rs");
    let untested: Vec<_> =
        types.iter().filter(|name| !tests.contains(&format!(": {name} ="))).collect();
    assert!(untested.is_empty(), "types without `wire_properties!`: {untested:?}");
}

#[test]
fn the_fuzz_target_reads_every_message_of_the_protocol() {
    let target = include_str!("../../../../fuzz/fuzz_targets/vault_call.rs");
    for message in ["Call", "Hello", "Reply", "FrameBuffer", "Assembly"] {
        assert!(target.contains(message), "the fuzz target does not read {message}");
    }
    let manifest = include_str!("../../../../fuzz/Cargo.toml");
    assert!(manifest.contains("fuzz_targets/vault_call.rs"));
}

#[test]
fn the_page_of_the_protocol_lists_the_calls_that_there_are() {
    let page = include_str!("../../../../docs/vault-protocol.md");
    let calls = page.split("## Call").nth(1).unwrap().split("\n## ").next().unwrap();
    let tag = |line: &str| line.strip_prefix("| ")?.split_once(' ')?.0.parse::<u8>().ok();
    let listed: Vec<u8> = calls.lines().filter_map(tag).collect();
    let is_known = |tag: &u8| {
        let unknown = DecodeError::UnknownTag { what: "request", tag: u64::from(*tag) };
        Request::from_bytes(&[*tag]) != Err(unknown)
    };
    assert_eq!(listed, (0..=u8::MAX).filter(is_known).collect::<Vec<_>>());
    assert!(page.contains(&format!("\nVersion {PROTOCOL}. ")));
}
