//! What is taken out of texts, and what stays.

use proptest::prelude::*;

use super::*;

const KEY: &str = "6d430bb91222408e7706c9001cfaeb91b08c2be6d5ac95779ab52c6b431950e0";

fn left(text: &str) -> String {
    redactor(&[]).redact(text.as_bytes()).text
}

/// Each kind of secret with the text around it, and the part that must not be left.
fn planted_keys() -> Vec<(&'static str, String, String)> {
    let pem = "MHcCAQEEIBKc0Gz6Y2nC";
    let age = "AGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQS4F7Z2X";
    let wif = "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ";
    let xprv = format!("xprv9s21ZrQH143K{}", "3QTDL4LXw2F7HEK".repeat(6) + "ABCDEF");
    let words = WORDS[..12].join(" ");
    let row = |kind, text: &str, secret: &str| (kind, text.to_owned(), secret.to_owned());
    vec![
        row("hex", &format!("key={KEY}"), KEY),
        row("hex", &format!("found 0x{KEY}."), KEY),
        row("hex", &format!("{KEY}01 is a key"), KEY),
        row("hex", &format!("02{}01", &KEY[..62]), &KEY[..62]),
        row("hex", &KEY.to_uppercase(), &KEY.to_uppercase()),
        row("hex", &format!("aa{KEY}bb{KEY}"), KEY),
        row(
            "private key in PEM",
            &format!("a\n-----BEGIN EC PRIVATE KEY-----\n{pem}\n-----END EC PRIVATE KEY-----\nb"),
            pem,
        ),
        row(
            "private key in PEM",
            &format!(
                "-----BEGIN OPENSSH PRIVATE KEY-----\\n{pem}\\n-----END OPENSSH PRIVATE KEY-----"
            ),
            pem,
        ),
        row("private key in PEM", &format!("-----BEGIN PRIVATE KEY-----\n{pem}"), pem),
        row("age identity", &format!("# created: now\n{age}\n"), &age[18..]),
        row("age identity", &age.to_lowercase(), &age.to_lowercase()[18..]),
        row("private key in WIF", &format!("import {wif} into"), wif),
        row(
            "private key in WIF",
            "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ",
            "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ",
        ),
        row("extended private key", &xprv, &xprv),
        row("mnemonic", &format!("recovery: {words}"), &words),
        row("mnemonic", &WORDS[..12].join("\n").to_uppercase(), "WINNER\nTHANK"),
        row("mnemonic", &format!("[\"{}\"]", WORDS[..12].join("\", \"")), "winner\", \"thank"),
        row(
            "mnemonic",
            "1. legal 2. winner 3. thank 4. year 5. wave 6. sausage 7. worth 8. useful 9. legal 10. winner 11. thank 12. yellow",
            "sausage",
        ),
        row("mnemonic", &format!("mnemonic: {words}"), &words[6..]),
        row("mnemonic", &format!("seed_phrase = \"{words}\"\n{age}"), &age[18..]),
    ]
}

