//! What an API version of etcd must be able to do, so that the client need not know which it is.

use crate::error::Result;
use crate::operation::Operation;
use crate::request::Request;
use crate::response::Response;

pub trait Api: Send + Sync {
    /// Carries out an operation with as many exchanges as it takes; the text is the caller's reply.
    fn run(&self, operation: &Operation, server: &dyn Server) -> Result<String>;
}

/// The way to a server: an API version sends requests through it and knows no socket.
pub trait Server {
    fn send(&self, request: &Request) -> Result<Response>;
}
