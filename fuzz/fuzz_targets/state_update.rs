//! State machine updates without the byte that selects them.

#![no_main]

use countersign_fuzz::{canonical, tolerant};
use countersign_wire::message::{MinerState, StateMachineUpdate};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    tolerant::<StateMachineUpdate>(data);
    canonical::<MinerState>(data);
});
