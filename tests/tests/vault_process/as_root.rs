//! The vault as a process of its own, with a real signer, real users and a real kernel.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod handover;
mod watched;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use countersign_devnet::{DevnetConfig, Seed, SignerKind};
use countersign_vault::ipc::{Answer, Hello, Refusal, RemoteError, Reply, Request, VaultClient};
use countersign_vault::{Imported, Mark, RejectionRequest, SignError, SipVoteRequest, Standing};
use countersign_wire::{
    ChainId, ConsensusHash, PrivateKey, PublicKey, Sighash, StacksHeight, UnixSeconds, Wire as _,
    sip018,
};
use system_tests::daemons::{
    Daemon, Metrics, Network, Signal, UnixUser, VaultPlace, accepted_in_journal, quick,
};

const LIMIT: Duration = Duration::from_secs(20);
const ROOT: u32 = 0;

/// One signer, whom the test starts itself.
fn alone() -> DevnetConfig {
    DevnetConfig { signers: vec![SignerKind::External], ..quick(1) }
}

/// A key of its own for each test: a key has one vault on a machine.
fn fresh() -> PrivateKey {
    Seed::from_os().unwrap().key("vault", 0)
}

fn rejection(number: u8) -> Request {
    Request::Rejection(RejectionRequest {
        sighash: Sighash::new([number; 32]),
        chain_id: ChainId::TESTNET,
        at: UnixSeconds::new(1_700_000_000),
    })
}

fn vote() -> Request {
    Request::SipVote(SipVoteRequest { sip: 31, is_yes: true })
}

