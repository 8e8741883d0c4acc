//! In-order keys: each named so that names sort in the order of the commits.
//!
//! The directory's marker is the guard: every new key writes it, in the same transaction, and on the condition that nobody
//! has written it since. A name is one more than the guard's revision, and than the last name, which the guard holds; so
//! names grow strictly, are never given twice, and go on from keys that came from elsewhere (a v2 store's have higher
//! numbers).

use std::time::Duration;

use super::errors::Refused;
use super::guards::Guard;
use super::json::{self, Node};
use super::ladder::Rung;
use super::leases::Lease;
use super::rules::Rules;
use super::session::Session;
use super::tree::{Path, Place};
use super::txn;
use super::write::seconds;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::messages::ResponseHeader;
use crate::messages::kv::{KeyValue, PutRequest, RangeRequest, SortOrder, TxnRequest};
use crate::operation::Ttl;

/// How often another writer may be faster.
const ATTEMPTS: u32 = 1000;
const MAX_KNOWN: usize = 1024;
const DIGITS: usize = 20;

/// Whether a marker's value is a guard's: writing it is no event of the directory.
pub fn is_guard(value: &[u8]) -> bool {
    number(value).is_some()
}

pub struct Append<'a> {
    pub place: &'a Place,
    pub value: &'a str,
    pub ttl: Ttl,
    pub no_value: bool,
}

