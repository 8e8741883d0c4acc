//! Lasting errors: no permission, no v2 API, a wrong call. They are the last event, or the call fails at once.

use std::ptr::{null, null_mut};

use support::api::*;
use support::etcd::Etcd;
use support::version::Version;
use support::watch::{etcd_watch, etcd_watchloop};

use crate::rows::on_each;

/// A server on which only root has rights, except for what `guests_may` grants.
fn with_guards(etcd: &Etcd) -> Client {
    let client = Client::connect("127.0.0.1", etcd.port());
    client.request_with("PUT", "/v2/auth/users/root", Some(r#"{"user":"root","password":"p"}"#), None).ok();
    client.request("PUT", "/v2/auth/enable", None).ok();
    root(etcd)
}

fn root(etcd: &Etcd) -> Client {
    Client::new(&[("endpoints", &etcd.url()), ("username", "root"), ("password", "p"), ("watch.poll_ms", "300")])
}

/// Grants or revokes what may be read without credentials.
fn guests_may(verb: &str, root: &Client, pattern: &str) {
    let change = format!(r#"{{"role":"guest","{verb}":{{"kv":{{"read":["{pattern}"],"write":[]}}}}}}"#);
    let (method, path, change) = (c("PUT"), c("/v2/auth/roles/guest"), c(&change));
    let reply = unsafe { etcd_request(root.raw(), method.as_ptr(), path.as_ptr(), change.as_ptr(), null()) };
    unsafe { Reply::take(reply) }.ok();
}

#[test]
fn without_permission_the_error_is_the_last_event() {
    for version in Version::all_with_v2() {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let root = with_guards(&etcd);
        guests_may("revoke", &root, "/*");
        guests_may("grant", &root, "/open*");
        let stranger = Client::connect("127.0.0.1", etcd.port());
        for (flags, from) in [(0, 0), (0, 1), (ETCD_RECURSIVE, 0), (ETCD_RECURSIVE, 1)] {
            stranger.watch("/closed").flags(flags).from(from).push().ends_with(ETCD_ERROR_UNAUTHENTICATED);
            stranger.watch("/closed").flags(flags).from(from).pull().ends_with(ETCD_ERROR_UNAUTHENTICATED);
            stranger.watch("/closed").flags(flags).from(from).once().push().ends_with(ETCD_ERROR_UNAUTHENTICATED);
        }
        let wrong = Client::new(&[("endpoints", &etcd.url()), ("username", "root"), ("password", "no")]);
        wrong.watch("/open").push().ends_with(ETCD_ERROR_UNAUTHENTICATED);
        let (open, closed) = (stranger.watch("/open").push(), root.watch("/closed").push());
        let set = |key: &str| unsafe {
            let (key, value) = (c(key), c("1"));
            Reply::take(etcd_set(root.raw(), key.as_ptr(), value.as_ptr(), 0, 0)).ok()
        };
        for key in ["/open", "/closed"] {
            set(key);
        }
        assert_eq!([open.next_value(), closed.next_value()], ["1", "1"]);
    }
}

#[test]
fn a_permission_that_is_taken_away_ends_the_watch() {
    for version in Version::all_with_v2() {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let root = with_guards(&etcd);
        let configured = Client::polling(300, &[etcd.url()]);
        let watchers = [configured.watch("/w").push(), configured.watch("/w").from(1).push()];
        let (key, value) = (c("/w"), c("seen"));
        unsafe { Reply::take(etcd_set(root.raw(), key.as_ptr(), value.as_ptr(), 0, 0)) }.ok();
        for watcher in &watchers {
            assert_eq!(watcher.next_value(), "seen");
        }
        guests_may("revoke", &root, "/*");
        for watcher in &watchers {
            watcher.ends_with(ETCD_ERROR_UNAUTHENTICATED);
        }
    }
}

#[test]
fn without_the_v2_api_the_error_is_the_last_event() {
    for version in Version::all_with_v2() {
        let etcd = Etcd::start_with(version, &["--enable-v2=false"]);
        let client = Client::connect("127.0.0.1", etcd.port());
        for from in [0, 1] {
            let watcher = client.watch("/w").from(from).push();
            let last = watcher.next();
            assert_eq!(
                (last.code(), last.json["cause"].as_str()),
                (ETCD_ERROR_UNSUPPORTED, Some("404 page not found"))
            );
            watcher.ends();
        }
    }
}

#[test]
fn a_wrong_call_is_refused_at_once_and_releases_user_data() {
    on_each(|_, client, dir| {
        for key in ["//", "/a//b", "/./a", "/a/..", "a/../b"] {
            let error = client.watch(key).refused().fails(ETCD_ERROR_INVALID_ARGUMENT);
            assert!(error.text("/cause").is_some_and(|cause| cause.starts_with("key: ")), "{error}");
        }
        for flags in [ETCD_SORTED, ETCD_QUORUM, ETCD_RECURSIVE | ETCD_ORDERED, 32, u32::MAX] {
            for wrong in [client.watch(dir).flags(flags), client.watch(dir).once().flags(flags)] {
                let error = wrong.refused().fails(ETCD_ERROR_INVALID_ARGUMENT);
                assert!(error.text("/cause").is_some_and(|cause| cause.starts_with("flags: ")), "{error}");
            }
        }
    });
}

#[test]
fn null_is_no_client_and_no_key() {
    on_each(|_, client, _| {
        let (key, not_text) = (c("/w"), c"/\xff");
        let freed = {
            let client = Client::connect("127.0.0.1", 1);
            client.raw()
        };
        for (client, key, named) in [
            (null_mut(), key.as_ptr(), "client: "),
            (freed, key.as_ptr(), "client: "),
            (client.raw(), null(), "key: "),
            (client.raw(), not_text.as_ptr(), "key: not UTF-8 at byte 1"),
        ] {
            for once in [true, false] {
                let mut error = null_mut();
                let watcher = unsafe {
                    if once {
                        etcd_watch(client, key, 0, 0, None, null_mut(), None, &mut error)
                    } else {
                        etcd_watchloop(client, key, 0, 0, None, None, null_mut(), None, &mut error)
                    }
                };
                assert!(watcher.is_null());
                let error = unsafe { Reply::take(error) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
                assert!(error.text("/cause").is_some_and(|cause| cause.starts_with(named)), "{error}");
            }
            // `error` may be NULL.
            assert!(unsafe { etcd_watch(client, key, 0, 0, None, null_mut(), None, null_mut()) }.is_null());
        }
    });
}

#[test]
fn a_change_over_max_response_bytes_ends_the_watch() {
    on_each(|server, client, dir| {
        let configured = server.client(&[("max_response_bytes", "1024")]);
        let (live, late) = (configured.watch(dir).push(), client.set(dir, &"v".repeat(2000)).ok());
        let index = u64::try_from(late.int("/node/modifiedIndex")).expect("an index");
        for watcher in [live, configured.watch(dir).from(index).push()] {
            let end = watcher.next();
            assert_eq!(end.code(), ETCD_ERROR_BAD_RESPONSE, "{end}");
            assert!(end.json["cause"].as_str().is_some_and(|cause| cause.contains("max_response_bytes")), "{end}");
            watcher.ends();
        }
    });
}
