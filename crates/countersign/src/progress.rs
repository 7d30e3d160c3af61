//! One line on a terminal that says how long something takes, once it takes longer than a moment.

use std::io::{self, IsTerminal as _, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Does the work. Meanwhile a terminal shows `what` and for how long already, every second, unless the
/// operator wants it `quiet`; when the work is done, the line is gone.
pub(crate) fn while_told<T>(what: &str, is_quiet: bool, work: impl FnOnce() -> T) -> T {
    if is_quiet || !io::stderr().is_terminal() {
        return work();
    }
    tell(what, (&mut io::stderr(), BETWEEN), work)
}

/// The work stays in its thread; another one writes the line.
fn tell<T>(
    what: &str,
    (to, between): (&mut (impl Write + Send), Duration),
    work: impl FnOnce() -> T,
) -> T {
    let begun = Instant::now();
    let (working, is_done) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut is_shown = false;
            while is_done.recv_timeout(between) == Err(RecvTimeoutError::Timeout) {
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
        let done = tell("checking", (&mut terminal, between), || {
            has_seen.recv_timeout(Duration::from_mins(1)).unwrap();
            7
        });
        assert_eq!(done, 7);
        let shown = String::from_utf8(terminal.shown).unwrap();
        assert!(shown.starts_with("\r\x1b[Kchecking: 0 s"), "{shown:?}");
        assert!(shown.ends_with("\r\x1b[K"), "{shown:?}");
    }

    #[test]
    fn work_that_takes_a_moment_is_not_told() {
        let (seen, _) = channel();
        let mut terminal = Terminal { shown: Vec::new(), seen };
        tell("checking", (&mut terminal, Duration::from_mins(10)), || ());
        assert!(terminal.shown.is_empty());
    }
}
