//! A cluster that loses its members one by one, or cannot hear them: reads work as long as one is left, and
//! errors of writes say whether they may have been carried out.

use std::thread;
use std::time::{Duration, Instant};

use support::api::*;
use support::cluster::Cluster;
use support::etcd::{ELECTION, Etcd};
use support::version::Version;
use support::wait_until;

fn client(cluster: &Cluster, pairs: &[(&str, &str)]) -> Client {
    Client::of(&cluster.urls(), pairs)
}

/// Repeats a write until it is carried out. A write of unknown outcome that had been carried out fails the next time,
/// with this code.
fn is_carried_out(write: impl Fn() -> Reply, already: i32) {
    let mut is_unknown = false;
    wait_until(ELECTION, "a write is carried out", || match write().code() {
        0 => true,
        ETCD_ERROR_UNAVAILABLE => false,
        ETCD_ERROR_OUTCOME_UNKNOWN => {
            is_unknown = true;
            false
        }
        code => {
            assert!(is_unknown && code == already, "{code}");
            true
        }
    });
}

#[test]
fn reads_answer_as_long_as_one_member_of_etcd_3_4_is_left() {
    members_die_one_by_one(Version::V3_4);
}

#[test]
fn reads_answer_as_long_as_one_member_of_etcd_3_5_is_left() {
    members_die_one_by_one(Version::V3_5);
}

fn members_die_one_by_one(version: Version) {
    let cluster = Cluster::start(version, 3);
    let client = &client(&cluster, &[]);
    client.set_at_last("/a", "1");
    for member in &cluster.members {
        Client::of(&[member.url()], &[]).get_at_last("/a", 0).ok(); // so that it has it, too
    }

    // The one that the client has asked so far.
    cluster.members[0].kill();
    client.get("/a", 0).ok();
    client.set_at_last("/a", "2");
    is_carried_out(|| client.create("/b", "1"), ETCD_ERROR_KEY_EXISTS);
    is_carried_out(|| client.cas("/b", "2", "1"), ETCD_ERROR_COMPARE_FAILED);
    assert_eq!(client.get_at_last("/a", 0).ok().text("/node/value").as_deref(), Some("2"));
    wait_until(ELECTION, "the last one has it, too", || {
        let answer = support::http::get(cluster.members[2].port(), "/v2/keys/a");
        answer.is_some_and(|answer| answer.body.contains(r#""value":"2""#))
    });

    cluster.members[1].kill();
    let writes: [fn(&Client) -> Reply; 6] = [
        |client| client.set("/a", "3"),
        |client| client.set_with("/q", "3", 0, ETCD_ORDERED),
        |client| client.create("/c", "3"),
        |client| client.cas("/a", "3", "2"),
        |client| client.delete("/b"),
        |client| client.deletedir("/d", ETCD_RECURSIVE),
    ];
    thread::scope(|scope| {
        // Each waits for etcd's own answer, which takes 7 s.
        let writes = writes.map(|write| scope.spawn(move || write(client).code()));
        let quorum = scope.spawn(|| client.get("/a", ETCD_QUORUM).code());
        for _ in 0..20 {
            assert_eq!(client.get("/a", 0).ok().text("/node/value").as_deref(), Some("2"));
        }
        assert!(client.exists("/a").expect("an answer"));
        assert_eq!(client.members().ok().len(""), 3);
        for write in writes {
            assert_eq!(write.join().expect("it returns"), ETCD_ERROR_OUTCOME_UNKNOWN);
        }
        let code = quorum.join().expect("it returns");
        assert!(matches!(code, ETCD_ERROR_RAFT_INTERNAL | ETCD_ERROR_TIMEOUT | ETCD_ERROR_UNAVAILABLE), "{code}");
    });

    cluster.members.iter().take(2).for_each(Etcd::restart_alone);
    client.set_at_last("/a", "4");

    cluster.members.iter().for_each(Etcd::kill);
    client.get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
    client.set("/a", "5").fails(ETCD_ERROR_UNAVAILABLE);
    client.create("/e", "5").fails(ETCD_ERROR_UNAVAILABLE);
}

#[test]
fn with_etcd_3_4_followers_frozen_a_write_is_done_at_most_once() {
    followers_are_frozen(Version::V3_4);
}

#[test]
fn with_etcd_3_5_followers_frozen_a_write_is_done_at_most_once() {
    followers_are_frozen(Version::V3_5);
}

fn followers_are_frozen(version: Version) {
    let cluster = Cluster::start(version, 3);
    let (leader, _) = cluster.leader_and_follower();
    let followers = Vec::from_iter(cluster.members.iter().filter(|member| member.name() != leader.name()));
    // For each of three endpoints a third of it.
    const TIME: Duration = Duration::from_secs(6);
    let time = TIME.as_millis().to_string();
    let pairs = [("timeout.request_ms", &*time), ("retry.attempts", "100"), ("retry.max_delay_ms", "10")];
    // The leader first, last, and not at all.
    let orders = [
        vec![leader.url(), followers[0].url(), followers[1].url()],
        vec![followers[0].url(), followers[1].url(), leader.url()],
        followers.iter().map(|follower| follower.url()).collect(),
    ];
    let clients = &orders.map(|urls| Client::of(&urls, &pairs));
    clients[0].set_at_last("/frozen/old", "0");
    for member in &cluster.members {
        Client::of(&[member.url()], &[]).get_at_last("/frozen/old", 0).ok(); // so that it has it, too
    }
    let old = clients[0].get_at_last("/frozen/old", 0).ok();

    followers.iter().for_each(|follower| follower.freeze());
    let started = Instant::now();
    thread::scope(|scope| {
        for (i, client) in clients.iter().enumerate() {
            scope.spawn(move || client.set(&format!("/frozen/set{i}"), "1").fails(ETCD_ERROR_OUTCOME_UNKNOWN));
            scope.spawn(move || client.create(&format!("/frozen/new{i}"), "1").fails(ETCD_ERROR_OUTCOME_UNKNOWN));
            let append = move || client.set_with("/frozen/queue", &i.to_string(), 0, ETCD_ORDERED);
            scope.spawn(move || append().fails(ETCD_ERROR_OUTCOME_UNKNOWN));
        }
        // Two of the clients have an endpoint that answers.
        for client in &clients[..2] {
            scope.spawn(|| client.get("/frozen/old", 0).ok());
        }
        scope.spawn(|| clients[2].get("/frozen/old", 0).fails(ETCD_ERROR_TIMEOUT));
    });
    let took = started.elapsed();
    assert!(took < TIME + Duration::from_secs(10), "{took:?}");

    followers.iter().for_each(|follower| follower.thaw());
    let from = old.int("/header/etcdIndex") as u64 + 1;
    // What comes before it in the log has been carried out by then.
    clients[0].set_at_last("/frozen/end", "end");
    let events = clients[0].watch("/frozen").recursive().from(from).push().until_value("end");
    let mut written = Vec::from_iter(events.iter().map(|event| match event.action() {
        "create" if event.key().starts_with("/frozen/queue/") => format!("queue {}", event.value()),
        _ => event.key().to_owned(),
    }));
    let all = written.len();
    written.sort();
    written.dedup();
    assert!(written.len() == all && all <= 3 * clients.len(), "{events:?}");
}
