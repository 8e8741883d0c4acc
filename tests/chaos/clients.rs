//! Clients that call and write down what they asked and were answered; one may be wrong on purpose.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use support::api::*;

use crate::history::{Answer, Asked, Call, Listing, There, Value};
use crate::holders::Hold;
use crate::registrations::{Look, Stay};
use crate::watches;

pub const DIRECTORY: &str = "/chaos";
/// What only the holder of the lock writes.
pub const HELD: usize = 0;
/// What is written before all else, and after it.
pub const BEGIN: usize = 1;
pub const END: usize = 2;
const FIRST: usize = 10;
/// How many keys there are at a time, and for how long: then others follow, so that no history becomes long.
const KEYS: usize = 4;
const ROUND: Duration = Duration::from_secs(5);
/// The servers and the processor are others', too.
pub const PACE: Duration = Duration::from_millis(8);
/// How often a client that is wrong is so.
const ONE_OF: usize = 5;

/// What a client can have wrong. The library has nothing of it; the checkers must find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// A write that was done is sent once more, a little later.
    Replay,
    /// A write that was done is said not to be carried out.
    Deny,
    /// A read is answered from what was read before.
    Stale,
    /// An event is not delivered.
    Drop,
    /// What only the holder may do is done without the lock.
    Intrude,
    /// A lock that was given up counts as held.
    Linger,
    /// A registration that was given up counts as one.
    Vanish,
}

/// What all clients of one run share.
pub struct Book {
    began: Instant,
    last: AtomicU32,
    is_over: AtomicBool,
    wrong: Option<Wrong>,
    calls: Mutex<Vec<Call>>,
    pub listings: Mutex<Vec<Listing>>,
    /// The holders of the lock, by what they wrote.
    pub tokens: Mutex<HashMap<Value, u64>>,
    pub holds: Mutex<Vec<Hold>>,
    pub stays: Mutex<Vec<Stay>>,
    pub looks: Mutex<Vec<Look>>,
}

impl Book {
    pub fn new(wrong: Option<Wrong>) -> Book {
        Book {
            began: Instant::now(),
            last: AtomicU32::new(0),
            is_over: AtomicBool::new(false),
            wrong,
            calls: Mutex::default(),
            listings: Mutex::default(),
            tokens: Mutex::default(),
            holds: Mutex::default(),
            stays: Mutex::default(),
            looks: Mutex::default(),
        }
    }

