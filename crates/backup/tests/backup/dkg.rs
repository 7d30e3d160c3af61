//! Which shares pass, and what each kind of damage is called.

use countersign_backup::dkg::{Misfit, Row, check, proto};
use proptest::prelude::*;
use prost::Message as _;

use crate::ceremony::{Ceremony, number, point, scalar, seal};

fn good() -> (Ceremony, Row) {
    let ceremony = Ceremony::new("first", 850_000, 3, 2);
    let row = ceremony.row(1);
    (ceremony, row)
}

fn misfit(row: &Row, ceremony: &Ceremony) -> Misfit {
    check(row, &ceremony.key(1)).unwrap_err()
}

#[test]
fn the_shares_of_every_signer_of_every_size_fit_their_key() {
    for (signers, threshold) in [(1, 1), (2, 2), (3, 2), (5, 4), (16, 11)] {
        let ceremony = Ceremony::new("sizes", 1, signers, threshold);
        for id in 0..signers {
            check(&ceremony.row(id), &ceremony.key(id as usize)).unwrap();
        }
    }
}

#[test]
fn the_ceremony_of_the_vectors_comes_to_their_key_shares_and_proof() {
    // Origin: the protocol's description, a self-checked transcript of a 2-of-3 key from named coefficients.
    let ceremony = Ceremony::new("wsts-vec", 1, 3, 2);
    let key = "03ef42dbb7d3d5df0b864f3137decf546b3daac1aa379e329739c61b52d777bcf3";
    assert_eq!(hex::encode(ceremony.aggregate().serialize()), key);
    for (key_id, share) in [
        (1, "382f25fbbb2ae56291ba7604bf5db8c885503f1b732b7fd35ca2a62ea00abbe0"),
        (2, "a2bb0e8f5c99c813d4d6a970ee31b9c3b95e28bef5d7caf8195778aed3bc12f1"),
        (3, "0d46f722fe08aac517f2dcdd1d05bac032bd357bc93b75e11639eca2373728c1"),
    ] {
        assert_eq!(hex::encode(ceremony.share(key_id).to_secret_bytes()), share);
    }
    let constant = number("wsts-vec coeff 0 0");
    let response = ceremony.proof(0, &constant).aggregate_commitment.unwrap().value.unwrap();
    let expected = "f723a76b442787a487b8059ff25f5b6b567f3b5f43c7e0fa910b51ecfa6100b1";
    assert_eq!(hex::encode(response.to_bytes()), expected);
}

#[test]
fn a_state_without_its_polynomial_fits_as_well() {
    let (ceremony, mut row) = good();
    let mut state = ceremony.state(1);
    state.parties[0].polynomial = None;
    row.encrypted_private_shares = seal(&state.encode_to_vec(), &ceremony.key(1));
    check(&row, &ceremony.key(1)).unwrap();
}

#[test]
fn garbage_in_the_place_of_the_shares_is_garbage() {
    let (ceremony, mut row) = good();
    row.encrypted_private_shares = vec![0xde, 0xad, 0xbe, 0xef];
    assert_eq!(misfit(&row, &ceremony), Misfit::TooShort { len: 4 });
    row.encrypted_private_shares = vec![0xde; 400];
    assert_eq!(misfit(&row, &ceremony), Misfit::Aead);
}

#[test]
fn another_private_key_is_told_from_damaged_shares() {
    let (ceremony, mut row) = good();
    let strange = countersign_wire::PrivateKey::from_bytes([9; 32]).unwrap();
    let tried = strange.public_key().to_string();
    assert_eq!(check(&row, &strange), Err(Misfit::WrongKey { tried }));
    // Another signer's key: the cipher refuses as well.
    assert_eq!(check(&row, &ceremony.key(0)), Err(Misfit::Aead));
    *row.encrypted_private_shares.last_mut().unwrap() ^= 1;
    assert_eq!(misfit(&row, &ceremony), Misfit::Aead);
}

#[test]
fn what_opens_and_is_no_state_is_told() {
    let (ceremony, mut row) = good();
    row.encrypted_private_shares = seal(&[0xff; 40], &ceremony.key(1));
    assert_eq!(misfit(&row, &ceremony), Misfit::NotAState);
}

