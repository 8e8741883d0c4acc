//! The client's one connection for streams, and where it leads.

use super::endpoint::Endpoint;
use crate::base::locks::{Arc, Mutex, MutexGuard, Weak};
use crate::grpc::Streams;
use crate::net::Hook;

/// The connection for streams and where it leads, if there is one. Its streams keep it: with the last of them it is gone,
/// and its descriptors with it.
#[derive(Clone, Default)]
pub struct Current(Arc<Mutex<Weak<Connected>>>);

pub struct Connected {
    pub endpoint: Arc<Endpoint>,
    pub streams: Streams,
    /// Has them end with the client.
    _by_client: Vec<Hook>,
}

impl Connected {
    /// `by_client` is kept as long as the connection serves.
    pub fn new(endpoint: Arc<Endpoint>, streams: Streams, by_client: Vec<Hook>) -> Connected {
        Connected { endpoint, streams, _by_client: by_client }
    }
}

impl Current {
    pub fn usable(&self) -> Option<Arc<Connected>> {
        let connected = self.lock().upgrade()?;
        connected.streams.is_usable().then_some(connected)
    }

    /// Another thread's, if that was first.
    pub fn replace(&self, connected: Connected) -> Arc<Connected> {
        if let Some(earlier) = self.usable() {
            return earlier;
        }
        let connected = Arc::new(connected);
        *self.lock() = Arc::downgrade(&connected);
        connected
    }

    /// The endpoint will not do for streams.
    pub fn leave(&self, endpoint: &Arc<Endpoint>) {
        endpoint.has_failed();
        let mut current = self.lock();
        let connected = current.upgrade();
        if connected.as_ref().is_some_and(|connected| Arc::ptr_eq(&connected.endpoint, endpoint)) {
            *current = Weak::new();
        }
        drop(current);
        drop(connected); // outside the lock: it may have to close a connection
    }

    fn lock(&self) -> MutexGuard<'_, Weak<Connected>> {
        self.0.lock()
    }
}
