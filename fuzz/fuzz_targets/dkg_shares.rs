//! What is decrypted or read from a restored `dkg_shares`.

#![no_main]

use countersign_backup::dkg::{Row, check, proto};
use countersign_wire::PrivateKey;
use prost::Message as _;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(state) = proto::SignerState::decode(data) {
        let again = proto::SignerState::decode(state.encode_to_vec().as_slice());
        assert_eq!(again.as_ref(), Ok(&state));
    }
    if let Ok(public) = proto::DkgPublicShares::decode(data) {
        let again = proto::DkgPublicShares::decode(public.encode_to_vec().as_slice());
        assert_eq!(again.as_ref(), Ok(&public));
    }
    let key = PrivateKey::from_bytes([7; 32]).expect("below the order of the curve");
    let row = Row {
        aggregate_key: key.public_key().as_bytes().to_vec(),
        encrypted_private_shares: data.to_vec(),
        public_shares: data.to_vec(),
        signer_set: vec![key.public_key().as_bytes().to_vec()],
        threshold: 1,
        ..Row::default()
    };
    // No bytes are a ciphertext of this key by chance.
    assert!(check(&row, &key).is_err());
});
