//! What a process has: descriptors that are given back, and children that go on by themselves.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::alone::alone;
use crate::child::fork;
use crate::configured::Configured;
use crate::dead::{refusing, void};
use crate::support::api::*;
use crate::support::etcd::{Cluster, Etcd, Version};
use crate::support::port;

const CHILDREN: usize = 4;
const CALLS: usize = 20;

/// Reads back what it wrote itself: answers that got mixed up would show.
fn work(client: &Configured, number: usize) -> Result<(), String> {
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
fn parent_and_children_go_on_with_one_client_of_several_endpoints() {
    alone("processes::parent_and_children_go_on_with_one_client_of_several_endpoints", || {
        let cluster = Cluster::steady(Version::V3_4);
        let dead = [refusing(), void()];
        let mut urls = Vec::from_iter(dead.iter().map(|dead| dead.url.clone()));
        urls.extend(cluster.members.iter().map(Etcd::url));
        let client = &Configured::of(&urls, &[("timeout.connect_ms", "1000"), ("sync_interval_ms", "20")]);
        // So that there are connections to inherit that nobody is using then.
        thread::scope(|scope| (0..12).for_each(|i| drop(scope.spawn(move || work(client, i).expect("before")))));
        thread::scope(|scope| {
            // Others are in the midst of their calls when the process forks.
            let busy = Vec::from_iter((0..4).map(|i| scope.spawn(move || work(client, 100 + i))));
            let children = Vec::from_iter((0..CHILDREN).map(|number| {
                fork(|| {
                    work(client, number)?;
                    // Its own list of members, too, has to be its own.
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

/// Loses every connection, each in the next of six ways. It runs in a thread until the process ends.
fn losing() -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = port::listen();
    let url = format!("http://127.0.0.1:{}", port::of(&listener));
    let count = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
    let counted = count.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let number = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            lose(stream.expect("a connection"), number);
        }
    });
    (url, count)
}

fn lose(mut stream: TcpStream, number: usize) {
    // A reset leaves nothing behind in the kernel that would be short of ports later.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket can linger");
    if number.is_multiple_of(6) {
        return;
    }
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time");
    let _ = stream.read(&mut [0; 1024]); // whatever came, it is lost now
    let answer = crate::reply(200, crate::NODE);
    let _ = match number % 6 {
        1 => Ok(()),
        2 => stream.write_all(&answer[..10]),
        3 => stream.write_all(&answer[..answer.len() - 10]),
        4 => stream.write_all(b"nonsense\r\n\r\n"),
        _ => stream.write_all(&answer).and_then(|()| stream.read(&mut [0]).map(drop)),
    };
}

#[test]
fn ten_thousand_lost_connections_leave_no_descriptor_behind() {
    alone("processes::ten_thousand_lost_connections_leave_no_descriptor_behind", || {
        let servers = [losing(), losing()];
        let urls = servers.each_ref().map(|(url, _)| url.clone());
        let pairs = [("retry.max_delay_ms", "0"), ("timeout.request_ms", "30000")];
        let opened = || servers.iter().map(|(_, count)| count.load(std::sync::atomic::Ordering::SeqCst)).sum::<usize>();
        // What the first calls set up stays: a key for threads, a way to tell forks.
        Configured::of(&urls, &pairs).get("/a", 0);
        let before = descriptors();
        let client = Configured::of(&urls, &pairs);
        thread::scope(|scope| {
            for _ in 0..4 {
                // Half of them by one client, the other half each by one of its own.
                scope.spawn(|| {
                    while opened() < CONNECTIONS / 2 {
                        client.get("/a", 0);
                        client.set("/a", "1");
                    }
                    while opened() < CONNECTIONS {
                        let client = Configured::of(&urls, &pairs);
                        client.set("/a", "1");
                        client.get("/a", 0);
                    }
                });
            }
        });
        drop(client);
        // The servers' sides are closed when they have seen ours close.
        crate::support::etcd::wait_until(Duration::from_secs(60), "all descriptors are given back", || {
            descriptors() <= before
        });
    });
}
