//! Where the key is, searched for as a thief would.

mod as_root;
