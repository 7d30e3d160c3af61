//! What was carried out once is a drill, whether it was one or in earnest. It is written into the records that metrics,
//! alerts and `doctor` read. What failed is no drill: the command says so, and the last one that went well stays.

use std::path::Path;

use countersign_ops::records::{self, Outcome, Record};

use crate::backup_place::complain;
use crate::keys_place::now;

/// What was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drill {
    /// This instance took the place of another one, and signs, or does with its next start.
    Failover,
    /// A signing key was restored from its backup.
    RestoreKey,
    /// A signer's marks and store were restored.
    RestoreSigner,
    /// The sBTC signer's database was restored: for good, or from a copy that had been elsewhere and up to its shares.
    RestoreDatabase,
    /// An alert arrived at everybody who is to hear of it.
    Alerts,
}

impl Drill {
    /// Its record.
    pub(crate) fn record(self) -> Record {
        let job = match self {
            Self::Failover => "drill.failover",
            Self::RestoreKey => "drill.restore.key",
            Self::RestoreSigner => "drill.restore.signer",
            Self::RestoreDatabase => "drill.restore.database",
            Self::Alerts => "drill.alerts",
        };
        Record::new(job, now(), Outcome::Ok)
    }

    /// Writes it down where records are kept, if they are. A drill is not undone because that fails: it is said on stderr.
    pub(crate) fn done(self, records: Option<&Path>) {
        let Some(folder) = records else { return };
        if let Err(error) = records::write(folder, &self.record()) {
            complain(&error);
        }
    }
}
