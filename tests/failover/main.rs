//! Several endpoints: which is asked, what is asked again and what never, and what becomes of a cluster's
//! writes while its members come and go.

#[path = "../support/child.rs"]
mod child;
#[path = "../support/configured.rs"]
mod configured;
#[path = "../support/dns.rs"]
mod dns;
#[path = "../support/hostile.rs"]
mod hostile;
#[path = "../support/log.rs"]
mod log;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/resolver.rs"]
mod resolver;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/watch.rs"]
mod watching;

mod alone;
mod answers;
mod connections;
mod dead;
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

use hostile::{Hostile, reply};

/// A result as etcd sends it.
const NODE: &str = r#"{"action":"get","node":{"key":"/a","value":"1","modifiedIndex":4,"createdIndex":4}}"#;

fn url(server: &Hostile) -> String {
    format!("http://127.0.0.1:{}", server.port())
}

/// A server that answers every request so, on connections that stay open.
fn answering(bytes: impl AsRef<[u8]>) -> Hostile {
    let bytes = bytes.as_ref().to_vec();
    Hostile::start(move |mut conn| while conn.request().is_some() && conn.say(&bytes) {})
}

/// One that answers well.
fn good() -> Hostile {
    answering(reply(200, NODE))
}

/// How many requests came to each.
fn counts<const N: usize>(servers: &[Hostile; N]) -> [usize; N] {
    servers.each_ref().map(|server| server.requests().len())
}
