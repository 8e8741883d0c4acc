//! What the log tells of exchanges. At level debug: one line a request, and the reply's body as it came.

use std::time::Instant;

use super::endpoint::Endpoint;
use super::exchange::Exchange;
use crate::base::failure::Failure;
use crate::base::log::{self, Level};

/// A failure is logged at level `trouble`.
pub fn exchange<E: Exchange>(
    endpoint: &Endpoint,
    asked: &E,
    outcome: &Result<E::Answer, Failure>,
    began: Instant,
    trouble: Level,
) {
    match outcome {
        Ok(answer) => {
            log::log(Level::Debug, || line(endpoint, asked, &E::summary(answer), began));
            log::log(Level::Debug, || E::body(answer));
        }
        Err(failure) => {
            // What this side gave up is nobody's failure.
            let level = if matches!(failure, Failure::Cancelled { .. }) { Level::Debug } else { trouble };
            let error = failure.clone().into_error(asked.effect().is_read(), &endpoint.to_string());
            log::log(level, || line(endpoint, asked, &error.to_string(), began));
        }
    }
}

/// A long poll in which nothing happened.
pub fn silence<E: Exchange>(endpoint: &Endpoint, asked: &E, began: Instant) {
    log::log(Level::Debug, || line(endpoint, asked, "no change", began));
}

fn line<E: Exchange>(endpoint: &Endpoint, asked: &E, result: &str, began: Instant) -> String {
    format!("{} -> {result} in {:.1} ms", asked.describe(endpoint), began.elapsed().as_secs_f64() * 1e3)
}
