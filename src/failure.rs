//! Why a request brought back no response, told by what it means for the caller: may it have been
//! carried out?

use std::io;

use crate::code;
use crate::error::Error;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No connection, so nothing was sent.
    Unreachable(String),
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
    Garbled(String),
    /// The answer is larger than `max_response_bytes`, which is this.
    TooLarge(usize),
    /// Given up by this side.
    Cancelled { sent: bool },
}

impl Failure {
    /// Whether it is certain that the server did nothing.
    pub fn nothing_carried_out(&self) -> bool {
        use Failure::{Cancelled, Handshake, Tls, Unreachable};
        matches!(self, Unreachable(_) | Tls(_) | Handshake(_) | Cancelled { sent: false })
    }

    /// Whether the same server may do better a moment later. Another one may in any case.
    pub fn is_passing(&self) -> bool {
        !matches!(self, Failure::Tls(_) | Failure::Garbled(_) | Failure::TooLarge(_) | Failure::Cancelled { .. })
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
                "No endpoint could be reached; the request was not carried out",
                at(cause),
            ),
            Failure::Tls(cause) | Failure::Handshake(cause) => {
                Error::new(code::ETCD_ERROR_TLS, "TLS failed; the request was not carried out", at(cause))
            }
            Failure::NoAnswer(cause) if is_read => {
                Error::new(code::ETCD_ERROR_UNAVAILABLE, "The connection was lost before an answer came", at(cause))
            }
            Failure::Timeout(cause) if is_read => {
                Error::new(code::ETCD_ERROR_TIMEOUT, "No answer came in time", at(cause))
            }
            Failure::NoAnswer(cause) | Failure::Timeout(cause) => Error::outcome_unknown(at(cause)),
            Failure::Garbled(cause) | Failure::Truncated(cause) => Error::bad_response_to(is_read, at(cause)),
            Failure::TooLarge(limit) => {
                let cause = at(format!("the reply is larger than max_response_bytes, {limit}"));
                Error { is_lasting: true, ..Error::bad_response_to(is_read, cause) }
            }
            Failure::Cancelled { sent } => Error::cancelled(match (sent, is_read) {
                (false, _) => "nothing was sent",
                (true, true) => "no answer had come yet",
                (true, false) => "the write was sent and may or may not have been carried out",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_without_an_answer_is_of_unknown_outcome_and_a_read_is_not() {
        let code = |failure: Failure, is_read| failure.into_error(is_read, "http://h").code;
        for (failure, read, write) in [
            (Failure::Unreachable("x".into()), 1002, 1002),
            (Failure::Tls("x".into()), 1007, 1007),
            (Failure::Handshake("x".into()), 1007, 1007),
            (Failure::NoAnswer("x".into()), 1002, 1004),
            (Failure::Timeout("x".into()), 1003, 1004),
            (Failure::Truncated("x".into()), 1006, 1006),
            (Failure::Garbled("x".into()), 1006, 1006),
            (Failure::TooLarge(1), 1006, 1006),
            (Failure::Cancelled { sent: true }, 1009, 1009),
            (Failure::Cancelled { sent: false }, 1009, 1009),
        ] {
            assert_eq!((code(failure.clone(), true), code(failure.clone(), false)), (read, write), "{failure:?}");
        }
    }
}
