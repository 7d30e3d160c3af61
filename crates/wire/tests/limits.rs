//! What the reader does at its limits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use countersign_wire::codec::{DecodeError, Reader};

const WHAT: &str = "field";

#[test]
fn a_bound_lets_a_value_through_that_fits_and_goes_on_behind_it() {
    let mut reader = Reader::new(&[1, 2, 3, 4, 5]);
    let value = reader.bounded(3, WHAT, |reader| reader.u16(WHAT));
    assert_eq!(value, Ok(0x0102));
    assert_eq!(reader.u8(WHAT), Ok(3));
    assert_eq!(reader.u16(WHAT), Ok(0x0405));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn a_value_that_wants_more_than_its_bound_is_too_long_if_there_is_more() {
    let mut longer = Reader::new(&[1, 2, 3, 4, 5]);
    let refused = longer.bounded(3, WHAT, |reader| reader.u32("value"));
    assert_eq!(refused, Err(DecodeError::TooLong { what: WHAT, len: 4, max: 3 }));
}

#[test]
fn a_value_that_wants_more_than_there_is_is_cut_off_whatever_its_bound() {
    for bytes in [&[1, 2, 3][..], &[1, 2]] {
        let refused = Reader::new(bytes).bounded(3, WHAT, |reader| reader.u32("value"));
        assert_eq!(refused, Err(DecodeError::Truncated { what: "value" }));
    }
}

#[test]
fn nesting_is_counted_and_forgotten_again() {
    fn deep(reader: &mut Reader<'_>, levels: u8) -> Result<u8, DecodeError> {
        match levels {
            0 => reader.u8(WHAT),
            more => reader.nested(2, WHAT, |reader| deep(reader, more - 1)),
        }
    }
    let mut reader = Reader::new(&[7, 8]);
    assert_eq!(deep(&mut reader, 2), Ok(7));
    let refused = DecodeError::TooLong { what: WHAT, len: 3, max: 2 };
    assert_eq!(deep(&mut reader, 3), Err(refused));
    assert_eq!(deep(&mut reader, 2), Ok(8), "a refusal leaves no level open");
}
