use std::fs;

use countersign_custody::scan::{History, Remedy};

use crate::support::{MNEMONIC, PRIVATE, Place, noise, object, scan_paths};

/// A repository with one clean commit.
fn clean() -> Place {
    let place = Place::new();
    place.git("", &["init", "--quiet", "repo"]);
    place.write("repo/README.md", "Nothing to see.\n");
    commit(&place, "Begin");
    place
}

fn commit(place: &Place, message: &str) -> String {
    place.git("repo", &["add", "--all"]);
    place.git("repo", &["commit", "--quiet", "--allow-empty", "-m", message]);
    place.git("repo", &["rev-parse", "HEAD"])
}

/// A repository with a key that was committed as `config/signer.toml` and removed, and the commit.
fn leaked() -> (Place, String) {
    let place = clean();
    place.write("repo/config/signer.toml", format!("a = 1\nkey = \"{PRIVATE}01\"\n"));
    let guilty = commit(&place, "Add the signer");
    fs::remove_dir_all(place.path().join("repo/config")).unwrap();
    commit(&place, "Remove the key again");
    (place, guilty)
}

/// The only finding in the history, and where it is.
fn history(place: &Place) -> (String, History) {
    let report = place.scan();
    assert!(report.is_complete(), "{:?}", report.unread);
    let shown = place.only(&report);
    let finding = &report.findings[0];
    assert_eq!(finding.remedy, Remedy::Rewrite);
    (shown, object(finding).history.clone().expect("the history was followed"))
}

#[test]
fn a_key_that_was_committed_and_removed_is_found_with_commit_path_and_refs() {
    let (place, guilty) = leaked();
    place.git("repo", &["tag", "-a", "-m", "release", "v1"]);
    place.git("repo", &["branch", "clean", "HEAD~2"]);
    let blob = place.git("repo", &["rev-parse", &format!("{guilty}:config/signer.toml")]);
    let (shown, history) = history(&place);
    assert_eq!(shown, format!("repo/.git » blob {blob}, line 2: hex"));
    assert_eq!(history.commit, Some(guilty));
    assert_eq!(history.path.as_deref(), Some("config/signer.toml"));
    assert_eq!(history.commits, 1);
    assert!(!history.is_partial);
    for name in ["refs/heads/main", "refs/tags/v1", "HEAD", "the reflog of HEAD"] {
        assert!(name == "HEAD" || history.refs.contains(&name.to_owned()), "{name}: {history:?}");
    }
    assert!(!history.refs.contains(&"refs/heads/clean".to_owned()), "{history:?}");
}

#[test]
fn a_key_in_a_pack_is_found_after_a_clean_up() {
    let (place, guilty) = leaked();
    place.git("repo", &["tag", "v1"]);
    place.git("repo", &["gc", "--quiet", "--aggressive", "--prune=now"]);
    let (_, history) = history(&place);
    assert_eq!(history.commit, Some(guilty));
    assert_eq!(history.path.as_deref(), Some("config/signer.toml"));
    assert!(history.refs.contains(&"refs/tags/v1".to_owned()), "{history:?}");
}

/// A long file of which each version differs a little, and one of which has the key.
fn deltas() -> (Place, String) {
    let place = clean();
    let mut lines: Vec<String> =
        noise(7, 32 * 2000).chunks(32).map(|b| hex::encode(&b[..20])).collect();
    let mut guilty = String::new();
    for version in 0..12 {
        lines[version * 100] = format!("version {version}");
        if version == 4 {
            lines[777] = format!("key: {PRIVATE}");
        } else {
            "no key".clone_into(&mut lines[777]);
        }
        place.write("repo/data/large.txt", lines.join("\n"));
        let commit = commit(&place, &format!("Version {version}"));
        if version == 4 {
            guilty = commit;
        }
    }
    (place, guilty)
}

#[test]
fn a_key_that_a_pack_stores_as_a_difference_is_found() {
    let (place, guilty) = deltas();
    place.git("repo", &["gc", "--quiet", "--aggressive", "--prune=now"]);
    let blob = place.git("repo", &["rev-parse", &format!("{guilty}:data/large.txt")]);
    // The test means something only if the object is a difference from another one.
    let base = ["cat-file", "--batch-check=%(deltabase)", "--batch-all-objects"];
    assert!(place.git("repo", &base).lines().any(|base| !base.trim_matches('0').is_empty()));
    let (shown, history) = history(&place);
    assert_eq!(shown, format!("repo/.git » blob {blob}, line 778: hex"));
    assert_eq!(history.commit, Some(guilty));
}

