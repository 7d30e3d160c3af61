//! What differs, for people, without secrets.

use std::collections::BTreeSet;

use similar::TextDiff;
use zeroize::Zeroizing;

use crate::render::Put as _;
use crate::rendered::{Rendered, Secrecy};

use super::{Difference, Drift};

/// What stands in the place of a value that is not shown.
const HIDDEN: &str = "<hidden>";

/// What is installed, if that can be compared.
#[derive(Default)]
pub(super) struct Installed {
    pub(super) text: Zeroizing<String>,
    /// Whether not everybody may read it: whatever is rendered there, what somebody else wrote may be a secret.
    pub(super) is_private: bool,
}

/// What differs in one file.
pub(super) fn describe(found: &Drift, file: Option<&Rendered>, old: &Installed) -> String {
    let mut out = String::new();
    let path = found.path.display();
    for difference in &found.differences {
        let file = file.map(|file| (file.mode, file.owner.as_str()));
        match (difference, file) {
            (Difference::NotAFile, _) => out.put(format_args!("{path}: is not a file\n")),
            (Difference::LeftOver, _) => {
                out.put(format_args!("{path}: is not rendered any more and would be removed\n"));
            }
            (Difference::Mode, Some((mode, _))) => {
                out.put(format_args!("{path}: has other permissions than {mode:o}\n"));
            }
            (Difference::Owner, Some((_, owner))) => {
                out.put(format_args!("{path}: does not belong to {owner}\n"));
            }
            _ => {}
        }
    }
    let is_read = |difference: &Difference| {
        matches!(difference, Difference::Missing | Difference::Contents | Difference::NotAFile)
    };
    let Some(file) = file.filter(|_| found.differences.iter().any(is_read)) else { return out };
    let (text, new) = (old.text.as_str(), file.contents.as_str());
    let (old, new) = match file.secrecy {
        Secrecy::Public if old.is_private => (strange_hidden(text, new), new.to_owned()),
        Secrecy::Public => (text.to_owned(), new.to_owned()),
        Secrecy::Secret => (hidden(text, new), hidden(new, new)),
    };
    if old == new {
        out.put(format_args!("{path}: a value that is not shown differs\n"));
    }
    out.push_str(&unified(&path.to_string(), &old, &new));
    out
}

/// The difference between two texts in the unified format; empty if there is none.
pub fn unified(name: &str, old: &str, new: &str) -> String {
    let (before, after) = (format!("{name} (installed)"), format!("{name} (rendered)"));
    TextDiff::from_lines(old, new).unified_diff().header(&before, &after).to_string()
}

/// Keys whose values are secret or hold one.
const SECRET_KEYS: &[&str] =
    &["auth_password", "auth_token", "db_endpoint", "password", "rpc_endpoints", "rpcauth"];

/// `text` without values, but those of keys that `rendered` has and that are no secrets. An installed file may hold
/// more secrets than a rendered one: a bare private key.
fn hidden(text: &str, rendered: &str) -> String {
    let is_shown = |key: &&str| !SECRET_KEYS.contains(key);
    let shown: BTreeSet<&str> = rendered.lines().filter_map(key).filter(is_shown).collect();
    let whole: BTreeSet<&str> = rendered.lines().filter(|line| key(line).is_none()).collect();
    let mut out = String::new();
    for line in text.lines() {
        match key(line) {
            Some(key) if shown.contains(key) => out.put(format_args!("{line}\n")),
            Some(key) if is_name(key) => out.put(format_args!("{key} = {HIDDEN}\n")),
            // A line without a key is shown if it says nothing new: a comment, a table.
            None if whole.contains(line) && !is_bare_value(line) => {
                out.put(format_args!("{line}\n"));
            }
            _ => out.put(format_args!("{HIDDEN}\n")),
        }
    }
    out
}

/// `text` without values, but in lines that `rendered` has, too.
fn strange_hidden(text: &str, rendered: &str) -> String {
    let known: BTreeSet<&str> = rendered.lines().collect();
    let shown = |line: &str| {
        if known.contains(line) { format!("{line}\n") } else { hidden(line, rendered) }
    };
    text.lines().map(shown).collect()
}

fn key(line: &str) -> Option<&str> {
    if line.starts_with('#') { None } else { Some(line.split_once('=')?.0.trim()) }
}

fn is_name(key: &str) -> bool {
    key.len() < 40 && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// A file that is nothing but a secret.
fn is_bare_value(line: &str) -> bool {
    !line.is_empty() && !line.starts_with(['#', '[', ' '])
}

#[cfg(test)]
mod tests {
    use super::hidden;

    const RENDERED: &str =
        "# Rendered\nnetwork = \"mainnet\"\nauth_password = \"5ec4e7\"\n\n[countersign]\n";

    #[test]
    fn no_value_of_a_secret_is_shown_and_no_value_of_a_key_that_is_not_rendered() {
        let installed = "# key 0xdeadbeef\nnetwork = \"testnet\"\nauth_password = \"hunter2\"\n\
                         stacks_private_key = \"c0ffee\"\n[countersign]\nc0ffee c0ffee\nC0FFEE=1\n";
        assert_eq!(
            hidden(installed, RENDERED),
            "<hidden>\nnetwork = \"testnet\"\nauth_password = <hidden>\nstacks_private_key = <hidden>\n\
             [countersign]\n<hidden>\n<hidden>\n"
        );
    }

    #[test]
    fn a_file_that_is_nothing_but_a_secret_is_hidden_whole() {
        assert_eq!(hidden("5ec4e7\n", "5ec4e7\n"), "<hidden>\n");
    }
}
