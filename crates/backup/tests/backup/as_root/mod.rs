//! With a real PostgreSQL.

mod place;
mod take;
mod verdicts;
