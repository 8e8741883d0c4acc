//! How often a request is sent, and where: in turn to each endpoint, as long as that can do no harm, there is time, and
//! something may come of it.

use std::sync::Arc;
use std::time::Instant;

use super::connector::Connector;
use super::endpoint::Endpoint;
use super::exchange::Exchange;
use super::record;
use super::time::{Limit, Time};
use crate::base::effect::{Effect, Verdict};
use crate::base::error::Result;
use crate::base::failure::Failure;
use crate::base::log::Level;
use crate::config::Config;
use crate::net::{Backoff, Cancel, Deadline};

/// Sends a request and waits for its answer. Every endpoint is tried once a round; `retry.attempts` is the number of
/// rounds.
pub fn run<E: Exchange>(
    connector: &Connector,
    config: &Config,
    request: &E,
    deadline: Deadline,
    cancel: &Arc<Cancel>,
) -> Result<E::Answer> {
    let mut tries = Tries { connector, config, request, deadline, cancel, last: None, is_transient: false };
    let mut backoff = Backoff::new(config.max_retry_delay);
    for round in 0..config.attempts {
        if round > 0 {
            let pause = Deadline::after(backoff.pause(fastrand::f64()));
            if !std::mem::take(&mut tries.is_transient) || pause >= deadline {
                break;
            }
            if cancel.wait(pause).is_err() {
                // The tries so far came to nothing, or there would be no further round.
                return Err(Failure::Cancelled { sent: false }.into_error(request.effect().is_read(), ""));
            }
        }
        if let Some((endpoint, outcome)) = tries.round() {
            return into_result(request, &endpoint, outcome);
        }
        if deadline.is_over() {
            break;
        }
    }
    let (endpoint, outcome) = tries.last.expect("there is one round at least, and one endpoint");
    into_result(request, &endpoint, outcome)
}

type Outcome<E> = Result<<E as Exchange>::Answer, Failure>;

struct Tries<'a, E: Exchange> {
    connector: &'a Connector,
    config: &'a Config,
    request: &'a E,
    deadline: Deadline,
    cancel: &'a Arc<Cancel>,
    /// What is told if no try comes to anything.
    last: Option<(Arc<Endpoint>, Outcome<E>)>,
    /// Whether an endpoint may do better a moment later.
    is_transient: bool,
}

impl<E: Exchange> Tries<'_, E> {
    /// Tries each endpoint until one brings what counts, be it an answer or a failure.
    fn round(&mut self) -> Option<(Arc<Endpoint>, Outcome<E>)> {
        let endpoints = &self.connector.endpoints;
        let mut order = endpoints.in_order();
        let mut tried: Vec<Arc<Endpoint>> = Vec::new();
        while !order.is_empty() {
            if self.last.is_some() && self.deadline.is_over() {
                return None;
            }
            let endpoint = order.remove(0);
            let left = order.len() + 1;
            let began = Instant::now();
            let kept = self.request.kept(self.connector, &endpoint, began, self.cancel);
            let outcome = match kept.is_none().then(|| self.look_up(&endpoint, began, left)) {
                // Each of its addresses has its own turn, and its own share of the time.
                Some(Ok(true)) => {
                    let is_untried = |other: &Arc<Endpoint>| !tried.iter().any(|tried| Arc::ptr_eq(tried, other));
                    order = endpoints.in_order();
                    order.retain(is_untried);
                    continue;
                }
                Some(Err(failure)) => Err(failure),
                Some(Ok(false)) | None => {
                    let time = self.time(began, left);
                    self.request.exchange(self.connector, &endpoint, kept, time, self.config, self.cancel)
                }
            };
            record::exchange(&endpoint, self.request, &outcome, began, Level::Warn);
            if !self.may_try_again(&outcome) {
                match self.is_good(&outcome) {
                    Some(true) => {
                        endpoint.has_answered();
                        endpoints.prefer(&endpoint);
                    }
                    // This write's outcome is unknown; the next one goes elsewhere.
                    Some(false) => endpoint.has_failed(),
                    None => {}
                }
                return Some((endpoint, outcome));
            }
            // What this system lacks is not the endpoint's fault.
            if !matches!(outcome, Err(Failure::Resources(_))) {
                endpoint.has_failed();
            }
            self.is_transient |= outcome.as_ref().map_or_else(Failure::is_transient, |_| true);
            if self.last.as_ref().is_none_or(|(_, last)| tells(&outcome) >= tells(last)) {
                self.last = Some((endpoint.clone(), outcome));
            }
            tried.push(endpoint);
        }
        None
    }

    fn look_up(&self, endpoint: &Arc<Endpoint>, began: Instant, left: usize) -> Result<bool, Failure> {
        self.connector.look_up(endpoint, self.share(began, left), self.cancel)
    }

    /// The time for one try, with `left` endpoints still to be tried. A read leaves the others their share. A write
    /// does so only until it is sent: from then on, giving up early would only be not to know.
    fn time(&self, began: Instant, left: usize) -> Time {
        let share = self.share(began, left);
        let answer_by = if self.request.effect().is_read() { share } else { self.deadline };
        Time { began, connect_by: share, answer: Limit::At(answer_by) }
    }

    fn share(&self, began: Instant, left: usize) -> Deadline {
        Deadline::from(began, self.deadline.left_at(began) / left as u32).min(self.deadline)
    }

    /// Whether the endpoint does what it should; `None`: the outcome says nothing about that.
    fn is_good(&self, outcome: &Outcome<E>) -> Option<bool> {
        match outcome {
            Ok(answer) => Some(self.request.judge(answer) == Verdict::Answer),
            Err(Failure::Cancelled { .. } | Failure::TooLarge(_) | Failure::Resources(_)) => None,
            Err(_) => Some(false),
        }
    }

    /// Whether another try can do no harm, and may do better. Of writes that holds only if this one was certainly not
    /// carried out.
    fn may_try_again(&self, outcome: &Outcome<E>) -> bool {
        let effect: Effect = self.request.effect();
        match outcome {
            // The other endpoints have the same to say.
            Err(Failure::Cancelled { .. } | Failure::TooLarge(_) | Failure::NoMemory(_)) => false,
            Err(failure) => effect.is_read() || failure.nothing_carried_out(),
            Ok(answer) => self.request.judge(answer).allows_retry(effect),
        }
    }
}

/// How much an outcome tells: an answer, even a bad one, more than none, and silence more than that one endpoint of
/// several is down.
fn tells<T>(outcome: &Result<T, Failure>) -> u8 {
    match outcome {
        Ok(_) => 2,
        Err(failure) => u8::from(!failure.nothing_carried_out()),
    }
}

fn into_result<E: Exchange>(request: &E, endpoint: &Endpoint, outcome: Outcome<E>) -> Result<E::Answer> {
    outcome.map_err(|failure| failure.into_error(request.effect().is_read(), &endpoint.to_string()))
}