#[test]
fn differences_that_name_their_base_by_id_are_put_together() {
    let (place, _) = deltas();
    let pack = ["-c", "repack.useDeltaBaseOffset=false", "repack", "-a", "-d", "-f", "--quiet"];
    place.git("repo", &pack);
    place.git("repo", &["prune-packed"]);
    history(&place);
}

#[test]
fn a_key_in_a_stash_is_found_and_so_is_one_in_an_older_stash() {
    let place = clean();
    place.write("repo/README.md", format!("key: {PRIVATE}\n"));
    place.git("repo", &["stash", "--quiet"]);
    let (_, with_one) = history(&place);
    assert!(with_one.refs.contains(&"refs/stash".to_owned()), "{with_one:?}");
    place.write("repo/README.md", "harmless\n");
    place.git("repo", &["stash", "--quiet"]);
    let (_, with_two) = history(&place);
    assert!(with_two.refs.contains(&"the reflog of refs/stash".to_owned()), "{with_two:?}");
    assert!(!with_two.refs.contains(&"refs/stash".to_owned()), "{with_two:?}");
}

#[test]
fn a_key_that_an_amended_commit_dropped_is_found() {
    let place = clean();
    place.write("repo/.env", format!("KEY={PRIVATE}\n"));
    let guilty = commit(&place, "Oops");
    fs::remove_file(place.path().join("repo/.env")).unwrap();
    place.git("repo", &["add", "--all"]);
    place.git("repo", &["commit", "--quiet", "--amend", "--allow-empty", "-m", "Nothing"]);
    let (_, amended) = history(&place);
    assert_eq!(amended.commit.as_ref(), Some(&guilty));
    assert_eq!(
        amended.refs.iter().filter(|name| name.starts_with("refs/")).count(),
        0,
        "{amended:?}"
    );
    assert!(amended.refs.contains(&"the reflog of HEAD".to_owned()), "{amended:?}");

    place.git("repo", &["reflog", "expire", "--expire=now", "--all"]);
    let (_, forgotten) = history(&place);
    assert_eq!(forgotten.commit, Some(guilty));
    assert_eq!(forgotten.refs.len(), 0, "{forgotten:?}");
}

#[test]
fn a_key_that_was_only_staged_is_found_in_no_commit() {
    let place = clean();
    place.write("repo/key", PRIVATE);
    place.git("repo", &["add", "key"]);
    fs::remove_file(place.path().join("repo/key")).unwrap();
    let (_, history) = history(&place);
    assert_eq!((history.commit, history.commits), (None, 0));
}

#[test]
fn a_key_in_a_message_of_a_commit_or_a_tag_is_found() {
    let place = clean();
    let guilty = commit(&place, &format!("Use the key\n\nIt is {PRIVATE}"));
    fs::remove_file(place.path().join("repo/.git/COMMIT_EDITMSG")).unwrap();
    let (shown, history) = history(&place);
    assert_eq!(shown, format!("repo/.git » commit {guilty}, line 8: hex"));
    assert_eq!(history.commit, Some(guilty));

    let place = clean();
    place.git("repo", &["tag", "-a", "-m", PRIVATE, "v1"]);
    let report = place.scan();
    assert!(place.only(&report).contains(" » tag "));
    assert_eq!(object(&report.findings[0]).history.as_ref().unwrap().refs, ["refs/tags/v1"]);
}

