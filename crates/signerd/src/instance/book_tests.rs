#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;

use countersign_wire::PrivateKey;
use countersign_wire::stackerdb::Chunk;
use proptest::prelude::*;

use super::*;

fn entry(slot: u32, version: u32, content: u8) -> Entry {
    let print = [content; PRINT_LEN];
    Entry { slot: SlotId::new(slot), version: SlotVersion::new(version), print }
}

/// Writes the next chunk for a slot, whose node has `stored`.
fn write(book: &mut Book, slot: u32, stored: u32) -> Entry {
    let version = book.next_version(SlotVersion::new(stored).next());
    let entry = entry(slot, version.get(), version.get().to_be_bytes()[3]);
    book.write(entry).unwrap();
    entry
}

#[test]
fn an_entry_is_what_a_chunks_signature_covers() {
    let key = PrivateKey::from_bytes([1; 32]).unwrap();
    let chunk = |slot, version, data: &[u8]| {
        let chunk = Chunk::sign(&key, SlotId::new(slot), SlotVersion::new(version), data.to_vec());
        Entry::of(&chunk.metadata())
    };
    assert_eq!(chunk(1, 2, b"a"), chunk(1, 2, b"a"));
    for other in [chunk(2, 2, b"a"), chunk(1, 3, b"a"), chunk(1, 2, b"b")] {
        assert_ne!(chunk(1, 2, b"a"), other);
    }
}

#[test]
fn versions_rise_over_all_slots_and_go_past_what_a_node_has() {
    let mut book = Book::in_memory();
    let versions = [(1, 0), (2, 0), (1, 1), (2, 90), (1, 3)]
        .map(|(slot, stored)| write(&mut book, slot, stored).version.get());
    assert_eq!(versions, [1, 2, 3, 91, 92]);
}

#[test]
fn what_was_written_is_ours_and_everything_else_is_foreign() {
    let mut book = Book::in_memory();
    let (first, second) = (write(&mut book, 1, 0), write(&mut book, 1, 10));
    for ours in [first, second, first] {
        assert_eq!(book.judge(&ours), Author::Ours);
    }
    // Another content, another slot, a version that was left out, and one that is to come.
    let version = second.version.get();
    for foreign in
        [entry(1, version, 99), entry(2, 1, first.print[0]), entry(1, 5, 1), entry(1, 12, 1)]
    {
        assert_eq!(book.judge(&foreign), Author::Foreign, "{foreign:?}");
    }
}

#[test]
fn what_is_older_than_the_book_proves_nothing() {
    let mut book = Book::in_memory();
    assert!(book.is_blank());
    book.raise_base(SlotId::new(1), SlotVersion::new(7)).unwrap();
    assert!(!book.is_blank());
    assert_eq!(book.judge(&entry(1, 7, 1)), Author::Elder);
    assert_eq!(book.judge(&entry(1, 8, 1)), Author::Foreign);
    // Of another slot nothing is known: the key may have had it before.
    assert_eq!(book.judge(&entry(5, 7, 1)), Author::Elder);
    book.raise_base(SlotId::new(1), SlotVersion::new(3)).unwrap();
    assert_eq!(book.judge(&entry(1, 7, 1)), Author::Elder);
    assert_eq!(write(&mut book, 1, 0).version.get(), 8);
}

#[test]
fn a_book_that_is_full_forgets_its_oldest_chunks_and_accuses_nobody_of_them() {
    let mut book = Book::with_capacity(3);
    let written: Vec<Entry> = (0..5).map(|_| write(&mut book, 1, 0)).collect();
    let authors: Vec<Author> = written.iter().map(|entry| book.judge(entry)).collect();
    let (elder, ours) = (Author::Elder, Author::Ours);
    assert_eq!(authors, [elder, elder, ours, ours, ours]);
    assert_eq!(book.judge(&entry(1, 4, 99)), Author::Foreign);
}

#[test]
fn the_next_run_knows_what_this_one_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    let mut book = Book::open(&path).unwrap();
    assert!(book.is_blank());
    book.raise_base(SlotId::new(9), SlotVersion::new(40)).unwrap();
    let written = write(&mut book, 9, 40);
    // Nothing is done at the end: the process may have been killed.
    drop(book);
    for _ in 0..2 {
        let book = Book::open(&path).unwrap();
        assert!(!book.is_blank());
        assert_eq!(book.judge(&written), Author::Ours);
        assert_eq!(book.judge(&entry(9, 41, 99)), Author::Foreign);
        assert_eq!(book.judge(&entry(9, 42, 1)), Author::Foreign);
        assert_eq!(book.judge(&entry(9, 40, 1)), Author::Elder);
        assert_eq!(book.next_version(SlotVersion::new(0)).get(), 42);
    }
}

#[test]
fn a_book_is_behind_another_instances_until_something_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    let mut book = Book::open(&path).unwrap();
    write(&mut book, 1, 0);
    assert!(!book.is_behind());
    book.fall_behind().unwrap();
    // A start that ends before it signs has not caught up.
    for _ in 0..2 {
        book = Book::open(&path).unwrap();
        book.raise_base(SlotId::new(1), SlotVersion::new(40)).unwrap();
        book.close().unwrap();
        assert!(book.is_behind());
    }
    write(&mut book, 1, 40);
    assert!(!book.is_behind() && !Book::open(&path).unwrap().is_behind());
}

