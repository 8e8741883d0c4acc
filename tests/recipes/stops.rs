//! Stopping: within milliseconds, whatever the library waits for. What is to be given back waits for a server, as the
//! header says, but no longer than a second.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use support::api::*;
use support::certificates::Authority;
use support::door::Door;
use support::etcd::Etcd;
use support::lease::{Leadership, Lease, Lock};
use support::mirror::Mirror;
use support::proxy::{Mode, Proxy};
use support::resolver::Gate;
use support::version::Version;
use support::wait_until;

use crate::SECOND;

/// It takes some milliseconds. Every wait that is interrupted here would last for an hour.
const AT_ONCE: Duration = Duration::from_millis(300);
/// What is freed is revoked if that can be done within a second.
const GIVEN_BACK: Duration = Duration::from_millis(1300);
/// A machine that is busy may let a thread wait for as long: what counts is the least of so many tries.
const TRIES: usize = 4;
/// Keep-alives are due after three seconds.
const TTL: i64 = 9;

/// What took how long, and may take how long.
type Times = BTreeMap<String, (Duration, Duration)>;

/// All that can wait, of one client.
struct All {
    lease: Option<Lease>,
    here: Lease,
    held: Lock,
    waiting: Lock,
    leader: Leadership,
    mirror: Mirror,
    client: Client,
}

impl All {
    fn of(client: Client, api: &str, dir: &str) -> All {
        client.set(&format!("{dir}/m/a"), "1").ok();
        let line = &format!("{dir}/lock");
        let lock = || Lock::open(&client, line, "", TTL, 0).expect("a place in its line");
        let (held, waiting, leader) = (lock(), lock(), Leadership::watch(&client, line));
        assert_eq!((held.wait(30 * SECOND), leader.next().as_deref()), (1, Some("")));
        let here = Lease::register(&client, &format!("{dir}/s"), "me", TTL).expect("a registration");
        let lease = (api == "v3").then(|| Lease::open(&client, TTL).expect("a lease"));
        let mirror = Mirror::open(&client, &format!("{dir}/m"));
        assert!(mirror.next_within(Duration::ZERO).is_none());
        All { lease, here, held, waiting, leader, mirror, client }
    }

    /// Whether a keep-alive is overdue, so that a thread is at it.
    fn is_overdue(&self) -> bool {
        self.here.remaining() < (TTL as u32 * SECOND) * 2 / 3 - SECOND / 2
    }

    /// Frees one after the other, while other threads wait for what it is to bring.
    fn free(self, times: &mut Times) {
        let mut note = |what: &str, limit, began: Instant| {
            times.insert(what.to_owned(), (began.elapsed(), limit));
        };
        let All { lease, here, held, waiting, leader, mirror, client } = self;
        thread::scope(|scope| {
            let (mirror, raw) = (&mirror, mirror.0.expose_provenance());
            let waits = [
                begun(scope, || assert!(mirror.next_within(3600 * SECOND).is_none())),
                begun(scope, || assert_eq!(mirror.wait(u64::MAX >> 1, 3600 * SECOND), -1)),
            ];
            let began = Instant::now();
            unsafe { etcd_mirror_free(std::ptr::with_exposed_provenance_mut(raw)) };
            note("etcd_mirror_free", AT_ONCE, began);
            waits.into_iter().for_each(|wait| wait.join().expect("no panic"));
            note("what waited for the mirror", AT_ONCE, began);
        });
        let began = Instant::now();
        drop(leader);
        note("etcd_watch_free of who leads", AT_ONCE, began);
        thread::scope(|scope| {
            let waiting = &waiting;
            let wait = begun(scope, || assert_eq!(waiting.wait(3600 * SECOND), -1));
            let began = Instant::now();
            unsafe { support::lease::etcd_lock_free(waiting.raw()) };
            note("etcd_lock_free of one that waits", GIVEN_BACK, began);
            wait.join().expect("no panic");
        });
        let began = Instant::now();
        drop(held);
        note("etcd_lock_free", GIVEN_BACK, began);
        let began = Instant::now();
        drop(here);
        note("etcd_lease_free of a registration", GIVEN_BACK, began);
        let began = Instant::now();
        drop(lease);
        note("etcd_lease_free", GIVEN_BACK, began);
        let began = Instant::now();
        drop(client);
        note("etcd_disconnect when all is freed", AT_ONCE, began);
    }

