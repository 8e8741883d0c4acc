//! h2's errors, told by what they mean for the caller: may the call have been carried out?

use std::sync::atomic::Ordering::Relaxed;

use h2::Reason;

use super::link::{Link, State};
use crate::base::failure::Failure;

/// How far a call has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// Its stream, once h2 has been given the request.
    pub stream: Option<u32>,
    /// Whether something of the answer has come.
    pub is_answered: bool,
}

/// Whether it is certain that the server did nothing, and never will.
fn is_surely_not_begun(link: &Link, state: &State, progress: Progress) -> bool {
    let Some(stream) = progress.stream else { return true };
    let is_above_last = stream > link.seen.last_stream.load(Relaxed);
    // As long as the connection lives, what h2 has been given may still go out.
    let never_went_out = state.end().is_some() && stream > link.seen.begun.load(Relaxed);
    is_above_last || never_went_out
}

/// What an error on a call's stream means.
#[cold]
pub fn of_stream(error: &h2::Error, link: &Link, state: &State, progress: Progress) -> Failure {
    let refused = error.is_reset() && error.is_remote() && error.reason() == Some(Reason::REFUSED_STREAM);
    if is_surely_not_begun(link, state, progress) || refused {
        return link.seen.tls_cause().map_or_else(|| Failure::Unreachable(error.to_string()), Failure::Tls);
    }
    if error.is_library() {
        return Failure::Malformed(format!("the server breaks the rules of HTTP/2: {error}"));
    }
    broken_off(error.to_string(), progress)
}

/// The connection is over and h2 says nothing else of the stream.
#[cold]
pub fn of_connection(end: &str, link: &Link, state: &State, progress: Progress) -> Failure {
    match is_surely_not_begun(link, state, progress) {
        true => link.seen.tls_cause().map_or_else(|| Failure::Unreachable(end.to_owned()), Failure::Tls),
        false => broken_off(end.to_owned(), progress),
    }
}

#[cold]
pub fn timeout(link: &Link, state: &State, progress: Progress) -> Failure {
    let cause = "no answer in time";
    match progress.stream {
        // In the queue for a stream.
        None => {
            Failure::Unreachable(format!("{cause}: all {} streams that the server allows are in use", state.max_open()))
        }
        Some(_) if is_surely_not_begun(link, state, progress) => Failure::Unreachable(cause.to_owned()),
        Some(_) => Failure::Timeout(cause.to_owned()),
    }
}

#[cold]
pub fn cancelled(link: &Link, state: &State, progress: Progress) -> Failure {
    Failure::Cancelled { sent: !is_surely_not_begun(link, state, progress) }
}

fn broken_off(cause: String, progress: Progress) -> Failure {
    match progress.is_answered {
        true => Failure::Truncated(format!("the reply breaks off: {cause}")),
        false => Failure::NoAnswer(cause),
    }
}
