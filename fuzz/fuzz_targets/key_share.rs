//! Shares of a key as text, and keys of other programs.

#![no_main]

use countersign_custody::read_source;
use countersign_custody::shares::{Share, combine};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(share) = text.parse::<Share>() {
        assert_eq!(share.to_text().parse(), Ok(share.clone()));
        // One share never restores a key: every set needs two at least.
        assert!(combine(&[share.clone(), share]).is_err());
    }
    let _ = read_source(text);
});
