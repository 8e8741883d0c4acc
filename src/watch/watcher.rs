//! A watch as its owner sees it: to be stopped, waited for, and read from.

use std::cell::Cell;
use std::os::fd::RawFd;
use std::task::Poll;
use std::thread::JoinHandle;

use super::delivery::{Delivery, Receiver};
use super::helpers::{Helped, Helpers};
use super::place::{Left, Place};
use super::queue::Queue;
use super::worker::{Rest, Worker};
use crate::api::{EventSource, Listener};
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Mutex, MutexGuard, Weak};
use crate::base::panic;
use crate::base::process;
use crate::config::Config;
use crate::net::{self, Backoff, Cancel, Deadline, Sleeper};

pub struct Watcher {
    delivery: Delivery,
    /// Its worker, while that has no thread.
    place: Place,
    /// Who ask servers for that.
    helpers: Arc<Helpers>,
    own: Mutex<Own>,
    /// The process whose thread it is.
    generation: u64,
}

/// What a watch on a thread of its own has besides.
#[derive(Default)]
struct Own {
    thread: Option<Box<JoinHandle<()>>>,
    /// What is to be done at the end, by that thread.
    at_end: Option<AtEnd>,
}

type AtEnd = Box<dyn FnOnce() + Send>;

impl Watcher {
    /// A watch that `start` is still to be called on. `cancel` ends what its source waits for; `is_pushed` as its
    /// receiver's.
    pub fn new(config: &Config, cancel: Arc<Cancel>, is_pushed: bool, helpers: &Arc<Helpers>) -> Arc<Watcher> {
        let queue = (!is_pushed).then(|| Queue::new(config.watch_queue));
        Arc::new(Watcher {
            delivery: Delivery::new(cancel, queue),
            place: Place::default(),
            helpers: helpers.clone(),
            own: Mutex::default(),
            generation: process::generation(),
        })
    }

    /// Starts it, on a thread of its own if it needs one; of one event if `once`. If there is no thread, the watch has
    /// ended, and `receiver` is dropped.
    pub fn start(
        self: &Arc<Self>,
        config: &Config,
        source: Box<dyn EventSource>,
        receiver: Box<dyn Receiver>,
        once: bool,
    ) -> Result<()> {
        let backoff = Backoff::new(config.max_retry_delay);
        let mut worker = Box::new(Worker { source, receiver, backoff, once, in_trouble: false });
        let listener: Weak<dyn Listener> = Arc::downgrade(&(self.clone() as Arc<dyn Listener>));
        if worker.attach(&listener) {
            self.park(worker);
            return Ok(());
        }
        let watcher = self.clone();
        let started = net::spawn("etcd-watch", move || {
            WORKING_FOR.set((watcher.address(), watcher.generation));
            let is_done = watcher.guarded(&mut worker, |worker| worker.run(&watcher.delivery, &listener));
            if is_done.unwrap_or(true) {
                watcher.end(worker);
            } else {
                watcher.park(worker);
            }
        });
        match started {
            Ok(thread) => self.own().thread = Some(Box::new(thread)),
            Err(error) => {
                self.delivery.end();
                return Err(Error::system_limit(format!("no thread for the watch: {error}")));
            }
        }
        Ok(())
    }

    /// Has its worker do what can be done without waiting, on this thread; or, if it `may_ask`, what a server must be asked
    /// for, too. Nothing, if it has a thread of its own, or if another thread is at it, which then looks once more.
    pub fn turn(self: &Arc<Self>, may_ask: bool) {
        let Some((mut worker, ticket)) = self.place.take(may_ask || !self.delivery.is_running()) else { return };
        if let Some(ticket) = ticket {
            self.helpers.forget(ticket);
        }
        loop {
            let rest = self.guarded(&mut worker, |worker| worker.turn(&self.delivery, may_ask)).unwrap_or(Rest::Over);
            let ticket = if let Rest::Asks(pause) = rest { Some(self.helpers.ticket(pause)) } else { None };
            let is_over = || matches!(rest, Rest::Over) || !self.delivery.is_running();
            match self.place.give_back(worker, ticket, is_over) {
                Left::Again(again) => worker = again,
                Left::Parked => {
                    if let Some(ticket) = ticket {
                        self.helpers.call(ticket, self.clone());
                    }
                    return;
                }
                Left::Over(worker) => return self.end(worker),
            }
        }
    }

