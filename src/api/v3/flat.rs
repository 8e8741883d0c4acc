//! The store as it is: keys and values that are bytes, ranges, transactions, and any call by its name. Nothing here knows
//! of paths, and replies are etcd's own, as regular JSON.

use super::errors;
use super::pages::{self, Pages};
use super::rpc;
use super::rules;
use super::session::{Session, not_such_a_message};
use super::txn::{self, Replies};
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::json::append_member;
use crate::messages::fields::{Fields, to_json};
use crate::messages::kv::{
    DeleteRangeResponse, KeyValue, PutRequest, PutResponse, RangeRequest, RangeResponse, RequestOp, SortOrder,
    SortTarget, TxnRequest,
};
use crate::messages::{Call, ResponseHeader, Unary};
use crate::operation::Flat;

pub fn run(session: &Session, flat: &Flat, base64: bool) -> Result<String> {
    match flat {
        Flat::Range(range) => Ok(to_json(&read(session, range)?, base64)),
        Flat::Put(put) => ask(session, put, |reply| &reply.header, base64),
        Flat::PutIf { put, mod_revision } => put_if(session, put, *mod_revision, base64),
        Flat::DeleteRange(delete) => ask(session, delete, |reply| &reply.header, base64),
        Flat::DeleteIf { key, mod_revision } => delete_if(session, key, *mod_revision, base64),
        Flat::Txn(txn) => ask(session, txn, |reply| &reply.header, base64),
        Flat::Call(call) => run_call(session, call),
    }
}

/// All that is in a range, at one revision, or as many keys of it as are wanted.
pub fn read(session: &Session, range: &RangeRequest) -> Result<RangeResponse> {
    let is_by_key = range.sort_target == SortTarget::Key as i32;
    if range.range_end.is_empty() || range.count_only || !is_by_key {
        return Ok(session.ask(range)?);
    }
    let mut range = range.clone();
    // A server sorts the whole range for each page; it is read as it lies.
    let is_reversed = range.sort_order == SortOrder::Descend as i32 && range.limit == 0;
    if is_reversed {
        range.sort_order = SortOrder::None as i32;
    }
    let snapshot = || Pages::of(range.clone()).read(session);
    // The newest revision was, when the first page was read.
    let mut reply = if range.revision == 0 { pages::insist(snapshot)? } else { snapshot()? };
    if is_reversed {
        reply.kvs.reverse();
    }
    Ok(reply)
}

/// An empty message would pass for a transaction whose conditions did not hold; but each reply has a header.
fn ask<R: Unary<Reply: Fields>>(
    session: &Session,
    request: &R,
    header: fn(&R::Reply) -> &Option<ResponseHeader>,
    base64: bool,
) -> Result<String> {
    let reply = session.ask(request)?;
    match header(&reply) {
        Some(_) => Ok(to_json(&reply, base64)),
        None => Err(Error::bad_response_to(request.effect().is_read(), format!("{}: no header", R::METHOD))),
    }
}

fn put_if(session: &Session, put: &PutRequest, mod_revision: i64, base64: bool) -> Result<String> {
    let mut replies = only_if(session, &put.key, mod_revision, put.clone().into())?;
    if replies.succeeded {
        let header = Some(replies.header);
        return Ok(to_json(&PutResponse { header, ..replies.put()? }, base64));
    }
    let there = replies.key()?;
    Err(compare_failed(mod_revision, there.as_ref(), &replies.header, base64))
}

fn delete_if(session: &Session, key: &[u8], mod_revision: i64, base64: bool) -> Result<String> {
    let mut replies = only_if(session, key, mod_revision, txn::delete(key).into())?;
    if replies.succeeded {
        let header = Some(replies.header);
        return Ok(to_json(&DeleteRangeResponse { header, ..replies.delete()? }, base64));
    }
    Err(match replies.key()? {
        None => rules::error(code::ETCD_ERROR_KEY_NOT_FOUND, String::from_utf8_lossy(key), &replies.header),
        there => compare_failed(mod_revision, there.as_ref(), &replies.header, base64),
    })
}

/// Carries it out if the key was changed last at that revision, and reads the key if not.
fn only_if(session: &Session, key: &[u8], mod_revision: i64, then: RequestOp) -> Result<Replies> {
    let compare = vec![txn::modified_at(key, mod_revision)];
    Ok(session.transact(&TxnRequest { compare, success: vec![then], failure: vec![txn::get(key).into()] })?)
}

/// With the key that is there, if one is, as the error's own member.
fn compare_failed(given: i64, there: Option<&KeyValue>, header: &ResponseHeader, base64: bool) -> Error {
    let actual = there.map_or(0, |kv| kv.mod_revision);
    let error = rules::error(code::ETCD_ERROR_COMPARE_FAILED, format!("[{given} != {actual}]"), header);
    let Some(kv) = there else { return error };
    let mut body = Error { header: None, ..error.clone() }.to_json();
    append_member(&mut body, "kv", &to_json(kv, base64));
    Error { body: Some(body), ..error }
}

fn run_call(session: &Session, call: &Call) -> Result<String> {
    let reply = session.ask_for(&|token| rpc::prepared(call, token)).map_err(|refused| {
        let is_administration = !call.method.contains(".KV/") && !call.method.contains(".Lease/");
        if is_administration { errors::into_admin_error(refused) } else { refused.into() }
    })?;
    call.reply(reply).map_err(|error| not_such_a_message(call.method, call.effect, &error))
}
