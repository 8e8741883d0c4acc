//! A connection, plain or under TLS.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::{ClientConnection, StreamOwned};

use super::tls::{self, Missed, last_words};
use super::{Cancel, Cancelled, Deadline, Tcp};

pub enum Stream {
    Plain(Tcp),
    Tls(Box<StreamOwned<ClientConnection, Tcp>>, Missed),
}

impl Stream {
    /// From now on reads and writes end by `deadline`.
    pub fn set_deadline(&mut self, deadline: Deadline) {
        match self {
            Stream::Plain(tcp) => tcp.set_deadline(deadline),
            Stream::Tls(tls, _) => tls.sock.set_deadline(deadline),
        }
    }

    /// Whether an idle connection can be used again.
    pub fn is_quiet(&self) -> bool {
        match self {
            Stream::Plain(tcp) => tcp.is_quiet(),
            // rustls wants to read unless it holds plain text already, which nobody has asked for.
            Stream::Tls(tls, _) => tls.conn.wants_read() && tls.sock.is_quiet(),
        }
    }

    /// From now on `cancel` ends it, and no other.
    pub fn end_with(&mut self, cancel: &Arc<Cancel>) -> Result<(), Cancelled> {
        match self {
            Stream::Plain(tcp) => tcp.end_with(cancel),
            Stream::Tls(tls, _) => tls.sock.end_with(cancel),
        }
    }

    /// See `Tcp::abandon`.
    pub fn abandon(&mut self) {
        match self {
            Stream::Plain(tcp) => tcp.abandon(),
            Stream::Tls(tls, _) => tls.sock.abandon(),
        }
    }

    pub fn is_tls(&self) -> bool {
        matches!(self, Stream::Tls(..))
    }

    /// What TLS has to do with an error, if anything.
    pub fn tls_cause(&self, error: &io::Error) -> Option<String> {
        match self {
            Stream::Plain(_) => None,
            Stream::Tls(_, missed) => tls::cause(error, *missed),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(tcp) => tcp.read(buffer),
            Stream::Tls(tls, _) => tls.read(buffer).map_err(|error| last_words(&mut tls.conn, &mut tls.sock, error)),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(tcp) => tcp.write(bytes),
            Stream::Tls(tls, _) => tls.write(bytes).map_err(|error| last_words(&mut tls.conn, &mut tls.sock, error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(tcp) => tcp.flush(),
            Stream::Tls(tls, _) => tls.flush(),
        }
    }
}
