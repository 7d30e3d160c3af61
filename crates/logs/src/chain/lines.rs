//! Reading lines of which nobody knows how long they are.

use std::io::{self, BufRead};

/// The longest line that is read as a whole; ours are far shorter.
pub const MAX_LINE: usize = 1024 * 1024;

/// What is between two line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A line, without its end.
    Whole(Vec<u8>),
    /// A line of more than [`MAX_LINE`] bytes, which were passed over.
    TooLong {
        /// How many bytes it has.
        len: u64,
    },
    /// The last bytes of the file, which no line end follows.
    Torn {
        /// How many bytes it has.
        len: u64,
    },
}

/// The lines of a reader, with bounded memory.
#[derive(Debug)]
pub struct Lines<R>(R);

impl<R: BufRead> Lines<R> {
    /// The lines of `reader`.
    pub const fn new(reader: R) -> Self {
        Self(reader)
    }

    fn read(&mut self) -> io::Result<Option<Piece>> {
        let mut line = Vec::new();
        let mut len = 0_u64;
        loop {
            let available = match self.0.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok((len > 0).then_some(Piece::Torn { len }));
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
            let (taken, used) = (part.len(), part.len() + usize::from(end.is_some()));
            if line.len() + taken <= MAX_LINE {
                line.extend_from_slice(part);
            }
            len += taken as u64;
            self.0.consume(used);
            if end.is_some() {
                let is_whole = len == line.len() as u64;
                return Ok(Some(if is_whole {
                    Piece::Whole(line)
                } else {
                    Piece::TooLong { len }
                }));
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Piece>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
