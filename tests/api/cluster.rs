//! The calls about the cluster: on single servers, on clusters of three, and on one that lost its quorum.

use std::thread;

use support::api::*;
use support::cluster::Cluster;
use support::etcd::{ELECTION, Etcd};
use support::version::Version;
use support::wait_until;
use support::{http, on_each};

fn client(etcd: &Etcd) -> Client {
    Client::connect("127.0.0.1", etcd.port())
}

fn said(etcd: &Etcd, path: &str) -> String {
    http::get(etcd.port(), path).expect("etcd answers").body
}

#[test]
fn a_single_server_describes_itself() {
    on_each(|etcd, client, _| {
        assert_eq!(client.machines().ok().raw(), format!("[\"{}\"]", etcd.url()));
        let members = client.members().ok();
        let leader = client.leader().ok();
        let id = leader.text("/id").expect("an id");
        assert_eq!(members.raw(), format!("{{\"{id}\":{}}}", leader.raw()));
        assert_eq!(leader.raw(), said(etcd, "/v2/members/leader").trim_end());
        assert_eq!(leader.text("/name").as_deref(), Some(etcd.name()));
        assert_eq!(leader.text("/clientURLs/0"), Some(etcd.url()));
        assert_eq!(leader.len("/peerURLs"), 1);
    });
}

#[test]
fn a_server_has_a_version_and_a_health() {
    on_each(|etcd, client, _| {
        let version = client.server_version().ok();
        assert_eq!(version.raw(), said(etcd, "/version"));
        let number = version.text("/etcdserver").expect("a version");
        assert!(number.starts_with(&format!("{}.", etcd.version())), "{number}");
        let health = client.health().ok();
        assert_eq!(health.raw(), said(etcd, "/health"));
        assert_eq!(health.text("/health").as_deref(), Some("true"));
    });
}

#[test]
fn statistics_count_what_was_done() {
    for version in Version::all_with_v2() {
        let etcd = Etcd::start(version); // nobody else does anything on it
        let client = client(&etcd);
        let count = |name: &str| client.stats("store").ok().int(&format!("/{name}"));
        let counts = || ["setsSuccess", "compareAndSwapFail", "deleteSuccess"].map(count);
        let before = counts();
        client.set("/a", "1").ok();
        client.set("/a", "2").ok();
        client.cas("/a", "3", "1").fails(ETCD_ERROR_COMPARE_FAILED);
        client.delete("/a").ok();
        assert_eq!(counts(), [before[0] + 2, before[1] + 1, before[2] + 1]);
        assert_eq!(client.stats("store").ok().raw(), said(&etcd, "/v2/stats/store").trim_end());

        let own = client.stats("self").ok();
        assert_eq!(own.text("/name").as_deref(), Some(etcd.name()));
        assert_eq!(own.text("/state").as_deref(), Some("StateLeader"));
        let leader = client.stats("leader").ok();
        assert_eq!((leader.text("/leader"), leader.len("/followers")), (own.text("/id"), 0));
    }
}

#[test]
fn every_member_of_a_cluster_says_the_same() {
    for version in Version::all_with_v2() {
        let cluster = Cluster::steady(version);
        let (leader, follower) = cluster.leader_and_follower();
        let mut urls = cluster.urls();
        urls.sort();
        for member in &cluster.members {
            let client = client(member);
            let machines = client.machines().ok();
            let mut told = Vec::from_iter((0..3).map(|i| machines.text(&format!("/{i}")).expect("three")));
            told.sort();
            assert_eq!((told, machines.len("")), (urls.clone(), 3));
            let (members, leads) = (client.members().ok(), client.leader().ok());
            assert_eq!(members.len(""), 3);
            assert_eq!(leads.text("/name").as_deref(), Some(leader.name()));
            let id = leads.text("/id").expect("an id");
            assert_eq!(members.text(&format!("/{id}")).as_deref(), Some(leads.raw()));
            assert_eq!(client.health().ok().text("/health").as_deref(), Some("true"));
        }
        assert_eq!(client(leader).stats("leader").ok().len("/followers"), 2);
        assert_eq!(client(follower).stats("self").ok().text("/state").as_deref(), Some("StateFollower"));
        let refused = client(follower).stats("leader").fails(ETCD_ERROR_HTTP);
        assert_eq!((refused.text("/cause").as_deref(), refused.int("/status")), (Some("not current leader"), 403));
    }
}

#[test]
fn what_one_member_writes_a_quorum_read_of_another_sees() {
    for version in Version::all_with_v2() {
        let cluster = Cluster::steady(version);
        let (leader, follower) = cluster.leader_and_follower();
        let (leader, follower) = (client(leader), client(follower));
        for round in 0..20 {
            let value = round.to_string();
            let (writer, reader) = if round % 2 == 0 { (&leader, &follower) } else { (&follower, &leader) };
            let written = writer.set("/a", &value).ok();
            assert_eq!(written.int("/header/etcdIndex"), written.int("/node/modifiedIndex"));
            let read = reader.get("/a", ETCD_QUORUM).ok();
            assert_eq!(read.text("/node/value"), Some(value));
            assert_eq!(read.text("/header/clusterId"), written.text("/header/clusterId"));
        }
    }
}

