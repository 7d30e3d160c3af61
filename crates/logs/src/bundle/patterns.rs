//! What looks like a secret.

/// A kind of secret that has a form.
pub(super) struct Pattern {
    /// Its name in the manifest and in the text's place.
    pub(super) kind: &'static str,
    /// Why it is taken out.
    pub(super) why: &'static str,
    /// Its form. What the group `keep` matches stays before it.
    pub(super) form: &'static str,
    /// Whether equal values get an equal name, so that they can be told apart and found again.
    pub(super) is_named: bool,
}

/// The name of secrets that the configuration holds.
pub(super) const CONFIGURED: &str = "configured secret";
pub(super) const WHY_CONFIGURED: &str =
    "a value of the configuration that is not known to be harmless";
/// The name of words that make keys.
pub(super) const MNEMONIC: &str = "mnemonic";
pub(super) const WHY_MNEMONIC: &str = "twelve or more words of the BIP-39 list in a row make a key";

/// How many of the patterns come before mnemonics.
pub(super) const WHOLE_PATTERNS: usize = 2;

/// A name that says that its value is a secret, in any case.
macro_rules! secret_name {
    () => {
        concat!(
            r"(?:[a-z0-9_.-]*(?:passw(?:or)?d|passphrase|passcode|secret|token|private_?-?key|api_?-?key|seed_phrase|",
            r"mnemonic|credential|authorization|cookie|routing_?-?key|integration_?-?key|webhook)[a-z0-9_.-]*|",
            r"[a-z0-9_.-]*(?:pass|pwd)|\b(?:[a-z0-9]+[_.-])*(?:pin|seed))"
        )
    };
}

const NAMED: &str = "value of a secret's name";
const WHY_NAMED: &str = "the name before it says password, token, key or the like";

