//! The crate against a running server. It works below /test/rust.
//!
//!     cargo run --example rust_test -- [HOST [PORT]]
//!
//! Members, users and roles want a cluster of their own, on which authentication has never been set up: `ETCD_PRIVATE`
//! names an endpoint of it.

mod admin;
mod connecting;
mod futures;
mod held;
mod keys;
mod store;
mod watches;

use etcd::codes::*;
use etcd::{ApiVersion, Client, Config, Error, Result};

const ROOT: &str = "/test/rust";
const TESTS: [(&str, Test); 19] = [
    ("keys", keys::keys),
    ("directories", keys::directories),
    ("the cluster", connecting::cluster),
    ("errors", keys::errors),
    ("texts", keys::texts),
    ("watches", watches::watches),
    ("ten watches at once", watches::ten_watches_at_once),
    ("a client that is disconnected", connecting::disconnected),
    ("nothing leaks", keys::nothing_leaks),
    ("configured", connecting::configured),
    ("closures", watches::closures),
    ("derived clients", connecting::derived_clients),
    ("registrations and elections", held::registrations_and_elections),
    ("over v3: bytes and ranges", store::bytes_and_ranges),
    ("over v3: watches of ranges", store::watches_of_ranges),
    ("over v3: transactions and calls", store::transactions_and_calls),
    ("over v3: what is held", held::what_is_held),
    ("over v3: keys", |_, url| keys::keys(&v3(url), url)),
    ("futures", futures::futures),
];
/// Take a client of the private cluster, and its URL.
const PRIVATE: [(&str, Test); 3] = [
    ("members", admin::members),
    ("roles", admin::roles),
    ("users and what they may do", admin::users_and_what_they_may_do),
];

/// Takes a client, and the server's URL for those that want another.
type Test = fn(&Client, &str);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let host = arguments.next().unwrap_or("127.0.0.1".to_owned());
    let port = arguments.next().map_or(2379, |port| port.parse().expect("PORT is a number"));
    the_readmes_lines(&host, port).unwrap();
    let client = Client::connect(&host, port).unwrap();
    let url = format!("http://{host}:{port}");
    for (name, test) in TESTS {
        clear(&client);
        test(&client, &url);
        println!("ok: {name}");
    }
    clear(&client);
    let Ok(url) = std::env::var("ETCD_PRIVATE") else {
        println!("skipped, for they need ETCD_PRIVATE: members, users and roles");
        return;
    };
    for (name, test) in PRIVATE {
        test(&Config::new().endpoints([&url]).connect().unwrap(), &url);
        println!("ok: {name}");
    }
}

/// They print what they have set.
fn the_readmes_lines(host: &str, port: u16) -> Result<()> {
    let client = Client::connect(host, port)?;
    client.set("/app/greeting", "Hello World", None)?;
    println!("{}", client.get("/app/greeting")?.value().unwrap_or_default());
    assert_eq!(client.get("/app/greeting")?.value(), Some("Hello World"));
    Ok(())
}

fn clear(client: &Client) {
    let cleared = client.delete_tree(ROOT);
    assert!(matches!(cleared, Ok(_) | Err(Error { code: ETCD_ERROR_KEY_NOT_FOUND, .. })), "{cleared:?}");
}

#[track_caller]
fn fails<T>(result: Result<T>, code: i32) -> Error {
    let error = result.err().expect("it must fail");
    assert_eq!(error.code, code, "{error}");
    error
}

fn v3(url: &str) -> Client {
    Config::new().endpoints([url]).api(ApiVersion::V3).connect().unwrap()
}

fn at(name: &str) -> String {
    format!("{ROOT}/{name}")
}
