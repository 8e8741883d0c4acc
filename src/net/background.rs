//! Work that can be neither interrupted nor given a time: another thread does it, and ends it by itself if nobody waits any
//! more.

use std::io;

use super::workers::Workers;
use super::{Cancel, Cancelled, Deadline};
use crate::base::locks::{Arc, Condvar, Mutex, MutexGuard};

pub struct BackgroundTask<T> {
    outcome: Mutex<Option<T>>,
    changed: Condvar,
}

impl<T: Clone + Send + 'static> BackgroundTask<T> {
    /// Gives the work to one of these, which leaves it undone if nobody holds the task by then.
    pub fn start(
        workers: &'static Workers,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Arc<BackgroundTask<T>>> {
        let background = Arc::new(BackgroundTask { outcome: Mutex::new(None), changed: Condvar::new() });
        let wanted = Arc::downgrade(&background);
        workers.add(move || {
            if let Some(working) = wanted.upgrade() {
                let outcome = work();
                *working.lock() = Some(outcome);
                working.changed.notify_all();
            }
        })?;
        Ok(background)
    }

    /// One that is over, with this outcome.
    pub fn over(outcome: T) -> Arc<BackgroundTask<T>> {
        Arc::new(BackgroundTask { outcome: Mutex::new(Some(outcome)), changed: Condvar::new() })
    }

    /// Its outcome, for all that wait; `None` if it is not over at the deadline.
    pub fn wait(self: &Arc<Self>, until: Deadline, cancel: &Arc<Cancel>) -> Result<Option<T>, Cancelled> {
        let _hook = cancel.hook({
            let background = self.clone();
            move || {
                // A thread that has just looked at the flag, and found no reason to wake up, sleeps once we have the lock.
                drop(background.lock());
                background.changed.notify_all();
            }
        })?;
        let is_open = |outcome: &mut Option<T>| outcome.is_none() && !cancel.is_cancelled();
        let left = until.left().unwrap_or_default(); // over: one look at what there is
        let outcome = self.changed.wait_timeout_while(self.lock(), left, is_open);
        if cancel.is_cancelled() { Err(Cancelled) } else { Ok(outcome.clone()) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.outcome.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use super::*;

    static WORKERS: Workers = Workers::new("etcd-test", 1);

    #[test]
    fn all_who_wait_get_the_outcome_and_who_comes_late_does_too() {
        let (release, released) = channel();
        let background = BackgroundTask::start(&WORKERS, move || released.recv().unwrap()).unwrap();
        let forever = Deadline::after(Duration::MAX);
        thread::scope(|scope| {
            let waiting = [(); 3].map(|()| scope.spawn(|| background.wait(forever, &Cancel::new())));
            assert_eq!(background.wait(Deadline::after(Duration::from_millis(10)), &Cancel::new()), Ok(None));
            release.send(7).unwrap();
            assert!(waiting.map(|thread| thread.join().unwrap()).iter().all(|outcome| *outcome == Ok(Some(7))));
        });
        assert_eq!(background.wait(Deadline::now(), &Cancel::new()), Ok(Some(7)));
    }

    #[test]
    fn what_nobody_waits_for_is_not_begun() {
        let (release, released) = channel();
        let busy = BackgroundTask::start(&WORKERS, move || released.recv().unwrap()).unwrap();
        drop(BackgroundTask::start(&WORKERS, || unreachable!("nobody wants it")).unwrap());
        let last = BackgroundTask::start(&WORKERS, || 8).unwrap();
        release.send(7).unwrap();
        let forever = Deadline::after(Duration::MAX);
        assert_eq!(busy.wait(forever, &Cancel::new()), Ok(Some(7)));
        assert_eq!(last.wait(forever, &Cancel::new()), Ok(Some(8)), "and so the one before is over");
    }

    #[test]
    fn one_who_gives_up_does_not_take_the_others_along() {
        let (release, released) = channel();
        let background = BackgroundTask::start(&WORKERS, move || released.recv().unwrap()).unwrap();
        let forever = Deadline::after(Duration::MAX);
        let (impatient, patient) = (Cancel::new(), Cancel::new());
        thread::scope(|scope| {
            let gives_up = scope.spawn(|| background.wait(forever, &impatient));
            let waits = scope.spawn(|| background.wait(forever, &patient));
            impatient.cancel();
            assert_eq!(gives_up.join().unwrap(), Err(Cancelled));
            release.send(7).unwrap();
            assert_eq!(waits.join().unwrap(), Ok(Some(7)));
        });
        assert_eq!(background.wait(forever, &impatient), Err(Cancelled), "it comes too late");
    }
}
