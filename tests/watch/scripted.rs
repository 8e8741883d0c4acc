//! Answers that no healthy server gives, from a scripted one: what the watch makes of them, and what it asks next.

use std::time::{Duration, Instant};

use support::api::*;
use support::fake::{Conn, FakeServer, response};
use support::watch::Watcher;

fn watching(server: &FakeServer) -> (Client, Watcher) {
    watching_with(server, "30000")
}

fn watching_with(server: &FakeServer, poll_ms: &str) -> (Client, Watcher) {
    let endpoint = server.url();
    let pairs = [("endpoints", endpoint.as_str()), ("watch.poll_ms", poll_ms), ("retry.max_delay_ms", "1")];
    let configured = Client::new(&pairs);
    let watcher = configured.watch("/w").from(5).push();
    (configured, watcher)
}

/// The beginning of an answer to a poll, as etcd sends it at once.
fn head(index: u64) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Etcd-Cluster-Id: c\r\nX-Etcd-Index: {index}\r\n\
         X-Raft-Index: 20\r\nX-Raft-Term: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
}

fn body(value: &str, index: u64) -> String {
    let node = format!(r#"{{"key":"/w","value":"{value}","modifiedIndex":{index},"createdIndex":{index}}}"#);
    let text = format!("{{\"action\":\"set\",\"node\":{node}}}\n");
    format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len())
}

/// The whole of an answer: an event.
fn event(value: &str, index: u64) -> String {
    head(index) + &body(value, index)
}

/// The `waitIndex` of every poll so far.
fn asked(server: &FakeServer) -> Vec<u64> {
    let lines = server.lines();
    let index = |line: &String| line.split("waitIndex=").nth(1)?.split(' ').next()?.parse().ok();
    lines.iter().filter_map(index).collect()
}

/// Ten connections that end so, then one with an event, then silence.
fn ten_times(bad: impl Fn(&mut Conn) + Send + Sync + 'static) -> FakeServer {
    FakeServer::start(move |mut conn| match (conn.number, conn.request()) {
        (_, None) => {}
        (..10, _) => bad(&mut conn),
        (10, _) => {
            conn.say(event("at last", 7));
            conn.request();
            conn.wait_for_close();
        }
        _ => drop(conn.wait_for_close()),
    })
}

#[track_caller]
fn is_survived(server: &FakeServer) {
    let (_client, watcher) = watching(server);
    let event = watcher.next();
    assert_eq!((event.value().as_str(), event.index()), ("at last", 7));
    server.wait_for_requests(12);
    // A bad answer is ignored: the same index is asked for again, and after the event the next one.
    let asked = asked(server);
    assert_eq!((&asked[..11], asked[11]), (&[5; 11][..], 8));
}

#[test]
fn a_connection_that_ends_without_an_answer() {
    is_survived(&ten_times(|_| {}));
}

#[test]
fn a_head_and_no_more() {
    is_survived(&ten_times(|conn| _ = conn.say(head(9))));
}

#[test]
fn an_empty_answer() {
    is_survived(&ten_times(|conn| _ = conn.say("HTTP/1.1 200 OK\r\nX-Etcd-Index: 9\r\nContent-Length: 0\r\n\r\n")));
}

#[test]
fn half_an_event() {
    is_survived(&ten_times(|conn| {
        let whole = event("half", 6);
        conn.say(&whole[..whole.len() - 60]);
    }));
}

#[test]
fn an_event_without_its_end() {
    // Only the last chunk is missing: the event is delivered or asked for again, but not delivered twice.
    let text = event("whole but for its end", 6);
    let server = FakeServer::start(move |mut conn| match (conn.number, conn.request()) {
        (_, None) => {}
        (0, _) => drop(conn.say(&text[..text.len() - 5])),
        (1, Some(seen)) if seen.line().contains("waitIndex=5") => {
            conn.say(event("whole but for its end", 6));
            conn.request();
            conn.say(event("next", 7));
        }
        (1, _) => drop(conn.say(event("next", 7))),
        _ => drop(conn.wait_for_close()),
    });
    let (_client, watcher) = watching(&server);
    assert_eq!([watcher.next_value(), watcher.next_value()], ["whole but for its end", "next"]);
}

#[test]
fn what_is_not_http() {
    is_survived(&ten_times(|conn| _ = conn.say("SSH-2.0-OpenSSH_9.2\r\n\r\n")));
}

