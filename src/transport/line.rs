//! A watch's own way to the cluster: one connection at a time, to one endpoint until that fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::links::Time;
use super::patience::Patience;
use super::place::Place;
use super::{Transport, log_exchange, log_silence, redirect};
use crate::api::{LongPoll, Polled};
use crate::error::Result;
use crate::failure::Failure;
use crate::header::Header;
use crate::http::{Connection, Head};
use crate::log::Level;
use crate::net::{Cancel, Deadline};
use crate::request::Request;
use crate::response::Response;

pub struct Line {
    transport: Arc<Transport>,
    cancel: Arc<Cancel>,
    place: Arc<Place>,
    connection: Option<Connection>,
    ahead: Option<Ahead>,
    patience: Patience,
}

/// A poll that is on its way before anybody waits for it; see `LongPoll::ask_ahead`.
struct Ahead {
    request: Request,
    connection: Connection,
    asked: Instant,
}

/// A response of which the head has come.
struct Begun {
    connection: Connection,
    head: Head,
    /// Whose response it is.
    place: Arc<Place>,
}

impl Begun {
    fn of(mut connection: Connection, place: &Arc<Place>, deadline: Deadline) -> Result<Begun, Failure> {
        let head = connection.read_head(deadline)?;
        Ok(Begun { connection, head, place: place.clone() })
    }
}

impl Line {
    /// All that it waits for ends when `cancel` says so.
    pub fn new(transport: Arc<Transport>, cancel: Arc<Cancel>) -> Line {
        let place = transport.links().places.in_order().swap_remove(0);
        let patience = Patience::new(transport.config.poll_time);
        Line { transport, cancel, place, connection: None, ahead: None, patience }
    }

    /// Goes on with another endpoint, on a new connection.
    pub fn move_on(&mut self) {
        (self.connection, self.ahead) = (None, None);
        self.place.has_failed();
        self.place = self.transport.links().places.in_order().swap_remove(0);
    }

    /// How many endpoints there are to go to.
    pub fn endpoints(&self) -> usize {
        self.transport.links().places.count()
    }

    /// Sends a request and reads the beginning of its response, wherever redirects lead. Each connection that it takes
    /// has its own time, and then the beginning has `head_time`.
    fn begin(&mut self, request: &Request, head_time: Duration) -> Result<Begun, Failure> {
        let mut begun = self.begin_here(request, head_time)?;
        let (config, links) = (&self.transport.config, self.transport.links());
        for _ in 0..redirect::MAX_HOPS {
            let (status, location) = (begun.head.status, begun.head.headers.location.as_deref());
            let next = redirect::next(config, links, &begun.place, request, status, location);
            let Some((place, request)) = next else { break };
            begun = self.try_to_begin(None, &place, &request, head_time)?;
        }
        Ok(begun)
    }

    fn begin_here(&mut self, request: &Request, head_time: Duration) -> Result<Begun, Failure> {
        let ahead = self.ahead.take().filter(|ahead| ahead.request == *request).map(|ahead| ahead.connection);
        let kept = self.connection.take().filter(Connection::is_quiet);
        let was_kept = ahead.is_some() || kept.is_some();
        let outcome = match ahead {
            Some(connection) => Begun::of(connection, &self.place, Deadline::after(head_time)),
            None => self.try_to_begin(kept, &self.place, request, head_time),
        };
        // The server may have closed it at this very moment.
        if was_kept && matches!(outcome, Err(Failure::NoAnswer(_) | Failure::Unreachable(_))) {
            return self.try_to_begin(None, &self.place, request, head_time);
        }
        outcome
    }

    fn try_to_begin(
        &self,
        kept: Option<Connection>,
        place: &Arc<Place>,
        request: &Request,
        head_time: Duration,
    ) -> Result<Begun, Failure> {
        let mut connection = match kept {
            Some(connection) => connection,
            None => {
                let began = Instant::now();
                let deadline = Deadline::from(began, self.transport.config.request_timeout);
                let time = Time { began, connect_by: deadline, answer_by: deadline };
                self.transport.links().connect(place, request, time, &self.cancel)?
            }
        };
        let deadline = Deadline::after(head_time);
        connection.send(request, &place.origin, deadline)?;
        Begun::of(connection, place, deadline)
    }

