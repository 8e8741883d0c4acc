//! What a server takes and what it does not: sizes, space, many callers at once.

use std::thread;

use support::api::*;
use support::etcd::{ELECTION, Etcd};
use support::version::Version;
use support::wait_until;

use crate::servers::{Ctl, client, on_each};

#[test]
fn large_values_are_written_and_larger_ones_refused() {
    on_each(|etcd, client, dir| {
        let key = &format!("{dir}/large");
        let value = "x".repeat(1_400_000);
        client.set(key, &value).ok();
        assert_eq!(client.get(key, ETCD_QUORUM).ok().text("/node/value").as_ref(), Some(&value));
        // Above `--max-request-bytes`, and above what gRPC takes in.
        for length in [1_600_000, 5_000_000] {
            let refused = client.set(key, &"y".repeat(length)).fails(ETCD_ERROR_INVALID_FIELD);
            assert!(refused.raw().contains("--max-request-bytes"), "{refused}");
            assert!(refused.raw().contains("nothing was written"), "{refused}");
        }
        let kv = Ctl::of(etcd).get(key).expect("it is there");
        assert_eq!((kv.number("version"), kv.value().len()), (1, value.len()), "nothing is lost");
        // Replies may be larger than any request.
        for name in ["2", "3", "4"] {
            client.set(&format!("{key}{name}"), &value).ok();
        }
        let tree = client.get(dir, ETCD_RECURSIVE | ETCD_QUORUM).ok();
        assert!(tree.len("/node/nodes") == 4 && tree.raw().len() > 4 * value.len());
        // But not than the caller allows.
        let small = crate::servers::client(etcd, &[("max_response_bytes", "1000000")]);
        let refused = small.get(key, ETCD_QUORUM).fails(ETCD_ERROR_BAD_RESPONSE);
        assert!(refused.raw().contains("max_response_bytes"), "{refused}");
        client.deletedir(dir, ETCD_RECURSIVE).ok();
    });
}

#[test]
fn many_threads_use_one_handle() {
    on_each(|_, client, dir| {
        thread::scope(|scope| {
            for me in 0..32 {
                scope.spawn(move || {
                    for number in 0..20 {
                        let (key, value) = (format!("{dir}/{me}"), format!("{me}.{number}"));
                        client.set(&key, &value).ok();
                        assert_eq!(client.get(&key, ETCD_QUORUM).ok().text("/node/value"), Some(value));
                    }
                });
            }
        });
        assert_eq!(client.get(dir, ETCD_QUORUM).ok().len("/node/nodes"), 32);
    });
}

#[test]
fn a_server_with_few_streams_has_all_callers_served() {
    for streams in [2, 5] {
        let etcd = Etcd::start_with(Version::V3_6, &[&format!("--max-concurrent-streams={streams}")]);
        let client = &client(&etcd, &[("timeout.request_ms", "60000")]);
        let watch = |i| {
            let watch = client.watch("/few").recursive();
            if i % 2 == 0 { watch.push() } else { watch.pull() }
        };
        let watchers = Vec::from_iter((0..64).map(watch));
        thread::scope(|scope| {
            for me in 0..32 {
                scope.spawn(move || {
                    for number in 0..10 {
                        client.set(&format!("/few/{me}"), &number.to_string()).ok();
                    }
                });
            }
        });
        assert_eq!(client.get("/few", ETCD_QUORUM).ok().len("/node/nodes"), 32);
        client.set("/few/0", "last").ok();
        for watcher in &watchers {
            assert_eq!(watcher.until_value("last").len(), 320);
        }
    }
}

#[test]
fn without_space_nothing_is_written_and_the_way_out_is_told() {
    for version in [Version::V3_4, Version::V3_7] {
        let etcd = Etcd::start_with(version, &["--quota-backend-bytes=4194304"]);
        let client = client(&etcd, &[]);
        client.set("/before", "1").ok();
        let value = "x".repeat(1_000_000);
        let mut refused = None;
        wait_until(ELECTION, "the server is full", || {
            let reply = client.set("/full", &value);
            let is_full = reply.code() != 0;
            refused = Some(reply);
            is_full
        });
        let refused = refused.expect("it was waited for").fails(ETCD_ERROR_RAFT_INTERNAL);
        assert!(refused.raw().contains("nothing was written") && refused.raw().contains("defragment"), "{refused}");
        let version_of = |key: &str| Ctl::of(&etcd).version(key);
        let written = version_of("/full");
        for reply in [client.set("/full", "1"), client.create("/new", "1"), client.cas("/before", "2", "1")] {
            reply.fails(ETCD_ERROR_RAFT_INTERNAL);
        }
        assert_eq!((version_of("/full"), version_of("/new"), version_of("/before")), (written, 0, 1));
        // What is there can be read, and deleted.
        assert_eq!(client.get("/before", ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("1"));
        client.delete("/full").ok();
        let ctl = Ctl::of(&etcd);
        let revision = ctl.json(&["get", "/before"])["header"]["revision"].to_string();
        ctl.run(&["compact", &revision]);
        ctl.run(&["defrag"]);
        ctl.run(&["alarm", "disarm"]);
        client.set("/new", "1").ok();
    }
}
