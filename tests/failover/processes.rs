//! What a process has: descriptors that are given back, and children that go on by themselves.

use std::thread;
use std::time::Duration;

use support::alone::alone;
use support::api::*;
use support::child::fork;
use support::cluster::Cluster;
use support::dead::{refusing, void};
use support::fake::FakeServer;
use support::version::Version;

const CHILDREN: usize = 4;
const CALLS: usize = 20;

/// Reads back what it wrote, so that mixed-up answers show.
fn work(client: &Client, number: usize) -> Result<(), String> {
    for i in 0..CALLS {
        let (key, value) = (format!("/fork/{number}"), format!("{i} of {number}"));
        let (written, read) = (client.set(&key, &value), client.get(&key, ETCD_QUORUM));
        let got = read.text("/node/value");
        if written.code() != 0 || got.as_deref() != Some(&value) {
            return Err(format!("{value}: {written} {read}"));
        }
    }
    Ok(())
}

#[test]
fn parent_and_children_share_a_client_of_several_endpoints() {
    alone(parent_and_children_share_a_client_of_several_endpoints, || {
        let cluster = Cluster::steady(Version::V3_4);
        let dead = [refusing(), void()];
        let mut urls = Vec::from_iter(dead.iter().map(|dead| dead.url.clone()));
        urls.extend(cluster.urls());
        let client = &Client::of(&urls, &[("timeout.connect_ms", "1000"), ("sync_interval_ms", "20")]);
        // So that the children inherit connections that are idle.
        thread::scope(|scope| (0..12).for_each(|i| drop(scope.spawn(move || work(client, i).expect("before")))));
        thread::scope(|scope| {
            // Other threads are inside their calls when the process forks.
            let busy = Vec::from_iter((0..4).map(|i| scope.spawn(move || work(client, 100 + i))));
            let children = Vec::from_iter((0..CHILDREN).map(|number| {
                fork(|| {
                    work(client, number)?;
                    // The child has a list of members of its own.
                    let synced = client.sync();
                    if synced.len("") == 5 { work(client, number) } else { Err(synced.raw().to_owned()) }
                })
            }));
            work(client, CHILDREN).expect("the parent, meanwhile");
            children.into_iter().for_each(|child| child.ends_well());
            busy.into_iter().for_each(|thread| thread.join().expect("no panic").expect("the parent's threads"));
        });
        work(client, CHILDREN).expect("the parent, afterwards");
    });
}

const CONNECTIONS: usize = 10_000;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux tells").count()
}

/// Loses every connection, each in the next of six ways.
fn losing() -> FakeServer {
    FakeServer::start(|mut conn| {
        let way = conn.number % 6;
        if way > 0 {
            conn.request();
        }
        let answer = crate::response(200, crate::NODE);
        _ = match way {
            0 | 1 => true,
            2 => conn.say(&answer[..10]),
            3 => conn.say(&answer[..answer.len() - 10]),
            4 => conn.say(b"nonsense\r\n\r\n"),
            _ => conn.say(&answer) && conn.request().is_some(),
        };
        // It leaves nothing behind in the kernel that would be short of ports later.
        conn.reset();
    })
}

#[test]
fn ten_thousand_lost_connections_leave_no_descriptor_behind() {
    alone(ten_thousand_lost_connections_leave_no_descriptor_behind, || {
        let servers = [losing(), losing()];
        let urls = servers.each_ref().map(FakeServer::url);
        let pairs = [("retry.max_delay_ms", "0"), ("timeout.request_ms", "30000")];
        let opened = || servers.iter().map(FakeServer::connections).sum::<usize>();
        // What the first calls set up stays: a key for threads, a mark of this process.
        Client::of(&urls, &pairs).get("/a", 0);
        let before = descriptors();
        let client = Client::of(&urls, &pairs);
        thread::scope(|scope| {
            for _ in 0..4 {
                // Half of them by one client, the other half each by one of its own.
                scope.spawn(|| {
                    while opened() < CONNECTIONS / 2 {
                        client.get("/a", 0);
                        client.set("/a", "1");
                    }
                    while opened() < CONNECTIONS {
                        let client = Client::of(&urls, &pairs);
                        client.set("/a", "1");
                        client.get("/a", 0);
                    }
                });
            }
        });
        drop(client);
        // The servers' sides are closed when they have seen ours close.
        support::wait_until(Duration::from_secs(60), "all descriptors are given back", || descriptors() <= before);
    });
}
