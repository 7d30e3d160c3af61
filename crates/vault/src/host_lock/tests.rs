#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::os::unix::fs::symlink;

use countersign_wire::PrivateKey;

use super::*;

/// A key that no other test has.
fn key(number: u8) -> PublicKey {
    PrivateKey::from_bytes([number; 32]).unwrap().public_key()
}

fn own_pid() -> i32 {
    std::process::id().cast_signed()
}

fn holder(refused: Result<HostLock, HostLockError>) -> Holder {
    match refused {
        Err(HostLockError::Taken { holder, .. }) => holder,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_is_had_once_and_its_holder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let first = HostLock::take_in(&key(201), &[folder.path()]).unwrap();
    let refused = HostLock::take_in(&key(201), &[folder.path()]).unwrap_err();
    let (pid, uid) = (std::process::id(), rustix::process::geteuid());
    let named = format!("process {pid} of user {} signs with the key 0", uid.as_raw());
    assert!(refused.to_string().starts_with(&named), "{refused}");
    // Another key is another lock.
    drop(HostLock::take_in(&key(202), &[folder.path()]).unwrap());
    drop(first);
    drop(HostLock::take_in(&key(201), &[folder.path()]).unwrap());
}

#[test]
fn the_file_alone_keeps_others_away_and_names_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("name.lock");
    let held = take_file(&key(203), &path).unwrap().unwrap();
    let holder = holder(take_file(&key(203), &path).map(|_| panic!("it was taken twice")));
    assert_eq!(holder.pid, Some(own_pid()));
    assert_eq!(holder.uid, Some(rustix::process::geteuid().as_raw()));
    drop(held);
    assert!(!path.exists());
    assert!(take_file(&key(203), &path).unwrap().is_some());
}

/// Files that end and begin as fast as they can have one owner at any time: a counter that only owners change is never
/// above one.
#[test]
fn whoever_ends_removes_its_file_and_nobody_has_a_file_that_was_removed() {
    use std::sync::atomic::{AtomicU32, Ordering};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("name.lock");
    let (owners, taken) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while taken.load(Ordering::SeqCst) < 2_000 {
                    let Ok(Some(held)) = take_file(&key(203), &path) else { continue };
                    assert_eq!(owners.fetch_add(1, Ordering::SeqCst), 0);
                    taken.fetch_add(1, Ordering::SeqCst);
                    assert!(held.is_named().unwrap());
                    owners.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert!(!path.exists());
}

#[test]
fn what_somebody_else_has_put_in_the_place_of_the_file_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("name.lock");
    let held = take_file(&key(203), &path).unwrap().unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "").unwrap();
    drop(held);
    assert!(path.exists());
}

#[test]
fn every_user_can_open_the_file_that_another_one_made() {
    let folder = tempfile::tempdir().unwrap();
    let lock = HostLock::take_in(&key(204), &[folder.path()]).unwrap();
    let made = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
    assert_eq!(made.metadata().unwrap().mode() & 0o7777, 0o644);
    drop(lock);
}

#[test]
fn a_folder_that_is_missing_is_done_without_if_there_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    drop(HostLock::take_in(&key(205), &[&missing, folder.path()]).unwrap());
    let refused = HostLock::take_in(&key(205), &[&missing]).unwrap_err();
    assert!(refused.to_string().contains("no file can be made in"), "{refused}");
}

#[test]
fn what_is_no_file_is_not_taken_for_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("countersign-signer-{}.lock", key(206));
    let path = folder.path().join(name);
    let elsewhere = folder.path().join("elsewhere");
    std::fs::write(&elsewhere, "").unwrap();
    symlink(&elsewhere, &path).unwrap();
    let refused = HostLock::take_in(&key(206), &[folder.path()]).unwrap_err();
    assert!(refused.to_string().contains("cannot be locked; see who made it"), "{refused}");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let refused = HostLock::take_in(&key(206), &[folder.path()]).unwrap_err();
    assert!(matches!(refused, HostLockError::Unusable { .. }), "{refused}");
}

#[test]
fn of_the_kernels_list_only_the_line_of_the_file_counts() {
    let line = "1: FLOCK  ADVISORY  WRITE 708 00:15:1025 0 EOF";
    let dev = rustix::fs::makedev(0, 0x15);
    assert_eq!(flock_holder(line, dev, 1025), Some(708));
    assert_eq!(flock_holder(line, dev, 102), None);
    assert_eq!(flock_holder(line, rustix::fs::makedev(8, 1), 1025), None);
    assert_eq!(flock_holder(&line.replace("FLOCK", "POSIX"), dev, 1025), None);
    assert_eq!(flock_holder("1: -> FLOCK  ADVISORY  WRITE 708 00:15:1025 0 EOF", dev, 1025), None);
    assert_eq!(flock_holder("", dev, 1025), None);
}
