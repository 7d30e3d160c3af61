//! What the vault refuses reads the same on the other side of the socket.

use countersign_vault::SignError;
use countersign_vault::ipc::{Refusal, RemoteError};
use countersign_wire::Wire as _;
use proptest::prelude::*;

use crate::strategies::refusal;
use crate::support::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_refusal_of_the_journal_is_the_same_error_on_both_sides(refusal in refusal()) {
        let crossed = Refusal::from_bytes(&refusal.to_bytes()).unwrap();
        match SignError::from(crossed) {
            SignError::Remote(RemoteError::Refused(kept)) => prop_assert_eq!(kept, refusal),
            // The names of numbers are ours.
            SignError::OutOfRange { value, .. } => {
                let is_same = matches!(refusal, Refusal::OutOfRange { value: sent, .. } if sent == value);
                prop_assert!(is_same);
            }
            error => prop_assert_eq!(Refusal::from(&error), refusal),
        }
    }
}

#[test]
fn only_a_key_or_a_journal_that_is_away_is_worth_asking_again() {
    let transient = |refusal| SignError::from(refusal).is_transient();
    assert!(transient(Refusal::KeyAway { text: String::new() }));
    assert!(transient(Refusal::JournalFailed { text: String::new() }));
    assert!(!transient(Refusal::ForeignMock));
    assert!(!transient(Refusal::Malformed { text: String::new() }));
}

#[test]
fn a_journal_that_failed_in_the_vaults_process_does_not_end_ours() {
    let error = SignError::from(Refusal::JournalFailed { text: "the disk is full".to_owned() });
    assert!(!error.is_fatal());
    assert!(error.to_string().contains("the disk is full"), "{error}");
}
