#![no_main]
//! Archives of chainstate: whatever is in them, nothing outside of the folder changes.

use std::fs;

use countersign_backup::Care;
use countersign_backup::chainstate::{Limits, unpack};
use libfuzzer_sys::fuzz_target;
use tokio_util::sync::CancellationToken;

fuzz_target!(|bytes: &[u8]| {
    let above = tempfile::tempdir().expect("a temporary folder can be made");
    let into = above.path().join("into");
    fs::create_dir(&into).expect("the folder is empty");
    let limits = Limits { top: "krypton".to_owned(), max_bytes: 1 << 16, owner: None };
    let mut care = Care { progress: &mut |_| {}, stop: CancellationToken::new() };
    let _ = unpack(bytes, &into, &limits, &mut care);
    let outside = fs::read_dir(above.path()).expect("it can be listed").count();
    let inside = fs::read_dir(&into).expect("it can be listed").flatten();
    assert_eq!(outside, 1);
    assert!(inside.into_iter().all(|entry| entry.file_name() == "krypton"));
});
