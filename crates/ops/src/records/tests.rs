#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn verified() -> Record {
    Record::new("backup-verify.sbtc", 1_796_000_000, Outcome::Ok).with("level", 4_u64)
}

#[test]
fn a_record_that_was_written_is_read_and_replaced_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    assert!(read_all(&records).unwrap().records.is_empty(), "no job has run yet");
    write(&records, &verified()).unwrap();
    write(&records, &Record::new("drill.failover", 5, Outcome::Failed)).unwrap();
    let newer = Record { at: 1_796_086_400, ..verified() };
    write(&records, &newer).unwrap();
    let reading = read_all(&records).unwrap();
    assert!(reading.faults.is_empty());
    assert_eq!(reading.records, [newer.clone(), Record::new("drill.failover", 5, Outcome::Failed)]);
    assert_eq!(reading.record("backup-verify.sbtc"), Some(&newer));
    assert_eq!(reading.of_kind("drill").count(), 1);
    assert_eq!((newer.kind(), newer.subject()), ("backup-verify", "sbtc"));
    assert_eq!((newer.number("level"), newer.number("size")), (Some(4), None));
    let mode = fs::metadata(records.join("drill.failover.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn a_damaged_or_foreign_file_is_named_and_hides_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(folder.path(), &verified()).unwrap();
    fs::copy(at("backup-verify.sbtc.json"), at("drill.json")).unwrap();
    fs::write(at("torn.json"), "{\"job\":\"torn\",\"at\":17").unwrap();
    fs::write(at("huge.json"), vec![b' '; MAX_BYTES + 1]).unwrap();
    fs::write(at("later.json"), r#"{"job":"later","at":1,"outcome":"perhaps"}"#).unwrap();
    fs::create_dir(at("folder.json")).unwrap();
    symlink("/dev/zero", at("link.json")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe.json"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    fs::write(at("README"), "notes").unwrap();
    fs::write(at(".draft-1.json"), "half of a rec").unwrap();
    let reading = read_all(folder.path()).unwrap();
    assert_eq!(reading.records, [verified()]);
    let faults: Vec<String> = reading
        .faults
        .iter()
        .map(|fault| {
            let name = fault.path.file_name().unwrap().to_str().unwrap();
            format!("{name}: {}", fault.reason)
        })
        .collect();
    insta::assert_snapshot!(faults.join("\n"), @r#"
    drill.json: it says that it is the record of "backup-verify.sbtc"
    folder.json: it is not a regular file
    huge.json: it has more than 65536 bytes
    later.json: it does not parse
    link.json: it is not a regular file
    pipe.json: it is not a regular file
    torn.json: it does not parse
    "#);
}

#[test]
fn a_later_version_may_say_more() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        r#"{"job":"logs","at":1,"outcome":"ok","host":"a","detail":{"oldest":7,"rate":1.5}}"#;
    fs::write(folder.path().join("logs.json"), text).unwrap();
    let reading = read_all(folder.path()).unwrap();
    assert_eq!(reading.record("logs").unwrap().number("oldest"), Some(7));
    assert_eq!(reading.record("logs").unwrap().number("rate"), None);
}

#[test]
fn a_record_that_cannot_be_written_leaves_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &verified()).unwrap();
    let large = verified().with("text", "x".repeat(MAX_BYTES));
    assert!(matches!(write(folder.path(), &large), Err(WriteError::TooLarge { .. })));
    for name in ["", "../evil", "a/b", ".hidden", "Backup", "a b", "a\n", &"x".repeat(101)] {
        let record = Record::new(name, 1, Outcome::Ok);
        assert!(matches!(write(folder.path(), &record), Err(WriteError::Name(_))), "{name:?}");
    }
    let nowhere = folder.path().join("not/there");
    assert!(matches!(write(&nowhere, &verified()), Err(WriteError::File { .. })));
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["backup-verify.sbtc.json"], "no draft is left");
    assert_eq!(read_all(folder.path()).unwrap().records, [verified()]);
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(|numbers| json!(numbers)),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let detail = prop::collection::btree_map(".{0,12}", value(), 0..5);
    let outcome = prop_oneof![Just(Outcome::Ok), Just(Outcome::Failed)];
    ("[a-z0-9_-][a-z0-9._-]{0,99}", any::<u64>(), outcome, detail).prop_map(
        |(job, at, outcome, detail)| Record {
            job,
            at,
            outcome,
            detail: detail.into_iter().collect(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_record_survives_being_written_and_read(record in record()) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &record).unwrap();
        let reading = read_all(folder.path()).unwrap();
        prop_assert!(reading.faults.is_empty());
        prop_assert_eq!(reading.records, vec![record]);
    }

    #[test]
    fn arbitrary_bytes_are_a_record_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("job.json"), bytes).unwrap();
        let reading = read_all(folder.path()).unwrap();
        prop_assert_eq!(reading.records.len() + reading.faults.len(), 1);
    }
}
