//! The exit codes of the whole program.
//!
//! A supervisor can tell from them what must not be restarted blindly: `Store` and `Journal` need a
//! human. `docs/exit-codes.md` shows the same table, and a test compares the two.

use std::fmt::Write as _;
use std::process::ExitCode;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done, or stopped by SIGTERM or SIGINT.
    Ok = 0,
    /// A failure without a code of its own.
    Failure = 1,
    /// The command line or the configuration is wrong; nothing was touched.
    Usage = 2,
    /// The store, the journal or the decision log cannot be written.
    Store = 3,
    /// The signing journal is missing, not the latest, in use, damaged, or of another key.
    Journal = 4,
    /// An endpoint that the configuration names cannot be bound.
    Bind = 5,
    /// The node is on another network.
    Node = 6,
    /// A simulated network ended before it adopted the blocks that were asked for.
    DevnetShort = 7,
    /// Another program's database cannot be taken over.
    Import = 8,
    /// A replay does not come to what was recorded.
    ReplayDiffers = 9,
    /// A recording cannot be replayed.
    Recording = 10,
    /// The signing key cannot be opened, or is not safe where it is.
    Key = 11,
    /// This signer must not sign: another one does, or it was told to stop.
    Instance = 12,
    /// No daemon answers on the control socket.
    NoDaemon = 13,
    /// What is installed is not what is rendered.
    Drift = 14,
    /// A backup is no good, or is not where it should be.
    Backup = 15,
    /// The worst grade of the doctor's checks is a warning.
    DoctorWarns = 16,
    /// Something could not be measured, and nothing failed.
    DoctorUnsure = 17,
    /// A check failed.
    DoctorFails = 18,
}

/// One line of the table of exit codes.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The code.
    pub exit: Exit,
    /// What happened.
    pub meaning: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// Every exit code, in order.
pub const TABLE: [Row; 19] = [
    Row { exit: Exit::Ok, meaning: "done, or stopped by SIGTERM or SIGINT", remedy: "nothing" },
    Row {
        exit: Exit::Failure,
        meaning: "a failure without a code of its own",
        remedy: "read the last error; restarting may help",
    },
    Row {
        exit: Exit::Usage,
        meaning: "the command line or the configuration is wrong; nothing was touched",
        remedy: "correct what the error names; restarting does not help",
    },
    Row {
        exit: Exit::Store,
        meaning: "the store cannot be used, or store, journal or decision log cannot be written; nothing was signed",
        remedy: "make room, mend permissions or end the other process, as the error says; then restart",
    },
    Row {
        exit: Exit::Journal,
        meaning: "the signing journal is missing, not the latest, in use, damaged, or of another key",
        remedy: "a human must look, with docs/operator/journal.md: never delete the journal of a key that still signs",
    },
    Row {
        exit: Exit::Bind,
        meaning: "an endpoint of the configuration cannot be bound",
        remedy: "free the address or configure another one",
    },
    Row {
        exit: Exit::Node,
        meaning: "the node is on another network than the configuration says (reserved)",
        remedy: "correct `network`, `chain_id` or `node_host`",
    },
    Row {
        exit: Exit::DevnetShort,
        meaning: "a simulated network ended before `--stop-after-blocks` blocks were adopted",
        remedy: "read the summary and the signers' logs",
    },
    Row {
        exit: Exit::Import,
        meaning: "the database to import from, or that `db_path` names, cannot be used; nothing was taken",
        remedy: "do what the error says, and start no signer before it is done",
    },
    Row {
        exit: Exit::ReplayDiffers,
        meaning: "a replay does not come to what was recorded",
        remedy: "read the first difference; with another version than the recorded one it may be expected",
    },
    Row {
        exit: Exit::Recording,
        meaning: "a recording cannot be read, or is damaged",
        remedy: "do what the error says",
    },
    Row {
        exit: Exit::Key,
        meaning: "the signing key cannot be opened, or is not safe where it is; nothing was signed",
        remedy: "run `countersign doctor key`, which names the command that mends it",
    },
    Row {
        exit: Exit::Instance,
        meaning: "this signer must not sign: another one has its key, or it was demoted or frozen",
        remedy: "find the other signer; `countersign promote` makes this one the active one",
    },
    Row {
        exit: Exit::NoDaemon,
        meaning: "no daemon answers on the control socket, or it does not hear this user",
        remedy: "start the daemon, name the configuration that it runs with, or ask as its user",
    },
    Row {
        exit: Exit::Drift,
        meaning: "installed files differ from what `countersign render` makes of countersign.toml",
        remedy: "look with `countersign render --diff`, then change countersign.toml or run `countersign render`",
    },
    Row {
        exit: Exit::Backup,
        meaning: "a backup is no good, is missing, or is not off this host; or its role is not what it should be",
        remedy: "do what the verdict says; make a new backup before you need the old one",
    },
    Row {
        exit: Exit::DoctorWarns,
        meaning: "`countersign doctor` warns: it works, and could be safer",
        remedy: "read what it says; each warning names the command that mends it",
    },
    Row {
        exit: Exit::DoctorUnsure,
        meaning: "`countersign doctor` could not measure everything, and what it measured did not fail",
        remedy: "do what it names beside `unknown`, mostly run it as root",
    },
    Row {
        exit: Exit::DoctorFails,
        meaning: "a check of `countersign doctor` failed",
        remedy: "run the command that it names, then run it again",
    },
];

impl Exit {
    /// The number that the operating system sees.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether a supervisor must leave the daemon down after this until somebody has changed something.
    /// The units that `countersign render` makes name these codes.
    pub const fn needs_a_human(self) -> bool {
        matches!(
            self,
            Self::Usage | Self::Journal | Self::Node | Self::Import | Self::Key | Self::Instance
        )
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table as lines of help text: the code and its meaning.
pub fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for Row { exit, meaning, .. } in TABLE {
        writeln!(text, "  {}  {meaning}", exit.code()).expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{TABLE, help};

    #[test]
    fn the_table_lists_every_code_once_and_in_order() {
        for (position, row) in (0..).zip(TABLE) {
            assert_eq!(row.exit.code(), position);
        }
    }

    #[test]
    fn the_documentation_shows_this_table() {
        let doc = include_str!("../../../docs/exit-codes.md");
        let documented: Vec<&str> = doc.lines().filter(|line| line.starts_with("| ")).collect();
        let table: Vec<String> = TABLE
            .iter()
            .map(|row| format!("| {} | {} | {} |", row.exit.code(), row.meaning, row.remedy))
            .collect();
        // The first line of the documented table is its head.
        assert!(documented.iter().skip(1).eq(table.iter()), "{documented:#?} is not {table:#?}");
    }

    #[test]
    fn help_has_a_line_per_code() {
        assert_eq!(help().lines().count(), 1 + TABLE.len());
        assert!(help().contains("\n  2  the command line or the configuration is wrong"));
    }
}
