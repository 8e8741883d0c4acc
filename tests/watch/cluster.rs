//! Clusters of three: the leader dies, the member that serves the watch dies, a member gets changes in a snapshot.

use std::thread;

use support::PATIENCE;
use support::api::*;
use support::cluster::{Cluster, STEADY};
use support::etcd::Etcd;
use support::version::Version;
use support::wait_until;

use crate::rows::Row;
use support::watch::ledger::{index_of, nothing_is_lost_silently};

/// Writes a value that a cluster without a leader takes only later; its index.
fn write_at_last(client: &Client, key: &str, value: &str) -> u64 {
    loop {
        match client.set(key, value) {
            reply if reply.code() == 0 => return index_of(reply),
            // It may have been carried out all the same, and then twice.
            _ => {}
        }
    }
}

#[test]
fn the_leader_dies_while_a_follower_serves_the_watch() {
    for version in Version::all_with_v2() {
        println!("on etcd {version}:");
        let cluster = Cluster::start(version, 3);
        let (leader, follower) = cluster.leader_and_follower();
        let configured = Client::polling(1000, &[follower.url()]);
        let watcher = configured.watch("/w").push();
        let client = Client::connect("127.0.0.1", follower.port());
        let mut written: Vec<u64> = (0..20).map(|i| write_at_last(&client, "/w", &i.to_string())).collect();
        leader.kill();
        written.extend((20..40).map(|i| write_at_last(&client, "/w", &i.to_string())));
        write_at_last(&client, "/w", "last");
        let events = watcher.until_value("last");
        assert_eq!(nothing_is_lost_silently(written, &events), 0);
    }
}

#[test]
fn the_member_that_serves_the_watch_dies() {
    for version in Version::all_with_v2() {
        println!("on etcd {version}:");
        let cluster = Cluster::steady(version);
        let (leader, follower) = cluster.leader_and_follower();
        let urls: Vec<String> = [follower, leader].map(Etcd::url).into();
        let configured = Client::polling(1000, &urls);
        let watcher = configured.watch("/w").push();
        let client = Client::connect("127.0.0.1", leader.port());
        let set = |value: u32| index_of(client.set("/w", &value.to_string()));
        let mut written: Vec<u64> = (0..20).map(set).collect();
        assert_eq!(watcher.next_value(), "0");
        thread::scope(|scope| {
            scope.spawn(|| follower.kill());
            written.extend((20..200).map(set));
        });
        for (i, index) in written.into_iter().enumerate().skip(1) {
            let event = watcher.next();
            assert_eq!((event.index(), event.value()), (index, i.to_string()));
        }
    }
}

/// etcd never delivers to watches of v2 what a member got in a snapshot instead of applying it; to those of v3 it does.
#[test]
fn what_a_member_got_in_a_snapshot_is_not_lost() {
    for row in Row::TABLE {
        println!("on {row}:");
        // The log reaches back 5,000 entries from a snapshot, however small the distance between two: before 3.6.
        let near: &[&str] = if row.is_v3() { &["--snapshot-catchup-entries", "100"] } else { &[] };
        let noise = if near.is_empty() { 1200 } else { 200 };
        let arguments = [&STEADY[..], &["--snapshot-count", "100"], near].concat();
        let cluster = Cluster::start_with(row.version, 3, &arguments);
        let (leader, follower) = cluster.leader_and_follower();
        let configured = row.polling(30_000, &[follower.url()]);
        let impatient = row.polling(500, &[follower.url()]);
        let client = row.client(&[leader.url()], &[]);
        let watchers =
            [configured.watch("/w").push(), impatient.watch("/w").push(), configured.watch("/w").once().push()];
        follower.freeze();
        let mut missed = Vec::new();
        for i in 0..5 {
            missed.push(index_of(client.set("/w", &i.to_string())));
            row.burst(leader, "/noise", noise);
        }
        missed.push(index_of(client.set("/w", "5")));
        let now = row.index(leader);
        follower.thaw();
        wait_until(PATIENCE, "the follower has caught up", || row.index(follower) >= now);
        for l in follower.log().lines().filter(|l| l.contains("snapshot")) {
            println!("{l}");
        }
        let live = index_of(client.set("/w", "live"));
        client.set("/w", "last").ok();
        let first = watchers[2].next();
        // The very first may have been on its way when the member was frozen.
        assert!(first.is_resync() || first.index() == missed[0], "{first}");
        for watcher in &watchers[..2] {
            let events = watcher.until_value("last");
            let gaps = nothing_is_lost_silently(missed.iter().copied().chain([live]), &events);
            assert_eq!(gaps, usize::from(!row.is_v3()), "over v2 it cannot have been told otherwise");
        }
    }
}
