//! Registrations: there as long as their holder is, and made again when they are lost.

use std::time::Duration;

use support::api::*;
use support::is_readable;
use support::lease::Lease;
use support::wait_until;

use crate::{LONG, SECOND, client, on_each};

#[test]
fn a_registration_is_there_and_goes_at_once_with_its_holder() {
    on_each(|etcd, api, dir| {
        let (client, other) = (client(etcd, api), client(etcd, api));
        let key = &format!("{dir}/s/1");
        let here = Lease::register(&client, key, "me", LONG).expect("a registration");
        assert_eq!(other.get(key, ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("me"));
        assert!(here.is("alive") && here.remaining() > SECOND, "{}", here.state());
        let refused = Lease::register(&other, key, "you", LONG).err().expect("it is taken");
        refused.fails(ETCD_ERROR_KEY_EXISTS);
        drop(here);
        other.get(key, ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
        drop(Lease::register(&other, key, "you", LONG).expect("it is free"));
    });
}

#[test]
fn a_registration_that_somebody_deletes_is_made_again() {
    on_each(|etcd, api, dir| {
        let client = client(etcd, api);
        let key = &format!("{dir}/s");
        let here = Lease::register(&client, key, "me", 6).expect("a registration");
        let fd = here.fd();
        assert!(!is_readable(fd, Duration::ZERO));
        client.delete(key).ok();
        wait_until(30 * SECOND, "it is there again", || client.get(key, ETCD_QUORUM).code() == 0);
        wait_until(30 * SECOND, "it says so", || is_readable(fd, Duration::ZERO));
        wait_until(30 * SECOND, "it says so", || here.renewals() > 0 && here.is("alive"));
        assert_eq!(client.get(key, ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("me"));
        drop(here);
        client.get(key, ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
    });
}

#[test]
fn a_key_that_another_took_is_taken_back_when_it_is_free() {
    on_each(|etcd, api, dir| {
        let client = client(etcd, api);
        let key = &format!("{dir}/s");
        let here = Lease::register(&client, key, "me", 6).expect("a registration");
        let fd = here.fd();
        client.set(key, "another").ok();
        // That it is lost, and then that it cannot be made again.
        loop {
            assert!(is_readable(fd, 30 * SECOND), "{}", here.state());
            let state = here.state();
            if state.int("/error/errorCode") == i64::from(ETCD_ERROR_KEY_EXISTS) {
                assert_eq!(state.text("/state").as_deref(), Some("lost"));
                break;
            }
        }
        assert!(here.remaining().is_zero());
        // What is another's is neither deleted nor kept alive.
        assert_eq!(client.get(key, ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("another"));
        client.delete(key).ok();
        wait_until(30 * SECOND, "it is made again", || here.is("alive"));
        assert_eq!(client.get(key, ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("me"));
    });
}
