//! Backups, and the proof that they restore: the sBTC signer's PostgreSQL up to the key that its shares open,
//! the block signer's own files, and a node's chainstate.
