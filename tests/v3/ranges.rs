//! The store as it is: bytes, ranges, conditions, transactions and any call, on servers of each version.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use support::api::*;
use support::etcd::Etcd;
use support::version::Version;

use crate::servers::{Ctl, client, on_each, shared};

fn keys(reply: &Reply) -> Vec<String> {
    let count = reply.len("/kvs");
    (0..count).map(|i| reply.text(&format!("/kvs/{i}/key")).unwrap_or_else(|| "(bytes)".to_owned())).collect()
}

#[test]
fn keys_and_values_are_any_bytes() {
    on_each(|etcd, client, dir| {
        let all: Vec<u8> = (0..=255).collect();
        let key = [dir.as_bytes(), b"/\0", &all].concat();
        let revision = client.put(&key, &all).ok().int("/header/revision");
        let read = client.range(&key, "", 0).ok();
        assert_eq!(read.bytes("/kvs/0/key").as_deref(), Some(&key[..]));
        assert_eq!(read.bytes("/kvs/0/value").as_deref(), Some(&all[..]));
        assert_eq!((read.int("/kvs/0/mod_revision"), read.int("/kvs/0/version"), read.int("/count")), (revision, 1, 1));
        assert_eq!(read.text("/kvs/0/lease").as_deref(), Some("0"));
        // What is text is text, with a NUL in it, too; and base64 where that is wanted.
        client.put(format!("{dir}/text\0"), "ä\0\n").ok();
        let read = client.range(format!("{dir}/text"), "", ETCD_PREFIX).ok();
        assert_eq!(read.json()["kvs"][0]["value"], "ä\0\n");
        assert_eq!(read.bytes("/kvs/0/value").as_deref(), Some("ä\0\n".as_bytes()));
        let read = client.range(format!("{dir}/text\0"), "", ETCD_BASE64).ok();
        assert_eq!((read.text("/kvs/0/value"), read.text("/kvs/0/value_base64").as_deref()), (None, Some("w6QACg==")));
        assert_eq!(read.bytes("/kvs/0/value").as_deref(), Some("ä\0\n".as_bytes()));
        // An empty value, and one of etcd's own tool.
        client.put(format!("{dir}/empty"), "").ok();
        assert_eq!(client.range(format!("{dir}/empty"), "", 0).ok().bytes("/kvs/0/value").as_deref(), Some(&b""[..]));
        let ctl = Ctl::of(etcd);
        ctl.put_bytes(format!("{dir}/ctl").as_bytes(), b"\xff\0\xfe");
        let read = client.range(format!("{dir}/ctl"), "", 0).ok();
        assert_eq!(read.bytes("/kvs/0/value").as_deref(), Some(&b"\xff\0\xfe"[..]));
        client.put(format!("{dir}/ours"), "1").ok();
        assert_eq!(ctl.get(&format!("{dir}/ours")).expect("it is there").value(), "1");
        // And a path of this library's is the key of that name.
        client.set(&format!("{dir}/path"), "2").ok();
        assert_eq!(client.range(format!("{dir}/path"), "", 0).ok().text("/kvs/0/value").as_deref(), Some("2"));
    });
}

