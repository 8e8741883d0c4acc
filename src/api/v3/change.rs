//! What changes of members, users and roles have in common: how they are asked for and what refusals become.

use super::errors;
use super::session::Session;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::messages::Unary;

/// Asks, and gives a refusal the status of its kind.
pub fn ask<R: Unary>(session: &Session, request: &R) -> Result<R::Reply> {
    session.ask(request).map_err(errors::into_admin_error)
}

/// Reads what there is after a change that was carried out. Where that fails the change is not undone, which the error of a
/// read would have a caller think.
pub fn read_back<R: Unary>(session: &Session, request: &R) -> Result<R::Reply> {
    ask(session, request).map_err(|error| match error.code {
        code::ETCD_ERROR_RAFT_INTERNAL
        | code::ETCD_ERROR_LEADER_ELECTION
        | code::ETCD_ERROR_UNAVAILABLE
        | code::ETCD_ERROR_TIMEOUT
        | code::ETCD_ERROR_BAD_RESPONSE
        | code::ETCD_ERROR_SYSTEM_LIMIT => {
            let message = "It was carried out, but what there is now could not be read; ask for it";
            Error::new(code::ETCD_ERROR_OUTCOME_UNKNOWN, message, error.to_string())
        }
        _ => error,
    })
}

/// What has nothing to tell.
pub fn carry_out<R: Unary>(session: &Session, request: &R) -> Result<String> {
    ask(session, request)?;
    Ok("{}".to_owned())
}

/// As v2 says it of what is there already.
pub fn conflict(cause: String) -> Error {
    Error::new(code::ETCD_ERROR_HTTP, "It is so already", cause).with_status(409)
}
