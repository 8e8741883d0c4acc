//! Changes that cannot be delivered any more are one resync event with what is there now; then the watch goes on.

use std::time::Duration;

use support::api::*;
use support::cluster::Cluster;
use support::etcd::Etcd;
use support::proxy::{Mode, Proxy};
use support::scratch::Folder;
use support::version::Version;

use crate::noise::burst;
use crate::rows::{Row, on_new_servers};
use support::watch::ledger::index_of;

fn client(etcd: &Etcd) -> Client {
    Client::connect("127.0.0.1", etcd.port())
}

#[test]
fn a_slow_reader_gets_one_resync_with_exactly_what_it_missed() {
    for version in Version::all_with_v2() {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let client = client(&etcd);
        let configured = Client::new(&[("endpoints", &etcd.url()), ("watch.queue", "1")]);
        let watcher = configured.watch("/w").recursive().pull();
        let written: Vec<u64> = (0..5).map(|i| index_of(client.set("/w/a", &i.to_string()))).collect();
        // One event is in the queue, and the worker holds the next; it asks for no more until there is room.
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
            client.set("/w/a", &i.to_string()).ok();
            assert_eq!(watcher.next().index(), now + 1 + i, "it goes on, and says no more of it");
        }
    }
}

/// The server returns the keys of a directory in any order.
fn sorted(node: &serde_json::Value) -> serde_json::Value {
    let mut node = node.clone();
    if let Some(nodes) = node["nodes"].as_array_mut() {
        nodes.iter_mut().for_each(|below| *below = sorted(below));
        nodes.sort_by_key(|below| below["key"].to_string());
    }
    node
}

#[test]
fn a_resync_has_the_watched_key_or_null() {
    on_new_servers(Row::one_each(), |server, client| {
        client.set("/w/file", "here").ok();
        client.set("/w/dir/x", "below").ok();
        let now = server.forget();
        let resync = |key: &str, flags| {
            let event = client.watch(key).flags(flags).from(1).once().push().next();
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
    });
}

#[test]
fn a_one_shot_ends_with_a_resync() {
    on_new_servers([Row::TABLE[1], Row::V3], |server, client| {
        server.forget();
        let watcher = client.watch("/w").from(1).once().push();
        assert!(watcher.next().is_resync());
        watcher.ends();
        assert_eq!(watcher.probe().calls(), 1);
    });
}

#[test]
fn a_resync_is_read_by_a_quorum() {
    for row in Row::one_each() {
        println!("on {row}:");
        let cluster = Cluster::steady(row.version);
        let [one, two, three] = &cluster.members[..] else { panic!("three members") };
        let client = row.client(&[one.url()], &[]);
        row.forget(one);
        client.set("/w", "1").ok();
        client.get("/w", ETCD_QUORUM).ok();
        two.freeze();
        three.freeze();
        let configured = row.polling(500, &[one.url()]);
        let watcher = configured.watch("/w").from(1).push();
        let early = watcher.next_within(Duration::from_secs(1));
        assert!(early.is_none(), "without a quorum: {early:?}");
        two.thaw();
        three.thaw();
        let resync = watcher.next();
        assert_eq!(resync.json["node"]["value"], "1");
    }
}

#[test]
fn a_server_that_lost_its_data_is_a_resync() {
    for version in Version::all_with_v2() {
        println!("on etcd {version}:");
        let folder = Folder::in_memory("wiped");
        let data = folder.path().join("data");
        let etcd = Etcd::start_with(version, &["--data-dir", data.to_str().expect("UTF-8")]);
        let client = client(&etcd);
        for i in 0..50 {
            client.set("/w", &i.to_string()).ok();
        }
        let configured = Client::polling(300, &[etcd.url()]);
        let watcher = configured.watch("/w").push();
        let last = index_of(client.set("/w", "last"));
        assert_eq!(watcher.next_value(), "last");
        etcd.kill();
        std::fs::remove_dir_all(&data).expect("the data are there");
        etcd.restart();
        let resync = watcher.next();
        let (after, before) = resync.missed();
        // The old history is known to its last change; the new one is unknown up to where the watch goes on.
        assert!(resync.json["node"].is_null() && after >= last && before < last, "{resync}");
        assert_eq!(resync.json["header"]["etcdIndex"], before - 1);
        let first = index_of(client.set("/w", "new"));
        assert_eq!(watcher.next().index(), first);
    }
}

#[test]
fn another_cluster_in_the_place_of_the_old_one_is_a_resync() {
    let (old, new) = (Etcd::start(Version::V3_4), Etcd::start(Version::V3_5));
    let proxy = Proxy::start(old.port(), Mode::Pass);
    let configured = Client::polling(300, &[proxy.url()]);
    let watcher = configured.watch("/w").push();
    client(&old).set("/w", "old").ok();
    assert_eq!(watcher.next_value(), "old");
    // Its index is beyond the old one's, so that only its cluster id differs.
    burst(new.port(), "/noise", 300);
    client(&new).set("/w", "new").ok();
    proxy.turn_to(new.port());
    let resync = watcher.next();
    assert!(resync.is_resync(), "{resync}");
    assert_eq!(resync.json["node"]["value"], "new");
    client(&new).set("/w", "newer").ok();
    assert_eq!(watcher.next_value(), "newer");
}
