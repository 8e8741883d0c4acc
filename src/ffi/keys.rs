//! Keys
//!
//! A key is a path of UTF-8 like `/app/config/port`; its leading `/` may be left out. It may contain any character, but
//! neither `//` nor the segments `.` and `..`. A name that begins with `_` is hidden: it is left out of listings, and of
//! watches of what is above it. A value is UTF-8, over v2 of at most 10 MiB (less what percent-encoding adds on the
//! wire), over v3 of at most 1.5 MiB (the server's `--max-request-bytes`; above that error 209, and nothing is written).
//!
//! A call that writes and has a `ttl` gives the key that many seconds to live. 0 or less means without end, and removes the
//! limit of an earlier write. Over v3 a ttl is a lease of the key's own, of at least 2 seconds (the server's minimum).
//! (A binding that takes durations must round up: half a second, cut to 0, would be without
//! end.)
//!
//! All results have the shape
//! `{"action":"set","node":{"key":"/a","value":"1","modifiedIndex":4,"createdIndex":4},"header":{...}}`. A directory's
//! node has `"dir":true` and no value, a deleted key's no value, and the root's neither key nor indexes.
//!
//! Over v3 the path `/a/b` is the key `/a/b`, behind the setting `root`. A directory is whatever has keys below it, or a key
//! that ends in `/`, which `etcd_createdir` and `etcd_setdir` write; one that was not made ends with its last key. Bytes
//! that are not UTF-8 are `"value_base64"` in place of `"value"`. That a key is below no key and no value is where a
//! directory is (102, 104, 105, 108) is a condition of each transaction; where a role may not read what is compared, it
//! is left open.

use std::ffi::{c_char, c_int};

use super::connect::etcd_client;
use super::handles::CLIENTS;
use super::{argument, guard};
use crate::base::error::Result;
use crate::operation::{self, Condition, Content, DeleteKind, Key, Operation, Precondition, Put, Ttl};

/// The whole tree below a directory: for `etcd_get`, `etcd_deletedir` and watches.
pub const ETCD_RECURSIVE: u32 = 1;
/// Children sorted by key: for `etcd_get`.
pub const ETCD_SORTED: u32 = 2;
/// The newest state, as agreed by a majority of the cluster, instead of the asked server's own copy: for `etcd_get`.
pub const ETCD_QUORUM: u32 = 4;
/// A new key below the given one, with a name that sorts in the order of creation: for `etcd_set`.
pub const ETCD_ORDERED: u32 = 8;
/// A reply without the node, so that a large value is not sent back: for `etcd_set`. With `ETCD_ORDERED` that leaves out
/// the new key's name, too. Servers before 3.1 ignore it.
pub const ETCD_NO_VALUE_ON_SUCCESS: u32 = 16;

/// Reads a key, or lists a directory.
///
/// - `client`: must not be NULL.
/// - `key`: must not be NULL; "/" is the root.
/// - `flags`: 0, or `ETCD_RECURSIVE`, `ETCD_SORTED`, `ETCD_QUORUM` in any combination. Without
///   `ETCD_QUORUM` the server asked answers from its own copy, which may lag behind, and does so even
///   when the cluster has lost its quorum.
///
/// Returns etcd's reply: `/node/value` for a key, `/node/nodes` for a directory that is not empty. The caller
/// owns the text and frees it with `etcd_free`.
///
/// Over v3 a large directory is read in pages at one revision, sorted in any case; only the reply for a single key has its
/// ttl. Where both `/a` and `/a/b` are keys, `/a` is the key, and with `ETCD_RECURSIVE` the directory.
///
/// Errors: 100 (no such key), 104 (a component of the path holds a value), and those of every call.
///
/// etcd: `GET /v2/keys/{key}`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_get(client: *const etcd_client, key: *const c_char, flags: u32) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        // SAFETY: the header's conventions on strings.
        let key = Key::parse(unsafe { argument::text(key, "key") }?)?;
        let flags = argument::flags(flags, ETCD_RECURSIVE | ETCD_SORTED | ETCD_QUORUM)?;
        let has = |flag| flags & flag != 0;
        client.run(&Operation::Get {
            key,
            recursive: has(ETCD_RECURSIVE),
            sorted: has(ETCD_SORTED),
            quorum: has(ETCD_QUORUM),
        })
    })
}

