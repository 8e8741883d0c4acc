//! What many leases and locks cost.

use std::fs::{self, DirEntry};
use std::time::{Duration, Instant};

use support::alone::alone;
use support::etcd::Etcd;
use support::lease::{Leadership, Lease, Lock};
use support::version::Version;
use support::{http, is_readable, wait_until};

use crate::{LONG, SECOND, client, is_kept_alive};

fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("Linux tells").count()
}

/// How many threads of this name there are.
fn named(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux tells");
    let is_it =
        |task: &DirEntry| fs::read_to_string(task.path().join("comm")).is_ok_and(|found| found.trim_end() == name);
    tasks.flatten().filter(|task| is_it(task)).count()
}

/// How many requests to keep a lease alive the server has taken.
fn asked(etcd: &Etcd) -> usize {
    http::counted(etcd.plain_port(), "grpc_server_msg_received_total", "\"LeaseKeepAlive\"") as usize
}

#[test]
fn a_thousand_leases_cost_one_thread_and_one_request_each_a_third_of_the_ttl() {
    const COUNT: usize = 1000;
    const THIRD: Duration = Duration::from_secs(4);
    alone(a_thousand_leases_cost_one_thread_and_one_request_each_a_third_of_the_ttl, || {
        let etcd = Etcd::start(Version::V3_6);
        let client = client(&etcd, "v3");
        let ttl = 3 * THIRD.as_secs() as i64;
        let before = threads();
        let mut leases = vec![Lease::open(&client, ttl).expect("a lease")];
        wait_until(30 * SECOND, "the first is kept alive", || asked(&etcd) > 0);
        let with_one = threads();
        // The leases' own, and that of all the client's streams.
        assert!(with_one <= before + 2, "{before} and {with_one}");
        leases.extend((1..COUNT).map(|_| Lease::open(&client, ttl).expect("a lease")));
        let all_once = asked(&etcd) + COUNT;
        wait_until(60 * SECOND, "all are kept alive", || asked(&etcd) >= all_once);
        let (began, first) = (Instant::now(), asked(&etcd));
        assert_eq!(threads(), with_one);
        wait_until(60 * SECOND, "they are for two more rounds", || asked(&etcd) >= first + 2 * COUNT);
        // A round's requests may begin to come just before it is due.
        assert!(began.elapsed() >= THIRD, "{:?}", began.elapsed());
        assert!(leases.iter().all(|lease| lease.is("alive")));
    });
}

#[test]
fn leases_and_locks_of_derived_clients_share_their_parents_threads() {
    alone(leases_and_locks_of_derived_clients_share_their_parents_threads, || {
        let etcd = Etcd::start(Version::V3_6);
        // Which API it is is not known before the first call.
        let parent = client(&etcd, "auto");
        let before = Lease::register(&parent, "/before", "", LONG).expect("a registration");
        let made = |number: usize| {
            let root = format!("/{number}/");
            let child = parent.with(&[("root", &root), ("timeout.request_ms", "20000")]);
            let lease = Lease::register(&child, "/here", "", LONG).expect("a registration");
            let lock = Lock::open(&child, "/lock", "", LONG, 0).expect("a lock");
            assert_eq!(lock.wait(30 * SECOND), 1);
            (child, lease, lock)
        };
        let mut all = Vec::from_iter((0..20).map(made));
        assert_eq!(["etcd-lease", "etcd-recipe"].map(named), [1, 1]);
        // One ends, with what it has; the others go on.
        let (child, lease, lock) = all.swap_remove(7);
        let fd = lease.fd();
        drop(child);
        assert!(is_readable(fd, 30 * SECOND) && lease.is("lost"));
        assert_eq!(lock.wait(30 * SECOND), -1);
        is_kept_alive(&all[0].1);
        assert!(all.iter().all(|(_, lease, lock)| lease.is("alive") && lock.is_held()) && before.is("alive"));
        assert_eq!(["etcd-lease", "etcd-recipe"].map(named), [1, 1]);
    });
}

#[test]
fn a_hundred_locks_that_wait_cost_no_thread_each() {
    alone(a_hundred_locks_that_wait_cost_no_thread_each, || {
        let etcd = Etcd::start(Version::V3_5);
        let client = client(&etcd, "v3");
        let before = threads();
        let mut locks = Vec::from_iter((0..100).map(|_| Lock::open(&client, "/lock", "", LONG, 0).expect("a place")));
        assert_eq!(locks[0].wait(30 * SECOND), 1);
        assert!(threads() <= before + 3, "{before} and {}", threads());
        // From the back of the line: nobody else's turn comes.
        for lock in locks.drain(1..).rev() {
            assert_eq!(lock.wait(Duration::ZERO), 0);
        }
        assert!(locks[0].is_held());
    });
}

#[test]
fn a_hundred_watches_of_who_leads_cost_no_thread_each() {
    alone(a_hundred_watches_of_who_leads_cost_no_thread_each, || {
        let etcd = Etcd::start(Version::V3_6);
        let client = client(&etcd, "v3");
        let before = threads();
        let watches = Vec::from_iter((0..100).map(|_| Leadership::watch(&client, "/leader")));
        watches.iter().for_each(|watch| assert_eq!(watch.next(), None));
        for leader in ["one", "two"] {
            let lock = Lock::open(&client, "/leader", leader, LONG, 0).expect("a candidate");
            watches.iter().for_each(|watch| watch.until(Some(leader)));
            // Those that ask servers for all of them may be at it.
            wait_until(30 * SECOND, "few threads are left", || threads() <= before + 7);
            drop(lock);
            watches.iter().for_each(|watch| watch.until(None));
        }
    });
}
