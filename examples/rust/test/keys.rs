//! Keys and directories, their texts and errors.

use std::time::Duration;

use etcd::codes::*;
use etcd::{Client, Config, Expected, GetOptions};

use crate::{at, fails};

/// How much of a minute and more is left: over v2 it is less by what the write took.
fn is_about(ttl: Option<i64>, seconds: i64) -> bool {
    ttl.is_some_and(|left| left <= seconds && left > seconds - 30)
}

pub fn keys(client: &Client, _: &str) {
    let key = &at("key");
    let minute = Some(Duration::from_secs(60));
    let created = client.create(key, "1", None).unwrap();
    assert_eq!((&*created.action, created.index() + 1), ("create", created.next_index()));
    let node = created.node.unwrap();
    assert_eq!(client.update(key, "2", None).unwrap().prev_node.unwrap(), node);
    let set = client.set(key, "3", Some(Duration::from_millis(59_500))).unwrap();
    assert!(is_about(set.node.unwrap().ttl, 60));
    fails(client.set(key, "3", Some(Duration::ZERO)), ETCD_ERROR_INVALID_ARGUMENT);
    assert!(is_about(client.refresh(key, Duration::from_secs(90)).unwrap().node.unwrap().ttl, 90));
    let read = client.get_with(key, GetOptions::new().quorum()).unwrap();
    assert!(read.value() == Some("3") && read.node.unwrap().expiration.is_some());

    let swapped = client.compare_and_swap(key, "4", Expected::Value("3"), minute).unwrap().node.unwrap();
    assert!(is_about(swapped.ttl, 60));
    let index = Expected::Index(swapped.modified_index);
    let swapped = client.compare_and_swap(key, "5", index, None).unwrap().node.unwrap();
    assert_eq!(swapped.ttl, None);
    fails(client.compare_and_delete(key, Expected::Both("5", 1)), ETCD_ERROR_COMPARE_FAILED);
    fails(client.compare_and_swap(key, "6", Expected::Value("4"), None), ETCD_ERROR_COMPARE_FAILED);
    client.compare_and_delete(key, Expected::Both("5", swapped.modified_index)).unwrap();
    assert!(!client.exists(key).unwrap());
    assert_eq!(client.set_quietly(key, "6", None).unwrap().node, None);
    assert!(client.exists(key).unwrap());
    assert_eq!(client.delete(key).unwrap().prev_node.unwrap().value.as_deref(), Some("6"));
}

pub fn directories(client: &Client, _: &str) {
    let (dir, sub, queue, minute) = (&at("dir"), &at("dir/sub"), &at("dir/queue"), Some(Duration::from_secs(60)));
    assert!(client.create_dir(dir, None).unwrap().node.unwrap().dir);
    assert!(is_about(client.update_dir(dir, minute).unwrap().node.unwrap().ttl, 60));
    assert!(is_about(client.set_dir(sub, minute).unwrap().node.unwrap().ttl, 60));
    client.append(queue, "first", None).unwrap();
    client.append(queue, "second", None).unwrap();
    let nodes = client.get_with(dir, GetOptions::new().recursive().sorted()).unwrap().node.unwrap().nodes;
    assert_eq!((&nodes[0].key, &nodes[1].key), (queue, sub));
    let values: Vec<_> = nodes[0].nodes.iter().map(|node| node.value.as_deref().unwrap()).collect();
    assert_eq!(values, ["first", "second"]);
    client.delete_dir(sub).unwrap();
    fails(client.delete_dir(dir), ETCD_ERROR_DIRECTORY_NOT_EMPTY);
}

pub fn errors(client: &Client, url: &str) {
    let key = at("mykey");
    let index = client.create(&key, "x", None).unwrap().node.unwrap().modified_index;
    let error = fails(client.create(&key, "x", None), ETCD_ERROR_KEY_EXISTS);
    assert_eq!(error.to_string(), format!("Key already exists - {key} (105)"));
    // Others write to the store, too.
    assert!(error.index >= index && error.status == Some(412), "{error:?}");
    fails(client.compare_and_delete(&key, Expected::Index(1 << 63)), ETCD_ERROR_INVALID_ARGUMENT);
    fails(client.get("/a//b"), ETCD_ERROR_INVALID_ARGUMENT);
    fails(Client::connect("not a host", 0), ETCD_ERROR_INVALID_ARGUMENT);
    fails(Config::new().set("endpoint", url).connect(), ETCD_ERROR_INVALID_ARGUMENT);
    // A port that ordinary programs cannot have.
    fails(Client::connect("127.0.0.1", 1).unwrap().exists(&key), ETCD_ERROR_UNAVAILABLE);
}

pub fn texts(client: &Client, _: &str) {
    for text in ["Grüße, 世界 🎉", r#""quoted" \ 'too'"#, " a+b&c=d;e?f#g%h ", "line\nline\ttab", "a\0b"] {
        let key = at(text);
        client.set(&key, text, None).unwrap();
        let node = client.get(&key).unwrap().node.unwrap();
        assert_eq!((&*node.key, node.value.as_deref()), (&*key, Some(text)));
    }
    assert_eq!(client.set(&at("empty"), "", None).unwrap().value(), Some(""));
}

pub fn nothing_leaks(client: &Client, _: &str) {
    let (key, value) = (at("leak"), "x".repeat(16 << 10));
    let calls = |count: u32| (0..count).for_each(|_| drop(client.set(&key, &value, None).unwrap()));
    calls(100);
    let before = resident_pages();
    calls(600); // each of whose replies has the value twice
    let grown = resident_pages() - before;
    assert!(grown < 2000, "by {grown} pages");
}

fn resident_pages() -> i64 {
    let memory = std::fs::read_to_string("/proc/self/statm").unwrap();
    memory.split(' ').nth(1).unwrap().parse().unwrap()
}
