//! Under load: many changes, many watches, and a store that is busy with other keys.

use std::thread;
use std::time::{Duration, Instant};

use crate::noise::burst;
use crate::rows::{self, Row};
use support::api::*;
use support::etcd::Etcd;
use support::on_new_servers;
use support::proxy::{Mode, Proxy};
use support::version::Version;
use support::watch::ledger::{index_of, nothing_is_lost_silently};

#[test]
fn thousands_of_changes_among_many_more_come_once_and_in_order() {
    rows::on_new_servers(Row::TABLE, |server, client| {
        // Polls end all the time.
        let configured = server.polling(200);
        let (alone, tree) = (configured.watch("/w/key").push(), configured.watch("/w").recursive().push());
        // In portions that the history holds, so that a slow machine may take its time.
        for portion in 0..20 {
            let values = portion * 100..(portion + 1) * 100;
            let written: Vec<(u64, String)> = thread::scope(|scope| {
                scope.spawn(|| server.burst("/noise", 400));
                let set = |i: u32| (index_of(client.set("/w/key", &i.to_string())), i.to_string());
                values.map(set).collect()
            });
            for expected in written {
                for watcher in [&alone, &tree] {
                    let event = watcher.next();
                    assert_eq!((event.index(), event.value()), expected);
                }
            }
        }
    });
}

#[test]
fn a_quiet_watch_outlives_the_history() {
    on_new_servers(|etcd, client| {
        let proxy = Proxy::start(etcd.port(), Mode::Pass);
        let configured = Client::polling(200, &[proxy.url()]);
        let watcher = configured.watch("/quiet").push();
        for round in 0..8 {
            burst(etcd.port(), "/noise", 400);
            // The test waits for polls, not for time: the watch has asked twice since.
            proxy.wait_for_connections(proxy.connections() + 2);
            if round == 4 {
                client.set("/quiet", "once").ok();
            }
        }
        client.set("/quiet", "again").ok();
        assert_eq!([watcher.next_value(), watcher.next_value()], ["once", "again"]);
    });
}

#[test]
fn a_quiet_watch_of_a_busy_store_gets_no_resync() {
    let etcd = Etcd::start(Version::V3_4);
    let client = Client::connect("127.0.0.1", etcd.port());
    // Were each poll as long as it may be, three times as much would happen in it as the history holds.
    let configured = Client::polling(5000, &[etcd.url()]);
    let (alone, tree) = (configured.watch("/quiet").push(), configured.watch("/quiet").recursive().push());
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(11) {
        burst(etcd.port(), "/noise", 30);
        thread::sleep(Duration::from_millis(50)); // what makes it steady
    }
    client.set("/quiet", "1").ok();
    for watcher in [alone, tree] {
        let event = watcher.next();
        assert!(!event.is_resync(), "nothing was missed: {event}");
    }
}

/// Each piece of an answer takes longer than a poll: the head comes, and what the history holds comes when the poll is over.
#[test]
fn a_network_slower_than_polls_hides_nothing_of_the_history() {
    let etcd = Etcd::start(Version::V3_4);
    let client = Client::connect("127.0.0.1", etcd.port());
    let first = index_of(client.set("/w", "0"));
    client.set("/w", "1").ok();
    client.set("/w", "2").ok();
    let proxy = Proxy::start(etcd.port(), Mode::Delay(Duration::from_millis(150)));
    let configured = Client::polling(100, &[proxy.url()]);
    let watcher = configured.watch("/w").from(first).push();
    assert_eq!([0, 1, 2].map(|_| watcher.next_value()), ["0", "1", "2"]);
}

#[test]
fn a_burst_of_other_changes_hides_none_of_those_watched() {
    rows::on_new_servers(Row::TABLE, |server, client| {
        let watchers = [client.watch("/w").push(), client.watch("/w").recursive().push()];
        let mut written = Vec::new();
        for i in 0..4 {
            written.push(index_of(client.set("/w", &i.to_string())));
            server.burst("/noise", 1500);
        }
        client.set("/w", "last").ok();
        for watcher in watchers {
            nothing_is_lost_silently(written.iter().copied(), &watcher.until_value("last"));
        }
    });
}

#[test]
fn a_burst_of_ten_thousand_is_delivered_or_a_resync() {
    rows::on_new_servers(Row::TABLE, |server, client| {
        let watcher = client.watch("/burst").recursive().push();
        let before = server.index();
        server.burst("/burst", 10_000);
        let last = index_of(client.set("/burst/last", "last"));
        assert_eq!(last, before + 10_001);
        let events = watcher.until_value("last");
        let gaps = nothing_is_lost_silently(before + 1..last, &events);
        println!("{} delivered, {gaps} gaps", events.len());
        assert!(gaps == 0 || !server.row.is_v3(), "its store forgets nothing by itself");
    });
}

#[test]
fn sixty_four_watches_of_one_client_each_have_it_all() {
    on_new_servers(|etcd, client| {
        let configured = Client::polling(300, &[etcd.url()]);
        let watchers: Vec<_> = thread::scope(|scope| {
            let start = |i: usize| {
                let configured = &configured;
                scope.spawn(move || configured.watch(&format!("/many/{}", i % 8)).push())
            };
            let starting: Vec<_> = (0..64).map(start).collect();
            starting.into_iter().map(|watch| watch.join().expect("it starts")).collect()
        });
        for i in 0..30 {
            (0..8).for_each(|key| drop(client.set(&format!("/many/{key}"), &i.to_string()).ok()));
        }
        for watcher in &watchers {
            for i in 0..30 {
                assert_eq!(watcher.next_value(), i.to_string());
            }
        }
    });
}

#[test]
fn polls_that_bring_nothing_leave_no_connection_behind() {
    let etcd = Etcd::start(Version::V3_4);
    let proxy = Proxy::start(etcd.port(), Mode::Pass);
    let port = proxy.url().rsplit(':').next().and_then(|port| port.parse::<u16>().ok()).expect("a port");
    let configured = Client::polling(100, &[proxy.url()]);
    let watcher = configured.watch("/quiet").push();
    proxy.wait_for_connections(10);
    // A connection that is closed, and not reset, takes its port for a minute more.
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let waiting = table.lines().filter(|line| line.contains(&format!(":{port:04X} 06 "))).count();
    assert_eq!(waiting, 0, "{table}");
    watcher.free();
}
