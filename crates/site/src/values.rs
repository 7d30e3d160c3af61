//! Values that are written into other programs' files: each type lets through only what means the same in all of
//! them, so that no generator has to quote.
//!
//! Newlines, quotes, `$`, `%`, backslashes, `#`, `;` and control characters end a value, begin another or expand in
//! at least one of the formats (TOML, systemd, nftables, nginx, YAML, shell). None of them is ever needed here.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// Why a text is no such value: what one looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

/// A text that was checked.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $is_good:path, $remedy:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Refused;

            fn from_str(text: &str) -> Result<Self, Refused> {
                if $is_good(text) { Ok(Self(text.to_owned())) } else { Err(Refused($remedy)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text!(
    /// The name of a unix user or of its group, of at most 31 characters.
    UserName, is_user,
    "write a user name of small letters, digits, `-` and `_`, such as \"countersign\""
);
checked_text!(
    /// What the files of a signing key are called after, of at most 31 characters.
    KeyName, is_key_name,
    "write small letters, digits and `-` inside, at most 31, such as \"signer-2\""
);
checked_text!(
    /// A word that names something: a PostgreSQL role or database, a name of a bitcoind user.
    Word, is_word,
    "write letters, digits, `-` and `_`, at most 63"
);
checked_text!(
    /// The name of a host as DNS takes it, or an address.
    HostName, is_host,
    "write a host name or an address, such as \"signer-1.example.org\" or \"10.0.0.2\""
);
checked_text!(
    /// A host and a port.
    HostPort, is_host_port,
    "write host:port, such as \"mail.example.org:587\""
);
checked_text!(
    /// A mail address.
    MailAddress, is_mail,
    "write one mail address, such as \"ops@example.org\""
);
checked_text!(
    /// An `https://` URL, or `http://` for something on this host or a private network.
    Url, is_url,
    "write a URL that begins with https:// (or http://), without quotes, `$` and spaces"
);
checked_text!(
    /// An image pinned by its digest.
    Image, is_image,
    "pin the image by its digest, NAME@sha256:<64 hex digits>; \
     `docker image inspect --format '{{index .RepoDigests 0}}' NAME` shows it"
);
checked_text!(
    /// SHA-256 of a peer's public key, as `countersign tls pin` shows it.
    Pin, is_pin,
    "write what `countersign tls pin CERTIFICATE` shows on the other host: \"sha256/…\""
);
checked_text!(
    /// A WireGuard public key.
    WireguardKey, is_base64_32,
    "write what `wg pubkey < PRIVATE_KEY` shows on that host: 44 characters of base64"
);
checked_text!(
    /// An X25519 recipient of age.
    Recipient, is_recipient,
    "write what `age-keygen -y IDENTITY` shows: \"age1…\", 62 characters"
);
checked_text!(
    /// The label of a PKCS#11 token or of a key in one.
    Label, is_label,
    "write the label as `pkcs11-tool --list-token-slots` or `--list-objects` shows it: letters, digits, `-_.` and \
     single spaces inside, at most 32"
);
checked_text!(
    /// A compressed public key of secp256k1, in hex.
    PublicKeyHex, is_public_key,
    "write the compressed public key: 66 hex digits that begin with 02 or 03"
);
checked_text!(
    /// A Stacks address (of a deployer).
    StacksAddress, is_stacks_address,
    "write a Stacks address, such as \"SM3VDXK3WZZSA84XXFKAFAF15NNZX32CTSG82JFQ4\""
);
checked_text!(
    /// A peer of the Stacks network: its public key, `@`, host and port.
    Bootstrap, is_bootstrap,
    "write PUBLIC_KEY@host:port, with the peer's 66 hex digits"
);
checked_text!(
    /// An argument of a command that is started without a shell.
    Argument, is_argument,
    "write plain arguments without quotes, `$`, `%`, backslashes and control characters; \
     what needs a shell goes into a script"
);

impl Url {
    /// The port that it leads to.
    pub fn port(&self) -> u16 {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let authority = rest.split('/').next().unwrap_or_default();
        let named = authority.rsplit_once(':').filter(|_| is_host_port(authority));
        let default = if scheme == "http" { 80 } else { 443 };
        named.and_then(|(_, port)| port.parse().ok()).unwrap_or(default)
    }
}

/// An absolute path in one spelling, without `.` and `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsPath(PathBuf);

impl AbsPath {
    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The path of `name` in this folder. `name` is a constant of the program's, or was checked.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }
}

impl FromStr for AbsPath {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let path = Path::new(text);
        let is_plain = text.bytes().all(|byte| is_alnum(byte) || b"/._-+@".contains(&byte));
        let is_normal = path.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
        // `components` hides doubled slashes and `/./`, which would be a second spelling.
        let is_one_spelling =
            path.components().collect::<PathBuf>().as_os_str().len() == text.len();
        let is_good = path.is_absolute() && path.parent().is_some() && text.len() <= 200;
        if is_good && is_plain && is_normal && is_one_spelling {
            Ok(Self(path.to_owned()))
        } else {
            Err(Refused(
                "write an absolute path of letters, digits and `._-+@`, without `..`, such as \
                 \"/var/lib/countersign\"",
            ))
        }
    }
}

impl fmt::Display for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl AsRef<Path> for AbsPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

const fn is_alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn is_user(text: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_later = |byte: u8| is_first(byte) || byte.is_ascii_digit() || byte == b'-';
    (1..=31).contains(&text.len())
        && text.bytes().next().is_some_and(is_first)
        && text.bytes().all(is_later)
        && text != "root"
}

fn is_key_name(text: &str) -> bool {
    let is_alnum = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=31).contains(&text.len())
        && text.bytes().all(|byte| is_alnum(byte) || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_word(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| is_alnum(byte) || b"-_".contains(&byte))
}

fn is_label(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|byte| is_alnum(byte) || b"-_. ".contains(&byte))
        && text.trim() == text
        && !text.contains("  ")
}

fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| is_alnum(byte) || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.parse::<std::net::IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(is_label))
}

