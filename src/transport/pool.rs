//! Connections kept alive between requests.

use std::time::{Duration, Instant};

use super::endpoint::Endpoint;
use crate::base::locks::{Arc, Mutex, MutexGuard};
use crate::http::Connection;

#[derive(Default)]
pub struct Pool(Mutex<Vec<Idle>>);

struct Idle {
    endpoint: Arc<Endpoint>,
    connection: Connection,
    since: Instant,
}

/// As many threads as this keep a connection each without connecting anew.
const MAX_IDLE: usize = 64;
/// etcd never closes an idle connection; what stands between often does after a minute.
pub const MAX_IDLE_TIME: Duration = Duration::from_secs(50);

impl Pool {
    /// The connection to that endpoint that was used last, if it is still of use.
    pub fn take(&self, endpoint: &Arc<Endpoint>, now: Instant) -> Option<Connection> {
        loop {
            let idle = {
                let mut all = self.lock();
                let newest = all.iter().rposition(|idle| Arc::ptr_eq(&idle.endpoint, endpoint))?;
                all.remove(newest)
            };
            if now.saturating_duration_since(idle.since) < MAX_IDLE_TIME && idle.connection.is_quiet() {
                return Some(idle.connection);
            }
        }
    }

    pub fn put(&self, endpoint: &Arc<Endpoint>, connection: Connection) {
        let idle = Idle { endpoint: endpoint.clone(), connection, since: Instant::now() };
        let mut all = self.lock();
        // The oldest are in front.
        let stale = all.iter().take_while(|other| idle.since - other.since >= MAX_IDLE_TIME).count();
        all.push(idle);
        let excess = stale.max(all.len().saturating_sub(MAX_IDLE));
        let closed: Vec<_> = all.drain(..excess).collect();
        drop(all); // closing a connection takes time that others need not wait for
        drop(closed);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.lock()
    }
}
