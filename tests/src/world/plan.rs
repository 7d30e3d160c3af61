//! What a seed makes of a world: who takes part, how they behave, how bad the weather is.

use countersign_signer::{Millis, Timeouts};
use countersign_wire::{ChainId, RewardCycle, Weight};

use super::rng::Rng;

/// Everything that is decided before the first event.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where all chance comes from.
    pub seed: u64,
    /// The signers in no particular order.
    pub signers: Vec<SignerPlan>,
    /// The miners, who win sortitions by lot.
    pub miners: Vec<MinerKind>,
    /// How many nodes there are; signer `i` is at node `i` modulo this.
    pub nodes: usize,
    /// The weather until healing.
    pub weather: Weather,
    /// The chain, in transactions and in the signers' configuration.
    pub chain_id: ChainId,
    /// What the operators configured.
    pub timeouts: Timeouts,
    /// Mean time between burn blocks.
    pub burn_every: Millis,
    /// Time from one adopted block to the next proposal.
    pub block_every: Millis,
    /// How many sortitions in a hundred have no winner.
    pub empty_sortitions: u64,
    /// Burn blocks of a reward cycle.
    pub cycle_length: u64,
    /// How many of them are the prepare phase.
    pub prepare_length: u64,
    /// When the weather clears up.
    pub healed_after: Millis,
    /// How many of the honest signers, the first of them, tell others that they support version 1 only.
    pub old_signers: usize,
}

/// One signer.
#[derive(Clone, Debug)]
pub struct SignerPlan {
    /// How it behaves.
    pub kind: SignerKind,
    /// Its weight in cycle `c` is at index `c` modulo the length; without weight it has no seat.
    pub weights: Vec<u32>,
    /// From which cycle on its weight is registered for its next key instead of its first. Both are
    /// loaded from the start.
    pub changes_key_in: Option<RewardCycle>,
}

impl SignerPlan {
    /// A signer that keeps its key.
    pub const fn new(kind: SignerKind, weights: Vec<u32>) -> Self {
        Self { kind, weights, changes_key_in: None }
    }
}

/// How a signer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerKind {
    /// Runs the core.
    Honest,
    /// Never says anything.
    Silent,
    /// Promises everything, signs siblings, rejects at random, tells false views.
    Lying,
}

/// How a miner behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinerKind {
    /// Proposes one block at a time, again and again until it is decided.
    Honest,
    /// Signs two blocks at a height, and shows them to different signers or to all.
    Equivocating,
    /// Wins sortitions and proposes nothing.
    Silent,
}

/// How bad the network, the nodes and the machines are.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// How many callbacks in a hundred are lost.
    pub loss: u64,
    /// How many come twice.
    pub repeated: u64,
    /// How many are late.
    pub late: u64,
    /// The longest delay of those.
    pub delay: Millis,
    /// How many questions in a hundred the node fails to answer.
    pub unanswered: u64,
    /// How many blocks in a hundred the node refuses to validate, or claims to be busy for.
    pub unvalidated: u64,
    /// How many verdicts in a hundred never come.
    pub lost_verdicts: u64,
    /// How far a node may be behind the others.
    pub lag: Millis,
    /// Mean time between failures of a node; zero for none.
    pub node_fails_every: Millis,
    /// How many steps in ten thousand end with a crash.
    pub crashes: u64,
    /// How many steps in a hundred that promise or sign end with a crash.
    pub crashes_at_promises: u64,
}

impl Weather {
    /// Everything works, with small delays.
    pub const CALM: Self = Self {
        loss: 0,
        repeated: 0,
        late: 0,
        delay: Millis::ZERO,
        unanswered: 0,
        unvalidated: 0,
        lost_verdicts: 0,
        lag: Millis::ZERO,
        node_fails_every: Millis::ZERO,
        crashes: 0,
        crashes_at_promises: 0,
    };

    /// From a light breeze to a storm.
    fn draw(rng: &mut Rng) -> Self {
        let severity = rng.between(1, 100);
        let mut up_to = |most: u64| rng.between(0, most * severity / 100);
        Self {
            loss: up_to(15),
            repeated: up_to(15),
            late: up_to(40),
            delay: Millis::new(100 + up_to(8_000)),
            unanswered: up_to(12),
            unvalidated: up_to(20),
            lost_verdicts: up_to(12),
            lag: Millis::new(50 + up_to(6_000)),
            crashes: up_to(30),
            crashes_at_promises: up_to(8),
            node_fails_every: Millis::from_secs(rng.between(60, 300)),
        }
    }
}

/// In how many cycles the weights begin to repeat.
const WEIGHT_CYCLES: usize = 3;

