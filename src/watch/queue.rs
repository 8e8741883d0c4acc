//! Events on their way to a reader that fetches them. A full queue makes the worker wait; nothing is dropped.

use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::task::Poll;

use super::signal::Signal;
use crate::base::locks::{Arc, Condvar, Mutex, MutexGuard};
use crate::net::{Deadline, Sleeper};

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
    /// Somebody had more than there was room for, and did not wait.
    has_left_some: bool,
    /// Readable: exactly while there is something to fetch, or nothing more to wait for.
    signal: Signal,
}

impl Queue {
    pub fn new(capacity: usize) -> Queue {
        Queue { state: Mutex::default(), changed: Condvar::new(), capacity: capacity.max(1) }
    }

    /// Adds an event, as soon as there is room. False if the queue is closed.
    pub fn push(&self, event: &str) -> bool {
        let mut state = self.lock();
        while state.events.len() >= self.capacity && !state.closed {
            state = self.changed.wait(state);
        }
        if state.closed {
            return false;
        }
        state.events.push_back(event.to_owned());
        self.notify(&mut state);
        true
    }

    /// Whether an event can be added without waiting. If not, `wants_more` is true once there is room.
    pub fn has_room(&self) -> bool {
        let mut state = self.lock();
        let is_full = state.events.len() >= self.capacity;
        state.has_left_some |= is_full;
        !is_full
    }

    /// Whether there is room after there was none; it is said once.
    pub fn wants_more(&self) -> bool {
        let mut state = self.lock();
        state.events.len() < self.capacity && std::mem::take(&mut state.has_left_some)
    }

    /// How many more can be added without waiting.
    pub fn room(&self) -> usize {
        self.capacity.saturating_sub(self.lock().events.len())
    }

    /// Drops what waits, for the sake of this one event. Returns the first that was dropped.
    pub fn replace(&self, event: &str) -> Option<String> {
        let mut state = self.lock();
        let first = state.events.pop_front();
        state.events.clear();
        state.events.push_back(event.to_owned());
        self.notify(&mut state);
        first
    }

    /// The next event; `None` at the deadline, or when all have been fetched and no more will come.
    pub fn pop(&self, until: Option<Deadline>) -> Option<String> {
        let mut state = self.lock();
        loop {
            if state.is_readable() {
                return self.take(&mut state);
            }
            state = match until.map(Deadline::left) {
                None => self.changed.wait(state),
                Some(Some(left)) => self.changed.wait_timeout(state, left),
                Some(None) => return None,
            };
        }
    }

    /// The same for a future, which is woken if there is nothing yet.
    pub fn poll(&self, sleeper: &Arc<Sleeper>) -> Poll<Option<String>> {
        let mut state = self.lock();
        if state.is_readable() {
            return Poll::Ready(self.take(&mut state));
        }
        state.signal.listen(sleeper);
        Poll::Pending
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
        self.notify(&mut state);
    }

    /// Whether no more will come and all has been fetched.
    pub fn is_over(&self) -> bool {
        let state = self.lock();
        state.ended && state.events.is_empty()
    }

    /// A descriptor for `poll`, that of this queue as long as it lives.
    pub fn descriptor(&self) -> Option<RawFd> {
        let mut state = self.lock();
        let is_readable = state.is_readable();
        state.signal.descriptor(is_readable)
    }

    /// What there is: the first event, or after the last one nothing.
    fn take(&self, state: &mut State) -> Option<String> {
        let event = state.events.pop_front()?;
        if state.events.is_empty() {
            // Most of the time it is, and there may be thousands.
            state.events = VecDeque::new();
        }
        self.notify(state);
        Some(event)
    }

    fn notify(&self, state: &mut State) {
        let is_readable = state.is_readable();
        state.signal.set(is_readable);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn is_readable(&self) -> bool {
        self.ended || !self.events.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn is_readable(queue: &Queue) -> bool {
        queue.lock().signal.is_readable()
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
    fn what_waits_can_be_dropped_for_the_sake_of_one() {
        let queue = Queue::new(2);
        assert!(queue.replace("a").is_none() && queue.room() == 1);
        queue.push("b");
        assert_eq!((queue.room(), queue.replace("c").as_deref(), queue.room()), (0, Some("a"), 1));
        assert_eq!(queue.pop(None).as_deref(), Some("c"));
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
    fn who_does_not_wait_for_room_is_wanted_once_there_is_some() {
        let queue = Queue::new(2);
        assert!(queue.has_room() && queue.push("a") && queue.has_room() && queue.push("b"));
        assert!(!queue.wants_more(), "nobody had more");
        assert!(!queue.has_room() && !queue.wants_more(), "there is none yet");
        queue.pop(None);
        assert!(queue.wants_more() && !queue.wants_more());
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
