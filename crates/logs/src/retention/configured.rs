//! What the host's files say about logs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The settings of journald that bound the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalSettings(BTreeMap<String, String>);

impl JournalSettings {
    /// Those of this host: `journald.conf` and the drop-ins beside it, the later ones over the earlier.
    pub fn of_host() -> Self {
        Self::below(Path::new("/"))
    }

    /// Those of a host whose files are below `root`.
    pub fn below(root: &Path) -> Self {
        let mut settings = Self::default();
        let folders = ["usr/lib/systemd", "usr/local/lib/systemd", "etc/systemd", "run/systemd"];
        for folder in folders {
            settings.read(&root.join(folder).join("journald.conf"));
        }
        let mut drop_ins: BTreeMap<String, PathBuf> = BTreeMap::new();
        for folder in folders {
            let entries = fs::read_dir(root.join(folder).join("journald.conf.d"));
            for entry in entries.into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if Path::new(&name).extension().is_some_and(|ending| ending == "conf") {
                    drop_ins.insert(name, entry.path());
                }
            }
        }
        for path in drop_ins.values() {
            settings.read(path);
        }
        settings
    }

    fn read(&mut self, path: &Path) {
        let Ok(text) = fs::read_to_string(path) else { return };
        for line in text.lines().map(str::trim) {
            if let Some((key, value)) = line.split_once('=')
                && !line.starts_with(['#', ';'])
            {
                self.0.insert(key.trim().to_owned(), value.trim().to_owned());
            }
        }
    }

    /// How many bytes the journal may have on a disk of this size: a tenth of it, and 4 GiB at most, if nothing is
    /// configured.
    pub fn max_bytes(&self, disk: u64) -> u64 {
        let configured = self.0.get("SystemMaxUse").and_then(|text| bytes_of(text));
        configured.unwrap_or_else(|| (disk / 10).min(4 << 30))
    }

    /// How many days are kept. A file goes with its first entry, so what it spans may go that much earlier.
    pub fn max_days(&self) -> Option<u64> {
        let retention = self.0.get("MaxRetentionSec").and_then(|text| seconds_of(text))?;
        let span = self.0.get("MaxFileSec").and_then(|text| seconds_of(text)).unwrap_or(MONTH);
        (retention > 0).then(|| retention.saturating_sub(span) / DAY_SECS)
    }

    /// Whether the journal is kept in memory only.
    pub fn is_volatile(&self) -> bool {
        self.0.get("Storage").is_some_and(|storage| storage == "volatile")
    }

    /// What is configured, in words.
    pub fn in_words(&self) -> String {
        let keys = ["Storage", "SystemMaxUse", "SystemKeepFree", "MaxRetentionSec", "MaxFileSec"];
        let set: Vec<String> =
            keys.iter().filter_map(|key| Some(format!("{key}={}", self.0.get(*key)?))).collect();
        if set.is_empty() { "journald's defaults".to_owned() } else { set.join(" ") }
    }
}

/// What logrotate does with a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// How many older parts are kept.
    pub count: Option<u64>,
    /// How many days are between two of them.
    pub every_days: Option<u64>,
    /// How many days one is kept.
    pub max_age_days: Option<u64>,
    /// Whether the size decides when it is rotated, so that nobody knows for how many days.
    pub is_by_size: bool,
}

impl Rotation {
    /// What logrotate of this host does with `log`; none if nothing.
    pub fn of_host(log: &Path) -> Option<Self> {
        Self::below(Path::new("/"), log)
    }

    /// The same of a host whose files are below `root`. A file that names the log anywhere is taken to mean it.
    pub fn below(root: &Path, log: &Path) -> Option<Self> {
        let mut files = vec![root.join("etc/logrotate.conf")];
        let entries = fs::read_dir(root.join("etc/logrotate.d")).into_iter().flatten().flatten();
        files.extend(entries.map(|entry| entry.path()));
        files.iter().find_map(|path| Self::in_text(&fs::read_to_string(path).ok()?, log))
    }

    /// What a configuration of logrotate says about `log`; none if nothing.
    pub fn in_text(text: &str, log: &Path) -> Option<Self> {
        let name = log.to_str()?;
        let mut inside = false;
        let mut rotation = None;
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if let Some(head) = line.strip_suffix('{') {
                inside = head.split_whitespace().any(|word| word.trim_matches('"') == name);
                if inside {
                    rotation = Some(Self::default());
                }
            } else if line == "}" {
                inside = false;
            } else if inside && let Some(rotation) = &mut rotation {
                rotation.take(line);
            }
        }
        rotation
    }

    fn take(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (word, value) = (words.next().unwrap_or_default(), words.next());
        let number = value.and_then(|value| value.parse().ok());
        match word {
            "rotate" => self.count = number,
            "maxage" => self.max_age_days = number,
            "hourly" | "daily" => self.every_days = Some(1),
            "weekly" => self.every_days = Some(7),
            "monthly" => self.every_days = Some(30),
            "yearly" => self.every_days = Some(365),
            "size" | "maxsize" => self.is_by_size = true,
            _ => {}
        }
    }

    /// For how many days a line is kept at least.
    pub fn keeps_days(&self) -> Option<u64> {
        let by_count = match (self.count, self.every_days) {
            (Some(count), Some(every)) if !self.is_by_size => Some(count.saturating_mul(every)),
            _ => None,
        };
        match (by_count, self.max_age_days) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// What is configured, in words.
    pub fn in_words(&self) -> String {
        let mut words = vec!["logrotate".to_owned()];
        words.extend(self.every_days.map(|days| format!("every {days} days")));
        words.extend(self.count.map(|count| format!("rotate {count}")));
        words.extend(self.max_age_days.map(|days| format!("maxage {days}")));
        words.extend(self.is_by_size.then(|| "by size".to_owned()));
        words.join(", ")
    }
}

/// Bytes of `4G`, `512M` or `1000`, as journald writes them.
pub fn bytes_of(text: &str) -> Option<u64> {
    let text = text.trim();
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match text.get(number.len()..)? {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Seconds of `90day`, `1week 2h` or `0`, as systemd writes them.
pub fn seconds_of(text: &str) -> Option<u64> {
    let mut sum = 0_u64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?.trim_start();
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let factor = match rest.get(..letters)? {
            "" | "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hr" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => DAY_SECS,
            "w" | "week" | "weeks" => 7 * DAY_SECS,
            "M" | "month" | "months" => MONTH,
            "y" | "year" | "years" => 365 * DAY_SECS + DAY_SECS / 4,
            _ => return None,
        };
        sum = sum.checked_add(number.checked_mul(factor)?)?;
        rest = rest.get(letters..)?.trim_start();
    }
    (!text.trim().is_empty()).then_some(sum)
}

const DAY_SECS: u64 = 86_400;
/// journald's default for the span of one file; as systemd counts a month.
const MONTH: u64 = 2_629_800;