    pub fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// A value that nobody else writes.
    pub fn value(&self) -> Value {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Waits so long, or until it is over. False: it is.
    pub fn goes_on(&self, time: Duration) -> bool {
        let began = Instant::now();
        while !self.is_over.load(Ordering::SeqCst) && began.elapsed() < time {
            thread::sleep(PACE.min(time));
        }
        !self.is_over.load(Ordering::SeqCst)
    }

    pub fn is_wrong(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no panic").clone()
    }

    /// Asks, and writes it down.
    pub fn ask(&self, client: &Client, number: usize, key: usize, asked: Asked, index: u64) -> Option<Reply> {
        self.note(number, key, asked, || {
            let reply = ask(client, key, asked, index);
            (answer(asked, &reply), reply)
        })
    }

    pub fn note(
        &self,
        client: usize,
        key: usize,
        asked: Asked,
        ask: impl FnOnce() -> (Option<Answer>, Reply),
    ) -> Option<Reply> {
        let began = self.now();
        let (answer, reply) = ask();
        let ended = self.now();
        // A read without an answer says nothing.
        let answer = answer?;
        self.calls.lock().expect("no panic").push(Call { client, key, asked, answer, began, ended });
        matches!(answer, Answer::Found(_) | Answer::Done { .. }).then_some(reply)
    }

    /// Changes what was written down last.
    fn pretend(&self, client: usize, change: impl Fn(&mut Call)) {
        let mut calls = self.calls.lock().expect("no panic");
        calls.iter_mut().rev().find(|call| call.client == client).map(change);
    }
}

pub fn name(key: usize) -> String {
    format!("{DIRECTORY}/{key}")
}

pub fn text(value: Value) -> String {
    format!("v{value}")
}

/// The number of a value as `text` writes it.
pub fn number(text: &str) -> Option<Value> {
    text.strip_prefix('v')?.parse().ok()
}

fn ask(client: &Client, key: usize, asked: Asked, index: u64) -> Reply {
    let key = &name(key);
    // By the index or by the value: both mean the same, for no value is written twice.
    let by_value = |from| (index == 0).then(|| text(from));
    match asked {
        Asked::Get => client.get(key, ETCD_QUORUM),
        Asked::Set(value) => client.set(key, &text(value)),
        Asked::Create(value) => client.create(key, &text(value)),
        Asked::Cas { from, to } => client.cas_with(key, &text(to), by_value(from).as_deref(), index, 0),
        Asked::Delete => client.delete(key),
        Asked::Cad(from) => client.cad(key, by_value(from).as_deref(), index),
    }
}

pub fn value_at(reply: &Reply, pointer: &str) -> Option<Value> {
    reply.text(pointer).map(|text| number(&text).unwrap_or_else(|| panic!("nobody wrote {text:?}: {reply}")))
}

/// What a reply says. `None`: a read had no answer.
fn answer(asked: Asked, reply: &Reply) -> Option<Answer> {
    let is_read = asked.is_read();
    Some(match reply.code() {
        0 if is_read => Answer::Found(value_at(reply, "/node/value")),
        0 => Answer::Done {
            before: value_at(reply, "/prevNode/value"),
            index: u64::try_from(reply.int("/node/modifiedIndex")).expect("a write has an index"),
        },
        ETCD_ERROR_KEY_NOT_FOUND if is_read => Answer::Found(None),
        ETCD_ERROR_KEY_NOT_FOUND => Answer::Refused(There::Nothing),
        ETCD_ERROR_KEY_EXISTS => Answer::Refused(There::Something),
        // "[v1 != v2]", or of indexes "[1 != 2]".
        ETCD_ERROR_COMPARE_FAILED => {
            let cause = reply.text("/cause").unwrap_or_default();
            let there = cause.split(" != ").nth(1).and_then(|there| number(there.split(']').next()?));
            Answer::Refused(there.map_or(There::Something, There::This))
        }
        _ if is_read => return None,
        ETCD_ERROR_OUTCOME_UNKNOWN => Answer::Unknown,
        ETCD_ERROR_INVALID_ARGUMENT | ETCD_ERROR_BAD_RESPONSE | ETCD_ERROR_INTERNAL => panic!("{asked:?}: {reply}"),
        _ => Answer::NotCarriedOut,
    })
}

/// Calls until it is over.
pub fn call(book: &Book, client: &Client, me: usize, mut rng: Rng) {
    // What this client has seen last, with its index.
    let mut known: HashMap<usize, (Value, u64)> = HashMap::new();
    while book.goes_on(PACE.mul_f64(rng.f64())) {
        let round = (book.elapsed().as_nanos() / ROUND.as_nanos()) as usize;
        let key = FIRST + round * KEYS + rng.usize(..KEYS);
        let seen = known.get(&key).copied();
        let asked = match (rng.usize(..20), seen) {
            (0..6, _) => Asked::Get,
            (6..8, _) => Asked::Delete,
            (8..11, _) => Asked::Create(book.value()),
            (11..15, Some((from, _))) => Asked::Cas { from, to: book.value() },
            (15..17, Some((from, _))) => Asked::Cad(from),
            _ => Asked::Set(book.value()),
        };
        let index = seen.filter(|_| asked.wanted().is_some() && rng.bool()).map_or(0, |(_, index)| index);
        let reply = book.ask(client, me, key, asked, index);
        if let Some(reply) = reply.as_ref().filter(|_| rng.usize(..ONE_OF) == 0) {
            be_wrong(book, client, me, asked, seen, reply);
        }
        let now = reply.as_ref().and_then(|reply| {
            let index = u64::try_from(reply.int("/node/modifiedIndex")).ok()?;
            Some((value_at(reply, "/node/value")?, index))
        });
        match now {
            Some(now) => drop(known.insert(key, now)),
            None => drop(known.remove(&key)),
        }
    }
}

fn be_wrong(book: &Book, client: &Client, me: usize, asked: Asked, seen: Option<(Value, u64)>, reply: &Reply) {
    match asked {
        Asked::Set(value) if book.is_wrong(Wrong::Replay) => {
            let key = reply.text("/node/key").expect("a reply has a key");
            client.set(&key, &text(value));
        }
        Asked::Set(_) if book.is_wrong(Wrong::Deny) => book.pretend(me, |call| call.answer = Answer::NotCarriedOut),
        Asked::Get if book.is_wrong(Wrong::Stale) => {
            let stale = seen.map(|(value, _)| value);
            book.pretend(me, |call| call.answer = Answer::Found(stale));
        }
        _ => {}
    }
}

/// Reads all keys at once, until it is over.
pub fn list(book: &Book, client: &Client) {
    while book.goes_on(10 * PACE) {
        let began = book.now();
        let reply = client.get(DIRECTORY, ETCD_QUORUM | ETCD_RECURSIVE);
        if reply.code() == 0 {
            let index = u64::try_from(reply.int("/header/etcdIndex")).expect("a listing has an index");
            let there = watches::state(&reply.json()["node"]);
            book.listings.lock().expect("no panic").push(Listing { index, there, began, ended: book.now() });
        }
    }
}
