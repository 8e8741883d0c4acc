//! A way to a server that can be shut: then to connect takes for ever.

use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::{io, mem};

use crate::port::{self, Closed};

pub struct Door {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<TcpListener>>,
}

#[derive(Default)]
struct Shared {
    is_shut: AtomicBool,
    /// Both ends of each connection.
    passing: Mutex<Vec<TcpStream>>,
}

impl Door {
    /// To the server on this port of loopback.
    pub fn open(server: u16) -> Door {
        let (listener, shared) = (port::listen(), Arc::<Shared>::default());
        let port = port::of(&listener);
        let acceptor = thread::spawn({
            let shared = shared.clone();
            move || accept(listener, server, &shared)
        });
        Door { port, shared, acceptor: Some(acceptor) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections; those that come now stand before it as long as what is returned lives.
    pub fn shut(mut self) -> Closed {
        let listener = self.end().expect("it is open").into();
        Closed::full_at(listener, self.port)
    }

    fn end(&mut self) -> Option<TcpListener> {
        let acceptor = self.acceptor.take()?;
        self.shared.is_shut.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)); // wakes `accept`, as any other would
        let listener = acceptor.join().expect("no panic");
        for stream in mem::take(&mut *self.shared.passing()) {
            let _ = stream.shutdown(Shutdown::Both); // an error: it has ended before
        }
        Some(listener)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn passing(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: TcpListener, server: u16, shared: &Shared) -> TcpListener {
    loop {
        let (client, _) = listener.accept().expect("a listener accepts");
        if shared.is_shut.load(Ordering::SeqCst) {
            return listener;
        }
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else { continue };
        let ends = [&client, &server].map(|end| end.try_clone().expect("a descriptor"));
        shared.passing().extend(ends);
        let back = [&server, &client].map(|end| end.try_clone().expect("a descriptor"));
        for [from, to] in [[client, server], back] {
            let _ = to.set_nodelay(true); // an error: it has gone, which is seen below
            thread::spawn(move || {
                let _ = io::copy(&mut &from, &mut &to); // an error ends it just as well
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
            });
        }
    }
}