impl Plan {
    /// The world of a seed. In seven of eight worlds the honest signers are enough to go on alone.
    pub fn of_seed(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x706c_616e);
        let is_honest_enough = rng.below(8) != 0;
        let mut signers = honest_signers(&mut rng);
        change_keys(&mut signers, &mut Rng::new(seed ^ 0x006b_6579));
        signers.extend(faulty_signers(&signers, is_honest_enough, &mut rng));
        let nodes = if rng.percent(30) { signers.len().div_ceil(2) } else { signers.len() };
        Self {
            seed,
            nodes,
            signers,
            miners: miners(&mut rng),
            chain_id: ChainId::TESTNET,
            weather: Weather::draw(&mut rng),
            timeouts: Timeouts {
                block_proposal: Millis::from_secs(rng.between(15, 40)),
                validation: Millis::from_secs(rng.between(4, 15)),
                ..Timeouts::default()
            },
            burn_every: Millis::from_secs(rng.between(10, 25)),
            block_every: Millis::from_secs(rng.between(4, 15)),
            empty_sortitions: rng.between(0, 25),
            cycle_length: rng.between(4, 6),
            prepare_length: rng.between(1, 3),
            healed_after: Millis::from_secs(rng.between(30, 90)),
            old_signers: if rng.percent(25) { rng.index(7) } else { 0 },
        }
    }

    /// A small world without any trouble, for tests that spoil one thing.
    pub fn calm(seed: u64) -> Self {
        let honest = |weight| SignerPlan::new(SignerKind::Honest, vec![weight]);
        Self {
            seed,
            nodes: 5,
            signers: [30, 25, 20, 15, 10].into_iter().map(honest).collect(),
            miners: vec![MinerKind::Honest, MinerKind::Honest],
            chain_id: ChainId::TESTNET,
            weather: Weather::CALM,
            timeouts: Timeouts::default(),
            burn_every: Millis::from_secs(30),
            block_every: Millis::from_secs(5),
            empty_sortitions: 0,
            cycle_length: 4,
            prepare_length: 2,
            healed_after: Millis::from_secs(180),
            old_signers: 0,
        }
    }

    /// Whether the signers that run the core have seven tenths of the weight in every cycle, so that
    /// nobody else can keep them from going on, or have two siblings adopted.
    pub fn is_honest_enough(&self) -> bool {
        (0..WEIGHT_CYCLES).all(|cycle| {
            let weight = |honest: bool| -> Weight {
                let side = self.signers.iter().filter(|s| (s.kind == SignerKind::Honest) == honest);
                side.map(|signer| Weight::new(signer.weights[cycle % signer.weights.len()])).sum()
            };
            let total = [weight(true), weight(false)].into_iter().sum();
            weight(true).approves(total)
        })
    }
}

fn honest_signers(rng: &mut Rng) -> Vec<SignerPlan> {
    let count = rng.between(4, 6);
    let mut signers: Vec<SignerPlan> = (0..count)
        .map(|_| {
            let weights = (0..WEIGHT_CYCLES).map(|_| draw_weight(rng)).collect();
            SignerPlan::new(SignerKind::Honest, weights)
        })
        .collect();
    if rng.percent(50) {
        // One signer comes and goes.
        let absent = rng.index(WEIGHT_CYCLES);
        signers[0].weights[absent] = 0;
    }
    signers
}

/// Some signers change their keys while the world is watched: the chain begins in cycle 1.
fn change_keys(signers: &mut [SignerPlan], rng: &mut Rng) {
    for signer in signers {
        signer.changes_key_in = rng.percent(30).then(|| RewardCycle::new(rng.between(2, 4)));
    }
}

fn draw_weight(rng: &mut Rng) -> u32 {
    u32::try_from(rng.between(5, 40)).expect("small numbers fit")
}

fn faulty_signers(honest: &[SignerPlan], is_honest_enough: bool, rng: &mut Rng) -> Vec<SignerPlan> {
    let honest_weight = |cycle: usize| -> u32 { honest.iter().map(|s| s.weights[cycle]).sum() };
    let least = (0..WEIGHT_CYCLES).map(honest_weight).min().unwrap_or_default();
    // With three sevenths of the honest weight, the others have three tenths of all.
    let most = if is_honest_enough { least * 3 / 7 } else { least * 3 / 2 };
    let lying = u32::try_from(rng.between(0, u64::from(most))).expect("weights fit");
    let silent = u32::try_from(rng.between(0, u64::from(most - lying))).expect("weights fit");
    let faulty = [(SignerKind::Lying, lying), (SignerKind::Silent, silent)];
    faulty
        .into_iter()
        .filter(|(_, weight)| *weight > 0)
        .map(|(kind, weight)| SignerPlan::new(kind, vec![weight]))
        .collect()
}

fn miners(rng: &mut Rng) -> Vec<MinerKind> {
    let mut miners = vec![MinerKind::Honest, MinerKind::Honest];
    if rng.percent(60) {
        miners.push(MinerKind::Equivocating);
    }
    if rng.percent(30) {
        miners.push(MinerKind::Silent);
    }
    miners
}
