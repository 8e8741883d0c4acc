//! Watches while servers, leaders and quorums come and go: a ledger of all writes against what was delivered.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use support::api::*;
use support::cluster::Cluster;
use support::dead;
use support::etcd::{ELECTION, Etcd};
use support::http;
use support::proxy::{Mode, Proxy};
use support::scratch::Folder;
use support::version::Version;
use support::wait::{Ends, wait_until};
use support::watch::Watcher;
use support::watch::ledger::{index_of, nothing_is_lost_silently};

use crate::servers::{Ctl, client, client_of, is_without_quorum, set_at_last};

const IMPATIENT: [(&str, &str); 4] = [
    ("watch.poll_ms", "500"),
    ("timeout.request_ms", "3000"),
    ("timeout.connect_ms", "1000"),
    ("retry.max_delay_ms", "100"),
];

/// Writes from the call on until `disturb` has returned, then a last value; each write that is known to be carried out
/// has come to each watch, once and in order, and there was no gap.
#[track_caller]
fn each_write_comes_while(writer: &Client, watchers: &[Watcher], disturb: impl FnOnce()) {
    let is_over = &AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut written = Vec::new();
            for number in 0.. {
                let reply = writer.set("/w/a", &number.to_string());
                match reply.code() {
                    0 => written.push(index_of(reply)),
                    code => assert!(is_without_quorum(code), "{reply}"),
                }
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
            written
        });
        let ends = Ends(is_over);
        disturb();
        drop(ends);
        writing.join().expect("no panic")
    });
    set_at_last(writer, "/w/a", "last");
    assert!(!written.is_empty());
    for watcher in watchers {
        let mut events = watcher.until_value("last");
        // Of the time before, perhaps: a last value that was written twice.
        events.retain(|event| event.json["node"]["value"] != "last");
        assert_eq!(nothing_is_lost_silently(written.iter().copied(), &events), 0);
    }
}

fn watch(client: &Client) -> [Watcher; 2] {
    [client.watch("/w").recursive().push(), client.watch("/w").recursive().pull()]
}

/// `tests/watch` kills 3.6.
#[test]
fn a_server_is_killed_and_started_again() {
    let etcd = Etcd::start(Version::V3_4);
    let writer = client(&etcd, &IMPATIENT);
    let watching = client(&etcd, &IMPATIENT);
    let watchers = Vec::from_iter((0..16).flat_map(|_| watch(&watching)));
    each_write_comes_while(&writer, &watchers, || {
        for round in 0..4 {
            set_at_last(&writer, "/between", &round.to_string());
            // Asked to end, it takes its time as long as there are streams.
            if round == 2 {
                etcd.terminate()
            } else {
                etcd.kill()
            }
            etcd.restart();
        }
        set_at_last(&writer, "/between", "end");
    });
}

#[test]
fn a_lone_server_is_frozen_for_longer_than_a_poll() {
    for version in [Version::V3_4, Version::V3_6] {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let proxy = Proxy::start(etcd.port(), Mode::Pass);
        let watching = client_of(&[proxy.url()], &IMPATIENT);
        let watchers = watch(&watching);
        let writer = client(&etcd, &IMPATIENT);
        each_write_comes_while(&writer, &watchers, || {
            set_at_last(&writer, "/between", "1");
            etcd.freeze();
            // It is noticed, and another connection tried.
            proxy.wait_for_connections(proxy.connections() + 2);
            etcd.thaw();
            set_at_last(&writer, "/between", "2");
        });
    }
}

/// The cursor of a watch to which nothing happens moves on with the store.
#[test]
fn a_quiet_watch_outlives_the_history() {
    for version in [Version::V3_5, Version::V3_6] {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let proxy = Proxy::start(etcd.port(), Mode::Pass);
        let watching = client_of(&[proxy.url()], &[("watch.poll_ms", "200"), ("retry.max_delay_ms", "100")]);
        let watchers = watch(&watching);
        let writer = client(&etcd, &IMPATIENT);
        let mut now = 0;
        for number in 0..50 {
            now = index_of(writer.set("/noise", &number.to_string()));
        }
        let before = asked(&etcd);
        wait_until(ELECTION, "the server is asked how far it is", || asked(&etcd) >= before + 4);
        Ctl::of(&etcd).run(&["compaction", &now.to_string()]);
        proxy.switch(Mode::Pass);
        let index = index_of(writer.set("/w/a", "1"));
        for watcher in &watchers {
            let event = watcher.next();
            assert_eq!((event.action(), event.index()), ("create", index), "{event}");
        }
    }
}

/// How many messages the server has had on streams of watches.
fn asked(etcd: &Etcd) -> u64 {
    http::counted(etcd.plain_port(), "grpc_server_msg_received_total", "\"Watch\"")
}