#[test]
fn keys_in_base64_and_mnemonics_are_found_in_a_history() {
    use base64::Engine as _;
    let place = clean();
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{PRIVATE}01"));
    place.write("repo/secret.yaml", format!("kind: Secret\ndata:\n  key: {encoded}\n"));
    place.write("repo/README.md", format!("Seed: {MNEMONIC}\n"));
    commit(&place, "Add secrets");
    fs::remove_file(place.path().join("repo/secret.yaml")).unwrap();
    fs::remove_file(place.path().join("repo/README.md")).unwrap();
    commit(&place, "Remove them");
    place.git("repo", &["gc", "--quiet"]);
    let report = place.scan();
    let mut forms: Vec<String> = report
        .findings
        .iter()
        .map(|f| format!("{:?} line {:?}", f.forms, f.line.unwrap()))
        .collect();
    forms.sort();
    assert_eq!(
        forms,
        ["[Base64, Hex] line 3", "[Mnemonic { path: \"m/44'/5757'/0'/0/0\" }] line 1"]
    );
}

#[test]
fn a_bare_repository_and_one_in_sha_256_are_searched() {
    let (place, guilty) = leaked();
    place.git("", &["clone", "--quiet", "--bare", "repo", "bare.git"]);
    fs::remove_dir_all(place.path().join("repo")).unwrap();
    let (shown, found) = history(&place);
    assert!(shown.starts_with("bare.git » blob "), "{shown}");
    assert_eq!(found.commit, Some(guilty));

    let place = Place::new();
    place.git("", &["init", "--quiet", "--object-format=sha256", "repo"]);
    place.write("repo/key", PRIVATE);
    let guilty = commit(&place, "Add a key");
    fs::remove_file(place.path().join("repo/key")).unwrap();
    commit(&place, "Remove it");
    for pack in [false, true] {
        if pack {
            place.git("repo", &["gc", "--quiet", "--prune=now"]);
        }
        let (_, found) = history(&place);
        assert_eq!(found.commit.as_ref(), Some(&guilty));
        assert_eq!(found.path.as_deref(), Some("key"));
    }
}

#[test]
fn the_history_of_a_worktree_is_searched_if_its_repository_knows_it() {
    let (place, guilty) = leaked();
    place.git("repo", &["worktree", "add", "--quiet", "../tree", "HEAD~2"]);
    let report = scan_paths(&[place.path().join("tree")]);
    assert!(report.is_complete(), "{:?}", report.unread);
    assert_eq!(object(&report.findings[0]).history.as_ref().unwrap().commit, Some(guilty));

    // A file that merely names the repository does not lead there; but it is told.
    place.write("stranger/.git", format!("gitdir: {}\n", place.path().join("repo/.git").display()));
    let report = scan_paths(&[place.path().join("stranger")]);
    assert!(report.findings.is_empty());
    assert!(report.unread[0].reason.contains("which was not asked for"), "{:?}", report.unread);
}

#[test]
fn objects_that_lie_in_another_repository_are_told() {
    let (place, _) = leaked();
    place.git("", &["clone", "--quiet", "--shared", "repo", "clone"]);
    let report = scan_paths(&[place.path().join("clone")]);
    assert!(report.findings.is_empty());
    assert!(report.unread[0].reason.contains("more of its objects are in"), "{:?}", report.unread);
    assert!(place.scan().is_complete(), "both were asked for");
}

#[test]
fn a_repository_within_a_worktree_and_a_submodule_are_searched() {
    let (place, guilty) = leaked();
    place.git("", &["init", "--quiet", "outer"]);
    place.git("outer", &["submodule", "--quiet", "add", "../repo", "inner"]);
    place.git("outer", &["commit", "--quiet", "-m", "Add a submodule"]);
    let report = scan_paths(&[place.path().join("outer")]);
    assert!(report.is_complete(), "{:?}", report.unread);
    assert_eq!(
        place.shown(&report.findings[0]).split(' ').next(),
        Some("outer/.git/modules/inner")
    );
    assert_eq!(object(&report.findings[0]).history.as_ref().unwrap().commit, Some(guilty));
}

#[test]
fn a_bundle_is_searched() {
    let (place, _) = leaked();
    place.git("repo", &["bundle", "create", "--quiet", "../all.bundle", "--all"]);
    fs::remove_dir_all(place.path().join("repo")).unwrap();
    let shown = place.found();
    assert!(shown.starts_with("all.bundle » blob "), "{shown}");
}

#[test]
fn a_pack_that_lost_its_index_is_searched() {
    let (place, _) = deltas();
    place.git("repo", &["gc", "--quiet", "--prune=now"]);
    let packs = place.path().join("repo/.git/objects/pack");
    for entry in fs::read_dir(&packs).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_none_or(|extension| extension != "pack") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let report = place.scan();
    assert!(place.only(&report).contains(" » blob "));
}

