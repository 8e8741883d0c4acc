//! What an API version of etcd must be able to do, so that the client need not know which it is.

pub mod auto;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod holding;
mod listener;
pub mod v2;
pub mod v3;

use self::holding::Holding;
pub use self::listener::Listener;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Weak};
use crate::config::Config;
use crate::net::Cancel;
use crate::operation::{Member, Operation, Watch};
use crate::transport::{Server, Transport};

pub trait Api: Send + Sync {
    /// "v2" or "v3"; a server may have to be asked.
    fn name(&self, server: &dyn Server) -> Result<&'static str>;

    /// The same for a client derived from the one that this is for. `config` differs in what `Config::with` allows.
    fn derive(&self, config: &Config) -> Box<dyn Api>;

    /// Carries out an operation with as many exchanges as it takes; the text is the caller's reply.
    fn run(&self, operation: &Operation, server: &dyn Server) -> Result<String>;

    /// The members of the cluster, for those who want their addresses.
    fn members(&self, server: &dyn Server) -> Result<Vec<Member>>;

    /// The id of the cluster that a server is of, if it answers at all.
    fn cluster_id(&self, server: &dyn Server) -> Result<String>;

    /// For what lives only as long as it is kept alive.
    fn holding(&self, server: &dyn Server) -> Result<&dyn Holding>;

    /// Whether a lease is kept alive without the root of the client that has it; false, too, where that is not known as yet.
    fn keeps_leases_of_any_root(&self) -> bool;

    /// Begins a watch; an error, if this API has none of the kind. Where "now" is asked for, a server is asked what that is, before this returns; if none answers,
    /// the watch begins with a resync. All that the watch waits for later ends when `cancel` says so.
    fn watch(&self, watch: Watch, transport: &Arc<Transport>, cancel: Arc<Cancel>) -> Result<Box<dyn EventSource>>;
}

/// Where the events of one watch come from, in order. It has its own way to the servers, whatever that is, and goes on
/// with another endpoint by itself.
pub trait EventSource: Send {
    /// What it is of, for the log.
    fn name(&self) -> String;

    /// Waits for the next thing to tell.
    fn next(&mut self) -> Next;

    /// Has `listener` told whenever `look` may find more. False: this source can only be waited for, at least as yet.
    fn attach(&mut self, _listener: &Weak<dyn Listener>) -> bool {
        false
    }

    /// What there is without waiting.
    fn look(&mut self) -> Look {
        Look::Asks
    }
}

#[derive(Debug)]
pub enum Look {
    Found(Next),
    /// Nothing yet.
    Nothing,
    /// A server must be asked: by `next`, which waits for the answer and for nothing else.
    Asks,
}

#[derive(Debug)]
pub enum Next {
    /// A change, as the caller gets it.
    Event(String),
    /// The same, and others that came with it follow at once: some may have its index.
    Part(String),
    /// Nothing yet; ask again at once.
    Idle,
    /// Something is wrong that may mend; ask again after a pause.
    Retry(Error),
    /// This endpoint will not do, but another may; ask again after a pause.
    Refused(Error),
    /// Something is wrong for good.
    Fatal(Error),
}
