//! Everything that a node posts: the first byte selects the path.

#![no_main]

use countersign_fuzz::json;
use countersign_wire::event::{
    Callback, NEW_BLOCK_PATH, NEW_BURN_BLOCK_PATH, NewBurnBlock, PROPOSAL_RESPONSE_PATH,
    ProposalResponse, STACKERDB_CHUNKS_PATH, StackerDbChunks,
};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((path, body)) = data.split_first() else { return };
    let path = match path % 4 {
        0 => STACKERDB_CHUNKS_PATH,
        1 => PROPOSAL_RESPONSE_PATH,
        2 => NEW_BURN_BLOCK_PATH,
        _ => NEW_BLOCK_PATH,
    };
    let _ = Callback::parse(path, body);
    json::<StackerDbChunks>(body);
    json::<ProposalResponse>(body);
    json::<NewBurnBlock>(body);
});
