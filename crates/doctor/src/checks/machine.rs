//! Processors, memory, and what could read it.

use super::bytes;
use crate::check::{Check, EVERYBODY, Source};
use crate::facts::{Facts, Program, Roles};
use crate::grade::{Fact, Outcome, Unknown};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "cpu",
        rows: &["A6", "E3", "E19"],
        profiles: EVERYBODY,
        title: "enough processors",
        why: "a node that validates too slowly makes the signer answer after the miner has given up",
        source: Source::Machine,
        judge: cpu,
    },
    Check {
        id: "memory",
        rows: &["A6", "E3", "E19"],
        profiles: EVERYBODY,
        title: "enough memory",
        why: "when memory runs out the kernel ends the largest process, which is the node",
        source: Source::Machine,
        judge: memory,
    },
    Check {
        id: "memory-available",
        rows: &["A6"],
        profiles: EVERYBODY,
        title: "memory to spare",
        why: "a machine that is short of memory answers late before it fails",
        source: Source::Machine,
        judge: available,
    },
    Check {
        id: "ptrace",
        rows: &["B1", "D2"],
        profiles: EVERYBODY,
        title: "processes do not read each other",
        why: "with ptrace open, any program of the signer's user can copy the key out of its memory",
        source: Source::Machine,
        judge: ptrace,
    },
    Check {
        id: "core-pattern",
        rows: &["B1"],
        profiles: EVERYBODY,
        title: "core files go nowhere public",
        why: "a core file of a signer that has no LimitCORE=0 holds its key",
        source: Source::Machine,
        judge: core_pattern,
    },
    Check {
        id: "architecture",
        rows: &["E34"],
        profiles: EVERYBODY,
        title: "programs are of this machine",
        why: "a program of another architecture does not start, or runs emulated and too slowly",
        source: Source::Machine,
        judge: architecture,
    },
    Check {
        id: "running-user",
        rows: &["D11", "D14"],
        profiles: EVERYBODY,
        title: "signer and node run as users of their own",
        why: "whoever takes over a signer that is root, or shares the node's user, has the other one, too",
        source: Source::Machine,
        judge: running_user,
    },
    Check {
        id: "one-process",
        rows: &["A23", "F5"],
        profiles: EVERYBODY,
        title: "one signer for each configuration",
        why: "two stacks-signers with one key run side by side without a word, and can sign rivals",
        source: Source::Machine,
        judge: one_process,
    },
    Check {
        id: "container-localhost",
        rows: &["E46"],
        profiles: EVERYBODY,
        title: "localhost is the machine that is meant",
        why: "in a container 127.0.0.1 is the container: a node on the host is not there",
        source: Source::Machine,
        judge: container_localhost,
    },
];

/// Hundredths of processors and bytes that the programs of this host need: 4 processors and 8 GB for signer
/// and node, 16 GB with bitcoind (stacks docs, minimum requirements); 2 and 4 GB more for sBTC. A signer
/// alone needs little.
fn needs(roles: Roles) -> (u64, u64) {
    const GB: u64 = 1_000_000_000;
    let (cpus, memory) = match (roles.node, roles.bitcoin) {
        (_, true) => (400, 16 * GB),
        (true, false) => (400, 8 * GB),
        (false, false) => (100, GB),
    };
    if roles.sbtc { (cpus + 200, memory + 4 * GB) } else { (cpus, memory) }
}

fn here(roles: Roles) -> String {
    let names = [
        (roles.signer, "signer"),
        (roles.node, "node"),
        (roles.bitcoin, "bitcoind"),
        (roles.sbtc, "sBTC signer"),
    ];
    let here: Vec<&str> =
        names.iter().filter(|(is_here, _)| *is_here).map(|(_, name)| *name).collect();
    if here.is_empty() { "nothing of the stack".to_owned() } else { here.join(", ") }
}

fn cpu(facts: &Facts) -> Fact<Outcome> {
    let have = *facts.machine.centi_cpus.as_ref()?;
    let (need, _) = needs(facts.roles);
    let measured = format!(
        "{}.{:02} processors; {} need {}",
        have / 100,
        have % 100,
        here(facts.roles),
        need / 100
    );
    Ok(if have >= need {
        Outcome::ok(measured)
    } else {
        Outcome::warn(measured, "give the machine or its control group more processors (CPUQuota=)")
    })
}

fn memory(facts: &Facts) -> Fact<Outcome> {
    let have = *facts.machine.memory.as_ref()?;
    let (_, need) = needs(facts.roles);
    let measured = format!("{}; {} need {}", bytes(have), here(facts.roles), bytes(need));
    let remedy = "give the machine or its control group more memory (MemoryMax=)";
    // A machine that is sold with 16 GB shows a little less.
    Ok(match have {
        have if have >= need / 10 * 9 => Outcome::ok(measured),
        have if have >= need / 2 => Outcome::warn(measured, remedy),
        _ => Outcome::fail(measured, remedy),
    })
}

fn available(facts: &Facts) -> Fact<Outcome> {
    let (have, all) = (*facts.machine.available.as_ref()?, *facts.machine.memory.as_ref()?);
    let percent = have.saturating_mul(100).checked_div(all).unwrap_or(0);
    let measured = format!("{} of {} can still be had", bytes(have), bytes(all));
    let remedy = "ps -eo rss,comm --sort=-rss | head";
    Ok(match percent {
        10.. => Outcome::ok(measured),
        5..10 => Outcome::warn(measured, remedy),
        0..5 => Outcome::fail(measured, remedy),
    })
}

