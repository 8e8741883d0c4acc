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

/// What has nothing to tell.
pub fn carry_out<R: Unary>(session: &Session, request: &R) -> Result<String> {
    ask(session, request)?;
    Ok("{}".to_owned())
}

/// As v2 says it of what is there already.
pub fn conflict(cause: String) -> Error {
    Error::new(code::ETCD_ERROR_HTTP, "It is so already", cause).with_status(409)
}
