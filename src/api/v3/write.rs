//! Keys with a value: set, create, update, compare-and-swap. One transaction each, and one request more where there is a
//! ttl.

use super::errors::Refused;
use super::json::{self, Life, Node};
use super::ladder::Rung;
use super::leases::Lease;
use super::rules::{self, Found, Rules};
use super::session::Session;
use super::tree::{Path, Place};
use super::txn;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::messages::ResponseHeader;
use crate::messages::kv::{KeyValue, PutRequest, TxnRequest};
use crate::operation::{Condition, Precondition, Ttl};

/// What is to be written, and on which condition.
pub struct Write<'a> {
    pub place: &'a Place,
    pub value: &'a str,
    pub ttl: Ttl,
    pub when: &'a Precondition,
    pub no_value: bool,
}

impl Write<'_> {
    pub fn run(&self, session: &Session) -> Result<String> {
        let leases = &session.client.leases;
        let mut lease = self.lease(session)?;
        let mut outcome = self.put(session, lease);
        if let (Some(lost), Err(refused)) = (lease, &outcome) {
            // It ended, or was revoked, in between. Nothing has been written.
            if refused.is_lease_not_found() {
                leases.forget(&self.place.key, lost.id);
                lease = Some(leases.grant(session, &self.place.key, lost.wanted)?);
                outcome = self.put(session, lease);
            }
        }
        match (outcome, lease) {
            (Ok(written), Some(lease)) => {
                let life = self.life(session, lease, &written.header)?;
                Ok(self.reply(written, Some(life)))
            }
            (Ok(written), None) => Ok(self.reply(written, None)),
            (Err(refused), lease) => {
                if let Some(lease) = lease.filter(|_| refused.is_surely_not_carried_out()) {
                    leases.discard(session, &self.place.key, lease);
                }
                Err(refused.into())
            }
        }
    }

    /// The lease to write with. One that is in use is kept alive before the write only if the write cannot be refused
    /// while the key lives on: or a lock that is asked for again and again would never end.
    fn lease(&self, session: &Session) -> Result<Option<Lease>> {
        let Some(wanted) = seconds(self.ttl) else { return Ok(None) };
        let (leases, key) = (&session.client.leases, &self.place.key[..]);
        let lease = match self.when {
            Precondition::Always | Precondition::Present => leases.keep_or_grant(session, key, wanted),
            Precondition::Matches(_) => match leases.in_use(key, wanted) {
                Some(lease) => Ok(lease),
                None => leases.grant(session, key, wanted),
            },
            Precondition::Absent => leases.grant(session, key, wanted),
        };
        Ok(Some(lease?))
    }

    /// How long the key that was written has to live: a lease that was in use is kept alive now, if not before.
    fn life(&self, session: &Session, lease: Lease, header: &ResponseHeader) -> Result<Life> {
        if lease.is_new || !matches!(self.when, Precondition::Matches(_)) {
            return Ok(lease.life());
        }
        match session.client.leases.keep(session, &self.place.key, lease) {
            Ok(Some(kept)) => Ok(kept.life()),
            // It was cut off in the moment since.
            Ok(None) => Err(rules::error(code::ETCD_ERROR_KEY_NOT_FOUND, &*self.place.name, header)),
            // The write is done all the same.
            Err(_) => Ok(lease.rest()),
        }
    }

    fn put(&self, session: &Session, lease: Option<Lease>) -> Result<Written, Refused> {
        // Every other condition reads the key.
        let lowest = if *self.when == Precondition::Always { Rung::Blind } else { Rung::NoDirectory };
        session.client.ladder.descend(self.place, lowest, |rung| {
            let rules = Rules::new(&session.client.tree, self.place, rung);
            let mut replies = session.transact(&self.transaction(&rules, rung, lease))?;
            if replies.succeeded {
                let previous = replies.put()?.prev_kv;
                let is_previous_known = rung.sees_previous() && !self.no_value;
                return Ok(Written { header: replies.header, previous, is_previous_known });
            }
            let found = rules.found(&mut replies)?;
            let there = if self.reads_key() { replies.key()? } else { None };
            Err(self.refusal(&rules, &found, there.as_ref(), &replies.header).into())
        })
    }

    fn transaction(&self, rules: &Rules, rung: Rung, lease: Option<Lease>) -> TxnRequest {
        let key = &self.place.key;
        let mut compare = Vec::new();
        match self.when {
            Precondition::Always => {
                compare.extend(rules.no_file_above());
                compare.extend(rules.no_directory());
            }
            Precondition::Absent => {
                compare.extend(rules.no_file_above());
                compare.push(txn::absent(key));
                compare.extend(rules.no_directory());
            }
            // Where it exists, the rules were kept when it was made.
            Precondition::Present => compare.push(txn::present(key)),
            Precondition::Matches(condition) => compare.extend(compares(key, condition)),
        }
        let put = PutRequest {
            lease: lease.map_or(0, |lease| lease.id),
            prev_kv: rung.sees_previous() && !self.no_value,
            ..txn::put(key, self.value.as_bytes())
        };
        let key = self.reads_key().then(|| txn::get(key).into());
        TxnRequest { compare, success: vec![put.into()], failure: rules.looks().chain(key).collect() }
    }

    fn reads_key(&self) -> bool {
        matches!(self.when, Precondition::Matches(_))
    }

    fn refusal(&self, rules: &Rules, found: &Found, there: Option<&KeyValue>, header: &ResponseHeader) -> Error {
        let otherwise = match self.when {
            Precondition::Absent => code::ETCD_ERROR_KEY_EXISTS,
            Precondition::Matches(condition) if there.is_some() => {
                let kv = there.expect("it was just looked at");
                return compare_failed(condition, kv, header);
            }
            _ if found.is_directory => code::ETCD_ERROR_NOT_FILE,
            _ => code::ETCD_ERROR_KEY_NOT_FOUND,
        };
        rules.error(found, otherwise, header)
    }

    fn reply(&self, written: Written, life: Option<Life>) -> String {
        let action = match self.when {
            Precondition::Always => "set",
            Precondition::Absent => "create",
            Precondition::Present => "update",
            Precondition::Matches(_) => "compareAndSwap",
        };
        let Written { header, previous, is_previous_known } = written;
        if self.no_value {
            return json::reply(action, None, None, &json::header(Some(&header)));
        }
        let created = match &previous {
            Some(previous) => previous.create_revision,
            None if is_previous_known => header.revision,
            None => 0,
        };
        let path = Path(&self.place.name.as_bytes()[1..]);
        let value = Some(self.value.as_bytes());
        let node = Node { path: Some(path), value, created, modified: header.revision, life, ..Node::default() };
        let previous = previous.as_ref().map(|kv| Node::file(path, kv));
        json::reply(action, Some(node), previous, &json::header(Some(&header)))
    }
}

