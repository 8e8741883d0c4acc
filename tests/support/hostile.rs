//! A scripted server: it does what real servers never do, and remembers what it was sent.
//!
//! A script is a function that is called for every connection, each on a thread of its own. Dropping the
//! server ends them all: its sockets are shut down, and whoever waits in a script is let go.
#![allow(dead_code)] // each test file uses a part of it

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

use crate::support::port;

pub struct Hostile {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// One connection, as a script sees it. It is closed when it is dropped.
pub struct Conn {
    /// How many came before it.
    pub number: usize,
    stream: Arc<TcpStream>,
    input: Vec<u8>,
    shared: Arc<Shared>,
    reset: bool,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The number of its connection.
    pub connection: usize,
    pub bytes: Vec<u8>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requests: Vec<Seen>,
    /// How often something was said.
    said: usize,
    connections: Vec<Weak<TcpStream>>,
    /// Connections whose script is through.
    ended: usize,
    panicked: bool,
    released: bool,
    stopped: bool,
}

/// A test that waits longer for something to happen has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A whole response, JSON by its type.
pub fn reply(status: u16, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Answers each request with its own target, like `/v2/keys/a`; one with `/held` in it when it is released.
pub fn echo(mut conn: Conn) {
    while let Some(request) = conn.request() {
        if request.line().contains("/held") {
            conn.wait_for_release();
        }
        conn.say(echoed(&request));
    }
}

pub fn echoed(request: &Seen) -> Vec<u8> {
    let line = request.line();
    let target = line.split(' ').nth(1).expect("a request line has a target");
    reply(200, format!(r#"{{"action":"get","node":{{"key":"{target}"}}}}"#))
}

impl Hostile {
    /// Starts to listen on a port that is its own, also when it has gone.
    pub fn start(script: impl Fn(Conn) + Send + Sync + 'static) -> Hostile {
        let listener = port::listen();
        let port = port::of(&listener);
        let shared = Arc::<Shared>::default();
        let acceptor = thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared, &Arc::new(script))
        });
        Hostile { port, shared, acceptor: Some(acceptor) }
    }

    /// One that answers every connection's first request with `bytes`, then closes.
    pub fn saying(bytes: impl AsRef<[u8]>) -> Hostile {
        let bytes = bytes.as_ref().to_vec();
        Hostile::start(move |mut conn| {
            if conn.request().is_some() {
                conn.say(&bytes);
            }
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What came so far, in its order.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.lock().requests.clone()
    }

    /// The first lines of what came so far.
    pub fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Seen::line).collect()
    }

    /// How many connections there were so far.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    pub fn wait_for_requests(&self, count: usize) {
        self.shared.wait(&format!("{count} requests"), |state| state.requests.len() >= count);
    }

    pub fn wait_for_connections(&self, count: usize) {
        self.shared.wait(&format!("{count} connections"), |state| state.connections.len() >= count);
    }

    /// Waits until scripts have said something so many times: the client's kernel has it then.
    pub fn wait_for_answers(&self, count: usize) {
        self.shared.wait(&format!("{count} answers"), |state| state.said >= count);
    }

    /// Waits until no connection is open any more.
    pub fn wait_until_all_closed(&self) {
        self.shared.wait("all connections to end", |state| state.ended == state.connections.len());
    }

    /// Lets every script go on that waits in `Conn::wait_for_release`, now or later.
    pub fn release(&self) {
        self.shared.lock().released = true;
        self.shared.changed.notify_all();
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.release();
        // Wakes `accept`, which sees that it is over.
        let woken = TcpStream::connect(("127.0.0.1", self.port));
        for stream in &self.shared.lock().connections {
            if let Some(stream) = stream.upgrade() {
                let _ = stream.shutdown(Shutdown::Both); // an error: the client was faster
            }
        }
        let ended = self.acceptor.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(woken.is_ok() && matches!(ended, Some(Ok(()))), "the server ends well");
            self.wait_until_all_closed();
            assert!(!self.shared.lock().panicked, "a script panicked");
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, script: &Arc<impl Fn(Conn) + Send + Sync + 'static>) {
    loop {
        let (stream, _) = listener.accept().expect("a listener accepts");
        let stream = Arc::new(stream);
        let mut state = shared.lock();
        if state.stopped {
            return;
        }
        let number = state.connections.len();
        state.connections.push(Arc::downgrade(&stream));
        drop(state);
        shared.changed.notify_all();
        let conn = Conn { number, stream, input: Vec::new(), shared: shared.clone(), reset: false };
        let script = script.clone();
        // Not joined, for until then it would keep its stack; `Conn` tells how it ended.
        thread::spawn(move || script(conn));
    }
}

impl Conn {
    /// Reads one request with its body and records it; `None`: there is no further one.
    pub fn request(&mut self) -> Option<Seen> {
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
    pub fn head(&mut self) -> Option<Seen> {
        let head = self.head_length()?;
        Some(self.record(head))
    }

    /// Writes, and tells whether the client still takes it.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let is_said = (&*self.stream).write_all(bytes.as_ref()).is_ok();
        self.shared.lock().said += 1;
        self.shared.changed.notify_all();
        is_said
    }

    /// Waits until the test calls `Hostile::release`.
    pub fn wait_for_release(&self) {
        self.shared.wait("release", |state| state.released);
    }

    /// Waits until the client closes, reading and forgetting what comes; tells how much came.
    pub fn wait_for_close(&mut self) -> usize {
        let mut came = std::mem::take(&mut self.input).len();
        while self.fill().is_some() {
            came += std::mem::take(&mut self.input).len();
        }
        came
    }

    /// Ends the connection the hard way: the client's next read or write is "connection reset".
    pub fn reset(mut self) {
        SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO)).expect("a socket can linger");
        self.reset = true;
    }

    /// Hands on all that comes to another server, and its answers back.
    pub fn relay(self, port: u16) {
        let server = TcpStream::connect(("127.0.0.1", port)).expect("the server behind can be reached");
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ = io::copy(&mut &*self.stream, &mut &server); // an error ends it just as well
                let _ = server.shutdown(Shutdown::Both);
            });
            let _ = io::copy(&mut &server, &mut &*self.stream);
            let _ = self.stream.shutdown(Shutdown::Both);
        });
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
        let read = (&*self.stream).read(&mut bytes).ok().filter(|read| *read > 0)?;
        self.input.extend_from_slice(&bytes[..read]);
        Some(())
    }

    fn record(&mut self, length: usize) -> Seen {
        let bytes: Vec<u8> = self.input.drain(..length).collect();
        let seen = Seen { connection: self.number, bytes };
        self.shared.lock().requests.push(seen.clone());
        self.shared.changed.notify_all();
        seen
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        // A forked child of the test may hold a copy of the socket, so closing it would not tell the client.
        if !self.reset {
            let _ = self.stream.shutdown(Shutdown::Both); // an error: the client was faster
        }
        let mut state = self.shared.lock();
        state.ended += 1;
        state.panicked |= thread::panicking();
        self.shared.changed.notify_all();
    }
}

impl Seen {
    pub fn line(&self) -> String {
        self.text().lines().next().unwrap_or_default().to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Shared {
    fn wait(&self, what: &str, happened: impl Fn(&State) -> bool) {
        let waiting = self.changed.wait_timeout_while(self.lock(), PATIENCE, |state| !happened(state));
        let (state, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        assert!(happened(&state), "waited {PATIENCE:?} for {what} in vain");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