/// Writes a key, whether or not it exists; missing directories above it are made.
///
/// - `client`: must not be NULL.
/// - `key`: must not be NULL. With `ETCD_ORDERED` the directory in which to make a new key.
/// - `value`: must not be NULL; may be "".
/// - `ttl`: seconds to live; 0 or less: without end. At most 2147483647 over v2, 9000000000 over v3.
/// - `flags`: 0, or `ETCD_ORDERED`, `ETCD_NO_VALUE_ON_SUCCESS`.
///
/// Returns etcd's reply, with the former state in `/prevNode` if there was one. The caller owns the text and
/// frees it with `etcd_free`.
///
/// Over v3 the `createdIndex` of a key that existed stays. Written again with the same ttl, the key keeps its lease. Names
/// of `ETCD_ORDERED` grow in the order of the commits and are never given twice; they need not be the `createdIndex`.
///
/// Errors: 102 (the key is a directory), 104, 107 (the root), and those of every call.
///
/// etcd: `PUT /v2/keys/{key}`, or `POST /v2/keys/{key}` with `ETCD_ORDERED`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_set(
    client: *const etcd_client,
    key: *const c_char,
    value: *const c_char,
    ttl: i64,
    flags: u32,
) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        // SAFETY: the header's conventions on strings.
        let (key, value) = unsafe { key_and_value(key, value) }?;
        let ttl = Ttl::from_seconds(ttl);
        let flags = argument::flags(flags, ETCD_ORDERED | ETCD_NO_VALUE_ON_SUCCESS)?;
        let no_value = flags & ETCD_NO_VALUE_ON_SUCCESS != 0;
        client.run(&if flags & ETCD_ORDERED != 0 {
            Operation::Append { directory: key, value, ttl, no_value }
        } else {
            Operation::Put(Put {
                key,
                content: Content::Value(value),
                ttl,
                precondition: Precondition::Always,
                no_value,
            })
        })
    })
}

/// Writes a key only if it does not exist yet.
///
/// - `client`, `key`, `value`: must not be NULL.
/// - `ttl`: seconds to live; 0 or less: without end.
///
/// Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 105 (it exists), 104, 107, and those of every call.
///
/// etcd: `PUT /v2/keys/{key}` with `prevExist=false`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_create(
    client: *const etcd_client,
    key: *const c_char,
    value: *const c_char,
    ttl: i64,
) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    guard::reply(|| unsafe { put_value(client, key, value, ttl, || Ok(Precondition::Absent)) })
}

/// Writes a key only if it exists. Its `createdIndex` stays; its time to live does not, unless it is given again.
///
/// - `client`, `key`, `value`: must not be NULL.
/// - `ttl`: seconds to live; 0 or less: without end.
///
/// Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 100 (no such key), 102 (a directory), 104, 107, and those of every call.
///
/// etcd: `PUT /v2/keys/{key}` with `prevExist=true`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_update(
    client: *const etcd_client,
    key: *const c_char,
    value: *const c_char,
    ttl: i64,
) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    guard::reply(|| unsafe { put_value(client, key, value, ttl, || Ok(Precondition::Present)) })
}

/// Gives a key a new time to live. Its value stays, and watches get no event. Its `modifiedIndex` changes, so a condition on
/// the former one no longer holds; and a refresh takes a place in etcd's history, which many refreshes fill. On servers
/// before 2.3.7, which would empty the value, the key is written anew instead, which watches see. Over v3 the same ttl again
/// keeps the key's lease alive, and the index stays; another ttl is a write, which watches see.
///
/// - `client`, `key`: must not be NULL.
/// - `ttl`: seconds to live; without one the server answers with error 212.
///
/// Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 100 (no such key), 104, 212 (no ttl), and those of every call.
///
/// etcd: `PUT /v2/keys/{key}` with `refresh=true`; before the first one `GET /version`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_refresh(client: *const etcd_client, key: *const c_char, ttl: i64) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        // SAFETY: the header's conventions on strings.
        let key = Key::parse(unsafe { argument::text(key, "key") }?)?;
        client.run(&Operation::Refresh { key, ttl: Ttl::from_seconds(ttl) })
    })
}

/// Makes a directory. A key with a value in that place is replaced and its value is lost; `etcd_createdir` does not do
/// that.
///
/// - `client`, `key`: must not be NULL.
/// - `ttl`: seconds to live, with all that is in it; 0 or less: without end. Over v3 a directory cannot have one:
///   error 1010.
///
/// Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 102 (it is a directory already), 104, 107, and those of every call.
///
/// etcd: `PUT /v2/keys/{key}` with `dir=true`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_setdir(client: *const etcd_client, key: *const c_char, ttl: i64) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    guard::reply(|| unsafe { put_directory(client, key, ttl, Precondition::Always) })
}

