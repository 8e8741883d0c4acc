//! Keys with values: read, written, made, updated, refreshed, deleted; on etcd 3.4 and 3.5.

use std::time::{Duration, Instant};

use support::api::*;
use support::etcd::Etcd;
use support::wait_until;
use support::{http, on_each, on_each_of};

const EXPIRY: Duration = Duration::from_secs(30);

#[test]
fn what_is_written_is_read_back() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/a");
        let first = client.set(&key, "1").ok();
        assert_eq!(first.text("/action").as_deref(), Some("set"));
        assert_eq!(first.text("/prevNode"), None);
        let second = client.set(&key, "two").ok();
        assert_eq!(second.text("/node/value").as_deref(), Some("two"));
        assert_eq!(second.text("/prevNode/value").as_deref(), Some("1"));
        assert_eq!(second.int("/prevNode/modifiedIndex"), first.int("/node/modifiedIndex"));
        for flags in [0, ETCD_QUORUM, ETCD_SORTED, ETCD_RECURSIVE, ETCD_RECURSIVE | ETCD_SORTED | ETCD_QUORUM] {
            let read = client.get(&key, flags).ok();
            assert_eq!(read.text("/action").as_deref(), Some("get"));
            assert_eq!(read.text("/node/key").as_deref(), Some(&*key));
            assert_eq!(read.text("/node/value").as_deref(), Some("two"));
        }
    });
}

