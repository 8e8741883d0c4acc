//! A directory held in memory: read once, then kept up by a watch. It is always there as it was at one index of the store.

mod awaiting;
mod content;
mod feed;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod keeper;
mod page;
mod reading;
mod shared;
mod state;
#[cfg(test)]
mod tests;

use std::os::fd::RawFd;
use std::task::Poll;

use self::awaiting::Awaiting;
use self::keeper::Keeper;
use self::shared::{Shared, Waited};
use super::Store;
use crate::base::error::{Error, Result};
use crate::base::locks::Arc;
use crate::net::{Deadline, Sleeper};
use crate::operation::{Key, Subject, Target, Watch};
use crate::watch::{Receiver, Watcher};

pub struct Mirror {
    shared: Arc<Shared>,
    watcher: Arc<Watcher>,
}

impl Mirror {
    /// Returns once it has all there is.
    pub fn open(store: Arc<dyn Store>, key: Key) -> Result<Arc<Mirror>> {
        let shared = Arc::new(Shared::open(store.clone(), key.clone())?);
        let from = shared.state().index() + 1;
        let watch = Watch::of(Subject::Path(Target { key, recursive: true }), from, false);
        let watcher = store.watch(watch, Box::new(Keeper::new(shared.clone())))?;
        Ok(Arc::new(Mirror { shared, watcher }))
    }

    /// As a read would have it: a key, or a directory, one level of it or all.
    pub fn get(&self, key: &Key, recursive: bool) -> Result<String> {
        self.required()?.state().get(key, recursive)
    }

    /// Waits until all changes up to an index are in it; `None`: it has ended.
    pub fn wait(&self, index: u64, until: Option<Deadline>) -> Option<bool> {
        match self.here()?.wait(index, until) {
            Waited::Seen => Some(true),
            Waited::NotYet => Some(false),
            Waited::Ended => None,
        }
    }

    /// The same as a watch of one event: that the index is seen, or why it will not be.
    pub fn await_index(&self, index: u64, receiver: Box<dyn Receiver>) -> Result<Arc<Watcher>> {
        let shared = self.required()?;
        shared.store.start(Box::new(Awaiting::new(shared, index)), receiver, true)
    }

    /// The next change; `None`: none in time, or none any more.
    pub fn next(&self, until: Option<Deadline>) -> Option<String> {
        self.here()?.next(until)
    }

    /// The same for a future, which is woken if there is none yet.
    pub fn poll(&self, sleeper: &Arc<Sleeper>) -> Poll<Option<String>> {
        self.here().map_or(Poll::Ready(None), |shared| shared.poll(sleeper))
    }

    /// Readable while a change or the end waits to be fetched.
    pub fn descriptor(&self) -> Option<RawFd> {
        let shared = self.here()?;
        shared.begin_reading();
        shared.queue.descriptor()
    }

    /// A forked child has the mirror, but nobody keeps it up, and its locks may be held by threads of the parent's.
    pub fn is_of_this_process(&self) -> bool {
        self.watcher.is_of_this_process()
    }

    /// Ends it, and does not wait for the end.
    pub fn stop(&self) {
        self.watcher.stop();
    }

    /// Ends it, waits for the end, then does `last`.
    pub fn finish(&self, last: impl FnOnce() + Send + 'static) {
        self.watcher.finish(last);
    }

    fn required(&self) -> Result<&Arc<Shared>> {
        self.here().ok_or_else(|| Error::cancelled("the mirror is the parent process's; open one in this process"))
    }

    fn here(&self) -> Option<&Arc<Shared>> {
        self.is_of_this_process().then_some(&self.shared)
    }
}
