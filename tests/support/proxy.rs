//! A proxy on loopback that does to connections what networks and gateways do.
#![allow(dead_code)] // each test file uses a part of it

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::port;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Hands on all that comes.
    Pass,
    /// Closes every connection at once.
    Close,
    /// Takes what comes, hands nothing on, and says nothing.
    BlackHole,
    /// Hands on; each piece of an answer takes so long.
    Delay(Duration),
    /// Hands on, but closes after so many bytes of answers.
    Truncate(usize),
    /// Answers with this status by itself, as a gateway does that has no server to hand on to.
    Refuse(u16),
    /// Hands on, and answers with this status when the server has answered: a gateway that lost it meanwhile.
    Lose(u16),
}

/// Dropping it ends all its connections.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    /// The port on loopback of the server behind.
    server: u16,
    state: Mutex<State>,
}

struct State {
    mode: Mode,
    connections: usize,
    /// Of both sides.
    streams: Vec<Arc<TcpStream>>,
    stopped: bool,
}

impl Proxy {
    pub fn start(server: u16, mode: Mode) -> Proxy {
        let listener = port::listen();
        let port = port::of(&listener);
        let state = Mutex::new(State { mode, connections: 0, streams: Vec::new(), stopped: false });
        let shared = Arc::new(Shared { server, state });
        let acceptor = thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared)
        });
        Proxy { port, shared, acceptor: Some(acceptor) }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many connections came so far.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// Ends all connections, and does this from now on.
    pub fn switch(&self, mode: Mode) {
        let mut state = self.shared.lock();
        state.mode = mode;
        state.cut();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        state.cut();
        drop(state);
        // Wakes `accept`, which sees that it is over.
        let woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let ended = self.acceptor.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(woken.is_ok() && matches!(ended, Some(Ok(()))), "a proxy panicked");
        }
    }
}

impl State {
    fn cut(&mut self) {
        for stream in self.streams.drain(..) {
            end(&stream);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None: the server behind is gone, or the proxy is another by now.
    fn connect(&self, mode: Mode) -> Option<Arc<TcpStream>> {
        let stream = Arc::new(TcpStream::connect((Ipv4Addr::LOCALHOST, self.server)).ok()?);
        let mut state = self.lock();
        let goes_on = state.mode == mode && !state.stopped;
        state.streams.push(stream.clone());
        goes_on.then_some(stream)
    }
}

fn end(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Both); // an error: the other side was faster
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    loop {
        let (stream, _) = listener.accept().expect("a listener accepts");
        let stream = Arc::new(stream);
        let mut state = shared.lock();
        if state.stopped {
            break;
        }
        state.connections += 1;
        state.streams.push(stream.clone());
        let mode = state.mode;
        drop(state);
        let shared = shared.clone();
        threads.push(thread::spawn(move || {
            serve(&stream, &shared, mode);
            end(&stream);
        }));
    }
    for thread in threads {
        thread.join().expect("a connection ends without a panic");
    }
}

fn serve(mut front: &TcpStream, shared: &Shared, mode: Mode) {
    match mode {
        Mode::Pass => hand_on(front, shared, mode, usize::MAX, Duration::ZERO),
        Mode::Delay(time) => hand_on(front, shared, mode, usize::MAX, time),
        Mode::Truncate(bytes) => hand_on(front, shared, mode, bytes, Duration::ZERO),
        Mode::Close => {}
        Mode::BlackHole => while matches!(front.read(&mut [0; 4096]), Ok(1..)) {},
        Mode::Refuse(status) => while request(front).is_some() && front.write_all(&page(status)).is_ok() {},
        Mode::Lose(status) => {
            while let Some(request) = request(front) {
                let Some(behind) = shared.connect(mode) else { return };
                // Once it says anything, the server behind has done what it was asked.
                let is_done = (&*behind).write_all(&request).is_ok() && matches!((&*behind).read(&mut [0]), Ok(1));
                end(&behind);
                if !is_done || front.write_all(&page(status)).is_err() {
                    return;
                }
            }
        }
    }
}

/// Both ways, until one side ends or so many bytes have come back.
fn hand_on(mut front: &TcpStream, shared: &Shared, mode: Mode, mut left: usize, delay: Duration) {
    let Some(behind) = shared.connect(mode) else { return };
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut &*front, &mut &*behind); // an error ends it just as well
            end(&behind);
        });
        let mut piece = [0; 16 << 10];
        while let Ok(read @ 1..) = (&*behind).read(&mut piece) {
            thread::sleep(delay); // slowness is what is tested
            let handed_on = read.min(left);
            left -= handed_on;
            if front.write_all(&piece[..handed_on]).is_err() || left == 0 {
                break;
            }
        }
        end(front);
        end(&behind);
    });
}

/// One request, whole. None: there is no further one.
fn request(mut front: &TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let body: usize = length.map_or(0, |length| length.parse().expect("a Content-Length is a number"));
            if bytes.len() >= head + 4 + body {
                return Some(bytes);
            }
        }
        let read = front.read(&mut piece).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
    }
}

fn page(status: u16) -> Vec<u8> {
    let page = "<html><body><h1>A gateway</h1></body></html>";
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: text/html\r\nContent-Length: {}", page.len());
    format!("{head}\r\n\r\n{page}").into_bytes()
}
