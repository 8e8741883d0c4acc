//! A server of HTTP/2 made of frames (RFC 9113), which does what it is told, also what no real one does.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::PATIENCE;
use crate::grpc::message::framed;
use servers::port;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Of DATA and HEADERS; of SETTINGS and PING it means that they are answers.
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const MAX_CONCURRENT_STREAMS: u16 = 3;
pub const INITIAL_WINDOW_SIZE: u16 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves one connection; what the script returns is there with `end`.
pub struct Server<T> {
    pub port: u16,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Server<T> {
    /// One that has greeted the client.
    pub fn start(script: impl FnOnce(&mut Peer) -> T + Send + 'static) -> Server<T> {
        Server::start_with(&[], script)
    }

    pub fn start_with(
        settings: &'static [(u16, u32)],
        script: impl FnOnce(&mut Peer) -> T + Send + 'static,
    ) -> Server<T> {
        Server::start_bare(move |mut stream| {
            let mut preface = [0; PREFACE.len()];
            stream.read_exact(&mut preface).expect("the client speaks first");
            assert_eq!(preface, PREFACE);
            let mut peer = Peer::new(stream);
            peer.settings(settings);
            script(&mut peer)
        })
    }

    /// One that has said nothing.
    pub fn start_bare(script: impl FnOnce(TcpStream) -> T + Send + 'static) -> Server<T> {
        let listener = port::listen();
        let port = port::of(&listener);
        let thread = thread::spawn(move || {
            let stream = listener.accept().expect("a connection").0;
            stream.set_nodelay(true).expect("a socket");
            stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
            script(stream)
        });
        Server { port, thread }
    }

    pub fn end(self) -> T {
        self.thread.join().expect("the script comes to its end")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// The other end of a connection. What the client sends is read all the time, whatever the script is at.
pub struct Peer {
    stream: TcpStream,
    frames: Receiver<Frame>,
    /// What the client's answers to pings held, as far as they have been passed over.
    pub answers: Vec<Vec<u8>>,
}

impl Peer {
    fn new(stream: TcpStream) -> Peer {
        let mut reading = stream.try_clone().expect("a socket");
        let (sender, frames) = channel();
        thread::spawn(move || {
            while let Some(frame) = read_frame(&mut reading) {
                if sender.send(frame).is_err() {
                    return;
                }
            }
        });
        Peer { stream, frames, answers: Vec::new() }
    }

    /// The next frame but for those that every client sends; `None` at the end of the connection.
    #[track_caller]
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = match self.frames.recv_timeout(PATIENCE) {
                Ok(frame) => frame,
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(timeout) => panic!("nothing comes from the client: {timeout}"),
            };
            match frame.kind {
                SETTINGS | WINDOW_UPDATE => {}
                PING if frame.flags & ACK != 0 => self.answers.push(frame.payload),
                _ => return Some(frame),
            }
        }
    }

    /// Reads a whole request. Its stream and its message, framed.
    #[track_caller]
    pub fn request(&mut self) -> (u32, Vec<u8>) {
        let head = self.next().expect("a request");
        assert_eq!((head.kind, head.flags & END_STREAM), (HEADERS, 0), "{head:?}");
        (head.stream, self.message(head.stream))
    }

    /// What follows a request's head.
    #[track_caller]
    pub fn message(&mut self, stream: u32) -> Vec<u8> {
        let mut message = Vec::new();
        loop {
            let data = self.next().expect("a message");
            assert_eq!((data.kind, data.stream), (DATA, stream), "{data:?}");
            message.extend(data.payload);
            if data.flags & END_STREAM != 0 {
                return message;
            }
        }
    }

    /// Reads RST_STREAM, and returns its code.
    #[track_caller]
    pub fn reset(&mut self, stream: u32) -> u32 {
        let frame = self.next().expect("the client gives up one call, and not the connection");
        assert_eq!((frame.kind, frame.stream), (RST_STREAM, stream), "{frame:?}");
        u32::from_be_bytes(frame.payload.try_into().expect("four bytes"))
    }

    /// The client may have gone already.
    pub fn raw(&mut self, bytes: &[u8]) {
        match self.stream.write_all(bytes) {
            Err(error) if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                panic!("cannot write to the client: {error}")
            }
            _ => {}
        }
    }

    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.raw(&frame(kind, flags, stream, payload));
    }

    pub fn settings(&mut self, settings: &[(u16, u32)]) {
        let payload = settings.iter().flat_map(|(id, value)| {
            let (id, value) = (id.to_be_bytes(), value.to_be_bytes());
            id.into_iter().chain(value)
        });
        self.frame(SETTINGS, 0, 0, &Vec::from_iter(payload));
    }

    pub fn head(&mut self, stream: u32) {
        self.frame(HEADERS, END_HEADERS, stream, &headers(&[(":status", "200"), ("content-type", "application/grpc")]));
    }

    pub fn data(&mut self, stream: u32, payload: &[u8]) {
        self.frame(DATA, 0, stream, payload);
    }

    pub fn trailers(&mut self, stream: u32, lines: &[(&str, &str)]) {
        self.frame(HEADERS, END_HEADERS | END_STREAM, stream, &headers(lines));
    }

    pub fn ok(&mut self, stream: u32) {
        self.trailers(stream, &[("grpc-status", "0")]);
    }

    /// A whole reply.
    pub fn reply(&mut self, stream: u32, message: &[u8]) {
        self.head(stream);
        self.data(stream, &framed(message));
        self.ok(stream);
    }

    pub fn rst(&mut self, stream: u32, code: u32) {
        self.frame(RST_STREAM, 0, stream, &code.to_be_bytes());
    }

    pub fn goaway(&mut self, last: u32, code: u32) {
        self.frame(GOAWAY, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat());
    }

    pub fn window_update(&mut self, stream: u32, size: u32) {
        self.frame(WINDOW_UPDATE, 0, stream, &size.to_be_bytes());
    }

    /// Answers each request with its own message, until the client goes.
    pub fn echo(&mut self) {
        while let Some(frame) = self.next() {
            if frame.kind == DATA {
                self.head(frame.stream);
                self.data(frame.stream, &frame.payload);
                self.ok(frame.stream);
            }
        }
    }

    /// Whether the client has said nothing, and not gone, up to now. What it did before has long come: both ends are on
    /// this machine.
    pub fn is_silent(&mut self) -> bool {
        self.frames.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout)
    }

    /// Waits until the client has gone.
    pub fn await_end(&mut self) {
        while self.next().is_some() {}
    }

    pub fn close(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both); // an error: the client was faster
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The thread that reads has the socket, too.
        self.close();
    }
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// HPACK's plainest form: literal, not indexed.
pub fn headers(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in lines {
        block.push(0);
        for text in [name, value] {
            // Lengths from 127 on go on in steps of seven bits.
            match text.len() {
                length @ ..127 => block.push(length as u8),
                length => {
                    block.push(127);
                    let mut rest = length - 127;
                    while rest >= 128 {
                        block.push((rest % 128) as u8 | 128);
                        rest /= 128;
                    }
                    block.push(rest as u8);
                }
            }
            block.extend(text.as_bytes());
        }
    }
    block
}

fn read_frame(stream: &mut TcpStream) -> Option<Frame> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).ok()?;
    let [a, b, c, kind, flags, stream_id @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    stream.read_exact(&mut payload).ok()?;
    Some(Frame { kind, flags, stream: u32::from_be_bytes(stream_id), payload })
}
