//! What is around a message: the journal's, docker's or the program's own prefix.

use std::borrow::Cow;

use serde_json::Value;

use super::Program;

/// How many bytes of a line are looked at. A phrase comes early in its line.
pub const MAX_EXAMINED: usize = 64 * 1024;

/// A line, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form<'a> {
    /// Whose line it is, if it says so.
    pub program: Option<Program>,
    /// What the program said.
    pub message: Cow<'a, str>,
}

impl<'a> Form<'a> {
    /// Takes a line apart: as `journalctl` shows it, short or as JSON, as `docker compose logs` does, or as the program
    /// wrote it.
    pub fn of(line: &'a [u8]) -> Self {
        let line = line.get(..MAX_EXAMINED).unwrap_or(line);
        if line.first() == Some(&b'{')
            && let Ok(value) = serde_json::from_slice::<Value>(line)
        {
            return Self::of_journal(&value).unwrap_or_else(|| Self::of_object(&value, line));
        }
        let text = String::from_utf8_lossy(line);
        let program = own_mark(&text)
            .or_else(|| identifier(&text).and_then(named))
            .or_else(|| is_of_bitcoind(&text).then_some(Program::Bitcoind));
        Self { program, message: text }
    }

    /// An entry of the journal as JSON.
    fn of_journal(value: &Value) -> Option<Self> {
        let message = match value.get("MESSAGE")? {
            Value::String(text) => text.clone(),
            // What is no text is a list of bytes.
            Value::Array(bytes) => {
                let bytes = bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok());
                String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
            }
            _ => return None,
        };
        let field = |name: &str| value.get(name).and_then(Value::as_str).and_then(named);
        let program = field("_SYSTEMD_UNIT")
            .or_else(|| field("UNIT"))
            .or_else(|| field("SYSLOG_IDENTIFIER"))
            .or_else(|| field("_COMM"))
            .or_else(|| own_mark(&message));
        Some(Self { program, message: Cow::Owned(message) })
    }

    /// A line that its program wrote as JSON. Its fields are looked at as they stand.
    fn of_object(value: &Value, line: &'a [u8]) -> Self {
        let place = |name: &str| value.get(name).and_then(Value::as_str).and_then(whose_source);
        let program = place("target").or_else(|| place("file"));
        Self { program, message: String::from_utf8_lossy(line) }
    }
}

/// The place in the sources that the programs' own lines name.
fn own_mark(text: &str) -> Option<Program> {
    let begin: &str = text.get(..text.floor_char_boundary(256)).unwrap_or(text);
    begin.split([' ', '[', '"']).find_map(whose_source)
}

/// The program that a module or a file of the sources belongs to. sbtc-signer's crate is named `signer`.
fn whose_source(place: &str) -> Option<Program> {
    let places = [
        ("countersign_", Program::Countersign),
        ("stacks-signer/", Program::StacksSigner),
        ("libsigner/", Program::StacksSigner),
        ("stacks-node/", Program::StacksNode),
        ("testnet/stacks-node/", Program::StacksNode),
        ("stackslib/", Program::StacksNode),
        ("signer::", Program::SbtcSigner),
    ];
    places.into_iter().find(|(begin, _)| place.starts_with(begin)).map(|(_, program)| program)
}

/// `2026-11-27T18:00:00Z UpdateTip: …`: the lines of debug.log begin with a time, and no level follows it.
fn is_of_bitcoind(text: &str) -> bool {
    let Some((time, message)) = text.split_once(' ') else { return false };
    let levels = ["INFO ", "WARN ", "ERROR ", "DEBUG ", "TRACE ", " "];
    let has_level = levels.iter().any(|level| message.starts_with(level));
    time.ends_with('Z') && crate::time::parse(time).is_some() && !has_level
}

/// `countersign` of `Nov 27 18:00:00 host countersign[123]: …` and of `countersign-1  | …`.
fn identifier(text: &str) -> Option<&str> {
    let begin: &str = text.get(..text.floor_char_boundary(256)).unwrap_or(text);
    if let Some((name, _)) = begin.split_once(" | ") {
        let name = name.trim_end();
        if !name.is_empty() && !name.contains(' ') {
            return Some(name);
        }
    }
    let (before, _) = begin.split_once(": ")?;
    let word = before.rsplit(' ').next()?;
    let name = word.split_once('[').map_or(word, |(name, _)| name);
    // A time and a host come before it.
    (before.split(' ').count() >= 3).then_some(name)
}

/// The program that a unit, an identifier or a container is named after.
fn named(name: &str) -> Option<Program> {
    let name = name.to_ascii_lowercase();
    let has = |part: &str| name.contains(part);
    if has("countersign") {
        Some(Program::Countersign)
    } else if has("sbtc") {
        Some(Program::SbtcSigner)
    } else if has("stacks-signer") || has("stacks_signer") {
        Some(Program::StacksSigner)
    } else if has("stacks-node") || has("stacks_node") || has("stacks-blockchain") {
        Some(Program::StacksNode)
    } else if has("bitcoin") {
        Some(Program::Bitcoind)
    } else {
        None
    }
}
