//! What is proposed.

use std::path::Path;

use countersign_logs::retention::{JournalSettings, Proposal, Rotation};

#[test]
fn a_drop_in_holds_the_days_with_room_for_bad_ones() {
    let proposal = Proposal::of(100 << 20, 90);
    assert_eq!(proposal.journal_bytes, 13_500 << 20);
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("etc/systemd/journald.conf.d");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("50-countersign.conf"), &proposal.journald).unwrap();
    let settings = JournalSettings::below(root.path());
    assert_eq!(settings.max_bytes(0), proposal.journal_bytes);
    assert_eq!(settings.max_days(), Some(91), "it is enough for 90");
    assert_eq!(Proposal::of(0, 7).journal_bytes, 512 << 20);
    Proposal::of(u64::MAX, u64::from(u32::MAX));
}

#[test]
fn rules_for_logrotate_keep_the_days() {
    let log = Path::new("/var/lib/bitcoin/debug.log");
    let text = Proposal::logrotate(log, "bitcoind.service", 90).unwrap();
    assert_eq!(Rotation::in_text(&text, log).unwrap().keeps_days(), Some(91));
}

#[test]
fn a_path_that_would_say_something_else_is_refused() {
    for path in ["relative", "/a\"b", "/a\n}", "/a{b", "/$(x)", "/a*", "/a`b"] {
        assert!(Proposal::logrotate(Path::new(path), "x.service", 7).is_err(), "{path:?}");
    }
    for unit in ["", "a b", "x;reboot", "$(x)", "a\nb"] {
        assert!(Proposal::logrotate(Path::new("/a"), unit, 7).is_err(), "{unit:?}");
    }
}
