//! A new time to live for a key; its value stays.
//!
//! The same ttl again keeps the key's lease alive: no change, no event, and the index stays. Any other one is a lease of
//! its own and a write, which watchers see.

use super::json::{self, Life, Node};
use super::lease;
use super::rules;
use super::session::Session;
use super::tree::{Path, Place};
use super::txn::{self, Replies};
use super::write::seconds;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::messages::ResponseHeader;
use crate::messages::kv::{KeyValue, PutRequest, TxnRequest};
use crate::operation::Ttl;

/// How often a write that comes in between is met before giving up.
const ATTEMPTS: usize = 16;

pub fn run(session: &Session, place: &Place, ttl: Ttl) -> Result<String> {
    let Some(wanted) = seconds(ttl) else {
        let (message, cause) = ("A TTL must be provided on refresh", "No TTL value set");
        return Err(Error::new(code::ETCD_ERROR_REFRESH_TTL_REQUIRED, message, cause));
    };
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let mut replies = session.transact(&TxnRequest {
            success: vec![txn::get(&place.key).into(), txn::look_in(&place.marker, &place.end, 1).into()],
            ..TxnRequest::default()
        })?;
        let Some(now) = replies.key()? else { return Err(not_a_file(place, &mut replies)?) };
        if let Some(life) = keep(session, place, &now, wanted)? {
            return Ok(reply(place, &replies.header, &now, now.mod_revision, life));
        }
        let lease = session.client.leases.grant(session, &place.key, wanted)?;
        let put = PutRequest { lease: lease.id, ignore_value: true, ..txn::put(&place.key, b"") };
        let request = TxnRequest {
            compare: vec![txn::modified_at(&place.key, now.mod_revision)],
            success: vec![put.into()],
            ..TxnRequest::default()
        };
        match session.transact(&request) {
            Ok(replies) => {
                if replies.succeeded {
                    return Ok(reply(place, &replies.header, &now, replies.header.revision, lease.life()));
                }
                session.client.leases.discard(session, &place.key, lease);
                last = Some(replies.header);
            }
            Err(refused) => {
                if refused.is_surely_not_carried_out() {
                    session.client.leases.discard(session, &place.key, lease);
                }
                return Err(refused.into());
            }
        }
    }
    Err(rules::error(code::ETCD_ERROR_COMPARE_FAILED, "the key changed again and again", &last.unwrap_or_default()))
}

/// Keeps the key's lease alive, if it is one of this ttl.
fn keep(session: &Session, place: &Place, now: &KeyValue, wanted: i64) -> Result<Option<Life>> {
    if now.lease == 0 {
        return Ok(None);
    }
    let leases = &session.client.leases;
    // What was asked for a lease of ours is known; a server grants more than a very short one.
    if let Some(own) = leases.of(&place.key, wanted).filter(|own| own.id == now.lease) {
        return Ok(leases.keep(session, &place.key, own)?.map(|kept| kept.life()));
    }
    let granted = lease::keep_alive(session, now.lease)?;
    Ok((granted == wanted).then(|| Life::of(granted)))
}

fn not_a_file(place: &Place, replies: &mut Replies) -> Result<Error> {
    if replies.range()?.kvs.is_empty() {
        return Ok(rules::error(code::ETCD_ERROR_KEY_NOT_FOUND, &*place.name, &replies.header));
    }
    Ok(Error::unsupported("ttl: a directory cannot have one over etcd's v3 API, which knows no directories"))
}

fn reply(place: &Place, header: &ResponseHeader, now: &KeyValue, modified: i64, life: Life) -> String {
    let previous = Node::file(Path(&place.name.as_bytes()[1..]), now);
    let node = Node { modified, life: Some(life), ..previous };
    json::reply("update", Some(node), Some(previous), &json::header(Some(header)))
}
