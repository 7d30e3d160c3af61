//! The plainest HTTP: a program that answers with what it was sent, and a client of one request.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// A request as the other end got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Method and target.
    pub(crate) what: String,
    /// Header lines, in lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) len: usize,
}

/// Answers every request with its own body.
pub(crate) struct Echo(Receiver<Request>);

impl Echo {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                thread::spawn(move || {
                    // Whoever went away was refused on the way, which the test sees.
                    let _ = serve(&stream.unwrap(), &sender);
                });
            }
        });
        Self(requests)
    }

    /// What has arrived since the last look.
    pub(crate) fn arrived(&self) -> Vec<Request> {
        self.0.try_iter().collect()
    }
}

fn serve(stream: &TcpStream, sender: &Sender<Request>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some((what, headers)) = read_head(&mut reader)? {
        let mut body = vec![0; length(&headers).unwrap_or(0)];
        reader.read_exact(&mut body)?;
        let _ = sender.send(Request { what, headers, len: body.len() });
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = stream;
        stream.write_all(head.as_bytes())?;
        stream.write_all(&body)?;
    }
    Ok(())
}

/// The first line without its version, and the headers.
fn read_head(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<(String, Vec<String>)>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let first = lines.remove(0).trim_end_matches(" HTTP/1.1").to_owned();
    Ok(Some((first, lines.iter().map(|line| line.to_ascii_lowercase()).collect())))
}

fn length(headers: &[String]) -> Option<usize> {
    headers.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
}

/// The status of an answer, and its body.
pub(crate) type Answer = io::Result<(u16, Vec<u8>)>;

/// Asks as a node or a signer does.
pub(crate) fn ask(address: SocketAddr, what: &str, body: &[u8]) -> Answer {
    ask_with(address, what, &format!("Content-Length: {}\r\n", body.len()), |stream| {
        stream.write_all(body)
    })
}

/// Asks with these headers, and a body that `send` sends.
pub(crate) fn ask_with(
    address: SocketAddr,
    what: &str,
    headers: &str,
    send: impl FnOnce(&mut TcpStream) -> io::Result<()>,
) -> Answer {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let head = format!(
        "{what} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Authorization: correct horse\r\nX-Other: 1\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes())?;
    // Who refuses early need not read to the end, and says so all the same.
    let whole = send(&mut stream);
    let mut reader = BufReader::new(&stream);
    let Some((status, headers)) = read_head(&mut reader)? else {
        whole?;
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut body = vec![0; length(&headers).unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, body))
}
