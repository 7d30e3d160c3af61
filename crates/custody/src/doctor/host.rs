//! What the machine does with memory.

use std::fs;
use std::path::Path;

use countersign_wire::PublicKey;
use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

use super::{Check, Level, is_key, kernel_file};

pub(super) fn root(is_private_network: bool) -> Check {
    let is_root = rustix::process::geteuid().is_root();
    let bad = if is_private_network { Level::Warn } else { Level::Fail };
    Check {
        check: "root",
        level: if is_root { bad } else { Level::Ok },
        measured: format!("this process is user {}", rustix::process::geteuid().as_raw()),
        why: "D11, D14: whoever takes over a signer that is root has the whole machine",
        remedy: is_root.then(|| {
            "useradd --system --shell /usr/sbin/nologin countersign, and User=countersign in the unit"
                .to_owned()
        }),
    }
}

pub(super) fn swap() -> Check {
    let areas = fs::read_to_string("/proc/swaps").unwrap_or_default();
    let plain: Vec<&str> = areas
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .filter(|area| !is_encrypted(area))
        .collect();
    let measured = match plain.as_slice() {
        [] => "there is no swap on an unencrypted disk".to_owned(),
        areas => format!("memory can go unencrypted to {}", areas.join(", ")),
    };
    Check {
        check: "swap",
        level: if plain.is_empty() { Level::Ok } else { Level::Warn },
        measured,
        why: "D3: what was in memory, keys included, can be read from the disk later",
        remedy: (!plain.is_empty())
            .then(|| "swapoff -a, and encrypt the swap of /etc/fstab (crypttab(5))".to_owned()),
    }
}

/// Whether a swap area is a device of dm-crypt, or compressed memory. Of files it cannot be told.
fn is_encrypted(area: &str) -> bool {
    let Ok(device) = fs::canonicalize(area) else { return false };
    let Some(name) = device.file_name().and_then(|name| name.to_str()) else { return false };
    if name.starts_with("zram") {
        return true;
    }
    let uuid = fs::read_to_string(format!("/sys/block/{name}/dm/uuid")).unwrap_or_default();
    uuid.starts_with("CRYPT-")
}

pub(super) fn core_dumps() -> Check {
    let is_forbidden = getrlimit(Resource::Core).maximum == Some(0)
        && dumpable_behavior().is_ok_and(|now| now == DumpableBehavior::NotDumpable);
    Check {
        check: "core-dumps",
        level: if is_forbidden { Level::Ok } else { Level::Fail },
        measured: if is_forbidden {
            "the program forbids core dumps of itself".to_owned()
        } else {
            "the program could not forbid core dumps of itself".to_owned()
        },
        why: "B1: a core file holds the memory of the process, keys included",
        remedy: (!is_forbidden).then(|| "LimitCORE=0 in the unit".to_owned()),
    }
}

/// Looks for a key in the environment of every process that we may look into. Without the public key
/// any text that is a private key counts, but only in our own.
pub(super) fn environment(known: Option<&PublicKey>) -> Check {
    let mut holders = Vec::new();
    if let Some(variable) = variable_with_key(Path::new("/proc/self/environ"), known) {
        holders.push(format!("`{variable}` of this process"));
    }
    if known.is_some() {
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            if pid != std::process::id()
                && let Some(variable) = variable_with_key(&entry.path().join("environ"), known)
            {
                holders.push(format!("`{variable}` of process {pid}"));
            }
        }
    }
    let is_clean = holders.is_empty();
    Check {
        check: "environment",
        level: if is_clean { Level::Ok } else { Level::Fail },
        measured: match holders.as_slice() {
            [] => "no environment that we can see holds the key".to_owned(),
            holders => format!("the key is in the environment: {}", holders.join(", ")),
        },
        why: "B1: environments are inherited by every child, shown in /proc and often logged",
        remedy: (!is_clean).then(|| {
            "unset the variable where it is set (a unit, a shell's profile, a compose file), restart, \
             and rotate the key"
                .to_owned()
        }),
    }
}

fn variable_with_key(path: &Path, known: Option<&PublicKey>) -> Option<String> {
    let environment = kernel_file(path)?;
    environment.split(|byte| *byte == 0).find_map(|variable| {
        let at = variable.iter().position(|byte| *byte == b'=')?;
        let (name, value) = variable.split_at_checked(at)?;
        is_key(value.get(1..)?, known).then(|| String::from_utf8_lossy(name).into_owned())
    })
}
