#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_node::QueueLimits;
use countersign_signer::{Millis, NotRegisteredReason};
use countersign_status::{Outcome, Severity, Stance, State, View, VoteKind};
use countersign_wire::message::{ActiveMiner, MinerState, RejectReason};
use countersign_wire::rpc::PoxInfo;
use countersign_wire::{
    BurnHeight, ConsensusHash, Hash160, PrivateKey, RewardCycle, Sighash, SlotId, StacksBlockId,
    StacksHeight, Weight,
};

use super::word::Sight;
use super::*;
use crate::readiness::{Facts, Permission};

fn key(byte: u8) -> PrivateKey {
    PrivateKey::from_bytes([byte; 32]).unwrap()
}

fn config() -> Config {
    Config::parse(&format!(
        "node_host = \"127.0.0.1:20443\"\nendpoint = \"127.0.0.1:30000\"\n\
         stacks_private_key = \"{}\"\nnetwork = \"testnet\"\nauth_password = \"hunter2hunter2\"\n\
         db_path = \":memory:\"\n",
        "01".repeat(32)
    ))
    .unwrap()
}

fn status() -> Status {
    let config = config();
    let keys = PublicKeys { first: key(1).public_key(), next: None };
    let facts = Facts::new(config.chain_id, true);
    let readiness = Readiness::new(facts, watch::Sender::new(Permission::Active));
    let stuck = watch::Sender::new(None).subscribe();
    Status::new((&config, &keys), readiness, stuck, CallbackQueue::new(QueueLimits::default()))
}

/// A reporter that has heard words, a second apart.
struct Story {
    reporter: Reporter,
    at: Timestamp,
}

impl Story {
    fn new() -> Self {
        let mut story = Self { reporter: status().reporter, at: now() };
        story.tell(Word::Calendar(Box::new(PoxInfo {
            first_burnchain_block_height: BurnHeight::new(0),
            current_burnchain_block_height: BurnHeight::new(53),
            reward_phase_block_length: 15,
            prepare_phase_block_length: 5,
            reward_cycle_id: 2,
            current_epoch: "Epoch33".to_owned(),
        })));
        story.tell(tip(53, 7));
        let signers = (1..=4).map(|byte| (key(byte).public_key(), Weight::new(10))).collect();
        story.tell(Word::Roster { cycle: CYCLE, signers });
        story
    }

    fn tell(&mut self, word: Word) {
        self.at = self.at.plus(Millis::from_secs(1));
        self.reporter.past.take(word, self.at);
    }

    fn note(&mut self, note: &Note) {
        if let Some(word) = Word::of_note(note) {
            self.tell(word);
        }
    }

    fn wait(&mut self, span: Millis) {
        self.at = self.at.plus(span);
    }

    fn shown(&self) -> Snapshot {
        compose::compose(&self.reporter.past, &self.reporter.sources, None, self.at)
    }

    fn alerts(&self) -> Vec<String> {
        self.shown().alerts.into_iter().map(|alert| alert.name).collect()
    }

    fn propose(&mut self, byte: u8) -> Sighash {
        let sighash = Sighash::new([byte; 32]);
        let tenure = ConsensusHash::new([7; 20]);
        let height = StacksHeight::new(byte.into());
        self.note(&Note::ProposalReceived { sighash, height, tenure });
        sighash
    }

    fn accept(&mut self, sighash: Sighash, height: u8) {
        let height = StacksHeight::new(height.into());
        self.note(&Note::GloballyAccepted { sighash, height });
    }
}

fn tip(burn: u64, stacks: u64) -> Word {
    Word::Tip { burn: BurnHeight::new(burn), stacks: StacksHeight::new(stacks) }
}

fn sight(burn: u64, tenure: u8) -> Sight {
    Sight {
        burn_block: ConsensusHash::new([9; 20]),
        burn_height: BurnHeight::new(burn),
        miner: MinerState::Active(ActiveMiner {
            key_hash: Hash160::new([3; 20]),
            tenure: ConsensusHash::new([tenure; 20]),
            parent_tenure: ConsensusHash::new([5; 20]),
            parent_last_block: StacksBlockId::new([6; 32]),
            parent_last_height: StacksHeight::new(6),
        }),
        protocol: 1,
    }
}

