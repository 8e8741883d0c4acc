//! Keeping leases alive: any number of them on one stream, to any endpoint.
//!
//! A server answers one request after the other, and one that cannot reach the leader holds up all that follow. So a
//! stream that has fallen silent is left for another endpoint's; and `hasleader` ends the stream of a member that has lost
//! its leader.

use bytes::Bytes;
use prost::Message;

use super::errors;
use super::session::Session;
use super::state::State;
use super::watch::{HAS_LEADER, Sender, Streams};
use crate::api::holding::{Answers, Keeper, Kept};
use crate::base::code;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::locks::Arc;
use crate::grpc::{Opening, StreamEnd, StreamHandler};
use crate::messages::KEEP_ALIVE;
use crate::messages::lease::{LeaseKeepAliveRequest, LeaseKeepAliveResponse};
use crate::net::{Cancel, Deadline};
use crate::transport::Transport;

pub struct LeaseKeeper {
    state: Arc<State>,
    transport: Arc<Transport>,
    streams: Box<dyn Streams>,
    cancel: Arc<Cancel>,
    answers: Arc<dyn Answers>,
    stream: Option<(u64, Box<dyn Sender>)>,
}

impl LeaseKeeper {
    pub fn new(
        state: Arc<State>,
        transport: Arc<Transport>,
        streams: Box<dyn Streams>,
        cancel: Arc<Cancel>,
        answers: Arc<dyn Answers>,
    ) -> LeaseKeeper {
        LeaseKeeper { state, transport, streams, cancel, answers, stream: None }
    }

    fn open(&self, epoch: u64, by: Deadline) -> Result<Box<dyn Sender>> {
        let server = &self.transport.call_until(self.cancel.clone()).ending_by(by);
        let token = self.state.tokens.get(&Session { client: &self.state, server })?;
        let opening = Opening { path: KEEP_ALIVE, credentials: token.as_deref(), metadata: &[HAS_LEADER] };
        let (state, answers) = (self.state.clone(), self.answers.clone());
        let handler = Handler { epoch, token: token.clone(), state, answers };
        self.streams.open(opening, Box::new(handler), Some(by), &self.cancel)
    }
}

impl Keeper for LeaseKeeper {
    fn ask(&mut self, epoch: u64, leases: &[Kept], by: Deadline) -> Result<()> {
        let sender = match self.stream.take() {
            Some((of, sender)) if of == epoch => sender,
            before => {
                drop(before);
                self.open(epoch, by)?
            }
        };
        let send = |kept: &Kept| sender.send(&LeaseKeepAliveRequest { id: kept.lease.id }.encode_to_vec());
        if !leases.iter().all(send) {
            return Err(Error::new(code::ETCD_ERROR_UNAVAILABLE, "The stream of keep-alives takes no more", ""));
        }
        self.stream = Some((epoch, sender));
        Ok(())
    }

    fn doubt(&mut self) {
        self.streams.doubt();
    }
}

struct Handler {
    epoch: u64,
    token: Option<Arc<str>>,
    state: Arc<State>,
    answers: Arc<dyn Answers>,
}

impl StreamHandler for Handler {
    fn message(&mut self, message: Bytes) {
        match LeaseKeepAliveResponse::decode(message) {
            Ok(reply) => self.answers.kept(self.epoch, reply.id, reply.ttl.max(0).unsigned_abs()),
            Err(error) => {
                let error = Error::bad_response(format!("not a message of a keep-alive: {error}"));
                self.answers.broke(self.epoch, error);
            }
        }
    }

    fn end(&mut self, end: StreamEnd) {
        let error = match end {
            StreamEnd::Status(status) => {
                if errors::wants_token(&status) {
                    self.state.tokens.forget(self.token.as_deref());
                }
                errors::into_error(status, Effect::Read)
            }
            StreamEnd::Failure(failure) => failure.into_error(true, "keep-alive"),
            StreamEnd::Closed => errors::stream_closed(""),
        };
        self.answers.broke(self.epoch, error);
    }
}
