//! The page: one HTML file with its style and its script inside, and the rule that nothing else may run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The page and the policy that goes with it. Both are the same for every signer: what is shown comes as
/// JSON.
#[derive(Clone, Debug)]
pub struct Page {
    /// The file.
    pub html: Bytes,
    /// `Content-Security-Policy`: this style and this script by their hashes, data from where the page came
    /// from, and nothing else.
    pub policy: String,
}

impl Page {
    /// Puts the page together.
    pub fn new() -> Self {
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        Self { html: Bytes::from(html()), policy }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new()
    }
}

/// The file.
pub fn html() -> String {
    HTML.replace("/*STYLE*/", STYLE).replace("/*SCRIPT*/", SCRIPT)
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

const HTML: &str = include_str!("../assets/page.html");
const STYLE: &str = include_str!("../assets/page.css");
const SCRIPT: &str = include_str!("../assets/page.js");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_takes_nothing_from_elsewhere() {
        let html = html();
        assert!(html.len() < 100_000, "{} bytes", html.len());
        assert!(html.contains(STYLE) && html.contains(SCRIPT));
        for outside in ["https://", "//cdn", "@import", "url(", "eval(", "innerHTML", "import("] {
            assert!(!html.contains(outside), "{outside}");
        }
        let places: Vec<_> = html.match_indices("http://").map(|(at, _)| at).collect();
        let names = places.iter().filter_map(|at| html.get(*at..));
        for name in names {
            assert!(name.starts_with("http://www.w3.org/2000/svg"), "a name, and no address");
        }
    }

    #[test]
    fn style_and_script_are_allowed_by_their_hashes_alone() {
        let Page { policy, .. } = Page::new();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert!(
            !HTML.contains("style=") && !HTML.contains("onclick"),
            "inline attributes would not work"
        );
    }
}