#[test]
fn a_range_is_what_lies_between_two_keys() {
    on_each(|_, client, dir| {
        let at = |name: &str| format!("{dir}/{name}");
        let names = ["a", "b", "b/c", "b\u{7f}", "c"];
        names.iter().for_each(|name| drop(client.put(at(name), name).ok()));
        let found =
            |reply: Reply| Vec::from_iter(keys(&reply.ok()).into_iter().map(|key| key[dir.len() + 1..].to_owned()));
        assert_eq!(found(client.range(at("b"), "", 0)), ["b"]);
        assert_eq!(found(client.range(at("none"), "", 0)), [""; 0]);
        assert_eq!(found(client.range(at("b"), at("c"), 0)), ["b", "b/c", "b\u{7f}"]);
        assert_eq!(found(client.range(at("b"), "", ETCD_PREFIX)), ["b", "b/c", "b\u{7f}"]);
        assert_eq!(found(client.range(at(""), "", ETCD_PREFIX)), names);
        assert_eq!(found(client.range(at(""), "", ETCD_PREFIX | ETCD_SERIALIZABLE)), names);
        assert_eq!(found(client.range(at(""), "", ETCD_PREFIX | ETCD_DESCENDING)), ["c", "b\u{7f}", "b/c", "b", "a"]);
        let last = client.range_with(at(""), "", 2, 0, ETCD_PREFIX | ETCD_DESCENDING);
        assert_eq!((last.text("/more").as_deref(), last.int("/count")), (Some("true"), 5));
        assert_eq!(found(last), ["c", "b\u{7f}"]);
        let first = client.range_with(at(""), "", 1, 0, ETCD_PREFIX | ETCD_KEYS_ONLY).ok();
        assert_eq!((first.text("/kvs/0/value").as_deref(), first.int("/count")), (Some(""), 5));
        let count = client.range(at(""), "", ETCD_PREFIX | ETCD_COUNT_ONLY).ok();
        assert_eq!((count.int("/count"), count.len("/kvs")), (5, 0));
        // From a key to the end of all, and everything.
        let rest = client.range(at("c"), [0], ETCD_COUNT_ONLY).ok().int("/count");
        let all = client.range("", "", ETCD_PREFIX | ETCD_COUNT_ONLY).ok().int("/count");
        assert!(rest >= 1 && all >= rest + 4, "{rest} {all}");

        // As it was.
        let before = client.range(at("a"), "", 0).ok().int("/header/revision");
        client.put(at("a"), "new").ok();
        let past = client.range_with(at("a"), "", 0, before, 0).ok();
        assert_eq!(past.text("/kvs/0/value").as_deref(), Some("a"));
        client.range_with(at("a"), "", 0, i64::MAX, 0).fails(ETCD_ERROR_WATCHER_CLEARED);

        let deleted = client.delete_range(at("b"), at("c"), ETCD_PREV_KV).ok();
        assert_eq!((deleted.int("/deleted"), deleted.len("/prev_kvs")), (3, 3));
        assert_eq!(client.delete_range(at("b"), "", 0).ok().int("/deleted"), 0);
        assert_eq!(client.delete_range(at(""), "", ETCD_PREFIX).ok().int("/deleted"), 2);
    });
}

