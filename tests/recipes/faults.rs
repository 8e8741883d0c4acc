//! What is kept alive while servers, leaders and networks come and go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::api::*;
use support::cluster::Cluster;
use support::ctl::Ctl;
use support::etcd::{ELECTION, Etcd};
use support::is_readable;
use support::lease::{Lease, Lock, etcd_lease_free, etcd_lock_free};
use support::proxy::{Mode, Proxy};
use support::scratch::Folder;
use support::version::Version;
use support::wait::{Ends, wait_until};

use crate::{LATE, LONG, SECOND, client, is_kept_alive};

/// A client of one member, and after it of the others.
fn client_by(cluster: &Cluster, first: &Etcd, api: &str) -> Client {
    let others = cluster.members.iter().filter(|member| member.url() != first.url());
    let urls = Vec::from_iter([first].into_iter().chain(others).map(Etcd::url));
    Client::of(&urls, &[("api", api), ("timeout.connect_ms", "1000")])
}

/// Waits until a member that is frozen has been so for longer than this.
fn is_frozen_for(seconds: u64) {
    let began = Instant::now();
    wait_until(ELECTION, "it has been frozen for longer than the ttl", || began.elapsed().as_secs() > seconds);
}

#[test]
fn a_killed_leader_costs_no_lease_and_no_lock() {
    // A new leader lets leases last for another ttl; a key of v2's ends when it would have.
    let clusters = [
        (Version::V3_4, "v3", 15),
        (Version::V3_7, "v3", 15),
        (Version::V3_4, "v2", LONG),
        (Version::V3_5, "v2", LONG),
    ];
    for (version, api, ttl) in clusters {
        println!("on etcd {version} over {api}:");
        let cluster = Cluster::start(version, 3);
        let (leader, _) = cluster.leader_and_follower();
        let client = client_by(&cluster, leader, api);
        let here = Lease::register(&client, "/s/1", "me", ttl).expect("a registration");
        let held = Lock::open(&client, "/lock", "", ttl, 0).expect("a lock");
        let next = Lock::open(&client, "/lock", "", ttl, 0).expect("a place in its line");
        assert_eq!(held.wait(30 * SECOND), 1);
        leader.kill();
        is_kept_alive(&here);
        assert!(held.is_held() && next.wait(Duration::ZERO) == 0, "{}", held.state());
        assert_eq!(client.get_at_last("/s/1", 0).text("/node/value").as_deref(), Some("me"));
        assert!(here.is("alive") && here.renewals() == 0, "{}", here.state());
        drop(held);
        assert_eq!(next.wait(60 * SECOND), 1, "{}", next.state());
    }
}

/// And what is held lasts, however long it is frozen.
#[test]
fn a_member_that_is_frozen_is_left_in_time() {
    const TTL: u64 = 12;
    for (version, api) in [(Version::V3_5, "v3"), (Version::V3_4, "v2"), (Version::V3_5, "v2")] {
        println!("on etcd {version} over {api}:");
        let cluster = Cluster::start(version, 3);
        let (_, follower) = cluster.leader_and_follower();
        let client = client_by(&cluster, follower, api);
        let here = Lease::register(&client, "/s/1", "me", TTL as i64).expect("a registration");
        let held = Lock::open(&client, "/lock", "", TTL as i64, 0).expect("a lock");
        let next = Lock::open(&client, "/lock", "", TTL as i64, 0).expect("a place in its line");
        assert_eq!(held.wait(30 * SECOND), 1);
        is_kept_alive(&here);
        follower.freeze();
        is_frozen_for(TTL);
        is_kept_alive(&here);
        assert!(held.is_held() && next.wait(Duration::ZERO) == 0, "{}", held.state());
        assert!(here.is("alive") && here.renewals() == 0, "{}", here.state());
        drop(held);
        assert_eq!(next.wait(60 * SECOND), 1, "{}", next.state());
        follower.thaw();
    }
}

#[test]
fn a_server_that_is_started_again_has_what_it_had() {
    for version in [Version::V3_5, Version::V3_6] {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        for api in ["v3", "v2"] {
            if api == "v2" && !version.has_v2() {
                continue;
            }
            let client = client(&etcd, api);
            let here = Lease::register(&client, "/s/1", "me", 15).expect("a registration");
            let held = Lock::open(&client, "/lock", "", 15, 0).expect("a lock");
            let next = Lock::open(&client, "/lock", "", 15, 0).expect("a place in its line");
            assert_eq!(held.wait(30 * SECOND), 1);
            etcd.kill();
            etcd.restart();
            is_kept_alive(&here);
            assert!(held.is_held(), "{}", held.state());
            assert_eq!(here.renewals(), 0, "{}", here.state());
            drop(held);
            assert_eq!(next.wait(60 * SECOND), 1, "{}", next.state());
        }
    }
}

