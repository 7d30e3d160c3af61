//! A simulated network: many cores, one virtual clock, one seeded source of chance.
//!
//! [`World::run`] plays a [`Plan`]. Honest signers are real cores with real vaults and a naive
//! [`Store`]; the chain is the model that the devnet's nodes share; nodes see it late, fail, and
//! validate one block at a time; callbacks get lost, late, doubled and out of order; machines crash
//! between commit and action; miners equivocate and signers lie. After every event the rules of
//! [`Violation`] are checked, and after healing the chain must grow.
//!
//! [`scene`] plays told stories in the same world: Bitcoin forks, tenure extends, nodes that lie to
//! their own signers. A plan has none of these, and neither has the bytes on the wire, which the
//! crates' own tests cover.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod agenda;
mod checks;
mod coverage;
mod liars;
mod miners;
mod network;
mod node;
mod plan;
mod rng;
pub mod scene;
mod script;
mod signers;
mod store;
mod trace;
mod twins;

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_devnet::chain::{Chain, ChainConfig, Faucet, Stacker, StackerPlan, WeightSchedule};
use countersign_signer::{DEFAULT_REPLAY_BLOCKS, Millis, Params, Timeouts, Timestamp};
use countersign_vault::Vault;
use countersign_wire::{BurnHeight, Network, PrivateKey, RewardCycle, UnixSeconds, Weight, hash};

pub use checks::Violation;
pub use coverage::Coverage;
pub use plan::{MinerKind, Plan, SignerKind, SignerPlan, Weather};
pub use rng::Rng;
pub use store::Store;

use agenda::{Agenda, Happening};
use checks::Checks;
use liars::Liar;
use miners::Miner;
use node::{Node, Verdicts, Version};
use script::Script;
use signers::HonestSigner;
use trace::Trace;
use twins::Twins;

/// When the virtual clock starts, in seconds since 1970.
const BEGINNING: u64 = 1_700_000_000;
/// How long the chain may take to grow after healing.
const RECOVERY: Millis = Millis::from_secs(20 * 60);
/// How long a world without enough honest signers is watched after healing.
const AFTERMATH: Millis = Millis::from_secs(30);
/// By how many blocks the chain must grow after healing.
const GROWTH: u64 = 3;

/// A network in the middle of a run.
pub struct World {
    plan: Plan,
    timeouts: Timeouts,
    weather: Weather,
    rng: Rng,
    now: Timestamp,
    agenda: Agenda,
    /// What all nodes will know.
    chain: Chain,
    versions: Vec<Version>,
    verdicts: Verdicts,
    nodes: Vec<Node>,
    signers: Vec<HonestSigner>,
    liars: Vec<Liar>,
    miners: Vec<Miner>,
    faucet: Faucet,
    is_healed: bool,
    is_honest_enough: bool,
    last_cycle: Option<RewardCycle>,
    checks: Checks,
    complaint: Option<String>,
    coverage: Coverage,
    is_traced: bool,
    twins: Twins,
    trace: Trace,
    /// What a scene does to this world; nothing in a run that is left to itself.
    script: Script,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What happened in it, or which rule was broken.
    pub result: Result<Coverage, Violation>,
    /// Fingerprint of all steps, if they were traced.
    pub fingerprint: u64,
    /// What happened, line by line, if the story was asked for.
    pub story: Vec<String>,
}

/// How closely a run is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Only its rules are checked.
    Rules,
    /// Every step goes into the fingerprint, and is taken again from a recording.
    Steps,
    /// Every event and every remark is told.
    Story,
}

impl World {
    /// Plays a plan to its end.
    pub fn run(plan: Plan, watch: Watch) -> Outcome {
        let mut world = Self::new(plan, watch);
        let end = world.play();
        let after = world.now.as_millis() - BEGINNING * 1000;
        let seed = world.plan.seed;
        let result = match end {
            Ok(()) => Ok(world.coverage),
            Err(what) => Err(Violation { seed, after, what }),
        };
        Outcome { result, fingerprint: world.trace.hash(), story: world.trace.into_story() }
    }

