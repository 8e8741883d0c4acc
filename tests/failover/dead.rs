//! Endpoints of which nothing good comes.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

use crate::hostile::Hostile;

/// A port on loopback that nobody answers as one should, as long as this lives.
pub struct Dead {
    pub url: String,
    _sockets: Vec<Socket>,
    _server: Option<Hostile>,
}

/// The kernel refuses to connect: somebody has the port and does not listen.
pub fn refusing() -> Dead {
    let (socket, url) = bound();
    Dead { url, _sockets: vec![socket], _server: None }
}

/// To connect takes for ever: what is sent there is dropped, for the queue of those who wait is full.
pub fn void() -> Dead {
    let (socket, url) = bound();
    socket.listen(0).expect("a bound socket listens");
    let address = socket.local_addr().expect("it is bound");
    let mut sockets = vec![socket];
    for _ in 0..4 {
        let waiting = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        waiting.set_nonblocking(true).expect("a socket");
        let _ = waiting.connect(&address); // "in progress", and so it stays
        sockets.push(waiting);
    }
    Dead { url, _sockets: sockets, _server: None }
}

/// Connects, takes what comes, and never says a word.
pub fn silent() -> Dead {
    of(Hostile::start(|mut conn| {
        conn.wait_for_close();
    }))
}

/// Connects, and hangs up when it has been asked.
pub fn closing() -> Dead {
    of(Hostile::start(|mut conn| drop(conn.request())))
}

fn of(server: Hostile) -> Dead {
    Dead { url: crate::url(&server), _sockets: Vec::new(), _server: Some(server) }
}

fn bound() -> (Socket, String) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
    let port = socket.local_addr().expect("it is bound").as_socket().expect("of IPv4").port();
    (socket, format!("http://127.0.0.1:{port}"))
}
