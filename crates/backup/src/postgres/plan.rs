//! A backup with what belongs to it: older ones go, and each is carried off the host.

use super::dump::{DumpError, Job, back_up};
use crate::Care;
use crate::folder::FolderError;
use crate::hook::{Hook, HookError};
use crate::manifest::{Manifest, Reason};
use crate::retention::{Entry, Policy, kept};

/// How backups are made and kept.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The backup that is made.
    pub job: Job,
    /// Which stay.
    pub policy: Policy,
    /// Who carries them off the host.
    pub hook: Option<Hook>,
}

/// Why not everything was done.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// There is no backup.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// There is one, and older ones could not be removed.
    #[error("the backup {made} was made, but older ones cannot be removed")]
    Thin {
        /// The new backup.
        made: String,
        /// Why not.
        #[source]
        source: FolderError,
    },
    /// There is one, and it is only on this host.
    #[error(transparent)]
    Hook(#[from] HookError),
}

impl Plan {
    /// Makes a backup, removes those that are not kept any more, and carries off the host what is not there yet.
    /// `now` is in seconds since 1970.
    pub fn carry_out(
        &self,
        reason: Reason,
        now: u64,
        care: &mut Care<'_>,
    ) -> Result<Manifest, PlanError> {
        let made = back_up(&self.job, reason, now, care)?;
        self.thin().map_err(|source| PlanError::Thin { made: made.file.clone(), source })?;
        if let Some(hook) = &self.hook {
            hook.run_for_all(&self.job.folder, now, &care.stop)?;
        }
        Ok(made)
    }

    fn thin(&self) -> Result<(), FolderError> {
        let locked = self.job.folder.lock()?;
        let backups = self.job.folder.backups()?;
        let entries: Vec<Entry> = backups.iter().map(Manifest::entry).collect();
        let kept = kept(&entries, self.policy);
        let mut gone = backups.iter().enumerate().filter(|(place, _)| !kept.contains(place));
        gone.try_for_each(|(_, backup)| locked.remove(backup))
    }
}
