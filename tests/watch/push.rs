//! Callbacks: where they run, one at a time, and what they may do.

use std::fs;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use support::PATIENCE;
use support::api::*;
use support::wait_until;
use support::watch::{etcd_watch_free, etcd_watch_wait, etcd_watchloop};

use crate::rows::on_each;

#[test]
fn a_slow_callback_is_neither_overtaken_nor_overlapped() {
    on_each(|_, client, dir| {
        let watchers =
            [0, 1, 2, 3].map(|_| client.watch(dir).doing(|_| thread::sleep(Duration::from_millis(2))).push());
        for i in 0..100 {
            client.set(dir, &i.to_string()).ok();
        }
        for watcher in watchers {
            for i in 0..100 {
                assert_eq!(watcher.next_value(), i.to_string());
            }
            watcher.free();
        }
    });
}

/// The signals that are blocked on this thread, a bit each.
fn blocked_here() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap_or_default();
    u64::from_str_radix(line.trim(), 16).unwrap_or_default()
}

#[test]
fn its_threads_block_all_signals_and_bear_its_name() {
    on_each(|_, client, dir| {
        let (sender, told) = channel();
        let tell = move |_: &_| {
            let name = fs::read_to_string("/proc/thread-self/comm").unwrap_or_default();
            let _ = sender.send((blocked_here(), name)); // looked at below
        };
        let on_release = told_by_release();
        let watcher = client.watch(dir).doing(tell).releasing(on_release.0).once().push();
        client.set(dir, "1").ok();
        watcher.next();
        for (blocked, name) in [told.recv_timeout(PATIENCE), on_release.1.recv_timeout(PATIENCE)].map(Result::unwrap) {
            assert_eq!(name, "etcd-watch\n");
            // Two can never be blocked, and two are the C library's own.
            let can_be = (1..=64).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP, 32, 33].contains(signal));
            let open: Vec<i32> = can_be.filter(|signal| blocked >> (signal - 1) & 1 == 0).collect();
            assert!(open.is_empty(), "not blocked: {open:?}");
        }
        assert_ne!(blocked_here(), u64::MAX, "those of the caller are as they were");
        assert_eq!(blocked_here() >> (libc::SIGUSR2 - 1) & 1, 0);
    });
}

fn told_by_release() -> (impl FnOnce() + Send + 'static, std::sync::mpsc::Receiver<(u64, String)>) {
    let (sender, told) = channel();
    let tell = move || {
        let name = fs::read_to_string("/proc/thread-self/comm").unwrap_or_default();
        let _ = sender.send((blocked_here(), name));
    };
    (tell, told)
}

#[test]
fn a_callback_may_call_the_library() {
    on_each(|_, client, dir| {
        let (inner, copy) = (client.raw().addr(), format!("{dir}-copy"));
        let (sender, told) = channel();
        let act = move |event: &support::watch::Event| {
            let inner = std::ptr::with_exposed_provenance_mut::<etcd_client>(inner);
            let (key, value) = (c(&copy), c(&event.value()));
            let reply = unsafe {
                let watch = support::watch::Watch::of(inner, &copy).once().pull();
                Reply::take(etcd_set(inner, key.as_ptr(), value.as_ptr(), 0, 0));
                watch.next_within(PATIENCE).map(|event| event.value())
            };
            let _ = sender.send(reply);
        };
        let watcher = client.watch(dir).doing(act).push();
        for i in 0..5 {
            client.set(dir, &i.to_string()).ok();
            assert_eq!(watcher.next_value(), i.to_string());
            assert_eq!(told.recv_timeout(PATIENCE).expect("it comes back"), Some(i.to_string()));
        }
    });
}

#[test]
fn nothing_but_a_callback_is_needed() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn count(user_data: *mut std::ffi::c_void, _: *const std::ffi::c_char) {
        CALLS.fetch_add(if user_data.is_null() { 1 } else { 1000 }, Ordering::SeqCst);
    }
    on_each(|_, client, dir| {
        let (key, before) = (c(dir), CALLS.load(Ordering::SeqCst));
        let watcher = unsafe {
            etcd_watchloop(client.raw(), key.as_ptr(), 0, 0, Some(count), None, null_mut(), None, null_mut())
        };
        assert!(!watcher.is_null());
        client.set(dir, "1").ok();
        wait_until(PATIENCE, "the callback is called", || CALLS.load(Ordering::SeqCst) == before + 1);
        unsafe {
            etcd_watch_free(watcher);
            assert_eq!(etcd_watch_wait(watcher, 0), 1, "one that was freed has ended");
        }
    });
}
