//! `countersign doctor`: named checks, each with a grade, the rows of the guides that it covers, what was
//! measured, why it matters, and the command that mends it.
