//! The only holder of the signing key: it records, then it signs.
//!
//! A [`Vault`] signs four typed payloads and nothing else: the acceptance of a block, the rejection
//! of a block, a mock proposal of epoch 2.5, and a StackerDB chunk that holds one signer message.
//! Before a block signature exists, its record is durable in a journal of the vault's own. A signature
//! that would contradict an earlier one is refused unless the request *names* the earlier block and the
//! rule that lets it go.
//!
//! An [`OperatorKey`] is the same key for what an operator signs by hand: grants, authorizations, votes
//! on SIPs and chunks. None of them can contradict a block signature, so it needs no journal and works
//! beside a running signer.
//!
//! Either holds a [`SigningKey`]: in memory, or in a PKCS#11 token that it never leaves.
//!
//! This crate has no policy, no clock, no network and no task. Whether a rival may be overridden is
//! the signer core's decision; that none is overridden unawares is the vault's.
//!
//! # The journal
//!
//! One SQLite file per key, in WAL mode with `synchronous = FULL`: a commit is one append and one
//! sync, half the time of a rollback journal. Its connection holds the exclusive lock from opening to
//! exit. The log has its whole length from the opening on, so that the sync of a record need not write
//! down a new length. While the file exists, its neighbour with the ending `-wal` belongs to it: a copy
//! of one without the other has forgotten signatures.
//!
//! Nothing that binds the key is ever forgotten, and the file stays small all the same: the 16,384
//! highest signed blocks, the work of a day of the fastest blocks, are remembered one by one; below,
//! a span remains of each tenure (lowest and highest height, number of blocks), and a floor. At or
//! below the floor nothing new is signed, whatever the request names: a rule that could let a rival go
//! there would need the rival's name. The same request as once before is refused there, too; so are
//! none of the requests that a live chain makes. Of rejections, which bind nobody, the latest stay.
//!
//! Do not open the journal's file by other means in a process that has it open in a vault: closing
//! any descriptor of a file releases the POSIX locks that its process has on it.

mod error;
mod host_lock;
mod interchange;
pub mod ipc;
mod journal;
mod journal_file;
mod key;
mod operator_key;
mod request;
mod standing;
mod token;
mod vault;

pub use error::{AdoptError, JournalError, OpenError, SignError};
pub use host_lock::{Holder, HostLock, HostLockError};
pub use interchange::{InterchangeError, JournalExport, Span};
pub use journal_file::{JournalFile, JournalStatus};
pub use key::{KeyError, SigningKey};
pub use operator_key::OperatorKey;
pub use request::{
    AcceptanceRequest, ChunkRequest, Imported, Mark, MockRequest, Override, OverrideRule,
    RawChunkRequest, RejectionRequest, SipVoteRequest, StackingRequest, StakingGrantRequest,
};
pub use standing::Standing;
pub use token::{PinTries, TokenError, TokenKey, TokenPin, TokenPlace};
pub use vault::{Birth, FLOOR, Vault, is_there};
