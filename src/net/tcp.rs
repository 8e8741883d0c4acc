//! A TCP connection whose reads and writes end at a deadline and can be cancelled.

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, recv};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::cancel::Hook;
use super::{Cancel, Deadline};
use crate::failure::Failure;
use crate::process;

pub struct Tcp {
    socket: Arc<Socket>,
    deadline: Deadline,
    /// Whether one look at what has come in is still due once the deadline is over.
    last_look: bool,
    /// What the kernel has been told, so as to tell it only what changes.
    read_timeout: Duration,
    write_timeout: Duration,
    /// Whether it is reset, and not closed, when it is dropped.
    is_abandoned: bool,
    /// The process that opened it. A forked child has the descriptor, too.
    generation: u64,
    _shutdown_on_cancel: Hook,
}

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
                Err(error) => causes.push(format!("cannot connect to {address}: {error}")),
            }
        }
        Err(Failure::Unreachable(causes.join("; ")))
    }

    fn connect_one(address: SocketAddr, time: Duration, deadline: Deadline, cancel: &Arc<Cancel>) -> io::Result<Tcp> {
        let socket = Arc::new(Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?);
        // Before connecting: shutdown(2) ends a connect under way, too.
        let hook = cancel.hook({
            let socket = Arc::downgrade(&socket);
            move || {
                if let Some(socket) = socket.upgrade() {
                    let _ = socket.shutdown(Shutdown::Both); // an error: it has ended already
                }
            }
        });
        let hook = hook.map_err(|_| io::Error::other("cancelled"))?;
        socket.connect_timeout(&address.into(), time)?;
        socket.set_tcp_nodelay(true)?;
        // etcd sends nothing on an idle watch; only keepalive tells a dead peer from a quiet one.
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_TIME).with_interval(KEEPALIVE_INTERVAL))?;
        Ok(Tcp {
            socket,
            deadline,
            last_look: true,
            read_timeout: Duration::ZERO,
            write_timeout: Duration::ZERO,
            is_abandoned: false,
            generation: process::generation(),
            _shutdown_on_cancel: hook,
        })
    }

    /// From now on reads and writes end by `deadline`.
    pub fn set_deadline(&mut self, deadline: Deadline) {
        (self.deadline, self.last_look) = (deadline, true);
    }

    /// Has the connection reset when it is dropped, for an answer that is still to come is not wanted. It leaves no
    /// TIME_WAIT behind, of which each takes a port for a minute.
    pub fn abandon(&mut self) {
        self.is_abandoned = self.socket.set_linger(Some(Duration::ZERO)).is_ok();
    }

    /// Whether an idle connection can be used again: open, and nothing in it that nobody asked for.
    pub fn is_quiet(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let peeked = self.socket.recv_with_flags(&mut byte, libc::MSG_PEEK | libc::MSG_DONTWAIT);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Has everything fail that is sent from now on.
    #[cfg(test)]
    pub fn cannot_send(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    fn read_at_once(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.socket.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT)?)
    }
}

impl Drop for Tcp {
    /// A forked child may keep the descriptor open for long; the server is to hear of the end now.
    fn drop(&mut self) {
        // A reset is not to wait for the answer to a farewell.
        if self.generation == process::generation() && !self.is_abandoned {
            let _ = self.socket.shutdown(Shutdown::Both); // an error: it has ended already
        }
    }
}

const KEEPALIVE_TIME: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

impl Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let timeout = match step(self.deadline) {
                // What came in time is read in any case, even if this thread was kept from reading it.
                Err(over) if std::mem::take(&mut self.last_look) => {
                    return self.read_at_once(buffer).map_err(|error| if is_transient(&error) { over } else { error });
                }
                step => step?,
            };
            if !suffices(self.read_timeout, timeout) {
                self.socket.set_read_timeout(Some(timeout))?;
                self.read_timeout = timeout;
            }
            match (&*self.socket).read(buffer) {
                Err(error) if is_transient(&error) => {}
                done => return done,
            }
        }
    }
}

