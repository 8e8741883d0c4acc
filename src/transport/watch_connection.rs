//! A watch's own way to the cluster: one connection at a time, to one endpoint until that fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::attempt::{Attempt, Limit};
use super::connector::Found;
use super::endpoint::Endpoint;
use super::requests::{Begun, Kept};
use super::{Transport, record};
use crate::base::error::{Error, Result};
use crate::base::failure::Failure;
use crate::base::log::Level;
use crate::config::Config;
use crate::http::{Connection, Headers, Request, Response};
use crate::net::{Cancel, Deadline};

pub struct WatchConnection {
    transport: Arc<Transport>,
    cancel: Arc<Cancel>,
    endpoint: Arc<Endpoint>,
    connection: Option<Connection>,
    ahead: Option<Ahead>,
}

/// A request that was sent before anybody waits for its response.
struct Ahead {
    request: Request,
    connection: Connection,
    asked: Instant,
}

/// A response of which the head has come.
pub struct Pending {
    begun: Begun,
    /// When the request was sent.
    pub asked: Instant,
}

impl Pending {
    pub fn headers(&self) -> &Headers {
        &self.begun.head.headers
    }
}

impl WatchConnection {
    /// All that it waits for ends when `cancel` says so.
    pub fn new(transport: Arc<Transport>, cancel: Arc<Cancel>) -> WatchConnection {
        let endpoint = transport.connector().endpoints.in_order().swap_remove(0);
        WatchConnection { transport, cancel, endpoint, connection: None, ahead: None }
    }

    pub fn config(&self) -> &Config {
        self.transport.config()
    }

    /// Goes on with another endpoint, on a new connection.
    pub fn change_endpoint(&mut self) {
        self.endpoint.has_failed();
        self.choose_endpoint();
    }

    /// How many endpoints there are to go to.
    pub fn endpoints(&self) -> usize {
        self.transport.connector().endpoints.count()
    }

    /// One whole exchange.
    pub fn send(&mut self, request: &Request) -> Result<Response> {
        let (began, time) = (Instant::now(), self.config().request_timeout);
        let pending = self.begin(request, time)?;
        self.finish(request, pending, Deadline::from(began, time))
    }

    /// Sends a request and reads the head of its response, wherever redirects lead. Connecting has its own time, and then
    /// the head must be there `within` this one.
    pub fn begin(&mut self, request: &Request, within: Duration) -> Result<Pending> {
        let now = Instant::now();
        let ahead = self.ahead.take().filter(|ahead| ahead.request.is_same_as(request));
        let (kept, asked) = match ahead {
            Some(ahead) => (Some(Kept::Asked(ahead.connection)), ahead.asked),
            None => (self.connection.take().filter(Connection::is_quiet).map(Kept::Idle), now),
        };
        let begun = self.begin_with(request, kept, within, now);
        let begun = begun.map_err(|failure| self.failed(request, failure, asked))?;
        self.endpoint.has_answered();
        Ok(Pending { begun, asked })
    }

    fn begin_with(
        &mut self,
        request: &Request,
        kept: Option<Kept>,
        within: Duration,
        began: Instant,
    ) -> Result<Begun, Failure> {
        let transport = self.transport.clone();
        let (connector, config) = (transport.connector(), transport.config());
        let connect_by = Deadline::from(began, config.request_timeout);
        if kept.is_none() {
            match connector.look_up(&self.endpoint, connect_by, &self.cancel)? {
                Found::Here => {}
                Found::Replaced => self.choose_endpoint(),
                Found::Late(failure) => return Err(failure),
            }
        }
        let (endpoint, cancel, answer) = (&self.endpoint, &self.cancel, Limit::Within(within));
        connector.begin(request, kept, Attempt { endpoint, connect_by, answer, config, cancel })
    }

    /// Waits for the body to begin. False if that has not come by then.
    pub fn wait(&self, request: &Request, pending: &mut Pending, until: Deadline) -> Result<bool> {
        let Begun { connection, head, endpoint } = &mut pending.begun;
        match connection.await_body(head, until) {
            Ok(()) => Ok(true),
            Err(Failure::Timeout(_)) => {
                record::silence(endpoint, request, pending.asked);
                Ok(false)
            }
            Err(failure) => Err(self.failed(request, failure, pending.asked)),
        }
    }

    /// Reads the body, and keeps the connection for the next request.
    pub fn finish(&mut self, request: &Request, pending: Pending, deadline: Deadline) -> Result<Response> {
        let Pending { begun: Begun { mut connection, head, endpoint }, asked } = pending;
        let outcome = connection.read_body(head, deadline, self.config().max_response_bytes);
        // The watch itself tells of its trouble, once.
        record::exchange(&endpoint, request, &outcome, asked, Level::Debug);
        // One that a redirect led to is not where the next request goes.
        let is_ours = Arc::ptr_eq(&endpoint, &self.endpoint);
        self.connection = Some(connection).filter(|connection| is_ours && connection.is_reusable());
        outcome.map_err(|failure| failure.into_error(request.is_read(), &endpoint.to_string()))
    }

    /// Gives up a response that is still to come.
    pub fn abandon(&self, pending: Pending) {
        pending.begun.connection.abandon();
    }

    /// Sends the request of the next `begin` without waiting for its response, if there is a connection for it.
    pub fn ask_ahead(&mut self, request: Request) {
        let Some(mut connection) = self.connection.take().filter(Connection::is_quiet) else { return };
        let asked = Instant::now();
        let deadline = Deadline::from(asked, self.config().request_timeout);
        // If it cannot be sent, the `begin` that follows finds out why.
        if connection.send(&request, &self.endpoint.origin, &self.config().user_agent, deadline).is_ok() {
            self.ahead = Some(Ahead { request, connection, asked });
        }
    }

    fn choose_endpoint(&mut self) {
        (self.connection, self.ahead) = (None, None);
        self.endpoint = self.transport.connector().endpoints.in_order().swap_remove(0);
    }

    fn failed(&self, request: &Request, failure: Failure, asked: Instant) -> Error {
        let outcome = Err(failure.clone());
        record::exchange(&self.endpoint, request, &outcome, asked, Level::Debug);
        failure.into_error(request.is_read(), &self.endpoint.to_string())
    }
}
