//! One call of a caller's: the client's state, and the way to the servers for as long as the call lasts.

use std::sync::Arc;

use bytes::Bytes;
use prost::{DecodeError, Message};

use super::errors::Refused;
use super::rpc;
use super::state::State;
use super::txn::Replies;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::grpc::Call;
use crate::messages::Unary;
use crate::messages::kv::TxnRequest;
use crate::transport::Server;

pub struct Session<'a> {
    pub client: &'a State,
    pub server: &'a dyn Server,
}

impl Session<'_> {
    /// Asks, with a token where the client has credentials.
    pub fn ask<R: Unary>(&self, request: &R) -> Result<R::Reply, Refused> {
        decode(request, self.ask_for(&|token| rpc::call(request, token))?)
    }

    /// The same of a call whose message is at hand; the reply is a message, too. A token that is no longer good is
    /// replaced: what was refused for it has not been carried out.
    pub fn ask_for(&self, call: &dyn Fn(Option<Arc<str>>) -> Call) -> Result<Bytes, Refused> {
        let tokens = &self.client.tokens;
        let mut token = tokens.get(self)?;
        let mut replaced = 0;
        loop {
            match self.carry(&call(token.clone())) {
                Err(refused) if tokens.are_possible() && replaced < refused.worthwhile_tokens() => {
                    token = tokens.renew(token.as_deref(), self)?;
                    replaced += 1;
                }
                // A server that gets a token of another history never answers (etcd issue 11377).
                Err(refused) if refused.is_silence() => {
                    tokens.forget(token.as_deref());
                    return Err(refused);
                }
                done => return done,
            }
        }
    }

    /// Asks for a transaction.
    pub fn transact(&self, request: &TxnRequest) -> Result<Replies, Refused> {
        Ok(Replies::of(self.ask(request)?, request.effect())?)
    }

    /// Asks once, with this token or none.
    pub fn send<R: Unary>(&self, request: &R, token: Option<Arc<str>>) -> Result<R::Reply, Refused> {
        decode(request, self.carry(&rpc::call(request, token))?)
    }

    fn carry(&self, call: &Call) -> Result<Bytes, Refused> {
        self.server.call(call)?.map_err(|status| Refused::By(status, call.effect))
    }
}

fn decode<R: Unary>(request: &R, reply: Bytes) -> Result<R::Reply, Refused> {
    R::Reply::decode(reply).map_err(|error| not_such_a_message(R::METHOD, request.effect(), &error).into())
}

/// What a server says that is none of its method's replies.
pub fn not_such_a_message(method: &str, effect: Effect, error: &DecodeError) -> Error {
    Error::bad_response_to(effect.is_read(), format!("{method}: not such a message: {error}"))
}
