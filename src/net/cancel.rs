//! Giving up, from any thread and at once, whatever the others are waiting for.
//!
//! A blocked thread is not polled: whoever is about to block leaves a hook that unblocks it (a
//! socket's shutdown, say), and `cancel` runs all hooks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Deadline;
use crate::locks::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub struct Cancel {
    flag: AtomicBool,
    hooks: Mutex<Hooks>,
    happened: Condvar,
}

#[derive(Default)]
struct Hooks {
    next: u64,
    hooks: BTreeMap<u64, Box<dyn Fn() + Send>>,
}

/// The answer to whoever comes too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// Keeps a hook in place until it is dropped.
pub struct Hook {
    cancel: Arc<Cancel>,
    id: u64,
}

impl Cancel {
    pub fn new() -> Arc<Cancel> {
        Arc::default()
    }

    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    /// Runs every hook and wakes every `wait`. Later ones fail at once. More than once is fine.
    pub fn cancel(&self) {
        let hooks = {
            let mut state = self.lock();
            self.flag.store(true, Ordering::Release);
            std::mem::take(&mut state.hooks)
        };
        self.happened.notify_all();
        for hook in hooks.values() {
            hook();
        }
    }

    /// Has `run` called on `cancel`, from the cancelling thread. It must not block.
    pub fn hook(self: &Arc<Self>, run: impl Fn() + Send + 'static) -> Result<Hook, Cancelled> {
        let mut state = self.lock();
        if self.is_cancelled() {
            return Err(Cancelled);
        }
        let id = state.next;
        state.next += 1;
        state.hooks.insert(id, Box::new(run));
        Ok(Hook { cancel: self.clone(), id })
    }

    /// A pause: returns at the deadline, or with `Cancelled` before it.
    pub fn wait(&self, until: Deadline) -> Result<(), Cancelled> {
        let mut state = self.lock();
        loop {
            if self.is_cancelled() {
                return Err(Cancelled);
            }
            let Some(left) = until.left() else { return Ok(()) };
            state = self.happened.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Hooks> {
        // A hook that panicked leaves the table as good as it was.
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        let hook = self.cancel.lock().hooks.remove(&self.id);
        drop(hook); // outside the lock: what it holds may be dropped with it
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    #[test]
    fn hooks_run_once_and_dropped_ones_not_at_all() {
        let (cancel, count) = (Cancel::new(), Arc::new(AtomicUsize::new(0)));
        let counting = |step: usize| {
            let count = count.clone();
            move || {
                count.fetch_add(step, Ordering::SeqCst);
            }
        };
        let kept = cancel.hook(counting(1)).unwrap();
        drop(cancel.hook(counting(10)).unwrap());
        cancel.cancel();
        cancel.cancel();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(cancel.hook(counting(100)).is_err());
        drop(kept);
    }

    #[test]
    fn a_wait_ends_when_it_is_cancelled() {
        let cancel = Cancel::new();
        assert_eq!(cancel.wait(Deadline::after(Duration::from_millis(1))), Ok(()));
        let waiting = {
            let cancel = cancel.clone();
            std::thread::spawn(move || cancel.wait(Deadline::after(Duration::MAX)))
        };
        cancel.cancel();
        assert_eq!(waiting.join().unwrap(), Err(Cancelled));
    }
}
