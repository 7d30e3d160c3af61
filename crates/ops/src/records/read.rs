//! Reading what others have written, some of whom may not be jobs at all.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::{EXTENSION, MAX_BYTES, Record, is_job};

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Reading {
    /// The records, by the names of their jobs.
    pub records: Vec<Record>,
    /// The files that should be records and are none, by path.
    pub faults: Vec<Fault>,
}

impl Reading {
    /// The record of `job`, if there is one.
    pub fn record(&self, job: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.job == job)
    }

    /// The records of all jobs of `kind`.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Record> {
        self.records.iter().filter(move |record| record.kind() == kind)
    }
}

/// A file that should be a record.
#[derive(Debug, thiserror::Error)]
#[error("{} is no record of a job; remove it, or run the job again", path.display())]
pub struct Fault {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub reason: FaultReason,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FaultReason {
    /// It is a link, a folder, a pipe or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// It cannot be opened or read.
    #[error("it cannot be read")]
    Unreadable(#[source] io::Error),
    /// No record is that large.
    #[error("it has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is not JSON of a record's form.
    #[error("it does not parse")]
    Form(#[source] serde_json::Error),
    /// It is another job's.
    #[error("it says that it is the record of {0:?}")]
    OtherJob(String),
}

/// Reads every record of `folder`: the files whose names end in `.json` and do not begin with a dot.
///
/// No job has run yet if the folder is not there. A damaged or foreign file is a fault of its own and hides no
/// record. Nothing that such a file can be makes this wait, or take memory without bound.
///
/// # Errors
///
/// If the folder is there and cannot be listed.
pub fn read_all(folder: &Path) -> io::Result<Reading> {
    let mut reading = Reading::default();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(reading),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let is_hidden =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_hidden || path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        match read(&path) {
            Ok(record) => reading.records.push(record),
            Err(reason) => reading.faults.push(Fault { path, reason }),
        }
    }
    reading.records.sort_by(|a, b| a.job.cmp(&b.job));
    reading.faults.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(reading)
}

fn read(path: &Path) -> Result<Record, FaultReason> {
    // Neither a link to elsewhere nor a pipe that nobody writes to is followed.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(rustix::io::Errno::LOOP) => return Err(FaultReason::NotAFile),
        file => File::from(file.map_err(|error| FaultReason::Unreadable(error.into()))?),
    };
    if !file.metadata().map_err(FaultReason::Unreadable)?.is_file() {
        return Err(FaultReason::NotAFile);
    }
    let mut text = Vec::new();
    let limit = u64::try_from(MAX_BYTES).expect("64 KiB fit") + 1;
    file.take(limit).read_to_end(&mut text).map_err(FaultReason::Unreadable)?;
    if text.len() > MAX_BYTES {
        return Err(FaultReason::TooLarge);
    }
    let record: Record = serde_json::from_slice(&text).map_err(FaultReason::Form)?;
    let is_its = path.file_stem().is_some_and(|stem| stem == record.job.as_str());
    if is_its && is_job(&record.job) { Ok(record) } else { Err(FaultReason::OtherJob(record.job)) }
}