#[test]
fn shares_of_another_ceremony_or_signer_do_not_pass() {
    let (ceremony, row) = good();
    let other = Ceremony::new("second", 850_100, 3, 2);
    let with = |spoil: &dyn Fn(&mut proto::SignerState)| {
        let mut state = ceremony.state(1);
        spoil(&mut state);
        let encrypted_private_shares = seal(&state.encode_to_vec(), &ceremony.key(1));
        misfit(&Row { encrypted_private_shares, ..row.clone() }, &ceremony)
    };
    let is_other = |misfit: &Misfit| matches!(misfit, Misfit::OtherState { .. });
    assert!(is_other(&with(&|state| *state = other.state(1))));
    assert!(is_other(&with(&|state| *state = ceremony.state(0))));
    assert!(is_other(&with(&|state| state.id = u32::MAX)));
    assert!(is_other(&with(&|state| state.key_ids = vec![1, 2])));
    assert!(is_other(&with(&|state| state.num_keys = 4)));
    assert!(is_other(&with(&|state| state.threshold = 3)));
    assert!(is_other(&with(&|state| state.parties.clear())));
    assert!(is_other(&with(&|state| state.group_key = None)));
    assert!(is_other(&with(&|state| state.parties[0].private_keys.clear())));
    assert!(is_other(&with(&|state| state.parties[0].private_keys[0].key_id = 1)));
    assert!(is_other(&with(&|state| {
        state.parties[0].polynomial.as_mut().unwrap().data.swap(0, 1);
    })));
    // The share itself: of another ceremony, zero, missing.
    let share = |value: Option<proto::Scalar>| {
        with(&|state| state.parties[0].private_keys[0].private_key = value.clone())
    };
    assert_eq!(share(Some(scalar(&number("any")))), Misfit::Share);
    assert_eq!(share(Some(proto::Scalar { value: Some([0; 32].into()) })), Misfit::Share);
    assert_eq!(share(Some(proto::Scalar { value: Some([0xff; 32].into()) })), Misfit::Share);
    assert_eq!(share(None), Misfit::Share);
}

fn of(public: &mut proto::DkgPublicShares, id: u32) -> &mut proto::PartyCommitment {
    &mut public.shares.get_mut(&id).unwrap().commitments[0]
}

fn poly(public: &mut proto::DkgPublicShares) -> &mut Vec<proto::Point> {
    &mut of(public, 0).commitment.as_mut().unwrap().poly
}

#[test]
fn public_shares_that_are_not_of_the_key_do_not_pass() {
    let (ceremony, row) = good();
    let with = |spoil: &dyn Fn(&mut proto::DkgPublicShares)| {
        let mut public = ceremony.public_shares();
        spoil(&mut public);
        let row = Row { public_shares: public.encode_to_vec(), ..row.clone() };
        match misfit(&row, &ceremony) {
            Misfit::PublicShares { what } => what,
            misfit => panic!("{misfit:?}"),
        }
    };
    let other = Ceremony::new("second", 850_100, 3, 2);
    assert_eq!(with(&|it| *it = other.public_shares()), "their sum is not the aggregate key");
    assert_eq!(with(&|it| drop(it.shares.remove(&2))), "they are not of each signer once");
    assert_eq!(
        with(&|it| of(it, 1).signer_id = 0),
        "a commitment has the number of another signer"
    );
    assert_eq!(with(&|it| of(it, 1).commitment = None), "a commitment is empty");
    assert_eq!(
        with(&|it| it.shares.get_mut(&0).unwrap().commitments.clear()),
        "a signer has not exactly one commitment"
    );
    assert_eq!(
        with(&|it| drop(poly(it).pop())),
        "a polynomial has not as many coefficients as signers must sign"
    );
    assert_eq!(
        with(&|it| poly(it)[1] = proto::Point::default()),
        "a commitment holds what is no point"
    );
    let strange = point(&number("strange").public_key());
    assert_eq!(with(&|it| poly(it)[0] = strange.clone()), "a proof of knowledge is wrong");
    // A higher coefficient is in no proof and not in the sum: the private share finds it.
    let mut public = ceremony.public_shares();
    poly(&mut public)[1] = strange;
    let spoilt = Row { public_shares: public.encode_to_vec(), ..row.clone() };
    assert_eq!(misfit(&spoilt, &ceremony), Misfit::Share);
    let undecodable = Row { public_shares: vec![0xff; 9], ..row };
    assert!(matches!(misfit(&undecodable, &ceremony), Misfit::PublicShares { .. }));
}

#[test]
fn another_script_or_tweaked_key_does_not_pass() {
    let (ceremony, row) = good();
    let script = Row { script_pubkey: vec![0x51, 0x20], ..row.clone() };
    assert_eq!(misfit(&script, &ceremony), Misfit::Script { what: "script_pubkey" });
    let tweaked = Row { tweaked_aggregate_key: row.aggregate_key.clone(), ..row.clone() };
    assert_eq!(misfit(&tweaked, &ceremony), Misfit::Script { what: "tweaked_aggregate_key" });
    let nothing = Row::default();
    assert!(matches!(misfit(&nothing, &ceremony), Misfit::OtherState { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_at_all_make_the_check_panic_or_pass(
        state in proptest::collection::vec(any::<u8>(), 0..200),
        public in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let (ceremony, row) = good();
        let key = ceremony.key(1);
        let spoilt = Row { public_shares: public, ..row.clone() };
        prop_assert!(check(&spoilt, &key).is_err());
        let spoilt = Row { encrypted_private_shares: seal(&state, &key), ..row.clone() };
        prop_assert!(check(&spoilt, &key).is_err());
        let spoilt = Row { encrypted_private_shares: state, ..row };
        prop_assert!(check(&spoilt, &key).is_err());
    }

    #[test]
    fn one_flipped_bit_of_the_sealed_shares_never_passes(bit in 0_usize..8 * 100) {
        let (ceremony, mut row) = good();
        row.encrypted_private_shares[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(check(&row, &ceremony.key(1)), Err(Misfit::Aead));
    }
}
