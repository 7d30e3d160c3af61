//! Receivers and senders of the test: HTTP, and mail.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use crate::program::PATIENCE;

/// What a receiver has heard.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) body: String,
}

/// A server on this machine that takes everything.
pub(crate) struct Server {
    pub(crate) address: String,
    heard: Receiver<Heard>,
}

impl Server {
    /// Answers every request with `status` and `body`.
    pub(crate) fn http(
        status: &'static str,
        body: impl Fn(&str) -> String + Send + 'static,
    ) -> Self {
        Self::listen(move |stream, tell| {
            while let Some(heard) = request(&mut BufReader::new(stream.try_clone().unwrap())) {
                let body = body(&heard.path);
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n",
                    body.len()
                );
                let _ = tell.send(heard);
                let _ = stream.try_clone().unwrap().write_all((head + &body).as_bytes());
                let _ = stream.shutdown(std::net::Shutdown::Write);
            }
        })
    }

    /// Takes mail from whoever logs in with a name and a password, given as base64.
    pub(crate) fn smtp(login: &'static str) -> Self {
        Self::listen(move |stream, tell| {
            let mut say = stream.try_clone().unwrap();
            let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
            let _ = say.write_all(b"220 test\r\n");
            let (mut path, mut body) = (String::new(), String::new());
            while let Some(line) = lines.next() {
                let answer = match line.split(' ').next().unwrap() {
                    "EHLO" => "250-test\r\n250 AUTH PLAIN",
                    "AUTH" if line.ends_with(login) => "235 welcome",
                    "AUTH" => "535 who are you",
                    "DATA" => {
                        let _ = say.write_all(b"354 go on\r\n");
                        body = lines
                            .by_ref()
                            .take_while(|line| line != ".")
                            .collect::<Vec<_>>()
                            .join("\n");
                        "250 taken"
                    }
                    "QUIT" => "221 bye",
                    _ => {
                        path = format!("{path}{line}\n");
                        "250 OK"
                    }
                };
                let _ = say.write_all(format!("{answer}\r\n").as_bytes());
            }
            if !body.is_empty() {
                let _ = tell.send(Heard { path, body });
            }
        })
    }

    fn listen(serve: impl Fn(TcpStream, &Sender<Heard>) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (tell, heard) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &tell);
            }
        });
        Self { address, heard }
    }

    /// The first thing that it hears and that `is_it` says yes to.
    pub(crate) fn waits_for(&self, what: &str, is_it: impl Fn(&Heard) -> bool) -> Heard {
        let mut others = Vec::new();
        loop {
            let Ok(heard) = self.heard.recv_timeout(PATIENCE) else {
                panic!("{what} did not arrive: {others:#?}");
            };
            if is_it(&heard) {
                return heard;
            }
            others.push(heard);
        }
    }

    /// Everything that it has heard up to now.
    pub(crate) fn so_far(&self) -> Vec<Heard> {
        self.heard.try_iter().collect()
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<Heard> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let head = line.trim().to_ascii_lowercase();
        if head.is_empty() {
            break;
        }
        if let Some(value) = head.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Heard { path, body: String::from_utf8_lossy(&body).into_owned() })
}

/// Asks a server: the status and the body.
pub(crate) fn ask(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}
