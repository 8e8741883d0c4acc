//! Events on their way to a reader who fetches them. A full queue makes the worker wait; nothing is dropped.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::locks::{Condvar, Mutex, MutexGuard, PoisonError};
use crate::net::Deadline;

pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct State {
    events: VecDeque<String>,
    /// No more is taken. Readers learn of it when the watch has ended.
    closed: bool,
    /// No more will come, and the watch has ended.
    ended: bool,
    /// Made when it is first asked for. Readable: exactly while there is something to fetch, or nothing
    /// more to wait for.
    signal: Option<EventFd>,
}

impl Queue {
    pub fn new(capacity: usize) -> Queue {
        Queue { state: Mutex::default(), changed: Condvar::new(), capacity: capacity.max(1) }
    }

    /// Adds an event, as soon as there is room. False if the queue is closed.
    pub fn push(&self, event: &str) -> bool {
        let mut state = self.lock();
        while state.events.len() >= self.capacity && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return false;
        }
        state.events.push_back(event.to_owned());
        self.tell(&state);
        true
    }

    /// The next event; `None` at the deadline, or when all have been fetched and no more will come.
    pub fn pop(&self, until: Option<Deadline>) -> Option<String> {
        let mut state = self.lock();
        loop {
            if let Some(event) = state.events.pop_front() {
                self.tell(&state);
                return Some(event);
            }
            if state.ended {
                return None;
            }
            state = match until.map(Deadline::left) {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Some(left)) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                Some(None) => return None,
            };
        }
    }

    /// No more is taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// No more will come; what is there can still be fetched.
    pub fn end(&self) {
        let mut state = self.lock();
        (state.closed, state.ended) = (true, true);
        self.tell(&state);
    }

    /// Whether no more will come and all has been fetched.
    pub fn is_over(&self) -> bool {
        let state = self.lock();
        state.ended && state.events.is_empty()
    }

    /// A descriptor for `poll`, that of this queue as long as it lives.
    pub fn descriptor(&self) -> Option<RawFd> {
        let mut state = self.lock();
        if state.signal.is_none() {
            let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
            state.signal = Some(EventFd::from_value_and_flags(0, flags).ok()?);
            self.tell(&state);
        }
        state.signal.as_ref().map(AsRawFd::as_raw_fd)
    }

    fn tell(&self, state: &State) {
        if let Some(signal) = &state.signal {
            let _ = signal.read(); // back to 0; an error: it is 0
            if state.ended || !state.events.is_empty() {
                let _ = signal.write(1); // cannot fail: it is 0
            }
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn is_readable(queue: &Queue) -> bool {
        let state = queue.lock();
        // Reading tells; what was read is put back.
        let signal = state.signal.as_ref().unwrap();
        signal.read().is_ok_and(|value| signal.write(value).is_ok())
    }

    #[test]
    fn events_come_in_order_and_what_is_there_outlives_the_end() {
        let queue = Queue::new(10);
        assert!(queue.push("a") && queue.push("b"));
        queue.end();
        assert!(!queue.push("c"));
        assert_eq!(queue.pop(None).as_deref(), Some("a"));
        assert!(!queue.is_over());
        assert_eq!(queue.pop(None).as_deref(), Some("b"));
        assert!(queue.is_over());
        assert_eq!(queue.pop(None), None);
    }

    #[test]
    fn a_closed_queue_frees_its_writer_and_is_not_yet_the_end_for_its_reader() {
        let queue = Queue::new(1);
        assert!(queue.push("a"));
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| queue.push("no room"));
            queue.close();
            assert!(!writer.join().unwrap());
        });
        let descriptor = queue.descriptor().unwrap();
        assert_eq!(queue.pop(None).as_deref(), Some("a"));
        assert!(!is_readable(&queue) && queue.pop(Some(Deadline::now())).is_none());
        queue.end();
        assert!(is_readable(&queue) && queue.pop(None).is_none());
        assert_eq!(queue.descriptor(), Some(descriptor));
    }

    #[test]
    fn nothing_in_time_is_none() {
        assert_eq!(Queue::new(1).pop(Some(Deadline::after(Duration::from_millis(1)))), None);
        assert_eq!(Queue::new(1).pop(Some(Deadline::after(Duration::ZERO))), None);
    }

    #[test]
    fn a_full_queue_makes_its_writer_wait_and_drops_nothing() {
        let queue = Arc::new(Queue::new(2));
        let writer = {
            let queue = queue.clone();
            std::thread::spawn(move || (0..100).all(|i| queue.push(&i.to_string())))
        };
        for i in 0..100 {
            assert!(queue.lock().events.len() <= 2);
            assert_eq!(queue.pop(None), Some(i.to_string()));
        }
        assert!(writer.join().unwrap());
    }

    #[test]
    fn the_descriptor_is_readable_while_there_is_something_to_fetch() {
        let queue = Queue::new(10);
        queue.push("a");
        let descriptor = queue.descriptor().unwrap();
        assert!(is_readable(&queue), "made after the event");
        queue.push("b");
        queue.pop(None);
        assert!(is_readable(&queue));
        queue.pop(None);
        assert!(!is_readable(&queue));
        queue.end();
        assert!(is_readable(&queue), "the end is something, too");
        assert_eq!(queue.pop(None), None);
        assert!(is_readable(&queue), "and stays");
        assert_eq!(queue.descriptor(), Some(descriptor));
    }
}
