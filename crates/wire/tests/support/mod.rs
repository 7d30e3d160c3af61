//! What the tests of this crate share: strategies for its types and the three generated tests.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    unused_macros,
    reason = "each test binary uses its own part of this module"
)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

pub mod strategies_consensus;
pub mod strategies_messages;
pub mod vectors;

use std::fmt::Debug;

use countersign_wire::Wire;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;

/// Generates the three tests that every type with a consensus encoding has.
///
/// `canonical`: what decodes encodes to the same bytes. `tolerant`: what decodes encodes to bytes
/// that decode to the same value; for the few types that read more than they write.
macro_rules! wire_properties {
    ($($module:ident: $type:ty = $strategy:expr, $kind:ident;)*) => {$(
        mod $module {
            use super::*;

            proptest::proptest! {
                #![proptest_config($crate::support::config())]

                #[test]
                fn values_survive_a_round_trip(value in $strategy) {
                    let bytes = <$type as countersign_wire::Wire>::to_bytes(&value);
                    let decoded = <$type as countersign_wire::Wire>::from_bytes(&bytes);
                    proptest::prop_assert_eq!(decoded, Ok(value));
                }

                #[test]
                fn what_decodes_encodes_to_what_it_was(bytes in $crate::support::spoilt($strategy)) {
                    $crate::support::$kind::<$type>(&bytes)?;
                }

                #[test]
                fn arbitrary_bytes_never_panic(bytes in $crate::support::bytes(0..300)) {
                    $crate::support::$kind::<$type>(&bytes)?;
                }
            }
        }
    )*};
}

pub(crate) use wire_properties;

/// Enough to spoil every field once, for many types; failing ones are kept beside the test.
pub fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 200,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource(
            "proptest-regressions",
        ))),
        ..ProptestConfig::default()
    }
}

/// Bytes without meaning.
pub fn bytes(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), len)
}

/// The encoding of a value: as it is, with a byte changed, cut off, or with a byte too many.
pub fn spoilt<T: Wire + Debug>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<u8>> {
    (values, any::<Index>(), any::<u8>(), 0..4_u8).prop_map(|(value, at, byte, how)| {
        let mut bytes = value.to_bytes();
        let at = at.index(bytes.len().max(1));
        match how {
            0 => {}
            1 => bytes.iter_mut().skip(at).take(1).for_each(|changed| *changed = byte),
            2 => bytes.truncate(at),
            _ => bytes.push(byte),
        }
        bytes
    })
}

/// What decodes encodes to the same bytes.
pub fn canonical<T: Wire>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(value) = T::from_bytes(bytes) {
        prop_assert_eq!(value.to_bytes(), bytes);
    }
    Ok(())
}

/// What decodes encodes to bytes that decode to the same value.
pub fn tolerant<T: Wire + PartialEq + Debug>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(value) = T::from_bytes(bytes) {
        prop_assert_eq!(T::from_bytes(&value.to_bytes()), Ok(value));
    }
    Ok(())
}
