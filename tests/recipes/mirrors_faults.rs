//! A mirror under a writer while servers come and go, and the history is lost: at the end it has what the server has, and
//! the changes it told make the same of its first state.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use support::PATIENCE;
use support::api::*;
use support::etcd::Etcd;
use support::mirror::Mirror;
use support::proxy::{Mode, Proxy};
use support::version::Version;
use support::wait::Ends;
use support::wait_until;

use crate::mirror::Copy;

const DIRECTORY: &str = "/w";

fn client(url: &str, api: &str) -> Client {
    let pairs = [
        ("api", api),
        ("watch.poll_ms", "500"),
        ("timeout.request_ms", "3000"),
        ("timeout.connect_ms", "1000"),
        ("retry.max_delay_ms", "100"),
        ("watch.queue", "100000"),
    ];
    Client::of(&[url], &pairs)
}

/// Writes and deletes until `disturb` has returned. Errors are such as are due when a server comes and goes.
#[track_caller]
fn while_it_is_written(writer: &Client, disturb: impl FnOnce()) {
    let is_over = &AtomicBool::new(false);
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for number in 0_u32.. {
                let key = format!("{DIRECTORY}/{}/{}", number % 3, number % 7);
                match number % 11 {
                    9 => drop(writer.delete(&key)),
                    10 => drop(writer.deletedir(&format!("{DIRECTORY}/{}", number % 3), ETCD_RECURSIVE)),
                    _ => drop(writer.set(&key, &number.to_string())),
                }
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let ends = Ends(is_over);
        disturb();
        drop(ends);
        writing.join().expect("no panic");
    });
}

/// The mirror has what the server has, and so has a copy that took the changes. Returns how many gaps a reader was told of.
#[track_caller]
fn is_as_the_server(mirror: &Mirror, copy: &mut Copy, writer: &Client) -> usize {
    writer.set_at_last(&format!("{DIRECTORY}/last"), "1");
    let server = writer.get(DIRECTORY, ETCD_RECURSIVE | ETCD_SORTED | ETCD_QUORUM).ok();
    let index = server.int("/header/etcdIndex") as u64;
    assert_eq!(mirror.wait(index, PATIENCE), 1);
    let (mirrored, there) = (mirror.list(DIRECTORY).ok(), Copy::of(&server));
    assert_eq!(Copy::of(&mirrored), there);
    let mut resyncs = 0;
    // All that it has seen, it has told.
    while let Some(change) = mirror.next_within(std::time::Duration::ZERO) {
        resyncs += usize::from(change.is_resync());
        copy.take(&change);
    }
    assert_eq!(*copy, there);
    resyncs
}

/// A mirror whose changes are asked for, and its first state.
fn begin(client: &Client) -> (Mirror, Copy) {
    let mirror = Mirror::open(client, DIRECTORY);
    assert!(mirror.next_within(std::time::Duration::ZERO).is_none());
    let copy = Copy::of(&mirror.list(DIRECTORY));
    (mirror, copy)
}

/// A mirror of thirty keys through a proxy, and what a test does to it.
struct Stage<'a> {
    etcd: &'a Etcd,
    proxy: &'a Proxy,
    writer: &'a Client,
    mirror: &'a Mirror,
    copy: &'a mut Copy,
    api: &'a str,
}

fn behind_a_proxy(test: impl Fn(Stage)) {
    for (version, api) in [(Version::V3_4, "v2"), (Version::V3_4, "v3"), (Version::V3_6, "v3")] {
        println!("etcd {version} over {api}:");
        let etcd = Etcd::start(version);
        let proxy = Proxy::start(etcd.port(), Mode::Pass);
        let (writer, mirroring) = (client(&etcd.url(), api), client(&proxy.url(), api));
        (0..30).for_each(|number| drop(writer.set(&format!("{DIRECTORY}/{number}"), "0").ok()));
        let (mirror, mut copy) = begin(&mirroring);
        let (etcd, proxy, writer, mirror, copy) = (&etcd, &proxy, &writer, &mirror, &mut copy);
        test(Stage { etcd, proxy, writer, mirror, copy, api });
    }
}

#[test]
fn servers_are_killed_and_networks_drop() {
    behind_a_proxy(|Stage { etcd, proxy, writer, mirror, copy, .. }| {
        while_it_is_written(writer, || {
            etcd.kill();
            etcd.restart();
            proxy.switch(Mode::Truncate(2000));
            proxy.wait_for_connections(proxy.connections() + 3);
            proxy.switch(Mode::BlackHole);
            proxy.wait_for_connections(proxy.connections() + 1);
            proxy.switch(Mode::Pass);
            etcd.kill();
            etcd.restart();
        });
        assert_eq!(is_as_the_server(mirror, copy, writer), 0);
    });
}

#[test]
fn the_history_is_lost_and_the_differences_are_told() {
    behind_a_proxy(|Stage { proxy, writer, mirror, copy, api, .. }| {
        proxy.switch(Mode::Close);
        writer.set(&format!("{DIRECTORY}/7"), "changed").ok();
        writer.set(&format!("{DIRECTORY}/new/x"), "1").ok();
        writer.delete(&format!("{DIRECTORY}/8")).ok();
        lose_the_history(writer, api);
        proxy.switch(Mode::Pass);
        assert_eq!(is_as_the_server(mirror, copy, writer), 0);
        while_it_is_written(writer, || {
            proxy.switch(Mode::Close);
            lose_the_history(writer, api);
            proxy.switch(Mode::Pass);
            // It is behind the gap before more is written.
            let index = writer.get_at_last(DIRECTORY, 0).int("/header/etcdIndex") as u64;
            wait_until(PATIENCE, "the mirror goes on", || mirror.wait(index, std::time::Duration::from_secs(1)) == 1);
        });
        assert_eq!(is_as_the_server(mirror, copy, writer), 0);
    });
}

/// v2 has the last 1,000 changes, v3 those since a compaction.
pub fn lose_the_history(writer: &Client, api: &str) {
    if api == "v3" {
        let index = writer.set("/elsewhere", "1").ok().int("/node/modifiedIndex");
        let request = c(&format!(r#"{{"revision":{index}}}"#));
        unsafe { Reply::take(etcd_call(writer.raw(), c"kv/compaction".as_ptr(), request.as_ptr())) }.ok();
        return;
    }
    thread::scope(|scope| {
        for writing in 0..16 {
            scope.spawn(move || (0..70).for_each(|_| drop(writer.set(&format!("/elsewhere/{writing}"), "1").ok())));
        }
    });
}