    /// It needs no thread of its own from now on.
    fn park(self: &Arc<Self>, worker: Box<Worker>) {
        self.place.put(worker);
        self.turn(false);
    }

    /// What `run` returns. A panic in it is a bug, which is told as the last event: then it is `None`.
    fn guarded<T>(&self, worker: &mut Worker, run: impl FnOnce(&mut Worker) -> T) -> Option<T> {
        let done = panic::catch(|| Ok(run(worker)));
        done.map_err(|bug| self.delivery.deliver(&mut *worker.receiver, &bug.to_json(), false)).ok()
    }

    fn end(&self, worker: Box<Worker>) {
        drop(worker);
        self.delivery.end();
        let at_end = self.own().at_end.take();
        at_end.into_iter().for_each(|act| act());
    }

    /// Asks it to end. No delivery is begun after this has returned.
    pub fn stop(self: &Arc<Self>) {
        if self.is_of_this_process() {
            self.delivery.stop();
            self.turn(false);
        }
    }

    /// Waits until the last delivery has returned and its receiver is dropped. False if that has not come by then,
    /// or cannot: inside its own callback.
    pub fn wait(&self, until: Option<Deadline>) -> bool {
        let until = if self.is_own_thread() { Some(Deadline::now()) } else { until };
        !self.is_of_this_process() || self.delivery.wait(until)
    }

    /// Stops it and waits until its thread is gone; then does `last`. Inside its own callback it does not wait, and `last`
    /// is done after the end.
    pub fn finish(self: &Arc<Self>, last: impl FnOnce() + Send + 'static) {
        self.stop();
        if self.is_own_thread() && !self.wait(None) {
            self.own().at_end = Some(Box::new(last));
            return;
        }
        self.wait(None);
        let thread = self.own().thread.take();
        thread.map(|thread| thread.join());
        last();
    }

    /// The next event of a watch whose events are fetched.
    pub fn next(self: &Arc<Self>, until: Option<Deadline>) -> Option<String> {
        self.fetch(|delivery| delivery.next(until)).flatten()
    }

    /// The same for a future, which is woken if there is none yet.
    pub fn poll(self: &Arc<Self>, sleeper: &Arc<Sleeper>) -> Poll<Option<String>> {
        self.fetch(|delivery| delivery.poll(sleeper)).unwrap_or(Poll::Ready(None))
    }

    fn fetch<T>(self: &Arc<Self>, fetch: impl FnOnce(&Delivery) -> T) -> Option<T> {
        let delivery = self.here()?;
        self.helpers.revive();
        let fetched = fetch(delivery);
        if delivery.wants_more() {
            self.turn(false);
        }
        Some(fetched)
    }

    /// Whether it has ended and all its events have been fetched.
    pub fn is_over(&self) -> bool {
        self.here().is_none_or(Delivery::is_over)
    }

    /// Readable while an event or the end waits to be fetched; none for a watch whose events are pushed.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.here()?.descriptor()
    }

    /// A forked child has the watcher, but not its thread.
    pub fn is_of_this_process(&self) -> bool {
        self.generation == process::generation()
    }

    fn here(&self) -> Option<&Delivery> {
        self.is_of_this_process().then_some(&self.delivery)
    }

    fn is_own_thread(&self) -> bool {
        WORKING_FOR.get() == (self.address(), process::generation())
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock()
    }
}

impl Helped for Watcher {
    fn help(self: Arc<Self>) {
        self.turn(true);
    }
}

impl Listener for Watcher {
    fn hear(self: Arc<Self>) {
        self.turn(false);
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