    fn new(plan: Plan, watch: Watch) -> Self {
        let now = Timestamp::from_secs(BEGINNING);
        let faucet = Faucet::new(&plan.seed.to_be_bytes(), 2);
        let miners: Vec<Miner> = (0..)
            .zip(&plan.miners)
            .map(|(index, kind)| Miner::new(mining_key(index), *kind, now))
            .collect();
        let chain = Chain::new(chain_config(&plan, &miners, &faucet)).expect("the plan is sound");
        let version = Version { chain: Arc::new(chain.clone()), news: Vec::new() };
        Self {
            timeouts: plan.timeouts,
            weather: plan.weather,
            rng: Rng::new(plan.seed),
            now,
            agenda: Agenda::default(),
            chain,
            versions: vec![version],
            verdicts: Verdicts::default(),
            nodes: vec![Node::new(); plan.nodes],
            signers: honest_signers(&plan),
            liars: liars(&plan),
            miners,
            faucet,
            is_healed: false,
            is_honest_enough: plan.is_honest_enough(),
            last_cycle: None,
            checks: Checks::default(),
            complaint: None,
            coverage: Coverage::default(),
            is_traced: watch != Watch::Rules,
            twins: Twins::default(),
            trace: Trace::new(watch == Watch::Story),
            script: Script::default(),
            plan,
        }
    }

    fn play(&mut self) -> Result<(), String> {
        self.begin();
        let heals_at = self.now.plus(self.plan.healed_after);
        let mut height_when_healed = 0;
        while let Some((at, happening)) = self.agenda.next() {
            self.now = at;
            if !self.is_healed && at >= heals_at {
                self.heal();
                height_when_healed = self.height();
            }
            self.happen(happening);
            if let Some(complaint) = self.complaint.take() {
                return Err(complaint);
            }
            if !self.is_healed {
                continue;
            }
            let since = self.now.since(heals_at);
            if !self.is_honest_enough {
                if since > AFTERMATH {
                    return Ok(());
                }
            } else if self.height() >= height_when_healed + GROWTH {
                self.coverage.recoveries += 1;
                return Ok(());
            } else if since > RECOVERY {
                let grown = self.height() - height_when_healed;
                return Err(format!("the chain grew by {grown} blocks since it was healed"));
            }
        }
        Err("nothing happens any more".to_owned())
    }

    fn begin(&mut self) {
        for signer in 0..self.signers.len() {
            self.start(signer);
        }
        for node in 0..self.nodes.len() {
            self.plan_node_failure(node);
        }
        for liar in 0..self.liars.len() {
            let at = self.soon();
            self.agenda.plan(at, Happening::LiarSpeaks { liar });
        }
        self.agenda.plan(self.now.plus(Millis::new(1500)), Happening::BurnBlock);
        self.agenda.plan(self.now.plus(Millis::new(2000)), Happening::MinersTurn);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrives { to, life, event } => self.arrives(to, life, event),
            Happening::Deadline { of, life } => self.deadline(of, life),
            Happening::Asked { by, life, ticket, query } => self.asked(by, life, ticket, query),
            Happening::ToValidate { by, life, sighash, block } => {
                self.validate(by, life, sighash, block);
            }
            Happening::Validated { node, block } => self.validated(node, &block),
            Happening::ToSign { by, life, order } => self.sign(by, life, &order),
            Happening::ToWrite { by, life, letter } => self.write(by, life, letter),
            Happening::ToUpload { by, life, block } => self.upload(by, life, block),
            Happening::SlotsRead { by, life, cycle, slots } => {
                self.read_slots(by, life, cycle, slots);
            }
            Happening::Restarts { signer } => self.restart(signer),
            Happening::Synced { node, version } => self.synced(node, version),
            Happening::NodeFails { node } => self.node_fails(node),
            Happening::NodeRecovers { node } => self.node_recovers(node),
            Happening::BurnBlock => self.burn_block(),
            Happening::MinersTurn => self.miners_turn(),
            Happening::MinerHears { miner, heard } => self.miner_hears(miner, &heard),
            Happening::LiarHears { liar, proposal } => self.liar_hears(liar, &proposal),
            Happening::LiarSpeaks { liar } => self.liar_speaks(liar),
        }
    }

    /// Everything works from now on; adversaries stay what they are.
    fn heal(&mut self) {
        let now = self.now;
        self.trace.tell(|| format!("{} healed", now.as_millis()));
        self.is_healed = true;
        self.weather = Weather::CALM;
        for node in 0..self.nodes.len() {
            if !self.nodes[node].is_up {
                self.node_recovers(node);
            }
        }
        for signer in 0..self.signers.len() {
            self.restart(signer);
        }
    }

    fn height(&self) -> u64 {
        self.chain.stacks_tip().header.chain_length.get()
    }

    /// A rule is broken; the first complaint counts.
    fn complain(&mut self, what: String) {
        self.complaint.get_or_insert(what);
    }
}

