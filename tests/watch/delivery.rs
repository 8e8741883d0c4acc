//! Each change once, in order, as etcd tells it.

use serde_json::Value;

use crate::support::api::*;
use crate::support::binaries::Version;
use crate::support::etcd::wait_until;
use crate::support::on_each;
use crate::watching::{PATIENCE, watch};

/// Every change there is, in a directory; what etcd answered to each.
fn change_everything(client: &Client, version: Version, dir: &str) -> Vec<Reply> {
    let key = |name: &str| format!("{dir}/{name}");
    let mut done = vec![
        client.set(&key("a"), "1", 0, 0),
        client.set(&key("a"), "2", 0, 0),
        client.update(&key("a"), "3", 0),
        client.cas(&key("a"), "4", Some("3"), 0, 0),
        client.cad(&key("a"), Some("4"), 0),
        client.create(&key("b"), "<é\n\"&\u{2028}", 0),
        client.delete(&key("b")),
        client.set(&key("queue"), "job", 0, ETCD_ORDERED),
        client.createdir(&key("dir"), 0),
        client.set(&key("dir/below"), "", 0, 0),
        client.deletedir(&key("dir"), ETCD_RECURSIVE),
        client.set(&key("file"), "lost", 0, 0),
        client.setdir(&key("file"), 0),
    ];
    // 3.5 has lost the ability to change a directory's time to live.
    if version == Version::V3_4 {
        done.push(client.updatedir(&key("file"), 3600));
    }
    done.push(client.set(&key("last"), "", 0, 0));
    done.into_iter().map(Reply::ok).collect()
}

fn without_header(mut json: Value) -> Value {
    json.as_object_mut().expect("an object").remove("header").expect("a header");
    json
}

#[test]
fn every_action_is_delivered_as_etcd_tells_it_live_and_from_the_history() {
    on_each(|etcd, client, dir| {
        let live = watch(client, dir).recursive().push();
        let done = change_everything(client, etcd.version(), dir);
        let first = done[0].json()["node"]["modifiedIndex"].as_u64().expect("an index");
        let past = watch(client, dir).recursive().from(first).push();
        for reply in &done {
            let (expected, live, past) = (without_header(reply.json()), live.next(), past.next());
            assert_eq!(without_header(live.json), expected, "live");
            assert_eq!(without_header(past.json), expected, "from the history");
        }
        let actions: Vec<_> = done.iter().map(|reply| reply.text("/action").expect("an action")).collect();
        for action in ["set", "update", "compareAndSwap", "compareAndDelete", "create", "delete"] {
            assert!(actions.iter().any(|done| done == action), "{action} is among them");
        }
    });
}

#[test]
fn an_event_has_the_header_of_the_answer_it_came_in() {
    on_each(|_, client, dir| {
        let watcher = watch(client, dir).push();
        let done = client.set(dir, "1", 0, 0).ok();
        let header = watcher.next().json["header"].clone();
        assert_eq!(header["clusterId"].as_str(), done.text("/header/clusterId").as_deref());
        let (index, changed) = (header["etcdIndex"].as_u64().unwrap_or_default(), done.int("/node/modifiedIndex"));
        assert!(index > 0 && index <= changed as u64, "the index when the server was asked: {header}");
        assert!(header["raftIndex"].is_u64() && header["raftTerm"].is_u64(), "{header}");
    });
}

#[test]
fn an_expiry_is_delivered_and_a_refresh_is_not() {
    on_each(|_, client, dir| {
        let live = watch(client, dir).push();
        let first = client.set(dir, "brief", 100, 0).ok();
        for _ in 0..3 {
            client.refresh(dir, 50).ok();
        }
        client.refresh(dir, 1).ok();
        let past = watch(client, dir).from(first.int("/node/modifiedIndex") as u64).push();
        for watcher in [live, past] {
            assert_eq!(watcher.next().summary(), format!("set {dir}"));
            let expired = watcher.next();
            assert_eq!(expired.summary(), format!("expire {dir}"));
            assert_eq!(expired.json["prevNode"]["value"], "brief");
        }
    });
}

#[test]
fn a_directory_that_is_deleted_tells_all_who_watch_something_in_it_once() {
    on_each(|_, client, dir| {
        let above = format!("{dir}/above");
        let (file, within) = (format!("{above}/x/y/file"), format!("{above}/x"));
        client.set(&file, "1", 0, 0).ok();
        let watchers = [
            watch(client, &file).push(),
            watch(client, &file).recursive().push(),
            watch(client, &within).recursive().push(),
            watch(client, dir).recursive().push(),
            watch(client, &within).push(),
            watch(client, &above).push(),
        ];
        client.deletedir(&above, ETCD_RECURSIVE).ok();
        for watcher in &watchers {
            let event = watcher.next();
            assert_eq!(event.summary(), format!("delete {above}"));
            assert_eq!(event.json["node"]["dir"], true);
        }
        client.set(&file, "again", 0, 0).ok();
        for watcher in &watchers[..4] {
            assert_eq!(watcher.next_value(), "again");
        }
    });
}

#[test]
fn a_directory_that_expires_tells_all_who_watch_something_in_it() {
    on_each(|_, client, dir| {
        let above = format!("{dir}/above");
        let file = format!("{above}/x/file");
        let mut from = 0;
        // It may expire before anything is in it, where that takes long; then the file makes another one, without an end.
        wait_until(PATIENCE, "a directory with a time to live has a file", || {
            client.deletedir(&above, ETCD_RECURSIVE);
            from = client.createdir(&above, 1).ok().int("/node/modifiedIndex") as u64 + 1;
            client.set(&file, "1", 0, 0).ok();
            client.get(&above, 0).text("/node/ttl").is_some()
        });
        // From there on: a slow machine may be here only after the expiry.
        let watchers = [
            watch(client, &file).from(from).push(),
            watch(client, &file).recursive().from(from).push(),
            watch(client, &format!("{above}/x")).recursive().from(from).push(),
            watch(client, dir).recursive().from(from).push(),
        ];
        for watcher in watchers {
            assert_eq!(watcher.next().summary(), format!("set {file}"));
            assert_eq!(watcher.next().summary(), format!("expire {above}"));
        }
    });
}

#[test]
fn one_shot_delivers_one_change_and_ends() {
    on_each(|_, client, dir| {
        let watcher = watch(client, dir).once().push();
        for i in 0..20 {
            client.set(dir, &i.to_string(), 0, 0).ok();
        }
        assert_eq!(watcher.next_value(), "0");
        watcher.ends();
        assert_eq!(watcher.told().calls(), 1);
        assert!(watcher.next_within(std::time::Duration::ZERO).is_none());
    });
}

#[test]
fn the_predicate_ends_it_after_the_event_it_was_shown() {
    on_each(|_, client, dir| {
        let watcher = watch(client, dir).until(|event| event.value() == "4").push();
        for i in 0..20 {
            client.set(dir, &i.to_string(), 0, 0).ok();
        }
        let values: Vec<_> = (0..5).map(|_| watcher.next_value()).collect();
        assert_eq!(values, ["0", "1", "2", "3", "4"]);
        watcher.ends();
        assert_eq!(watcher.told().calls(), 10, "callback and predicate, five times each");
    });
}
