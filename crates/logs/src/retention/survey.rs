//! Every log of a host.

use std::fs;
use std::path::{Path, PathBuf};

use super::configured::{JournalSettings, Rotation};
use super::file::measure_file;
use super::journal::Journal;
use super::judge::{Ahead, Known, judge};
use super::report::{LogReport, Measured};
use crate::chain::{Files, Frame, Limits, Lines, Piece};
use crate::time::DAY;

/// Whose logs are wanted.
#[derive(Clone, Debug, Default)]
pub struct Subjects {
    /// Units whose entries the journal should have. Of those in `usual` only the ones that it has.
    pub units: Vec<String>,
    /// Units that may be here.
    pub usual: Vec<String>,
    /// Files; of those in `usual_files` only the ones that are there.
    pub files: Vec<PathBuf>,
    /// Files that may be here.
    pub usual_files: Vec<PathBuf>,
    /// A signer's decision log.
    pub decisions: Option<DecisionLog>,
    /// Where the journal is, if it is not this host's.
    pub journal: Option<PathBuf>,
}

/// A decision log and what bounds it.
#[derive(Clone, Debug)]
pub struct DecisionLog {
    /// Its files.
    pub files: Files,
    /// Its bounds.
    pub limits: Limits,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Survey {
    /// A report for each log.
    pub logs: Vec<LogReport>,
    /// What the whole journal gets in a day, if that can be told.
    pub journal_rate: Option<u64>,
}

/// Looks at every log. `now` is in milliseconds since 1970.
pub fn survey(subjects: &Subjects, target_days: u64, now: u64) -> Survey {
    let journal = match &subjects.journal {
        Some(folder) => Journal::in_folder(folder),
        None => Journal::of_host(),
    };
    let journal = journal.unwrap_or_else(|_| Journal { unreadable: 1, ..Journal::default() });
    let settings = JournalSettings::of_host();
    let mut known = vec![whole(&journal, &settings)];
    let asked = subjects.units.iter().map(|unit| (unit, true));
    for (unit, is_asked) in asked.chain(subjects.usual.iter().map(|unit| (unit, false))) {
        known.extend(of_unit(&journal, &settings, unit, is_asked));
    }
    let asked = subjects.files.iter().map(|file| (file, true));
    for (file, is_asked) in asked.chain(subjects.usual_files.iter().map(|file| (file, false))) {
        if is_asked || file.is_file() {
            known.push(of_file(file));
        }
    }
    known.extend(subjects.decisions.as_ref().map(of_decisions));
    Survey {
        logs: known.into_iter().map(|known| judge(known, target_days, now)).collect(),
        journal_rate: journal.measured.bytes_per_day(),
    }
}

/// The journal as a whole: its bound is one for all units.
fn whole(journal: &Journal, settings: &JournalSettings) -> Known {
    Known {
        name: "journal".to_owned(),
        configured: settings.in_words(),
        measured: journal.measured,
        ahead: ahead_of(journal, settings),
    }
}

fn ahead_of(journal: &Journal, settings: &JournalSettings) -> Ahead {
    let folder = journal.folder.as_deref().unwrap_or(Path::new("/var/log"));
    let (room, disk) = disk_of(folder);
    Ahead {
        max_bytes: disk.map(|disk| settings.max_bytes(disk)),
        shared_bytes: Some(journal.measured.bytes),
        shared_rate: journal.measured.bytes_per_day(),
        max_days: settings.max_days(),
        room_bytes: room,
        is_volatile: journal.is_volatile || settings.is_volatile(),
    }
}

fn of_unit(
    journal: &Journal,
    settings: &JournalSettings,
    unit: &str,
    is_asked: bool,
) -> Option<Known> {
    let entries = journal.unit(unit);
    let (found, why) = match entries {
        Ok(entries) => (entries, None),
        Err(why) => (super::UnitEntries::default(), Some(why)),
    };
    if found.oldest.is_none() && !is_asked {
        return None;
    }
    // What the text alone would take; the journal's own rate is what its bound is about.
    let span =
        found.newest.zip(found.oldest).map_or(0, |(newest, oldest)| newest.saturating_sub(oldest));
    let text = found.text_per_day.map_or(0, |rate| {
        u64::try_from(u128::from(rate) * u128::from(span) / u128::from(DAY)).unwrap_or(u64::MAX)
    });
    // A unit that is younger than the journal has lost nothing yet.
    let is_first = found.oldest.zip(journal.measured.oldest);
    let was_there = is_first.is_none_or(|(own, all)| own <= all.saturating_add(DAY));
    let has_lost = journal.measured.has_lost.map(|lost| lost && was_there);
    let measured = Measured { oldest: found.oldest, newest: found.newest, bytes: text, has_lost };
    let configured = why.unwrap_or_else(|| "as the journal".to_owned());
    Some(Known { name: unit.to_owned(), configured, measured, ahead: ahead_of(journal, settings) })
}

fn of_file(path: &Path) -> Known {
    let name = path.display().to_string();
    let rotation = Rotation::of_host(path);
    let folder = path.parent().unwrap_or(Path::new("/"));
    let (room_bytes, _) = disk_of(folder);
    let ahead = Ahead {
        max_days: rotation.as_ref().and_then(Rotation::keeps_days),
        room_bytes,
        ..Ahead::default()
    };
    match measure_file(path) {
        Ok(measured) => {
            let configured = match rotation {
                Some(rotation) => rotation.in_words(),
                None if path.file_name().is_some_and(|name| name == "debug.log") => {
                    "no rotation; without shrinkdebugfile=0 bitcoind keeps its last 10 MB at a start".to_owned()
                }
                None => "no rotation".to_owned(),
            };
            Known { name, configured, measured, ahead }
        }
        Err(error) => {
            let configured = format!("it cannot be read: {error}");
            Known { name, configured, measured: Measured::default(), ahead }
        }
    }
}

fn of_decisions(log: &DecisionLog) -> Known {
    let DecisionLog { files, limits } = log;
    let mut measured = Measured::default();
    let mut first = None;
    let mut parts = files.closed().unwrap_or_default();
    parts.push(files.current());
    for path in parts {
        let Ok(about) = fs::metadata(&path) else { continue };
        let Some((begin, end)) = ends_of(&path) else { continue };
        measured.bytes += about.len();
        first = first.or(Some(begin.seq));
        measured.oldest = measured.oldest.or(Some(begin.at));
        measured.newest = Some(end);
    }
    measured.has_lost = first.map(|first| first > 0);
    let days = limits.total_age.as_secs() * 1000 / DAY;
    let (room_bytes, _) = disk_of(files.folder());
    Known {
        name: "decisions".to_owned(),
        configured: format!("at most {} MiB, {days} days", limits.total_bytes >> 20),
        measured,
        ahead: Ahead {
            max_bytes: Some(limits.total_bytes),
            // A file goes as a whole, and it may span a day.
            max_days: Some(days),
            room_bytes,
            ..Ahead::default()
        },
    }
}

/// The first line of a part of a decision log, and the time of its last one.
fn ends_of(path: &Path) -> Option<(Frame, u64)> {
    let file = fs::File::open(path).ok()?;
    let first = match Lines::new(std::io::BufReader::new(file)).next()?.ok()? {
        Piece::Whole(line) => Frame::parse(&line).ok()?,
        _ => return None,
    };
    let last = measure_file(path).ok()?.newest;
    Some((first, last.unwrap_or(first.at)))
}

/// Room and size of the disk that a folder is on.
fn disk_of(folder: &Path) -> (Option<u64>, Option<u64>) {
    let folder = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(folder) {
        Ok(disk) => (
            Some(disk.f_bavail.saturating_mul(disk.f_frsize)),
            Some(disk.f_blocks.saturating_mul(disk.f_frsize)),
        ),
        Err(_) => (None, None),
    }
}
