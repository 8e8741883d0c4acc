//! Stopping: at once, whatever the worker is doing.

use std::cell::Cell;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::hostile::{Hostile, reply};
use crate::resolver;
use crate::support::api::ETCD_ERROR_CANCELLED;
use crate::support::binaries::Version;
use crate::support::etcd::{Etcd, wait_until};
use crate::support::http;
use crate::support::port::{Closed, connecting_to};
use crate::watching::{Configured, PATIENCE, Watcher};

/// Hundreds of times what it takes, for the sake of busy machines; every wait that is interrupted here would be longer.
const AT_ONCE: Duration = Duration::from_secs(3);
const WAYS: [&str; 3] = ["stop", "free", "disconnect"];

/// Nothing that the worker waits for ends by itself before long.
fn slowly(endpoint: &str) -> Configured {
    let hour = "3600000";
    Configured::new(&[
        ("endpoints", endpoint),
        ("timeout.connect_ms", hour),
        ("timeout.request_ms", hour),
        ("watch.poll_ms", hour),
        ("retry.max_delay_ms", hour),
        ("watch.queue", "1"),
    ])
}

fn slowly_at(server: &Hostile) -> Configured {
    slowly(&format!("http://127.0.0.1:{}", server.port()))
}

/// Starts three such watches, brings each into the state, and ends one by stop, one by free, one by disconnecting.
#[track_caller]
fn ends_at_once(configured: impl Fn() -> Configured, pull: bool, in_state: impl Fn(&Watcher)) {
    for way in WAYS {
        ends_at_once_by(way, configured(), pull, &in_state);
    }
}

#[track_caller]
fn ends_at_once_by(way: &str, configured: Configured, pull: bool, in_state: impl Fn(&Watcher)) {
    let watch = configured.watch("/w").from(5);
    let watcher = if pull { watch.pull() } else { watch.push() };
    in_state(&watcher);
    let told = watcher.told();
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
    told.is_settled();
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
    ends_at_once(|| slowly("http://etcd.hangs:2379"), false, grows(resolver::asked, 1));
    resolver::release();
}

#[test]
fn while_it_connects() {
    let full = Closed::full();
    // One more than those of our own that hang there.
    let before = connecting_to(full.port);
    ends_at_once(
        || slowly(&full.url()),
        false,
        |_| wait_until(PATIENCE, "it connects", || connecting_to(full.port) > before),
    );
}

#[test]
fn while_it_waits_for_an_answer_to_begin() {
    let server = Hostile::start(|mut conn| {
        conn.request();
        conn.wait_for_close();
    });
    ends_at_once(|| slowly_at(&server), false, grows(|| server.requests().len(), 1));
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nX-Etcd-Index: 9\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn while_it_waits_for_an_event() {
    for after_the_head in ["", "5a\r\n{\"action\":"] {
        let server = Hostile::start(move |mut conn| {
            if conn.request().is_some() {
                conn.say([HEAD, after_the_head].concat());
                conn.wait_for_close();
            }
        });
        ends_at_once(|| slowly_at(&server), false, grows(|| server.requests().len(), 1));
    }
    for version in Version::ALL {
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
        for way in WAYS {
            scope.spawn(move || {
                let server = Hostile::start(drop);
                ends_at_once_by(way, slowly_at(&server), false, |_| server.wait_for_connections(9));
            });
        }
    });
}

#[test]
fn while_it_reads_what_is_there_after_a_gap() {
    let cleared = r#"{"errorCode":401,"message":"m","cause":"c","index":3000}"#;
    let server = Hostile::start(move |mut conn| {
        while let Some(request) = conn.request() {
            if request.line().contains("quorum=true") {
                conn.wait_for_close();
            } else {
                conn.say(reply(400, cleared));
            }
        }
    });
    ends_at_once(|| slowly_at(&server), false, grows(|| server.requests().len(), 2));
}

#[test]
fn while_its_queue_is_full() {
    let event = |index| format!(r#"{{"action":"set","node":{{"key":"/w","value":"v","modifiedIndex":{index}}}}}"#);
    let server = Hostile::start(move |mut conn| {
        for index in 5.. {
            if conn.request().is_none() {
                break;
            }
            conn.say(reply(200, event(index)));
        }
    });
    // One is in the queue, and one has been asked for.
    ends_at_once(|| slowly_at(&server), true, grows(|| server.requests().len(), 2));
}

#[test]
fn while_its_callback_runs_it_ends_after_that() {
    let event = r#"{"action":"set","node":{"key":"/w","value":"v","modifiedIndex":5}}"#;
    let server = Hostile::start(move |mut conn| while conn.request().is_some() && conn.say(reply(200, event)) {});
    let configured = slowly_at(&server);
    let (go_on, may_go_on) = channel::<()>();
    let watcher =
        configured.watch("/w").from(5).doing(move |_| assert!(may_go_on.recv_timeout(PATIENCE).is_ok())).push();
    watcher.next();
    let started = Instant::now();
    watcher.stop();
    assert!(started.elapsed() < AT_ONCE, "stopping does not wait for the callback");
    assert!(!watcher.wait(Duration::from_millis(50)), "but it has not ended before");
    assert_eq!(watcher.told().releases(), 0);
    let told = watcher.told();
    let freeing = thread::spawn(move || watcher.free());
    go_on.send(()).expect("the callback waits");
    freeing.join().expect("free waits for the callback, and no longer");
    told.is_settled();
    assert_eq!(told.calls(), 1);
}

#[test]
fn while_the_call_itself_asks_what_now_is() {
    let server = Hostile::start(|mut conn| {
        conn.request();
        conn.wait_for_close();
    });
    let configured = slowly_at(&server);
    let client = configured.raw().expose_provenance();
    let starting = thread::spawn(move || {
        let client = std::ptr::with_exposed_provenance_mut(client);
        crate::watching::Watch::of(client, "/w").refused()
    });
    server.wait_for_requests(1);
    let started = Instant::now();
    drop(configured);
    starting.join().expect("it comes back").fails(ETCD_ERROR_CANCELLED);
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
}

#[test]
fn a_thousand_times_at_any_moment() {
    let etcd = Etcd::start(Version::V3_4);
    let configured = slowly(&etcd.url());
    let mut longest = Duration::ZERO;
    for i in 0..1000u64 {
        let watcher = configured.watch("/w").from(5).push();
        // From before it connects until after it has the head.
        thread::sleep(Duration::from_micros(i % 50 * 20));
        let started = Instant::now();
        watcher.free();
        longest = longest.max(started.elapsed());
    }
    println!("the longest: {longest:?}");
    assert!(longest < AT_ONCE);
}