#[test]
fn a_large_range_is_one_moment_though_others_write() {
    const KEYS: usize = 1_300;
    on_each(|etcd, client, dir| {
        let name = |i: usize| format!("{dir}/{i:06}");
        let put = |i: usize, value: usize| format!(r#"{{"request_put":{{"key":"{}","value":"{value}"}}}}"#, name(i));
        for begin in (0..KEYS).step_by(100) {
            let puts = Vec::from_iter((begin..begin + 100).map(|i| put(i, 0)));
            client.txn(&format!(r#"{{"success":[{}]}}"#, puts.join(","))).ok();
        }
        let (is_over, writer) = (AtomicBool::new(false), crate::servers::client(etcd, &[]));
        thread::scope(|scope| {
            scope.spawn(|| {
                // The first and the last are always the same, whoever looks.
                for round in 1.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let both = format!(r#"{{"success":[{},{}]}}"#, put(0, round), put(KEYS - 1, round));
                    writer.txn(&both).ok();
                }
            });
            let (mut seen, last) = (0, KEYS - 1);
            for round in 0..20 {
                let order = if round % 2 == 0 { 0 } else { ETCD_DESCENDING };
                let reply = client.range(format!("{dir}/"), "", ETCD_PREFIX | order).ok();
                assert_eq!((reply.len("/kvs"), reply.int("/count")), (KEYS as i64, KEYS as i64));
                let json = reply.json();
                assert_eq!(json["kvs"][0]["value"], json["kvs"][last]["value"]);
                assert_eq!(json["more"], false);
                seen = json["kvs"][0]["mod_revision"].as_i64().expect("a number").max(seen);
            }
            is_over.store(true, Ordering::Relaxed);
            assert!(seen > 0);
        });
        // A limit beyond a page, from the end.
        let some =
            client.range_with(format!("{dir}/"), "", 1_200, 0, ETCD_PREFIX | ETCD_DESCENDING | ETCD_KEYS_ONLY).ok();
        let found = keys(&some);
        assert_eq!((found.len(), &found[0], &found[1_199]), (1_200, &name(KEYS - 1), &name(100)));
        assert_eq!(some.text("/more").as_deref(), Some("true"));
        client.delete_range(format!("{dir}/"), "", ETCD_PREFIX).ok();
    });
    let small = client(&shared()[0], &[("max_response_bytes", "10000")]);
    for i in 0..20 {
        small.put(format!("/small/{i}"), [b'v'; 900]).ok();
    }
    small.range("/small/", "", ETCD_PREFIX).fails(ETCD_ERROR_BAD_RESPONSE);
    small.delete_range("/small/", "", ETCD_PREFIX).ok();
}

#[test]
fn a_write_on_a_condition_takes_nothing_from_another() {
    on_each(|_, client, dir| {
        let key = &format!("{dir}/k");
        let first = client.put_if(key, "1", 0, 0).ok().int("/header/revision");
        let refused = client.put_if(key, "2", 0, 0).fails(ETCD_ERROR_COMPARE_FAILED);
        assert_eq!((refused.text("/kv/value").as_deref(), refused.int("/kv/mod_revision")), (Some("1"), first));
        assert_eq!(refused.text("/cause"), Some(format!("[0 != {first}]")));
        let written = client.put_if(key, "2", first, ETCD_PREV_KV).ok();
        assert_eq!(written.text("/prev_kv/value").as_deref(), Some("1"));
        let second = written.int("/header/revision");
        let refused = client.put_if(key, b"\xff", first, ETCD_BASE64).fails(ETCD_ERROR_COMPARE_FAILED);
        assert_eq!(refused.text("/kv/value_base64").as_deref(), Some("Mg=="));
        client.delete_if(key, first).fails(ETCD_ERROR_COMPARE_FAILED);
        assert_eq!(client.delete_if(key, second).ok().int("/deleted"), 1);
        client.delete_if(key, second).fails(ETCD_ERROR_KEY_NOT_FOUND);
        let gone = client.put_if(key, "3", second, 0).fails(ETCD_ERROR_COMPARE_FAILED);
        assert_eq!(gone.text("/kv"), None);

        // A lease and a value that stay.
        let lease: i64 = client.call("lease/grant", r#"{"ttl":600}"#).ok().text("/id").unwrap().parse().unwrap();
        client.put_with(key, "1", lease, 0).ok();
        client.put_with(key, "2", 0, ETCD_IGNORE_LEASE).ok();
        let kept = client.range(key, "", 0).ok();
        assert_eq!(
            (kept.text("/kvs/0/value").as_deref(), kept.text("/kvs/0/lease")),
            (Some("2"), Some(lease.to_string()))
        );
        client.put_with(key, "", 0, ETCD_IGNORE_VALUE).ok();
        let kept = client.range(key, "", 0).ok();
        assert_eq!(
            (kept.text("/kvs/0/value"), kept.text("/kvs/0/lease").as_deref()),
            (Some("2".to_owned()), Some("0"))
        );
        client.put_with(key, "1", 1, 0).fails(ETCD_ERROR_RAFT_INTERNAL);
        client.call("lease/revoke", &format!(r#"{{"id":"{lease}"}}"#)).ok();
    });
}

#[test]
fn transactions_are_carried_out_as_one_nested_ones_too() {
    on_each(|_, client, dir| {
        let text = |json: &str| json.replace("DIR", dir);
        let reply = client.txn(&text(
            r#"{"compare":[{"key":"DIR/","range_end":"DIR0","version":0}],
                "success":[{"request_put":{"key":"DIR/a","value":"1"}},{"request_put":{"key":"DIR/b","value_base64":"/wA="}},
                    {"request_txn":{"compare":[{"key":"DIR/a","version":"0"}],
                        "success":[{"request_put":{"key":"DIR/c","value":"3"}}],
                        "failure":[{"request_delete_range":{"key":"DIR/d"}}]}},
                    {"request_range":{"key":"DIR/","range_end":"DIR0","sort_order":"DESCEND","keys_only":true}}]}"#,
        ));
        let reply = reply.ok();
        assert_eq!((reply.text("/succeeded").as_deref(), reply.len("/responses")), (Some("true"), 4));
        assert_eq!(
            reply.text("/responses/2/response_txn/succeeded").as_deref(),
            Some("true"),
            "it looks before all begins"
        );
        assert_eq!(reply.text("/responses/3/response_range/kvs/0/key"), Some(format!("{dir}/c")));
        let revision = reply.int("/header/revision");
        let read = client.range(format!("{dir}/"), "", ETCD_PREFIX).ok();
        assert!((0..3).all(|i| read.int(&format!("/kvs/{i}/mod_revision")) == revision), "{read}");
        assert_eq!(read.bytes("/kvs/1/value").as_deref(), Some(&b"\xff\0"[..]));

        for (compare, holds) in [
            (format!(r#"{{"key":"DIR/a","mod_revision":{revision}}}"#), true),
            (format!(r#"{{"key":"DIR/a","create_revision":"{revision}","target":"CREATE"}}"#), true),
            (r#"{"key":"DIR/a","value":"2","result":"LESS"}"#.to_owned(), true),
            (r#"{"key":"DIR/b","value_base64":"/wA="}"#.to_owned(), true),
            (r#"{"key":"DIR/a","lease":"0","result":"NOT_EQUAL"}"#.to_owned(), false),
            (r#"{"key":"DIR/a","version":0,"result":"GREATER"}"#.to_owned(), true),
            (format!(r#"{{"key":"DIR/","range_end":"DIR0","mod_revision":{revision},"result":"GREATER"}}"#), false),
        ] {
            let reply = client.txn(&text(&format!(r#"{{"compare":[{compare}]}}"#))).ok();
            assert_eq!((reply.text("/succeeded"), reply.len("/responses")), (Some(holds.to_string()), 0), "{compare}");
        }
        let wrong =
            client.txn(&text(r#"{"success":[{"request_range":{"key":"DIR/a"}},{"request_put":{"value":"1"}}]}"#));
        let wrong = wrong.fails(ETCD_ERROR_INVALID_ARGUMENT);
        assert!(wrong.text("/cause").unwrap().starts_with("/success/1/request_put/key: "), "{wrong}");
        // More operations than the server takes: it says so.
        let many = vec![text(r#"{"request_range":{"key":"DIR/a"}}"#); 200].join(",");
        client.txn(&format!(r#"{{"success":[{many}]}}"#)).fails(ETCD_ERROR_INVALID_FIELD);
        client.delete_range(format!("{dir}/"), "", ETCD_PREFIX).ok();
    });
}

#[test]
fn transactions_are_nested_as_deep_as_the_library_says() {
    on_each(|_, client, _| {
        let nested = |depth| format!("{}{{}}{}", r#"{"success":[{"request_txn":"#.repeat(depth), "}]}".repeat(depth));
        let reply = client.txn(&nested(32)).ok();
        let place = "/responses/0/response_txn".repeat(32);
        assert_eq!(reply.text(&format!("{place}/succeeded")).as_deref(), Some("true"));
        let refused = client.txn(&nested(40)).fails(ETCD_ERROR_INVALID_ARGUMENT);
        assert!(refused.text("/cause").unwrap().contains("nested too deeply"), "{refused}");
    });
}

#[test]
fn any_call_is_made_by_its_name() {
    on_each(|etcd, client, dir| {
        let status = client.call("maintenance/status", "{}").ok();
        assert!(status.text("/version").unwrap().starts_with(&etcd.version().to_string()), "{status}");
        let members = client.call("cluster/member/list", r#"{"linearizable":true}"#).ok();
        assert_eq!(members.text("/members/0/id"), status.text("/leader"));
        assert_eq!(members.len("/members/0/client_urls"), 1);
        let put = format!(r#"{{"key":"{dir}/a","value_base64":"/w==","prev_kv":true}}"#);
        let revision = client.call("kv/put", &put).ok().int("/header/revision");
        let read = client.call("kv/range", &format!(r#"{{"key":"{dir}/a","revision":"{revision}"}}"#)).ok();
        assert_eq!(read.bytes("/kvs/0/value").as_deref(), Some(&b"\xff"[..]));
        let granted = client.call("lease/grant", r#"{"ttl":600}"#).ok();
        let lease = granted.text("/id").expect("an id");
        client.call("kv/put", &format!(r#"{{"key":"{dir}/a","value":"1","lease":"{lease}"}}"#)).ok();
        let left = client.call("lease/timetolive", &format!(r#"{{"id":{lease},"keys":true}}"#)).ok();
        assert_eq!((left.int("/granted_ttl"), left.text("/keys/0")), (600, Some(format!("{dir}/a"))));
        let leases = client.call("lease/leases", "{}").ok();
        assert!(leases.json()["leases"].as_array().unwrap().iter().any(|one| one["id"] == *lease), "{leases}");
        client.call("lease/keepalive", &format!(r#"{{"id":"{lease}"}}"#)).ok();
        client.call("lease/revoke", &format!(r#"{{"id":"{lease}"}}"#)).ok();
        assert_eq!(client.range(format!("{dir}/a"), "", 0).ok().int("/count"), 0);
        assert_eq!(client.call("maintenance/alarm", r#"{"action":"GET"}"#).ok().len("/alarms"), 0);
        assert!(client.call("maintenance/hash", "{}").ok().int("/hash") > 0);
        assert!(client.call("maintenance/hashkv", "{}").ok().int("/hash") > 0);
        client.call("maintenance/defragment", "{}").ok();
        assert_eq!(client.call("auth/role/list", "{}").ok().len("/roles"), 0);
        client.call("cluster/member/remove", r#"{"id":"7"}"#).fails(ETCD_ERROR_HTTP);
        client.call("auth/user/get", r#"{"name":"nobody"}"#).fails(ETCD_ERROR_HTTP);
    });
    // What a server does not know.
    client(&shared()[0], &[]).call("maintenance/downgrade", r#"{"action":"CANCEL"}"#).fails(ETCD_ERROR_UNSUPPORTED);
}

#[test]
fn a_compacted_past_is_an_error() {
    let etcd = Etcd::start(Version::V3_6);
    let client = client(&etcd, &[]);
    let first = client.put("a", "1").ok().int("/header/revision");
    let second = client.put("a", "2").ok().int("/header/revision");
    client.call("kv/compaction", &format!(r#"{{"revision":{second},"physical":true}}"#)).ok();
    client.range_with("a", "b", 0, first, 0).fails(ETCD_ERROR_EVENT_INDEX_CLEARED);
    client.range_with("a", "", 0, first, 0).fails(ETCD_ERROR_EVENT_INDEX_CLEARED);
    client.range_with("a", "b", 0, second, 0).ok();
}

#[test]
fn over_v2_there_is_none_of_it() {
    let client = Client::connect("127.0.0.1", Etcd::shared()[0].port());
    for reply in [
        client.range("a", "", 0),
        client.put("a", "1"),
        client.put_if("a", "1", 0, 0),
        client.delete_range("a", "", 0),
        client.delete_if("a", 1),
        client.txn("{}"),
        client.call("maintenance/status", "{}"),
    ] {
        let reply = reply.fails(ETCD_ERROR_UNSUPPORTED);
        assert!(reply.text("/cause").unwrap().contains("connect with \"v3\""), "{reply}");
    }
}
