//! What became of the requests.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Why something that arrived was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The peer's address is not an allowed one.
    NotAllowed,
    /// The TLS handshake failed: not TLS 1.3, no certificate or none that is pinned, or it took too
    /// long.
    Handshake,
    /// The connection does not speak HTTP/1.
    NotHttp,
    /// A POST to a path that no node posts to.
    UnknownPath,
    /// Not a POST.
    WrongMethod,
    /// The body is longer than any callback.
    TooLarge,
    /// The connection ended before the body did.
    Truncated,
    /// Head or body did not arrive in time.
    TooSlow,
    /// Too many large bodies were arriving at once.
    NoRoom,
    /// A burn block that waited behind a newer one when the queue was full.
    Superseded,
    /// It was the least useful callback waiting when the queue was full.
    QueueFull,
    /// The body is not UTF-8.
    NotUtf8,
    /// The body is not JSON.
    NotJson,
    /// The body is JSON, but not of its path's shape.
    WrongShape,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::NotAllowed,
        Self::Handshake,
        Self::NotHttp,
        Self::UnknownPath,
        Self::WrongMethod,
        Self::TooLarge,
        Self::Truncated,
        Self::TooSlow,
        Self::NoRoom,
        Self::Superseded,
        Self::QueueFull,
        Self::NotUtf8,
        Self::NotJson,
        Self::WrongShape,
    ];

    /// The reason as a metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotAllowed => "not_allowed",
            Self::Handshake => "handshake",
            Self::NotHttp => "not_http",
            Self::UnknownPath => "unknown_path",
            Self::WrongMethod => "wrong_method",
            Self::TooLarge => "too_large",
            Self::Truncated => "truncated",
            Self::TooSlow => "too_slow",
            Self::NoRoom => "no_room",
            Self::Superseded => "superseded",
            Self::QueueFull => "queue_full",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::WrongShape => "wrong_shape",
        }
    }
}

/// What became of the requests since the queue was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Callbacks that were read completely and put into the queue.
    pub received: u64,
    /// Callbacks that were handed to the consumer.
    pub delivered: u64,
    /// Callbacks that wait.
    pub waiting: usize,
    /// Their bodies' bytes.
    pub waiting_bytes: usize,
    /// How long the oldest of them has waited; zero if none does.
    pub oldest_waits: Duration,
    /// When the last callback of each path arrived; a path that nothing was posted to is absent.
    pub last_arrival: BTreeMap<&'static str, Instant>,
    /// Everything else, by reason; a reason that has not occurred is absent.
    pub dropped: BTreeMap<DropReason, u64>,
}

impl QueueStats {
    /// How often `reason` has occurred.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped.get(&reason).copied().unwrap_or(0)
    }
}
