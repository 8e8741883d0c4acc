//! One long poll after the other, over the watch's own connection.

use std::time::{Duration, Instant};

use super::poll_timeout::PollTimeout;
use crate::api::v2::header;
use crate::api::v2::server::Credentials;
use crate::base::error::Result;
use crate::base::header::Header;
use crate::http::{Request, Response};
use crate::net::Deadline;
use crate::transport::WatchConnection;

/// What a watch asks of its connection. Tests script it.
pub trait LongPoll {
    fn send(&mut self, request: &Request) -> Result<Response>;

    /// Sends a request whose response begins at once and is complete only when something happens.
    /// `go_on` is shown the beginning and says whether to wait for the rest.
    fn poll(&mut self, request: &Request, go_on: &dyn Fn(&Header) -> bool) -> Polled;

    /// Sends the request of the next `poll` without waiting for its response.
    fn ask_ahead(&mut self, request: Request);

    /// Goes on with another endpoint.
    fn change_endpoint(&mut self);

    /// How many endpoints there are.
    fn endpoints(&self) -> usize;
}

pub struct Polled {
    /// What the response began with, however it went on.
    pub header: Option<Header>,
    /// The response; `None` if nothing happened in time, or `go_on` would not wait.
    pub outcome: Result<Option<Response>>,
}

pub struct Polls {
    connection: WatchConnection,
    credentials: Credentials,
    timeout: PollTimeout,
    /// How long the last head took that was waited for.
    head_took: Duration,
}

impl Polls {
    pub fn new(connection: WatchConnection, credentials: Credentials) -> Polls {
        let timeout = PollTimeout::new(connection.config().poll_time);
        Polls { connection, credentials, timeout, head_took: Duration::ZERO }
    }

    fn with_credentials(&self, request: &Request) -> Request {
        Request { credentials: self.credentials.clone(), ..request.clone() }
    }
}

impl LongPoll for Polls {
    fn send(&mut self, request: &Request) -> Result<Response> {
        self.connection.send(&self.with_credentials(request))
    }

    fn poll(&mut self, request: &Request, go_on: &dyn Fn(&Header) -> bool) -> Polled {
        let request = &self.with_credentials(request);
        let (request_timeout, poll_time) =
            (self.connection.config().request_timeout, self.connection.config().poll_time);
        // etcd sends the head at once, or after it has checked a password. (Its old proxy does not; there a poll is as
        // short as this wait.)
        let head_time = request_timeout.min(poll_time.max(LEAST_HEAD_TIME));
        let before = Instant::now();
        let mut pending = match self.connection.begin(request, head_time) {
            Ok(pending) => pending,
            Err(error) => return Polled { header: None, outcome: Err(error) },
        };
        let header = header::read(pending.headers());
        if !go_on(&header) {
            self.connection.abandon(pending);
            return Polled { header: Some(header), outcome: Ok(None) };
        }
        // One that was asked ahead has waited for a while already.
        let is_ahead = pending.asked < before;
        let began = if is_ahead { pending.asked } else { Instant::now() };
        if !is_ahead {
            self.head_took = before.elapsed();
        }
        let wait = header.etcd_index.map_or(poll_time, |index| self.timeout.next(began, index));
        // What the history holds follows the head at once, and is as late as the head where the network or the server is
        // slow. Silence that is shorter says nothing, however short polls are because the store is busy.
        let wait = wait.max(self.head_took.saturating_mul(SLOWNESS).min(head_time));
        let outcome = match self.connection.wait(request, &mut pending, Deadline::from(began, jittered(wait))) {
            Err(error) => Err(error),
            Ok(false) => {
                self.connection.abandon(pending);
                Ok(None)
            }
            // An event that has begun to come gets its own time.
            Ok(true) => self.connection.finish(request, pending, Deadline::after(request_timeout)).map(Some),
        };
        Polled { header: Some(header), outcome }
    }

    fn ask_ahead(&mut self, request: Request) {
        self.connection.ask_ahead(self.with_credentials(&request));
    }

    fn change_endpoint(&mut self) {
        self.connection.change_endpoint();
    }

    fn endpoints(&self) -> usize {
        self.connection.endpoints()
    }
}

/// Even where polls are shorter: etcd takes 50 ms and more to check a password (bcrypt), and longer when it is busy.
const LEAST_HEAD_TIME: Duration = Duration::from_secs(1);

/// How many times as long as the head what follows it may take.
const SLOWNESS: u32 = 4;

/// A tenth less at most: watches that began together must not all ask again together.
fn jittered(time: Duration) -> Duration {
    time.mul_f64(1.0 - 0.1 * fastrand::f64())
}
