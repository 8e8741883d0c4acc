//! Who leads an election.

use serde::Deserialize;

use super::client::Client;
use super::error::Result;
use super::watch::Watch;
use crate::operation::Key;
use crate::watch::Nobody;

/// Who leads an election, or that nobody does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Leadership {
    /// `None` while there is no leader.
    #[serde(deserialize_with = "Option::deserialize")] // it must be there
    pub leader: Option<Leader>,
}

/// Who leads an election.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Leader {
    /// What it says of itself. `None` where that is not UTF-8.
    pub value: Option<String>,
    /// The key by which it stands in line.
    pub key: String,
    /// As [`Lock::token`](crate::Lock::token).
    pub token: u64,
}

/// # Watches of leaders
impl Client {
    /// Watches who leads an election, or holds a lock: who does now, and then each change, of the value, too. Of changes
    /// that follow each other quickly some may be left out, never the last.
    ///
    /// Errors: 1001, 1009, 1011 (no thread). etcd: `GET /v2/keys/{name}`, and a watch; over v3 the same with `KV/Range`.
    ///
    /// ```
    /// use std::time::Duration;
    /// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
    /// # let client = etcd::Config::new().endpoints([url]).connect()?;
    /// let election = client.lock("/doc/leader", "10.0.0.1:80", Duration::from_secs(60))?;
    /// if let Some(now) = client.watch_leader("/doc/leader")?.next() {
    ///     println!("{:?}", now?.leader.and_then(|leader| leader.value));
    /// }
    /// # Ok::<(), etcd::Error>(())
    /// ```
    pub fn watch_leader(&self, name: &str) -> Result<Watch<Leadership>> {
        Ok(Watch::new(self, self.inner().watch_leader(Key::parse(name)?, Box::new(Nobody))?))
    }
}
