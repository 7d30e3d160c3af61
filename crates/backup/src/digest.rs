//! The SHA-256 of a large file.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use crate::{Care, Progress};

/// Why a file was not read to its end.
pub(crate) enum Halt {
    /// Somebody stopped the work.
    Stopped,
    /// It cannot be read.
    Io(io::Error),
}

/// Length and SHA-256 of a file. `phase` is what is told of it.
pub(crate) fn sha256(
    path: &Path,
    phase: &'static str,
    care: &mut Care<'_>,
) -> Result<(u64, [u8; 32]), Halt> {
    let mut file = File::open(path).map_err(Halt::Io)?;
    let of = file.metadata().ok().map(|metadata| metadata.len());
    let (mut digest, mut bytes, started) = (Sha256::new(), 0, Instant::now());
    let mut buffer = vec![0; BUFFER];
    loop {
        if care.stop.is_cancelled() {
            return Err(Halt::Stopped);
        }
        let read = file.read(&mut buffer).map_err(Halt::Io)?;
        if read == 0 {
            return Ok((bytes, digest.finalize().into()));
        }
        digest.update(buffer.get(..read).unwrap_or_default());
        bytes += read as u64;
        care.tell(Progress { phase, bytes, of, elapsed: started.elapsed() });
    }
}

const BUFFER: usize = 256 << 10;
