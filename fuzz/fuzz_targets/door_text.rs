//! Pins, allowed peers and the link's configuration as text.

#![no_main]

use countersign_node::link::LinkConfig;
use countersign_node::{AllowedPeers, Pin};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(pin) = text.parse::<Pin>() {
        assert_eq!(pin.to_string(), text);
    }
    if let Ok(peers) = AllowedPeers::parse(&[text]) {
        assert_eq!(AllowedPeers::parse(&[peers.to_string()]), Ok(peers));
    }
    // Refused or read; it must not panic.
    let _ = LinkConfig::parse(text);
});
