//! A bare key that others can read or change is refused, and what the message says mends it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;

use super::user::{Home, User};
use crate::support::{KEY, said};

fn bare(home: &Home) -> String {
    let text = format!(
        "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:0\"\nstacks_private_key = \"{KEY}\"\n\
         network = \"testnet\"\nauth_password = \"correct horse\"\ndb_path = \"signer.sqlite\"\n"
    );
    home.write("signer-config.toml", &text).display().to_string()
}

fn check(home: &Home) -> String {
    said(&home.run(&["check-config", "--config", "signer-config.toml"]))
}

/// The refusal names the command, and after it is run the signer starts.
fn is_mended_by(home: &Home, says: &str, remedy: &str) {
    let refused = check(home);
    assert!(refused.starts_with("exit: 11\n"), "{says}: {refused}");
    assert!(refused.contains(says), "{says} is not in {refused}");
    assert!(refused.ends_with(&format!("mend it with: {remedy}")), "{remedy} is not in {refused}");
    let mended = Command::new("sh").args(["-ec", remedy]).status().unwrap();
    assert!(mended.success(), "{remedy}");
    let after = check(home);
    assert!(after.starts_with("exit: 0\n"), "{remedy}: {after}");
}

fn sh(command: &str) {
    let ran = Command::new("sh").args(["-ec", command]).output().unwrap();
    assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
#[ignore = "needs root: it makes a user"]
fn every_mode_that_lets_others_in_is_refused_and_mended() {
    let home = Home::new();
    let file = bare(&home);
    assert!(check(&home).starts_with("exit: 0\n"), "{}", check(&home));
    for mode in [0o400, 0o600, 0o700] {
        set_mode(file.as_ref(), mode);
        assert!(check(&home).starts_with("exit: 0\n"), "{mode:o}");
    }
    for (mode, may) in [
        (0o640, "read"),
        (0o604, "read"),
        (0o644, "read"),
        (0o610, "read"),
        (0o620, "change"),
        (0o602, "change"),
        (0o666, "change"),
        (0o777, "change"),
    ] {
        set_mode(file.as_ref(), mode);
        let says = format!("others can {may} {file} (mode {mode:04o})");
        is_mended_by(&home, &says, &format!("chmod 600 {file}"));
    }
}

#[test]
#[ignore = "needs root: it makes a user"]
fn a_file_of_somebody_else_is_refused() {
    let (home, other) = (Home::new(), User::new());
    let file = bare(&home);
    // Root's file is ours, if we can read it at all.
    chown(&file, Some(0), Some(home.user.uid)).unwrap();
    set_mode(file.as_ref(), 0o440);
    assert!(check(&home).contains("others can read"), "{}", check(&home));
    chown(&file, Some(other.uid), Some(home.user.uid)).unwrap();
    let refused = check(&home);
    assert!(refused.contains(&format!("{file} belongs to user {}", other.uid)), "{refused}");
    assert!(refused.contains(&format!("chown {} {file}", home.user.uid)), "{refused}");
    sh(&format!("chown {} {file}", home.user.uid));
    set_mode(file.as_ref(), 0o600);
    assert!(check(&home).starts_with("exit: 0\n"));
}

#[test]
#[ignore = "needs root: it makes users"]
fn a_folder_that_others_can_write_into_is_refused_unless_it_is_sticky() {
    let (home, other) = (Home::new(), User::new());
    bare(&home);
    let (folder, above) = (home.path(), home.above().to_owned());
    for place in [&folder, &above] {
        for mode in [0o777, 0o770, 0o707, 0o722] {
            // Another's group must not keep the user from its own folder.
            let mode = mode | if *place == above { 0o055 } else { 0 };
            set_mode(place, mode);
            let says = format!("others can replace what is in the folder {}", place.display());
            is_mended_by(&home, &says, &format!("chmod go-w {}", place.display()));
        }
        set_mode(place, 0o1777);
        assert!(check(&home).starts_with("exit: 0\n"), "{}", check(&home));
        set_mode(place, 0o755);
    }
    chown(&above, Some(other.uid), None).unwrap();
    let says = format!("the folder {} belongs to user {}", above.display(), other.uid);
    is_mended_by(&home, &says, &format!("chown root {}", above.display()));
}

#[test]
#[ignore = "needs root: it makes users and sets access control lists"]
fn an_access_control_list_that_names_others_is_refused() {
    let (home, other) = (Home::new(), User::new());
    let file = bare(&home);
    for entry in [format!("u:{}:r", other.uid), format!("g:{}:r", other.uid)] {
        sh(&format!("setfacl -m {entry} {file}"));
        let refused = check(&home);
        assert!(refused.contains(&format!("an access control list opens {file} to")), "{refused}");
        assert!(refused.ends_with(&format!("mend it with: setfacl -b {file}")), "{refused}");
        sh(&format!("setfacl -b {file}; chmod 600 {file}"));
        assert!(check(&home).starts_with("exit: 0\n"));
    }
    // A list that the mode's group bits have masked grants nothing.
    sh(&format!("setfacl -m u:{}:r {file}; chmod 600 {file}", other.uid));
    assert!(check(&home).starts_with("exit: 0\n"), "{}", check(&home));
    let folder = home.path().display().to_string();
    sh(&format!("setfacl -m u:{}:rwx {folder}", other.uid));
    let says = format!("lets user {} replace what is in the folder {folder}", other.uid);
    let refused = check(&home);
    assert!(
        refused.contains(&says) && refused.ends_with(&format!("setfacl -b {folder}")),
        "{refused}"
    );
}

#[test]
#[ignore = "needs root: it makes users"]
fn a_link_is_followed_and_everything_on_the_way_counts() {
    let (home, other) = (Home::new(), User::new());
    bare(&home);
    let open = home.above().join("open");
    fs::create_dir(&open).unwrap();
    fs::rename(home.path().join("signer-config.toml"), open.join("real.toml")).unwrap();
    home.give(&open, 0o777);
    symlink(open.join("real.toml"), home.path().join("signer-config.toml")).unwrap();
    let says = format!("others can replace what is in the folder {}", open.display());
    is_mended_by(&home, &says, &format!("chmod go-w {}", open.display()));
    let link = home.path().join("signer-config.toml");
    std::os::unix::fs::lchown(&link, Some(other.uid), None).unwrap();
    let refused = check(&home);
    assert!(refused.contains(&format!("the link {} belongs to user", link.display())), "{refused}");
}

#[test]
#[ignore = "needs root: it makes a user"]
fn a_git_work_tree_and_root_are_no_place_for_a_bare_key() {
    let home = Home::new();
    let file = bare(&home);
    sh(&format!(
        "cd {} && git init -q . && chown -R {} .git",
        home.path().display(),
        home.user.uid
    ));
    let refused = check(&home);
    let says = format!("{file} is in the git work tree {}", home.path().display());
    assert!(refused.starts_with("exit: 11\n") && refused.contains(&says), "{refused}");
    assert!(refused.ends_with(&format!("mend it with: mv {file} /etc/countersign/")), "{refused}");
    fs::remove_dir_all(home.path().join(".git")).unwrap();
    assert!(check(&home).starts_with("exit: 0\n"));
    // A submodule or a linked work tree has a file of that name.
    home.write(".git", "gitdir: elsewhere");
    assert!(check(&home).contains("is in the git work tree"));
    fs::remove_file(home.path().join(".git")).unwrap();
    sh(&format!("chown -R root {}", home.path().display()));
    let as_root = Command::new(home.program()).args(["run", "--config", &file]).output().unwrap();
    let refused = said(&as_root);
    assert!(refused.starts_with("exit: 11\n") && refused.contains("runs as root"), "{refused}");
    assert!(refused.contains("useradd --system"), "{refused}");
}

#[test]
#[ignore = "needs root: it makes a user"]
fn the_doctor_shows_everything_that_is_wrong_at_once() {
    let home = Home::new();
    let file = bare(&home);
    set_mode(file.as_ref(), 0o644);
    set_mode(&home.path(), 0o777);
    let doctor = said(&home.run(&["doctor", "key", "--config", "signer-config.toml"]));
    assert!(doctor.starts_with("exit: 11\n"), "{doctor}");
    assert!(doctor.contains(&format!("mend: chmod 600 {file}")), "{doctor}");
    assert!(doctor.contains(&format!("mend: chmod go-w {}", home.path().display())), "{doctor}");
    assert!(doctor.contains("error: 2 of "), "{doctor}");
    assert!(!doctor.contains(&KEY[..16]), "{doctor}");
}

#[test]
#[ignore = "needs root: it makes a user"]
fn files_of_passphrases_are_as_secret_and_sealed_ones_may_be_read() {
    let home = Home::new();
    let passphrase = home.write("passphrase", "correct horse battery staple");
    let new = ["keys", "new", "--to", "age:k.age", "--passphrase-file", "passphrase"];
    set_mode(&passphrase, 0o644);
    let refused = said(&home.run(&new));
    assert!(refused.starts_with("exit: 11\n") && refused.contains("chmod 600"), "{refused}");
    set_mode(&passphrase, 0o600);
    let made = said(&home.run(&new));
    assert!(made.starts_with("exit: 0\n"), "{made}");
    home.write(
        "signer-config.toml",
        "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:0\"\nnetwork = \"testnet\"\n\
         auth_password = \"correct horse\"\ndb_path = \"signer.sqlite\"\n[countersign]\n\
         key = { age = \"k.age\", passphrase_file = \"passphrase\" }\n",
    );
    let vote = || {
        said(&home.run(&[
            "generate-vote",
            "--config",
            "signer-config.toml",
            "--sip",
            "45",
            "--vote",
            "yes",
        ]))
    };
    let sealed = home.path().join("k.age");
    set_mode(&sealed, 0o644);
    assert!(vote().starts_with("exit: 0\n"), "{}", vote());
    set_mode(&sealed, 0o666);
    assert!(vote().contains("others can change"), "{}", vote());
}

#[test]
#[ignore = "needs root: it makes users"]
fn a_vault_whose_configuration_others_could_change_does_not_start() {
    let (home, signer) = (Home::new(), User::new());
    let at = |name: &str| home.path().join(name).display().to_string();
    let text = format!(
        "socket = \"{}\"\njournal = \"{}\"\nnetwork = \"testnet\"\n\
         key = {{ credential = \"key\" }}\n[[caller]]\nuid = {}\nroles = [\"block-signer\"]\n",
        at("vault.sock"),
        at("journal.sqlite"),
        signer.uid
    );
    let file = home.write("vault.toml", &text);
    let start = || said(&home.run(&["vault", "--config", "vault.toml"]));
    let refusal = "says who may use the key, and others could change it";
    for mode in [0o600, 0o644] {
        set_mode(&file, mode);
        // It goes on to the key, which no service manager hands over here.
        assert!(!start().contains(refusal) && start().contains("credential"), "{}", start());
    }
    for mode in [0o664, 0o646] {
        set_mode(&file, mode);
        let refused = start();
        assert!(refused.starts_with("exit: 11\n") && refused.contains(refusal), "{refused}");
        assert!(refused.contains(&format!("chmod go-w {}", file.display())), "{refused}");
    }
    set_mode(&file, 0o644);
    // The signer's user would write itself another role.
    for path in [file, home.path()] {
        chown(&path, Some(signer.uid), None).unwrap();
        set_mode(&home.path(), 0o755);
        let refused = start();
        assert!(refused.starts_with("exit: 11\n") && refused.contains(refusal), "{refused}");
        chown(&path, Some(home.user.uid), None).unwrap();
    }
    assert!(!start().contains(refusal), "{}", start());
}
