//! Watches: changes one by one, by an iterator, by a descriptor, or as futures.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::client::Client;
use super::error::Result;
use super::reply::{Reply, decode_event};
use super::wait::Wait;
use crate::base::process;
use crate::net::{Deadline, Sleeper};
use crate::operation::{self, Key, Subject, Target};
use crate::watch::{Nobody, Watcher};

/// What is watched, and from when on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct WatchOptions {
    recursive: bool,
    once: bool,
    from: u64,
}

impl WatchOptions {
    /// The key itself, from now on. A server is asked what "now" is, so that no change is missed that is made after the
    /// watch was begun; if none can say, the first event is a resync.
    pub fn new() -> WatchOptions {
        WatchOptions::default()
    }

    /// All that is below the key, too.
    pub fn recursive(self) -> WatchOptions {
        WatchOptions { recursive: true, ..self }
    }

    /// One change alone, of whatever kind; a resync counts as one.
    pub fn once(self) -> WatchOptions {
        WatchOptions { once: true, ..self }
    }

    /// From this index on, which may be in the past: [`Reply::next_index`] of the last change that is known.
    pub fn from(self, index: u64) -> WatchOptions {
        WatchOptions { from: index, ..self }
    }

    pub(super) fn of(self, key: &str) -> Result<operation::Watch> {
        let target = Target { key: Key::parse(key)?, recursive: self.recursive };
        Ok(operation::Watch::of(Subject::Path(target), operation::index(self.from, "from")?, self.once))
    }
}

/// A watch: an iterator that waits for each change, each once and in order, whatever happens to connections and servers
/// meanwhile. Where the history no longer reaches back far enough, one event, "resync", says what is there now.
///
/// It comes to its end when it is stopped, by [`Watch::stopper`], or when its client is disconnected. An error that cannot
/// mend is its last item. It goes on whether or not somebody reads, with up to `watch.queue` events; over v3 it takes less
/// than 1 KB and no thread, over v2 a thread. It ends when it is dropped.
///
/// [`Watch::next_change`] is the same for `async` code, and the descriptor of [`AsRawFd`] for `poll`, mio or tokio: it is
/// readable while a change, or the end, is there for [`Watch::next_timeout`]. It must not be read from or closed, and is -1
/// if the process has no descriptor left.
///
/// ```
/// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
/// # let client = etcd::Config::new().endpoints([url]).connect()?;
/// let mut changes = client.watch("/doc/watched")?;
/// client.set("/doc/watched", "1", None)?;
/// client.set("/doc/watched", "2", None)?;
/// for change in changes.by_ref().take(2) {
///     let change = change?;
///     println!("{} {:?}", change.action, change.value());
/// }
/// # Ok::<(), etcd::Error>(())
/// ```
#[must_use = "a watch ends when it is dropped"]
pub struct Watch<E = Reply> {
    watcher: Arc<Watcher>,
    _client: Client,
    event: PhantomData<fn() -> E>,
}

impl<E: DeserializeOwned> Watch<E> {
    pub(super) fn new(client: &Client, watcher: Arc<Watcher>) -> Watch<E> {
        Watch { watcher, _client: client.clone(), event: PhantomData }
    }

    /// The next change, if it comes in time. `None` is the end, too: [`Watch::has_ended`] says which.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<Result<E>> {
        Some(decode_event(&self.watcher.next(Some(Deadline::after(timeout)))?))
    }

    /// The next change, as a future; `None`: the watch has ended. It takes no thread to wait for, and one that is dropped
    /// before it is ready takes no change with it.
    ///
    /// ```
    /// # async fn print(client: &etcd::Client) -> etcd::Result<()> {
    /// let mut changes = client.watch("/app/greeting")?;
    /// while let Some(change) = changes.next_change().await {
    ///     println!("{:?}", change?.value());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn next_change(&mut self) -> Wait<'_, Option<Result<E>>> {
        Wait::new(|sleeper| self.poll(sleeper))
    }

    pub(super) fn poll(&self, sleeper: &Arc<Sleeper>) -> Poll<Option<Result<E>>> {
        self.watcher.poll(sleeper).map(|event| event.map(|event| decode_event(&event)))
    }
}

impl<E> Watch<E> {
    /// What stops it from another thread.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.watcher.clone())
    }

    /// Whether it has ended and all changes have been fetched.
    pub fn has_ended(&self) -> bool {
        self.watcher.is_over()
    }
}

impl<E: DeserializeOwned> Iterator for Watch<E> {
    type Item = Result<E>;

    fn next(&mut self) -> Option<Result<E>> {
        Some(decode_event(&self.watcher.next(None)?))
    }
}

impl<E: DeserializeOwned> FusedIterator for Watch<E> {}

impl<E> AsRawFd for Watch<E> {
    fn as_raw_fd(&self) -> RawFd {
        self.watcher.descriptor().unwrap_or(-1)
    }
}

impl<E> fmt::Debug for Watch<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("has_ended", &self.has_ended()).finish_non_exhaustive()
    }
}

impl<E> Drop for Watch<E> {
    fn drop(&mut self) {
        if self.watcher.is_of_this_process() {
            self.watcher.stop();
        } else {
            process::leave(self.watcher.clone());
        }
    }
}

/// Stops a watch, from any thread.
#[derive(Clone)]
pub struct Stopper(Arc<Watcher>);

impl Stopper {
    /// Returns at once. What the watch has already can still be read.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper").finish_non_exhaustive()
    }
}

/// # Watches
impl Client {
    /// Watches a key from now on: no change that is made after this has returned is missed. The key need not exist.
    ///
    /// Errors: 1001, 1009, 1011 (no thread). A server that cannot be reached is no failure: the watch begins when it can.
    /// etcd: `GET /v2/keys/{key}?wait=true`; over v3 `Watch/Watch`.
    pub fn watch(&self, key: &str) -> Result<Watch> {
        self.watch_with(key, WatchOptions::new())
    }

    /// The same with options.
    pub fn watch_with(&self, key: &str, options: WatchOptions) -> Result<Watch> {
        self.begin(options.of(key)?)
    }

    pub(super) fn begin<E: DeserializeOwned>(&self, watch: operation::Watch) -> Result<Watch<E>> {
        Ok(Watch::new(self, self.inner().watch(watch, Box::new(Nobody))?))
    }
}
