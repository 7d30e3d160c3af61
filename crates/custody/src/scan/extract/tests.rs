#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use ::base64::Engine as _;
use ::base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::scan::target::Target;

const PRIVATE: &str = "b791c6d39263a2469fbb7378da40e84e89d319e4b5e74f69836ff75b3cd30092";
const PUBLIC: &str = "028c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9";

fn key() -> [u8; 32] {
    ::hex::decode(PRIVATE).unwrap().try_into().unwrap()
}

fn marked() -> Vec<u8> {
    [key().as_slice(), &[1]].concat()
}

fn search_for(public: &str, data: &[u8]) -> Vec<Hit> {
    let targets = [public.parse::<Target>().unwrap()];
    Extractor::new(Prober::new(&targets)).search(data, Cut::Beginning)
}

fn search(data: &[u8]) -> Vec<Hit> {
    search_for(PUBLIC, data)
}

/// The forms of the only key in these bytes.
fn forms(data: &[u8]) -> String {
    let hits = search(data);
    assert_eq!(hits.len(), 1, "{:?} in {:?}", hits, String::from_utf8_lossy(data));
    let forms: Vec<String> = hits[0].forms.iter().map(ToString::to_string).collect();
    forms.join(" > ")
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

/// A private key in the layout of SEC 1, as `openssl ecparam -genkey` writes it, without the optional public key.
fn sec1() -> Vec<u8> {
    let head = ::hex::decode("302e0201010420").unwrap();
    let tail = ::hex::decode("a00706052b8104000a").unwrap();
    [head, key().to_vec(), tail].concat()
}

#[test]
fn a_key_is_found_in_each_form() {
    let upper = PRIVATE.to_uppercase();
    let decimal = key().map(|byte| byte.to_string()).join(", ");
    let pairs = |between: &str| key().map(|byte| format!("{byte:02x}")).join(between);
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("hex", PRIVATE.into()),
        ("hex", format!("{PRIVATE}01").into()),
        ("hex", format!("stacks_private_key = \"{PRIVATE}01\"\n").into()),
        ("hex", format!("0x{upper}").into()),
        ("hex", format!("{{\"privateKey\":\"{PRIVATE}01\",\"index\":0}}").into()),
        ("hex", format!("f{PRIVATE}").into()),
        ("hex", format!("{}{PRIVATE}", "00".repeat(32)).into()),
        ("hex", format!("{}{PRIVATE}01", "ab".repeat(40)).into()),
        ("base64", STANDARD.encode(key()).into()),
        ("base64", STANDARD_NO_PAD.encode(key()).into()),
        ("base64", STANDARD.encode(marked()).into()),
        ("base64", format!("key: {}\n", URL_SAFE.encode(key())).into()),
        ("base64", format!("'{}'", URL_SAFE_NO_PAD.encode(marked())).into()),
        ("base64", format!("secret/{}", STANDARD.encode(key())).into()),
        ("base64 > hex", STANDARD.encode(format!("{PRIVATE}01")).into()),
        ("base64 > hex", STANDARD.encode(format!("key={PRIVATE}\n")).into()),
        ("base64 > base64 > hex", STANDARD.encode(STANDARD.encode(PRIVATE)).into()),
        ("WIF", "L3NYccNixpHwHjzNKQd2tGqndCsD9VQ7AiYwSYuQfXp2JFHV1dkm".into()),
        ("WIF", "5KD8ci6Nk1Hyhx42f9yeapYSk6QcNrwB1PZAAQze5enzqsq34bj".into()),
        ("WIF", "cTjY5XNaPszCTBTdhpSAFbLrFSAcowVoEkhQYyMvAeU2YzHSmHX2".into()),
        ("raw bytes", key().to_vec()),
        ("raw bytes", [key().as_slice(), b"\n"].concat()),
        ("raw bytes", sec1()),
        ("raw bytes", [vec![0; 5000], sec1(), vec![0; 5000]].concat()),
        (
            "raw bytes",
            [&[0; 5000], [32, 0, 0, 0, 0, 0, 0, 0].as_slice(), &key(), &[0; 99]].concat(),
        ),
        ("raw bytes", [&[0; 5000], [0, 0, 0, 32].as_slice(), &key(), &[0; 99]].concat()),
        ("hex > raw bytes", ::hex::encode([vec![0; 5], sec1()].concat()).into()),
        ("list of bytes", format!("[{decimal}]").into()),
        ("list of bytes", pairs(":").into()),
        ("list of bytes", format!("priv:\n    {}\npub:\n", pairs(":\n    ")).into()),
        ("list of bytes", format!("{{ 0x{} }}", pairs(", 0x")).into()),
        ("UTF-16 > hex", utf16(&format!("key = {PRIVATE}\r\n"), u16::to_le_bytes)),
        ("UTF-16 > hex", utf16(&format!("{PRIVATE}\r\n"), u16::to_be_bytes)),
        (
            "UTF-16 > hex",
            [vec![1, 2, 3], utf16(&format!("{PRIVATE}\n"), u16::to_le_bytes), vec![9; 400]]
                .concat(),
        ),
    ];
    for (expected, data) in rows {
        assert_eq!(forms(&data), expected, "{:?}", String::from_utf8_lossy(&data));
    }
}

