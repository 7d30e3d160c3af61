//! Files that may hold a key: archives, packs of Git, and every form of a key in text and bytes.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use countersign_custody::scan::{Target, scan_bytes};

/// No input leads to this key but one that holds it, which is then no mistake.
static TARGETS: LazyLock<[Target; 1]> = LazyLock::new(|| {
    let key = "028c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9";
    [key.parse().expect("a public key of the golden vectors")]
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let report = scan_bytes(Path::new("input"), data.to_vec(), TARGETS.as_slice());
    assert!(report.findings.is_empty());
});
