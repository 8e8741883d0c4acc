//! Where a watch begins: now, at an index that is past, or at one that is to come.

use std::time::Duration;

use crate::ledger::index_of;
use crate::noise::burst;
use crate::support::api::*;
use crate::support::binaries::Version;
use crate::support::etcd::Etcd;
use crate::support::on_each;
use crate::watching::watch;

/// How many changes etcd remembers.
const HISTORY: u64 = 1000;

fn on_its_own_server(test: impl Fn(&Etcd, &Client)) {
    for version in Version::ALL {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        test(&etcd, &Client::connect("127.0.0.1", etcd.port()));
    }
}

#[test]
fn a_change_made_right_after_the_call_has_returned_is_never_missed() {
    on_its_own_server(|etcd, client| {
        let other = Client::connect("127.0.0.1", etcd.port());
        for i in 0..1000 {
            let watcher = watch(client, "/now").once().pull();
            // By another way than the watch's own.
            other.set("/now", &i.to_string(), 0, 0).ok();
            assert_eq!(watcher.next_value(), i.to_string());
        }
    });
}

#[test]
fn zero_is_from_now_on_and_what_was_before_is_not_delivered() {
    on_each(|_, client, dir| {
        for i in 0..100 {
            client.set(dir, "before", 0, 0).ok();
            let watcher = watch(client, dir).recursive().pull();
            client.set(dir, &i.to_string(), 0, 0).ok();
            assert_eq!(watcher.next_value(), i.to_string());
        }
    });
}

#[test]
fn an_index_in_the_past_is_delivered_from_there_on() {
    on_each(|_, client, dir| {
        let indexes: Vec<u64> = (0..10).map(|i| index_of(client.set(dir, &i.to_string(), 0, 0))).collect();
        for (i, from) in indexes.iter().enumerate() {
            let watcher = watch(client, dir).from(*from).push();
            for expected in i..10 {
                assert_eq!(watcher.next_value(), expected.to_string(), "from the {i}th on");
            }
        }
    });
}

#[test]
fn an_index_to_come_is_waited_for_and_what_comes_before_it_is_not_delivered() {
    on_its_own_server(|etcd, client| {
        let now = etcd.index();
        let watcher = watch(client, "/key").from(now + 6).push();
        let far = watch(client, "/key").from(now + 2006).push();
        let never = watch(client, "/key").from(i64::MAX as u64).push();
        let set = |value: &str| index_of(client.set("/key", value, 0, 0));
        let written: Vec<u64> = (1..=10).map(|i| set(&i.to_string())).collect();
        assert_eq!(written[0], now + 1, "an idle server makes no changes of its own");
        for expected in 6..=10 {
            assert_eq!(watcher.next_value(), expected.to_string());
        }
        burst(etcd.port(), "/noise", 1990);
        set("too early by nothing but 5");
        burst(etcd.port(), "/noise", 4);
        assert_eq!(set("exactly"), now + 2006);
        assert_eq!(far.next_value(), "exactly");
        assert!(never.next_within(Duration::ZERO).is_none());
    });
}

#[test]
fn the_history_reaches_back_exactly_a_thousand_changes() {
    on_its_own_server(|etcd, client| {
        burst(etcd.port(), "/key", 1500);
        let now = etcd.index();
        let oldest = now + 1 - HISTORY;
        let inside = watch(client, "/key").recursive().from(oldest).push();
        let beyond = watch(client, "/key").recursive().from(oldest - 1).push();
        for expected in oldest..=now {
            assert_eq!(inside.next().index(), expected);
        }
        let resync = beyond.next();
        assert!(resync.is_resync(), "{resync}");
        assert_eq!(resync.missed(), (oldest - 2, now + 1));
        client.set("/key/more", "1", 0, 0).ok();
        assert_eq!(inside.next().index(), now + 1);
        assert_eq!(beyond.next().index(), now + 1);
    });
}

#[test]
fn one_shots_that_each_begin_where_the_last_one_ended_miss_nothing() {
    on_each(|_, client, dir| {
        let mut next = index_of(client.set(dir, "start", 0, 0)) + 1;
        std::thread::scope(|scope| {
            scope.spawn(|| (0..200).for_each(|i| drop(client.set(dir, &i.to_string(), 0, 0).ok())));
            for i in 0..200 {
                let event = watch(client, dir).from(next).once().pull().next();
                assert_eq!(event.value(), i.to_string());
                next = event.index() + 1;
            }
        });
    });
}
