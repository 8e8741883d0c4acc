//! Streams on the client's one connection for them, which is made when it is first needed, and anew, to another endpoint,
//! when it is no longer good.

use std::time::Instant;

use super::calls::grpc_origin;
use super::connector::Connector;
use super::endpoint::Endpoint;
use super::stream_connection::{Connected, Current};
use super::turns::{self, Turn, Turns};
use crate::base::error::Result;
use crate::base::failure::Failure;
use crate::base::locks::Arc;
use crate::config::Config;
use crate::grpc::{Opening, StreamEnd, StreamHandler, StreamSender, Streams, codes};
use crate::net::{Alpn, Cancel, Deadline};

impl Connector {
    /// Begins a stream, on the connection that there is or a new one, which is there by `by` at the latest.
    pub fn open_stream(
        &self,
        opening: Opening<'_>,
        handler: Box<dyn StreamHandler>,
        config: &Config,
        by: Option<Deadline>,
        cancel: &Arc<Cancel>,
    ) -> Result<StreamSender> {
        let connected = match self.streams.usable() {
            Some(connected) => connected,
            None => self.connect_streams(config, by, cancel)?,
        };
        let Connected { endpoint, streams, .. } = &*connected;
        let (on, current) = (connected.clone(), self.streams.clone());
        let handler = Observed { handler, on, current, has_begun: false };
        streams.open(opening, Box::new(handler)).map_err(|failure| {
            self.streams.leave(endpoint);
            failure.into_error(true, &endpoint.to_string())
        })
    }

    /// Has the next stream go to another endpoint, if there is one: this one is silent.
    pub fn doubt_streams(&self) {
        if let Some(connected) = self.streams.usable() {
            self.streams.leave(&connected.endpoint);
        }
    }

    fn connect_streams(&self, config: &Config, by: Option<Deadline>, cancel: &Arc<Cancel>) -> Result<Arc<Connected>> {
        let deadline = Deadline::after(config.request_timeout);
        let deadline = by.map_or(deadline, |by| by.min(deadline));
        let mut turns = Turns::new(self, deadline, cancel);
        let mut last = None;
        while let Some(turn) = turns.next() {
            let Turn { endpoint, share, .. } = &turn;
            let outcome = turns.look_up(&turn).and_then(|is_here| match is_here {
                true => self.connect_streams_to(endpoint, *share, config, cancel).map(Some),
                false => Ok(None),
            });
            match outcome {
                Ok(Some(connected)) => {
                    self.endpoints.prefer(endpoint);
                    return Ok(self.streams.replace(connected));
                }
                Ok(None) => {}
                Err(failure) => {
                    let is_cancelled = matches!(failure, Failure::Cancelled { .. });
                    if !is_cancelled {
                        endpoint.has_failed();
                    }
                    last = Some(failure.into_error(true, &endpoint.to_string()));
                    if is_cancelled || deadline.is_over() {
                        break;
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| turns::nowhere(true)))
    }

    /// `cancel` may give it up until the connection is there; after that the client alone may.
    fn connect_streams_to(
        &self,
        endpoint: &Arc<Endpoint>,
        by: Deadline,
        config: &Config,
        cancel: &Arc<Cancel>,
    ) -> Result<Connected, Failure> {
        let origin = grpc_origin(endpoint, config)?;
        let (own, mut hooks) = self.own_cancel(cancel)?;
        let stream = self.open(endpoint, Alpn::H2, by, &own)?;
        let streams = Streams::connect(stream, &origin, config.poll_time, by, &own)?;
        hooks.truncate(1);
        Ok(Connected::new(endpoint.clone(), streams, hooks))
    }
}

/// Tells the endpoint's health from what becomes of a stream.
struct Observed {
    handler: Box<dyn StreamHandler>,
    /// Kept as long as the stream.
    on: Arc<Connected>,
    current: Current,
    has_begun: bool,
}

impl StreamHandler for Observed {
    fn message(&mut self, message: bytes::Bytes) {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.on.endpoint.has_answered();
        }
        self.handler.message(message);
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        self.handler.tick(now)
    }

    fn end(&mut self, end: StreamEnd) {
        let is_at_fault = match &end {
            // What this system lacks is not the endpoint's fault.
            StreamEnd::Failure(Failure::Cancelled { .. } | Failure::NoMemory(_)) | StreamEnd::Closed => false,
            StreamEnd::Failure(_) => true,
            // This member has lost its leader, or is stopping.
            StreamEnd::Status(status) => status.code == codes::UNAVAILABLE,
        };
        if is_at_fault {
            self.current.leave(&self.on.endpoint);
        }
        self.handler.end(end);
    }
}
