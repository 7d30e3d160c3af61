//! VRF proofs, as far as a block's decoder looks at them.

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;

use crate::codec::{DecodeError, Reader, Wire};
use crate::hash::sha512_256;

/// A VRF proof that is well-formed: a point of large order, a challenge, a canonical scalar.
///
/// Whether it proves anything depends on the miner's key and the burn chain; only the node checks
/// that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VrfProof([u8; VrfProof::LEN]);

impl VrfProof {
    /// 32 bytes of the point, 16 of the challenge, 32 of the scalar.
    pub const LEN: usize = 80;

    /// The proof with these bytes, if it is well-formed.
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Option<Self> {
        let (point, rest) = bytes.split_first_chunk::<32>()?;
        let (_challenge, scalar) = rest.split_first_chunk::<16>()?;
        let point = CompressedEdwardsY(*point).decompress()?;
        let is_canonical = Scalar::from_canonical_bytes(scalar.try_into().ok()?).is_some();
        (!point.is_small_order() && bool::from(is_canonical)).then_some(Self(bytes))
    }

    /// A proof that is well-formed and proves nothing, for blocks of a simulated network, whose
    /// nodes do not check proofs. The same seed gives the same bytes.
    pub fn well_formed(seed: &[u8; 32]) -> Self {
        let scalar = |part: u8| Scalar::from_bytes_mod_order(sha512_256(&[seed, &[part]]));
        let point = (ED25519_BASEPOINT_POINT * scalar(0)).compress();
        let challenge = sha512_256(&[seed, &[1]]);
        let response = scalar(2);
        let parts = point.0.iter().chain(challenge.iter().take(16)).chain(response.as_bytes());
        let mut bytes = [0; Self::LEN];
        for (byte, part) in bytes.iter_mut().zip(parts) {
            *byte = *part;
        }
        Self(bytes)
    }

    /// Point, challenge, scalar.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl Wire for VrfProof {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::from_bytes(reader.array("VRF proof")?)
            .ok_or(DecodeError::Invalid { what: "VRF proof" })
    }
}
