//! Connections that end when they should not, and servers that speak when they were not asked.

use std::sync::mpsc::channel;

use crate::{ATTEMPTS, FORGED, NODE, assert_not_repeated, client, get, set};
use support::PATIENCE;
use support::api::*;
use support::fake::{Conn, FakeServer, response};
use support::port::Closed;

type Call = fn(&Client) -> Reply;

/// Every call that writes, and the method it sends.
const WRITES: [(&str, Call); 15] = [
    ("PUT", |client| client.set("/a", "1")),
    ("POST", |client| client.set_with("/a", "1", 0, ETCD_ORDERED)),
    ("PUT", |client| client.set_with("/a", "1", 9, ETCD_NO_VALUE_ON_SUCCESS)),
    ("PUT", |client| client.create("/a", "1")),
    ("PUT", |client| client.update("/a", "1")),
    ("PUT", |client| client.setdir("/a")),
    ("PUT", |client| client.createdir("/a")),
    ("DELETE", |client| client.delete("/a")),
    ("DELETE", |client| client.deletedir("/a", ETCD_RECURSIVE)),
    ("PUT", |client| client.cas("/a", "1", "0")),
    ("DELETE", |client| client.cad("/a", None, 7)),
    ("PUT", |client| client.request("PUT", "/v2/keys/a", Some("value=1"))),
    ("POST", |client| client.request_with("POST", "/v2/members", Some("{}"), Some("application/json"))),
    ("DELETE", |client| client.request("DELETE", "/v2/members/1", None)),
    ("PATCH", |client| client.request("PATCH", "/x", None)),
];

/// The first request of a connection is answered; at the second it ends in the way of `end`.
fn ending_at_the_second(end: impl Fn(Conn) + Send + Sync + 'static) -> (FakeServer, Client) {
    let server = FakeServer::start(move |mut conn| {
        if conn.request().is_some() && conn.say(response(200, NODE)) && conn.request().is_some() {
            end(conn);
        }
    });
    let client = client(&server);
    (server, client)
}

#[test]
fn a_write_without_an_answer_is_sent_once() {
    for end in [drop, Conn::reset] {
        let server = FakeServer::start(move |mut conn| {
            conn.request();
            end(conn);
        });
        for (n, (method, write)) in WRITES.into_iter().enumerate() {
            write(&client(&server)).fails(1004);
            let lines = server.lines();
            assert!(lines.len() == n + 1 && lines[n].starts_with(method), "{method}: {lines:?}");
        }
    }
}

#[test]
fn a_write_on_a_used_connection_that_ends_is_not_repeated() {
    for end in [drop, Conn::reset] {
        for (method, write) in WRITES {
            let (server, client) = ending_at_the_second(end);
            client.get("/a", 0).ok();
            write(&client).fails(1004);
            let requests = server.requests();
            assert_eq!(requests.len(), 2, "{method}");
            assert!(requests[1].line().starts_with(method) && requests[1].connection == 0, "{method}");
        }
    }
}

#[test]
fn a_read_on_a_used_connection_that_ends_is_asked_once_more() {
    for end in [drop, Conn::reset] {
        let (server, client) = ending_at_the_second(end);
        for _ in 0..3 {
            client.get("/a", 0).ok();
        }
        let connections: Vec<usize> = server.requests().iter().map(|seen| seen.connection).collect();
        assert_eq!(connections, [0, 0, 1, 1, 2], "the second request of each is repeated on the next");
    }
}

#[test]
fn a_read_that_never_gets_an_answer_is_given_up() {
    for end in [drop, Conn::reset] {
        let server = FakeServer::start(move |mut conn| {
            conn.request();
            if conn.number == 0 {
                conn.say(response(200, NODE));
                conn.request();
            }
            end(conn);
        });
        let client = client(&server);
        client.get("/a", 0).ok();
        client.get("/a", 0).fails(1002);
        assert!(client.exists("/a").is_err());
        // The first; then once more after a used connection, and as often as a read is tried.
        let count = server.requests().len();
        assert!((4..=1 + 1 + 2 * ATTEMPTS).contains(&count), "{count}");
    }
}

#[test]
fn a_truncated_answer_on_a_used_connection_is_no_result() {
    let (server, client) = ending_at_the_second(|mut conn| {
        conn.say(&response(200, FORGED)[..100]);
    });
    client.get("/a", 0).ok();
    assert_eq!(client.get("/a", 0).ok().text("/node/value").as_deref(), Some("1"), "a read is tried again");
    client.set("/a", "1").fails(1004);
    assert_not_repeated(&server, 2, 1);
}

