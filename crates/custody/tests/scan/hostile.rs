use std::fs;
use std::path::Path;

use countersign_custody::scan::{Report, Target, scan_bytes};
use proptest::prelude::*;

use crate::support::{PRIVATE, PUBLIC, Place, git, gzip, tar, zstd};

fn search(bytes: Vec<u8>) -> Report {
    scan_bytes(Path::new("bytes"), bytes, &[PUBLIC.parse::<Target>().unwrap()])
}

#[test]
fn what_is_packed_too_often_is_told() {
    let mut packed = PRIVATE.as_bytes().to_vec();
    for _ in 0..10 {
        packed = gzip(&packed);
    }
    assert_eq!(search(packed.clone()).findings.len(), 1);
    let report = search(gzip(&packed));
    assert!(report.findings.is_empty());
    assert!(report.unread[0].reason.contains("packed more than 10 times"), "{:?}", report.unread);
}

#[test]
fn a_bomb_ends_the_search_of_its_file_only() {
    let place = Place::new();
    // Each packing makes zeros a thousand times smaller: 3 GiB in a few kB.
    let zeros = gzip(&vec![0; 3 << 20]).repeat(1024);
    place.write("a.gz", gzip(&zeros));
    place.write("key", PRIVATE);
    let report = place.scan();
    assert_eq!(place.only(&report), "key, line 1: hex");
    assert_eq!(report.totals.unread, 1, "{:?}", report.unread);
    assert!(report.unread[0].reason.contains("unpacks to more than"), "{:?}", report.unread);
}

#[test]
fn a_damaged_archive_is_searched_up_to_the_damage_and_told() {
    let archive = tar(&[("a/key", PRIVATE.as_bytes()), ("b", &[b'x'; 5000])]);
    let mut packed = gzip(&archive);
    packed.truncate(packed.len() - 12);
    let report = search(packed);
    assert_eq!(report.findings.len(), 1, "{report:?}");
    assert!(!report.is_complete());
    let mut broken = archive;
    broken[1024 + 5] ^= 1;
    let report = search(broken);
    assert_eq!(report.findings.len(), 1, "{report:?}");
    assert!(report.unread[0].reason.contains("header of a member is damaged"), "{report:?}");
}

#[test]
fn nothing_of_a_repository_is_run_or_obeyed() {
    let place = Place::new();
    git(&place.path(), &["init", "--quiet", "repo"]);
    place.write("repo/key", PRIVATE);
    place.write("repo/.gitattributes", "* filter=evil diff=evil\n");
    git(&place.path().join("repo"), &["add", "--all"]);
    git(&place.path().join("repo"), &["commit", "--quiet", "-m", "Oops"]);
    let proof = place.path().join("proof");
    let command = format!("touch {}", proof.display());
    place.write(
        "repo/.git/config",
        format!(
            "[core]\nfsmonitor = {command}\npager = {command}\nhooksPath = /nowhere\nsshCommand = {command}\n\
             [filter \"evil\"]\nsmudge = {command}\nclean = {command}\n[diff \"evil\"]\ntextconv = {command}\n\
             [include]\npath = /dev/zero\n"
        ),
    );
    let report = place.scan();
    assert_eq!(report.findings.len(), 2, "the file and the blob: {report:?}");
    assert!(!proof.exists());
}

#[test]
fn a_repository_of_links_and_pipes_leads_nowhere() {
    let (outside, place) = (Place::new(), Place::new());
    outside.write("objects/12/key", PRIVATE);
    outside.write("key", PRIVATE);
    place.write("repo/HEAD", "ref: refs/heads/main\n");
    fs::create_dir_all(place.path().join("repo/refs/heads")).unwrap();
    for (link, target) in [
        ("repo/objects", "objects"),
        ("repo/packed-refs", "key"),
        ("repo/config", "key"),
        ("repo/refs/heads/main", "key"),
    ] {
        std::os::unix::fs::symlink(outside.path().join(target), place.path().join(link)).unwrap();
    }
    let report = place.scan();
    assert!(report.findings.is_empty(), "{report:?}");
    assert!(report.unread[0].reason.contains("its objects are in"), "{report:?}");
}

#[test]
fn a_pack_with_a_flipped_bit_is_told_and_ends_nothing() {
    let repo = Place::new();
    git(&repo.path(), &["init", "--quiet"]);
    repo.write("key", format!("{PRIVATE}\n{}", "filler ".repeat(200)));
    git(&repo.path(), &["add", "--all"]);
    git(&repo.path(), &["commit", "--quiet", "-m", "Oops"]);
    git(&repo.path(), &["gc", "--quiet"]);
    let folder = repo.path().join(".git/objects/pack");
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let pack = files.find(|path| path.extension().is_some_and(|e| e == "pack")).unwrap();
    let good = fs::read(pack).unwrap();
    assert_eq!(search(good.clone()).findings.len(), 1);
    let mut incomplete = 0;
    // All but the checksum at the end, which is not looked at.
    for place in 0..good.len() - 20 {
        let mut bad = good.clone();
        bad[place] ^= 1 << (place % 8);
        let report = search(bad);
        incomplete += usize::from(!report.is_complete());
    }
    assert!(incomplete > good.len() / 4, "{incomplete} of {}", good.len());
    for len in 0..good.len() {
        search(good[..len].to_vec());
    }
}

fn archive() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop::collection::vec(any::<u8>(), 0..300);
    leaf.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|bytes| gzip(&bytes)),
            inner.clone().prop_map(|bytes| zstd(&bytes)),
            (inner.clone(), inner).prop_map(|(a, b)| tar(&[("a", &a), ("b", &b)])),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn spoiled_archives_never_panic(
        bytes in archive(),
        spoiled in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = bytes;
        for (place, value) in spoiled {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
        }
        bytes.truncate(cut.index(bytes.len() + 1).max(bytes.len() / 2));
        prop_assert!(search(bytes).findings.is_empty());
    }

    #[test]
    fn what_begins_like_an_archive_never_panics(
        head in prop::sample::select(HEADS.to_vec()),
        rest in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        search([head, &rest].concat());
    }
}

const HEADS: [&[u8]; 10] = [
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"\x28\xb5\x2f\xfd",
    b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\x02\0\x21\x01\x16\0\0\0\x74\x2f\xe5\xa3",
    b"PK\x03\x04",
    b"PACK\0\0\0\x02\0\0\0\x05",
    b"# v2 git bundle\n\nPACK\0\0\0\x02\0\0\0\x05",
    b"\x78\x9c",
    b"\x78\x01\x01",
    b"\x50\x2a\x4d\x18\x04\0\0\0",
    b"\xff\xfe",
];