/// Makes a directory only if nothing is there yet.
///
/// - `client`, `key`: must not be NULL.
/// - `ttl`: seconds to live, with all that is in it; 0 or less: without end. Over v3 a directory cannot have one:
///   error 1010.
///
/// Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 105 (something is there), 104, 107, and those of every call.
///
/// etcd: `PUT /v2/keys/{key}` with `dir=true&prevExist=false`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_createdir(client: *const etcd_client, key: *const c_char, ttl: i64) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    guard::reply(|| unsafe { put_directory(client, key, ttl, Precondition::Absent) })
}

/// Gives an existing directory a new time to live; what is in it stays. etcd 3.5 cannot do that and answers with error 300,
/// "Not a file". A key with a value is not changed: the library looks at it first, because the server would empty it.
///
/// - `client`, `key`: must not be NULL.
/// - `ttl`: seconds to live, with all that is in it; 0 or less: without end. Over v3 a directory cannot have one:
///   error 1010.
///
/// Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 100 (no such directory), 104 (it holds a value), 300 (etcd 3.5), and those of every call.
///
/// etcd: `GET /v2/keys/{key}`, then `PUT /v2/keys/{key}` with `dir=true&prevExist=true`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_updatedir(client: *const etcd_client, key: *const c_char, ttl: i64) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    guard::reply(|| unsafe { put_directory(client, key, ttl, Precondition::Present) })
}

/// Deletes a key.
///
/// - `client`, `key`: must not be NULL.
///
/// Returns etcd's reply, with the former state in `/prevNode`. The caller owns the text and frees it with
/// `etcd_free`.
///
/// Errors: 100 (no such key), 102 (a directory; see `etcd_deletedir`), 104, 107, and those of every call.
///
/// etcd: `DELETE /v2/keys/{key}`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_delete(client: *const etcd_client, key: *const c_char) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    guard::reply(|| unsafe { delete(client, key, || Ok(DeleteKind::Key)) })
}

/// Deletes a directory; a key with a value, too.
///
/// - `client`, `key`: must not be NULL.
/// - `flags`: 0 for an empty directory, `ETCD_RECURSIVE` for one with all that is in it.
///
/// Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 100 (no such directory), 104, 107 (the root), 108 (not empty; hidden keys count), and those of every call.
///
/// etcd: `DELETE /v2/keys/{key}` with `dir=true`, and `recursive=true`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_deletedir(client: *const etcd_client, key: *const c_char, flags: u32) -> *mut c_char {
    let kind = || match argument::flags(flags, ETCD_RECURSIVE)? {
        0 => Ok(DeleteKind::EmptyDirectory),
        _ => Ok(DeleteKind::Tree),
    };
    // SAFETY: the header's conventions on strings.
    guard::reply(|| unsafe { delete(client, key, kind) })
}

/// Says whether a key or a directory exists.
///
/// - `client`, `key`: must not be NULL.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns 1 if it does, 0 if it does not, -1 on failure. The caller owns the error's text and frees it
/// with `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /v2/keys/{key}`
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_exists(client: *const etcd_client, key: *const c_char, error: *mut *mut c_char) -> c_int {
    // SAFETY: the header's conventions on strings and on `error`.
    unsafe {
        guard::value(error, -1, || {
            let client = CLIENTS.get(client, "client")?;
            let key = Key::parse(argument::text(key, "key")?)?;
            client.exists(key).map(c_int::from)
        })
    }
}

/// Compare-and-swap: writes a key only if it is as expected. What is expected is a value, an index, or both.
///
/// - `client`, `key`, `value`: must not be NULL.
/// - `prev_value`: the value it must have, or NULL. "" is error 1001 over v2, which cannot compare with it: use the
///   index. Over v3 it is compared.
/// - `prev_index`: the `modifiedIndex` it must have, or 0: any. NULL with 0 is error 1001.
/// - `ttl`: seconds to live; 0 or less: without end.
///
/// Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 100 (no such key), 101 (it is not as expected; `cause` says what it is), 102 (a directory), 104, 107, and
/// those of every call.
///
/// etcd: `PUT /v2/keys/{key}` with `prevValue`, `prevIndex` or both
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_cas(
    client: *const etcd_client,
    key: *const c_char,
    value: *const c_char,
    prev_value: *const c_char,
    prev_index: u64,
    ttl: i64,
) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    guard::reply(|| unsafe {
        put_value(client, key, value, ttl, || Ok(Precondition::Matches(condition(prev_value, prev_index)?)))
    })
}

