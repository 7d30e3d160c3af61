//! What a node accepts as an answer to a callback (`signer-wire.md` section 7.2, "reply parser").

/// Why bytes are not an answer that a node understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The observer closed the connection before its answer was complete.
    #[error("it ends too early")]
    Incomplete,
    /// The head is over 4,096 bytes, or the whole over 64 KiB.
    #[error("it is too long")]
    TooLong,
    /// Not `HTTP/1.0` or `HTTP/1.1` with a status.
    #[error("its first line is not an HTTP/1 status line")]
    StatusLine,
    /// A header line that is not ASCII or has no colon.
    #[error("one of its header lines is malformed")]
    Header,
    /// A header that stands twice.
    #[error("one of its headers is repeated")]
    Repeated,
    /// Neither `Content-Length` nor `Transfer-Encoding: chunked`, or both, or a bad one.
    #[error("it needs exactly one of Content-Length and Transfer-Encoding: chunked")]
    Length,
    /// `Connection` is neither `close` nor `keep-alive`.
    #[error("its Connection header is neither close nor keep-alive")]
    Connection,
    /// A content type other than JSON, plain text and octets.
    #[error("its Content-Type is not one that a node knows")]
    ContentType,
}

/// The status of an answer once all of it is in `received`, none while more is to come.
pub(super) fn status_of(received: &[u8]) -> Result<Option<u16>, ReplyError> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end.filter(|end| *end <= MAX_HEAD_LEN) else {
        return if received.len() > MAX_HEAD_LEN { Err(ReplyError::TooLong) } else { Ok(None) };
    };
    let (head, rest) = received.split_at_checked(end).ok_or(ReplyError::Incomplete)?;
    let body = rest.get(4..).unwrap_or_default();
    let head = std::str::from_utf8(head).map_err(|_| ReplyError::Header)?;
    let head = Head::parse(head)?;
    let is_complete = match head.body {
        BodyLength::Exact(len) => body.len() as u64 >= len,
        BodyLength::Chunked => body.starts_with(b"0\r\n") || body.ends_with(b"\r\n0\r\n\r\n"),
    };
    Ok(is_complete.then_some(head.status))
}

struct Head {
    status: u16,
    body: BodyLength,
}

enum BodyLength {
    Exact(u64),
    Chunked,
}

impl Head {
    fn parse(text: &str) -> Result<Self, ReplyError> {
        let mut lines = text.split("\r\n");
        let status = parse_status(lines.next().unwrap_or_default())?;
        let mut seen: Vec<(String, &str)> = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or(ReplyError::Header)?;
            if !line.is_ascii() {
                return Err(ReplyError::Header);
            }
            let name = name.trim().to_ascii_lowercase();
            if seen.iter().any(|(other, _)| *other == name) {
                return Err(ReplyError::Repeated);
            }
            seen.push((name, value.trim()));
        }
        let value =
            |wanted: &str| seen.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
        let is_known = |connection: &str| {
            ["close", "keep-alive"].iter().any(|known| known.eq_ignore_ascii_case(connection))
        };
        if value("connection").is_some_and(|connection| !is_known(connection)) {
            return Err(ReplyError::Connection);
        }
        if value("content-type").is_some_and(|kind| !is_known_content_type(kind)) {
            return Err(ReplyError::ContentType);
        }
        let body = match (value("content-length"), value("transfer-encoding")) {
            (Some(len), None) => BodyLength::Exact(len.parse().map_err(|_| ReplyError::Length)?),
            (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => BodyLength::Chunked,
            _ => return Err(ReplyError::Length),
        };
        Ok(Self { status, body })
    }
}

fn parse_status(line: &str) -> Result<u16, ReplyError> {
    let mut words = line.split(' ');
    match (words.next(), words.next()) {
        (Some("HTTP/1.0" | "HTTP/1.1"), Some(status)) => {
            status.parse().map_err(|_| ReplyError::StatusLine)
        }
        _ => Err(ReplyError::StatusLine),
    }
}

/// Parameters after `;` are allowed.
pub(crate) fn is_known_content_type(value: &str) -> bool {
    let kind = value.split(';').next().unwrap_or_default().trim();
    ["application/json", "text/plain", "application/octet-stream"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(kind))
}

const MAX_HEAD_LEN: usize = 4096;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

    #[test]
    fn an_empty_answer_with_a_length_is_understood() {
        assert_eq!(status_of(GOOD.as_bytes()), Ok(Some(200)));
    }

    #[test]
    fn an_answer_is_not_understood_before_it_is_complete() {
        let answer = GOOD.replace("Length: 0", "Length: 2");
        assert_eq!(status_of(answer.as_bytes()), Ok(None));
        assert_eq!(status_of(format!("{answer}OK").as_bytes()), Ok(Some(200)));
        assert_eq!(status_of(b"HTTP/1.1 200 OK\r\nContent-"), Ok(None));
    }

    #[test]
    fn a_chunked_answer_is_understood() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(status_of(format!("{head}2\r\nOK\r\n").as_bytes()), Ok(None));
        assert_eq!(status_of(format!("{head}2\r\nOK\r\n0\r\n\r\n").as_bytes()), Ok(Some(200)));
    }

    #[test]
    fn what_a_node_refuses_is_refused() {
        let rows = [
            ("Content-Length: 0\r\n", "", ReplyError::Length),
            ("Connection: close", "Content-Length: 0", ReplyError::Repeated),
            ("Connection: close", "Connection: upgrade", ReplyError::Connection),
            ("Connection: close", "Content-Type: text/html", ReplyError::ContentType),
            ("Connection: close", "no colon here", ReplyError::Header),
            ("HTTP/1.1", "HTTP/2", ReplyError::StatusLine),
            ("200", "fine", ReplyError::StatusLine),
        ];
        for (good, bad, error) in rows {
            let answer = GOOD.replacen(good, bad, 1);
            assert_eq!(status_of(answer.as_bytes()), Err(error), "{answer}");
        }
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(5000));
        assert_eq!(status_of(long.as_bytes()), Err(ReplyError::TooLong));
    }
}
