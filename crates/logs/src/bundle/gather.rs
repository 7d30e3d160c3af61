//! What a helper asks for first.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::host::{Command, read_file};

/// Which programs run here: ours, those that it works with, and the system's.
pub fn versions(ours: &str) -> Vec<u8> {
    let mut text = format!("countersign: {ours}\n");
    let asked = [
        ("kernel", "uname", &["-srm"][..]),
        ("systemd", "systemctl", &["--version"]),
        ("bitcoind", "bitcoind", &["-version"]),
        ("stacks-node", "stacks-node", &["version"]),
        ("stacks-signer", "stacks-signer", &["--version"]),
        ("postgresql", "psql", &["--version"]),
    ];
    for (name, program, args) in asked {
        let said = Command { program, args, limit: SHORT, max_bytes: 4096 }.output();
        let said = match said {
            Ok(said) => String::from_utf8_lossy(&said).lines().next().unwrap_or("").to_owned(),
            Err(why) => format!("not known ({why})"),
        };
        writeln!(text, "{name}: {said}").expect(STRING);
    }
    match read_file(Path::new("/etc/os-release"), 4096) {
        Ok(release) => text.push_str(&String::from_utf8_lossy(&release)),
        Err(why) => writeln!(text, "distribution: not known ({why})").expect(STRING),
    }
    text.into_bytes()
}

/// Load, memory, pressure, disks and clock of this machine. `folders` are those whose disks matter.
pub fn host_facts(folders: &[&Path]) -> Vec<u8> {
    let mut text = String::new();
    for path in [
        "/proc/loadavg",
        "/proc/uptime",
        "/proc/meminfo",
        "/proc/pressure/io",
        "/proc/pressure/cpu",
    ] {
        match read_file(Path::new(path), 16 * 1024) {
            Ok(said) => {
                writeln!(text, "== {path}\n{}", String::from_utf8_lossy(&said)).expect(STRING);
            }
            Err(why) => writeln!(text, "== {path}\nnot known ({why})").expect(STRING),
        }
    }
    for folder in folders {
        let room = match rustix::fs::statvfs(*folder) {
            Ok(room) => format!(
                "{} MiB free of {} MiB, {} of {} inodes free",
                room.f_bavail.saturating_mul(room.f_frsize) >> 20,
                room.f_blocks.saturating_mul(room.f_frsize) >> 20,
                room.f_favail,
                room.f_files
            ),
            Err(error) => format!("not known ({error})"),
        };
        writeln!(text, "== disk of {}\n{room}", folder.display()).expect(STRING);
    }
    let clock = Command { program: "timedatectl", args: &["show"], limit: SHORT, max_bytes: 4096 };
    match clock.output() {
        Ok(said) => writeln!(text, "== clock\n{}", String::from_utf8_lossy(&said)).expect(STRING),
        Err(why) => writeln!(text, "== clock\nnot known ({why})").expect(STRING),
    }
    text.into_bytes()
}

/// How a unit is.
///
/// # Errors
/// Why that is not known, in words.
pub fn unit_state(unit: &str) -> Result<Vec<u8>, String> {
    let properties = "--property=Id,LoadState,ActiveState,SubState,Result,ExecMainStatus,ExecMainCode,NRestarts,\
         ActiveEnterTimestamp,InactiveEnterTimestamp,StatusText,MemoryCurrent,MemoryPeak,TasksCurrent,WatchdogUSec,\
         FragmentPath,DropInPaths,UnitFileState";
    let args = ["show", "--no-pager", properties, "--", unit];
    Command { program: "systemctl", args: &args, limit: SHORT, max_bytes: 64 * 1024 }.output()
}

/// The last lines of a unit.
///
/// # Errors
/// Why there are none, in words.
pub fn unit_log(unit: &str, lines: u32, max_bytes: usize) -> Result<Vec<u8>, String> {
    let count = format!("--lines={lines}");
    let unit_is = format!("--unit={unit}");
    let args = ["--no-pager", "--quiet", "--output=short-iso-precise", &count, &unit_is];
    let said = Command { program: "journalctl", args: &args, limit: LONG, max_bytes }.output()?;
    if said.is_empty() {
        Err(format!("the journal has no line of {unit} that this user may read"))
    } else {
        Ok(said)
    }
}

const SHORT: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(20);
const STRING: &str = "writing to a string cannot fail";
