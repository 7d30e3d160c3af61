//! Snapshots: what they hold, and that the node runs afterwards whatever happened.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use countersign_backup::chainstate::{
    Agreement, ArchiveError, Digest, SeedJob, Seeded, Service, Snapshot, SnapshotError,
    SnapshotJob, Source, seed, snapshot,
};
use countersign_backup::{Care, Progress};
use tokio_util::sync::CancellationToken;

use crate::node::FakeNode;
use crate::{client, contents, names, with_care};

const NOW: u64 = 1_764_268_740;

/// A node and another one, and a snapshot that is to be made.
struct Scene {
    node: FakeNode,
    other: FakeNode,
    job: SnapshotJob,
}

impl Scene {
    fn new() -> Self {
        Self::with(FakeNode::start())
    }

    fn with(node: FakeNode) -> Self {
        let other = FakeNode::start();
        let job = SnapshotJob {
            node: node.config.clone(),
            service: node.service(),
            out: node.folder.path().join("out"),
            other: other.url(),
            in_any_phase: false,
            limit: Duration::from_secs(1),
        };
        Self { node, other, job }
    }

    fn run(&self) -> Result<Snapshot, SnapshotError> {
        with_care(|care| snapshot(&self.job, &client(), NOW, care))
    }

    /// Nothing is left of the attempt, and the node runs.
    fn is_as_before(&self) {
        assert!(self.node.is_up());
        if self.job.out.exists() {
            assert_eq!(names(&self.job.out), [""; 0]);
        }
    }
}

#[test]
fn a_snapshot_holds_what_the_node_had_and_the_node_runs_again() {
    let scene = Scene::new();
    let made = scene.run().unwrap();
    assert!(scene.node.is_up() && made.down_ms.is_some());
    assert!(matches!(made.agreement, Some(Agreement::Same { .. })), "{made:?}");
    assert_eq!(
        names(&scene.job.out),
        [
            "chainstate-krypton-20251127T183900Z.tar.zst",
            "chainstate-krypton-20251127T183900Z.tar.zst.sha256"
        ]
    );
    let checked = Command::new("sha256sum")
        .args(["--check", "chainstate-krypton-20251127T183900Z.tar.zst.sha256"])
        .current_dir(&scene.job.out)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
    // Another node begins with it.
    let seeded = FakeNode::stopped();
    let before = contents(&scene.node.config.chainstate);
    fs::remove_dir_all(&seeded.config.chainstate).unwrap();
    let job = SeedJob {
        node: seeded.config.clone(),
        source: Source::File(made.path.clone()),
        digest: made.sha256.parse::<Digest>().unwrap(),
        may_replace: false,
        owner: None,
        start: None,
        in_any_phase: false,
        limit: Duration::from_secs(1),
    };
    let Seeded { bytes, downloaded, put_aside, .. } =
        with_care(|care| seed(&job, &client(), NOW, care)).unwrap();
    assert_eq!((bytes, downloaded, put_aside), (made.unpacked_bytes, 0, None));
    assert_eq!(contents(&seeded.config.chainstate), before);
    assert!(made.path.exists(), "an archive of this host stays");
}

#[test]
fn a_node_that_stood_still_before_stands_still_afterwards() {
    let scene = Scene::with(FakeNode::stopped());
    let made = scene.run().unwrap();
    assert!(!scene.node.is_up());
    assert_eq!((made.down_ms, made.agreement, made.tip), (None, None, None));
}

#[test]
fn a_node_that_does_not_stop_is_not_archived() {
    let mut scene = Scene::new();
    scene.job.service = Service { stop: vec!["true".to_owned()], ..scene.job.service };
    scene.job.limit = Duration::from_millis(50);
    let refused = scene.run().unwrap_err();
    let SnapshotError::StillRuns(seen) = &refused else { panic!("{refused}") };
    assert_eq!(seen.ports.len(), 2, "{refused}");
    assert!(seen.holders.iter().any(|holder| holder.name == "sleep"), "{refused}");
    scene.is_as_before();
}