#[test]
fn after_a_power_cut_the_chunks_that_were_lost_accuse_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    let mut book = Book::open(&path).unwrap();
    let first = write(&mut book, 1, 0);
    let lost = write(&mut book, 1, 0);
    drop(book);
    // The last record did not reach the disk, or half of it, and the kernel was started anew.
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - RECORD_LEN / 2);
    fs::write(&path, bytes).unwrap();
    let mut book = Book::open_after(&path, [9; PRINT_LEN]).unwrap();
    assert_eq!(book.judge(&first), Author::Ours);
    assert_eq!(book.judge(&lost), Author::Elder);
    let next = write(&mut book, 1, 2);
    assert_eq!(next.version.get(), 2 + LOST_VERSIONS);
    assert_eq!(book.judge(&entry(1, next.version.get() + 1, 1)), Author::Foreign);
}

#[test]
fn however_far_the_versions_jump_a_power_cut_accuses_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    let mut book = Book::open(&path).unwrap();
    // Each adds a record or two; the file as it was when it was synced last is what a power cut leaves.
    let jumps = [1, 40, 30, 2, 70, 5_000, 1, 1, 63, 63, 63, 64, 65, 1_000_000];
    let mut safe = fs::read(&path).unwrap();
    for (number, jump) in (0_u32..).zip(jumps) {
        let stored = book.highest.get() + jump;
        let slot = SlotId::new(number % 3);
        if number % 2 == 0 {
            book.raise_base(slot, SlotVersion::new(stored)).unwrap();
            safe = if book.unsynced() == 0 { fs::read(&path).unwrap() } else { safe };
        }
        let written = write(&mut book, slot.get(), stored);
        safe = if book.unsynced() == 0 { fs::read(&path).unwrap() } else { safe };
        let cut = folder.path().join("cut");
        fs::write(&cut, &safe).unwrap();
        let after = Book::open_after(&cut, [9; PRINT_LEN]).unwrap();
        // A book that has lost everything is blank, and then nobody is accused at first either.
        if !after.is_blank() {
            assert_ne!(after.judge(&written), Author::Foreign, "after a jump by {jump}");
        }
    }
}

#[test]
fn the_file_is_written_anew_before_it_becomes_long_and_only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    let mut book = Book::open(&path).unwrap();
    book.capacity = 10;
    book.file.as_mut().unwrap().records = MAX_RECORDS + 1;
    let last: Vec<Entry> = (0..20).map(|_| write(&mut book, 1, 0)).collect();
    drop(book);
    let found = fs::metadata(&path).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert!(found.len() < 40 * RECORD_LEN as u64, "{}", found.len());
    let book = Book::open(&path).unwrap();
    assert!(last.iter().all(|entry| book.judge(entry) != Author::Foreign));
}

#[test]
fn a_disk_that_takes_nothing_more_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Book::open(&folder.path().join("missing").join("book")).unwrap_err();
    assert!(refused.to_string().contains("cannot be opened"), "{refused}");
}

/// Something that happens to a signer and its slots.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// It writes a chunk, and the slot's node has this version.
    Write { slot: u32, stored: u32 },
    /// One of all chunks that it has ever written is seen, in whatever lane.
    Seen(prop::sample::Index),
    /// The process is killed, and another run begins.
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (0..4_u32, 0..60_u32).prop_map(|(slot, stored)| Happening::Write { slot, stored }),
        4 => any::<prop::sample::Index>().prop_map(Happening::Seen),
        1 => Just(Happening::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Losses are chunks that are never seen; reorderings, repetitions and replays are chunks that are
    /// seen again, in any order.
    #[test]
    fn nothing_that_we_wrote_is_foreign_and_everything_else_above_the_base_is(
        happenings in prop::collection::vec(happening(), 1..120),
        capacity in prop_oneof![Just(5_usize), Just(CAPACITY)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book");
        let mut book = Book::open(&path).unwrap();
        book.capacity = capacity;
        let mut written: Vec<Entry> = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Write { slot, stored } => {
                    let entry = write(&mut book, slot, stored);
                    prop_assert!(written.iter().all(|before| before.version < entry.version));
                    written.push(entry);
                }
                Happening::Seen(index) if !written.is_empty() => {
                    prop_assert_ne!(book.judge(index.get(&written)), Author::Foreign);
                }
                Happening::Seen(_) => {}
                Happening::Restart => {
                    drop(book);
                    book = Book::open(&path).unwrap();
                    book.capacity = capacity;
                }
            }
        }
        // Whoever else has the key writes past what is in the slot, or the node would not take it.
        for last in written.iter().rev().take(capacity) {
            let slot = last.slot.get();
            for foreign in [entry(slot, last.version.get(), 255), entry(slot, book.highest.get() + 1, 0)] {
                if foreign.print != last.print {
                    prop_assert_eq!(book.judge(&foreign), Author::Foreign);
                }
            }
        }
    }

    #[test]
    fn any_file_opens_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book");
        fs::write(&path, bytes).unwrap();
        prop_assert!(Book::open(&path).is_ok());
    }
}
