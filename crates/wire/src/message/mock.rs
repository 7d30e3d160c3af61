//! Mock messages (types 3 to 5): epoch 2.5 only.

use super::decode_server_version;
use crate::clarity::ClarityValue;
use crate::codec::{DecodeError, MAX_MESSAGE_LEN, Reader, Wire, encode_bytes, encode_list};
use crate::fixed::ConsensusHash;
use crate::keys::{MessageSignature, PublicKey};
use crate::network::ChainId;
use crate::quantity::{BurnHeight, StacksHeight};
use crate::sip018::{self, Domain};

/// What a miner saw when it mocked a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Burn tip height.
    pub burn_block_height: BurnHeight,
    /// Tenure of the Stacks tip.
    pub stacks_tip_consensus_hash: ConsensusHash,
    /// Block hash of the Stacks tip.
    pub stacks_tip: [u8; 32],
    /// Height of the Stacks tip.
    pub stacks_tip_height: StacksHeight,
    /// The node's software. At most 255 bytes are written.
    pub server_version: String,
    /// Consensus hash of the burn tip.
    pub pox_consensus: ConsensusHash,
    /// The chain id.
    pub network_id: ChainId,
}

/// Type 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockProposal {
    /// What the miner saw.
    pub peer_info: PeerInfo,
    /// By the miner, over the `mock-miner` SIP-018 hash.
    pub signature: MessageSignature,
}

/// Type 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockSignature {
    /// By the signer, over the `mock-signer` SIP-018 hash.
    pub signature: MessageSignature,
    /// What it signed.
    pub proposal: MockProposal,
    /// The signer's software.
    pub server_version: String,
}

/// Type 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockBlock {
    /// What was proposed.
    pub proposal: MockProposal,
    /// Who signed it.
    pub signatures: Vec<MockSignature>,
}

impl MockProposal {
    /// What the miner signs: the SIP-018 hash, in the domain `mock-miner`, of everything but the burn
    /// height. The chain id is in the domain.
    pub fn digest(&self) -> [u8; 32] {
        let info = &self.peer_info;
        let data = ClarityValue::tuple([
            ("stacks-tip-consensus-hash", buffer(info.stacks_tip_consensus_hash.as_bytes())),
            ("stacks-tip", buffer(&info.stacks_tip)),
            ("stacks-tip-height", ClarityValue::UInt(info.stacks_tip_height.get().into())),
            ("server-version", ClarityValue::StringAscii(info.server_version.clone())),
            ("pox-consensus", buffer(info.pox_consensus.as_bytes())),
        ]);
        sip018::digest(&domain("mock-miner", info.network_id), &data)
    }

    /// The miner's key, or none if the signature recovers no key.
    pub fn recover(&self) -> Option<PublicKey> {
        self.signature.recover(&self.digest())
    }
}

impl MockSignature {
    /// What the signer signs: the miner's signature and what that is over, in the domain
    /// `mock-signer`.
    pub fn digest(&self) -> [u8; 32] {
        let data = ClarityValue::tuple([
            ("miner-signature", buffer(self.proposal.signature.as_bytes())),
            ("miner-signature-hash", buffer(&self.proposal.digest())),
        ]);
        sip018::digest(&domain("mock-signer", self.proposal.peer_info.network_id), &data)
    }

    /// The signer's key, or none if the signature recovers no key.
    pub fn recover(&self) -> Option<PublicKey> {
        self.signature.recover(&self.digest())
    }
}

fn domain(name: &'static str, chain_id: ChainId) -> Domain<'static> {
    Domain::v1(name, chain_id)
}

fn buffer(bytes: &[u8]) -> ClarityValue {
    ClarityValue::Buffer(bytes.to_vec())
}

impl Wire for PeerInfo {
    fn encode(&self, out: &mut Vec<u8>) {
        self.burn_block_height.encode(out);
        self.stacks_tip_consensus_hash.encode(out);
        out.extend_from_slice(&self.stacks_tip);
        self.stacks_tip_height.encode(out);
        let end = self.server_version.floor_char_boundary(u8::MAX.into());
        let (server_version, _) = self.server_version.split_at(end);
        out.push(u8::try_from(server_version.len()).expect("it was cut to what a u8 can count"));
        out.extend_from_slice(server_version.as_bytes());
        self.pox_consensus.encode(out);
        self.network_id.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            burn_block_height: BurnHeight::decode(reader)?,
            stacks_tip_consensus_hash: ConsensusHash::decode(reader)?,
            stacks_tip: reader.array("Stacks tip")?,
            stacks_tip_height: StacksHeight::decode(reader)?,
            server_version: {
                let what = "node's server version";
                let len = reader.u8(what)?;
                std::str::from_utf8(reader.take(len.into(), what)?)
                    .map_err(|_| DecodeError::Invalid { what })?
                    .to_owned()
            },
            pox_consensus: ConsensusHash::decode(reader)?,
            network_id: ChainId::decode(reader)?,
        })
    }
}

impl Wire for MockProposal {
    fn encode(&self, out: &mut Vec<u8>) {
        self.peer_info.encode(out);
        self.signature.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            peer_info: PeerInfo::decode(reader)?,
            signature: MessageSignature::decode(reader)?,
        })
    }
}

/// Tolerant: old messages end before the server version, which is then empty.
impl Wire for MockSignature {
    fn encode(&self, out: &mut Vec<u8>) {
        self.signature.encode(out);
        self.proposal.encode(out);
        encode_bytes(self.server_version.as_bytes(), out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            signature: MessageSignature::decode(reader)?,
            proposal: MockProposal::decode(reader)?,
            server_version: decode_server_version(reader),
        })
    }
}

impl Wire for MockBlock {
    fn encode(&self, out: &mut Vec<u8>) {
        self.proposal.encode(out);
        encode_list(&self.signatures, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            proposal: MockProposal::decode(reader)?,
            signatures: reader.list(MAX_MESSAGE_LEN, MIN_SIGNATURE_LEN, "mock signatures")?,
        })
    }
}

/// Two signatures and a peer info whose server version is empty.
const MIN_SIGNATURE_LEN: usize = 65 + (8 + 20 + 32 + 8 + 1 + 20 + 4) + 65;
