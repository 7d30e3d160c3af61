//! The dispatcher's manners against observers that have none.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use countersign_devnet::Seed;
use countersign_devnet::dispatcher::{
    DeliveryError, Dispatcher, Mode, Patience, Post, ReplyError, deliver_once,
};
use support::http::read_request;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What an observer does with one request.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers with this and closes.
    Say(&'static str),
    /// Answers nothing and keeps the connection.
    Hang,
    /// Closes the connection.
    Close,
}

const OK: Manner = Manner::Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
const ERROR: Manner =
    Manner::Say("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");

/// An observer that follows `script`, then always answers 200, and tells what it was sent.
async fn observer(script: Vec<Manner>) -> (SocketAddr, mpsc::UnboundedReceiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut script = script.into_iter();
        let mut kept = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (head, body) = read_request(&mut stream).await.unwrap();
            if tell.send((head, String::from_utf8(body).unwrap())).is_err() {
                return;
            }
            match script.next().unwrap_or(OK) {
                Manner::Say(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                Manner::Hang => kept.push(stream),
                Manner::Close => {}
            }
        }
    });
    (address, told)
}

fn post(body: &'static str) -> Post {
    Post { path: "/new_burn_block", body: body.as_bytes().into() }
}

fn dispatcher(observer: SocketAddr) -> Dispatcher {
    let patience =
        Patience { timeout: Duration::from_millis(200), first_pause: Duration::from_millis(5) };
    Dispatcher::start(observer, patience, Seed::from_text("test").dice("jitter"))
}

async fn bodies(told: &mut mpsc::UnboundedReceiver<(String, String)>, count: usize) -> Vec<String> {
    let mut bodies = Vec::new();
    for _ in 0..count {
        let received = tokio::time::timeout(Duration::from_secs(10), told.recv());
        bodies.push(received.await.expect("a callback comes").unwrap().1);
    }
    bodies
}

#[tokio::test]
async fn a_callback_is_written_as_a_node_writes_it() {
    let (address, mut told) = observer(Vec::new()).await;
    deliver_once(address, &post("{\"a\":1}"), Duration::from_secs(1)).await.unwrap();
    let (head, body) = told.recv().await.unwrap();
    let expected = format!(
        "POST /new_burn_block HTTP/1.1\r\nUser-Agent: stacks/3.0\r\nHost: {address}\r\n\
         Content-Type: application/json\r\nContent-Length: 7\r\nconnection: close\r\nAccept: */*"
    );
    assert_eq!(head, expected);
    assert_eq!(body, "{\"a\":1}");
}

#[tokio::test]
async fn callbacks_arrive_in_order_and_are_repeated_until_they_are_answered_with_200() {
    let script = vec![ERROR, Manner::Close, Manner::Hang, OK, OK];
    let (address, mut told) = observer(script).await;
    let dispatcher = dispatcher(address);
    dispatcher.post(post("1"));
    dispatcher.post(post("2"));
    assert_eq!(bodies(&mut told, 5).await, ["1", "1", "1", "1", "2"]);
}

#[tokio::test]
async fn callbacks_wait_for_an_observer_that_is_not_there_yet() {
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = reserved.local_addr().unwrap();
    let dispatcher = dispatcher(address);
    dispatcher.post(post("1"));
    dispatcher.post(post("2"));
    // The reserved listener never accepts, so the first attempts time out.
    while dispatcher.health().failures < 2 {
        tokio::task::yield_now().await;
    }
    let health = dispatcher.health();
    assert!(health.last_failure.unwrap().contains("no complete answer within 200 ms"));
    let mut answered = Vec::new();
    while !answered.contains(&"2".to_owned()) {
        let (mut stream, _) = reserved.accept().await.unwrap();
        let Some((_, body)) = read_request(&mut stream).await else { continue };
        // Attempts that were given up are still in the listener's backlog; answering them is in
        // vain, as it would be for a real observer.
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
        answered.push(String::from_utf8(body).unwrap());
    }
    assert_eq!(answered.first().map(String::as_str), Some("1"));
}

#[tokio::test]
async fn a_refused_connection_and_a_bad_answer_are_named() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let second = Duration::from_secs(1);
    let refused = deliver_once(closed, &post(""), second).await;
    assert!(matches!(refused, Err(DeliveryError::Io(_))), "{refused:?}");

    let (address, _told) = observer(vec![ERROR]).await;
    let refused = deliver_once(address, &post(""), second).await;
    assert!(matches!(refused, Err(DeliveryError::Status(500))), "{refused:?}");

    let no_length = Manner::Say("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n");
    let (address, _told) = observer(vec![no_length]).await;
    let refused = deliver_once(address, &post(""), second).await;
    assert!(matches!(refused, Err(DeliveryError::Reply(ReplyError::Length))), "{refused:?}");
}

#[tokio::test]
async fn what_is_discarded_is_not_delivered_later() {
    let (address, mut told) = observer(Vec::new()).await;
    let dispatcher = dispatcher(address);
    dispatcher.set_mode(Mode::Discard);
    dispatcher.post(post("missed"));
    while dispatcher.waiting() > 0 {
        tokio::task::yield_now().await;
    }
    dispatcher.set_mode(Mode::Deliver);
    dispatcher.post(post("seen"));
    assert_eq!(bodies(&mut told, 1).await, ["seen"]);
}

#[tokio::test]
async fn what_is_held_is_delivered_later_in_order() {
    let (address, mut told) = observer(Vec::new()).await;
    let dispatcher = dispatcher(address);
    dispatcher.set_mode(Mode::Hold);
    dispatcher.post(post("1"));
    dispatcher.post(post("2"));
    while dispatcher.waiting() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(told.try_recv().is_err());
    dispatcher.set_mode(Mode::Deliver);
    assert_eq!(bodies(&mut told, 2).await, ["1", "2"]);
}
