//! Clarity values, names and principals.

#![no_main]

use countersign_fuzz::{canonical, tolerant};
use countersign_wire::clarity::{ClarityName, ClarityValue, ContractName, Principal};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    tolerant::<ClarityValue>(data);
    canonical::<Principal>(data);
    canonical::<ClarityName>(data);
    canonical::<ContractName>(data);
});