/// The store is older than what is held: nobody holds it there, and one who held it before does.
#[test]
fn a_server_that_is_restored_from_a_snapshot_has_not_what_came_later() {
    const TTL: i64 = 6;
    let (etcd, folder) = (Etcd::start(Version::V3_6), Folder::in_memory("snapshot"));
    let (client, ctl) = (client(&etcd, "v3"), Ctl::of(&etcd));
    let earlier = Lock::open(&client, "/lock", "", TTL, 0).expect("a lock");
    assert_eq!(earlier.wait(30 * SECOND), 1);
    let snapshot = ctl.save(&folder);
    drop(earlier);
    let lease = Lease::open(&client, TTL).expect("a lease");
    let here = Lease::register(&client, "/s/1", "me", TTL).expect("a registration");
    let held = Lock::open(&client, "/lock", "", TTL, 0).expect("a lock");
    assert_eq!(held.wait(30 * SECOND), 1);
    client.set("/later", "1").ok();

    let began = Instant::now();
    etcd.restore(&snapshot);
    assert_eq!(client.get_at_last("/later", 0).code(), ETCD_ERROR_KEY_NOT_FOUND);
    // Whether it is known here yet or not.
    let refused = held.txn(r#"{"success":[{"request_put":{"key":"/done","value":"1"}}]}"#);
    assert_eq!(refused.code(), ETCD_ERROR_COMPARE_FAILED, "{refused}");
    assert_eq!(client.get("/done", 0).code(), ETCD_ERROR_KEY_NOT_FOUND);
    wait_until(30 * SECOND, "the lock is known to be lost", || held.wait(Duration::ZERO) == -1);
    wait_until(30 * SECOND, "the lease is", || lease.is("lost") && lease.remaining().is_zero());
    wait_until(30 * SECOND, "the registration is made again", || here.is("alive") && here.renewals() > 0);
    println!("after {:?}: {}", began.elapsed(), here.state());
    assert_eq!(ctl.get("/s/1").map(|kv| kv.value()).as_deref(), Some("me"));
    is_kept_alive(&here);

    let next = Lock::open(&client, "/lock", "", TTL, 0).expect("a place in its line");
    assert_eq!(next.wait(60 * SECOND), 1, "the earlier holder's ttl is over: {}", next.state());
    assert_eq!(held.wait(Duration::ZERO), -1, "what is lost stays lost");
    next.txn(r#"{"success":[{"request_put":{"key":"/done","value":"1"}}]}"#).ok();
}

#[test]
fn who_is_cut_off_knows_before_another_has_it() {
    for (version, api) in [(Version::V3_5, "v3"), (Version::V3_7, "v3"), (Version::V3_4, "v2"), (Version::V3_5, "v2")] {
        println!("on etcd {version} over {api}:");
        let cluster = Cluster::start(version, 3);
        let (leader, follower) = cluster.leader_and_follower();
        let proxy = Proxy::start(follower.port(), Mode::Pass);
        let (cut_off, other) = (Client::of(&[proxy.url()], &[("api", api)]), client(leader, api));
        let here = Lease::register(&cut_off, "/s/1", "me", 6).expect("a registration");
        let ours = Lock::open(&cut_off, "/lock", "", 6, 0).expect("a lock");
        assert_eq!(ours.wait(30 * SECOND), 1);
        let next = Lock::open(&other, "/lock", "", LONG, 0).expect("a place in its line");
        proxy.switch(Mode::BlackHole);
        assert_eq!(next.wait(60 * SECOND), 1, "{}", next.state());
        assert_eq!((ours.wait(Duration::ZERO), ours.token()), (-1, 0), "{}", ours.state());
        ours.txn(LATE).fails(ETCD_ERROR_COMPARE_FAILED);
        wait_until(30 * SECOND, "the registration is gone", || other.get("/s/1", ETCD_QUORUM).code() == 100);
        assert!(here.remaining().is_zero() && here.is("lost"), "{}", here.state());
        proxy.switch(Mode::Pass);
        wait_until(60 * SECOND, "it is made again", || here.is("alive"));
        assert_eq!(other.get("/s/1", ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("me"));
        assert_eq!(ours.wait(Duration::ZERO), -1, "what is lost stays lost");
        ours.txn(LATE).fails(ETCD_ERROR_COMPARE_FAILED);
        other.get("/acted", ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
    }
}

#[test]
fn a_disconnect_ends_what_waits() {
    let etcd = Etcd::start(Version::V3_6);
    let mine = client(&etcd, "v3");
    let here = Lease::register(&mine, "/s/1", "me", LONG).expect("a registration");
    let held = Lock::open(&mine, "/lock", "", LONG, 0).expect("a lock");
    let next = Lock::open(&mine, "/lock", "", LONG, 0).expect("a place in its line");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| next.wait(60 * SECOND));
        drop(mine);
        let began = Instant::now();
        assert_eq!(waiting.join().expect("no panic"), -1);
        assert!(began.elapsed() < 20 * SECOND);
    });
    assert_eq!(held.wait(SECOND), -1);
    wait_until(20 * SECOND, "it is known", || here.is("lost"));
    assert_eq!(here.state().int("/error/errorCode"), i64::from(ETCD_ERROR_CANCELLED), "{}", here.state());
}

#[test]
fn a_registration_is_never_missing_for_long_while_there_is_a_quorum() {
    const TTL: u64 = 5;
    for (version, api) in [(Version::V3_4, "v3"), (Version::V3_7, "v3"), (Version::V3_4, "v2"), (Version::V3_5, "v2")] {
        println!("on etcd {version} over {api}:");
        let cluster = Cluster::start(version, 3);
        let (leader, follower) = cluster.leader_and_follower();
        let (client, other) = (client_by(&cluster, follower, api), client_by(&cluster, leader, api));
        let here = Lease::register(&client, "/s/1", "me", TTL as i64).expect("a registration");
        let ours = Lock::open(&client, "/lock", "", TTL as i64, 0).expect("a lock");
        let next = Lock::open(&other, "/lock", "", LONG, 0).expect("a place in its line");
        assert_eq!(ours.wait(30 * SECOND), 1);
        let is_over = &AtomicBool::new(false);
        std::thread::scope(|scope| {
            let observing = scope.spawn(|| {
                let observer = Client::of(&cluster.urls(), &[("api", api), ("timeout.request_ms", "3000")]);
                let (mut missing, mut longest) = (None, Duration::ZERO);
                while !is_over.load(Ordering::Relaxed) {
                    // Where nobody answers there is no quorum, and that time does not count.
                    match observer.get("/s/1", ETCD_QUORUM).code() {
                        ETCD_ERROR_KEY_NOT_FOUND => {
                            longest = longest.max(missing.get_or_insert_with(Instant::now).elapsed());
                        }
                        _ => missing = None,
                    }
                    // In this order: what is lost never comes back.
                    assert!(!next.is_held() || !ours.is_held(), "{} {}", next.state(), ours.state());
                }
                longest
            });
            let ends = Ends(is_over);
            // Longer than its ttl: first the member that the client speaks to, then the one that keeps time for all
            // leases.
            for frozen in [follower, leader] {
                frozen.freeze();
                is_frozen_for(TTL);
                frozen.thaw();
            }
            wait_until(ELECTION, "it is there", || here.is("alive"));
            is_kept_alive(&here);
            drop(ends);
            let longest = observing.join().expect("no panic");
            println!("missing for {longest:?}, made again {} times", here.renewals());
            assert!(longest.as_secs() <= TTL + 2, "missing for {longest:?}: {}", here.state());
        });
        assert_eq!(client.get_at_last("/s/1", 0).text("/node/value").as_deref(), Some("me"));
        assert!(ours.is_held() || next.wait(60 * SECOND) == 1, "{} {}", ours.state(), next.state());
    }
}

#[test]
fn who_waits_at_a_descriptor_knows_in_time_whatever_a_call_may_take() {
    for api in ["v2", "v3"] {
        let etcd = Etcd::start(Version::V3_5);
        let hour = "3600000";
        let patient = etcd.client(&[("api", api), ("timeout.request_ms", hour), ("timeout.connect_ms", hour)]);
        let held = Lock::open(&patient, "/lock", "", 2, 0).expect("a lock");
        let here = Lease::register(&patient, "/here", "me", 2).expect("a registration");
        assert_eq!(held.wait(30 * SECOND), 1);
        is_kept_alive(&here);
        assert!(!is_readable(here.fd(), Duration::ZERO) && !is_readable(held.fd(), Duration::ZERO));
        etcd.freeze();
        // It takes as long as the ttl; else it would be an hour.
        assert!(is_readable(held.fd(), 30 * SECOND) && held.wait(Duration::ZERO) == -1, "{api}: {}", held.state());
        assert!(is_readable(here.fd(), 30 * SECOND) && here.is("lost"), "{api}: {}", here.state());
        etcd.thaw();
    }
}

/// Freeing takes a moment where no server answers.
#[test]
fn who_frees_a_handle_at_the_same_time_waits_for_its_end() {
    let etcd = Etcd::start(Version::V3_5);
    for api in ["v3", "v2"] {
        let proxy = Proxy::start(etcd.port(), Mode::Pass);
        let client = Client::of(&[proxy.url()], &[("api", api)]);
        let here = Lease::register(&client, "/s/free", "me", LONG).expect("a registration");
        let held = Lock::open(&client, "/free", "", LONG, 0).expect("a lock");
        assert_eq!(held.wait(30 * SECOND), 1);
        proxy.switch(Mode::BlackHole);
        let frees: [&(dyn Fn() + Sync); 2] =
            [&|| unsafe { etcd_lease_free(here.raw()) }, &|| unsafe { etcd_lock_free(held.raw()) }];
        let are_open: [&dyn Fn() -> bool; 2] = [&|| here.is("alive"), &|| held.is_held()];
        for (free, is_open) in frees.into_iter().zip(are_open) {
            thread::scope(|scope| {
                let began = Instant::now();
                scope.spawn(free);
                wait_until(30 * SECOND, "it is being freed", || !is_open());
                free();
                // Telling a server was given up after a second.
                assert!(began.elapsed() >= Duration::from_millis(900), "{api}: {:?}", began.elapsed());
            });
        }
        assert_eq!(
            (here.state().code(), held.state().code()),
            (ETCD_ERROR_INVALID_ARGUMENT, ETCD_ERROR_INVALID_ARGUMENT)
        );
    }
}
