//! A fingerprint of a run, and its story for people.

use std::fmt::{self, Write as _};

/// FNV-1a over everything that the cores decided.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    hash: u64,
    /// What happened in words, if somebody wants to read it.
    story: Option<Vec<String>>,
}

impl Trace {
    pub(super) fn new(with_story: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, story: with_story.then(Vec::new) }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn add(&mut self, step: &impl fmt::Debug) {
        write!(self, "{step:?}").expect("hashing does not fail");
    }

    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(line());
        }
    }

    pub(super) fn story(&self) -> &[String] {
        self.story.as_deref().unwrap_or_default()
    }

    pub(super) fn into_story(self) -> Vec<String> {
        self.story.unwrap_or_default()
    }
}

impl fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
