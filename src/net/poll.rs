//! Connections that never block, and the wait for them: poll(2) on the socket and on a bell, by which other threads
//! end the wait.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{MsgFlags, recv};
use rustls::{ClientConnection, StreamOwned};
use socket2::Socket;

use super::platform::{self, Flag};
use super::tcp::is_quiet;
use super::tls::last_words;
use super::{Deadline, Stream, Tcp};

/// A connection whose reads and writes fail with `WouldBlock` instead of waiting. Its `Stream`'s deadline does not
/// matter any more.
pub struct Polled {
    stream: Stream,
    /// Whether the socket may hold something to read. It is asked only then: most reads would come to nothing.
    is_readable: bool,
    /// Whether the kernel has last refused to take more.
    is_blocked: bool,
}

/// What a wait found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    pub readable: bool,
    pub writable: bool,
}

/// Ends the wait of the thread that polls.
pub struct Bell(Flag);

impl Polled {
    pub fn new(stream: Stream) -> Polled {
        Polled { stream, is_readable: true, is_blocked: false }
    }

    /// For the wait, and for a look at what has come in.
    pub fn socket(&self) -> PolledSocket {
        PolledSocket(self.tcp().socket().clone())
    }

    /// There is something to read again, or there may be.
    pub fn set_readable(&mut self) {
        self.is_readable = true;
    }

    pub fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Whether something waits to be written until the socket takes more.
    pub fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    pub fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }

    /// What TLS has to do with an error, if anything.
    pub fn tls_cause(&self, error: &io::Error) -> Option<String> {
        self.stream.tls_cause(error)
    }

    fn tcp(&self) -> &Tcp {
        match &self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls, _) => &tls.sock,
        }
    }
}

impl Read for Polled {
    /// 0 is the end, under TLS also where the server did not take leave.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let is_readable = &mut self.is_readable;
        match &mut self.stream {
            Stream::Plain(tcp) => AtOnce { tcp, is_readable }.read(buffer),
            Stream::Tls(tls, _) => loop {
                match tls.conn.reader().read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                    done => return done,
                }
                tls.conn.read_tls(&mut AtOnce { tcp: &tls.sock, is_readable })?;
                let state = tls.conn.process_new_packets();
                state.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            },
        }
    }
}

impl Write for Polled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    /// What TLS takes goes out with `flush`.
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = match &mut self.stream {
            Stream::Plain(tcp) => send(tcp, pieces),
            Stream::Tls(tls, _) => match tls.conn.writer().write_vectored(pieces) {
                // Its buffer is full.
                Ok(0) => flush(tls).and_then(|()| tls.conn.writer().write_vectored(pieces)),
                done => done,
            },
        };
        self.note_blocked(&written);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        let Stream::Tls(tls, _) = &mut self.stream else { return Ok(()) };
        let flushed = flush(tls);
        self.note_blocked(&flushed);
        flushed
    }
}

impl Polled {
    fn note_blocked<T>(&mut self, outcome: &io::Result<T>) {
        self.is_blocked = matches!(outcome, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
    }

    /// Has the server hear that this is the end, as far as that can be said without waiting.
    pub fn close(&mut self) {
        if let Stream::Tls(tls, _) = &mut self.stream {
            tls.conn.send_close_notify();
            let _ = flush(tls); // the end of the connection says it, too
        }
    }
}

fn flush(tls: &mut StreamOwned<ClientConnection, Tcp>) -> io::Result<()> {
    let mut at_once = AtOnce { tcp: &tls.sock, is_readable: &mut true };
    while tls.conn.wants_write() {
        if let Err(error) = tls.conn.write_tls(&mut at_once) {
            return Err(last_words(&mut tls.conn, &mut at_once, error));
        }
    }
    Ok(())
}

/// A socket without its waits.
struct AtOnce<'a> {
    tcp: &'a Tcp,
    is_readable: &'a mut bool,
}

impl Read for AtOnce<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !*self.is_readable {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        loop {
            match recv(self.tcp.socket().as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EINTR) => {}
                Err(error) => {
                    *self.is_readable = error != Errno::EAGAIN;
                    return Err(error.into());
                }
                Ok(read) => {
                    // Less than there was room for: that was all. The end is seen again whenever it is looked for.
                    *self.is_readable = read == buffer.len() || read == 0;
                    return Ok(read);
                }
            }
        }
    }
}

impl Write for AtOnce<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send(self.tcp, &[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        send(self.tcp, pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn send(tcp: &Tcp, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    loop {
        match tcp.socket().send_vectored_with_flags(pieces, platform::SEND | libc::MSG_DONTWAIT) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// The socket of a `Polled` that something else owns.
pub struct PolledSocket(Arc<Socket>);

impl PolledSocket {
    /// Waits until something can be read, or written if `for_writing`, until the bell rings, or until the deadline.
    pub fn wait(&self, for_writing: bool, bell: &Bell, until: Deadline) -> io::Result<Readiness> {
        let events = if for_writing { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN };
        let mut polled = [PollFd::new(self.0.as_fd(), events), PollFd::new(bell.0.as_fd(), PollFlags::POLLIN)];
        match platform::wait(&mut polled, until.left().unwrap_or_default()) {
            Ok(()) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let seen = |i: usize| polled[i].revents().unwrap_or(PollFlags::empty());
        if !seen(1).is_empty() {
            bell.0.lower();
        }
        // An error or the end is found by reading.
        let ended = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
        Ok(Readiness {
            readable: seen(0).intersects(PollFlags::POLLIN | ended),
            writable: seen(0).intersects(PollFlags::POLLOUT | ended),
        })
    }

    /// Whether nothing has come in, no end either. Takes nothing.
    pub fn is_quiet(&self) -> bool {
        is_quiet(&self.0)
    }
}

impl Bell {
    pub fn new() -> io::Result<Bell> {
        Flag::new().map(Bell)
    }

    pub fn ring(&self) {
        self.0.raise();
    }
}
