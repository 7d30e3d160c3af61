//! StackerDB chunks: JSON, bytes and the recovery of their signer.

#![no_main]

use countersign_fuzz::{canonical, json};
use countersign_wire::stackerdb::Chunk;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    json::<Chunk>(data);
    canonical::<Chunk>(data);
    if let Ok(chunk) = serde_json::from_slice::<Chunk>(data) {
        let _ = chunk.recover();
    }
});
