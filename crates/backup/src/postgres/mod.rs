//! Backups of the database of an sBTC signer.
//!
//! Only PostgreSQL's own programs talk to PostgreSQL: `psql`, `pg_dump`, `pg_restore`, and for a verification
//! `initdb` and `postgres`. They get the password from a file, never as an argument or in the environment.

mod connection;
mod dump;
mod plan;
mod programs;
mod psql;
mod restore;
mod role;
mod scratch;
pub(crate) mod source;
mod toc;
mod watch;

pub use connection::{Connection, ConnectionError, Service};
pub use dump::{DumpError, Job, back_up};
pub use plan::{Plan, PlanError};
pub use programs::{Programs, ProgramsError};
pub use psql::PgError;
pub use restore::{RestoreError, Target, restore};
pub use role::{Flaw, role_flaws, role_sql};
pub use scratch::{ScratchError, Workshop};
pub use watch::{Due, Schedule, Seen, Watcher, due};

pub(crate) use toc::{ArchiveError, Into, Listed, list, restore_into, wanted};
