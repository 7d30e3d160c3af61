//! What doctor reads of programs, kernels, time servers and operators.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    countersign_doctor::parse::everything(data);
});
