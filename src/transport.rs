//! Requests to a cluster: which endpoint, how often, within which time.

mod attempt;
mod calls;
mod channels;
mod connector;
mod endpoint;
mod endpoints;
mod exchange;
mod pool;
mod record;
mod redirect;
mod requests;
mod retry;
mod server;
mod stream_connection;
mod streams;
mod turns;
mod watch_connection;

pub use server::{Alone, Call, Server};
pub use watch_connection::WatchConnection;

use std::sync::Arc;
use std::time::Instant;

use crate::base::error::{Error, Result};
use crate::base::process::PerProcess;
use crate::config::{Config, EndpointUrl};
use crate::grpc::{Opening, StreamHandler, StreamSender};
use crate::net::{Cancel, Deadline, Hook, TlsMaterial};
use connector::Connector;
use endpoint::{Endpoint, Trust};

/// A client's way to its cluster. One that is derived from another shares that one's endpoints and connections, and ends
/// its own calls alone.
pub struct Transport {
    config: Config,
    shared: Arc<Shared>,
    derived: Option<Derived>,
}

/// What a client and those derived from it have in common.
struct Shared {
    /// Of the first of them, which decides on endpoints and connections.
    config: Config,
    /// Read from files once; `None` if no endpoint needs it.
    tls: Option<TlsMaterial>,
    connector: PerProcess<Connector>,
}

struct Derived {
    parent: Arc<Transport>,
    own: PerProcess<Own>,
}

/// What ends the calls of a derived client: its own end, and its parent's.
struct Own {
    cancel: Arc<Cancel>,
    _by_parent: Option<Hook>,
}

impl Transport {
    pub fn new(mut config: Config) -> Result<Transport> {
        if config.endpoints.is_empty() && config.discovered.is_empty() {
            config.endpoints = Arc::new([EndpointUrl::local()]);
        }
        let tls = if config.wants_tls() { Some(TlsMaterial::load(&config.tls)?) } else { None };
        let connector = PerProcess::new(Connector::new(&config, tls.as_ref()));
        let shared = Shared { config: config.clone(), tls, connector };
        Ok(Transport { config, shared: Arc::new(shared), derived: None })
    }

    /// The way of a client derived from this one's; fails where this one's has ended.
    pub fn derive(self: &Arc<Self>, config: Config) -> Result<Transport> {
        let own = Own::of(self);
        if own.cancel.is_cancelled() {
            return Err(Error::disconnected());
        }
        let derived = Some(Derived { parent: self.clone(), own: PerProcess::new(own) });
        Ok(Transport { config, shared: self.shared.clone(), derived })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The way to the cluster for one call, which begins now.
    pub fn call(&self) -> Call<'_> {
        self.call_until(self.cancellation())
    }

    /// The same for one that `cancel` gives up.
    pub fn call_until(&self, cancel: Arc<Cancel>) -> Call<'_> {
        let deadline = Deadline::after(self.config.request_timeout);
        Call { connector: self.connector(), config: &self.config, user_agent: self.user_agent(), cancel, deadline }
    }

    /// Begins a stream on the connection for streams, which is that of all that share it. Connecting takes no longer than
    /// a call may, and ends by `by`.
    pub fn open_stream(
        &self,
        opening: Opening<'_>,
        handler: Box<dyn StreamHandler>,
        by: Option<Deadline>,
        cancel: &Arc<Cancel>,
    ) -> Result<StreamSender> {
        self.connector().open_stream(opening, handler, &self.shared.config, by, cancel)
    }

    /// Has the next stream go to another endpoint, if there is one.
    pub fn doubt_streams(&self) {
        self.connector().doubt_streams();
    }

    /// The way to one server alone, until `deadline`; it is not sent any password.
    pub fn at(&self, url: &EndpointUrl, deadline: Deadline) -> Alone<'_> {
        let endpoint = Arc::new(Endpoint::new(url, Trust::Candidate, Instant::now()));
        Alone::new(self.connector(), &self.config, endpoint, self.cancellation(), deadline)
    }

    /// Ends every call under way, in this process, with `Cancelled`; later ones fail at once.
    pub fn cancel(&self) {
        self.cancellation().cancel();
    }

    /// What `cancel` sets off, in this process.
    pub fn cancellation(&self) -> Arc<Cancel> {
        match &self.derived {
            None => self.connector().cancel.clone(),
            Some(Derived { parent, own }) => own.get_or_make(|| Own::of(parent)).cancel.clone(),
        }
    }

    /// Whether `cancel` has been called in this process.
    pub fn is_cancelled(&self) -> bool {
        self.cancellation().is_cancelled()
    }

    pub fn knows(&self, url: &EndpointUrl) -> bool {
        self.connector().endpoints.find(url).is_some()
    }

    pub fn urls(&self) -> Vec<EndpointUrl> {
        self.connector().endpoints.urls()
    }

    /// Replaces the endpoints that are not configured.
    pub fn set_members(&self, members: &[EndpointUrl]) {
        self.connector().endpoints.set_members(members, &self.shared.config);
    }

    fn connector(&self) -> &Connector {
        let Shared { config, tls, connector } = &*self.shared;
        connector.get_or_make(|| Connector::new(config, tls.as_ref()))
    }

    /// That of its calls, where it is not the one that connections are made with.
    fn user_agent(&self) -> Option<&Arc<str>> {
        Some(&self.config.user_agent).filter(|own| **own != self.shared.config.user_agent)
    }
}

impl Own {
    fn of(parent: &Transport) -> Own {
        let (cancel, _by_parent) = Cancel::below(&parent.cancellation());
        Own { cancel, _by_parent }
    }
}
