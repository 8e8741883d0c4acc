//! Members that come and go under traffic.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use etcd::ffi::admin::{etcd_member_add, etcd_member_promote, etcd_member_remove};

use support::api::*;
use support::cluster::Cluster;
use support::etcd::Etcd;
use support::port;
use support::version::Version;
use support::wait::{Ends, wait_until};

/// etcd takes no change of members until all have been connected for 5 s.
const CHANGE: Duration = Duration::from_secs(60);

fn add(client: &Client, peer: &str) -> Reply {
    unsafe { Reply::take(etcd_member_add(client.raw(), c(peer).as_ptr())) }
}

fn remove(client: &Client, id: &str) -> Reply {
    unsafe { Reply::take(etcd_member_remove(client.raw(), c(id).as_ptr())) }
}

fn promote(client: &Client, id: &str) -> Reply {
    unsafe { Reply::take(etcd_member_promote(client.raw(), c(id).as_ptr())) }
}

/// Adds a member and starts it.
fn join(cluster: &Cluster, client: &Client, add: impl Fn(&str) -> Reply) -> Etcd {
    let peer = format!("http://127.0.0.1:{}", port::free(1)[0]);
    wait_until(CHANGE, "etcd takes a new member", || {
        let reply = add(&peer);
        // There already: an earlier request has been carried out, and its answer was lost.
        reply.code() == 0 || reply.int("/status") == 409
    });
    let mut initial = String::new();
    wait_until(CHANGE, "the member that is asked knows of it", || {
        let members = client.members().ok().json();
        let peers = members.as_object().expect("members by their ids").values().map(|member| {
            let name = member["name"].as_str().filter(|name| !name.is_empty()).unwrap_or("m3");
            format!("{name}={}", member["peerURLs"][0].as_str().expect("a peer URL"))
        });
        initial = Vec::from_iter(peers).join(",");
        initial.contains(&peer)
    });
    let extra = [
        ["--name", "m3"],
        ["--initial-cluster", &initial],
        ["--initial-cluster-state", "existing"],
        ["--listen-peer-urls", &peer],
        ["--initial-advertise-peer-urls", &peer],
    ];
    Etcd::start_with(cluster.members[0].version(), &extra.concat())
}

fn has(client: &Client, url: &str) -> bool {
    client.sync().ok().json().as_array().is_some_and(|urls| urls.iter().any(|known| known == url))
}

/// Waits until the cluster has this member, or no longer has it: a member may hear of a change later than others.
fn wait_until_it_has(client: &Client, url: &str, is_there: bool) {
    wait_until(CHANGE, &format!("{url} is known: {is_there}"), || has(client, url) == is_there);
}

/// The id of the member with that client URL.
fn id_of(client: &Client, url: &str) -> Option<String> {
    let members = client.members().ok().json();
    let mut members = members.as_object().expect("by their ids").iter();
    members.find(|(_, member)| member["clientURLs"][0] == url).map(|(id, _)| id.clone())
}

/// Has the member with that client URL removed.
fn leave(client: &Client, url: &str) {
    let id = &id_of(client, url).expect("it is a member");
    wait_until(CHANGE, "etcd lets a member go", || {
        let reply = remove(client, id);
        // Gone already: as above.
        reply.code() == 0 || matches!(reply.int("/status"), 404 | 410)
    });
}

/// Writes and reads keys of its own until it is to stop, and counts them; what was acknowledged.
fn traffic(client: &Client, number: usize, stop: &AtomicBool, written: &AtomicUsize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for i in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let key = format!("/members/{number}/{i}");
        match client.create(&key, "1").code() {
            0 => {
                client.get_at_last(&key, 0).ok();
                acknowledged.push(key);
            }
            // A member that leaves does not answer the requests under way.
            code => assert_eq!(code, ETCD_ERROR_OUTCOME_UNKNOWN),
        }
        written.fetch_add(1, Ordering::SeqCst);
    }
    acknowledged
}

#[test]
fn a_member_comes_and_another_goes_under_traffic() {
    let cluster = Cluster::start(Version::V3_4, 3);
    let (staying, going) = cluster.leader_and_follower();
    let client = &Client::of(&cluster.urls(), &[]);
    let (stop, written) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    thread::scope(|scope| {
        let ends = Ends(stop);
        let writers = [0, 1, 2, 3].map(|number| scope.spawn(move || traffic(client, number, stop, written)));
        let newcomer = join(&cluster, client, |peer| add(client, peer));
        wait_until_it_has(client, &newcomer.url(), true);
        leave(client, &going.url());
        let before = written.load(Ordering::SeqCst);
        wait_until(CHANGE, "the writers go on", || written.load(Ordering::SeqCst) > before + 100);
        drop(ends);
        let acknowledged = writers.map(|writer| writer.join().expect("as expected"));
        assert!(has(client, &newcomer.url()), "{}", client.sync());
        assert!(has(client, &going.url()), "it is configured");

        let other = Client::of(&[staying.url()], &[]);
        wait_until_it_has(&other, &newcomer.url(), true);
        wait_until_it_has(&other, &going.url(), false);
        leave(&other, &newcomer.url());
        wait_until_it_has(&other, &newcomer.url(), false);
        for key in acknowledged.iter().flatten() {
            other.get_at_last(key, 0).ok();
        }
    });
}

#[test]
fn a_learner_is_promoted_and_removed_over_v3() {
    for version in [Version::V3_5, Version::V3_6] {
        println!("on etcd {version}:");
        let cluster = Cluster::start(version, 1);
        let client = Client::of(&cluster.urls(), &[("api", "v3")]);
        let add = |peer: &str| {
            let request = format!(r#"{{"peer_urls":["{peer}"],"is_learner":true}}"#);
            client.call("cluster/member/add", &request)
        };
        let learner = join(&cluster, &client, add);
        let mut id = None;
        wait_until(CHANGE, "it tells its URL", || {
            id = id_of(&client, &learner.url());
            id.is_some()
        });
        let id = id.expect("it was waited for");
        let is_learner = || client.members().ok().json()[&id]["isLearner"].clone();
        assert_eq!(is_learner(), true);
        let mut promoted = None;
        wait_until(CHANGE, "it has caught up", || {
            let reply = promote(&client, &id);
            match reply.code() {
                0 => promoted = Some(reply),
                // Not yet; or it was, and the answer was lost.
                code => assert!(matches!(code, ETCD_ERROR_HTTP | ETCD_ERROR_OUTCOME_UNKNOWN | 300 | 301), "{reply}"),
            }
            promoted.is_some() || is_learner() != true
        });
        if let Some(promoted) = promoted {
            assert_eq!(promoted.text("/id").as_deref(), Some(&*id), "{promoted}");
            assert_ne!(promoted.json()["isLearner"], true, "{promoted}");
        }
        // It has a vote: reads that a majority agrees on are answered there.
        let there = Client::of(&[learner.url()], &[("api", "v3")]);
        there.set_at_last("/promoted", "1");
        assert_eq!(promote(&client, &id).fails(ETCD_ERROR_HTTP).int("/status"), 409, "it is none any more");

        leave(&client, &learner.url());
        wait_until(CHANGE, "it is gone", || id_of(&client, &learner.url()).is_none());
        assert_eq!(remove(&client, &id).fails(ETCD_ERROR_HTTP).int("/status"), 404);
        client.set_at_last("/removed", "1");
    }
}
