//! What a host's files say.

use std::fs;
use std::path::Path;

use countersign_logs::retention::{JournalSettings, Rotation, bytes_of, seconds_of};

fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

#[test]
fn drop_ins_come_after_the_file_and_by_their_names() {
    let root = host(&[
        (
            "etc/systemd/journald.conf",
            "[Journal]\nSystemMaxUse=1G\n#MaxRetentionSec=1day\nStorage=auto\n",
        ),
        (
            "usr/lib/systemd/journald.conf.d/90-a.conf",
            "[Journal]\nMaxRetentionSec=90day\nMaxFileSec=1day\n",
        ),
        (
            "etc/systemd/journald.conf.d/50-b.conf",
            "[Journal]\nSystemMaxUse=8G\nMaxRetentionSec=7day\n",
        ),
        ("etc/systemd/journald.conf.d/README", "SystemMaxUse=9G\n"),
    ]);
    let settings = JournalSettings::below(root.path());
    assert_eq!(settings.max_bytes(0), 8 << 30);
    assert_eq!(settings.max_days(), Some(89), "a file goes by its first entry");
    assert_eq!(
        settings.in_words(),
        "Storage=auto SystemMaxUse=8G MaxRetentionSec=90day MaxFileSec=1day"
    );
    assert!(!settings.is_volatile());
}

#[test]
fn a_host_without_a_word_has_the_defaults() {
    let root = host(&[]);
    let settings = JournalSettings::below(root.path());
    assert_eq!((settings.max_bytes(20 << 30), settings.max_bytes(1 << 40)), (2 << 30, 4 << 30));
    assert_eq!((settings.max_days(), settings.in_words().as_str()), (None, "journald's defaults"));
    let root =
        host(&[("run/systemd/journald.conf.d/x.conf", "Storage=volatile\nMaxRetentionSec=0\n")]);
    let settings = JournalSettings::below(root.path());
    assert!(settings.is_volatile() && settings.max_days().is_none());
}

#[test]
fn sizes_and_spans_are_read_as_systemd_reads_them() {
    for (text, bytes) in [
        ("1000", Some(1000)),
        ("4G", Some(4 << 30)),
        ("512M", Some(512 << 20)),
        ("", None),
        ("G", None),
        ("1.5G", None),
        ("1X", None),
        ("99999999999T", None),
    ] {
        assert_eq!(bytes_of(text), bytes, "{text}");
    }
    for (text, seconds) in [
        ("90day", Some(90 * 86_400)),
        ("1week 2h", Some(7 * 86_400 + 7_200)),
        ("1w2h", Some(7 * 86_400 + 7_200)),
        ("30", Some(30)),
        ("0", Some(0)),
        ("1month", Some(2_629_800)),
        ("", None),
        ("day", None),
        ("1 fortnight", None),
        ("99999999999999999year", None),
    ] {
        assert_eq!(seconds_of(text), seconds, "{text}");
    }
}

#[test]
fn what_logrotate_keeps_is_read_from_the_block_of_the_log() {
    let text = "/var/log/other {\n  rotate 1\n}\n/a /var/lib/bitcoin/debug.log {\n  weekly\n  rotate 12\n  maxage 90\n}\n";
    let log = Path::new("/var/lib/bitcoin/debug.log");
    let rotation = Rotation::in_text(text, log).unwrap();
    assert_eq!(rotation.keeps_days(), Some(84));
    assert_eq!(rotation.in_words(), "logrotate, every 7 days, rotate 12, maxage 90");
    assert_eq!(Rotation::in_text(text, Path::new("/var/lib/bitcoin/debug")), None);
    let by_size =
        Rotation::in_text("\"/x\" {\n size 100M\n daily\n rotate 9\n}", Path::new("/x")).unwrap();
    assert_eq!(by_size.keeps_days(), None, "a size says nothing about days");
    let root = host(&[("etc/logrotate.d/bitcoin", text)]);
    assert!(Rotation::below(root.path(), log).is_some());
}
