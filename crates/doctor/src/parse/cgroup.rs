//! Limits of control groups, of both versions.

use std::path::{Path, PathBuf};

/// What a group may have at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Hundredths of processors.
    pub centi_cpus: Option<u64>,
    /// Bytes.
    pub memory: Option<u64>,
}

/// The folders whose limits hold for a process: of version 2, and of version 1 for processors and memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Version 2, below the mount.
    pub unified: Option<PathBuf>,
    /// Version 1: processors.
    pub cpu: Option<PathBuf>,
    /// Version 1: memory.
    pub memory: Option<PathBuf>,
}

/// Reads `/proc/PID/cgroup`.
pub fn groups(text: &str) -> Groups {
    let mut groups = Groups::default();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(path)) =
            (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let path = inside(path);
        let has = |name| controllers.split(',').any(|controller| controller == name);
        if number == "0" && controllers.is_empty() {
            groups.unified = Some(path);
        } else if has("cpu") {
            groups.cpu = Some(path);
        } else if has("memory") {
            groups.memory = Some(path);
        }
    }
    groups
}

/// The path without what would lead out of the mount.
fn inside(path: &str) -> PathBuf {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "." | ".."));
    names.collect()
}

/// Every group from this one up to the mount: the limits of each hold.
pub fn ancestors(group: &Path) -> impl Iterator<Item = &Path> {
    group.ancestors()
}

/// Reads `cpu.max`: `200000 100000` or `max 100000`.
pub fn cpu_max(text: &str) -> Option<u64> {
    let (quota, period) = text.trim().split_once(' ')?;
    centi(quota.parse().ok()?, period.trim().parse().ok()?)
}

/// From `cpu.cfs_quota_us` (-1 is none) and `cpu.cfs_period_us`.
pub fn cfs(quota: &str, period: &str) -> Option<u64> {
    let quota: i64 = quota.trim().parse().ok()?;
    centi(u64::try_from(quota).ok()?, period.trim().parse().ok()?)
}

fn centi(quota: u64, period: u64) -> Option<u64> {
    quota.saturating_mul(100).checked_div(period)
}

/// Reads `memory.max` or `memory.limit_in_bytes`. `max` and version 1's largest number are none.
pub fn memory_max(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|limit| *limit < 1 << 60)
}

/// Bytes of a line of `/proc/meminfo`, such as `MemTotal`.
pub fn meminfo(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_both_versions_are_found() {
        let two = groups("0::/system.slice/countersign.service\n");
        assert_eq!(two.unified, Some(PathBuf::from("system.slice/countersign.service")));
        let one = groups("5:memory:/a/b\n4:cpu,cpuacct:/c\n1:name=systemd:/x\n");
        assert_eq!(one.memory, Some(PathBuf::from("a/b")));
        assert_eq!(one.cpu, Some(PathBuf::from("c")));
        assert_eq!(groups("0::/../../etc\n").unified, Some(PathBuf::from("etc")));
        assert_eq!(groups("nonsense"), Groups::default());
    }

    #[test]
    fn limits_are_read_and_no_limit_is_none() {
        assert_eq!(cpu_max("150000 100000\n"), Some(150));
        assert_eq!(cpu_max("max 100000\n"), None);
        assert_eq!(cpu_max("1 0\n"), None);
        assert_eq!(cfs("200000", "100000"), Some(200));
        assert_eq!(cfs("-1", "100000"), None);
        assert_eq!(memory_max("max\n"), None);
        assert_eq!(memory_max("9223372036854771712\n"), None);
        assert_eq!(memory_max("1048576\n"), Some(1 << 20));
        let text = "MemTotal:       16 kB\nMemAvailable:   8 kB\n";
        assert_eq!(meminfo(text, "MemTotal"), Some(16_384));
        assert_eq!(meminfo(text, "MemAvailable"), Some(8_192));
        assert_eq!(meminfo(text, "Mem"), None);
    }
}
