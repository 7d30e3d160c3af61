//! The same request has the same bytes in another process, although the token draws its nonces.

use std::collections::BTreeMap;
use std::env;
use std::process::{Command, Stdio};

use countersign_vault::{AcceptanceRequest, Birth, RejectionRequest, SigningKey, Vault};
use countersign_wire::{BurnHeight, ChainId, MessageSignature, Sighash, UnixSeconds};

use super::bench::{Bench, bench, key, open, opened};
use crate::header::header;

const NAME: &str = "as_root::restart::the_same_request_has_the_same_bytes_in_every_process";
const LIFE: &str = "TOKEN_TEST_LIFE";

/// How a process with the vault lives: it signs what it is asked, says each signature, and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// The journal begins; the stop is clean.
    First,
    /// The stop is clean.
    Orderly,
    /// The process is killed after its last signature.
    Killed,
}

impl Life {
    const ALL: [(&'static str, Self); 3] =
        [("first", Self::First), ("orderly", Self::Orderly), ("killed", Self::Killed)];

    /// Lives it, up to this height.
    #[allow(clippy::print_stdout, reason = "what was signed is what the other process compares")]
    fn live(self, bench: &Bench, up_to: u64) {
        let journal = bench.folder().join("journal.sqlite");
        let token = SigningKey::from(open("block").unwrap());
        let mut vault = match self {
            Self::First => Vault::create(token, &journal, Birth::WithKey).unwrap(),
            Self::Orderly | Self::Killed => Vault::open(token, &journal).unwrap(),
        };
        for height in 1..=up_to {
            let signature = vault.sign_acceptance(&acceptance(height)).unwrap();
            println!("\nsigned accept-{height} {signature}");
            let rejected = vault.sign_rejection(&rejection(height)).unwrap();
            println!("\nsigned reject-{height} {rejected}");
        }
        match self {
            Self::First | Self::Orderly => vault.close_cleanly().unwrap(),
            Self::Killed => std::process::abort(),
        }
    }

    /// Lives it in a process of its own. What was signed there.
    fn spawn(self, up_to: u64) -> BTreeMap<String, MessageSignature> {
        let (name, _) = Self::ALL.into_iter().find(|(_, life)| *life == self).unwrap();
        let ran = Command::new(env::current_exe().unwrap())
            .args(["--exact", NAME, "--ignored", "--nocapture"])
            .env(LIFE, format!("{name} {up_to}"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert_eq!(ran.status.success(), self != Self::Killed, "{ran:?}");
        said.lines()
            .filter_map(|line| line.strip_prefix("signed ")?.split_once(' '))
            .map(|(what, signature)| (what.to_owned(), signature.parse().unwrap()))
            .collect()
    }
}

fn acceptance(height: u64) -> AcceptanceRequest {
    AcceptanceRequest {
        header: Box::new(header(height, height)),
        burn_height: BurnHeight::new(500),
        overriding: Vec::new(),
        at: UnixSeconds::new(1_700_000_000),
    }
}

fn rejection(number: u64) -> RejectionRequest {
    RejectionRequest {
        sighash: Sighash::new([u8::try_from(number).unwrap(); 32]),
        chain_id: ChainId::TESTNET,
        at: UnixSeconds::new(1_700_000_000),
    }
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn the_same_request_has_the_same_bytes_in_every_process() {
    bench(NAME, |bench| {
        if let Ok(life) = env::var(LIFE) {
            let (name, up_to) = life.split_once(' ').unwrap();
            let (_, life) = Life::ALL.into_iter().find(|(known, _)| *known == name).unwrap();
            return life.live(bench, up_to.parse().unwrap());
        }
        drop(opened("block"));
        let first = Life::First.spawn(3);
        assert_eq!(first.len(), 6);
        assert_eq!(Life::Orderly.spawn(3), first);
        // A signature is written with the next record: of a process that was killed only the last is lost.
        let killed = Life::Killed.spawn(5);
        let after = Life::Orderly.spawn(5);
        let last = "reject-5";
        for (what, signature) in &after {
            assert!(killed[what] == *signature || what == last, "{what}");
        }
        assert_eq!((killed.len(), after.len()), (10, 10));
        assert!(first.iter().all(|(what, signature)| after[what] == *signature));
        // The token itself would have said something else each time.
        let sighash = header(1, 1).sighash();
        let fresh = open("block").unwrap().sign(sighash.as_bytes()).unwrap();
        assert_eq!(fresh.recover(sighash.as_bytes()), Some(key().public_key()));
        assert_ne!(fresh, first["accept-1"]);
    });
}
