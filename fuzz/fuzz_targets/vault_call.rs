//! What crosses the vault's socket: frames, calls, hellos and replies.

#![no_main]

use countersign_fuzz::{canonical, tolerant};
use countersign_vault::ipc::{Call, FrameBuffer, Hello, Reply};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    tolerant::<Call>(data);
    canonical::<Hello>(data);
    canonical::<Reply>(data);
    let mut frames = FrameBuffer::default();
    frames.extend(data);
    while let Ok(Some(content)) = frames.next_frame() {
        tolerant::<Call>(&content);
    }
});
