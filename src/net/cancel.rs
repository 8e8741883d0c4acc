//! Cancellation: one thread ends at once what others are waiting for.
//!
//! A blocked thread does not poll. Before it blocks it leaves a hook that unblocks it (a socket's shutdown, say), and
//! `cancel` runs all hooks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Deadline;
use crate::base::locks::{Arc, Condvar, Mutex, MutexGuard};

#[derive(Default)]
pub struct Cancel {
    flag: AtomicBool,
    /// `None`: there are none, and have hardly been any.
    hooks: Mutex<Option<Box<Hooks>>>,
    happened: Condvar,
}

/// Whoever had no more gives their memory back: of watches there may be thousands. Others will have more.
const FEW: u64 = 8;

#[derive(Default)]
struct Hooks {
    next: u64,
    hooks: BTreeMap<u64, Box<dyn Fn() + Send>>,
}

/// What a wait or a hook gets after `cancel`.
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

    /// One that is cancelled with any of these, as long as the hook of that one is kept.
    pub fn linked(parents: &[&Arc<Cancel>]) -> Result<(Arc<Cancel>, Vec<Hook>), Cancelled> {
        let linked = Cancel::new();
        let hooks = parents.iter().map(|parent| linked.follow(parent)).collect::<Result<_, _>>()?;
        Ok((linked, hooks))
    }

    /// One that is cancelled with its parent, as long as the hook is kept; or at once, where the parent is already.
    pub fn below(parent: &Arc<Cancel>) -> (Arc<Cancel>, Option<Hook>) {
        let child = Cancel::new();
        let hook = child.follow(parent).map_err(|Cancelled| child.cancel()).ok();
        (child, hook)
    }

    fn follow(self: &Arc<Self>, parent: &Arc<Cancel>) -> Result<Hook, Cancelled> {
        let this = self.clone();
        parent.hook(move || this.cancel())
    }

    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    /// Runs every hook and wakes every `wait`. Later ones fail at once. It may be called more than once.
    pub fn cancel(&self) {
        let hooks = {
            let mut state = self.lock();
            self.flag.store(true, Ordering::Release);
            state.take().map(|hooks| hooks.hooks).unwrap_or_default()
        };
        self.happened.notify_all();
        for hook in hooks.values() {
            hook();
        }
    }

    /// `cancel` will call `run`, on the thread that cancels. It must not block.
    pub fn hook(self: &Arc<Self>, run: impl Fn() + Send + 'static) -> Result<Hook, Cancelled> {
        let mut state = self.lock();
        if self.is_cancelled() {
            return Err(Cancelled);
        }
        let state = state.get_or_insert_default();
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
            state = self.happened.wait_timeout(state, left);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Hooks>>> {
        // A hook that panicked leaves the table as good as it was.
        self.hooks.lock()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        let mut state = self.cancel.lock();
        let hook = state.as_mut().and_then(|hooks| hooks.hooks.remove(&self.id));
        if state.as_ref().is_some_and(|hooks| hooks.hooks.is_empty() && hooks.next <= FEW) {
            *state = None;
        }
        drop(state);
        drop(hook); // outside the lock: what it holds may be dropped with it
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_child_ends_with_its_parent_and_alone() {
        let parent = Cancel::new();
        let ((one, hooks), (other, _kept)) = (Cancel::below(&parent), Cancel::below(&parent));
        one.cancel();
        assert!(!parent.is_cancelled() && !other.is_cancelled());
        drop(hooks);
        parent.cancel();
        assert!(other.is_cancelled() && Cancel::below(&parent).0.is_cancelled());
    }

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
    fn a_linked_one_is_cancelled_with_those_whose_hooks_are_kept() {
        let parents = [(); 3].map(|()| Cancel::new());
        let (linked, mut hooks) = Cancel::linked(&parents.each_ref()).unwrap();
        drop(hooks.remove(1));
        parents[1].cancel();
        assert!(!linked.is_cancelled());
        parents[2].cancel();
        assert!(linked.is_cancelled());
        assert!(Cancel::linked(&[&parents[0], &parents[1]]).is_err(), "one is over already");
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
