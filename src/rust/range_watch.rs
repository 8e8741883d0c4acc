//! Watches of v3's store.

use std::ops::ControlFlow;

use serde::Deserialize;

use super::client::Client;
use super::error::Result;
use super::key_value::{KeyValue, RevisionHeader};
use super::range::Keys;
use super::reply::Missed;
use super::watch::Watch;
use super::watch_loop::WatchLoop;
use crate::operation::{self, Subject, WatchedRange};

/// What of a range's changes is wanted, and from when on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct RangeWatchOptions {
    from: u64,
    prev_kv: bool,
    no_put: bool,
    no_delete: bool,
}

impl RangeWatchOptions {
    /// All changes, from now on.
    pub fn new() -> RangeWatchOptions {
        RangeWatchOptions::default()
    }

    /// From this revision on, which may be in the past: [`RangeEvent::next_revision`] of the last event that is known.
    pub fn from(self, revision: u64) -> RangeWatchOptions {
        RangeWatchOptions { from: revision, ..self }
    }

    /// With the keys as they were, too.
    pub fn prev_kv(self) -> RangeWatchOptions {
        RangeWatchOptions { prev_kv: true, ..self }
    }

    /// No writes.
    pub fn no_put(self) -> RangeWatchOptions {
        RangeWatchOptions { no_put: true, ..self }
    }

    /// No deletions.
    pub fn no_delete(self) -> RangeWatchOptions {
        RangeWatchOptions { no_delete: true, ..self }
    }

    fn of(self, keys: Keys) -> Result<operation::Watch> {
        let RangeWatchOptions { from, prev_kv, no_put, no_delete } = self;
        let range = WatchedRange { keys: keys.checked()?, prev_kv, no_put, no_delete, base64: false };
        Ok(operation::Watch::of(Subject::Range(range), operation::index(from, "from")?, false))
    }
}

/// All changes of one revision or of several, never a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum RangeEvent {
    /// What has changed, in order.
    Changes {
        /// Of the server that saw it.
        #[serde(default)]
        header: RevisionHeader,
        /// Never empty.
        events: Vec<KeyChange>,
    },
    /// The history no longer reached back far enough, or the cluster was rebuilt: this is there now.
    Resync {
        /// Of the revision at which they were read.
        #[serde(default)]
        header: RevisionHeader,
        /// All keys of the range.
        kvs: Vec<KeyValue>,
        /// Which revisions are not known.
        missed: Missed,
    },
}

impl RangeEvent {
    /// The revision with which a watch resumes after this.
    pub fn next_revision(&self) -> u64 {
        match self {
            RangeEvent::Changes { events, .. } => {
                events.last().map_or(0, |last| last.kv.mod_revision.unsigned_abs() + 1)
            }
            RangeEvent::Resync { missed, .. } => missed.before,
        }
    }
}

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct KeyChange {
    /// What was done.
    #[serde(rename = "type")]
    pub kind: ChangeKind,
    /// The key now; of one that was deleted, `key` and the `mod_revision` of its deletion.
    pub kv: KeyValue,
    /// The key as it was, if that was asked for, it was there, and the history still has it.
    pub prev_kv: Option<KeyValue>,
}

/// What was done to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChangeKind {
    /// It was written.
    Put,
    /// It was deleted, or has expired.
    Delete,
}

/// # Watches of ranges
impl Client {
    /// Watches a key or a range of v3's store, over v3 only.
    ///
    /// Errors: as for [`watch`](Client::watch); 1010 over v2. etcd: `Watch/Watch`.
    ///
    /// ```
    /// use etcd::{Keys, RangeEvent, RangeWatchOptions};
    /// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
    /// # let client = etcd::Config::new().endpoints([url]).api(etcd::ApiVersion::V3).connect()?;
    /// let mut jobs = client.watch_range(Keys::prefix("doc/jobs/"), RangeWatchOptions::new())?;
    /// client.put("doc/jobs/1", "")?;
    /// if let Some(RangeEvent::Changes { events, .. }) = jobs.next().transpose()? {
    ///     println!("{:?}", events[0].kv.key);
    /// }
    /// # Ok::<(), etcd::Error>(())
    /// ```
    pub fn watch_range(&self, keys: impl Into<Keys>, options: RangeWatchOptions) -> Result<Watch<RangeEvent>> {
        self.begin(options.of(keys.into())?)
    }

    /// The same with a closure, as [`watch_loop`](Client::watch_loop).
    pub fn watch_range_loop<F>(&self, keys: impl Into<Keys>, options: RangeWatchOptions, take: F) -> Result<WatchLoop>
    where
        F: FnMut(Result<RangeEvent>) -> ControlFlow<()> + Send + 'static,
    {
        self.begin_loop(options.of(keys.into())?, take)
    }
}
