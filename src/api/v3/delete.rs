//! Keys and directories, deleted.

use super::errors::Refused;
use super::json::{self, Node};
use super::ladder::Rung;
use super::rules::{self, Rules};
use super::session::Session;
use super::tree::{Path, Place};
use super::txn;
use super::write;
use crate::base::code;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::messages::ResponseHeader;
use crate::messages::kv::{DeleteRangeRequest, KeyValue, RequestOp, TxnRequest};
use crate::operation::Condition;

/// A key with a value.
pub fn key(session: &Session, place: &Place) -> Result<String> {
    let reply = session.client.ladder.descend(place, Rung::Blind, |rung| {
        if !rung.sees_previous() {
            return blind(session, place);
        }
        let rules = Rules::new(&session.client.tree, place, rung);
        let request = TxnRequest {
            compare: vec![txn::present(&place.key)],
            success: vec![DeleteRangeRequest { prev_kv: true, ..txn::delete(&place.key) }.into()],
            failure: rules.looks().collect(),
        };
        let mut replies = session.transact(&request)?;
        if !replies.succeeded {
            let found = rules.found(&mut replies)?;
            let otherwise = if found.is_directory { code::ETCD_ERROR_NOT_FILE } else { code::ETCD_ERROR_KEY_NOT_FOUND };
            return Err(rules.error(&found, otherwise, &replies.header).into());
        }
        Ok(file_reply("delete", place, replies.delete()?.prev_kvs.pop(), &replies.header))
    })?;
    Ok(reply)
}

/// For a role that may only write: how many were deleted is told all the same.
fn blind(session: &Session, place: &Place) -> Result<String, Refused> {
    let reply = session.ask(&txn::delete(&place.key))?;
    let header = reply.header.ok_or_else(|| txn::malformed(Effect::Write, "no header"))?;
    match reply.deleted {
        0 => Err(rules::error(code::ETCD_ERROR_KEY_NOT_FOUND, &*place.name, &header).into()),
        _ => Ok(file_reply("delete", place, None, &header)),
    }
}

/// A key, if it is as expected.
pub fn key_that_matches(session: &Session, place: &Place, condition: &Condition) -> Result<String> {
    let reply = session.client.ladder.descend(place, Rung::NoDirectory, |rung| {
        let rules = Rules::new(&session.client.tree, place, rung);
        let request = TxnRequest {
            compare: write::compares(&place.key, condition),
            success: vec![DeleteRangeRequest { prev_kv: true, ..txn::delete(&place.key) }.into()],
            failure: rules.looks().chain([txn::get(&place.key).into()]).collect(),
        };
        let mut replies = session.transact(&request)?;
        if !replies.succeeded {
            let found = rules.found(&mut replies)?;
            if let Some(there) = replies.key()? {
                return Err(write::compare_failed(condition, &there, &replies.header).into());
            }
            let otherwise = if found.is_directory { code::ETCD_ERROR_NOT_FILE } else { code::ETCD_ERROR_KEY_NOT_FOUND };
            return Err(rules.error(&found, otherwise, &replies.header).into());
        }
        Ok(file_reply("compareAndDelete", place, replies.delete()?.prev_kvs.pop(), &replies.header))
    })?;
    Ok(reply)
}

/// A directory without anything in it but its marker; a key with a value, too, as on v2.
pub fn empty_directory(session: &Session, place: &Place) -> Result<String> {
    // Looked at first, and cheaply: the condition below would have the server go through all that is there.
    let children = session.ask(&txn::look_in(&place.marker, &place.end, 2))?;
    let header = children.header.ok_or_else(|| txn::malformed(Effect::Read, "no header"))?;
    if children.kvs.iter().any(|kv| kv.key != place.marker) {
        return Err(rules::error(code::ETCD_ERROR_DIRECTORY_NOT_EMPTY, &*place.name, &header));
    }
    let reply = session.client.ladder.descend(place, Rung::NoDirectory, |rung| {
        let rules = Rules::new(&session.client.tree, place, rung);
        let is_empty = session.client.ladder.is_strict().then(|| txn::none_in(&place.inside(), &place.end));
        let delete = |key: &[u8]| RequestOp::from(DeleteRangeRequest { prev_kv: true, ..txn::delete(key) });
        let file = TxnRequest { success: vec![delete(&place.key)], ..TxnRequest::default() };
        let anything = || txn::look_in(&place.marker, &place.end, 2).into();
        // Nothing of a directory is there: it may be a key.
        let otherwise = TxnRequest {
            compare: vec![txn::none_in(&place.marker, &place.end)],
            success: vec![file.into()],
            failure: vec![anything()],
        };
        let request = TxnRequest {
            compare: is_empty.into_iter().chain([txn::present(&place.marker)]).collect(),
            success: vec![delete(&place.marker)],
            failure: rules.looks().chain([otherwise.into()]).collect(),
        };
        let mut replies = session.transact(&request)?;
        if replies.succeeded {
            let marker = replies.delete()?.prev_kvs.pop();
            return Ok(directory_reply(place, marker, &replies.header));
        }
        let found = rules.found(&mut replies)?;
        let mut inner = replies.txn()?;
        if !inner.succeeded {
            return Err(rules::error(code::ETCD_ERROR_DIRECTORY_NOT_EMPTY, &*place.name, &replies.header).into());
        }
        match inner.txn()?.delete()?.prev_kvs.pop() {
            Some(file) => Ok(file_reply("delete", place, Some(file), &replies.header)),
            None => Err(rules.error(&found, code::ETCD_ERROR_KEY_NOT_FOUND, &replies.header).into()),
        }
    })?;
    Ok(reply)
}

