//! Listening for changes of one key, on the stream that all watches of a client share. It costs no thread.

use super::errors;
use super::session::Session;
use super::state::State;
use super::watch::{Incoming, WatchStream};
use crate::api::Listener;
use crate::api::holding;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Weak};
use crate::grpc::{Status, codes};
use crate::messages::watch::WatchCreateRequest;
use crate::transport::Server;

pub struct Ear {
    stream: Box<dyn WatchStream>,
    client: Arc<State>,
    /// What the server knows the user by.
    token: Option<Arc<str>>,
}

/// The way to the servers, for what is asked before.
pub struct Way<'a> {
    pub client: &'a Arc<State>,
    pub server: &'a dyn Server,
}

impl Ear {
    pub fn open(
        mut stream: Box<dyn WatchStream>,
        listener: &Weak<dyn Listener>,
        key: &[u8],
        after: u64,
        way: &Way,
    ) -> Result<Ear> {
        stream.attach(listener);
        let token = way.client.tokens.get(&Session { client: way.client, server: way.server })?;
        let request = WatchCreateRequest {
            key: key.to_vec(),
            start_revision: i64::try_from(after).unwrap_or(i64::MAX).saturating_add(1),
            ..WatchCreateRequest::default()
        };
        stream.create(&[request], token.clone())?;
        Ok(Ear { stream, client: way.client.clone(), token })
    }

    /// The stream, or the watch on it, is over. The token may be why.
    fn ended(&self, status: Status) -> Error {
        if errors::wants_token(&status) || status.code == codes::PERMISSION_DENIED {
            self.client.tokens.forget(self.token.as_deref());
        }
        errors::into_error(status, Effect::Read)
    }
}

impl holding::Ear for Ear {
    fn has_heard(&mut self) -> Result<bool> {
        while let Some(incoming) = self.stream.look() {
            match incoming {
                Incoming::Progress(_) => {}
                Incoming::Response(_, reply) if reply.events.is_empty() && !reply.canceled => {}
                // But for compaction, a server ends a watch for what its user may not.
                Incoming::Response(_, reply) if reply.canceled && reply.compact_revision == 0 => {
                    let status = Status { code: codes::PERMISSION_DENIED, message: reply.cancel_reason };
                    return Err(self.ended(status));
                }
                Incoming::Response(..) | Incoming::Overrun => return Ok(true),
                Incoming::Ended(status) => return Err(self.ended(status)),
                Incoming::Failed(error) => return Err(error),
            }
        }
        Ok(false)
    }
}
