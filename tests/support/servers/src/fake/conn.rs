//! One connection, as a script has it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::SockRef;

use super::Shared;
use super::tls::Session;

/// It is closed when it is dropped.
pub struct Conn {
    /// How many came before it.
    pub number: usize,
    pub(super) socket: Arc<TcpStream>,
    /// None: it is plain.
    pub(super) tls: Option<Box<Session>>,
    pub(super) input: Vec<u8>,
    shared: Arc<Shared>,
    reset: bool,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The number of its connection.
    pub connection: usize,
    pub bytes: Vec<u8>,
}

impl Conn {
    pub(super) fn new(
        number: usize,
        socket: Arc<TcpStream>,
        tls: Option<&Arc<ServerConfig>>,
        shared: Arc<Shared>,
    ) -> Conn {
        let tls = tls.map(|config| Box::new(Session::new(config.clone(), socket.clone())));
        Conn { number, socket, tls, input: Vec::new(), shared, reset: false }
    }

    /// None: the client ended the handshake.
    pub(super) fn shake_hands(mut self) -> Option<Conn> {
        if let Some(tls) = &mut self.tls {
            let resumed = tls.shake_hands().ok()?;
            self.shared.change(|state| {
                state.handshakes += 1;
                state.resumed += usize::from(resumed);
            });
        }
        Some(self)
    }

    /// Reads one request with its body and records it. None: there is no further one.
    pub fn request(&mut self) -> Option<Request> {
        let head = self.head_length()?;
        let text = String::from_utf8_lossy(&self.input[..head]).to_ascii_lowercase();
        let length = text.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let body: usize = length.map_or(0, |length| length.parse().expect("a Content-Length is a number"));
        while self.input.len() < head + body {
            self.fill()?;
        }
        Some(self.record(head + body))
    }

    /// Reads only a request's head and records it; the body is left where it is.
    pub fn head(&mut self) -> Option<Request> {
        let head = self.head_length()?;
        Some(self.record(head))
    }

    /// Reads so many bytes, which are not recorded.
    pub fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.input.len() < count {
            self.fill()?;
        }
        Some(self.input.drain(..count).collect())
    }

    /// Writes. False: the client takes nothing more.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let bytes = bytes.as_ref();
        let is_said = match &mut self.tls {
            Some(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
            None => (&*self.socket).write_all(bytes),
        };
        self.shared.change(|state| state.said += 1);
        is_said.is_ok()
    }

    /// Writes past the encryption.
    pub fn say_unencrypted(&mut self, bytes: &[u8]) {
        let _ = (&*self.socket).write_all(bytes); // an error: the client was faster
    }

    /// Waits until the test calls `FakeServer::release`.
    pub fn wait_for_release(&self) {
        self.shared.wait("release", |state| state.released);
    }

    /// Waits until the client closes, reading and forgetting what comes; returns how much came.
    pub fn wait_for_close(&mut self) -> usize {
        let mut came = std::mem::take(&mut self.input).len();
        while self.fill().is_some() {
            came += std::mem::take(&mut self.input).len();
        }
        came
    }

    /// Resets the connection: the client's next read or write is "connection reset".
    pub fn reset(mut self) {
        SockRef::from(&*self.socket).set_linger(Some(Duration::ZERO)).expect("a socket can linger");
        self.reset = true;
    }

    /// Sends TLS's end of data (close_notify) before it closes.
    pub fn close_well(mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_end();
        }
    }

    /// Whether the client has shown a certificate.
    pub fn has_certificate(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.has_certificate())
    }

    fn head_length(&mut self) -> Option<usize> {
        loop {
            if let Some(end) = self.input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                return Some(end + 4);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Option<()> {
        let mut bytes = vec![0; 64 << 10];
        let read = match &mut self.tls {
            Some(tls) => tls.read(&mut bytes),
            None => (&*self.socket).read(&mut bytes),
        };
        let read = read.ok().filter(|read| *read > 0)?;
        self.input.extend_from_slice(&bytes[..read]);
        Some(())
    }

    fn record(&mut self, length: usize) -> Request {
        let bytes: Vec<u8> = self.input.drain(..length).collect();
        let request = Request { connection: self.number, bytes };
        self.shared.change(|state| state.requests.push(request.clone()));
        request
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        // A forked child of the test may hold a copy of the socket, so the client would not see that it is closed.
        if !self.reset {
            let _ = self.socket.shutdown(Shutdown::Both); // an error: the client was faster
        }
        self.shared.change(|state| {
            state.ended += 1;
            state.panicked |= thread::panicking();
        });
    }
}

impl Request {
    pub fn line(&self) -> String {
        self.text().lines().next().unwrap_or_default().to_owned()
    }

    /// The path, and what follows it.
    pub fn target(&self) -> String {
        self.line().split(' ').nth(1).expect("a request line has a target").to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
