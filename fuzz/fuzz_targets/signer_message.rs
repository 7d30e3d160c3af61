//! The data of a chunk: every signer message.

#![no_main]

use countersign_fuzz::tolerant;
use countersign_wire::message::SignerMessage;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    tolerant::<SignerMessage>(data);
    let _ = SignerMessage::from_chunk_data(data);
});
