//! What is repeated, and what never is: counted at servers that do not answer as they should.

use std::thread;

use crate::{NODE, counts, good};
use support::api::*;
use support::fake::{FakeServer, response};

const ATTEMPTS: usize = 4;

/// Many tries, and time for them: no server here is silent.
const EAGER: [(&str, &str); 3] =
    [("retry.attempts", "4"), ("retry.max_delay_ms", "0"), ("timeout.request_ms", "30000")];

fn eager(servers: &[FakeServer]) -> Client {
    Client::of(&servers.iter().map(FakeServer::url).collect::<Vec<_>>(), &EAGER)
}

type Call = fn(&Client) -> Reply;

/// Every call that writes, and its method.
const WRITES: [(&str, Call); 13] = [
    ("PUT", |client| client.set("/a", "1")),
    ("PUT", |client| client.set_with("/a", "1", 0, ETCD_NO_VALUE_ON_SUCCESS)),
    ("POST", |client| client.set_with("/a", "1", 0, ETCD_ORDERED)),
    ("PUT", |client| client.create("/a", "1")),
    ("PUT", |client| client.update("/a", "1")),
    ("PUT", |client| client.cas("/a", "2", "1")),
    ("DELETE", |client| client.cad("/a", None, 7)),
    ("DELETE", |client| client.delete("/a")),
    ("DELETE", |client| client.deletedir("/a", ETCD_RECURSIVE)),
    ("PUT", |client| client.setdir("/a")),
    ("PUT", |client| client.request("PUT", "/v2/keys/a", Some("value=1"))),
    ("POST", |client| client.request("POST", "/v2/members", None)),
    ("PATCH", |client| client.request("PATCH", "/x", None)),
];

/// Every call that reads.
const READS: [Call; 6] = [
    |client| client.get("/a", 0),
    |client| client.get("/a", ETCD_QUORUM),
    |client| client.members(),
    |client| client.machines(),
    |client| client.server_version(),
    |client| client.request("GET", "/x", None),
];

/// How a server ends a connection on which a request has come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Close,
    Reset,
    HalfAHead,
    HalfABody,
    Nonsense,
}

const ENDS: [End; 5] = [End::Close, End::Reset, End::HalfAHead, End::HalfABody, End::Nonsense];

fn ending(end: End) -> FakeServer {
    FakeServer::start(move |mut conn| {
        if conn.request().is_none() {
            return;
        }
        match end {
            End::Close => {}
            End::Reset => conn.reset(),
            End::HalfAHead => assert!(conn.say("HTTP/1.1 200 OK\r\nContent-Le")),
            End::HalfABody => assert!(conn.say(&response(200, NODE)[..80])),
            End::Nonsense => assert!(conn.say("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")),
        }
    })
}

#[test]
fn a_write_that_was_sent_is_never_sent_again() {
    for end in ENDS {
        for (method, write) in WRITES {
            let servers = [ending(end), good(), good()];
            let code = write(&eager(&servers)).code();
            // The end of the connection leaves the outcome open, and so does an answer that cannot be read.
            assert_eq!(code, 1004, "{method} to {end:?}");
            assert_eq!(counts(&servers), [1, 0, 0], "{method} to {end:?}");
        }
    }
}

#[test]
fn a_write_on_a_kept_connection_is_never_sent_again() {
    for (method, write) in WRITES {
        let first = FakeServer::start(|mut conn| {
            if conn.request().is_some() && conn.say(response(200, NODE)) {
                conn.request();
            }
        });
        let servers = [first, good()];
        let client = eager(&servers);
        client.get("/a", 0).ok();
        write(&client).fails(1004);
        assert_eq!(counts(&servers), [2, 0], "{method}");
    }
}

#[test]
fn a_read_is_asked_everywhere_as_often_as_may_be() {
    for end in ENDS {
        for read in READS {
            let servers = [ending(end), ending(end)];
            let code = read(&eager(&servers)).code();
            assert!(matches!(code, 1002 | 1006), "{end:?}: {code}");
            // A server that speaks another protocol is not asked again.
            let times = if end == End::Nonsense { 1 } else { ATTEMPTS };
            assert_eq!(counts(&servers), [times, times], "{end:?}");
        }
    }
}

#[test]
fn a_read_is_answered_by_the_first_that_can() {
    for end in ENDS {
        let servers = [ending(end), ending(end), good()];
        eager(&servers).get("/a", 0).ok();
        assert_eq!(counts(&servers), [1, 1, 1], "{end:?}");
    }
    for status in [500, 502, 503, 504] {
        let servers = [FakeServer::answering(response(status, "no")), good()];
        eager(&servers).get("/a", 0).ok();
        assert_eq!(counts(&servers), [1, 1], "{status}");
    }
}

/// What etcd's own proxy says that has nobody to hand a request on to.
const NOBODY_THERE: &str = r#"{"message":"httpproxy: zero endpoints currently available"}"#;

#[test]
fn a_write_goes_on_where_nothing_was_carried_out() {
    for (method, write) in WRITES {
        let servers = [FakeServer::answering(response(503, NOBODY_THERE)), good()];
        let client = eager(&servers);
        write(&client).ok();
        assert_eq!(counts(&servers), [1, 1], "{method}");
        assert_eq!(servers[1].requests()[0].bytes.len(), servers[0].requests()[0].bytes.len(), "{method}, whole");
    }
    for (method, write) in WRITES {
        let servers = [503, 503].map(|status| FakeServer::answering(response(status, NOBODY_THERE)));
        let error = write(&eager(&servers)).fails(ETCD_ERROR_HTTP);
        assert_eq!((counts(&servers), error.int("/status")), ([ATTEMPTS, ATTEMPTS], 503), "{method}");
    }
}

#[test]
fn a_write_that_a_gateway_may_have_handed_on_is_not_sent_again() {
    for status in [500, 502, 503, 504] {
        for body in ["<html>no</html>", r#"{"message":"no"}"#, ""] {
            for (method, write) in WRITES {
                let servers = [FakeServer::answering(response(status, body)), good()];
                write(&eager(&servers)).fails(ETCD_ERROR_OUTCOME_UNKNOWN);
                assert_eq!(counts(&servers), [1, 0], "{method}, {status} {body}");
            }
        }
    }
}

#[test]
fn a_write_answered_by_nothing_is_not_sent_again() {
    // What an old etcd proxy answers when the server behind it dies.
    for (method, write) in WRITES.into_iter().filter(|(method, _)| *method != "PATCH").take(10) {
        let servers = [FakeServer::answering(response(200, "")), good()];
        write(&eager(&servers)).fails(ETCD_ERROR_OUTCOME_UNKNOWN);
        assert_eq!(counts(&servers), [1, 0], "{method}");
    }
}

#[test]
fn a_silent_server_gets_a_write_once() {
    thread::scope(|scope| {
        for (method, write) in [WRITES[0], WRITES[2], WRITES[3], WRITES[5], WRITES[7]] {
            scope.spawn(move || {
                let servers = [FakeServer::start(|mut conn| drop((conn.request(), conn.wait_for_close()))), good()];
                let pairs = [("timeout.request_ms", "3000"), ("retry.attempts", "4")];
                let client = Client::of(&servers.each_ref().map(FakeServer::url), &pairs);
                write(&client).fails(ETCD_ERROR_OUTCOME_UNKNOWN);
                assert_eq!(counts(&servers), [1, 0], "{method}");
            });
        }
    });
}
