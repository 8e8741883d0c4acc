//! One deadline for a call, whatever it takes, and a share of it for each try.

use std::time::{Duration, Instant};

use crate::configured::Configured;
use crate::dead::{closing, refusing, silent, void};
use crate::hostile::{Hostile, reply};
use crate::support::api::{ETCD_ERROR_OUTCOME_UNKNOWN, ETCD_ERROR_TIMEOUT, ETCD_ERROR_UNAVAILABLE, Reply};
use crate::{answering, good, url};

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
    let servers = [(); 3].map(|()| Hostile::start(|mut conn| drop((conn.request(), conn.wait_for_close()))));
    let pairs = [("timeout.request_ms", "3000"), ("retry.attempts", "100")];
    let client = Configured::of(&servers.each_ref().map(url), &pairs);
    ends_after(3000, || client.get("/a", 0)).fails(ETCD_ERROR_TIMEOUT);
    // Each gets its share.
    servers.iter().for_each(|server| server.wait_for_requests(1));
}

#[test]
fn a_write_waits_for_its_answer_to_the_end_where_it_was_sent() {
    let servers = [(); 3].map(|()| Hostile::start(|mut conn| drop((conn.request(), conn.wait_for_close()))));
    let pairs = [("timeout.request_ms", "3000"), ("retry.attempts", "100")];
    let client = Configured::of(&servers.each_ref().map(url), &pairs);
    ends_after(3000, || client.set("/a", "1")).fails(ETCD_ERROR_OUTCOME_UNKNOWN);
    assert_eq!(crate::counts(&servers), [1, 0, 0]);
}

#[test]
fn a_slow_answer_is_waited_for_where_there_is_time() {
    let slow = Hostile::start(|mut conn| {
        while conn.request().is_some() {
            std::thread::sleep(Duration::from_millis(300)); // slowness is what is tested
            conn.say(reply(200, crate::NODE));
        }
    });
    let void = void();
    let client = Configured::of(&[&url(&slow), &void.url], &[("timeout.request_ms", "10000")]);
    client.get("/a", 0).ok();
    client.set("/a", "1").ok();
    assert_eq!(slow.requests().len(), 2);
}

#[test]
fn endpoints_that_cannot_be_reached_are_told_by_the_deadline() {
    let dead = [void(), void(), void()];
    let pairs = [("timeout.request_ms", "900"), ("timeout.connect_ms", "60000"), ("retry.attempts", "100")];
    let client = Configured::of(&dead.each_ref().map(|dead| &dead.url), &pairs);
    ends_after(900, || client.get("/a", 0)).fails(ETCD_ERROR_UNAVAILABLE);
    ends_after(900, || client.set("/a", "1")).fails(ETCD_ERROR_UNAVAILABLE);
    ends_after(900, || client.create("/a", "1")).fails(ETCD_ERROR_UNAVAILABLE);
}

#[test]
fn to_connect_takes_no_longer_than_it_may() {
    let (dead, good) = (void(), good());
    let client = Configured::of(&[&dead.url, &url(&good)], &[("timeout.connect_ms", "1000")]);
    // Of 10 s for the whole call.
    ends_after(1000, || client.create("/a", "1")).ok();
    assert_eq!(good.requests().len(), 1);
}

#[test]
fn pauses_between_tries_are_within_the_deadline() {
    let dead = refusing();
    for (attempts, delay, ms) in [("100", "3600000", "1000"), ("100", "100", "1000"), ("3", "3600000", "60000")] {
        let pairs = [("timeout.request_ms", ms), ("retry.attempts", attempts), ("retry.max_delay_ms", delay)];
        let client = Configured::of(&[&dead.url], &pairs);
        let started = Instant::now();
        client.set("/a", "1").fails(ETCD_ERROR_UNAVAILABLE);
        assert!(started.elapsed() < Duration::from_secs(1) + SLACK, "{pairs:?}: {:?}", started.elapsed());
    }
}

/// How often an endpoint is tried in so many milliseconds, if the client tries as often as it may.
fn tries_in(ms: &str, pairs: &[(&str, &str)]) -> usize {
    let server = Hostile::start(|mut conn| drop(conn.request()));
    let pairs = [&[("timeout.request_ms", ms), ("retry.attempts", "100")], pairs].concat();
    let code = Configured::of(&[url(&server)], &pairs).get("/a", 0).code();
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
        let server = Hostile::start(|mut conn| drop(conn.request()));
        let busy = answering(reply(503, "busy"));
        let text = attempts.to_string();
        let pairs = [("retry.attempts", &*text), ("retry.max_delay_ms", "0"), ("timeout.request_ms", "60000")];
        Configured::of(&[url(&server)], &pairs).get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
        assert_eq!(server.requests().len(), attempts);
        Configured::of(&[url(&busy)], &pairs).set("/a", "1").fails(1005);
        assert_eq!(busy.requests().len(), attempts);
    }
}

#[test]
fn a_call_tells_of_an_answer_rather_than_of_none() {
    // What the last endpoint said matters less than that one of them answered at all.
    let busy = answering(reply(503, "busy"));
    let dead = [refusing(), closing(), silent()];
    let urls: Vec<String> = dead.iter().map(|dead| dead.url.clone()).collect();
    for urls in [[&[url(&busy)], &urls[..]].concat(), [&urls[..], &[url(&busy)]].concat()] {
        let client = Configured::of(&urls, &[("timeout.request_ms", "4000"), ("retry.attempts", "1")]);
        let error = client.get("/a", 0).fails(1005);
        assert_eq!((error.int("/status"), error.text("/cause").as_deref()), (503, Some("busy")));
    }
}
