//! Keys as lists of bytes: `[183, 145, …]`, `0xb7, 0x91, …`, `b7:91:…`.

use zeroize::Zeroizing;

use super::raw::is_random;
use super::runs::runs;
use super::{Form, Layer, part};

impl Layer<'_, '_> {
    /// The keys in rows of 32 numbers or more. A key begins or ends a longer row, or follows a mark of its
    /// length.
    pub(super) fn lists(&mut self, data: &[u8]) {
        for run in runs(data, SHORTEST, is_list) {
            let text = part(data, &run);
            if text.iter().filter(|byte| !byte.is_ascii_alphanumeric()).count() < 31 {
                continue;
            }
            for read in [decimal as fn(&[u8]) -> Option<u8>, hex_pair] {
                for (start, row) in rows(text, read) {
                    self.row(run.start + start, &row);
                }
            }
        }
    }

    fn row(&mut self, offset: usize, row: &[u8]) {
        for start in [0, 1, row.len().saturating_sub(33), row.len().saturating_sub(32)] {
            if let Some(key) = row.get(start..start + 32)
                && is_random(key)
            {
                self.probe(offset, Form::List, key);
            }
        }
        self.marked(row, |_| (offset, Form::List));
    }
}

/// The rows of at least 32 numbers, and where each begins.
fn rows(text: &[u8], read: fn(&[u8]) -> Option<u8>) -> Vec<(usize, Zeroizing<Vec<u8>>)> {
    let mut found = Vec::new();
    let (mut start, mut row, mut place) = (0, Zeroizing::new(Vec::new()), 0);
    for word in text.split(|byte| !byte.is_ascii_alphanumeric()).chain([b"end".as_slice()]) {
        match (word.is_empty(), read(word)) {
            (true, _) => {}
            (false, Some(byte)) => {
                if row.is_empty() {
                    start = place;
                }
                row.push(byte);
            }
            (false, None) => {
                let ended = std::mem::replace(&mut row, Zeroizing::new(Vec::new()));
                if ended.len() >= 32 {
                    found.push((start, ended));
                }
            }
        }
        place += word.len() + 1;
    }
    found
}

fn decimal(word: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(word).ok().filter(|text| text.len() <= 3)?;
    text.parse().ok()
}

fn hex_pair(word: &[u8]) -> Option<u8> {
    let digits = word.strip_prefix(b"0x").or(word.strip_prefix(b"0X")).unwrap_or(word);
    let mut byte = [0];
    hex::decode_to_slice(digits, &mut byte).ok()?;
    let [byte] = byte;
    Some(byte)
}

/// Digits, and what stands between numbers.
const fn is_list(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
        || matches!(byte, b'x' | b'X' | b' ' | b',' | b':' | b';' | b'-' | b'\n' | b'\r' | b'\t')
}

/// 32 numbers of one digit.
const SHORTEST: usize = 63;
