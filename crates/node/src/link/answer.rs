//! Answers: the link's own, and those that it passes on.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::time::{Instant, Sleep, sleep_until};

/// What a link answers with.
pub(super) type Answer = Response<BoxBody<Bytes, BodyError>>;

/// Why an answer breaks off.
pub(super) type BodyError = Box<dyn Error + Send + Sync>;

/// An answer of the link's own.
pub(super) fn own(status: StatusCode, text: &'static str) -> Answer {
    let body = Full::new(Bytes::from_static(text.as_bytes()));
    let mut answer = Response::new(body.map_err(|never| match never {}).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    answer
}

/// The other side's answer: its status, its type and its body. Other headers are about a connection
/// that ends here.
pub(super) fn passed_on(answer: Response<Incoming>, limit: u64, deadline: Instant) -> Answer {
    let (mut head, body) = answer.into_parts();
    let content_type = head.headers.remove(CONTENT_TYPE);
    let body = Bounded { body, left: limit, deadline: Box::pin(sleep_until(deadline)) };
    let mut answer = Response::new(body.boxed());
    *answer.status_mut() = head.status;
    if let Some(content_type) = content_type {
        answer.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    answer
}

/// A body that breaks off when it is longer than any honest one, or takes too long.
struct Bounded {
    body: Incoming,
    left: u64,
    deadline: Pin<Box<Sleep>>,
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err("the answer took too long".into())));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return Poll::Pending;
        };
        Poll::Ready(frame.map(|frame| {
            let frame = frame?;
            let len = frame.data_ref().map_or(0, |data| data.len() as u64);
            self.left = self.left.checked_sub(len).ok_or("the answer is too long")?;
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
