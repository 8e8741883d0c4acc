//! Endpoints of which nothing good comes.

use std::any::Any;

use crate::fake::FakeServer;
use crate::port::Closed;

/// A port on loopback that nobody answers as one should, as long as this lives.
pub struct Dead {
    pub url: String,
    _owner: Box<dyn Any + Send + Sync>,
}

/// The kernel refuses to connect.
pub fn refusing() -> Dead {
    let port = Closed::refusing();
    Dead { url: port.url(), _owner: Box::new(port) }
}

/// To connect takes without end.
pub fn void() -> Dead {
    let port = Closed::full();
    Dead { url: port.url(), _owner: Box::new(port) }
}

/// Connects, takes what comes, and never says a word.
pub fn silent() -> Dead {
    of(FakeServer::silent())
}

/// Connects, and hangs up when it has been asked.
pub fn closing() -> Dead {
    of(FakeServer::closing())
}

fn of(server: FakeServer) -> Dead {
    Dead { url: server.url(), _owner: Box::new(server) }
}
