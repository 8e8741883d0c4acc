//! Each change once, in order, as etcd sends it.

use serde_json::Value;

use support::PATIENCE;
use support::api::*;
use support::version::Version;
use support::{on_each, wait_until};

use crate::rows;

/// Every change there is, in a directory; what etcd answered to each.
fn change_everything(client: &Client, version: Version, dir: &str) -> Vec<Reply> {
    let key = |name: &str| format!("{dir}/{name}");
    let mut done = vec![
        client.set(&key("a"), "1"),
        client.set(&key("a"), "2"),
        client.update(&key("a"), "3"),
        client.cas(&key("a"), "4", "3"),
        client.cad(&key("a"), Some("4"), 0),
        client.create(&key("b"), "<é\n\"&\u{2028}"),
        client.delete(&key("b")),
        client.set_with(&key("queue"), "job", 0, ETCD_ORDERED),
        client.createdir(&key("dir")),
        client.set(&key("dir/below"), ""),
        client.deletedir(&key("dir"), ETCD_RECURSIVE),
        client.set(&key("file"), "lost"),
        client.setdir(&key("file")),
    ];
    // 3.5 has lost the ability to change a directory's time to live.
    if version == Version::V3_4 {
        done.push(client.updatedir(&key("file"), 3600));
    }
    done.push(client.set(&key("last"), ""));
    done.into_iter().map(Reply::ok).collect()
}

fn without_header(mut json: Value) -> Value {
    json.as_object_mut().expect("an object").remove("header").expect("a header");
    json
}

#[test]
fn every_action_is_delivered_as_it_is_live_and_from_history() {
    on_each(|etcd, client, dir| {
        let live = client.watch(dir).recursive().push();
        let done = change_everything(client, etcd.version(), dir);
        let first = done[0].json()["node"]["modifiedIndex"].as_u64().expect("an index");
        let past = client.watch(dir).recursive().from(first).push();
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
    rows::on_each(|server, client, dir| {
        let watcher = client.watch(dir).push();
        let done = client.set(dir, "1").ok();
        let header = watcher.next().json["header"].clone();
        assert_eq!(header["clusterId"].as_str(), done.text("/header/clusterId").as_deref());
        // When the server was asked: before the change, or after it and others.
        assert!(header["etcdIndex"].as_u64() > Some(0), "{header}");
        assert!(header["raftTerm"].is_u64() && header["raftIndex"].is_u64() != server.row.is_v3(), "{header}");
    });
}

#[test]
fn an_expiry_is_delivered_and_a_refresh_is_not() {
    rows::on_each(|server, client, dir| {
        let live = client.watch(dir).push();
        let first = client.set_with(dir, "brief", 100, 0).ok();
        for _ in 0..3 {
            client.refresh(dir, 100).ok();
        }
        client.refresh(dir, 1).ok();
        let past = client.watch(dir).from(first.int("/node/modifiedIndex") as u64).push();
        for watcher in [live, past] {
            assert_eq!(watcher.next().summary(), format!("{} {dir}", server.row.set_anew()));
            if server.row.is_v3() {
                assert_eq!(watcher.next().summary(), format!("set {dir}"), "another ttl is a write");
            }
            let expired = watcher.next();
            assert_eq!(expired.summary(), format!("expire {dir}"));
            assert_eq!(expired.json["prevNode"]["value"], "brief");
        }
    });
}

#[test]
fn a_deleted_directory_is_one_event_for_each_watch_in_it() {
    rows::on_each(|server, client, dir| {
        let above = format!("{dir}/above");
        let (file, within) = (format!("{above}/x/y/file"), format!("{above}/x"));
        client.set(&file, "1").ok();
        let watchers = [
            client.watch(&file).push(),
            client.watch(&file).recursive().push(),
            client.watch(&within).recursive().push(),
            client.watch(dir).recursive().push(),
            client.watch(&within).push(),
            client.watch(&above).push(),
        ];
        client.deletedir(&above, ETCD_RECURSIVE).ok();
        for (i, watcher) in watchers.iter().enumerate() {
            let seen = if i < 4 { &[file.as_str()][..] } else { &[] };
            for removal in server.row.removals("delete", &above, seen) {
                let event = watcher.next();
                assert_eq!(event.summary(), removal);
                assert_eq!(event.json["node"]["dir"] == true, !server.row.is_v3(), "{event}");
            }
        }
        client.set(&file, "again").ok();
        for watcher in &watchers[..4] {
            assert_eq!(watcher.next_value(), "again");
        }
    });
}

#[test]
fn an_expired_directory_is_one_event_for_each_watch_in_it() {
    on_each(|_, client, dir| {
        let above = format!("{dir}/above");
        let file = format!("{above}/x/file");
        let mut from = 0;
        // On a slow machine it may expire before anything is in it; then the file makes another one without a ttl.
        wait_until(PATIENCE, "a directory with a time to live has a file", || {
            client.deletedir(&above, ETCD_RECURSIVE);
            from = client.createdir_with(&above, 1).ok().int("/node/modifiedIndex") as u64 + 1;
            client.set(&file, "1").ok();
            client.get(&above, 0).text("/node/ttl").is_some()
        });
        // From there on: a slow machine may be here only after the expiry.
        let watchers = [
            client.watch(&file).from(from).push(),
            client.watch(&file).recursive().from(from).push(),
            client.watch(&format!("{above}/x")).recursive().from(from).push(),
            client.watch(dir).recursive().from(from).push(),
        ];
        for watcher in watchers {
            assert_eq!(watcher.next().summary(), format!("set {file}"));
            assert_eq!(watcher.next().summary(), format!("expire {above}"));
        }
    });
}

#[test]
fn one_shot_delivers_one_change_and_ends() {
    rows::on_each(|_, client, dir| {
        let watcher = client.watch(dir).once().push();
        for i in 0..20 {
            client.set(dir, &i.to_string()).ok();
        }
        assert_eq!(watcher.next_value(), "0");
        watcher.ends();
        assert_eq!(watcher.probe().calls(), 1);
        assert!(watcher.next_within(std::time::Duration::ZERO).is_none());
    });
}

#[test]
fn the_predicate_ends_it_after_the_event_it_was_shown() {
    rows::on_each(|_, client, dir| {
        let watcher = client.watch(dir).until(|event| event.value() == "4").push();
        for i in 0..20 {
            client.set(dir, &i.to_string()).ok();
        }
        let values: Vec<_> = (0..5).map(|_| watcher.next_value()).collect();
        assert_eq!(values, ["0", "1", "2", "3", "4"]);
        watcher.ends();
        assert_eq!(watcher.probe().calls(), 10, "callback and predicate, five times each");
    });
}
