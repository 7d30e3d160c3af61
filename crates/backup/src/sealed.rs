//! Backups as age files: encrypted to several recipients on the way to the disk.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::str::FromStr as _;

use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, Encryptor, Identity, Recipient, x25519};

/// Two or more recipients, each of whom can open a backup alone.
#[derive(Clone)]
pub struct Recipients {
    keys: Vec<x25519::Recipient>,
}

/// Identities, one of which opens a backup.
#[derive(Clone)]
pub struct Identities {
    keys: Vec<x25519::Identity>,
}

/// Why texts are no recipients or identities. It never repeats the text of an identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Fewer than two.
    #[error("name at least two different recipients, so that one lost identity loses no backup")]
    TooFew,
    /// Not a recipient.
    #[error("`{0}` is not an age recipient (age1…); `age-keygen` makes one")]
    Recipient(String),
    /// An identity where a recipient was expected.
    #[error(
        "that is an identity, which is secret; name its recipient: `age-keygen -y FILE` shows it"
    )]
    Secret,
    /// Not a file of identities.
    #[error("this is not a file of age identities (AGE-SECRET-KEY-1…)")]
    NoIdentity,
}

impl Recipients {
    /// Reads recipients (`age1…`). The same one twice counts once.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, SealError> {
        let mut keys: Vec<x25519::Recipient> = Vec::new();
        for text in texts {
            let text = text.trim();
            if text.to_ascii_uppercase().starts_with(IDENTITY) {
                return Err(SealError::Secret);
            }
            let key = x25519::Recipient::from_str(text)
                .map_err(|_| SealError::Recipient(text.to_owned()))?;
            if keys.iter().all(|known| known.to_string() != key.to_string()) {
                keys.push(key);
            }
        }
        if keys.len() < LEAST { Err(SealError::TooFew) } else { Ok(Self { keys }) }
    }

    /// Their texts.
    pub fn names(&self) -> Vec<String> {
        self.keys.iter().map(ToString::to_string).collect()
    }

    /// What is written into the result arrives encrypted in `out`, if it is finished.
    pub(crate) fn seal<W: Write>(&self, out: W) -> io::Result<StreamWriter<W>> {
        let keys = self.keys.iter().map(|key| key as &dyn Recipient);
        let encryptor = Encryptor::with_recipients(keys);
        encryptor.expect("there are recipients, and all of one kind").wrap_output(out)
    }
}

impl Identities {
    /// Reads the text of a file that `age-keygen` wrote.
    pub fn new(text: &str) -> Result<Self, SealError> {
        let lines = text.lines().map(str::trim);
        let keys = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| x25519::Identity::from_str(line).map_err(|_| SealError::NoIdentity))
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(SealError::NoIdentity) } else { Ok(Self { keys }) }
    }

    /// What is encrypted in `file`.
    pub(crate) fn open<R: BufRead>(&self, file: R) -> Result<StreamReader<R>, Unopened> {
        let decryptor = Decryptor::new_buffered(file).map_err(unopened)?;
        let keys = self.keys.iter().map(|key| key as &dyn Identity);
        decryptor.decrypt(keys).map_err(unopened)
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identities(..)")
    }
}

/// Why an encrypted file does not open.
#[derive(Debug)]
pub(crate) enum Unopened {
    /// No identity is a recipient's.
    NotARecipient,
    /// It is no age file.
    NotAge,
    /// Its beginning is damaged.
    Damaged,
}

fn unopened(error: DecryptError) -> Unopened {
    match error {
        DecryptError::NoMatchingKeys => Unopened::NotARecipient,
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => Unopened::NotAge,
        DecryptError::Io(error) if error.kind() == io::ErrorKind::InvalidData => Unopened::NotAge,
        _ => Unopened::Damaged,
    }
}

/// Counts what passes, and has it looked at.
pub(crate) struct Watched<T, F> {
    pub(crate) inner: T,
    pub(crate) on_bytes: F,
}

impl<R: Read, F: FnMut(&[u8])> Read for Watched<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        (self.on_bytes)(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

impl<W: Write, F: FnMut(&[u8])> Write for Watched<W, F> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        (self.on_bytes)(buffer.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The fewest recipients of a backup.
const LEAST: usize = 2;
/// How every age identity begins.
const IDENTITY: &str = "AGE-SECRET-KEY-";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::io::Cursor;

    use age::secrecy::ExposeSecret as _;

    use super::*;

    fn identity() -> (String, String) {
        let identity = x25519::Identity::generate();
        (identity.to_string().expose_secret().to_owned(), identity.to_public().to_string())
    }

    #[test]
    fn each_recipient_opens_what_was_sealed_and_nobody_else_does() {
        let (ours, theirs, strange) = (identity(), identity(), identity());
        let recipients = Recipients::new([&*ours.1, &*theirs.1]).unwrap();
        let mut sealed = recipients.seal(Vec::new()).unwrap();
        sealed.write_all(b"dump").unwrap();
        let sealed = sealed.finish().unwrap();
        for identity in [&ours, &theirs] {
            let mut plain = Vec::new();
            let identities = Identities::new(&format!("# made\n{}\n", identity.0)).unwrap();
            identities.open(Cursor::new(&sealed)).unwrap().read_to_end(&mut plain).unwrap();
            assert_eq!(plain, b"dump");
        }
        let strange = Identities::new(&strange.0).unwrap();
        assert!(matches!(strange.open(Cursor::new(&sealed)), Err(Unopened::NotARecipient)));
        assert!(matches!(strange.open(Cursor::new(b"PGDMP")), Err(Unopened::NotAge)));
    }

    #[test]
    fn one_recipient_is_too_few_even_if_it_is_named_twice() {
        let (_, recipient) = identity();
        for texts in [vec![], vec![&*recipient], vec![&*recipient, &*recipient]] {
            assert_eq!(Recipients::new(texts).unwrap_err(), SealError::TooFew);
        }
    }

    #[test]
    fn an_identity_in_the_place_of_a_recipient_is_refused_and_not_repeated() {
        let (secret, recipient) = identity();
        let error = Recipients::new([&*recipient, &*secret]).unwrap_err();
        assert_eq!(error, SealError::Secret);
        let wrong = Recipients::new(["age1nonsense"]).unwrap_err();
        assert_eq!(wrong, SealError::Recipient("age1nonsense".to_owned()));
        assert_eq!(Identities::new("").unwrap_err(), SealError::NoIdentity);
        assert_eq!(Identities::new(&recipient).unwrap_err(), SealError::NoIdentity);
        let shown = format!("{:?}", Identities::new(&secret).unwrap());
        assert_eq!(shown, "Identities(..)");
    }
}
