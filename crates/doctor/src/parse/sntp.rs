//! One question to a time server (RFC 4330).

use std::time::Duration;

/// The question. What it carries as our time comes back in the answer and ties the two together.
pub fn request(nonce: u64) -> [u8; LEN] {
    let mut packet = [0; LEN];
    // No warning of a leap second, version 4, client.
    packet[0] = 0b00_100_011;
    let (_, transmit) = packet.split_at_mut(TRANSMIT);
    for (byte, part) in transmit.iter_mut().zip(nonce.to_be_bytes()) {
        *byte = part;
    }
    packet
}

/// Why an answer says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SntpError {
    /// It is too short.
    #[error("the answer has fewer than 48 bytes")]
    Short,
    /// It is not the answer to our question.
    #[error("the answer is to another question")]
    Foreign,
    /// The server does not know the time, or does not want to tell it.
    #[error("the server says that it does not know the time")]
    Unsynchronised,
}

/// How far our clock is ahead of the server's, in milliseconds: `sent` and `received` are ours, since 1970.
pub fn offset(
    answer: &[u8],
    nonce: u64,
    sent: Duration,
    received: Duration,
) -> Result<i64, SntpError> {
    let answer: &[u8; LEN] = answer.first_chunk().ok_or(SntpError::Short)?;
    let [flags, stratum, ..] = *answer;
    let field = |at: usize| {
        let bytes = answer.get(at..).and_then(|rest| rest.first_chunk::<8>());
        bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes))
    };
    if flags & 0b111 != SERVER || field(ORIGINATE) != nonce {
        return Err(SntpError::Foreign);
    }
    let (arrived, left) = (field(RECEIVE), field(TRANSMIT));
    if flags >> 6 == 3 || stratum == 0 || stratum > 15 || left == 0 {
        return Err(SntpError::Unsynchronised);
    }
    let ours = |time: Duration| i128::try_from(time.as_millis()).unwrap_or(i128::MAX);
    let ahead = (ours(sent) - millis(arrived)) + (ours(received) - millis(left));
    Ok(i64::try_from(ahead / 2).unwrap_or(i64::MAX))
}

/// A time of NTP in milliseconds since 1970. The second era begins in 2036; a time with the highest bit
/// unset is in it.
fn millis(time: u64) -> i128 {
    let seconds = i128::from(time >> 32);
    let fraction = i128::from(time & u64::from(u32::MAX));
    let era = if seconds < 1 << 31 { 1_i128 << 32 } else { 0 };
    (seconds + era - SECONDS_1900_TO_1970) * 1_000 + ((fraction * 1_000) >> 32)
}

const LEN: usize = 48;
const ORIGINATE: usize = 24;
const RECEIVE: usize = 32;
const TRANSMIT: usize = 40;
const SERVER: u8 = 4;
const SECONDS_1900_TO_1970: i128 = 2_208_988_800;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    /// What a server says whose clock is at `at` seconds since 1970.
    fn answer(nonce: u64, at: u64) -> [u8; LEN] {
        let mut packet = [0; LEN];
        packet[0] = 0b00_100_100;
        packet[1] = 2;
        packet[ORIGINATE..RECEIVE].copy_from_slice(&nonce.to_be_bytes());
        let time = (at + 2_208_988_800) << 32;
        packet[RECEIVE..TRANSMIT].copy_from_slice(&time.to_be_bytes());
        packet[TRANSMIT..].copy_from_slice(&time.to_be_bytes());
        packet
    }

    const NOW: u64 = 1_795_000_000;

    #[test]
    fn a_clock_that_is_three_seconds_ahead_is_told_so() {
        let now = Duration::from_secs(NOW + 3);
        assert_eq!(offset(&answer(7, NOW), 7, now, now), Ok(3_000));
        let now = Duration::from_secs(NOW - 3);
        assert_eq!(offset(&answer(7, NOW), 7, now, now), Ok(-3_000));
    }

    #[test]
    fn an_answer_that_is_none_says_nothing() {
        let now = Duration::from_secs(NOW);
        assert_eq!(offset(&answer(8, NOW), 7, now, now), Err(SntpError::Foreign));
        assert_eq!(offset(&answer(7, NOW)[..47], 7, now, now), Err(SntpError::Short));
        let mut kiss = answer(7, NOW);
        kiss[1] = 0;
        assert_eq!(offset(&kiss, 7, now, now), Err(SntpError::Unsynchronised));
        let mut unsure = answer(7, NOW);
        unsure[0] |= 0b1100_0000;
        assert_eq!(offset(&unsure, 7, now, now), Err(SntpError::Unsynchronised));
        assert_eq!(offset(&request(7), 7, now, now), Err(SntpError::Foreign));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, nonce: u64, sent: u32) {
            let _ = offset(&bytes, nonce, Duration::from_secs(sent.into()), Duration::MAX);
        }
    }
}
