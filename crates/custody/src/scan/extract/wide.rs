//! Text in UTF-16, as PowerShell writes it, alone or between other bytes.

use zeroize::Zeroizing;

use super::{Cut, Form, Layer, SHORTEST_TOKEN};

impl Layer<'_, '_> {
    /// The keys in runs of ASCII characters of two bytes each, of either order and at any place.
    pub(super) fn wide(&mut self, data: &[u8]) {
        // The zero byte before a character belongs to it or to the one before it: of both orders the same
        // bytes are characters, so that one pattern finds both.
        let mut place = 0;
        while let Some(pair) = data.get(place..place + 2) {
            let [first, second] = *pair else { break };
            let start = match (is_character(first), second) {
                (true, 0) => Some(place),
                _ if first == 0 && is_character(second) => Some(place + 1),
                _ => None,
            };
            let Some(start) = start else {
                place += STRIDE;
                continue;
            };
            let (begins, ends) = run_around(data, start);
            if (ends - begins) / 2 >= SHORTEST_TOKEN {
                let text: Zeroizing<Vec<u8>> = Zeroizing::new(
                    data.iter().take(ends).skip(begins).step_by(2).copied().collect(),
                );
                self.inside(begins, Form::Utf16, &text, Cut::Beginning);
            }
            place = ends.max(place) + STRIDE;
        }
    }
}

/// Where the characters begin and end that stand around the one at `start`, each followed by a zero byte.
fn run_around(data: &[u8], start: usize) -> (usize, usize) {
    let is_pair = |place: usize| {
        data.get(place).is_some_and(|byte| is_character(*byte))
            && data.get(place + 1).is_none_or(|byte| *byte == 0)
    };
    let mut begins = start;
    while let Some(before) = begins.checked_sub(2).filter(|before| is_pair(*before)) {
        begins = before;
    }
    let mut ends = start;
    while is_pair(ends) {
        ends += 2;
    }
    (begins, ends.min(data.len()))
}

const fn is_character(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// Less than a run that is worth looking at.
const STRIDE: usize = 2 * SHORTEST_TOKEN - 2;
