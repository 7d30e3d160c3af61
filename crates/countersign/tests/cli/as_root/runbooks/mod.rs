//! Every command of `docs/operator/runbooks`, as it stands there, on a host that is rendered with everything and whose
//! signer signs the blocks of a simulated network.

mod rows;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use countersign_devnet::{DevnetConfig, Seed, SignerKind};
use countersign_vault::{Birth, Vault};
use tempfile::TempDir;

use super::booted::Host;
use crate::blocks::blocks;
use crate::ceremony::Ceremony;
use crate::cluster::{Database, PASSWORD};
use rows::{LOOK, MEND, Row};

const STAND_IN: &str = include_str!("stand-in.pl");
const INSTALL: &str = include_str!("install.sh");

/// How long a command may take that somebody waits for, in seconds, on a machine that does much else.
const PATIENCE: u32 = 60;

/// The commands of all pages: those that look, and those that mend.
fn printed() -> [BTreeSet<String>; 2] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operator/runbooks");
    let mut commands = [BTreeSet::new(), BTreeSet::new()];
    for entry in fs::read_dir(folder).unwrap() {
        let page = fs::read_to_string(entry.unwrap().path()).unwrap();
        let (look, mend) = page.split_once("## What mends it").unwrap_or((&page, ""));
        for (commands, part) in commands.iter_mut().zip([look, mend]) {
            commands.extend(blocks(part).lines().map(str::to_owned));
        }
    }
    commands
}

#[test]
fn every_command_of_a_runbook_is_carried_out_by_the_test_and_the_test_carries_out_no_other() {
    for (printed, rows) in printed().into_iter().zip([LOOK, MEND]) {
        let rows: BTreeSet<String> = rows.iter().map(|row| row.command.to_owned()).collect();
        let lacking: Vec<_> = printed.difference(&rows).collect();
        let idle: Vec<_> = rows.difference(&printed).collect();
        assert!(lacking.is_empty() && idle.is_empty(), "no row: {lacking:#?}\nno page: {idle:#?}");
    }
}

/// Carries a command out, with its output and its code in files that `name` begins.
fn step(name: &str, row: &Row) -> String {
    let command = quoted(&row.command.replace(" BLOCK ", " $BLOCK "));
    format!(
        "(timeout {PATIENCE} bash -c {command} > {name}.out 2>&1 < /dev/null && code=0 || code=$?; echo $code > {name}.code)"
    )
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Says everything that is not as it should be.
fn judge(folder: &Path, rows: &[Row], prefix: &str) -> String {
    let mut faults = String::new();
    for (number, row) in rows.iter().enumerate() {
        let read = |ending: &str| {
            fs::read_to_string(folder.join(format!("{prefix}{number}.{ending}")))
                .unwrap_or_default()
        };
        let (code, said) = (read("code"), read("out"));
        let code: Option<i32> = code.trim().parse().ok();
        let lacking: Vec<_> = row.shows.iter().filter(|text| !said.contains(**text)).collect();
        let bad: Vec<_> = NEVER.iter().filter(|text| said.contains(**text)).collect();
        if code.is_none_or(|code| !row.ends.contains(&code))
            || !lacking.is_empty()
            || !bad.is_empty()
        {
            writeln!(
                faults,
                "== {}\n   ended with {code:?}, lacks {lacking:?}, says {bad:?}:\n{said}",
                row.command
            )
            .unwrap();
        }
    }
    faults
}

/// What no command of a page may answer.
const NEVER: [&str; 6] = [
    "could not be found",
    "command not found",
    "cannot access",
    "Permission denied",
    "-- No entries --",
    "Usage:",
];

/// The folder of what the host is made of; it has the key that the simulated network knows, and its journal.
fn parts(database: &Database) -> TempDir {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put("stand-in", STAND_IN);
    put("pgpass", &format!("*:*:*:*:{PASSWORD}\n"));
    let page = include_str!("../../../../../../docs/operator/watching.md");
    let exporter = page.split("```ini\n").nth(2).unwrap().split("```").next().unwrap();
    put("exporter.ini", exporter);
    let recipient = || age::x25519::Identity::generate().to_public();
    put(
        "more.toml",
        &format!(
            "\n[sbtc]\nsigners = [\n\
             \"02196f005965cebe6ddc3901b7b1cc1aa7a88f305bb8c5893456b8f9a605923893\",\n\
             \"02539449ad94e6e6392d8c1deb2b4e61f80ae2a18964349bc14336d8b903c46a8c\"]\n\
             signatures_required = 2\ndeployer = \"ST000000000000000000002AMW42H\"\n\
             [backups]\nrecipients = [\"{}\", \"{}\"]\n[backups.database]\nname = \"{}\"\n\
             user = \"backup\"\npassword_file = \"/etc/countersign/pgpass-backup\"\n",
            recipient(),
            recipient(),
            database.name
        ),
    );
    let network = DevnetConfig::new(vec![SignerKind::External; 2], Seed::from_text("runbooks"));
    let journal = folder.path().join("journal.sqlite");
    let vault = Vault::create(network.signer_key(1), &journal, Birth::WithKey).unwrap();
    vault.close_cleanly().unwrap();
    folder
}

/// What must run when everything was carried out.
const SERVICES: [&str; 9] = [
    "bitcoind",
    "countersign",
    "countersign-backup",
    "countersign-exporter",
    "countersign-vault",
    "prometheus",
    "prometheus-alertmanager",
    "sbtc-signer",
    "stacks-node",
];

#[test]
#[ignore = "needs root: namespaces, systemd, PostgreSQL, Prometheus, Alertmanager, nftables"]
fn every_command_of_a_runbook_does_on_a_rendered_host_what_it_is_printed_for() {
    let database = Database::of_signer(&[&Ceremony::new("runbooks", 850_000, 3, 2)]);
    let role = crate::support::countersign(&["backup", "postgres", "role", "--owner", "sbtc"])
        .args(["--user", "backup", "--database", &database.name])
        .output()
        .unwrap();
    database.sql(&String::from_utf8(role.stdout).unwrap());
    let folder = parts(&database);
    let host = Host::new("signer", None, folder.path());
    let mut script = format!("SOCKET={}\n{INSTALL}", database.cluster.socket().display());
    // Whoever looks changes nothing, so all look at once.
    for (number, row) in LOOK.iter().enumerate() {
        writeln!(script, "{} & LOOKS+=($!)", step(&format!("look{number}"), row)).unwrap();
    }
    script.push_str("wait \"${LOOKS[@]}\"\n");
    for (number, row) in MEND.iter().enumerate() {
        writeln!(script, "{}", step(&format!("mend{number}"), row)).unwrap();
    }
    fs::write(folder.path().join("script"), script).unwrap();
    host.run(folder.path(), "source ./script");
    let faults = judge(folder.path(), LOOK, "look") + &judge(folder.path(), MEND, "mend");
    assert!(faults.is_empty(), "{faults}");
    let left = host
        .run(folder.path(), &format!("{AFTERWARDS}\nsystemctl is-active {}", SERVICES.join(" ")));
    assert!(left.starts_with("ready\ncountersign-spoiled.service\nactive\n"), "{left}");
}

/// Says when the signer is ready again, and which units have failed: no other than the one that was made to.
const AFTERWARDS: &str = "for turn in $(seq 400); do
    if countersign status --config /etc/countersign/signer-config.toml > /dev/null; then echo ready; break; fi
    sleep 0.05
done
systemctl list-units --failed --plain --no-legend | awk '{ print $1 }'";
