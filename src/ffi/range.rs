//! Bytes, ranges and transactions
//!
//! The store of etcd's v3 API as it is: keys and values are any bytes, given with their lengths, and keys lie in the order
//! of their bytes, without directories. Over v2 each call of this section is error 1010. The setting `root` has no meaning
//! here, that of a derived client neither: what `etcd_set` writes as `/a/b` is the key `/a/b` behind that root.
//!
//! A range is given by its first key and by `end`, the key that follows its last one: "a" and "c" are all keys from "a" up
//! to, but without, "c". Without an `end` (NULL, or a length of 0) it is the key alone; with an `end` of the single byte 0,
//! all keys from the first on. With `ETCD_PREFIX` it is all keys that begin with the given one, and all keys there are if
//! that is empty; then there is no `end`.
//!
//! A reply is etcd's own in JSON, made regular: names in snake_case, zero values filled in, numbers as numbers, ids (of
//! clusters, members, leases) as decimal strings. Bytes are text, `"key"` and `"value"`, where they are UTF-8; else they
//! are base64, and called `"key_base64"` and `"value_base64"`. `etcd_json_bytes` reads both. A key is
//! `{"key":"a","create_revision":4,"mod_revision":7,"version":2,"value":"1","lease":"0"}`, and a header
//! `{"cluster_id":"14841639068965178418","member_id":"10276657743932975437","revision":7,"raft_term":2}`.
//!
//! Each change of the store is a revision. A key's `mod_revision` is that of its last change: a write on the condition that
//! it still is (`etcd_put_if`) takes nothing from another writer. Reads are linearizable, what a majority has agreed on,
//! unless `ETCD_SERIALIZABLE` is given.

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

use super::connect::etcd_client;
use super::handles::CLIENTS;
use super::watch::{self, Callbacks, etcd_release_fn, etcd_watch_fn, etcd_watcher};
use super::{argument, guard};
use crate::base::error::{Error, Result};
use crate::messages::Call;
use crate::messages::fields::from_json;
use crate::messages::kv::{DeleteRangeRequest, PutRequest, RangeRequest, SortOrder, TxnRequest};
use crate::operation::{self, Flat, Keys, Operation, Subject, Watch, WatchedRange};

/// All keys that begin with the given one; with an empty key, all there are.
pub const ETCD_PREFIX: u32 = 0x100;
/// Keys without their values: for `etcd_range`.
pub const ETCD_KEYS_ONLY: u32 = 0x200;
/// The number of keys alone: for `etcd_range`.
pub const ETCD_COUNT_ONLY: u32 = 0x400;
/// The last keys first: for `etcd_range`.
pub const ETCD_DESCENDING: u32 = 0x800;
/// What was there before, as `prev_kv` or `prev_kvs`.
pub const ETCD_PREV_KV: u32 = 0x1000;
/// The key keeps its value, and gets another lease: for `etcd_put`.
pub const ETCD_IGNORE_VALUE: u32 = 0x2000;
/// The key keeps its lease, and gets another value: for `etcd_put`.
pub const ETCD_IGNORE_LEASE: u32 = 0x4000;
/// No events of writes: for `etcd_watch_range`.
pub const ETCD_NO_PUT: u32 = 0x8000;
/// No events of deletions: for `etcd_watch_range`.
pub const ETCD_NO_DELETE: u32 = 0x10000;
/// All bytes as `_base64`, also those that are text.
pub const ETCD_BASE64: u32 = 0x20000;
/// The asked server's own copy, which may lag behind and is there without a quorum, too: for `etcd_range`.
pub const ETCD_SERIALIZABLE: u32 = 0x40000;

