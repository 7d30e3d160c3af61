//! All randomness of a devnet comes from one seed of 32 bytes.

use std::fs::File;
use std::io::{self, Read as _};

use countersign_wire::PrivateKey;
use countersign_wire::hash::sha256;

/// Where the keys and the dice of one devnet come from. Whoever knows it knows the keys of its
/// actors, so it prints as `Seed(..)`.
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed from the operating system's random source.
    pub fn from_os() -> io::Result<Self> {
        let mut bytes = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The seed that a text stands for: the same text gives the same keys and the same dice.
    pub fn from_text(text: &str) -> Self {
        Self(sha256(&[b"devnet seed", text.as_bytes()]))
    }

    /// 32 bytes for one purpose; other purposes and indexes give unrelated bytes.
    pub fn derive(&self, purpose: &str, index: u64) -> [u8; 32] {
        sha256(&[&self.0, purpose.as_bytes(), &[0], &index.to_be_bytes()])
    }

    /// The key of one actor.
    pub fn key(&self, purpose: &str, index: u64) -> PrivateKey {
        PrivateKey::from_bytes(self.derive(purpose, index))
            .expect("a hash is a valid scalar but for a chance of one in 2^127")
    }

    /// Dice for one purpose.
    pub fn dice(&self, purpose: &str) -> Dice {
        Dice { seed: self.derive(purpose, 0), thrown: 0 }
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Numbers that look random and repeat with the seed.
#[derive(Clone, Debug)]
pub struct Dice {
    seed: [u8; 32],
    thrown: u64,
}

impl Dice {
    /// A number below `bound`, which must not be zero. The bias is below `bound` / 2⁶⁴.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.thrown += 1;
        let digest = sha256(&[&self.seed, &self.thrown.to_be_bytes()]);
        let (head, _) = digest.split_first_chunk().expect("8 is less than 32");
        u64::from_be_bytes(*head) % bound.max(1)
    }
}
