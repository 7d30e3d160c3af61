//! What can be wrong with a host.

use std::path::PathBuf;

use countersign_custody::Level;

use super::Spoiled;
use super::good::{DAY, NOW};
use crate::facts::*;
use crate::grade::Grade::{Fail, Warn};
use crate::grade::Unknown;

fn volume(facts: &mut Facts) -> &mut Volume {
    facts.storage.volumes.as_mut().unwrap().first_mut().unwrap()
}

fn key(facts: &mut Facts, name: &str, level: Level) {
    let checks = facts.key.as_mut().unwrap();
    let check = checks.iter_mut().find(|check| check.check == name).unwrap();
    check.level = level;
    "something was found".clone_into(&mut check.measured);
}

fn process(facts: &mut Facts) -> &mut Process {
    facts.processes.as_mut().unwrap().first_mut().unwrap()
}

fn listen(facts: &mut Facts, address: &str, port: u16) {
    facts.listeners.as_mut().unwrap().push(Listener {
        protocol: Protocol::Tcp,
        address: address.parse().unwrap(),
        port,
        program: None,
    });
}

fn ssh(facts: &mut Facts) -> &mut Ssh {
    facts.ssh.as_mut().unwrap()
}

pub(super) const TABLE: &[Spoiled] = &[
    ("cpu", Warn, |facts| facts.machine.centi_cpus = Ok(599)),
    ("memory", Warn, |facts| facts.machine.memory = Ok(11 << 30)),
    ("memory", Fail, |facts| facts.machine.memory = Ok(4 << 30)),
    ("memory-available", Warn, |facts| facts.machine.available = Ok(2 << 30)),
    ("memory-available", Fail, |facts| facts.machine.available = Ok(1 << 20)),
    ("ptrace", Warn, |facts| facts.machine.ptrace_scope = Ok(Some(0))),
    ("core-pattern", Warn, |facts| facts.machine.core_pattern = Ok("/tmp/core.%p".to_owned())),
    ("architecture", Fail, |facts| {
        facts.machine.foreign_programs = Ok(vec![(PathBuf::from("/a"), "machine 243".to_owned())]);
    }),
    ("running-user", Fail, |facts| process(facts).uid = 0),
    ("running-user", Fail, |facts| process(facts).uid = 991),
    ("one-process", Fail, |facts| {
        let twin = Process { pid: 99, ..process(facts).clone() };
        facts.processes.as_mut().unwrap().push(twin);
    }),
    ("container-localhost", Fail, |facts| {
        facts.machine.container = Ok(Some("/.dockerenv".to_owned()));
        facts.roles.node = false;
        facts.node.info = Err(Unknown::because("nothing listens"));
    }),
    ("disk-size", Warn, |facts| {
        let node = facts.storage.volumes.as_mut().unwrap().get_mut(1).unwrap();
        node.total = 300 << 30;
    }),
    ("disk-size", Warn, |facts| {
        // All three on one disk, which would do for each of them.
        for volume in facts.storage.volumes.as_mut().unwrap() {
            (volume.total, volume.free) = (1_200 << 30, 600 << 30);
        }
    }),
    ("disk-free", Warn, |facts| volume(facts).free = 9 << 30),
    ("disk-free", Fail, |facts| volume(facts).free = 2 << 30),
    ("disk-days-left", Warn, |facts| {
        facts.storage.history.as_mut().unwrap().first_mut().unwrap().free = 80 << 30;
    }),
    ("disk-days-left", Fail, |facts| {
        facts.storage.history.as_mut().unwrap().first_mut().unwrap().free = 150 << 30;
        volume(facts).free = 40 << 30;
    }),
    ("inodes", Warn, |facts| volume(facts).free_inodes = 50_000),
    ("inodes", Fail, |facts| volume(facts).free_inodes = 10),
    ("disk-writable", Fail, |facts| volume(facts).is_read_only = true),
    ("disk-fsync", Warn, |facts| facts.storage.fsync.as_mut().unwrap().p99 = 20_000),
    ("disk-fsync", Fail, |facts| facts.storage.fsync.as_mut().unwrap().p99 = 100_000),
    ("database-file-system", Fail, |facts| "nfs4".clone_into(&mut volume(facts).kind)),
    ("database-file-system", Fail, |facts| "tmpfs".clone_into(&mut volume(facts).kind)),
    ("database-file-system", Warn, |facts| "overlay".clone_into(&mut volume(facts).kind)),
    ("database-file-system", Warn, |facts| "fuse.new".clone_into(&mut volume(facts).kind)),
    ("clock-offset", Warn, |facts| facts.clock.offset.as_mut().unwrap().millis = -500),
    ("clock-offset", Fail, |facts| facts.clock.offset.as_mut().unwrap().millis = 5_000),
    ("clock-kept", Fail, |facts| facts.clock.synchrony.as_mut().unwrap().is_kept = false),
    ("time-zone", Warn, |facts| facts.clock.zone = Ok("Europe/Vienna".to_owned())),
    ("key-place", Warn, |facts| key(facts, "place", Level::Warn)),
    ("key-owner", Fail, |facts| key(facts, "owner", Level::Fail)),
    ("key-mode", Fail, |facts| key(facts, "mode", Level::Fail)),
    ("key-acl", Fail, |facts| key(facts, "acl", Level::Fail)),
    ("key-folders", Fail, |facts| key(facts, "folders", Level::Fail)),
    ("key-links", Fail, |facts| key(facts, "links", Level::Fail)),
    ("key-git", Fail, |facts| key(facts, "git", Level::Fail)),
    ("key-environment", Fail, |facts| key(facts, "environment", Level::Fail)),
    ("key-backup", Warn, |facts| key(facts, "backup", Level::Warn)),
    ("swap", Warn, |facts| key(facts, "swap", Level::Warn)),
    ("core-dumps", Fail, |facts| key(facts, "core-dumps", Level::Fail)),
    ("ports-private", Warn, |facts| listen(facts, "0.0.0.0", 20_443)),
    ("ports-private", Fail, |facts| {
        listen(facts, "::", 5_432);
        facts.firewall.as_mut().unwrap().input = Policy::Accept;
    }),
    ("ports-private", Fail, |facts| {
        listen(facts, "203.0.113.9", 30_000);
        facts.firewall = Err(Unknown::because("not root"));
    }),
    ("ports-private", Warn, |facts| listen(facts, "0.0.0.0", 30_003)),
    ("ports-private", Warn, |facts| listen(facts, "0.0.0.0", 9_093)),
    ("ports-others", Warn, |facts| listen(facts, "0.0.0.0", 8_080)),
    ("firewall-in", Warn, |facts| facts.firewall.as_mut().unwrap().input = Policy::Accept),
    ("firewall-out", Warn, |facts| facts.firewall.as_mut().unwrap().output = Policy::Accept),
    ("firewall-forward", Warn, |facts| facts.firewall.as_mut().unwrap().forward = Policy::Accept),
    ("ssh-password", Fail, |facts| ssh(facts).password = true),
    ("ssh-password", Warn, |facts| ssh(facts).keyboard = true),
    ("ssh-root", Fail, |facts| "yes".clone_into(&mut ssh(facts).root)),
    ("ssh-root", Warn, |facts| "without-password".clone_into(&mut ssh(facts).root)),
    ("ssh-hardware", Warn, |facts| ssh(facts).only_hardware = false),
    ("ssh-hardware", Warn, |facts| {
        ssh(facts).only_hardware = false;
        let admins = ssh(facts).admins.as_mut().unwrap();
        admins.first_mut().unwrap().keys.push("ssh-rsa".to_owned());
    }),
    ("ssh-admins", Warn, |facts| {
        ssh(facts).admins.as_mut().unwrap().pop();
    }),
    ("ssh-admins", Warn, |facts| {
        ssh(facts).admins.as_mut().unwrap().first_mut().unwrap().keys.clear();
    }),
    ("certificates", Warn, |facts| certificate(facts).not_after = NOW + 20 * DAY),
    ("certificates", Fail, |facts| certificate(facts).not_after = NOW + DAY),
    ("certificates", Fail, |facts| certificate(facts).not_after = NOW - 1),
    ("certificates", Fail, |facts| certificate(facts).not_before = NOW + 1),
];

fn certificate(facts: &mut Facts) -> &mut Certificate {
    facts.certificates.as_mut().unwrap().first_mut().unwrap()
}
