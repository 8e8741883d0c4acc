//! A few threads for work that can be neither interrupted nor given a time; the whole process shares them.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::{Deadline, spawn};
use crate::base::locks::{Condvar, Mutex, MutexGuard};
use crate::base::panic;
use crate::base::process;

/// At most so many threads, each as long as there is work. Work that none of them is free for waits in a queue.
pub struct Workers {
    /// Of the threads.
    name: &'static str,
    max: usize,
    /// How long a thread without work waits for more.
    linger: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

/// To be held over a fork; see `Workers::lock`.
#[derive(Default)]
pub struct State {
    /// The process whose threads these are.
    generation: u64,
    threads: usize,
    /// Of these, those that wait for work.
    idle: usize,
    waiting: VecDeque<Work>,
}

type Work = Box<dyn FnOnce() + Send>;

impl Workers {
    pub const fn new(name: &'static str, max: usize) -> Workers {
        Workers::lingering(name, max, Duration::ZERO)
    }

    /// For work that is followed by more soon.
    pub const fn lingering(name: &'static str, max: usize, linger: Duration) -> Workers {
        let state = State { generation: 0, threads: 0, idle: 0, waiting: VecDeque::new() };
        Workers { name, max, linger, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Does it in its turn. An error says that there is no thread at all.
    pub fn add(&'static self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.current();
        state.waiting.push_back(Box::new(work));
        if state.waiting.len() <= state.idle {
            self.changed.notify_all();
            return Ok(());
        }
        if state.threads == self.max {
            return Ok(());
        }
        match spawn(self.name, || self.work()) {
            Ok(_) => state.threads += 1,
            // The threads that there are will do it.
            Err(_) if state.threads > 0 => {}
            Err(error) => {
                state.waiting.pop_back();
                return Err(error);
            }
        }
        Ok(())
    }

    fn work(&self) {
        while let Some(work) = self.next() {
            // A panic is in the log, and the rest of the work goes on. A wait for the outcome ends at its deadline.
            let _ = panic::catch(|| {
                work();
                Ok(())
            });
        }
    }

    /// The next piece of work; without one, this thread ends.
    fn next(&self) -> Option<Work> {
        let (mut state, until) = (self.current(), Deadline::after(self.linger));
        loop {
            let next = state.waiting.pop_front();
            if next.is_some() {
                return next;
            }
            let Some(left) = until.left() else {
                state.threads -= 1;
                return None;
            };
            state.idle += 1;
            state = self.changed.wait_timeout(state, left);
            state.idle -= 1;
        }
    }

    /// This process's. A forked child has none of its parent's threads, and leaves what waited for them untouched.
    fn current(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.generation != process::generation() {
            let parents = std::mem::take(&mut *state);
            std::mem::forget(parents);
            state.generation = process::generation();
        }
        state
    }

    /// For `fork`, which must not happen while another thread is in here.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way.
        self.state.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_thread_that_lingers_takes_the_next_piece_and_work_waits_for_no_busy_one() {
        static WORKERS: Workers = Workers::lingering("etcd-test", 2, Duration::from_secs(3600));
        let (said, heard) = channel();
        let tell = |wait: Option<std::sync::mpsc::Receiver<()>>| {
            let said = said.clone();
            let work = move || {
                said.send(std::thread::current().id()).unwrap();
                wait.map(|until| until.recv());
            };
            WORKERS.add(work).unwrap();
        };
        let is_idle = || {
            let state = WORKERS.lock();
            state.idle == state.threads
        };
        tell(None);
        let first = heard.recv().unwrap();
        while !is_idle() {
            std::thread::yield_now();
        }
        let (release, released) = channel();
        tell(Some(released));
        assert_eq!(heard.recv(), Ok(first), "the same thread");
        tell(None);
        assert_ne!(heard.recv(), Ok(first), "which is busy now");
        drop(release);
    }

    #[test]
    fn much_work_is_done_by_few_threads_and_a_panic_stops_none() {
        static WORKERS: Workers = Workers::new("etcd-test", 3);
        let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (done, outcomes) = channel();
        for i in 0..10_000 {
            let (busy, most, done) = (busy.clone(), most.clone(), done.clone());
            let work = move || {
                most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                busy.fetch_sub(1, Ordering::SeqCst);
                done.send(i).unwrap();
                assert!(i % 100 != 7, "a panic");
            };
            WORKERS.add(work).unwrap();
        }
        assert_eq!(outcomes.iter().take(10_000).sum::<u32>(), (0..10_000).sum::<u32>());
        assert!(most.load(Ordering::SeqCst) <= 3);
    }
}
