//! Watches of ranges of bytes: whole revisions, filters, gaps.

use support::api::*;
use support::etcd::Etcd;
use support::version::Version;
use support::wait::PATIENCE;
use support::watch::{Event, Watcher, watch_range};

use crate::servers::{client, on_each};

/// What an event tells: type, key, `mod_revision`.
fn told(event: &Event) -> Vec<(String, String, i64)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("(bytes)").to_owned();
    let events = event.json["events"].as_array().unwrap_or_else(|| panic!("no events: {event}"));
    let one = |event: &serde_json::Value| {
        (text(&event["type"]), text(&event["kv"]["key"]), event["kv"]["mod_revision"].as_i64().expect("a number"))
    };
    events.iter().map(one).collect()
}

/// All that comes up to the change of that revision.
fn until(watcher: &Watcher, revision: i64) -> Vec<(String, String, i64)> {
    let mut all = Vec::new();
    while all.last().is_none_or(|(_, _, seen)| *seen < revision) {
        all.extend(told(&watcher.next()));
    }
    all
}

fn put(key: &str) -> String {
    format!(r#"{{"request_put":{{"key":"{key}","value":"v"}}}}"#)
}

#[test]
fn a_revision_is_one_event_whole_live_and_from_history() {
    on_each(|_, client, dir| {
        let first = client.put(format!("{dir}/before"), "").ok().int("/header/revision");
        let live = watch_range(client, format!("{dir}/"), "", 0, ETCD_PREFIX | ETCD_PREV_KV);
        let puts = Vec::from_iter((0..100).map(|i| put(&format!("{dir}/{i:03}"))));
        let revision = client.txn(&format!(r#"{{"success":[{}]}}"#, puts.join(","))).ok().int("/header/revision");
        let event = live.next();
        let expected = Vec::from_iter((0..100).map(|i| ("PUT".to_owned(), format!("{dir}/{i:03}"), revision)));
        assert_eq!(told(&event), expected, "all of the transaction, and nothing else");
        let one = &event.json["events"][7];
        assert_eq!((&one["kv"]["version"], &one["kv"]["lease"], one.get("prev_kv")), (&1.into(), &"0".into(), None));
        assert!(event.json["header"]["revision"].as_i64() >= Some(revision), "{event}");
        assert!(event.json["header"]["cluster_id"].is_string(), "{event}");
        let deleted = client.delete_range(format!("{dir}/"), "", ETCD_PREFIX).ok().int("/header/revision");
        let event = live.next();
        assert_eq!(told(&event).len(), 101);
        assert_eq!(event.json["events"][0]["prev_kv"]["value"], "v");
        // What the history has comes in whole revisions, too, of which an event may have several.
        let past = watch_range(client, format!("{dir}/"), "", first, ETCD_PREFIX);
        let mut revisions = Vec::new();
        while revisions.last() != Some(&deleted) {
            let told = told(&past.next());
            for here in [first, revision, deleted] {
                let count = told.iter().filter(|(_, _, at)| *at == here).count();
                let whole = if here == first {
                    1
                } else if here == revision {
                    100
                } else {
                    101
                };
                assert!(count == 0 || count == whole && !revisions.contains(&here), "{count} of {here}");
                revisions.extend((count > 0).then_some(here));
            }
        }
        assert_eq!(revisions, [first, revision, deleted]);
    });
}

#[test]
fn a_revision_larger_than_a_message_is_one_event() {
    on_each(|_, client, dir| {
        let watcher = watch_range(client, format!("{dir}/"), "", 0, ETCD_PREFIX | ETCD_PREV_KV);
        for i in 0..60 {
            client.put(format!("{dir}/{i}"), vec![b'x'; 100_000]).ok();
        }
        let last = client.delete_range(format!("{dir}/"), "", ETCD_PREFIX).ok().int("/header/revision");
        loop {
            let told = told(&watcher.next());
            match told.iter().filter(|(_, _, at)| *at == last).count() {
                0 => {}
                count => break assert_eq!(count, 60, "6 MB, in one"),
            }
        }
    });
}

#[test]
fn keys_are_any_bytes_and_ranges_are_bytes_wise() {
    on_each(|_, client, dir| {
        let at = |rest: &[u8]| [dir.as_bytes(), rest].concat();
        let (low, high) = (at(b"/\0"), at(b"/\xfe"));
        let alone = watch_range(client, &low, "", 0, 0);
        let between = watch_range(client, &low, &high, 0, ETCD_BASE64);
        let everything = watch_range(client, "", "", 0, ETCD_PREFIX);
        let keys: [&[u8]; 5] = [b"/\0", b"/\0\0", b"/a", b"/\xfe", b"/\xff\0\xff"];
        // Other tests may write to the same server in between.
        let mut revisions = Vec::from(keys.map(|key| client.put(at(key), b"\0\xff").ok().int("/header/revision")));
        let last = client.put(&low, "text").ok().int("/header/revision");
        revisions.push(last);
        let mut found = Vec::new();
        for _ in 0..4 {
            let event = between.next();
            let text = serde_json::to_string(&event.json).expect("JSON");
            let key = decoded(&text, "/events/0/kv/key");
            assert!(event.json["events"][0]["kv"].get("key").is_none(), "all is base64: {event}");
            found.push((key, event.json["events"][0]["kv"]["mod_revision"].as_i64()));
        }
        // The fourth key is at the end, and the fifth behind it.
        let expected = [(keys[0], 0), (keys[1], 1), (keys[2], 2), (keys[0], 5)];
        assert_eq!(found, expected.map(|(key, write)| (at(key), Some(revisions[write]))));
        let first = alone.next();
        assert_eq!(first.json["events"][0]["kv"]["value_base64"], "AP8=");
        assert_eq!(alone.next().json["events"][0]["kv"]["value"], "text");
        let all = until(&everything, last);
        assert_eq!(all.iter().filter(|(_, _, at)| revisions.contains(at)).count(), 6);
    });
}

/// The bytes there, as a program in C reads them.
fn decoded(json: &str, pointer: &str) -> Vec<u8> {
    let text = c(json);
    let mut length = 0;
    let found = unsafe { etcd_json_bytes(text.as_ptr(), c(pointer).as_ptr(), &mut length) };
    assert!(!found.is_null(), "{pointer} in {json}");
    // SAFETY: so many bytes were given just now, and are freed once.
    unsafe {
        let bytes = std::slice::from_raw_parts(found.cast::<u8>(), length).to_vec();
        etcd_free(found.cast());
        bytes
    }
}

#[test]
fn what_is_filtered_does_not_come() {
    on_each(|_, client, dir| {
        let key = &format!("{dir}/k");
        let puts = watch_range(client, key, "", 0, ETCD_NO_DELETE);
        let deletions = watch_range(client, key, "", 0, ETCD_NO_PUT);
        let nothing = watch_range(client, key, "", 0, ETCD_NO_PUT | ETCD_NO_DELETE);
        let mut expected = (Vec::new(), Vec::new());
        for _ in 0..10 {
            expected.0.push(client.put(key, "1").ok().int("/header/revision"));
            expected.1.push(client.delete_range(key, "", 0).ok().int("/header/revision"));
        }
        for (watcher, kind, expected) in [(puts, "PUT", expected.0), (deletions, "DELETE", expected.1)] {
            let found = until(&watcher, *expected.last().expect("ten"));
            assert_eq!(found, Vec::from_iter(expected.iter().map(|at| (kind.to_owned(), key.clone(), *at))));
        }
        assert!(nothing.next_within(std::time::Duration::ZERO).is_none());
    });
}

#[test]
fn a_compacted_past_is_a_gap_told_exactly() {
    for version in Version::all_with_v3() {
        let etcd = Etcd::start(version);
        let client = client(&etcd, &[]);
        let first = client.put("a", "1").ok().int("/header/revision");
        for i in 0..9 {
            client.put("a", i.to_string()).ok();
        }
        let last = client.put(b"b\xff", b"\xff").ok().int("/header/revision");
        client.call("kv/compaction", &format!(r#"{{"revision":{last},"physical":true}}"#)).ok();
        let watcher = watch_range(&client, "", "", first, ETCD_PREFIX | ETCD_NO_PUT);
        let gap = watcher.next();
        assert_eq!(gap.json["type"], "RESYNC", "{gap}");
        assert_eq!(gap.json["missed"], serde_json::json!({"after": first - 1, "before": last + 1}));
        assert_eq!(gap.json["header"]["revision"], last);
        let kvs = &gap.json["kvs"];
        assert_eq!(
            (&kvs[0]["key"], &kvs[0]["value"], &kvs[1]["key_base64"]),
            (&"a".into(), &"8".into(), &"Yv8=".into())
        );
        let deleted = client.delete_range("a", "", 0).ok().int("/header/revision");
        assert_eq!(told(&watcher.next()), [("DELETE".to_owned(), "a".to_owned(), deleted)]);
    }
}

#[test]
fn it_goes_on_after_its_server_is_killed() {
    let etcd = Etcd::start(Version::V3_6);
    let client = client(&etcd, &[]);
    let watcher = watch_range(&client, "k", "", 0, ETCD_PREFIX);
    let mut written = Vec::new();
    for i in 0..5 {
        written.push(client.put(format!("k{i}"), "1").ok().int("/header/revision"));
        etcd.kill();
        etcd.restart();
        support::wait::wait_until(PATIENCE, "it answers again", || client.range("k", "", 0).code() == 0);
    }
    written.push(client.put("k", "end").ok().int("/header/revision"));
    let found = until(&watcher, *written.last().expect("six"));
    assert_eq!(Vec::from_iter(found.iter().map(|(_, _, at)| *at)), written);
}

#[test]
fn v2_has_none() {
    let etcd = Etcd::start(Version::V3_4);
    let client = etcd.client(&[("api", "v2")]);
    let mut error = std::ptr::null_mut();
    let (key, none) = (c"k".as_ptr().cast(), std::ptr::null());
    let watcher =
        unsafe { etcd_watch_range(client.raw(), key, 1, none, 0, 0, 0, None, std::ptr::null_mut(), None, &mut error) };
    assert!(watcher.is_null());
    unsafe { Reply::take(error) }.fails(ETCD_ERROR_UNSUPPORTED);
}
