//! Watches over several endpoints: they move on from one that dies, falls silent or sends nonsense, and lose
//! nothing on the way.

use std::time::{Duration, Instant};

use support::api::*;
use support::cluster::Cluster;
use support::dead::{closing, refusing, silent, void};
use support::etcd::Etcd;
use support::fake::FakeServer;
use support::proxy::{Mode, Proxy};
use support::version::Version;
use support::wait_until;
use support::watch::{Watch, Watcher};

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(1000);

fn watch(client: &Client, key: &str) -> Watcher {
    Watch::of(client.raw(), key).recursive().push()
}

fn polling(urls: &[String]) -> Client {
    Client::of(urls, &[("watch.poll_ms", "1000"), ("retry.max_delay_ms", "100"), ("timeout.connect_ms", "1000")])
}

#[test]
fn a_watch_finds_the_living_endpoint_behind_dead_ones() {
    let dead = [refusing(), void(), silent(), closing()];
    for etcd in Etcd::shared() {
        let urls = Vec::from_iter(dead.iter().map(|dead| dead.url.clone()).chain([etcd.url()]));
        let client = polling(&urls);
        let watcher = watch(&client, "/watched/behind");
        let direct = Client::of(&[etcd.url()], &[]);
        for i in 0..10 {
            direct.set("/watched/behind/a", &i.to_string()).ok();
        }
        let values = Vec::from_iter((0..10).map(|_| watcher.next_value()));
        assert_eq!(values, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    }
}

#[test]
fn a_watch_begun_while_nobody_answers_begins_when_somebody_does() {
    for etcd in Etcd::shared() {
        let proxy = Proxy::start(etcd.port(), Mode::Close);
        let client = polling(&[proxy.url()]);
        let watcher = watch(&client, "/watched/late");
        proxy.switch(Mode::Pass);
        // When it begins is not known, but it must begin.
        let direct = Client::of(&[etcd.url()], &[]);
        wait_until(Duration::from_secs(30), "a change is seen", || {
            direct.set("/watched/late", "1").ok();
            watcher.next_within(Duration::from_millis(50)).is_some()
        });
    }
}

/// Each proxy in turn does this to a watch, which must go on by way of the other, each time.
fn moves_on_when(mode: Mode, within: Duration) {
    let directory = format!("/watched/{mode:?}");
    let key = format!("{directory}/a");
    for etcd in Etcd::shared() {
        let proxies = [Proxy::start(etcd.port(), Mode::Pass), Proxy::start(etcd.port(), Mode::Pass)];
        let client = polling(&proxies.each_ref().map(Proxy::url));
        let direct = Client::of(&[etcd.url()], &[]);
        let watcher = watch(&client, &directory);
        direct.set(&key, "first").ok();
        assert_eq!(watcher.next_value(), "first");
        for round in 0..4 {
            let [bad, good] = [&proxies[round % 2], &proxies[1 - round % 2]];
            good.switch(Mode::Pass);
            bad.switch(mode);
            let started = Instant::now();
            for i in 0..3 {
                direct.set(&key, &format!("{round} {i}")).ok();
            }
            for i in 0..3 {
                assert_eq!(watcher.next_value(), format!("{round} {i}"), "{mode:?}");
            }
            let took = started.elapsed();
            assert!(took < within + SLACK, "{mode:?}: {took:?}");
        }
    }
}

#[test]
fn a_watch_moves_on_at_once_when_its_endpoint_closes() {
    moves_on_when(Mode::Close, Duration::ZERO);
}

#[test]
fn a_watch_moves_on_at_once_from_a_gateway_that_has_no_server() {
    moves_on_when(Mode::Refuse(502), Duration::ZERO);
    moves_on_when(Mode::Refuse(503), Duration::ZERO);
}

#[test]
fn a_watch_moves_on_when_its_answers_break_off() {
    moves_on_when(Mode::Truncate(300), Duration::ZERO);
}

#[test]
fn a_watch_moves_on_from_one_that_falls_silent() {
    moves_on_when(Mode::BlackHole, POLL);
}

#[test]
fn a_watch_of_a_cluster_outlives_its_leader_and_a_frozen_member() {
    for version in Version::all_with_v2() {
        let cluster = Cluster::start(version, 3);
        let (leader, follower) = cluster.leader_and_follower();
        let last = cluster.members.iter().find(|member| ![leader.name(), follower.name()].contains(&member.name()));
        let last = last.expect("three members");
        let client = polling(&[leader.url(), follower.url(), last.url()]);
        let direct = Client::of(&[last.url()], &[("timeout.request_ms", "1000")]);
        let watchers = [watch(&client, "/"), watch(&client, "/watched"), Watch::of(client.raw(), "/watched/a").pull()];
        let written = |value: &str| {
            // A write of unknown outcome is repeated; the watch shows how often it was carried out.
            wait_until(Duration::from_secs(60), "it is written", || direct.set("/watched/a", value).code() == 0);
        };
        let seen = |value: &str| {
            for watcher in &watchers {
                wait_until(Duration::from_secs(60), "it is seen", || watcher.next_value() == value);
            }
        };
        written("all are there");
        seen("all are there");
        leader.kill();
        written("the leader is dead");
        seen("the leader is dead");
        leader.restart();
        written("it is back");
        seen("it is back");
        // The watches may be served by either of the two by now.
        for member in [leader, follower] {
            member.freeze();
            let started = Instant::now();
            written("one is frozen");
            let took = started.elapsed();
            seen("one is frozen");
            // The watch notices when one poll ends without an answer and the next one gets none.
            let noticed = started.elapsed() - took;
            assert!(noticed < 2 * POLL + SLACK, "{noticed:?}");
            member.thaw();
            written("it goes on");
            seen("it goes on");
        }
    }
}

#[test]
fn a_watch_without_a_server_is_no_busy_loop() {
    let dead = closing_and_counting();
    let client = Client::new(&[("endpoints", &dead.url())]);
    let watcher = Watch::of(client.raw(), "/a").push();
    let (before, started) = (dead.requests().len(), Instant::now());
    // 50, 100, 200, 400, 800 ms, each less up to a half: no more than 8 in a second and a half.
    dead.wait_for_requests(before + 8);
    let took = started.elapsed();
    assert!(took > Duration::from_millis(700), "8 tries in {took:?}");
    watcher.stop();
    watcher.ends();
}

#[test]
fn a_watch_with_a_maximum_delay_of_zero_is_no_busy_loop() {
    let dead = closing_and_counting();
    let client = Client::new(&[("endpoints", &dead.url()), ("retry.max_delay_ms", "0")]);
    let (before, started) = (dead.requests().len(), Instant::now());
    let watcher = Watch::of(client.raw(), "/a").from(5).push();
    dead.wait_for_requests(before + 20);
    watcher.stop();
    watcher.ends();
    // Each try is a request, and one more where the server closed a kept connection; 10 ms lie between them.
    let (tries, took) = (dead.requests().len() - before, started.elapsed());
    assert!(tries as u128 <= 2 * (took.as_millis() / 10 + 2), "{tries} in {took:?}");
}

fn closing_and_counting() -> support::fake::FakeServer {
    support::fake::FakeServer::closing()
}

#[test]
fn a_watch_gives_up_where_no_endpoint_will_ever_do() {
    // Each says that it has no such API. All are asked, once, and the error is the last event.
    let servers = [(); 2].map(|()| FakeServer::answering(crate::response(404, "404 page not found")));
    let client = Client::of(&servers.each_ref().map(FakeServer::url), &[]);
    let watcher = Watch::of(client.raw(), "/a").from(5).push();
    watcher.ends_with(ETCD_ERROR_UNSUPPORTED);
    assert_eq!(crate::counts(&servers), [1, 1]);
}

#[test]
fn a_watch_leaves_an_endpoint_without_the_api() {
    let without = FakeServer::answering(crate::response(404, "404 page not found"));
    for etcd in Etcd::shared() {
        let client = polling(&[without.url(), etcd.url()]);
        let watcher = watch(&client, "/watched/elsewhere");
        let direct = Client::of(&[etcd.url()], &[]);
        for i in 0..3 {
            // It is there by then: the first change may come before it has found its server.
            wait_until(Duration::from_secs(30), "a change is seen", || {
                direct.set("/watched/elsewhere", &i.to_string()).ok();
                watcher.next_within(Duration::from_millis(50)).is_some()
            });
        }
    }
}
