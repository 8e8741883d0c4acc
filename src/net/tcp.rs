//! A TCP connection whose reads and writes end at a deadline and can be cancelled.

mod connect;
mod timeout;

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, recv};
use socket2::Socket;

use super::Deadline;
use super::cancel::{Cancel, Cancelled, Hook};
use super::platform;
use crate::base::process;
use timeout::Timeout;

pub struct Tcp {
    socket: Arc<Socket>,
    deadline: Deadline,
    /// Whether one look at what has come in is still due once the deadline is over.
    last_look: bool,
    read_timeout: Timeout,
    write_timeout: Timeout,
    /// Whether it is reset, and not closed, when it is dropped.
    is_abandoned: bool,
    /// The process that opened it. A forked child has the descriptor, too.
    generation: u64,
    shutdown_on_cancel: Hook,
}

impl Tcp {
    /// From now on reads and writes end by `deadline`.
    pub fn set_deadline(&mut self, deadline: Deadline) {
        (self.deadline, self.last_look) = (deadline, true);
    }

    /// From now on `cancel` ends it, and no other.
    pub fn end_with(&mut self, cancel: &Arc<Cancel>) -> Result<(), Cancelled> {
        self.shutdown_on_cancel = shutdown_hook(&self.socket, cancel)?;
        Ok(())
    }

    /// Makes `drop` reset the connection, for an answer that is still to come is not wanted. A reset leaves no TIME_WAIT,
    /// of which each takes a port for a minute.
    pub fn abandon(&mut self) {
        // Where that cannot be set, it is closed as usual.
        self.is_abandoned = self.socket.set_linger(Some(Duration::ZERO)).is_ok();
    }

    /// Whether an idle connection can be used again: it is open, and nothing has come in unasked.
    pub fn is_quiet(&self) -> bool {
        is_quiet(&self.socket)
    }

    /// For a caller that polls it.
    pub(super) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// Makes all further sending fail.
    #[cfg(test)]
    pub fn cannot_send(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    fn read_at_once(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.socket.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT)?)
    }
}

impl Drop for Tcp {
    /// A forked child may keep the descriptor open for long, so closing it here is not enough for the server to learn of
    /// the end.
    fn drop(&mut self) {
        // After a shutdown, a close would no longer send a reset.
        if self.generation == process::generation() && !self.is_abandoned {
            let _ = self.socket.shutdown(Shutdown::Both); // an error: it has ended already
        }
    }
}

impl Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.read_timeout.next(self.deadline) {
                // What came in time is read in any case, even if this thread was kept from reading it.
                Err(over) if std::mem::take(&mut self.last_look) => {
                    return self.read_at_once(buffer).map_err(|error| if is_transient(&error) { over } else { error });
                }
                Err(over) => return Err(over),
                Ok(None) => {}
                Ok(timeout) => self.socket.set_read_timeout(timeout)?,
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
            if let Some(timeout) = self.write_timeout.next(self.deadline)? {
                self.socket.set_write_timeout(Some(timeout))?;
            }
            match self.socket.send_with_flags(bytes, platform::SEND) {
                Err(error) if is_transient(&error) => {}
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Ends what is done with the socket, now and later.
fn shutdown_hook(socket: &Arc<Socket>, cancel: &Arc<Cancel>) -> Result<Hook, Cancelled> {
    let socket = Arc::downgrade(socket);
    cancel.hook(move || {
        if let Some(socket) = socket.upgrade() {
            let _ = socket.shutdown(Shutdown::Both); // an error: it has ended already
        }
    })
}

/// Whether nothing has come in, no end either. Takes nothing.
pub fn is_quiet(socket: &Socket) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    let peeked = socket.recv_with_flags(&mut byte, libc::MSG_PEEK | libc::MSG_DONTWAIT);
    matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use super::*;
    use crate::base::failure::Failure;

    pub fn local() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    pub fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(60))
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
    fn a_connection_ends_with_who_has_it_now() {
        let (listener, address) = local();
        let (owner, borrower) = (Cancel::new(), Cancel::new());
        let mut tcp = Tcp::connect(&[address], soon(), &owner).unwrap();
        let _server = listener.accept().unwrap().0;
        tcp.end_with(&borrower).unwrap();
        owner.cancel();
        assert!(tcp.is_quiet(), "it is another's");
        assert!(tcp.end_with(&owner).is_err() && tcp.is_quiet());
        borrower.cancel();
        assert!(!tcp.is_quiet());
    }
}
