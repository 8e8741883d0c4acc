//! What the owner of a mirror and the watch that keeps it up share.

use std::mem;
use std::task::Poll;
use std::time::Duration;

use super::feed::Feed;
use super::reading::Change;
use super::state::{Place, State};
use crate::api::Listener;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Condvar, Mutex, MutexGuard, RwLock, Weak};
use crate::base::log::{self, Level};
use crate::net::{self, Deadline, Sleeper};
use crate::operation::Key;
use crate::recipes::Store;
use crate::watch::Queue;

pub struct Shared {
    pub store: Arc<dyn Store>,
    key: Key,
    place: Place,
    /// Exchanged for another, never changed: who reads holds no lock while it writes a listing.
    state: RwLock<Arc<State>>,
    /// Held by who exchanges the state. Order: this, then the state.
    work: Mutex<Work>,
    /// The state has been exchanged.
    moved: Condvar,
    pub queue: Queue,
}

struct Work {
    feed: Feed,
    /// Up to this index the content is known from a read; events from before it are only told.
    read_at: u64,
    is_asking: bool,
    waiters: Vec<Waiter>,
    /// When the store is asked on their behalf; `None`: no thread does.
    asks: Option<Ask>,
}

/// Who waits for an index and has no thread: to be told once.
struct Waiter {
    index: u64,
    listener: Weak<dyn Listener>,
}

/// When the store is asked how far it is: ever more rarely.
struct Ask {
    at: Deadline,
    pause: Duration,
}

/// How a wait for an index ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    Seen,
    NotYet,
    /// It is not kept up any more.
    Ended,
}

/// An event needs no longer where there is one, or little; then the store is asked.
const FIRST_ASK: Duration = Duration::from_millis(50);
const RARELY: Duration = Duration::from_secs(1);

impl Shared {
    pub fn open(store: Arc<dyn Store>, key: Key) -> Result<Shared> {
        let place = Place::new(&key, store.keeps_directories()?);
        let state = State::read(&*store, &key, place.clone())?;
        let queue = Queue::new(store.queue_size());
        let feed = Feed::new(state.index());
        let work = Work { feed, read_at: 0, is_asking: false, waiters: Vec::new(), asks: None };
        let (state, work) = (RwLock::new(Arc::new(state)), Mutex::new(work));
        Ok(Shared { store, key, place, state, work, moved: Condvar::new(), queue })
    }

    /// The mirrored key.
    pub fn name(&self) -> &str {
        self.key.as_str()
    }

    pub fn state(&self) -> Arc<State> {
        self.state.read().clone()
    }

    /// Takes events that came together: all of them are seen at once.
    pub fn take(&self, events: Vec<String>) {
        let mut work = self.lock();
        let mut state = State::clone(&self.state());
        let mut told = Vec::with_capacity(events.len());
        for event in events {
            // What ends it is the last that is told of it, whatever else comes.
            if state.has_ended() {
                break;
            }
            match Change::read(&event) {
                Some(Change::Resync(items, header)) => {
                    let now = state.exchanged(&items, header);
                    if work.feed.is_listening() {
                        told.append(&mut state.differences(&now));
                    }
                    (state, work.read_at) = (now, 0);
                }
                Some(change @ (Change::Put(_) | Change::Removal(_))) => {
                    let (Change::Put(item) | Change::Removal(item)) = &change else { continue };
                    let index = item.modified as u64;
                    if index >= work.read_at {
                        if matches!(change, Change::Put(_)) { state.put(item) } else { state.remove(item) }
                    }
                    state.reach(index);
                    told.push(event);
                }
                None => {
                    let code = crate::base::json::find(&event, "/errorCode").and_then(|code| code.parse().ok());
                    let error = match code {
                        Some(code) => Error { code, body: Some(event.clone()), ..Error::default() },
                        None => Error::bad_response(format!("an event that cannot be read: {event}")),
                    };
                    told.push(error.to_json());
                    state.end(error);
                }
            }
        }
        let index = state.index();
        // First, so that who fetches a change sees it.
        self.exchange(state);
        work.feed.tell(&told, index, &self.queue);
        self.announce(work);
    }

    /// The watch has ended.
    pub fn end(&self) {
        let work = self.lock();
        let mut state = State::clone(&self.state());
        state.end(Error::cancelled("the mirror has ended: it was freed, or its client disconnected"));
        self.exchange(state);
        self.queue.end();
        self.announce(work);
    }

    /// There is a reader of changes.
    pub fn begin_reading(&self) {
        self.lock().feed.begin(&self.queue);
    }

    pub fn next(&self, until: Option<Deadline>) -> Option<String> {
        self.begin_reading();
        self.queue.pop(until).map(|event| self.told(event))
    }

    /// The same for a future, which is woken if there is none yet.
    pub fn poll(&self, sleeper: &Arc<Sleeper>) -> Poll<Option<String>> {
        self.begin_reading();
        self.queue.poll(sleeper).map(|event| event.map(|event| self.told(event)))
    }