struct Written {
    header: ResponseHeader,
    previous: Option<KeyValue>,
    is_previous_known: bool,
}

pub fn seconds(ttl: Ttl) -> Option<i64> {
    // No server grants as much as a half of what it can hold.
    ttl.seconds().map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX))
}

pub fn compares(key: &[u8], condition: &Condition) -> Vec<crate::messages::kv::Compare> {
    let value = condition.value().map(|value| txn::has_value(key, value.as_bytes()));
    // No store counts as far as the half of what the index can hold.
    let index = condition.index().map(|index| txn::modified_at(key, i64::try_from(index).unwrap_or(i64::MAX)));
    value.into_iter().chain(index).collect()
}

/// In etcd's words: what was expected, and what is there.
pub fn compare_failed(condition: &Condition, there: &KeyValue, header: &ResponseHeader) -> Error {
    let actual = String::from_utf8_lossy(&there.value);
    let value = condition.value().filter(|given| given.as_bytes() != there.value);
    let value = value.map(|given| format!("[{given} != {actual}]"));
    let modified = there.mod_revision.unsigned_abs();
    let index = condition.index().filter(|given| *given != modified).map(|given| format!("[{given} != {modified}]"));
    let causes = Vec::from_iter(value.into_iter().chain(index));
    rules::error(code::ETCD_ERROR_COMPARE_FAILED, causes.join(" "), header)
}
