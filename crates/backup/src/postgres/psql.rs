//! Questions to a database: SQL in, one JSON value out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::programs::Programs;
use crate::child::{ChildError, Finished, MAX_OUTPUT, Other, Running, command, output};

/// Why a database does not answer.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    /// A program gave no result.
    #[error("PostgreSQL's programs gave no result")]
    Child(#[from] ChildError),
    /// The database is away.
    #[error("the database {place} cannot be reached: {said}")]
    Unreachable {
        /// Which database.
        place: String,
        /// What the program said.
        said: String,
    },
    /// The password, or the way of proving who one is.
    #[error(
        "the database {place} does not let the role in: {said}; check the password file, its mode 0600, and \
         pg_hba.conf"
    )]
    Authentication {
        /// Which database.
        place: String,
        /// What the program said.
        said: String,
    },
    /// A right is missing.
    #[error(
        "the role may not read everything in {place}: {said}; run what `countersign backup postgres role` prints"
    )]
    Rights {
        /// Which database.
        place: String,
        /// What the program said.
        said: String,
    },
    /// Something else.
    #[error("the database {place} refuses: {said}")]
    Refused {
        /// Which database.
        place: String,
        /// What the program said.
        said: String,
    },
    /// The answer is not what was asked for.
    #[error("the answer of the database {place} is not understood")]
    Answer {
        /// Which database.
        place: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl PgError {
    /// What a program means that failed.
    pub(crate) fn of(finished: &Finished, place: String) -> Self {
        let (text, said) = (&finished.said, finished.last_words());
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if has(&["authentication failed", "no password supplied", "no pg_hba.conf entry"]) {
            Self::Authentication { place, said }
        } else if has(&["permission denied for", "must be owner of", "42501"]) {
            Self::Rights { place, said }
        } else if has(&["connection to server", "could not connect", "could not translate"]) {
            Self::Unreachable { place, said }
        } else {
            Self::Refused { place, said }
        }
    }
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) connection: &'a Connection,
    /// As which user of the system.
    pub(crate) other: Option<Other>,
    pub(crate) stop: &'a CancellationToken,
}

impl Asker<'_> {
    fn psql(&self) -> Command {
        let mut command = command(&self.programs.path("psql"), self.other);
        command.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]);
        command.args(["--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose", "--file=-"]);
        self.connection.apply(&mut command);
        command.current_dir("/");
        command
    }

    /// Runs statements that give nothing.
    pub(crate) fn run(&self, sql: &str, within: Duration) -> Result<Vec<u8>, PgError> {
        let (finished, bytes) = output(self.psql(), sql, within, self.stop)?;
        if finished.status.success() {
            Ok(bytes)
        } else {
            Err(PgError::of(&finished, self.connection.place()))
        }
    }

    /// Runs statements of which the last gives one JSON value, and the others nothing.
    pub(crate) fn ask<T: DeserializeOwned>(
        &self,
        sql: &str,
        within: Duration,
    ) -> Result<T, PgError> {
        let bytes = self.run(sql, within)?;
        let place = self.connection.place();
        serde_json::from_slice(&bytes).map_err(|source| PgError::Answer { place, source })
    }

    /// A session that stays, for several questions in one transaction.
    pub(crate) fn session(&self) -> Result<Session, PgError> {
        let mut command = self.psql();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = Running::start(command, SESSION, self.stop)?;
        let (stdin, stdout) = (running.stdin(), running.stdout());
        let (lines, answers) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(std::io::Read::take(stdout, MAX_OUTPUT));
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|read| read > 0) {
                if lines.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
        });
        let place = self.connection.place();
        Ok(Session { running, stdin, answers, place, stop: self.stop.clone() })
    }
}

/// A session with the database. Its transaction ends when it is dropped.
pub(crate) struct Session {
    running: Running,
    stdin: ChildStdin,
    answers: Receiver<String>,
    place: String,
    stop: CancellationToken,
}

impl Session {
    /// Runs statements of which the last gives one JSON value on one line, and the others nothing.
    pub(crate) fn ask<T: DeserializeOwned>(
        mut self,
        sql: &str,
        within: Duration,
    ) -> Result<(T, Self), PgError> {
        // If psql is gone already, it says why at its end.
        let _ = self.stdin.write_all(sql.as_bytes()).and_then(|()| self.stdin.write_all(b"\n"));
        let until = Instant::now() + within;
        let line = loop {
            match self.answers.recv_timeout(LOOK) {
                Ok(line) if line.trim().is_empty() => {}
                Ok(line) => break line,
                Err(RecvTimeoutError::Disconnected) => return Err(self.end()),
                Err(RecvTimeoutError::Timeout) if self.stop.is_cancelled() => {
                    return Err(ChildError::Stopped.into());
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() > until => {
                    return Err(
                        ChildError::TimedOut { program: "psql".into(), after: within }.into()
                    );
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        };
        match serde_json::from_str(&line) {
            Ok(answer) => Ok((answer, self)),
            Err(source) => Err(PgError::Answer { place: self.place, source }),
        }
    }

    /// Why there is no answer.
    fn end(self) -> PgError {
        let Self { running, stdin, place, stop, .. } = self;
        drop(stdin);
        match running.finish(&stop) {
            Ok(finished) => PgError::of(&finished, place),
            Err(error) => error.into(),
        }
    }
}

/// A text as a constant of SQL.
pub(crate) fn literal(text: &str) -> String {
    // With the prefix E a backslash means the same whatever the server's settings.
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A name as an identifier of SQL.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

const LOOK: Duration = Duration::from_millis(50);
/// As long as a dump may take, and more.
const SESSION: Duration = Duration::from_hours(13);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_stay_what_they_are() {
        assert_eq!(identifier("a\"; drop table x; --"), "\"a\"\"; drop table x; --\"");
        assert_eq!(literal("it's \\'"), "E'it''s \\\\'''");
    }
}