fn chain_config(plan: &Plan, miners: &[Miner], faucet: &Faucet) -> ChainConfig {
    let stackers =
        (0..).zip(&plan.signers).flat_map(|(index, signer)| stackers(index, signer)).collect();
    ChainConfig {
        chain_id: plan.chain_id,
        cycle_length: plan.cycle_length,
        prepare_length: plan.prepare_length,
        genesis_burn_height: BurnHeight::new(plan.cycle_length),
        miners: miners.iter().map(|miner| miner.hash).collect(),
        accounts: faucet.funded(Network::Testnet, 1_000_000_000_000),
        seed: hash::sha256(&[&plan.seed.to_be_bytes()]),
        ..ChainConfig::testnet(StackerPlan { stackers }, UnixSeconds::new(BEGINNING - 30))
    }
}

/// A signer's weight, first with the one key, then with the other.
fn stackers(index: usize, signer: &SignerPlan) -> Vec<Stacker> {
    let weights = signer.weights.iter().copied().map(Weight::new);
    let weights = WeightSchedule::Repeating(weights.collect());
    let first = signing_key(index).public_key();
    let Some(change) = signer.changes_key_in else {
        return vec![Stacker { key: first, weights }];
    };
    let keys = [first, next_key(index).public_key()];
    Stacker::changing_its_key(keys, change, &weights).to_vec()
}

fn honest_signers(plan: &Plan) -> Vec<HonestSigner> {
    let honest = (0..).zip(&plan.signers).filter(|(_, signer)| signer.kind == SignerKind::Honest);
    honest
        .enumerate()
        .map(|(place, (index, signer))| {
            let next = signer.changes_key_in.map(|_| next_key(index));
            HonestSigner {
                params: Params {
                    key: signing_key(index).public_key(),
                    next_key: next.as_ref().map(PrivateKey::public_key),
                    network: Network::Testnet,
                    chain_id: plan.chain_id,
                    server_version: "simulated".to_owned(),
                    timeouts: plan.timeouts,
                    validate_with_replay_tx: false,
                    reset_replay_set_after_fork_blocks: DEFAULT_REPLAY_BLOCKS,
                    is_dry_run: false,
                },
                node: place % plan.nodes,
                core: None,
                store: Store::default(),
                vaults: std::iter::once(signing_key(index)).chain(next).map(vault).collect(),
                life: 0,
                versions: BTreeMap::new(),
                lanes: BTreeMap::new(),
                deadline: None,
                spins: (Timestamp::default(), 0),
            }
        })
        .collect()
}

fn liars(plan: &Plan) -> Vec<Liar> {
    let lying = (0..).zip(&plan.signers).filter(|(_, signer)| signer.kind == SignerKind::Lying);
    lying.map(|(index, _)| Liar::new(signing_key(index))).collect()
}

fn signing_key(index: usize) -> PrivateKey {
    key(b"signer", index)
}

/// The key that takes the place of a signer's first.
fn next_key(index: usize) -> PrivateKey {
    key(b"next signer", index)
}

fn vault(key: PrivateKey) -> Vault {
    Vault::in_memory(key).expect("a database in memory opens")
}

fn mining_key(index: usize) -> PrivateKey {
    key(b"miner", index)
}

fn key(role: &[u8], index: usize) -> PrivateKey {
    let digest = hash::sha256(&[b"simulated ", role, &index.to_be_bytes()]);
    PrivateKey::from_bytes(digest).expect("these digests are below the order of the curve")
}
