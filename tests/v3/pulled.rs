//! Watches that are pulled: without a thread each, and with all the promises of those that have one.

use std::thread;
use std::time::Duration;

use support::alone::{alone, threads_named};
use support::api::*;
use support::etcd::Etcd;
use support::proxy::{Mode, Proxy};
use support::version::Version;
use support::wait::{PATIENCE, wait_until};
use support::watch::Watcher;

use crate::servers::{client, client_of, on_each};

/// Writes `value` to so many keys, `/many/0` and on, a hundred in one transaction.
fn write_all(writer: &Client, keys: usize, value: &str) {
    for first in (0..keys).step_by(100) {
        let put = |i: usize| format!(r#"{{"request_put":{{"key":"/many/{i}","value":"{value}"}}}}"#);
        let puts = Vec::from_iter((first..keys.min(first + 100)).map(put));
        writer.txn(&format!(r#"{{"success":[{}]}}"#, puts.join(","))).ok();
    }
}

#[test]
fn thousands_cost_one_connection_and_one_thread() {
    const WATCHES: usize = 3_000;
    alone(thousands_cost_one_connection_and_one_thread, || {
        let etcd = Etcd::start(Version::V3_6);
        let proxy = Proxy::start(etcd.port(), Mode::Pass);
        let (watching, writer) = (client_of(&[proxy.url()], &[]), client(&etcd, &[]));
        let watchers = Vec::from_iter((0..WATCHES).map(|i| watching.watch(&format!("/many/{i}")).pull()));
        let threads = || (threads_named("etcd-grpc").len(), threads_named("etcd-watch").len());
        assert_eq!(threads(), (1, 0));
        assert_eq!(proxy.connections(), 2, "one for calls, and one for streams");

        write_all(&writer, WATCHES, "1");
        for watcher in &watchers {
            assert_eq!(watcher.next_value(), "1");
            assert!(watcher.next_within(Duration::ZERO).is_none(), "one change, one event");
        }

        // All at once lose their stream, and none of them is read meanwhile.
        proxy.switch(Mode::Close);
        write_all(&writer, WATCHES, "2");
        assert!(threads_named("etcd-watches").len() <= 4);
        proxy.switch(Mode::Pass);
        assert!(watchers[WATCHES - 1].is_readable(PATIENCE));
        for watcher in &watchers {
            assert_eq!(watcher.next_value(), "2");
            assert!(watcher.next_within(Duration::ZERO).is_none(), "what was told before is not told again");
        }
        wait_until(PATIENCE, "no helper is left", || threads_named("etcd-watches").is_empty());
        assert_eq!(threads(), (1, 0));

        watchers.iter().for_each(Watcher::stop);
        watchers.iter().for_each(Watcher::ends);
        drop(watchers);
        wait_until(PATIENCE, "its thread ends with the last stream", || threads() == (0, 0));
    });
}

#[test]
fn a_descriptor_is_readable_exactly_while_something_waits() {
    on_each(|_, client, dir| {
        let watcher = client.watch(dir).recursive().pull();
        let fd = watcher.fd();
        assert!(fd >= 0 && !watcher.is_readable(Duration::ZERO));
        for i in 0..100 {
            client.set(&format!("{dir}/a"), &i.to_string()).ok();
            // Something beside it that is on the stream and none of its own.
            client.set(&format!("{dir}-b"), "no").ok();
            client.set(&format!("{dir}/a"), "second").ok();
            for expected in [i.to_string().as_str(), "second"] {
                assert!(watcher.is_readable(PATIENCE));
                assert_eq!(watcher.handle().next(0).map(|event| event.value()).as_deref(), Some(expected));
            }
            assert!(!watcher.is_readable(Duration::ZERO));
        }
        // How it went is asked of the server before the event is there.
        client.set_with(&format!("{dir}/a"), "mortal", 1, 0).ok();
        assert_eq!(watcher.next_value(), "mortal");
        assert!(watcher.is_readable(PATIENCE));
        assert_eq!(watcher.handle().next(0).expect("readable means that there is no wait").action(), "expire");
        watcher.stop();
        assert!(watcher.is_readable(PATIENCE) && watcher.handle().next(-1).is_none(), "the end is something");
        assert_eq!(watcher.fd(), fd);
    });
}

#[test]
fn stopping_at_any_moment_ends_it() {
    on_each(|_, client, dir| {
        let writer_is_done = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !writer_is_done.load(std::sync::atomic::Ordering::Relaxed) {
                    client.set(dir, "x").ok();
                }
            });
            for i in 0..100 {
                let watcher = client.watch(dir).pull();
                let handle = watcher.handle();
                let reader = thread::spawn(move || while handle.next(-1).is_some() {});
                thread::sleep(Duration::from_micros(i * 50));
                watcher.stop();
                watcher.ends();
                reader.join().expect("it comes back");
            }
            writer_is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    });
}

#[test]
fn one_that_begins_while_nobody_says_which_api_it_is_gives_its_thread_back() {
    alone(one_that_begins_while_nobody_says_which_api_it_is_gives_its_thread_back, || {
        let etcd = Etcd::start(Version::V3_6);
        let auto = etcd.client(&[("api", "auto"), ("retry.max_delay_ms", "100")]);
        etcd.kill();
        let watcher = auto.watch("/late").pull();
        wait_until(PATIENCE, "it has a thread, which has named itself", || threads_named("etcd-watch").len() == 1);
        etcd.restart();
        assert!(watcher.next().is_resync(), "what \"now\" was is not known");
        wait_until(PATIENCE, "it needs no thread any more", || threads_named("etcd-watch").is_empty());
        client(&etcd, &[]).set("/late", "1").ok();
        assert_eq!(watcher.next_value(), "1");
        watcher.stop();
        watcher.ends();
    });
}
