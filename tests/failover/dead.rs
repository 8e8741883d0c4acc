//! Endpoints of which nothing good comes.

use std::any::Any;

use crate::hostile::Hostile;
use crate::support::port::Closed;

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

/// To connect takes for ever.
pub fn void() -> Dead {
    let port = Closed::full();
    Dead { url: port.url(), _owner: Box::new(port) }
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
    Dead { url: crate::url(&server), _owner: Box::new(server) }
}
