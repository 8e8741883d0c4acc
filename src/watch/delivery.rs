//! What the owner of a watch and its worker share: whether the watch goes on, and the way of its events.

use std::os::fd::RawFd;
use std::task::Poll;

use super::lifecycle::Lifecycle;
use super::queue::Queue;
use crate::base::locks::Arc;
use crate::net::{Cancel, Cancelled, Deadline, Sleeper};

/// The caller's side of a watch. It is dropped after the last event.
pub trait Receiver: Send {
    /// Whether events are pushed to it; else they wait in a queue to be fetched.
    fn is_pushed(&self) -> bool;

    /// Whether the program has functions to be called here: they want a thread of their own.
    fn is_called(&self) -> bool;

    /// Takes one event, or learns of one that is queued. False if that was the last.
    fn take(&mut self, event: &str) -> bool;

    /// The same, where others that came with it follow at once.
    fn take_part(&mut self, event: &str) -> bool {
        self.take(event)
    }
}

pub struct Delivery {
    life: Lifecycle,
    /// Ends what the worker waits for.
    cancel: Arc<Cancel>,
    /// Where events wait, if they are fetched.
    queue: Option<Queue>,
}

impl Delivery {
    pub fn new(cancel: Arc<Cancel>, queue: Option<Queue>) -> Delivery {
        Delivery { life: Lifecycle::default(), cancel, queue }
    }

    pub fn is_running(&self) -> bool {
        self.life.may_deliver()
    }

    pub fn pause(&self, until: Deadline) -> Result<(), Cancelled> {
        self.cancel.wait(until)
    }

    /// Hands one event on; `is_part`: others that came with it follow at once. False if that was the last.
    pub fn deliver(&self, receiver: &mut dyn Receiver, event: &str, is_part: bool) -> bool {
        if !self.life.may_deliver() || self.queue.as_ref().is_some_and(|queue| !queue.push(event)) {
            return false;
        }
        if is_part { receiver.take_part(event) } else { receiver.take(event) }
    }

    /// Whether an event can be delivered without waiting. If not, `wants_more` will say when.
    pub fn has_room(&self) -> bool {
        self.queue.as_ref().is_none_or(Queue::has_room)
    }

    /// Whether there is room again after there was none.
    pub fn wants_more(&self) -> bool {
        self.queue.as_ref().is_some_and(Queue::wants_more)
    }

    /// No delivery is begun after this has returned.
    pub fn stop(&self) {
        self.life.stop();
        self.cancel.cancel();
        if let Some(queue) = &self.queue {
            queue.close();
        }
    }

    /// The worker is done, and its receiver is dropped.
    pub fn end(&self) {
        // Together: a thread that sees the end by one sees it by the other.
        self.life.end(|| {
            if let Some(queue) = &self.queue {
                queue.end();
            }
        });
    }

    /// Waits for the end. False if it has not come by then.
    pub fn wait(&self, until: Option<Deadline>) -> bool {
        self.life.wait(until)
    }

    /// The next event that waits to be fetched.
    pub fn next(&self, until: Option<Deadline>) -> Option<String> {
        self.queue.as_ref()?.pop(until)
    }

    /// The same for a future, which is woken if there is none yet.
    pub fn poll(&self, sleeper: &Arc<Sleeper>) -> Poll<Option<String>> {
        self.queue.as_ref().map_or(Poll::Ready(None), |queue| queue.poll(sleeper))
    }

    /// Whether it has ended and all its events have been fetched.
    pub fn is_over(&self) -> bool {
        self.queue.as_ref().map_or_else(|| self.wait(Some(Deadline::now())), Queue::is_over)
    }

    /// Readable while an event or the end waits to be fetched.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.queue.as_ref()?.descriptor()
    }
}
