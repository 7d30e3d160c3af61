//! What crosses the vault's socket: frames, calls, hellos and replies.

#![no_main]

use countersign_fuzz::{canonical, tolerant};
use countersign_vault::ipc::{Assembly, Call, FrameBuffer, Hello, Reply, Request};
use countersign_wire::Wire as _;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    tolerant::<Call>(data);
    canonical::<Hello>(data);
    canonical::<Reply>(data);
    let (mut frames, mut journal) = (FrameBuffer::default(), Assembly::default());
    frames.extend(data);
    while let Ok(Some(content)) = frames.next_frame() {
        tolerant::<Call>(&content);
        if let Ok(Call { request: Request::ImportParcel(parcel), .. }) = Call::from_bytes(&content) {
            // Only parcels that are of one piece come to a journal.
            let _ = journal.take(*parcel);
        }
    }
});
