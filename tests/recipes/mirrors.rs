//! Mirrors show what a read shows, at one index each, and tell all changes.

use std::ptr::null;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::PATIENCE;
use support::alone::alone;
use support::api::*;
use support::child::fork;
use support::etcd::Etcd;
use support::is_readable;
use support::mirror::Mirror;
use support::version::Version;
use support::wait::Ends;

use crate::mirror::Copy;
use crate::servers::on_each;

/// The mirror shows of these keys what a read shows, but for what it never has.
#[track_caller]
fn shows_what_a_read_shows(mirror: &Mirror, client: &Client, keys: &[String]) {
    let compared = |mirrored: Reply, read: Reply| {
        assert_eq!(mirrored.code(), read.code(), "{mirrored}\n{read}");
        let (mut mirrored, mut read) = (mirrored.json(), read.json());
        without_ttl(&mut mirrored["node"]);
        without_ttl(&mut read["node"]);
        assert_eq!(mirrored["node"], read["node"]);
        assert_eq!(mirrored["header"]["clusterId"], read["header"]["clusterId"]);
        assert!(mirrored["header"]["etcdIndex"].as_u64() <= read["header"]["etcdIndex"].as_u64());
    };
    for key in keys {
        compared(mirror.get(key), client.get(key, ETCD_QUORUM | ETCD_SORTED));
        compared(mirror.list(key), client.get(key, ETCD_QUORUM | ETCD_SORTED | ETCD_RECURSIVE));
    }
}

fn without_ttl(node: &mut Value) {
    if let Some(node) = node.as_object_mut() {
        node.remove("ttl");
        node.remove("expiration");
    }
    node["nodes"].as_array_mut().into_iter().flatten().for_each(without_ttl);
    if node["nodes"].is_null() {
        node.as_object_mut().map(|node| node.remove("nodes"));
    }
}

#[test]
fn a_mirror_shows_what_a_read_shows_whatever_is_changed() {
    on_each(|_, client, dir| {
        let at = |name: &str| format!("{dir}{name}");
        for name in ["/a", "/b/c", "/b-c", "/b/d/e", "/b.d", "/é \"\\\n", "/empty"] {
            client.set(&at(name), if name == "/empty" { "" } else { name }).ok();
        }
        client.createdir(&at("/dir")).ok();
        client.createdir(&at("/full")).ok();
        client.set(&at("/full/x"), "1").ok();
        client.set_with(&at("/mortal"), "1", 1000, 0).ok();
        let mirror = Mirror::open(client, dir);
        let names = [
            "",
            "/",
            "/a",
            "/b",
            "/b/c",
            "/b/d",
            "/b/d/e",
            "/b-c",
            "/é \"\\\n",
            "/empty",
            "/dir",
            "/full",
            "/mortal",
            "/none",
            "/a/below",
            "/n",
            "/n/m",
            "/n/m/x",
        ];
        let keys = names.map(at);
        shows_what_a_read_shows(&mirror, client, &keys);
        type Step<'a> = &'a dyn Fn() -> Reply;
        let steps: [Step; 18] = [
            &|| client.set(&at("/a"), "changed"),
            &|| client.delete(&at("/b/c")),
            &|| client.create(&at("/n/m/x"), "new"),
            &|| client.update(&at("/n/m/x"), "newer"),
            &|| client.cas(&at("/n/m/x"), "newest", "newer"),
            &|| client.delete(&at("/n/m/x")),
            &|| client.deletedir(&at("/dir"), 0),
            &|| client.setdir(&at("/n/o")),
            &|| client.set(&at("/n/o/y"), "1"),
            &|| client.deletedir(&at("/n"), ETCD_RECURSIVE),
            &|| client.delete(&at("/full/x")),
            &|| client.set_with(&at("/mortal"), "2", 2000, 0),
            &|| client.delete(&at("/b-c")),
            &|| client.deletedir(dir, ETCD_RECURSIVE),
            &|| client.set(dir, "a file"),
            &|| client.delete(dir),
            &|| client.set(&at("/b/c"), "a directory again"),
            &|| client.set(&at("/a"), "1"),
        ];
        for (number, step) in steps.iter().enumerate() {
            println!("step {number}");
            mirror.sees(step().ok());
            shows_what_a_read_shows(&mirror, client, &keys);
        }
        client.deletedir(dir, ETCD_RECURSIVE).ok();
    });
}

