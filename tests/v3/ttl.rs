//! Times to live: a lease for each key, which heartbeats keep.

use support::api::*;
use support::etcd::{ELECTION, Etcd};
use support::version::Version;
use support::wait_until;

use crate::servers::{Ctl, client, on_each};

#[track_caller]
fn lease(ctl: &Ctl, key: &str) -> i64 {
    ctl.get(key).unwrap_or_else(|| panic!("{key} is gone")).number("lease")
}

#[test]
fn a_key_is_gone_after_its_ttl() {
    on_each(|etcd, client, dir| {
        let (short, long) = (&format!("{dir}/short"), &format!("{dir}/long"));
        let set = client.set_with(short, "1", 1, 0).ok();
        // The server's minimum.
        assert!((1..=2).contains(&set.int("/node/ttl")), "{set}");
        client.set_with(long, "1", 1000, 0).ok();
        let read = client.get(long, ETCD_QUORUM).ok();
        assert!((900..=1000).contains(&read.int("/node/ttl")), "{read}");
        assert!(read.text("/node/expiration").is_some_and(|time| time.ends_with('Z')), "{read}");
        assert_ne!(lease(&Ctl::of(etcd), long), 0);
        wait_until(ELECTION, "it expires", || {
            let reply = client.get(short, ETCD_QUORUM);
            assert!(matches!(reply.code(), 0 | ETCD_ERROR_KEY_NOT_FOUND), "{reply}");
            reply.code() == ETCD_ERROR_KEY_NOT_FOUND
        });
        client.get(long, ETCD_QUORUM).ok();
        // Written without, it has none any more.
        assert_eq!(client.set(long, "2").ok().int("/node/ttl"), -1);
        assert_eq!(client.get(long, ETCD_QUORUM).ok().int("/node/ttl"), -1);
        assert_eq!(lease(&Ctl::of(etcd), long), 0);
    });
}

#[test]
fn a_hundred_heartbeats_leave_one_lease() {
    for version in [Version::V3_4, Version::V3_7] {
        let etcd = Etcd::start(version);
        let (ctl, client) = (Ctl::of(&etcd), client(&etcd, &[]));
        for beat in 0..100 {
            client.set_with("/service/a", &beat.to_string(), 60, 0).ok();
        }
        assert_eq!(ctl.leases(), 1, "etcd {version}");
        for _ in 0..20 {
            client.update_with("/service/a", "u", 60).ok();
            client.cas_with("/service/a", "u", Some("u"), 0, 60).ok();
            client.refresh("/service/a", 60).ok();
        }
        assert_eq!(ctl.leases(), 1, "etcd {version}");
        // What is refused leaves none behind.
        client.create_with("/service/a", "1", 60).fails(ETCD_ERROR_KEY_EXISTS);
        client.cas_with("/service/a", "1", Some("no"), 0, 60).fails(ETCD_ERROR_COMPARE_FAILED);
        client.cas_with("/service/a", "1", Some("no"), 0, 70).fails(ETCD_ERROR_COMPARE_FAILED);
        client.update_with("/service/none", "1", 60).fails(ETCD_ERROR_KEY_NOT_FOUND);
        client.set_with("/service", "1", 60, 0).fails(ETCD_ERROR_NOT_FILE);
        client.refresh("/service/none", 60).fails(ETCD_ERROR_KEY_NOT_FOUND);
        assert_eq!(ctl.leases(), 1, "etcd {version}");
        // A key of its own has a lease of its own.
        client.set_with("/service/b", "1", 60, 0).ok();
        assert_eq!(ctl.leases(), 2, "etcd {version}");
        assert_ne!(lease(&ctl, "/service/a"), lease(&ctl, "/service/b"));
    }
}

#[test]
fn a_heartbeat_keeps_its_key_beyond_the_ttl() {
    on_each(|_, client, dir| {
        let (kept, left) = (&format!("{dir}/kept"), &format!("{dir}/left"));
        client.set_with(kept, "1", 3, 0).ok();
        client.set_with(left, "1", 6, 0).ok();
        wait_until(ELECTION, "the one that is left alone expires", || {
            client.set_with(kept, "1", 3, 0).ok();
            client.get(left, ETCD_QUORUM).code() == ETCD_ERROR_KEY_NOT_FOUND
        });
        client.get(kept, ETCD_QUORUM).ok();
    });
}

#[test]
fn a_refresh_leaves_the_value_alone() {
    on_each(|etcd, client, dir| {
        let key = &format!("{dir}/a");
        client.refresh(key, 50).fails(ETCD_ERROR_KEY_NOT_FOUND);
        let set = client.set_with(key, "value", 50, 0).ok();
        let refreshed = client.refresh(key, 50).ok();
        assert_eq!(refreshed.text("/node/value").as_deref(), Some("value"), "{refreshed}");
        assert!((40..=50).contains(&refreshed.int("/node/ttl")), "{refreshed}");
        let ctl = Ctl::of(etcd);
        assert_eq!(
            ctl.get(key).unwrap().number("mod_revision"),
            set.int("/node/modifiedIndex"),
            "watchers see nothing"
        );
        // Another ttl; and another client, which does not know the lease.
        client.refresh(key, 500).ok();
        let other = crate::servers::client(etcd, &[]);
        other.refresh(key, 500).ok();
        let read = client.get(key, ETCD_QUORUM).ok();
        assert!((400..=500).contains(&read.int("/node/ttl")), "{read}");
        assert_eq!(read.text("/node/value").as_deref(), Some("value"));
        // One that never had a ttl gets one.
        client.set(&format!("{dir}/b"), "b").ok();
        let given = client.refresh(&format!("{dir}/b"), 60).ok();
        assert_eq!(given.text("/node/value").as_deref(), Some("b"));
        assert_ne!(lease(&ctl, &format!("{dir}/b")), 0);
    });
}

#[test]
fn a_ttl_longer_than_the_server_allows_is_refused() {
    on_each(|_, client, dir| {
        let refused = client.set_with(&format!("{dir}/a"), "1", 9_000_000_001, 0);
        let refused = refused.fails(ETCD_ERROR_TTL_NOT_A_NUMBER);
        assert!(refused.raw().contains("9000000000"), "{refused}");
        client.get(&format!("{dir}/a"), ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
    });
}

#[test]
fn a_lease_that_somebody_revoked_is_granted_anew() {
    on_each(|etcd, client, dir| {
        let (ctl, key) = (Ctl::of(etcd), &format!("{dir}/a"));
        client.set_with(key, "1", 600, 0).ok();
        ctl.run(&["lease", "revoke", &format!("{:x}", lease(&ctl, key))]);
        client.get(key, ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
        client.set_with(key, "2", 600, 0).ok();
        assert_eq!(client.get(key, ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("2"));
        ctl.run(&["lease", "revoke", &format!("{:x}", lease(&ctl, key))]);
        client.create_with(key, "3", 600).ok();
        assert_ne!(lease(&ctl, key), 0);
    });
}
