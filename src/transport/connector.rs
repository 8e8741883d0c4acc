//! What one process has: its endpoints, its open connections, and the way to open more. What is sent on them stands in
//! `requests`, `calls` and `streams`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::channels::{Channels, InUse};
use super::endpoint::Endpoint;
use super::endpoints::{self, Endpoints};
use super::pool::Pool;
use super::stream_connection::Current;
use crate::base::failure::Failure;
use crate::config::Config;
use crate::http::Connection;
use crate::net::{self, Ahead, Alpn, Cancel, Cancelled, Deadline, Hook, Resolver, Stream, Tcp, TlsClient, TlsMaterial};

pub struct Connector {
    pub endpoints: Endpoints,
    /// Ends all calls. The pool's connections end with it, too.
    pub cancel: Arc<Cancel>,
    pool: Pool,
    pub(super) channels: Channels,
    pub(super) streams: Current,
    resolver: Resolver,
    tls: Option<Arc<TlsClient>>,
    /// For each connection anew.
    connect_timeout: Duration,
}

/// What a look-up of an endpoint's name has brought.
pub enum Found {
    /// It can be connected to.
    Here,
    /// Others, one for each address, now stand in its place.
    Replaced,
    /// Nothing yet. The look-up goes on.
    Late(Failure),
}

/// How long an endpoint that has an address waits to hear that its name has others.
const FOR_ANOTHER_ADDRESS: Duration = Duration::from_millis(200);

impl Connector {
    pub fn new(config: &Config, tls: Option<&TlsMaterial>) -> Connector {
        Connector {
            endpoints: Endpoints::new(config),
            cancel: Cancel::new(),
            pool: Pool::default(),
            channels: Channels::default(),
            streams: Current::default(),
            resolver: Resolver::default(),
            tls: tls.map(TlsClient::new),
            connect_timeout: config.connect_timeout,
        }
    }

    /// An open connection to that endpoint, if one is idle. While it is in use, `cancel` ends it.
    pub fn idle(&self, endpoint: &Arc<Endpoint>, now: Instant, cancel: &Arc<Cancel>) -> Option<Connection> {
        let mut connection = self.pool.take(endpoint, now)?;
        connection.end_with(cancel).ok()?;
        Some(connection)
    }

    /// Keeps a connection for later requests, if it can carry them. It ends with the client, whatever ended it so far.
    pub fn keep(&self, endpoint: &Arc<Endpoint>, mut connection: Connection) {
        if connection.is_reusable() && endpoint.trust.is_pooled() && connection.end_with(&self.cancel).is_ok() {
            self.pool.put(endpoint, connection);
        }
    }

    /// Looks up the endpoint's name, if it is one.
    pub fn look_up(&self, endpoint: &Arc<Endpoint>, by: Deadline, cancel: &Arc<Cancel>) -> Result<Found, Failure> {
        let has_address = endpoint.address.is_some();
        // The time is for connecting to the address that there is.
        let by = if has_address { by.min(Deadline::after(FOR_ANOTHER_ADDRESS)) } else { by };
        match self.resolver.find(&endpoint.url.host, endpoint.url.port, by, cancel) {
            Ok(Some(addresses)) if self.endpoints.resolved(endpoint, &addresses) => Ok(Found::Replaced),
            Ok(Some(_)) => Ok(Found::Here),
            Ok(None) | Err(Failure::Unreachable(_)) if has_address => Ok(Found::Here),
            Ok(None) => Ok(Found::Late(net::late(&endpoint.url.host))),
            Err(failure) => Err(failure),
        }
    }

    /// Has the endpoint's name looked up meanwhile, if it is one.
    pub fn look_up_ahead(&self, endpoint: &Endpoint) -> Option<Ahead> {
        self.resolver.ahead(&endpoint.url.host)
    }

    /// The addresses of an endpoint that is none of `endpoints`, each an endpoint of its own; itself if it has but one.
    pub fn each_address(
        &self,
        endpoint: &Arc<Endpoint>,
        by: Deadline,
        cancel: &Arc<Cancel>,
    ) -> Result<Vec<Arc<Endpoint>>, Failure> {
        let addresses = self.resolver.resolve(&endpoint.url.host, endpoint.url.port, by, cancel)?;
        let addresses = endpoints::distinct(&addresses);
        if addresses.len() < 2 {
            return Ok(vec![endpoint.clone()]);
        }
        Ok(addresses.into_iter().map(|address| Arc::new(endpoint.at(address))).collect())
    }

    pub(super) fn connect(
        &self,
        endpoint: &Endpoint,
        by: Deadline,
        cancel: &Arc<Cancel>,
    ) -> Result<Connection, Failure> {
        Ok(Connection::new(self.open(endpoint, Alpn::None, by, cancel)?, cancel.clone()))
    }

    /// An open channel to that endpoint, if there is one to spare.
    pub fn idle_channel(&self, endpoint: &Arc<Endpoint>, now: Instant) -> Option<InUse> {
        self.channels.take(endpoint, now)
    }

    /// What gives up a connection that is for all: with its first hook the client, with the other one who waits for it.
    pub(super) fn own_cancel(&self, cancel: &Arc<Cancel>) -> Result<(Arc<Cancel>, Vec<Hook>), Failure> {
        Cancel::linked(&[&self.cancel, cancel]).map_err(|Cancelled| Failure::Cancelled { sent: false })
    }

    pub(super) fn open(
        &self,
        endpoint: &Endpoint,
        alpn: Alpn,
        by: Deadline,
        cancel: &Arc<Cancel>,
    ) -> Result<Stream, Failure> {
        let url = &endpoint.url;
        let addresses = match endpoint.address {
            Some(address) => vec![address],
            None => self.resolver.resolve(&url.host, url.port, by, cancel)?,
        };
        // It begins once the address is known: a name server that is slow says nothing about the endpoint.
        let by = by.min(Deadline::after(self.connect_timeout));
        let tcp = Tcp::connect(&addresses, by, cancel).inspect_err(|_| self.resolver.doubt(&url.host))?;
        match &self.tls {
            Some(tls) if url.secure => {
                let sees_certificate = endpoint.trust.sees_certificate();
                tls.connect(tcp, &url.host, sees_certificate, alpn).map_err(|failure| match failure {
                    _ if cancel.is_cancelled() => Failure::Cancelled { sent: false },
                    failure => failure,
                })
            }
            None if url.secure => {
                let cause = "TLS is not set up: no configured endpoint is https, and nothing under tls. is set";
                Err(Failure::Tls(cause.to_owned()))
            }
            _ => Ok(Stream::Plain(tcp)),
        }
    }
}
