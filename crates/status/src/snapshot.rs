//! The snapshot: everything that is shown, at one moment.
//!
//! Times are milliseconds since 1970 by the signer's clock; spans say their unit in their names. What is
//! not known is null, and lists are bounded: the last blocks, the heaviest peers. A reader must
//! ignore fields that it does not know; [`SCHEMA`] rises when a field changes its meaning or goes away.

use serde::{Deserialize, Serialize};

/// The version of this description.
pub const SCHEMA: u32 = 1;

/// A signer at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When this was put together.
    pub made_at: u64,
    /// Who this is.
    pub signer: Identity,
    /// Whether it signs.
    pub state: State,
    /// The same in one sentence, with the reason.
    pub headline: String,
    /// What to do first, if there is something to do.
    pub remedy: Option<String>,
    /// What a signer must have before it signs, from the ground up.
    pub ladder: Vec<Rung>,
    /// Whether this instance is the one that signs; null before that is known.
    pub instance: Option<Instance>,
    /// Where the node is.
    pub chain: Chain,
    /// Who may mine, as this signer sees it; null before it has a view.
    pub tenure: Option<Tenure>,
    /// Where in the reward cycle the chain is; null before the node has said so.
    pub cycle: Option<Cycle>,
    /// Our seats, by reward cycle.
    pub seats: Vec<Seat>,
    /// The last blocks that were proposed or accepted, newest first.
    pub blocks: Vec<Block>,
    /// How quick things are.
    pub latencies: Vec<Latency>,
    /// The signers of the running cycle, in the order of their slots; ourselves among them.
    pub peers: Vec<Peer>,
    /// How many signers are left out of `peers` because there are too many.
    pub peers_left_out: usize,
    /// What waits.
    pub queues: Queues,
    /// What the signer itself knows to be wrong, the most severe first.
    pub alerts: Vec<Alert>,
    /// Counted since the start.
    pub totals: Totals,
}

/// Who the signer is. Nothing in it is a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Name and version of the program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// The network's name.
    pub network: String,
    /// The signer's address.
    pub address: String,
    /// Its public key.
    pub public_key: String,
    /// The key that is to take its place, while keys are being changed.
    pub next_public_key: Option<String>,
    /// Whether nothing that it signs leaves the machine.
    pub dry_run: bool,
    /// When the process started.
    pub started_at: u64,
}

/// Whether a signer signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything holds, and blocks are judged.
    Signing,
    /// It would sign, but nothing was proposed yet, or not for long.
    Waiting,
    /// It is ready, and it is not its turn: it listens, or another instance signs.
    Standby,
    /// It judges, and nothing leaves the machine.
    DryRun,
    /// Something that it needs is missing.
    NotSigning,
    /// A part of it makes no progress.
    Stuck,
}

impl State {
    /// One or two words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Signing => "Signing",
            Self::Waiting => "Waiting",
            Self::Standby => "Standing by",
            Self::DryRun => "Dry run",
            Self::NotSigning => "Not signing",
            Self::Stuck => "Stuck",
        }
    }
}

/// A rung of the ladder of readiness (`docs/operator/readiness.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Its name for programs.
    pub rung: String,
    /// Whether it holds.
    pub holds: bool,
    /// Why it holds or not, for programs.
    pub code: String,
    /// The same for people.
    pub text: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Since when the code is this one, in seconds since 1970.
    pub since: u64,
}

/// Whether this instance is the one that signs with its key (`docs/operator/one-instance.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// `active`, `listening`, `waiting`, `standby`, `demoted` or `frozen`.
    pub state: String,
    /// The same for people.
    pub text: String,
    /// Seconds that must still pass before it signs, if any must.
    pub left_secs: Option<u64>,
}

/// Where the node's chains end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Height of the node's burn tip.
    pub burn_height: Option<u64>,
    /// When that burn block was first seen here.
    pub burn_seen_at: Option<u64>,
    /// Height of the node's Stacks tip.
    pub stacks_height: Option<u64>,
    /// When the node last answered.
    pub answered_at: Option<u64>,
    /// What the node said about the network's epoch, such as `Epoch33`.
    pub epoch: Option<String>,
}

/// Who may mine, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// The burn block that our view is of.
    pub burn_height: u64,
    /// The tenure; null if no miner is valid.
    pub id: Option<String>,
    /// Hash of the miner's key.
    pub miner: Option<String>,
    /// Height of the last block before the tenure.
    pub parent_height: Option<u64>,
    /// When our view took this tenure up.
    pub since: u64,
    /// Blocks of the tenure that were accepted since then.
    pub blocks: u64,
    /// Weight of the signers whose view is ours, ourselves included.
    pub agreeing_weight: u64,
    /// Weight of all signers of the cycle.
    pub total_weight: u64,
}

/// Where in the reward cycle the chain is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// The cycle.
    pub number: u64,
    /// Burn blocks of a cycle.
    pub length: u64,
    /// Burn blocks of its prepare phase, which ends it.
    pub prepare_length: u64,
    /// Burn blocks of the cycle that are behind us.
    pub position: u64,
    /// Whether the next signers are being chosen.
    pub in_prepare_phase: bool,
    /// Burn blocks until the prepare phase begins; 0 in it.
    pub blocks_to_prepare: u64,
    /// Burn blocks until the next cycle begins.
    pub blocks_to_next: u64,
    /// The usual pause between burn blocks, in seconds: measured over those that were seen, and ten
    /// minutes until four were.
    pub burn_block_secs: u64,
}