#[test]
fn a_clean_repository_with_thousands_of_hashes_has_nothing() {
    let place = clean();
    for version in 0..10 {
        let lines: Vec<String> = noise(version, 32 * 500).chunks(32).map(hex::encode).collect();
        place.write("repo/Cargo.lock", lines.join("\n"));
        commit(&place, &format!("Version {version}"));
    }
    for pack in [false, true] {
        if pack {
            place.git("repo", &["gc", "--quiet"]);
        }
        let report = place.scan();
        assert!(report.findings.is_empty() && report.is_complete(), "{report:?}");
        assert!(report.totals.candidates >= 5000, "{:?}", report.totals);
        assert!(report.totals.objects >= 30, "{:?}", report.totals);
    }
}

#[test]
fn what_is_staged_is_searched_before_it_is_committed() {
    use countersign_custody::scan::{Target, scan_staged};

    let targets = [crate::support::PUBLIC.parse::<Target>().unwrap()];
    for version in ["2", "3", "4"] {
        // What is committed already is not the business of the next commit.
        let (place, _) = leaked();
        place.write("repo/old.key", PRIVATE);
        commit(&place, "An old sin");
        place.write("repo/sub/folder/signer.toml", format!("a = 1\nkey = \"{PRIVATE}01\"\n"));
        place.write("repo/sub/folder/unstaged.toml", PRIVATE);
        place.git("repo", &["update-index", "--index-version", version]);
        let repo = place.path().join("repo");
        let clean = scan_staged(&repo.join("sub"), None, &targets).unwrap();
        assert!(clean.findings.is_empty() && clean.is_complete(), "{clean:?}");
        place.git("repo", &["add", "--intent-to-add", "sub/folder/unstaged.toml"]);
        place.git("repo", &["add", "sub/folder/signer.toml"]);
        for is_packed in [false, true] {
            if is_packed {
                place.git("repo", &["gc", "--quiet"]);
            }
            let report = scan_staged(&repo.join("sub"), None, &targets).unwrap();
            assert!(report.is_complete(), "{:?}", report.unread);
            let shown = place.only(&report);
            assert!(
                shown.starts_with("repo/.git/index » sub/folder/signer.toml » blob "),
                "{shown}"
            );
            assert!(shown.ends_with(", line 2: hex"), "{shown}");
        }
    }
}

#[test]
fn the_first_commit_a_worktree_and_another_index_can_be_searched_too() {
    use countersign_custody::scan::{StagedError, Target, scan_staged};

    let targets = [crate::support::PUBLIC.parse::<Target>().unwrap()];
    let place = Place::new();
    let repo = place.path().join("repo");
    let error = scan_staged(&place.path(), None, &targets).unwrap_err();
    assert!(matches!(error, StagedError::NoRepository(_)));
    place.git("", &["init", "--quiet", "repo"]);
    assert!(scan_staged(&repo, None, &targets).unwrap().findings.is_empty());
    place.write("repo/key", PRIVATE);
    place.git("repo", &["add", "key"]);
    assert_eq!(scan_staged(&repo, None, &targets).unwrap().findings.len(), 1);

    let other = place.path().join("other-index");
    fs::copy(repo.join(".git/index"), &other).unwrap();
    place.git("repo", &["reset", "--quiet"]);
    assert!(scan_staged(&repo, None, &targets).unwrap().findings.is_empty());
    assert_eq!(scan_staged(&repo, Some(&other), &targets).unwrap().findings.len(), 1);
    let error = scan_staged(&repo, Some(&place.path().join("missing")), &targets).unwrap_err();
    assert!(matches!(error, StagedError::Index { .. }));

    fs::remove_file(repo.join("key")).unwrap();
    commit(&place, "Begin");
    place.git("repo", &["worktree", "add", "--quiet", "../tree"]);
    place.write("tree/key", PRIVATE);
    place.git("tree", &["add", "key"]);
    assert_eq!(scan_staged(&place.path().join("tree"), None, &targets).unwrap().findings.len(), 1);
    assert!(scan_staged(&repo, None, &targets).unwrap().findings.is_empty());
}
