//! What lines mean: the tables, and the stream that is explained by them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod corpus;
mod stream;

use countersign_logs::explain::{Corpus, Explainer, Form, Program, Severity, Style};

const PLAIN: Style =
    Style { is_json: false, is_every: false, least: None, is_terminal: false, program: None };

fn explained(style: Style, input: &str) -> String {
    let corpus = Corpus::new();
    let mut out = Vec::new();
    Explainer::new(&corpus, style).run(input.as_bytes(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The phrase that a line is known by.
fn phrase_of(line: &str) -> Option<String> {
    let corpus = Corpus::new();
    corpus.find(&Form::of(line.as_bytes())).map(|(_, entry)| entry.phrase.clone())
}
