//! Archives that are meant to do harm.

use std::fs;
use std::path::Path;

use countersign_backup::chainstate::{ExtractError, Hostile, Limits, extract, unpack};
use proptest::collection::vec;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use crate::{contents, with_care};

/// An entry with a name that a writer of tars would refuse.
fn entry(tar: &mut Builder<Vec<u8>>, name: &[u8], kind: EntryType, data: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(data.len() as u64);
    header.set_mode(0o4777);
    if matches!(kind, EntryType::Symlink | EntryType::Link) {
        header.as_gnu_mut().unwrap().linkname[..11].copy_from_slice(b"/etc/passwd");
    }
    header.set_cksum();
    tar.append(&header, data).unwrap();
}

fn limits() -> Limits {
    Limits { top: "krypton".to_owned(), max_bytes: 1 << 20, owner: None }
}

/// Unpacks into a folder beside something that must not change.
fn attempt(tar: &[u8]) -> Result<u64, ExtractError> {
    let above = tempfile::tempdir().unwrap();
    let into = above.path().join("into");
    fs::create_dir(&into).unwrap();
    fs::write(above.path().join("precious"), "precious").unwrap();
    let done = with_care(|care| unpack(tar, &into, &limits(), care));
    let mut left = contents(above.path());
    left.retain(|(name, _)| !name.starts_with("into/krypton"));
    assert_eq!(left, [("precious".to_owned(), b"precious".to_vec())]);
    done
}

fn hostile(name: &[u8], kind: EntryType) -> Hostile {
    let mut tar = Builder::new(Vec::new());
    entry(&mut tar, b"krypton/good", EntryType::Regular, b"good");
    entry(&mut tar, name, kind, b"");
    match attempt(&tar.into_inner().unwrap()).unwrap_err() {
        ExtractError::Hostile(hostile) => hostile,
        other => panic!("{other}"),
    }
}

#[test]
fn paths_that_lead_out_links_and_devices_are_refused() {
    let file = EntryType::Regular;
    for name in
        [&b"../precious"[..], b"/etc/passwd", b"krypton/../../precious", b"krypton/a/../../../x"]
    {
        assert!(matches!(hostile(name, file), Hostile::Outside(_)), "{name:?}");
    }
    for kind in [EntryType::Symlink, EntryType::Link] {
        assert!(matches!(hostile(b"krypton/x", kind), Hostile::Link(_)));
    }
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::new(b'Z')] {
        assert!(matches!(hostile(b"krypton/x", kind), Hostile::Special(_)));
    }
    assert!(matches!(hostile(b"mainnet/x", file), Hostile::Top { .. }));
    assert!(matches!(hostile(b"krypton/good", file), Hostile::Twice(_)));
    assert!(matches!(hostile(b"krypton/good/below", file), Hostile::Twice(_)));
    assert!(matches!(hostile(b".", file), Hostile::Outside(_)));
}

#[test]
fn an_archive_that_unpacks_to_more_than_there_is_room_for_is_stopped() {
    let above = tempfile::tempdir().unwrap();
    let mut tar = Builder::new(zstd::Encoder::new(Vec::new(), 19).unwrap());
    let mut header = Header::new_gnu();
    header.set_size(1 << 30);
    header.set_mode(0o600);
    tar.append_data(&mut header, "krypton/bomb", std::io::Read::take(std::io::repeat(0), 1 << 30))
        .unwrap();
    let bomb = tar.into_inner().unwrap().finish().unwrap();
    assert!(bomb.len() < 200_000);
    let file = above.path().join("bomb.tar.zst");
    fs::write(&file, bomb).unwrap();
    let into = above.path().join("into");
    fs::create_dir(&into).unwrap();
    let refused = with_care(|care| extract(&file, &into, &limits(), care)).unwrap_err();
    assert!(matches!(refused, ExtractError::Hostile(Hostile::TooLarge(_))), "{refused}");
    assert!(into.join("krypton/bomb").metadata().unwrap().len() <= 1 << 20);
}

#[test]
fn a_plain_tar_and_one_in_gzip_are_read_and_an_empty_one_is_none() {
    use std::io::Write as _;

    let mut tar = Builder::new(Vec::new());
    entry(&mut tar, b"./krypton/", EntryType::Directory, b"");
    entry(&mut tar, b"./krypton/a", EntryType::Regular, b"content");
    let plain = tar.into_inner().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let above = tempfile::tempdir().unwrap();
    for (name, bytes) in [("a.tar", plain), ("a.tar.gz", gzip.finish().unwrap())] {
        let (file, into) = (above.path().join(name), above.path().join(format!("{name}.d")));
        fs::write(&file, bytes).unwrap();
        fs::create_dir(&into).unwrap();
        assert_eq!(with_care(|care| extract(&file, &into, &limits(), care)).unwrap(), 7, "{name}");
        assert_eq!(contents(&into), [("krypton/a".to_owned(), b"content".to_vec())]);
    }
    let empty = Builder::new(Vec::new()).into_inner().unwrap();
    assert!(matches!(attempt(&empty).unwrap_err(), ExtractError::Empty));
    let missing = with_care(|care| extract(Path::new("/no/such"), above.path(), &limits(), care));
    assert!(matches!(missing.unwrap_err(), ExtractError::Archive(_)));
}

/// Names as an attacker would write them.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let part = proptest::sample::select(vec![
        &b".."[..],
        b".",
        b"",
        b"krypton",
        b"a",
        b"precious",
        b"\xff",
    ]);
    vec(part, 0..6).prop_map(|parts| parts.join(&b"/"[..]))
}

fn kind() -> impl Strategy<Value = EntryType> {
    prop_oneof![
        4 => Just(EntryType::Regular),
        2 => Just(EntryType::Directory),
        1 => Just(EntryType::Symlink),
        1 => Just(EntryType::Link),
        1 => any::<u8>().prop_map(EntryType::new),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_an_archive_holds_nothing_outside_of_the_folder_changes(
        entries in vec((name(), kind(), vec(any::<u8>(), 0..40)), 0..8),
    ) {
        let mut tar = Builder::new(Vec::new());
        for (name, kind, data) in &entries {
            entry(&mut tar, name, *kind, data);
        }
        // That nothing outside has changed is looked at in there.
        let _ = attempt(&tar.into_inner().unwrap());
    }

    #[test]
    fn arbitrary_bytes_and_spoilt_archives_never_panic(
        bytes in vec(any::<u8>(), 0..2000),
        at in 0_usize..3000,
        flip in 1_u8..,
    ) {
        let _ = attempt(&bytes);
        let mut tar = Builder::new(Vec::new());
        entry(&mut tar, b"krypton/a", EntryType::Regular, &bytes);
        let mut spoilt = tar.into_inner().unwrap();
        let at = at % spoilt.len();
        spoilt[at] ^= flip;
        let _ = attempt(&spoilt);
    }
}
