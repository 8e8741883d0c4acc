//! Watches: as iterators, by descriptors, with closures.

use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use etcd::codes::*;
use etcd::{ApiVersion, Client, Config, Watch, WatchOptions};

use crate::{ROOT, at, fails};

pub fn watches(client: &Client, url: &str) {
    let key = at("key");
    let index = client.set(&key, "x", None).unwrap().node.unwrap().modified_index;
    let past: Vec<_> =
        client.watch_with(&key, WatchOptions::new().from(index).once()).unwrap().map(Result::unwrap).collect();
    assert!(past.len() == 1 && past[0].value() == Some("x"), "{past:?}");

    let mut watch = client.watch_with(ROOT, WatchOptions::new().recursive().from(index + 1)).unwrap();
    let stopper = watch.stopper();
    let numbers: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    numbers.iter().for_each(|number| drop(client.set(&key, number, None).unwrap()));
    let seen: Vec<_> = watch.by_ref().take(100).map(|change| change.unwrap().value().unwrap().to_owned()).collect();
    assert_eq!(seen, numbers);
    assert!(!is_readable(&watch) && watch.next_timeout(Duration::ZERO).is_none() && !watch.has_ended());
    client.set(&key, "y", None).unwrap();
    assert_eq!(watch.next_timeout(Duration::MAX).unwrap().unwrap().value(), Some("y"));
    thread::scope(|scope| {
        scope.spawn(|| stopper.stop());
        assert!(watch.next().is_none() && watch.next().is_none());
    });
    assert!(is_readable(&watch) && watch.has_ended());
    drop(watch);
    stopper.stop(); // of which nothing is left

    // A place where there is no etcd.
    let lost = Config::new().endpoints([format!("{url}/no/such/place")]).api(ApiVersion::V2).connect().unwrap();
    let mut watch = lost.watch_with(&key, WatchOptions::new().from(1)).unwrap();
    assert_eq!(fails(watch.next().unwrap(), ETCD_ERROR_UNSUPPORTED).status, Some(404));
    assert!(watch.next().is_none());
}

fn is_readable(watch: &Watch) -> bool {
    let mut ready = libc::pollfd { fd: watch.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, which outlives the call.
    unsafe { libc::poll(&mut ready, 1, 0) == 1 }
}

pub fn ten_watches_at_once(client: &Client, _: &str) {
    let keys: Vec<_> = (0..10).map(|number| at(&number.to_string())).collect();
    thread::scope(|scope| {
        for key in &keys {
            let mut watch = client.watch(key).unwrap();
            scope.spawn(move || assert_eq!(watch.next().unwrap().unwrap().node.unwrap().key, *key));
        }
        keys.iter().for_each(|key| drop(client.set(key, "x", None).unwrap()));
    });
}

pub fn closures(client: &Client, _: &str) {
    let key = at("key");
    let (said, heard) = channel();
    let watch = client.watch_loop(&key, WatchOptions::new(), move |change| {
        let value = change.unwrap().value().unwrap().to_owned();
        let is_last = value == "3";
        said.send(value).unwrap();
        if is_last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    ["1", "2", "3", "4"].iter().for_each(|value| drop(client.set(&key, value, None).unwrap()));
    watch.unwrap().wait();
    assert_eq!(heard.iter().collect::<Vec<_>>(), ["1", "2", "3"]);

    let dropped = client.watch_loop(&key, WatchOptions::new(), |_| ControlFlow::Continue(())).unwrap();
    assert!(!dropped.wait_timeout(Duration::ZERO));
    drop(dropped);
    let panics = client.watch_loop(&key, WatchOptions::new(), |_| panic!("the closure's")).unwrap();
    client.set(&key, "5", None).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| panics.wait())).is_err(), "it goes on where one waits");
}
