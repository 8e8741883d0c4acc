//! Clusters of three: the leader dies, the member that serves the watch dies, a member misses what it never hears of.

use std::thread;

use crate::ledger::{index_of, nothing_is_lost_silently};
use crate::noise::burst;
use crate::support::api::*;
use crate::support::binaries::Version;
use crate::support::etcd::{Cluster, Etcd, STEADY, wait_until};
use crate::watching::{Configured, PATIENCE};

/// Writes a value that a cluster without a leader takes only later; its index.
fn write_at_last(client: &Client, key: &str, value: &str) -> u64 {
    loop {
        match client.set(key, value, 0, 0) {
            reply if reply.code() == 0 => return index_of(reply),
            // It may come about all the same, and then twice.
            _ => {}
        }
    }
}

#[test]
fn the_leader_dies_while_a_follower_serves_the_watch() {
    for version in Version::ALL {
        println!("on etcd {version}:");
        let cluster = Cluster::start(version, 3);
        let (leader, follower) = cluster.leader_and_follower();
        let configured = Configured::polling(1000, &[follower.url()]);
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
    for version in Version::ALL {
        println!("on etcd {version}:");
        let cluster = Cluster::steady(version);
        let (leader, follower) = cluster.leader_and_follower();
        let urls: Vec<String> = [follower, leader].map(Etcd::url).into();
        let configured = Configured::polling(1000, &urls);
        let watcher = configured.watch("/w").push();
        let client = Client::connect("127.0.0.1", leader.port());
        let set = |value: u32| index_of(client.set("/w", &value.to_string(), 0, 0));
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

/// etcd tells watches nothing of what a member has not applied but got in a snapshot, neither then nor later.
#[test]
fn what_a_member_got_in_a_snapshot_is_told_to_be_missing() {
    for version in Version::ALL {
        println!("on etcd {version}:");
        // The log reaches back 5,000 entries from a snapshot, however small the distance between two.
        let cluster = Cluster::start_with(version, 3, &[&STEADY[..], &["--snapshot-count", "100"]].concat());
        let (leader, follower) = cluster.leader_and_follower();
        let configured = Configured::polling(30_000, &[follower.url()]);
        let impatient = Configured::polling(500, &[follower.url()]);
        let client = Client::connect("127.0.0.1", leader.port());
        let watchers =
            [configured.watch("/w").push(), impatient.watch("/w").push(), configured.watch("/w").once().push()];
        follower.freeze();
        let mut missed = Vec::new();
        for i in 0..5 {
            missed.push(index_of(client.set("/w", &i.to_string(), 0, 0)));
            burst(leader.port(), "/noise", 1200);
        }
        missed.push(index_of(client.set("/w", "5", 0, 0)));
        let now = leader.index();
        follower.thaw();
        wait_until(PATIENCE, "the follower has caught up", || follower.index() >= now);
        for l in follower.log().lines().filter(|l| l.contains("snapshot")) {
            println!("{l}");
        }
        let live = index_of(client.set("/w", "live", 0, 0));
        client.set("/w", "last", 0, 0).ok();
        let first = watchers[2].next();
        // The very first may have been on its way when the member was frozen.
        assert!(first.is_resync() || first.index() == missed[0], "{first}");
        for watcher in &watchers[..2] {
            let events = watcher.until_value("last");
            let gaps = nothing_is_lost_silently(missed.iter().copied().chain([live]), &events);
            assert_eq!(gaps, 1, "it cannot have been told otherwise");
        }
    }
}
