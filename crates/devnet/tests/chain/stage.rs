//! A chain with its actors: five signers, two miners, four funded accounts, a clock.

use countersign_devnet::chain::{
    Chain, ChainConfig, Faucet, Stacker, StackerPlan, SubmitOutcome, WeightSchedule, Winner,
};
use countersign_wire::event::{ValidationOk, ValidationReject};
use countersign_wire::hash::sha256;
use countersign_wire::message::ValidateCode;
use countersign_wire::transaction::StacksTransaction;
use countersign_wire::{
    BurnHeight, ChainId, ConsensusHash, NakamotoBlock, Network, PrivateKey, UnixSeconds, Weight,
};

pub(crate) struct Stage {
    pub(crate) chain: Chain,
    pub(crate) signers: Vec<PrivateKey>,
    pub(crate) miners: [PrivateKey; 2],
    pub(crate) faucet: Faucet,
    pub(crate) now: u64,
}

pub(crate) const GENESIS_TIME: u64 = 1_800_000_000;

pub(crate) fn key(name: &str) -> PrivateKey {
    PrivateKey::from_bytes(sha256(&[name.as_bytes()])).unwrap()
}

pub(crate) fn signer_keys() -> Vec<PrivateKey> {
    (0..5).map(|index| key(&format!("signer {index}"))).collect()
}

pub(crate) fn constant(keys: &[PrivateKey], weights: &[u32]) -> StackerPlan {
    let stackers = keys.iter().zip(weights).map(|(key, weight)| Stacker {
        key: key.public_key(),
        weights: WeightSchedule::Constant(Weight::new(*weight)),
    });
    StackerPlan { stackers: stackers.collect() }
}

/// Cycles of ten burn blocks, three of them prepare phase, starting with cycle 2.
pub(crate) fn config(stackers: StackerPlan) -> ChainConfig {
    ChainConfig {
        cycle_length: 10,
        prepare_length: 3,
        genesis_burn_height: BurnHeight::new(20),
        accounts: Faucet::new(b"accounts", 4).funded(Network::Testnet, 1_000_000_000),
        seed: [7; 32],
        ..ChainConfig::testnet(stackers, UnixSeconds::new(GENESIS_TIME))
    }
}

impl Stage {
    /// Five signers whose weights add up to 100.
    pub(crate) fn new() -> Self {
        Self::with(config(constant(&signer_keys(), &[30, 25, 20, 15, 10])))
    }

    pub(crate) fn with(config: ChainConfig) -> Self {
        Self {
            chain: Chain::new(config).unwrap(),
            signers: signer_keys(),
            miners: [key("miner 0"), key("miner 1")],
            faucet: Faucet::new(b"accounts", 4),
            now: GENESIS_TIME,
        }
    }

    pub(crate) fn at(&self) -> UnixSeconds {
        UnixSeconds::new(self.now)
    }

    /// A burn block ten seconds later, won by this miner.
    pub(crate) fn win(&mut self, miner: usize) -> ConsensusHash {
        let hash = self.miners[miner].public_key().hash160();
        self.burn(Some(Winner::honest(hash)))
    }

    /// A burn block ten seconds later.
    pub(crate) fn burn(&mut self, winner: Option<Winner>) -> ConsensusHash {
        self.now += 10;
        let at = self.at();
        self.chain.mine_burn_block(winner, at).consensus_hash
    }

    /// Transfers that fit on the tip of a tenure.
    pub(crate) fn transfers(&self, tenure: &ConsensusHash, count: usize) -> Vec<StacksTransaction> {
        let parent = self.chain.tenure_tip(tenure).unwrap().block_id();
        self.faucet.transfers(&self.chain, &parent, count, 1_000)
    }

    pub(crate) fn start(&self, miner: usize, tenure: &ConsensusHash) -> NakamotoBlock {
        let built =
            self.chain.build_tenure_start(&self.miners[miner], tenure, self.at(), Vec::new());
        built.unwrap()
    }

    /// The next block of a tenure with two transfers, a second later.
    pub(crate) fn next(&mut self, miner: usize, tenure: &ConsensusHash) -> NakamotoBlock {
        self.now += 1;
        let transfers = self.transfers(tenure, 2);
        self.chain.build_next(&self.miners[miner], tenure, self.at(), transfers).unwrap()
    }

    /// Signed by everybody in the set of the block's cycle.
    pub(crate) fn signed(&self, block: &NakamotoBlock) -> NakamotoBlock {
        self.signed_by(block, &[0, 1, 2, 3, 4])
    }

    /// Signed by these signers, as far as they are in the set, in the order of the set.
    pub(crate) fn signed_by(&self, block: &NakamotoBlock, signers: &[usize]) -> NakamotoBlock {
        let tenure = &block.header.consensus_hash;
        let cycle = self.chain.signing_cycle(tenure).unwrap();
        let set = self.chain.stacker_set(cycle).unwrap();
        let mut signatures: Vec<_> = signers
            .iter()
            .filter_map(|signer| {
                let key = &self.signers[*signer];
                let slot = set.slot_of(&key.public_key())?;
                Some((slot, key.sign(block.sighash().as_bytes())))
            })
            .collect();
        signatures.sort();
        let mut signed = block.clone();
        signed.header.signer_signature =
            signatures.into_iter().map(|(_, signature)| signature).collect();
        signed
    }

    pub(crate) fn adopt(&mut self, block: &NakamotoBlock) -> SubmitOutcome {
        let signed = self.signed(block);
        self.chain.submit(&signed).unwrap()
    }

    /// Wins, and adopts the first block of the tenure.
    pub(crate) fn tenure(&mut self, miner: usize) -> ConsensusHash {
        let tenure = self.win(miner);
        let block = self.start(miner, &tenure);
        self.adopt(&block);
        tenure
    }

    pub(crate) fn validate(&self, block: &NakamotoBlock) -> Result<ValidationOk, ValidationReject> {
        self.chain.validate(block, ChainId::TESTNET, self.at())
    }

    #[track_caller]
    pub(crate) fn refuses(&self, block: &NakamotoBlock, code: ValidateCode) -> ValidationReject {
        let reject = self.validate(block).expect_err("the block is spoilt");
        assert_eq!(reject.code, code, "{}", reject.reason);
        assert_eq!(reject.sighash, block.sighash());
        reject
    }
}

/// Signs a header again whose roots were spoilt on purpose.
pub(crate) fn sign_header(block: &mut NakamotoBlock, miner: &PrivateKey) {
    block.header.miner_signature = miner.sign(&block.header.miner_signature_hash());
}
