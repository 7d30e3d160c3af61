//! Why a token's key does not open.

use std::error::Error as _;

use countersign_vault::{PinTries, TokenError, TokenKey, TokenPin, TokenPlace};

use super::bench::{bench, key, open, opened, pin, place, relabel_public_key};

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn each_thing_that_is_wrong_is_named_with_its_remedy() {
    bench("as_root::opening::each_thing_that_is_wrong_is_named_with_its_remedy", |bench| {
        drop(opened("block"));
        bench.init("another");
        let missing = TokenPlace { token: "lost".to_owned(), ..place("block") };
        let module = TokenPlace { module: "/nowhere.so".into(), ..place("block") };
        for (place, says) in [
            (missing, "the token `lost` is not there; those that are: "),
            (place("blok"), "the token `signer` has no private key with the label `blok`; see"),
            (module, "the PKCS#11 module /nowhere.so cannot be used; name the library"),
        ] {
            let error = TokenKey::open(place, pin()).unwrap_err();
            assert!(error.to_string().starts_with(says), "{error}");
        }
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_wrong_pin_is_refused_and_is_in_no_message() {
    bench("as_root::opening::a_wrong_pin_is_refused_and_is_in_no_message", |_| {
        drop(opened("block"));
        let error = TokenKey::open(place("block"), TokenPin::new("9999-wrong")).unwrap_err();
        assert!(error.is_about_pin());
        // SoftHSM does not lock, but says that a try was wasted.
        assert!(
            matches!(error, TokenError::PinRefused { tries: PinTries::Fewer, .. }),
            "{error:?}"
        );
        let said = format!("{error} {error:?} {:?}", error.source());
        assert!(said.contains("`signer` refuses the PIN") && !said.contains("9999"), "{said}");
        open("block").unwrap();
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn two_keys_with_one_label_are_refused() {
    bench("as_root::opening::two_keys_with_one_label_are_refused", |bench| {
        drop(opened("block"));
        bench.keypair("EC:secp256k1", "block");
        let error = open("block").unwrap_err().to_string();
        assert!(error.contains("2 private keys with the label `block`"), "{error}");
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_key_of_another_curve_or_kind_is_refused() {
    bench("as_root::opening::a_key_of_another_curve_or_kind_is_refused", |bench| {
        for kind in ["EC:prime256v1", "rsa:2048"] {
            bench.keypair(kind, kind);
            let error = open(kind).unwrap_err();
            assert!(matches!(error, TokenError::NotSecp256k1 { .. }), "{kind}: {error}");
        }
        bench.keypair("EC:secp256k1", "good");
        open("good").unwrap();
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn halves_that_do_not_belong_together_are_refused() {
    bench("as_root::opening::halves_that_do_not_belong_together_are_refused", |bench| {
        for label in ["a", "b"] {
            bench.keypair("EC:secp256k1", label);
        }
        bench.delete("pubkey", "a");
        let error = open("a").unwrap_err().to_string();
        assert!(error.contains("no public key with the label `a`"), "{error}");
        relabel_public_key("b", "a");
        let error = open("a").unwrap_err();
        assert!(matches!(error, TokenError::Unpaired { .. }), "{error}");
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn nothing_that_is_shown_holds_a_secret() {
    bench("as_root::opening::nothing_that_is_shown_holds_a_secret", |_| {
        let token = opened("block");
        let shown = format!("{token:?} {:?}", pin());
        assert!(shown.contains("TokenPin(..)") && !shown.contains("5678"), "{shown}");
        assert_eq!(token.public_key(), key().public_key());
    });
}
