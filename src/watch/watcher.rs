//! A watch as its owner sees it: to be stopped, waited for, and read from.

use std::cell::Cell;
use std::os::fd::RawFd;
use std::thread::JoinHandle;

use super::life::Life;
use super::queue::Queue;
use super::worker::Worker;
use crate::api::Feed;
use crate::bug;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::locks::{Arc, Mutex, MutexGuard, PoisonError};
use crate::net::{self, Backoff, Cancel, Cancelled, Deadline};
use crate::process;
use crate::transport::{Line, Transport};

pub struct Watcher {
    life: Life,
    cancel: Arc<Cancel>,
    /// Where events wait, if they are fetched.
    queue: Option<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The process whose thread it is.
    generation: u64,
}

/// Whoever made the watch. It is dropped after the last event.
pub trait Receiver: Send {
    /// Whether events are pushed to it; else they wait in a queue to be fetched.
    fn is_pushed(&self) -> bool;

    /// Takes one event, or hears of one that is queued. False if that was the last.
    fn take(&mut self, event: &str) -> bool;
}

impl Watcher {
    /// A watch that `start` is still to be called on. `is_pushed` as its receiver's.
    pub fn new(config: &Config, is_pushed: bool) -> Arc<Watcher> {
        Arc::new(Watcher {
            life: Life::default(),
            cancel: Cancel::new(),
            queue: (!is_pushed).then(|| Queue::new(config.watch_queue)),
            thread: Mutex::default(),
            generation: process::generation(),
        })
    }

    /// Starts it on a thread of its own. If that cannot be had, it has ended, and `receiver` is dropped.
    pub fn start(
        self: &Arc<Self>,
        transport: Arc<Transport>,
        feed: Box<dyn Feed>,
        mut receiver: Box<dyn Receiver>,
        once: bool,
        name: &str,
    ) -> Result<()> {
        let backoff = Backoff::new(transport.config().max_retry_delay);
        let line = Line::new(transport, self.cancel.clone());
        let worker = Worker { feed, line, backoff, once, name: name.to_owned() };
        let shared = self.clone();
        let started = net::spawn("etcd-watch", move || {
            WORKING_FOR.set((Arc::as_ptr(&shared).addr(), shared.generation));
            let worked = bug::catch(|| {
                worker.run(&shared, &mut *receiver);
                Ok(())
            });
            if let Err(bug) = worked {
                shared.deliver(&mut *receiver, &bug.to_json());
            }
            drop(receiver);
            shared.end();
        });
        match started {
            Ok(thread) => *self.thread() = Some(thread),
            Err(error) => {
                self.end();
                return Err(Error::internal(format!("no thread for the watch: {error}")));
            }
        }
        Ok(())
    }

    /// Asks it to end. No delivery is begun after this has returned.
    pub fn stop(&self) {
        if self.is_of_this_process() {
            self.life.stop();
            self.cancel.cancel();
            if let Some(queue) = &self.queue {
                queue.close();
            }
        }
    }

    /// Waits until the last delivery has returned and its receiver is dropped. False if that has not come by then,
    /// or cannot: inside its own callback.
    pub fn wait(&self, until: Option<Deadline>) -> bool {
        let is_own_thread = WORKING_FOR.get().0 == std::ptr::from_ref(self).addr();
        !self.is_of_this_process() || self.life.wait(if is_own_thread { Some(Deadline::now()) } else { until })
    }

    /// Stops it and waits until its thread is gone; inside its own callback, only stops it.
    pub fn finish(&self) {
        self.stop();
        if self.wait(None) && self.is_of_this_process() {
            let thread = self.thread().take();
            thread.map(JoinHandle::join);
        }
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next event of a watch without a receiver.
    pub fn next(&self, until: Option<Deadline>) -> Option<String> {
        self.queue.as_ref().filter(|_| self.is_of_this_process())?.pop(until)
    }

    /// Whether it has ended and all its events have been fetched.
    pub fn is_over(&self) -> bool {
        match &self.queue {
            _ if !self.is_of_this_process() => true,
            Some(queue) => queue.is_over(),
            None => self.life.wait(Some(Deadline::now())),
        }
    }

    /// Readable while an event or the end is waiting; none for a watch with a receiver.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.queue.as_ref().filter(|_| self.is_of_this_process())?.descriptor()
    }

    /// A forked child has the watcher, but not its thread.
    pub fn is_of_this_process(&self) -> bool {
        self.generation == process::generation()
    }

    pub(super) fn is_running(&self) -> bool {
        self.life.may_deliver()
    }

    pub(super) fn pause(&self, until: Deadline) -> Result<(), Cancelled> {
        self.cancel.wait(until)
    }

    /// Hands one event on. False if that was the last.
    pub(super) fn deliver(&self, receiver: &mut dyn Receiver, event: &str) -> bool {
        if !self.life.may_deliver() || self.queue.as_ref().is_some_and(|queue| !queue.push(event)) {
            return false;
        }
        receiver.take(event)
    }

    fn end(&self) {
        // Together: whoever is told by one that it is over is to find the same by the other.
        self.life.end(|| {
            if let Some(queue) = &self.queue {
                queue.end();
            }
        });
    }
}

thread_local! {
    /// The address of the watcher whose thread this is, and the process that it runs in; 0 on any other thread.
    static WORKING_FOR: Cell<(usize, u64)> = const { Cell::new((0, 0)) };
}

/// Whether this thread is a watcher's, and so inside a callback: it must not wait for callbacks to end.
pub fn inside_a_callback() -> bool {
    // One that has forked is its child's only thread now, and no watcher's.
    let (watcher, generation) = WORKING_FOR.get();
    watcher != 0 && generation == process::generation()
}
