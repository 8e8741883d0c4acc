//! A connection that breaks or falls silent at any byte: nothing is lost, nothing comes twice.

use crate::ledger::index_of;
use crate::noise::burst;
use crate::proxy::{Limit, Proxy};
use crate::support::api::Client;
use crate::support::on_each;
use crate::watching::{Configured, Watcher};

/// What one answer to a poll is at most: the head, and an event.
const ANSWER: usize = 800;

fn through(proxy: &Proxy, poll_ms: &str, request_ms: &str) -> Configured {
    Configured::new(&[
        ("endpoints", &proxy.url()),
        ("watch.poll_ms", poll_ms),
        ("timeout.request_ms", request_ms),
        ("retry.max_delay_ms", "0"),
    ])
}

/// Writes some values; the index of the first.
fn write(client: &Client, key: &str, values: std::ops::Range<usize>) -> u64 {
    let indexes: Vec<u64> = values.map(|i| index_of(client.set(key, &i.to_string(), 0, 0))).collect();
    indexes[0]
}

#[track_caller]
fn delivers(watcher: &Watcher, values: std::ops::Range<usize>) {
    for expected in values {
        assert_eq!(watcher.next_value(), expected.to_string());
    }
}

#[test]
fn wherever_the_connection_breaks_nothing_is_lost_from_the_history() {
    on_each(|etcd, client, dir| {
        let first = write(client, dir, 0..20);
        // Each connection breaks a byte later than the one before, until an answer fits; then it begins anew.
        let proxy = Proxy::start(etcd.port(), Limit::Bytes(|number| number % ANSWER));
        let configured = through(&proxy, "30000", "10000");
        delivers(&configured.watch(dir).from(first).push(), 0..20);
    });
}

#[test]
fn wherever_the_connection_breaks_nothing_is_lost_live() {
    on_each(|etcd, client, dir| {
        let first = write(client, dir, 0..1);
        let proxy = Proxy::start(etcd.port(), Limit::Bytes(|number| number * 7 % ANSWER));
        let configured = through(&proxy, "30000", "10000");
        let watcher = configured.watch(dir).from(first).push();
        delivers(&watcher, 0..1);
        for i in 1..60 {
            write(client, dir, i..i + 1);
        }
        delivers(&watcher, 1..60);
    });
}

#[test]
fn wherever_the_connection_falls_silent_in_an_event_nothing_is_lost() {
    on_each(|etcd, client, dir| {
        let first = write(client, dir, 0..3);
        let proxy = Proxy::start(etcd.port(), Limit::BytesOfBody(|number| 1 + number * 31 % ANSWER));
        let configured = through(&proxy, "100", "300");
        delivers(&configured.watch(dir).from(first).push(), 0..3);
    });
}

#[test]
fn silence_between_the_head_and_an_event_loses_nothing() {
    on_each(|etcd, client, dir| {
        let first = write(client, dir, 0..3);
        // A server that is stopped at that moment, for longer than a poll.
        let proxy = Proxy::start(etcd.port(), Limit::BytesOfBody(|number| if number == 0 { 0 } else { ANSWER }));
        let configured = through(&proxy, "100", "300");
        delivers(&configured.watch(dir).from(first).push(), 0..3);
    });
}

#[test]
fn silence_loses_nothing_either_where_much_else_has_changed_since() {
    on_each(|etcd, client, dir| {
        let first = write(client, dir, 0..3);
        burst(etcd.port(), &format!("{dir}-noise"), 600);
        let proxy = Proxy::start(etcd.port(), Limit::BytesOfBody(|number| if number == 0 { 0 } else { ANSWER }));
        let configured = through(&proxy, "100", "300");
        delivers(&configured.watch(dir).from(first).push(), 0..3);
    });
}

#[test]
fn an_event_that_takes_longer_than_a_poll_is_delivered() {
    on_each(|etcd, client, dir| {
        let value = "v".repeat(5 << 20);
        let proxy = Proxy::start(etcd.port(), Limit::Slow);
        let configured = through(&proxy, "100", "10000");
        let watcher = configured.watch(dir).push();
        client.set(dir, &value, 0, 0).ok();
        client.set(dir, "next", 0, 0).ok();
        assert!(watcher.next_value() == value, "a large value, live or from the history");
        assert_eq!(watcher.next_value(), "next");
    });
}
