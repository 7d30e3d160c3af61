//! Arbitrary requests in arbitrary order, with restarts between them.

use countersign_vault::{
    AcceptanceRequest, Override, OverrideRule, RejectionRequest, SignError, Vault,
};
use countersign_wire::{PrivateKey, Sighash};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::support::{Place, acceptance, block, key, open_or_create, rejection};

#[derive(Clone, Debug)]
enum Deed {
    Accept(AcceptanceRequest),
    Reject(u64),
    Restart,
}

/// A block is a number; its height follows from it, so that one hash has one height.
fn height_of(number: u64) -> u64 {
    number % 4
}

fn nth(number: u64) -> Sighash {
    block(number, height_of(number))
}

fn deed() -> impl Strategy<Value = Deed> {
    let rule = prop_oneof![
        Just(OverrideRule::Stale),
        Just(OverrideRule::NotLive),
        Just(OverrideRule::Permitted)
    ];
    let named =
        (0..12_u64, rule).prop_map(|(number, rule)| Override { sighash: nth(number), rule });
    let accept = (0..12_u64, vec(named, 0..8)).prop_map(|(number, overriding)| {
        Deed::Accept(AcceptanceRequest { overriding, ..acceptance(number, height_of(number)) })
    });
    prop_oneof![
        12 => accept,
        3 => (0..12_u64).prop_map(Deed::Reject),
        1 => Just(Deed::Restart),
    ]
}

/// Signatures as an observer on the network sees them, and the overrides that were named.
#[derive(Default)]
struct Observer {
    accepted: Vec<AcceptanceRequest>,
}

impl Observer {
    fn has_accepted(&self, sighash: &Sighash) -> bool {
        self.accepted.iter().any(|earlier| earlier.sighash() == *sighash)
    }

    /// The rivals of `request` that it does not name.
    fn unnamed_rivals(&self, request: &AcceptanceRequest) -> Vec<Sighash> {
        self.accepted
            .iter()
            .filter(|earlier| earlier.height() >= request.height())
            .map(AcceptanceRequest::sighash)
            .filter(|rival| *rival != request.sighash())
            .filter(|rival| !request.overriding.iter().any(|named| named.sighash == *rival))
            .collect()
    }

    fn on_acceptance(&mut self, vault: &mut Vault, request: &AcceptanceRequest) -> TestCaseResult {
        let is_known = self.has_accepted(&request.sighash());
        let rivals = self.unnamed_rivals(request);
        match vault.sign_acceptance(request) {
            Ok(signature) => {
                prop_assert!(is_known || rivals.is_empty(), "signed against {rivals:?}");
                prop_assert_eq!(signature, key().sign(request.sighash().as_bytes()));
                if !is_known {
                    self.accepted.push(request.clone());
                }
            }
            Err(SignError::Conflict { rival, .. }) => {
                prop_assert!(!is_known && rivals.contains(&rival), "refused for {rival}");
            }
            Err(other) => prop_assert!(false, "unexpected refusal: {other}"),
        }
        Ok(())
    }

    fn on_rejection(&mut self, vault: &mut Vault, number: u64) -> TestCaseResult {
        let request = RejectionRequest { sighash: nth(number), ..rejection(0) };
        let is_signed = vault.sign_rejection(&request).is_ok();
        prop_assert_eq!(is_signed, !self.has_accepted(&nth(number)));
        Ok(())
    }
}

fn obey(deeds: Vec<Deed>, open: impl Fn(PrivateKey) -> Vault, survives: bool) -> TestCaseResult {
    let mut vault = Some(open(key()));
    let mut observer = Observer::default();
    for deed in deeds {
        match deed {
            Deed::Accept(request) => observer.on_acceptance(vault.as_mut().unwrap(), &request)?,
            Deed::Reject(number) => observer.on_rejection(vault.as_mut().unwrap(), number)?,
            Deed::Restart if survives => {
                drop(vault.take());
                vault = Some(open(key()));
            }
            Deed::Restart => {}
        }
    }
    Ok(())
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn no_two_rivals_are_signed_without_a_named_override(deeds in vec(deed(), 1..60)) {
        obey(deeds, |key| Vault::in_memory(key).unwrap(), false)?;
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn restarts_change_nothing(deeds in vec(deed(), 1..40)) {
        let place = Place::new();
        obey(deeds, |key| open_or_create(key, &place.journal).unwrap(), true)?;
    }
}
