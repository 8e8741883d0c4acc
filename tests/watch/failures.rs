//! Servers that die, hang, and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::api::*;
use support::cluster::Cluster;
use support::etcd::Etcd;
use support::fake::FakeServer;
use support::proxy::{Mode, Proxy};
use support::version::Version;
use support::watch::Event;

use crate::rows::{Row, on_each, on_new_servers};
use support::watch::ledger::{index_of, nothing_is_lost_silently};

/// How many changes etcd remembers.
const HISTORY: usize = 1000;

/// Writes until it is over, whatever happens, and pauses while so many writes are enough; returns the indexes of the
/// acknowledged writes.
fn write_until(over: &AtomicBool, may_go_on: impl Fn(usize) -> bool, client: &Client, key: &str) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    while !over.load(Ordering::Relaxed) {
        if !may_go_on(acknowledged.len()) {
            thread::sleep(Duration::from_millis(1)); // until the watches have come nearer
            continue;
        }
        let reply = client.set(key, "x");
        if reply.code() == 0 {
            acknowledged.push(index_of(reply));
        }
    }
    acknowledged
}

#[test]
fn ten_kills_and_restarts_of_etcd_3_4_lose_no_change() {
    is_killed_ten_times(Row::TABLE[0]);
}

#[test]
fn ten_kills_and_restarts_of_etcd_3_5_lose_no_change() {
    is_killed_ten_times(Row::TABLE[1]);
}

#[test]
fn ten_kills_and_restarts_of_etcd_3_6_lose_no_change() {
    is_killed_ten_times(Row::V3);
}

