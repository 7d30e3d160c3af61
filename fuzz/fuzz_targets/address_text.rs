//! Addresses, principals, keys and bit vectors as text.

#![no_main]

use countersign_wire::block::BitVec;
use countersign_wire::clarity::Principal;
use countersign_wire::{MessageSignature, PublicKey, StacksAddress};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(address) = text.parse::<StacksAddress>() {
        assert_eq!(address.to_string().parse(), Ok(address));
    }
    if let Ok(principal) = text.parse::<Principal>() {
        assert_eq!(principal.to_string().parse(), Ok(principal));
    }
    if let Ok(bits) = text.parse::<BitVec>() {
        assert_eq!(bits.to_string().parse(), Ok(bits));
    }
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(signature) = text.parse::<MessageSignature>() {
        assert_eq!(signature.to_string().parse(), Ok(signature));
    }
});