#[test]
fn pem_is_read_on_lines_with_escapes_and_in_a_kubernetes_secret() {
    let body =
        STANDARD.encode([sec1(), ::hex::decode("a144034200").unwrap(), vec![4; 65]].concat());
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
    for line_end in ["\n", "\r\n", "\\n", "\n      "] {
        let pem = [
            "-----BEGIN EC PRIVATE KEY-----",
            &lines.join(line_end),
            "-----END EC PRIVATE KEY-----",
        ]
        .join(line_end);
        assert_eq!(forms(pem.as_bytes()), "base64 > raw bytes", "{pem}");
        let secret = format!("data:\n  key.pem: {}\n", STANDARD.encode(&pem));
        assert_eq!(forms(secret.as_bytes()), "base64 > base64 > raw bytes", "{pem}");
    }
}

#[test]
fn a_key_with_leading_zeros_is_found_though_they_were_not_printed() {
    let public = countersign_wire::PrivateKey::from_hex(&format!("{:0>64}", &PRIVATE[4..]));
    let public = public.unwrap().public_key().to_string();
    assert_eq!(search_for(&public, format!("0x{}", &PRIVATE[4..]).as_bytes()).len(), 1);
}

#[test]
fn a_mnemonic_in_base64_is_found() {
    let sentence = "sound idle panel often situate develop unit text design antenna vendor screen opinion \
                    balcony share trigger accuse scatter visa uniform brass update opinion media";
    let address = "SP384CVPNDTYA0E92TKJZQTYXQHNZSWGCAG7SAPVB";
    let hits = search_for(address, STANDARD.encode(sentence).as_bytes());
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].forms[1].to_string(), "mnemonic (m/44'/5757'/0'/0/0)");
}

#[test]
fn what_is_not_our_key_is_nothing() {
    let other = "2ddfc2bebf10b86eeef17d4d5928f5a3012701a7dae8424541a28b0eeaf08075";
    for text in
        [other.to_owned(), PUBLIC.to_owned(), PRIVATE.replace("b7", "b8"), PRIVATE[..58].to_owned()]
    {
        assert_eq!(search(text.as_bytes()), [], "{text}");
    }
}

#[test]
fn the_place_is_where_the_key_begins() {
    let text = format!("a\nb\n  key: {PRIVATE}\n");
    assert_eq!(search(text.as_bytes())[0].offset, text.find("b79").unwrap());
}

#[test]
fn a_run_that_began_before_these_bytes_is_read_at_each_alignment() {
    let text = STANDARD.encode(format!("{}{PRIVATE}{}", "x".repeat(50), "y".repeat(50)));
    let targets = [PUBLIC.parse::<Target>().unwrap()];
    for start in 0..30 {
        let mut extractor = Extractor::new(Prober::new(&targets));
        let hits = extractor.search(&text.as_bytes()[start..], Cut::Middle);
        assert_eq!(hits.len(), 1, "from {start}");
    }
}

proptest! {
    #[test]
    fn every_key_is_found_in_every_form(
        bytes in any::<[u8; 32]>(),
        lead in "[ -~]{0,80}[\n ;\"]",
        tail in "[\n ;\"][ -~]{0,80}",
    ) {
        let key = countersign_wire::PrivateKey::from_bytes(bytes);
        prop_assume!(key.is_ok());
        let public = key.unwrap().public_key().to_string();
        let hex = ::hex::encode(bytes);
        let forms = [
            hex.clone(),
            format!("{}01", hex.to_uppercase()),
            STANDARD.encode(bytes),
            URL_SAFE_NO_PAD.encode(bytes),
            STANDARD.encode(&hex),
            STANDARD.encode(STANDARD.encode(&hex)),
            bytes.map(|byte| byte.to_string()).join(","),
        ];
        for form in forms {
            let text = format!("{lead}{form}{tail}");
            prop_assert!(!search_for(&public, text.as_bytes()).is_empty(), "{}", text);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_hold_no_key(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        prop_assert_eq!(search(&bytes), []);
    }

    #[test]
    fn arbitrary_text_of_keys_never_panics(text in "([0-9a-f]{0,70}|[A-Za-z0-9+/=\\\\n]{0,90}|[0-9, ]{0,90}|[ \n]){0,6}") {
        prop_assert_eq!(search(text.as_bytes()), []);
        prop_assert_eq!(search(&utf16(&text, u16::to_le_bytes)), []);
    }
}
