//! The stream.

use std::io::{self, Read, Write};
use std::sync::mpsc;

use countersign_logs::explain::MAX_EXAMINED;
use proptest::prelude::*;

use super::*;

const KNOWN: &str =
    "Nov 27 18:00:00 host stacks-node[9]: INFO Registering event observer at: 127.0.0.1:30000";

#[test]
fn lines_pass_and_known_ones_are_explained_once() {
    let text = explained(PLAIN, &format!("hello\n{KNOWN}\n{KNOWN}\nlast"));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "  hello");
    assert_eq!(lines[1], format!("  {KNOWN}"));
    assert!(lines[2].starts_with("    = The node read an `[[events_observer]]`"), "{text}");
    assert!(lines[3].starts_with("    > If the address is not this signer's"), "{text}");
    assert_eq!(lines[4..], [format!("  {KNOWN}"), "  last".to_owned()]);
    let every = explained(Style { is_every: true, ..PLAIN }, &format!("{KNOWN}\n{KNOWN}\n"));
    assert_eq!(every.matches("= The node read").count(), 2);
}

#[test]
fn what_does_not_matter_enough_is_left_out_if_that_is_wanted() {
    let frozen = "x countersign_signerd: SIGNING IS FROZEN: another process signs with this key.";
    let style = Style { least: Some(Severity::Act), ..PLAIN };
    let text = explained(style, &format!("hello\n{KNOWN}\n{frozen}\n"));
    assert!(text.starts_with("✘ ") && text.contains("Find that process and stop it"), "{text}");
    assert!(!text.contains("hello") && !text.contains("observer"), "{text}");
}

#[test]
fn machines_get_an_object_for_each_line() {
    let text = explained(Style { is_json: true, ..PLAIN }, &format!("{KNOWN}\n\u{7}\"\n"));
    let values: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(values[0]["program"], "stacks-node");
    assert_eq!(values[0]["known"]["severity"], "routine");
    assert_eq!((&values[0]["count"], &values[0]["line"]), (&1.into(), &KNOWN.into()));
    assert!(values[0]["known"]["example"].is_null());
    assert_eq!(
        (&values[1]["known"], &values[1]["line"]),
        (&serde_json::Value::Null, &"\u{7}\"".into())
    );
}

#[test]
fn a_terminal_is_not_moved_by_what_a_line_says() {
    let text =
        explained(Style { is_terminal: true, ..PLAIN }, "\u{1b}]0;owned\u{7}\u{9b}2J\tfine\n");
    assert_eq!(text, "\u{1b}[0m  ]0;owned2J\tfine\u{1b}[0m\n");
}

/// A reader that says the same byte for as long as is wanted, in memory of its own that is small.
struct Endless(u64);

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(usize::try_from(self.0).unwrap_or(usize::MAX));
        into[..count].fill(b'x');
        self.0 -= count as u64;
        Ok(count)
    }
}

/// Counts what is written, and how much of it came at once.
#[derive(Default)]
struct Counting {
    sum: u64,
    most: usize,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sum += bytes.len() as u64;
        self.most = self.most.max(bytes.len());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whatever its length: what is held of a line is one buffer. (Ten gigabytes take a minute in a test build.)
#[test]
fn a_line_that_does_not_end_passes_in_pieces() {
    let corpus = Corpus::new();
    let len = 128 * 1024 * 1024;
    let mut out = Counting::default();
    Explainer::new(&corpus, PLAIN).run(Endless(len), &mut out).unwrap();
    assert_eq!(out.sum, len + 3, "the mark before it and the end after it");
    assert!(out.most <= MAX_EXAMINED, "{}", out.most);
    for style in [Style { is_json: true, ..PLAIN }, Style { is_terminal: true, ..PLAIN }] {
        let mut out = Counting::default();
        Explainer::new(&corpus, style).run(Endless(len / 8), &mut out).unwrap();
        assert!(out.sum < 2 * MAX_EXAMINED as u64, "{}", out.sum);
    }
}

#[test]
fn the_line_after_a_very_long_one_is_explained() {
    let long = "y".repeat(3 * MAX_EXAMINED);
    let text = explained(PLAIN, &format!("{long}\n{KNOWN}\n"));
    assert!(text.starts_with(&format!("  {long}\n  {KNOWN}\n    = ")), "what comes is not lost");
    let exactly = "y".repeat(MAX_EXAMINED);
    assert_eq!(explained(PLAIN, &format!("{exactly}\nz\n")), format!("  {exactly}\n  z\n"));
}

/// A pipe that says a line and then waits, as `journalctl -f` does.
struct Pipe(mpsc::Receiver<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Ok(bytes) = self.0.recv() else { return Ok(0) };
        into[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

struct Shown(mpsc::Sender<()>, Vec<u8>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        if !self.1.is_empty() {
            let _ = self.0.send(());
        }
        Ok(())
    }
}

#[test]
fn a_line_is_shown_before_the_next_one_is_there() {
    let (say, lines) = mpsc::channel();
    let (shown, wait) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let corpus = Corpus::new();
        let mut out = Shown(shown, Vec::new());
        Explainer::new(&corpus, PLAIN).run(Pipe(lines), &mut out).unwrap();
    });
    say.send(format!("{KNOWN}\n").into_bytes()).unwrap();
    wait.recv().unwrap();
    drop(say);
    reader.join().unwrap();
}

#[test]
fn tallies_begin_with_what_matters_most() {
    let corpus = Corpus::new();
    let mut explainer = Explainer::new(&corpus, PLAIN);
    let input = format!("{KNOWN}\n{KNOWN}\nunknown\nx: No space left on device\n");
    explainer.run(input.as_bytes(), &mut io::sink()).unwrap();
    let tallies = explainer.tallies();
    assert_eq!((tallies[0].entry.severity, tallies[0].count), (Severity::Page, 1));
    assert_eq!((tallies[1].count, explainer.unknown()), (2, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_passes_unchanged_behind_its_mark(lines in prop::collection::vec("[ -~]{0,60}", 0..8)) {
        let text = explained(Style { is_every: false, ..PLAIN }, &lines.join("\n"));
        let passed: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("    = ") && !line.starts_with("    > "))
            .filter_map(|line| line.split_at_checked(line.char_indices().nth(2).map_or(line.len(), |(at, _)| at)))
            .map(|(_, line)| line)
            .collect();
        let mut given: Vec<&str> = lines.iter().map(String::as_str).collect();
        if given.last() == Some(&"") { given.pop(); }
        let given: Vec<&str> = given.into_iter().filter(|line| !line.starts_with("  = ") && !line.starts_with("  > ")).collect();
        prop_assert_eq!(passed, given);
    }

    #[test]
    fn arbitrary_bytes_are_explained_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let corpus = Corpus::new();
        Explainer::new(&corpus, PLAIN).run(&bytes[..], &mut io::sink()).unwrap();
        Explainer::new(&corpus, Style { is_json: true, ..PLAIN }).run(&bytes[..], &mut io::sink()).unwrap();
    }
}
