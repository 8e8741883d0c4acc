//! Why a request brought back no response, sorted by what it means for the caller: may it have been carried out?

use std::io;

use crate::base::code;
use crate::base::error::Error;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No connection, so nothing was sent.
    Unreachable(String),
    /// No thread, descriptor or memory was to be had, so nothing was sent. It says nothing about the server.
    Resources(String),
    /// Certificate or handshake refused, so nothing was carried out.
    Tls(String),
    /// The connection ended in the midst of the handshake, so nothing was carried out.
    Handshake(String),
    /// Sent, at least in part; the connection ended without a byte of an answer.
    NoAnswer(String),
    /// Sent, at least in part; no whole answer in time.
    Timeout(String),
    /// The answer began, and broke off.
    Truncated(String),
    /// The answer is not HTTP.
    Malformed(String),
    /// The answer is larger than `max_response_bytes`, which is this.
    TooLarge(usize),
    /// The answer came, and there is no memory for it.
    NoMemory(String),
    /// Given up by this side.
    Cancelled { sent: bool },
}

impl Failure {
    /// Whether it is certain that the server did nothing.
    pub fn nothing_carried_out(&self) -> bool {
        use Failure::{Cancelled, Handshake, Resources, Tls, Unreachable};
        matches!(self, Unreachable(_) | Resources(_) | Tls(_) | Handshake(_) | Cancelled { sent: false })
    }

    /// Whether the same server may do better a moment later. Another one may in any case.
    pub fn is_transient(&self) -> bool {
        use Failure::{Cancelled, Malformed, NoMemory, Tls, TooLarge};
        !matches!(self, Tls(_) | Malformed(_) | TooLarge(_) | NoMemory(_) | Cancelled { .. })
    }

    /// An I/O error after the first byte of the request went out.
    #[cold]
    pub fn after_sending(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::TimedOut => Failure::Timeout(error.to_string()),
            _ => Failure::NoAnswer(error.to_string()),
        }
    }

    /// As the caller gets it. `place` says where: the endpoint.
    #[cold]
    pub fn into_error(self, is_read: bool, place: &str) -> Error {
        let at = |cause: String| format!("{place}: {cause}");
        match self {
            Failure::Unreachable(cause) => Error::new(
                code::ETCD_ERROR_UNAVAILABLE,
                "No endpoint could be reached; the request was not carried out: see that a server is there, or call again later",
                at(cause),
            ),
            // Not of this endpoint: any other would have met the same.
            Failure::Resources(cause) => Error::system_limit(cause),
            Failure::Tls(cause) | Failure::Handshake(cause) => {
                Error::new(code::ETCD_ERROR_TLS, "TLS failed; the request was not carried out", at(cause))
            }
            Failure::NoAnswer(cause) if is_read => {
                let message = "The connection was lost before an answer came; nothing was changed: call again";
                Error::new(code::ETCD_ERROR_UNAVAILABLE, message, at(cause))
            }
            Failure::Timeout(cause) if is_read => Error::new(code::ETCD_ERROR_TIMEOUT, NO_ANSWER_IN_TIME, at(cause)),
            Failure::NoAnswer(cause) | Failure::Timeout(cause) => Error::outcome_unknown(at(cause)),
            Failure::Malformed(cause) | Failure::Truncated(cause) => Error::bad_response_to(is_read, at(cause)),
            Failure::TooLarge(limit) => {
                let cause = at(format!("the reply is larger than max_response_bytes, {limit}"));
                Error { is_permanent: true, ..Error::bad_response_to(is_read, cause) }
            }
            Failure::NoMemory(cause) if is_read => Error::system_limit(at(cause)),
            Failure::NoMemory(cause) => Error::outcome_unknown(at(cause)),
            Failure::Cancelled { sent } => Error::cancelled(match (sent, is_read) {
                (false, _) => "nothing was sent",
                (true, true) => "no answer had come yet",
                (true, false) => "the write was sent and may or may not have been carried out",
            }),
        }
    }
}

/// To a read.
pub const NO_ANSWER_IN_TIME: &str =
    "No answer came in time; nothing was changed: call again later, or allow more time by timeout.request_ms";

/// Whether the error says that this process, or the whole system, has no more descriptors or memory to give. (That there
/// is no thread is EAGAIN, as is that a socket has nothing to read: who starts a thread knows.)
pub fn is_system_limit(error: &io::Error) -> bool {
    let codes = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS];
    error.kind() == io::ErrorKind::OutOfMemory || error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_without_an_answer_is_of_unknown_outcome_and_a_read_is_not() {
        let code = |failure: Failure, is_read| failure.into_error(is_read, "http://h").code;
        for (failure, read, write) in [
            (Failure::Unreachable("x".into()), 1002, 1002),
            (Failure::Resources("x".into()), 1011, 1011),
            (Failure::Tls("x".into()), 1007, 1007),
            (Failure::Handshake("x".into()), 1007, 1007),
            (Failure::NoAnswer("x".into()), 1002, 1004),
            (Failure::Timeout("x".into()), 1003, 1004),
            (Failure::Truncated("x".into()), 1006, 1004),
            (Failure::Malformed("x".into()), 1006, 1004),
            (Failure::TooLarge(1), 1006, 1004),
            (Failure::NoMemory("x".into()), 1011, 1004),
            (Failure::Cancelled { sent: true }, 1009, 1009),
            (Failure::Cancelled { sent: false }, 1009, 1009),
        ] {
            assert_eq!((code(failure.clone(), true), code(failure.clone(), false)), (read, write), "{failure:?}");
        }
    }

    #[test]
    fn the_systems_limits_are_told_from_the_servers_absence() {
        let is_limit = |code: &i32| is_system_limit(&io::Error::from_raw_os_error(*code));
        assert!([libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS].iter().all(is_limit));
        assert!(![libc::ECONNREFUSED, libc::EADDRNOTAVAIL, libc::ETIMEDOUT, libc::EAGAIN].iter().any(is_limit));
    }
}
