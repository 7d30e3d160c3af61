//! Units of the host's own jobs, with systemd and with Docker: examining it, and backing it up.

use crate::choices::{HostRole, Runtime};
use crate::render::{Put as _, View};
use crate::site::{Backups, Site};
use crate::wiring::DOCKER_NETWORK;

use super::sandbox::{CALLS, HARDENED};
use super::{DOCUMENTATION, HEAD, identity};

pub(super) fn units(view: View<'_>) -> Vec<(&'static str, String)> {
    let mut units = vec![
        ("countersign-doctor.service", doctor(view)),
        ("countersign-doctor.timer", doctor_timer()),
    ];
    let site = view.site;
    if site.has_signer(view.role) && site.runtime == Runtime::Systemd {
        units.push(("countersign-backup-signer.service", backup_signer(site)));
        units.push(("countersign-backup-signer.timer", backup_signer_timer()));
    }
    if let (Some(backups), Some(_), HostRole::Signer) = (&site.backups, &site.sbtc, view.role) {
        units.push(("countersign-backup.service", backup(view, backups)));
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
    if site.has_signer(role) {
        let records = site.paths.records();
        out.put(format_args!("Group={}\nReadWritePaths={records}\n", site.users.signer));
    }
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
{CALLS}"
    ));
    out
}

fn doctor_timer() -> String {
    format!(
        "{HEAD}
[Unit]
Description=Countersign's examination of this host, every hour
{DOCUMENTATION}
[Timer]
OnCalendar=hourly
RandomizedDelaySec=5min
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
PrivateNetwork=yes
IPAddressDeny=any
RestrictAddressFamilies=AF_UNIX
SocketBindDeny=any

PrivateUsers=yes
{HARDENED}{CALLS}",
        identity(&site.users.signer),
    )
}

fn backup_signer_timer() -> String {
    format!(
        "{HEAD}
[Unit]
Description=Countersign's backup of what the signer remembers, every day
{DOCUMENTATION}
[Timer]
OnCalendar=daily
RandomizedDelaySec=15min
Persistent=yes

[Install]
WantedBy=timers.target
"
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