#[test]
fn a_connection_that_ends_before_its_use_does_no_harm() {
    let server = FakeServer::start(Conn::reset);
    for _ in 0..10 {
        get(&server).fails(1002);
        let code = set(&server).code();
        assert!(matches!(code, 1002 | 1004), "{code}");
    }
    let closed = Closed::refusing();
    let client = Client::connect("127.0.0.1", closed.port);
    client.get("/a", 0).fails(1002);
    client.set("/a", "1").fails(1002);
}

#[test]
fn an_idle_connection_that_the_server_ended_is_not_used() {
    for end in [drop, Conn::reset] {
        let (ended, has_ended) = channel();
        let server = FakeServer::start(move |mut conn| {
            conn.request();
            conn.say(response(200, NODE));
            end(conn);
            let _ = ended.send(()); // an error: the test does not wait any more
        });
        let client = client(&server);
        for _ in 0..20 {
            client.get("/a", 0).ok();
            has_ended.recv_timeout(PATIENCE).expect("the connection has ended");
            client.set("/a", "1").ok();
            has_ended.recv_timeout(PATIENCE).expect("the connection has ended");
        }
        assert_eq!((server.connections(), server.requests().len()), (40, 40));
    }
}

#[test]
fn what_comes_on_an_idle_connection_is_not_believed() {
    let (spoken, has_spoken) = channel();
    let server = FakeServer::start(move |mut conn| {
        while conn.request().is_some() && conn.say(response(200, NODE)) {
            if conn.number == 0 {
                // The first answer is in the client's hands once its caller says so.
                conn.wait_for_release();
                conn.say(response(200, FORGED));
                let _ = spoken.send(()); // an error: the test does not wait any more
            }
        }
    });
    let client = client(&server);
    client.get("/a", 0).ok();
    server.release();
    has_spoken.recv_timeout(PATIENCE).expect("the server has spoken unasked");
    assert_eq!(client.get("/a", 0).ok().text("/node/value").as_deref(), Some("1"));
    assert_eq!(client.set("/a", "1").ok().text("/node/value").as_deref(), Some("1"));
    assert_eq!(server.connections(), 2, "and the connection is not used again");
}

/// So long that it needs a connection that has carried a shorter request.
fn long_key() -> String {
    "k".repeat(5000)
}

#[test]
fn what_comes_unasked_before_a_long_request_is_not_believed() {
    let version = r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#;
    let answer = [response(200, version), response(200, FORGED)].concat();
    let server = FakeServer::start(move |mut conn| {
        conn.request();
        conn.say(&answer);
    });
    client(&server).set(&long_key(), "1").fails(1002);
    client(&server).get(&long_key(), 0).fails(1002);
    let lines = server.lines();
    assert!(lines.len() >= 2 && lines.iter().all(|line| line == "GET /version HTTP/1.1"), "{lines:?}");
}

#[test]
fn a_long_key_reaches_a_server_that_closes_every_connection() {
    for (version, closes) in [("1.1", "Connection: close\r\n"), ("1.0", "")] {
        let head = format!("HTTP/{version} 200 OK\r\n{closes}Content-Length: {}\r\n\r\n{NODE}", NODE.len());
        let server = FakeServer::start(move |mut conn| {
            conn.request();
            conn.say(&head);
        });
        client(&server).get(&long_key(), 0).ok();
        client(&server).set(&long_key(), "1").ok();
        let written = server.lines().iter().filter(|line| line.starts_with("PUT ")).count();
        assert_eq!(written, 1, "{:?}", server.lines());
    }
}

#[test]
fn a_long_request_without_a_used_connection_is_not_sent() {
    for end in [drop, Conn::reset] {
        let server = FakeServer::start(move |mut conn| {
            conn.request();
            end(conn);
        });
        client(&server).set(&long_key(), "1").fails(1002);
        client(&server).get(&long_key(), 0).fails(1002);
        let lines = server.lines();
        assert!(lines.len() >= 2 && lines.iter().all(|line| line == "GET /version HTTP/1.1"), "{lines:?}");
    }
}

#[test]
fn an_answer_before_the_request_was_read_is_the_answer() {
    let form = "value=".to_owned() + &"v".repeat(10 << 20);
    let refused = r#"{"errorCode":210,"message":"Invalid POST form","cause":"http: POST too large","index":0}"#;
    for (answer, code, status) in [(response(413, "too large"), 1005, 413), (response(400, refused), 210, 400)] {
        // Closes with the request unread, which the kernel makes a reset; or takes in and forgets what comes.
        for reads_on in [false, true] {
            let answer = answer.clone();
            let server = FakeServer::start(move |mut conn| {
                conn.head();
                conn.say(&answer);
                if reads_on {
                    conn.wait_for_close();
                }
            });
            for _ in 0..3 {
                let reply =
                    client(&server).request_with("PUT", "/v2/keys/a", Some(&form), Some("text/plain")).fails(code);
                assert_eq!(reply.int("/status"), status, "{reply}");
            }
            assert_eq!(server.requests().len(), 3);
        }
    }
}
