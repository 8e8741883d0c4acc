//! A proxy between a watch and its server that counts connections and, if told to, breaks them or falls silent.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::etcd::wait_until;
use crate::watching::PATIENCE;

pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    server: AtomicU16,
    limit: Limit,
    connections: AtomicUsize,
    over: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

/// What is let through of the answers on the connection of this number.
pub enum Limit {
    None,
    /// So many bytes, then it breaks.
    Bytes(fn(usize) -> usize),
    /// One head and so many bytes after it, then silence.
    BytesOfBody(fn(usize) -> usize),
    /// Everything, some megabytes a second.
    Slow,
}

impl Proxy {
    pub fn start(server: u16, limit: Limit) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            server: server.into(),
            limit,
            connections: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            streams: Mutex::default(),
        });
        let acceptor = thread::spawn({
            let shared = shared.clone();
            move || shared.accept(&listener)
        });
        Proxy { port, shared, acceptor: Some(acceptor) }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Later connections are to another server; those that there are break.
    pub fn turn_to(&self, server: u16) {
        self.shared.server.store(server, Ordering::SeqCst);
        self.break_all();
    }

    pub fn break_all(&self) {
        let streams = std::mem::take(&mut *self.shared.streams.lock().expect("nobody panics with it"));
        streams.iter().for_each(hang_up);
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// A poll that nothing came of ends with its connection, so these are polls, too.
    pub fn wait_for_connections(&self, count: usize) {
        wait_until(PATIENCE, "the watch asks anew", || self.connections() >= count);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.break_all();
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)); // wakes it
        let ended = self.acceptor.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "the proxy panicked");
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        let mut relays = Vec::new();
        loop {
            let (client, _) = listener.accept().expect("a listener accepts");
            if self.over.load(Ordering::SeqCst) {
                break;
            }
            let number = self.connections.fetch_add(1, Ordering::SeqCst);
            let shared = self.clone();
            // It ends as it likes: what matters is that the client sees its connection end.
            relays.push(thread::spawn(move || drop(shared.relay(client, number))));
            relays.retain(|relay| !relay.is_finished());
        }
        self.streams.lock().expect("nobody panics with it").iter().for_each(hang_up);
        relays.into_iter().for_each(|relay| relay.join().expect("a relay does not panic"));
    }

    fn relay(&self, client: TcpStream, number: usize) -> io::Result<()> {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server.load(Ordering::SeqCst)));
        let Ok(server) = server else { return client.shutdown(Shutdown::Both) };
        self.streams.lock().expect("nobody panics with it").extend([client.try_clone()?, server.try_clone()?]);
        if self.over.load(Ordering::SeqCst) {
            hang_up(&client);
        }
        thread::scope(|scope| {
            let requests = scope.spawn(|| {
                let _ = io::copy(&mut &client, &mut &server);
                hang_up(&server);
                hang_up(&client);
            });
            let _ = match self.limit {
                Limit::None => io::copy(&mut &server, &mut &client),
                Limit::Bytes(limit) => copy(&mut (&server).take(limit(number) as u64), &client),
                Limit::BytesOfBody(limit) => copy_head(&server, &client)
                    .and_then(|()| copy(&mut (&server).take(limit(number) as u64), &client))
                    .and_then(|_| io::copy(&mut &client, &mut io::sink())),
                Limit::Slow => copy(&mut Slow(&server), &client),
            };
            hang_up(&client);
            let _ = requests.join();
        });
        Ok(())
    }
}

/// Piece by piece, so that none is held back until it is whole.
fn copy(from: &mut impl Read, mut to: &TcpStream) -> io::Result<u64> {
    let mut piece = [0; 4096];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(0),
            read => to.write_all(&piece[..read])?,
        }
    }
}

fn copy_head(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        head.extend(byte);
    }
    to.write_all(&head)
}

struct Slow<'a>(&'a TcpStream);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        thread::sleep(Duration::from_micros(500));
        self.0.read(buffer)
    }
}

fn hang_up(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Both); // an error: it is down already
}
