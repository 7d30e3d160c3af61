//! A disk that is full, and files that are given to another user.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use countersign_backup::chainstate::{FetchError, SeedError, SeedJob, Source, seed};

use crate::client;
use crate::node::FakeNode;
use crate::seeding::{archive, digest, job};
use crate::server::Server;
use crate::with_care;

/// A small file system in memory.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn mount(at: &'a Path, size: &str) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(at)
            .status();
        assert!(mounted.expect("mount is part of every distribution").success());
        Self(at)
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
#[ignore = "needs root: it mounts a small file system"]
fn a_disk_that_is_too_small_is_found_out_before_anything_is_downloaded() {
    let node = FakeNode::stopped();
    fs::remove_dir_all(&node.config.chainstate).unwrap();
    let _small = Small::mount(&node.config.working_dir, "1m");
    let server = Server::new(archive(600_000));
    let digest = digest(&server.manners.lock().unwrap().body);
    let job = job(&node, Source::Web(server.url.clone()), digest);
    let refused = with_care(|care| seed(&job, &client(), 1, care)).unwrap_err();
    assert!(matches!(refused, SeedError::Fetch(FetchError::Full { .. })), "{refused}");
    assert!(!node.config.chainstate.exists());
}

#[test]
#[ignore = "needs root: it gives files to another user"]
fn what_is_seeded_belongs_to_the_owner_of_the_nodes_folder_or_to_whoever_is_named() {
    for named in [None, Some((4321, 4322))] {
        let node = FakeNode::stopped();
        fs::remove_dir_all(&node.config.chainstate).unwrap();
        std::os::unix::fs::chown(&node.config.working_dir, Some(1234), Some(1235)).unwrap();
        let file = node.folder.path().join("a.tar.zst");
        fs::write(&file, archive(1000)).unwrap();
        let job = job(&node, Source::File(file), digest(&archive(1000)));
        let job = SeedJob { owner: named, ..job };
        with_care(|care| seed(&job, &client(), 1, care)).unwrap();
        for place in ["", "a", "a/index.sqlite"] {
            let made = node.config.chainstate.join(place).metadata().unwrap();
            assert_eq!((made.uid(), made.gid()), named.unwrap_or((1234, 1235)), "{place}");
        }
    }
}
