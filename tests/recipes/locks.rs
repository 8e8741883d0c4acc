//! Locks: one holder at a time, in the order of asking.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use support::api::*;
use support::is_readable;
use support::lease::{ETCD_TRY, Lock};
use support::wait_until;

use crate::{LONG, SECOND, client, on_each};

#[test]
fn a_lock_is_held_by_one_and_goes_to_the_next_at_once() {
    on_each(|etcd, api, dir| {
        let (one, two) = (client(etcd, api), client(etcd, api));
        let name = &format!("{dir}/lock");
        let first = Lock::open(&one, name, "", LONG, 0).expect("a lock");
        assert!(
            is_readable(first.fd(), Duration::ZERO)
                && first.wait(Duration::ZERO) == 1
                && !is_readable(first.fd(), Duration::ZERO)
        );
        let second = Lock::open(&two, name, "", LONG, 0).expect("a place in its line");
        assert_eq!((second.wait(Duration::from_millis(50)), second.token()), (0, 0));
        assert_eq!(second.state().text("/state").as_deref(), Some("waiting"));
        Lock::open(&two, name, "", LONG, ETCD_TRY).err().expect("it is held").fails(ETCD_ERROR_KEY_EXISTS);
        let token = first.token();
        assert_eq!(first.state().int("/token"), token as i64);
        let fd = second.fd();
        assert!(!is_readable(fd, Duration::ZERO));
        drop(first);
        assert_eq!(second.wait(30 * SECOND), 1, "{}", second.state());
        assert!(second.token() > token);
        drop(second);
        let tried = Lock::open(&two, name, "", LONG, ETCD_TRY).expect("it is free");
        assert!(tried.is_held());
    });
}

#[test]
fn a_lock_whose_key_is_deleted_is_lost() {
    on_each(|etcd, api, dir| {
        let client = client(etcd, api);
        let lock = Lock::open(&client, &format!("{dir}/lock"), "", 9, 0).expect("a lock");
        assert_eq!(lock.wait(30 * SECOND), 1);
        client.delete(&lock.key()).ok();
        wait_until(30 * SECOND, "it is known", || is_readable(lock.fd(), Duration::ZERO));
        assert_eq!((lock.wait(SECOND), lock.token()), (-1, 0));
        let state = lock.state();
        assert_eq!((state.text("/state").as_deref(), state.int("/error/errorCode")), (Some("lost"), 100), "{state}");
        lock.proclaim("x").fails(ETCD_ERROR_COMPARE_FAILED);
    });
}

#[test]
fn those_that_wait_are_served_in_order_and_each_once() {
    on_each(|etcd, api, dir| {
        let clients = [client(etcd, api), client(etcd, api)];
        let name = &format!("{dir}/lock");
        let first = Lock::open(&clients[0], name, "", LONG, 0).expect("a lock");
        let waiting = Vec::from_iter((0..20).map(|i| Lock::open(&clients[i % 2], name, "", LONG, 0).expect("a place")));
        let served = AtomicUsize::new(0);
        drop(first);
        thread::scope(|scope| {
            for (place, lock) in waiting.into_iter().enumerate() {
                let served = &served;
                scope.spawn(move || {
                    assert_eq!(lock.wait(60 * SECOND), 1);
                    assert_eq!(served.fetch_add(1, Ordering::SeqCst), place);
                    drop(lock);
                });
            }
        });
        assert_eq!(served.into_inner(), 20);
    });
}

#[test]
fn a_transaction_is_carried_out_only_while_the_lock_is_held() {
    on_each(|etcd, api, dir| {
        let client = client(etcd, api);
        let lock = Lock::open(&client, &format!("{dir}/lock"), "", LONG, 0).expect("a lock");
        assert_eq!(lock.wait(30 * SECOND), 1);
        let key = &format!("{dir}/a");
        let put = |value: &str| {
            let put = format!(r#"{{"request_put":{{"key":"{key}","value":"{value}"}}}}"#);
            format!(r#"{{"compare":[{{"key":"{key}","version":0}}],"success":[{put}],"failure":[{put}]}}"#)
        };
        if api == "v2" {
            lock.txn(&put("1")).fails(ETCD_ERROR_UNSUPPORTED);
            return;
        }
        let done = lock.txn(&put("1")).ok();
        assert_eq!((done.text("/succeeded").as_deref(), done.len("/responses")), (Some("true"), 1), "{done}");
        let done = lock.txn(&put("2")).ok();
        assert_eq!(done.text("/succeeded").as_deref(), Some("false"), "its own condition did not hold");
        assert_eq!(client.get(key, ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("2"));
        lock.txn("{").fails(ETCD_ERROR_INVALID_ARGUMENT);
        // Deleted, and the library does not know it yet, perhaps: the server refuses.
        client.delete(&lock.key()).ok();
        lock.txn(&put("3")).fails(ETCD_ERROR_COMPARE_FAILED);
        assert_eq!(client.get(key, ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("2"));
    });
}

#[test]
fn a_directory_that_was_there_before_stands_in_no_line() {
    on_each(|etcd, api, dir| {
        let client = client(etcd, api);
        let name = &format!("{dir}/lock");
        client.createdir(name).ok();
        let held = Lock::open(&client, name, "", LONG, ETCD_TRY).expect("nobody has it");
        assert!(held.is_held());
        let leader = support::lease::Leadership::watch(&client, name);
        assert_eq!(leader.next().as_deref(), Some(""));
        drop(held);
        leader.until(None);
    });
}

#[test]
fn the_end_of_its_client_is_known_at_once() {
    on_each(|etcd, api, dir| {
        let client = client(etcd, api);
        let child = client.with(&[]);
        let held = Lock::open(&child, &format!("{dir}/lock"), "", 2, 0).expect("a lock");
        assert_eq!(held.wait(30 * SECOND), 1);
        unsafe { etcd_disconnect(child.raw()) };
        assert_eq!((held.wait(Duration::ZERO), held.token()), (-1, 0));
    });
}
