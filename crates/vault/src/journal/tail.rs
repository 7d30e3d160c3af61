//! The end of a log that a process left behind: torn, or damaged?
//!
//! SQLite ends a write-ahead log at the first frame whose checksum is wrong, without a word. That is right
//! for a frame that was being written when the power went: its record was not durable, and its signature
//! was never made. It is wrong for a frame that was whole once and has a flipped bit now: that record, and
//! all after it, would be forgotten. The two are told apart here, before SQLite sees the file
//! (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// What is wrong with the log at `path`; none if it ends as a log may.
pub(super) fn damage(path: &Path) -> io::Result<Option<&'static str>> {
    match fs::read(path) {
        Ok(bytes) => Ok(damage_in(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn damage_in(log: &[u8]) -> Option<&'static str> {
    let (head, frames) = log.split_at_checked(HEAD_LEN)?;
    let Some(header) = Header::parse(head) else {
        return damage_without_header(head, frames);
    };
    let mut frames = frames_of(frames, header.page_len);
    let mut sum = header.sum;
    let broken = loop {
        let frame = frames.next()?;
        match header.follow(sum, frame.bytes) {
            Some(next) => sum = next,
            None => break frame,
        }
    };
    if header.would_follow(sum, broken.bytes) {
        return Some("a bit in its log has flipped");
    }
    let rest: Vec<Frame<'_>> = std::iter::once(broken).chain(frames).collect();
    header.has_another_transaction(&rest).then_some("a part of its log was changed")
}

fn frames_of(frames: &[u8], page_len: usize) -> impl Iterator<Item = Frame<'_>> {
    let len = FRAME_HEAD_LEN + page_len;
    let at = (HEAD_LEN..).step_by(len);
    frames.chunks_exact(len).zip(at).map(|(bytes, at)| Frame { bytes, at })
}

/// The header reaches the disk with the first transaction, so with neither, or without it and with a part
/// of that, the log was torn.
fn damage_without_header(head: &[u8], frames: &[u8]) -> Option<&'static str> {
    let mut mended = head.to_vec();
    if (0..8 * HEAD_LEN)
        .any(|bit| would_help(&mut mended, bit, |head| Header::parse(head).is_some()))
    {
        return Some("a bit in the header of its log has flipped");
    }
    let mut written =
        frames_of(frames, PAGE_LEN).filter(|frame| frame.bytes.iter().any(|byte| *byte != 0));
    // There is nothing older in a log whose header was never written.
    let has_another = written.any(Frame::ends_transaction) && written.next().is_some();
    has_another.then_some("the header of its log was changed")
}

/// Whether a condition holds with another value of one bit.
fn would_help(bytes: &mut [u8], bit: usize, condition: impl FnOnce(&[u8]) -> bool) -> bool {
    let toggle = |bytes: &mut [u8]| {
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    };
    toggle(bytes);
    let helps = condition(bytes);
    toggle(bytes);
    helps
}

/// A page, and before it where it belongs and a checksum.
#[derive(Clone, Copy)]
struct Frame<'a> {
    bytes: &'a [u8],
    /// Where it begins in the file.
    at: usize,
}

impl Frame<'_> {
    fn ends_transaction(self) -> bool {
        word(self.bytes, 4, true) != 0
    }

    /// The checksum that is written in it.
    fn sum(self) -> Checksum {
        (word(self.bytes, 16, true), word(self.bytes, 20, true))
    }

    /// Whether a disk that lost a part of this frame may have left what an older frame said of the end of
    /// its transaction beside our salt.
    const fn is_end_in_another_sector(self) -> bool {
        (self.at + 8).is_multiple_of(SECTOR_LEN)
    }
}

/// What the frames of a log have in common.
struct Header {
    is_big_endian: bool,
    page_len: usize,
    /// Another one each time the log begins anew.
    salt: [u8; 8],
    sum: Checksum,
}

type Checksum = (u32, u32);

