//! The protocol between the vault's process and those who ask it to sign.
//!
//! A unix stream socket. The vault speaks first: a [`Hello`] says which protocol it speaks and which keys
//! it holds, or that the caller is a stranger. From then on the caller sends one [`Call`] at a time and
//! gets one [`Reply`]. Every message is one frame: a length of four bytes, big-endian and at most
//! [`MAX_FRAME_LEN`], and that many bytes in the consensus codec. `docs/vault-protocol.md` has the layout.
//!
//! A call carries what is to be signed and never a digest: the vault decodes the fields and hashes them
//! itself, so that whoever took over a caller can have signed what that caller's role may ask for, and
//! nothing else. Each request has the same answer when it is made again, so a caller whose connection
//! broke asks once more.
//!
//! Who may call what is decided by the process that serves ([`RequestKind`] is what it decides about); this
//! module has the messages, their codec and the caller's side.

mod answer;
mod call;
mod client;
mod frame;
mod hello;
mod parcel;
mod refusal;
mod request;
mod status;

pub use answer::{Answer, Reply};
pub use call::{Call, Request, RequestKind};
pub use client::{RemoteError, VaultClient};
pub use frame::{FrameBuffer, FrameTooLong, MAX_FRAME_LEN, to_frame};
pub use hello::{Hello, PROTOCOL};
pub use parcel::{Assembly, MAX_EXPORTED_MARKS, MAX_SPANS, PARCEL_LEN, Parcel, ParcelError};
pub use refusal::Refusal;
pub use request::{MAX_MARKS, MAX_OVERRIDES};
