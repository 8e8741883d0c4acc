//! What goes over a connection under TLS, and how long it is kept.

use std::thread;

use crate::server::{authority, closed, open, presenting};
use support::api::*;
use support::child::fork;
use support::etcd::Etcd;
use support::fake::{FakeServer, Tls};

/// A server seen through a relay that counts connections, each of which is one handshake.
pub fn counted(server: &Etcd) -> FakeServer {
    let port = server.port();
    FakeServer::start(move |conn| conn.relay(port))
}

fn client(port: u16) -> Client {
    Client::new(&[("endpoints", &format!("https://127.0.0.1:{port}")), ("tls.ca_file", authority().file())])
}

#[test]
fn many_calls_take_one_handshake() {
    for server in open() {
        let relay = counted(server);
        let client = client(relay.port());
        for i in 0..50 {
            let value = i.to_string();
            client.set("/many", &value).ok();
            assert_eq!(client.get("/many", 0).ok().text("/node/value"), Some(value));
            client.get("/none", 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
        }
        assert_eq!(relay.connections(), 1);
    }
}

#[test]
fn what_is_large_arrives_whole_both_ways() {
    // The most that etcd takes.
    let value = "x".repeat((10 << 20) - "value=".len());
    for server in open() {
        let client = client(server.port());
        let written = client.set("/large", &value).ok();
        assert_eq!(written.text("/node/value").as_deref(), Some(&*value));
        assert_eq!(client.get("/large", 0).ok().text("/node/value").as_deref(), Some(&*value));
        client.set("/large", &(value.clone() + "x")).fails(ETCD_ERROR_INVALID_FORM);
        client.delete("/large").ok();
        // Many chunks, and many records of TLS.
        for i in 0..300 {
            client.set(&format!("/large dir/{i}"), &"é".repeat(500)).ok();
        }
        let listed = client.get("/large dir", ETCD_RECURSIVE | ETCD_SORTED).ok();
        assert_eq!(listed.len("/node/nodes"), 300);
        client.deletedir("/large dir", ETCD_RECURSIVE).ok();
    }
}

/// A plain port of etcd resets a connection whose first line is longer than 4094 bytes; under TLS no such thing happens,
/// and no second request is needed to get by.
#[test]
fn a_long_key_needs_no_detour() {
    let key = format!("/{}", "k".repeat(6000));
    for server in open() {
        let relay = counted(server);
        client(relay.port()).set(&key, "1").ok();
        client(relay.port()).get(&key, 0).ok();
        assert_eq!(relay.connections(), 2);
    }
}

#[test]
fn eight_threads_share_a_client() {
    let identity = authority().client("threads");
    for server in closed() {
        let client = server.client(&presenting(&identity));
        thread::scope(|scope| {
            for number in 0..8 {
                let client = &client;
                scope.spawn(move || {
                    let key = format!("/thread{number}");
                    for i in 0..25 {
                        let value = format!("{i} of {number}");
                        client.set(&key, &value).ok();
                        assert_eq!(client.get(&key, 0).ok().text("/node/value"), Some(value));
                    }
                });
            }
        });
    }
}

#[test]
fn a_child_shakes_hands_anew_and_its_parent_goes_on() {
    let identity = authority().client("fork");
    for server in closed() {
        let relay = counted(server);
        let url = format!("https://127.0.0.1:{}", relay.port());
        let client = Client::new(&[&[("endpoints", &*url)], &presenting(&identity)[..]].concat());
        client.set("/fork", "parent").ok();
        let work = |name: &str| {
            for i in 0..20 {
                let (key, value) = (format!("/fork {name}"), i.to_string());
                let read = match client.set(&key, &value).code() {
                    0 => client.get(&key, 0),
                    code => return Err(format!("{name}: error {code} of a write")),
                };
                if read.text("/node/value") != Some(value) {
                    return Err(format!("{name}: {read}"));
                }
            }
            Ok(())
        };
        let children = ["1", "2"].map(|name| fork(|| work(name)));
        assert_eq!(work("parent"), Ok(()));
        children.into_iter().for_each(|child| child.ends_well());
        assert_eq!(work("parent"), Ok(()));
        assert_eq!(relay.connections(), 3, "one in each process");
    }
}

#[test]
fn a_connection_that_the_server_closed_meanwhile_costs_no_call() {
    for well in [true, false] {
        let identity = authority().server();
        let front = FakeServer::start_tls(&Tls::new(&identity), move |mut session| {
            session.request();
            session.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            if well {
                session.close_well();
            }
        });
        let client = client(front.port());
        for _ in 0..10 {
            client.server_version().ok();
        }
        assert_eq!(front.handshakes(), 10);
    }
}

/// The second handshake is a short one, which spares both sides the signatures.
#[test]
fn a_new_connection_goes_on_with_the_keys_of_an_earlier_one() {
    let identity = authority().server();
    let front = FakeServer::start_tls(&Tls::new(&identity), |mut session| {
        session.request();
        session.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
    });
    let client = client(front.port());
    for _ in 0..3 {
        client.server_version().ok();
    }
    assert_eq!((front.handshakes(), front.resumed()), (3, 2));
}
