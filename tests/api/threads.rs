//! One handle, many threads.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::api::*;
use support::etcd::Etcd;
use support::fake::{FakeServer, echo, echoed};
use support::version::Version;

const THREADS: usize = 8;

/// Calls whose answers name the caller; `me` is the thread's own.
fn mixed_calls(client: &Client, me: &str, round: usize) {
    let (key, value) = (format!("/{me}/{round}"), format!("{me}-{round}"));
    let node = |reply: Reply| (reply.text("/node/key"), reply.text("/node/value"));
    let mine = |value: &str| (Some(key.clone()), Some(value.to_owned()));

    let created = client.create(&key, &value).ok();
    let index = u64::try_from(created.int("/node/modifiedIndex")).expect("a new key has an index");
    assert_eq!(node(created), mine(&value));
    assert_eq!(node(client.get(&key, ETCD_QUORUM).ok()), mine(&value));
    assert_eq!(client.create(&key, "x").fails(105).text("/cause"), Some(key.clone()));
    assert_eq!(node(client.cas_with(&key, "swapped", None, index, 0).ok()), mine("swapped"));
    let cause = client.cas(&key, "x", &value).fails(101).text("/cause");
    assert_eq!(cause, Some(format!("[{value} != swapped]")));
    assert!(client.exists(&key).expect("an answer"));
    assert!(client.get(&key, 1 << 30).fails(1001).raw().contains("flags"));
    assert_eq!(client.delete(&key).ok().text("/prevNode/value").as_deref(), Some("swapped"));
    assert_eq!(client.get(&key, 0).fails(100).text("/cause"), Some(key.clone()));
    match round % 4 {
        0 => assert_eq!(client.members().ok().len(""), 1),
        1 => assert_eq!(client.machines().ok().len(""), 1),
        2 => assert_eq!(client.health().ok().text("/health").as_deref(), Some("true")),
        _ => assert!(client.server_version().ok().raw().contains("3.4")),
    }
}

#[test]
fn every_reply_belongs_to_its_request() {
    let etcd = Etcd::start(Version::V3_4);
    let port = etcd.port();
    let counter = FakeServer::start(move |conn| conn.relay(port));
    let client = Client::connect("127.0.0.1", counter.port());
    thread::scope(|scope| {
        for me in 0..THREADS {
            let client = &client;
            scope.spawn(move || (0..40).for_each(|round| mixed_calls(client, &format!("thread{me}"), round)));
        }
    });
    assert!(counter.connections() <= THREADS, "{} connections", counter.connections());
}

#[test]
fn threads_that_come_one_after_another_share_one_connection() {
    let server = FakeServer::start(echo);
    let client = Client::connect("127.0.0.1", server.port());
    for n in 0..50 {
        thread::scope(|scope| scope.spawn(|| client.get(&format!("/{n}"), 0).ok()).join().expect("no panic"));
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 50));
}

#[test]
fn a_crowd_keeps_its_connections() {
    // More threads than a pool of one connection a core would hold.
    const CROWD: usize = 50;
    let server = FakeServer::start(echo);
    let client = Client::connect("127.0.0.1", server.port());
    let barrier = Barrier::new(CROWD);
    thread::scope(|scope| {
        for me in 0..CROWD {
            let (client, barrier) = (&client, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for round in 0..20 {
                    let key = format!("/{me}/{round}");
                    assert_eq!(client.get(&key, 0).ok().text("/node/key"), Some(format!("/v2/keys{key}")));
                }
            });
        }
    });
    assert!(server.connections() <= CROWD, "{} connections", server.connections());
    assert_eq!(server.requests().len(), CROWD * 20, "none was repeated");
}

#[test]
fn a_slow_call_holds_up_no_other() {
    let server = FakeServer::start(echo);
    let client = Client::connect("127.0.0.1", server.port());
    thread::scope(|scope| {
        let slow: Vec<_> = (0..THREADS)
            .map(|n| {
                let client = &client;
                scope.spawn(move || client.get(&format!("/held{n}"), 0))
            })
            .collect();
        server.wait_for_requests(THREADS);
        for n in 0..100 {
            assert_eq!(client.get(&format!("/{n}"), 0).ok().text("/node/key"), Some(format!("/v2/keys/{n}")));
        }
        assert!(!slow.iter().any(|call| call.is_finished()), "the slow ones still wait");
        server.release();
        for (n, call) in slow.into_iter().enumerate() {
            let reply = call.join().expect("no panic").ok();
            assert_eq!(reply.text("/node/key"), Some(format!("/v2/keys/held{n}")));
        }
    });
}

#[test]
fn a_disconnect_ends_what_all_threads_do() {
    // Some requests are answered, the others never.
    let server = FakeServer::start(|mut conn| {
        while let Some(request) = conn.request() {
            if request.line().contains("/never") {
                conn.wait_for_close();
            } else {
                conn.say(echoed(&request));
            }
        }
    });
    for round in 0..100 {
        let client = Client::connect("127.0.0.1", server.port());
        let calls = AtomicUsize::new(0);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|me| {
                    let (client, calls) = (&client, &calls);
                    scope.spawn(move || {
                        loop {
                            // The disconnect ends a call under way; a later call fails because of its handle.
                            let never = calls.fetch_add(1, Ordering::SeqCst) % 40 == 39;
                            let key = if never { format!("/never{me}") } else { format!("/{me}") };
                            let reply = if me % 2 == 0 { client.get(&key, 0) } else { client.set(&key, "1") };
                            match reply.code() {
                                0 => assert_eq!(reply.text("/node/key"), Some(format!("/v2/keys{key}"))),
                                1001 | 1009 => break reply.code(),
                                _ => panic!("{reply}"),
                            }
                        }
                    })
                })
                .collect();
            while calls.load(Ordering::SeqCst) < round {
                thread::yield_now();
            }
            let started = Instant::now();
            unsafe { etcd_disconnect(client.raw()) };
            for thread in threads {
                thread.join().expect("no panic");
            }
            // A call that was not interrupted would take ten seconds.
            assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        });
    }
    server.wait_until_all_closed();
}

#[test]
fn a_disconnect_by_all_threads_at_once_is_one() {
    let server = FakeServer::start(echo);
    for _ in 0..100 {
        let client = Client::connect("127.0.0.1", server.port());
        client.get("/a", 0).ok();
        let barrier = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    barrier.wait();
                    unsafe { etcd_disconnect(client.raw()) };
                    client.get("/a", 0).fails(1001);
                });
            }
        });
    }
    server.wait_until_all_closed();
}
