//! The way to a server, as an API version sees it: it sends requests and knows no socket.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use super::attempt::{Attempt, Limit};
use super::connector::Connector;
use super::endpoint::Endpoint;
use super::exchange::Exchange;
use super::record;
use super::retry;
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
    connector: &'a Connector,
    config: &'a Config,
    endpoint: Arc<Endpoint>,
    /// Those of its addresses that may do, the one that answered last first; none: not looked up yet.
    addresses: RefCell<Vec<Arc<Endpoint>>>,
    cancel: Arc<Cancel>,
    deadline: Deadline,
}

impl<'a> Alone<'a> {
    pub(super) fn new(
        connector: &'a Connector,
        config: &'a Config,
        endpoint: Arc<Endpoint>,
        cancel: Arc<Cancel>,
        deadline: Deadline,
    ) -> Alone<'a> {
        Alone { connector, config, endpoint, addresses: RefCell::default(), cancel, deadline }
    }

    /// Asks one of its addresses after the other, as long as that can do no harm.
    fn ask<E: Exchange>(&self, request: &E, ask: impl Fn(Attempt) -> Result<E::Answer, Failure>) -> Result<E::Answer> {
        let into_error = |failure: Failure, place: &Arc<Endpoint>| {
            failure.into_error(request.effect().is_read(), &place.to_string())
        };
        let mut addresses = self.addresses.take();
        if addresses.is_empty() {
            let each = self.connector.each_address(&self.endpoint, self.deadline, &self.cancel);
            addresses = each.map_err(|failure| into_error(failure, &self.endpoint))?;
        }
        loop {
            let began = Instant::now();
            let share = Deadline::from(began, self.deadline.left_at(began) / addresses.len() as u32);
            let (endpoint, config, cancel) = (&addresses[0], self.config, &self.cancel);
            let outcome = ask(Attempt { endpoint, connect_by: share, answer: Limit::At(share), config, cancel });
            record::exchange(endpoint, request, &outcome, began, Level::Warn);
            let is_next = addresses.len() > 1 && retry::may_try_again(request, &outcome);
            if !is_next {
                let outcome = outcome.map_err(|failure| into_error(failure, &addresses[0]));
                *self.addresses.borrow_mut() = addresses;
                return outcome;
            }
            addresses.remove(0);
        }
    }
}

impl Server for Alone<'_> {
    fn send(&self, request: &Request) -> Result<Response> {
        self.ask(request, |attempt| self.connector.exchange_here(request, attempt))
    }

    fn call(&self, call: &grpc::Call) -> Result<grpc::Reply> {
        self.ask(call, |attempt| self.connector.call(call, None, attempt))
    }
}
