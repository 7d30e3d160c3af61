//! What a process that has locked itself in can still do, shown on real processes.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};

use countersign_ops::sandbox::{Cage, Measure, confine};
use rustix::process::{
    PidfdFlags, PidfdGetfdFlags, Signal, getppid, kill_process, pidfd_getfd, pidfd_open,
};

/// What a confined child is to do.
const DEED: &str = "COUNTERSIGN_TEST_DEED";
/// The folder that stays open.
const FOLDER: &str = "COUNTERSIGN_TEST_FOLDER";
/// Whether somebody else's library works in it.
const LIBRARY: &str = "COUNTERSIGN_TEST_LIBRARY";

/// How a child ends that was confined and then did `deed`.
fn confined(deed: &str, has_library: bool) -> ExitStatus {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("inside"), "text").unwrap();
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "sandbox::a_confined_child"]);
    child.env(DEED, deed).env(FOLDER, folder.path());
    if has_library {
        child.env(LIBRARY, "1");
    }
    child.output().unwrap().status
}

#[test]
#[ignore = "runs as a child of another test"]
fn a_confined_child() {
    let folder = env::var_os(FOLDER).unwrap();
    let folder = Path::new(&folder);
    let deed = env::var(DEED).unwrap();
    let has_library = env::var_os(LIBRARY).is_some();
    let confinement = confine(&Cage { folders: vec![folder.to_owned()], has_library });
    for (measure, result) in &confinement.measures {
        // Who is not root may have too low a limit; the other two are for everybody.
        assert!(result.is_ok() || *measure == Measure::Memory, "{measure}: {result:?}");
    }
    match deed.as_str() {
        "nothing" => {}
        "files inside" => {
            assert_eq!(fs::read(folder.join("inside")).unwrap(), b"text");
            fs::write(folder.join("new"), "text").unwrap();
            fs::rename(folder.join("new"), folder.join("inside")).unwrap();
            // How files are replaced whole.
            let draft = tempfile::NamedTempFile::new_in(folder).unwrap();
            draft.persist(folder.join("inside")).unwrap();
            fs::File::open(folder).unwrap().sync_all().unwrap();
            fs::remove_file(folder.join("inside")).unwrap();
        }
        "files outside" => {
            for path in ["/etc/passwd", "/proc/self/environ", "/bin/sh"] {
                let refused = fs::File::open(path).unwrap_err().kind();
                assert_eq!(refused, ErrorKind::PermissionDenied, "{path}");
            }
            let refused = fs::write(env::temp_dir().join("countersign-outside"), "text");
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
        }
        "program" => drop(Command::new("/bin/true").status()),
        "program beside a library" => {
            // The new process ends before it becomes the program.
            let ended = Command::new("/bin/true").status();
            assert!(ended.as_ref().map_or(true, |ended| ended.signal() == SIGSYS), "{ended:?}");
        }
        "another process's file" => {
            let other = pidfd_open(getppid().unwrap(), PidfdFlags::empty()).unwrap();
            drop(pidfd_getfd(other, 0, PidfdGetfdFlags::empty()));
        }
        "thread" => drop(std::thread::Builder::new().spawn(|| ())),
        "network" => drop(TcpListener::bind("127.0.0.1:0")),
        "unix socket" => drop(UnixStream::connect(folder.join("none"))),
        "executable memory" => drop(memmap2::MmapMut::map_anon(4096).unwrap().make_exec()),
        "signal" => drop(kill_process(getppid().unwrap(), Signal::CONT)),
        other => panic!("an unknown deed: {other}"),
    }
}

/// Bad system call.
const SIGSYS: Option<i32> = Some(31);

#[test]
fn what_a_confined_process_needs_it_can_do() {
    for deed in ["nothing", "files inside"] {
        let ended = confined(deed, false);
        assert!(ended.success(), "{deed}: {ended}");
    }
}

#[test]
fn files_outside_of_the_open_folder_are_refused() {
    for has_library in [false, true] {
        let ended = confined("files outside", has_library);
        assert!(ended.success(), "{ended}");
    }
}

#[test]
fn a_call_that_a_confined_process_does_not_need_ends_it() {
    for deed in ["program", "thread", "network", "unix socket", "executable memory", "signal"] {
        let ended = confined(deed, false);
        assert_eq!(ended.signal(), SIGSYS, "{deed}: {ended}");
    }
}

#[test]
fn beside_a_library_only_the_calls_that_lead_outside_are_forbidden() {
    for deed in ["thread", "network", "program beside a library"] {
        let ended = confined(deed, true);
        assert!(ended.success(), "{deed}: {ended}");
    }
}

#[test]
fn beside_a_library_a_call_that_leads_into_another_process_ends_it() {
    let ended = confined("another process's file", true);
    assert_eq!(ended.signal(), SIGSYS, "{ended}");
}
