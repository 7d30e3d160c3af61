//! Playing a recording: the same start and the same events, and whether the same comes of them.

use std::path::Path;

use countersign_signer::{
    Action, Event, Note, Outcome, Params, Recorded, Saved, Signer, Step, Timestamp,
};
use countersign_wire::{DecodeError, Reader, Sighash};
use serde::{Serialize, Serializer};

use super::Difference;
use super::frame::{Frames, Header, Kind, Next, ReadError};
use super::words::words;
use crate::decisions::told_of;

/// What a replay comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// The program that recorded.
    pub program: String,
    /// The signer, by its public key.
    #[serde(serialize_with = "as_text")]
    pub key: countersign_wire::PublicKey,
    /// Its network.
    #[serde(serialize_with = "as_text")]
    pub network: countersign_wire::Network,
    /// When the recording begins.
    pub begun_at: Timestamp,
    /// When its last event happened.
    pub ended_at: Timestamp,
    /// How many events were replayed.
    pub events: u64,
    /// What was decided and said about blocks, as replayed; votes of others are left out.
    pub decisions: Vec<Decision>,
    /// How often the vault was asked to sign a block.
    pub signatures_ordered: u64,
    /// How many events do not come to what they came to.
    pub differences: u64,
    /// The first of them.
    pub first_difference: Option<Difference>,
    /// How the recording ends.
    pub ending: Ending,
    /// Whether the recording is whole: it reaches to the signer's stop or to its own bound.
    pub complete: bool,
    /// Whether this program is the one that recorded.
    pub same_program: bool,
}

/// Something that was decided or said about a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// The block.
    pub block: Sighash,
    /// What, in words.
    pub what: String,
}

/// How a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The signer stopped.
    Stopped,
    /// It had reached its bound, and the signer went on without it.
    Full,
    /// The disk did not keep up, and the signer went on without it.
    Behind,
    /// After a whole frame: the signer still runs, was killed, or could not write on.
    Open,
    /// Within a frame, which is left out.
    Cut {
        /// Where this frame begins.
        offset: u64,
    },
    /// The replay was ended at the first difference.
    NotReached,
}

impl Ending {
    /// The ending whose last frame holds `payload`.
    fn of(payload: &[u8]) -> Option<Self> {
        let known = [Self::Stopped, Self::Full, Self::Behind];
        known.into_iter().find(|ending| payload == [ending.tag()])
    }

    /// What stands in the last frame.
    pub(super) const fn tag(self) -> u8 {
        match self {
            Self::Full => 1,
            Self::Behind => 2,
            Self::Stopped | Self::Open | Self::Cut { .. } | Self::NotReached => 0,
        }
    }
}

/// Plays the recording at `path`; to its first difference, if that is all that is wanted.
///
/// # Errors
///
/// If the file is no recording that this program reads, or is damaged. A file that only lacks its end
/// is played as far as it goes.
pub fn replay(path: &Path, until_first_difference: bool) -> Result<Replay, ReadError> {
    let (header, frames) = Frames::open(path)?;
    let mut player = Player::start(path, header, frames)?;
    player.replay.ending = loop {
        if until_first_difference && player.replay.differences > 0 {
            break Ending::NotReached;
        }
        match player.frames.next()? {
            Next::Frame { kind: Kind::Event, payload, offset } => player.play(&payload, offset)?,
            Next::Frame { kind: Kind::End, payload, offset } => {
                let source = DecodeError::Invalid { what: "end" };
                break Ending::of(&payload).ok_or_else(|| player.not_understood(offset, source))?;
            }
            Next::Frame { offset, .. } => {
                let source = DecodeError::Invalid { what: "order of frames" };
                return Err(player.not_understood(offset, source));
            }
            Next::End => break Ending::Open,
            Next::Cut { offset } => break Ending::Cut { offset },
        }
    };
    player.replay.complete = matches!(player.replay.ending, Ending::Stopped | Ending::Full);
    Ok(player.replay)
}

struct Player {
    signer: Signer,
    frames: Frames,
    replay: Replay,
}

impl Player {
    fn start(path: &Path, header: Header, mut frames: Frames) -> Result<Self, ReadError> {
        let Next::Frame { kind: Kind::Start, payload, offset } = frames.next()? else {
            return Err(ReadError::NoStart(path.to_owned()));
        };
        let (at, params, saved, recorded) =
            <(Timestamp, Params, Saved, Outcome)>::from_recording(&payload)
                .map_err(|source| frames.not_understood(offset, &header.program, source))?;
        let (signer, step) = Signer::restore(params, saved, at);
        let replay = Replay {
            same_program: header.program == crate::release(),
            program: header.program,
            key: header.key,
            network: header.network,
            begun_at: at,
            ended_at: at,
            events: 0,
            decisions: Vec::new(),
            signatures_ordered: 0,
            differences: 0,
            first_difference: None,
            ending: Ending::Open,
            complete: false,
        };
        let mut player = Self { signer, frames, replay };
        player.compare((0, offset, at), || "the signer starts".to_owned(), &recorded, &step);
        Ok(player)
    }

    fn play(&mut self, payload: &[u8], offset: u64) -> Result<(), ReadError> {
        let (at, event, recorded) =
            happened(payload).map_err(|source| self.not_understood(offset, source))?;
        self.replay.events += 1;
        self.replay.ended_at = at;
        let number = self.replay.events;
        let step = self.signer.handle(event, at);
        // Words are needed rarely, and the event is in the core by now.
        let what =
            || happened(payload).map_or_else(|e| e.to_string(), |(_, event, _)| words(&event));
        self.compare((number, offset, at), what, &recorded, &step);
        Ok(())
    }

    fn compare(
        &mut self,
        place: (u64, u64, Timestamp),
        what: impl FnOnce() -> String,
        recorded: &Outcome,
        step: &Step,
    ) {
        self.tell(place.2, step);
        let difference = Difference::between(place, what, recorded, &Outcome::of(step));
        self.replay.differences += u64::from(difference.is_some());
        if self.replay.first_difference.is_none() {
            self.replay.first_difference = difference;
        }
    }

    fn tell(&mut self, at: Timestamp, step: &Step) {
        let told = |note: &Note| told_of(note).map(|(block, what)| Decision { at, block, what });
        self.replay.decisions.extend(step.notes.iter().filter_map(told));
        let orders =
            step.actions.iter().filter(|action| matches!(action, Action::SignAcceptance(_)));
        self.replay.signatures_ordered += orders.count() as u64;
    }

    fn not_understood(&self, offset: u64, source: DecodeError) -> ReadError {
        self.frames.not_understood(offset, &self.replay.program, source)
    }
}

fn happened(payload: &[u8]) -> Result<(Timestamp, Event, Outcome), DecodeError> {
    let mut reader = Reader::new(payload);
    let happened = Recorded::take(&mut reader)?;
    reader.finish()?;
    Ok(happened)
}

fn as_text<T: std::fmt::Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}