    /// What was queued, as its reader gets it.
    fn told(&self, event: String) -> String {
        if !Feed::is_resync(&event) {
            return event;
        }
        let (state, after) = {
            let mut work = self.lock();
            let state = self.state();
            let after = work.feed.resynced(state.index());
            (state, after)
        };
        state.resync(after)
    }

    /// Whether it has seen an index.
    pub fn look(&self, index: u64) -> Waited {
        let state = self.state();
        match state.has_ended() {
            true => Waited::Ended,
            false if state.index() >= index => Waited::Seen,
            false => Waited::NotYet,
        }
    }

    pub fn wait(self: &Arc<Self>, index: u64, until: Option<Deadline>) -> Waited {
        let mut ask = Ask::soon();
        let mut work = self.lock();
        loop {
            let found = self.look(index);
            if found != Waited::NotYet {
                return found;
            }
            let left = until.map(Deadline::left);
            let time = match (left, ask.at.left()) {
                (Some(None), _) => return Waited::NotYet,
                (Some(Some(left)), Some(time)) => time.min(left),
                (None, Some(time)) => time,
                (_, None) => {
                    ask.again();
                    if !mem::replace(&mut work.is_asking, true) {
                        drop(work);
                        let is_asking = self.begins_aside(Shared::ask);
                        work = self.lock();
                        work.is_asking &= is_asking;
                    }
                    continue;
                }
            };
            work = self.moved.wait_timeout(work, time);
        }
    }

    /// Has a listener told once the mirror has seen an index, or has ended. As long as that has not come, a thread asks the
    /// store.
    pub fn tell(self: &Arc<Self>, index: u64, listener: &Weak<dyn Listener>) {
        let mut work = self.lock();
        if self.look(index) != Waited::NotYet {
            return;
        }
        work.waiters.push(Waiter { index, listener: listener.clone() });
        if work.asks.replace(Ask::soon()).is_some() {
            drop(work);
            return self.moved.notify_all();
        }
        if !self.begins_aside(Shared::ask_for_waiters) {
            work.asks = None;
        }
    }

    /// Until all have been told, or are gone.
    fn ask_for_waiters(&self) {
        let mut work = self.lock();
        loop {
            work.waiters.retain(|waiter| waiter.listener.strong_count() > 0);
            let is_over = work.waiters.is_empty();
            let Some(ask) = work.asks.as_mut().filter(|_| !is_over) else { break };
            if let Some(left) = ask.at.left() {
                work = self.moved.wait_timeout(work, left);
                continue;
            }
            ask.again();
            drop(work);
            self.ask();
            work = self.lock();
        }
        work.asks = None;
    }

    /// On a thread of its own, for an answer may take longer than who waits wants to. False: there is none.
    fn begins_aside(self: &Arc<Self>, work: fn(&Shared)) -> bool {
        let shared = self.clone();
        let begun = net::spawn("etcd-mirror", move || work(&shared));
        if let Err(error) = &begun {
            log::log(Level::Warn, || format!("no thread to ask how far the store is: {error}"));
        }
        begun.is_ok()
    }

    /// Nothing that is mirrored may have changed for long, though the store has. If what is there now is what the mirror
    /// has, it has seen all up to now. Else there are events on their way.
    fn ask(&self) {
        let read = State::read(&*self.store, &self.key, self.place.clone());
        let mut work = self.lock();
        work.is_asking = false;
        match read {
            Ok(now) => {
                let state = self.state();
                if !state.has_ended() && now.index() > state.index() && now.has_the_files_of(&state) {
                    work.read_at = now.index();
                    self.exchange(now);
                }
            }
            Err(error) => log::log(Level::Debug, || format!("mirror of {}: {error}", self.name())),
        }
        self.announce(work);
    }

    /// Tells those who wait that the state has been exchanged.
    fn announce(&self, mut work: MutexGuard<'_, Work>) {
        let waiters = mem::take(&mut work.waiters).into_iter();
        let (left, told) = waiters.partition::<Vec<_>, _>(|waiter| self.look(waiter.index) == Waited::NotYet);
        work.waiters = left;
        drop(work);
        self.moved.notify_all();
        told.iter().filter_map(|waiter| waiter.listener.upgrade()).for_each(Listener::hear);
    }

    fn exchange(&self, state: State) {
        let state = Arc::new(state);
        // The former is dropped outside the lock.
        let _former = mem::replace(&mut *self.state.write(), state);
    }

    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock()
    }
}

impl Ask {
    fn soon() -> Ask {
        Ask { at: Deadline::after(FIRST_ASK), pause: FIRST_ASK }
    }

    fn again(&mut self) {
        self.pause = (self.pause * 2).min(RARELY);
        self.at = Deadline::after(self.pause);
    }
}
