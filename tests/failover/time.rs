//! One deadline for a call, whatever it takes, and a share of it for each try.

use std::time::{Duration, Instant};

use crate::good;
use support::api::{Client, ETCD_ERROR_OUTCOME_UNKNOWN, ETCD_ERROR_TIMEOUT, ETCD_ERROR_UNAVAILABLE, Reply};
use support::dead::{closing, refusing, silent, void};
use support::fake::{FakeServer, response};

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(6);

/// How the call ended, which must be after about so many milliseconds.
#[track_caller]
fn ends_after(ms: u64, call: impl FnOnce() -> Reply) -> Reply {
    let started = Instant::now();
    let reply = call();
    let (took, expected) = (started.elapsed(), Duration::from_millis(ms));
    // The pause before a try that would come too late is not made.
    assert!(took >= expected / 2 && took < expected + SLACK, "{took:?}, not {expected:?}: {reply}");
    reply
}

#[test]
fn a_read_of_silent_endpoints_shares_its_time_among_them() {
    let servers = [(); 3].map(|()| FakeServer::start(|mut conn| drop((conn.request(), conn.wait_for_close()))));
    let pairs = [("timeout.request_ms", "3000"), ("retry.attempts", "100")];
    let client = Client::of(&servers.each_ref().map(FakeServer::url), &pairs);
    ends_after(3000, || client.get("/a", 0)).fails(ETCD_ERROR_TIMEOUT);
    // Each gets its share.
    servers.iter().for_each(|server| server.wait_for_requests(1));
}

#[test]
fn a_write_waits_for_its_answer_to_the_end_where_it_was_sent() {
    let servers = [(); 3].map(|()| FakeServer::start(|mut conn| drop((conn.request(), conn.wait_for_close()))));
    let pairs = [("timeout.request_ms", "3000"), ("retry.attempts", "100")];
    let client = Client::of(&servers.each_ref().map(FakeServer::url), &pairs);
    ends_after(3000, || client.set("/a", "1")).fails(ETCD_ERROR_OUTCOME_UNKNOWN);
    assert_eq!(crate::counts(&servers), [1, 0, 0]);
}

#[test]
fn a_slow_answer_is_waited_for_where_there_is_time() {
    let slow = FakeServer::start(|mut conn| {
        while conn.request().is_some() {
            std::thread::sleep(Duration::from_millis(300)); // slowness is what is tested
            conn.say(response(200, crate::NODE));
        }
    });
    let void = void();
    let client = Client::of(&[&slow.url(), &void.url], &[("timeout.request_ms", "10000")]);
    client.get("/a", 0).ok();
    client.set("/a", "1").ok();
    assert_eq!(slow.requests().len(), 2);
}

#[test]
fn unreachable_endpoints_are_an_error_by_the_deadline() {
    let dead = [void(), void(), void()];
    let pairs = [("timeout.request_ms", "900"), ("timeout.connect_ms", "60000"), ("retry.attempts", "100")];
    let client = Client::of(&dead.each_ref().map(|dead| &dead.url), &pairs);
    ends_after(900, || client.get("/a", 0)).fails(ETCD_ERROR_UNAVAILABLE);
    ends_after(900, || client.set("/a", "1")).fails(ETCD_ERROR_UNAVAILABLE);
    ends_after(900, || client.create("/a", "1")).fails(ETCD_ERROR_UNAVAILABLE);
}

#[test]
fn connecting_takes_no_longer_than_its_timeout() {
    let (dead, good) = (void(), good());
    let client = Client::of(&[&dead.url, &good.url()], &[("timeout.connect_ms", "1000")]);
    // Of 10 s for the whole call.
    ends_after(1000, || client.create("/a", "1")).ok();
    assert_eq!(good.requests().len(), 1);
}

#[test]
fn pauses_between_tries_are_within_the_deadline() {
    let dead = refusing();
    for (attempts, delay, ms) in [("100", "3600000", "1000"), ("100", "100", "1000"), ("3", "3600000", "60000")] {
        let pairs = [("timeout.request_ms", ms), ("retry.attempts", attempts), ("retry.max_delay_ms", delay)];
        let client = Client::of(&[&dead.url], &pairs);
        let started = Instant::now();
        client.set("/a", "1").fails(ETCD_ERROR_UNAVAILABLE);
        assert!(started.elapsed() < Duration::from_secs(1) + SLACK, "{pairs:?}: {:?}", started.elapsed());
    }
}

/// How often an endpoint is tried in so many milliseconds, if the client tries as often as it may.
fn tries_in(ms: &str, pairs: &[(&str, &str)]) -> usize {
    let server = FakeServer::closing();
    let pairs = [&[("timeout.request_ms", ms), ("retry.attempts", "100")], pairs].concat();
    let code = Client::of(&[server.url()], &pairs).get("/a", 0).code();
    // The last try may have been under way when the time was up.
    assert!(matches!(code, ETCD_ERROR_UNAVAILABLE | ETCD_ERROR_TIMEOUT), "{code}");
    server.requests().len()
}

#[test]
fn pauses_grow_so_that_retrying_is_no_busy_loop() {
    // 50, 100, 200, 400, 800, 1600, 2000 ms, each less up to a half: 7 to 9, and fewer on a busy machine.
    let tries = tries_in("4000", &[]);
    assert!((4..=9).contains(&tries), "{tries}");
    // 25 to 50 ms each: 41 to 81.
    let tries = tries_in("2000", &[("retry.max_delay_ms", "50")]);
    assert!((10..=81).contains(&tries), "{tries}");
}

#[test]
fn an_endpoint_is_tried_as_often_as_is_allowed() {
    for attempts in [1, 2, 7, 100] {
        let server = FakeServer::closing();
        let busy = FakeServer::answering(response(503, "busy"));
        let text = attempts.to_string();
        let pairs = [("retry.attempts", &*text), ("retry.max_delay_ms", "0"), ("timeout.request_ms", "60000")];
        Client::of(&[server.url()], &pairs).get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
        assert_eq!(server.requests().len(), attempts);
        Client::of(&[busy.url()], &pairs).get("/a", 0).fails(1005);
        assert_eq!(busy.requests().len(), attempts);
    }
}

#[test]
fn an_answer_outweighs_endpoints_without_one() {
    // The answer of one endpoint outweighs the failures of the others, whatever their order.
    let busy = FakeServer::answering(response(503, "busy"));
    let dead = [refusing(), closing(), silent()];
    let urls: Vec<String> = dead.iter().map(|dead| dead.url.clone()).collect();
    for urls in [[&[busy.url()], &urls[..]].concat(), [&urls[..], &[busy.url()]].concat()] {
        let client = Client::of(&urls, &[("timeout.request_ms", "4000"), ("retry.attempts", "1")]);
        let error = client.get("/a", 0).fails(1005);
        assert_eq!((error.int("/status"), error.text("/cause").as_deref()), (503, Some("busy")));
    }
}