/// Reads a key, or all keys of a range.
///
/// - `client`: must not be NULL.
/// - `key`, `key_length`: the key, or the first key of the range.
/// - `end`, `end_length`: where the range ends; NULL and 0: the key alone.
/// - `limit`: how many keys at most; 0: all.
/// - `revision`: as it was at that revision; 0: as it is.
/// - `flags`: 0, or `ETCD_PREFIX`, `ETCD_KEYS_ONLY`, `ETCD_COUNT_ONLY`, `ETCD_DESCENDING`, `ETCD_SERIALIZABLE`, `ETCD_BASE64`
///   in any combination.
///
/// Returns `{"header":{...},"kvs":[{"key":"a","create_revision":4,"mod_revision":7,"version":2,"value":"1","lease":"0"}],
/// "more":false,"count":1}`, with the keys in their order: `count` is how many the range has, `more` whether the limit
/// left any out. A key that is not there is no error, but an empty `kvs`. The caller owns the text and frees it with
/// `etcd_free`.
///
/// A large range is read in pages, all at one revision: a consistent snapshot, of at most `max_response_bytes`.
///
/// Errors: 401 (the revision was compacted), 400 (there is no such revision yet), and those of every call.
///
/// etcd: `KV/Range`
///
/// ```c
/// char *all = etcd_range(client, "/app/", 5, NULL, 0, 0, 0, ETCD_PREFIX);
/// int64_t revision = etcd_json_int(all, "/header/revision", 0);
/// etcd_free(all);
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_range(
    client: *const etcd_client,
    key: *const c_void,
    key_length: usize,
    end: *const c_void,
    end_length: usize,
    limit: i64,
    revision: i64,
    flags: u32,
) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        let known = ETCD_PREFIX | ETCD_KEYS_ONLY | ETCD_COUNT_ONLY | ETCD_DESCENDING | ETCD_SERIALIZABLE | ETCD_BASE64;
        let flags = argument::flags(flags, known)?;
        // SAFETY: the header's conventions on bytes.
        let Keys { key, range_end } = unsafe { keys(key, key_length, end, end_length, flags) }?;
        let has = |flag| flags & flag != 0;
        let order = if has(ETCD_DESCENDING) { SortOrder::Descend } else { SortOrder::None };
        run(
            &client,
            Flat::Range(RangeRequest {
                key,
                range_end,
                limit: operation::not_negative(limit, "limit")?,
                revision: operation::not_negative(revision, "revision")?,
                sort_order: order as i32,
                serializable: has(ETCD_SERIALIZABLE),
                keys_only: has(ETCD_KEYS_ONLY),
                count_only: has(ETCD_COUNT_ONLY),
                ..RangeRequest::default()
            }),
            flags,
        )
    })
}

/// Writes a key, whether or not it exists.
///
/// - `client`: must not be NULL.
/// - `key`, `key_length`: the key; not empty.
/// - `value`, `value_length`: the value; NULL and 0: an empty one.
/// - `lease`: the id of the lease that the key ends with; 0: none.
/// - `flags`: 0, or `ETCD_PREV_KV`, `ETCD_IGNORE_VALUE` (no value is given then; the key must exist), `ETCD_IGNORE_LEASE` (no
///   lease is given then; the key must exist), `ETCD_BASE64` in any combination.
///
/// Returns `{"header":{...}}`, whose `revision` is the key's `mod_revision`; with `ETCD_PREV_KV`, `prev_kv` is the key as it
/// was, if it was there. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 209 (larger than the server takes), 300 (there is no such lease), and those of every call.
///
/// etcd: `KV/Put`
///
/// ```c
/// etcd_free(etcd_put(client, "k\0ey", 4, "\xff\x00", 2, 0, 0));
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_put(
    client: *const etcd_client,
    key: *const c_void,
    key_length: usize,
    value: *const c_void,
    value_length: usize,
    lease: i64,
    flags: u32,
) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        // SAFETY: the header's conventions on bytes.
        let put = unsafe { put(key, key_length, value, value_length, lease, flags) }?;
        run(&client, Flat::Put(put), flags)
    })
}

/// Writes a key only if it was changed last at a given revision, or only if it is not there.
///
/// - `client`: must not be NULL.
/// - `key`, `key_length`: the key; not empty.
/// - `value`, `value_length`: the value; NULL and 0: an empty one.
/// - `mod_revision`: the `mod_revision` that the key must have; 0: it must not exist.
/// - `lease`: the id of the lease that the key ends with; 0: none.
/// - `flags`: as of `etcd_put`.
///
/// Returns what `etcd_put` returns. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 101 (the key has another `mod_revision`; the error's `/kv` is the key as it is, if it is there), 209, 300, and
/// those of every call.
///
/// etcd: `KV/Txn`
///
/// ```c
/// char *reply = etcd_put_if(client, "job", 3, "mine", 4, 0, 0, 0);
/// if (etcd_error_code(reply) == ETCD_ERROR_COMPARE_FAILED) {
///     char *holder = etcd_json_text(reply, "/kv/value");
///     etcd_free(holder);
/// }
/// etcd_free(reply);
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_put_if(
    client: *const etcd_client,
    key: *const c_void,
    key_length: usize,
    value: *const c_void,
    value_length: usize,
    mod_revision: i64,
    lease: i64,
    flags: u32,
) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        // SAFETY: the header's conventions on bytes.
        let put = unsafe { put(key, key_length, value, value_length, lease, flags) }?;
        let mod_revision = operation::not_negative(mod_revision, "mod_revision")?;
        run(&client, Flat::PutIf { put, mod_revision }, flags)
    })
}

