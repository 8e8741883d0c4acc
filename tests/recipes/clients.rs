//! Clients with a root of their own, and with a user whose role allows little.

use std::sync::mpsc::channel;
use std::thread;

use support::admin::{Admin, ETCD_READ, ETCD_WRITE};
use support::api::*;
use support::etcd::Etcd;
use support::lease::{Leadership, Lease, Lock};
use support::version::Version;
use support::wait_until;

use crate::{LONG, SECOND, client, on_each};

#[test]
fn a_derived_client_has_leases_and_locks_below_its_root_and_ends_alone() {
    on_each(|etcd, api, dir| {
        let parent = client(etcd, api);
        parent.set(&format!("{dir}/before"), "1").ok();
        let child = parent.with(&[("root", &format!("{dir}/"))]);
        let here = Lease::register(&child, "/s/1", "me", LONG).expect("a registration");
        let ours = Lock::open(&child, "/lock", "ours", LONG, 0).expect("a lock");
        assert_eq!(ours.wait(30 * SECOND), 1);
        assert!(ours.key().starts_with("/lock/"), "{}", ours.key());
        let there = |key: &str| parent.get(&format!("{dir}{key}"), ETCD_QUORUM);
        assert_eq!(there("/s/1").ok().text("/node/value").as_deref(), Some("me"));
        there(&ours.key()).ok();
        assert_eq!(Leadership::watch(&parent, &format!("{dir}/lock")).next().as_deref(), Some("ours"));
        assert_eq!(Leadership::watch(&child, "/lock").next().as_deref(), Some("ours"));
        let others = Lock::open(&parent, &format!("{dir}/lock"), "theirs", LONG, 0).expect("a place in its line");
        drop(ours);
        assert_eq!(others.wait(30 * SECOND), 1);
        drop(child);
        wait_until(30 * SECOND, "its registration is over", || here.is("lost"));
        assert!(others.is_held());
    });
}

#[test]
fn calls_on_a_lock_or_a_lease_of_a_derived_client_have_its_time_limit_and_end_with_it() {
    for api in ["v3", "v2"] {
        let etcd = Etcd::start(Version::V3_4);
        let parent = etcd.client(&[("api", api), ("timeout.request_ms", "3600000")]);
        let [hasty, ended] = [&[("timeout.request_ms", "1000")][..], &[]].map(|changes| parent.with(changes));
        let held = Lock::open(&hasty, "/hasty", "", 3 * LONG, 0).expect("a lock");
        let here = Lease::register(&hasty, "/here", "me", 3 * LONG).expect("a registration");
        let other = Lease::register(&ended, "/other", "me", 3 * LONG).expect("a registration");
        assert_eq!(held.wait(30 * SECOND), 1);
        assert!(!held.remaining().is_zero() && held.remaining() <= 3 * LONG as u32 * SECOND);
        etcd.freeze();
        // It returns at all: its parent's would take an hour.
        assert_ne!(held.proclaim("another").code(), 0);
        assert_ne!(here.revoke().code(), 0);
        thread::scope(|scope| {
            let (told, begun) = channel();
            let other = &other;
            let revoked = scope.spawn(move || told.send(()).map(|()| other.revoke()));
            begun.recv().expect("it has begun");
            drop(ended);
            let revoked = revoked.join().expect("no panic").expect("we wait");
            assert!([ETCD_ERROR_CANCELLED, ETCD_ERROR_OUTCOME_UNKNOWN].contains(&revoked.code()), "{revoked}");
        });
        assert!(held.is_held(), "it is another client's");
        etcd.thaw();
    }
}

#[test]
fn a_role_for_the_names_and_what_is_below_them_is_enough() {
    for version in [Version::V3_4, Version::V3_7] {
        println!("on etcd {version}:");
        let etcd = Etcd::start_with(version, &["--bcrypt-cost=4", "--auth-token-ttl=2"]);
        let anyone = client(&etcd, "v3");
        let admin = Admin::of(anyone.raw());
        admin.secure("root's own");
        let root = etcd.client(&[("api", "v3"), ("username", "root"), ("password", "root's own")]);
        Admin::of(root.raw()).add_user("bob", "bob's own", "/bob/*", ETCD_READ | ETCD_WRITE);
        let bob = etcd.client(&[("api", "v3"), ("username", "bob"), ("password", "bob's own")]);
        let here = Lease::register(&bob, "/bob/s", "me", 3).expect("a registration");
        let held = Lock::open(&bob, "/bob/lock", "", LONG, 0).expect("a lock");
        let next = Lock::open(&bob, "/bob/lock", "", LONG, 0).expect("a place in its line");
        assert_eq!(held.wait(30 * SECOND), 1);
        Lease::register(&bob, "/s", "me", LONG).err().expect("not allowed").fails(ETCD_ERROR_UNAUTHENTICATED);
        Lock::open(&bob, "/lock", "", LONG, 0).err().expect("not allowed").fails(ETCD_ERROR_UNAUTHENTICATED);
        // It goes on although tokens are forgotten.
        etcd.restart();
        root.delete("/bob/s").ok();
        wait_until(60 * SECOND, "it is made again", || here.renewals() > 0 && here.is("alive"));
        drop(held);
        assert_eq!(next.wait(60 * SECOND), 1, "{}", next.state());
    }
}
