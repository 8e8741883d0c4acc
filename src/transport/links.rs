//! What one process has: its places, its open connections, and the way to open more.

use std::sync::Arc;
use std::time::Instant;

use super::place::{Place, Places};
use super::pool::Pool;
use crate::config::Config;
use crate::failure::Failure;
use crate::http::Connection;
use crate::net::{self, Cancel, Deadline, Stream, Tcp, TlsClient, TlsMaterial};
use crate::request::Request;
use crate::response::Response;

pub struct Links {
    pub places: Places,
    pub cancel: Arc<Cancel>,
    pool: Pool,
    tls: Option<Arc<TlsClient>>,
}

/// How long one try may take.
#[derive(Clone, Copy)]
pub struct Time {
    pub began: Instant,
    pub connect_by: Deadline,
    pub answer_by: Deadline,
}

/// A plain-text port of etcd 3 resets a connection whose first request line is longer: its
/// multiplexer looks at 4,096 bytes to tell the protocols apart. Later requests may be longer.
const MAX_FIRST_LINE: usize = 4094;
const MAX_VERSION_BYTES: usize = 64 << 10;

impl Links {
    pub fn new(config: &Config, tls: Option<&TlsMaterial>) -> Links {
        let tls = tls.map(TlsClient::new);
        Links { places: Places::new(config), cancel: Cancel::new(), pool: Pool::default(), tls }
    }

    /// One request at one place, over a kept connection if there is one.
    pub fn exchange(
        &self,
        place: &Arc<Place>,
        request: &Request,
        time: Time,
        max_body: usize,
    ) -> Result<Response, Failure> {
        let connect = || self.connect(place, request, time, &self.cancel);
        let pooled = self.pool.take(place, time.began);
        let was_pooled = pooled.is_some();
        let mut connection = pooled.map_or_else(connect, Ok)?;
        let mut outcome = connection.exchange(request, &place.origin, time.answer_by, max_body);
        // The server may close an idle connection at the very moment we use it. A read is simply
        // asked again on a new one.
        if was_pooled && request.is_read() && matches!(outcome, Err(Failure::NoAnswer(_))) {
            connection = connect()?;
            outcome = connection.exchange(request, &place.origin, time.answer_by, max_body);
        }
        // A place that nobody else has, a redirect's for one, is not asked again.
        if connection.is_reusable() && Arc::strong_count(place) > 1 {
            self.pool.put(place, connection);
        }
        outcome
    }

    /// A new connection, ready for `request`.
    pub fn connect(
        &self,
        place: &Place,
        request: &Request,
        time: Time,
        cancel: &Arc<Cancel>,
    ) -> Result<Connection, Failure> {
        let endpoint = &place.endpoint;
        let addresses = net::resolve(&endpoint.host, endpoint.port, time.connect_by, cancel)?;
        let tcp = Tcp::connect(&addresses, time.connect_by, cancel)?;
        let stream = match &self.tls {
            Some(tls) if endpoint.secure => tls.connect(tcp, &endpoint.host).map_err(|failure| match failure {
                _ if cancel.is_cancelled() => Failure::Cancelled { sent: false },
                failure => failure,
            })?,
            None if endpoint.secure => {
                let cause = "TLS is not set up: no configured endpoint is https, and nothing under tls. is set";
                return Err(Failure::Tls(cause.to_owned()));
            }
            _ => Stream::Plain(tcp),
        };
        let mut connection = Connection::new(stream, cancel.clone());
        if request.line_length(&place.origin.prefix) > MAX_FIRST_LINE && !endpoint.secure {
            self.use_once(&mut connection, place, time)?;
        }
        Ok(connection)
    }

    /// Sends a short request, so that a long one may follow.
    fn use_once(&self, connection: &mut Connection, place: &Place, time: Time) -> Result<(), Failure> {
        let version = Request::get("/version");
        match connection.exchange(&version, &place.origin, time.answer_by, MAX_VERSION_BYTES) {
            Ok(_) if connection.is_reusable() && connection.is_quiet() => Ok(()),
            Ok(_) => Err(Failure::Unreachable("the server does not keep the connection that a long key needs".into())),
            Err(Failure::Cancelled { .. }) => Err(Failure::Cancelled { sent: false }),
            // Whatever became of this one, the caller's own has not been sent.
            Err(failure) => Err(Failure::Unreachable(failure.into_error(true, "GET /version").cause)),
        }
    }
}
