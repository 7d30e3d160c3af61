//! Finding mnemonics in text: twelve words of the list or more, one after another.

use std::ops::Range;

use countersign_wire::PublicKey;

use super::{LONGEST_WORD, Words};
use crate::scan::target::Prober;

/// A mnemonic whose key is searched for: where it begins, the key, and the path that leads to it.
pub(in crate::scan) type Found = (usize, PublicKey, String);

/// Words of the list in one row: where each is, and its number.
type Row = Vec<(Range<usize>, u16)>;

impl Words {
    /// The mnemonics in `data` that lead to a key that is searched for.
    ///
    /// Twelve words and what is between them are at least [`SHORTEST`] bytes, so it is enough to look at
    /// one word in as many; only around a word of the list the text is read.
    pub(in crate::scan) fn search(&mut self, data: &[u8], prober: &mut Prober<'_>) -> Vec<Found> {
        let mut found = Vec::new();
        let (mut place, mut done) = (SHORTEST - 1, 0);
        while place < data.len() {
            if let Some(row) = self.row_around(data, place, done) {
                self.probe_row(&row, prober, &mut found);
                done = row.last().map_or(place, |(range, _)| range.end);
            }
            place = place.max(done) + SHORTEST;
        }
        found
    }

    /// The row of words around `place` that begins no earlier than `done`, if the word there, or the next
    /// one, is of the list.
    fn row_around(&self, data: &[u8], place: usize, done: usize) -> Option<Row> {
        let here = if is_word_byte(data, place) {
            Some(word_around(data, place, done))
        } else {
            after(data, place)
        };
        let here = self.known(data, here?)?;
        let mut row = vec![here];
        while let Some(word) = row.last().and_then(|(last, _)| before(data, last.start, done)) {
            let Some(word) = self.known(data, word) else { break };
            row.push(word);
        }
        row.reverse();
        while let Some(word) = row.last().and_then(|(last, _)| after(data, last.end)) {
            let Some(word) = self.known(data, word) else { break };
            row.push(word);
        }
        Some(row)
    }

    fn known(&self, data: &[u8], word: Range<usize>) -> Option<(Range<usize>, u16)> {
        let number = self.number(data.get(word.clone())?)?;
        Some((word, number))
    }

    fn probe_row(&mut self, row: &Row, prober: &mut Prober<'_>, found: &mut Vec<Found>) {
        let numbers: Vec<u16> = row.iter().map(|(_, number)| *number).collect();
        for length in LENGTHS {
            for (window, (start, _)) in numbers.windows(length).zip(row) {
                if let Some((key, path)) = self.probe(window, prober) {
                    found.push((start.start, key, path));
                }
            }
        }
    }
}

/// Whether there is a letter of a word: not the one of an escape such as `\n` in JSON.
fn is_word_byte(data: &[u8], place: usize) -> bool {
    let Some(byte) = data.get(place).filter(|byte| byte.is_ascii_alphabetic()) else {
        return false;
    };
    let escaped = matches!(byte, b'n' | b'r' | b't')
        && place.checked_sub(1).and_then(|before| data.get(before)) == Some(&b'\\');
    !escaped
}

/// The word that the letter at `place` is part of, as far as it can be one of the list.
fn word_around(data: &[u8], place: usize, done: usize) -> Range<usize> {
    let mut start = place;
    while start > done && place - start <= LONGEST_WORD && is_word_byte(data, start - 1) {
        start -= 1;
    }
    start..end_of_word(data, start)
}

/// The first word after `place`, if it is near.
fn after(data: &[u8], place: usize) -> Option<Range<usize>> {
    let near = place..data.len().min(place.saturating_add(WIDEST_GAP));
    let start = near.into_iter().find(|place| is_word_byte(data, *place))?;
    Some(start..end_of_word(data, start))
}

fn end_of_word(data: &[u8], start: usize) -> usize {
    let mut end = start;
    while end - start <= LONGEST_WORD && is_word_byte(data, end) {
        end += 1;
    }
    end
}

