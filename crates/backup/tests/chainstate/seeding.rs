//! Seeding: downloads that break off, archives that are not what was meant, and what is never replaced.

use std::fs;
use std::path::Path;
use std::time::Duration;

use countersign_backup::HttpError;
use countersign_backup::chainstate::{
    Agreement, Digest, ExtractError, FetchError, SeedError, SeedJob, Seeded, Source, seed,
};
use sha2::{Digest as _, Sha256};

use crate::node::FakeNode;
use crate::server::Server;
use crate::{client, contents, names, with_care};

const NOW: u64 = 1_764_268_740;

/// A tar in zstd with a chainstate of a krypton.
pub(crate) fn archive(size: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    // Hashes do not shrink.
    let hashes = (0..size.div_ceil(32)).flat_map(|at| Sha256::digest(at.to_le_bytes()));
    let noise: Vec<u8> = hashes.take(size).collect();
    for (name, data) in
        [("krypton/a/index.sqlite", &noise[..]), ("krypton/headers.sqlite", b"seeded")]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o6777);
        tar.append_data(&mut header, name, data).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::new(Sha256::digest(bytes).into())
}

pub(crate) fn job(node: &FakeNode, source: Source, digest: Digest) -> SeedJob {
    SeedJob {
        node: node.config.clone(),
        source,
        digest,
        may_replace: false,
        owner: None,
        start: None,
        in_any_phase: false,
        limit: Duration::from_secs(1),
    }
}

fn run(job: &SeedJob) -> Result<Seeded, SeedError> {
    with_care(|care| seed(job, &client(), NOW, care))
}

/// A node without a chainstate, a server with an archive, and the seeding from the one to the other.
fn scene(size: usize) -> (FakeNode, Server, SeedJob) {
    let node = FakeNode::stopped();
    fs::remove_dir_all(&node.config.chainstate).unwrap();
    let server = Server::new(archive(size));
    let digest = digest(&server.manners.lock().unwrap().body);
    let job = job(&node, Source::Web(server.url.clone()), digest);
    (node, server, job)
}

fn is_seeded(node: &FakeNode) -> bool {
    fs::read(node.config.chainstate.join("headers.sqlite")).is_ok_and(|text| text == b"seeded")
}

/// What is left in the node's folder, hidden files too, but for the lock.
fn leftovers(node: &FakeNode) -> Vec<String> {
    let mut left: Vec<String> = fs::read_dir(&node.config.working_dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".chainstate-lock")
        .collect();
    left.sort();
    left
}

#[test]
fn a_download_is_checked_unpacked_and_removed_and_no_mode_of_the_archive_survives() {
    use std::os::unix::fs::PermissionsExt as _;

    let (node, _server, job) = scene(100_000);
    let seeded = run(&job).unwrap();
    assert!(is_seeded(&node) && seeded.downloaded > 0);
    assert_eq!(leftovers(&node), ["krypton"]);
    let mode = |path: &str| {
        node.config.chainstate.join(path).metadata().unwrap().permissions().mode() & 0o7777
    };
    assert_eq!((mode("headers.sqlite"), mode("a")), (0o640, 0o750));
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let (node, server, job) = scene(400_000);
    server.with(|manners| manners.breaks_after = Some(150_000));
    run(&job).unwrap();
    assert!(is_seeded(&node));
    let asked = server.asked();
    assert!(
        asked.len() >= 3 && asked[0] == 0 && asked.windows(2).all(|pair| pair[0] < pair[1]),
        "{asked:?}"
    );
}

#[test]
fn an_interrupted_seeding_goes_on_when_it_is_called_again() {
    let (node, server, job) = scene(400_000);
    server.with(|manners| manners.hangs_after = Some(0));
    // What a killed process has left: the beginning, the server's name for the version, half a folder.
    let part = node.config.working_dir.join(format!(".chainstate-{}.part", job.digest));
    let whole = server.manners.lock().unwrap().body.clone();
    fs::write(&part, &whole[..200_000]).unwrap();
    fs::write(part.with_extension("tag"), "\"v1\"").unwrap();
    fs::create_dir_all(node.config.working_dir.join(".chainstate-draft/krypton/x")).unwrap();
    server.with(|manners| manners.hangs_after = None);
    let seeded = run(&job).unwrap();
    assert_eq!(server.asked(), [200_000]);
    assert_eq!(seeded.downloaded, (whole.len() - 200_000) as u64);
    assert!(is_seeded(&node));
    assert_eq!(leftovers(&node), ["krypton"]);
}

