//! From text to a [`File`]: unknown keys and wrong types are named before serde sees them.

use toml::{Table, Value};

use crate::error::Problem;
use crate::file::File;
use crate::keys::{Key, keys};

/// Reads the content of `countersign.toml`.
pub(crate) fn file(text: &str) -> Result<File, Problem> {
    let table: Table = text.parse().map_err(|error| not_toml(text, &error))?;
    known("", &table)?;
    table.try_into().map_err(|error| not_toml(text, &error))
}

fn not_toml(text: &str, error: &toml::de::Error) -> Problem {
    let at = error.span().map_or(0, |span| span.start);
    let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let what = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    Problem::NotToml { line, what }
}

/// Refuses what is in no row of the table of keys.
fn known(prefix: &str, table: &Table) -> Result<(), Problem> {
    for (name, value) in table {
        let path = format!("{prefix}{name}");
        let exact = keys().find(|key| key.path == path);
        let inside = format!("{path}.");
        let is_table = keys().any(|key| key.path.starts_with(&inside));
        match (exact, value) {
            (Some(key), value) if key.kind.takes(value) => {}
            (Some(Key { path, kind, .. }), _) => {
                return Err(Problem::WrongType { key: path, expected: kind.name() });
            }
            (None, Value::Table(inner)) if is_table => known(&inside, inner)?,
            _ => return Err(unknown(path)),
        }
    }
    Ok(())
}

/// The refusal of a key, with the most similar one that is as deep.
fn unknown(path: String) -> Problem {
    let depth = path.matches('.').count();
    let as_deep = |key: &Key| {
        let end = key.path.match_indices('.').nth(depth).map_or(key.path.len(), |(at, _)| at);
        key.path.get(..end)
    };
    let likeness = |known: &&str| strsim::jaro_winkler(&path, known);
    let meant = keys()
        .filter_map(as_deep)
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
        .filter(|known| likeness(known) > 0.85);
    Problem::UnknownKey { key: path, meant }
}
