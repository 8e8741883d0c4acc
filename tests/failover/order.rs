//! Which endpoint is asked first, and which after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::configured::Configured;
use crate::dead::{Dead, closing, refusing, silent, void};
use crate::hostile::{Hostile, reply};
use crate::log::Log;
use crate::support::api::ETCD_LOG_DEBUG;
use crate::support::etcd::Etcd;
use crate::{NODE, counts, good, url};

/// All orders of `items`.
fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.len() < 2 {
        return vec![items.to_vec()];
    }
    let mut all = Vec::new();
    for (i, first) in items.iter().enumerate() {
        let others = Vec::from_iter(items[..i].iter().chain(&items[i + 1..]).cloned());
        all.extend(permutations(&others).into_iter().map(|rest| [vec![first.clone()], rest].concat()));
    }
    all
}

/// The deadline holds the library to it: an answer at all is an answer in time.
const IN_TIME: [(&str, &str); 2] = [("timeout.connect_ms", "1000"), ("timeout.request_ms", "9000")];

fn urls(dead: &[Dead], etcd: &Etcd) -> Vec<String> {
    dead.iter().map(|dead| dead.url.clone()).chain([etcd.url()]).collect()
}

#[test]
fn a_read_finds_the_living_endpoint_wherever_it_stands() {
    let dead = [refusing(), void(), silent(), closing()];
    for etcd in Etcd::shared() {
        thread::scope(|scope| {
            for order in permutations(&urls(&dead, etcd)) {
                scope.spawn(move || Configured::of(&order, &IN_TIME).get("/", 0).ok());
            }
        });
    }
}

#[test]
fn a_write_finds_the_living_endpoint_wherever_it_stands() {
    // Where it may have been carried out it would end: see `repeats`.
    let dead = [refusing(), void(), refusing()];
    for etcd in Etcd::shared() {
        thread::scope(|scope| {
            for (i, order) in permutations(&urls(&dead, etcd)).into_iter().enumerate() {
                scope.spawn(move || {
                    let client = Configured::of(&order, &IN_TIME);
                    let key = format!("/order/{i}");
                    client.create(&key, "1").ok();
                    client.cas(&key, "2", "1").ok();
                    client.delete(&key).ok();
                });
            }
        });
    }
}

#[test]
fn the_last_good_endpoint_is_kept_until_it_fails() {
    let mut servers = Vec::from_iter((0..3).map(|_| good()));
    let client = Configured::of(&servers.iter().map(url).collect::<Vec<_>>(), &[]);
    let counts = |servers: &[Hostile]| Vec::from_iter(servers.iter().map(|server| server.requests().len()));
    for _ in 0..5 {
        client.get("/a", 0).ok();
    }
    assert_eq!(counts(&servers), [5, 0, 0]);
    drop(servers.remove(0));
    for _ in 0..5 {
        client.set("/a", "1").ok();
    }
    assert_eq!(counts(&servers), [5, 0]);
    drop(servers.remove(0));
    for _ in 0..5 {
        client.get("/a", 0).ok();
    }
    assert_eq!(counts(&servers), [5]);
}

/// As long as the library remembers a failure, and a little more.
const FORGOTTEN: Duration = Duration::from_millis(10_500);

#[test]
fn the_last_good_endpoint_is_kept_when_the_failure_of_another_is_forgotten() {
    let ((first, first_mended), second) = (failing_at_first(), good());
    let servers = [first, second];
    let client = Configured::of(&servers.each_ref().map(url), &[("retry.attempts", "1")]);
    client.get("/a", 0).ok();
    thread::sleep(FORGOTTEN); // it is time that is tested
    client.get("/a", 0).ok();
    client.set("/a", "1").ok();
    assert_eq!(counts(&servers), [1, 3]);
    first_mended.store(true, Ordering::SeqCst);
    let [first, second] = servers;
    drop(second);
    client.get("/a", 0).ok();
    assert_eq!(counts(&[first]), [2]);
}

/// Closes each connection when it has been asked, until it is mended; from then on it answers well.
fn failing_at_first() -> (Hostile, Arc<AtomicBool>) {
    let mended = Arc::<AtomicBool>::default();
    let answers = mended.clone();
    let server = Hostile::start(move |mut conn| {
        while conn.request().is_some() && answers.load(Ordering::SeqCst) && conn.say(reply(200, NODE)) {}
    });
    (server, mended)
}

#[test]
fn an_endpoint_that_failed_is_asked_last_and_forgiven_when_it_answers() {
    let ((first, first_mended), (second, _)) = (failing_at_first(), failing_at_first());
    let servers = [first, second, good()];
    let client = Configured::of(&servers.each_ref().map(url), &[("retry.attempts", "1")]);
    client.get("/a", 0).ok();
    assert_eq!(counts(&servers), [1, 1, 1]);
    client.get("/a", 0).ok();
    assert_eq!(counts(&servers), [1, 1, 2], "the good one is kept");

    let [first, second, third] = servers;
    drop(third);
    first_mended.store(true, Ordering::SeqCst);
    client.get("/a", 0).ok();
    assert_eq!(counts(&[first, second]), [2, 1], "the one whose failure is longer ago is asked before the other");
}

#[test]
fn one_that_has_failed_is_better_than_none() {
    let (server, mended) = failing_at_first();
    let client = Configured::of(&[url(&server)], &[("retry.attempts", "1")]);
    client.get("/a", 0).fails(1002);
    mended.store(true, Ordering::SeqCst);
    client.get("/a", 0).ok();
    client.set("/a", "1").ok();
}

#[test]
fn an_endpoint_named_twice_is_one() {
    let server = Hostile::start(|mut conn| drop(conn.request()));
    let url = url(&server);
    let slash = format!("{url}/");
    Configured::of(&[&url, &url, &slash], &[("retry.attempts", "1")]).get("/a", 0).fails(1002);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_client_without_endpoints_asks_this_machine() {
    // Whether or not somebody listens there, and whatever he says.
    let log = Log::at(ETCD_LOG_DEBUG);
    Configured::new(&[("timeout.request_ms", "1000")]).get("/asks-this-machine", 0);
    let told = log.told();
    let asked = |(_, line): &(i32, String)| line.contains(" http://127.0.0.1:2379/v2/keys/asks-this-machine -> ");
    assert!(told.iter().any(asked), "{told:?}");
}

#[test]
fn many_threads_of_one_client_agree_on_where_to_go() {
    let servers = [Hostile::start(|mut conn| drop(conn.request())), good()];
    let client = &Configured::of(&servers.each_ref().map(url), &[("retry.attempts", "1")]);
    client.get("/a", 0).ok();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || (0..50).for_each(|_| drop(client.set("/a", "1").ok())));
        }
    });
    assert_eq!(counts(&servers), [1, 401]);
}
