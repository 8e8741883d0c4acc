//! Ports on loopback, each given once: where a server of a test's has gone, nobody else answers later.

use std::fs;
use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use socket2::{Domain, Socket, Type};

/// What can be bound to a port that no other server of this program has had, or will have.
pub fn bind<T>(bind: impl Fn(SocketAddr) -> Result<T>) -> T {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    static PORTS: LazyLock<Range<u16>> = LazyLock::new(ports);
    let count = u32::from(PORTS.end - PORTS.start);
    // Test programs that run side by side have numbers close to each other, and multiples of the golden section lie far
    // from each other.
    let first = (f64::from(std::process::id()) * 0.618_034).fract() * f64::from(count);
    let ports = (0..count).map(|_| (first as u32 + GIVEN.fetch_add(1, Ordering::Relaxed)) % count);
    let mut bound = ports.filter_map(|port| bind((Ipv4Addr::LOCALHOST, PORTS.start + port as u16).into()).ok());
    bound.next().expect("one of so many ports is free")
}

pub fn listen() -> TcpListener {
    bind(TcpListener::bind)
}

/// For servers that are given theirs.
pub fn free(count: usize) -> Vec<u16> {
    let held = Vec::from_iter((0..count).map(|_| listen()));
    held.iter().map(of).collect()
}

pub fn of(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("it is bound").port()
}

/// Below those that the kernel gives to the near ends of connections, whose place may be anywhere at any time.
fn ports() -> Range<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let kernels = range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768);
    // Where the kernel has been given nearly all, they are shared with it.
    10_000..if kernels > 12_000 { kernels } else { u16::MAX }
}

/// A port whose owner does not take connections, as long as this lives.
pub struct Closed {
    pub port: u16,
    /// The one that listens, and those that stand before it.
    sockets: Vec<Socket>,
}

impl Closed {
    /// The kernel refuses to connect: somebody has the port and does not listen.
    pub fn refusing() -> Closed {
        let (socket, port) = bound();
        Closed { port, sockets: vec![socket] }
    }

    /// Connecting never ends: the queue of those who wait is full, so the kernel drops what comes.
    pub fn full() -> Closed {
        let (listener, port) = bound();
        Closed::full_at(listener, port)
    }

    /// The same of a socket that listens perhaps, and of which nobody accepts any more.
    pub fn full_at(listener: Socket, port: u16) -> Closed {
        listener.listen(0).expect("a bound socket listens");
        let mut sockets = vec![listener];
        while !sockets[1..].iter().any(is_connecting) {
            let waiting = socket().expect("a socket");
            waiting.set_nonblocking(true).expect("a socket can be so");
            let _ = waiting.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()); // "in progress"
            sockets.push(waiting);
        }
        Closed { port, sockets }
    }

    /// How many others are in the middle of connecting to it.
    pub fn others_connecting(&self) -> usize {
        let own = self.sockets[1..].iter().filter(|socket| is_connecting(socket)).count();
        connecting_to(self.port).saturating_sub(own)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Whether a socket that began to connect has not done so.
fn is_connecting(socket: &Socket) -> bool {
    socket.peer_addr().is_err()
}

fn bound() -> (Socket, u16) {
    bind(|address| {
        let socket = socket()?;
        socket.bind(&address.into())?;
        Ok((socket, address.port()))
    })
}

fn socket() -> Result<Socket> {
    Socket::new(Domain::IPV4, Type::STREAM, None)
}

/// How many sockets of this machine are in the middle of connecting to that port of loopback.
pub fn connecting_to(port: u16) -> usize {
    let table = fs::read_to_string("/proc/net/tcp").expect("the kernel has a table");
    let line = format!(" 0100007F:{port:04X} 02 "); // 02: the first packet is sent and not answered
    table.lines().filter(|entry| entry.contains(&line)).count()
}
