//! Units of the host's own jobs, with systemd and with Docker: examining it, measuring its logs, backing it up, and
//! proving the backups.

use crate::choices::{HostRole, Runtime};
use crate::render::{Put as _, View};
use crate::site::{Backups, Proof, Site};
use crate::values::AbsPath;
use crate::wiring::DOCKER_NETWORK;

use super::sandbox::{CALLS, HARDENED, OFFLINE};
use super::{DOCUMENTATION, HEAD, identity};

pub(super) fn units(view: View<'_>) -> Vec<(&'static str, String)> {
    let mut units = vec![
        ("countersign-doctor.service", doctor(view)),
        (
            "countersign-doctor.timer",
            timer("Countersign's examination of this host, every hour", "hourly", "5min"),
        ),
    ];
    let site = view.site;
    if site.has_signer(view.role) {
        if site.runtime == Runtime::Systemd {
            let what = "Countersign's backup of what the signer remembers, every day";
            units.push(("countersign-backup-signer.service", backup_signer(site)));
            units.push(("countersign-backup-signer.timer", timer(what, "daily", "15min")));
        }
        units.push(("countersign-logs.service", logs(view)));
        let what = "Countersign's look at how far back the logs reach, every day";
        units.push(("countersign-logs.timer", timer(what, "*-*-* 02:40:00 UTC", "10min")));
    }
    if let (Some(backups), Some(_), HostRole::Signer) = (&site.backups, &site.sbtc, view.role) {
        units.push(("countersign-backup.service", backup(view, backups)));
        units.push(("countersign-backup-verify.service", verification(view, backups)));
        let what = "Countersign's verification of the newest backup, every day";
        // After the daily backup, which begins at 03:15 UTC.
        units.push(("countersign-backup-verify.timer", timer(what, "*-*-* 05:15:00 UTC", "30min")));
    }
    units
}

/// It looks at everything and changes nothing: a user of no one's, who may read every file.
fn doctor(View { site, role, .. }: View<'_>) -> String {
    let (bin, description) = (&site.paths.bin, site.paths.description());
    let host = if site.has_two_hosts() { format!(" --host {role}") } else { String::new() };
    let mut out = format!(
        "{HEAD}
[Unit]
Description=Countersign's examination of this host
{DOCUMENTATION}After=network-online.target
AssertFileIsExecutable={bin}/countersign
AssertFileNotEmpty={description}

[Service]
Type=oneshot
ExecStart={bin}/countersign doctor --site {description}{host}
# Warnings, and what only root could look at, are no failure of this unit: docs/exit-codes.md.
SuccessExitStatus=16 17
TimeoutStartSec=120
Nice=10

DynamicUser=yes
"
    );
    let group = if site.has_signer(role) { &site.users.signer } else { &site.users.node };
    let records = site.paths.records();
    out.put(format_args!("Group={group}\nReadWritePaths={records}\n"));
    out.push_str("UMask=0077\nLimitCORE=0\n\n# It asks what runs here and on the other host.\nIPAddressDeny=any\n");
    let mut peers = vec!["localhost".to_owned()];
    peers.extend((site.runtime == Runtime::Docker).then(|| DOCKER_NETWORK.to_owned()));
    if site.has_two_hosts() {
        for role in HostRole::ALL {
            peers.extend(
                [site.host(*role).address, site.peer_address(*role)].map(|ip| ip.to_string()),
            );
        }
    }
    peers.dedup();
    for peer in peers {
        out.put(format_args!("IPAddressAllow={peer}\n"));
    }
    out.put(format_args!(
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SocketBindDeny=any

{HARDENED}# It reads what belongs to others, and writes nothing of theirs.
CapabilityBoundingSet=CAP_DAC_READ_SEARCH
AmbientCapabilities=CAP_DAC_READ_SEARCH
# Memory and processors; of processes it sees its own alone.
ProcSubset=all
# Whose key lets whom in is in the homes of those who administer.
ProtectHome=read-only
{CALLS}"
    ));
    out
}

fn timer(what: &str, when: &str, delay: &str) -> String {
    format!(
        "{HEAD}
[Unit]
Description={what}
{DOCUMENTATION}
[Timer]
OnCalendar={when}
RandomizedDelaySec={delay}
Persistent=yes

[Install]
WantedBy=timers.target
"
    )
}

