//! HTTP/1.1 as etcd's clients need it: one request and one response at a time over a connection
//! that is kept alive. `httparse` reads the heads.

mod body;
mod connection;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod head;
mod input;
mod request;
mod response;

pub use connection::Connection;
pub use head::{Head, Origin};
pub use request::{Body, Method, Request};
pub use response::{Headers, Response, number};
