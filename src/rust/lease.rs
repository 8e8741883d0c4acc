//! Leases and registrations.

use std::fmt;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::client::Client;
use super::error::{Error, Result};
use super::reply::decode;
use super::ttl;
use super::wait::Wait;
use crate::base::process;
use crate::operation::Key;
use crate::recipes::lease;

/// A lease, or a registration. The library keeps it alive, at a third of its time to live, until it is dropped or revoked:
/// then what it holds is gone. A program that dies or hangs, and a machine that is cut off, keeps nothing alive.
///
/// ```
/// use std::time::Duration;
/// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
/// # let client = etcd::Config::new().endpoints([url]).connect()?;
/// let here = client.register("/doc/services/10.0.0.1:80", "{}", Duration::from_secs(10))?;
/// println!("sure for {:?}", here.remaining());
/// drop(here); // withdrawn
/// # Ok::<(), etcd::Error>(())
/// ```
///
/// Its descriptor ([`AsRawFd`]) is readable while [`Lease::state`] has something new to tell; -1 if the process has none
/// left. What it holds is gone at its drop if a server answers within a second, else after its time to live. In a forked
/// child it is lost.
#[must_use = "a lease ends when it is dropped"]
pub struct Lease {
    lease: Arc<lease::Lease>,
    _client: Client,
}

/// How a lease is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LeaseState {
    /// Whether it holds what it is for.
    pub state: LeaseStatus,
    /// For how many milliseconds what it holds is surely there still.
    pub remaining_ms: u64,
    /// How often a registration that was lost was made again.
    pub renewals: u64,
    /// Why it is lost, or could not be made again.
    pub error: Option<Error>,
}

/// Whether a lease holds what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LeaseStatus {
    /// It does.
    Alive,
    /// No more: no server has answered for its time to live, or another has deleted what it held. A registration is made
    /// again as soon as that can be done.
    Lost,
    /// It was given up.
    Revoked,
}

impl Lease {
    /// For [`PutOptions::lease`](crate::PutOptions::lease). That of a registration changes when it is made again. Over v2
    /// it means nothing to etcd; 0 in a forked child.
    pub fn id(&self) -> i64 {
        self.lease.id()
    }

    /// How long what it holds is surely there still; zero: it is lost, or may be. It asks nobody.
    pub fn remaining(&self) -> Duration {
        self.lease.remaining()
    }

    /// How it is. It asks nobody.
    pub fn state(&self) -> Result<LeaseState> {
        decode(&self.lease.state())
    }

    /// How it is once that is news: it was lost, or a registration was made again; as a future, which takes no thread.
    pub fn changed(&self) -> Wait<'_, Result<LeaseState>> {
        Wait::new(|sleeper| self.lease.poll(sleeper).map(|state| decode(&state)))
    }

    /// Deletes what it holds now. After an error it is not kept alive any more, and ends by itself.
    ///
    /// Errors: those of every call. etcd: over v3 `Lease/LeaseRevoke`.
    pub fn revoke(&self) -> Result<LeaseState> {
        decode(&self.lease.revoke()?)
    }
}

impl AsRawFd for Lease {
    fn as_raw_fd(&self) -> RawFd {
        self.lease.descriptor().unwrap_or(-1)
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("id", &self.id()).field("remaining", &self.remaining()).finish_non_exhaustive()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.lease.is_of_this_process() {
            self.lease.free();
        } else {
            process::leave(self.lease.clone());
        }
    }
}

/// # Leases and registrations
impl Client {
    /// Grants a lease, over v3 only, and keeps it alive. Keys are written with its id.
    ///
    /// - `ttl`: how long it lives without being kept alive; rounded up to whole seconds, and by the server to its minimum, usually
    ///   2. 10 seconds is a good choice.
    ///
    /// Errors: 202 (longer than the server allows), 1010 (over v2), 1011, and those of every call. etcd:
    /// `Lease/LeaseGrant`, and then `Lease/LeaseKeepAlive`.
    pub fn lease(&self, ttl: Duration) -> Result<Lease> {
        let ttl = lease::ttl(ttl::seconds(ttl)?)?;
        Ok(Lease { lease: lease::Lease::open(self.inner().household(), ttl)?, _client: self.clone() })
    }

    /// Registers something, say a service's address: writes a key that must not be there, and keeps it there. If it is
    /// lost, it is written again as soon as that can be done.
    ///
    /// Errors: 105 (there is such a key), 107, 1011, and those of every call. etcd: `PUT
    /// /v2/keys/{key}?prevExist=false&ttl={ttl}`; over v3 `Lease/LeaseGrant` and `KV/Txn`.
    pub fn register(&self, key: &str, value: &str, ttl: Duration) -> Result<Lease> {
        let (key, ttl) = (Key::parse(key)?, lease::ttl(ttl::seconds(ttl)?)?);
        let lease = lease::Lease::register(self.inner().household(), key, value, ttl)?;
        Ok(Lease { lease, _client: self.clone() })
    }
}