#[test]
fn what_is_not_json() {
    is_survived(&ten_times(|conn| _ = conn.say(response(200, "<html>welcome to our airport</html>"))));
}

#[test]
fn json_that_is_no_event() {
    is_survived(&ten_times(|conn| {
        let texts =
            ["{}", r#"{"action":"get","node":{"dir":true}}"#, r#"{"action":"set","node":{"key":"/w"}}"#, "[]", "7"];
        conn.say(response(200, texts[conn.number % texts.len()]));
    }));
}

#[test]
fn errors_that_may_pass() {
    is_survived(&ten_times(|conn| {
        let raft =
            r#"{"errorCode":300,"message":"Raft Internal Error","cause":"etcdserver: server stopped","index":0}"#;
        let statuses = [(500, raft), (500, ""), (502, "bad gateway"), (503, "busy"), (504, ""), (429, "slow down")];
        let (status, text) = statuses[conn.number % statuses.len()];
        conn.say(response(status, text));
    }));
}

#[test]
fn a_peer_that_never_answers() {
    let server = FakeServer::start(|mut conn| match (conn.number, conn.request()) {
        (..3, _) => drop(conn.wait_for_close()),
        _ => {
            conn.say(event("at last", 7));
            conn.wait_for_close();
        }
    });
    let (_client, watcher) = watching_with(&server, "200");
    assert_eq!(watcher.next_value(), "at last");
    assert_eq!(asked(&server)[..4], [5; 4]);
}

#[test]
fn an_event_repeated_without_end_is_delivered_once_with_pauses() {
    let server = FakeServer::answering(event("again", 7));
    let (_client, watcher) = watching(&server);
    assert_eq!(watcher.next_value(), "again");
    let started = Instant::now();
    let more = watcher.next_within(Duration::from_secs(1));
    assert!(more.is_none(), "{more:?}");
    let (rate, time) = (server.lines().len(), started.elapsed());
    assert!(rate < 2000, "{rate} requests in {time:?} to a server that has nothing new");
}

#[test]
fn an_index_near_the_largest_number() {
    is_survived(&ten_times(|conn| _ = conn.say(event("far", u64::MAX))));
}

#[test]
fn a_directory_does_not_tell_whether_it_was_changed_before() {
    // After an update of a directory, the prevNode of the next event has the modifiedIndex of before (etcd 3.4).
    let update = |registered: u64, index: u64| {
        let node = r#"{"key":"/w","dir":true,"ttl":60,"modifiedIndex":"#;
        let text = format!(r#"{{"action":"update","node":{node}{index}}},"prevNode":{node}4}}}}"#);
        head(registered) + &format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len())
    };
    let server = FakeServer::start(move |mut conn| {
        // The first answer is that of a member that has caught up by a snapshot; the history has what it passed over.
        for answer in [update(10, 20), update(20, 15), update(20, 20)] {
            if conn.request().is_some() {
                conn.say(answer);
            }
        }
        conn.wait_for_close();
    });
    let (_client, watcher) = watching(&server);
    assert_eq!([watcher.next().index(), watcher.next().index()], [15, 20]);
}

#[test]
fn pauses_grow_while_every_try_fails() {
    let server = FakeServer::closing();
    let endpoint = server.url();
    let configured = Client::new(&[("endpoints", &endpoint), ("retry.max_delay_ms", "3600000")]);
    let watcher = configured.watch("/w").from(5).push();
    let started = Instant::now();
    server.wait_for_connections(6);
    // 50 + 100 + 200 + 400 + 800 ms, of which jitter takes a half at most.
    let time = started.elapsed();
    assert!(time > Duration::from_millis(700), "five pauses within {time:?}");
    watcher.free();
}

#[test]
fn a_lasting_error_is_the_last_event() {
    for (status, text, code) in [
        (404, "404 page not found\n", ETCD_ERROR_UNSUPPORTED),
        (
            401,
            r#"{"errorCode":110,"message":"m","cause":"Insufficient credentials","index":0}"#,
            ETCD_ERROR_UNAUTHENTICATED,
        ),
        (400, r#"{"errorCode":203,"message":"m","cause":"c","index":0}"#, ETCD_ERROR_INDEX_NOT_A_NUMBER),
    ] {
        let server = FakeServer::start(move |mut conn| {
            if conn.request().is_some() {
                conn.say(response(status, text));
            }
        });
        let (_client, watcher) = watching(&server);
        watcher.ends_with(code);
        assert_eq!(watcher.probe().calls(), 1);
    }
}