#[test]
fn a_reply_is_etcds_own_with_the_header_appended() {
    on_each(|etcd, client, dir| {
        client.set_with(&format!("{dir}/b/c"), "<1> & é\u{1}", 100, 0).ok();
        client.set(&format!("{dir}/a"), "").ok();
        let reply = client.get(dir, ETCD_RECURSIVE | ETCD_SORTED).ok();
        let path = format!("/v2/keys{dir}?recursive=true&sorted=true");
        let answer = http::get(etcd.port(), &path).expect("etcd answers");
        let body = answer.body.trim_end().strip_suffix('}').expect("an object");
        let header = reply.raw().strip_prefix(body).expect("etcd's own bytes");
        assert!(header.starts_with(r#","header":{"clusterId":""#) && header.ends_with("}}"), "{header}");
        for (pointer, name) in [("/header/clusterId", "X-Etcd-Cluster-Id"), ("/header/raftTerm", "X-Raft-Term")] {
            assert_eq!(reply.text(pointer).as_deref(), Some(answer.header(name)));
        }
        assert_eq!(reply.len("/header"), 4);
    });
}

#[test]
fn a_write_is_answered_to_the_letter() {
    on_each(|_, client, dir| {
        let reply = client.set(&format!("{dir}/a"), "1").ok();
        let (index, header) = (reply.int("/node/modifiedIndex"), reply.text("/header").expect("a header"));
        let node = format!(r#"{{"key":"{dir}/a","value":"1","modifiedIndex":{index},"createdIndex":{index}}}"#);
        assert_eq!(reply.raw(), format!(r#"{{"action":"set","node":{node},"header":{header}}}"#));
    });
}

#[test]
fn the_headers_index_is_the_writes_own_even_among_other_writers() {
    on_each(|_, client, dir| {
        std::thread::scope(|scope| {
            for writer in 0..8 {
                scope.spawn(move || {
                    let key = format!("{dir}/{writer}");
                    for round in 0..25 {
                        let reply = client.set(&key, &round.to_string()).ok();
                        assert_eq!(reply.int("/header/etcdIndex"), reply.int("/node/modifiedIndex"), "{reply}");
                    }
                });
            }
        });
    });
}

#[test]
fn a_reply_without_its_node_still_has_the_index() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/a");
        let reply = client.set_with(&key, &"large".repeat(1000), 0, ETCD_NO_VALUE_ON_SUCCESS).ok();
        assert_eq!(reply.len(""), 2, "{reply}");
        assert_eq!(reply.text("/action").as_deref(), Some("set"));
        let read = client.get(&key, 0).ok();
        assert_eq!(reply.int("/header/etcdIndex"), read.int("/node/modifiedIndex"));
        let ordered = client.set_with(dir, "v", 0, ETCD_ORDERED | ETCD_NO_VALUE_ON_SUCCESS).ok();
        assert_eq!((ordered.text("/action").as_deref(), ordered.text("/node")), (Some("create"), None));
        assert_eq!(client.get(dir, 0).ok().len("/node/nodes"), 2);
    });
}

#[test]
fn writes_with_a_condition_leave_the_node_out_where_the_client_wants_it() {
    for api in ["v2", "v3"] {
        on_each_of(
            Etcd::shared(),
            |etcd| Client::of(&[etcd.url()], &[("api", api), ("no_value_on_success", "true")]),
            |_, client, dir| {
                let key = format!("{dir}-{api}");
                let written = [client.create(&key, "1"), client.update(&key, "2"), client.cas(&key, "3", "2")];
                for (reply, action) in written.into_iter().zip(["create", "update", "compareAndSwap"]) {
                    let reply = reply.ok();
                    assert_eq!((reply.text("/action").as_deref(), reply.text("/node")), (Some(action), None));
                }
                assert!(client.set(&key, "4").ok().text("/node/value").is_some(), "it has a flag for that");
            },
        );
    }
}

#[test]
fn a_key_with_a_ttl_expires_and_one_without_does_not() {
    on_each(|_, client, dir| {
        let (brief, lasting, renounced) =
            (format!("{dir}/brief"), format!("{dir}/lasting"), format!("{dir}/renounced"));
        // On a slow machine it may expire before its ttl is removed.
        wait_until(EXPIRY, "the time to live is taken away", || {
            client.set_with(&renounced, "1", 1, 0).ok();
            client.update(&renounced, "2").code() == 0
        });
        let began = Instant::now();
        let reply = client.set_with(&brief, "1", 1, 0).ok();
        assert_eq!(reply.int("/node/ttl"), 1);
        assert!(reply.text("/node/expiration").is_some_and(|time| time.ends_with('Z')), "{reply}");
        for ttl in [0, -1, i64::MIN] {
            assert_eq!(client.set_with(&lasting, "1", ttl, 0).ok().text("/node/ttl"), None);
        }
        assert_eq!(client.set_with(&lasting, "1", 2147483647, 0).ok().int("/node/ttl"), 2147483647);
        wait_until(EXPIRY, "the key expires", || client.get(&brief, 0).code() == ETCD_ERROR_KEY_NOT_FOUND);
        assert!(began.elapsed() > Duration::from_millis(900), "it lived for {:?}", began.elapsed());
        client.get(&lasting, 0).ok();
        client.get(&renounced, 0).ok();
    });
}

#[test]
fn ordered_keys_sort_in_the_order_of_their_creation() {
    on_each(|_, client, dir| {
        let mut made = Vec::new();
        for value in ["c", "a", "b"] {
            let reply = client.set_with(dir, value, 100, ETCD_ORDERED).ok();
            assert_eq!(reply.text("/action").as_deref(), Some("create"));
            assert_eq!(reply.int("/node/ttl"), 100);
            made.push(reply.text("/node/key").expect("a new key"));
        }
        assert!(made.is_sorted() && made[0].starts_with(&format!("{dir}/")), "{made:?}");
        let listed = client.get(dir, ETCD_SORTED).ok();
        let values = (0..3).map(|i| listed.text(&format!("/node/nodes/{i}/value")).expect("three"));
        assert_eq!(values.collect::<String>(), "cab");
        client.set_with(&made[0], "x", 0, ETCD_ORDERED).fails(ETCD_ERROR_NOT_DIRECTORY);
    });
}

#[test]
fn create_makes_a_key_only_where_nothing_is() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/a");
        let made = client.create_with(&key, "1", 60).ok();
        assert_eq!((made.text("/action").as_deref(), made.int("/node/ttl")), (Some("create"), 60));
        let refused = client.create(&key, "2").fails(ETCD_ERROR_KEY_EXISTS);
        assert_eq!((refused.text("/cause"), refused.int("/status")), (Some(key.clone()), 412));
        client.create(dir, "2").fails(ETCD_ERROR_KEY_EXISTS);
        client.create(&format!("{key}/below"), "2").fails(ETCD_ERROR_NOT_DIRECTORY);
        assert_eq!(client.get(&key, 0).ok().text("/node/value").as_deref(), Some("1"));
    });
}

#[test]
fn update_writes_only_what_exists_and_keeps_when_it_was_created() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/a");
        client.update(&key, "1").fails(ETCD_ERROR_KEY_NOT_FOUND);
        let made = client.set(&key, "1").ok();
        let updated = client.update_with(&key, "2", 60).ok();
        assert_eq!((updated.text("/action").as_deref(), updated.int("/node/ttl")), (Some("update"), 60));
        assert_eq!(updated.int("/node/createdIndex"), made.int("/node/modifiedIndex"));
        assert!(updated.int("/node/modifiedIndex") > made.int("/node/modifiedIndex"));
        client.update(dir, "x").fails(ETCD_ERROR_NOT_FILE);
        client.update(&format!("{dir}/none"), "x").fails(ETCD_ERROR_KEY_NOT_FOUND);
        assert!(!client.exists(&format!("{dir}/none")).unwrap());
    });
}

