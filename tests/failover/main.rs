//! Several endpoints: which is asked, what is repeated and what never, and what becomes of a cluster's
//! writes while its members come and go.

mod answers;
mod connections;
mod discovery;
mod leader;
mod members;
mod order;
mod processes;
mod proxied;
mod quorum;
mod redirects;
mod repeats;
mod sync;
mod time;
mod watches;

use support::fake::{FakeServer, response};

/// A result as etcd sends it.
const NODE: &str = r#"{"action":"get","node":{"key":"/a","value":"1","modifiedIndex":4,"createdIndex":4}}"#;

/// A server that answers every request with that.
fn good() -> FakeServer {
    FakeServer::answering(response(200, NODE))
}

/// How many requests came to each.
fn counts<const N: usize>(servers: &[FakeServer; N]) -> [usize; N] {
    servers.each_ref().map(|server| server.requests().len())
}
