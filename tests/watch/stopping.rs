//! Stopping: at once, whatever the worker is doing.

use std::cell::Cell;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use support::PATIENCE;
use support::api::{Client, ETCD_ERROR_CANCELLED};
use support::etcd::Etcd;
use support::fake::{FakeServer, response};
use support::http;
use support::port::{Closed, connecting_to};
use support::resolver;
use support::version::Version;
use support::wait_until;
use support::watch::Watcher;

use crate::rows::{Row, on_each};

/// Hundreds of times what it takes, for the sake of busy machines; every wait that is interrupted here would be longer.
const AT_ONCE: Duration = Duration::from_secs(3);
const WAYS: [&str; 3] = ["stop", "free", "disconnect"];
const APIS: [&str; 2] = ["v2", "v3"];

/// A client whose every wait would last an hour.
fn slowly(endpoint: &str) -> Client {
    slowly_as("v2", endpoint)
}

fn slowly_as(api: &str, endpoint: &str) -> Client {
    let hour = "3600000";
    Client::new(&[
        ("endpoints", endpoint),
        ("api", api),
        ("timeout.connect_ms", hour),
        ("timeout.request_ms", hour),
        ("watch.poll_ms", hour),
        ("retry.max_delay_ms", hour),
        ("watch.queue", "1"),
    ])
}

fn slowly_at(server: &FakeServer) -> Client {
    slowly(&server.url())
}

/// Starts three such watches, brings each into the state, and ends one by stop, one by free, one by disconnecting.
#[track_caller]
fn ends_at_once(configured: impl Fn() -> Client, pull: bool, in_state: impl Fn(&Watcher)) {
    for way in WAYS {
        ends_at_once_by(way, configured(), pull, &in_state);
    }
}

#[track_caller]
fn ends_at_once_by(way: &str, configured: Client, pull: bool, in_state: impl Fn(&Watcher)) {
    let watch = configured.watch("/w").from(5);
    let watcher = if pull { watch.pull() } else { watch.push() };
    in_state(&watcher);
    let probe = watcher.probe();
    let started = Instant::now();
    match way {
        "stop" => {
            watcher.stop();
            watcher.ends();
        }
        "free" => watcher.free(),
        _ => {
            drop(configured);
            watcher.ends();
        }
    }
    let time = started.elapsed();
    assert!(time < AT_ONCE, "{way} took {time:?}");
    probe.is_settled();
}

/// Waits until `count` has grown by so many since the last time.
fn grows(count: impl Fn() -> usize, by: usize) -> impl Fn(&Watcher) {
    let before = Cell::new(count());
    move |_| {
        wait_until(PATIENCE, "it is in that state", || count() >= before.get() + by);
        before.set(count());
    }
}

#[test]
fn while_it_resolves_a_name() {
    for api in APIS {
        ends_at_once(|| slowly_as(api, "http://etcd.hangs:2379"), false, grows(resolver::asked, 1));
    }
    resolver::release();
}

#[test]
fn while_it_connects() {
    let full = Closed::full();
    // One more than those of our own that hang there.
    let before = connecting_to(full.port);
    for api in APIS {
        ends_at_once(
            || slowly_as(api, &full.url()),
            false,
            |_| wait_until(PATIENCE, "it connects", || connecting_to(full.port) > before),
        );
    }
}

#[test]
fn while_it_waits_for_an_answer_to_begin() {
    let server = silent_when_asked();
    for api in APIS {
        ends_at_once(|| slowly_as(api, &server.url()), false, grows(|| server.requests().len(), 1));
    }
}