impl Header {
    fn parse(head: &[u8]) -> Option<Self> {
        let is_big_endian = match word(head, 0, true) {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let page_len = usize::try_from(word(head, 8, true)).ok()?;
        let salt = head.get(16..24)?.try_into().ok()?;
        let sum = add((0, 0), head.get(..24)?, is_big_endian);
        let is_whole = sum == (word(head, 24, true), word(head, 28, true));
        // SQLite's own limits.
        let is_page = page_len.is_power_of_two() && (512..=65_536).contains(&page_len);
        (is_whole && is_page).then_some(Self { is_big_endian, page_len, salt, sum })
    }

    /// The checksum after this frame, if it follows what has the checksum `sum`.
    fn follow(&self, sum: Checksum, frame: &[u8]) -> Option<Checksum> {
        let (head, page) = frame.split_at_checked(FRAME_HEAD_LEN)?;
        let next = add(add(sum, head.get(..8)?, self.is_big_endian), page, self.is_big_endian);
        let is_next = next == (word(head, 16, true), word(head, 20, true));
        (head.get(8..16)? == self.salt && is_next).then_some(next)
    }

    /// Whether this frame would follow if one bit of it were another one.
    fn would_follow(&self, sum: Checksum, frame: &[u8]) -> bool {
        let Some((head, page)) = frame.split_at_checked(FRAME_HEAD_LEN) else { return false };
        if !self.is_ours(frame) {
            return false;
        }
        let counted = [head.get(..8).unwrap_or_default(), page].concat();
        let (one, other) = add(sum, &counted, self.is_big_endian);
        let (wanted, wanted_other) = (word(head, 16, true), word(head, 20, true));
        // In the salt, or in the checksum itself.
        if (one ^ wanted).count_ones() + (other ^ wanted_other).count_ones() <= 1 {
            return true;
        }
        let missing = (wanted.wrapping_sub(one), wanted_other.wrapping_sub(other));
        // In what the checksum is over. It is linear, so what a word adds to it is a multiple of what one
        // does, and that depends on how many words follow.
        let (mut of_one, mut of_other) = ((1, 1), (0, 1));
        for pair in counted.chunks_exact(8).rev() {
            for (at, each) in [(0, of_one), (4, of_other)] {
                let found = word(pair, at, self.is_big_endian);
                if (0..32)
                    .any(|bit| missing == times(each, flipped(found, bit).wrapping_sub(found)))
                {
                    return true;
                }
            }
            (of_one, of_other) = (before(of_one, of_other), before_other(of_one, of_other));
        }
        false
    }

    /// Whether a transaction has ended before the last frame that was written. Each begins to be written when
    /// the one before it is on the disk, so all of that was whole once.
    ///
    /// `frames` begin with one that does not follow. A frame of ours that leads to no next one is either the last
    /// that was written, or what another cut left: of a longer transaction than the one that came to its place.
    fn has_another_transaction(&self, frames: &[Frame<'_>]) -> bool {
        let leads = |one: Frame<'_>, next: Frame<'_>| self.follow(one.sum(), next.bytes).is_some();
        let mut previous = None;
        for (&frame, &next) in frames.iter().zip(frames.iter().skip(1)) {
            let is_whole = previous.replace(frame).is_some_and(|previous| leads(previous, frame));
            let is_end =
                frame.ends_transaction() && (is_whole || !frame.is_end_in_another_sector());
            if is_end && self.is_ours(frame.bytes) && leads(frame, next) {
                return true;
            }
        }
        false
    }

    /// Whether this frame was written since the log began, and not before. One flipped bit spoils at most
    /// one half of the salt.
    fn is_ours(&self, frame: &[u8]) -> bool {
        let (one, other) = self.salt.split_at(4);
        frame.get(8..12) == Some(one) || frame.get(12..16) == Some(other)
    }
}

/// SQLite's checksum over an even number of words.
fn add((mut one, mut other): Checksum, bytes: &[u8], is_big_endian: bool) -> Checksum {
    for pair in bytes.chunks_exact(8) {
        one = one.wrapping_add(word(pair, 0, is_big_endian)).wrapping_add(other);
        other = other.wrapping_add(word(pair, 4, is_big_endian)).wrapping_add(one);
    }
    (one, other)
}

/// What a one in the first word of a pair adds, if it is a pair earlier than one where the two words add
/// `of_one` and `of_other`: it goes through that pair as a first word and, added to the other sum, too.
const fn before(of_one: Checksum, of_other: Checksum) -> Checksum {
    plus(times(of_one, 2), (of_other.0, of_other.1))
}

/// The same for the second word.
const fn before_other(of_one: Checksum, of_other: Checksum) -> Checksum {
    plus(of_one, of_other)
}

const fn plus(one: Checksum, other: Checksum) -> Checksum {
    (one.0.wrapping_add(other.0), one.1.wrapping_add(other.1))
}

const fn times(each: Checksum, count: u32) -> Checksum {
    (each.0.wrapping_mul(count), each.1.wrapping_mul(count))
}

const fn flipped(word: u32, bit: u32) -> u32 {
    word ^ (1 << bit)
}

fn word(bytes: &[u8], at: usize, is_big_endian: bool) -> u32 {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    if is_big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
}

/// The size of our pages.
const PAGE_LEN: usize = 4096;
const HEAD_LEN: usize = 32;
const FRAME_HEAD_LEN: usize = 24;
/// What a disk writes whole at least, in bytes.
const SECTOR_LEN: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; 8] = *b"new salt";
    const COMMIT: u32 = 9;

