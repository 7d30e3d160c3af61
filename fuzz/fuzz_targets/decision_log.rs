#![no_main]
//! Decision logs: whatever the files hold, every line is counted, and what is whole has a last line.

use std::path::Path;

use countersign_logs::chain::verify_stream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let report = verify_stream(Path::new("log"), bytes, &[]).expect("memory can be read");
    if let Some(report) = report {
        let ends = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(report.lines, ends);
        assert!(!report.is_whole() || report.last.is_some());
    }
});