#[test]
fn a_member_that_is_not_started_yet_is_listed_without_a_name() {
    let cluster = Cluster::steady(Version::V3_4);
    let client = client(&cluster.members[0]);
    let add = r#"{"peerURLs":["http://127.0.0.1:1"]}"#;
    let mut added = None;
    // etcd takes no new member until all have been connected for 5 s.
    wait_until(ELECTION, "etcd takes a new member", || {
        let reply = client.request_with("POST", "/v2/members", Some(add), Some("application/json"));
        added = reply.text("/id");
        added.is_some()
    });
    let members = client.members().ok();
    let pointer = format!("/{}", added.expect("an id"));
    assert_eq!(members.len(""), 4);
    assert_eq!(
        (members.text(&format!("{pointer}/name")).as_deref(), members.len(&format!("{pointer}/clientURLs"))),
        (Some(""), 0)
    );
    assert_eq!(client.machines().ok().len(""), 3);
    wait_until(ELECTION, "etcd lets it go", || {
        let reply = client.request("DELETE", &format!("/v2/members{pointer}"), None);
        // Gone already: an earlier request has been carried out, and its answer was lost.
        reply.code() == 0 || reply.int("/status") == 410
    });
}

#[test]
fn when_the_leader_dies_the_others_name_the_next_one() {
    for version in Version::all_with_v2() {
        let cluster = Cluster::start(version, 3);
        let (leader, follower) = cluster.leader_and_follower();
        let client = client(follower);
        wait_until(ELECTION, "a write is carried out", || client.set("/a", "1").code() == 0);
        leader.kill();
        wait_until(ELECTION, "another one leads", || {
            let told = client.leader();
            told.code() == 0 && told.text("/name").as_deref() != Some(leader.name())
        });
        // An election may come again before all is calm.
        wait_until(ELECTION, "writes are carried out again", || client.set("/a", "2").code() == 0);
        let value = || client.get("/a", ETCD_QUORUM).text("/node/value");
        wait_until(ELECTION, "a quorum tells so", || value().as_deref() == Some("2"));
        assert_eq!(client.members().ok().len(""), 3);
    }
}

#[test]
fn without_a_quorum_etcd_3_4_answers_what_it_can() {
    without_a_quorum(Version::V3_4);
}

#[test]
fn without_a_quorum_etcd_3_5_answers_what_it_can() {
    without_a_quorum(Version::V3_5);
}

fn without_a_quorum(version: Version) {
    let cluster = Cluster::start(version, 3);
    let (_, survivor) = cluster.leader_and_follower();
    // One that waits for etcd's own answer, however late it is.
    let client =
        Client::new(&[("endpoints", &survivor.url()), ("timeout.request_ms", "60000"), ("retry.attempts", "1")]);
    wait_until(ELECTION, "a write is carried out", || client.set("/d/a", "1").code() == 0);
    let seen = || client.get("/d/a", ETCD_QUORUM).code() == 0; // by this member, too
    wait_until(ELECTION, "it is read by a quorum", seen);
    let dead = Vec::from_iter(cluster.members.iter().filter(|member| member.name() != survivor.name()));
    dead.iter().for_each(|member| member.kill());

    wait_until(ELECTION, "the survivor knows no leader", || client.leader().code() != 0);
    let leaderless = client.leader().fails(ETCD_ERROR_HTTP);
    assert_eq!((leaderless.int("/status"), leaderless.text("/cause").as_deref()), (503, Some("During election")));
    wait_until(ELECTION, "it is sick", || client.health().text("/health").as_deref() == Some("false"));
    assert_eq!(client.health().ok().text("/health").as_deref(), Some("false"));

    assert_eq!(client.get("/d", ETCD_RECURSIVE | ETCD_SORTED).ok().text("/node/nodes/0/value").as_deref(), Some("1"));
    client.get("/none", 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
    assert!(client.exists("/d/a").unwrap());
    assert_eq!((client.machines().ok().len(""), client.members().ok().len("")), (3, 3));
    client.server_version().ok();
    client.stats("store").ok();

    // Each ends after the 7 s that etcd waits for its peers; together, they take no longer.
    let reads: [fn(&Client) -> Reply; 3] = [
        |client| client.get("/d", ETCD_QUORUM),
        |client| client.updatedir("/d", 5),
        |client| client.cad("/d/a", Some(&"x".repeat(5000)), 0),
    ];
    let writes: [fn(&Client) -> Reply; 7] = [
        |client| client.set("/d/a", "2"),
        |client| client.create("/d/b", "1"),
        |client| client.set_with("/d", "1", 0, ETCD_ORDERED),
        |client| client.cas("/d/a", "2", "1"),
        |client| client.cad("/d/a", Some("2"), 0),
        |client| client.deletedir("/d", ETCD_RECURSIVE),
        |client| client.request("PUT", "/v2/keys/d/a", Some("value=2")),
    ];
    let client = &client;
    thread::scope(|scope| {
        let reads = reads.map(|read| scope.spawn(move || read(client).fails(ETCD_ERROR_RAFT_INTERNAL)));
        let writes = writes.map(|write| scope.spawn(move || write(client).fails(ETCD_ERROR_OUTCOME_UNKNOWN)));
        for thread in reads.into_iter().chain(writes) {
            let reply = thread.join().expect("as expected");
            let cause = reply.text("/cause").expect("a cause");
            assert!(cause.contains("etcdserver: request timed out"), "{reply}");
            assert_eq!(reply.int("/status"), 500);
        }
    });

    dead.iter().for_each(|member| member.restart_alone());
    cluster.members.iter().for_each(Etcd::wait_until_ready);
    wait_until(ELECTION, "writes are carried out again", || client.set("/d/a", "3").code() == 0);
    let value = || client.get("/d/a", ETCD_QUORUM).text("/node/value");
    wait_until(ELECTION, "a quorum tells so", || value().as_deref() == Some("3"));
    wait_until(ELECTION, "there is a leader", || client.leader().code() == 0);
}