impl Write for Tcp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let timeout = step(self.deadline)?;
            if !suffices(self.write_timeout, timeout) {
                self.socket.set_write_timeout(Some(timeout))?;
                self.write_timeout = timeout;
            }
            // Without MSG_NOSIGNAL a closed connection would send SIGPIPE to the host program.
            match self.socket.send_with_flags(bytes, libc::MSG_NOSIGNAL) {
                Err(error) if is_transient(&error) => {}
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// How long one read or write may block before the deadline is looked at again.
///
/// Rounded down in steps of a sixteenth or so, never beyond the deadline: call after call begins with the same time to
/// go.
fn step(deadline: Deadline) -> io::Result<Duration> {
    let left = deadline.left().ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))?;
    let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).clamp(1, MAX_STEP_MS);
    let quantum = (ms / 16).max(1).next_power_of_two();
    Ok(Duration::from_millis((ms / quantum * quantum).max(1)))
}

/// Whether the timeout that the kernel has will do where `wanted` is the longest: it may be shorter, for then the
/// deadline is looked at again, but not so much that this becomes a busy loop. (0: it has none.)
fn suffices(told: Duration, wanted: Duration) -> bool {
    !told.is_zero() && told <= wanted && wanted / 128 <= told
}

const MAX_STEP_MS: u64 = 24 * 3600 * 1000;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn local() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

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
    fn a_read_ends_at_its_deadline() {
        let (_listener, address) = local();
        let mut tcp = Tcp::connect(&[address], soon(), &Cancel::new()).unwrap();
        tcp.set_deadline(Deadline::after(Duration::from_millis(50)));
        assert_eq!(tcp.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn what_has_come_in_is_read_once_even_if_the_time_is_over() {
        let (listener, address) = local();
        let mut tcp = Tcp::connect(&[address], soon(), &Cancel::new()).unwrap();
        let mut server = listener.accept().unwrap().0;
        server.write_all(b"in time").unwrap();
        tcp.set_deadline(soon());
        assert_eq!(tcp.read(&mut [0; 3]).unwrap(), 3);
        tcp.set_deadline(Deadline::now());
        assert_eq!(tcp.read(&mut [0; 2]).unwrap(), 2);
        assert_eq!(tcp.read(&mut [0; 2]).unwrap_err().kind(), io::ErrorKind::TimedOut, "or it might never end");
    }

    #[test]
    fn the_kernel_is_told_of_a_timeout_only_where_the_one_it_has_will_not_do() {
        let ms = Duration::from_millis;
        assert!(!suffices(Duration::ZERO, ms(10_000)));
        assert!(suffices(ms(10_000), ms(10_000)) && suffices(ms(90), ms(10_000)));
        assert!(!suffices(ms(10_000), ms(90)) && !suffices(ms(90), ms(30_000)));
    }

    #[test]
    fn a_cancelled_read_returns_at_once() {
        let (_listener, address) = local();
        let cancel = Cancel::new();
        let mut tcp = Tcp::connect(&[address], soon(), &cancel).unwrap();
        let reading = std::thread::spawn(move || tcp.read(&mut [0; 8]));
        cancel.cancel();
        assert!(!matches!(reading.join().unwrap(), Ok(1..)));
        assert!(matches!(Tcp::connect(&[address], soon(), &cancel), Err(Failure::Cancelled { sent: false })));
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

    #[test]
    fn steps_never_pass_the_deadline_and_seldom_change() {
        let steps: Vec<_> =
            (0..3).map(|i| step(Deadline::after(Duration::from_micros(9_999_900 - i * 300))).unwrap()).collect();
        assert!(steps.iter().all(|s| *s == steps[0] && *s <= Duration::from_secs(10)));
        assert_eq!(step(Deadline::after(Duration::ZERO)).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
