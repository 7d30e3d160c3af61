//! Countersign command line.
fn main() {}
