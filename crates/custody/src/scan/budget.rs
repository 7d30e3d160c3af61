//! How much may be unpacked from one file.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// What may still be unpacked from one file on disk, in whatever way things are packed in one another.
#[derive(Clone, Debug)]
pub(super) struct Budget(Rc<Cell<u64>>);

impl Budget {
    /// What a file of `size` bytes may unpack to. Layers of images come to three times their size, histories
    /// of Git to a hundred times; a bomb to millions.
    pub(super) fn of_file(size: u64) -> Self {
        Self(Rc::new(Cell::new(size.saturating_mul(MOST_TIMES).saturating_add(ALWAYS))))
    }

    /// Whether nothing more may be unpacked.
    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }

    /// Takes `bytes` from what is left.
    pub(super) fn spend(&self, bytes: u64) -> io::Result<()> {
        self.0.set(self.0.get().saturating_sub(bytes));
        if self.is_spent() { Err(io::Error::other(Spent)) } else { Ok(()) }
    }

    /// `reader`, whose bytes are taken from what is left.
    pub(super) fn metered<R: Read>(&self, reader: R) -> Metered<R> {
        Metered { reader, budget: self.clone() }
    }
}

/// Why the rest of a file was not unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file unpacks to more than {MOST_TIMES} times its size; the rest was not searched")]
struct Spent;

/// A reader whose bytes are taken from a [`Budget`].
#[derive(Debug)]
pub(super) struct Metered<R> {
    reader: R,
    budget: Budget,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.budget.is_spent() {
            return Err(io::Error::other(Spent));
        }
        let read = self.reader.read(buffer)?;
        // What was unpacked last is still searched.
        let _ = self.budget.spend(read as u64);
        Ok(read)
    }
}

const MOST_TIMES: u64 = 2000;
/// Small files may hold much: 256 MiB.
const ALWAYS: u64 = 256 << 20;
