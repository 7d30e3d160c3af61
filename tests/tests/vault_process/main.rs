//! The vault as a process of its own, with callers that are real users.

mod as_root;