/// The last word before `place`, if it is near and not before `done`.
fn before(data: &[u8], place: usize, done: usize) -> Option<Range<usize>> {
    let near = place.saturating_sub(WIDEST_GAP).max(done)..place;
    let last = near.into_iter().rev().find(|place| is_word_byte(data, *place))?;
    Some(word_around(data, last, done))
}

/// Twelve words of three letters, and eleven spaces.
const SHORTEST: usize = 47;
const LENGTHS: [usize; 5] = [12, 15, 18, 21, 24];
/// Between two words: spaces, quotes, a comma, a line end, indentation, a number.
const WIDEST_GAP: usize = 48;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;
    use crate::scan::target::Target;

    const WORDS: [&str; 12] = [
        "legal", "winner", "thank", "year", "wave", "sausage", "worth", "useful", "legal",
        "winner", "thank", "yellow",
    ];

    fn targets() -> [Target; 1] {
        let words = Words::new();
        let numbers: Vec<u16> =
            WORDS.iter().map(|word| words.number(word.as_bytes()).unwrap()).collect();
        let root = super::super::Node::of_seed(&*words.seed(&numbers).unwrap()).unwrap();
        let hardened = super::super::HARDENED;
        let key = root.descendant(&[44 + hardened, 5757 + hardened, hardened, 0, 3]).unwrap();
        let key = countersign_wire::PrivateKey::from_bytes(*key.key_bytes()).unwrap().public_key();
        [Target::of_key(key)]
    }

    fn search(text: &str) -> Vec<Found> {
        Words::new().search(text.as_bytes(), &mut Prober::new(&targets()))
    }

    #[test]
    fn a_mnemonic_is_found_in_every_form_of_a_text() {
        let numbered: Vec<String> =
            (1..).zip(WORDS).map(|(n, word)| format!("{n:>3}. {word}")).collect();
        let forms: [(&str, String); 9] = [
            ("one line", WORDS.join(" ")),
            ("lines", WORDS.join("\n")),
            ("indented lines of windows", WORDS.join("\r\n        ")),
            ("JSON list", format!("[\"{}\"]", WORDS.join("\",\n  \""))),
            ("escapes of JSON", format!("{{\"text\":\"{}\"}}", WORDS.join("\\n"))),
            ("escaped tabs", WORDS.join("\\t")),
            ("commas", WORDS.join(", ")),
            ("capitals", WORDS.join(" ").to_uppercase()),
            ("numbered", numbered.join("\n")),
        ];
        for (form, text) in forms {
            for lead in ["", "x=", "# my key: ", &"what is said before a mnemonic ".repeat(40)] {
                let found =
                    search(&format!("{lead}{text}; and so on, and on, and on and on and on."));
                assert_eq!(found.len(), 1, "{form} after {lead:?}");
                assert_eq!(found.first().unwrap().2, "m/44'/5757'/0'/0/3", "{form}");
            }
        }
    }

    #[test]
    fn a_word_of_the_list_before_or_after_does_not_hide_it() {
        let text = format!("zoo abandon {} zoo zoo", WORDS.join(" "));
        assert_eq!(search(&text).len(), 1);
    }

    #[test]
    fn eleven_words_and_a_broken_row_are_nothing() {
        let (_, eleven) = WORDS.split_last().unwrap();
        assert!(search(&eleven.join(" ").repeat(3)).is_empty());
        let (head, tail) = WORDS.split_at(6);
        assert!(search(&format!("{} the {}", head.join(" "), tail.join(" "))).is_empty());
        assert!(search(&format!("{}{:60}{}", head.join(" "), "", tail.join(" "))).is_empty());
    }

    proptest! {
        #[test]
        fn it_is_found_wherever_it_stands(lead in "[ -~]{0,200}", tail in "[ -~]{0,100}") {
            let text = format!("{lead}\n;{}\n;{tail}", WORDS.join(" "));
            prop_assert!(search(&text).iter().any(|(start, _, _)| *start == lead.len() + 2));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            Words::new().search(&bytes, &mut Prober::new(&[]));
        }
    }
}