/// The same as `etcd_cas`.
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_compare_and_swap(
    client: *const etcd_client,
    key: *const c_char,
    value: *const c_char,
    prev_value: *const c_char,
    prev_index: u64,
    ttl: i64,
) -> *mut c_char {
    // SAFETY: the same function.
    unsafe { etcd_cas(client, key, value, prev_value, prev_index, ttl) }
}

/// The same as `etcd_cas`.
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_test_and_set(
    client: *const etcd_client,
    key: *const c_char,
    value: *const c_char,
    prev_value: *const c_char,
    prev_index: u64,
    ttl: i64,
) -> *mut c_char {
    // SAFETY: the same function.
    unsafe { etcd_cas(client, key, value, prev_value, prev_index, ttl) }
}

/// Compare-and-delete: deletes a key only if it is as expected. What is expected is a value, an index, or both.
///
/// - `client`, `key`: must not be NULL.
/// - `prev_value`: the value it must have, or NULL; over v2 not "". Over v2 a value of more than 1,000 bytes is compared by
///   the library, after a quorum read, and the key is deleted by its index.
/// - `prev_index`: the `modifiedIndex` it must have, or 0. NULL with 0 is error 1001.
///
/// Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 101 (it is not as expected; `cause` says what it is), 100 (no such key), 102 (a directory), and
/// those of every call.
///
/// etcd: `DELETE /v2/keys/{key}` with `prevValue`, `prevIndex` or both
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_cad(
    client: *const etcd_client,
    key: *const c_char,
    prev_value: *const c_char,
    prev_index: u64,
) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    guard::reply(|| unsafe {
        delete(client, key, || Ok(DeleteKind::KeyThatMatches(condition(prev_value, prev_index)?)))
    })
}

/// The same as `etcd_cad`.
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_compare_and_delete(
    client: *const etcd_client,
    key: *const c_char,
    prev_value: *const c_char,
    prev_index: u64,
) -> *mut c_char {
    // SAFETY: the same function.
    unsafe { etcd_cad(client, key, prev_value, prev_index) }
}

unsafe fn put_value(
    client: *const etcd_client,
    key: *const c_char,
    value: *const c_char,
    ttl: i64,
    precondition: impl FnOnce() -> Result<Precondition>,
) -> Result<String> {
    let client = CLIENTS.get(client, "client")?;
    // SAFETY: as this function's.
    let (key, value) = unsafe { key_and_value(key, value) }?;
    let (precondition, ttl) = (precondition()?, Ttl::from_seconds(ttl));
    client.write_if(key, value, ttl, precondition)
}

unsafe fn put_directory(
    client: *const etcd_client,
    key: *const c_char,
    ttl: i64,
    precondition: Precondition,
) -> Result<String> {
    let client = CLIENTS.get(client, "client")?;
    // SAFETY: as this function's.
    let key = Key::parse(unsafe { argument::text(key, "key") }?)?;
    let ttl = Ttl::from_seconds(ttl);
    client.run(&Operation::Put(Put { key, content: Content::Directory, ttl, precondition, no_value: false }))
}

unsafe fn delete(
    client: *const etcd_client,
    key: *const c_char,
    kind: impl FnOnce() -> Result<DeleteKind>,
) -> Result<String> {
    let client = CLIENTS.get(client, "client")?;
    // SAFETY: as this function's.
    let key = Key::parse(unsafe { argument::text(key, "key") }?)?;
    client.run(&Operation::Delete { key, kind: kind()? })
}

unsafe fn key_and_value(key: *const c_char, value: *const c_char) -> Result<(Key, String)> {
    // SAFETY: as this function's.
    let (key, value) = unsafe { (argument::text(key, "key")?, argument::text(value, "value")?) };
    Ok((Key::parse(key)?, value.to_owned()))
}

unsafe fn condition(prev_value: *const c_char, prev_index: u64) -> Result<Condition> {
    // SAFETY: as this function's.
    let prev_value = unsafe { argument::optional_text(prev_value, "prev_value") }?;
    Condition::new(prev_value, operation::index(prev_index, "prev_index")?)
}