fn voted(sighash: Sighash, from: u32, weight: u32) -> Note {
    let (own, total) = (Weight::new(10), Weight::new(40));
    Note::AcceptanceReceived {
        sighash,
        from: SlotId::new(from),
        own,
        weight: Weight::new(weight),
        total,
    }
}

const CYCLE: RewardCycle = RewardCycle::new(2);

#[test]
fn a_blocks_way_is_told_with_its_times() {
    let mut story = Story::new();
    let sighash = story.propose(8);
    let proposed = story.at.as_millis();
    story.note(&Note::ValidationRequested { sighash });
    story.note(&Note::Verdict { sighash, valid: true, took: None });
    story.note(&Note::PreCommitted { sighash });
    let (own, total) = (Weight::new(10), Weight::new(40));
    let from = SlotId::new(1);
    story.note(&Note::PreCommitReceived { sighash, from, own, weight: Weight::new(30), total });
    story.note(&Note::Signing { sighash, overriding: 0 });
    story.note(&Note::Accepted { sighash, latency: Millis::new(5) });
    story.note(&voted(sighash, 1, 10));
    story.note(&voted(sighash, 0, 30));
    story.note(&Note::ThresholdReached { sighash, weight: Weight::new(30) });
    story.accept(sighash, 8);
    let shown = story.shown();
    let block = &shown.blocks[0];
    let after = |at: Option<u64>| at.map(|at| (at - proposed) / 1000);
    assert_eq!((block.height, block.proposed_at), (Some(8), Some(proposed)));
    assert_eq!((after(block.validated_at), block.valid), (Some(2), Some(true)));
    assert_eq!((after(block.pre_committed_at), after(block.threshold_at)), (Some(3), Some(5)));
    assert_eq!((after(block.answered_at), after(block.approved_at)), (Some(6), Some(9)));
    assert_eq!((after(block.accepted_at), block.outcome), (Some(10), Outcome::Accepted));
    assert_eq!((block.ours, block.signed_weight, block.total_weight), (Stance::Signed, 30, 40));
    let votes: Vec<_> = block.votes.iter().map(|vote| (vote.slot, vote.kind)).collect();
    assert_eq!(votes, [(1, VoteKind::Signed), (0, VoteKind::Signed)]);
    let took = |name: &str| shown.latencies.iter().find(|row| row.name == name).unwrap().p50_ms;
    assert_eq!((took("validation"), took("pre_commit")), (Some(1000), Some(3000)));
    assert_eq!((took("response"), took("approval")), (Some(6000), Some(9000)));
    assert_eq!((shown.totals.proposed, shown.totals.signed, shown.totals.missed), (1, 1, 0));
    assert_eq!(shown.chain.stacks_height, Some(8));
}

#[test]
fn a_rejection_says_why_and_a_signature_that_is_held_back_does_too() {
    let mut story = Story::new();
    let sighash = story.propose(8);
    let reason = RejectReason::InvalidMiner;
    story.note(&Note::Rejected { sighash, reason, latency: Millis::ZERO });
    let other = story.propose(9);
    let why = countersign_signer::WithheldSignature::BlockedByRejections;
    story.note(&Note::SigningWithheld { sighash: other, why });
    let shown = story.shown();
    assert_eq!(shown.blocks[1].ours, Stance::Rejected);
    assert_eq!(shown.blocks[1].reason, Some(reason.to_string()));
    assert_eq!(shown.blocks[0].reason.as_deref(), Some("held back: too many have rejected it"));
    assert_eq!(shown.totals.rejected, 1);
}

#[test]
fn blocks_that_were_accepted_without_us_are_missed_once_we_take_part() {
    let mut story = Story::new();
    story.accept(Sighash::new([5; 32]), 5);
    assert_eq!(story.shown().totals.missed, 0, "nothing was proposed to us yet");
    for byte in 8..12 {
        let sighash = story.propose(byte);
        story.accept(sighash, byte);
        story.accept(sighash, byte);
    }
    let shown = story.shown();
    assert_eq!((shown.totals.missed, shown.blocks.len()), (4, 5));
}

#[test]
fn blocks_of_a_cycle_without_a_seat_of_ours_are_not_missed() {
    let mut story = Story::new();
    let sighash = story.propose(8);
    story.accept(sighash, 8);
    let reason = NotRegisteredReason::NotInRewardSet;
    story.note(&Note::NotRegistered { cycle: CYCLE, reason });
    story.accept(Sighash::new([9; 32]), 9);
    assert_eq!(story.shown().totals.missed, 1, "nobody asks us in this cycle");
}