#[test]
fn a_download_that_was_complete_is_not_repeated() {
    let (node, server, job) = scene(50_000);
    let part = node.config.working_dir.join(format!(".chainstate-{}.part", job.digest));
    fs::write(&part, &server.manners.lock().unwrap().body).unwrap();
    fs::write(part.with_extension("tag"), "\"v1\"").unwrap();
    assert_eq!(run(&job).unwrap().downloaded, 0);
    assert!(is_seeded(&node));
}

#[test]
fn a_server_without_ranges_and_one_that_has_another_version_now_begin_anew() {
    for is_changed in [false, true] {
        let (node, server, job) = scene(100_000);
        let part = node.config.working_dir.join(format!(".chainstate-{}.part", job.digest));
        fs::write(&part, vec![9; 60_000]).unwrap();
        fs::write(part.with_extension("tag"), "\"v0\"").unwrap();
        server.with(|manners| manners.ignores_ranges = !is_changed);
        run(&job).unwrap();
        assert!(is_seeded(&node), "{is_changed}");
    }
}

#[test]
fn an_archive_that_is_not_the_one_that_was_meant_is_removed_and_nothing_is_unpacked() {
    let (node, server, job) = scene(100_000);
    server.with(|manners| manners.body[50_000] ^= 1);
    let refused = run(&job).unwrap_err();
    assert!(matches!(refused, SeedError::Fetch(FetchError::Other { .. })), "{refused}");
    assert_eq!(leftovers(&node), [""; 0]);
    // A spoilt beginning does not survive into the next attempt.
    server.with(|manners| manners.body[50_000] ^= 1);
    run(&job).unwrap();
    assert!(is_seeded(&node));
}

#[test]
fn a_truncated_archive_is_another_archive() {
    let (node, server, job) = scene(100_000);
    server.with(|manners| manners.body.truncate(70_000));
    assert!(matches!(run(&job).unwrap_err(), SeedError::Fetch(FetchError::Other { .. })));
    assert!(!node.config.chainstate.exists());
    // Truncated before its hash was taken, it is what was meant, and no archive.
    let body = server.manners.lock().unwrap().body.clone();
    let job = SeedJob { digest: digest(&body), ..job };
    let refused = run(&job).unwrap_err();
    assert!(matches!(refused, SeedError::Extract(ExtractError::Archive(_))), "{refused}");
    assert!(!node.config.chainstate.exists());
    assert!(!node.config.working_dir.join(".chainstate-draft").exists());
}

#[test]
fn a_server_that_hangs_refuses_or_hides_its_length_is_given_up() {
    let (node, server, job) = scene(100_000);
    server.with(|manners| manners.hangs_after = Some(0));
    let hung = run(&job).unwrap_err();
    assert!(matches!(hung, SeedError::Fetch(FetchError::Http(HttpError::Silent { .. }))), "{hung}");
    server.with(|manners| (manners.hangs_after, manners.status) = (None, Some("404 Not Found")));
    let refused = run(&job).unwrap_err();
    assert!(
        matches!(
            refused,
            SeedError::Fetch(FetchError::Http(HttpError::Refused { status: 404, .. }))
        ),
        "{refused}"
    );
    server.with(|manners| (manners.status, manners.hides_length) = (None, true));
    assert!(matches!(run(&job).unwrap_err(), SeedError::Fetch(FetchError::NoLength(_))));
    assert!(!node.config.chainstate.exists());
}

#[test]
fn a_node_whose_answer_drips_is_not_waited_for() {
    let (_node, server, _job) = scene(100_000);
    server.with(|manners| manners.drips = true);
    let slow = client().get(&server.url, 1 << 20).unwrap_err();
    assert!(matches!(slow, HttpError::Silent { .. }), "{slow}");
}

#[test]
fn a_server_that_never_comes_further_is_given_up() {
    let (_node, server, job) = scene(100_000);
    server.with(|manners| (manners.breaks_after, manners.ignores_ranges) = (Some(60_000), true));
    let broken = run(&job).unwrap_err();
    assert!(
        matches!(broken, SeedError::Fetch(FetchError::Http(HttpError::Broken { .. }))),
        "{broken}"
    );
}

