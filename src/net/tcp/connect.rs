//! Connecting: to the first of a name's addresses that answers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::{Tcp, Timeout, shutdown_hook};
use crate::base::failure::{Failure, is_system_limit};
use crate::base::process;
use crate::net::{Cancel, Deadline};

const KEEPALIVE_TIME: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

impl Tcp {
    /// Connects to the first address that answers, giving each its share of the time.
    pub fn connect(addresses: &[SocketAddr], deadline: Deadline, cancel: &Arc<Cancel>) -> Result<Tcp, Failure> {
        let mut causes = Vec::new();
        for (i, address) in addresses.iter().enumerate() {
            let Some(left) = deadline.left() else {
                causes.push("no time left to connect".to_owned());
                break;
            };
            match Self::connect_one(*address, left / (addresses.len() - i) as u32, deadline, cancel) {
                Ok(tcp) => return Ok(tcp),
                Err(_) if cancel.is_cancelled() => return Err(Failure::Cancelled { sent: false }),
                // The next address would meet the same.
                Err(error) if is_system_limit(&error) => {
                    return Err(Failure::Resources(format!("no connection to {address}: {error}")));
                }
                Err(error) => causes.push(format!("cannot connect to {address}: {error}")),
            }
        }
        Err(Failure::Unreachable(causes.join("; ")))
    }

    fn connect_one(address: SocketAddr, time: Duration, deadline: Deadline, cancel: &Arc<Cancel>) -> io::Result<Tcp> {
        let socket = Arc::new(Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?);
        // Before connecting: shutdown(2) ends a connect under way, too.
        let hook = shutdown_hook(&socket, cancel).map_err(|_| io::Error::other("cancelled"))?;
        socket.connect_timeout(&address.into(), time)?;
        if is_connected_to_itself(&socket)? {
            // A close would leave the port in TIME_WAIT, and the server could not listen on it for a minute.
            socket.set_linger(Some(Duration::ZERO))?;
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, SELF));
        }
        socket.set_tcp_nodelay(true)?;
        // etcd sends nothing on an idle watch, so only keepalive tells a dead peer from a quiet one.
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_TIME).with_interval(KEEPALIVE_INTERVAL))?;
        Ok(Tcp {
            socket,
            deadline,
            last_look: true,
            read_timeout: Timeout::default(),
            write_timeout: Timeout::default(),
            is_abandoned: false,
            generation: process::generation(),
            shutdown_on_cancel: hook,
        })
    }
}

const SELF: &str = "connection refused: nobody listens there, and the kernel connected the socket to itself";

/// Whether both ends are this socket. Where nobody listens on a local port of those that the kernel gives to the near
/// ends of connections, it sooner or later gives that very port to the near end, and TCP's simultaneous open (RFC 9293,
/// section 3.5) connects the two.
fn is_connected_to_itself(socket: &Socket) -> io::Result<bool> {
    let (near, far) = (socket.local_addr()?.as_socket(), socket.peer_addr()?.as_socket());
    Ok(near.is_some_and(|near| far.is_some_and(|far| (near.ip(), near.port()) == (far.ip(), far.port()))))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::net::tcp::tests::{local, soon};

    #[test]
    fn the_next_address_is_tried_when_one_refuses() {
        let (closed, refusing) = local();
        drop(closed);
        let (_listener, address) = local();
        assert!(Tcp::connect(&[refusing, address], soon(), &Cancel::new()).is_ok());
        let failure = Tcp::connect(&[refusing], soon(), &Cancel::new()).err().unwrap();
        assert!(matches!(failure, Failure::Unreachable(cause) if cause.contains(&refusing.to_string())));
    }

    #[test]
    fn a_cancelled_connect_returns_at_once() {
        // A full backlog: the kernel drops what comes after, so that connecting hangs.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let fill: Vec<_> = (0..4)
            .map(|_| {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                let _ = socket.connect(&address.into());
                socket
            })
            .collect();
        let cancel = Cancel::new();
        let connecting = {
            let cancel = cancel.clone();
            std::thread::spawn(move || Tcp::connect(&[address], soon(), &cancel).err())
        };
        std::thread::sleep(Duration::from_millis(100)); // best effort: so that it is under way
        cancel.cancel();
        assert_eq!(connecting.join().unwrap(), Some(Failure::Cancelled { sent: false }));
        drop(fill);
    }

    /// The kernel tries the ports of one parity first, those of the range's first.
    fn a_port_for_near_ends(any: &str) -> SocketAddr {
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        let first: u16 = range.split_whitespace().next().unwrap().parse().unwrap();
        let held =
            (0..500).map(|i| format!("{any}:{}", first + 2 * i)).find_map(|address| TcpListener::bind(address).ok());
        held.expect("one of them is free").local_addr().unwrap()
    }

    #[test]
    fn a_connection_to_itself_is_refused_and_frees_the_port() {
        let (_listener, other) = local();
        for any in ["127.0.0.1", "[::1]"] {
            let address = a_port_for_near_ends(any);
            let connect = |addresses: &[SocketAddr]| Tcp::connect(addresses, soon(), &Cancel::new());
            let is_itself = |failure: &Failure| matches!(failure, Failure::Unreachable(cause) if cause.contains(SELF));
            let failures = (0..1_000_000).map(|_| connect(&[address]).err().expect("nobody listens there"));
            assert!(failures.into_iter().any(|failure| is_itself(&failure)), "the kernel has its ways of choosing");
            TcpListener::bind(address).expect("no TIME_WAIT is left");
            assert!(connect(&[address, other]).is_ok(), "the next address is tried");
        }
    }
}
