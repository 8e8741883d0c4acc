//! Watches on servers that stay: each change once and in order from the moment the call has returned, with its action.
//! What v2 promises as well is in `tests/watch`.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::admin::{Admin, ETCD_READ};
use support::api::*;
use support::dead;
use support::etcd::{ELECTION, Etcd};
use support::http;
use support::proxy::{Mode, Proxy};
use support::version::Version;
use support::wait::{Ends, wait_until};
use support::watch::{Event, etcd_watch_free, etcd_watch_wait, etcd_watchloop};

use crate::servers::{Ctl, client, client_of, fill, on_each, put_together, shared};
use crate::users::{ROOT, secured, user};
use support::watch::ledger::{index_of, nothing_is_lost_silently};

#[test]
fn each_change_comes_once_from_when_the_call_has_returned() {
    on_each(|etcd, watching, dir| {
        let (key, is_over) = (format!("{dir}/busy"), &AtomicBool::new(false));
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let busy = client(etcd, &[]);
                let numbers = (0..).take_while(|_| !is_over.load(Ordering::Relaxed));
                Vec::from_iter(numbers.map(|number: u32| index_of(busy.set(&key, &number.to_string()))))
            });
            let ends = Ends(is_over);
            let own = client(etcd, &[]);
            let watchers = Vec::from_iter((0..10).map(|round| {
                let watch = watching.watch(dir).recursive();
                let watcher = if round % 2 == 0 { watch.push() } else { watch.pull() };
                (watcher, index_of(own.set(&format!("{dir}/own"), &round.to_string())))
            }));
            drop(ends);
            let written = writer.join().expect("no panic");
            own.set(&format!("{dir}/own"), "last").ok();
            for (watcher, first) in watchers {
                let events = watcher.until_value("last");
                let since = written.iter().copied().filter(|index| *index > first).chain([first]);
                assert_eq!(nothing_is_lost_silently(since, &events), 0);
            }
        });
    });
}

#[test]
fn each_kind_of_change_has_its_action() {
    on_each(|_, client, dir| {
        let watcher = client.watch(dir).recursive().push();
        let key = format!("{dir}/a");
        client.create(&key, "1").ok();
        client.set(&key, "2").ok();
        client.update(&key, "3").ok();
        client.cas(&key, "4", "3").ok();
        client.delete(&key).ok();
        client.set(&key, "5").ok();
        client.delete(&key).ok();
        client.createdir(&format!("{dir}/d")).ok();
        client.set_with(&key, "6", 1, 0).ok();
        let expected = ["create", "set", "set", "set", "delete", "create", "delete"];
        for (number, action) in expected.into_iter().enumerate() {
            let event = watcher.next();
            assert_eq!((event.action(), event.key()), (action, &*key), "{number}: {event}");
            let before = &event.json["prevNode"]["value"];
            assert_eq!(before.is_null(), action == "create", "{event}");
            assert_eq!(event.json["node"]["value"].is_null(), action == "delete", "{event}");
        }
        let made = watcher.next();
        assert_eq!(made.json["node"]["dir"], true, "{made}");
        assert_eq!((watcher.next().value(), watcher.next().summary()), ("6".to_owned(), format!("expire {key}")));
        // Deleted before its time, it has not expired.
        client.set_with(&key, "7", 600, 0).ok();
        client.delete(&key).ok();
        assert_eq!((watcher.next().value(), watcher.next().summary()), ("7".to_owned(), format!("delete {key}")));
    });
}

#[test]
fn an_expiry_may_be_told_as_a_deletion_for_less() {
    let etcd = &shared()[3];
    let sparing = client(etcd, &[("v3.tell_expire", "false")]);
    let watcher = sparing.watch("/sparing").push();
    sparing.set_with("/sparing", "1", 1, 0).ok();
    assert_eq!([watcher.next().summary(), watcher.next().summary()], ["create /sparing", "delete /sparing"]);
}

#[test]
fn many_keys_of_one_revision_are_one_event_each() {
    on_each(|etcd, client, dir| {
        let watcher = client.watch(dir).recursive().push();
        let keys = Vec::from_iter((0..100).map(|number| format!("{dir}/many/{number:03}")));
        assert!(put_together(etcd, &Vec::from_iter(keys.iter().map(|key| (&**key, "1")))));
        let take = |action: &str| {
            let events = Vec::from_iter((0..100).map(|_| watcher.next()));
            assert!(events.iter().all(|event| event.index() == events[0].index()), "one revision: {events:?}");
            let mut found = Vec::from_iter(events.iter().map(Event::summary));
            found.sort_unstable();
            assert_eq!(found, Vec::from_iter(keys.iter().map(|key| format!("{action} {key}"))));
        };
        take("create");
        client.deletedir(&format!("{dir}/many"), ETCD_RECURSIVE).ok();
        take("delete");
        client.set(&format!("{dir}/after"), "1").ok();
        assert_eq!(watcher.next().key(), format!("{dir}/after"));
    });
}

