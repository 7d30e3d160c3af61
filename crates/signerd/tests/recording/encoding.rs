//! Whatever happens to a signer can be kept and given back.

use countersign_signer::{Event, Recorded as _, Saved};
use proptest::prelude::*;

use crate::strategies::{event, time};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_event_is_given_back_as_it_was(event in event(), at in time()) {
        let bytes = (at, event.to_recording()).to_recording();
        let (then, inner) = <(_, Vec<u8>)>::from_recording(&bytes).unwrap();
        prop_assert_eq!(at, then);
        let back = Event::from_recording(&inner).unwrap();
        prop_assert_eq!(format!("{event:?}"), format!("{back:?}"));
        prop_assert_eq!(back.to_recording(), event.to_recording());
    }

    #[test]
    fn an_event_that_is_cut_anywhere_is_refused(event in event()) {
        let bytes = event.to_recording();
        let ends: Vec<usize> = (0..bytes.len()).step_by(1 + bytes.len() / 400).collect();
        for end in ends {
            prop_assert!(Event::from_recording(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Event::from_recording(&bytes);
        let _ = Saved::from_recording(&bytes);
    }
}

#[test]
fn a_length_that_lies_is_refused_before_there_is_room_for_it() {
    assert!(Saved::from_recording(&[0xff; 64]).is_err());
}
