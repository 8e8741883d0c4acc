//! The threads of the process that futures need: few that make calls, and one that wakes.

use std::io;
use std::task::Waker;
use std::time::Duration;

use super::workers::Workers;
use crate::base::locks::{Arc, Weak};

/// So many calls of futures are under way at the same time; others wait for their turn.
const MAX_CALLS: usize = 16;
/// After one call another is often made at once.
const LINGER: Duration = Duration::from_secs(5);

pub static CALLS: Workers = Workers::lingering("etcd-call", MAX_CALLS, LINGER);
pub static WAKES: Workers = Workers::lingering("etcd-wake", 1, LINGER);

/// A future that waits, as long as it does.
pub struct Sleeper(Waker);

impl Sleeper {
    pub fn new(waker: &Waker) -> Arc<Sleeper> {
        Arc::new(Sleeper(waker.clone()))
    }

    pub fn wake(&self) {
        self.0.wake_by_ref();
    }

    /// Wakes it, if it still waits, on a thread that holds no lock and that nothing waits for: a waker may do anything,
    /// say, drop what this thread is at.
    pub fn wake_aside(sleeper: Weak<Sleeper>) {
        let wake = move || {
            if let Some(sleeper) = sleeper.upgrade() {
                sleeper.wake();
            }
        };
        // There may be no thread to be had: then on this one, rather than not at all.
        if WAKES.add(wake.clone()).is_err() {
            wake();
        }
    }
}

/// Makes a call on a thread of the library's. An error says that there is none.
pub fn call(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    CALLS.add(work)
}
