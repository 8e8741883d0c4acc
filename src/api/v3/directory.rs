//! Directories, made and found: their markers.

use super::errors::Refused;
use super::json::{self, Node};
use super::ladder::Rung;
use super::rules::Rules;
use super::session::Session;
use super::tree::{Path, Place};
use super::txn;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::messages::ResponseHeader;
use crate::messages::kv::{DeleteRangeRequest, KeyValue, PutRequest, RequestOp, TxnRequest};
use crate::operation::{Precondition, Ttl};

/// Makes one, whatever is there, or only if nothing is, or only if it is one already.
pub fn put(session: &Session, place: &Place, ttl: Ttl, when: &Precondition) -> Result<String> {
    if ttl.seconds().is_some() {
        let cause =
            "ttl: a directory cannot have one over etcd's v3 API, which knows no directories; give it to the keys";
        return Err(Error::unsupported(cause));
    }
    let lowest = if *when == Precondition::Always { Rung::Blind } else { Rung::NoDirectory };
    let (action, reply) = session.client.ladder.descend(place, lowest, |rung| match when {
        Precondition::Always => Ok(("set", set(session, place, rung)?)),
        Precondition::Absent => Ok(("create", create(session, place, rung)?)),
        _ => Ok(("update", update(session, place, rung)?)),
    })?;
    let Made { header, created, previous } = reply;
    let path = Path(&place.name.as_bytes()[1..]);
    let node = Node { path: Some(path), is_directory: true, created, modified: header.revision, ..Node::default() };
    let previous = previous.as_ref().map(|kv| Node { path: Some(path), ..node_of(kv, path) });
    Ok(json::reply(action, Some(node), previous, &json::header(Some(&header))))
}

struct Made {
    header: ResponseHeader,
    created: i64,
    /// The key that was replaced, or the marker as it was.
    previous: Option<KeyValue>,
}

/// Replaces a key with a value, as v2 does.
fn set(session: &Session, place: &Place, rung: Rung) -> Result<Made, Refused> {
    let rules = Rules::new(&session.client.tree, place, rung);
    let delete = DeleteRangeRequest { prev_kv: rung.sees_previous(), ..txn::delete(&place.key) };
    let request = TxnRequest {
        compare: rules.no_file_above().chain(rules.no_directory()).collect(),
        success: vec![delete.into(), txn::put(&place.marker, b"").into()],
        failure: rules.looks().collect(),
    };
    let mut replies = session.transact(&request)?;
    if !replies.succeeded {
        let found = rules.found(&mut replies)?;
        return Err(rules.error(&found, code::ETCD_ERROR_NOT_FILE, &replies.header).into());
    }
    let previous = replies.delete()?.prev_kvs.pop();
    Ok(Made { created: replies.header.revision, header: replies.header, previous })
}

/// That nothing is there, no directory either, is what was asked for, and checked on every rung.
fn create(session: &Session, place: &Place, rung: Rung) -> Result<Made, Refused> {
    let rules = Rules::new(&session.client.tree, place, rung.min(Rung::NoAncestors));
    let nothing = [txn::absent(&place.key)].into_iter().chain(rules.no_directory());
    let request = TxnRequest {
        compare: rules.no_file_above().chain(nothing).collect(),
        success: vec![txn::put(&place.marker, b"").into()],
        failure: rules.looks().collect(),
    };
    let mut replies = session.transact(&request)?;
    if !replies.succeeded {
        let found = rules.found(&mut replies)?;
        return Err(rules.error(&found, code::ETCD_ERROR_KEY_EXISTS, &replies.header).into());
    }
    Ok(Made { created: replies.header.revision, header: replies.header, previous: None })
}

fn update(session: &Session, place: &Place, rung: Rung) -> Result<Made, Refused> {
    let rules = Rules::new(&session.client.tree, place, rung.min(Rung::NoAncestors));
    // The marker may hold what the in-order keys below have to remember.
    let touch = PutRequest { prev_kv: true, ignore_value: true, ..txn::put(&place.marker, b"") };
    let put = TxnRequest {
        compare: vec![txn::present(&place.marker)],
        success: vec![touch.into()],
        failure: vec![txn::put(&place.marker, b"").into()],
    };
    let exists = vec![txn::some_in(&place.marker, &place.end)];
    let file: RequestOp = txn::look(&place.key).into();
    let request =
        TxnRequest { compare: exists, success: vec![put.into()], failure: rules.looks().chain([file]).collect() };
    let mut replies = session.transact(&request)?;
    if !replies.succeeded {
        let found = rules.found(&mut replies)?;
        let is_file = replies.key()?.is_some();
        let otherwise = if is_file { code::ETCD_ERROR_NOT_DIRECTORY } else { code::ETCD_ERROR_KEY_NOT_FOUND };
        return Err(rules.error(&found, otherwise, &replies.header).into());
    }
    let previous = replies.txn()?.put()?.prev_kv;
    let created = previous.as_ref().map_or(replies.header.revision, |kv| kv.create_revision);
    Ok(Made { created, header: replies.header, previous })
}

fn node_of<'a>(kv: &'a KeyValue, path: Path<'a>) -> Node<'a> {
    match kv.key.last() {
        Some(b'/') => Node { value: None, is_directory: true, ..Node::file(path, kv) },
        _ => Node::file(path, kv),
    }
}
