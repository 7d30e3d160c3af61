//! Alerts about what must be done again and again: certificates, backups, logs, drills.

use super::Group::Upkeep;
use super::Severity::{Info, Page, Ticket};
use super::{Alert, Runbook, commands, jobs, sample};
use crate::promql::series;
use crate::registry::{foreign, own};

const DAY: f64 = 86_400.0;

pub(super) const ALERTS: &[Alert] = &[
    Alert {
        name: "CertificateExpires",
        severity: Ticket,
        group: Upkeep,
        topic: "certificate",
        when: || series(&own::CERTIFICATE_EXPIRY).now().left().below(21.0 * DAY),
        minutes: 60,
        threshold: "fewer than 21 days are left",
        source: "row E29: 30, 7 and 1 day; three weeks leave time for both sides to change pins",
        summary: "the certificate {{ $labels.certificate }} of {{ $labels.instance }} expires soon",
        runbook: Runbook {
            meaning: "When it has expired, node and signer refuse each other.",
            look: &[
                "Which file, and when: `certificates` says it.",
                "Make a new one beside it, as below. On the node's host the user is countersign-link and the name link-new.",
                "Write its pin into `signer_pin` (the node's: `node_pin`) of countersign.toml, on both hosts.",
                "Put signer-new.crt and signer-new.key in the place of signer.crt and signer.key, `countersign render` on both hosts, and restart signer and link: they are apart for seconds.",
            ],
            commands: &[
                commands::CERTIFICATES,
                "countersign tls pin /etc/countersign/tls/signer.crt",
            ],
            mend: &[
                "runuser -u countersign -- countersign tls new --out /etc/countersign/tls --name signer-new",
            ],
            escalate: "When a week is left.",
        },
        story: &[sample(&own::CERTIFICATE_EXPIRY, CERTIFICATE, "1000000+0x100")],
        fires_at: 70,
    },
    Alert {
        name: "CertificateExpiresNow",
        severity: Page,
        group: Upkeep,
        topic: "certificate",
        when: || series(&own::CERTIFICATE_EXPIRY).now().left().below(2.0 * DAY),
        minutes: 5,
        threshold: "fewer than 2 days are left, or the certificate cannot be read",
        source: "row E29",
        summary: "the certificate {{ $labels.certificate }} of {{ $labels.instance }} expires within two days, or cannot be read",
        runbook: Runbook {
            meaning: "The link between node and signer will break, and then nothing is signed.",
            look: &[
                "Which file, and whether it is countersign's and can be read by it.",
                "If it expires: the steps of CertificateExpires.md, now.",
            ],
            commands: &[
                commands::CERTIFICATES,
                "ls -la /etc/countersign/tls",
                "countersign tls pin /etc/countersign/tls/signer.crt",
            ],
            mend: &[
                "runuser -u countersign -- countersign tls new --out /etc/countersign/tls --name signer-new",
            ],
            escalate: "If the other side cannot be reached to change its pin.",
        },
        story: &[sample(&own::CERTIFICATE_EXPIRY, CERTIFICATE, "100000+0x100")],
        fires_at: 10,
    },
    Alert {
        name: "BackupOld",
        severity: Ticket,
        group: Upkeep,
        topic: "backup",
        when: || series(&own::BACKUP_TAKEN).now().age().above(26.0 * 3600.0),
        minutes: 10,
        threshold: "the last good backup is older than 26 h",
        source: "row B3: daily, and two hours of grace",
        summary: "the last good backup of {{ $labels.of }} on {{ $labels.instance }} is more than a day old",
        runbook: Runbook {
            meaning: "What happened since is lost if the disk fails now. For sBTC a new share may be among it, which nobody can give back.",
            look: &[
                "What `of` says: `sbtc` is the database, `signer` what the signer remembers. Did its job run, and how did it end?",
                "Room on the disk; the database's role; the recipients' keys.",
            ],
            commands: &[
                commands::JOBS,
                "systemctl status --no-pager --full countersign-backup countersign-backup-signer.timer",
                "journalctl -u countersign-backup -u countersign-backup-signer -n 50 --no-pager",
                commands::SPACE,
            ],
            mend: &[
                "runuser -u countersign-backup -- countersign backup postgres run --site /etc/countersign/countersign.toml",
                "systemctl start countersign-backup-signer",
            ],
            escalate: "After two days without a backup.",
        },
        story: &[sample(&own::BACKUP_TAKEN, BACKUP, "-100000+0x60")],
        fires_at: 20,
    },
    Alert {
        name: "BackupUnverified",
        severity: Ticket,
        group: Upkeep,
        topic: "backup_verified",
        when: || series(&own::BACKUP_VERIFIED).now().age().above(8.0 * DAY),
        minutes: 10,
        threshold: "no backup was verified for 8 days",
        source: "row B4: periodically; weekly, and a day of grace",
        summary: "no backup of {{ $labels.of }} on {{ $labels.instance }} was verified for more than a week",
        runbook: Runbook {
            meaning: "A backup that was never restored is a hope.",
            look: &[
                "Did the verification run, and how did it end?",
                "Without an identity on this host its timer compares checksums only: verify elsewhere and carry the verdict back (docs/operator/backups.md).",
            ],
            commands: &[commands::TIMERS, commands::VERIFY_LOG],
            mend: &[commands::VERIFY],
            escalate: "If two verifications in a row fail.",
        },
        story: &[sample(&own::BACKUP_VERIFIED, BACKUP, "-700000+0x60")],
        fires_at: 20,
    },
    Alert {
        name: "BackupProvesLittle",
        severity: Ticket,
        group: Upkeep,
        topic: "backup_verified",
        when: || series(&own::BACKUP_LEVEL).now().below(2.0),
        minutes: 10,
        threshold: "the last verification reached a level below 2",
        source: "row B4 and finding F11: a backup can restore and be empty",
        summary: "the backup of {{ $labels.of }} on {{ $labels.instance }} was verified at level {{ $value }} only",
        runbook: Runbook {
            meaning: "Level 0 says that the file is whole, 1 that it restores. Only from 2 on the rows are complete and fresh, from 3 on the key is the chain's, and 4 opens the shares.",
            look: &["The verdict of the verification: which level was not reached, and why."],
            commands: &[
                commands::VERIFY_LOG,
                "countersign backup postgres list --site /etc/countersign/countersign.toml",
            ],
            mend: &[commands::VERIFY],
            escalate: "At once if the newest backup is schema only, or of another database.",
        },
        story: &[sample(&own::BACKUP_LEVEL, BACKUP, "1+0x60")],
        fires_at: 20,
    },
    Alert {
        name: "LogsKeptTooShort",
        severity: Ticket,
        group: Upkeep,
        topic: "logs",
        when: || {
            let shrinks = series(&own::LOG_OLDEST).now().minus(series(&own::LOG_OLDEST).ago("6h"));
            let short = series(&own::LOG_OLDEST).now().age().below(7.0 * DAY);
            shrinks.above(600.0).and_on("job, instance, service", short)
        },
        minutes: 30,
        threshold: "entries are being dropped although the oldest is younger than 7 days",
        source: "row A4: at least one week",
        summary: "the log of {{ $labels.service }} on {{ $labels.instance }} keeps less than a week",
        runbook: Runbook {
            meaning: "When something must be explained, its log will be gone. A young log that still grows does not fire this; one that forgets does.",
            look: &[
                "The rate: has a service become noisy?",
                "What the report proposes: raise `logs.max_disk_gb` in countersign.toml, `countersign render`, then restart systemd-journald.",
            ],
            commands: &[commands::RETENTION, "journalctl --disk-usage"],
            mend: &[],
            escalate: "Not at night.",
        },
        story: &[sample(&own::LOG_OLDEST, LOG, "-400000+60x440")],
        fires_at: 410,
    },
    Alert {
        name: "SbtcLogsKeptTooShort",
        severity: Ticket,
        group: Upkeep,
        topic: "logs",
        when: || {
            let shrinks = series(&own::LOG_OLDEST).now().minus(series(&own::LOG_OLDEST).ago("6h"));
            let short = series(&own::LOG_OLDEST).now().age().below(90.0 * DAY);
            let sbtc = series(&foreign::UP).with("job", jobs::SBTC).now().sum_by("job");
            shrinks.above(600.0).and_on("job, instance, service", short).and_on("", sbtc)
        },
        minutes: 30,
        threshold: "an sBTC signer runs here, and entries are dropped although the oldest is younger than 90 days",
        source: "row C7: 90 days for sBTC signer, Stacks node and Bitcoin node",
        summary: "the log of {{ $labels.service }} on {{ $labels.instance }} keeps less than 90 days, which sBTC asks for",
        runbook: Runbook {
            meaning: "sBTC signers promise 90 days of logs of the signer, the Stacks node and the Bitcoin node.",
            look: &[
                "The forecast of what 90 days need, and the disk. `logs.max_disk_gb` of countersign.toml is the limit; then `countersign render`, and restart systemd-journald.",
            ],
            commands: &[commands::RETENTION, "journalctl --disk-usage"],
            mend: &[],
            escalate: "Not at night.",
        },
        story: &[sample(&own::LOG_OLDEST, LOG, "-4000000+60x440")],
        fires_at: 410,
    },
    Alert {
        name: "LogsUnmeasured",
        severity: Ticket,
        group: Upkeep,
        topic: "logs_measured",
        when: || series(&own::JOB_DONE).among("task", "logs.*").now().age().above(2.0 * DAY),
        minutes: 10,
        threshold: "the retention of logs was not measured for 2 days",
        source: "own: the job runs daily",
        summary: "nobody has measured the logs of {{ $labels.instance }} for two days ({{ $labels.task }})",
        runbook: Runbook {
            meaning: "The job that looks for the oldest entries does not run.",
            look: &["Its timer and its last error."],
            commands: &[commands::TIMERS, "journalctl -u countersign-logs -n 50 --no-pager"],
            mend: &["systemctl start countersign-logs"],
            escalate: "Not at night.",
        },
        story: &[sample(&own::JOB_DONE, JOB_LOGS, "-200000+0x60")],
        fires_at: 20,
    },
    Alert {
        name: "JobFailed",
        severity: Ticket,
        group: Upkeep,
        topic: "jobs",
        when: || series(&own::JOB_SUCCEEDED).now().is(0.0),
        minutes: 5,
        threshold: "the last run of a job did not do what it is for",
        source: "own: a failed backup must not look like a young one",
        summary: "the job {{ $labels.task }} on {{ $labels.instance }} failed",
        runbook: Runbook {
            meaning: "A job that keeps this installation safe ended with an error.",
            look: &[
                "Which job, and why: its record.",
                "Its unit's log. When the cause is gone, start the unit again: the alert ends with the next good run.",
            ],
            commands: &[
                commands::JOBS,
                commands::RECORDS,
                "systemctl list-units --failed --no-pager",
                "journalctl --since -1d -p err -n 100 --no-pager",
            ],
            mend: &[],
            escalate: "If a backup or its verification fails twice.",
        },
        story: &[sample(&own::JOB_SUCCEEDED, JOB_BACKUP, "0+0x60")],
        fires_at: 20,
    },
    Alert {
        name: "DrillOverdue",
        severity: Info,
        group: Upkeep,
        topic: "drills",
        when: || series(&own::DRILL_DONE).now().age().above(92.0 * DAY),
        minutes: 60,
        threshold: "a drill was last done more than 92 days ago",
        source: "pain 25: fire drills never happened; quarterly",
        summary: "the drill {{ $labels.drill }} of {{ $labels.instance }} is overdue",
        runbook: Runbook {
            meaning: "What is not practised does not work at night.",
            look: &[
                "Which drill, and how it is done: docs/operator/doctor.md, Drills.",
                "A day outside the prepare phase.",
            ],
            commands: &[commands::DRILLS],
            mend: &[],
            escalate: "Not at night.",
        },
        story: &[sample(&own::DRILL_DONE, DRILL, "-8000000+0x100")],
        fires_at: 70,
    },
    Alert {
        name: "RecordsDamaged",
        severity: Ticket,
        group: Upkeep,
        topic: "records",
        when: || series(&own::RECORDS_FAULTY).now().above(0.0),
        minutes: 10,
        threshold: "a file in the folder of records is no record",
        source: "own: no job writes such a file, not even when it is interrupted",
        summary: "{{ $value }} records of {{ $labels.instance }} cannot be read",
        runbook: Runbook {
            meaning: "Somebody put a file there, the disk is damaged, or the daemon may not read the folder. The ages of backups and drills may be missing.",
            look: &[
                "Which files: `countersign doctor` names them.",
                "Owner and mode of the folder. A file that is no record can be moved away.",
            ],
            commands: &[commands::RECORDS, commands::DOCTOR],
            mend: &[],
            escalate: "If the disk reports errors.",
        },
        story: &[sample(&own::RECORDS_FAULTY, OURS, "1+0x60")],
        fires_at: 20,
    },
];

const OURS: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s")];
const CERTIFICATE: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("certificate", "tls")];
const BACKUP: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s"), ("of", "sbtc")];
const LOG: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("service", "stacks-node")];
const JOB_LOGS: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("task", "logs.stacks-node")];
const JOB_BACKUP: &[(&str, &str)] =
    &[("job", "countersign"), ("instance", "s"), ("task", "backup.sbtc")];
const DRILL: &[(&str, &str)] = &[("job", "countersign"), ("instance", "s"), ("drill", "failover")];
