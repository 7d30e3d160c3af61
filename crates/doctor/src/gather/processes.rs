//! Running programs of the stack.

use std::fs;
use std::path::{Path, PathBuf};

use super::bounded::kernel;
use crate::facts::{Process, Program};
use crate::grade::{Fact, Unknown};

pub(super) fn gather() -> Fact<Vec<Process>> {
    let entries = fs::read_dir("/proc")
        .map_err(|error| Unknown::because(format!("/proc cannot be read: {error}")))?;
    let ours = fs::read_link("/proc/self/ns/net").ok();
    let mut found: Vec<Process> = entries
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            (pid != std::process::id()).then(|| process(pid, &entry.path(), ours.as_deref()))?
        })
        .collect();
    found.sort_by_key(|process| (process.program, process.pid));
    Ok(found)
}

fn process(pid: u32, folder: &Path, ours: Option<&Path>) -> Option<Process> {
    let command = kernel(folder.join("cmdline")).ok()?;
    let args: Vec<&str> = command.split('\0').filter(|arg| !arg.is_empty()).collect();
    let program = program(&args)?;
    let status = kernel(folder.join("status")).ok()?;
    let theirs = fs::read_link(folder.join("ns/net")).ok();
    let config = config(&args, program).map(|path| {
        let folder = fs::read_link(folder.join("cwd")).unwrap_or_default();
        folder.join(path)
    });
    let is_our_network = theirs.and_then(|theirs| Some(theirs == ours?));
    Some(Process { pid, uid: effective_user(&status)?, program, config, is_our_network })
}

/// Which program of the stack a command line is; none if it is none.
fn program(args: &[&str]) -> Option<Program> {
    let (first, rest) = args.split_first()?;
    let name = Path::new(first).file_name()?.to_str()?;
    let verb = rest.first().copied().unwrap_or_default();
    match name {
        "countersign" => match verb {
            "run" | "standby" => Some(Program::Countersign),
            "vault" if rest.iter().any(|arg| arg.starts_with("--config")) => Some(Program::Vault),
            _ => None,
        },
        // It may be ours under the other name; then our control socket answers, too.
        "stacks-signer" => (verb == "run").then_some(Program::StacksSigner),
        "stacks-node" => Some(Program::StacksNode),
        "bitcoind" => Some(Program::Bitcoind),
        "sbtc-signer" => Some(Program::SbtcSigner),
        // The name in the official image.
        "signer" => rest.contains(&"--migrate-db").then_some(Program::SbtcSigner),
        _ => None,
    }
}

fn config(args: &[&str], program: Program) -> Option<PathBuf> {
    if program == Program::Bitcoind {
        let value = |name: &str| {
            args.iter()
                .find_map(|arg| arg.trim_start_matches('-').strip_prefix(name))
                .map(PathBuf::from)
        };
        return value("conf=").or_else(|| Some(value("datadir=")?.join("bitcoin.conf")));
    }
    args.iter().enumerate().find_map(|(at, arg)| match *arg {
        "--config" | "-c" => args.get(at + 1).map(PathBuf::from),
        arg => arg.strip_prefix("--config=").map(PathBuf::from),
    })
}

/// The second number of `Uid:`.
fn effective_user(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The unit that a process belongs to, from its control group.
pub(super) fn unit_of(pid: u32) -> Option<String> {
    let text = kernel(format!("/proc/{pid}/cgroup")).ok()?;
    let names = text.lines().flat_map(|line| line.rsplit('/'));
    names.map(str::trim).find(|name| name.ends_with(".service")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_by_name_and_verb() {
        let rows: [(&[&str], Option<Program>); 8] = [
            (&["/usr/bin/countersign", "run", "--config", "a"], Some(Program::Countersign)),
            (&["countersign", "doctor"], None),
            (&["stacks-signer", "run", "-c", "a"], Some(Program::StacksSigner)),
            (&["stacks-signer", "check-config", "-c", "a"], None),
            (&["./stacks-node", "start", "--config=b"], Some(Program::StacksNode)),
            (&["bitcoind", "-datadir=/d"], Some(Program::Bitcoind)),
            (&["signer"], None),
            (&[], None),
        ];
        for (args, expected) in rows {
            assert_eq!(program(args), expected, "{args:?}");
        }
    }

    #[test]
    fn configurations_are_named_in_several_ways() {
        let of =
            |args: &[&str], program| config(args, program).map(|path| path.display().to_string());
        let signer = Program::StacksSigner;
        assert_eq!(of(&["s", "run", "-c", "a"], signer).as_deref(), Some("a"));
        assert_eq!(of(&["s", "--config=b"], signer).as_deref(), Some("b"));
        assert_eq!(of(&["s", "--config"], signer), None);
        let bitcoin = Program::Bitcoind;
        assert_eq!(of(&["b", "-datadir=/d"], bitcoin).as_deref(), Some("/d/bitcoin.conf"));
        assert_eq!(of(&["b", "--conf=/c", "-datadir=/d"], bitcoin).as_deref(), Some("/c"));
    }

    #[test]
    fn the_effective_user_is_the_second_number() {
        assert_eq!(effective_user("Name:\tx\nUid:\t1\t2\t3\t4\n"), Some(2));
        assert_eq!(effective_user("Name:\tx\n"), None);
    }
}
