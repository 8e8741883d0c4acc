//! One request to one endpoint, whatever the protocol: what the retry loop needs to know of it.

use std::sync::Arc;
use std::time::Instant;

use super::attempt::Attempt;
use super::channels::InUse;
use super::connector::Connector;
use super::endpoint::Endpoint;
use super::requests::Kept;
use crate::base::effect::{Effect, Unanimity, Verdict};
use crate::base::failure::Failure;
use crate::base::memory;
use crate::grpc::{Call, Reply};
use crate::http::{Request, Response};
use crate::net::Cancel;

pub trait Exchange {
    /// What an endpoint brings back.
    type Answer;
    /// A connection to an endpoint that is open already.
    type Kept;

    fn effect(&self) -> Effect;

    fn judge(&self, answer: &Self::Answer) -> Verdict;

    /// Whose word it takes that it was not carried out.
    fn unanimity(&self) -> Unanimity {
        Unanimity::Any
    }

    fn kept(
        &self,
        connector: &Connector,
        endpoint: &Arc<Endpoint>,
        now: Instant,
        cancel: &Arc<Cancel>,
    ) -> Option<Self::Kept>;

    fn exchange(
        &self,
        connector: &Connector,
        kept: Option<Self::Kept>,
        attempt: Attempt,
    ) -> Result<Self::Answer, Failure>;

    /// For the log: what is asked of that endpoint, the answer in a word, and its body as text.
    fn describe(&self, endpoint: &Endpoint) -> String;
    fn summary(answer: &Self::Answer) -> String;
    fn body(answer: &Self::Answer) -> String;
}

impl Exchange for Request {
    type Answer = Response;
    type Kept = Kept;

    fn effect(&self) -> Effect {
        self.effect
    }

    fn judge(&self, response: &Response) -> Verdict {
        (self.judge)(response)
    }

    fn unanimity(&self) -> Unanimity {
        self.unanimity
    }

    fn kept(
        &self,
        connector: &Connector,
        endpoint: &Arc<Endpoint>,
        now: Instant,
        cancel: &Arc<Cancel>,
    ) -> Option<Kept> {
        connector.idle(endpoint, now, cancel).map(Kept::Idle)
    }

    fn exchange(&self, connector: &Connector, kept: Option<Kept>, attempt: Attempt) -> Result<Response, Failure> {
        connector.exchange(self, kept, attempt)
    }

    fn describe(&self, endpoint: &Endpoint) -> String {
        format!("{} {}{}", self.method.name(), endpoint.url, self.target)
    }

    fn summary(response: &Response) -> String {
        response.status.to_string()
    }

    fn body(response: &Response) -> String {
        let body = response.body.trim_ascii_end();
        match memory::check(5, body.len()) {
            Ok(()) => String::from_utf8_lossy(body).into_owned(),
            Err(error) => error.cause,
        }
    }
}

impl Exchange for Call {
    type Answer = Reply;
    type Kept = InUse;

    fn effect(&self) -> Effect {
        self.effect
    }

    fn judge(&self, reply: &Reply) -> Verdict {
        reply.as_ref().map_or_else(self.judge, |_| Verdict::Answer)
    }

    // Channels are shared by calls, each of which ends alone.
    fn kept(&self, connector: &Connector, endpoint: &Arc<Endpoint>, now: Instant, _: &Arc<Cancel>) -> Option<InUse> {
        connector.idle_channel(endpoint, now)
    }

    fn exchange(&self, connector: &Connector, kept: Option<InUse>, attempt: Attempt) -> Result<Reply, Failure> {
        connector.call(self, kept, attempt)
    }

    fn describe(&self, endpoint: &Endpoint) -> String {
        format!("{} {}", endpoint.url, self.path)
    }

    fn summary(reply: &Reply) -> String {
        match reply {
            Ok(message) => format!("{} bytes", message.len()),
            Err(status) => format!("status {}", status.code),
        }
    }

    /// The API version logs what it makes of the message, which nobody could read here.
    fn body(reply: &Reply) -> String {
        reply.as_ref().map_or_else(|status| status.message.clone(), |_| "a message".to_owned())
    }
}
