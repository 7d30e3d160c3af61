//! Signatures of devices that know neither low S nor recovery ids.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use countersign_wire::{MessageSignature, PrivateKey};
use proptest::prelude::*;

/// The order of the curve (SEC 2, section 2.4.1).
const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

fn keys() -> impl Strategy<Value = PrivateKey> {
    any::<[u8; 32]>()
        .prop_filter_map("a scalar below the order", |bytes| PrivateKey::from_bytes(bytes).ok())
}

fn compact(signature: &MessageSignature) -> [u8; 64] {
    signature.as_bytes()[1..].try_into().unwrap()
}

/// The same signature with the other s: the order less s.
fn with_other_s(compact: [u8; 64]) -> [u8; 64] {
    let order = hex::decode(ORDER).unwrap();
    let mut other = compact;
    let mut borrow = 0;
    for at in (0..32).rev() {
        let digit = i16::from(order[at]) - i16::from(compact[32 + at]) - borrow;
        borrow = i16::from(digit < 0);
        other[32 + at] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    other
}

proptest! {
    #[test]
    fn both_forms_of_a_signature_become_the_one_that_we_make(key in keys(), digest: [u8; 32]) {
        let ours = key.sign(&digest);
        for form in [compact(&ours), with_other_s(compact(&ours))] {
            let read = MessageSignature::from_compact(&form, &digest, &key.public_key());
            prop_assert_eq!(read, Some(ours));
        }
    }

    #[test]
    fn a_signature_by_another_key_or_over_another_digest_is_none(
        key in keys(), other in keys(), digest: [u8; 32], elsewhere: [u8; 32],
    ) {
        prop_assume!(key.public_key() != other.public_key() && digest != elsewhere);
        let made = compact(&key.sign(&digest));
        prop_assert_eq!(MessageSignature::from_compact(&made, &digest, &other.public_key()), None);
        prop_assert_eq!(MessageSignature::from_compact(&made, &elsewhere, &key.public_key()), None);
    }

    #[test]
    fn arbitrary_bytes_are_no_signature(form: [[u8; 32]; 2], digest: [u8; 32], key in keys()) {
        let form: [u8; 64] = form.concat().try_into().unwrap();
        prop_assert_eq!(MessageSignature::from_compact(&form, &digest, &key.public_key()), None);
    }
}