/// Deletes a key, or all keys of a range.
///
/// - `client`: must not be NULL.
/// - `key`, `key_length`: the key, or the first key of the range.
/// - `end`, `end_length`: where the range ends; NULL and 0: the key alone.
/// - `flags`: 0, or `ETCD_PREFIX`, `ETCD_PREV_KV`, `ETCD_BASE64` in any combination.
///
/// Returns `{"header":{...},"deleted":2,"prev_kvs":[]}`; with `ETCD_PREV_KV`, `prev_kvs` are the keys as they were. That there
/// was none is no error. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: those of every call. With `ETCD_PREV_KV`, more than `max_response_bytes` is error 1004: they are deleted.
///
/// etcd: `KV/DeleteRange`
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_delete_range(
    client: *const etcd_client,
    key: *const c_void,
    key_length: usize,
    end: *const c_void,
    end_length: usize,
    flags: u32,
) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        let flags = argument::flags(flags, ETCD_PREFIX | ETCD_PREV_KV | ETCD_BASE64)?;
        // SAFETY: the header's conventions on bytes.
        let Keys { key, range_end } = unsafe { keys(key, key_length, end, end_length, flags) }?;
        let prev_kv = flags & ETCD_PREV_KV != 0;
        run(&client, Flat::DeleteRange(DeleteRangeRequest { key, range_end, prev_kv }), flags)
    })
}

/// Deletes a key only if it was changed last at a given revision.
///
/// - `client`: must not be NULL.
/// - `key`, `key_length`: the key; not empty.
/// - `mod_revision`: the `mod_revision` that the key must have; above 0.
///
/// Returns `{"header":{...},"deleted":1,"prev_kvs":[]}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 100 (there is no such key), 101 (it has another `mod_revision`; the error's `/kv` is the key as it is), and those
/// of every call.
///
/// etcd: `KV/Txn`
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_delete_if(
    client: *const etcd_client,
    key: *const c_void,
    key_length: usize,
    mod_revision: i64,
) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        // SAFETY: the header's conventions on bytes.
        let key = unsafe { argument::bytes(key, key_length, "key") }?;
        run(&client, Flat::delete_if(key, mod_revision)?, 0)
    })
}

/// Watches a key, or all keys of a range, for every change until it is stopped or an error ends it. It loses none and
/// delivers each once, as all watches (see "Watching").
///
/// - `client`: must not be NULL.
/// - `key`, `key_length`: the key, or the first key of the range.
/// - `end`, `end_length`: where the range ends; NULL and 0: the key alone.
/// - `revision`: the revision of the first change of interest, which may be in the past; 0: from now on, as of
///   `etcd_watchloop`.
/// - `flags`: 0, or `ETCD_PREFIX`, `ETCD_PREV_KV`, `ETCD_NO_PUT`, `ETCD_NO_DELETE`, `ETCD_BASE64` in any combination.
/// - `callback`: takes each event; NULL: they are fetched with `etcd_watch_next`.
/// - `user_data`, `release`, `error`: as for `etcd_watch`.
///
/// Returns the watcher, which the caller owns and frees with `etcd_watch_free`; NULL on failure. A server that cannot be
/// reached is no failure: the watch begins when it can.
///
/// An event is `{"header":{...},"events":[{"type":"PUT","kv":{...},"prev_kv":{...}}]}`, with all changes of one revision or of
/// several, never with a part of one: a transaction that writes 100 keys is one event. `type` is `"PUT"` or `"DELETE"`; of a
/// deleted key, `kv` has the `key` and the `mod_revision` of its deletion. `prev_kv` is the key as it was, with
/// `ETCD_PREV_KV`, if it was there and the history still has it. To resume later, begin with the last event's
/// `/events/N/kv/mod_revision` of its last element plus 1; after a RESYNC with its `/missed/before`.
///
/// Where the history no longer reaches back far enough, or the cluster was rebuilt, there is one event
/// `{"type":"RESYNC","kvs":[...],"missed":{"after":A,"before":B},"header":{...}}`: the keys that are there now, whatever
/// `flags` leaves out; the revisions strictly between A and B are the ones missed, and the watch goes on with B.
///
/// Errors: as for `etcd_watch`; 1010 over v2.
///
/// etcd: `Watch/Watch`
///
/// ```c
/// etcd_watcher *watcher = etcd_watch_range(client, "jobs/", 5, NULL, 0, 0, ETCD_PREFIX, NULL, NULL, NULL, &error);
/// for (char *event; (event = etcd_watch_next(watcher, -1)); etcd_free(event))
///     puts(event);
/// etcd_watch_free(watcher);
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_range(
    client: *const etcd_client,
    key: *const c_void,
    key_length: usize,
    end: *const c_void,
    end_length: usize,
    revision: i64,
    flags: u32,
    callback: etcd_watch_fn,
    user_data: *mut c_void,
    release: etcd_release_fn,
    error: *mut *mut c_char,
) -> *mut etcd_watcher {
    let receiver = Callbacks { callback, until: None, release, user_data };
    let begin = || {
        let client = CLIENTS.get(client, "client")?;
        let known = ETCD_PREFIX | ETCD_PREV_KV | ETCD_NO_PUT | ETCD_NO_DELETE | ETCD_BASE64;
        let flags = argument::flags(flags, known)?;
        let has = |flag| flags & flag != 0;
        let range = WatchedRange {
            // SAFETY: the header's conventions on bytes.
            keys: unsafe { keys(key, key_length, end, end_length, flags) }?,
            prev_kv: has(ETCD_PREV_KV),
            no_put: has(ETCD_NO_PUT),
            no_delete: has(ETCD_NO_DELETE),
            base64: has(ETCD_BASE64),
        };
        let from = operation::not_negative(revision, "revision")?.unsigned_abs();
        watch::begin(&client, Watch::of(Subject::Range(range), from, false), receiver)
    };
    // SAFETY: the header's conventions on callbacks and on `error`.
    unsafe { guard::value(error, null_mut(), begin) }
}