#[test]
fn whoever_waits_for_a_node_to_stop_can_be_stopped() {
    let mut scene = Scene::new();
    scene.job.service = Service { stop: vec!["true".to_owned()], ..scene.job.service };
    scene.job.limit = Duration::from_secs(30);
    let stop = CancellationToken::new();
    let token = stop.clone();
    let mut progress = move |progress: Progress| {
        if progress.phase == "stop" {
            token.cancel();
        }
    };
    let begun = std::time::Instant::now();
    let stopped = snapshot(&scene.job, &client(), NOW, &mut Care { progress: &mut progress, stop })
        .unwrap_err();
    assert!(matches!(stopped, SnapshotError::Archive(ArchiveError::Stopped)), "{stopped}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    scene.is_as_before();
}

#[test]
fn a_node_whose_stop_fails_is_started_all_the_same() {
    let mut scene = Scene::new();
    let flag = scene.job.service.stop[1].clone();
    // It stops the node, and then says that it could not.
    scene.job.service.stop = ["rm", &flag, "/no/such/file"].map(str::to_owned).to_vec();
    let refused = scene.run().unwrap_err();
    assert!(matches!(refused, SnapshotError::Keeper(_)), "{refused}");
    scene.is_as_before();
}

#[test]
fn the_node_is_started_when_the_archiving_fails_or_is_stopped() {
    let scene = Scene::new();
    std::os::unix::fs::symlink("/etc", scene.node.config.chainstate.join("link")).unwrap();
    let refused = scene.run().unwrap_err();
    assert!(matches!(refused, SnapshotError::Archive(ArchiveError::Special(_))), "{refused}");
    scene.is_as_before();
    fs::remove_file(scene.node.config.chainstate.join("link")).unwrap();

    let stop = CancellationToken::new();
    let token = stop.clone();
    let mut progress = move |progress: Progress| {
        if progress.phase == "archive" {
            token.cancel();
        }
    };
    let stopped = snapshot(&scene.job, &client(), NOW, &mut Care { progress: &mut progress, stop })
        .unwrap_err();
    assert!(matches!(stopped, SnapshotError::Archive(ArchiveError::Stopped)), "{stopped}");
    scene.is_as_before();
}

#[test]
fn a_node_that_cannot_be_started_is_said_to_be_down() {
    let mut scene = Scene::new();
    scene.job.service.start = vec!["false".to_owned()];
    let error = scene.run().unwrap_err();
    assert!(matches!(error, SnapshotError::Down(_)), "{error}");
    assert!(error.to_string().contains("THE NODE IS DOWN"), "{error}");
}

#[test]
fn nothing_is_stopped_in_the_prepare_phase_unless_somebody_says_so() {
    let mut scene = Scene::new();
    for (burn, is_refused) in [(1079, true), (1080, true), (1098, true), (1078, false)] {
        scene.node.say(|says| says.burn = burn);
        let made = scene.run();
        assert_eq!(made.is_err(), is_refused, "{burn}: {made:?}");
        if let Err(error) = made {
            assert!(matches!(error, SnapshotError::Prepare { .. }), "{error}");
            scene.is_as_before();
        }
    }
    scene.node.say(|says| says.burn = 1090);
    scene.job.in_any_phase = true;
    scene.run().unwrap();
}

#[test]
fn a_phase_that_nobody_knows_is_no_phase_to_stop_in() {
    let mut scene = Scene::with(FakeNode::stopped());
    scene.job.other = "http://127.0.0.1:1".to_owned();
    let refused = scene.run().unwrap_err();
    assert!(matches!(refused, SnapshotError::NoPhase(_)), "{refused}");
}

#[test]
fn a_place_in_the_chainstate_or_without_one_is_refused() {
    let mut scene = Scene::new();
    scene.job.out = scene.node.config.chainstate.join("chainstate");
    assert!(matches!(scene.run().unwrap_err(), SnapshotError::Inside(_)));
    scene.job.out = scene.node.folder.path().join("out");
    scene.job.node.chainstate = PathBuf::from("/no/such/mainnet");
    assert!(matches!(scene.run().unwrap_err(), SnapshotError::Missing(_)));
    assert!(scene.node.is_up());
}

#[test]
fn liars_about_the_tip_are_told_apart() {
    let mut scene = Scene::new();
    scene.job.limit = Duration::from_millis(300);
    let agreement = |scene: &Scene| scene.run().unwrap().agreement.unwrap();
    scene.other.say(|says| says.chain = 9);
    assert!(matches!(agreement(&scene), Agreement::OtherChain { .. }));
    scene.other.say(|says| (says.chain, says.height) = (1, 90));
    let behind = agreement(&scene);
    assert!(matches!(behind, Agreement::OtherBehind { .. }) && !behind.is_good(), "{behind}");
    scene.other.say(|says| says.height = 110);
    let behind = agreement(&scene);
    assert!(matches!(behind, Agreement::Behind { .. }) && !behind.is_good(), "{behind}");
    scene.other.say(|says| says.height = 1_000_000);
    scene.node.say(|says| says.advances = true);
    let behind = agreement(&scene);
    assert!(matches!(behind, Agreement::CatchingUp { .. }) && behind.is_good(), "{behind}");
}

#[test]
fn two_nodes_with_two_blocks_at_one_height_are_a_fork() {
    let mut scene = Scene::new();
    scene.job.limit = Duration::from_secs(20);
    scene.other.say(|says| says.hash = 8);
    let agreement = scene.run().unwrap().agreement.unwrap();
    assert!(matches!(agreement, Agreement::Fork { .. }), "{agreement}");
    assert!(scene.node.is_up());
}

#[test]
fn another_that_does_not_answer_leaves_the_archive_and_an_error() {
    let mut scene = Scene::new();
    scene.job.other = "http://127.0.0.1:1".to_owned();
    let error = scene.run().unwrap_err();
    let SnapshotError::Tip { path, .. } = &error else { panic!("{error}") };
    assert!(path.exists() && scene.node.is_up());
}
