#![no_main]
//! Backups of a signer: what is read is written as what reads as the same, and proves no demotion.

use countersign_backup::signer::Contents;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(contents) = Contents::from_tar(bytes) {
        assert!(contents.journals.iter().all(|journal| !journal.is_proven_demotion()));
        let again = Contents::from_tar(&contents.to_tar());
        assert_eq!(again.expect("what was written can be read"), contents);
    }
});
