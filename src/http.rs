//! HTTP/1.1 as etcd's clients need it: one request and one response at a time over a connection
//! that is kept alive. `httparse` reads the heads.

mod body;
mod connection;
mod head;

pub use connection::Connection;
pub use head::{Head, Origin};