    fn end(&mut self, begun: Begun, deadline: Deadline) -> Result<Response, Failure> {
        let Begun { mut connection, head, place } = begun;
        let response = connection.read_body(head, deadline, self.transport.config.max_response_bytes)?;
        // One that a redirect led to is not where the next request goes.
        let is_ours = Arc::ptr_eq(&place, &self.place);
        self.connection = Some(connection).filter(|connection| is_ours && connection.is_reusable());
        Ok(response)
    }

    fn told(&self, request: &Request, outcome: Result<Response, Failure>, started: Instant) -> Result<Response> {
        // The watch itself tells of its trouble, once.
        log_exchange(&self.place, request, &outcome, started, Level::Debug);
        super::told(request, &self.place, outcome)
    }
}

impl LongPoll for Line {
    fn send(&mut self, request: &Request) -> Result<Response> {
        let (started, time) = (Instant::now(), self.transport.config.request_timeout);
        let begun = self.begin(request, time);
        let outcome = begun.and_then(|begun| self.end(begun, Deadline::from(started, time)));
        self.told(request, outcome, started)
    }

    fn poll(&mut self, request: &Request, go_on: &dyn Fn(&Header) -> bool) -> Polled {
        let ahead = self.ahead.as_ref().map(|ahead| ahead.asked);
        let started = ahead.unwrap_or_else(Instant::now);
        let (time, poll_time) = (self.transport.config.request_timeout, self.transport.config.poll_time);
        // etcd sends the head at once, or after it has checked a password. (Its old proxy does not; there a poll is as
        // short as this wait.)
        let begun = self.begin(request, time.min(poll_time.max(LEAST_HEAD_TIME)));
        let mut begun = match begun {
            Ok(begun) => begun,
            Err(failure) => {
                return Polled { header: None, outcome: self.told(request, Err(failure), started).map(Some) };
            }
        };
        self.place.has_answered();
        let header = begun.head.headers.etcd.clone();
        if !go_on(&header) {
            begun.connection.abandon();
            return Polled { header: Some(header), outcome: Ok(None) };
        }
        // One that was asked ahead has waited for a while already.
        let began = ahead.unwrap_or_else(Instant::now);
        let wait = header.etcd_index.map_or(poll_time, |index| self.patience.next(began, index));
        let outcome = match begun.connection.await_body(&begun.head, Deadline::from(began, jittered(wait))) {
            Err(Failure::Timeout(_)) => {
                log_silence(&begun.place, request, started);
                begun.connection.abandon();
                Ok(None)
            }
            Err(failure) => self.told(request, Err(failure), started).map(Some),
            // An event that has begun to come gets its own time.
            Ok(()) => {
                let outcome = self.end(begun, Deadline::after(time));
                self.told(request, outcome, started).map(Some)
            }
        };
        Polled { header: Some(header), outcome }
    }

    fn ask_ahead(&mut self, request: &Request) {
        let Some(mut connection) = self.connection.take().filter(Connection::is_quiet) else { return };
        let asked = Instant::now();
        let deadline = Deadline::from(asked, self.transport.config.request_timeout);
        // If it cannot be sent, the poll that follows finds out why.
        if connection.send(request, &self.place.origin, deadline).is_ok() {
            self.ahead = Some(Ahead { request: request.clone(), connection, asked });
        }
    }
}

/// Even where polls are shorter: etcd takes 50 ms and more to check a password (bcrypt), and longer when it is busy.
const LEAST_HEAD_TIME: Duration = Duration::from_secs(1);

/// A tenth less at most: watches that began together must not all ask again together.
fn jittered(time: Duration) -> Duration {
    time.mul_f64(1.0 - 0.1 * fastrand::f64())
}
