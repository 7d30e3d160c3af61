//! What a node answers.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, SERVER};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// An answer before it is written to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    content_type: &'static str,
    body: Bytes,
}

impl Reply {
    /// 200 with JSON.
    pub(super) fn json(value: &impl Serialize) -> Self {
        Self::json_with(StatusCode::OK, value)
    }

    /// JSON with a status.
    pub(super) fn json_with(status: StatusCode, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("the answers of a node have string keys");
        Self { status, content_type: "application/json", body: body.into() }
    }

    /// 200 with octets.
    pub(super) fn octets(bytes: Vec<u8>) -> Self {
        let body = bytes.into();
        Self { status: StatusCode::OK, content_type: "application/octet-stream", body }
    }

    /// Text with a status.
    pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain", body: text.into().into() }
    }

    /// 404.
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self::text(StatusCode::NOT_FOUND, text)
    }

    /// 400.
    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self::text(StatusCode::BAD_REQUEST, text)
    }

    /// The answer with the headers that a node adds. A successful one carries the height of the
    /// node's Stacks tip.
    pub(super) fn into_response(self, stacks_height: u64) -> Response<Full<Bytes>> {
        let is_success = self.status.is_success();
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(SERVER, HeaderValue::from_static("stacks/2.0"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        for (name, value) in CORS {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if is_success {
            let name = HeaderName::from_static("x-canonical-stacks-tip-height");
            headers.insert(name, stacks_height.into());
        }
        response
    }
}

const CORS: [(&str, &str); 3] = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-headers", "origin, content-type"),
    ("access-control-allow-methods", "POST, GET, OPTIONS"),
];
