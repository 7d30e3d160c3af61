#![no_main]
//! Exported journals: what is read is written as what reads as the same.

use countersign_vault::JournalExport;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(export) = JournalExport::from_json(bytes) {
        let again = JournalExport::from_json(export.to_json().as_bytes());
        assert_eq!(again.expect("what was written can be read"), export);
    }
});
