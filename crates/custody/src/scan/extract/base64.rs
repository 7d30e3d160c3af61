//! Keys and texts in base64, of either alphabet, on one line or on many.

use std::ops::Range;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::runs::runs;
use super::{Cut, Form, Layer, SHORTEST_TOKEN, is_token, part};

impl Layer<'_, '_> {
    /// The keys in a run of base64, and in the text that it may spell.
    pub(super) fn base64(&mut self, data: &[u8], run: &Range<usize>, cut: Cut) {
        let run = &(unescaped(data, run.start)..run.end);
        let digits = part(data, run);
        if !is_mixed(digits) {
            return;
        }
        let padding = data.iter().skip(run.end).take(2).take_while(|byte| **byte == b'=').count();
        for start in key_starts(digits.len(), padding).into_iter().flatten() {
            let bytes = decode(digits.get(start..).unwrap_or_default());
            if let Some(key) = bytes.get(..32) {
                self.probe(run.start, Form::Base64, key);
            }
        }
        if digits.len() > SHORTEST_TOKEN {
            for skipped in alignments(digits.len(), padding, cut == Cut::Middle && run.start == 0) {
                let bytes = decode(digits.get(skipped..).unwrap_or_default());
                self.inside(run.start, Form::Base64, &bytes, Cut::Beginning);
            }
        }
    }

    /// The texts that are spelt by several lines of base64, all of one length but the last, as in PEM. A line
    /// may end with an escape, as PEM in JSON does.
    pub(super) fn blocks(&mut self, data: &[u8]) {
        let mut done = 0;
        for run in runs(data, SHORTEST_TOKEN, is_token) {
            let start = unescaped(data, run.start);
            if start < done {
                continue;
            }
            let first = part(data, &(start..run.end));
            let mut text = Zeroizing::new(first.to_vec());
            let mut end = run.end;
            while let Some(line) = next_line(data, end, first.len()) {
                text.extend_from_slice(part(data, &line));
                end = line.end;
                if line.len() < first.len() {
                    break;
                }
            }
            done = end;
            if text.len() > first.len() {
                self.inside(start, Form::Base64, &decode(&text), Cut::Beginning);
            }
        }
    }
}

/// Where the run begins that seems to begin at `start`, whose first letter may be the end of an escape.
fn unescaped(data: &[u8], start: usize) -> usize {
    let is_escape = start.checked_sub(1).and_then(|before| data.get(before)) == Some(&b'\\')
        && matches!(data.get(start), Some(b'n' | b'r' | b't'));
    start + usize::from(is_escape)
}

/// The base64 on the line after the one that ends at `end`, at most `longest` of it.
fn next_line(data: &[u8], end: usize, longest: usize) -> Option<Range<usize>> {
    let rest = data.get(end..)?;
    let rest = ["\r\n", "\n", "\\r\\n", "\\n"]
        .iter()
        .find_map(|line_end| rest.strip_prefix(line_end.as_bytes()))?;
    let indented = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let start = data.len() - rest.len() + indented;
    let length = rest.iter().skip(indented).take(longest + 1).take_while(|b| is_token(**b)).count();
    (1..=longest).contains(&length).then_some(start..start + length)
}

/// Where 32 or 33 bytes may begin in a run of this length: it is exactly as long as they are, or they end
/// it after something else that is written with the same characters.
fn key_starts(length: usize, padding: usize) -> [Option<usize>; 2] {
    match (length, padding) {
        (KEY | MARKED_KEY, 0) => [Some(0), None],
        (_, 1) => [length.checked_sub(KEY), None],
        (..=LONGEST_NAMED, 0) => [length.checked_sub(KEY), length.checked_sub(MARKED_KEY)],
        _ => [None, None],
    }
}

/// How many characters to skip before a text may begin: none, or those that padding shows to be too many,
/// or any number, if the beginning is not known.
fn alignments(length: usize, padding: usize, is_cut: bool) -> Range<usize> {
    let surplus = (length + padding) % 4;
    match (is_cut, padding) {
        (true, _) => 0..4,
        (false, 0) => 0..1,
        (false, _) => surplus..surplus + 1,
    }
}

/// Whether base64 of random bytes looks like this: it has capitals and small letters. Paths and most names
/// do not; of a hundred million keys one does not.
fn is_mixed(digits: &[u8]) -> bool {
    let is_hit = |is: fn(&u8) -> bool| digits.iter().filter(|digit| is(digit)).nth(1).is_some();
    is_hit(u8::is_ascii_uppercase) && is_hit(u8::is_ascii_lowercase)
}

/// The bytes that these digits of either alphabet spell; a last digit that spells no byte is left out.
fn decode(digits: &[u8]) -> Zeroizing<Vec<u8>> {
    let whole = if digits.len() % 4 == 1 { digits.len() - 1 } else { digits.len() };
    let standard: Zeroizing<Vec<u8>> = Zeroizing::new(
        digits
            .iter()
            .take(whole)
            .map(|digit| match digit {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            })
            .collect(),
    );
    Zeroizing::new(ENGINE.decode(standard.as_slice()).unwrap_or_default())
}

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Digits of 32 bytes.
const KEY: usize = 43;
/// Digits of 32 bytes and a mark.
const MARKED_KEY: usize = 44;
/// A key and a short name before it that no other character ends.
const LONGEST_NAMED: usize = 64;
