//! Certificates and keys that are refused before anything is bound.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use countersign_node::{ClientTls, ServerTls, TlsError, TlsSettings};

use crate::party::Party;

/// Why neither side can be made, without the folder's name.
fn refusal(party: &Party) -> String {
    let settings = party.settings(&[party]);
    let error = ServerTls::load(&settings).unwrap_err();
    assert_eq!(ClientTls::load(&settings).unwrap_err().to_string(), error.to_string());
    let folder = party.key().parent().unwrap().display().to_string();
    error.to_string().replace(&folder, ".")
}

#[test]
fn a_good_pair_is_taken() {
    let party = Party::new();
    let settings = party.settings(&[&party]);
    let (server, client) =
        (ServerTls::load(&settings).unwrap(), ClientTls::load(&settings).unwrap());
    assert_eq!(format!("{server:?} {client:?}"), "ServerTls(..) ClientTls(..)");
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let party = Party::new();
    fs::set_permissions(party.key(), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        refusal(&party),
        "the TLS key ./own.key is open to others (mode 0644); mend it with `chmod 600 ./own.key`"
    );
}

#[test]
fn an_own_certificate_that_has_expired_is_refused() {
    assert_eq!(
        refusal(&Party::expired()),
        "the certificate ./own.crt is valid from 2000-01-01T00:00:00Z to 2001-01-01T00:00:00Z, and not \
         now; make a new one with `countersign tls new` and give its pin to the other side, or set the \
         clock right"
    );
}

#[test]
fn what_is_missing_is_named() {
    let party = Party::new();
    fs::write(party.key(), "no key").unwrap();
    assert_eq!(refusal(&party), "./own.key holds no private key in PEM form (`-----BEGIN …`)");
    fs::remove_file(party.key()).unwrap();
    assert!(refusal(&party).starts_with("the TLS key ./own.key cannot be read"));
    fs::write(party.certificate(), "").unwrap();
    assert_eq!(refusal(&party), "./own.crt holds no certificate in PEM form (`-----BEGIN …`)");
    fs::write(
        party.certificate(),
        "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    assert_eq!(refusal(&party), "./own.crt is not a certificate that can be used");
}

#[test]
fn a_certificate_of_another_key_is_refused() {
    let (party, other) = (Party::new(), Party::new());
    let pins = [party.pin.to_string()];
    let settings = TlsSettings::new(party.certificate(), other.key(), &pins).unwrap();
    let error = ServerTls::load(&settings).unwrap_err();
    assert!(matches!(error, TlsError::Unusable { .. }), "{error}");
    assert!(error.to_string().contains("cannot be used together"), "{error}");
}
