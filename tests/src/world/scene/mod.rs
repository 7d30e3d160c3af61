//! Told stories: the same world, but burn blocks, proposals and faults come when
//! the story says so, and nothing is left to chance.
//!
//! A [`Scene`] has honest signers (real cores, vaults and stores), puppets that say what they are told
//! to, miners that build what they are told to, and a node for each honest signer. After each
//! instruction the story goes on for a moment, until everything that was on its way has arrived. All
//! rules of the simulation are checked after every event: a broken one ends the test.
//!
//! `COUNTERSIGN_STORY=1` prints everything that happened in a scene that fails.

mod blocks;
mod chain;
mod expect;
mod faults;
mod puppets;

use countersign_signer::{Millis, Timestamp};
use countersign_wire::{PublicKey, StacksHeight};

use super::{Plan, SignerKind, SignerPlan, Watch, World, next_key, signing_key};

pub use super::script::Said;
pub use blocks::Block;

/// The first miner.
pub const ALICE: usize = 0;
/// The second miner.
pub const BOB: usize = 1;

/// How long a moment is: longer than any message takes, shorter than any time-out that matters.
const MOMENT: Millis = Millis::from_secs(2);

/// A story under way.
pub struct Scene {
    world: World,
    /// How many of the signers run the core; the others are puppets.
    honest: usize,
    is_told: bool,
}

impl Scene {
    /// Five honest signers of weight 20, each with a node of its own, and two miners. The first two
    /// thirds of a reward cycle of 20 burn blocks lie ahead.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same with `honest` signers that run the core and puppets for the rest of five.
    pub fn with_puppets(puppets: usize) -> Self {
        Self::with(|plan| {
            for signer in plan.signers.iter_mut().rev().take(puppets) {
                signer.kind = SignerKind::Silent;
            }
        })
    }

    /// The same with another plan. Puppets, which the plan calls silent, come after all honest
    /// signers.
    pub fn with(change: impl FnOnce(&mut Plan)) -> Self {
        let five = vec![SignerPlan::new(SignerKind::Honest, vec![20]); 5];
        let mut plan =
            Plan { signers: five, cycle_length: 20, prepare_length: 5, ..Plan::calm(11) };
        change(&mut plan);
        let is_honest = |signer: &SignerPlan| signer.kind == SignerKind::Honest;
        assert!(plan.signers.is_sorted_by_key(|signer| !is_honest(signer)), "puppets come last");
        let honest = plan.signers.iter().filter(|signer| is_honest(signer)).count();
        let is_told = std::env::var_os("COUNTERSIGN_STORY").is_some();
        let watch = if is_told { Watch::Story } else { Watch::Rules };
        let mut world = World::new(plan, watch);
        world.script.is_told = true;
        for signer in 0..honest {
            world.start(signer);
        }
        let mut scene = Self { world, honest, is_told };
        scene.moment();
        scene
    }

    /// Time passes.
    pub fn pass(&mut self, span: Millis) {
        let until = self.world.now.plus(span);
        while let Some((at, happening)) = self.world.agenda.next_until(until) {
            self.world.now = at;
            self.world.happen(happening);
            if let Some(complaint) = self.world.complaint.take() {
                panic!("after {} ms: {complaint}", self.elapsed().get());
            }
        }
        self.world.now = until;
    }

    /// So many seconds pass.
    pub fn pass_secs(&mut self, seconds: u64) {
        self.pass(Millis::from_secs(seconds));
    }

    /// What is on its way arrives.
    pub fn moment(&mut self) {
        self.pass(MOMENT);
    }

    /// The time by the world's clock.
    pub const fn now(&self) -> Timestamp {
        self.world.now
    }

    /// The numbers of the honest signers.
    pub const fn honest(&self) -> std::ops::Range<usize> {
        0..self.honest
    }

    /// The height of the chain.
    pub fn height(&self) -> StacksHeight {
        self.world.chain.stacks_tip().header.chain_length
    }

    fn elapsed(&self) -> Millis {
        self.world.now.since(Timestamp::from_secs(super::BEGINNING))
    }

    /// The key of a signer or a puppet.
    pub fn key_of(signer: usize) -> PublicKey {
        signing_key(signer).public_key()
    }

    /// The key that takes the place of a signer's, if its plan has it so.
    pub fn next_key_of(signer: usize) -> PublicKey {
        next_key(signer).public_key()
    }

    /// The number of the signer with this key.
    fn number_of(&self, key: &PublicKey) -> Option<usize> {
        let keys = |signer: &usize| [Self::key_of(*signer), Self::next_key_of(*signer)];
        (0..self.world.plan.signers.len()).find(|signer| keys(signer).contains(key))
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::print_stderr, reason = "the story of a failed test is for whoever runs it")]
impl Drop for Scene {
    fn drop(&mut self) {
        if self.is_told && std::thread::panicking() {
            eprintln!("{}", self.world.trace.story().join("\n"));
        }
    }
}
