//! Secrets that everybody tries first.

/// Why a secret is weak, as the end of a sentence; none if it is not. The samples are those of the official
/// guides, configurations and compose files.
pub fn weakness(secret: &str) -> Option<&'static str> {
    let bare = secret.trim().to_ascii_lowercase();
    if bare.is_empty() {
        return Some("is empty");
    }
    if SAMPLES.contains(&bare.as_str()) || SAMPLE_PARTS.iter().any(|part| bare.contains(part)) {
        return Some("is a sample of a guide");
    }
    if bare.chars().count() < MIN_LEN {
        return Some("has fewer than 16 characters");
    }
    let mut kinds: Vec<char> = bare.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    (kinds.len() < MIN_KINDS).then_some("repeats a few characters")
}

const SAMPLES: [&str; 18] = [
    "1234",
    "12345",
    "123456",
    "admin",
    "auth",
    "btc",
    "devnet",
    "foundation",
    "hirosystems",
    "password",
    "postgres",
    "secret",
    "signer",
    "stacks",
    "test",
    "token",
    "your_auth_token",
    "auth-token",
];
const SAMPLE_PARTS: [&str; 9] = [
    "change-me",
    "changeme",
    "change_me",
    "replace_me",
    "replace-me",
    "your-",
    "your_",
    "<",
    "example",
];
const MIN_LEN: usize = 16;
const MIN_KINDS: usize = 6;

#[cfg(test)]
mod tests {
    use super::weakness;

    #[test]
    fn samples_and_short_secrets_are_weak() {
        let weak = [
            "",
            " ",
            "12345",
            "1234",
            "change-me",
            "CHANGE-ME",
            "postgres",
            "please-changeme-now-please",
            "<auth_token>",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "short-but-fine",
            "your_password_for_the_node",
        ];
        for secret in weak {
            assert!(weakness(secret).is_some(), "{secret:?}");
        }
        for secret in ["9c6b0b5b98c71da2f1507e24d01893b3", "correct horse battery staple"] {
            assert_eq!(weakness(secret), None, "{secret:?}");
        }
    }
}
