//! What in some bytes may be a key: every form that a key is written in, and texts inside texts.
//!
//! Extracting is cheap and generous, because the [`Prober`] accepts nothing but our keys. It never fails
//! and, for a given length of input, makes a bounded number of derivations.

mod base64;
mod hex;
mod list;
mod raw;
mod runs;
mod wide;
mod wif;

use std::ops::Range;

use countersign_wire::PublicKey;

use self::runs::runs;
use super::form::Form;
use super::mnemonic::Words;
use super::target::Prober;

/// A key that was found in some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Where what was found begins.
    pub(super) offset: usize,
    /// The public half of the key.
    pub(super) key: PublicKey,
    /// How it was written, the outermost form first.
    pub(super) forms: Vec<Form>,
}

/// Where the bytes come from, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A whole text, or the beginning of one.
    Beginning,
    /// The text went on before these bytes, so that they may begin in the middle of anything.
    Middle,
}

/// Finds keys in bytes.
pub(super) struct Extractor<'t> {
    pub(super) prober: Prober<'t>,
    words: Words,
}

impl<'t> Extractor<'t> {
    pub(super) fn new(prober: Prober<'t>) -> Self {
        Self { prober, words: Words::new() }
    }

    /// The keys in `data`, in the order of their places.
    pub(super) fn search(&mut self, data: &[u8], cut: Cut) -> Vec<Hit> {
        let mut layer = Layer { extractor: self, hits: Vec::new(), outside: Vec::new() };
        layer.search(data, cut);
        let mut hits = layer.hits;
        hits.sort_by_key(|hit| (hit.offset, hit.forms.len()));
        hits.dedup_by(|later, earlier| later.offset == earlier.offset && later.key == earlier.key);
        hits
    }
}

/// One search, and the texts around the one that is searched.
struct Layer<'e, 't> {
    extractor: &'e mut Extractor<'t>,
    hits: Vec<Hit>,
    /// Where the outermost text begins, and the forms of all, for each text around this one.
    outside: Vec<(usize, Form)>,
}

impl Layer<'_, '_> {
    fn search(&mut self, data: &[u8], cut: Cut) {
        for run in runs(data, SHORTEST_TOKEN, is_token) {
            self.hex(data, &run);
            self.wif(data, &run);
            self.base64(data, &run, cut);
        }
        self.blocks(data);
        self.lists(data);
        for (offset, key, path) in self.extractor.words.search(data, &mut self.extractor.prober) {
            self.hit(offset, Form::Mnemonic { path }, key);
        }
        if !is_text(data) {
            self.raw(data);
            self.wide(data);
        }
    }

    /// Searches a text that stands in another one at `offset`, in `form`.
    fn inside(&mut self, offset: usize, form: Form, data: &[u8], cut: Cut) {
        if self.outside.len() < DEEPEST {
            self.outside.push((offset, form));
            self.search(data, cut);
            self.outside.pop();
        }
    }

    /// Whether the text that is searched stands in no other one.
    fn is_outermost(&self) -> bool {
        self.outside.is_empty()
    }

    fn probe(&mut self, offset: usize, form: Form, candidate: &[u8]) {
        let Ok(candidate) = <&[u8; 32]>::try_from(candidate) else { return };
        if let Some(key) = self.extractor.prober.probe(candidate) {
            self.hit(offset, form, key);
        }
    }

    fn hit(&mut self, offset: usize, form: Form, key: PublicKey) {
        let offset = self.outside.first().map_or(offset, |(outermost, _)| *outermost);
        let outside = self.outside.iter().map(|(_, form)| form.clone());
        self.hits.push(Hit { offset, key, forms: outside.chain([form]).collect() });
    }
}

/// What base64 of either alphabet, hex and base58 are written with.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Whether this is text of one byte a character, or UTF-8 that may be cut at both ends.
pub(super) fn is_text(data: &[u8]) -> bool {
    let cut = data.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    let text = data.get(cut..).unwrap_or_default();
    let is_utf8 = match std::str::from_utf8(text) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    is_utf8 && !data.contains(&0)
}

fn part<'d>(data: &'d [u8], range: &Range<usize>) -> &'d [u8] {
    data.get(range.clone()).unwrap_or_default()
}

/// 32 bytes in base64 without padding.
const SHORTEST_TOKEN: usize = 43;
/// How many texts may stand in one another.
const DEEPEST: usize = 3;

#[cfg(test)]
mod tests;
