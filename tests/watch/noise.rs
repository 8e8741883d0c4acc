//! Many changes, written the cheapest way: pipelined on bare sockets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use support::PATIENCE;

/// Etcd writes its log to disk once for all that wait for it, so many writers get more done.
const WRITERS: usize = 16;
const AT_ONCE: usize = 25;

/// Changes the directory `key` so many times, and returns when all have been carried out.
pub fn burst(port: u16, key: &str, count: usize) {
    write_all(port, count, |writer| {
        let kind = "application/x-www-form-urlencoded";
        let head = format!("PUT /v2/keys{key}/{writer} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}");
        // The body of each answer ends in a line's end, and nothing follows the last.
        Kind { request: format!("{head}\r\nContent-Length: 7\r\n\r\nvalue=x"), sign: "\"action\":\"set\"", end: "}\n" }
    });
}

/// The same in the store of v3, by its gateway.
pub fn burst_v3(port: u16, key: &str, count: usize) {
    write_all(port, count, |writer| {
        let key = BASE64_STANDARD.encode(format!("{key}/{writer}"));
        let body = format!(r#"{{"key":"{key}","value":"eA=="}}"#);
        let head = format!("POST /v3/kv/put HTTP/1.1\r\nHost: h\r\nContent-Length: {}", body.len());
        Kind { request: format!("{head}\r\n\r\n{body}"), sign: "\"revision\":", end: "}}" }
    });
}

/// One kind of request.
struct Kind {
    request: String,
    /// What each answer has once.
    sign: &'static str,
    /// What each answer ends in.
    end: &'static str,
}

fn write_all(port: u16, count: usize, kind: impl Fn(usize) -> Kind) {
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let share = count / WRITERS + usize::from(writer < count % WRITERS);
            let kind = kind(writer);
            scope.spawn(move || Writer::connect(port, kind).write(share));
        }
    });
}

struct Writer {
    stream: TcpStream,
    kind: Kind,
}

impl Writer {
    fn connect(port: u16, kind: Kind) -> Writer {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the server takes connections");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Writer { stream, kind }
    }

    fn write(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let now = left.min(AT_ONCE);
            self.stream.write_all(self.kind.request.repeat(now).as_bytes()).expect("the server reads");
            self.read_answers(now);
            left -= now;
        }
    }

    /// All of them must be successes.
    fn read_answers(&mut self, count: usize) {
        let (mut text, mut piece) = (String::new(), [0; 16 << 10]);
        while text.matches(self.kind.sign).count() < count || !text.ends_with(self.kind.end) {
            let read = self.stream.read(&mut piece).expect("the server answers");
            assert!(read > 0 && !text.contains("\"error"), "not all was written: {text}");
            text += std::str::from_utf8(&piece[..read]).expect("ASCII");
        }
    }
}
