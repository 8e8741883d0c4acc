//! Connections kept alive between requests.

use std::time::{Duration, Instant};

use super::place::Place;
use crate::http::Connection;
use crate::locks::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub struct Pool(Mutex<Vec<Idle>>);

struct Idle {
    place: Arc<Place>,
    connection: Connection,
    since: Instant,
}

/// As many threads as this keep a connection each without connecting anew.
const MAX_IDLE: usize = 64;
/// etcd never closes an idle connection; what stands between often does after a minute.
const MAX_IDLE_TIME: Duration = Duration::from_secs(50);

impl Pool {
    /// The connection to that place that was used last, if it is still of use.
    pub fn take(&self, place: &Arc<Place>, now: Instant) -> Option<Connection> {
        loop {
            let idle = {
                let mut all = self.lock();
                let newest = all.iter().rposition(|idle| Arc::ptr_eq(&idle.place, place))?;
                all.remove(newest)
            };
            if now.saturating_duration_since(idle.since) < MAX_IDLE_TIME && idle.connection.is_quiet() {
                return Some(idle.connection);
            }
        }
    }

    pub fn put(&self, place: &Arc<Place>, connection: Connection) {
        let idle = Idle { place: place.clone(), connection, since: Instant::now() };
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
