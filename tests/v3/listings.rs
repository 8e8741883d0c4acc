//! Large trees: read in pages at one revision, and one level of them without what is below.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use support::api::*;
use support::etcd::Etcd;
use support::version::Version;
use support::wait::Ends;

use crate::servers::{calls, client, fill, on_each, put_together};

const MANY: usize = 100_000;

/// A server of its own, for one test at a time, whose calls are counted, with a tree of ten directories and three files.
fn large() -> (&'static Etcd, MutexGuard<'static, ()>) {
    static LARGE: OnceLock<Etcd> = OnceLock::new();
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let etcd = LARGE.get_or_init(|| {
        let etcd = Etcd::start(Version::V3_6);
        let keys = (0..MANY).map(|number| format!("/large/d{}/{number:06}", number % 10));
        fill(&etcd, &Vec::from_iter(keys), "a value of some length");
        fill(&etcd, &["/large/e1", "/large/e2", "/large/e3"].map(str::to_owned), "file");
        etcd
    });
    (etcd, alone)
}

/// How many keys of a listing have a value, at any depth.
fn files(node: &serde_json::Value) -> usize {
    let children = node["nodes"].as_array().map_or(0, |nodes| nodes.iter().map(files).sum());
    children + usize::from(node["value"].is_string())
}

#[test]
fn a_large_tree_is_one_consistent_snapshot_while_others_write() {
    let (etcd, _alone) = large();
    let client = client(etcd, &[("timeout.request_ms", "60000")]);
    // The first key of the tree and the last, on different pages, are written together.
    let (first, last) = ("/large/d0/", "/large/d9/~");
    let (first, last) = (&format!("{first}!"), last);
    assert!(put_together(etcd, &[(first, "0"), (last, "0")]));
    let is_over = &AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) {
                count += 1;
                let value = count.to_string();
                assert!(put_together(etcd, &[(first, &value), (last, &value)]), "the writer writes");
            }
            count
        });
        let ends = Ends(is_over);
        let mut snapshots = Vec::new();
        for flags in [ETCD_RECURSIVE, ETCD_RECURSIVE | ETCD_QUORUM] {
            snapshots.push(client.get("/large", flags));
        }
        drop(ends);
        let written = writer.join().expect("no panic");
        for tree in snapshots {
            let tree = tree.ok().json();
            let directories = tree["node"]["nodes"].as_array().expect("a listing");
            let [d0, d9] = [0, 9].map(|number| directories[number]["nodes"].as_array().expect("a listing"));
            let (a, b) = (&d0[0], &d9[d9.len() - 1]);
            assert_eq!((&a["key"], &b["key"]), (&(&**first).into(), &last.into()));
            assert_eq!((&a["value"], &a["modifiedIndex"]), (&b["value"], &b["modifiedIndex"]), "of {written} writes");
            assert_eq!(files(&tree["node"]), MANY + 3 + 2);
        }
        assert!(written > 1, "somebody wrote meanwhile");
    });
}

#[test]
fn a_large_tree_comes_in_pages() {
    let (etcd, _alone) = large();
    let client = client(etcd, &[("timeout.request_ms", "60000")]);
    let before = calls(etcd);
    let tree = client.get("/large/d3", ETCD_RECURSIVE).ok();
    assert_eq!(tree.len("/node/nodes") as usize, MANY / 10);
    let took = calls(etcd) - before;
    assert!((2..100).contains(&took), "{took} requests");
    // What is larger than the caller allows is refused in words.
    let small = crate::servers::client(etcd, &[("max_response_bytes", "100000")]);
    let refused = small.get("/large", ETCD_RECURSIVE).fails(ETCD_ERROR_BAD_RESPONSE);
    assert!(refused.raw().contains("max_response_bytes"), "{refused}");
}

#[test]
fn one_level_of_a_large_tree_takes_few_requests() {
    let (etcd, _alone) = large();
    let client = client(etcd, &[]);
    client.get("/none", 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
    let before = calls(etcd);
    let listed = client.get("/large", ETCD_SORTED).ok();
    let took = calls(etcd) - before;
    assert_eq!(listed.len("/node/nodes"), 13, "{listed}");
    assert_eq!(files(&listed.json()["node"]), 3);
    assert!(listed.raw().len() < 4096, "{} bytes", listed.raw().len());
    assert!(took <= 20, "{took} requests");
}

#[test]
fn a_listing_is_sorted_by_names_and_hides_what_is_hidden() {
    on_each(|_, client, dir| {
        for name in ["a", "a-b", "a/b", "_hidden", "b/_x", "b/y", "c!", "c/d"] {
            // `a` and `a/b` cannot both be made by this client.
            let name = if name == "a" { "a.c" } else { name };
            client.set(&format!("{dir}/{name}"), "1").ok();
        }
        let listed = client.get(dir, ETCD_QUORUM | ETCD_SORTED).ok().json();
        let nodes = listed["node"]["nodes"].as_array().expect("a listing");
        let names = Vec::from_iter(nodes.iter().map(|node| node["key"].as_str().expect("a key")));
        assert_eq!(names, ["a", "a-b", "a.c", "b", "c", "c!"].map(|name| format!("{dir}/{name}")));
        let tree = client.get(dir, ETCD_QUORUM | ETCD_RECURSIVE).ok();
        assert!(!tree.raw().contains("_x") && !tree.raw().contains("_hidden"), "{tree}");
        // Asked for by its name it is there.
        client.get(&format!("{dir}/_hidden"), ETCD_QUORUM).ok();
    });
}

#[test]
fn reads_without_quorum_are_the_servers_own_copy() {
    on_each(|_, client, dir| {
        let key = &format!("{dir}/a");
        client.set(key, "1").ok();
        // One server alone has it at once.
        assert_eq!(client.get(key, 0).ok().text("/node/value").as_deref(), Some("1"));
        assert_eq!(client.get(key, ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("1"));
        client.get(&format!("{key}/b"), 0).fails(ETCD_ERROR_NOT_DIRECTORY);
        client.get(&format!("{dir}/b"), 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
    });
}