#[test]
fn a_server_that_sends_more_than_it_said_does_not_fill_the_disk() {
    let (node, server, job) = scene(100_000);
    server.with(|manners| manners.lies_about_length = Some(40_000));
    let refused = run(&job).unwrap_err();
    assert!(
        matches!(refused, SeedError::Fetch(FetchError::Http(HttpError::TooLarge { .. }))),
        "{refused}"
    );
    let part = node.config.working_dir.join(format!(".chainstate-{}.part", job.digest));
    assert!(part.metadata().unwrap().len() <= 40_000);
}

#[test]
fn a_redirection_is_followed_and_a_circle_is_not() {
    let (node, server, job) = scene(50_000);
    let first = Server::new(Vec::new());
    first.with(|manners| manners.redirect = Some(server.url.clone()));
    let job = SeedJob { source: Source::Web(first.url.clone()), ..job };
    run(&job).unwrap();
    assert!(is_seeded(&node));
    fs::remove_dir_all(&node.config.chainstate).unwrap();
    first.with(|manners| manners.redirect = Some("/again".to_owned()));
    let refused = run(&job).unwrap_err();
    assert!(
        matches!(refused, SeedError::Fetch(FetchError::Http(HttpError::Redirect(_)))),
        "{refused}"
    );
}

#[test]
fn a_chainstate_that_is_there_is_replaced_only_if_that_is_said_and_is_put_aside_then() {
    let (_node, server, job) = scene(50_000);
    let node = FakeNode::stopped();
    let before = contents(&node.config.chainstate);
    let job = SeedJob { node: node.config.clone(), ..job };
    assert!(matches!(run(&job).unwrap_err(), SeedError::Exists(_)));
    assert_eq!(server.asked(), [0; 0], "nothing is downloaded for nothing");
    assert_eq!(contents(&node.config.chainstate), before);
    let seeded = run(&SeedJob { may_replace: true, ..job }).unwrap();
    let aside = seeded.put_aside.unwrap();
    assert_eq!(aside, node.config.working_dir.join("krypton.before-20251127T183900Z"));
    assert_eq!(contents(&aside), before);
    assert!(is_seeded(&node));
}

#[test]
fn a_running_node_is_never_seeded() {
    let (_, _server, job) = scene(50_000);
    let node = FakeNode::start();
    let job = SeedJob { node: node.config.clone(), may_replace: true, ..job };
    let refused = run(&job).unwrap_err();
    assert!(matches!(refused, SeedError::Runs(_)), "{refused}");
    assert!(!is_seeded(&node));
}

#[test]
fn two_seedings_do_not_meet() {
    let (node, _server, job) = scene(50_000);
    let lock = fs::File::create(node.config.working_dir.join(".chainstate-lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(run(&job).unwrap_err(), SeedError::Busy(_)));
    drop(lock);
    run(&job).unwrap();
}

#[test]
fn a_link_in_the_place_of_the_download_is_not_followed() {
    let (node, _server, job) = scene(50_000);
    let precious = node.folder.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    let part = node.config.working_dir.join(format!(".chainstate-{}.part", job.digest));
    std::os::unix::fs::symlink(&precious, &part).unwrap();
    assert!(matches!(run(&job).unwrap_err(), SeedError::Fetch(FetchError::Io { .. })));
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
}

#[test]
fn a_node_is_started_and_compared_outside_of_the_prepare_phase_alone() {
    let (node, _server, job) = scene(50_000);
    let other = FakeNode::start();
    let start = Some((node.service(), other.url()));
    let job = SeedJob { start, ..job };
    other.say(|says| says.burn = 1090);
    assert!(matches!(run(&job).unwrap_err(), SeedError::Phase(_)));
    other.say(|says| says.burn = 1010);
    let seeded = run(&job).unwrap();
    assert!(node.is_up());
    assert!(matches!(seeded.agreement, Some(Agreement::Same { .. })), "{seeded:?}");
}

#[test]
fn a_file_of_this_host_is_a_source_and_stays() {
    let (node, server, job) = scene(50_000);
    let file = node.folder.path().join("archive.tar.zst");
    fs::write(&file, &server.manners.lock().unwrap().body).unwrap();
    let source = format!("file://{}", file.display()).parse().unwrap();
    run(&SeedJob { source, ..job }).unwrap();
    assert!(is_seeded(&node) && file.exists());
    assert_eq!(names(Path::new(node.folder.path())), ["archive.tar.zst", "work"]);
}
