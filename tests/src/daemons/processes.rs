//! Processes as the operating system sees them.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// Sends a signal.
pub fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// The processes that have `word` in their arguments.
pub fn running_with(word: &str) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        // A process may end while it is looked at.
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        String::from_utf8_lossy(&arguments).contains(word).then_some(pid)
    });
    processes.filter(|pid| is_running(*pid)).collect()
}

/// Whether a process exists and has not ended.
pub fn is_running(pid: u32) -> bool {
    // One that has ended and was not waited for yet has the state Z.
    status(pid, "State").is_some_and(|state| !state.starts_with('Z'))
}

/// The most memory that a process has had so far, in KiB.
pub fn peak_rss_kib(pid: u32) -> u64 {
    let peak = status(pid, "VmHWM").expect("the process runs");
    peak.trim_end_matches(" kB").parse().unwrap()
}

fn status(pid: u32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(value.trim().to_owned())
}
