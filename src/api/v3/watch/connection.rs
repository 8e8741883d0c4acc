//! The hub's way to the servers, and a watch's: the client's transport.

use super::source::Source;
use super::streams::{Sender, Streams};
use crate::api::{EventSource, Listener, Look, Next};
use crate::base::error::Result;
use crate::base::locks::{Arc, Weak};
use crate::grpc::{Opening, StreamHandler};
use crate::net::{Cancel, Deadline};
use crate::transport::Transport;

pub struct ClientStreams(Arc<Transport>);

impl ClientStreams {
    pub fn new(transport: &Arc<Transport>) -> ClientStreams {
        ClientStreams(transport.clone())
    }
}

impl Streams for ClientStreams {
    fn open(
        &self,
        opening: Opening<'_>,
        handler: Box<dyn StreamHandler>,
        by: Option<Deadline>,
        cancel: &Arc<Cancel>,
    ) -> Result<Box<dyn Sender>> {
        Ok(Box::new(self.0.open_stream(opening, handler, by, cancel)?))
    }

    fn doubt(&self) {
        self.0.doubt_streams();
    }
}

/// A watch with the way to the servers for what it asks besides.
pub struct WatchSource {
    pub source: Source,
    pub transport: Arc<Transport>,
    pub cancel: Arc<Cancel>,
}

impl EventSource for WatchSource {
    fn name(&self) -> String {
        self.source.name()
    }

    fn next(&mut self) -> Next {
        self.source.next(&self.transport.call_until(self.cancel.clone()))
    }

    fn attach(&mut self, listener: &Weak<dyn Listener>) -> bool {
        self.source.attach(listener);
        true
    }

    fn look(&mut self) -> Look {
        self.source.look()
    }
}