#[test]
fn a_missed_block_says_why_and_a_signed_one_needs_no_excuse() {
    let mut story = Story::new();
    let (missed, signed) = (story.propose(8), story.propose(9));
    story.note(&Note::Accepted { sighash: signed, latency: Millis::ZERO });
    for sighash in [missed, signed, Sighash::new([77; 32])] {
        story.reporter.past.blocks.explain(&sighash, "validation was slow");
    }
    let shown = story.shown();
    let why = |place: usize| shown.blocks[place].reason.clone();
    assert_eq!(
        (why(0), why(1).unwrap().as_str()),
        (None, "not signed in time: validation was slow")
    );
    assert_eq!(shown.blocks.len(), 2, "what was never heard of is not shown for that");
}

#[test]
fn no_number_of_blocks_votes_or_signers_makes_the_snapshot_large() {
    let mut story = Story::new();
    let mut key_of = 1_u16..;
    let signers: Vec<_> = (0..400)
        .map(|_| {
            let mut bytes = [1; 32];
            bytes[..2].copy_from_slice(&key_of.next().unwrap().to_be_bytes());
            (PrivateKey::from_bytes(bytes).unwrap().public_key(), Weight::new(1))
        })
        .collect();
    let cycle = RewardCycle::new(3);
    story.tell(tip(63, 7));
    story.tell(Word::Roster { cycle, signers });
    for byte in 0..=255 {
        let sighash = story.propose(byte);
        for from in 0..400 {
            story.note(&voted(sighash, from, from));
        }
    }
    let shown = story.shown();
    assert_eq!((shown.blocks.len(), shown.peers.len(), shown.peers_left_out), (24, 120, 280));
    let size = serde_json::to_vec(&shown).unwrap().len();
    assert!(size < 400_000, "{size} bytes");
}

#[test]
fn a_loop_that_nobody_listens_to_never_waits() {
    let Status { teller, reporter, .. } = status();
    let sighash = Sighash::new([1; 32]);
    let notes = vec![Note::PreCommitted { sighash }; 10_000];
    teller.note(&notes, now());
    let missed = reporter.sources.missed.load(Ordering::Relaxed);
    assert_eq!(missed, 10_000 - 4096, "what does not fit is counted");
    drop(reporter);
    teller.note(&notes, now());
}

