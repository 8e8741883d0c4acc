//! What the process does all the time: calls, clients, watches, leases, locks and mirrors, each again and again.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use fastrand::Rng;
use support::api::*;
use support::lease::{Lease, Lock};
use support::mirror::Mirror;
use support::watch::Event;

const KEYS: usize = 50;
const TTL: i64 = 5;
/// The servers' logs and stores must not fill within hours, and the processor is others', too.
const PACE: Duration = Duration::from_millis(20);

/// How often each thing happened.
#[derive(Default)]
pub struct Counts {
    calls: AtomicU64,
    errors: AtomicU64,
    clients: AtomicU64,
    events: AtomicU64,
    leases: AtomicU64,
    locks: AtomicU64,
    mirrors: AtomicU64,
}

impl Counts {
    /// An error is what servers that come and go make of a call, never a fault of the library's.
    fn call(&self, reply: &Reply) {
        assert_ne!(reply.code(), ETCD_ERROR_INTERNAL, "{reply}");
        let is_error = reply.code() >= ETCD_ERROR_RAFT_INTERNAL;
        add(if is_error { &self.errors } else { &self.calls });
    }

    #[track_caller]
    pub fn all_happened(&self) {
        let all = [&self.calls, &self.clients, &self.events, &self.leases, &self.locks, &self.mirrors];
        assert!(all.iter().all(|count| count.load(Ordering::Relaxed) > 0), "{self}");
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        write!(f, "{} calls answered, {} not; {} clients, ", of(&self.calls), of(&self.errors), of(&self.clients))?;
        write!(f, "{} events, {} leases and registrations, ", of(&self.events), of(&self.leases))?;
        write!(f, "{} locks held, {} mirrors", of(&self.locks), of(&self.mirrors))
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// Waits so long. False: it is over.
pub fn goes_on(is_over: &AtomicBool, time: Duration) -> bool {
    let began = Instant::now();
    while began.elapsed() < time && !is_over.load(Ordering::Relaxed) {
        thread::sleep(PACE.min(time));
    }
    !is_over.load(Ordering::Relaxed)
}

/// Begins all of it, on threads of its own.
pub fn begin<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    api: &'env str,
    urls: &[String],
    is_over: &'env AtomicBool,
    counts: &'env Counts,
) {
    let connect =
        |urls: &[String]| Client::of(urls, &[("api", api), ("timeout.request_ms", "3000"), ("watch.poll_ms", "5000")]);
    let shared = || connect(urls);
    for client in [shared(), shared()] {
        scope.spawn(move || again(is_over, |rng| counts.call(&any_call(&client, rng))));
    }
    let client = shared();
    scope.spawn(move || watch_without_end(&client, is_over, counts));
    let client = shared();
    scope.spawn(move || again(is_over, |rng| watch_for_a_while(&client, rng, counts)));
    let client = shared();
    scope.spawn(move || again(is_over, |rng| keep_for_a_while(&client, rng, counts)));
    for client in [shared(), shared()] {
        scope.spawn(move || again(is_over, |_| hold_a_lock(&client, api, counts)));
    }
    let client = shared();
    scope.spawn(move || mirror(&client, is_over, counts));
    let urls = urls.to_vec();
    scope.spawn(move || {
        again(is_over, |rng| {
            let client = connect(&urls);
            let derived = client.with(&[("timeout.request_ms", "1000")]);
            counts.call(&any_call(&client, rng));
            counts.call(&any_call(&derived, rng));
            add(&counts.clients);
        });
    });
}

fn again(is_over: &AtomicBool, mut what: impl FnMut(&mut Rng)) {
    let mut rng = Rng::new();
    while goes_on(is_over, PACE) {
        what(&mut rng);
    }
}

fn key(rng: &mut Rng) -> String {
    format!("/soak/{}", rng.usize(..KEYS))
}

fn any_call(client: &Client, rng: &mut Rng) -> Reply {
    let length = if rng.usize(..50) == 0 { 20_000 } else { rng.usize(1..300) };
    let (key, value) = (&key(rng), &"x".repeat(length));
    match rng.usize(..8) {
        0 | 1 => client.get(key, ETCD_QUORUM),
        2 => client.get("/soak", ETCD_SORTED),
        3 | 4 => client.set(key, value),
        5 => client.create(key, value),
        6 => client.cas(key, value, "x"),
        _ => client.delete(key),
    }
}

/// Two watches that last: pushed and pulled.
fn watch_without_end(client: &Client, is_over: &AtomicBool, counts: &Counts) {
    let watches = [client.watch("/soak").recursive().push(), client.watch("/soak").recursive().pull()];
    while goes_on(is_over, PACE) {
        for watch in &watches {
            take(|| watch.next_within(Duration::ZERO), counts);
        }
    }
}

/// What there is, but no more than comes in meanwhile: others want their turn.
fn take(mut next: impl FnMut() -> Option<Event>, counts: &Counts) {
    for _ in (0..1000).map_while(|_| next()) {
        add(&counts.events);
    }
}

fn watch_for_a_while(client: &Client, rng: &mut Rng, counts: &Counts) {
    let watches = Vec::from_iter((0..10).map(|number| {
        let watch = client.watch(&key(rng));
        if number % 2 == 0 { watch.pull() } else { watch.push() }
    }));
    for watch in &watches {
        if watch.next_within(10 * PACE).is_some() {
            add(&counts.events);
        }
    }
}

fn keep_for_a_while(client: &Client, rng: &mut Rng, counts: &Counts) {
    let key = format!("/soak-here/{}", rng.usize(..KEYS));
    let made = [Lease::open(client, TTL), Lease::register(client, &key, "me", TTL)];
    for lease in made.iter().flatten() {
        counts.call(&lease.state());
        add(&counts.leases);
    }
    thread::sleep(PACE * rng.u32(1..100)); // for a while
}

fn hold_a_lock(client: &Client, api: &str, counts: &Counts) {
    let Ok(lock) = Lock::open(client, "/soak-lock", "", TTL, 0) else { return };
    if lock.wait(Duration::from_secs(2)) == 1 {
        add(&counts.locks);
        if api == "v3" {
            counts.call(&lock.txn(r#"{"success":[{"request_put":{"key":"/soak-held","value":"1"}}]}"#));
        }
        counts.call(&lock.proclaim("still"));
    }
}

/// One mirror that lasts, and others that do not.
fn mirror(client: &Client, is_over: &AtomicBool, counts: &Counts) {
    let mut lasting = None;
    again(is_over, |rng| {
        if lasting.is_none() {
            lasting = Mirror::try_open(client, "/soak").ok();
        }
        let Ok(passing) = Mirror::try_open(client, "/soak") else { return };
        add(&counts.mirrors);
        for mirror in lasting.iter().chain([&passing]) {
            take(|| mirror.next_within(Duration::ZERO), counts);
            counts.call(&mirror.get(&key(rng)));
            counts.call(&mirror.list("/soak"));
        }
    });
}