    /// Disconnects the client, while other threads are in the middle of calls and wait; then frees what is left.
    fn disconnect(self, dir: &str, times: &mut Times) {
        let mut note = |what: &str, limit, began: Instant| {
            times.insert(what.to_owned(), (began.elapsed(), limit));
        };
        let All { lease, here, held, waiting, leader, mirror, client } = self;
        let raw = client.raw();
        thread::scope(|scope| {
            let (client, lease, waiting, leader, mirror, held) = (&client, &lease, &waiting, &leader, &mirror, &held);
            let waits = [
                ("etcd_lock_wait", begun(scope, || assert_eq!(waiting.wait(3600 * SECOND), -1))),
                ("etcd_mirror_next", begun(scope, || assert!(mirror.next_within(3600 * SECOND).is_none()))),
                ("etcd_mirror_wait", begun(scope, || assert_eq!(mirror.wait(u64::MAX >> 1, 3600 * SECOND), -1))),
                ("etcd_watch_next of who leads", begun(scope, || leader.until_the_end())),
                // These wait for a server; one that is well may have answered, and the end may be known here.
                ("etcd_lock_proclaim", begun(scope, || drop(held.proclaim("x")))),
                ("etcd_lease_revoke", begun(scope, || drop(lease.as_ref().map(Lease::revoke)))),
                ("etcd_register", begun(scope, || drop(Lease::register(client, &format!("{dir}/t"), "", TTL)))),
                ("etcd_lock_open", begun(scope, || drop(Lock::open(client, &format!("{dir}/l"), "", TTL, 0)))),
                ("etcd_mirror_open", begun(scope, || drop(Mirror::try_open(client, dir)))),
            ];
            let began = Instant::now();
            unsafe { etcd_disconnect(raw) };
            note("etcd_disconnect", AT_ONCE, began);
            for (what, wait) in waits {
                wait.join().expect("no panic");
                note(&format!("{what} after etcd_disconnect"), AT_ONCE, began);
            }
        });
        let began = Instant::now();
        drop((lease, here, held, waiting, leader, mirror));
        note("all that is freed after etcd_disconnect", AT_ONCE, began);
    }
}

/// A thread that has begun.
fn begun<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    body: impl FnOnce() + Send + 'scope,
) -> thread::ScopedJoinHandle<'scope, ()> {
    let (told, begins) = channel();
    let begun = scope.spawn(move || {
        let _ = told.send(()); // it is waited for
        body();
    });
    begins.recv().expect("it begins");
    begun
}

/// A client whose every wait would last an hour.
fn patient(url: &str, api: &str, more: &[(&str, &str)]) -> Client {
    let hour = "3600000";
    let pairs = [
        ("api", api),
        ("timeout.connect_ms", hour),
        ("timeout.request_ms", hour),
        ("watch.poll_ms", hour),
        ("retry.max_delay_ms", hour),
    ];
    Client::of(&[url], &[&pairs, more].concat())
}

/// Two clients of this endpoint in this state: what one has is freed, the other is disconnected.
fn stopped(url: &str, api: &str, more: &[(&str, &str)], bring: impl FnOnce(&dyn Fn())) -> Times {
    let all = ["/a", "/b"].map(|dir| All::of(patient(url, api, more), api, dir));
    let overdue = || wait_until(60 * SECOND, "keep-alives are overdue", || all.iter().all(All::is_overdue));
    bring(&overdue);
    let (mut times, [freed, disconnected]) = (Times::new(), all);
    freed.free(&mut times);
    disconnected.disconnect("/b", &mut times);
    times
}

