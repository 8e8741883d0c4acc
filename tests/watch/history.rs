//! Where a watch begins: now, at an index that is past, or at one that is to come.

use std::time::Duration;

use crate::noise::burst;
use crate::rows::{self, Row, on_each};
use support::on_new_servers;
use support::watch::ledger::index_of;

/// How many changes etcd remembers.
const HISTORY: u64 = 1000;

#[test]
fn a_change_right_after_the_call_is_never_missed() {
    rows::on_new_servers(Row::TABLE, |server, client| {
        let other = server.client(&[]);
        for i in 0..1000 {
            let watcher = client.watch("/now").once().pull();
            // By another way than the watch's own.
            other.set("/now", &i.to_string()).ok();
            assert_eq!(watcher.next_value(), i.to_string());
        }
    });
}

#[test]
fn zero_is_from_now_on() {
    on_each(|_, client, dir| {
        for i in 0..100 {
            client.set(dir, "before").ok();
            let watcher = client.watch(dir).recursive().pull();
            client.set(dir, &i.to_string()).ok();
            assert_eq!(watcher.next_value(), i.to_string());
        }
    });
}

#[test]
fn an_index_in_the_past_is_delivered_from_there_on() {
    on_each(|_, client, dir| {
        let indexes: Vec<u64> = (0..10).map(|i| index_of(client.set(dir, &i.to_string()))).collect();
        for (i, from) in indexes.iter().enumerate() {
            let watcher = client.watch(dir).from(*from).push();
            for expected in i..10 {
                assert_eq!(watcher.next_value(), expected.to_string(), "from the {i}th on");
            }
        }
    });
}

#[test]
fn a_watch_from_a_future_index_delivers_nothing_before_it() {
    rows::on_new_servers(Row::TABLE, |server, client| {
        let now = server.index();
        let watcher = client.watch("/key").from(now + 6).push();
        let far = client.watch("/key").from(now + 2006).push();
        let never = client.watch("/key").from(i64::MAX as u64).push();
        let set = |value: &str| index_of(client.set("/key", value));
        let written: Vec<u64> = (1..=10).map(|i| set(&i.to_string())).collect();
        assert_eq!(written[0], now + 1, "an idle server makes no changes of its own");
        for expected in 6..=10 {
            assert_eq!(watcher.next_value(), expected.to_string());
        }
        server.burst("/noise", 1990);
        set("too early by nothing but 5");
        server.burst("/noise", 4);
        assert_eq!(set("exactly"), now + 2006);
        assert_eq!(far.next_value(), "exactly");
        assert!(never.next_within(Duration::ZERO).is_none());
    });
}

#[test]
fn the_history_reaches_back_exactly_a_thousand_changes() {
    on_new_servers(|etcd, client| {
        burst(etcd.port(), "/key", 1500);
        let now = etcd.index();
        let oldest = now + 1 - HISTORY;
        let inside = client.watch("/key").recursive().from(oldest).push();
        let beyond = client.watch("/key").recursive().from(oldest - 1).push();
        for expected in oldest..=now {
            assert_eq!(inside.next().index(), expected);
        }
        let resync = beyond.next();
        assert!(resync.is_resync(), "{resync}");
        assert_eq!(resync.missed(), (oldest - 2, now + 1));
        client.set("/key/more", "1").ok();
        assert_eq!(inside.next().index(), now + 1);
        assert_eq!(beyond.next().index(), now + 1);
    });
}

#[test]
fn one_shots_in_a_chain_miss_nothing() {
    on_each(|_, client, dir| {
        let mut next = index_of(client.set(dir, "start")) + 1;
        std::thread::scope(|scope| {
            scope.spawn(|| (0..200).for_each(|i| drop(client.set(dir, &i.to_string()).ok())));
            for i in 0..200 {
                let event = client.watch(dir).from(next).once().pull().next();
                assert_eq!(event.value(), i.to_string());
                next = event.index() + 1;
            }
        });
    });
}
