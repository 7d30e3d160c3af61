//! Whatever happens to a signer can be kept and given back.

use countersign_signer::{Event, Recorded as _, Saved};
use countersign_signerd::store::Store;
use countersign_wire::message::SignerMessage;
use countersign_wire::{PublicKey, SlotVersion, Wire as _};
use proptest::prelude::*;

use crate::strategies::{event, time};
use crate::support::strategies_consensus::public_key;
use crate::support::strategies_messages::signer_message;
use crate::writes::write;

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
    fn whatever_a_store_gives_back_is_given_back_again(
        writes in prop::collection::vec(write(), 0..40),
    ) {
        let mut store = Store::in_memory().unwrap();
        store.commit(&writes).unwrap();
        let saved = store.load().unwrap();
        prop_assert_eq!(Saved::from_recording(&saved.to_recording()), Ok(saved));
    }

    /// Peers send what they like, and the decoders of the network forgive much.
    #[test]
    fn a_message_that_was_read_from_spoilt_bytes_is_given_back_as_it_was_read(
        message in signer_message().boxed(),
        from in public_key(),
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = message.to_bytes();
        for (index, byte) in spoilt {
            *index.get_mut(&mut bytes) = byte;
        }
        bytes.truncate(bytes.len() - end.index(bytes.len()).min(20));
        if let Ok(message) = SignerMessage::from_chunk_data(&bytes) {
            prop_assert!(is_given_back(from, message));
        }
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

fn is_given_back(from: PublicKey, message: SignerMessage) -> bool {
    let event = Event::Peer { parity: 0, from, version: SlotVersion::new(1), message };
    let back = Event::from_recording(&event.to_recording());
    back.is_ok_and(|back| format!("{back:?}") == format!("{event:?}"))
}

#[test]
fn a_length_that_lies_is_refused_before_there_is_room_for_it() {
    assert!(Saved::from_recording(&[0xff; 64]).is_err());
}
