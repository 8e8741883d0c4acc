//! Compare-and-swap and compare-and-delete: by value, by index, by both; short values and long ones.

use std::ffi::CString;
use std::ptr::null;

use support::api::*;
use support::on_each;

fn value(client: &Client, key: &str) -> Option<String> {
    client.get(key, 0).ok().text("/node/value")
}

#[test]
fn cas_swaps_when_all_that_is_given_holds() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/a");
        let made = client.set(&key, "1").ok();
        let by_value = client.cas_with(&key, "2", Some("1"), 0, 60).ok();
        assert_eq!(by_value.text("/action").as_deref(), Some("compareAndSwap"));
        assert_eq!(by_value.int("/node/ttl"), 60);
        assert_eq!(by_value.text("/prevNode/value").as_deref(), Some("1"));
        assert_eq!(by_value.int("/node/createdIndex"), made.int("/node/createdIndex"));
        let index = |reply: &Reply| reply.int("/node/modifiedIndex") as u64;
        let by_index = client.cas_with(&key, "3", None, index(&by_value), 0).ok();
        assert_eq!(by_index.text("/node/ttl"), None, "a write without a ttl takes it away");
        client.cas_with(&key, "4", Some("3"), index(&by_index), 0).ok();
        assert_eq!(value(client, &key).as_deref(), Some("4"));
    });
}

#[test]
fn cas_refuses_when_one_condition_fails_and_says_which() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/a");
        let index = client.set(&key, "1").ok().int("/node/modifiedIndex") as u64;
        let wrong = index + 1000;
        for (prev_value, prev_index, cause) in [
            (Some("x"), 0, "[x != 1]".to_owned()),
            (None, wrong, format!("[{wrong} != {index}]")),
            (Some("x"), index, "[x != 1]".to_owned()),
            (Some("1"), wrong, format!("[{wrong} != {index}]")),
            (Some("x"), wrong, format!("[x != 1] [{wrong} != {index}]")),
        ] {
            let refused = client.cas_with(&key, "2", prev_value, prev_index, 0).fails(ETCD_ERROR_COMPARE_FAILED);
            assert_eq!((refused.text("/cause"), refused.int("/status")), (Some(cause.clone()), 412));
            let refused = client.cad(&key, prev_value, prev_index).fails(ETCD_ERROR_COMPARE_FAILED);
            assert_eq!((refused.text("/cause"), refused.int("/status")), (Some(cause), 412));
        }
        assert_eq!(client.get(&key, 0).ok().int("/node/modifiedIndex") as u64, index, "nothing was written");
    });
}

#[test]
fn cad_deletes_when_all_that_is_given_holds() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/a");
        for by_value in [true, false] {
            for by_index in [true, false] {
                let index = client.set(&key, "a b&c").ok().int("/node/modifiedIndex") as u64;
                if !by_value && !by_index {
                    client.cad(&key, None, 0).fails(ETCD_ERROR_INVALID_ARGUMENT);
                    continue;
                }
                let reply = client.cad(&key, by_value.then_some("a b&c"), if by_index { index } else { 0 }).ok();
                assert_eq!(reply.text("/action").as_deref(), Some("compareAndDelete"));
                assert_eq!(reply.text("/prevNode/value").as_deref(), Some("a b&c"));
                assert!(!client.exists(&key).unwrap());
            }
        }
        assert!(client.exists(&key).unwrap(), "without a condition nothing is deleted");
    });
}

