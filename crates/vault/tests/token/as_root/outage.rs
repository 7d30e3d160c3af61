//! A token that goes away while it is used, and comes back.

use countersign_vault::{
    KeyError, RejectionRequest, SignError, SigningKey, TokenError, TokenKey, TokenPin, Vault,
};
use countersign_wire::{ChainId, PrivateKey, Sighash, UnixSeconds};

use super::bench::{TOKEN, bench, digest, open, opened, pin, place};

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_token_that_is_pulled_out_signs_nothing_and_signs_again_when_it_is_back() {
    bench(
        "as_root::outage::a_token_that_is_pulled_out_signs_nothing_and_signs_again_when_it_is_back",
        |bench| {
            let token = opened("block");
            let before = token.sign(&digest(1)).unwrap();
            for round in 0..3_u64 {
                let drawer = bench.pull_out("drawer");
                for number in 0..3 {
                    let error = token.sign(&digest(100 * round + number + 10)).unwrap_err();
                    assert!(matches!(error, KeyError::Token(_)), "{error:?}");
                }
                // What was signed before may be said again.
                assert_eq!(token.sign(&digest(1)).unwrap(), before);
                bench.plug_in(&drawer);
                let signature = token.sign(&digest(100 * round + 10)).unwrap();
                let signer = signature.recover(&digest(100 * round + 10));
                assert_eq!(signer, Some(token.public_key()));
            }
        },
    );
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_vault_whose_token_is_away_goes_on_when_it_is_back() {
    bench("as_root::outage::a_vault_whose_token_is_away_goes_on_when_it_is_back", |bench| {
        let mut vault = Vault::in_memory(SigningKey::from(opened("block"))).unwrap();
        let rejection = RejectionRequest {
            sighash: Sighash::new([1; 32]),
            chain_id: ChainId::TESTNET,
            at: UnixSeconds::new(1_700_000_000),
        };
        let drawer = bench.pull_out("drawer");
        let error = vault.sign_rejection(&rejection).unwrap_err();
        assert!(matches!(error, SignError::Key(_)) && !error.is_fatal(), "{error:?}");
        bench.plug_in(&drawer);
        vault.sign_rejection(&rejection).unwrap();
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn another_token_in_its_place_signs_nothing_for_us() {
    bench("as_root::outage::another_token_in_its_place_signs_nothing_for_us", |bench| {
        let token = opened("block");
        token.sign(&digest(1)).unwrap();
        let drawer = bench.pull_out("drawer");
        bench.init(TOKEN);
        let other = PrivateKey::from_bytes([8; 32]).unwrap();
        TokenKey::take_in(&place("block"), &pin(), &other).unwrap();
        assert_eq!(open("block").unwrap().public_key(), other.public_key());
        for number in 2..5 {
            let error = token.sign(&digest(number)).unwrap_err();
            assert!(matches!(error, KeyError::ForeignSignature { .. }), "{error:?}");
        }
        bench.plug_in(&drawer);
        let signature = token.sign(&digest(2)).unwrap();
        assert_eq!(signature.recover(&digest(2)), Some(token.public_key()));
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_key_that_is_deleted_signs_nothing() {
    bench("as_root::outage::a_key_that_is_deleted_signs_nothing", |bench| {
        let token = opened("block");
        bench.delete("privkey", "block");
        let error = token.sign(&digest(1)).unwrap_err();
        let is_named = matches!(error, KeyError::Token(TokenError::NoSuchKey { .. }));
        assert!(is_named, "{error:?}");
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_module_that_is_begun_anew_by_one_key_serves_the_other_ones() {
    bench(
        "as_root::outage::a_module_that_is_begun_anew_by_one_key_serves_the_other_ones",
        |bench| {
            let first = opened("block");
            TokenKey::generate(&place("other"), &pin()).unwrap();
            let other = open("other").unwrap();
            for number in 0..5 {
                let drawer = bench.pull_out("drawer");
                first.sign(&digest(number)).unwrap_err();
                bench.plug_in(&drawer);
                for token in [&other, &first] {
                    let signature = token.sign(&digest(number)).unwrap();
                    assert_eq!(signature.recover(&digest(number)), Some(token.public_key()));
                }
            }
        },
    );
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_pin_that_was_changed_meanwhile_is_tried_once() {
    bench("as_root::outage::a_pin_that_was_changed_meanwhile_is_tried_once", |bench| {
        let token = opened("block");
        bench.change_pin("other-pin");
        let drawer = bench.pull_out("drawer");
        token.sign(&digest(1)).unwrap_err();
        bench.plug_in(&drawer);
        let mut said = Vec::new();
        for number in 1..4 {
            match token.sign(&digest(number)).unwrap_err() {
                KeyError::Token(error) => said.push(error.to_string()),
                other @ KeyError::ForeignSignature { .. } => panic!("{other:?}"),
            }
        }
        assert!(said[0].contains("refuses the PIN"), "{said:?}");
        assert!(
            said[1..].iter().all(|said| said.contains("has refused the PIN since")),
            "{said:?}"
        );
        TokenKey::open(place("block"), TokenPin::new("other-pin")).unwrap();
    });
}