/// What clients of v3 say first it takes for a request.
fn silent_when_asked() -> FakeServer {
    FakeServer::start(|mut conn| {
        conn.request();
        conn.wait_for_close();
    })
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nX-Etcd-Index: 9\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn while_it_waits_for_an_event() {
    for after_the_head in ["", "5a\r\n{\"action\":"] {
        let server = FakeServer::start(move |mut conn| {
            if conn.request().is_some() {
                conn.say([HEAD, after_the_head].concat());
                conn.wait_for_close();
            }
        });
        ends_at_once(|| slowly_at(&server), false, grows(|| server.requests().len(), 1));
    }
    for version in Version::all_with_v2() {
        let etcd = Etcd::start(version);
        let waits =
            || http::get(etcd.port(), "/v2/stats/store").is_some_and(|own| own.body.contains("\"watchers\":1}"));
        ends_at_once(|| slowly(&etcd.url()), false, |_| wait_until(PATIENCE, "the server has the watch", waits));
    }
}

#[test]
fn while_it_pauses_between_two_tries() {
    // The pause after the ninth is 6.4 s at least, and all before it together are 13 s at most.
    thread::scope(|scope| {
        for (api, way) in APIS.into_iter().flat_map(|api| WAYS.map(|way| (api, way))) {
            scope.spawn(move || {
                let server = FakeServer::start(drop);
                ends_at_once_by(way, slowly_as(api, &server.url()), false, |_| server.wait_for_connections(9));
            });
        }
    });
}

#[test]
fn while_it_reads_what_is_there_after_a_gap() {
    let cleared = r#"{"errorCode":401,"message":"m","cause":"c","index":3000}"#;
    let server = FakeServer::start(move |mut conn| {
        while let Some(request) = conn.request() {
            if request.line().contains("quorum=true") {
                conn.wait_for_close();
            } else {
                conn.say(response(400, cleared));
            }
        }
    });
    ends_at_once(|| slowly_at(&server), false, grows(|| server.requests().len(), 2));
}

#[test]
fn while_its_queue_is_full() {
    let event = |index| format!(r#"{{"action":"set","node":{{"key":"/w","value":"v","modifiedIndex":{index}}}}}"#);
    let server = FakeServer::start(move |mut conn| {
        for index in 5.. {
            if conn.request().is_none() {
                break;
            }
            conn.say(response(200, event(index)));
        }
    });
    // One is in the queue, and one has been asked for.
    ends_at_once(|| slowly_at(&server), true, grows(|| server.requests().len(), 2));
    let server = Row::V3.start();
    let writer = server.client(&[]);
    (0..100).for_each(|i| drop(writer.set("/w", &i.to_string()).ok()));
    ends_at_once(
        || slowly_as("v3", &server.etcd.url()),
        true,
        |watcher| {
            assert!(watcher.is_readable(PATIENCE));
            writer.set("/w", "more").ok();
        },
    );
}

#[test]
fn while_its_callback_runs_it_ends_after_that() {
    on_each(|server, client, dir| {
        let configured = slowly_as(server.row.api, &server.etcd.url());
        let (go_on, may_go_on) = channel::<()>();
        let watcher = configured.watch(dir).doing(move |_| assert!(may_go_on.recv_timeout(PATIENCE).is_ok())).push();
        client.set(dir, "1").ok();
        watcher.next();
        let started = Instant::now();
        watcher.stop();
        assert!(started.elapsed() < AT_ONCE, "stopping does not wait for the callback");
        assert!(!watcher.wait(Duration::from_millis(50)), "but it has not ended before");
        assert_eq!(watcher.probe().releases(), 0);
        let probe = watcher.probe();
        let freeing = thread::spawn(move || watcher.free());
        go_on.send(()).expect("the callback waits");
        freeing.join().expect("free waits for the callback, and no longer");
        probe.is_settled();
        assert_eq!(probe.calls(), 1);
    });
}

#[test]
fn while_the_call_itself_asks_what_now_is() {
    for api in APIS {
        let server = silent_when_asked();
        let configured = slowly_as(api, &server.url());
        let client = configured.raw().expose_provenance();
        let starting = thread::spawn(move || {
            let client = std::ptr::with_exposed_provenance_mut(client);
            support::watch::Watch::of(client, "/w").refused()
        });
        server.wait_for_requests(1);
        let started = Instant::now();
        drop(configured);
        starting.join().expect("it comes back").fails(ETCD_ERROR_CANCELLED);
        assert!(started.elapsed() < AT_ONCE, "{api}: {:?}", started.elapsed());
    }
}

#[test]
fn a_thousand_times_at_any_moment() {
    for row in Row::one_each() {
        let server = row.start();
        let configured = slowly_as(row.api, &server.etcd.url());
        let mut longest = Duration::ZERO;
        for i in 0..1000u64 {
            let watcher = configured.watch("/w").from(5).push();
            // From before it connects until after it has the head.
            thread::sleep(Duration::from_micros(i % 50 * 20));
            let started = Instant::now();
            watcher.free();
            longest = longest.max(started.elapsed());
        }
        println!("{row}, the longest: {longest:?}");
        assert!(longest < AT_ONCE);
    }
}
