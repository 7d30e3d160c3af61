//! Frames, however the stream cuts them.

use countersign_vault::ipc::{Call, FrameBuffer, FrameTooLong, MAX_FRAME_LEN, Request, to_frame};
use countersign_wire::{PrivateKey, Wire};
use proptest::prelude::*;

use crate::strategies::call;
use crate::support::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn frames_come_out_whole_and_in_order_however_they_were_cut(
        calls in prop::collection::vec(call(), 1..4),
        cuts in prop::collection::vec(1..700_usize, 1..40),
    ) {
        let stream: Vec<u8> = calls.iter().flat_map(|call| to_frame(call).unwrap()).collect();
        let mut rest = stream.as_slice();
        let mut cuts = cuts.into_iter().cycle();
        let (mut buffer, mut found) = (FrameBuffer::default(), Vec::new());
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            buffer.extend(piece);
            rest = left;
            while let Some(content) = buffer.next_frame().unwrap() {
                found.push(content);
            }
        }
        prop_assert!(buffer.is_empty());
        prop_assert_eq!(found, calls.iter().map(Wire::to_bytes).collect::<Vec<_>>());
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_its_bytes_come(
        len in MAX_FRAME_LEN + 1..=u32::MAX,
    ) {
        let mut buffer = FrameBuffer::default();
        buffer.extend(&len.to_be_bytes());
        prop_assert_eq!(buffer.next_frame(), Err(FrameTooLong { len: len.into() }));
    }
}

#[test]
fn a_message_that_is_too_long_has_no_frame() {
    struct Long;
    impl Wire for Long {
        fn encode(&self, out: &mut Vec<u8>) {
            out.resize(out.len() + MAX_FRAME_LEN as usize + 1, 0);
        }
        fn decode(
            _: &mut countersign_wire::Reader<'_>,
        ) -> Result<Self, countersign_wire::DecodeError> {
            unreachable!("it is only written")
        }
    }
    assert_eq!(to_frame(&Long), Err(FrameTooLong { len: u64::from(MAX_FRAME_LEN) + 1 }));
}

#[test]
fn the_layout_of_a_frame_is_the_documented_one() {
    let key = PrivateKey::from_bytes([1; 32]).unwrap().public_key();
    let frame = to_frame(&Call { key, request: Request::Tidy }).unwrap();
    let expected = [&[0, 0, 0, 34][..], key.as_bytes(), &[35]].concat();
    assert_eq!(frame, expected);
}