#[test]
fn a_network_drops_connections() {
    let etcd = &crate::servers::shared()[2];
    let proxy = Proxy::start(etcd.port(), Mode::Pass);
    let watching = client_of(&[proxy.url()], &[&IMPATIENT[..], &[("root", "/dropping/")]].concat());
    let writer = client(etcd, &[("root", "/dropping/")]);
    let watchers = watch(&watching);
    each_write_comes_while(&writer, &watchers, || {
        for bytes in [60, 200, 700, 3000] {
            proxy.switch(Mode::Truncate(bytes));
            proxy.wait_for_connections(proxy.connections() + 4);
            proxy.switch(Mode::Close);
            proxy.wait_for_connections(proxy.connections() + 3);
            proxy.switch(Mode::Pass);
            set_at_last(&watching, "/between", "1");
        }
        proxy.switch(Mode::BlackHole);
        proxy.wait_for_connections(proxy.connections() + 3);
        proxy.switch(Mode::Pass);
    });
}

#[test]
fn members_of_3_4_are_lost() {
    members_are_lost(Version::V3_4);
}

#[test]
fn members_of_3_6_are_lost() {
    members_are_lost(Version::V3_6);
}

fn members_are_lost(version: Version) {
    let cluster = Cluster::start(version, 3);
    the_leader_is_killed(&cluster);
    a_frozen_member_is_left(&cluster);
    a_member_without_a_quorum_is_left(&cluster);
}

fn the_leader_is_killed(cluster: &Cluster) {
    let (leader, follower) = cluster.leader_and_follower();
    let clients = [client_of(&[leader.url(), follower.url()], &IMPATIENT), client(follower, &IMPATIENT)];
    let watchers = Vec::from_iter(clients.iter().flat_map(watch));
    let writer = client(follower, &IMPATIENT);
    each_write_comes_while(&writer, &watchers, || {
        set_at_last(&writer, "/between", "1");
        leader.kill();
        set_at_last(&writer, "/between", "2");
        leader.restart();
        set_at_last(&writer, "/between", "3");
    });
}

/// The events come while it is frozen still.
fn a_frozen_member_is_left(cluster: &Cluster) {
    let (leader, follower) = cluster.leader_and_follower();
    let watching = client_of(&[follower.url(), leader.url()], &IMPATIENT);
    let watchers = watch(&watching);
    let writer = client(leader, &IMPATIENT);
    set_at_last(&writer, "/w/a", "before");
    watchers.iter().for_each(|watcher| assert_eq!(watcher.next_value(), "before"));
    follower.freeze();
    let began = Instant::now();
    each_write_comes_while(&writer, &watchers, || set_at_last(&writer, "/between", "1"));
    println!("a frozen member was left after {:?}", began.elapsed());
    // Thawed, it has old messages to say.
    each_write_comes_while(&writer, &watchers, || {
        follower.thaw();
        set_at_last(&client(follower, &IMPATIENT), "/between", "2");
    });
}

/// It answers, and has no leader: the watch goes to another one, though that is not there yet.
fn a_member_without_a_quorum_is_left(cluster: &Cluster) {
    let [first, second, third] = &cluster.members[..] else { unreachable!("three members") };
    let other = Proxy::start(second.port(), Mode::Pass);
    let watching = client_of(&[first.url(), other.url()], &IMPATIENT);
    let watchers = watch(&watching);
    let writer = client(first, &IMPATIENT);
    set_at_last(&writer, "/w/a", "before");
    watchers.iter().for_each(|watcher| assert_eq!(watcher.next_value(), "before"));
    let before = other.connections();
    [second, third].into_iter().for_each(Etcd::kill);
    let began = Instant::now();
    other.wait_for_connections(before + 1);
    println!("a member without a quorum was left after {:?}", began.elapsed());
    // Those two are a quorum, and the one that had the watch is no member of it.
    first.freeze();
    [second, third].into_iter().for_each(Etcd::restart_alone);
    let writer = client(second, &IMPATIENT);
    each_write_comes_while(&writer, &watchers, || set_at_last(&writer, "/between", "1"));
    first.thaw();
}

#[test]
fn a_store_that_went_back_is_a_resync() {
    for version in [Version::V3_4, Version::V3_6] {
        println!("on etcd {version}:");
        let folder = Folder::in_memory("wiped");
        let data = folder.path().join("data");
        let etcd = Etcd::start_with(version, &["--data-dir", data.to_str().expect("UTF-8")]);
        let writer = client(&etcd, &IMPATIENT);
        let watching = client(&etcd, &IMPATIENT);
        let watchers = watch(&watching);
        let mut last = 0;
        for number in 0..50 {
            last = index_of(writer.set("/w/a", &number.to_string()));
        }
        watchers.iter().for_each(|watcher| while watcher.next_value() != "49" {});
        etcd.kill();
        fs::remove_dir_all(&data).expect("the data are there");
        etcd.restart();
        for watcher in &watchers {
            let resync = watcher.next();
            assert!(resync.is_resync() && resync.json["node"].is_null(), "{resync}");
            let (after, before) = resync.missed();
            assert!(after >= last && before < last, "{resync}");
        }
        let index = index_of(writer.set("/w/a", "new"));
        watchers.iter().for_each(|watcher| assert_eq!(watcher.next().index(), index));
    }
}

