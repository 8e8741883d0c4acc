//! What the hub wants of the way to the servers: streams, and a way out on each.

use crate::base::error::Result;
use crate::base::locks::Arc;
use crate::grpc::{Opening, StreamHandler, StreamSender};
use crate::net::{Cancel, Deadline};

/// Opens a stream on the client's connection for streams, making that first if need be, by `by` if that is given.
pub trait Streams: Send + Sync {
    fn open(
        &self,
        opening: Opening<'_>,
        handler: Box<dyn StreamHandler>,
        by: Option<Deadline>,
        cancel: &Arc<Cancel>,
    ) -> Result<Box<dyn Sender>>;

    /// The server is silent: the next stream had better go to another one.
    fn doubt(&self);
}

/// The way out on a stream. Dropped, it closes it.
pub trait Sender: Send + Sync {
    /// False: the stream takes no more, or has ended.
    fn send(&self, message: &[u8]) -> bool;

    /// Has the stream's thread look at what is due.
    fn wake(&self);
}

impl Sender for StreamSender {
    fn send(&self, message: &[u8]) -> bool {
        StreamSender::send(self, message).is_ok()
    }

    fn wake(&self) {
        StreamSender::wake(self);
    }
}
