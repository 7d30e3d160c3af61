//! Carrying backups off the host: a program of the operator's, run without a shell.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::child::{ChildError, command, output};
use crate::folder::{Folder, FolderError};
use crate::manifest::{Acknowledgement, Manifest};

/// The program, and what it is called with: once for the manifest of a backup and once for the backup itself, whose
/// path follows as one more argument. It ends with 0 once the copy is safe, and its first line says where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The program: a path, or a name that is looked for in `PATH`.
    pub program: PathBuf,
    /// Its first arguments.
    pub arguments: Vec<String>,
    /// How long it may take.
    pub within: Duration,
}

/// Why no copy is known to be off the host.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The program gave no result.
    #[error("the program that carries backups off the host gave no result")]
    Child(#[source] ChildError),
    /// It failed.
    #[error(
        "the program that carries backups off the host fails for {file}: {said}; the backup is here, and the \
         next run tries again"
    )]
    Failed {
        /// The backup.
        file: String,
        /// What it said.
        said: String,
    },
    /// The acknowledgement cannot be written down.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl Hook {
    /// Carries one backup off the host.
    pub fn run(
        &self,
        backup: &Path,
        at: u64,
        stop: &CancellationToken,
    ) -> Result<Acknowledgement, HookError> {
        self.carry(&Manifest::path_of(backup), stop)?;
        let said = self.carry(backup, stop)?;
        Ok(Acknowledgement { at, program: self.program.display().to_string(), said })
    }

    /// The first line that the program prints.
    fn carry(&self, file: &Path, stop: &CancellationToken) -> Result<String, HookError> {
        let mut command = command(&self.program, None);
        command.args(&self.arguments).arg(file);
        if let Some(home) = std::env::var_os("HOME") {
            // Where ssh, rclone and their like have their configuration.
            command.env("HOME", home);
        }
        let (finished, printed) =
            output(command, "", self.within, stop).map_err(HookError::Child)?;
        if !finished.status.success() {
            let file = file.display().to_string();
            return Err(HookError::Failed { file, said: finished.last_words() });
        }
        let printed = String::from_utf8_lossy(&printed);
        let line = printed.lines().next().unwrap_or_default();
        Ok(line.chars().filter(|c| !c.is_control()).take(MAX_SAID).collect())
    }

    /// Carries every backup off the host that is not known to be, and writes down what the program said. How many
    /// there were. The newest first: one that cannot be carried must not keep it here.
    pub fn run_for_all(
        &self,
        folder: &Folder,
        at: u64,
        stop: &CancellationToken,
    ) -> Result<usize, HookError> {
        let mut carried = 0;
        for manifest in folder.backups()? {
            if manifest.offsite.is_none() {
                let offsite = Some(self.run(&folder.file(&manifest), at, stop)?);
                folder.amend(&manifest.file, |manifest| manifest.offsite = offsite)?;
                carried += 1;
            }
        }
        Ok(carried)
    }
}

/// How much of an acknowledgement is kept, in characters.
const MAX_SAID: usize = 400;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;
    use crate::manifest::tests::manifest;

    fn shell(script: &str) -> Hook {
        let arguments = vec!["-c".to_owned(), script.to_owned(), "hook".to_owned()];
        Hook { program: "/bin/sh".into(), arguments, within: Duration::from_secs(30) }
    }

    fn folder() -> (tempfile::TempDir, Folder) {
        let above = tempfile::tempdir().unwrap();
        let folder = Folder::open(above.path()).unwrap();
        for (file, at) in [("postgres-1 $(touch x); 'a'", 1), ("postgres-2", 2)] {
            fs::write(above.path().join(file), "x").unwrap();
            manifest(file, at).write(above.path()).unwrap();
        }
        (above, folder)
    }

    #[test]
    fn each_backup_is_carried_once_and_what_the_program_said_is_written_down() {
        let (above, folder) = folder();
        let (copies, stop) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let hook = shell(&format!(
            "cp \"$1\" {} && echo stored: \"${{1##*/}}\"; echo more",
            copies.path().display()
        ));
        assert_eq!(hook.run_for_all(&folder, 7, &stop).unwrap(), 2);
        assert_eq!(hook.run_for_all(&folder, 8, &stop).unwrap(), 0);
        assert_eq!(fs::read_dir(copies.path()).unwrap().count(), 4);
        assert!(!above.path().join("x").exists(), "no shell reads the name");
        let offsite = folder.backups().unwrap()[0].offsite.clone().unwrap();
        assert_eq!((offsite.at, &*offsite.said), (7, "stored: postgres-2"));
    }

    #[test]
    fn an_old_backup_that_cannot_be_carried_does_not_keep_the_newest_here() {
        let (_above, folder) = folder();
        let stop = CancellationToken::new();
        let only_the_newest = shell("case \"$1\" in *postgres-2*) exit 0;; esac; exit 9");
        only_the_newest.run_for_all(&folder, 7, &stop).unwrap_err();
        let offsite: Vec<bool> =
            folder.backups().unwrap().iter().map(|backup| backup.offsite.is_some()).collect();
        assert_eq!(offsite, [true, false]);
    }

    #[test]
    fn a_program_that_fails_leaves_the_backup_and_is_run_again() {
        let (_above, folder) = folder();
        let stop = CancellationToken::new();
        let error = shell("echo no route >&2; exit 9").run_for_all(&folder, 7, &stop).unwrap_err();
        assert!(error.to_string().contains("no route"), "{error}");
        assert!(folder.backups().unwrap().iter().all(|backup| backup.offsite.is_none()));
        assert_eq!(shell("true").run_for_all(&folder, 7, &stop).unwrap(), 2);
    }
}
