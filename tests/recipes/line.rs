//! What a line costs: each waits for the one before it, so that whoever gives a lock up wakes one, however many wait.

use support::api::*;
use support::etcd::Etcd;
use support::fake::FakeServer;
use support::http;
use support::lease::Lock;
use support::version::Version;
use support::wait_until;

use crate::SECOND;

const WAITING: usize = 16;
/// So long that nothing is kept alive meanwhile.
const TTL: i64 = 600;

/// Candidates in their line, the first of whom holds the lock. Each has a client of its own, as programs have.
fn line(client: impl Fn() -> Client) -> Vec<(Lock, Client)> {
    let candidate = |client: Client| (Lock::open(&client, "/line", "", TTL, 0).expect("a place in its line"), client);
    Vec::from_iter((0..=WAITING).map(|_| candidate(client())))
}

/// Each gives it up once it has it.
fn goes_through(line: Vec<(Lock, Client)>) {
    for (lock, _client) in line {
        assert_eq!(lock.wait(60 * SECOND), 1, "{}", lock.state());
        drop(lock);
    }
}

/// How many requests so far ask for all that stand in the line, and how many wait for one of them.
fn asked(proxy: &FakeServer) -> (usize, usize) {
    let lines = proxy.lines();
    let waits = lines.iter().filter(|line| line.contains("wait=true"));
    let looks = lines.iter().filter(|line| line.starts_with("GET /v2/keys/line?") && !line.contains("wait=true"));
    (looks.count(), waits.count())
}

#[test]
fn over_v2_whoever_gives_a_lock_up_wakes_one() {
    for version in Version::all_with_v2() {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let port = etcd.port();
        let proxy = FakeServer::start(move |conn| conn.relay_requests(port));
        // Each poll lasts until something has happened.
        let line = line(|| proxy.client(&[("api", "v2"), ("watch.poll_ms", "3600000")]));
        wait_until(60 * SECOND, "all wait for another", || asked(&proxy).1 >= WAITING);
        let before = asked(&proxy);
        goes_through(line);
        let after = asked(&proxy);
        println!("{before:?} requests for {WAITING} in line, {after:?} when all had the lock");
        // One look each, and none is woken for nothing: else half a square of them.
        let looks = after.0 - before.0;
        assert!((WAITING..=2 * WAITING).contains(&looks), "{looks} looks");
        assert!(after.1 - before.1 <= WAITING, "{} waits", after.1 - before.1);
    }
}

#[test]
fn over_v3_whoever_gives_a_lock_up_wakes_one() {
    for version in [Version::V3_4, Version::V3_7] {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let calls = || http::counted(etcd.plain_port(), "grpc_server_started_total", "etcdserverpb.KV");
        let watches = || http::counted(etcd.plain_port(), "etcd_debugging_mvcc_watcher_total", "");
        let line = line(|| etcd.client(&[("api", "v3")]));
        wait_until(60 * SECOND, "all listen for another", || watches() as usize > WAITING);
        let before = calls();
        goes_through(line);
        let asked = calls() - before;
        println!("{asked} calls of keys for {WAITING} turns");
        assert!((WAITING as u64..=3 * WAITING as u64).contains(&asked), "{asked} calls");
    }
}
