//! The files of the journal.

use std::fs;

use countersign_logs::retention::{FileHeader, Journal};

/// The beginning of a file that systemd-journal-remote 252 wrote: 20,000 entries of ten days, 16 MiB made ahead.
const HEADER: &str = "\
4c504b5348485248000000001c000000000000000000000028a57765738d4c78ab16d7a8cb709ae23d1219c7c4c5404aaa1f\
6d2a48adfda40123456789abcdef0123456789abcdef28a57765738d4c78ab16d7a8cb709ae20801000000000000f8feff00\
00000000f81500000000000080e33800000000001801000000000000d01400000000000098868e00000000008a9c00000000\
0000204e000000000000204e000000000000010000000000000020fd380000000000004062415944060040b7d07a21450600\
40776e39c8000000";

fn header() -> Vec<u8> {
    hex::decode(HEADER).unwrap()
}

#[test]
fn a_real_header_says_how_far_back_the_file_reaches_and_how_much_is_used() {
    let expected = FileHeader {
        head: Some(1_764_000_000_000),
        tail: Some(1_764_859_957_000),
        used: 9_340_568,
        head_number: 1,
    };
    assert_eq!(FileHeader::parse(&header()), Some(expected));
}

#[test]
fn what_is_no_journal_file_or_cut_is_none() {
    let header = header();
    for len in 0..header.len() - 8 {
        assert_eq!(FileHeader::parse(&header[..len]), None, "{len}");
    }
    let mut other = header.clone();
    other[0] = b'X';
    assert_eq!(FileHeader::parse(&other), None);
    let mut empty = header;
    empty[184..200].fill(0);
    let parsed = FileHeader::parse(&empty).unwrap();
    assert_eq!((parsed.head, parsed.tail), (None, None));
}

#[test]
fn a_journal_is_all_files_of_its_folders_and_knows_that_something_was_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let machine = folder.path().join("0123456789abcdef0123456789abcdef");
    fs::create_dir(&machine).unwrap();
    let mut later = header();
    later[168..176].copy_from_slice(&20_001_u64.to_le_bytes());
    later[184..192].copy_from_slice(&1_764_859_957_000_001_u64.to_le_bytes());
    later[192..200].copy_from_slice(&1_765_000_000_000_000_u64.to_le_bytes());
    fs::write(machine.join("system@a.journal"), header()).unwrap();
    fs::write(machine.join("system.journal"), &later).unwrap();
    fs::write(machine.join("broken.journal~"), b"LPKSHHRH").unwrap();
    fs::write(machine.join("other"), b"x").unwrap();
    let journal = Journal::in_folder(folder.path()).unwrap();
    let measured = journal.measured;
    assert_eq!(
        (measured.oldest, measured.newest),
        (Some(1_764_000_000_000), Some(1_765_000_000_000))
    );
    assert_eq!((measured.has_lost, journal.unreadable), (Some(false), 1));
    fs::remove_file(machine.join("system@a.journal")).unwrap();
    assert_eq!(Journal::in_folder(folder.path()).unwrap().measured.has_lost, Some(true));
    let none = Journal::in_folder(&folder.path().join("missing")).unwrap();
    assert_eq!((none.measured.oldest, none.measured.has_lost), (None, None));
}
