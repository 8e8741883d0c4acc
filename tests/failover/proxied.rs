//! A real server behind a proxy that closes, delays, truncates, swallows, and answers by itself.

use std::time::{Duration, Instant};

use crate::configured::Configured;
use crate::proxy::{Mode, Proxy};
use crate::support::api::*;
use crate::support::etcd::Etcd;

const PAIRS: [(&str, &str); 3] =
    [("timeout.request_ms", "4000"), ("retry.max_delay_ms", "50"), ("retry.attempts", "3")];

/// On each server: behind a proxy that is as `mode` says, with one beside it that hands all on, and without.
fn behind(mode: Mode, test: impl Fn(&Etcd, &Configured, &Configured)) {
    for etcd in Etcd::shared() {
        let (bad, good) = (Proxy::start(etcd.port(), mode), Proxy::start(etcd.port(), Mode::Pass));
        let both = Configured::of(&[bad.url(), good.url()], &PAIRS);
        test(etcd, &Configured::of(&[bad.url()], &PAIRS), &both);
        assert!(bad.connections() > 0, "{mode:?}");
    }
}

/// Writes in ways that cannot be repeated; what came of it.
fn append(client: &Configured, directory: &str) -> i32 {
    client.set_with(directory, "1", ETCD_ORDERED).code()
}

fn queued(etcd: &Etcd, directory: &str) -> i64 {
    let client = Configured::of(&[etcd.url()], &[]);
    let count = client.get(directory, 0).len("/node/nodes").max(0);
    client.deletedir(directory, ETCD_RECURSIVE);
    count
}

#[test]
fn one_that_hands_all_on_is_not_noticed() {
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
fn one_that_is_slow_is_waited_for() {
    behind(Mode::Delay(Duration::from_millis(30)), |etcd, alone, both| {
        for client in [alone, both] {
            assert_eq!(append(client, "/proxied/queue-slow"), 0);
            assert_eq!(client.get("/proxied/queue-slow", 0).len("/node/nodes"), 1);
            assert_eq!(queued(etcd, "/proxied/queue-slow"), 1);
        }
    });
}

#[test]
fn one_that_closes_at_once_is_passed_over_by_reads() {
    behind(Mode::Close, |etcd, alone, both| {
        alone.get("/", 0).fails(ETCD_ERROR_UNAVAILABLE);
        both.exists("/proxied");
        let code = append(alone, "/proxied/queue-close");
        // Whether the request was under way when the connection ended is a matter of luck.
        assert!(matches!(code, ETCD_ERROR_UNAVAILABLE | ETCD_ERROR_OUTCOME_UNKNOWN), "{code}");
        assert_eq!(queued(etcd, "/proxied/queue-close"), 0);
    });
}

#[test]
fn one_that_swallows_all_is_left_in_time() {
    behind(Mode::BlackHole, |etcd, alone, both| {
        let started = Instant::now();
        alone.get("/", 0).fails(ETCD_ERROR_TIMEOUT);
        both.exists("/proxied");
        assert_eq!(append(alone, "/proxied/queue-hole"), ETCD_ERROR_OUTCOME_UNKNOWN);
        // Twice the whole time, and a share of it.
        assert!(started.elapsed() < Duration::from_secs(4 + 2 + 4 + 10), "{:?}", started.elapsed());
        assert_eq!(queued(etcd, "/proxied/queue-hole"), 0);
        assert_eq!(append(both, "/proxied/queue-hole"), 0, "the good one is kept");
        assert_eq!(queued(etcd, "/proxied/queue-hole"), 1);
    });
}

#[test]
fn an_answer_that_breaks_off_is_no_result_and_no_reason_to_write_again() {
    for bytes in [0, 1, 20, 150] {
        behind(Mode::Truncate(bytes), |etcd, alone, both| {
            let code = alone.get("/", 0).code();
            assert!(matches!(code, ETCD_ERROR_UNAVAILABLE | ETCD_ERROR_BAD_RESPONSE), "{bytes}: {code}");
            let code = append(alone, "/proxied/queue-cut");
            assert!(matches!(code, ETCD_ERROR_OUTCOME_UNKNOWN | ETCD_ERROR_BAD_RESPONSE), "{bytes}: {code}");
            both.exists("/proxied");
            assert_eq!(queued(etcd, "/proxied/queue-cut"), 1, "{bytes}");
        });
    }
}

#[test]
fn a_gateway_without_a_server_is_passed_over() {
    for status in [502, 503, 504] {
        behind(Mode::Refuse(status), |etcd, alone, both| {
            both.exists("/proxied");
            assert_eq!(alone.get("/", 0).fails(ETCD_ERROR_HTTP).int("/status"), i64::from(status));
            let reply = alone.set_with("/proxied/queue-refused", "1", ETCD_ORDERED);
            // Only 503 says that nothing was done.
            let expected = if status == 503 { ETCD_ERROR_HTTP } else { ETCD_ERROR_OUTCOME_UNKNOWN };
            assert_eq!(reply.fails(expected).int("/status"), i64::from(status));
            assert_eq!(queued(etcd, "/proxied/queue-refused"), 0);
        });
        behind(Mode::Refuse(status), |etcd, _, both| {
            let expected = if status == 503 { 0 } else { ETCD_ERROR_OUTCOME_UNKNOWN };
            assert_eq!(append(both, "/proxied/queue-refused"), expected);
            assert_eq!(queued(etcd, "/proxied/queue-refused"), i64::from(status == 503));
        });
    }
}

#[test]
fn a_gateway_that_lost_its_server_after_the_write_makes_no_second_one() {
    for status in [502, 504] {
        behind(Mode::Lose(status), |etcd, alone, both| {
            for client in [alone, both] {
                assert_eq!(append(client, "/proxied/queue-lost"), ETCD_ERROR_OUTCOME_UNKNOWN);
                assert_eq!(queued(etcd, "/proxied/queue-lost"), 1, "{status}");
                client.create("/proxied/lost", "1").fails(ETCD_ERROR_OUTCOME_UNKNOWN);
                Configured::of(&[etcd.url()], &[]).delete("/proxied/lost").ok();
            }
            both.exists("/proxied");
        });
    }
}

#[test]
fn a_proxy_that_comes_back_to_its_senses_is_used_again() {
    for etcd in Etcd::shared() {
        let proxy = Proxy::start(etcd.port(), Mode::Pass);
        let client = Configured::of(&[proxy.url()], &PAIRS);
        for mode in [Mode::Close, Mode::BlackHole, Mode::Refuse(503), Mode::Truncate(10)] {
            client.set("/proxied/back", "1").ok();
            proxy.switch(mode);
            assert_ne!(client.get("/proxied/back", 0).code(), 0, "{mode:?}");
            proxy.switch(Mode::Pass);
            client.get("/proxied/back", 0).ok();
        }
    }
}
