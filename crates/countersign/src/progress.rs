//! What is said about something that takes longer than a moment: on a terminal one line that counts the seconds,
//! elsewhere one line once.

use std::io::{self, IsTerminal as _, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Does the work. Meanwhile a terminal shows `what` and for how long already, every second, unless the
/// operator wants it `quiet`; when the work is done, the line is gone. Where there is no terminal, `what` is said once.
pub(crate) fn while_told<T>(what: &str, is_quiet: bool, work: impl FnOnce() -> T) -> T {
    if is_quiet {
        return work();
    }
    let is_terminal = io::stderr().is_terminal();
    tell(what, Voice { to: &mut io::stderr(), is_terminal, between: BETWEEN }, work)
}

/// Says what a server is waited for: to be called once a second.
pub(crate) fn waiting(url: &str, elapsed: Duration) {
    let (is_terminal, seconds) = (io::stderr().is_terminal(), elapsed.as_secs());
    // With stderr closed there is nobody to tell.
    let _ = match (is_terminal, seconds) {
        (true, _) => write!(io::stderr(), "\r\x1b[Kwaiting for {url}: {seconds} s"),
        (false, 0 | 1) => writeln!(io::stderr(), "waiting for {url}"),
        (false, _) => Ok(()),
    };
}

/// Where it is said, and how often.
struct Voice<'a, W> {
    to: &'a mut W,
    is_terminal: bool,
    between: Duration,
}

/// The work stays in its thread; another one writes the line.
fn tell<T>(
    what: &str,
    Voice { to, is_terminal, between }: Voice<'_, impl Write + Send>,
    work: impl FnOnce() -> T,
) -> T {
    let begun = Instant::now();
    let (working, is_done) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut is_shown = false;
            while is_done.recv_timeout(between) == Err(RecvTimeoutError::Timeout) {
                if !is_terminal {
                    let _ = writeln!(to, "{what} …");
                    let _ = to.flush();
                    return;
                }
                is_shown = true;
                // A terminal that does not take the line has nobody who misses it.
                let _ = write!(to, "\r\x1b[K{what}: {} s", begun.elapsed().as_secs());
                let _ = to.flush();
            }
            if is_shown {
                let _ = write!(to, "\r\x1b[K");
                let _ = to.flush();
            }
        });
        let done = work();
        drop(working);
        done
    })
}

const BETWEEN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::mpsc::Sender;

    use super::*;

    /// A terminal that says when it has shown something.
    struct Terminal {
        shown: Vec<u8>,
        seen: Sender<()>,
    }

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.shown.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            let _ = self.seen.send(());
            Ok(())
        }
    }

    #[test]
    fn work_that_takes_its_time_is_told_until_it_is_done() {
        let (seen, has_seen) = channel();
        let mut terminal = Terminal { shown: Vec::new(), seen };
        let between = Duration::from_millis(1);
        let voice = Voice { to: &mut terminal, is_terminal: true, between };
        let done = tell("checking", voice, || {
            has_seen.recv_timeout(Duration::from_mins(1)).unwrap();
            7
        });
        assert_eq!(done, 7);
        let shown = String::from_utf8(terminal.shown).unwrap();
        assert!(shown.starts_with("\r\x1b[Kchecking: 0 s"), "{shown:?}");
        assert!(shown.ends_with("\r\x1b[K"), "{shown:?}");
    }

    #[test]
    fn without_a_terminal_it_is_said_once() {
        let (seen, has_seen) = channel();
        let mut file = Terminal { shown: Vec::new(), seen };
        let voice = Voice { to: &mut file, is_terminal: false, between: Duration::from_millis(1) };
        tell("checking", voice, || {
            has_seen.recv_timeout(Duration::from_mins(1)).unwrap();
            assert!(has_seen.recv_timeout(Duration::from_millis(20)).is_err());
        });
        assert_eq!(String::from_utf8(file.shown).unwrap(), "checking …\n");
    }

    #[test]
    fn work_that_takes_a_moment_is_not_told() {
        let (seen, _) = channel();
        let mut terminal = Terminal { shown: Vec::new(), seen };
        let between = Duration::from_mins(10);
        tell("checking", Voice { to: &mut terminal, is_terminal: true, between }, || ());
        assert!(terminal.shown.is_empty());
    }
}
