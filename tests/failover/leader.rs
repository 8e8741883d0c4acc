//! The leader dies under eight writers on one handle: what was acknowledged is there, and what was not is there
//! once or not at all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::api::*;
use support::cluster::Cluster;
use support::etcd::Etcd;
use support::version::Version;
use support::wait_until;
use support::watch::Event;

const WRITERS: usize = 8;
/// How many writes are acknowledged before the leader dies, and after all go on without it.
const ENOUGH: usize = 200;
/// Elections take a second or two, and etcd holds on to what it cannot do for 7 s.
const LIMIT: Duration = Duration::from_secs(60);

/// What a call knows of the one value that it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Written,
    NotWritten,
    Unknown,
}

fn fate(reply: &Reply) -> Fate {
    match reply.code() {
        0 => Fate::Written,
        ETCD_ERROR_OUTCOME_UNKNOWN => Fate::Unknown,
        ETCD_ERROR_UNAVAILABLE => Fate::NotWritten,
        // 105, for example: a second try would have met the first one.
        _ => panic!("neither done nor undone nor unknown: {reply}"),
    }
}

/// Writes a value that is its own, in one of four ways.
fn write(client: &Client, writer: usize, value: &str) -> Fate {
    let key = format!("/written/{value}");
    match writer % 4 {
        // Written twice, it would be there twice.
        0 | 1 => fate(&client.set_with("/queue", value, 0, ETCD_ORDERED)),
        2 => fate(&client.create(&key, value)),
        _ => fate(&client.set(&key, value)),
    }
}

#[test]
fn when_the_leader_of_etcd_3_4_dies_no_write_is_lost_or_doubled() {
    the_leader_dies(Version::V3_4, true);
}

#[test]
fn when_the_leader_of_etcd_3_5_dies_no_write_is_lost_or_doubled() {
    the_leader_dies(Version::V3_5, false);
}

fn the_leader_dies(version: Version, is_asked_first: bool) {
    let cluster = Cluster::start(version, 3);
    let (leader, _) = cluster.leader_and_follower();
    let mut members = Vec::from_iter(&cluster.members);
    members.sort_by_key(|member| (member.name() == leader.name()) != is_asked_first);
    // A write that etcd does not answer soon is given up: its outcome is unknown, and it is not repeated.
    let pairs = [("timeout.request_ms", "3000"), ("retry.attempts", "10"), ("retry.max_delay_ms", "200")];
    let client = &Client::of(&Vec::from_iter(members.iter().map(|member| member.url())), &pairs);
    let acknowledged = &AtomicUsize::new(0);
    let watcher = client.watch("/written").recursive().push();

    let fates: HashMap<String, Fate> = thread::scope(|scope| {
        let writer = |writer: usize| {
            move || {
                let mut fates = HashMap::new();
                let started = Instant::now();
                // The writer goes on through the death and the time after it.
                while acknowledged.load(Ordering::SeqCst) < 2 * ENOUGH && started.elapsed() < LIMIT {
                    let value = format!("{writer}-{}", fates.len());
                    let fate = write(client, writer, &value);
                    if fate == Fate::Written {
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                    }
                    fates.insert(value, fate);
                }
                fates
            }
        };
        let writers = Vec::from_iter((0..WRITERS).map(|number| scope.spawn(writer(number))));
        wait_until(LIMIT, "enough is written", || acknowledged.load(Ordering::SeqCst) >= ENOUGH);
        leader.kill();
        writers.into_iter().flat_map(|writer| writer.join().expect("as expected")).collect()
    });
    assert!(acknowledged.load(Ordering::SeqCst) >= 2 * ENOUGH, "the writers go on without the leader");

    leader.restart();
    client.set_at_last("/well", "1");
    // From each member, which has all of the log by now.
    for member in &cluster.members {
        let there = written(member);
        for (value, fate) in &fates {
            let times = there.get(value).copied().unwrap_or(0);
            let fits = match fate {
                Fate::Written => times == 1,
                Fate::NotWritten => times == 0,
                Fate::Unknown => times <= 1,
            };
            assert!(fits, "{value}: {fate:?}, and {times} times there, on {}", member.name());
        }
        assert!(there.keys().all(|value| fates.contains_key(value)), "something is there that nobody wrote");
    }
    // A set that is carried out twice leaves no trace in the store, but two events; and a watch loses none.
    client.set_at_last("/written/end", "end");
    let mut events = Vec::from_iter(watcher.until_value("end").iter().map(Event::value));
    let mut expected = Vec::from_iter(written(leader).into_keys().filter(|value| is_watched(value) && value != "end"));
    events.sort();
    expected.sort();
    assert_eq!(events, expected);
    let unknown = fates.values().filter(|fate| **fate == Fate::Unknown).count();
    // Each writer has one call under way when the leader dies, and some after it while there is none.
    assert!(unknown <= 40 * WRITERS, "{unknown} of {} are unknown", fates.len());
    println!("{} written, {unknown} unknown, {} in all", acknowledged.load(Ordering::SeqCst), fates.len());
}

/// Whether the writer of this value writes it under a key of its own.
fn is_watched(value: &str) -> bool {
    !matches!(value.split_once('-'), Some(("0" | "1" | "4" | "5", _)))
}

/// How often each value is in the queue, or under its own key.
fn written(member: &Etcd) -> HashMap<String, usize> {
    let client = Client::of(&[member.url()], &[]);
    let mut there = HashMap::new();
    for directory in ["/queue", "/written"] {
        let tree = client.get_at_last(directory, ETCD_RECURSIVE).ok().json();
        for node in tree["node"]["nodes"].as_array().expect("a directory") {
            *there.entry(node["value"].as_str().expect("a value").to_owned()).or_default() += 1;
        }
    }
    there
}
