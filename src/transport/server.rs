//! The way to a server, as an API version sees it: it sends requests and knows no socket.

use std::sync::Arc;
use std::time::Instant;

use super::connector::Connector;
use super::endpoint::Endpoint;
use super::exchange::Exchange;
use super::record;
use super::retry;
use super::time::{Limit, Time};
use crate::base::error::Result;
use crate::base::failure::Failure;
use crate::base::log::Level;
use crate::config::Config;
use crate::grpc;
use crate::http::{Request, Response};
use crate::net::{Cancel, Deadline};

pub trait Server {
    /// One request over HTTP/1.1.
    fn send(&self, request: &Request) -> Result<Response>;

    /// One gRPC call.
    fn call(&self, call: &grpc::Call) -> Result<grpc::Reply>;
}

/// The way to the cluster for one call. All its requests, and all their tries, have one deadline.
pub struct Call<'a> {
    pub(super) connector: &'a Connector,
    pub(super) config: &'a Config,
    /// Where it is not that of the connections.
    pub(super) user_agent: Option<&'a Arc<str>>,
    /// Gives it up.
    pub(super) cancel: Arc<Cancel>,
    pub deadline: Deadline,
}

impl<'a> Call<'a> {
    /// The same, over by then at the latest.
    pub fn ending_by(self, by: Deadline) -> Call<'a> {
        Call { deadline: self.deadline.min(by), ..self }
    }
}

impl Server for Call<'_> {
    fn send(&self, request: &Request) -> Result<Response> {
        retry::run(self.connector, self.config, request, self.deadline, &self.cancel)
    }

    fn call(&self, call: &grpc::Call) -> Result<grpc::Reply> {
        let run = |call: &grpc::Call| retry::run(self.connector, self.config, call, self.deadline, &self.cancel);
        match self.user_agent {
            None => run(call),
            user_agent => run(&grpc::Call { user_agent: user_agent.cloned(), ..call.clone() }),
        }
    }
}

/// The way to one endpoint alone, which is asked once and not followed elsewhere: a redirect is no answer of its own.
pub struct Alone<'a> {
    pub(super) connector: &'a Connector,
    pub(super) config: &'a Config,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) cancel: Arc<Cancel>,
    pub(super) deadline: Deadline,
}

impl Alone<'_> {
    fn ask<E: Exchange>(&self, request: &E, ask: impl FnOnce(Time) -> Result<E::Answer, Failure>) -> Result<E::Answer> {
        let time = Time { began: Instant::now(), connect_by: self.deadline, answer: Limit::At(self.deadline) };
        let outcome = ask(time);
        record::exchange(&self.endpoint, request, &outcome, time.began, Level::Warn);
        outcome.map_err(|failure| failure.into_error(request.effect().is_read(), &self.endpoint.to_string()))
    }
}

impl Server for Alone<'_> {
    fn send(&self, request: &Request) -> Result<Response> {
        self.ask(request, |time| self.connector.exchange_here(&self.endpoint, request, time, self.config, &self.cancel))
    }

    fn call(&self, call: &grpc::Call) -> Result<grpc::Reply> {
        self.ask(call, |time| self.connector.call(&self.endpoint, call, None, time, self.config, &self.cancel))
    }
}
