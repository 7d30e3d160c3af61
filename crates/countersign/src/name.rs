//! The name that the program was started under, and what follows from it.
//!
//! Started as `stacks-signer`, by a link or a copy of that name, the program takes the place of the
//! reference's: the same versions, the same verbs in its help, the same exit codes. `docs/cli.md` has
//! what remains different.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::LazyLock;

use clap::Command;
use countersign_ops::exit;

use crate::cli::Failed;

/// The name that the program was started under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// Its own, or any that means nothing.
    Countersign,
    /// The reference's.
    StacksSigner,
}

impl Name {
    /// The name in the first argument, which may be a path.
    pub(crate) fn of(program: Option<&OsStr>) -> Self {
        match program.and_then(|program| Path::new(program).file_name()) {
            Some(name) if name == STACKS_SIGNER => Self::StacksSigner,
            _ => Self::Countersign,
        }
    }

    /// What the program calls itself, with its version and how it was built.
    pub(crate) fn release(self) -> String {
        let ours = countersign_signerd::release();
        match self {
            Self::Countersign => ours,
            Self::StacksSigner => {
                format!("{STACKS_SIGNER} {RELEASE} ({}", ours.replacen(" (", ", ", 1))
            }
        }
    }

    /// Names, versions and help for the parser of arguments.
    pub(crate) fn dress(self, command: Command) -> Command {
        match self {
            Self::Countersign => command
                .long_version(version(&OURS))
                .after_help(format!("{EXAMPLES}\n{}", exit::help())),
            Self::StacksSigner => command
                .name(STACKS_SIGNER)
                .version(CRATE_VERSION)
                .long_version(version(&THEIRS))
                .after_help(AFTER_HELP)
                .mut_subcommands(|verb| {
                    let is_theirs = VERBS.contains(&verb.get_name());
                    verb.hide(!is_theirs)
                }),
        }
    }

    /// The code that the process ends with.
    ///
    /// The reference knows two: 2 for arguments that make no sense, and 101 for everything else. A
    /// supervisor of the signer itself is better served by our own, so `run` keeps them.
    pub(crate) fn exit_code(self, is_run: bool, failed: &Failed) -> u8 {
        match self {
            Self::StacksSigner if !is_run && !failed.is_argument => FAILED,
            _ => failed.exit.code(),
        }
    }
}

/// Without the program's name.
fn version(release: &'static str) -> &'static str {
    release.split_once(' ').map_or(release, |(_, version)| version)
}

// The parser of arguments keeps texts for as long as the process lives.
static OURS: LazyLock<String> = LazyLock::new(|| Name::Countersign.release());
static THEIRS: LazyLock<String> = LazyLock::new(|| Name::StacksSigner.release());

const STACKS_SIGNER: &str = "stacks-signer";
/// The release that is taken the place of.
const RELEASE: &str = "4.0.2";
/// What `stacks-signer -V` says in every release.
const CRATE_VERSION: &str = "0.0.1";
/// How the reference ends when it fails.
const FAILED: u8 = 101;

/// The verbs that the reference has. The others work under its name, too, but its help is theirs.
const VERBS: [&str; 10] = [
    "run",
    "check-config",
    "get-chunk",
    "get-latest-chunk",
    "list-chunks",
    "put-chunk",
    "generate-staking-signature",
    "generate-vote",
    "verify-vote",
    "monitor-signers",
];

const AFTER_HELP: &str = "\
This is Countersign in the place of stacks-signer 4.0.2. Started as `countersign`, it has more verbs and
more exit codes.
";

const EXAMPLES: &str = "\
Examples:
  countersign check-config --config signer-config.toml
  countersign run --config signer-config.toml
  countersign devnet --signers 5 --burn-seconds 3
";

#[cfg(test)]
mod tests {
    use std::io;

    use countersign_ops::exit::Exit;

    use super::*;

    fn of(program: &str) -> Name {
        Name::of(Some(OsStr::new(program)))
    }

    #[test]
    fn only_the_references_own_name_takes_its_place() {
        for program in ["stacks-signer", "./stacks-signer", "/usr/local/bin/stacks-signer"] {
            assert_eq!(of(program), Name::StacksSigner, "{program}");
        }
        for program in ["countersign", "stacks-signer-2", "stacks-signer/countersign", ""] {
            assert_eq!(of(program), Name::Countersign, "{program}");
        }
        assert_eq!(Name::of(None), Name::Countersign);
    }

    #[test]
    fn the_release_under_the_references_name_says_who_it_is() {
        let release = Name::StacksSigner.release();
        assert!(release.starts_with("stacks-signer 4.0.2 (countersign 0."), "{release}");
        assert!(release.ends_with("])"), "{release}");
    }

    #[test]
    fn failures_end_as_the_reference_ends_except_those_of_run() {
        let store = Failed::new(Exit::Store, io::Error::other("full"));
        let argument = Failed::argument(io::Error::other("no such vote"));
        assert_eq!(Name::StacksSigner.exit_code(false, &store), 101);
        assert_eq!(Name::StacksSigner.exit_code(true, &store), Exit::Store.code());
        assert_eq!(Name::StacksSigner.exit_code(false, &argument), 2);
        assert_eq!(Name::Countersign.exit_code(false, &store), Exit::Store.code());
    }
}
