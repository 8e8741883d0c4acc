//! Derived clients and users: the same one's token is shared, another one has its own.

use std::fs;

use support::admin::{Admin, ETCD_READ, ETCD_WRITE};
use support::alone::alone;
use support::api::*;
use support::etcd::Etcd;
use support::version::Version;
use support::watch::Watch;
use support::{http, wait_until};

use crate::servers::client;
use crate::users::{ROOT, secured};

/// How often a name and a password were exchanged for a token.
fn exchanged(etcd: &Etcd) -> u64 {
    http::counted(etcd.plain_port(), "grpc_server_started_total", "\"Authenticate\"")
}

const BOB: [(&str, &str); 2] = [("username", "bob"), ("password", "bob's own")];

/// A server with `root` and `bob`, who may do all below `/bob/`.
fn with_bob(version: Version) -> Etcd {
    let etcd = secured(version, &[]);
    let root = client(&etcd, &ROOT);
    root.set("/private", "1").ok();
    Admin::of(root.raw()).add_user("bob", "bob's own", "/bob/*", ETCD_READ | ETCD_WRITE);
    etcd
}

#[test]
fn clients_of_the_same_user_share_one_token() {
    for version in Version::all_with_v3() {
        println!("on etcd {version}:");
        let etcd = with_bob(version);
        let parent = client(&etcd, &ROOT);
        let before = exchanged(&etcd);
        // Whoever of them is the first asks for it.
        let first = parent.with(&[("timeout.request_ms", "20000")]);
        first.get("/private", ETCD_QUORUM).ok();
        parent.set("/private", "2").ok();
        let named = parent.with(&ROOT);
        for child in [parent.with(&[("root", "/bob/")]), named.with(&[]), named] {
            child.set("/a", "1").ok();
            child.with(&[("user_agent", "grandchild/1")]).get("/a", 0).ok();
        }
        drop(first);
        parent.get("/private", 0).ok();
        assert_eq!(exchanged(&etcd), before + 1);
        // The same password again ends all tokens: who notices has theirs renewed for all.
        let (one, other) = (parent.with(&[]), parent.with(&[]));
        Admin::of(client(&etcd, &ROOT).raw()).user_set_password("root", "root's own").ok();
        let before = exchanged(&etcd);
        for client in [&one, &other, &parent] {
            client.set("/private", "3").ok();
        }
        assert_eq!(exchanged(&etcd), before + 1);
    }
}

#[test]
fn a_derived_client_of_another_user_may_do_what_that_one_may() {
    for version in Version::all_with_v3() {
        println!("on etcd {version}:");
        let etcd = with_bob(version);
        let root = client(&etcd, &ROOT);
        root.get("/private", ETCD_QUORUM).ok();
        let before = exchanged(&etcd);
        let bob = root.with(&BOB);
        let watch = Watch::of(bob.raw(), "/bob/a").pull();
        bob.set("/bob/a", "1").ok();
        assert_eq!(watch.next_value(), "1");
        bob.get("/private", 0).fails(ETCD_ERROR_UNAUTHENTICATED);
        bob.set("/private", "2").fails(ETCD_ERROR_UNAUTHENTICATED);
        Watch::of(bob.raw(), "/private").pull().ends_with(ETCD_ERROR_UNAUTHENTICATED);
        // What one user's roles allow is nothing that the other one's calls go by, before or after.
        root.set("/private", "2").ok();
        bob.with(&[("root", "/bob/")]).set("/b", "1").ok();
        bob.set("/private", "3").fails(ETCD_ERROR_UNAUTHENTICATED);
        assert_eq!(exchanged(&etcd), before + 1);
        let again = bob.with(&ROOT);
        again.set("/private", "4").ok();
        // A password that is wrong is its own misfortune.
        root.with(&[("username", "bob"), ("password", "wrong")]).get("/bob/a", 0).fails(ETCD_ERROR_UNAUTHENTICATED);
        bob.get("/bob/a", 0).ok();
        let nobodys = root.with(&[("username", "bob")]);
        nobodys.get("/bob/a", 0).fails(ETCD_ERROR_UNAUTHENTICATED);
        root.get("/private", 0).ok();
    }
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    descriptors: usize,
    threads: usize,
    /// That were allocated and not freed.
    bytes: usize,
}

fn taken() -> Taken {
    let count = |folder: &str| fs::read_dir(folder).expect("Linux tells").count();
    // SAFETY: it counts, and touches nothing.
    let allocated = unsafe { libc::mallinfo2() };
    let bytes = allocated.uordblks + allocated.hblkhd;
    Taken { descriptors: count("/proc/self/fd"), threads: count("/proc/self/task"), bytes }
}

const COUNT: usize = 10_000;

/// Each has a root of its own, makes calls, and every tenth of them watches.
#[test]
fn ten_thousand_come_and_go_without_growth() {
    alone(ten_thousand_come_and_go_without_growth, || {
        let etcd = Etcd::start(Version::V3_6);
        let parent = client(&etcd, &[]);
        let watch = Watch::of(parent.raw(), "/").recursive().pull();
        let come_and_go = |count: usize| {
            for number in 0..count {
                let root = format!("/{}/", number % 7);
                let child = parent.with(&[("root", &root), ("timeout.request_ms", "20000")]);
                child.get("/a", 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
                if number % 10 == 0 {
                    drop(Watch::of(child.raw(), "/a").from(1).pull());
                }
            }
        };
        come_and_go(COUNT / 10);
        let before = taken();
        come_and_go(COUNT);
        // Those that ask servers for watches go when there is nothing left to ask.
        wait_until(support::PATIENCE, "no thread and no descriptor is left", || {
            let now = taken();
            now.threads <= before.threads && now.descriptors <= before.descriptors
        });
        let after = taken();
        println!("{before:?}, {after:?}");
        // A hundred bytes of each would be a million.
        assert!(after.bytes < before.bytes + 50 * COUNT, "{before:?}, {after:?}");
        parent.set("/b", "1").ok();
        assert_eq!(watch.next_value(), "1");
    });
}

#[test]
fn one_costs_no_connection_no_thread_and_less_than_a_kilobyte() {
    alone(one_costs_no_connection_no_thread_and_less_than_a_kilobyte, || {
        let etcd = Etcd::start(Version::V3_4);
        for api in ["v2", "v3", "auto"] {
            let limit = ("timeout.request_ms", "20000");
            for (changes, most) in [(&[limit][..], 1024), (&[limit, ("root", "/app/")], 1024), (&BOB, 2048)] {
                let (parent, mut all) = (etcd.client(&[("api", api)]), Vec::with_capacity(COUNT));
                parent.get("/a", 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
                let before = taken();
                all.extend((0..COUNT).map(|_| parent.with(changes)));
                let held = taken();
                let each = (held.bytes - before.bytes) / COUNT;
                println!("{each} bytes over {api} with {changes:?}");
                assert!(each < most, "{each} bytes over {api} with {changes:?}");
                assert_eq!((held.threads, held.descriptors), (before.threads, before.descriptors));
                all.iter().step_by(100).for_each(|child| drop(child.get("/a", 0).fails(ETCD_ERROR_KEY_NOT_FOUND)));
                let held = taken();
                assert_eq!((held.threads, held.descriptors), (before.threads, before.descriptors));
            }
        }
    });
}