#[test]
fn conditions_on_what_is_no_key_fail() {
    on_each(|_, client, dir| {
        client.set(&format!("{dir}/a"), "1").ok();
        let none = format!("{dir}/none");
        let long = "x".repeat(5000);
        let index = client.get(dir, 0).ok().int("/node/modifiedIndex") as u64;
        for (prev_value, prev_index) in [(Some("x"), 0), (None, index), (Some(&*long), 0), (Some(&*long), index)] {
            client.cas_with(&none, "2", prev_value, prev_index, 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
            client.cad(&none, prev_value, prev_index).fails(ETCD_ERROR_KEY_NOT_FOUND);
            client.cas_with(dir, "2", prev_value, prev_index, 0).fails(ETCD_ERROR_NOT_FILE);
            client.cad(dir, prev_value, prev_index).fails(ETCD_ERROR_NOT_FILE);
        }
        assert!(client.exists(&format!("{dir}/a")).unwrap() && !client.exists(&none).unwrap());
    });
}

#[test]
fn a_long_condition_fails_on_the_root_as_a_short_one_does() {
    on_each(|_, client, _| {
        for prev_value in ["x".to_owned(), "x".repeat(5000)] {
            client.cad("/", Some(&prev_value), 0).fails(ETCD_ERROR_NOT_FILE);
        }
    });
}

/// A request line ends at 4,094 bytes on a new connection, and a DELETE has no body to hold more.
#[test]
fn values_of_any_length_are_compared() {
    for length in [999, 1000, 1001, 5 << 10, 2 << 20] {
        on_each(|etcd, _, dir| {
            // Each on a new client: nothing has been sent on its connection yet.
            let client = || Client::connect("", etcd.port());
            let key = format!("{dir}/a");
            let old = format!("é+&{}", "x".repeat(length - 4));
            let other = old.replacen('+', "-", 1);
            let made = client().set(&key, &old).ok().int("/node/modifiedIndex") as u64;

            client().cas(&key, "new", &other).fails(ETCD_ERROR_COMPARE_FAILED);
            let refused = client().cad(&key, Some(&other), 0).fails(ETCD_ERROR_COMPARE_FAILED);
            assert_eq!(refused.text("/cause"), Some(format!("[{other} != {old}]")));
            assert!(refused.int("/index") >= made as i64 && refused.int("/status") == 412);
            client().cad(&key, Some(&old), made + 1).fails(ETCD_ERROR_COMPARE_FAILED);
            client().cad(&key, Some(&other), made).fails(ETCD_ERROR_COMPARE_FAILED);
            assert_eq!(client().get(&key, 0).ok().int("/node/modifiedIndex") as u64, made, "nothing was changed");

            let swapped = client().cas_with(&key, &old, Some(&old), made, 0).ok().int("/node/modifiedIndex") as u64;
            let reply = client().cad(&key, Some(&old), swapped).ok();
            assert_eq!(reply.text("/action").as_deref(), Some("compareAndDelete"));
            client().set(&key, &old).ok();
            client().cad(&key, Some(&old), 0).ok();
            assert!(!client().exists(&key).unwrap());
        });
    }
}

#[test]
fn the_aliases_are_the_same_functions() {
    on_each(|_, client, dir| {
        let key = CString::new(format!("{dir}/a")).unwrap();
        let raw = client.raw();
        client.set(&format!("{dir}/a"), "1").ok();
        unsafe {
            let one = Reply::take(etcd_test_and_set(raw, key.as_ptr(), c"2".as_ptr(), c"1".as_ptr(), 0, 60)).ok();
            assert_eq!((one.text("/action").as_deref(), one.int("/node/ttl")), (Some("compareAndSwap"), 60));
            let index = one.int("/node/modifiedIndex") as u64;
            let two = Reply::take(etcd_compare_and_swap(raw, key.as_ptr(), c"3".as_ptr(), null(), index, 60)).ok();
            assert_eq!((two.text("/action").as_deref(), two.int("/node/ttl")), (Some("compareAndSwap"), 60));
            let index = two.int("/node/modifiedIndex") as u64;
            let three = Reply::take(etcd_compare_and_delete(raw, key.as_ptr(), c"3".as_ptr(), index)).ok();
            assert_eq!(three.text("/action").as_deref(), Some("compareAndDelete"));
        }
    });
}

/// The reason to have compare-and-swap at all.
#[test]
fn no_increment_of_a_shared_counter_is_lost() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 25;
    on_each(|_, client, dir| {
        let key = format!("{dir}/counter");
        client.set(&key, "0").ok();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        increment(client, &key);
                    }
                });
            }
        });
        assert_eq!(value(client, &key), Some((THREADS * ROUNDS).to_string()));
    });
}

fn increment(client: &Client, key: &str) {
    loop {
        let read = client.get(key, 0).ok();
        let count: u32 = read.text("/node/value").and_then(|text| text.parse().ok()).expect("a number");
        let swapped = client.cas_with(key, &(count + 1).to_string(), None, read.int("/node/modifiedIndex") as u64, 0);
        if swapped.code() != ETCD_ERROR_COMPARE_FAILED {
            swapped.ok();
            return;
        }
    }
}
