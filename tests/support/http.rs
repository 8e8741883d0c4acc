//! The plainest HTTP client there is: what a server says, seen without the library.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// One answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The head, as it came.
    pub head: String,
    pub body: String,
}

/// Longer than any answer takes on a busy machine, but for one that does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks with HTTP/1.0, so that the body ends with the connection and is not chunked. None: no answer.
pub fn get(port: u16, path: &str) -> Option<Answer> {
    ask(port, &format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n"))
}

/// Writes a form, like `value=1&ttl=5`.
pub fn put(port: u16, path: &str, form: &str) -> Option<Answer> {
    let kind = "application/x-www-form-urlencoded";
    let head = format!("PUT {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {kind}");
    ask(port, &format!("{head}\r\nContent-Length: {}\r\n\r\n{form}", form.len()))
}

fn ask(port: u16, request: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
