//! What the fuzz targets share: the properties that every decoder has.
//!
//! This crate has no fuzzing engine in it and decides nothing; each target in `fuzz_targets/` feeds
//! its bytes to one family of decoders through these functions.

use std::fmt::Debug;

use countersign_wire::Wire;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What decodes encodes to the same bytes: for the types that read nothing but what they write.
pub fn canonical<T: Wire + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = T::from_bytes(bytes) {
        assert_eq!(value.to_bytes(), bytes);
    }
    prefix::<T>(bytes);
}

/// What decodes encodes to bytes that decode to the same value: for the types that read more than
/// they write.
pub fn tolerant<T: Wire + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = T::from_bytes(bytes) {
        assert_eq!(T::from_bytes(&value.to_bytes()), Ok(value));
    }
    prefix::<T>(bytes);
}

/// A value that is followed by other bytes re-encodes to one that decodes to the same value.
fn prefix<T: Wire + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = T::from_prefix(bytes) {
        assert_eq!(T::from_bytes(&value.to_bytes()), Ok(value));
    }
}

/// JSON that is read is written as JSON that reads as the same value.
pub fn json<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(bytes) {
        let written = serde_json::to_vec(&value).expect("what was read from JSON can be written");
        let again = serde_json::from_slice::<T>(&written).expect("what was written can be read");
        assert_eq!(again, value);
    }
}