/// Carries out a transaction: if all conditions hold, the operations of one list, else those of another, as one change.
///
/// - `client`: must not be NULL.
/// - `json`: the transaction; must not be NULL. `{"compare":[...],"success":[...],"failure":[...]}`, each of which may be left
///   out. It is checked before it is sent.
///
/// A condition has a `key`, or a `range_end`, too, all of whose keys must fulfil it; one of `version`, `create_revision`,
/// `mod_revision`, `value` and `lease`; and a `result`: `"EQUAL"`, which may be left out, `"GREATER"`, `"LESS"` or
/// `"NOT_EQUAL"`. `{"key":"a","mod_revision":7}`: "a" was changed last at revision 7. `{"key":"a","version":0}`: there is no
/// "a". A `target`, as etcd has it (`"MOD"`), may be given and must fit.
///
/// An operation has one member: `request_range`, `request_put`, `request_delete_range`, or `request_txn`, a transaction within,
/// up to 32 deep. Their members are etcd's: `key`, `range_end`, `limit`, `revision`, `sort_order` (`"ASCEND"`, `"DESCEND"`),
/// `sort_target` (`"KEY"`, `"VERSION"`, `"CREATE"`, `"MOD"`, `"VALUE"`), `serializable`, `keys_only`, `count_only`,
/// `min_mod_revision` and so on; `key`, `value`, `lease`, `prev_kv`, `ignore_value`, `ignore_lease`; `key`, `range_end`,
/// `prev_kv`. Bytes that are not UTF-8 are given in base64, as `key_base64`, `value_base64`, `range_end_base64`; numbers as such
/// or as decimal strings. A range within a transaction is not read in pages.
///
/// Returns `{"header":{...},"succeeded":true,"responses":[{"response_put":{"header":{...}}}]}`: whether the conditions held,
/// and what each operation of that list brought. That they did not is no error. The caller owns the text and frees it
/// with `etcd_free`.
///
/// Errors: 1001 (the cause begins with the place that is wrong, `/success/1/request_put/key: ...`), 209 (larger than the server
/// takes, or more than its `--max-txn-ops`), and those of every call.
///
/// etcd: `KV/Txn`
///
/// ```c
/// char *moved = etcd_txn(client,
///     "{\"compare\":[{\"key\":\"to\",\"version\":0},{\"key\":\"from\",\"value\":\"1\"}],"
///     "\"success\":[{\"request_put\":{\"key\":\"to\",\"value\":\"1\"}},{\"request_delete_range\":{\"key\":\"from\"}}],"
///     "\"failure\":[{\"request_range\":{\"key\":\"from\"}}]}");
/// if (etcd_error_code(moved) == 0) {
///     char *succeeded = etcd_json_text(moved, "/succeeded");
///     char *from = etcd_json_text(moved, "/responses/0/response_range/kvs/0/value");
///     etcd_free(from);
///     etcd_free(succeeded);
/// }
/// etcd_free(moved);
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_txn(client: *const etcd_client, json: *const c_char) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        // SAFETY: the header's conventions on strings.
        let txn: TxnRequest = from_json(unsafe { argument::text(json, "json") }?, "json")?;
        client.run(&txn.into())
    })
}

