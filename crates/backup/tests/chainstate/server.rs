//! A server of archives that can be told to misbehave.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::Duration;

/// How it answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manners {
    pub(crate) body: Vec<u8>,
    pub(crate) tag: String,
    /// Each answer breaks off after so many bytes.
    pub(crate) breaks_after: Option<usize>,
    /// Each answer says nothing more after so many bytes.
    pub(crate) hangs_after: Option<usize>,
    /// Whether it sends its body byte by byte, with a pause after each.
    pub(crate) drips: bool,
    /// Whether it knows nothing of ranges.
    pub(crate) ignores_ranges: bool,
    /// Whether it hides how long the body is.
    pub(crate) hides_length: bool,
    /// How long it says that the body is, which ends where the connection does.
    pub(crate) lies_about_length: Option<u64>,
    /// A status instead of an answer.
    pub(crate) status: Option<&'static str>,
    /// Where it sends everybody.
    pub(crate) redirect: Option<String>,
    /// The first bytes of the ranges that it was asked for.
    pub(crate) asked: Vec<u64>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) manners: Arc<Mutex<Manners>>,
}

/// What a connection is once it is made: plain, or TLS.
pub(crate) trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

impl Server {
    pub(crate) fn new(body: Vec<u8>) -> Self {
        Self::over("http", body, |stream| Some(Box::new(stream)))
    }

    /// A server whose connections are first made what they are to be; none if that fails.
    pub(crate) fn over(
        scheme: &str,
        body: Vec<u8>,
        make: impl Fn(TcpStream) -> Option<Box<dyn Wire>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://{}/archive.tar.zst", listener.local_addr().unwrap());
        let manners = Manners { body, tag: "\"v1\"".to_owned(), ..Manners::default() };
        let manners = Arc::new(Mutex::new(manners));
        let (shared, make) = (Arc::clone(&manners), Arc::new(make));
        // It ends with the process of the tests.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, make) = (Arc::clone(&shared), Arc::clone(&make));
                thread::spawn(move || {
                    if let Some(wire) = make(stream) {
                        serve(wire, &shared);
                    }
                });
            }
        });
        Self { url, manners }
    }

    pub(crate) fn with(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.manners.lock().unwrap());
    }

    pub(crate) fn asked(&self) -> Vec<u64> {
        self.manners.lock().unwrap().asked.clone()
    }
}

/// The range and the condition that somebody asks with.
fn asked(wire: &mut dyn Wire) -> (Option<usize>, Option<String>) {
    let (mut range, mut condition, mut len) = (None, None, 0);
    let mut reader = BufReader::new(wire);
    for line in reader.by_ref().lines() {
        let line = line.unwrap_or_default();
        let Some((name, value)) = line.split_once(": ") else {
            if line.is_empty() {
                break;
            }
            continue;
        };
        if name.eq_ignore_ascii_case("range") {
            range = value.trim_start_matches("bytes=").trim_end_matches('-').parse().ok();
        } else if name.eq_ignore_ascii_case("if-range") {
            condition = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("content-length") {
            len = value.parse().unwrap_or(0);
        }
    }
    // The body of a question, of which nothing depends.
    let _ = reader.read_exact(&mut vec![0; len]);
    (range, condition)
}

fn serve(mut wire: Box<dyn Wire>, manners: &Mutex<Manners>) {
    let (range, condition) = asked(&mut *wire);
    let manners = {
        let mut shared = manners.lock().unwrap();
        shared.asked.push(range.unwrap_or(0) as u64);
        shared.clone()
    };
    let mut say = |head: &str| {
        let _ = wire.write_all(head.as_bytes());
    };
    if let Some(status) = manners.status {
        return say(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
    }
    if let Some(to) = &manners.redirect {
        return say(&format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"));
    }
    let is_same = condition.is_none_or(|tag| tag == manners.tag);
    let begins = range.filter(|_| is_same && !manners.ignores_ranges).unwrap_or(0);
    let length = manners.body.len();
    if begins > 0 && begins >= length {
        return say(&format!(
            "HTTP/1.1 416 No\r\nContent-Range: bytes */{length}\r\nContent-Length: 0\r\n\r\n"
        ));
    }
    let part = &manners.body[begins..];
    let status = match begins {
        0 => "200 OK".to_owned(),
        _ => {
            format!("206 Partial Content\r\nContent-Range: bytes {begins}-{}/{length}", length - 1)
        }
    };
    let end = if let Some(length) = manners.lies_about_length {
        format!("Content-Range: bytes 0-{}/{length}\r\nConnection: close", length - 1)
    } else if manners.hides_length {
        "Connection: close".to_owned()
    } else {
        format!("Content-Length: {}", part.len())
    };
    say(&format!("HTTP/1.1 {status}\r\n{end}\r\nETag: {}\r\n\r\n", manners.tag));
    let until = manners.breaks_after.or(manners.hangs_after).unwrap_or(part.len()).min(part.len());
    if manners.drips {
        let dripped = |byte: &u8| {
            sleep(Duration::from_millis(50));
            wire.write_all(&[*byte]).is_ok()
        };
        part.iter().take(200).all(dripped);
        return;
    }
    let _ = wire.write_all(&part[..until]).and_then(|()| wire.flush());
    if manners.hangs_after.is_some() {
        // Longer than anybody in these tests waits.
        sleep(Duration::from_secs(3));
    }
}
