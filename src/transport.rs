//! Requests to a cluster: which endpoint, how often, within which time.

mod line;
mod links;
mod patience;
mod place;
mod pool;
mod redirect;

pub use line::Line;

use std::sync::Arc;
use std::time::Instant;

use crate::api::Server;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::failure::Failure;
use crate::log::{self, Level};
use crate::net::{Backoff, Cancel, Deadline, TlsMaterial};
use crate::process::PerProcess;
use crate::request::Request;
use crate::response::Response;
use links::{Links, Time};
use place::Place;

pub struct Transport {
    config: Config,
    /// Read from files once; `None` if no endpoint needs it.
    tls: Option<TlsMaterial>,
    links: PerProcess<Links>,
}

impl Transport {
    pub fn new(mut config: Config) -> Result<Transport> {
        if config.endpoints.is_empty() && config.discovered.is_empty() {
            config.endpoints.push(Endpoint::local());
        }
        let tls = if config.wants_tls() { Some(TlsMaterial::load(&config.tls)?) } else { None };
        let links = PerProcess::new(Links::new(&config, tls.as_ref()));
        Ok(Transport { config, tls, links })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The way to the cluster for one call, which begins now.
    pub fn call(&self) -> Call<'_> {
        Call { transport: self, deadline: Deadline::after(self.config.request_timeout) }
    }

    /// Sends one request and waits for its response; tries again, in turn at each endpoint, as long as that
    /// can do no harm, there is time, and something may come of it.
    fn run(&self, request: &Request, deadline: Deadline) -> Result<Response> {
        let links = self.links();
        let mut backoff = Backoff::new(self.config.max_retry_delay);
        let mut last = None;
        let mut may_pass = false;
        'tries: for round in 0..self.config.attempts {
            if round > 0 {
                if !std::mem::take(&mut may_pass) {
                    break;
                }
                let pause = Deadline::after(backoff.pause(fastrand::f64()));
                if pause >= deadline {
                    break;
                }
                if links.cancel.wait(pause).is_err() {
                    // The tries so far came to nothing, or may_try_again would not have let it come to this.
                    return Err(Failure::Cancelled { sent: false }.into_error(request.is_read(), ""));
                }
            }
            let order = links.places.in_order();
            for (i, place) in order.iter().enumerate() {
                if last.is_some() && deadline.is_over() {
                    break 'tries;
                }
                let outcome = self.try_at(links, place, request, self.time(request, deadline, order.len() - i));
                if may_try_again(request, &outcome) {
                    place.has_failed();
                    may_pass |= outcome.as_ref().map_or_else(Failure::is_passing, |_| true);
                    // An answer, even a bad one, tells more than none.
                    if !matches!(last, Some((_, Ok(_)))) || outcome.is_ok() {
                        last = Some((place.clone(), outcome));
                    }
                    continue;
                }
                if outcome.is_ok() {
                    place.has_answered();
                    links.places.prefer(place);
                }
                return told(request, place, outcome);
            }
        }
        let (place, outcome) = last.expect("there is one attempt at least, and one place");
        told(request, &place, outcome)
    }

    /// Ends every call under way, in this process, with `Cancelled`; later ones fail at once.
    pub fn cancel(&self) {
        self.links().cancel.cancel();
    }

    /// What `cancel` sets off, in this process.
    pub fn cancellation(&self) -> Arc<Cancel> {
        self.links().cancel.clone()
    }

    /// A way to one server alone, until `deadline`; it is not sent any password.
    pub fn at(&self, endpoint: &Endpoint, deadline: Deadline) -> Alone<'_> {
        Alone { transport: self, place: Arc::new(Place::candidate(endpoint, &self.config)), deadline }
    }

    pub fn knows(&self, endpoint: &Endpoint) -> bool {
        self.links().places.find(endpoint).is_some()
    }

    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.links().places.endpoints()
    }

    /// Replaces the endpoints that are not configured.
    pub fn set_members(&self, members: &[Endpoint]) {
        self.links().places.set_members(members, &self.config);
    }

    /// Whether `cancel` has been called in this process.
    pub fn is_cancelled(&self) -> bool {
        self.links().cancel.is_cancelled()
    }

    fn links(&self) -> &Links {
        self.links.get_or_make(|| Links::new(&self.config, self.tls.as_ref()))
    }

    /// The time for one try, with `places` still to be tried. A read leaves the others their share. A write
    /// does so only until it is sent: from then on, giving up early would only be not to know.
    fn time(&self, request: &Request, deadline: Deadline, places: usize) -> Time {
        let began = Instant::now();
        let share = Deadline::from(began, deadline.left_at(began) / places.max(1) as u32).min(deadline);
        Time { began, connect_by: share, answer_by: if request.is_read() { share } else { deadline } }
    }

    fn try_at(&self, links: &Links, place: &Arc<Place>, request: &Request, time: Time) -> Result<Response, Failure> {
        let outcome = links.exchange(place, request, time, self.config.max_response_bytes);
        let outcome = match outcome {
            Ok(response) => redirect::follow(self, links, place, request, response, time),
            failure => failure,
        };
        log_exchange(place, request, &outcome, time.began, Level::Warn);
        outcome
    }
}

