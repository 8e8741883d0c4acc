//! Servers that die, hang, and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::hostile::Hostile;
use crate::ledger::{index_of, nothing_is_lost_silently};
use crate::proxy::{Limit, Proxy};
use crate::support::api::*;
use crate::support::binaries::Version;
use crate::support::etcd::{Cluster, Etcd};
use crate::watching::{Configured, Event, watch};

/// How many changes etcd remembers.
const HISTORY: usize = 1000;

/// Writes without end, whatever happens; the indexes of what was acknowledged.
fn write_until(over: &AtomicBool, etcd: &Etcd, key: &str) -> Vec<u64> {
    write_while(over, |_| true, etcd, key)
}

/// The same, but pauses while so many writes are enough.
fn write_while(over: &AtomicBool, may_go_on: impl Fn(usize) -> bool, etcd: &Etcd, key: &str) -> Vec<u64> {
    let client = Client::connect("127.0.0.1", etcd.port());
    let mut acknowledged = Vec::new();
    while !over.load(Ordering::Relaxed) {
        if !may_go_on(acknowledged.len()) {
            thread::sleep(Duration::from_millis(1)); // until the watches have come nearer
            continue;
        }
        let reply = client.set(key, "x", 0, 0);
        if reply.code() == 0 {
            acknowledged.push(index_of(reply));
        }
    }
    acknowledged
}

#[test]
fn a_server_killed_and_restarted_ten_times_under_a_writer_loses_no_change_on_3_4() {
    is_killed_ten_times(Version::V3_4);
}

#[test]
fn a_server_killed_and_restarted_ten_times_under_a_writer_loses_no_change_on_3_5() {
    is_killed_ten_times(Version::V3_5);
}

fn is_killed_ten_times(version: Version) {
    let etcd = Etcd::start(version);
    let configured = Configured::polling(1000, &[etcd.url()]);
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
        let writer = scope.spawn(|| write_while(&over, may_go_on, &etcd, "/w"));
        for _ in 0..10 {
            // Not before the watch has gone on.
            assert_eq!(watchers[0].next().action(), "set");
            etcd.kill();
            etcd.restart();
        }
        over.store(true, Ordering::Relaxed);
        writer.join().expect("it writes")
    });
    let client = Client::connect("127.0.0.1", etcd.port());
    client.set("/w", "last", 0, 0).ok();
    for (i, watcher) in watchers.iter().enumerate() {
        let events = watcher.until_value("last");
        let seen_before = acknowledged.iter().copied().filter(|index| events[0].index() <= *index);
        let gaps = nothing_is_lost_silently(seen_before, &events);
        assert_eq!(gaps, 0, "watcher {i}");
    }
}

#[test]
fn a_server_that_is_told_to_stop_and_comes_back_loses_no_change() {
    // 3.5 keeps watches open and silent for seven seconds, while nobody else is served any more.
    for version in Version::ALL {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let configured = Configured::polling(1000, &[etcd.url()]);
        let client = Client::connect("127.0.0.1", etcd.port());
        let patient = watch(&client, "/w").push();
        let watcher = configured.watch("/w").push();
        let set = |value: &str| drop(client.set("/w", value, 0, 0).ok());
        set("before");
        assert_eq!([watcher.next_value(), patient.next_value()], ["before", "before"]);
        etcd.terminate();
        etcd.restart();
        set("after");
        assert_eq!([watcher.next_value(), patient.next_value()], ["after", "after"]);
    }
}

#[test]
fn a_server_frozen_for_longer_than_a_poll_loses_no_change() {
    for version in Version::ALL {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let proxy = Proxy::start(etcd.port(), Limit::None);
        let configured = Configured::polling(200, &[proxy.url()]);
        let watcher = configured.watch("/w").push();
        let over = AtomicBool::new(false);
        let acknowledged = thread::scope(|scope| {
            let writer = scope.spawn(|| write_until(&over, &etcd, "/w"));
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
        client.set("/w", "last", 0, 0).ok();
        let events = watcher.until_value("last");
        let from = events.first().map_or(0, |event| event.index());
        nothing_is_lost_silently(acknowledged.into_iter().filter(|index| *index >= from), &events);
    }
}

#[test]
fn a_watch_begins_when_its_server_does() {
    for version in Version::ALL {
        let etcd = Etcd::start(version);
        let client = Client::connect("127.0.0.1", etcd.port());
        let known = index_of(client.set("/w", "known", 0, 0));
        etcd.kill();
        let configured = Configured::polling(300, &[etcd.url()]);
        let (from_there, from_now) = (configured.watch("/w").from(known).push(), configured.watch("/w").push());
        etcd.restart();
        assert_eq!(from_there.next_value(), "known");
        // Nobody could say when "now" was for the other one, so it is told when it begins, and with what.
        let begin = from_now.next();
        assert!(begin.is_resync() && begin.missed().1 > known, "{begin}");
        assert_eq!(begin.value(), "known");
        for i in 0..10 {
            client.set("/w", &i.to_string(), 0, 0).ok();
        }
        for i in 0..10 {
            assert_eq!([from_there.next_value(), from_now.next_value()], [i.to_string(), i.to_string()]);
        }
    }
}

#[test]
fn with_one_endpoint_dead_nothing_is_missed_after_the_call_has_returned() {
    let (dead, etcd) = (Etcd::start(Version::V3_4), Etcd::start(Version::V3_5));
    dead.kill();
    let client = Client::connect("127.0.0.1", etcd.port());
    for i in 0..20 {
        let configured = Configured::polling(30_000, &[dead.url(), etcd.url()]);
        let watcher = configured.watch("/w").push();
        client.set("/w", &i.to_string(), 0, 0).ok();
        assert_eq!(watcher.next_value(), i.to_string());
    }
}

#[test]
fn with_one_endpoint_silent_nothing_is_missed_after_the_call_has_returned() {
    let silent = Hostile::start(|mut conn| {
        conn.wait_for_close();
    });
    let etcd = Etcd::start(Version::V3_4);
    let client = Client::connect("127.0.0.1", etcd.port());
    let endpoints = format!("http://127.0.0.1:{},{}", silent.port(), etcd.url());
    let configured = Configured::new(&[("endpoints", &endpoints), ("timeout.request_ms", "6000")]);
    let started = Instant::now();
    let watcher = configured.watch("/w").push();
    assert!(started.elapsed() < Duration::from_secs(30), "the time of a request: {:?}", started.elapsed());
    for i in 0..10 {
        client.set("/w", &i.to_string(), 0, 0).ok();
        assert_eq!(watcher.next_value(), i.to_string());
    }
}

#[test]
fn with_one_endpoint_frozen_the_watch_goes_on_at_the_other() {
    let cluster = Cluster::steady(Version::V3_4);
    let (leader, follower) = cluster.leader_and_follower();
    let configured = Configured::polling(500, &[follower.url(), leader.url()]);
    let watcher = configured.watch("/w").push();
    let client = Client::connect("127.0.0.1", leader.port());
    client.set("/w", "0", 0, 0).ok();
    assert_eq!(watcher.next_value(), "0");
    follower.freeze();
    let started = Instant::now();
    for i in 1..50 {
        client.set("/w", &i.to_string(), 0, 0).ok();
    }
    for i in 1..50 {
        assert_eq!(watcher.next_value(), i.to_string());
    }
    assert!(started.elapsed() < Duration::from_secs(15), "a poll, and the wait for an answer: {:?}", started.elapsed());
    follower.thaw();
}
