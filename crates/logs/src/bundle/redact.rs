//! Taking secrets out of text.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regex::{Captures, Regex};
use sha2::{Digest as _, Sha256};

use super::manifest::Reason;
use super::patterns::{
    CONFIGURED, MNEMONIC, PATTERNS, Pattern, WHOLE_PATTERNS, WHY_CONFIGURED, WHY_MNEMONIC,
};

/// A secret that is known by its value.
#[derive(Clone)]
pub struct Known {
    /// Its name, such as the key of the configuration.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// It would show the secret.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is left of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    /// The text without its secrets.
    pub text: String,
    /// How often something of a kind was taken out.
    pub taken: BTreeMap<String, u64>,
}

/// Takes secrets out: those that are known by value, and what looks like one.
pub struct Redactor {
    known: Option<AhoCorasick>,
    patterns: Vec<(Pattern, Regex)>,
    words: HashSet<&'static str>,
    word: Regex,
    /// What a terminal takes as a colour and the like.
    colour: Regex,
    /// Hashes that are known to be in a block chain, so that they are no secrets.
    public: HashSet<String>,
}

/// It would show secrets.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// One that knows these secrets by value, and the words that mnemonics are made of, in lower case.
    pub fn new(known: &[Known], words: impl IntoIterator<Item = &'static str>) -> Self {
        let forms: Vec<String> = known.iter().flat_map(|known| forms(&known.value)).collect();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms);
        let compiled = |form| Regex::new(form).expect("the patterns are compiled by a test");
        Self {
            known: (!forms.is_empty()).then(|| automaton.expect("a configuration is short")),
            patterns: PATTERNS
                .into_iter()
                .map(|pattern| {
                    let form = compiled(pattern.form);
                    (pattern, form)
                })
                .collect(),
            words: words.into_iter().collect(),
            word: compiled("[A-Za-z]+"),
            colour: compiled(r"\x1b\[[0-?]*[ -/]*[@-~]"),
            public: HashSet::new(),
        }
    }

    /// Lets a hash stay that is known to be of a block or the like: 64 hex digits.
    pub fn allow(&mut self, hash: &str) {
        self.public.insert(hash.to_ascii_lowercase());
    }

    /// Every kind of secret and why it is taken out.
    pub fn reasons() -> Vec<Reason> {
        let reason = |kind: &str, why: &str| Reason { kind: kind.to_owned(), why: why.to_owned() };
        let formed = PATTERNS.iter();
        let mut reasons: Vec<Reason> = std::iter::once(reason(CONFIGURED, WHY_CONFIGURED))
            .chain(formed.map(|pattern| reason(pattern.kind, pattern.why)))
            .chain(std::iter::once(reason(MNEMONIC, WHY_MNEMONIC)))
            .collect();
        // A kind may have several forms.
        reasons.dedup();
        reasons
    }

    /// The text without its secrets. Bytes that are no text are replaced before.
    pub fn redact(&self, bytes: &[u8]) -> Redacted {
        let mut taken = BTreeMap::new();
        // Colours would stand between a name and its value.
        let text = String::from_utf8_lossy(bytes);
        let mut text = self.take_known(&self.colour.replace_all(&text, ""), &mut taken);
        // "age", "secret" and "key" are words of the list; and of `mnemonic: legal winner …` nothing may be taken
        // before all of it is.
        let (whole, parts) = self.patterns.split_at(WHOLE_PATTERNS.min(self.patterns.len()));
        for (pattern, form) in whole {
            text = self.take(&text, pattern, form, &mut taken);
        }
        text = self.take_mnemonics(&text, &mut taken);
        for (pattern, form) in parts {
            text = self.take(&text, pattern, form, &mut taken);
        }
        Redacted { text, taken }
    }

    fn take_known(&self, text: &str, taken: &mut BTreeMap<String, u64>) -> String {
        let Some(known) = &self.known else { return text.to_owned() };
        let mut left = String::with_capacity(text.len());
        let mut from = 0;
        for found in known.find_iter(text) {
            // A secret that is a piece of a character's bytes is none.
            let Some(before) = text.get(from..found.start()) else { continue };
            left.push_str(before);
            left.push_str(&mark(CONFIGURED));
            from = found.end();
            count(taken, CONFIGURED);
        }
        left.push_str(text.get(from..).unwrap_or_default());
        left
    }

    fn take(
        &self,
        text: &str,
        pattern: &Pattern,
        form: &Regex,
        taken: &mut BTreeMap<String, u64>,
    ) -> String {
        let replaced = form.replace_all(text, |found: &Captures<'_>| {
            let whole = found.get(0).map_or("", |whole| whole.as_str());
            let keep = found.name("keep").map_or("", |keep| keep.as_str());
            let secret = whole.get(keep.len()..).unwrap_or_default();
            if self.may_stay(pattern, secret) {
                return whole.to_owned();
            }
            count(taken, pattern.kind);
            if pattern.is_named {
                format!("{keep}[{}: {}]", pattern.kind, name_of(secret))
            } else {
                format!("{keep}{}", mark(pattern.kind))
            }
        });
        replaced.into_owned()
    }

    /// Whether it is no secret for all its form: taken out before, a known hash, or a public key.
    fn may_stay(&self, pattern: &Pattern, found: &str) -> bool {
        if is_mark(found) {
            return true;
        }
        if pattern.kind != "hex" {
            return false;
        }
        let is_public_key = found.len() == 66
            && (found.starts_with("02") || found.starts_with("03"))
            && !found.ends_with("01");
        is_public_key || self.public.contains(&found.to_ascii_lowercase())
    }

    /// Takes out twelve or more words of the list that follow each other with little in between.
    fn take_mnemonics(&self, text: &str, taken: &mut BTreeMap<String, u64>) -> String {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let (mut begin, mut end, mut length) = (0, 0, 0);
        let mut close = |begin: usize, end: usize, length: usize| {
            if length >= SHORTEST_MNEMONIC {
                runs.push((begin, end));
            }
        };
        for word in self.word.find_iter(text) {
            let is_word = self.words.contains(word.as_str().to_ascii_lowercase().as_str());
            let is_near = word.start() - end <= WIDEST_GAP;
            if !is_word {
                close(begin, end, length);
                length = 0;
            } else if length > 0 && is_near {
                length += 1;
            } else {
                close(begin, end, length);
                (begin, length) = (word.start(), 1);
            }
            end = word.end();
        }
        close(begin, end, length);
        let mut left = String::with_capacity(text.len());
        let mut from = 0;
        for (begin, end) in runs {
            left.push_str(text.get(from..begin).unwrap_or_default());
            left.push_str(&mark(MNEMONIC));
            from = end;
            count(taken, MNEMONIC);
        }
        left.push_str(text.get(from..).unwrap_or_default());
        left
    }
}

