//! Leases of the caller's own.

use std::thread;
use std::time::Duration;

use support::api::*;
use support::ctl::Ctl;
use support::etcd::Etcd;
use support::is_readable;
use support::lease::Lease;
use support::version::Version;
use support::wait_until;

use crate::{LONG, SECOND, client, is_kept_alive, on_each};

#[test]
fn a_lease_is_kept_alive_and_what_it_holds_goes_with_it() {
    on_each(|etcd, api, dir| {
        let client = client(etcd, api);
        if api == "v2" {
            Lease::open(&client, 5).err().expect("v2 has none").fails(ETCD_ERROR_UNSUPPORTED);
            return;
        }
        let lease = Lease::open(&client, 6).expect("a lease");
        assert!(lease.id() != 0 && lease.remaining() <= 6 * SECOND && !is_readable(lease.fd(), Duration::ZERO));
        let key = &format!("{dir}/a");
        Ctl::of(etcd).run(&["put", &format!("--lease={:x}", lease.id()), key, "1"]);
        is_kept_alive(&lease);
        client.get(key, ETCD_QUORUM).ok();
        assert!(lease.is("alive") && !lease.remaining().is_zero(), "{}", lease.state());
        assert_eq!(lease.revoke().ok().text("/state").as_deref(), Some("revoked"));
        client.get(key, ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
        assert!(lease.remaining().is_zero());
    });
}

#[test]
fn a_lease_that_somebody_revokes_is_lost_and_says_so() {
    on_each(|etcd, api, _| {
        if api == "v2" {
            return;
        }
        let client = client(etcd, api);
        let lease = Lease::open(&client, 9).expect("a lease");
        let fd = lease.fd();
        Ctl::of(etcd).run(&["lease", "revoke", &format!("{:x}", lease.id())]);
        wait_until(30 * SECOND, "it is known", || is_readable(fd, Duration::ZERO));
        assert!(lease.remaining().is_zero());
        let state = lease.state();
        assert_eq!((state.text("/state").as_deref(), state.int("/error/errorCode")), (Some("lost"), 100), "{state}");
        assert!(!is_readable(fd, Duration::ZERO), "it has been told");
    });
}

#[test]
fn who_polls_the_descriptor_learns_that_another_thread_has_revoked_it() {
    on_each(|etcd, api, dir| {
        let client = client(etcd, api);
        let here = Lease::register(&client, &format!("{dir}/here"), "me", LONG).expect("a registration");
        let fd = here.fd();
        assert!(!is_readable(fd, Duration::ZERO));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| is_readable(fd, 30 * SECOND));
            assert_eq!(here.revoke().ok().text("/state").as_deref(), Some("revoked"));
            assert!(waiting.join().expect("it has ended"));
        });
        assert!(is_readable(fd, Duration::ZERO), "what the one has got the other has not");
        assert!(here.is("revoked") && !is_readable(fd, Duration::ZERO));
        here.revoke().ok();
        assert!(!is_readable(fd, Duration::ZERO), "nothing has changed");
    });
}

#[test]
fn freeing_revokes_and_so_does_nothing_twice() {
    on_each(|etcd, api, dir| {
        if api == "v2" {
            return;
        }
        let client = client(etcd, api);
        let lease = Lease::open(&client, LONG).expect("a lease");
        let key = &format!("{dir}/a");
        Ctl::of(etcd).run(&["put", &format!("--lease={:x}", lease.id()), key, "1"]);
        drop(lease);
        client.get(key, ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
        Lease::open(&client, 0).err().expect("no ttl").fails(ETCD_ERROR_INVALID_ARGUMENT);
        Lease::open(&client, i64::MAX).err().expect("too long").fails(ETCD_ERROR_TTL_NOT_A_NUMBER);
    });
}

#[test]
fn what_could_not_be_revoked_is_given_back_when_it_is_freed() {
    let etcd = Etcd::start(Version::V3_6);
    let client = etcd.client(&[("api", "v3"), ("timeout.request_ms", "500")]);
    let here = Lease::register(&client, "/here", "me", LONG).expect("a registration");
    etcd.freeze();
    assert_ne!(here.revoke().code(), 0);
    assert_ne!(here.state().int("/error/errorCode"), 0, "{}", here.state());
    etcd.thaw();
    drop(here);
    wait_until(30 * SECOND, "it is gone", || client.get("/here", ETCD_QUORUM).code() == ETCD_ERROR_KEY_NOT_FOUND);
}
