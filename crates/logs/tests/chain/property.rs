//! Properties of writer and reader.

use std::io::BufReader;

use countersign_logs::chain::{Lines, Piece, verify_stream};
use proptest::prelude::*;

use super::*;

fn text_of(files: &Files) -> Vec<u8> {
    all(files).iter().flat_map(|path| fs::read(path).unwrap()).collect()
}

fn check(bytes: &[u8]) -> Option<Report> {
    verify_stream(Path::new("log"), bytes, &[]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_written_is_whole(
        batches in prop::collection::vec(prop::collection::vec(".{0,80}", 1..5), 1..20),
        file_bytes in 200_u64..4000,
        restart_every in 1_usize..8,
    ) {
        let (_folder, files) = place();
        let mut writer = open(&files, limits(file_bytes));
        let mut count = 0;
        for (n, batch) in batches.iter().enumerate() {
            if n.is_multiple_of(restart_every) {
                writer.sync().unwrap();
                writer = open(&files, limits(file_bytes));
            }
            let bodies: Vec<_> =
                batch.iter().map(|text| (START, json!({ "text": text, "what": n }))).collect();
            count += bodies.len() as u64;
            writer.append(&bodies).unwrap();
        }
        writer.sync().unwrap();
        let report = verified(&files);
        prop_assert!(report.is_whole(), "{:?}", report);
        prop_assert_eq!((report.lines, report.confirmed), (count, Some(count - 1)));
    }

    #[test]
    fn any_changed_byte_of_any_line_but_the_last_is_noticed(at in any::<prop::sample::Index>(), by in 1_u8..=255) {
        let (_folder, files) = log_of(6);
        let mut bytes = text_of(&files);
        let end = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
        let at = at.index(end + 1);
        bytes[at] = bytes[at].wrapping_add(by);
        prop_assert!(!check(&bytes).unwrap().is_whole());
    }

    #[test]
    fn arbitrary_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        if let Some(report) = check(&bytes) {
            prop_assert!(report.lines > 0 || report.torn.is_some());
        }
    }

    #[test]
    fn the_pieces_are_the_bytes(bytes in prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 0..200), capacity in 1_usize..9) {
        let mut again = Vec::new();
        let mut torn = 0;
        for piece in Lines::new(BufReader::with_capacity(capacity, &bytes[..])) {
            match piece.unwrap() {
                Piece::Whole(line) => {
                    again.extend(line);
                    again.push(b'\n');
                }
                Piece::Torn { len } => torn = usize::try_from(len).unwrap(),
                Piece::TooLong { .. } => prop_assert!(false, "no line is that long"),
            }
        }
        prop_assert_eq!(again.len() + torn, bytes.len());
        prop_assert_eq!(&again[..], &bytes[..again.len()]);
    }
}