fn ask(place: &VaultPlace, key: PublicKey, request: Request) -> Result<Answer, SignError> {
    VaultClient::connect(&place.socket(), LIMIT)?.ask(key, request)
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_signer_without_a_key_signs_through_its_vault_and_outlives_the_vaults_death() {
    let mut network = Network::start(alone()).await;
    let settings = network.settings(0);
    let key = PrivateKey::from_hex(settings.text("stacks_private_key")).unwrap();
    let owner = UnixUser::create("cs-vault");
    let place = VaultPlace::new(&key, Some(&owner), &[(ROOT, "block-signer")]);
    let vault = place.start().await;
    let metrics = settings.address("metrics_endpoint");
    let daemon = Daemon::start(&network.write(0, &settings.with_vault(&place.socket())));
    network.adopts(2, "the vault signs").await;

    vault.kill().await;
    daemon.log().wait_for(0, "the vault is away", LIMIT).await;
    network.proposes(2, "nothing is signed without the vault").await;
    assert!(daemon.is_running());
    let vault = place.start().await;
    let back = daemon.log().wait_for(0, "the vault is back", LIMIT).await;
    network.skip_to_now();
    let adopted = network.adopts(2, "the vault signs again, and nobody had to help").await;
    let said = daemon.log().text();
    assert_eq!(said.matches("the vault is away").count(), 1, "{said}");
    assert!(back.text.contains("seconds="), "{}", back.text);
    let outages = "countersign_vault_outages";
    assert!(Metrics::of(metrics).await.value(outages) >= 1.0);

    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended(LIMIT).await.code, Some(0));
    vault.signal(Signal::TERM);
    let ended = vault.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let recorded = accepted_in_journal(&place.journal());
    assert!(adopted.iter().all(|sighash| recorded.contains(sighash)));
    network.devnet.stop().await;
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_vault_that_comes_back_with_another_key_is_asked_for_nothing() {
    let key = fresh();
    let mut network = Network::start(alone()).await;
    let settings = network.settings(0);
    let own = PrivateKey::from_hex(settings.text("stacks_private_key")).unwrap();
    let place = VaultPlace::new(&own, None, &[(ROOT, "block-signer")]);
    let vault = place.start().await;
    let daemon = Daemon::start(&network.write(0, &settings.with_vault(&place.socket())));
    network.adopts(1, "the vault signs").await;

    vault.kill().await;
    let impostor = VaultPlace::new(&key, None, &[(ROOT, "block-signer")]);
    let stranger = impostor.start().await;
    std::fs::remove_file(place.socket()).unwrap();
    std::os::unix::fs::symlink(impostor.socket(), place.socket()).unwrap();
    daemon.log().wait_for(0, "the vault is away", LIMIT).await;
    network.proposes(2, "nothing is signed with another key").await;
    assert!(daemon.is_running());
    let heard = VaultClient::connect(&place.socket(), LIMIT).unwrap();
    assert_eq!(heard.keys(), [key.public_key()]);
    stranger.signal(Signal::TERM);
    stranger.ended().await;
    assert!(accepted_in_journal(&impostor.journal()).is_empty(), "it was asked for nothing");

    std::fs::remove_file(place.socket()).unwrap();
    let _vault = place.start().await;
    network.skip_to_now();
    network.adopts(1, "the right vault is back").await;
    network.devnet.stop().await;
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn each_user_may_ask_for_what_its_role_includes_and_a_stranger_for_nothing() {
    let key = fresh();
    let [owner, signer, operator, stranger] =
        ["cs-vault", "cs-signer", "cs-operator", "cs-stranger"].map(UnixUser::create);
    let callers = [(signer.uid(), "block-signer"), (operator.uid(), "operator")];
    let place = VaultPlace::new(&key, Some(&owner), &callers);
    let vault = place.start().await;
    let public = key.public_key();
    let asked = |user: &UnixUser, request: Request| user.act(|| ask(&place, public, request));

    let Ok(Answer::Signature(signature)) = asked(&signer, rejection(1)) else { panic!() };
    let digest = sip018::block_rejection(&Sighash::new([1; 32]), ChainId::TESTNET);
    assert_eq!(signature.recover(&digest), Some(public));
    let Ok(Answer::Signature(signature)) = asked(&operator, vote()) else { panic!() };
    assert_eq!(signature.recover(&sip018::sip_vote(31, true)), Some(public));

    for (user, request) in [
        (&signer, vote()),
        (&signer, Request::Promote),
        (&operator, rejection(2)),
        (&operator, Request::Tidy),
    ] {
        let kind = request.kind();
        match asked(user, request) {
            Err(SignError::Remote(RemoteError::Refused(refusal))) => {
                assert_eq!(refusal, Refusal::NotPermitted { uid: user.uid(), kind });
            }
            other => panic!("{kind}: {other:?}"),
        }
    }
    for user in [&stranger, &owner] {
        match asked(user, rejection(3)) {
            Err(SignError::Remote(RemoteError::Stranger { uid, .. })) => {
                assert_eq!(uid, user.uid());
            }
            other => panic!("{other:?}"),
        }
    }
    // Not even root, unless it is named.
    match ask(&place, public, rejection(4)) {
        Err(SignError::Remote(RemoteError::Stranger { uid: ROOT, .. })) => {}
        other => panic!("{other:?}"),
    }
    vault.log().wait_for(0, "a user who is no caller was turned away", LIMIT).await;
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_caller_can_neither_read_the_key_nor_look_into_the_vault() {
    let key = fresh();
    let [owner, signer] = ["cs-vault", "cs-signer"].map(UnixUser::create);
    let place = VaultPlace::new(&key, Some(&owner), &[(signer.uid(), "block-signer")]);
    let vault = place.start().await;
    let memory = format!("/proc/{}/mem", vault.pid());
    let environment = format!("/proc/{}/environ", vault.pid());
    // Neither the caller's user nor the vault's own: the process is not dumpable.
    for user in [&signer, &owner] {
        for file in [&memory, &environment] {
            let refused = user.act(|| std::fs::File::open(file)).unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied, "{file}");
        }
        let mut debugger = Command::new("gdb");
        debugger.args(["--batch", "-p", &vault.pid().to_string()]).current_dir("/");
        std::os::unix::process::CommandExt::uid(&mut debugger, user.uid());
        std::os::unix::process::CommandExt::gid(&mut debugger, user.gid());
        let said = debugger.output().expect("gdb is installed (package `gdb`)");
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.contains("Operation not permitted"), "{said}");
    }
    let refused = signer.act(|| std::fs::File::open(place.key())).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    let refused = signer.act(|| std::fs::File::open(place.journal())).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    assert!(vault.is_running());
    let public = key.public_key();
    signer.act(|| ask(&place, public, rejection(1))).unwrap();
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn what_the_process_locked_is_in_force_as_the_kernel_shows_it() {
    let key = fresh();
    let owner = UnixUser::create("cs-vault");
    let place = VaultPlace::new(&key, Some(&owner), &[(ROOT, "block-signer")]);
    let vault = place.start().await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", vault.pid())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:"), field("Threads:")), (1, 2, 1));
    // Almost everything: the kernel's own pages cannot be locked.
    assert!(field("VmLck:") * 10 > field("VmSize:") * 9, "{status}");
    for measure in ["memory lock", "landlock", "seccomp"] {
        let line = vault.log().wait_for(0, &format!("measure={measure}"), LIMIT).await;
        assert!(line.text.contains("in force"), "{}", line.text);
    }
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_vault_that_cannot_lock_its_memory_does_not_start_unless_it_is_told_to() {
    let key = fresh();
    let owner = UnixUser::create("cs-vault");
    let callers = [(ROOT, "block-signer")];
    let place = VaultPlace::new(&key, Some(&owner), &callers);
    let ended = place.run_without_locked_memory().await;
    assert_eq!(ended.code, Some(11), "{}", ended.log);
    assert!(ended.log.contains("the memory lock is not in force"), "{}", ended.log);
    assert!(ended.log.contains("LimitMEMLOCK=infinity"), "{}", ended.log);
    assert!(!ended.log.contains("the vault answers"), "{}", ended.log);
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_slow_caller_and_a_crowd_cost_another_caller_nothing() {
    let key = fresh();
    let [first, second] = ["cs-slow", "cs-quick"].map(UnixUser::create);
    let callers = [(first.uid(), "block-signer"), (second.uid(), "block-signer")];
    let place = VaultPlace::new(&key, None, &callers);
    let vault = place.start().await;
    let public = key.public_key();
    let held: Vec<UnixStream> = first.act(|| {
        let connect = || {
            let mut stream = UnixStream::connect(place.socket()).unwrap();
            // A frame that never comes to its end.
            stream.write_all(&[0, 0, 1]).unwrap();
            stream
        };
        (0..8).map(|_| connect()).collect()
    });
    second.act(|| ask(&place, public, rejection(1))).unwrap();
    // A ninth connection is closed without a word.
    let mut said = Vec::new();
    first.act(|| UnixStream::connect(place.socket())).unwrap().read_to_end(&mut said).unwrap();
    assert!(said.is_empty());
    vault.log().wait_for(0, "another one was closed", LIMIT).await;
    second.act(|| ask(&place, public, rejection(2))).unwrap();
    drop(held);
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn bytes_that_are_no_call_end_the_connection_and_nothing_else() {
    let key = fresh();
    let place = VaultPlace::new(&key, None, &[(ROOT, "block-signer")]);
    let vault = place.start().await;
    let rows: [(&str, &[u8]); 3] = [
        ("a frame that is too long", &[0xff; 64]),
        ("a frame without a call", &[0, 0, 0, 3, 1, 2, 3]),
        ("two frames at once", &[0, 0, 0, 1, 1, 0, 0, 0, 1, 1]),
    ];
    for (why, bytes) in rows {
        let mut stream = UnixStream::connect(place.socket()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut said = Vec::new();
        // Bytes that were not read make the kernel reset the connection, after what was said.
        let _ = stream.read_to_end(&mut said);
        let hello_len = 4 + u32::from_be_bytes(said[..4].try_into().unwrap()) as usize;
        let hello = Hello::from_bytes(&said[4..hello_len]).unwrap();
        assert!(matches!(hello, Hello::Welcome { .. }), "{why}");
        if let Some(reply) = said.get(hello_len + 4..).filter(|reply| !reply.is_empty()) {
            let reply = Reply::from_bytes(reply).unwrap();
            assert!(matches!(reply, Reply::Refused(Refusal::Malformed { .. })), "{why}: {reply:?}");
        }
    }
    ask(&place, key.public_key(), rejection(1)).unwrap();
    assert!(vault.is_running());
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_call_for_another_key_or_another_chain_is_refused() {
    let key = fresh();
    let place = VaultPlace::new(&key, None, &[(ROOT, "block-signer")]);
    let _vault = place.start().await;
    let other = PrivateKey::from_bytes([1; 32]).unwrap().public_key();
    let refusal = |answer| match answer {
        Err(SignError::Remote(RemoteError::Refused(refusal))) => refusal,
        other => panic!("{other:?}"),
    };
    let refused = refusal(ask(&place, other, rejection(1)));
    assert_eq!(refused, Refusal::UnknownKey { key: other });
    let elsewhere = Request::Rejection(RejectionRequest {
        sighash: Sighash::new([1; 32]),
        chain_id: ChainId::MAINNET,
        at: UnixSeconds::new(1),
    });
    let refused = refusal(ask(&place, key.public_key(), elsewhere));
    let (asked, ours) = (ChainId::MAINNET, ChainId::TESTNET);
    assert_eq!(refused, Refusal::OtherChain { asked, ours });
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_vault_that_cannot_write_its_journal_ends_with_the_code_for_that() {
    let key = fresh();
    let place = VaultPlace::new(&key, None, &[(ROOT, "block-signer")]);
    let vault = place.start_on_full_disk(256).await;
    let public = key.public_key();
    let mut client = VaultClient::connect(&place.socket(), LIMIT).unwrap();
    let refused = (0..=u16::MAX).find_map(|number| {
        let [high, low] = number.to_be_bytes();
        let mut sighash = [high; 32];
        sighash[0] = low;
        let request = Request::Rejection(RejectionRequest {
            sighash: Sighash::new(sighash),
            chain_id: ChainId::TESTNET,
            at: UnixSeconds::new(1),
        });
        client.ask(public, request).err()
    });
    match refused {
        Some(SignError::Remote(RemoteError::Refused(Refusal::JournalFailed { .. }))) => {}
        other => panic!("{other:?}"),
    }
    let ended = vault.ended().await;
    assert_eq!(ended.code, Some(3), "{}", ended.log);
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_second_vault_of_the_same_key_does_not_start_whatever_its_files_are() {
    let key = fresh();
    let place = VaultPlace::new(&key, None, &[(ROOT, "block-signer")]);
    let first = place.start().await;
    for other in [&place, &VaultPlace::new(&key, None, &[(ROOT, "block-signer")])] {
        let second = other.run().await;
        assert_eq!(second.code, Some(12), "{}", second.log);
        assert!(second.log.contains("signs with the key"), "{}", second.log);
    }
    assert!(first.is_running());
    ask(&place, key.public_key(), rejection(1)).unwrap();
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_signer_can_stop_its_key_and_only_an_operator_can_let_it_go_on() {
    let key = fresh();
    let [signer, operator] = ["cs-signer", "cs-operator"].map(UnixUser::create);
    let callers = [(signer.uid(), "block-signer"), (operator.uid(), "operator")];
    let place = VaultPlace::new(&key, None, &callers);
    let vault = place.start().await;
    let public = key.public_key();
    let asked = |user: &UnixUser, request: Request| user.act(|| ask(&place, public, request));
    let (reason, at) = ("another signer has this key".to_owned(), UnixSeconds::new(7));
    let frozen = Standing::Frozen { at, reason: reason.clone() };
    asked(&signer, Request::Freeze { reason, at }).unwrap();
    assert!(matches!(asked(&signer, rejection(1)), Err(SignError::NotActive { .. })));
    assert_eq!(asked(&operator, Request::Standing).unwrap(), Answer::Standing(frozen));

    // Neither the caller nor a restart takes it back.
    asked(&signer, Request::Promote).unwrap_err();
    vault.signal(Signal::TERM);
    assert_eq!(vault.ended().await.code, Some(0));
    let _vault = place.start().await;
    assert!(matches!(asked(&signer, rejection(1)), Err(SignError::NotActive { .. })));
    asked(&operator, Request::Promote).unwrap();
    asked(&signer, rejection(1)).unwrap();
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn days_of_work_keep_the_vault_inside_its_sandbox() {
    let key = fresh();
    let owner = UnixUser::create("cs-vault");
    let place = VaultPlace::new(&key, Some(&owner), &[(ROOT, "block-signer")]);
    let vault = place.start().await;
    let public = key.public_key();
    let mut client = VaultClient::connect(&place.socket(), LIMIT).unwrap();
    // More blocks than are remembered one by one, so that old ones are folded and the log is merged.
    for piece in 0..4_u64 {
        let marks = (0..8_192_u64).map(|number| {
            let height = piece * 8_192 + number + 1;
            let mut sighash = [0; 32];
            sighash[..8].copy_from_slice(&height.to_be_bytes());
            Mark {
                sighash: Sighash::new(sighash),
                height: StacksHeight::new(height),
                tenure: ConsensusHash::new([1; 20]),
                at: UnixSeconds::new(1),
            }
        });
        let imported = client.ask(public, Request::Import(marks.collect())).unwrap();
        assert!(
            matches!(imported, Answer::Imported(Imported { added: 8_192, .. })),
            "{imported:?}"
        );
        client.ask(public, Request::Tidy).unwrap();
    }
    for number in 0..200 {
        client.ask(public, rejection(number)).unwrap();
        client.ask(public, Request::Tidy).unwrap();
    }
    // The journal in several parcels, out and in again.
    client.ask(public, Request::Demote { at: UnixSeconds::new(2) }).unwrap();
    let journal = client.export_journal(public, UnixSeconds::new(3)).unwrap();
    assert!(journal.acceptances.len() >= 16_384 && journal.records == 4 * 8_192);
    let known = journal.acceptances.len() as u64;
    let imported = client.import_journal(public, &journal).unwrap();
    assert_eq!(imported, Imported { added: 0, known, covered: 0 });
    assert!(vault.is_running());
    vault.signal(Signal::TERM);
    let ended = vault.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_missing_journal_is_refused_and_one_that_begins_waits() {
    let key = fresh();
    let place = VaultPlace::new(&key, None, &[(ROOT, "block-signer")]);
    for file in std::fs::read_dir(place.journal().parent().unwrap()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let ended = place.run().await;
    assert_eq!(ended.code, Some(4), "{}", ended.log);
    assert!(ended.log.contains("--init"), "{}", ended.log);
    let _vault = place.start_with_init().await;
    let refused = ask(&place, key.public_key(), rejection(1)).unwrap_err();
    assert!(matches!(refused, SignError::Waiting { .. }), "{refused}");
}

#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn a_vault_without_its_key_or_with_a_bad_configuration_says_so_and_leaves_no_files() {
    let key = fresh();
    let place = VaultPlace::new(&key, None, &[(ROOT, "block-signer")]);
    std::fs::write(place.key(), "no key").unwrap();
    let ended = place.run().await;
    assert_eq!(ended.code, Some(11), "{}", ended.log);
    place.put_key(&key);
    place.configure(&[], "");
    let ended = place.run().await;
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert!(!place.socket().exists());
}
