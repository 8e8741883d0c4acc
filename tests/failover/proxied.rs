//! A real server behind a proxy that closes, delays, truncates, swallows, and answers by itself.

use std::time::{Duration, Instant};

use support::api::*;
use support::etcd::Etcd;
use support::proxy::{Mode, Proxy};

const PAIRS: [(&str, &str); 3] =
    [("timeout.request_ms", "4000"), ("retry.max_delay_ms", "50"), ("retry.attempts", "3")];

/// On each server: behind a proxy that is as `mode` says, with one beside it that hands all on, and without.
fn behind(mode: Mode, test: impl Fn(&Etcd, &Client, &Client)) {
    for etcd in Etcd::shared() {
        let (bad, good) = (Proxy::start(etcd.port(), mode), Proxy::start(etcd.port(), Mode::Pass));
        let both = Client::of(&[bad.url(), good.url()], &PAIRS);
        test(etcd, &Client::of(&[bad.url()], &PAIRS), &both);
        assert!(bad.connections() > 0, "{mode:?}");
    }
}

/// Writes in ways that cannot be repeated; what came of it.
fn append(client: &Client, directory: &str) -> i32 {
    client.set_with(directory, "1", 0, ETCD_ORDERED).code()
}

fn queued(etcd: &Etcd, directory: &str) -> i64 {
    let client = Client::of(&[etcd.url()], &[]);
    let count = client.get(directory, 0).len("/node/nodes").max(0);
    client.deletedir(directory, ETCD_RECURSIVE);
    count
}

#[test]
fn a_passing_proxy_changes_nothing() {
    behind(Mode::Pass, |etcd, alone, both| {
        for client in [alone, both] {
            let value = "v".repeat(1 << 20);
            client.set("/proxied/pass", &value).ok();
            assert_eq!(client.get("/proxied/pass", 0).ok().text("/node/value"), Some(value));
            assert_eq!(append(client, "/proxied/queue-pass"), 0);
            assert_eq!(queued(etcd, "/proxied/queue-pass"), 1);
        }
    });
}

#[test]
fn a_slow_proxy_is_waited_for() {
    behind(Mode::Delay(Duration::from_millis(30)), |etcd, alone, both| {
        for client in [alone, both] {
            assert_eq!(append(client, "/proxied/queue-slow"), 0);
            assert_eq!(client.get("/proxied/queue-slow", 0).len("/node/nodes"), 1);
            assert_eq!(queued(etcd, "/proxied/queue-slow"), 1);
        }
    });
}

#[test]
fn a_closing_proxy_is_passed_over_by_reads() {
    behind(Mode::Close, |etcd, alone, both| {
        alone.get("/", 0).fails(ETCD_ERROR_UNAVAILABLE);
        both.exists("/proxied").expect("an answer");
        let code = append(alone, "/proxied/queue-close");
        // The request may or may not have been under way when the connection ended.
        assert!(matches!(code, ETCD_ERROR_UNAVAILABLE | ETCD_ERROR_OUTCOME_UNKNOWN), "{code}");
        assert_eq!(queued(etcd, "/proxied/queue-close"), 0);
    });
}

#[test]
fn a_black_hole_is_left_in_time() {
    behind(Mode::BlackHole, |etcd, alone, both| {
        let started = Instant::now();
        alone.get("/", 0).fails(ETCD_ERROR_TIMEOUT);
        both.exists("/proxied").expect("an answer");
        assert_eq!(append(alone, "/proxied/queue-hole"), ETCD_ERROR_OUTCOME_UNKNOWN);
        // Twice the whole time, and a share of it.
        assert!(started.elapsed() < Duration::from_secs(4 + 2 + 4 + 10), "{:?}", started.elapsed());
        assert_eq!(queued(etcd, "/proxied/queue-hole"), 0);
        assert_eq!(append(both, "/proxied/queue-hole"), 0, "the good one is kept");
        assert_eq!(queued(etcd, "/proxied/queue-hole"), 1);
    });
}

#[test]
fn a_truncated_answer_is_no_result_and_repeats_no_write() {
    for bytes in [0, 1, 20, 150] {
        behind(Mode::Truncate(bytes), |etcd, alone, both| {
            let code = alone.get("/", 0).code();
            assert!(matches!(code, ETCD_ERROR_UNAVAILABLE | ETCD_ERROR_BAD_RESPONSE), "{bytes}: {code}");
            let code = append(alone, "/proxied/queue-cut");
            assert_eq!(code, ETCD_ERROR_OUTCOME_UNKNOWN, "{bytes}");
            both.exists("/proxied").expect("an answer");
            assert_eq!(queued(etcd, "/proxied/queue-cut"), 1, "{bytes}");
        });
    }
}

#[test]
fn a_gateway_without_a_server_is_passed_over() {
    for status in [502, 503, 504] {
        behind(Mode::Refuse(status), |etcd, alone, both| {
            both.exists("/proxied").expect("an answer");
            assert_eq!(alone.get("/", 0).fails(ETCD_ERROR_HTTP).int("/status"), i64::from(status));
            let reply = alone.set_with("/proxied/queue-refused", "1", 0, ETCD_ORDERED);
            // Nothing that a gateway says tells that nothing was done.
            assert_eq!(reply.fails(ETCD_ERROR_OUTCOME_UNKNOWN).int("/status"), i64::from(status));
            assert_eq!(queued(etcd, "/proxied/queue-refused"), 0);
        });
        behind(Mode::Refuse(status), |etcd, _, both| {
            assert_eq!(append(both, "/proxied/queue-refused"), ETCD_ERROR_OUTCOME_UNKNOWN);
            assert_eq!(queued(etcd, "/proxied/queue-refused"), 0);
        });
    }
}

#[test]
fn a_gateway_that_loses_its_server_repeats_no_write() {
    for status in [502, 503, 504] {
        behind(Mode::Lose(status), |etcd, alone, both| {
            // Where there is another endpoint, the next write goes there.
            for (client, next) in [(alone, ETCD_ERROR_OUTCOME_UNKNOWN), (both, 0)] {
                assert_eq!(append(client, "/proxied/queue-lost"), ETCD_ERROR_OUTCOME_UNKNOWN);
                assert_eq!(queued(etcd, "/proxied/queue-lost"), 1, "{status}");
                client.create("/proxied/lost", "1").fails(next);
                Client::of(&[etcd.url()], &[]).delete("/proxied/lost").ok();
            }
            both.exists("/proxied").expect("an answer");
        });
    }
}

#[test]
fn a_proxy_that_recovers_is_used_again() {
    for etcd in Etcd::shared() {
        let proxy = Proxy::start(etcd.port(), Mode::Pass);
        let client = Client::of(&[proxy.url()], &PAIRS);
        for mode in [Mode::Close, Mode::BlackHole, Mode::Refuse(503), Mode::Truncate(10)] {
            client.set("/proxied/back", "1").ok();
            proxy.switch(mode);
            assert_ne!(client.get("/proxied/back", 0).code(), 0, "{mode:?}");
            proxy.switch(Mode::Pass);
            client.get("/proxied/back", 0).ok();
        }
    }
}
