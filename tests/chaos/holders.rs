//! Holders of a lock: each writes down from when until when it was one, and over v3 does what the lock is for.

use std::time::{Duration, Instant};

use fastrand::Rng;
use support::api::*;
use support::lease::Lock;

use crate::clients::{Book, HELD, PACE, Wrong, name, text, value_at};
use crate::history::{Answer, Asked};

const LOCK: &str = "/chaos-lock";
const TTL: i64 = 5;
/// How long a lock is held at most: most of them shortly, so that many change hands, and some for longer than a ttl, so
/// that faults meet a holder.
const SHORTLY: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(8);
const ONE_OF_THEM_LONG: usize = 10;

/// The time for which one surely was a holder. Nanoseconds since the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    pub token: u64,
    /// It was told so before this.
    pub began: u64,
    /// It was told so once more after this.
    pub ended: u64,
}

/// No two hold it at the same moment, and a later one has the larger token.
pub fn no_two_at_once(holds: &[Hold]) -> Result<(), String> {
    let mut holds = holds.to_vec();
    holds.sort_by_key(|hold| hold.began);
    match holds.windows(2).find(|pair| pair[1].began <= pair[0].ended || pair[1].token <= pair[0].token) {
        Some(pair) => {
            Err(format!("{:?} still held the lock, or came later in the line, when {:?} began", pair[0], pair[1]))
        }
        None => Ok(()),
    }
}

/// Holds the lock again and again until it is over.
pub fn hold(book: &Book, client: &Client, me: usize, api: &str, mut rng: Rng) {
    while book.goes_on(PACE) {
        let Ok(lock) = Lock::open(client, LOCK, "", TTL, 0) else { continue };
        if lock.wait(Duration::from_secs(3)) != 1 {
            continue;
        }
        let began = book.now();
        let token = lock.token();
        let mut hold = Hold { token, began, ended: began };
        let until = if rng.usize(..ONE_OF_THEM_LONG) == 0 { LONG } else { SHORTLY };
        let (since, until) = (Instant::now(), until.mul_f64(rng.f64()));
        while since.elapsed() < until && sees(book, &lock, &mut hold) && book.goes_on(PACE) {
            if api == "v3" {
                write_as(book, me, token, |both| lock.txn(both));
            }
        }
        sees(book, &lock, &mut hold);
        drop(lock);
        // Another has it by then.
        let has_lost_it = (book.is_wrong(Wrong::Intrude) || book.is_wrong(Wrong::Linger)) && book.goes_on(10 * PACE);
        if has_lost_it && book.is_wrong(Wrong::Intrude) {
            write_as(book, me, token, |both| unsafe { Reply::take(etcd_txn(client.raw(), c(both).as_ptr())) });
        }
        if has_lost_it && book.is_wrong(Wrong::Linger) {
            hold.ended = book.now();
        }
        // A token of 0: it was lost before it could be asked for.
        if token != 0 {
            book.holds.lock().expect("no panic").push(hold);
        }
    }
}

/// Whether it is held still; then it was until now.
fn sees(book: &Book, lock: &Lock, hold: &mut Hold) -> bool {
    let now = book.now();
    let is_held = lock.is_held();
    if is_held {
        hold.ended = now;
    }
    is_held
}

fn write_as(book: &Book, me: usize, token: u64, carry_out: impl FnOnce(&str) -> Reply) {
    let (value, key) = (book.value(), name(HELD));
    book.tokens.lock().expect("no panic").insert(value, token);
    let put = format!(r#"{{"request_put":{{"key":"{key}","value":"{}"}}}}"#, text(value));
    let both = format!(r#"{{"success":[{{"request_range":{{"key":"{key}"}}}},{put}]}}"#);
    book.note(me, HELD, Asked::Set(value), || {
        let reply = carry_out(&both);
        (Some(held(&reply)), reply)
    });
}

/// What the reply to a holder's transaction says.
fn held(reply: &Reply) -> Answer {
    match reply.code() {
        0 => Answer::Done {
            before: value_at(reply, "/responses/0/response_range/kvs/0/value"),
            index: u64::try_from(reply.int("/header/revision")).expect("a write has a revision"),
        },
        ETCD_ERROR_OUTCOME_UNKNOWN => Answer::Unknown,
        // Also that the lock is not held: then nothing was done.
        _ => Answer::NotCarriedOut,
    }
}
