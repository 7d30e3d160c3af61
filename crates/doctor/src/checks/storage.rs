//! File systems: how large, how full, how fast, and of what kind.

use std::path::Path;

use super::{DAY, bytes};
use crate::check::{Check, EVERYBODY, Source};
use crate::facts::{Facts, Role, Roles, Sample, Volume};
use crate::grade::{Fact, Grade, Outcome, Unknown};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "disk-size",
        rows: &["A6", "E3", "E19", "E45"],
        profiles: EVERYBODY,
        title: "disks of the size that the role needs",
        why: "a chain that fills its disk stops the node, and with it the signer",
        source: Source::Storage,
        judge: size,
    },
    Check {
        id: "disk-free",
        rows: &["A6", "E8", "E42"],
        profiles: EVERYBODY,
        title: "room on every disk",
        why: "a signer that cannot write what it is about to sign must not sign",
        source: Source::Storage,
        judge: free,
    },
    Check {
        id: "disk-days-left",
        rows: &["A6", "C7"],
        profiles: EVERYBODY,
        title: "days until a disk is full",
        why: "a disk is enlarged in days, not in the minute in which it is full",
        source: Source::Storage,
        judge: days_left,
    },
    Check {
        id: "inodes",
        rows: &["E8", "E42"],
        profiles: EVERYBODY,
        title: "inodes left",
        why: "without inodes no file can be made, however much room is shown",
        source: Source::Storage,
        judge: inodes,
    },
    Check {
        id: "disk-writable",
        rows: &["E42"],
        profiles: EVERYBODY,
        title: "file systems are writable",
        why: "after an error the kernel mounts a file system read-only, and the signer stops",
        source: Source::Storage,
        judge: writable,
    },
    Check {
        id: "disk-fsync",
        rows: &["A6", "E8"],
        profiles: EVERYBODY,
        title: "a record is durable soon",
        why: "every signature waits until its record is on the disk",
        source: Source::Storage,
        judge: fsync,
    },
    Check {
        id: "database-file-system",
        rows: &["E8"],
        profiles: EVERYBODY,
        title: "databases are on a local disk",
        why: "on a network file system locks and fsync do not keep their word; on tmpfs or overlay a restart forgets",
        source: Source::Storage,
        judge: file_system,
    },
];

/// Bytes that a role needs (stacks docs: 1 TB for a full bitcoind, 50 GB pruned, 500 GB for the node, 50 GB
/// for a signer).
const fn needs(role: Role, roles: Roles) -> u64 {
    const GB: u64 = 1_000_000_000;
    match role {
        Role::Bitcoin if roles.is_pruned => 50 * GB,
        Role::Bitcoin => 1_000 * GB,
        Role::Node => 500 * GB,
        // The reference's database grows without limit; ours is bounded.
        Role::Signer => 10 * GB,
        Role::Sbtc => 50 * GB,
    }
}

/// The volume that is worst by a measure, for one report about all.
fn worst(facts: &Facts, judge: impl Fn(&Volume) -> Outcome) -> Fact<Outcome> {
    let volumes = facts.storage.volumes.as_ref()?;
    let outcomes = volumes.iter().map(judge);
    let mut worst: Option<Outcome> = None;
    for outcome in outcomes {
        if worst.as_ref().is_none_or(|known| outcome.grade > known.grade) {
            worst = Some(outcome);
        }
    }
    worst.ok_or_else(|| Unknown::not_here("nothing of the installation is kept on a disk"))
}

fn size(facts: &Facts) -> Fact<Outcome> {
    if facts.is_private_network() {
        return Err(Unknown::not_here("a private network's chain is small"));
    }
    worst(facts, |volume| {
        let on_it = |role| needs(role, facts.roles);
        let shared = facts
            .storage
            .volumes
            .iter()
            .flatten()
            .filter(|other| other.total == volume.total && other.free == volume.free);
        let need = shared.map(|other| on_it(other.role)).fold(0, u64::saturating_add);
        let measured = format!(
            "{}: {} on {}, {} needed for what is on it",
            volume.role,
            bytes(volume.total),
            volume.folder.display(),
            bytes(need)
        );
        if volume.total >= need / 10 * 9 {
            Outcome::ok(measured)
        } else {
            Outcome::warn(
                measured,
                format!("move {} to a larger disk", shell::path(&volume.folder)),
            )
        }
    })
}

fn free(facts: &Facts) -> Fact<Outcome> {
    worst(facts, |volume| {
        let percent = volume.free.saturating_mul(100).checked_div(volume.total).unwrap_or(0);
        let measured = format!(
            "{}: {} of {} free ({percent} %) at {}",
            volume.role,
            bytes(volume.free),
            bytes(volume.total),
            volume.folder.display()
        );
        let remedy =
            format!("du -xh --max-depth=2 {} | sort -h | tail", shell::path(&volume.folder));
        match (percent, volume.free) {
            (_, ..MIN_FREE) | (..3, ..) => Outcome::fail(measured, remedy),
            (..10, _) => Outcome::warn(measured, remedy),
            _ => Outcome::ok(measured),
        }
    })
}

/// Less than this, in bytes, is nothing.
const MIN_FREE: u64 = 256 << 20;