impl Append<'_> {
    pub fn run(&self, session: &Session) -> Result<String> {
        let guard_key = guard_key(self.place);
        let guards = &session.client.guards.0;
        let mut known = guards.with(|guards| guards.get(&guard_key).copied());
        let mut lease = None;
        for attempt in 0..ATTEMPTS {
            let guard = match known {
                Some(guard) => guard,
                None => match self.find_guard(session, &guard_key)? {
                    Some(guard) => guard,
                    None => continue,
                },
            };
            if let (Some(wanted), None) = (seconds(self.ttl), &lease) {
                lease = Some(session.client.leases.grant(session, &guard_key, wanted)?);
            }
            let name = guard.last.max(guard.revision.unsigned_abs()) + 1;
            match self.put(session, &guard_key, guard, name, lease) {
                Ok(Put::Done(header)) => {
                    lease.inspect(|lease| session.client.leases.forget(&guard_key, lease.id));
                    self.remember(session, guard_key, Some(Guard { revision: header.revision, last: name }));
                    return Ok(self.reply(name, lease, &header));
                }
                Ok(Put::Overtaken(now)) => known = now,
                Err(refused) => {
                    // Nothing is known of the guard after a failure.
                    self.remember(session, guard_key.clone(), None);
                    if let Some(lease) = lease.filter(|_| refused.is_surely_not_carried_out()) {
                        session.client.leases.discard(session, &guard_key, lease);
                    }
                    return Err(refused.into());
                }
            }
            // Of many writers one succeeds each time; those who lose again and again spread out.
            if attempt >= 3 {
                std::thread::sleep(Duration::from_micros(fastrand::u64(0..1 << attempt.min(14))));
            }
        }
        let message = "Other writers were always faster; nothing was written";
        Err(Error::new(code::ETCD_ERROR_TIMEOUT, message, &*self.place.name))
    }

    fn put(
        &self,
        session: &Session,
        guard_key: &[u8],
        guard: Guard,
        name: u64,
        lease: Option<Lease>,
    ) -> Result<Put, Refused> {
        session.client.ladder.descend(self.place, Rung::NoDirectory, |rung| {
            let rules = Rules::new(&session.client.tree, self.place, rung);
            let is_file = |on: bool| (on && !self.place.is_root()).then_some(&self.place.key);
            let file = is_file(rung.checks_directory());
            let lease = lease.map_or(0, |lease| lease.id);
            let digits = digits(name);
            let key = [&self.place.marker, digits.as_bytes()].concat();
            let put = PutRequest { lease, ..txn::put(&key, self.value.as_bytes()) };
            let look = file.map(|key| txn::look(key).into());
            let request = TxnRequest {
                compare: rules
                    .no_file_above()
                    .chain(file.map(|key| txn::absent(key)))
                    .chain([txn::modified_at(guard_key, guard.revision), txn::absent(&key)])
                    .collect(),
                success: vec![put.into(), txn::put(guard_key, digits.as_bytes()).into()],
                failure: rules.looks_above().chain(look).chain([txn::get(guard_key).into()]).collect(),
            };
            let mut replies = session.transact(&request)?;
            if replies.succeeded {
                return Ok(Put::Done(replies.header));
            }
            let ancestor = rules.found_above(&mut replies)?;
            let is_file = file.is_some() && replies.key()?.is_some();
            if ancestor.is_some() || is_file {
                return Err(rules
                    .error_above(ancestor.as_ref(), code::ETCD_ERROR_NOT_DIRECTORY, &replies.header)
                    .into());
            }
            Ok(Put::Overtaken(match replies.key()? {
                // The guard is as it was: the name is taken, by a key that came from elsewhere.
                Some(kv) if kv.mod_revision == guard.revision => Some(Guard { last: name, ..guard }),
                Some(kv) => Guard::of(&kv),
                None => None,
            }))
        })
    }

    /// The guard as it is, made if there is none; `None` if another writer was faster. Its first value is the highest
    /// name that is there already.
    fn find_guard(&self, session: &Session, guard_key: &[u8]) -> Result<Option<Guard>> {
        let there = session.ask(&txn::get(guard_key))?.kvs.pop();
        if let Some(guard) = there.as_ref().and_then(Guard::of) {
            return Ok(Some(guard));
        }
        let last = self.highest_name(session)?;
        if let Some(marker) = there {
            return Ok(Some(Guard { revision: marker.mod_revision, last }));
        }
        let guard = session.client.ladder.descend(self.place, Rung::NoDirectory, |rung| {
            let rules = Rules::new(&session.client.tree, self.place, rung);
            let file = (rung.checks_directory() && !self.place.is_root()).then_some(&self.place.key);
            let request = TxnRequest {
                compare: rules
                    .no_file_above()
                    .chain(file.map(|key| txn::absent(key)))
                    .chain([txn::absent(guard_key)])
                    .collect(),
                success: vec![txn::put(guard_key, digits(last).as_bytes()).into()],
                failure: rules.looks_above().chain(file.map(|key| txn::look(key).into())).collect(),
            };
            let mut replies = session.transact(&request)?;
            if replies.succeeded {
                return Ok(Some(Guard { revision: replies.header.revision, last }));
            }
            let ancestor = rules.found_above(&mut replies)?;
            if ancestor.is_some() || file.is_some() && replies.key()?.is_some() {
                return Err(rules
                    .error_above(ancestor.as_ref(), code::ETCD_ERROR_NOT_DIRECTORY, &replies.header)
                    .into());
            }
            Ok(None)
        })?;
        Ok(guard)
    }

    /// Of all names that look like ours. Those begin with zeros: no store counts that far.
    fn highest_name(&self, session: &Session) -> Result<u64> {
        let zeros = |last: &[u8]| [&self.place.marker, &b"0000000"[..], last].concat();
        let range =
            RangeRequest { sort_order: SortOrder::Descend as i32, ..txn::look_in(&zeros(b"0"), &zeros(b"1"), 100) };
        let kvs = session.ask(&range)?.kvs;
        let names = kvs.iter().filter_map(|kv| kv.key.get(self.place.marker.len()..));
        Ok(names.filter_map(|name| number(name.split(|byte| *byte == b'/').next()?)).max().unwrap_or(0))
    }

    fn remember(&self, session: &Session, key: Vec<u8>, guard: Option<Guard>) {
        session.client.guards.0.with(|guards| match guard {
            Some(guard) => {
                if guards.len() >= MAX_KNOWN {
                    guards.clear();
                }
                guards.insert(key, guard);
            }
            None => drop(guards.remove(&key)),
        });
    }

    fn reply(&self, name: u64, lease: Option<Lease>, header: &ResponseHeader) -> String {
        let json_header = json::header(Some(header));
        if self.no_value {
            return json::reply("create", None, None, &json_header);
        }
        let path = format!("{}/{}", self.place.name, digits(name));
        let (value, revision) = (Some(self.value.as_bytes()), header.revision);
        let life = lease.map(|lease| lease.life());
        let path = Some(Path(&path.as_bytes()[1..]));
        let node = Node { path, value, created: revision, modified: revision, life, ..Node::default() };
        json::reply("create", Some(node), None, &json_header)
    }
}

enum Put {
    Done(ResponseHeader),
    /// Somebody else has written the guard, or removed it; as far as it is known, how it is now.
    Overtaken(Option<Guard>),
}

impl Guard {
    fn of(kv: &KeyValue) -> Option<Guard> {
        number(&kv.value).map(|last| Guard { revision: kv.mod_revision, last })
    }
}

/// The marker; the root of a store without a prefix has none, and a key that no listing shows does instead.
fn guard_key(place: &Place) -> Vec<u8> {
    if place.marker.is_empty() { b"/".to_vec() } else { place.marker.clone() }
}

fn digits(number: u64) -> String {
    format!("{number:0DIGITS$}")
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_name = digits.len() == DIGITS && digits.iter().all(u8::is_ascii_digit);
    // One below the highest, so that there is a next one.
    let number: u64 = std::str::from_utf8(digits).ok().filter(|_| is_name)?.parse().ok()?;
    (number < u64::MAX).then_some(number)
}
