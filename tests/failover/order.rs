//! Which endpoint is asked first, and which after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::{NODE, counts, good};
use support::api::{Client, ETCD_LOG_DEBUG};
use support::dead::{Dead, closing, refusing, silent, void};
use support::etcd::Etcd;
use support::fake::{FakeServer, response};
use support::log::Log;

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

/// The deadline bounds the call, so any answer is an answer in time.
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
                scope.spawn(move || Client::of(&order, &IN_TIME).get("/", 0).ok());
            }
        });
    }
}

#[test]
fn a_write_finds_the_living_endpoint_wherever_it_stands() {
    // Endpoints that may have carried out the write are left out: see `repeats`.
    let dead = [refusing(), void(), refusing()];
    for etcd in Etcd::shared() {
        thread::scope(|scope| {
            for (i, order) in permutations(&urls(&dead, etcd)).into_iter().enumerate() {
                scope.spawn(move || {
                    let client = Client::of(&order, &IN_TIME);
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
    let client = Client::of(&servers.iter().map(FakeServer::url).collect::<Vec<_>>(), &[]);
    let counts = |servers: &[FakeServer]| Vec::from_iter(servers.iter().map(|server| server.requests().len()));
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
fn a_forgotten_failure_moves_no_call_from_the_last_good_endpoint() {
    let ((first, first_mended), second) = (failing_at_first(), good());
    let servers = [first, second];
    let client = Client::of(&servers.each_ref().map(FakeServer::url), &[("retry.attempts", "1")]);
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
fn failing_at_first() -> (FakeServer, Arc<AtomicBool>) {
    let mended = Arc::<AtomicBool>::default();
    let answers = mended.clone();
    let server = FakeServer::start(move |mut conn| {
        while conn.request().is_some() && answers.load(Ordering::SeqCst) && conn.say(response(200, NODE)) {}
    });
    (server, mended)
}

#[test]
fn a_failed_endpoint_is_asked_last_until_it_answers() {
    let ((first, first_mended), (second, _)) = (failing_at_first(), failing_at_first());
    let servers = [first, second, good()];
    let client = Client::of(&servers.each_ref().map(FakeServer::url), &[("retry.attempts", "1")]);
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
fn a_failed_endpoint_is_asked_where_there_is_no_other() {
    let (server, mended) = failing_at_first();
    let client = Client::of(&[server.url()], &[("retry.attempts", "1")]);
    client.get("/a", 0).fails(1002);
    mended.store(true, Ordering::SeqCst);
    client.get("/a", 0).ok();
    client.set("/a", "1").ok();
}

#[test]
fn an_endpoint_named_twice_is_one() {
    let server = FakeServer::closing();
    let url = server.url();
    let slash = format!("{url}/");
    Client::of(&[&url, &url, &slash], &[("retry.attempts", "1")]).get("/a", 0).fails(1002);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_client_without_endpoints_asks_this_machine() {
    // It does not matter whether a server listens there.
    let log = Log::at(ETCD_LOG_DEBUG);
    Client::new(&[("timeout.request_ms", "1000")]).get("/asks-this-machine", 0);
    let told = log.take();
    let asked = |(_, line): &(i32, String)| line.contains(" http://127.0.0.1:2379/v2/keys/asks-this-machine -> ");
    assert!(told.iter().any(asked), "{told:?}");
}

#[test]
fn many_threads_of_one_client_agree_on_where_to_go() {
    let servers = [FakeServer::closing(), good()];
    let client = &Client::of(&servers.each_ref().map(FakeServer::url), &[("retry.attempts", "1")]);
    client.get("/a", 0).ok();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || (0..50).for_each(|_| drop(client.set("/a", "1").ok())));
        }
    });
    assert_eq!(counts(&servers), [1, 401]);
}