/// The least of some tries.
#[track_caller]
fn is_immediate(state: &str, api: &str, stopped: impl Fn() -> Times) {
    let mut least = Times::new();
    for _ in 0..TRIES {
        for (what, (time, limit)) in stopped() {
            let least = least.entry(what).or_insert((time, limit));
            least.0 = least.0.min(time);
        }
        if least.values().all(|(time, limit)| time <= limit) {
            break;
        }
    }
    for (what, (time, limit)) in &least {
        println!("over {api}, {state}: {time:?} for {what}");
        assert!(time <= limit, "over {api}, {state}: {what} takes {time:?}");
    }
}

const EACH: [(Version, &str); 2] = [(Version::V3_4, "v2"), (Version::V3_6, "v3")];

#[test]
fn while_all_is_well_and_some_wait_in_line() {
    for (version, api) in EACH {
        is_immediate("well", api, || stopped(&Etcd::start(version).url(), api, &[], |_| {}));
    }
}

#[test]
fn while_the_server_stands_still() {
    for (version, api) in EACH {
        is_immediate("frozen", api, || {
            let etcd = Etcd::start(version);
            stopped(&etcd.url(), api, &[], |overdue| {
                etcd.freeze();
                overdue();
            })
        });
    }
}

#[test]
fn while_the_server_is_gone() {
    for (version, api) in EACH {
        is_immediate("gone", api, || {
            let etcd = Etcd::start(version);
            stopped(&etcd.url(), api, &[], |overdue| {
                etcd.kill();
                overdue();
            })
        });
    }
}

#[test]
fn while_connections_are_taken_and_nothing_is_said() {
    for (version, api) in EACH {
        is_immediate("silent", api, || {
            let etcd = Etcd::start(version);
            let proxy = Proxy::start(etcd.port(), Mode::Pass);
            stopped(&proxy.url(), api, &[], |overdue| {
                let before = proxy.connections();
                proxy.switch(Mode::BlackHole);
                proxy.wait_for_connections(before + 1);
                overdue();
            })
        });
    }
}

#[test]
fn while_it_connects() {
    for (version, api) in EACH {
        is_immediate("connecting", api, || {
            let etcd = Etcd::start(version);
            let door = Door::open(etcd.port());
            let (port, mut shut) = (door.port(), None);
            stopped(&format!("http://127.0.0.1:{port}"), api, &[], |overdue| {
                let shut = shut.insert(door.shut());
                wait_until(60 * SECOND, "it connects", || shut.others_connecting() > 0);
                overdue();
            })
        });
    }
}

#[test]
fn while_it_looks_up_a_name() {
    for (version, api) in EACH {
        is_immediate("resolving", api, || {
            let etcd = Etcd::start(version);
            let (proxy, gate) = (Proxy::start(etcd.port(), Mode::Pass), Gate::new());
            stopped(&format!("http://etcd.gate:{}", proxy.port()), api, &[], |overdue| {
                gate.shut();
                proxy.switch(Mode::Close);
                wait_until(60 * SECOND, "it looks up the name", || gate.waiting() > 0);
                overdue();
            })
        });
    }
}

#[test]
fn while_it_shakes_hands() {
    let authority = Authority::new();
    for (version, api) in EACH {
        is_immediate("shaking hands", api, || {
            let server = authority.server();
            let etcd = Etcd::start_tls(version, &["--cert-file", &server.cert, "--key-file", &server.key]);
            let proxy = Proxy::start(etcd.port(), Mode::Pass);
            let url = format!("https://127.0.0.1:{}", proxy.port());
            stopped(&url, api, &[("tls.ca_file", authority.file())], |overdue| {
                let before = proxy.connections();
                proxy.switch(Mode::BlackHole);
                proxy.wait_for_connections(before + 1);
                overdue();
            })
        });
    }
}
