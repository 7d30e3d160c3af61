//! Processors, memory, the kernel's settings, and the architecture of programs.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::bounded::{kernel, unreadable};
use crate::facts::{Machine, Process};
use crate::grade::{Fact, Unknown};
use crate::parse::cgroup::{self, Limits};

/// Where the kernel shows control groups.
const CGROUPS: &str = "/sys/fs/cgroup";

pub(super) fn gather(processes: &[Process]) -> Machine {
    // The limits that count are the signer's own, if it runs.
    let pid =
        processes.first().map_or_else(|| "self".to_owned(), |process| process.pid.to_string());
    let limits = kernel(format!("/proc/{pid}/cgroup"))
        .map(|text| limits(&text, Path::new(CGROUPS)))
        .unwrap_or_default();
    let memory = kernel("/proc/meminfo");
    let meminfo = |name: &str| -> Fact<u64> {
        let text =
            memory.as_ref().map_err(|error| unreadable(Path::new("/proc/meminfo"), error))?;
        cgroup::meminfo(text, name)
            .ok_or_else(|| Unknown::because(format!("the kernel does not say {name}")))
    };
    let total = meminfo("MemTotal");
    Machine {
        centi_cpus: cpus(limits.centi_cpus),
        memory: total.map(|total| limits.memory.map_or(total, |limit| limit.min(total))),
        available: meminfo("MemAvailable"),
        ptrace_scope: ptrace(),
        core_pattern: setting("/proc/sys/kernel/core_pattern"),
        container: Ok(container()),
        foreign_programs: Ok(foreign(processes)),
    }
}

fn cpus(limit: Option<u64>) -> Fact<u64> {
    let seen = std::thread::available_parallelism()
        .map_err(|error| Unknown::because(format!("processors cannot be counted: {error}")))?;
    let seen = u64::try_from(seen.get()).unwrap_or(u64::MAX).saturating_mul(100);
    Ok(limit.map_or(seen, |limit| limit.min(seen)))
}

/// A kernel without Yama lets every process of a user into every other one.
fn ptrace() -> Fact<Option<u8>> {
    let path = Path::new("/proc/sys/kernel/yama/ptrace_scope");
    match kernel(path) {
        Ok(text) => {
            let scope = text.trim().parse();
            scope.map(Some).map_err(|_| Unknown::because("ptrace_scope is no number"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn setting(path: &str) -> Fact<String> {
    kernel(path).map_err(|error| unreadable(Path::new(path), &error))
}

/// The narrowest limits of the groups that a process is in. `root` is where they are mounted.
pub(super) fn limits(proc_cgroup: &str, root: &Path) -> Limits {
    let groups = cgroup::groups(proc_cgroup);
    let mut limits = Limits::default();
    let read = |path: PathBuf| kernel(path).ok();
    for group in groups.unified.iter().flat_map(|group| cgroup::ancestors(group)) {
        let folder = root.join(group);
        let cpu = read(folder.join("cpu.max")).and_then(|text| cgroup::cpu_max(&text));
        let memory = read(folder.join("memory.max")).and_then(|text| cgroup::memory_max(&text));
        limits.centi_cpus = narrower(limits.centi_cpus, cpu);
        limits.memory = narrower(limits.memory, memory);
    }
    for group in groups.cpu.iter().flat_map(|group| cgroup::ancestors(group)) {
        for mount in ["cpu", "cpu,cpuacct"] {
            let folder = root.join(mount).join(group);
            let quota = read(folder.join("cpu.cfs_quota_us"));
            let period = read(folder.join("cpu.cfs_period_us"));
            let cpu = quota.zip(period).and_then(|(quota, period)| cgroup::cfs(&quota, &period));
            limits.centi_cpus = narrower(limits.centi_cpus, cpu);
        }
    }
    for group in groups.memory.iter().flat_map(|group| cgroup::ancestors(group)) {
        let path = root.join("memory").join(group).join("memory.limit_in_bytes");
        limits.memory =
            narrower(limits.memory, read(path).and_then(|text| cgroup::memory_max(&text)));
    }
    limits
}

fn narrower(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// What shows that 127.0.0.1 is not the host's.
fn container() -> Option<String> {
    for sign in ["/.dockerenv", "/run/.containerenv"] {
        if Path::new(sign).exists() {
            return Some(sign.to_owned());
        }
    }
    let devices = kernel("/proc/net/dev").ok()?;
    let names: Vec<&str> =
        devices.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    (names == ["lo"]).then(|| "its network has only a loopback".to_owned())
}

/// The programs that run here for another machine.
fn foreign(processes: &[Process]) -> Vec<(PathBuf, String)> {
    let ours = machine_of(Path::new("/proc/self/exe"));
    let foreign = |process: &Process| {
        let path = PathBuf::from(format!("/proc/{}/exe", process.pid));
        let theirs = machine_of(&path)?;
        let name = std::fs::read_link(&path).unwrap_or(path);
        (Some(theirs) != ours).then(|| (name, elf_machine(theirs)))
    };
    processes.iter().filter_map(foreign).collect()
}

/// `e_machine` of an ELF file.
pub(super) fn machine_of(path: &Path) -> Option<u16> {
    let mut head = [0; 20];
    File::open(path).ok()?.read_exact(&mut head).ok()?;
    let (magic, rest) = head.split_first_chunk::<4>()?;
    let machine = rest.get(14..)?.first_chunk::<2>()?;
    (magic == b"\x7fELF").then(|| u16::from_le_bytes(*machine))
}

fn elf_machine(machine: u16) -> String {
    match machine {
        62 => "x86_64".to_owned(),
        183 => "aarch64".to_owned(),
        other => format!("machine {other}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;

    #[test]
    fn the_narrowest_group_counts_in_both_versions() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/cpu.max", "400000 100000");
        write("a/b/cpu.max", "150000 100000");
        write("a/memory.max", "1073741824");
        write("a/b/memory.max", "max");
        let two = limits("0::/a/b\n", root.path());
        assert_eq!(two, Limits { centi_cpus: Some(150), memory: Some(1 << 30) });
        write("cpu/x/cpu.cfs_quota_us", "50000");
        write("cpu/x/cpu.cfs_period_us", "100000");
        write("memory/y/memory.limit_in_bytes", "4096");
        let one = limits("4:cpu,cpuacct:/x\n5:memory:/y\n", root.path());
        assert_eq!(one, Limits { centi_cpus: Some(50), memory: Some(4_096) });
    }

    #[test]
    fn this_program_is_for_this_machine() {
        let ours = machine_of(Path::new("/proc/self/exe")).map(elf_machine);
        assert_eq!(ours.as_deref(), Some(std::env::consts::ARCH));
        assert_eq!(machine_of(Path::new("/etc/passwd")), None);
    }
}
