//! What can be neither interrupted nor given a time: it is done on a thread of its own, and left to end by itself when
//! nobody waits for it any more.

use std::io;

use super::{Cancel, Cancelled, Deadline, spawn};
use crate::locks::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

pub struct Errand<T> {
    outcome: Mutex<Option<T>>,
    changed: Condvar,
}

impl<T: Clone + Send + 'static> Errand<T> {
    /// Begins it, on a thread of this name.
    pub fn start(name: &str, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Arc<Errand<T>>> {
        let errand = Arc::new(Errand { outcome: Mutex::new(None), changed: Condvar::new() });
        let working = errand.clone();
        spawn(name, move || {
            let outcome = work();
            *working.lock() = Some(outcome);
            working.changed.notify_all();
        })?;
        Ok(errand)
    }

    pub fn is_over(&self) -> bool {
        self.lock().is_some()
    }

    /// What came of it, for each of those who wait; `None` if that is still open at the deadline.
    pub fn wait(self: &Arc<Self>, until: Deadline, cancel: &Arc<Cancel>) -> Result<Option<T>, Cancelled> {
        let _hook = cancel.hook({
            let errand = self.clone();
            move || {
                // Whoever has just seen that there is no reason to wake up is asleep by the time we have the lock.
                drop(errand.lock());
                errand.changed.notify_all();
            }
        })?;
        let is_open = |outcome: &mut Option<T>| outcome.is_none() && !cancel.is_cancelled();
        let left = until.left().unwrap_or_default();
        let (outcome, _) =
            self.changed.wait_timeout_while(self.lock(), left, is_open).unwrap_or_else(PoisonError::into_inner);
        if cancel.is_cancelled() { Err(Cancelled) } else { Ok(outcome.clone()) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn all_who_wait_get_the_outcome_and_who_comes_late_does_too() {
        let (release, released) = channel();
        let errand = Errand::start("etcd-test", move || released.recv().unwrap()).unwrap();
        let forever = Deadline::after(Duration::MAX);
        thread::scope(|scope| {
            let waiting = [(); 3].map(|()| scope.spawn(|| errand.wait(forever, &Cancel::new())));
            assert_eq!(errand.wait(Deadline::after(Duration::from_millis(10)), &Cancel::new()), Ok(None));
            assert!(!errand.is_over());
            release.send(7).unwrap();
            assert!(waiting.map(|thread| thread.join().unwrap()).iter().all(|outcome| *outcome == Ok(Some(7))));
        });
        assert_eq!(errand.wait(Deadline::now(), &Cancel::new()), Ok(Some(7)));
    }

    #[test]
    fn whoever_gives_up_does_not_take_the_others_along() {
        let (release, released) = channel();
        let errand = Errand::start("etcd-test", move || released.recv().unwrap()).unwrap();
        let forever = Deadline::after(Duration::MAX);
        let (impatient, patient) = (Cancel::new(), Cancel::new());
        thread::scope(|scope| {
            let gives_up = scope.spawn(|| errand.wait(forever, &impatient));
            let waits = scope.spawn(|| errand.wait(forever, &patient));
            impatient.cancel();
            assert_eq!(gives_up.join().unwrap(), Err(Cancelled));
            release.send(7).unwrap();
            assert_eq!(waits.join().unwrap(), Ok(Some(7)));
        });
        assert_eq!(errand.wait(forever, &impatient), Err(Cancelled), "it comes too late");
    }
}