#[test]
fn another_cluster_in_the_place_of_the_old_one_is_a_resync() {
    let (old, new) = (Etcd::start(Version::V3_4), Etcd::start(Version::V3_6));
    let proxy = Proxy::start(old.port(), Mode::Pass);
    let watching = client_of(&[proxy.url()], &IMPATIENT);
    let watchers = watch(&watching);
    client(&old, &[]).set("/w/a", "old").ok();
    watchers.iter().for_each(|watcher| assert_eq!(watcher.next_value(), "old"));
    // Its revision is beyond the old one's, so that only its cluster's id differs.
    let writer = client(&new, &[]);
    for number in 0..20 {
        writer.set("/w/a", &number.to_string()).ok();
    }
    proxy.turn_to(new.port());
    for watcher in &watchers {
        let resync = watcher.next();
        assert!(resync.is_resync(), "{resync}");
        assert_eq!(resync.json["node"]["nodes"][0]["value"], "19");
    }
    writer.set("/w/a", "newer").ok();
    watchers.iter().for_each(|watcher| assert_eq!(watcher.next_value(), "newer"));
}

#[test]
fn a_watch_begins_while_no_server_answers() {
    for api in ["v3", "auto"] {
        println!("api {api}:");
        let etcd = Etcd::start(Version::V3_6);
        let writer = client(&etcd, &IMPATIENT);
        let first = index_of(writer.set("/w/a", "1"));
        let second = index_of(writer.set("/w/a", "2"));
        etcd.kill();
        let watching = etcd.client(&[&[("api", api)], &IMPATIENT[..]].concat());
        let past = watching.watch("/w").recursive().from(first).push();
        let watchers = watch(&watching);
        assert!(past.next_within(std::time::Duration::ZERO).is_none());
        etcd.restart();
        assert_eq!([past.next().index(), past.next().index()], [first, second]);
        for watcher in &watchers {
            // What was changed since the call, nobody knows.
            let resync = watcher.next();
            assert!(resync.is_resync(), "{resync}");
            assert_eq!(resync.json["node"]["nodes"][0]["value"], "2");
        }
        let third = index_of(writer.set("/w/a", "3"));
        watchers.iter().chain([&past]).for_each(|watcher| assert_eq!(watcher.next().index(), third));
    }
}

#[test]
fn endpoints_that_do_not_answer_are_passed_by() {
    let etcd = &crate::servers::shared()[1];
    let dead = [dead::refusing(), dead::closing(), dead::silent(), dead::void()];
    for dead in &dead {
        let watching = client_of(&[dead.url.clone(), etcd.url()], &IMPATIENT);
        let watchers = watch_at(&watching, "/passed_by");
        client(etcd, &[]).set("/passed_by", "1").ok();
        for watcher in &watchers {
            let event = watcher.next();
            assert!(event.is_resync() || event.value() == "1", "{event}");
        }
    }
}

fn watch_at(client: &Client, key: &str) -> [Watcher; 2] {
    [client.watch(key).push(), client.watch(key).pull()]
}

/// What came after the snapshot is gone, and the store counts from there again.
#[test]
fn a_store_that_is_restored_from_a_snapshot_is_a_gap() {
    for version in [Version::V3_6, Version::V3_7] {
        println!("on etcd {version}:");
        let (etcd, folder) = (Etcd::start(version), Folder::in_memory("snapshot"));
        let writer = client(&etcd, &IMPATIENT);
        writer.set("/w/a", "kept").ok();
        let snapshot = Ctl::of(&etcd).save(&folder);
        let watching = client(&etcd, &IMPATIENT);
        let watchers = watch(&watching);
        let mut last = 0;
        for number in 0..20 {
            last = index_of(writer.set("/w/a", &format!("lost {number}")));
        }
        writer.set("/w/b", "lost").ok();
        watchers.iter().for_each(|watcher| _ = watcher.until_value("lost"));
        etcd.restore(&snapshot);
        for watcher in &watchers {
            let resync = watcher.next();
            assert!(resync.is_resync(), "{resync}");
            let nodes = resync.json["node"]["nodes"].as_array().expect("a listing");
            assert_eq!(nodes.len(), 1, "{resync}");
            assert_eq!((&nodes[0]["key"], &nodes[0]["value"]), (&"/w/a".into(), &"kept".into()), "{resync}");
            assert!(resync.json["header"]["etcdIndex"].as_u64().is_some_and(|now| now < last), "{resync}");
        }
        set_at_last(&writer, "/w/a", "new");
        for watcher in &watchers {
            let event = watcher.next();
            assert!(event.value() == "new" && event.index() < last, "{event}");
        }
    }
}
