//! What cannot be delivered any more is told, once and exactly, with what is there now; then the watch goes on.

use std::time::Duration;

use crate::ledger::index_of;
use crate::noise::burst;
use crate::proxy::{Limit, Proxy};
use crate::support::api::*;
use crate::support::binaries::Version;
use crate::support::etcd::{Cluster, Etcd};
use crate::support::scratch::Folder;
use crate::watching::{Configured, watch};

fn client(etcd: &Etcd) -> Client {
    Client::connect("127.0.0.1", etcd.port())
}

#[test]
fn a_reader_that_falls_behind_the_history_is_told_once_and_exactly_what_it_missed() {
    for version in Version::ALL {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let client = client(&etcd);
        let configured = Configured::new(&[("endpoints", &etcd.url()), ("watch.queue", "1")]);
        let watcher = configured.watch("/w").recursive().pull();
        let written: Vec<u64> = (0..5).map(|i| index_of(client.set("/w/a", &i.to_string(), 0, 0))).collect();
        // One is in the queue and one in the hand of whoever fills it; it asks for no more until there is room.
        assert_eq!(watcher.next_value(), "0");
        burst(etcd.port(), "/w/noise", 1500);
        let mut last = written[0];
        let resync = loop {
            match watcher.next() {
                event if event.is_resync() => break event,
                event => {
                    assert_eq!(event.index(), last + 1);
                    last += 1;
                }
            }
        };
        let now = etcd.index();
        assert_eq!(resync.missed(), (last, now + 1));
        assert_eq!(resync.json["header"]["etcdIndex"], now);
        assert!(resync.json["header"]["clusterId"].is_string());
        let state = client.get("/w", ETCD_RECURSIVE | ETCD_QUORUM).ok().json();
        assert_eq!(sorted(&resync.json["node"]), sorted(&state["node"]));
        for i in 0..5 {
            client.set("/w/a", &i.to_string(), 0, 0).ok();
            assert_eq!(watcher.next().index(), now + 1 + i, "it goes on, and says no more of it");
        }
    }
}

/// The order of what is in a directory is the server's mood.
fn sorted(node: &serde_json::Value) -> serde_json::Value {
    let mut node = node.clone();
    if let Some(nodes) = node["nodes"].as_array_mut() {
        nodes.iter_mut().for_each(|below| *below = sorted(below));
        nodes.sort_by_key(|below| below["key"].to_string());
    }
    node
}

#[test]
fn a_resync_has_the_watched_place_and_no_more_or_null_if_nothing_is_there() {
    let etcd = Etcd::start(Version::V3_4);
    let client = client(&etcd);
    client.set("/w/file", "here", 0, 0).ok();
    client.set("/w/dir/x", "below", 0, 0).ok();
    burst(etcd.port(), "/noise", 1100);
    let now = etcd.index();
    let resync = |key: &str, flags| {
        let event = watch(&client, key).flags(flags).from(1).once().push().next();
        assert_eq!((event.action(), event.missed()), ("resync", (0, now + 1)), "{event}");
        event.json["node"].clone()
    };
    assert_eq!(resync("/w/file", 0)["value"], "here");
    assert_eq!(resync("/w/dir", ETCD_RECURSIVE)["nodes"][0]["value"], "below");
    assert_eq!(resync("/w/dir/", ETCD_RECURSIVE)["nodes"][0]["value"], "below");
    assert!(resync("/w", 0)["nodes"][0]["nodes"].is_null(), "not recursive: nothing of what is deeper");
    assert_eq!(resync("/", ETCD_RECURSIVE)["dir"], true);
    for nothing in ["/nothing", "/nothing/below", "/w/file/below"] {
        assert!(resync(nothing, 0).is_null() && resync(nothing, ETCD_RECURSIVE).is_null());
    }
}

#[test]
fn a_one_shot_ends_with_a_resync() {
    let etcd = Etcd::start(Version::V3_5);
    burst(etcd.port(), "/noise", 1100);
    let client = client(&etcd);
    let watcher = watch(&client, "/w").from(1).once().push();
    assert!(watcher.next().is_resync());
    watcher.ends();
    assert_eq!(watcher.told().calls(), 1);
}

#[test]
fn a_resync_waits_for_a_quorum_lest_it_tell_what_is_no_more() {
    let cluster = Cluster::steady(Version::V3_4);
    burst(cluster.members[0].port(), "/noise", 1100);
    let [one, two, three] = &cluster.members[..] else { panic!("three members") };
    client(one).set("/w", "1", 0, 0).ok();
    client(one).get("/w", ETCD_QUORUM).ok();
    two.freeze();
    three.freeze();
    let configured = Configured::polling(500, &[one.url()]);
    let watcher = configured.watch("/w").from(1).push();
    let early = watcher.next_within(Duration::from_secs(1));
    assert!(early.is_none(), "without a quorum: {early:?}");
    two.thaw();
    three.thaw();
    let resync = watcher.next();
    assert_eq!(resync.json["node"]["value"], "1");
}

#[test]
fn a_server_that_lost_its_data_is_a_resync_and_not_an_endless_wait() {
    for version in Version::ALL {
        println!("on etcd {version}:");
        let folder = Folder::in_memory("wiped");
        let data = folder.path().join("data");
        let etcd = Etcd::start_with(version, &["--data-dir", data.to_str().expect("UTF-8")]);
        let client = client(&etcd);
        for i in 0..50 {
            client.set("/w", &i.to_string(), 0, 0).ok();
        }
        let configured = Configured::polling(300, &[etcd.url()]);
        let watcher = configured.watch("/w").push();
        let last = index_of(client.set("/w", "last", 0, 0));
        assert_eq!(watcher.next_value(), "last");
        etcd.kill();
        std::fs::remove_dir_all(&data).expect("the data are there");
        etcd.restart();
        let resync = watcher.next();
        let (after, before) = resync.missed();
        // What was before is known to the last; what the new history has is unknown up to where it goes on.
        assert!(resync.json["node"].is_null() && after >= last && before < last, "{resync}");
        assert_eq!(resync.json["header"]["etcdIndex"], before - 1);
        let first = index_of(client.set("/w", "new", 0, 0));
        assert_eq!(watcher.next().index(), first);
    }
}

#[test]
fn another_cluster_in_the_place_of_the_old_one_is_a_resync() {
    let (old, new) = (Etcd::start(Version::V3_4), Etcd::start(Version::V3_5));
    let proxy = Proxy::start(old.port(), Limit::None);
    let configured = Configured::polling(300, &[proxy.url()]);
    let watcher = configured.watch("/w").push();
    client(&old).set("/w", "old", 0, 0).ok();
    assert_eq!(watcher.next_value(), "old");
    // Its index is further than the old one's, so that only its name gives it away.
    burst(new.port(), "/noise", 300);
    client(&new).set("/w", "new", 0, 0).ok();
    proxy.turn_to(new.port());
    let resync = watcher.next();
    assert!(resync.is_resync(), "{resync}");
    assert_eq!(resync.json["node"]["value"], "new");
    client(&new).set("/w", "newer", 0, 0).ok();
    assert_eq!(watcher.next_value(), "newer");
}