/// Our seat in a cycle, or that we have none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The cycle.
    pub cycle: u64,
    /// Whether we have a seat.
    pub registered: bool,
    /// Our slot.
    pub slot: Option<u32>,
    /// Our weight.
    pub weight: Option<u64>,
    /// Everybody's weight.
    pub total: Option<u64>,
    /// Why there is no seat, in the words of `docs/operator/readiness.md`.
    pub reason: Option<String>,
}

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is not decided.
    Pending,
    /// The node has it: it is part of the chain.
    Accepted,
    /// So many rejected it that it cannot be approved.
    Rejected,
}

/// What we have said to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stance {
    /// Nothing.
    Silent,
    /// That we shall sign.
    PreCommitted,
    /// Our signature.
    Signed,
    /// A rejection.
    Rejected,
}

/// One block on its way. Times that have not come are null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The hash that is signed.
    pub sighash: String,
    /// Its height, if it is known.
    pub height: Option<u64>,
    /// Its tenure, if it was proposed to us.
    pub tenure: Option<String>,
    /// When it was first heard of, by whatever means. The votes' times count from here.
    pub seen_at: u64,
    /// When its proposal arrived; null if it never did.
    pub proposed_at: Option<u64>,
    /// When the node's verdict arrived.
    pub validated_at: Option<u64>,
    /// The verdict.
    pub valid: Option<bool>,
    /// When we promised to sign.
    pub pre_committed_at: Option<u64>,
    /// When enough had promised.
    pub threshold_at: Option<u64>,
    /// When our signature or rejection was handed over to be published.
    pub answered_at: Option<u64>,
    /// When enough had signed.
    pub approved_at: Option<u64>,
    /// When the node had it.
    pub accepted_at: Option<u64>,
    /// What we said.
    pub ours: Stance,
    /// Why we rejected it, or why we keep our signature back.
    pub reason: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Weight that promised.
    pub pre_committed_weight: u64,
    /// Weight that signed.
    pub signed_weight: u64,
    /// Weight that rejected.
    pub rejected_weight: u64,
    /// Everybody's weight; 0 if no vote was heard.
    pub total_weight: u64,
    /// The last word of each signer, in the order of its arrival.
    pub votes: Vec<Vote>,
}

/// What a signer has said to a block last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoteKind {
    /// That it will sign.
    PreCommitted,
    /// Its signature.
    Signed,
    /// A rejection.
    Rejected,
}

/// One signer's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Its place in the reward set, as in [`Peer::slot`].
    pub slot: u32,
    /// What it said.
    pub kind: VoteKind,
    /// Its weight.
    pub weight: u64,
    /// Milliseconds after [`Block::seen_at`].
    pub after_ms: u64,
    /// Why it rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How quick one thing was in the last hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Its name for programs: `validation`, `pre_commit`, `response` or `approval`.
    pub name: String,
    /// What it measures.
    pub text: String,
    /// How often it was measured.
    pub count: usize,
    /// The median, in milliseconds.
    pub p50_ms: Option<u64>,
    /// 99 of 100 were at most this long, in milliseconds.
    pub p99_ms: Option<u64>,
    /// The longest, in milliseconds.
    pub max_ms: Option<u64>,
    /// The last measurements in milliseconds, oldest first: at most 60.
    pub recent_ms: Vec<u64>,
}

/// A signer of the running cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its place in the reward set.
    pub slot: u32,
    /// Its address.
    pub address: String,
    /// Its weight.
    pub weight: u64,
    /// Whether this is us.
    pub is_us: bool,
    /// What it calls its program; it may say anything.
    pub version: Option<String>,
    /// The protocol version that it acts by.
    pub protocol: Option<u64>,
    /// When it was last heard.
    pub heard_at: Option<u64>,
    /// Whether it sees the chain as we do.
    pub view: View,
    /// How many of the accepted blocks below it has signed.
    pub signed: u32,
    /// Of how many.
    pub of: u32,
}

/// How a signer's view of the chain compares with ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// It has not said, or we have none.
    Unknown,
    /// The same burn block and the same miner.
    Same,
    /// It is at an earlier burn block.
    Behind,
    /// It is at a later burn block.
    Ahead,
    /// The same burn block's height, and another fork or miner.
    Other,
}

/// What waits inside the signer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queues {
    /// Callbacks of the node that wait for the deciding loop.
    pub callbacks_waiting: u64,
    /// Their bytes.
    pub callback_bytes: u64,
    /// Callbacks that were dropped since the start.
    pub callbacks_dropped: u64,
    /// Seconds since the last callback came; null if none did.
    pub callback_quiet_secs: Option<u64>,
    /// Blocks that wait for the node's verdict.
    pub validations: u64,
    /// How long the oldest of them has waited, in milliseconds.
    pub validation_age_ms: Option<u64>,
    /// Remarks that this page has missed since the start, because too many came at once.
    pub remarks_missed: u64,
}

/// How bad a condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A human must act now.
    Critical,
    /// A human must act today.
    Warning,
    /// Good to know.
    Info,
}

/// Something that the signer itself knows to be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its name, which is the alert rule's where there is one.
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// Since when.
    pub since: u64,
    /// What is wrong, for people.
    pub text: String,
    /// What to do.
    pub remedy: Option<String>,
}

/// Counted since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Proposals that arrived, each once.
    pub proposed: u64,
    /// Blocks that we signed.
    pub signed: u64,
    /// Blocks that we rejected.
    pub rejected: u64,
    /// Blocks that were accepted although we had signed nothing when the node had them; not those of cycles that are known
    /// to have no seat of ours.
    pub missed: u64,
}