/// The same for those that stand beside a name.
fn planted_beside_names() -> Vec<(&'static str, String, String)> {
    let row = |kind, text: &str, secret: &str| (kind, text.to_owned(), secret.to_owned());
    vec![
        row("credentials in a URL", "postgres://signer:hunter22@db:5432/x", "hunter22"),
        row("credentials in a URL", "http://u:p@ss/w:rd@host", "ss/w:rd"),
        row("credentials in a URL", "https://emilykey123@sbtc-emily.com/v1", "emilykey123"),
        row("authorization header", "Authorization: Bearer abc.def-123", "abc.def-123"),
        row("authorization header", "sent basic dXNlcjpwYXNz to", "dXNlcjpwYXNz"),
        row("value of a secret's name", "auth_token = \"tr0ub4dor\"", "tr0ub4dor"),
        row("value of a secret's name", "{\"auth_password\":\"a \\\"b\\\" c\",\"x\":1}", "b\\\""),
        row(
            "value of a secret's name",
            "MESSAGE={\\\"rpc_password\\\":\\\"hunter22\\\"}",
            "hunter22",
        ),
        row("value of a secret's name", "AUTH_TOKEN=12345678", "12345678"),
        row("value of a secret's name", "rpcpassword='hunter 22'", "hunter 22"),
        row("value of a secret's name", "SIGNER_SIGNER__PRIVATE_KEY: abc123def", "abc123def"),
        row("value of a secret's name", "routing_key: R0123456789abcdef", "R0123456789abcdef"),
        row("argument of a secret's option", "psql --password hunter22 -h db", "hunter22"),
        row("token", "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abcdefghijklmnop"),
        row("token", "bot 123456789:AAF-abcdefghijklmnopqrstuvwxyz012345 says", "AAF-abcdefghij"),
        row("token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        row("webhook", "posting to https://hooks.slack.com/services/T0/B0/xyz", "T0/B0/xyz"),
        row("rpcauth", "rpcauth=node:7d9ba5ae$d4$a5", "7d9ba5ae"),
        row(
            "base64 of 32 bytes",
            "PrivKey yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=",
            "yAnz5TF+lXXJ",
        ),
    ]
}

/// The same in the forms that programs and configurations give to values.
fn planted_in_structures() -> Vec<(&'static str, String, String)> {
    let named = "value of a secret's name";
    let bytes: Vec<u8> = hex::decode(KEY).unwrap();
    let apart = |by: &str| bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(by);
    let fours: Vec<&str> = (0..16).map(|n| &KEY[4 * n..4 * n + 4]).collect();
    let pretty = format!("[\n            \"{}\"\n]", WORDS[..12].join("\",\n            \""));
    let row = |kind, text: &str, secret: &str| (kind, text.to_owned(), secret.to_owned());
    vec![
        row(named, "rpcpassword=hun,ter;22)x 'y\" hunter33", "hunter33"),
        row(named, "  - DB_PASSWORD=hunter22 & more33", "more33"),
        row(named, "export PGPASS=hunter22", "hunter22"),
        row(named, "told password=a,b;c)hunter22 to x", "hunter22"),
        row(named, "Config { auth_token: Some(\"hunter22\"), n: 1 }", "hunter22"),
        row(named, "auth: Auth { password: Secret(Some(\"hunter22\")) }", "hunter22"),
        row(named, "Config { credentials: Login { user: \"u\", key: \"hunter22\" } }", "hunter22"),
        row(named, "{\"credentials\":{\"user\":\"u\",\"key\":\"hunter22\"}}", "hunter22"),
        row(named, "auth_tokens = [\"one]\", \"hunter22\"]", "hunter22"),
        row(named, "the private_key: Key([109, 67, 11, 185])", "67, 11"),
        row(named, "auth_password = \"\"\"\nhunter22\"x\n\"\"\"", "hunter22"),
        row(named, "auth_password = '''\nhunter22'\n'''", "hunter22"),
        row(named, "password: |\n  hunter22\n  hunter33\nother: 1", "hunter33"),
        row(named, "if password := \"hunter22\"; ok", "hunter22"),
        row(named, "got cookie: a=b; session=hunter22", "hunter22"),
        row(named, "\u{1b}[3mauth_token\u{1b}[0m\u{1b}[2m=\u{1b}[0m\"hunter22\"", "hunter22"),
        row(named, "token pin = \"123456\"", "123456"),
        row("argument of a secret's option", "x --password 'two hunter22'", "hunter22"),
        row("private key in PEM", "d2VyZQ==\n-----END EC PRIVATE KEY-----", "d2VyZQ"),
        row("mnemonic", &pretty, "sausage"),
        row("hex", &apart(":"), &apart(":")[6..30]),
        row("hex", &apart(" ").to_uppercase(), &apart(" ").to_uppercase()[6..30]),
        row("hex", &fours.join(" "), "0bb9 1222"),
        row("list of 32 bytes", &format!("got {bytes:?}"), "67, 11"),
        row("list of 32 bytes", &format!("{bytes:#04x?}"), "0x43"),
        row("base64 of 32 bytes", "d: yAnz5TF-lXXJte14tji3zlMNq_hd2rYUIgJBgB3fBmk=", "yAnz5TF"),
        row("token", "sent xoxb-123456789012-abcdefGHIJ", "abcdefGHIJ"),
        row("webhook", "https://hc-ping.com/6f0c-77", "6f0c-77"),
    ]
}

fn planted() -> Vec<(&'static str, String, String)> {
    let beside = planted_beside_names().into_iter().chain(planted_in_structures());
    planted_keys().into_iter().chain(beside).collect()
}

/// Else what follows a value that the configuration has, too, would stay.
#[test]
fn a_secret_that_begins_or_ends_with_a_configured_one_is_taken_out_as_a_whole() {
    let redactor = redactor(&[("auth_password", "horse")]);
    for text in [
        "x auth_token=horse-hunter22",
        "auth_token = \"horse-hunter22\"",
        "{\"token\":\"hunter22-horse\"}",
    ] {
        let left = redactor.redact(text.as_bytes()).text;
        assert!(!left.contains("hunter22"), "{left}");
    }
    let left = redactor.redact(b"auth_token = \"horse\", x").text;
    assert_eq!(left, "auth_token = \"[redacted: configured secret]\", x");
}

#[test]
fn every_kind_of_secret_is_taken_out_and_named() {
    let redactor = redactor(&[]);
    for (kind, text, secret) in planted() {
        assert!(text.contains(&secret), "{kind}: {text}");
        let redacted = redactor.redact(text.as_bytes());
        assert!(!redacted.text.contains(&secret), "{kind}: {}", redacted.text);
        assert!(redacted.taken.contains_key(kind), "{kind}: {text}\n{redacted:?}");
    }
    for reason in Redactor::reasons() {
        let is_planted = planted().iter().any(|(kind, ..)| *kind == reason.kind);
        assert!(is_planted || reason.kind == "configured secret", "{} is not tried", reason.kind);
        assert!(reason.why.len() > 10, "{}", reason.kind);
    }
}

#[test]
fn all_of_them_at_once_are_taken_out() {
    let texts: Vec<String> = planted().into_iter().map(|(_, text, _)| text).collect();
    let text = texts.join("\n");
    // The one without an end would take the rest with it.
    let text = text.replacen("-----BEGIN PRIVATE KEY-----\nMHcCAQEEIBKc0Gz6Y2nC\n", "", 1);
    let left = left(&text);
    for (kind, _, secret) in planted() {
        assert!(!left.contains(&secret), "{kind} is left in {left}");
    }
    assert!(left.lines().count() > 20, "not all at once: {left}");
}

#[test]
fn what_the_configuration_holds_is_taken_out_in_every_form() {
    let hex_key = format!("{KEY}01");
    let redactor = redactor(&[
        ("auth_password", "correct horse"),
        ("stacks_private_key", &hex_key),
        ("short", "ab"),
        ("odd", "q\"t\\é"),
    ]);
    let text = format!(
        "correct horse, CORRECT HORSE, correct%20horse, Y29ycmVjdCBob3JzZQ==, {hex_key}, {KEY}, ab, q\\\"t\\\\é q\"t\\é"
    );
    let redacted = redactor.redact(text.as_bytes());
    let mark = "[redacted: configured secret]";
    let expected = format!("{mark}, {mark}, {mark}, {mark}==, {mark}, {mark}, ab, {mark} {mark}");
    assert_eq!(redacted.text, expected);
    assert_eq!(redacted.taken["configured secret"], 8);
    assert!(!format!("{redactor:?}").contains("horse"));
}

#[test]
fn what_helps_and_is_no_secret_stays() {
    let public = format!("03{}", &KEY[..64].replace("e0", "e2"));
    for text in [
        "Cycle #141 Signer #7: Received block acceptance weight=35 total=50",
        "tenure=0303030303030303030303030303030303030303",
        &format!("key={public}"),
        "node_host = \"127.0.0.1:20443\"",
        "http://127.0.0.1:20443/v2/info answers 200",
        "the winner of the year is worth a thank",
        "SP000000000000000000002Q6VF78.pox-5",
        "stacks_signer_block_responses_sent{response_type=\"accepted\"} 12",
        "a token was refused, and the password of user signer was wrong",
    ] {
        assert_eq!(left(text), text);
    }
}

#[test]
fn hashes_keep_a_name_by_which_they_are_told_apart_and_known_ones_stay() {
    let other = KEY.replace('6', "7");
    let text = left(&format!("{KEY} {other} {}", KEY.to_uppercase()));
    let names: Vec<&str> = text.split("] ").collect();
    assert_eq!(names[0], names[2].trim_end_matches(']'));
    assert_ne!(names[0], names[1]);
    assert!(names[0].starts_with("[hex: ") && names[0].len() == 18, "{text}");
    let mut redactor = redactor(&[]);
    redactor.allow(&KEY.to_uppercase());
    assert_eq!(redactor.redact(KEY.as_bytes()).text, KEY);
}

#[test]
fn bytes_that_are_no_text_are_no_way_around() {
    let bytes = [b"\xff\xfe".as_slice(), KEY.as_bytes(), b"\xff"].concat();
    assert!(!redactor(&[]).redact(&bytes).text.contains(KEY));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_key_is_found_in_any_text(before in ".{0,60}", key in "[0-9a-f]{64}", suffix in "(01)?", after in ".{0,60}") {
        let text = format!("{before}{key}{suffix}{after}");
        prop_assert!(!left(&text).contains(&key), "{}", left(&text));
    }

    #[test]
    fn a_configured_secret_is_found_in_any_text(before in "[ -~]{0,40}", secret in "[!-~]{6,40}", after in "[ -~]{0,40}") {
        let redactor = redactor(&[("auth_password", &secret)]);
        let text = format!("{before} {secret} {after}");
        let mark = "[redacted: configured secret]";
        prop_assume!(!mark.contains(&secret) && !"[redacted: value of a secret's name]".contains(&secret));
        prop_assert!(!redactor.redact(text.as_bytes()).text.contains(&secret));
    }

    #[test]
    fn arbitrary_bytes_are_redacted_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        redactor(&[("x", "secret")]).redact(&bytes);
    }
}
