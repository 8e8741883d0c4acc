//! A few threads of a client for what pulled watches have to ask servers for, and to wait for before they ask again. There
//! are none while all is well and no watch begins.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::locks::{Arc, Condvar, Mutex, MutexGuard};
use crate::base::log::{self, Level};
use crate::net::{self, Deadline};

#[derive(Default)]
pub struct Helpers {
    state: Mutex<State>,
    changed: Condvar,
    serial: AtomicU64,
}

/// Whom a helper comes to.
pub trait Helped: Send + Sync {
    /// Does what may take long.
    fn help(self: Arc<Self>);
}

/// When a helper is to come, and a number that no other has.
pub type Ticket = (Deadline, u64);

#[derive(Default)]
struct State {
    waiting: BTreeMap<Ticket, Arc<dyn Helped>>,
    threads: usize,
    /// Whether one of the threads waits for the first ticket's time.
    is_awaited: bool,
}

/// So many watches ask at the same time.
const MAX_THREADS: usize = 4;

impl Helpers {
    pub fn ticket(&self, pause: Duration) -> Ticket {
        (Deadline::after(pause), self.serial.fetch_add(1, Ordering::Relaxed))
    }

    /// Has a helper come to `watcher`, whose worker is parked with this ticket.
    pub fn call(self: &Arc<Self>, ticket: Ticket, watcher: Arc<dyn Helped>) {
        let mut state = self.lock();
        state.waiting.insert(ticket, watcher);
        self.attend(&mut state);
    }

    /// Nobody needs to come any more.
    pub fn forget(&self, ticket: Ticket) {
        let forgotten = self.lock().waiting.remove(&ticket);
        self.changed.notify_all();
        drop(forgotten);
    }

    /// Once more, should there have been no thread to be had.
    pub fn revive(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.threads == 0 {
            self.attend(&mut state);
        }
    }

    /// Sees to it that somebody looks at what waits.
    fn attend(self: &Arc<Self>, state: &mut State) {
        if state.is_awaited {
            self.changed.notify_all();
        } else if state.threads < MAX_THREADS && !state.waiting.is_empty() {
            let helpers = self.clone();
            match net::spawn("etcd-watches", move || helpers.work()) {
                Ok(_) => state.threads += 1,
                Err(error) => log::log(Level::Warn, || format!("no thread for what watches ask: {error}")),
            }
        }
    }

    fn work(self: &Arc<Self>) {
        while let Some(watcher) = self.next() {
            watcher.help();
        }
    }

    /// The next one whose time has come; without any, this thread ends.
    fn next(self: &Arc<Self>) -> Option<Arc<dyn Helped>> {
        let mut state = self.lock();
        loop {
            match state.waiting.first_key_value().map(|((when, _), _)| when.left()) {
                Some(None) => {
                    let (_, watcher) = state.waiting.pop_first()?;
                    // This one may take long; another waits for the rest.
                    self.attend(&mut state);
                    return Some(watcher);
                }
                Some(Some(left)) if !state.is_awaited => {
                    state.is_awaited = true;
                    state = self.changed.wait_timeout(state, left);
                    state.is_awaited = false;
                }
                _ => {
                    state.threads -= 1;
                    return None;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Says that it was helped, and is not done before it is told so.
    struct Patient(u64, Sender<u64>, Mutex<Receiver<()>>);

    impl Helped for Patient {
        fn help(self: Arc<Self>) {
            self.1.send(self.0).unwrap();
            let _ = self.2.lock().recv(); // an error: it need not wait
        }
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn few_help_many_in_their_turn_and_end() {
        let (helpers, (said, helped)) = (Arc::new(Helpers::default()), channel());
        let call = |number: u64, pause| {
            let (done, until) = channel();
            let ticket = helpers.ticket(pause);
            helpers.call(ticket, Arc::new(Patient(number, said.clone(), Mutex::new(until))));
            (ticket, done)
        };
        let later = call(100, LONG);
        let mut first = Vec::from_iter((0..20).map(|number| call(number, Duration::ZERO)));
        let mut seen = Vec::from_iter((0..MAX_THREADS).map(|_| helped.recv().unwrap()));
        assert!(helped.try_recv().is_err(), "no more at a time");
        first.clear();
        seen.extend((0..20 - MAX_THREADS).map(|_| helped.recv().unwrap()));
        seen.sort_unstable();
        assert_eq!(seen, Vec::from_iter(0..20), "each once");
        helpers.forget(later.0);
        while helpers.lock().threads > 0 {
            std::thread::yield_now();
        }
        assert!(helped.try_recv().is_err(), "whom nobody has to come to any more is left alone");
        drop(call(7, Duration::ZERO));
        assert_eq!(helped.recv(), Ok(7), "they come again");
    }
}
