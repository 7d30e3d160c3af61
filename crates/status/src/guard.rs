//! Who may ask: programs and browsers of this machine, and no page of somebody else's.
//!
//! The listener is on the loopback interface, so whoever connects is here already. What is left are web
//! pages from elsewhere that a browser here has open. Three things give them away: the name that they
//! reach us by (`Host`, also after DNS rebinding), where they come from (`Origin`), and what the browser
//! says about the request (`Sec-Fetch-Site`). Nothing can be written, whoever asks.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::{Method, Uri};

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is neither GET nor HEAD.
    Method,
    /// It names another host than this machine, several, or none.
    Host,
    /// A page from elsewhere has sent it.
    CrossSite,
}

impl Refusal {
    /// For the person before the browser.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Method => "nothing can be changed here: only GET is answered\n",
            Self::Host => {
                "this page is answered under 127.0.0.1, [::1] and localhost only; through a tunnel, \
                 open http://localhost:PORT\n"
            }
            Self::CrossSite => {
                "this page is not shown to other pages, nor through their links; open its address \
                 itself\n"
            }
        }
    }
}

/// Whether nobody outside this machine reaches the address.
pub const fn is_loopback(address: &SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback(),
    }
}

/// Whether a request may be answered.
pub(crate) fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(Refusal::Method);
    }
    let host = only(headers, &HOST)?.ok_or(Refusal::Host)?;
    if !is_ours(host) || uri.authority().is_some() {
        return Err(Refusal::Host);
    }
    let is_same_origin = |origin: &str| {
        origin.strip_prefix("http://").is_some_and(|origin| origin.eq_ignore_ascii_case(host))
    };
    if only(headers, &ORIGIN)?.is_some_and(|origin| !is_same_origin(origin)) {
        return Err(Refusal::CrossSite);
    }
    match only(headers, &SITE)? {
        None | Some("same-origin" | "none") => Ok(()),
        // A link on another page of this machine, such as a devnet's: the address bar changes, and the page
        // that has the link cannot look in.
        Some("same-site")
            if uri.path() == "/"
                && only(headers, &MODE)? == Some("navigate")
                && only(headers, &DEST)? == Some("document") =>
        {
            Ok(())
        }
        Some(_) => Err(Refusal::CrossSite),
    }
}

/// The value of a header that may be there once. What is there twice, or is no text, is refused.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let refusal = if *name == HOST { Refusal::Host } else { Refusal::CrossSite };
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refusal);
    }
    value.to_str().map(Some).map_err(|_| refusal)
}

/// Whether a `Host` is a name of this machine's loopback interface, with any port: a tunnel has another
/// one than we.
fn is_ours(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_port =
        |port: &str| port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit());
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_name = match bare {
        Some(ip) => ip.parse::<std::net::Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        }
    };
    is_name && port.is_none_or(is_port)
}

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(rows: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn asked(path: &str, rows: &[(&'static str, &str)]) -> Result<(), Refusal> {
        check(&Method::GET, &path.parse().unwrap(), &headers(rows))
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:30001");

    #[test]
    fn programs_and_browsers_of_this_machine_are_answered() {
        for host in ["127.0.0.1", "127.0.0.1:8080", "LocalHost:1", "[::1]:30001", "[::1]"] {
            assert_eq!(asked("/", &[("host", host)]), Ok(()), "{host}");
        }
        let typed = [HERE, ("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")];
        assert_eq!(asked("/", &typed), Ok(()));
        let own = [HERE, ("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:30001")];
        assert_eq!(asked("/events", &own), Ok(()));
    }

    #[test]
    fn another_name_is_refused_whatever_it_resolves_to() {
        let names = [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "localhost.",
            "10.0.0.1:30001",
            "0.0.0.0",
            "[::]",
            "[::ffff:10.0.0.1]",
            "127.0.0.1:",
            "127.0.0.1:99999",
            "127.0.0.1:+1",
            "user@127.0.0.1",
            "127.1",
            "",
        ];
        for name in names {
            assert_eq!(asked("/", &[("host", name)]), Err(Refusal::Host), "{name}");
        }
        assert_eq!(asked("/", &[]), Err(Refusal::Host));
        assert_eq!(asked("/", &[HERE, HERE]), Err(Refusal::Host), "two names");
        assert_eq!(asked("http://evil.example/", &[HERE]), Err(Refusal::Host));
    }

    #[test]
    fn pages_from_elsewhere_are_refused() {
        let rows: [&[(&str, &str)]; 7] = [
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", "http://127.0.0.1:30002")],
            &[("origin", "https://127.0.0.1:30001")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")],
        ];
        for row in rows {
            let all: Vec<_> = [&[HERE], row].concat();
            assert_eq!(asked("/status.json", &all), Err(Refusal::CrossSite), "{row:?}");
        }
    }

    #[test]
    fn a_link_of_another_page_of_this_machine_opens_the_page_and_nothing_else() {
        let link = [
            HERE,
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert_eq!(asked("/", &link), Ok(()));
        assert_eq!(asked("/status.json", &link), Err(Refusal::CrossSite));
        let [host, site, mode, _] = link;
        let frame = [host, site, mode, ("sec-fetch-dest", "iframe")];
        assert_eq!(asked("/", &frame), Err(Refusal::CrossSite));
    }

    #[test]
    fn nothing_but_reading_is_answered() {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "X"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let refused = check(&method, &"/".parse().unwrap(), &headers(&[HERE]));
            assert_eq!(refused, Err(Refusal::Method), "{method}");
        }
    }

    #[test]
    fn only_loopback_addresses_are_loopback() {
        let of = |text: &str| is_loopback(&text.parse().unwrap());
        assert!(of("127.0.0.1:1") && of("127.9.9.9:1") && of("[::1]:1"));
        for outside in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:127.0.0.1]:1", "8.8.8.8:1"] {
            assert!(!of(outside), "{outside}");
        }
    }

    proptest! {
        #[test]
        fn no_host_is_ours_that_holds_another_name(name in "[a-z0-9.:@\\[\\]-]{0,24}") {
            if is_ours(&name) {
                let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
                let bare = bare.strip_suffix(':').unwrap_or(&name);
                let is_name = bare == "localhost"
                    || bare.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
                    || name.starts_with('[');
                prop_assert!(is_name, "{name}");
            }
        }

        #[test]
        fn no_headers_make_the_check_panic(values in proptest::collection::vec("\\PC{0,20}", 4)) {
            let names = ["host", "origin", "sec-fetch-site", "sec-fetch-mode"];
            let mut map = HeaderMap::new();
            for (name, value) in names.into_iter().zip(&values) {
                if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                    map.append(name, value);
                }
            }
            let _ = check(&Method::GET, &"/".parse().unwrap(), &map);
        }
    }
}
