//! Where the private key of a chunk comes from.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use countersign_ops::secret::Secret;
use countersign_vault::OperatorKey;
use countersign_wire::PrivateKey;
use countersign_wire::keys::PrivateKeyError;
use zeroize::Zeroizing;

/// Where the private key comes from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// An argument of the command, which every user of the machine can read while it runs, and which
    /// shells write into their histories.
    Argument(Secret<String>),
    /// A file that holds nothing but the key.
    File(PathBuf),
    /// The standard input, which holds nothing but the key.
    Stdin,
}

/// Why there is no private key. The key's digits are in none of these.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the private key cannot be read from {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It is not a key.
    #[error("the private key cannot be used: {0}")]
    Key(#[from] PrivateKeyError),
}

impl KeySource {
    /// Reads the key. White space around it is ignored in a file and on the standard input.
    pub fn read(self, stdin: &mut dyn Read) -> Result<OperatorKey, KeyError> {
        let key = match self {
            Self::Argument(text) => PrivateKey::from_hex(text.expose())?,
            Self::File(path) => {
                let text = fs::File::open(&path).and_then(|mut file| read_text(&mut file));
                parse(text.map_err(|source| KeyError::Unreadable { path, source })?)?
            }
            Self::Stdin => {
                let path = PathBuf::from("the standard input");
                let text = read_text(stdin);
                parse(text.map_err(|source| KeyError::Unreadable { path, source })?)?
            }
        };
        Ok(OperatorKey::new(key))
    }
}

/// Reads what a key may have, and one byte more, by which a longer file is recognized.
fn read_text(from: &mut dyn Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // Its room is taken at once, so that no part is left behind in a smaller one.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_LEN + 1));
    from.take(MAX_LEN as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

#[expect(clippy::needless_pass_by_value, reason = "the text is erased here, where it was used")]
fn parse(text: Zeroizing<Vec<u8>>) -> Result<PrivateKey, PrivateKeyError> {
    let text = std::str::from_utf8(&text).map_err(|_| PrivateKeyError::NotHex)?;
    if text.len() > MAX_LEN {
        return Err(PrivateKeyError::Length);
    }
    PrivateKey::from_hex(text.trim())
}

/// 66 digits and some white space.
const MAX_LEN: usize = 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const KEY: &str = "b791c6d39263a2469fbb7378da40e84e89d319e4b5e74f69836ff75b3cd30092";
    const PUBLIC: &str = "028c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9";

    fn file_with(text: &str) -> (tempfile::NamedTempFile, KeySource) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let source = KeySource::File(file.path().to_owned());
        (file, source)
    }

    #[test]
    fn the_same_key_comes_from_an_argument_a_file_and_the_standard_input() {
        let (_file, in_file) = file_with(&format!("{KEY}01\n"));
        let argument = KeySource::Argument(Secret::new(KEY.to_owned()));
        for source in [argument, in_file, KeySource::Stdin] {
            let key = source.read(&mut format!("  {KEY}\r\n").as_bytes()).unwrap();
            assert_eq!(key.public_key().to_string(), PUBLIC);
        }
    }

    #[test]
    fn a_spoiled_key_is_refused_without_being_shown() {
        let long = format!("{KEY}{}", " ".repeat(MAX_LEN));
        let other = KEY.replace('7', "g");
        for spoiled in [&KEY[..40], &format!("{KEY} {KEY}"), &other, "", &long] {
            let (_file, source) = file_with(spoiled);
            let argument = KeySource::Argument(Secret::new(spoiled.to_owned()));
            for source in [source, argument] {
                let error = source.read(&mut io::empty()).unwrap_err();
                let shown = format!("{error} {error:?}");
                assert!(matches!(error, KeyError::Key(_)), "{shown}");
                assert!(!shown.contains("b791c6"), "{shown}");
            }
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = KeySource::File("missing.key".into()).read(&mut io::empty()).unwrap_err();
        assert_eq!(error.to_string(), "the private key cannot be read from missing.key");
    }
}
