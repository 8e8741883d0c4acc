//! What leases, registrations, locks and elections need of an API version: keys that live only as long as somebody keeps
//! them alive, and lines of such keys in the order of their creation.

use super::listener::Listener;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Weak};
use crate::messages::kv::TxnRequest;
use crate::net::{Cancel, Deadline};
use crate::operation::Key;
use crate::transport::{Server, Transport};

/// What keeps keys alive. Where an API version has no leases it is a mark that tells whose a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub id: i64,
    /// Seconds, as granted.
    pub ttl: u64,
}

/// A key that a lease holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub key: Key,
    /// The key as `listen` takes it.
    pub name: Vec<u8>,
    /// The index of its creation: of two keys the later one's is the greater.
    pub created: u64,
    /// How far the store was then.
    pub index: u64,
}

/// Where a key stands in its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    First {
        index: u64,
    },
    /// Behind the key of this name.
    After {
        name: Vec<u8>,
        index: u64,
    },
    /// It is not there any more.
    Gone,
}

/// The first of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// `{"value":…,"key":…,"token":…}`
    pub json: String,
    /// `None`: another program's key, which is no path.
    pub key: Option<Key>,
}

pub trait Holding: Send + Sync {
    /// A lease for keys of the library's own.
    fn grant(&self, ttl: u64, server: &dyn Server) -> Result<Lease>;

    /// A lease for keys of the caller's.
    fn grant_alone(&self, ttl: u64, server: &dyn Server) -> Result<Lease> {
        self.grant(ttl, server)
    }

    /// Gives back what a lease holds, at once; `claim` is all there is where an API version has no leases. What is gone
    /// already is fine.
    fn release(&self, lease: Lease, claim: Option<&Claim>, server: &dyn Server) -> Result<()>;

    /// Makes a key that must not be there: error 105 if it is.
    fn claim(&self, lease: Lease, key: &Key, value: &str, server: &dyn Server) -> Result<Claim>;

    /// Whether a key is still the one that was claimed, and how far the store was then.
    fn check(&self, lease: Lease, claim: &Claim, server: &dyn Server) -> Result<Option<u64>>;

    /// Adds a key at the end of a line.
    fn join(&self, lease: Lease, line: &Key, value: &str, server: &dyn Server) -> Result<Claim>;

    /// Gives back a lease and the place in a line that it may have: what `join` has sent may have been carried out, though
    /// it failed.
    fn leave(&self, lease: Lease, line: &Key, server: &dyn Server) -> Result<()>;

    /// Whose turn it is.
    fn turn(&self, line: &Key, claim: &Claim, server: &dyn Server) -> Result<Turn>;

    /// The first of a line, if there is one, and how far the store was then.
    fn leader(&self, line: &Key, server: &dyn Server) -> Result<(Option<Leader>, u64)>;

    /// Gives a key of a line another value: error 101 if it is not there any more.
    fn proclaim(&self, lease: Lease, claim: &Claim, value: &str, server: &dyn Server) -> Result<String>;

    /// Carries out a transaction if the key of a line is there, else error 101.
    fn guarded(&self, claim: &Claim, txn: &TxnRequest, server: &dyn Server) -> Result<String>;

    /// The way on which leases are kept alive.
    fn keeper(&self, transport: &Arc<Transport>, cancel: &Arc<Cancel>, answers: Arc<dyn Answers>) -> Box<dyn Keeper>;

    /// Listens for changes of one key that come after an index. `None`: this API version can only wait for them.
    fn listen(
        &self,
        name: &[u8],
        after: u64,
        transport: &Arc<Transport>,
        cancel: &Arc<Cancel>,
        listener: &Weak<dyn Listener>,
    ) -> Result<Option<Box<dyn Ear>>>;
}

/// Asks servers to keep leases alive.
pub trait Keeper: Send {
    /// The answers come by and by, with this epoch, in the order of what was asked. In another epoch than the last it
    /// is another stream. Returns by `by`, whatever servers do: who asks has a clock to look at.
    fn ask(&mut self, epoch: u64, leases: &[Kept], by: Deadline) -> Result<()>;

    /// No answer has come for too long: the next epoch had better be another endpoint's.
    fn doubt(&mut self);
}

/// A lease to be kept alive; `claim` is all there is where an API version has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub lease: Lease,
    pub claim: Option<Claim>,
}

/// Takes what comes of a keeper's questions. Its functions must not block.
pub trait Answers: Send + Sync {
    /// The seconds that a lease has from the moment on in which that was asked; 0: it is gone.
    fn kept(&self, epoch: u64, id: i64, ttl: u64);

    /// No answer comes any more in this epoch.
    fn broke(&self, epoch: u64, error: Error);
}

/// Hears changes of one key.
pub trait Ear: Send {
    /// Whether something may have changed: then one looks, and listens anew. It is said once. An error: listening broke
    /// off, or was refused. Does not wait.
    fn has_heard(&mut self) -> Result<bool>;
}
