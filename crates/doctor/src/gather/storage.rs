//! File systems, how fast they are, and how they fill.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countersign_ops::records::{self, Outcome, Record};
use rustix::fs::{StatVfsMountFlags, statvfs};

use super::bounded::kernel;
use crate::facts::{Fsync, Role, Sample, Volume};
use crate::grade::{Fact, Unknown};

/// The file systems of these folders.
pub(super) fn volumes(folders: &[(Role, PathBuf)]) -> Fact<Vec<Volume>> {
    let mounts = kernel("/proc/self/mountinfo").unwrap_or_default();
    // To the sandbox of the timer's doctor everything is read-only, and to nobody else.
    let is_locked_in =
        statvfs("/").is_ok_and(|root| root.f_flag.contains(StatVfsMountFlags::RDONLY));
    let volume = |(role, folder): &(Role, PathBuf)| {
        let stat = statvfs(folder).map_err(|error| {
            let reason = format!("the folder {} cannot be looked at: {error}", folder.display());
            Unknown::but(reason, format!("ls -ld {}", crate::shell::path(folder)))
        })?;
        let (kind, is_shut) = mount(&mounts, folder);
        Ok(Volume {
            folder: folder.clone(),
            role: *role,
            kind,
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            inodes: stat.f_files,
            free_inodes: stat.f_favail,
            is_read_only: is_shut
                || (stat.f_flag.contains(StatVfsMountFlags::RDONLY) && !is_locked_in),
        })
    };
    folders.iter().map(volume).collect()
}

/// The type of the file system that a folder is on, and whether it is read-only to everybody: of the longest mount point
/// above it.
fn mount(mounts: &str, folder: &Path) -> (String, bool) {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let point = before.split_whitespace().nth(4)?.replace("\\040", " ");
        let mut words = after.split_whitespace();
        let kind = words.next()?.to_owned();
        let is_shut = words.nth(1).is_some_and(|options| options.split(',').any(|it| it == "ro"));
        folder.starts_with(&point).then_some((point.len(), (kind, is_shut)))
    };
    // Of two on one point the later one is seen.
    let best = mounts.lines().filter_map(mount).max_by_key(|(len, _)| *len);
    best.map_or_else(|| ("unknown".to_owned(), false), |(_, mount)| mount)
}

/// Writes a block and waits until it is durable, again and again, as the journal does.
pub(super) fn fsync(folder: &Path) -> Fact<Fsync> {
    let mut times = measure(folder).map_err(|error| {
        let reason = format!("nothing can be written into {}: {error}", folder.display());
        match error.kind() {
            io::ErrorKind::PermissionDenied => {
                Unknown::but(reason, "run doctor as the signer's user or as root")
            }
            _ => Unknown::because(reason),
        }
    })?;
    times.sort_unstable();
    let at = |percent: usize| {
        let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(index).copied().unwrap_or(0)
    };
    Ok(Fsync { folder: folder.to_owned(), count: times.len(), p50: at(50), p99: at(99) })
}

/// Microseconds of each write.
fn measure(folder: &Path) -> io::Result<Vec<u64>> {
    // It has no name, so nothing stays behind whatever happens.
    let mut file: File = tempfile::tempfile_in(folder)?;
    let block = [0x5a; 4_096];
    let begun = Instant::now();
    let mut times = Vec::with_capacity(MAX_WRITES);
    while times.len() < MAX_WRITES && begun.elapsed() < MAX_TIME {
        let started = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(times)
}

const MAX_WRITES: usize = 100;
const MAX_TIME: Duration = Duration::from_millis(800);

/// The earlier measurements; this one is added if the last one was an hour ago or more. A folder that we
/// may not write to is left as it is.
pub(super) fn history(folder: &Path, now: u64, volumes: &Fact<Vec<Volume>>) -> Fact<Vec<Sample>> {
    let reading = records::read_all(folder).map_err(|error| {
        let reason = format!("the records in {} cannot be read: {error}", folder.display());
        Unknown::but(reason, format!("install -d -m 0750 {}", crate::shell::path(folder)))
    })?;
    let samples = reading.record(JOB).and_then(|record| record.detail.get("samples").cloned());
    let samples: Vec<Sample> =
        samples.and_then(|samples| serde_json::from_value(samples).ok()).unwrap_or_default();
    let is_due = samples.iter().all(|sample| now.saturating_sub(sample.at) >= 3_600);
    if let Ok(volumes) = volumes
        && is_due
        && !volumes.is_empty()
    {
        let mut kept = samples.clone();
        kept.extend(volumes.iter().map(|volume| Sample {
            at: now,
            folder: volume.folder.clone(),
            free: volume.free,
        }));
        let excess = kept.len().saturating_sub(MAX_SAMPLES);
        kept.drain(..excess);
        if let Ok(value) = serde_json::to_value(&kept) {
            // Whoever may only read still learns from what others measured.
            let _ =
                records::write(folder, &Record::new(JOB, now, Outcome::Ok).with("samples", value));
        }
    }
    Ok(samples)
}

/// The record of free space.
const JOB: &str = "disk";
/// A week by the hour of two file systems is below the size that a record may have.
const MAX_SAMPLES: usize = 336;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_longest_mount_point_is_the_one_that_a_folder_is_on() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      23 22 0:1 / /proc rw - proc proc rw\n\
                      24 22 0:2 / /data\\040x rw - nfs4 server:/x rw\n";
        let mount = |mounts, folder| mount(mounts, Path::new(folder));
        assert_eq!(mount(mounts, "/data x/a"), ("nfs4".to_owned(), false));
        assert_eq!(mount(mounts, "/data"), ("ext4".to_owned(), false));
        assert_eq!(mount("", "/data"), ("unknown".to_owned(), false));
        // What only this mount forbids, and what the file system itself does.
        assert!(!mount("22 1 8:1 / / ro - ext4 /dev/sda1 rw,errors=remount-ro\n", "/data").1);
        assert!(mount("22 1 8:1 / / ro - ext4 /dev/sda1 ro,errors=remount-ro\n", "/data").1);
    }

    #[test]
    fn samples_are_kept_by_the_hour() {
        let folder = tempfile::tempdir().unwrap();
        let volume = |free| Volume {
            folder: PathBuf::from("/a"),
            role: Role::Signer,
            kind: "ext4".to_owned(),
            total: 100,
            free,
            inodes: 1,
            free_inodes: 1,
            is_read_only: false,
        };
        let at = |now, free| history(folder.path(), now, &Ok(vec![volume(free)])).unwrap().len();
        assert_eq!(at(10_000, 90), 0);
        assert_eq!(at(10_100, 80), 1);
        assert_eq!(at(14_000, 70), 1);
        assert_eq!(at(14_001, 70), 2);
    }

    #[test]
    fn writes_are_measured_and_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let fsync = fsync(folder.path()).unwrap();
        assert!(fsync.count > 0 && fsync.p50 <= fsync.p99);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(super::fsync(&folder.path().join("missing")).is_err());
    }
}