#[test]
fn a_thousand_keys_of_one_lease_expire_together() {
    let etcd = Etcd::start(Version::V3_6);
    let client = client(&etcd, &[]);
    let watchers = [client.watch("/many").recursive().push(), client.watch("/many").recursive().pull()];
    let lease = client.call("lease/grant", r#"{"ttl":5}"#).ok().text("/id").expect("a lease");
    let keys = Vec::from_iter((0..1000).map(|number| format!("/many/{number:04}")));
    let put = |key| format!(r#"{{"request_put":{{"key":"{key}","value":"v","lease":"{lease}"}}}}"#);
    for some in keys.chunks(100) {
        let puts = Vec::from_iter(some.iter().map(put)).join(",");
        client.txn(&format!(r#"{{"success":[{puts}]}}"#)).ok();
    }
    for watcher in &watchers {
        (0..1000).for_each(|_| assert_eq!(watcher.next().action(), "create"));
        let expired = Vec::from_iter((0..1000).map(|_| watcher.next()));
        assert!(expired.iter().all(|event| event.index() == expired[0].index()), "one revision");
        let mut found = Vec::from_iter(expired.iter().map(Event::summary));
        found.sort_unstable();
        assert_eq!(found, Vec::from_iter(keys.iter().map(|key| format!("expire {key}"))));
    }
    let asked = http::counted(etcd.plain_port(), "grpc_server_started_total", "LeaseTimeToLive");
    assert_eq!(asked, 2, "each watch asks once how the lease ended");
}

/// What is deleted is told with what it was: this is more than the server puts into one message.
#[test]
fn a_revision_larger_than_a_message_is_whole() {
    for version in [Version::V3_4, Version::V3_7] {
        println!("on etcd {version}:");
        let etcd = shared().iter().find(|etcd| etcd.version() == version).expect("one of each");
        let client = client(etcd, &[]);
        let keys = Vec::from_iter((0..1000).map(|number| format!("/large/d/{number:04}")));
        fill(etcd, &keys, &"x".repeat(4000));
        let watchers = [client.watch("/large").recursive().push(), client.watch("/large").recursive().pull()];
        client.deletedir("/large/d", ETCD_RECURSIVE).ok();
        client.set("/large/after", "last").ok();
        for watcher in watchers {
            let mut found = Vec::from_iter(watcher.until_value("last").iter().map(Event::summary));
            found.sort_unstable();
            assert_eq!(found, Vec::from_iter(keys.iter().map(|key| format!("delete {key}"))));
        }
    }
}

#[test]
fn a_root_is_stripped_from_what_comes() {
    on_each(|etcd, client, dir| {
        let rooted = crate::servers::client(etcd, &[("root", &format!("{dir}/app/"))]);
        let watcher = rooted.watch("/").recursive().push();
        client.set(&format!("{dir}/other"), "0").ok();
        client.set(&format!("{dir}/app/a"), "1").ok();
        let event = watcher.next();
        assert_eq!((event.key(), event.value()), ("/a", "1".to_owned()));
    });
}

#[test]
fn auto_watches_what_the_server_has() {
    for version in [Version::V3_6, Version::V3_7] {
        let etcd = shared().iter().find(|etcd| etcd.version() == version).expect("one of each");
        let auto = Client::connect_as("auto", "127.0.0.1", etcd.port());
        let watcher = auto.watch("/auto").push();
        client(etcd, &[]).set("/auto", "1").ok();
        assert_eq!(watcher.next_value(), "1");
    }
}

#[test]
fn a_cursor_that_was_compacted_is_one_resync() {
    for version in [Version::V3_4, Version::V3_7] {
        println!("on etcd {version}:");
        let etcd = Etcd::start(version);
        let proxy = Proxy::start(etcd.port(), Mode::Pass);
        let writer = client(&etcd, &[]);
        let watching = client_of(&[proxy.url()], &[("watch.poll_ms", "500"), ("retry.max_delay_ms", "50")]);
        let watcher = watching.watch("/w").recursive().push();
        let last = index_of(writer.set("/w/a", "seen"));
        assert_eq!(watcher.next_value(), "seen");
        proxy.switch(Mode::Close);
        let mut now = 0;
        for number in 0..10 {
            now = index_of(writer.set("/w/a", &number.to_string()));
        }
        Ctl::of(&etcd).run(&["compaction", &now.to_string()]);
        proxy.switch(Mode::Pass);
        let past = watching.watch("/w").recursive().from(last).push();
        for (watcher, after) in [(&watcher, last), (&past, last - 1)] {
            let resync = watcher.next();
            assert!(resync.is_resync(), "{resync}");
            assert_eq!(resync.missed(), (after, now + 1));
            assert_eq!(resync.json["header"]["etcdIndex"], now);
            let node = &resync.json["node"]["nodes"][0];
            assert_eq!((&node["key"], &node["value"]), (&"/w/a".into(), &"9".into()), "{resync}");
        }
        for number in 0..3 {
            let index = index_of(writer.set("/w/a", &number.to_string()));
            assert_eq!([watcher.next().index(), past.next().index()], [index; 2], "it goes on behind the gap");
        }
    }
}

#[test]
fn a_slow_reader_loses_nothing() {
    for version in [Version::V3_4, Version::V3_6] {
        let etcd = shared().iter().find(|etcd| etcd.version() == version).expect("one of each");
        let slow = client(etcd, &[("watch.queue", "4")]);
        let (slowest, beside) = (slow.watch("/slow").recursive().pull(), slow.watch("/slow").recursive().push());
        let writer = client(etcd, &[]);
        // More than is kept of a stream for one watch.
        let value = "x".repeat(40_000);
        let written = Vec::from_iter((0..300).map(|_| index_of(writer.set("/slow/a", &value))));
        writer.set("/slow/a", "last").ok();
        for watcher in [beside, slowest] {
            let events = watcher.until_value("last");
            let delivered = Vec::from_iter(events.iter().map(Event::index));
            assert_eq!(delivered, written, "etcd {version}");
        }
    }
}

#[test]
fn sixty_four_watches_share_one_connection_and_miss_nothing() {
    const WATCHES: usize = 64;
    let etcd = &shared()[2];
    let proxy = Proxy::start(etcd.port(), Mode::Pass);
    let watching = client_of(&[proxy.url()], &[]);
    let first = index_of(client(etcd, &[]).set("/many/a", "first"));
    let before = proxy.connections();
    let watchers = Vec::from_iter((0..WATCHES).map(|number| {
        let watch = watching.watch("/many").recursive().from(if number % 2 == 0 { 0 } else { first + 1 });
        if number < WATCHES / 2 { watch.push() } else { watch.pull() }
    }));
    let mut written = Vec::new();
    thread::scope(|scope| {
        let write = |me: usize| {
            let writer = client(etcd, &[]);
            Vec::from_iter((0..500).map(|n| index_of(writer.set(&format!("/many/{me}"), &n.to_string()))))
        };
        let writers = Vec::from_iter((0..4).map(|me| scope.spawn(move || write(me))));
        written.extend(writers.into_iter().flat_map(|writer| writer.join().expect("no panic")));
    });
    written.sort_unstable();
    client(etcd, &[]).set("/many/a", "last").ok();
    for watcher in &watchers {
        let delivered = Vec::from_iter(watcher.until_value("last").iter().map(Event::index));
        assert_eq!(delivered, written);
    }
    // One for the streams; calls have their own.
    assert!(proxy.connections() <= before + 2, "{} connections", proxy.connections() - before);
}

const AT_ONCE: Duration = Duration::from_secs(2);
type InState = fn(&Etcd);

/// Whatever a watch is doing, it ends in milliseconds.
#[test]
fn stopping_is_immediate_in_every_state() {
    let states: [(&str, InState); 3] = [("idle", |_| {}), ("frozen", Etcd::freeze), ("gone", Etcd::kill)];
    for (state, bring) in states {
        let etcd = Etcd::start(Version::V3_6);
        let hour = "3600000";
        let pairs = [
            ("timeout.connect_ms", hour),
            ("timeout.request_ms", hour),
            ("watch.poll_ms", hour),
            ("retry.max_delay_ms", hour),
        ];
        let writer = client(&etcd, &[]);
        let clients = Vec::from_iter((0..3).map(|_| client(&etcd, &pairs)));
        let watchers =
            Vec::from_iter(clients.iter().flat_map(|client| [client.watch("/w").push(), client.watch("/w").pull()]));
        writer.set("/w", "1").ok();
        watchers.iter().for_each(|watcher| assert_eq!(watcher.next_value(), "1"));
        bring(&etcd);
        let mut watchers = watchers.into_iter();
        for (client, way) in clients.into_iter().zip(["stop", "free", "disconnect"]) {
            for watcher in watchers.by_ref().take(2) {
                let began = Instant::now();
                match way {
                    "stop" => {
                        watcher.stop();
                        watcher.ends();
                    }
                    "free" => watcher.free(),
                    _ => {
                        unsafe { etcd_disconnect(client.raw()) };
                        watcher.wait(Duration::from_secs(60));
                    }
                }
                assert!(began.elapsed() < AT_ONCE, "{way} while {state}: {:?}", began.elapsed());
            }
            let began = Instant::now();
            drop(client);
            assert!(began.elapsed() < AT_ONCE, "disconnect after {way} while {state}: {:?}", began.elapsed());
        }
    }
}

#[test]
fn a_watch_that_cannot_begin_is_ended_at_once() {
    let hour = "3600000";
    let patient = [("timeout.connect_ms", hour), ("timeout.request_ms", hour), ("watch.poll_ms", hour)];
    for dead in [dead::void(), dead::silent(), dead::closing(), dead::refusing()] {
        for from in [0, 5] {
            let client = client_of(&[&dead.url], &patient);
            thread::scope(|scope| {
                // It may ask the server before it returns.
                let begun = scope.spawn(|| {
                    let (key, raw, mut error) = (c("/w"), client.raw(), null_mut());
                    let handle =
                        unsafe { etcd_watchloop(raw, key.as_ptr(), 0, from, None, None, null_mut(), None, &mut error) };
                    if handle.is_null() {
                        unsafe { Reply::take(error) }.fails(ETCD_ERROR_CANCELLED);
                    } else {
                        assert_eq!(unsafe { etcd_watch_wait(handle, 60_000) }, 1);
                        unsafe { etcd_watch_free(handle) };
                    }
                    Instant::now()
                });
                thread::sleep(Duration::from_millis(300)); // whatever it is doing then
                let stopped = Instant::now();
                unsafe { etcd_disconnect(client.raw()) };
                let ended = begun.join().expect("no panic").duration_since(stopped);
                assert!(ended < AT_ONCE, "{} from {from}: {ended:?}", dead.url);
            });
        }
    }
}

#[test]
fn a_watch_outlives_its_token() {
    // 3.4 knows no such time.
    for version in [Version::V3_5, Version::V3_7] {
        println!("on etcd {version}:");
        let etcd = secured(version, &["--auth-token-ttl=1", "--log-level=debug"]);
        let root = client(&etcd, &[&ROOT[..], &[("watch.poll_ms", "500")]].concat());
        let watcher = root.watch("/w").recursive().push();
        let writer = client(&etcd, &ROOT);
        let mut written = Vec::new();
        for round in 0..2 {
            written.push(index_of(writer.set("/w/a", &round.to_string())));
            wait_until(ELECTION, "a token expires", || etcd.log().matches("deleted a simple token").count() > round);
        }
        written.push(index_of(writer.set("/w/a", "expired")));
        // It forgets all tokens.
        etcd.restart();
        written.push(index_of(writer.set("/w/a", "restarted")));
        writer.set("/w/a", "last").ok();
        let delivered = Vec::from_iter(watcher.until_value("last").iter().map(Event::index));
        assert_eq!(delivered, written);
    }
}

#[test]
fn a_role_that_may_read_below_watches_the_directory() {
    for version in [Version::V3_4, Version::V3_6] {
        println!("on etcd {version}:");
        let etcd = secured(version, &[]);
        let root = client(&etcd, &ROOT);
        Admin::of(root.raw()).add_user("app", "app's own", "/app/*", ETCD_READ);
        let app = user(&etcd, "app");
        let watcher = app.watch("/app").recursive().push();
        let past = index_of(root.set("/app/a", "1"));
        root.set("/app-other", "0").ok();
        root.set("/app/a", "2").ok();
        assert_eq!([watcher.next_value(), watcher.next_value()], ["1", "2"]);
        let again = app.watch("/app").recursive().from(past).pull();
        assert_eq!([again.next_value(), again.next_value()], ["1", "2"]);
        app.watch("/other").push().ends_with(ETCD_ERROR_UNAUTHENTICATED);
        app.watch("/").recursive().push().ends_with(ETCD_ERROR_UNAUTHENTICATED);
    }
}