fn days_left(facts: &Facts) -> Fact<Outcome> {
    let history = facts.storage.history.as_ref()?;
    let volumes = facts.storage.volumes.as_ref()?;
    let mut rates = volumes
        .iter()
        .filter_map(|volume| {
            let days = forecast(history, &volume.folder, facts.now, volume.free)?;
            Some((days, volume))
        })
        .collect::<Vec<_>>();
    rates.sort_by_key(|(days, _)| *days);
    let Some((days, volume)) = rates.first() else {
        return Err(Unknown::but(
            "there are no measurements that are an hour apart yet",
            "run doctor again in an hour, or from a timer: each run with rights to the records folder keeps one",
        ));
    };
    let place = volume.folder.display();
    let Some(days) = days.0 else {
        return Ok(Outcome::ok(format!("{place} does not fill")));
    };
    let measured = format!("{place} is full in {days} days at the rate of the last measurements");
    let remedy = format!("enlarge or clear the disk of {}", shell::path(&volume.folder));
    Ok(match days {
        30.. => Outcome::ok(measured),
        7..30 => Outcome::warn(measured, remedy),
        0..7 => Outcome::fail(measured, remedy),
    })
}

/// Days until a folder's disk is full; `None` inside if it does not fill, which sorts last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Days(Option<u64>);

impl PartialOrd for Days {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Days {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.unwrap_or(u64::MAX).cmp(&other.0.unwrap_or(u64::MAX))
    }
}

/// From the oldest measurement of the last four weeks to now.
fn forecast(history: &[Sample], folder: &Path, now: u64, free: u64) -> Option<Days> {
    let first = history
        .iter()
        .filter(|sample| sample.folder == folder)
        .filter(|sample| (3_600..28 * DAY).contains(&now.saturating_sub(sample.at)))
        .min_by_key(|sample| sample.at)?;
    let Some(used) = first.free.checked_sub(free).filter(|used| *used > 0) else {
        return Some(Days(None));
    };
    let elapsed = u128::from(now.saturating_sub(first.at));
    let seconds = u128::from(free) * elapsed / u128::from(used);
    Some(Days(Some(u64::try_from(seconds / u128::from(DAY)).unwrap_or(u64::MAX))))
}

fn inodes(facts: &Facts) -> Fact<Outcome> {
    worst(facts, |volume| {
        let Some(percent) = volume.free_inodes.saturating_mul(100).checked_div(volume.inodes)
        else {
            return Outcome::ok(format!("{} does not count inodes", volume.kind));
        };
        let measured = format!("{percent} % of the inodes are free at {}", volume.folder.display());
        let remedy = format!("du --inodes -x {} | sort -n | tail", shell::path(&volume.folder));
        match percent {
            10.. => Outcome::ok(measured),
            2..10 => Outcome::warn(measured, remedy),
            0..2 => Outcome::fail(measured, remedy),
        }
    })
}

fn writable(facts: &Facts) -> Fact<Outcome> {
    worst(facts, |volume| {
        let place = volume.folder.display();
        if volume.is_read_only {
            let remedy = "dmesg | grep -i 'remount\\|error', then mount -o remount,rw";
            Outcome::fail(
                format!("{} writes to {place}, which is mounted read-only", volume.role),
                remedy,
            )
        } else {
            Outcome::ok(format!("{place} is mounted for writing"))
        }
    })
}

fn fsync(facts: &Facts) -> Fact<Outcome> {
    let fsync = facts.storage.fsync.as_ref()?;
    let millis = |micros: u64| format!("{}.{:02} ms", micros / 1_000, micros % 1_000 / 10);
    let measured = format!(
        "99 of 100 records are durable within {}, half within {} ({} writes in {})",
        millis(fsync.p99),
        millis(fsync.p50),
        fsync.count,
        fsync.folder.display()
    );
    let remedy = "use a local SSD with power-loss protection for db_path";
    Ok(match fsync.p99 {
        ..20_000 => Outcome::ok(measured),
        20_000..100_000 => Outcome::warn(measured, remedy),
        100_000.. => Outcome::fail(measured, remedy),
    })
}

fn file_system(facts: &Facts) -> Fact<Outcome> {
    worst(facts, |volume| {
        let grade = match volume.kind.as_str() {
            "nfs" | "nfs4" | "cifs" | "smb3" | "ceph" | "9p" | "glusterfs" | "fuse.sshfs"
            | "fuse.s3fs" | "fuse.rclone" | "lustre" | "beegfs" => Grade::Fail,
            "tmpfs" | "ramfs" if !facts.is_private_network() => Grade::Fail,
            "overlay" | "aufs" => Grade::Warn,
            kind if kind.starts_with("fuse.") => Grade::Warn,
            _ => Grade::Ok,
        };
        let measured = format!(
            "{} keeps its data on {} at {}",
            volume.role,
            volume.kind,
            volume.folder.display()
        );
        let remedy = match volume.role {
            Role::Signer => "move db_path to a local disk; in a container, to a volume",
            _ => "move the data folder to a local disk; in a container, to a volume",
        };
        match grade {
            Grade::Ok => Outcome::ok(measured),
            Grade::Warn | Grade::Unknown => Outcome::warn(measured, remedy),
            Grade::Fail => Outcome::fail(measured, remedy),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn sample(days_ago: u64, free: u64) -> Sample {
        Sample { at: 100 * DAY - days_ago * DAY, folder: PathBuf::from("/a"), free }
    }

    #[test]
    fn a_disk_that_loses_ten_a_day_and_has_fifty_is_full_in_five_days() {
        let history = [sample(40, 10_000), sample(10, 150), sample(5, 90)];
        let days = forecast(&history, Path::new("/a"), 100 * DAY, 50);
        assert_eq!(days, Some(Days(Some(5))));
    }

    #[test]
    fn a_disk_that_gains_room_does_not_fill_and_another_folder_says_nothing() {
        let history = [sample(10, 40)];
        assert_eq!(forecast(&history, Path::new("/a"), 100 * DAY, 50), Some(Days(None)));
        assert_eq!(forecast(&history, Path::new("/b"), 100 * DAY, 50), None);
        assert_eq!(forecast(&[sample(0, 60)], Path::new("/a"), 100 * DAY, 50), None);
    }
}
