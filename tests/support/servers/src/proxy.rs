//! A proxy on loopback that does to connections what networks and gateways do: scripts of the fake server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::fake::{Conn, FakeServer, Pass};

#[derive(Debug, Clone, Copy)]
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
    /// The same, by the connection's number; after 0 bytes it closes at once.
    TruncateBy(fn(usize) -> usize),
    /// Hands on one head and so many bytes after it, by the connection's number; then it falls silent.
    StallBy(fn(usize) -> usize),
    /// Answers with this status by itself, as a gateway does that has no server.
    Refuse(u16),
    /// Hands on, and answers with this status when the server has answered: a gateway that lost it meanwhile.
    Lose(u16),
}

/// Dropping it ends all its connections.
pub struct Proxy {
    front: FakeServer,
    route: Arc<Mutex<Route>>,
}

#[derive(Clone, Copy)]
struct Route {
    /// The port on loopback of the server behind.
    server: u16,
    mode: Mode,
    /// How often it has changed.
    changes: usize,
}

impl Proxy {
    pub fn start(server: u16, mode: Mode) -> Proxy {
        let route = Arc::new(Mutex::new(Route { server, mode, changes: 0 }));
        let front = FakeServer::start({
            let route = route.clone();
            move |conn| serve(conn, &route)
        });
        Proxy { front, route }
    }

    pub fn port(&self) -> u16 {
        self.front.port()
    }

    pub fn url(&self) -> String {
        self.front.url()
    }

    /// How many connections came so far.
    pub fn connections(&self) -> usize {
        self.front.connections()
    }

    /// A poll that brought nothing ends with its connection, so this waits for polls, too.
    #[track_caller]
    pub fn wait_for_connections(&self, count: usize) {
        self.front.wait_for_connections(count);
    }

    /// Ends all connections, and does this from now on.
    pub fn switch(&self, mode: Mode) {
        self.change(|route| route.mode = mode);
    }

    /// Ends all connections; later ones are to another server.
    pub fn turn_to(&self, server: u16) {
        self.change(|route| route.server = server);
    }

    fn change(&self, change: impl FnOnce(&mut Route)) {
        let mut route = lock(&self.route);
        change(&mut route);
        route.changes += 1;
        self.front.cut();
    }
}

fn lock(route: &Mutex<Route>) -> MutexGuard<'_, Route> {
    route.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut conn: Conn, shared: &Mutex<Route>) {
    let route = *lock(shared);
    // None: the server behind is gone, or the proxy has changed since.
    let connect = || {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, route.server)).ok()?;
        (lock(shared).changes == route.changes).then_some(server)
    };
    match route.mode {
        Mode::Close => {}
        Mode::BlackHole => drop(conn.wait_for_close()),
        Mode::Refuse(status) => while conn.request().is_some() && conn.say(page(status)) {},
        Mode::Lose(status) => {
            while let Some(request) = conn.request() {
                let Some(mut server) = connect() else { return };
                // Once it says anything, the server behind has done what it was asked.
                let is_done = server.write_all(&request.bytes).is_ok() && matches!(server.read(&mut [0]), Ok(1));
                let _ = server.shutdown(Shutdown::Both); // an error: the server was faster
                if !is_done || !conn.say(page(status)) {
                    return;
                }
            }
        }
        _ => {
            let number = conn.number;
            let Some(server) = connect() else { return };
            match route.mode {
                Mode::Truncate(bytes) => conn.relay_by(&server, truncated(bytes)),
                Mode::TruncateBy(bytes) => match bytes(number) {
                    0 => {}
                    bytes => conn.relay_by(&server, truncated(bytes)),
                },
                Mode::StallBy(bytes) => conn.relay_by(&server, stalled(bytes(number))),
                Mode::Delay(time) => conn.relay_by(&server, |client, piece| {
                    thread::sleep(time); // slowness is what is tested
                    hand_on(client, piece)
                }),
                _ => conn.relay_by(&server, hand_on),
            }
        }
    }
}

fn hand_on(mut client: &TcpStream, piece: &[u8]) -> Pass {
    if client.write_all(piece).is_ok() { Pass::On } else { Pass::Close }
}

fn truncated(mut left: usize) -> impl FnMut(&TcpStream, &[u8]) -> Pass {
    move |client, piece| {
        let passed = piece.len().min(left);
        left -= passed;
        let pass = hand_on(client, &piece[..passed]);
        if left == 0 { Pass::Close } else { pass }
    }
}

fn stalled(mut left: usize) -> impl FnMut(&TcpStream, &[u8]) -> Pass {
    let mut head = Vec::new();
    move |client, piece| {
        let mut body = piece;
        if !head.ends_with(b"\r\n\r\n") {
            let before = head.len();
            head.extend_from_slice(piece);
            let end = head.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(head.len(), |end| end + 4);
            head.truncate(end);
            let (rest, after) = piece.split_at(end - before);
            body = after;
            if hand_on(client, rest) == Pass::Close {
                return Pass::Close;
            }
            if !head.ends_with(b"\r\n\r\n") {
                return Pass::On;
            }
        }
        let passed = body.len().min(left);
        left -= passed;
        let pass = hand_on(client, &body[..passed]);
        if left == 0 { Pass::Stall } else { pass }
    }
}

fn page(status: u16) -> Vec<u8> {
    let page = "<html><body><h1>A gateway</h1></body></html>";
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: text/html\r\nContent-Length: {}", page.len());
    format!("{head}\r\n\r\n{page}").into_bytes()
}