fn is_killed_ten_times(row: Row) {
    let server = row.start();
    let etcd = &server.etcd;
    let configured = server.polling(1000);
    let seen = [(); 2].map(|()| Arc::<AtomicUsize>::default());
    let [alone, tree] = seen.each_ref().map(|seen| {
        let seen = seen.clone();
        move |_: &Event| {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    });
    let watchers = [configured.watch("/w").doing(alone).push(), configured.watch("/").recursive().doing(tree).push()];
    let over = AtomicBool::new(false);
    // So that the history reaches back far enough for the slower one.
    let may_go_on = |written: usize| seen.iter().all(|seen| written < seen.load(Ordering::Relaxed) + HISTORY / 4);
    let acknowledged = thread::scope(|scope| {
        let writer = scope.spawn(|| write_until(&over, may_go_on, &server.client(&[]), "/w"));
        for _ in 0..10 {
            // The watch has gone on.
            assert!(!watchers[0].next().is_resync());
            etcd.kill();
            etcd.restart();
        }
        over.store(true, Ordering::Relaxed);
        writer.join().expect("it writes")
    });
    server.client(&[]).set("/w", "last").ok();
    for (i, watcher) in watchers.iter().enumerate() {
        let events = watcher.until_value("last");
        let seen_before = acknowledged.iter().copied().filter(|index| events[0].index() <= *index);
        let gaps = nothing_is_lost_silently(seen_before, &events);
        assert_eq!(gaps, 0, "watcher {i}");
    }
}

#[test]
fn a_server_that_is_stopped_and_started_loses_no_change() {
    // 3.5 keeps watches open and silent for 7 s after SIGTERM, while it serves no other request.
    on_new_servers(Row::TABLE, |server, client| {
        let (etcd, configured) = (&server.etcd, server.polling(1000));
        let patient = client.watch("/w").push();
        let watcher = configured.watch("/w").push();
        let set = |value: &str| drop(client.set("/w", value).ok());
        set("before");
        assert_eq!([watcher.next_value(), patient.next_value()], ["before", "before"]);
        etcd.terminate();
        etcd.restart();
        set("after");
        assert_eq!([watcher.next_value(), patient.next_value()], ["after", "after"]);
    });
}

#[test]
fn a_server_frozen_for_longer_than_a_poll_loses_no_change() {
    for version in Version::all_with_v2() {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let proxy = Proxy::start(etcd.port(), Mode::Pass);
        let configured = Client::polling(200, &[proxy.url()]);
        let watcher = configured.watch("/w").push();
        let over = AtomicBool::new(false);
        let acknowledged = thread::scope(|scope| {
            let writing = Client::connect("127.0.0.1", etcd.port());
            let over = &over;
            let writer = scope.spawn(move || write_until(over, |_| true, &writing, "/w"));
            for _ in 0..5 {
                watcher.next();
                etcd.freeze();
                // It has noticed and tries again and again.
                proxy.wait_for_connections(proxy.connections() + 3);
                etcd.thaw();
            }
            over.store(true, Ordering::Relaxed);
            writer.join().expect("it writes")
        });
        let client = Client::connect("127.0.0.1", etcd.port());
        client.set("/w", "last").ok();
        let events = watcher.until_value("last");
        let from = events.first().map_or(0, |event| event.index());
        nothing_is_lost_silently(acknowledged.into_iter().filter(|index| *index >= from), &events);
    }
}

#[test]
fn a_watch_begins_when_its_server_does() {
    for version in Version::all_with_v2() {
        let etcd = Etcd::start(version);
        let client = Client::connect("127.0.0.1", etcd.port());
        let known = index_of(client.set("/w", "known"));
        etcd.kill();
        let configured = Client::polling(300, &[etcd.url()]);
        let (from_there, from_now) = (configured.watch("/w").from(known).push(), configured.watch("/w").push());
        etcd.restart();
        assert_eq!(from_there.next_value(), "known");
        // The start of the other one is unknown, so it gets a resync that says where it begins.
        let begin = from_now.next();
        assert!(begin.is_resync() && begin.missed().1 > known, "{begin}");
        assert_eq!(begin.value(), "known");
        for i in 0..10 {
            client.set("/w", &i.to_string()).ok();
        }
        for i in 0..10 {
            assert_eq!([from_there.next_value(), from_now.next_value()], [i.to_string(), i.to_string()]);
        }
    }
}

#[test]
fn with_a_dead_endpoint_nothing_is_missed_after_the_call() {
    let dead = Etcd::start(Version::V3_4);
    dead.kill();
    on_each(|server, client, dir| {
        for i in 0..20 {
            let configured = server.row.polling(30_000, &[dead.url(), server.etcd.url()]);
            let watcher = configured.watch(dir).push();
            client.set(dir, &i.to_string()).ok();
            assert_eq!(watcher.next_value(), i.to_string());
        }
    });
}

#[test]
fn with_a_silent_endpoint_nothing_is_missed_after_the_call() {
    let silent = FakeServer::silent();
    on_each(|server, client, dir| {
        let configured = server.row.client(&[silent.url(), server.etcd.url()], &[("timeout.request_ms", "6000")]);
        let started = Instant::now();
        let watcher = configured.watch(dir).push();
        assert!(started.elapsed() < Duration::from_secs(30), "the time of a request: {:?}", started.elapsed());
        for i in 0..10 {
            client.set(dir, &i.to_string()).ok();
            assert_eq!(watcher.next_value(), i.to_string());
        }
    });
}

#[test]
fn with_one_endpoint_frozen_the_watch_goes_on_at_the_other() {
    let cluster = Cluster::steady(Version::V3_4);
    let (leader, follower) = cluster.leader_and_follower();
    let configured = Client::polling(500, &[follower.url(), leader.url()]);
    let watcher = configured.watch("/w").push();
    let client = Client::connect("127.0.0.1", leader.port());
    client.set("/w", "0").ok();
    assert_eq!(watcher.next_value(), "0");
    follower.freeze();
    let started = Instant::now();
    for i in 1..50 {
        client.set("/w", &i.to_string()).ok();
    }
    for i in 1..50 {
        assert_eq!(watcher.next_value(), i.to_string());
    }
    assert!(started.elapsed() < Duration::from_secs(15), "a poll, and the wait for an answer: {:?}", started.elapsed());
    follower.thaw();
}
