//! How often a request is sent, and where: in turn to each endpoint, as long as that can do no harm, there is time, and
//! something may come of it.

use std::sync::Arc;

use super::attempt::{Attempt, Limit};
use super::connector::Connector;
use super::endpoint::Endpoint;
use super::exchange::Exchange;
use super::record;
use super::turns::{self, Turn, Turns};
use crate::base::effect::{Effect, Unanimity, Verdict};
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
    match tries.last {
        Some((endpoint, outcome)) => into_result(request, &endpoint, outcome),
        None => Err(turns::nowhere(request.effect().is_read())),
    }
}

pub type Outcome<E> = Result<<E as Exchange>::Answer, Failure>;

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
        let mut turns = Turns::new(self.connector, self.deadline, self.cancel);
        while let Some(turn) = turns.next() {
            if self.last.is_some() && self.deadline.is_over() {
                return None;
            }
            let kept = self.request.kept(self.connector, &turn.endpoint, turn.began, self.cancel);
            let is_here = if kept.is_some() { Ok(true) } else { turns.look_up(&turn) };
            let outcome = match is_here {
                // It is another's turn first.
                Ok(false) => continue,
                Ok(true) => self.request.exchange(self.connector, kept, self.attempt(&turn)),
                Err(failure) => Err(failure),
            };
            let Turn { endpoint, began, .. } = turn;
            record::exchange(&endpoint, self.request, &outcome, began, Level::Warn);
            if !may_try_again(self.request, &outcome) {
                match self.is_good(&outcome) {
                    Some(true) => {
                        endpoint.has_answered();
                        self.connector.endpoints.prefer(&endpoint);
                    }
                    // This write's outcome is unknown; the next one goes elsewhere.
                    Some(false) => endpoint.has_failed(),
                    None => {}
                }
                return Some((endpoint, outcome));
            }
            // What this system lacks is not the endpoint's fault.
            let is_its_word = self.is_its_word(&outcome);
            if !matches!(outcome, Err(Failure::Resources(_))) && !is_its_word {
                endpoint.has_failed();
            }
            self.is_transient |= outcome.as_ref().map_or_else(Failure::is_transient, |_| !is_its_word);
            if self.last.as_ref().is_none_or(|(_, last)| self.tells(&outcome) >= self.tells(last)) {
                self.last = Some((endpoint, outcome));
            }
        }
        None
    }

    /// The time for one try. A read leaves the others their share. A write does so only until it is sent: from then on,
    /// giving up early would only be not to know.
    fn attempt<'a>(&'a self, turn: &'a Turn) -> Attempt<'a> {
        let Turn { endpoint, share, .. } = turn;
        let answer_by = if self.request.effect().may_be_repeated() { *share } else { self.deadline };
        let (config, cancel) = (self.config, self.cancel);
        Attempt { endpoint, connect_by: *share, answer: Limit::At(answer_by), config, cancel }
    }

    /// Whether the endpoint does what it should; `None`: the outcome says nothing about that.
    fn is_good(&self, outcome: &Outcome<E>) -> Option<bool> {
        match outcome {
            Ok(answer) => Some(self.request.judge(answer) == Verdict::Answer),
            Err(Failure::Cancelled { .. } | Failure::TooLarge(_) | Failure::Resources(_)) => None,
            Err(_) => Some(false),
        }
    }

    /// Whether this endpoint has said for good what is asked of each.
    fn is_its_word(&self, outcome: &Outcome<E>) -> bool {
        self.request.unanimity() != Unanimity::Any && self.is_not_carried_out(outcome)
    }

    fn is_not_carried_out(&self, outcome: &Outcome<E>) -> bool {
        outcome.as_ref().is_ok_and(|answer| self.request.judge(answer) == Verdict::NotCarriedOut)
    }

    /// How much an outcome tells: an answer, even a bad one, more than none, and silence more than that one endpoint of
    /// several is down. But that nothing was carried out counts only if no other endpoint leaves it open: where all are to
    /// say so, and where an earlier try may have been carried out.
    fn tells(&self, outcome: &Outcome<E>) -> u8 {
        let unanimity = self.request.unanimity();
        let wants_all = unanimity != Unanimity::Any || self.request.effect() == Effect::Repeatable;
        match outcome {
            Ok(_) if wants_all && self.is_not_carried_out(outcome) => 1,
            Ok(_) => 4,
            Err(failure) if !failure.nothing_carried_out() => 3,
            Err(_) if unanimity == Unanimity::All => 2,
            Err(_) => 0,
        }
    }
}

/// Whether another try can do no harm, and may do better. Of writes that holds only if this one was certainly not carried
/// out.
pub fn may_try_again<E: Exchange>(request: &E, outcome: &Outcome<E>) -> bool {
    let effect: Effect = request.effect();
    match outcome {
        // The other endpoints have the same to say.
        Err(Failure::Cancelled { .. } | Failure::TooLarge(_) | Failure::NoMemory(_)) => false,
        Err(failure) => effect.may_be_repeated() || failure.nothing_carried_out(),
        Ok(answer) => request.judge(answer).allows_retry(effect),
    }
}

fn into_result<E: Exchange>(request: &E, endpoint: &Endpoint, outcome: Outcome<E>) -> Result<E::Answer> {
    outcome.map_err(|failure| failure.into_error(request.effect().is_read(), &endpoint.to_string()))
}
