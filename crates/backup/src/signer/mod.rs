//! The block signer's own files: what its keys have signed, and its store.
//!
//! A backup of a journal is old as soon as it is made: the key has signed since. It must never become a journal that
//! signs, and it cannot: what is kept is the interchange form, from which marks are only raised in a journal that is
//! there, or in one that begins with the wait of a key whose history is lost. It is no word on who signs either; a
//! proof that an instance has stopped is taken out of it.

mod contents;
mod keep;
mod prove;
mod restore;

pub use contents::{About, Contents, Fault, Heights, KeyFact};
pub use keep::{KeepError, Kept, ReadError, keep, newest, prune, read, written_down};
pub use prove::{ProveError, prove, prove_store, uncovered};
pub use restore::{
    Marks, Raised, RestoreError, RestoreJob, Restored, StoreChoice, StoreOutcome, restore,
};
