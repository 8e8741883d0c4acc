//! A connection that breaks or falls silent at any byte: nothing is lost, nothing comes twice.

use std::time::Duration;

use support::api::Client;
use support::on_each;
use support::proxy::{Mode, Proxy};
use support::watch::Watcher;

use crate::noise::burst;
use crate::rows::{self, Server};
use support::watch::ledger::index_of;

/// What one answer to a poll is at most: the head, and an event.
const ANSWER: usize = 800;

/// Over v3 all of the history that is asked for, with what comes before it: the greetings and two heads.
const STREAM: usize = 3000;

fn through(proxy: &Proxy, poll_ms: &str, request_ms: &str) -> Client {
    through_as("v2", proxy, poll_ms, request_ms)
}

fn through_as(api: &str, proxy: &Proxy, poll_ms: &str, request_ms: &str) -> Client {
    Client::new(&[
        ("endpoints", &proxy.url()),
        ("api", api),
        ("watch.poll_ms", poll_ms),
        ("timeout.request_ms", request_ms),
        ("retry.max_delay_ms", "0"),
    ])
}

/// A way to the server on which each connection breaks after so many bytes of answers, by its number and the API.
fn breaking(server: &Server, v2: fn(usize) -> usize, v3: fn(usize) -> usize) -> Proxy {
    Proxy::start(server.etcd.port(), Mode::TruncateBy(if server.row.is_v3() { v3 } else { v2 }))
}

/// Writes some values; the index of the first.
fn write(client: &Client, key: &str, values: std::ops::Range<usize>) -> u64 {
    let indexes: Vec<u64> = values.map(|i| index_of(client.set(key, &i.to_string()))).collect();
    indexes[0]
}

#[track_caller]
fn delivers(watcher: &Watcher, values: std::ops::Range<usize>) {
    for expected in values {
        assert_eq!(watcher.next_value(), expected.to_string());
    }
}

#[test]
fn a_break_at_any_byte_loses_nothing_from_the_history() {
    rows::on_each(|server, client, dir| {
        let first = write(client, dir, 0..20);
        // Each connection breaks some bytes later than the one before, until an answer fits; then it begins anew.
        let proxy = breaking(server, |number| number % ANSWER, |number| number * 17 % STREAM);
        let configured = through_as(server.row.api, &proxy, "30000", "10000");
        delivers(&configured.watch(dir).from(first).push(), 0..20);
    });
}

#[test]
fn a_break_at_any_byte_loses_nothing_live() {
    rows::on_each(|server, client, dir| {
        let first = write(client, dir, 0..1);
        let proxy = breaking(server, |number| number * 7 % ANSWER, |number| number * 29 % STREAM);
        let configured = through_as(server.row.api, &proxy, "30000", "10000");
        let watcher = configured.watch(dir).from(first).push();
        delivers(&watcher, 0..1);
        for i in 1..60 {
            write(client, dir, i..i + 1);
        }
        delivers(&watcher, 1..60);
    });
}

#[test]
fn silence_at_any_byte_of_an_event_loses_nothing() {
    on_each(|etcd, client, dir| {
        let first = write(client, dir, 0..3);
        let proxy = Proxy::start(etcd.port(), Mode::StallBy(|number| 1 + number * 31 % ANSWER));
        let configured = through(&proxy, "100", "300");
        delivers(&configured.watch(dir).from(first).push(), 0..3);
    });
}

#[test]
fn silence_between_the_head_and_an_event_loses_nothing() {
    on_each(|etcd, client, dir| {
        let first = write(client, dir, 0..3);
        // A server that is stopped at that moment, for longer than a poll.
        let proxy = Proxy::start(etcd.port(), Mode::StallBy(|number| if number == 0 { 0 } else { ANSWER }));
        let configured = through(&proxy, "100", "300");
        delivers(&configured.watch(dir).from(first).push(), 0..3);
    });
}

#[test]
fn silence_loses_nothing_among_many_other_changes() {
    on_each(|etcd, client, dir| {
        let first = write(client, dir, 0..3);
        burst(etcd.port(), &format!("{dir}-noise"), 600);
        let proxy = Proxy::start(etcd.port(), Mode::StallBy(|number| if number == 0 { 0 } else { ANSWER }));
        let configured = through(&proxy, "100", "300");
        delivers(&configured.watch(dir).from(first).push(), 0..3);
    });
}

#[test]
fn an_event_that_takes_longer_than_a_poll_is_delivered() {
    rows::on_each(|server, client, dir| {
        // The most that a server takes over v3 is 1.5 MB.
        let value = "v".repeat(if server.row.is_v3() { 1 << 20 } else { 5 << 20 });
        let proxy = Proxy::start(server.etcd.port(), Mode::Delay(Duration::from_millis(2)));
        let configured = through_as(server.row.api, &proxy, "100", "10000");
        let watcher = configured.watch(dir).push();
        client.set(dir, &value).ok();
        client.set(dir, "next").ok();
        assert!(watcher.next_value() == value, "a large value, live or from the history");
        assert_eq!(watcher.next_value(), "next");
    });
}
