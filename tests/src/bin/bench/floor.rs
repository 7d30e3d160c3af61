//! What this machine needs at the least for what a signer must do: make something durable, hear and
//! say something, sign.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use countersign_wire::PrivateKey;
use countersign_wire::hash::sha256;

use crate::samples::Samples;

/// Measures the three in the midst of the traffic, so that whatever slows the machine or its disk down
/// slows both sides of the comparison down.
#[derive(Debug)]
pub(crate) struct Probe {
    file: File,
    echo: TcpStream,
    key: PrivateKey,
    sync: Samples,
    round_trip: Samples,
    signature: Samples,
    /// The three together, each time.
    sum: Samples,
}

/// The medians of the three.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Floor {
    /// Appending 4 KiB to a file, and `fdatasync`.
    pub(crate) sync: Duration,
    /// There and back over an open TCP connection on the loopback interface, without HTTP.
    pub(crate) round_trip: Duration,
    /// One recoverable secp256k1 signature.
    pub(crate) signature: Duration,
    /// What the three together took in the slowest of a hundred cases.
    pub(crate) sum_p99: Duration,
}

impl Probe {
    /// A probe with a file in `folder`.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            file: OpenOptions::new().append(true).create(true).open(folder.join("floor"))?,
            echo: echo()?,
            key: PrivateKey::from_bytes([1; 32]).expect("1 in every byte is a valid key"),
            sync: Samples::default(),
            round_trip: Samples::default(),
            signature: Samples::default(),
            sum: Samples::default(),
        })
    }

    /// One of each.
    pub(crate) fn measure(&mut self) -> io::Result<()> {
        let first = Instant::now();
        let begun = first;
        self.file.write_all(&[7; PAGE_LEN])?;
        self.file.sync_data()?;
        self.sync.add(begun.elapsed());

        let mut message = [7; MESSAGE_LEN];
        let begun = Instant::now();
        self.echo.write_all(&message)?;
        self.echo.read_exact(&mut message)?;
        self.round_trip.add(begun.elapsed());

        let digest = sha256(&[&self.signature.count().to_be_bytes()]);
        let begun = Instant::now();
        std::hint::black_box(self.key.sign(&digest));
        self.signature.add(begun.elapsed());
        self.sum.add(first.elapsed());
        Ok(())
    }

    /// The medians so far.
    pub(crate) fn floor(&self) -> Floor {
        Floor {
            sync: self.sync.percentile(50),
            round_trip: self.round_trip.percentile(50),
            signature: self.signature.percentile(50),
            sum_p99: self.sum.percentile(99),
        }
    }
}

impl Floor {
    /// One of each.
    pub(crate) fn sum(&self) -> Duration {
        self.sync + self.round_trip + self.signature
    }
}

/// A connection to a thread that sends back what it receives, until the connection is closed.
fn echo() -> io::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let there = TcpStream::connect(listener.local_addr()?)?;
    let (mut back, _) = listener.accept()?;
    for stream in [&there, &back] {
        stream.set_nodelay(true)?;
    }
    std::thread::spawn(move || {
        let mut message = [0; MESSAGE_LEN];
        while back.read_exact(&mut message).and_then(|()| back.write_all(&message)).is_ok() {}
    });
    Ok(there)
}

const PAGE_LEN: usize = 4096;
/// About as much as a vote, without what HTTP and JSON add.
const MESSAGE_LEN: usize = 256;
