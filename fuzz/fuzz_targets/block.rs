//! Headers and blocks: decoding, hashes, JSON and roles.

#![no_main]

use countersign_fuzz::{canonical, tolerant};
use countersign_wire::{NakamotoBlock, NakamotoBlockHeader, Wire};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    canonical::<NakamotoBlockHeader>(data);
    tolerant::<NakamotoBlock>(data);
    if let Ok(header) = NakamotoBlockHeader::from_bytes(data) {
        let _ = (header.block_id(), header.recover_miner(), header.pox_treatment.is_all_set());
        let json = serde_json::to_string(&header).expect("a header can be written as JSON");
        let again = serde_json::from_str::<NakamotoBlockHeader>(&json).expect("it can be read");
        assert_eq!(again, header);
    }
    if let Ok(block) = NakamotoBlock::from_bytes(data) {
        let _ = block.tenure_role();
    }
});
