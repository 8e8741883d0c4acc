//! Directories held in memory.

use std::fmt;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde::de::IgnoredAny;

use super::client::Client;
use super::error::{Error, Result};
use super::reply::{Node, Reply, decode, decode_event};
use super::wait::Wait;
use super::watch::Watch;
use crate::base::code;
use crate::base::error;
use crate::base::process;
use crate::net::Deadline;
use crate::operation::Key;
use crate::recipes::mirror;
use crate::watch::Nobody;

/// A key and all below it in memory, read once and then kept up by a watch, until it is dropped: a map that is read without
/// I/O, in about a microsecond and the time to read its JSON, by any number of threads. It goes on with what it had while
/// no server answers.
///
/// Each read shows it as it was at one index of the store. There is neither `ttl` nor `expiration`, and no hidden key.
/// 10,000 keys of 100 bytes take about 1.3 MB. After an error that ends its watch, and in a forked child, reads are that
/// error.
///
/// ```
/// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
/// # let client = etcd::Config::new().endpoints([url]).connect()?;
/// let config = client.mirror("/doc/app")?;
/// let written = client.set("/doc/app/colour", "blue", None)?;
/// config.wait(written.index())?; // to read one's own writes
/// println!("{}", config.value("/doc/app/colour")?.as_deref().unwrap_or("no colour"));
/// # assert_eq!(config.value("/doc/app/colour")?.as_deref(), Some("blue"));
/// # Ok::<(), etcd::Error>(())
/// ```
///
/// The descriptor ([`AsRawFd`]) is readable while a change, or the end, waits for [`Mirror::next_timeout`]; -1 if the
/// process has none left.
#[must_use = "a mirror ends when it is dropped"]
pub struct Mirror {
    mirror: Arc<mirror::Mirror>,
    key: Key,
    _client: Client,
}

impl Mirror {
    /// Reads a key, or lists one level of a directory, as [`Client::get`]. The key is given with its whole path.
    ///
    /// Errors: 100, 104, 1001 (the key is not in the mirror, or hidden), 1009 (it has ended), and the error that has ended
    /// it.
    pub fn get(&self, key: &str) -> Result<Reply> {
        self.read(&Key::parse(key)?, false)
    }

    /// Lists a directory with all below it, sorted.
    ///
    /// Errors: as for [`get`](Mirror::get).
    pub fn list(&self, key: &str) -> Result<Reply> {
        self.read(&Key::parse(key)?, true)
    }

    /// A key's value; `None`: there is no such key, or it is a directory or no text.
    ///
    /// Errors: 1001, 1009, and the error that has ended it.
    pub fn value(&self, key: &str) -> Result<Option<String>> {
        match self.get(key) {
            Ok(reply) => Ok(reply.node.and_then(|node| node.value)),
            Err(Error { code: code::ETCD_ERROR_KEY_NOT_FOUND | code::ETCD_ERROR_NOT_DIRECTORY, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All keys with their values, sorted, as they are at this moment.
    ///
    /// Errors: as for [`value`](Mirror::value).
    pub fn values(&self) -> Result<Vec<(String, String)>> {
        let mut values = Vec::new();
        match self.read(&self.key, true) {
            Ok(reply) => collect(reply.node.unwrap_or_default(), &mut values),
            Err(Error { code: code::ETCD_ERROR_KEY_NOT_FOUND | code::ETCD_ERROR_NOT_DIRECTORY, .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(values)
    }

    /// Waits until it has seen an index, [`Reply::index`] of a write: so one reads one's own writes. Where nothing in it
    /// has the index, because the change was elsewhere in the store, a server is asked after 50 ms, and then now and then.
    ///
    /// Errors: 1009 (it has ended), or the error that has ended it.
    pub fn wait(&self, index: u64) -> Result<()> {
        self.has_seen(index, None).map(|_| ())
    }

    /// The same for so long at most: whether it has seen the index.
    pub fn wait_timeout(&self, index: u64, timeout: Duration) -> Result<bool> {
        self.has_seen(index, Some(Deadline::after(timeout)))
    }

    /// The same as a future. While it waits longer than 50 ms, the mirror has a thread that asks a server.
    pub fn seen(&self, index: u64) -> Wait<'_, Result<()>> {
        let mut watch: Option<Watch<IgnoredAny>> = None; // begun when it is polled first
        Wait::new(move |sleeper| {
            let watch = match &watch {
                Some(watch) => watch,
                None => match self.mirror.await_index(index, Box::new(Nobody)) {
                    Ok(watcher) => watch.insert(Watch::new(&self._client, watcher)),
                    Err(error) => return Poll::Ready(Err(error.into())),
                },
            };
            watch.poll(sleeper).map(|event| event.unwrap_or_else(|| Err(self.why_it_ended())).map(|_| ()))
        })
    }

    /// The next change of what is mirrored, which the mirror has already, if it comes in time. Changes are kept from the
    /// first call on; who did not ask before the first change, or lets more than `watch.queue` wait, gets one "resync" in
    /// place of those that were not kept. `None` is the end, too, of which [`Mirror::wait_timeout`] tells.
    pub fn next_timeout(&self, timeout: Duration) -> Option<Result<Reply>> {
        Some(decode_event(&self.mirror.next(Some(Deadline::after(timeout)))?))
    }

    /// The same as a future, which takes no thread. `None`: the mirror has ended.
    pub fn next_change(&self) -> Wait<'_, Option<Result<Reply>>> {
        Wait::new(|sleeper| self.mirror.poll(sleeper).map(|event| event.map(|event| decode_event(&event))))
    }

    /// The changes as an iterator that waits for each. It comes to its end with the mirror.
    pub fn changes(&self) -> impl Iterator<Item = Result<Reply>> + '_ {
        std::iter::from_fn(|| Some(decode_event(&self.mirror.next(None)?)))
    }

    fn read(&self, key: &Key, recursive: bool) -> Result<Reply> {
        decode(&self.mirror.get(key, recursive)?)
    }

    fn has_seen(&self, index: u64, until: Option<Deadline>) -> Result<bool> {
        self.mirror.wait(index, until).ok_or_else(|| self.why_it_ended())
    }

    /// A read says it.
    fn why_it_ended(&self) -> Error {
        match self.mirror.get(&self.key, false) {
            Err(error) => error.into(),
            Ok(_) => error::Error::cancelled("the mirror has ended").into(),
        }
    }
}

fn collect(node: Node, values: &mut Vec<(String, String)>) {
    if let Some(value) = node.value {
        values.push((node.key, value));
    }
    for node in node.nodes {
        collect(node, values);
    }
}

impl AsRawFd for Mirror {
    fn as_raw_fd(&self) -> RawFd {
        self.mirror.descriptor().unwrap_or(-1)
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirror").field("key", &self.key.as_str()).finish_non_exhaustive()
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        if self.mirror.is_of_this_process() {
            self.mirror.stop();
        } else {
            process::leave(self.mirror.clone());
        }
    }
}

/// # Mirrors
impl Client {
    /// Takes a key, which need not exist, and all below it into memory, and returns when all is there, as a majority of the
    /// cluster agrees.
    ///
    /// Errors: 104, 1011 (no thread), and those of every call. etcd: `GET /v2/keys/{key}?quorum=true&recursive=true`, then
    /// a watch.
    pub fn mirror(&self, key: &str) -> Result<Mirror> {
        let key = Key::parse(key)?;
        Ok(Mirror { mirror: mirror::Mirror::open(self.inner().clone(), key.clone())?, key, _client: self.clone() })
    }
}
