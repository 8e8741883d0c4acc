//! gRPC calls: each on a channel that others share.

use super::attempt::Attempt;
use super::channels::InUse;
use super::connector::Connector;
use super::endpoint::Endpoint;
use crate::base::failure::Failure;
use crate::config::Config;
use crate::grpc::{self, Call, Channel, Outcome};
use crate::net::Alpn;

impl Connector {
    /// One gRPC call, over `kept` or a new channel.
    pub fn call(&self, call: &Call, kept: Option<InUse>, attempt: Attempt) -> Outcome {
        // No stranger is sent a secret, nor is an endpoint that has yet to prove to be of the cluster.
        if call.is_confidential && !attempt.endpoint.trust.takes_credentials() {
            return Err(Failure::Unreachable("a password is sent to known endpoints only".to_owned()));
        }
        let deadline = attempt.answer.deadline();
        if let Some(channel) = kept {
            let outcome = channel.channel().call(call, deadline, attempt.cancel);
            let may_be_repeated = call.effect.may_be_repeated();
            match &outcome {
                // As in `begin_here`.
                Err(Failure::Unreachable(_)) => {}
                Err(Failure::NoAnswer(_)) if may_be_repeated => {}
                _ => {
                    self.doubt(&channel, &outcome);
                    return outcome;
                }
            }
            self.channels.forget(&channel);
        }
        let channel = self.channel(attempt)?;
        let outcome = channel.channel().call(call, deadline, attempt.cancel);
        self.doubt(&channel, &outcome);
        outcome
    }

    /// A connection on which nothing came in time may be dead without a word: later calls have another one.
    fn doubt(&self, channel: &InUse, outcome: &Outcome) {
        if matches!(outcome, Err(Failure::Timeout(_))) {
            self.channels.forget(channel);
        }
    }

    fn channel(&self, attempt: Attempt) -> Result<InUse, Failure> {
        let Attempt { endpoint, connect_by, config, cancel, .. } = attempt;
        let origin = grpc_origin(endpoint, config)?;
        let (own, mut hooks) = self.own_cancel(cancel)?;
        let stream = self.open(endpoint, Alpn::H2, connect_by, &own)?;
        let channel = Channel::connect(stream, &origin, connect_by, &own)?;
        hooks.truncate(1);
        Ok(self.channels.add(endpoint, channel, hooks))
    }
}

/// What every call and stream to that endpoint repeats; none where a reverse proxy wants a path before it.
pub(super) fn grpc_origin(endpoint: &Endpoint, config: &Config) -> Result<grpc::Origin, Failure> {
    let prefix = &endpoint.url.prefix;
    if !prefix.is_empty() {
        let cause =
            "gRPC, which the v3 API is spoken by, has no place for a path; nothing was sent; name the endpoint without";
        return Err(Failure::Unreachable(format!("{cause} {prefix:?}")));
    }
    Ok(grpc::Origin {
        authority: endpoint.url.authority(),
        user_agent: config.user_agent.to_string(),
        takes_credentials: endpoint.trust.takes_credentials(),
        max_message: config.max_response_bytes,
    })
}
