//! Requests to a cluster: which endpoint, over which connection, within which time.

mod line;
mod pool;

pub use line::Line;

use std::sync::Arc;
use std::time::Instant;

use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::failure::Failure;
use crate::http::{Connection, Origin};
use crate::log::{self, Level};
use crate::net::{self, Cancel, Deadline, Tcp};
use crate::process::PerProcess;
use crate::request::Request;
use crate::response::Response;
use pool::Pool;

pub struct Transport {
    config: Config,
    places: Vec<Place>,
    links: PerProcess<Links>,
}

/// An endpoint, and what every request to it repeats.
struct Place {
    number: usize,
    endpoint: Endpoint,
    origin: Origin,
}

/// What one process has open.
struct Links {
    pool: Pool,
    cancel: Arc<Cancel>,
}

/// A plain-text port of etcd 3 resets a connection whose first request line is longer: its
/// multiplexer looks at 4,096 bytes to tell the protocols apart. Later requests may be longer.
const MAX_FIRST_LINE: usize = 4094;
const MAX_VERSION_BYTES: usize = 64 << 10;

impl Transport {
    pub fn new(config: Config) -> Transport {
        let places = config
            .endpoints
            .iter()
            .enumerate()
            .map(|(number, endpoint)| Place::new(number, endpoint, &config))
            .collect();
        Transport { config, places, links: PerProcess::new(Links::new()) }
    }

    /// Sends one request and waits for its response.
    pub fn run(&self, request: &Request) -> Result<Response> {
        let deadline = Deadline::after(self.config.request_timeout);
        let place = &self.places[0];
        let started = Instant::now();
        let outcome = self.try_at(place, request, deadline);
        log_exchange(place, request, &outcome, started);
        outcome.map_err(|failure| failure.into_error(request.is_read(), &place.endpoint.to_string()))
    }

    /// Ends every call under way, in this process, with `Cancelled`; later ones fail at once.
    pub fn cancel(&self) {
        self.links.get_or_make(Links::new).cancel.cancel();
    }

    /// Whether `cancel` has been called in this process.
    pub fn is_cancelled(&self) -> bool {
        self.links.get().is_some_and(|links| links.cancel.is_cancelled())
    }

    fn try_at(&self, place: &Place, request: &Request, deadline: Deadline) -> Result<Response, Failure> {
        let links = self.links.get_or_make(Links::new);
        let pooled = links.pool.take(place.number);
        let was_pooled = pooled.is_some();
        let connect = || self.connect(place, request, deadline, &links.cancel);
        let max_body = self.config.max_response_bytes;
        let mut connection = pooled.map_or_else(connect, Ok)?;
        let mut outcome = connection.exchange(request, &place.origin, deadline, max_body);
        // The server may close an idle connection at the very moment we use it. A read is simply
        // asked again on a new one.
        if was_pooled && request.is_read() && matches!(outcome, Err(Failure::NoAnswer(_))) {
            connection = connect()?;
            outcome = connection.exchange(request, &place.origin, deadline, max_body);
        }
        if connection.is_reusable() {
            links.pool.put(place.number, connection);
        }
        outcome
    }

    /// A new connection, ready for `request`.
    fn connect(
        &self,
        place: &Place,
        request: &Request,
        deadline: Deadline,
        cancel: &Arc<Cancel>,
    ) -> Result<Connection, Failure> {
        let connect_by = deadline.min(Deadline::after(self.config.connect_timeout));
        let Endpoint { host, port, .. } = &place.endpoint;
        let addresses = net::resolve(host, *port, connect_by, cancel)?;
        let tcp = Tcp::connect(&addresses, connect_by, cancel)?;
        let mut connection = Connection::new(tcp, cancel.clone());
        if request.line_length(&place.origin.prefix) > MAX_FIRST_LINE {
            let first = connection.exchange(&Request::get("/version"), &place.origin, deadline, MAX_VERSION_BYTES);
            // Whatever became of this one, the caller's own has not been sent.
            first.map_err(|failure| match failure {
                Failure::Cancelled { .. } => Failure::Cancelled { sent: false },
                failure => Failure::Unreachable(failure.into_error(true, "GET /version").cause),
            })?;
        }
        Ok(connection)
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The endpoint whose turn it is; the list goes round.
    fn place(&self, turn: usize) -> &Place {
        &self.places[turn % self.places.len()]
    }

    /// Whose turn it is first.
    fn preferred(&self) -> usize {
        0
    }
}

impl Place {
    fn new(number: usize, endpoint: &Endpoint, config: &Config) -> Place {
        let origin = Origin {
            host: endpoint.authority(),
            prefix: endpoint.prefix.clone(),
            user_agent: config.user_agent.clone(),
            authorization: None,
        };
        Place { number, endpoint: endpoint.clone(), origin }
    }
}

impl Links {
    fn new() -> Links {
        Links { pool: Pool::default(), cancel: Cancel::new() }
    }
}

/// At level debug: one line a request, and the reply's body as it came.
fn log_exchange(place: &Place, request: &Request, outcome: &Result<Response, Failure>, started: Instant) {
    let line = |result: String| {
        let (method, target, ms) = (request.method.name(), &request.target, started.elapsed().as_secs_f64() * 1e3);
        format!("{method} {}{target} -> {result} in {ms:.1} ms", place.endpoint)
    };
    match outcome {
        Ok(response) => {
            log::log(Level::Debug, || line(response.status.to_string()));
            log::log(Level::Debug, || String::from_utf8_lossy(response.body.trim_ascii_end()).into_owned());
        }
        Err(failure) => {
            let error = failure.clone().into_error(request.is_read(), &place.endpoint.to_string());
            log::log(Level::Warn, || line(error.to_string()));
        }
    }
}