#[test]
fn no_secret_is_in_a_snapshot() {
    let Status { window, .. } = status();
    let text = String::from_utf8(window.shown.borrow().to_vec()).unwrap();
    assert!(text.contains(&key(1).public_key().to_string()), "the public key is no secret");
    for secret in ["0101010101", "hunter2"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn views_are_compared_with_ours() {
    let mut story = Story::new();
    let see =
        |from: Option<u32>, view| Word::View { cycle: CYCLE, from: from.map(SlotId::new), view };
    story.tell(see(None, sight(53, 7)));
    story.tell(see(Some(1), sight(53, 7)));
    story.tell(see(Some(2), sight(52, 7)));
    story.tell(see(Some(3), sight(53, 8)));
    let shown = story.shown();
    let views: Vec<_> = shown.peers.iter().map(|peer| (peer.is_us, peer.view)).collect();
    let wanted =
        [(true, View::Same), (false, View::Same), (false, View::Behind), (false, View::Other)];
    assert_eq!(views, wanted);
    let tenure = shown.tenure.unwrap();
    assert_eq!((tenure.agreeing_weight, tenure.total_weight), (20, 40));
    assert_eq!(tenure.id.unwrap(), "07".repeat(20));
}

#[test]
fn what_a_signer_calls_its_program_is_kept_short_and_printable() {
    let mut story = Story::new();
    let (key, text) = (key(2).public_key(), "evil\u{1b}[2J\n".repeat(100));
    let response = countersign_wire::message::BlockAccepted {
        sighash: Sighash::new([1; 32]),
        signature: countersign_wire::MessageSignature::EMPTY,
        server_version: text,
        data: test_data(),
    };
    let message = countersign_wire::message::SignerMessage::BlockResponse(
        countersign_wire::message::BlockResponse::Accepted(response),
    );
    let version = countersign_wire::SlotVersion::new(1);
    let event = Event::Peer { parity: 0, from: key, version, message };
    story.tell(Word::of_event(&event).unwrap());
    let peer = story.shown().peers[1].clone();
    let program = peer.version.unwrap();
    assert_eq!(program.chars().count(), 80);
    assert!(program.chars().all(|char| !char.is_control()), "{program:?}");
    assert_eq!(peer.heard_at, Some(story.at.as_millis()));
}

fn test_data() -> countersign_wire::message::ResponseData {
    countersign_wire::message::ResponseData {
        version: 0,
        full_extend_at: countersign_wire::UnixSeconds::new(0),
        reason: RejectReason::NotRejected,
        read_count_extend_at: countersign_wire::UnixSeconds::new(0),
        failed_txid: None,
        rest: Vec::new(),
    }
}

#[test]
fn a_signer_that_has_heard_nothing_does_not_sign_and_raises_no_alarm_yet() {
    let shown: Snapshot = serde_json::from_slice(&status().window.shown.borrow()).unwrap();
    assert_eq!((shown.state, shown.ladder.len()), (State::NotSigning, 8));
    assert_eq!(shown.headline, "the node has not answered yet");
    assert!(shown.alerts.is_empty(), "{:?}", shown.alerts);
}

#[test]
fn each_condition_has_an_alert_that_goes_when_it_does() {
    let mut story = Story::new();
    story.reporter.past.take(tip(56, 7), story.at);
    let (cycle, reason) = (RewardCycle::new(3), NotRegisteredReason::NoSlot);
    story.note(&Note::NotRegistered { cycle, reason });
    assert_eq!(story.alerts(), ["NotRegisteredForNextCycle"]);
    let (slot, weight, total) = (SlotId::new(1), Weight::new(1), Weight::new(4));
    let key = key(1).public_key();
    story.note(&Note::Registered { cycle, key, slot, weight, total });
    assert_eq!(story.alerts(), [""; 0]);

    let (sighash, rival) = (story.propose(8), Sighash::new([9; 32]));
    story.note(&Note::VaultRefused { sighash, rival: sighash });
    assert_eq!(story.alerts(), [""; 0], "nothing is signed while this instance listens");
    story.note(&Note::VaultRefused { sighash, rival });
    assert_eq!(story.shown().alerts[0].severity, Severity::Critical);
    assert_eq!(story.alerts(), ["VaultRefused"]);
    story.wait(Millis::from_secs(3_601));
    assert_eq!(story.alerts(), [""; 0]);

    story.note(&Note::ValidationRequested { sighash });
    story.wait(Millis::from_secs(25));
    assert_eq!(story.alerts(), ["SignerValidationSlow"]);
    story.note(&Note::Verdict { sighash, valid: true, took: None });
    assert_eq!(story.alerts(), [""; 0]);

    story.reporter.past.called_at = Some(story.at);
    story.wait(Millis::from_secs(600));
    assert_eq!(story.alerts(), ["NodePostsNothing"]);
}

#[test]
fn the_page_of_the_documentation_lists_every_alert() {
    let doc = include_str!("../../../../docs/operator/status-page.md");
    let (_, table) = doc.split_once("| name | severity | when |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let listed: Vec<(&str, &str)> = table
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            Some((cells.next()?.trim_end_matches('`'), cells.next()?))
        })
        .collect();
    let word = |severity| if severity == Severity::Critical { "critical" } else { "warning" };
    let known = alerts::kinds::ALL.map(|kind| (kind.name, word(kind.severity)));
    assert_eq!(listed, known);
}

#[test]
fn conditions_have_the_names_of_the_alert_rules_but_for_those_that_no_metric_shows() {
    let rules: Vec<&str> = countersign_watch::alert::all().map(|alert| alert.name).collect();
    let names = alerts::kinds::ALL.map(|kind| kind.name);
    let own: Vec<&str> = names.into_iter().filter(|name| !rules.contains(name)).collect();
    assert_eq!(own, ["SignerStuck", "VaultRefused", "SecondSeatSilent"]);
}

#[test]
fn an_alert_keeps_the_time_from_which_on_it_is_up() {
    let mut story = Story::new();
    let (sighash, rival) = (story.propose(8), Sighash::new([9; 32]));
    story.note(&Note::VaultRefused { sighash, rival });
    let first = story.shown();
    story.reporter.past.remember_alerts(&first.alerts);
    story.wait(Millis::from_secs(60));
    assert_eq!(story.shown().alerts[0].since, first.alerts[0].since);
}