    /// A log, and the checksum after its last frame.
    struct Log {
        bytes: Vec<u8>,
        sum: Checksum,
    }

    impl Log {
        fn new() -> Self {
            let mut bytes = [0x377f_0682_u32, 3_007_000, 4096, 0].map(u32::to_be_bytes).concat();
            bytes.extend(SALT);
            let sum = add((0, 0), &bytes, false);
            bytes.extend([sum.0, sum.1].map(u32::to_be_bytes).concat());
            Self { bytes, sum }
        }

        /// Writes a transaction of as many frames.
        fn write(&mut self, frames: u32) {
            for page in 1..=frames {
                let end = if page == frames { COMMIT } else { 0 };
                let counted = [page, end].map(u32::to_be_bytes).concat();
                let content = [u8::try_from(page).unwrap(); PAGE_LEN];
                self.sum = add(add(self.sum, &counted, false), &content, false);
                self.bytes.extend(counted);
                self.bytes.extend(SALT);
                self.bytes.extend([self.sum.0, self.sum.1].map(u32::to_be_bytes).concat());
                self.bytes.extend(content);
            }
        }

        fn frame(&mut self, number: usize) -> &mut [u8] {
            let len = FRAME_HEAD_LEN + PAGE_LEN;
            &mut self.bytes[HEAD_LEN + number * len..][..len]
        }
    }

    #[test]
    fn what_was_whole_and_has_changed_is_damage_if_another_transaction_came_after_it() {
        for number in 0..43 {
            let mut log = Log::new();
            log.write(41);
            log.write(2);
            log.write(2);
            assert_eq!(damage_in(&log.bytes), None);
            log.frame(number)[1000..1100].fill(0xa5);
            assert!(damage_in(&log.bytes).is_some(), "{number}");
        }
    }

    #[test]
    fn a_frame_of_the_last_transaction_that_did_not_reach_the_disk_is_no_damage() {
        for number in 41..45 {
            let mut log = Log::new();
            log.write(41);
            log.write(4);
            log.frame(number)[1000..1512].fill(0);
            assert_eq!(damage_in(&log.bytes), None, "{number}");
        }
    }

    /// The head of this frame lies in two sectors, and the first of them has an older log's end of a transaction.
    #[test]
    fn an_older_end_of_a_transaction_in_a_torn_frame_is_no_end() {
        let mut log = Log::new();
        log.write(40);
        log.write(5);
        let torn = log.frame(41);
        assert_eq!(word(torn, 4, true), 0);
        torn[..8].copy_from_slice(&[7, COMMIT].map(u32::to_be_bytes).concat());
        assert_eq!(damage_in(&log.bytes), None);
    }

    /// One cut leaves all of five frames but the first, the next one all of two but the first, at the same place.
    #[test]
    fn what_two_cuts_left_of_transactions_at_one_place_is_no_damage() {
        let (mut log, mut longer) = (Log::new(), Log::new());
        longer.write(5);
        log.write(2);
        log.bytes.extend(&longer.bytes[log.bytes.len()..]);
        log.frame(0).fill(0);
        assert_eq!(damage_in(&log.bytes), None);
    }
}
