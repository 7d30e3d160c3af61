//! Configurations that keep what must be kept, sized from what was measured. Pure.

use std::path::Path;

/// Files to be put in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// A drop-in for `/etc/systemd/journald.conf.d/`.
    pub journald: String,
    /// How many bytes it lets the journal have.
    pub journal_bytes: u64,
}

/// Why nothing can be proposed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposalError {
    /// A path that logrotate would read as something else.
    #[error(
        "{0:?} cannot be written into a configuration of logrotate: it is not absolute, or has quotes, braces or control characters"
    )]
    Path(String),
}

impl Proposal {
    /// A journal that holds `days` days at `bytes_per_day`, with half as much again, since a bad day has more lines.
    pub fn of(bytes_per_day: u64, days: u64) -> Self {
        let wanted = bytes_per_day.saturating_mul(days).saturating_mul(3) / 2;
        let mib = wanted.div_ceil(1 << 20).max(LEAST_MIB);
        let journald = format!(
            "# {days} days at {} MiB a day, and half as much again. From `countersign logs retention --propose`.\n\
             [Journal]\n\
             Storage=persistent\n\
             SystemMaxUse={mib}M\n\
             # A file goes as a whole and by its first entry, so it spans a day, and two days are added.\n\
             MaxFileSec=1day\n\
             MaxRetentionSec={}day\n\
             # What is suppressed is lost. The usual 10000 lines in 30 s are too few for a node that catches up.\n\
             RateLimitIntervalSec=30s\n\
             RateLimitBurst=100000\n",
            bytes_per_day.div_ceil(1 << 20),
            days + 2,
        );
        Self { journald, journal_bytes: mib << 20 }
    }

    /// What logrotate does with `log` so that `days` days are kept, for a program that opens its log anew on SIGHUP
    /// and is the unit `unit`. bitcoind does so.
    ///
    /// # Errors
    /// If the path cannot be written into such a file.
    pub fn logrotate(log: &Path, unit: &str, days: u64) -> Result<String, ProposalError> {
        let text = log.to_string_lossy();
        let is_plain = |c: char| !c.is_control() && !"\"'{}\\*?[]$`".contains(c);
        let is_unit = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
        if !log.is_absolute() || !text.chars().all(is_plain) {
            return Err(ProposalError::Path(text.into_owned()));
        }
        if unit.is_empty() || !unit.chars().all(is_unit) {
            return Err(ProposalError::Path(unit.to_owned()));
        }
        Ok(format!(
            "# {days} days. From `countersign logs retention --propose`.\n\
             \"{text}\" {{\n    \
             daily\n    \
             rotate {}\n    \
             compress\n    \
             delaycompress\n    \
             missingok\n    \
             notifempty\n    \
             postrotate\n        \
             systemctl kill --kill-whom=main --signal=HUP {unit}\n    \
             endscript\n\
             }}\n",
            days + 1
        ))
    }
}

/// Less is not worth a configuration.
const LEAST_MIB: u64 = 512;
