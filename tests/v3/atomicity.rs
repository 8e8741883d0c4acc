//! Conditions hold against any number of writers at once, in threads and in processes.

use std::collections::BTreeSet;
use std::thread;

use support::api::*;
use support::child::{Child, fork};

use crate::servers::{Ctl, client, on_each};

const WRITERS: usize = 20;

#[test]
fn counters_of_twenty_writers_lose_no_step() {
    const STEPS: usize = 5;
    on_each(|etcd, shared, dir| {
        let key = &format!("{dir}/counter");
        shared.set(key, "0").ok();
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                scope.spawn(move || {
                    // Half of them share a handle; half compare the index, and half the value.
                    let own = (writer % 2 == 0).then(|| client(etcd, &[]));
                    let client = own.as_ref().unwrap_or(shared);
                    for _ in 0..STEPS {
                        while !steps(client, key, writer % 4 < 2) {}
                    }
                });
            }
        });
        let count = (WRITERS * STEPS) as i64;
        let kv = Ctl::of(etcd).get(key).expect("it is there");
        assert_eq!((kv.value(), kv.number("version")), (count.to_string(), count + 1));
    });
}

/// Adds one, unless another was faster.
fn steps(client: &Client, key: &str, by_index: bool) -> bool {
    let read = client.get(key, ETCD_QUORUM).ok();
    let value = read.text("/node/value").expect("a value");
    let next = (value.parse::<u64>().expect("a number") + 1).to_string();
    let (value, index) = match by_index {
        true => (None, read.int("/node/modifiedIndex") as u64),
        false => (Some(&*value), 0),
    };
    let reply = client.cas_with(key, &next, value, index, 0);
    if reply.code() != 0 {
        reply.fails(ETCD_ERROR_COMPARE_FAILED);
        return false;
    }
    true
}

#[test]
fn of_twenty_creators_one_succeeds() {
    on_each(|_, client, dir| {
        for round in 0..5 {
            let key = &format!("{dir}/{round}");
            let codes = thread::scope(|scope| {
                let creators = Vec::from_iter((0..WRITERS).map(|me| {
                    scope.spawn(move || {
                        let reply = client.create(key, &me.to_string());
                        (reply.code(), reply.text("/node/value"))
                    })
                }));
                Vec::from_iter(creators.into_iter().map(|creator| creator.join().expect("no panic")))
            });
            let won = Vec::from_iter(codes.iter().filter(|(code, _)| *code == 0));
            let lost = codes.iter().filter(|(code, _)| *code == ETCD_ERROR_KEY_EXISTS).count();
            assert_eq!((won.len(), lost), (1, WRITERS - 1), "{codes:?}");
            assert_eq!(client.get(key, ETCD_QUORUM).ok().text("/node/value"), won[0].1);
        }
    });
}

#[test]
fn ordered_names_of_eight_processes_grow_in_the_order_of_commits() {
    const PROCESSES: usize = 8;
    const EACH: usize = 10;
    on_each(|_, client, dir| {
        let queue = &format!("{dir}/q");
        // They go on with their parent's client, which is in use.
        client.set_with(queue, "first", 0, ETCD_ORDERED).ok();
        let append = |me: usize| {
            let mut last = String::new();
            for number in 0..EACH {
                let reply = client.set_with(queue, &format!("{me}.{number}"), 0, ETCD_ORDERED);
                let name = reply.text("/node/key").ok_or_else(|| reply.to_string())?;
                if name <= last {
                    return Err(format!("{name} after {last}"));
                }
                last = name;
            }
            Ok(())
        };
        let children = Vec::from_iter((0..PROCESSES).map(|me| fork(|| append(me))));
        append(PROCESSES).expect("the parent's own");
        children.into_iter().for_each(Child::ends_well);
        let listed = client.get(queue, ETCD_QUORUM | ETCD_SORTED).ok().json();
        let nodes = listed["node"]["nodes"].as_array().expect("a listing");
        let indexes = Vec::from_iter(nodes.iter().map(|node| node["createdIndex"].as_u64().expect("an index")));
        assert_eq!(nodes.len(), 1 + (PROCESSES + 1) * EACH, "none was lost, and no name was given twice");
        assert!(indexes.is_sorted_by(|a, b| a < b), "{indexes:?}");
        let values: BTreeSet<_> = nodes.iter().map(|node| node["value"].to_string()).collect();
        assert_eq!(values.len(), nodes.len(), "each once");
    });
}

#[test]
fn no_name_is_given_twice_though_the_queue_was_removed() {
    on_each(|etcd, client, dir| {
        let (queue, other) = (&format!("{dir}/q"), &crate::servers::client(etcd, &[]));
        let append = |client: &Client| {
            let reply = client.set_with(queue, "1", 0, ETCD_ORDERED).ok();
            reply.text("/node/key").expect("a name")
        };
        let mut names = vec![append(client)];
        for _ in 0..2 {
            // What the first client knows of the queue is out of date by then.
            names.extend((0..3).map(|_| append(other)));
            other.deletedir(queue, ETCD_RECURSIVE).ok();
            names.push(append(client));
        }
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    });
}

#[test]
fn a_directory_is_removed_empty_or_not_at_all() {
    on_each(|_, client, dir| {
        for round in 0..20 {
            let (directory, key) = (&format!("{dir}/{round}"), &format!("{dir}/{round}/key"));
            client.createdir(directory).ok();
            let (removed, created) = thread::scope(|scope| {
                let removed = scope.spawn(|| client.deletedir(directory, 0));
                let created = client.create(key, "1").ok();
                (removed.join().expect("no panic"), created)
            });
            // The key is there either way, and what came first was seen by the other.
            let found = client.get(key, ETCD_QUORUM).ok();
            assert_eq!(found.int("/node/createdIndex"), created.int("/node/createdIndex"));
            match removed.code() {
                0 => assert!(
                    removed.int("/node/modifiedIndex") < created.int("/node/createdIndex"),
                    "{removed} {created}"
                ),
                _ => drop(removed.fails(ETCD_ERROR_DIRECTORY_NOT_EMPTY)),
            }
        }
    });
}

#[test]
fn a_file_and_a_directory_of_one_name_are_never_both_made() {
    on_each(|etcd, client, dir| {
        for round in 0..10 {
            let (file, inside) = (&format!("{dir}/{round}"), &format!("{dir}/{round}/key"));
            let codes = thread::scope(|scope| {
                let inside = scope.spawn(|| client.set(inside, "1").code());
                [client.set(file, "1").code(), inside.join().expect("no panic")]
            });
            assert!(codes == [0, ETCD_ERROR_NOT_DIRECTORY] || codes == [ETCD_ERROR_NOT_FILE, 0], "{codes:?}");
            assert_eq!(Ctl::of(etcd).keys(file).len(), 1);
        }
    });
}
