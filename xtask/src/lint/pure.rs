//! What a pure crate must not say: I/O, time, threads, randomness, logs, panics, test hooks.

use std::collections::BTreeSet;

use super::source::{Source, Word};

/// Tokens that must not follow one another, and what to do instead.
struct Banned {
    words: &'static [&'static str],
    remedy: &'static str,
}

const TIME: &str = "the caller passes the time";
const IO: &str = "ask for it with an action; the daemon does it";
const THREAD: &str = "the caller's thread is the only one";
const RANDOM: &str = "the caller passes what is random";
const LOG: &str = "say it with a note; the daemon logs it";
const PANIC: &str = "return an error, or use `expect` with the reason why it holds";
const HOOK: &str = "a test that needs a hook shows that an event is missing";

const BANNED: &[Banned] = &[
    Banned { words: &["SystemTime"], remedy: TIME },
    Banned { words: &["Instant"], remedy: TIME },
    Banned { words: &["std", ":", ":", "thread"], remedy: THREAD },
    Banned { words: &["async"], remedy: IO },
    Banned { words: &[".", "await"], remedy: IO },
    Banned { words: &["tokio"], remedy: IO },
    Banned { words: &["std", ":", ":", "env"], remedy: IO },
    Banned { words: &["std", ":", ":", "fs"], remedy: IO },
    Banned { words: &["std", ":", ":", "net"], remedy: IO },
    Banned { words: &["std", ":", ":", "os"], remedy: IO },
    Banned { words: &["std", ":", ":", "process"], remedy: IO },
    Banned { words: &["rand"], remedy: RANDOM },
    Banned { words: &["getrandom"], remedy: RANDOM },
    Banned { words: &["HashMap"], remedy: "its order is random: use BTreeMap" },
    Banned { words: &["HashSet"], remedy: "its order is random: use BTreeSet" },
    Banned { words: &["tracing"], remedy: LOG },
    Banned { words: &["print", "!"], remedy: LOG },
    Banned { words: &["println", "!"], remedy: LOG },
    Banned { words: &["eprint", "!"], remedy: LOG },
    Banned { words: &["eprintln", "!"], remedy: LOG },
    Banned { words: &["dbg", "!"], remedy: LOG },
    Banned { words: &[".", "unwrap", "("], remedy: PANIC },
    Banned { words: &["panic", "!"], remedy: PANIC },
    Banned { words: &["todo", "!"], remedy: PANIC },
    Banned { words: &["unimplemented", "!"], remedy: PANIC },
    Banned { words: &["cfg", "(", "feature"], remedy: HOOK },
    Banned { words: &["cfg", "!", "(", "feature"], remedy: HOOK },
    Banned { words: &["cfg", "!", "(", "test"], remedy: HOOK },
];

/// Every banned word in the production code of `source`.
pub(super) fn findings(source: &Source, shown: &str) -> BTreeSet<String> {
    let words = source.production_words();
    let mut findings = in_words(&words, shown);
    for import in source.imports() {
        findings.extend(in_words(&import.iter().collect::<Vec<_>>(), shown));
    }
    findings
}

fn in_words(words: &[&Word], shown: &str) -> BTreeSet<String> {
    let mut findings = BTreeSet::new();
    for banned in BANNED {
        let matches = |window: &&[&Word]| {
            window.iter().zip(banned.words).all(|(word, banned)| word.text == *banned)
        };
        for window in words.windows(banned.words.len()).filter(matches) {
            // The last word: in a group of imports it has a line of its own.
            let line = window.last().map_or(0, |word| word.line);
            let what = banned.words.concat();
            findings.insert(format!(
                "{shown}:{line}: `{what}` has no place in a pure crate: {}",
                banned.remedy
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn found(text: &str) -> Vec<String> {
        let source = Source::parse(Path::new("lib.rs"), text).unwrap();
        findings(&source, "lib.rs").into_iter().collect()
    }

    #[test]
    fn each_banned_word_is_found_at_its_line() {
        let rows = [
            ("\nuse std::time::Instant;", "lib.rs:2: `Instant`"),
            ("use std::{\n    fmt,\n    fs::File,\n};", "lib.rs:3: `std::fs`"),
            ("fn f() { std::thread::yield_now(); }", "lib.rs:1: `std::thread`"),
            ("fn f() { x.unwrap(); }", "lib.rs:1: `.unwrap(`"),
            ("fn f() { todo!() }", "lib.rs:1: `todo!`"),
            ("fn f() { vec![x.unwrap()]; }", "lib.rs:1: `.unwrap(`"),
            ("#[cfg(feature = \"testing\")]\nfn f() {}", "lib.rs:1: `cfg(feature`"),
            ("use rand::Rng;", "lib.rs:1: `rand`"),
            ("async fn f() {}", "lib.rs:1: `async`"),
            ("fn f() { tracing::info!(\"x\"); }", "lib.rs:1: `tracing`"),
        ];
        for (text, expected) in rows {
            let found = found(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].starts_with(expected), "{text}: {found:?}");
        }
    }

    #[test]
    fn comments_strings_and_longer_names_are_no_words() {
        let text = "/// Never reads SystemTime; rand is an argument.\n// x.unwrap()\n\
                    fn strand() -> &'static str { \"std::fs\" }\nfn f() { x.unwrap_or(1); }";
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn tests_may_say_what_they_want() {
        let text =
            "fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn g() { x.unwrap(); }\n}";
        assert_eq!(found(text), Vec::<String>::new());
    }
}
