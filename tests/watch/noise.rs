//! Changes in great number, written the cheapest way there is: pipelined on bare sockets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;

use crate::watching::PATIENCE;

/// Etcd writes its log to disk once for all that wait for it, so many writers get more done.
const WRITERS: usize = 16;
const AT_ONCE: usize = 25;

/// Changes the directory `key` so many times, and returns when all have been carried out.
pub fn burst(port: u16, key: &str, count: usize) {
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let share = count / WRITERS + usize::from(writer < count % WRITERS);
            scope.spawn(move || Writer::connect(port, &format!("{key}/{writer}")).write(share));
        }
    });
}

struct Writer {
    stream: TcpStream,
    request: String,
}

impl Writer {
    fn connect(port: u16, key: &str) -> Writer {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the server takes connections");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let kind = "application/x-www-form-urlencoded";
        let head = format!("PUT /v2/keys{key} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: 7");
        Writer { stream, request: format!("{head}\r\n\r\nvalue=x") }
    }

    fn write(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let now = left.min(AT_ONCE);
            self.stream.write_all(self.request.repeat(now).as_bytes()).expect("the server reads");
            self.read_answers(now);
            left -= now;
        }
    }

    /// All of them must be successes.
    fn read_answers(&mut self, count: usize) {
        let (mut text, mut piece) = (String::new(), [0; 16 << 10]);
        // The body of each ends in a line's end, and nothing follows the last.
        while text.matches("\"action\":\"set\"").count() < count || !text.ends_with("}\n") {
            let read = self.stream.read(&mut piece).expect("the server answers");
            assert!(read > 0 && !text.contains("errorCode"), "not all was written: {text}");
            text += str::from_utf8(&piece[..read]).expect("ASCII");
        }
    }
}
