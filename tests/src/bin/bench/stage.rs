//! A network with one real signer: the chain, its miner and the other signers are played here.

use std::path::PathBuf;
use std::time::Duration;

use countersign_devnet::chain::{Chain, Faucet, StackerDb, Winner};
use countersign_devnet::{
    Devnet, DevnetConfig, Seed, SignerKind, Validation, View, Weights, event::SignerPlace,
};
use countersign_wire::message::{
    BlockProposal, BlockProposalData, MinerDiagnostics, MiningReason, SignerMessage,
};
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{
    ConsensusHash, NakamotoBlock, PrivateKey, RewardCycle, SlotVersion, UnixSeconds, Weight,
    Wire as _,
};

use crate::error::BenchError;
use crate::heard::Heard;
use crate::peers::{Addressed, Peers};

/// The network, and everybody in it but the signer under test, which is signer 0.
pub(crate) struct Stage {
    devnet: Devnet,
    miner: PrivateKey,
    faucet: Faucet,
    /// The other signers.
    pub(crate) peers: Peers,
    /// What the signer under test and its node say.
    pub(crate) heard: Heard,
    /// Whose signers they are.
    pub(crate) cycle: RewardCycle,
    /// How many proposals there were, which is the version of the miner's slot.
    proposed: u32,
}

impl Stage {
    /// A network of `signers` equal signers that keeps its files in `folder`.
    pub(crate) async fn new(signers: usize, folder: PathBuf) -> Result<Self, BenchError> {
        let config = DevnetConfig {
            weights: Weights::Fixed(vec![Weight::new(1); signers]),
            miners: 1,
            // As slow as Bitcoin: the signer's timeouts keep their defaults.
            burn_interval: Duration::from_mins(10),
            validation_delay: VALIDATION,
            is_mining: false,
            folder: Some(folder),
            ..DevnetConfig::new(vec![SignerKind::External; signers], Seed::from_text("bench"))
        };
        let devnet = Devnet::start(config.clone()).await?;
        // Timestamps grow by a second with each block, faster than the clock, which a node that
        // validates would not accept.
        let view = View { validation: Validation::AlwaysOk, ..View::default() };
        devnet.set_view(0, view).await?;
        let heard = Heard::new(devnet.listen(0)?);
        let chain = devnet.chain().await?;
        let cycle = chain.current_cycle();
        let set = chain.stacker_set(cycle).ok_or(BenchError::Missing("signers"))?;
        Ok(Self {
            miner: config.miner_key(0),
            faucet: config.faucet(),
            peers: Peers::new(&config, cycle, &set),
            devnet,
            heard,
            cycle,
            proposed: 0,
        })
    }

    /// Where the signer under test belongs.
    pub(crate) fn place(&self) -> Result<&SignerPlace, BenchError> {
        Ok(self.devnet.place(0)?)
    }

    /// A burn block that the miner wins: a new tenure.
    pub(crate) async fn win(&self) -> Result<ConsensusHash, BenchError> {
        let winner = Winner::honest(self.miner.public_key().hash160());
        self.devnet.mine_burn_block(Some(winner)).await?;
        Ok(self.devnet.chain().await?.burn_tip().consensus_hash)
    }

    /// The next block of the newest tenure.
    pub(crate) async fn build(&self) -> Result<NakamotoBlock, BenchError> {
        let chain = self.devnet.chain().await?;
        let tenure = newest_tenure(&chain)?;
        let at = UnixSeconds::new(0);
        let Some(tip) = chain.tenure_tip(&tenure) else {
            return Ok(chain.build_tenure_start(&self.miner, &tenure, at, Vec::new())?);
        };
        let amount = u64::from(self.proposed) + 1;
        let transfers = self.faucet.transfers(&chain, &tip.block_id(), TRANSFERS, amount);
        Ok(chain.build_next(&self.miner, &tenure, at, transfers)?)
    }

    /// Asks for signatures, as a miner does.
    pub(crate) async fn propose(&mut self, block: &NakamotoBlock) -> Result<(), BenchError> {
        let chain = self.devnet.chain().await?;
        let tenure = block.header.consensus_hash;
        let sortition = chain.burn_block(&tenure).ok_or(BenchError::Missing("sortition"))?;
        let slot = chain.miner_slot(&tenure).ok_or(BenchError::Missing("slot for the miner"))?;
        let diagnostics = MinerDiagnostics {
            burn_height: sortition.height,
            consensus_hash: tenure,
            burn_block_hash: sortition.hash,
            full_extend_at: UnixSeconds::new(u64::MAX),
            read_count_extend_at: UnixSeconds::new(u64::MAX),
            reason: MiningReason::BlockFound,
        };
        let proposal = BlockProposal {
            block: block.clone(),
            burn_height: sortition.height,
            reward_cycle: self.cycle,
            data: BlockProposalData::current("bench".to_owned(), diagnostics),
        };
        self.proposed += 1;
        let version = SlotVersion::new(self.proposed);
        let data = SignerMessage::BlockProposal(Box::new(proposal)).to_bytes();
        let chunk = Chunk::sign(&self.miner, slot, version, data);
        self.write(vec![(StackerDb::Miners, chunk)]).await
    }

    /// Writes chunks one after the other, and has everybody told.
    pub(crate) async fn write(&self, chunks: Vec<Addressed>) -> Result<(), BenchError> {
        for (db, chunk) in chunks {
            let ack = self.devnet.put_chunk(db, chunk).await?;
            if !ack.accepted {
                return Err(BenchError::Refused(ack.reason.unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// Writes chunks about as fast as a network brings them whose signers are all equally fast.
    pub(crate) async fn write_paced(&self, chunks: Vec<Addressed>) -> Result<(), BenchError> {
        for chunk in chunks {
            self.write(vec![chunk]).await?;
            tokio::time::sleep(BETWEEN_CHUNKS).await;
        }
        Ok(())
    }

    /// Has the other signers share the view of the signer under test, if they do not already.
    pub(crate) async fn agree(&mut self) -> Result<(), BenchError> {
        self.heard.catch_up();
        let Some(view) = self.heard.view.take() else { return Ok(()) };
        let chunks = self.peers.say(&SignerMessage::StateMachineUpdate(view));
        self.write(chunks).await
    }

    /// Adds a block to the chain that everybody else has signed.
    pub(crate) async fn adopt(&self, mut block: NakamotoBlock) -> Result<(), BenchError> {
        let mut signatures = self.peers.signatures(block.sighash());
        signatures.sort_unstable_by_key(|(slot, _)| *slot);
        block.header.signer_signature = signatures.into_iter().map(|(_, by)| by).collect();
        self.devnet.submit(block).await?;
        Ok(())
    }

    /// Ends the network.
    pub(crate) async fn stop(self) {
        self.devnet.stop().await;
    }
}

fn newest_tenure(chain: &Chain) -> Result<ConsensusHash, BenchError> {
    chain.latest_winner().map(|block| block.consensus_hash).ok_or(BenchError::Missing("winner"))
}

/// How long the node takes for a verdict: enough for the votes that come early.
const VALIDATION: Duration = Duration::from_millis(10);
const TRANSFERS: usize = 3;
const BETWEEN_CHUNKS: Duration = Duration::from_millis(1);