/// Makes a unary call of one of etcd's services by its name: of all but its own locks and elections, for which `etcd_lock_open`
/// is. It is sent with the client's token, and repeated where that does no harm.
///
/// - `client`: must not be NULL.
/// - `method`: what etcd's JSON gateway calls it; must not be NULL. `kv/range`, `kv/put`, `kv/deleterange`, `kv/txn`,
///   `kv/compaction`; `lease/grant`, `lease/revoke`, `lease/keepalive`, `lease/timetolive`, `lease/leases`;
///   `cluster/member/add`, `remove`, `update`, `list`, `promote`; `maintenance/alarm`, `status`, `defragment`, `hash`, `hashkv`,
///   `moveleader`, `downgrade`; `auth/enable`, `disable`, `status`, `authenticate`; `auth/user/add`, `get`, `list`, `delete`,
///   `changepw`, `grant`, `revoke`; `auth/role/add`, `get`, `list`, `delete`, `grant`, `revoke`.
/// - `json`: the request, `{}` if it has no members; must not be NULL. The members are etcd's, in snake_case (`id`, `ttl`,
///   `granted_ttl`, `peer_urls`, `target_id`), and as in `etcd_txn`.
///
/// Returns etcd's reply as regular JSON. What is about one server, as `maintenance/status` is, is about the endpoint that
/// answers. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1001 (no such method, or a member that is wrong, by its place), 1010 (the server does not know the method), and
/// those of every call, of the calls on members and of those on users.
///
/// etcd: the method
///
/// ```c
/// char *status = etcd_call(client, "maintenance/status", "{}");
/// int64_t size = etcd_json_int(status, "/db_size", -1);
/// etcd_free(status);
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_call(
    client: *const etcd_client,
    method: *const c_char,
    json: *const c_char,
) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        // SAFETY: the header's conventions on strings.
        let (method, json) = unsafe { (argument::text(method, "method")?, argument::text(json, "json")?) };
        run(&client, Flat::Call(Call::new(method, json)?), 0)
    })
}

fn run(client: &crate::client::Client, flat: Flat, flags: u32) -> Result<String> {
    client.run(&Operation::Flat { flat, base64: flags & ETCD_BASE64 != 0 })
}

/// The keys that the arguments and `ETCD_PREFIX` stand for.
pub unsafe fn keys(
    key: *const c_void,
    key_length: usize,
    end: *const c_void,
    end_length: usize,
    flags: u32,
) -> Result<Keys> {
    // SAFETY: as this function's.
    let (key, end) = unsafe { (argument::bytes(key, key_length, "key")?, argument::bytes(end, end_length, "end")?) };
    match flags & ETCD_PREFIX {
        0 => Keys::new(key, end),
        _ if end.is_empty() => Ok(Keys::prefix(key)),
        _ => Err(Error::invalid("end: must be NULL with ETCD_PREFIX, which has an end of its own")),
    }
}

unsafe fn put(
    key: *const c_void,
    key_length: usize,
    value: *const c_void,
    value_length: usize,
    lease: i64,
    flags: u32,
) -> Result<PutRequest> {
    let flags = argument::flags(flags, ETCD_PREV_KV | ETCD_IGNORE_VALUE | ETCD_IGNORE_LEASE | ETCD_BASE64)?;
    // SAFETY: as this function's.
    let (key, value) =
        unsafe { (argument::bytes(key, key_length, "key")?, argument::bytes(value, value_length, "value")?) };
    let has = |flag| flags & flag != 0;
    let Keys { key, .. } = Keys::new(key, &[])?;
    if has(ETCD_IGNORE_VALUE) && !value.is_empty() {
        return Err(Error::invalid("value: must be NULL with ETCD_IGNORE_VALUE, which keeps the one that is there"));
    }
    if has(ETCD_IGNORE_LEASE) && lease != 0 {
        return Err(Error::invalid("lease: must be 0 with ETCD_IGNORE_LEASE, which keeps the one that is there"));
    }
    Ok(PutRequest {
        key,
        value: value.to_vec(),
        lease,
        prev_kv: has(ETCD_PREV_KV),
        ignore_value: has(ETCD_IGNORE_VALUE),
        ignore_lease: has(ETCD_IGNORE_LEASE),
    })
}