/// See `Transport::at`.
pub struct Alone<'a> {
    transport: &'a Transport,
    place: Arc<Place>,
    deadline: Deadline,
}

impl Server for Alone<'_> {
    fn send(&self, request: &Request) -> Result<Response> {
        let transport = self.transport;
        let time = transport.time(request, self.deadline, 1);
        // A redirect is no answer of its own, and is not followed.
        let outcome = transport.links().exchange(&self.place, request, time, transport.config.max_response_bytes);
        log_exchange(&self.place, request, &outcome, time.began, Level::Warn);
        told(request, &self.place, outcome)
    }
}

/// See `Transport::call`. All its requests, and all their tries, have one deadline.
pub struct Call<'a> {
    transport: &'a Transport,
    pub deadline: Deadline,
}

impl Server for Call<'_> {
    fn send(&self, request: &Request) -> Result<Response> {
        self.transport.run(request, self.deadline)
    }
}

/// Whether another try can do no harm, and may do better. Of writes that holds only if this one was certainly
/// not carried out; 503 is what servers and proxies answer before they do anything.
fn may_try_again(request: &Request, outcome: &Result<Response, Failure>) -> bool {
    match outcome {
        // The other endpoints have the same to say.
        Err(Failure::Cancelled { .. } | Failure::TooLarge(_)) => false,
        Err(failure) => request.is_read() || failure.nothing_carried_out(),
        Ok(_) if request.any_answer_counts => false,
        Ok(response) if request.is_read() => matches!(response.status, 500 | 502..=504),
        Ok(response) => response.status == 503,
    }
}

fn told(request: &Request, place: &Place, outcome: Result<Response, Failure>) -> Result<Response> {
    outcome.map_err(|failure| failure.into_error(request.is_read(), &place.endpoint.to_string()))
}

/// At level debug: one line a request, and the reply's body as it came. A failure at level `trouble`.
fn log_exchange(
    place: &Place,
    request: &Request,
    outcome: &Result<Response, Failure>,
    started: Instant,
    trouble: Level,
) {
    match outcome {
        Ok(response) => {
            log::log(Level::Debug, || line(place, request, &response.status.to_string(), started));
            log::log(Level::Debug, || String::from_utf8_lossy(response.body.trim_ascii_end()).into_owned());
        }
        Err(failure) => {
            // What this side gave up is nobody's failure.
            let level = if matches!(failure, Failure::Cancelled { .. }) { Level::Debug } else { trouble };
            let error = failure.clone().into_error(request.is_read(), &place.endpoint.to_string());
            log::log(level, || line(place, request, &error.to_string(), started));
        }
    }
}

/// The same for a long poll in which nothing happened.
fn log_silence(place: &Place, request: &Request, started: Instant) {
    log::log(Level::Debug, || line(place, request, "no change", started));
}

fn line(place: &Place, request: &Request, result: &str, started: Instant) -> String {
    let (method, target, ms) = (request.method.name(), &request.target, started.elapsed().as_secs_f64() * 1e3);
    format!("{method} {}{target} -> {result} in {ms:.1} ms", place.endpoint)
}
