//! Reading a configuration, which an operator may have named by mistake.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

/// The text at `path`. What is longer than [`MAX_LEN`], such as a disk or a device that never ends, is refused
/// as [`ErrorKind::FileTooLarge`]. Who may not read it is told what to do about that.
pub fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(path).map_err(with_remedy)?;
    file.take(MAX_LEN + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|len| len <= MAX_LEN) {
        return Ok(text);
    }
    Err(io::Error::new(
        ErrorKind::FileTooLarge,
        "it has more than 4 MiB, so it is no configuration",
    ))
}

/// Who is told "permission denied" mostly forgot one word.
fn with_remedy(error: io::Error) -> io::Error {
    match error.kind() {
        kind @ ErrorKind::PermissionDenied => {
            let remedy = "say it with sudo, or as the user whose file it is";
            io::Error::new(kind, format!("{error}; {remedy}"))
        }
        _ => error,
    }
}

/// The line, from 1, in which the byte at this offset is.
pub fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// Far more than anybody writes, in bytes.
pub const MAX_LEN: u64 = 1 << 22;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_line_of_a_byte_is_counted_from_one() {
        let text = "ä = 1\nb\n";
        assert_eq!([0, 6, 7, 8, 99].map(|offset| line_at(text, offset)), [1, 1, 2, 2, 3]);
    }

    #[test]
    fn a_file_is_read_and_one_without_end_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "a = 1\n").unwrap();
        assert_eq!(read(&path).unwrap(), "a = 1\n");
        let endless = read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(endless.kind(), ErrorKind::FileTooLarge);
        assert!(endless.to_string().contains("4 MiB"), "{endless}");
    }

    #[test]
    fn who_may_not_read_a_file_is_told_what_to_do() {
        let refused = with_remedy(io::Error::from_raw_os_error(13));
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        let said = refused.to_string();
        assert!(said.starts_with("Permission denied") && said.contains("with sudo"), "{said}");
        assert!(!with_remedy(io::Error::from_raw_os_error(2)).to_string().contains("sudo"));
    }
}