fn is_host_port(text: &str) -> bool {
    // A scope, as in `[fe80::1%2]:80`, is a number of one host's own.
    let is_plain = |at: std::net::SocketAddr| at.port() > 0 && !text.contains('%');
    text.parse().is_ok_and(is_plain)
        || text.rsplit_once(':').is_some_and(|(host, port)| {
            is_host(host) && !host.contains(':') && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
}

fn is_mail(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, host)| {
        (1..=64).contains(&local.len())
            && local.bytes().all(|byte| is_alnum(byte) || b"._+-".contains(&byte))
            && is_host(host)
    })
}

fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_path_byte = |byte: u8| is_alnum(byte) || b"/._~:@!*+,=?&-".contains(&byte);
    matches!(scheme, "https" | "http")
        && (is_host(authority) || is_host_port(authority))
        && path.len() <= 1024
        && path.bytes().all(is_path_byte)
}

fn is_image(text: &str) -> bool {
    let is_name_byte = |byte: u8| is_alnum(byte) || b"./_:-".contains(&byte);
    text.split_once("@sha256:").is_some_and(|(name, digest)| {
        (1..=200).contains(&name.len())
            && name.bytes().all(is_name_byte)
            && is_hex(digest, 64)
            // A digest of one digit repeated is a place holder.
            && digest.bytes().any(|byte| Some(byte) != digest.bytes().next())
    })
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_pin(text: &str) -> bool {
    text.strip_prefix("sha256/").is_some_and(is_base64_32)
}

/// 32 bytes in base64: 43 digits and one `=`.
fn is_base64_32(text: &str) -> bool {
    text.strip_suffix('=').is_some_and(|digits| {
        digits.len() == 43 && digits.bytes().all(|byte| is_alnum(byte) || b"+/".contains(&byte))
    })
}

fn is_recipient(text: &str) -> bool {
    let decoded = bech32::primitives::decode::CheckedHrpstring::new::<bech32::Bech32>(text);
    text == text.to_ascii_lowercase()
        && decoded.is_ok_and(|decoded| {
            decoded.hrp().as_str() == "age" && decoded.byte_iter().count() == 32
        })
}

fn is_public_key(text: &str) -> bool {
    is_hex(text, 66) && (text.starts_with("02") || text.starts_with("03"))
}

fn is_stacks_address(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next() == Some(b'S')
        && (28..=41).contains(&text.len())
        && bytes.all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

fn is_bootstrap(text: &str) -> bool {
    text.split_once('@').is_some_and(|(key, peer)| is_public_key(key) && is_host_port(peer))
}

fn is_argument(text: &str) -> bool {
    (1..=1024).contains(&text.len())
        && text.bytes().all(|byte| is_alnum(byte) || b"/._-+@:=,~".contains(&byte))
}