#[test]
fn refresh_gives_new_time_and_keeps_the_value() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/a");
        client.refresh(&key, 60).fails(ETCD_ERROR_KEY_NOT_FOUND);
        assert!(!client.exists(&key).unwrap());
        let made_and_refreshed = || (client.set_with(&key, "kept", 1, 0).ok(), client.refresh(&key, 60));
        let (mut made, mut refreshed) = made_and_refreshed();
        // On a slow machine it may expire before it is refreshed.
        wait_until(EXPIRY, "it is refreshed", || {
            let expired = refreshed.code() == ETCD_ERROR_KEY_NOT_FOUND;
            if expired {
                (made, refreshed) = made_and_refreshed();
            }
            !expired
        });
        let refreshed = refreshed.ok();
        assert_eq!(refreshed.text("/node/value").as_deref(), Some("kept"));
        assert_eq!(refreshed.int("/node/ttl"), 60);
        assert_eq!(refreshed.int("/node/createdIndex"), made.int("/node/createdIndex"));
        client.refresh(&key, 0).fails(ETCD_ERROR_REFRESH_TTL_REQUIRED);
        // A key made later with the old ttl is the clock: when it has expired, the old ttl is over.
        let clock = format!("{dir}/clock");
        client.set_with(&clock, "", 1, 0).ok();
        wait_until(EXPIRY, "the clock expires", || !client.exists(&clock).unwrap());
        let read = client.get(&key, 0).ok();
        assert_eq!(read.text("/node/value").as_deref(), Some("kept"));
        assert!((1..=60).contains(&read.int("/node/ttl")), "{read}");
    });
}

#[test]
fn delete_removes_a_key_and_returns_what_it_was() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/a");
        client.set(&key, "1").ok();
        client.delete(dir).fails(ETCD_ERROR_NOT_FILE);
        let reply = client.delete(&key).ok();
        assert_eq!(reply.text("/action").as_deref(), Some("delete"));
        assert_eq!((reply.text("/node/value"), reply.text("/prevNode/value").as_deref()), (None, Some("1")));
        assert_eq!(reply.int("/header/etcdIndex"), reply.int("/node/modifiedIndex"));
        let gone = client.delete(&key).fails(ETCD_ERROR_KEY_NOT_FOUND);
        assert_eq!(gone.text("/cause"), Some(key.clone()));
        assert!(!client.exists(&key).unwrap());
    });
}

#[test]
fn exists_distinguishes_keys_and_directories_from_nothing() {
    on_each(|_, client, dir| {
        assert!(!client.exists(dir).unwrap());
        let key = format!("{dir}/a");
        client.set(&key, "").ok();
        for (key, there) in
            [(dir, true), (&key, true), ("/", true), (&format!("{key}/below"), false), (&format!("{dir}/b"), false)]
        {
            assert_eq!(client.exists(key).unwrap(), there, "{key}");
        }
        client.exists("//").unwrap_err().fails(ETCD_ERROR_INVALID_ARGUMENT);
    });
}

#[test]
fn a_key_may_lack_its_leading_slash_or_have_a_trailing_one() {
    on_each(|_, client, dir| {
        let bare = dir.trim_start_matches('/');
        client.set(&format!("{bare}/a"), "1").ok();
        for key in [format!("{dir}/a"), format!("{bare}/a/"), format!("{dir}/a/")] {
            let reply = client.get(&key, 0).ok();
            assert_eq!(reply.text("/node/key"), Some(format!("{dir}/a")));
        }
        client.set(&format!("{dir}/a/"), "2").ok();
        assert_eq!(client.get(&format!("{dir}/a"), 0).ok().text("/node/value").as_deref(), Some("2"));
        client.delete(&format!("{dir}/a/")).ok();
    });
}

#[test]
fn the_server_may_be_named_or_numbered() {
    for etcd in Etcd::shared() {
        for host in ["", "127.0.0.1", "localhost"] {
            let reply = Client::connect(host, etcd.port()).server_version().ok();
            assert!(reply.text("/etcdserver").is_some(), "{host}: {reply}");
        }
    }
}