/// A directory with all that is in it, and a key of that name: in one revision, however many they are.
pub fn tree(session: &Session, place: &Place) -> Result<String> {
    let mut denied = None;
    for attempt in Attempt::ALL {
        if attempt.ancestors && (place.ancestors.is_empty() || !session.client.ladder.is_strict()) {
            continue;
        }
        match attempt.run(session, place) {
            Err(refused) if refused.is_denied() => denied = denied.or(Some(refused)),
            done => return Ok(done?),
        }
    }
    Err(denied.expect("there is one attempt at least, and every one was denied").into())
}

/// What a role may allow of it: to look above, to delete the key itself, which is not below itself, to read at all.
/// Nothing is remembered, for each of the three depends on the directory that is to go.
#[derive(Clone, Copy)]
struct Attempt {
    ancestors: bool,
    reads: bool,
    key: bool,
}

impl Attempt {
    const ALL: [Attempt; 5] = [
        Attempt { ancestors: true, reads: true, key: true },
        Attempt { ancestors: false, reads: true, key: true },
        Attempt { ancestors: false, reads: true, key: false },
        Attempt { ancestors: false, reads: false, key: true },
        Attempt { ancestors: false, reads: false, key: false },
    ];

    fn run(self, session: &Session, place: &Place) -> Result<String, Refused> {
        let rung = if self.ancestors { Rung::Whole } else { Rung::NoAncestors };
        let rules = Rules::new(&session.client.tree, place, rung);
        let mut success: Vec<RequestOp> = Vec::new();
        if self.reads {
            // Read before the deletion: they see what was there.
            success.push(txn::get(&place.marker).into());
            success.extend(rules.looks());
        }
        let below = DeleteRangeRequest { range_end: place.end.clone(), ..txn::delete(&place.marker) };
        success.push(below.into());
        if self.key {
            success.push(DeleteRangeRequest { prev_kv: self.reads, ..txn::delete(&place.key) }.into());
        }
        let mut replies = session.transact(&TxnRequest { success, ..TxnRequest::default() })?;
        let marker = if self.reads { replies.key()? } else { None };
        let found = if self.reads { Some(rules.found(&mut replies)?) } else { None };
        let below = replies.delete()?.deleted;
        let key = if self.key { Some(replies.delete()?) } else { None };
        let header = replies.header;
        match (below, key) {
            (0, Some(key)) if key.deleted > 0 => {
                Ok(file_reply("delete", place, key.prev_kvs.into_iter().next(), &header))
            }
            (0, _) => Err(match found {
                Some(found) => rules.error(&found, code::ETCD_ERROR_KEY_NOT_FOUND, &header),
                None => rules::error(code::ETCD_ERROR_KEY_NOT_FOUND, &*place.name, &header),
            }
            .into()),
            _ => Ok(directory_reply(place, marker, &header)),
        }
    }
}

fn file_reply(action: &str, place: &Place, previous: Option<KeyValue>, header: &ResponseHeader) -> String {
    let path = Path(&place.name.as_bytes()[1..]);
    let created = previous.as_ref().map_or(0, |kv| kv.create_revision);
    let node = Node { path: Some(path), created, modified: header.revision, ..Node::default() };
    let previous = previous.as_ref().map(|kv| Node::file(path, kv));
    json::reply(action, Some(node), previous, &json::header(Some(header)))
}

fn directory_reply(place: &Place, marker: Option<KeyValue>, header: &ResponseHeader) -> String {
    let marker = marker.unwrap_or_default();
    let path = Some(Path(&place.name.as_bytes()[1..]));
    let (created, modified) = (marker.create_revision, marker.mod_revision);
    let previous = Node { path, is_directory: true, created, modified, ..Node::default() };
    let node = Node { modified: header.revision, ..previous };
    json::reply("delete", Some(node), Some(previous), &json::header(Some(header)))
}
