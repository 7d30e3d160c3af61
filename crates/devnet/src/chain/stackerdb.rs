//! The StackerDBs that signers and miners write to, and their rules.
//!
//! A write is judged as `signer-wire.md` section 5.4 says, and a reconfiguration keeps what section
//! 5.1 says. Who owns which slot is told from outside.

use std::collections::BTreeMap;

use countersign_wire::stackerdb::{
    Chunk, ChunkAck, ChunkRefusal, Lane, MAX_MINER_CHUNK_LEN, MAX_SIGNER_CHUNK_LEN,
    MINERS_CONTRACT, SignersContract, SlotMetadata,
};
use countersign_wire::{Hash160, SlotId, SlotVersion};

/// A StackerDB that a node of this chain replicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StackerDb {
    /// `.miners`: four slots, two for each of the last two winners.
    Miners,
    /// `.signers-{parity}-{lane}`: one slot for each signer.
    Signers(SignersContract),
}

impl StackerDb {
    /// Every one, `.miners` first.
    pub const ALL: [Self; 7] = [
        Self::Miners,
        Self::signers(0, Lane::Responses),
        Self::signers(0, Lane::StateUpdates),
        Self::signers(0, Lane::PreCommits),
        Self::signers(1, Lane::Responses),
        Self::signers(1, Lane::StateUpdates),
        Self::signers(1, Lane::PreCommits),
    ];

    /// The one with this name at the boot address.
    pub fn parse(name: &str) -> Option<Self> {
        if name == MINERS_CONTRACT {
            Some(Self::Miners)
        } else {
            SignersContract::parse(name).map(Self::Signers)
        }
    }

    /// The contract's name at the boot address.
    pub fn name(self) -> String {
        match self {
            Self::Miners => MINERS_CONTRACT.to_owned(),
            Self::Signers(contract) => contract.name(),
        }
    }

    /// The most bytes that one of its chunks may hold.
    pub const fn max_chunk_len(self) -> u32 {
        match self {
            Self::Miners => MAX_MINER_CHUNK_LEN,
            Self::Signers(_) => MAX_SIGNER_CHUNK_LEN,
        }
    }

    const fn signers(parity: u8, lane: Lane) -> Self {
        Self::Signers(SignersContract { parity, lane })
    }
}

/// The content of every StackerDB.
#[derive(Clone, Debug, Default)]
pub(super) struct StackerDbs {
    slots: BTreeMap<StackerDb, Vec<Slot>>,
}

#[derive(Clone, Debug)]
struct Slot {
    owner: Hash160,
    chunk: Option<Chunk>,
}

impl StackerDbs {
    /// The slots' owners in the order of the slots; empty before the first configuration.
    pub(super) fn owners(&self, db: StackerDb) -> impl Iterator<Item = Hash160> {
        self.slots(db).iter().map(|slot| slot.owner)
    }

    /// What a slot holds; none if it was never written or does not exist.
    pub(super) fn chunk(&self, db: StackerDb, slot: SlotId) -> Option<&Chunk> {
        self.slot(db, slot)?.chunk.as_ref()
    }

    /// Every slot in order, written or not; none before the first configuration.
    pub(super) fn metadata(&self, db: StackerDb) -> Option<Vec<SlotMetadata>> {
        let slots = (0..).map(SlotId::new).zip(self.slots.get(&db)?);
        Some(slots.map(|(id, slot)| slot.metadata(id)).collect())
    }

    /// Gives the slots these owners. A slot whose owner stays keeps its content and version; every
    /// other starts anew.
    pub(super) fn configure(&mut self, db: StackerDb, owners: &[Hash160]) {
        let mut before = self.slots.remove(&db).unwrap_or_default().into_iter();
        let after = owners.iter().map(|owner| match before.next() {
            Some(slot) if slot.owner == *owner => slot,
            _ => Slot { owner: *owner, chunk: None },
        });
        let after = after.collect();
        self.slots.insert(db, after);
    }

    /// Judges and stores a chunk.
    pub(super) fn put(&mut self, db: StackerDb, chunk: &Chunk) -> ChunkAck {
        match self.judge(db, chunk) {
            Ok(slot) => {
                slot.chunk = Some(chunk.clone());
                ChunkAck::accepted(chunk)
            }
            Err(refusal) => {
                let stored = self.slot(db, chunk.slot_id).map(|slot| slot.metadata(chunk.slot_id));
                ChunkAck::refused(refusal, stored)
            }
        }
    }

    fn judge(&mut self, db: StackerDb, chunk: &Chunk) -> Result<&mut Slot, ChunkRefusal> {
        if chunk.data.len() > db.max_chunk_len() as usize {
            return Err(ChunkRefusal::ChunkTooBig);
        }
        let index = usize::try_from(chunk.slot_id.get()).map_err(|_| ChunkRefusal::NoSuchSlot)?;
        let slots = self.slots.get_mut(&db).ok_or(ChunkRefusal::NoSuchSlot)?;
        let slot = slots.get_mut(index).ok_or(ChunkRefusal::NoSuchSlot)?;
        let writer = chunk.recover().ok_or(ChunkRefusal::BadSigner)?;
        if writer.hash160() != slot.owner {
            return Err(ChunkRefusal::BadSigner);
        }
        // The limit on writes, code 4, is the largest version there is: no chunk can exceed it.
        if chunk.slot_version <= slot.version() {
            return Err(ChunkRefusal::DataAlreadyExists);
        }
        Ok(slot)
    }

    fn slots(&self, db: StackerDb) -> &[Slot] {
        self.slots.get(&db).map_or(&[], Vec::as_slice)
    }

    fn slot(&self, db: StackerDb, slot: SlotId) -> Option<&Slot> {
        self.slots(db).get(usize::try_from(slot.get()).ok()?)
    }
}

impl Slot {
    fn version(&self) -> SlotVersion {
        self.chunk.as_ref().map_or(SlotVersion::new(0), |chunk| chunk.slot_version)
    }

    fn metadata(&self, id: SlotId) -> SlotMetadata {
        self.chunk.as_ref().map_or(SlotMetadata::unwritten(id), Chunk::metadata)
    }
}
