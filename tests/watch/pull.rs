//! Events that are fetched: by waiting, and by `poll` on a descriptor.

use std::ptr::null_mut;
use std::thread;
use std::time::{Duration, Instant};

use support::PATIENCE;
use support::api::*;
use support::watch::{Handle, Watcher, etcd_watch_next, etcd_watch_open};

use crate::rows::on_each;

/// Whether each of these is readable, at the latest after `time`.
fn poll(watchers: &[&Watcher], time: Duration) -> Vec<bool> {
    let mut fds: Vec<_> =
        watchers.iter().map(|watcher| libc::pollfd { fd: watcher.fd(), events: libc::POLLIN, revents: 0 }).collect();
    // SAFETY: as many descriptors as are said.
    let ready = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as u64, time.as_millis() as i32) };
    assert!(ready >= 0, "{}", std::io::Error::last_os_error());
    assert!(fds.iter().all(|fd| fd.revents & !libc::POLLIN == 0), "no error on any of them");
    fds.iter().map(|fd| fd.revents == libc::POLLIN).collect()
}

fn next(watcher: &Watcher, timeout_ms: i64) -> Option<String> {
    watcher.handle().next(timeout_ms).map(|event| event.value())
}

#[test]
fn fetching_waits_no_longer_than_its_timeout() {
    on_each(|_, client, dir| {
        let watcher = client.watch(dir).pull();
        let started = Instant::now();
        assert_eq!(next(&watcher, 0), None);
        assert!(started.elapsed() < Duration::from_secs(1), "0 does not wait: {:?}", started.elapsed());
        let started = Instant::now();
        assert_eq!(next(&watcher, 100), None);
        assert!(started.elapsed() >= Duration::from_millis(100), "{:?}", started.elapsed());
        assert!(!watcher.wait(Duration::ZERO), "nothing in time is not the end");
        for (i, timeout_ms) in [-1, i64::MIN, i64::MAX, 60_000].into_iter().enumerate() {
            let handle = watcher.handle();
            let waiting = thread::spawn(move || handle.next(timeout_ms).map(|event| event.value()));
            client.set(dir, &i.to_string()).ok();
            assert_eq!(waiting.join().expect("it comes back"), Some(i.to_string()));
        }
    });
}

#[test]
fn its_descriptor_is_readable_exactly_while_something_waits() {
    on_each(|_, client, dir| {
        let watcher = client.watch(dir).pull();
        let fd = watcher.fd();
        assert!(fd >= 0);
        assert_eq!(poll(&[&watcher], Duration::ZERO), [false]);
        client.set(dir, "1").ok();
        assert_eq!(poll(&[&watcher], PATIENCE), [true]);
        assert_eq!(poll(&[&watcher], Duration::ZERO), [true], "looking takes nothing away");
        assert_eq!(next(&watcher, 0).as_deref(), Some("1"), "readable means that there is no wait");
        assert_eq!(poll(&[&watcher], Duration::ZERO), [false]);
        for i in 0..100 {
            client.set(dir, &i.to_string()).ok();
            client.set(dir, "second").ok();
            for expected in [i.to_string().as_str(), "second"] {
                assert_eq!(poll(&[&watcher], PATIENCE), [true]);
                assert_eq!(next(&watcher, 0).as_deref(), Some(expected));
            }
            assert_eq!(poll(&[&watcher], Duration::ZERO), [false]);
        }
        watcher.stop();
        assert_eq!(poll(&[&watcher], PATIENCE), [true], "the end is something, too");
        assert_eq!(next(&watcher, -1), None);
        assert_eq!(poll(&[&watcher], Duration::ZERO), [true], "and stays");
        assert_eq!(watcher.fd(), fd, "it is the same one all the time");
    });
}

#[test]
fn one_poll_waits_for_several_watches() {
    on_each(|_, client, dir| {
        let watchers: Vec<_> = (0..8).map(|i| client.watch(&format!("{dir}/{i}")).pull()).collect();
        let all: Vec<&Watcher> = watchers.iter().collect();
        assert!(!poll(&all, Duration::ZERO).contains(&true));
        for i in [3, 7, 0] {
            client.set(&format!("{dir}/{i}"), "here").ok();
            let ready = poll(&all, PATIENCE);
            let expected: Vec<bool> = (0..8).map(|other| other == i).collect();
            assert_eq!(ready, expected);
            assert_eq!(next(all[i], 0).as_deref(), Some("here"));
        }
    });
}

#[test]
fn a_full_queue_drops_nothing_and_holds_up_nobody() {
    on_each(|server, client, dir| {
        let configured = server.client(&[("watch.queue", "2"), ("watch.poll_ms", "300")]);
        let beside_it = format!("{dir}-beside");
        let (full, beside) = (configured.watch(dir).pull(), configured.watch(&beside_it).pull());
        for i in 0..300 {
            client.set(dir, &i.to_string()).ok();
        }
        client.set(&beside_it, "beside").ok();
        assert_eq!(beside.next_value(), "beside");
        for i in 0..300 {
            assert_eq!(full.next_value(), i.to_string());
        }
    });
}

