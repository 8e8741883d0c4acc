//! Holders whose servers stand still for longer than the ttl: they know by their own clock, and act no more.

use std::time::{Duration, Instant};

use support::api::*;
use support::cluster::Cluster;
use support::etcd::{ELECTION, Etcd};
use support::is_readable;
use support::lease::{Lease, Lock};
use support::version::Version;
use support::wait_until;

use crate::{LATE, LONG, SECOND, client, is_kept_alive};

const TTL: i64 = 6;
/// No server is asked, so it takes no time; if one were, it would take until the servers go on.
const AT_ONCE: Duration = Duration::from_secs(5);

const EACH: [(Version, &str); 4] =
    [(Version::V3_4, "v2"), (Version::V3_5, "v2"), (Version::V3_4, "v3"), (Version::V3_7, "v3")];

/// A registration and a lock that were kept alive.
fn held(client: &Client) -> (Lease, Lock) {
    let here = Lease::register(client, "/s/1", "me", TTL).expect("a registration");
    let lock = Lock::open(client, "/lock", "", TTL, 0).expect("a lock");
    assert_eq!(lock.wait(30 * SECOND), 1);
    is_kept_alive(&here);
    (here, lock)
}

/// Polls the lock's descriptor: that it is over is told by its deadline, while no server says a word.
#[track_caller]
fn is_known_by_the_deadline(here: &Lease, lock: &Lock) {
    let began = Instant::now();
    assert!(lock.is_held(), "{}", lock.state());
    assert!(is_readable(lock.fd(), 60 * SECOND) && lock.wait(Duration::ZERO) == -1, "{}", lock.state());
    // What had been answered before may have been taken after this began, and a busy machine wakes nobody on time.
    let limit = TTL as u32 * SECOND + AT_ONCE;
    assert!(began.elapsed() < limit, "{:?}: {}", began.elapsed(), lock.state());
    wait_until(limit, "so is the registration", || here.remaining().is_zero());
    assert!(here.is("lost"), "{}", here.state());
}

/// Nothing is done in its name any more, and no server is asked.
#[track_caller]
fn acts_no_more(lock: &Lock) {
    let began = Instant::now();
    lock.txn(LATE).fails(ETCD_ERROR_COMPARE_FAILED);
    lock.proclaim("late").fails(ETCD_ERROR_COMPARE_FAILED);
    assert_eq!((lock.wait(SECOND), lock.token(), lock.remaining()), (-1, 0, Duration::ZERO));
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[test]
fn who_holds_a_lock_of_a_cluster_that_stands_still_knows_by_the_deadline() {
    for (version, api) in EACH {
        println!("on etcd {version} over {api}:");
        let cluster = Cluster::start(version, 3);
        let client = Client::of(&cluster.urls(), &[("api", api)]);
        let (here, lock) = held(&client);
        cluster.members.iter().for_each(Etcd::freeze);
        is_known_by_the_deadline(&here, &lock);
        acts_no_more(&lock);
        cluster.members.iter().for_each(Etcd::thaw);
        acts_no_more(&lock);
        // Whether its key is still there or not; and there may be no leader yet.
        let mut next = None;
        wait_until(ELECTION, "there is a place in its line", || {
            next = Lock::open(&client, "/lock", "", LONG, 0).ok();
            next.is_some()
        });
        let next = next.expect("it was waited for");
        assert_eq!(next.wait(60 * SECOND), 1, "{}", next.state());
        acts_no_more(&lock);
        assert_eq!(client.get_at_last("/acted", 0).code(), ETCD_ERROR_KEY_NOT_FOUND);
        wait_until(60 * SECOND, "the registration is made again", || here.is("alive") && here.renewals() > 0);
        assert_eq!(client.get_at_last("/s/1", 0).text("/node/value").as_deref(), Some("me"));
    }
}

/// The others go on, and so does the next in line.
#[test]
fn who_holds_a_lock_by_a_member_that_stands_still_knows_before_another_has_it() {
    for (version, api) in EACH {
        println!("on etcd {version} over {api}:");
        let cluster = Cluster::start(version, 3);
        let (leader, follower) = cluster.leader_and_follower();
        let (mine, other) = (client(follower, api), client(leader, api));
        let (here, lock) = held(&mine);
        let next = Lock::open(&other, "/lock", "", LONG, 0).expect("a place in its line");
        follower.freeze();
        assert_eq!(next.wait(60 * SECOND), 1, "{}", next.state());
        // At the first look, whatever has been done in the background by then.
        acts_no_more(&lock);
        wait_until(30 * SECOND, "the registration is gone", || other.get("/s/1", ETCD_QUORUM).code() == 100);
        assert!(here.remaining().is_zero() && here.is("lost"), "{}", here.state());
        follower.thaw();
        acts_no_more(&lock);
        assert_eq!(other.get("/acted", ETCD_QUORUM).code(), ETCD_ERROR_KEY_NOT_FOUND);
        wait_until(60 * SECOND, "the registration is made again", || here.is("alive") && here.renewals() > 0);
        assert!(next.is_held(), "{}", next.state());
    }
}
