//! What a node accepts as a request (`signer-wire.md` section 6.1).

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    TRANSFER_ENCODING,
};
use hyper::{Method, Request, StatusCode};

use super::reply::Reply;
use crate::dispatcher::is_known_content_type;

/// A request that passed the checks of a node's HTTP parser, with its whole body.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) authorization: Option<String>,
    pub(super) body: Bytes,
}

/// Checks a request as a node does and reads its body, or gives the refusal.
pub(super) async fn accept(request: Request<Incoming>) -> Result<Accepted, Reply> {
    let (parts, body) = request.into_parts();
    check_headers(&parts.method, &parts.headers).map_err(Reply::bad_request)?;
    let body = Limited::new(body, MAX_BODY_LEN).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Reply::text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long")
        } else {
            Reply::bad_request("the body ends too early")
        }
    })?;
    Ok(Accepted {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        content_type: text(&parts.headers, &CONTENT_TYPE),
        authorization: text(&parts.headers, &AUTHORIZATION),
        body: body.to_bytes(),
    })
}

fn check_headers(method: &Method, headers: &HeaderMap) -> Result<(), &'static str> {
    for name in [&HOST, &CONNECTION, &CONTENT_TYPE, &CONTENT_LENGTH] {
        if headers.get_all(name).iter().count() > 1 {
            return Err("a header is repeated");
        }
    }
    if headers.len() > MAX_HEADERS {
        return Err("there are too many headers");
    }
    let size: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > MAX_HEADERS_LEN {
        return Err("the headers are too long");
    }
    if headers.values().any(|value| value.to_str().is_err()) {
        return Err("a header is not ASCII");
    }
    if !headers.contains_key(HOST) {
        return Err("the Host header is missing");
    }
    let connection = text(headers, &CONNECTION).map(|value| value.to_ascii_lowercase());
    if connection.is_some_and(|value| value != "close" && value != "keep-alive") {
        return Err("Connection must be close or keep-alive");
    }
    if text(headers, &CONTENT_TYPE).is_some_and(|value| !is_known_content_type(&value)) {
        return Err("the Content-Type is not supported");
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err("request bodies need a Content-Length");
    }
    let length = text(headers, &CONTENT_LENGTH).map_or(Ok(0), |value| value.parse::<u64>());
    match (method, length) {
        (_, Err(_)) => Err("Content-Length is not a number"),
        (&Method::GET, Ok(1..)) => Err("a GET request has no body"),
        _ => Ok(()),
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// `signer-wire.md` section 6.8: a block of 16 MiB in hex is refused by its own check, so this is
/// only the bound on memory.
const MAX_BODY_LEN: usize = 40 * 1024 * 1024;
const MAX_HEADERS: usize = 64;
const MAX_HEADERS_LEN: usize = 4096;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use hyper::header::HeaderValue;

    use super::*;

    fn good() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("127.0.0.1:1"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("2"));
        headers
    }

    #[test]
    fn a_plain_post_is_accepted() {
        assert_eq!(check_headers(&Method::POST, &good()), Ok(()));
    }

    type Spoil = fn(&mut HeaderMap);

    #[test]
    fn what_a_node_refuses_is_refused() {
        let rows: [(&str, Spoil); 8] = [
            ("no host", |headers| drop(headers.remove(HOST))),
            ("h2c upgrade", |headers| {
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            }),
            ("odd content type", |headers| {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            }),
            ("chunked body", |headers| {
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }),
            ("repeated length", |headers| {
                headers.append(CONTENT_LENGTH, HeaderValue::from_static("2"));
            }),
            ("length that is no number", |headers| {
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("two"));
            }),
            ("long headers", |headers| {
                headers.insert("x-long", HeaderValue::from_str(&"y".repeat(4096)).unwrap());
            }),
            ("not ASCII", |headers| {
                headers.insert("x-odd", HeaderValue::from_bytes(b"\xff").unwrap());
            }),
        ];
        for (why, spoil) in rows {
            let mut headers = good();
            spoil(&mut headers);
            assert!(check_headers(&Method::POST, &headers).is_err(), "{why}");
        }
        assert!(check_headers(&Method::GET, &good()).is_err(), "a GET with a body");
    }
}
