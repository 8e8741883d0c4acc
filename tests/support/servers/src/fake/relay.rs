//! Connections that are handed on to another server.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;

use super::Conn;
use super::tls::Session;

/// What becomes of a relayed connection after a piece of the server's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    On,
    /// Both sides are closed.
    Close,
    /// Nothing more is handed on until the client closes.
    Stall,
}

impl Conn {
    /// Hands on all that comes to the server on this port, and its answers back, until one side closes.
    pub fn relay(mut self, port: u16) {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the server behind can be reached");
        match self.tls.take() {
            Some(mut tls) => drop(relay_tls(&mut tls, &self.socket, &server)), // an error ends it just as well
            None => self.relay_by(&server, |mut client, piece| match client.write_all(piece) {
                Ok(()) => Pass::On,
                Err(_) => Pass::Close,
            }),
        }
    }

    /// The same for a plain connection, whose requests are recorded as if they had been answered here.
    pub fn relay_requests(mut self, port: u16) {
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the server behind can be reached");
        let client = self.socket.clone();
        for stream in [&*client, &server] {
            let _ = stream.set_nodelay(true); // an error: it is gone, which is seen below
        }
        let answers = server.try_clone().expect("a descriptor");
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ = io::copy(&mut &answers, &mut &*client); // an error ends it just as well
                end(&client);
            });
            while let Some(request) = self.request() {
                if server.write_all(&request.bytes).is_err() {
                    break;
                }
            }
            end(&server);
        });
    }

    /// The same for a plain connection, where `answer` hands on the pieces of the answers, or does not.
    pub fn relay_by(self, server: &TcpStream, mut answer: impl FnMut(&TcpStream, &[u8]) -> Pass) {
        // A piece must not wait for the one before to be acknowledged, which takes 40 ms.
        for stream in [&self.socket, server] {
            let _ = stream.set_nodelay(true); // an error: it is gone, which is seen below
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ = io::copy(&mut &*self.socket, &mut &*server); // an error ends it just as well
                end(server);
            });
            let mut piece = [0; 16 << 10];
            let mut pass = Pass::On;
            while pass == Pass::On {
                let Ok(read @ 1..) = (&*server).read(&mut piece) else { break };
                pass = answer(&self.socket, &piece[..read]);
            }
            if pass != Pass::Stall {
                end(&self.socket);
                end(server);
            }
        });
    }

    /// Hands on what was taken from it already, and all that comes, either way; `may_pass` is asked before each piece and
    /// may let it wait, and false ends the connection.
    pub fn relay_while(self, server: &TcpStream, taken: &[u8], may_pass: impl Fn() -> bool + Sync) {
        let mut to_server = server;
        if to_server.write_all(taken).and_then(|()| to_server.write_all(&self.input)).is_err() {
            return;
        }
        thread::scope(|scope| {
            scope.spawn(|| pump(&self.socket, server, &may_pass));
            pump(server, &self.socket, &may_pass);
        });
    }
}

/// Hands on piece by piece, while it may.
fn pump(mut from: &TcpStream, mut to: &TcpStream, may_pass: &(impl Fn() -> bool + Sync)) {
    let mut piece = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        if !may_pass() || to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    end(from);
    end(to);
}

fn end(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Both); // an error: the other side was faster
}

fn relay_tls(tls: &mut Session, socket: &TcpStream, mut server: &TcpStream) -> io::Result<()> {
    let mut bytes = vec![0; 64 << 10];
    loop {
        // Some may have come with the end of the handshake.
        server.write_all(&tls.decrypted()?)?;
        tls.flush()?;
        let [client, behind] = wait(socket, server)?;
        if client && !tls.receive()? {
            return Ok(());
        }
        if behind {
            let read = server.read(&mut bytes)?;
            if read == 0 {
                return Ok(());
            }
            tls.write_all(&bytes[..read])?;
        }
    }
}

/// Which of the two have something to read; at least one.
fn wait(client: &TcpStream, server: &TcpStream) -> io::Result<[bool; 2]> {
    let watched = |stream: &TcpStream| libc::pollfd { fd: stream.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut both = [watched(client), watched(server)];
    // SAFETY: an array of two, and its length.
    if unsafe { libc::poll(both.as_mut_ptr(), 2, -1) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(both.map(|one| one.revents != 0))
}
