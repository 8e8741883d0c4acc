//! All watches of a client on one stream: what each has of it, and where it comes from.
//!
//! One stream for each token, for the server knows a user by the stream; without authentication that is one.

use std::time::Duration;

use super::lane::{Lane, Reader};
use super::mailbox::Mailbox;
use super::stream::{Incoming, WatchStream};
use super::streams::Streams;
use crate::api::Listener;
use crate::api::v3::errors::stream_closed;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Mutex, MutexGuard, Weak};
use crate::grpc::Opening;
use crate::messages::WATCH;
use crate::messages::watch::WatchCreateRequest;
use crate::net::{Cancel, Hook};

pub struct Hub {
    streams: Arc<dyn Streams>,
    lanes: Mutex<Vec<Weak<Lane>>>,
    patience: Duration,
}

/// Without it a member that is cut off from its cluster keeps its watches and never sends anything.
pub const HAS_LEADER: (&str, &str) = ("hasleader", "true");

impl Hub {
    /// `patience`: how long before a server is asked how far it is.
    pub fn new(streams: Arc<dyn Streams>, patience: Duration) -> Arc<Hub> {
        Arc::new(Hub { streams, lanes: Mutex::default(), patience })
    }

    /// A watch's share of the streams.
    pub fn subscribe(self: &Arc<Self>, cancel: &Arc<Cancel>) -> Subscription {
        let mailbox = Arc::new(Mailbox::default());
        let hook = {
            let mailbox = mailbox.clone();
            cancel.hook(move || mailbox.cancel())
        };
        if hook.is_err() {
            mailbox.cancel();
        }
        Subscription { hub: self.clone(), mailbox, cancel: cancel.clone(), lane: None, hook: hook.ok() }
    }

    /// The stream of a token; one that has ended is replaced.
    fn lane(&self, token: Option<Arc<str>>, cancel: &Arc<Cancel>) -> Result<Arc<Lane>> {
        if let Some(lane) = self.living(&token) {
            return Ok(lane);
        }
        let lane = Arc::new(Lane::new(token, self.patience));
        let opening = Opening { path: WATCH, credentials: lane.token.as_deref(), metadata: &[HAS_LEADER] };
        let reader = Reader { lane: Arc::downgrade(&lane), streams: self.streams.clone() };
        // Not under the lock: it may have to connect. Two threads may come here at once; one of the streams is closed.
        lane.begin(self.streams.open(opening, Box::new(reader), None, cancel)?);
        if let Some(other) = self.living(&lane.token) {
            return Ok(other);
        }
        self.lock().push(Arc::downgrade(&lane));
        Ok(lane)
    }

    fn living(&self, token: &Option<Arc<str>>) -> Option<Arc<Lane>> {
        let mut lanes = self.lock();
        lanes.retain(|lane| lane.strong_count() > 0);
        let mut living = lanes.iter().filter_map(Weak::upgrade);
        living.find(|lane| lane.token == *token && !lane.is_over())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Lane>>> {
        self.lanes.lock()
    }
}

/// One watch's share.
pub struct Subscription {
    hub: Arc<Hub>,
    mailbox: Arc<Mailbox>,
    cancel: Arc<Cancel>,
    lane: Option<Arc<Lane>>,
    /// Ends the wait in `next`.
    hook: Option<Hook>,
}

impl WatchStream for Subscription {
    fn create(&mut self, requests: &[WatchCreateRequest], token: Option<std::sync::Arc<str>>) -> Result<()> {
        // Held until the next one is found, which may be the same: without a watch it would end.
        let _former = self.leave();
        let lane = self.hub.lane(token, &self.cancel)?;
        let (generation, _) = self.mailbox.begin();
        self.lane = Some(lane.clone());
        lane.create(&self.mailbox, generation, requests)
    }

    fn next(&mut self) -> Incoming {
        self.mailbox.wait().unwrap_or_else(|| Incoming::Failed(Error::cancelled("the watch was stopped")))
    }

    fn look(&mut self) -> Option<Incoming> {
        self.mailbox.take()
    }

    fn attach(&mut self, listener: &Weak<dyn Listener>) {
        self.mailbox.attach(listener);
        self.hook = None;
    }

    /// Ends the stream for all watches on it; the next one goes elsewhere.
    fn doubt(&mut self) {
        let reason = "another watch on it has left its endpoint";
        let end = || Incoming::Failed(stream_closed(reason));
        // Where another watch was first, the stream there is now may be a good one.
        if self.lane.take().is_some_and(|lane| lane.end(end)) {
            self.hub.streams.doubt();
        }
    }
}

impl Subscription {
    /// Cancels the watches, and gives back the stream they were on.
    fn leave(&mut self) -> Option<Arc<Lane>> {
        let (_, ids) = self.mailbox.begin();
        self.lane.take().inspect(|lane| lane.cancel(&ids))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        drop(self.leave());
    }
}