/// Every form, in the order in which they are looked for: the wider ones first.
pub(super) const PATTERNS: [Pattern; 15] = [
    Pattern {
        kind: "private key in PEM",
        why: "keys of TLS, SSH and PGP",
        // The beginning may have been cut off.
        form: concat!(
            r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z0-9 ]*-----.*?(?:-----END [A-Z0-9 ]*-----|\z)|",
            r"(?:[A-Za-z0-9+/=]+(?:\s|\\[rn])+)+-----END [A-Z0-9 ]*PRIVATE KEY[A-Z0-9 ]*-----"
        ),
        is_named: false,
    },
    Pattern {
        kind: "age identity",
        why: "it opens key files and backups",
        form: r"(?i)AGE-SECRET-KEY-[0-9A-Z-]*1[0-9A-Z]+|AGE-PLUGIN-[0-9A-Z-]+1[0-9A-Z]+",
        is_named: false,
    },
    Pattern {
        kind: "credentials in a URL",
        why: "what is before the @ of a URL is a name and a password, or a token",
        form: r#"(?i)(?<keep>[a-z][a-z0-9+.-]*://)[^\s"'<>]*@"#,
        is_named: false,
    },
    Pattern {
        kind: "webhook",
        why: "whoever knows the address can write to the channel",
        form: r#"(?i)(?<keep>https?://(?:hooks\.slack\.com|discord(?:app)?\.com/api/webhooks|api\.telegram\.org|hc-ping\.com)/)[^\s"'<>]+"#,
        is_named: false,
    },
    Pattern {
        kind: "authorization header",
        why: "it is a password or a token",
        form: r"(?i)(?<keep>\b(?:bearer|basic|digest)\s+)[A-Za-z0-9._~+/=-]{4,}",
        is_named: false,
    },
    // Of a line that begins with the name, or of a header, everything is the value: it may have any character.
    Pattern {
        kind: NAMED,
        why: WHY_NAMED,
        form: concat!(
            r"(?im)(?<keep>(?:^[ \t]*(?:export[ \t]+|-[ \t]+)?",
            secret_name!(),
            r"|\b(?:cookie|authorization))[ \t]*(?::=|[:=])[ \t]*)",
            r#"[^\s"'\[{(|>=][^\n]*"#
        ),
        is_named: false,
    },
    // Anywhere else: a block of YAML, strings of many lines, what Rust's `Debug` puts around a value, lists, or a word.
    Pattern {
        kind: NAMED,
        why: WHY_NAMED,
        form: concat!(
            "(?i)(?<keep>",
            secret_name!(),
            r#"\\?["']?\s*(?::=|=>|[:=])\s*)(?:"#,
            r"[|>][+-]?[ \t]*\n(?:[ \t]+[^\n]*\n?)+|",
            r#""{3}(?s:.*?)(?:"{3}|\z)|'{3}(?s:.*?)(?:'{3}|\z)|"#,
            r#"(?:[A-Za-z0-9_:]+\()*(?:\\?"(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?)|"#,
            r#"(?:\[redacted: [^\]]*\])+[^\s&"']*|"#,
            r#"(?:[A-Za-z0-9_:]+\()*\[(?:"(?:[^"\\]|\\.)*"|'[^'\n]*'|[^\]"'])*\]?|"#,
            r#"(?:[A-Za-z0-9_:]+\()*(?:[A-Za-z0-9_:]+ )?\{(?:"(?:[^"\\]|\\.)*"|[^}"])*\}?|"#,
            r#"[^\s&"']+)"#
        ),
        is_named: false,
    },
    Pattern {
        kind: "argument of a secret's option",
        why: "the option before it says password, token, key or the like",
        form: r#"(?i)(?<keep>--?(?:[a-z0-9]+-)*(?:password|passwd|passphrase|token|secret|private-key|mnemonic|pin)\s+)(?:"[^"\n]*"?|'[^'\n]*'?|\S+)"#,
        is_named: false,
    },
    Pattern {
        kind: "token",
        why: "it has the form of a token of GitHub, Grafana, AWS, Slack, Telegram, or of a signed one (JWT)",
        form: concat!(
            r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:c|sa)_[A-Za-z0-9+/=_-]{16,}|",
            r"(?:AKIA|ASIA)[0-9A-Z]{16}|xox[a-z]-[A-Za-z0-9-]{10,}|[0-9]{6,12}:[A-Za-z0-9_-]{30,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"
        ),
        is_named: false,
    },
    Pattern {
        kind: "rpcauth",
        why: "a salted password of bitcoind, which can be guessed at",
        form: r"(?i)(?<keep>rpcauth=[^:\s]+:)\S+",
        is_named: false,
    },
    Pattern {
        kind: "hex",
        why: "64 and more hex digits may be a private key; most are hashes. Equal ones have the same name: the first 12 digits of the SHA-256 of the digits",
        form: r"(?i)[0-9a-f]{64,}|(?:[0-9a-f]{2}(?:[ -]|:\s*)){31,}[0-9a-f]{2}|(?:[0-9a-f]{4}[ :-]){15,}[0-9a-f]{4}",
        is_named: true,
    },
    Pattern {
        kind: "list of 32 bytes",
        why: "it may be a key, as programs show their bytes. Named as hex is",
        form: r"(?i)(?:(?:0x[0-9a-f]{1,2}|\b[0-9]{1,3})\s*,\s*){31,}(?:0x[0-9a-f]{1,2}|[0-9]{1,3})",
        is_named: true,
    },
    Pattern {
        kind: "extended private key",
        why: "keys follow from it",
        form: r"[xtyzuvYZUV]prv[1-9A-HJ-NP-Za-km-z]{100,112}",
        is_named: false,
    },
    Pattern {
        kind: "private key in WIF",
        why: "the form in which Bitcoin wallets export keys",
        form: r"(?-u:\b)(?:[59][1-9A-HJ-NP-Za-km-z]{50}|[KLc][1-9A-HJ-NP-Za-km-z]{51})(?-u:\b)",
        is_named: false,
    },
    Pattern {
        kind: "base64 of 32 bytes",
        why: "it may be a key, of WireGuard for example; most are fingerprints. Named as hex is",
        form: r"[A-Za-z0-9+/_-]{43}=",
        is_named: true,
    },
];
