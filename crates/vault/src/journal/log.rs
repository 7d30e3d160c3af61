//! The write-ahead log's file, beside what SQLite does with it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Journal;
use crate::error::SignError;

impl Journal {
    /// Brings the log into the database if it holds [`MAX_UNMERGED`] transactions, so that it can begin
    /// anew. Left to itself SQLite would do it inside a record, later. Nothing is lost on the way: the
    /// log is written over only after the database has been synced.
    pub(crate) fn merge_log(&mut self) -> Result<(), SignError> {
        self.refuse_if_failed()?;
        if self.unmerged < MAX_UNMERGED {
            return Ok(());
        }
        let merged = self.db.query_row(include_str!("merge_log.sql"), [], |_| Ok(()));
        self.has_failed = merged.is_err();
        self.unmerged = 0;
        Ok(merged?)
    }
}

/// The write-ahead log of the journal at `path`. A process that was killed leaves it behind, and
/// SQLite would take it for the log of a new journal of the same name.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Gives the empty log of an open journal its length at once, filled with zeros.
///
/// A record that lands in blocks which the file has already is durable when its bytes are; one that
/// makes the file longer also waits for the file system to write down the new length, which takes as
/// long again. To SQLite zeros are the end of the log: no frame has page number zero.
///
/// This saves time and nothing else. A disk without room for it leaves the log empty, as it was, and
/// is found out by the first record that does not fit.
pub(super) fn lengthen(path: &Path) -> io::Result<()> {
    let mut log = OpenOptions::new().write(true).open(log_of(path))?;
    if log.metadata()?.len() > 0 {
        return Ok(());
    }
    // That it is empty becomes durable first: zeros over a part of what was in it would look like damage.
    log.sync_all()?;
    let zeros = vec![0; ZEROS_LEN];
    let filled = (0..LOG_LEN / ZEROS_LEN).try_for_each(|_| log.write_all(&zeros));
    let filled = filled.and_then(|()| log.sync_all());
    if filled.is_err() {
        log.set_len(0)?;
    }
    Ok(())
}

/// More than the log holds between two tidyings, in bytes.
const LOG_LEN: usize = 1 << 20;
/// As much as is written at once, in bytes.
const ZEROS_LEN: usize = 1 << 16;
/// A few pages each: together far less than [`LOG_LEN`].
const MAX_UNMERGED: u32 = 32;
