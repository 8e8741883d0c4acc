//! Where a watch's messages come from: its share of a client's stream.

use crate::api::Listener;
use crate::base::error::Error;
use crate::base::locks::{Arc, Weak};
use crate::grpc::Status;
use crate::messages::watch::{WatchCreateRequest, WatchResponse};

pub trait WatchStream: Send {
    /// Begins watches, in place of those there were, whose messages come no more. `token` is what the server is to know
    /// the user by; a stream that was begun with another will not do.
    fn create(&mut self, requests: &[WatchCreateRequest], token: Option<Arc<str>>) -> Result<(), Error>;

    /// Waits for the next message.
    fn next(&mut self) -> Incoming;

    /// The next message, if it has come.
    fn look(&mut self) -> Option<Incoming>;

    /// Has `listener` told whenever a message has come; nobody waits in `next` any more.
    fn attach(&mut self, listener: &Weak<dyn Listener>);

    /// The endpoint will not do: what is created next is created at another one, if there is one.
    fn doubt(&mut self);
}

#[derive(Debug)]
pub enum Incoming {
    /// A message for the watch that was created as the nth of those asked for last.
    Response(usize, WatchResponse),
    /// How far the server was when it was asked for that: on servers before 3.4.25 and 3.5.8 events up to there may
    /// still be on their way.
    Progress(i64),
    /// More has come in than is kept, and been dropped: the watch is to begin again.
    Overrun,
    /// The stream is over, and with it all its watches.
    Ended(Status),
    Failed(Error),
}