#[test]
fn what_is_not_in_a_mirror_is_said() {
    on_each(|_, client, dir| {
        client.set(&format!("{dir}/a"), "1").ok();
        let mirror = Mirror::open(client, dir);
        for outside in ["/", "/elsewhere", &format!("{dir}x"), &format!("{dir}/_hidden"), &format!("{dir}//")] {
            mirror.get(outside).fails(ETCD_ERROR_INVALID_ARGUMENT);
            mirror.list(outside).fails(ETCD_ERROR_INVALID_ARGUMENT);
        }
        for (key, cause) in [(null(), "key: must not be NULL"), (c"/\xff".as_ptr(), "key: not UTF-8 at byte 1")] {
            for text in unsafe { [etcd_mirror_get(mirror.0, key), etcd_mirror_list(mirror.0, key)] } {
                let refused = unsafe { Reply::take(text) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
                assert_eq!(refused.text("/cause").as_deref(), Some(cause));
            }
        }
        let refused = Mirror::try_open(client, &format!("{dir}/a/below")).err().expect("a file is above");
        refused.fails(ETCD_ERROR_NOT_DIRECTORY);
        client.deletedir(dir, ETCD_RECURSIVE).ok();
    });
}

#[test]
fn hidden_keys_are_not_there() {
    on_each(|_, client, dir| {
        let key = |name: &str| format!("{dir}/{name}");
        ["a", "b/c", "_h", "b/_h/x"].iter().for_each(|name| drop(client.set(&key(name), "1").ok()));
        let (mirror, asked_for) = (Mirror::open(client, dir), Mirror::open(client, &key("_h")));
        assert_eq!(asked_for.get(&key("_h")).text("/node/value").as_deref(), Some("1"));
        mirror.sees(client.set(&key("_new"), "1").ok());
        asked_for.sees(client.set(&key("_h"), "2").ok());
        assert_eq!(asked_for.get(&key("_h")).text("/node/value").as_deref(), Some("2"));
        let keys = Vec::from_iter(Copy::of(&mirror.list(dir)).0.into_keys());
        assert_eq!(keys, [key("a"), key("b/c")]);
        mirror.sees(client.deletedir(dir, ETCD_RECURSIVE).ok());
        mirror.get(dir).fails(ETCD_ERROR_KEY_NOT_FOUND);
    });
}

#[test]
fn values_of_any_bytes_are_kept() {
    let etcd = Etcd::start(Version::V3_6);
    let client = etcd.client(&[("api", "v3")]);
    let put = |key: &[u8], value: &[u8]| {
        let (k, v) = (key.as_ptr().cast(), value.as_ptr().cast());
        unsafe { Reply::take(etcd_put(client.raw(), k, key.len(), v, value.len(), 0, 0)) }.ok()
    };
    put(b"/d/a", b"\xff\0\xfe");
    put(b"/d/\xc0", b"1");
    let mirror = Mirror::open(&client, "/d");
    let keys = ["/d", "/d/a", "/d/b"].map(str::to_owned);
    shows_what_a_read_shows(&mirror, &client, &keys);
    put(b"/d/b", b"\x80");
    put(b"/d/\xc1", b"\xff");
    mirror.sees(client.set("/d/c", "1").ok());
    shows_what_a_read_shows(&mirror, &client, &keys);
    assert!(mirror.get("/d/b").raw().contains(r#""value_base64":"gA==""#));
}

#[test]
fn one_reads_ones_own_writes_and_an_index_of_elsewhere_is_no_wait_without_end() {
    on_each(|_, client, dir| {
        let (key, elsewhere) = (format!("{dir}/a"), format!("{dir}_elsewhere"));
        let mirror = Mirror::open(client, dir);
        for value in 0..50 {
            mirror.sees(client.set(&key, &value.to_string()).ok());
            assert_eq!(mirror.get(&key).text("/node/value"), Some(value.to_string()));
        }
        mirror.sees(client.set(&elsewhere, "1").ok());
        mirror.sees(client.set(&format!("{dir}/_hidden"), "1").ok());
        let index = client.delete(&elsewhere).ok().int("/header/etcdIndex") as u64;
        assert_eq!(mirror.wait(index, PATIENCE), 1);
        assert_eq!(mirror.wait(index + 1000, Duration::ZERO), 0);
        assert_eq!(mirror.wait(index + 1000, Duration::from_millis(300)), 0);
        client.deletedir(dir, ETCD_RECURSIVE).ok();
    });
}

#[test]
fn an_event_loop_waits_for_an_index_by_a_descriptor() {
    on_each(|_, client, dir| {
        let mirror = Mirror::open(client, dir);
        let index = mirror.get(dir).int("/header/etcdIndex") as u64;
        let never = mirror.awaited(u64::MAX >> 1);
        // One that is written in the mirror, and one elsewhere, of which no event tells.
        for key in [format!("{dir}/a"), format!("{dir}_elsewhere")] {
            let written = client.set(&key, "1").ok().int("/header/etcdIndex") as u64;
            let seen = [index, written].map(|index| mirror.awaited(index));
            for seen in seen {
                assert!(is_readable(seen.fd(), PATIENCE));
                assert!(seen.event().json["header"]["etcdIndex"].as_u64() >= Some(index));
                assert!(seen.is_over(PATIENCE));
            }
            assert_eq!(mirror.wait(written, Duration::ZERO), 1);
        }
        assert!(!is_readable(never.fd(), Duration::ZERO));
        drop(mirror);
        assert!(is_readable(never.fd(), PATIENCE));
        assert_eq!(never.event().json["errorCode"], ETCD_ERROR_CANCELLED);
        client.deletedir(dir, ETCD_RECURSIVE).ok();
    });
}

#[test]
fn a_transaction_is_seen_as_a_whole() {
    let etcd = Etcd::start(Version::V3_6);
    let client = etcd.client(&[("api", "v3")]);
    let write = |value: usize| {
        let put = |key: &str| format!(r#"{{"request_put":{{"key":"/d/{key}","value":"{value}"}}}}"#);
        let txn = format!(r#"{{"success":[{},{},{}]}}"#, put("a"), put("b"), put("c"));
        unsafe { Reply::take(etcd_txn(client.raw(), c(&txn).as_ptr())) }.ok()
    };
    write(0);
    let mirror = Mirror::open(&client, "/d");
    let is_over = &AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = || {
            let mut seen = 0;
            while !is_over.load(Ordering::Relaxed) {
                let listing = mirror.list("/d").json();
                let values =
                    Vec::from_iter(listing["node"]["nodes"].as_array().expect("three").iter().map(|n| &n["value"]));
                assert!(values.len() == 3 && values.iter().all(|value| *value == values[0]), "{listing}");
                seen += 1;
            }
            assert!(seen > 0);
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        let ends = Ends(is_over);
        let index = (1..200).fold(0, |_, value| write(value).int("/header/revision")) as u64;
        assert_eq!(mirror.wait(index, PATIENCE), 1);
        drop(ends);
        readers.into_iter().for_each(|reader| reader.join().expect("no panic"));
    });
}

#[test]
fn changes_are_told_from_the_first_question_on() {
    on_each(|_, client, dir| {
        let key = |name: &str| format!("{dir}/{name}");
        client.set(&key("a"), "0").ok();
        let mirror = Mirror::open(client, dir);
        assert!(mirror.next_within(Duration::ZERO).is_none());
        let mut copy = Copy::of(&mirror.list(dir));
        let mut written = Vec::new();
        for number in 0..20 {
            written.push(client.set(&key(&format!("k{}", number % 5)), "1").ok().int("/node/modifiedIndex"));
        }
        written.push(client.delete(&key("a")).ok().int("/node/modifiedIndex"));
        let told = Vec::from_iter(written.iter().map(|_| mirror.next()));
        assert_eq!(told.iter().map(|event| event.index() as i64).collect::<Vec<_>>(), written);
        told.iter().for_each(|event| copy.take(event));
        assert_eq!(copy, Copy::of(&client.get(dir, ETCD_RECURSIVE | ETCD_QUORUM)));
        assert!(mirror.next_within(Duration::ZERO).is_none());

        // One who asks late gets all there is, and then what follows.
        let late = Mirror::open(client, dir);
        late.sees(client.set(&key("b"), "1").ok());
        let resync = late.next();
        assert!(resync.is_resync() && late.next_within(Duration::ZERO).is_none(), "{resync}");
        let mut copy = Copy::default();
        copy.take(&resync);
        let last = client.set(&key("b"), "2").ok();
        let change = late.next();
        assert_eq!(change.index() as i64, last.int("/node/modifiedIndex"));
        copy.take(&change);
        assert_eq!(copy, Copy::of(&late.list(dir)));
        client.deletedir(dir, ETCD_RECURSIVE).ok();
    });
}

#[test]
fn a_reader_who_is_too_slow_gets_a_resync_and_the_mirror_goes_on() {
    on_each(|etcd, client, dir| {
        let api = client.api().text("/api").expect("one");
        let bounded = etcd.client(&[("api", api.as_str()), ("watch.queue", "5")]);
        let mirror = Mirror::open(&bounded, dir);
        let descriptor = mirror.fd();
        assert!(!is_readable(descriptor, Duration::ZERO) && mirror.fd() == descriptor);
        let write = |number: usize| client.set(&format!("{dir}/k"), &number.to_string()).ok();
        (0..50).for_each(|number| mirror.sees(write(number)));
        assert!(is_readable(descriptor, Duration::ZERO));
        let resync = mirror.next();
        assert!(resync.is_resync() && resync.json["node"]["nodes"][0]["value"] == "49", "{resync}");
        assert!(!is_readable(descriptor, Duration::ZERO));
        let index = write(50).int("/node/modifiedIndex") as u64;
        assert_eq!(mirror.next().index(), index);
        client.deletedir(dir, ETCD_RECURSIVE).ok();
    });
}

#[test]
fn a_mirror_ends_with_its_client_or_when_it_is_freed() {
    on_each(|etcd, client, dir| {
        let api = client.api().text("/api").expect("one");
        let own = etcd.client(&[("api", api.as_str())]);
        let (ended, freed) = (Mirror::open(&own, dir), Mirror::open(client, dir));
        thread::scope(|scope| {
            let next = scope.spawn(|| ended.next_within(PATIENCE).is_none());
            let wait = scope.spawn(|| ended.wait(u64::MAX >> 1, PATIENCE));
            drop(own);
            assert!(next.join().expect("no panic"));
            assert_eq!(wait.join().expect("no panic"), -1);
        });
        ended.get(dir).fails(ETCD_ERROR_CANCELLED);
        assert!(is_readable(ended.fd(), Duration::ZERO));
        let handle = freed.0;
        drop(freed);
        unsafe {
            Reply::take(etcd_mirror_get(handle, c(dir).as_ptr())).fails(ETCD_ERROR_INVALID_ARGUMENT);
            assert_eq!((etcd_mirror_wait(handle, 0, -1), etcd_mirror_fd(handle)), (-1, -1));
            assert!(etcd_mirror_next(handle, -1).is_null());
            etcd_mirror_free(handle);
        }
    });
}

#[test]
fn a_forked_child_has_a_handle_only() {
    alone(a_forked_child_has_a_handle_only, || {
        let etcd = Etcd::start(Version::V3_4);
        let client = etcd.client(&[("api", "v3")]);
        client.set("/d/a", "1").ok();
        let mirror = Mirror::open(&client, "/d");
        fork(|| {
            let reply = mirror.get("/d/a");
            if reply.code() != ETCD_ERROR_CANCELLED || mirror.wait(1, PATIENCE) != -1 || mirror.fd() != -1 {
                return Err(reply.to_string());
            }
            let own = Mirror::try_open(&client, "/d").map_err(|error| error.to_string())?;
            unsafe { etcd_mirror_free(mirror.0) };
            if own.get("/d/a").code() == 0 { Ok(()) } else { Err("its own".to_owned()) }
        })
        .ends_well();
        mirror.sees(client.set("/d/a", "2").ok());
        assert_eq!(mirror.get("/d/a").text("/node/value").as_deref(), Some("2"));
    });
}

/// What a mirror takes, and how long a read takes, both with room for a machine that does other things, too.
#[test]
fn ten_thousand_keys_are_small_and_quickly_read() {
    const KEYS: usize = 10_000;
    alone(ten_thousand_keys_are_small_and_quickly_read, || {
        let etcd = Etcd::start(Version::V3_6);
        let client = etcd.client(&[("api", "v3")]);
        let value = "v".repeat(100);
        for at in (0..KEYS).step_by(100) {
            let put = |i| format!(r#"{{"request_put":{{"key":"/app/config/key{i:05}","value":"{value}"}}}}"#);
            let puts = Vec::from_iter((at..at + 100).map(put)).join(",");
            let txn = c(&format!(r#"{{"success":[{puts}]}}"#));
            unsafe { Reply::take(etcd_txn(client.raw(), txn.as_ptr())) }.ok();
        }
        // The first one shows what a reply takes on its way; that is given back, or used again.
        drop(Mirror::open(&client, "/app"));
        let before = resident();
        let mirrors = [(); 10].map(|()| Mirror::open(&client, "/app"));
        let each = (resident() - before) / 10;
        let bytes = KEYS * (20 + 100);
        println!("{each} bytes for {bytes} bytes of keys and values");
        assert!(each < 3 * bytes, "{each} bytes for {bytes}");
        let keys = Vec::from_iter((0..KEYS).map(|i| c(&format!("/app/config/key{i:05}"))));
        let began = Instant::now();
        for key in &keys {
            unsafe { etcd_free(etcd_mirror_get(mirrors[0].0, key.as_ptr())) };
        }
        let each = began.elapsed() / KEYS as u32;
        println!("{each:?} for a read");
        // 2 µs where the library is built for speed.
        assert!(each < Duration::from_micros(200), "{each:?}");
        assert_eq!(mirrors[9].get("/app/config/key00500").text("/node/value"), Some(value));
    });
}

/// The bytes of memory that the process has.
fn resident() -> usize {
    // SAFETY: it gives back what is free, and touches nothing else.
    unsafe { libc::malloc_trim(0) };
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * 4096
}