#[test]
fn what_is_there_can_be_fetched_after_the_end() {
    on_each(|server, client, dir| {
        let ends: [fn(&Watcher, Client); 2] = [|watcher, _| watcher.stop(), |_, configured| drop(configured)];
        for end in ends {
            let configured = server.polling(30_000);
            let watcher = configured.watch(dir).pull();
            for i in 0..3 {
                client.set(dir, &i.to_string()).ok();
            }
            client.set(dir, "fetched").ok();
            // All four are there once the descriptor says so and the last has been asked for.
            let started = Instant::now();
            let first: Vec<_> = (0..2).map(|_| watcher.next_value()).collect();
            assert_eq!(first, ["0", "1"]);
            assert_eq!(poll(&[&watcher], PATIENCE), [true]);
            end(&watcher, configured);
            assert_eq!(next(&watcher, 0).as_deref(), Some("2"), "{:?}", started.elapsed());
            while let Some(value) = next(&watcher, -1) {
                assert_eq!(value, "fetched");
            }
            watcher.ends();
        }
    });
}

#[test]
fn the_end_wakes_those_who_wait_for_an_event() {
    on_each(|server, _, dir| {
        let configured = server.polling(30_000);
        let watcher = configured.watch(dir).pull();
        let handle = watcher.handle();
        let waiting: Vec<_> = (0..4).map(|_| thread::spawn(move || handle.next(-1).is_none())).collect();
        watcher.stop();
        assert!(waiting.into_iter().all(|waiting| waiting.join().expect("it comes back")));
        watcher.ends();
    });
}

#[test]
fn several_threads_that_fetch_from_one_watch_share_its_events() {
    on_each(|_, client, dir| {
        let watcher = client.watch(dir).until(|event| event.value() == "last").pull();
        let handle = watcher.handle();
        let fetch = move || std::iter::from_fn(|| handle.next(-1)).map(|event| event.index()).collect::<Vec<_>>();
        let fetching: Vec<_> = (0..4).map(|_| thread::spawn(fetch)).collect();
        (0..200).for_each(|i| drop(client.set(dir, &i.to_string()).ok()));
        client.set(dir, "last").ok();
        let mut all: Vec<u64> = fetching.into_iter().flat_map(|fetching| fetching.join().expect("it ends")).collect();
        assert_eq!(all.len(), 201);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 201, "each once");
    });
}

#[test]
fn a_watch_with_a_callback_has_nothing_to_fetch() {
    on_each(|_, client, dir| {
        let watcher = client.watch(dir).push();
        client.set(dir, "1").ok();
        assert_eq!(watcher.next_value(), "1");
        assert_eq!((next(&watcher, -1), watcher.fd()), (None, -1));
    });
    assert!(unsafe { etcd_watch_next(null_mut(), -1) }.is_null());
}

#[test]
fn a_predicate_ends_a_watch_that_is_fetched_from() {
    on_each(|_, client, dir| {
        let watcher = client.watch(dir).until(|event| event.value() == "2").pull();
        for i in 0..10 {
            client.set(dir, &i.to_string()).ok();
        }
        let values: Vec<_> = std::iter::from_fn(|| next(&watcher, -1)).collect();
        assert_eq!(values, ["0", "1", "2"]);
        watcher.ends();
    });
}

#[test]
fn when_fetching_returns_the_end_the_watch_has_ended() {
    on_each(|_, client, dir| {
        for _ in 0..200 {
            let watcher = client.watch(dir).from(1 << 40).pull();
            let handle = watcher.handle();
            let reader = thread::spawn(move || (handle.next(-1).is_none(), handle.is_over(), handle.has_ended(0)));
            watcher.stop();
            assert_eq!(reader.join().expect("it returns"), (true, true, true));
        }
    });
}

#[test]
fn a_reader_that_never_waits_gets_the_last_event_too() {
    on_each(|_, client, dir| {
        for i in 0..200 {
            let watcher = client.watch(dir).once().pull();
            let handle = watcher.handle();
            // "Nothing yet" and "nothing more" differ, although the event and the end may come at any moment.
            let reader = thread::spawn(move || {
                let mut last = None;
                while !handle.is_over() {
                    last = handle.next(0).or(last);
                }
                last.expect("it came before the end").value()
            });
            client.set(dir, &i.to_string()).ok();
            assert_eq!(reader.join().expect("it returns"), i.to_string());
        }
    });
}

#[test]
fn a_watch_that_is_opened_is_one_to_be_read_from() {
    on_each(|_, client, dir| {
        let key = c(&format!("{dir}/a"));
        let mut error = null_mut();
        let handle = Handle(unsafe { etcd_watch_open(client.raw(), c(dir).as_ptr(), ETCD_RECURSIVE, 0, &mut error) });
        assert!(!handle.0.is_null() && error.is_null());
        unsafe { Reply::take(etcd_set(client.raw(), key.as_ptr(), c"1".as_ptr(), 0, 0)) }.ok();
        assert_eq!(handle.next(-1).expect("the change").value(), "1");
        assert!(handle.next(0).is_none() && !handle.is_over());
        handle.free();

        let refused = unsafe { etcd_watch_open(client.raw(), key.as_ptr(), 0, u64::MAX, &mut error) };
        assert!(refused.is_null());
        let error = unsafe { Reply::take(error) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
        assert!(error.text("/cause").is_some_and(|cause| cause.starts_with("wait_index: must be at most")), "{error}");
    });
}
