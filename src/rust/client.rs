//! A client of a cluster.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::config::Config;
use super::error::Result;
use super::reply::decode;
use crate::client;
use crate::config::{ApiVersion, Config as Settings};
use crate::operation::Operation;

/// A client of a cluster. Any number of threads may use it at once, and share its connections, which are opened when they
/// are needed and kept alive. A clone is the same client.
///
/// What was opened with it, a [`Watch`](crate::Watch), a [`Lease`](crate::Lease), a [`Lock`](crate::Lock), keeps it
/// connected. It ends when it and all these have been dropped, or by [`disconnect`](Client::disconnect).
///
/// A forked child may go on with its parent's client, on connections of its own; what the parent has opened is the
/// parent's.
#[derive(Clone)]
pub struct Client(Arc<Connected>);

struct Connected {
    client: Arc<client::Client>,
    /// Whose connections these are.
    _parent: Option<Client>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.client.disconnect();
    }
}

impl Client {
    /// Makes a client for one server, without TLS and credentials, with the API that the server has. [`Config`] can do
    /// more. It does no I/O: if the server cannot be reached, the first call fails.
    ///
    /// - `host`: a name or an address, without a scheme; "" is 127.0.0.1.
    /// - `port`: the server's client port; 0 is 2379.
    ///
    /// Errors: 1001.
    pub fn connect(host: &str, port: u16) -> Result<Client> {
        Client::new(Settings::for_host(host, port, ApiVersion::Auto)?)
    }

    fn new(settings: Settings) -> Result<Client> {
        Ok(Client(Arc::new(Connected { client: client::Client::new(settings)?, _parent: None })))
    }

    /// Makes a client that shares this one's connections and token, with a time limit, a root or a user of its own. It
    /// costs no connection, no thread and less than 1 KB (2 KB with another user), so it may be made for a single call,
    /// which another thread then ends by [`disconnect`](Client::disconnect) of this client alone.
    ///
    /// `changes` may have other times, retries, roots, users and sizes of a watch's queue, and nothing that connections
    /// depend on. A root is appended to this one's.
    ///
    /// Errors: 1001 (a setting that is invalid, or cannot be another's), 1009 (this client was disconnected).
    ///
    /// ```
    /// use std::time::Duration;
    /// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
    /// # let client = etcd::Config::new().endpoints([url]).connect()?;
    /// let app = client.with(&etcd::Config::new().root("/app/").request_timeout(Duration::from_secs(30)))?;
    /// println!("{}", app.exists("greeting")?);
    /// # Ok::<(), etcd::Error>(())
    /// ```
    pub fn with(&self, changes: &Config) -> Result<Client> {
        let client = self.inner().derive(changes.over(self.inner().config())?)?;
        Ok(Client(Arc::new(Connected { client, _parent: Some(self.clone()) })))
    }

    /// Ends all that is under way: calls of other threads are error 1009, watches, leases and locks end, those of clients
    /// that were made of this one by [`with`](Client::with), too. Later calls are error 1009.
    pub fn disconnect(&self) {
        self.inner().disconnect();
    }

    /// The version of etcd's API that is used, "v2" or "v3". Where it is to be found out and no call has done so yet, this
    /// one does.
    ///
    /// Errors: 1002, and those of every call. etcd: `GET /version`, `GET /v2/keys/_libetcd`.
    pub fn api(&self) -> Result<&'static str> {
        Ok(self.inner().api()?)
    }

    pub(super) fn inner(&self) -> &Arc<client::Client> {
        &self.0.client
    }

    /// Carries out one operation, and reads the reply.
    pub(super) fn run<T: DeserializeOwned>(&self, operation: &Operation) -> Result<T> {
        decode(&self.inner().run(operation)?)
    }
}

impl Config {
    /// Makes a client. The only I/O is to read files, and to ask for SRV records if `discovery.srv_domain` is set.
    ///
    /// Errors: 1001 (the first invalid name or value, or a file that cannot be read), 1002 (no SRV records), 1010, 1011.
    pub fn connect(&self) -> Result<Client> {
        Client::new(self.plain()?)
    }
}

/// With its endpoints, and without its password.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints = Vec::from_iter(self.inner().urls().iter().map(|url| url.to_string()));
        let is_disconnected = self.inner().is_disconnected();
        f.debug_struct("Client")
            .field("endpoints", &endpoints)
            .field("is_disconnected", &is_disconnected)
            .finish_non_exhaustive()
    }
}
