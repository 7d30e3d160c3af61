//! How a key comes into a token.

use countersign_vault::{TokenError, TokenKey};
use cryptoki::object::{Attribute, AttributeType, ObjectClass};

use super::bench::{bench, digest, key, open, pin, place, session};

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_key_that_the_token_makes_signs_there() {
    bench("as_root::birth::a_key_that_the_token_makes_signs_there", |_| {
        let made = TokenKey::generate(&place("born"), &pin()).unwrap();
        let token = open("born").unwrap();
        assert_eq!(token.public_key(), made);
        assert_eq!(token.sign(&digest(1)).unwrap().recover(&digest(1)), Some(made));
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_key_that_is_there_is_never_overwritten() {
    bench("as_root::birth::a_key_that_is_there_is_never_overwritten", |_| {
        let made = TokenKey::take_in(&place("block"), &pin(), &key()).unwrap();
        assert_eq!(made, key().public_key());
        let again = [
            TokenKey::take_in(&place("block"), &pin(), &key()),
            TokenKey::generate(&place("block"), &pin()),
        ];
        for error in again.map(Result::unwrap_err) {
            assert!(matches!(error, TokenError::Exists { .. }), "{error}");
        }
        assert_eq!(open("block").unwrap().public_key(), made);
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn no_key_can_be_read_back_from_the_token() {
    bench("as_root::birth::no_key_can_be_read_back_from_the_token", |_| {
        TokenKey::take_in(&place("given"), &pin(), &key()).unwrap();
        TokenKey::generate(&place("made"), &pin()).unwrap();
        let session = session();
        let template = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
        let found = session.find_objects(&template).unwrap();
        assert_eq!(found.len(), 2);
        for object in found {
            let wanted =
                [AttributeType::Value, AttributeType::Sensitive, AttributeType::Extractable];
            let told = session.get_attributes(object, &wanted).unwrap();
            assert_eq!(told, [Attribute::Sensitive(true), Attribute::Extractable(false)]);
            // Neither can be taken back.
            session.update_attributes(object, &[Attribute::Extractable(true)]).unwrap_err();
            session.update_attributes(object, &[Attribute::Sensitive(false)]).unwrap_err();
        }
    });
}
