//! Frames: a length, then that many bytes.

use std::io::{self, Read};

use countersign_wire::Wire;

/// The most bytes that a frame may hold: a StackerDB chunk of a signers' lane, which is the largest thing
/// that can be asked for, with room for what surrounds it.
pub const MAX_FRAME_LEN: u32 = 2 * 1024 * 1024 + 64 * 1024;

/// A frame claims more than [`MAX_FRAME_LEN`] bytes. What follows it on the connection has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {len} bytes where at most {MAX_FRAME_LEN} are allowed")]
pub struct FrameTooLong {
    /// The length that it claims.
    pub len: u64,
}

/// The frame that carries `message`.
pub fn to_frame(message: &impl Wire) -> Result<Vec<u8>, FrameTooLong> {
    let mut frame = vec![0; PREFIX];
    message.encode(&mut frame);
    let len = frame.len() - PREFIX;
    let prefix = checked(len as u64)?;
    if let Some(place) = frame.first_chunk_mut::<PREFIX>() {
        *place = prefix.to_be_bytes();
    }
    Ok(frame)
}

/// The content of the next frame of a blocking stream.
pub(super) fn read_frame(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut prefix = [0; PREFIX];
    from.read_exact(&mut prefix)?;
    let len = checked(u32::from_be_bytes(prefix).into())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    // Memory is taken as bytes come, not as the other side claims.
    let mut content = Vec::new();
    let read = from.take(len.into()).read_to_end(&mut content)?;
    if read < len as usize { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(content) }
}

/// Bytes as they come from a stream that does not block, and the frames in them.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
}

impl FrameBuffer {
    /// Appends what was read.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether nothing of a next frame has come yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The content of the first frame, if all of it has come. A frame that is too long is refused as soon as
    /// its length is known.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, FrameTooLong> {
        let Some((prefix, rest)) = self.bytes.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let len = checked(u32::from_be_bytes(*prefix).into())? as usize;
        let Some(content) = rest.get(..len) else { return Ok(None) };
        let content = content.to_vec();
        self.bytes.drain(..PREFIX + len);
        Ok(Some(content))
    }
}

fn checked(len: u64) -> Result<u32, FrameTooLong> {
    u32::try_from(len).ok().filter(|len| *len <= MAX_FRAME_LEN).ok_or(FrameTooLong { len })
}

/// How many bytes the length has.
const PREFIX: usize = 4;
