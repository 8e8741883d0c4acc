//! A cluster that loses its leader, has a member frozen, and loses its quorum, one after the other.

use std::thread;
use std::time::{Duration, Instant};

use support::api::*;
use support::cluster::Cluster;
use support::etcd::{ELECTION, Etcd};
use support::version::Version;
use support::wait_until;

use crate::ledger::Ledger;
use crate::servers::{Ctl, client_of, is_without_quorum, set_at_last};

/// Of three endpoints each has a third of it.
const TIME: &str = "6000";
const PAIRS: [(&str, &str); 2] = [("timeout.request_ms", TIME), ("retry.max_delay_ms", "50")];

#[test]
fn etcd_3_4_loses_members_and_nothing_else() {
    members_are_lost(Version::V3_4);
}

#[test]
fn etcd_3_6_loses_members_and_nothing_else() {
    members_are_lost(Version::V3_6);
}

fn members_are_lost(version: Version) {
    let cluster = Cluster::start(version, 3);
    let client = &client_of(&cluster.urls(), &PAIRS);
    leader_is_killed(&cluster, client);
    leader_is_frozen(&cluster, client);
    quorum_is_lost(&cluster, client);
}

fn leader_is_killed(cluster: &Cluster, client: &Client) {
    let ledger = Ledger::keep(client, "/killed", 4, || {
        set_at_last(client, "/between", "1");
        let (leader, follower) = cluster.leader_and_follower();
        leader.kill();
        let others = crate::servers::client(follower, &PAIRS);
        set_at_last(&others, "/between", "2");
        set_at_last(client, "/between", "3");
        leader.restart();
    });
    ledger.balances(&Ctl::of(&cluster.members[0]));
    assert!(ledger.totals().0 > 10, "{:?}", ledger.totals());
}

fn leader_is_frozen(cluster: &Cluster, client: &Client) {
    let (leader, follower) = cluster.leader_and_follower();
    // It is asked first, and is known to be good.
    let first = client_of(&[leader.url(), follower.url()], &PAIRS);
    first.set_at_last("/frozen/first", "1");
    let ledger = Ledger::keep(client, "/frozen", 4, || {
        leader.freeze();
        set_at_last(&crate::servers::client(follower, &PAIRS), "/between", "4");
        let began = Instant::now();
        // A write that is sent waits for its answer; the next one is not sent there.
        let write = first.create("/frozen/new", "1");
        assert!(matches!(write.code(), 0 | ETCD_ERROR_OUTCOME_UNKNOWN), "{write}");
        first.set("/frozen/next", "1").ok();
        // A read has time left for the other one.
        client.get("/frozen/first", 0).ok();
        assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
        set_at_last(client, "/between", "5");
        leader.thaw();
    });
    let answers = || client.get("/between", ETCD_QUORUM).code() == 0;
    wait_until(ELECTION, "all is well again", answers);
    ledger.balances(&Ctl::of(follower));
    let version = Ctl::of(follower).version("/frozen/new");
    assert!(version <= 1, "{version}");
}

fn quorum_is_lost(cluster: &Cluster, client: &Client) {
    set_at_last(client, "/lost", "1");
    let last = &cluster.members[2];
    let at_last = crate::servers::client(last, &PAIRS);
    at_last.get_at_last("/lost", 0).ok(); // so that it has it, too
    cluster.members[..2].iter().for_each(Etcd::kill);
    let began = Instant::now();
    let calls: [fn(&Client) -> Reply; 6] = [
        |client| client.set("/lost", "2"),
        |client| client.create("/lost/new", "2"),
        |client| client.set_with("/lost_q", "2", 0, ETCD_ORDERED),
        |client| client.delete("/lost"),
        |client| client.set_with("/lost_ttl", "2", 60, 0),
        |client| client.get("/lost", ETCD_QUORUM),
    ];
    thread::scope(|scope| {
        let codes = calls.map(|call| scope.spawn(move || call(client)));
        for _ in 0..10 {
            // Its own copy, which needs nobody else.
            assert_eq!(client.get("/lost", 0).ok().text("/node/value").as_deref(), Some("1"));
        }
        client.members().ok();
        let replies = codes.map(|call| call.join().expect("no panic"));
        for reply in &replies {
            assert!(is_without_quorum(reply.code()), "{reply}");
        }
        assert_eq!(replies[5].code(), ETCD_ERROR_TIMEOUT, "{}", replies[5]);
    });
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    cluster.members[..2].iter().for_each(Etcd::restart_alone);
    set_at_last(&crate::servers::client(last, &PAIRS), "/back", "1");
    set_at_last(client, "/back", "2");
    let written = Ctl::of(last).version("/lost");
    assert!(written <= 2, "at most one of the writes of unknown outcome: {written}");
}