fn ptrace(facts: &Facts) -> Fact<Outcome> {
    let Some(scope) = *facts.machine.ptrace_scope.as_ref()? else {
        return Ok(Outcome::warn(
            "the kernel has no Yama, so every process of a user reads every other one",
            "boot the distribution's own kernel",
        ));
    };
    let measured = format!("kernel.yama.ptrace_scope = {scope}");
    Ok(if scope >= 1 {
        Outcome::ok(measured)
    } else {
        let remedy =
            "echo kernel.yama.ptrace_scope=1 > /etc/sysctl.d/60-ptrace.conf && sysctl --system";
        Outcome::warn(measured, remedy)
    })
}

fn core_pattern(facts: &Facts) -> Fact<Outcome> {
    let pattern = facts.machine.core_pattern.as_ref()?.trim();
    let measured = format!("kernel.core_pattern = {pattern}");
    let is_safe = pattern.is_empty()
        || pattern.starts_with("|/bin/false")
        || pattern.starts_with("|/usr/bin/false")
        // They keep core files readable by root and the process's user alone.
        || pattern.contains("systemd-coredump")
        || pattern.contains("apport");
    let is_relative = !pattern.starts_with(['|', '/']);
    Ok(if is_safe || is_relative {
        // A relative file lies in the working folder of the daemon, with its user's rights.
        Outcome::ok(measured)
    } else {
        Outcome::warn(
            measured,
            "echo 'kernel.core_pattern=|/bin/false' > /etc/sysctl.d/60-core.conf && sysctl --system",
        )
    })
}

fn architecture(facts: &Facts) -> Fact<Outcome> {
    let foreign = facts.machine.foreign_programs.as_ref()?;
    Ok(match foreign.first() {
        None => Outcome::ok(format!("the programs found are for {}", std::env::consts::ARCH)),
        Some((path, machine)) => Outcome::fail(
            format!(
                "{} is for {machine}, this machine is {}",
                path.display(),
                std::env::consts::ARCH
            ),
            "install the release for this machine; with Docker, the image's own platform",
        ),
    })
}

fn running_user(facts: &Facts) -> Fact<Outcome> {
    let processes = facts.processes.as_ref()?;
    let signs = |program| {
        matches!(
            program,
            Program::Countersign | Program::Vault | Program::StacksSigner | Program::SbtcSigner
        )
    };
    let signers: Vec<_> = processes.iter().filter(|process| signs(process.program)).collect();
    if signers.is_empty() {
        return Err(Unknown::not_here("no signer runs here"));
    }
    let remedy =
        "useradd --system --shell /usr/sbin/nologin countersign, and User=countersign in the unit";
    if let Some(root) = signers.iter().find(|process| process.uid == 0) {
        return Ok(Outcome::fail(
            format!("process {} is a signer and runs as root", root.pid),
            remedy,
        ));
    }
    let shared = signers.iter().find_map(|signer| {
        let other = processes.iter().find(|other| {
            matches!(other.program, Program::StacksNode | Program::Bitcoind)
                && other.uid == signer.uid
        })?;
        Some((signer, other))
    });
    if let Some((signer, other)) = shared {
        let measured = format!(
            "signer (process {}) and node (process {}) are both user {}",
            signer.pid, other.pid, signer.uid
        );
        return Ok(Outcome::fail(measured, remedy));
    }
    let mut users: Vec<String> = signers.iter().map(|signer| signer.uid.to_string()).collect();
    users.dedup();
    Ok(Outcome::ok(format!("signers run as user {}, which no node shares", users.join(", "))))
}

fn one_process(facts: &Facts) -> Fact<Outcome> {
    let processes = facts.processes.as_ref()?;
    let signers: Vec<_> = processes
        .iter()
        .filter(|process| {
            matches!(
                process.program,
                Program::Countersign | Program::StacksSigner | Program::SbtcSigner
            )
        })
        // In a container the same name is another file.
        .filter(|process| process.is_our_network != Some(false))
        .collect();
    let double = signers.iter().enumerate().find_map(|(at, one)| {
        let config = one.config.as_ref()?;
        let other =
            signers.iter().skip(at + 1).find(|other| other.config.as_ref() == Some(config))?;
        Some((config, one.pid, other.pid))
    });
    Ok(match double {
        Some((config, one, other)) => Outcome::fail(
            format!("processes {one} and {other} both run with {}", config.display()),
            format!("stop one of them, and find out what starts it: systemctl status {other}"),
        ),
        None => Outcome::ok(format!(
            "{} seen, no two with the same file",
            super::count(signers.len(), "signer")
        )),
    })
}

fn container_localhost(facts: &Facts) -> Fact<Outcome> {
    let container = facts.machine.container.as_ref()?;
    let host = &facts.signer.as_ref()?.node_host;
    let is_local =
        host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
    let Some(sign) = container.as_ref().filter(|_| is_local) else {
        let measured = match container {
            Some(sign) => format!("in a container ({sign}), and the node is asked at {host}"),
            None => "this is no container".to_owned(),
        };
        return Ok(Outcome::ok(measured));
    };
    Ok(if facts.node.info.is_ok() {
        Outcome::ok(format!("in a container ({sign}), and a node answers at {host} inside it"))
    } else if facts.roles.node {
        Outcome::ok(format!(
            "in a container ({sign}), and so is its node, which is asked at {host}"
        ))
    } else {
        Outcome::fail(
            format!(
                "no node answers at {host}, which in this container ({sign}) is the container itself"
            ),
            "name the node's container or the host's address in node_host, not localhost",
        )
    })
}