fn count(taken: &mut BTreeMap<String, u64>, kind: &str) {
    *taken.entry(kind.to_owned()).or_default() += 1;
}

/// Whether it is nothing but what stands for something that was taken out before, in quotes or not.
fn is_mark(found: &str) -> bool {
    let is_plain = |text: &str| !text.contains(char::is_alphanumeric);
    found
        .split_once("[redacted: ")
        .and_then(|(before, rest)| Some((before, rest.split_once(']')?.1)))
        .is_some_and(|(before, after)| is_plain(before) && is_plain(after))
}

fn mark(kind: &str) -> String {
    format!("[redacted: {kind}]")
}

/// A name that equal values share, and from which nobody finds a value that cannot be guessed.
fn name_of(value: &str) -> String {
    let digest = hex::encode(Sha256::digest(value.to_ascii_lowercase()));
    digest.get(..12).unwrap_or_default().to_owned()
}

/// The forms in which a value may turn up: as it is, without the mark of a public half, as base64 and with escapes.
fn forms(value: &str) -> Vec<String> {
    let value = value.trim();
    let mut forms = vec![value.to_owned()];
    if value.len() == 66 && value.ends_with("01") {
        forms.extend(value.get(..64).map(str::to_owned));
    }
    let json = serde_json::to_string(value).unwrap_or_default();
    forms.push(json.trim_matches('"').to_owned());
    forms.push(STANDARD_NO_PAD.encode(value));
    forms.push(percent(value));
    forms.retain(|form| form.chars().count() >= SHORTEST_KNOWN);
    forms.sort();
    forms.dedup();
    forms
}

/// As in a URL.
fn percent(value: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escaped = value
        .bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    escaped.collect()
}

/// The fewest words that make a key.
const SHORTEST_MNEMONIC: usize = 12;
/// How many bytes may be between two words of a list: quotes, commas, numbers, line ends and what indents a line.
const WIDEST_GAP: usize = 40;
/// Shorter values would tear texts apart, and are no secrets.
const SHORTEST_KNOWN: usize = 4;