/// It asks the signer, as its user, and writes beside no one else's files.
fn backup_signer(site: &Site) -> String {
    let (bin, config, folder) =
        (&site.paths.bin, site.paths.signer_config(), &site.paths.signer_backups);
    let records = site.paths.records();
    let how = match &site.backups {
        // Whoever could prove it here could read it here.
        Some(Backups { recipients, daily, weekly, monthly, .. }) => {
            let recipients = recipients.iter().map(|it| format!(" --recipient {it}"));
            let recipients = recipients.collect::<Vec<_>>().concat();
            format!("{recipients} --daily {daily} --weekly {weekly} --monthly {monthly}")
        }
        None => " --prove".to_owned(),
    };
    format!(
        "{HEAD}
[Unit]
Description=Countersign's backup of what the signer remembers
{DOCUMENTATION}After=countersign.service
AssertFileIsExecutable={bin}/countersign
AssertFileNotEmpty={config}

[Service]
Type=oneshot
ExecStart={bin}/countersign backup signer --config {config} --out {folder} --records {records}{how}
TimeoutStartSec=30min
Nice=10

{}UMask=0077
LimitCORE=0
ReadWritePaths={folder} {records}

# The signer answers on its control socket.
{OFFLINE}SocketBindDeny=any

PrivateUsers=yes
{HARDENED}{CALLS}",
        identity(&site.users.signer),
    )
}

fn backup(View { site, .. }: View<'_>, backups: &Backups) -> String {
    let (bin, description, folder) = (&site.paths.bin, site.paths.description(), &backups.folder);
    let records = site.paths.records();
    format!(
        "{HEAD}
[Unit]
Description=Countersign's backups of the sBTC signer's database
{DOCUMENTATION}Wants=network-online.target
After=network-online.target time-sync.target postgresql.service
AssertFileIsExecutable={bin}/countersign
AssertFileNotEmpty={description}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={bin}/countersign backup postgres watch --site {description}
Restart=always
RestartSec=30
TimeoutStopSec=60
Nice=10

{}UMask=0077
LimitCORE=0
ReadWritePaths={folder} {records}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SocketBindDeny=any

PrivateUsers=yes
{HARDENED}{CALLS}
[Install]
WantedBy=multi-user.target
",
        identity(&site.users.backup),
    )
}

/// It reads the journal and the signer's own decision log, and writes what it found into the records.
fn logs(View { site, .. }: View<'_>) -> String {
    let (bin, description) = (&site.paths.bin, site.paths.description());
    let (config, records) = (site.paths.signer_config(), site.paths.records());
    format!(
        "{HEAD}
[Unit]
Description=Countersign's look at how far back the logs of this host reach
{DOCUMENTATION}AssertFileIsExecutable={bin}/countersign
AssertFileNotEmpty={description}
AssertFileNotEmpty={config}

[Service]
Type=oneshot
ExecStart={bin}/countersign logs retention --site {description} --config {config} --record {records}
TimeoutStartSec=600
Nice=10

{}SupplementaryGroups=systemd-journal
UMask=0077
LimitCORE=0
ReadWritePaths={records}

{OFFLINE}SocketBindDeny=any

PrivateUsers=yes
{HARDENED}{CALLS}",
        identity(&site.users.signer),
    )
}

/// Where a PostgreSQL is made that is thrown away. Not `/tmp`, which may be memory.
const WORKSHOP: &str = "/var/cache/countersign-backup-verify";

fn verification(view: View<'_>, backups: &Backups) -> String {
    let site = view.site;
    let (bin, description, folder) = (&site.paths.bin, site.paths.description(), &backups.folder);
    let records = site.paths.records();
    let sealed = |name: &str, file: &AbsPath| format!("LoadCredentialEncrypted={name}:{file}\n");
    let (options, credentials) = match &backups.proof {
        Proof::Checksum => ("--checksum".to_owned(), String::new()),
        Proof::Restored { identity } => (
            format!("--identity %d/backup-identity --level 3 --scratch {WORKSHOP}"),
            sealed("backup-identity", identity),
        ),
        Proof::Opened { identity, key } => (
            format!("--identity %d/backup-identity --key %d/sbtc-key --scratch {WORKSHOP}"),
            sealed("backup-identity", identity) + &sealed("sbtc-key", key),
        ),
    };
    let mut out = format!(
        "{HEAD}
[Unit]
Description=Countersign's verification of the newest backup of the sBTC signer's database
{DOCUMENTATION}Wants=network-online.target
After=network-online.target time-sync.target
AssertFileIsExecutable={bin}/countersign
AssertFileNotEmpty={description}

[Service]
Type=oneshot
ExecStart={bin}/countersign backup verify --site {description} {options}
TimeoutStartSec=12h
Nice=10

{credentials}{}UMask=0077
LimitCORE=0
ReadWritePaths={folder} {records}
",
        identity(&site.users.backup),
    );
    if backups.proof == Proof::Checksum {
        out.put(format_args!("\n{OFFLINE}"));
    } else {
        out.put(format_args!(
            "CacheDirectory=countersign-backup-verify\nCacheDirectoryMode=0700\n\n\
             # The node says which key the chain has; PostgreSQL listens on no network.\n\
             IPAddressDeny=any\nIPAddressAllow=localhost\nIPAddressAllow={}\n\
             RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n",
            site.node_host().ip(),
        ));
    }
    out.put(format_args!("SocketBindDeny=any\n\nPrivateUsers=yes\n{HARDENED}{CALLS}"));
    out
}
