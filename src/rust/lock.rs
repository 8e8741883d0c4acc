//! Locks and elections.

use std::fmt;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::client::Client;
use super::error::{Error, Result};
use super::key_value::TxnReply;
use super::reply::{Reply, decode};
use super::ttl;
use super::txn::Txn;
use super::wait::Wait;
use crate::base::error;
use crate::base::process;
use crate::net::Deadline;
use crate::operation::Key;
use crate::recipes::lease;
use crate::recipes::lock::{self, Standing};

/// A lock, or a place in its line; who holds the lock of an election leads it. It is given up when it is dropped.
///
/// It ends, too, when its holder has been silent for its time to live. So "I hold the lock" is true when [`Lock::is_held`]
/// says so, and may be false a moment later. What must never be done by two at once is protected where it is done: in etcd
/// by [`Lock::txn`], elsewhere by [`Lock::token`], which is larger with every holder.
///
/// ```
/// use std::time::Duration;
/// use etcd::{Op, Txn};
/// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
/// # let client = etcd::Config::new().endpoints([url]).api(etcd::ApiVersion::V3).connect()?;
/// let lock = client.lock("/doc/locks/total", "", Duration::from_secs(60))?;
/// // Carried out by who holds the lock, or not at all.
/// lock.txn(&Txn::new().then([Op::put("/doc/total", "42")]))?;
/// # Ok::<(), etcd::Error>(())
/// ```
///
/// Its descriptor ([`AsRawFd`]) is readable while [`Lock::wait_timeout`] would say something else than it has last; -1 if
/// the process has none left. The next in line has the lock at this one's drop if a server answers within a second, else
/// after its time to live. In a forked child it is lost.
#[must_use = "a lock is given up when it is dropped"]
pub struct Lock {
    lock: Arc<lock::Lock>,
    _client: Client,
}

/// How a lock is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LockState {
    /// Where it stands.
    pub state: LockStatus,
    /// The key by which it stands in line.
    pub key: String,
    /// As [`Lock::token`]; 0 while it is not held.
    pub token: u64,
    /// For how many milliseconds its key is surely there still.
    pub remaining_ms: u64,
    /// Why it is lost.
    pub error: Option<Error>,
}

/// Where a lock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LockStatus {
    /// Others are before it.
    Waiting,
    /// It is held.
    Held,
    /// It is over, and never held again.
    Lost,
}

impl Lock {
    /// Waits until it is held. An error says that it is lost, and why.
    pub fn wait(&self) -> Result<()> {
        self.is_held_in(None).map(|_| ())
    }

    /// The same for so long at most: whether it is held.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool> {
        self.is_held_in(Some(Deadline::after(timeout)))
    }

    /// The same as a future, which takes no thread: ready when it is held, or lost.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn work(client: &etcd::Client) -> etcd::Result<()> {
    /// let lock = client.future(|client| client.lock_open("/locks/backup", "", Duration::from_secs(10))).await?;
    /// lock.held().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn held(&self) -> Wait<'_, Result<()>> {
        Wait::new(|sleeper| {
            let is_wanted = |standing| standing != Standing::Waiting;
            self.lock.poll(is_wanted, sleeper).map(|standing| self.outcome(standing).map(|_| ()))
        })
    }

    /// Why it is lost, as a future that is ready once it is. Work that needs the lock is raced against it.
    pub fn lost(&self) -> Wait<'_, Error> {
        Wait::new(|sleeper| self.lock.poll(|standing| standing == Standing::Over, sleeper).map(|_| self.loss()))
    }

    /// Whether it is held at this moment. It asks nobody.
    pub fn is_held(&self) -> bool {
        self.token().is_some()
    }

    /// Larger with every holder: sent along with each request to what the lock protects, so that those with a smaller one
    /// than was seen can be refused. `None` while it is not held. It asks nobody.
    pub fn token(&self) -> Option<u64> {
        self.lock.token()
    }

    /// How it is. It asks nobody.
    pub fn state(&self) -> Result<LockState> {
        decode(&self.lock.state())
    }

    /// Gives a lock that is held another value, by which a leader says what has changed about it. The token stays.
    ///
    /// Errors: 101 (it is not held), and those of every call. etcd: `PUT /v2/keys/{key}?prevIndex={index}`; over v3
    /// `KV/Txn`.
    pub fn proclaim(&self, value: &str) -> Result<Reply> {
        decode(&self.lock.proclaim(value)?)
    }

    /// Carries out a transaction, over v3 only, which the server does only if the lock is held at that moment. The setting
    /// `root`, which the lock's name is below, has no meaning for its keys.
    ///
    /// Errors: 101 (it is not held, and nothing was done), 1010 (over v2), and those of [`Client::txn`]. etcd: `KV/Txn`.
    pub fn txn(&self, txn: &Txn) -> Result<TxnReply> {
        decode(&self.lock.txn(txn.request()?)?)
    }

    fn is_held_in(&self, until: Option<Deadline>) -> Result<bool> {
        self.outcome(self.lock.wait(until))
    }

    fn outcome(&self, standing: Standing) -> Result<bool> {
        match standing {
            Standing::Held => Ok(true),
            Standing::Waiting => Ok(false),
            Standing::Over => Err(self.loss()),
        }
    }

    fn loss(&self) -> Error {
        let ended = || error::Error::cancelled("the lock has ended").into();
        self.state().map_or_else(|error| error, |state| state.error.unwrap_or_else(ended))
    }
}

impl AsRawFd for Lock {
    fn as_raw_fd(&self) -> RawFd {
        self.lock.descriptor().unwrap_or(-1)
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("token", &self.token()).finish_non_exhaustive()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.lock.is_of_this_process() {
            self.lock.free();
        } else {
            process::leave(self.lock.clone());
        }
    }
}

/// # Locks and elections
///
/// Over v3 the keys are those of Go's `concurrency` and of `etcdctl lock` and `elect`, which stand in the same line. What
/// is below a lock's name belongs to the lock.
impl Client {
    /// Stands in line for a lock until it is held; `value` is for others to see, of a leader say its address. A holder that
    /// dies blocks the others for `ttl`.
    ///
    /// Errors: 202, 1011, those of every call, and why its place in the line was lost. etcd: `POST /v2/keys/{name}`; over
    /// v3 `Lease/LeaseGrant` and `KV/Txn`.
    pub fn lock(&self, name: &str, value: &str, ttl: Duration) -> Result<Lock> {
        let lock = self.lock_open(name, value, ttl)?;
        lock.wait()?;
        Ok(lock)
    }

    /// Takes a lock, or does not stand in line.
    ///
    /// Errors: 105 (another holds it, or stands in line), and those of [`lock`](Client::lock).
    pub fn try_lock(&self, name: &str, value: &str, ttl: Duration) -> Result<Lock> {
        self.stand_in_line(name, value, ttl, true)
    }

    /// Stands in line for a lock, and does not wait: [`Lock::wait`], [`Lock::wait_timeout`] and [`Lock::held`] do.
    ///
    /// Errors: as for [`lock`](Client::lock).
    pub fn lock_open(&self, name: &str, value: &str, ttl: Duration) -> Result<Lock> {
        self.stand_in_line(name, value, ttl, false)
    }

    fn stand_in_line(&self, name: &str, value: &str, ttl: Duration, only_if_free: bool) -> Result<Lock> {
        let (line, ttl) = (Key::parse(name)?, lease::ttl(ttl::seconds(ttl)?)?);
        let lock = lock::Lock::open(self.inner().household(), line, value, ttl, only_if_free)?;
        Ok(Lock { lock, _client: self.clone() })
    }
}
