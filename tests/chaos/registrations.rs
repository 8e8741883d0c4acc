//! Registrations: each client that has one writes down from when until when, and another one looks whether the keys are there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use support::api::*;
use support::lease::Lease;

use crate::clients::{Book, PACE, Wrong};

const DIRECTORY: &str = "/chaos-here";
/// Seconds. Short, so that many registrations are lost; a server of v3 raises what is shorter than 2.
pub const TTL: i64 = 3;
/// How long a registration may be missing while there is a quorum: its lease is over a ttl after the last answer at the
/// latest, and then it is made again.
pub const PROMISE: Duration = Duration::from_secs(TTL as u64 + 2);
/// Looks that follow each other within this time show that there was a quorum between them, too; and that this process had
/// its share of the processor, without which nothing can be made again in time.
pub const CLOSE: Duration = Duration::from_millis(300);
/// Some for longer than faults last.
const LONGEST: Duration = Duration::from_secs(30);

/// The time for which one surely was registered: from after it was told so until before it withdrew. Nanoseconds since the
/// run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    pub who: usize,
    pub began: u64,
    pub ended: u64,
}

/// Who was there, as a quorum had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub there: BTreeSet<usize>,
    pub began: u64,
    pub ended: u64,
}

/// Who has been missing, since this look.
type Missing = BTreeMap<usize, u64>;

/// For how long one was missing at most while there was a quorum, as looks so close to each other show; an error if that is
/// too long.
pub fn none_stays_missing(stays: &[Stay], looks: &[Look], close: Duration) -> Result<Duration, String> {
    let close = u64::try_from(close.as_nanos()).unwrap_or(u64::MAX);
    let mut looks = Vec::from_iter(looks);
    looks.sort_by_key(|look| look.began);
    let (mut since, mut before, mut longest) = (Missing::new(), 0, Duration::ZERO);
    for look in looks {
        if look.ended > close.saturating_add(before) {
            since.clear();
        }
        let is_in = |stay: &&Stay| stay.began < look.began && look.ended < stay.ended;
        let registered = BTreeSet::from_iter(stays.iter().filter(is_in).map(|stay| stay.who));
        since.retain(|who, _| registered.contains(who) && !look.there.contains(who));
        for who in registered.difference(&look.there) {
            // It was there no later than the end of the first look that missed it.
            let missing = Duration::from_nanos(look.began.saturating_sub(*since.entry(*who).or_insert(look.ended)));
            longest = longest.max(missing);
            if missing > PROMISE {
                let [began, ended] = [since[who], look.began].map(|time| time as f64 / 1e6);
                return Err(format!(
                    "registration {who} stayed missing from {began:.0} ms until {ended:.0} ms at least, with a quorum there"
                ));
            }
        }
        before = look.began;
    }
    Ok(longest)
}

/// Registers again and again until it is over.
pub fn register(book: &Book, client: &Client, who: usize, mut rng: Rng) {
    while book.goes_on(PACE) {
        let Ok(lease) = Lease::register(client, &format!("{DIRECTORY}/{who}"), "me", TTL) else { continue };
        let began = book.now();
        if book.is_wrong(Wrong::Vanish) {
            lease.revoke();
            book.goes_on(LONGEST);
        } else {
            book.goes_on(LONGEST.mul_f64(rng.f64()));
        }
        book.stays.lock().expect("no panic").push(Stay { who, began, ended: book.now() });
    }
}

/// Looks who is there, until it is over.
pub fn look(book: &Book, client: &Client) {
    while book.goes_on(5 * PACE) {
        let began = book.now();
        let reply = client.get(DIRECTORY, ETCD_QUORUM | ETCD_RECURSIVE);
        let there = match reply.code() {
            0 => reply.json()["node"]["nodes"].as_array().into_iter().flatten().map(who).collect(),
            ETCD_ERROR_KEY_NOT_FOUND => BTreeSet::new(),
            _ => continue,
        };
        book.looks.lock().expect("no panic").push(Look { there, began, ended: book.now() });
    }
}

fn who(node: &serde_json::Value) -> usize {
    let key = node["key"].as_str().and_then(|key| key.rsplit('/').next());
    key.and_then(|name| name.parse().ok()).unwrap_or_else(|| panic!("nobody registered {node}"))
}
