//! Locks and elections
//!
//! A lock is held by one program at a time. Those that want it stand in a line, in the order in which they came; each waits
//! for the one before it alone. An election is a lock, too: who holds it leads, and its value says who that is.
//!
//! What a lock is worth. It ends: when its holder has been silent for its ttl, because it hung, was suspended or was cut
//! off, the next one has it. The former holder cannot notice that while it hangs. So "I hold the lock" is true when
//! `etcd_lock_wait` returns 1, and may be false a moment later, when the program gets to what it wanted the lock for. What
//! must never be done by two at once is to be protected where it is done:
//!
//! - in etcd, by `etcd_lock_txn`, which the server carries out only while the lock is held;
//! - elsewhere, by the token of `etcd_lock_token`, which is larger with every holder: send it along with each request, and
//!   have the receiver refuse those with a smaller one than it has seen.
//!
//! Where doing something twice does no harm, and is only a waste, it is enough to look at `etcd_lock_wait`, without
//! waiting, before each piece of work: it knows by the clock alone when the lock is over.
//!
//! Over v3 the keys are those of Go's `concurrency.Mutex` and `Election`, and of `etcdctl lock` and `etcdctl elect`, which
//! stand in the same line: `<name>/<lease id in hexadecimal>`, in the order of their creation. Another lock's name must
//! not begin with this one's and a slash. Over v2 they are in-order keys below the name, and have a mark of 16 digits before
//! their value.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::connect::etcd_client;
use super::handles::{CLIENTS, LOCKS, WATCHERS};
use super::lease::milliseconds;
use super::watch::{Callbacks, etcd_watcher};
use super::{argument, guard};
use crate::base::process;
use crate::messages::fields::from_json;
use crate::operation::Key;
use crate::recipes::lease;
use crate::recipes::lock::{Lock, Standing};

/// A lock, or a candidate of an election; see `etcd_lock_open`.
#[allow(non_camel_case_types)]
pub struct etcd_lock {
    _opaque: [u8; 0],
}

/// Not to stand in line: for `etcd_lock_open`.
pub const ETCD_TRY: u32 = 0x80000;

/// Stands in line for a lock. It may be held when this returns: `etcd_lock_wait` says so.
///
/// - `client`: must not be NULL.
/// - `name`: the lock's name, a path like `/locks/backup`; must not be NULL. What is below it belongs to the lock.
/// - `value`: what others see of the holder, of a leader say its address; may be NULL, for "".
/// - `ttl`: as for `etcd_lease_open`. A holder that dies without giving it up blocks the others for so long.
/// - `flags`: 0, or `ETCD_TRY`: an error if another holds it or stands in line.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the lock, which the caller owns; `etcd_lock_free` gives it up. NULL on failure.
///
/// Errors: 105 (with `ETCD_TRY`: another holds it), 202, and those of every call.
///
/// etcd: `POST /v2/keys/{name}`; over v3 `Lease/LeaseGrant` and `KV/Txn`
///
/// A total that only the holder changes, whatever happens to it meanwhile:
///
/// ```c
/// etcd_lock *lock = etcd_lock_open(client, "/locks/total", NULL, 10, 0, &error);
/// if (etcd_lock_wait(lock, -1) == 1) {
///     char *done = etcd_lock_txn(lock, "{\"success\":[{\"request_put\":{\"key\":\"/total\",\"value\":\"42\"}}]}");
///     if (etcd_error_code(done) == ETCD_ERROR_COMPARE_FAILED)
///         puts("the lock was lost before it was done; nothing was written");
///     etcd_free(done);
/// }
/// etcd_lock_free(lock);
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lock_open(
    client: *const etcd_client,
    name: *const c_char,
    value: *const c_char,
    ttl: i64,
    flags: u32,
    error: *mut *mut c_char,
) -> *mut etcd_lock {
    // SAFETY: the header's conventions on strings and on `error`.
    unsafe {
        guard::value(error, null_mut(), || {
            let client = CLIENTS.get(client, "client")?;
            let line = Key::parse(argument::text(name, "name")?)?;
            let value = argument::optional_text(value, "value")?.unwrap_or_default();
            let only_if_free = argument::flags(flags, ETCD_TRY)? != 0;
            Ok(LOCKS.insert(Lock::open(client.household(), line, value, lease::ttl(ttl)?, only_if_free)?))
        })
    }
}

/// Waits until a lock is held, or cannot be any more. A signal does not end the waiting.
///
/// - `lock`: NULL, or one that was freed, is lost.
/// - `timeout_ms`: how many milliseconds to wait; 0: not at all; below 0: without end.
///
/// Returns 1 while it is held, 0 if it is not yet, and -1 once it is lost: its ttl has passed without an answer, somebody
/// deleted its key, it was freed, or the client was disconnected. A lock that is lost is never held again. It returns at
/// once, and asks nobody, once the lock is held: with a timeout of 0 it is a look at whether it still is.
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lock_wait(lock: *mut etcd_lock, timeout_ms: i64) -> c_int {
    guard::plain(-1, || match LOCKS.get(lock, "lock").map(|lock| lock.wait(argument::until(timeout_ms))) {
        Ok(Standing::Held) => 1,
        Ok(Standing::Waiting) => 0,
        Ok(Standing::Over) | Err(_) => -1,
    })
}

/// Makes a lock usable with `poll`, `epoll`, asyncio or libuv.
///
/// - `lock`: must not be NULL.
///
/// Returns a descriptor that is readable while `etcd_lock_wait` would return something else than it has last: once the lock
/// is held, and once it is lost. It must not be read from or closed, and is valid until `etcd_lock_free`. -1 for no lock, or
/// if the process has no descriptor left.
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lock_fd(lock: *const etcd_lock) -> c_int {
    guard::plain(-1, || LOCKS.get(lock, "lock").ok().and_then(|lock| lock.descriptor()).unwrap_or(-1))
}

/// Returns a lock's token, by which others can tell a holder from the ones before it. It asks nobody.
///
/// - `lock`: NULL, or one that was freed, is not held.
///
/// Returns the index at which the lock's key was created; 0 while it is not held.
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lock_token(lock: *const etcd_lock) -> u64 {
    guard::plain(0, || LOCKS.get(lock, "lock").ok().and_then(|lock| lock.token()).unwrap_or(0))
}

/// Says how long a lock is surely held still, or a place in its line kept. It asks nobody.
///
/// - `lock`: NULL, or one that was freed, has no time left.
///
/// Returns the milliseconds; 0: it is lost, or may be.
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lock_remaining_ms(lock: *const etcd_lock) -> i64 {
    guard::plain(0, || LOCKS.get(lock, "lock").map_or(0, |lock| milliseconds(lock.remaining())))
}

/// Says how a lock is. It asks nobody.
///
/// - `lock`: must not be NULL.
///
/// Returns `{"state":"held","key":"/locks/a/...","token":17,"remainingMs":9800,"error":null}`. `state` is `waiting`, `held` or
/// `lost`; `token` is 0 unless it is held; `error` is why it is lost. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1001.
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lock_state(lock: *const etcd_lock) -> *mut c_char {
    guard::reply(|| Ok(LOCKS.get(lock, "lock")?.state()))
}

/// Gives a lock that is held another value; a leader tells so what has changed about it. The token stays.
///
/// - `lock`: must not be NULL.
/// - `value`: the new value; must not be NULL.
///
/// Returns the change, with its node, as of `etcd_update`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 101 (the lock is not held), and those of every call.
///
/// etcd: `PUT /v2/keys/{key}?prevIndex={index}`; over v3 `KV/Txn`
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lock_proclaim(lock: *mut etcd_lock, value: *const c_char) -> *mut c_char {
    guard::reply(|| {
        let lock = LOCKS.get(lock, "lock")?;
        // SAFETY: the header's conventions on strings.
        lock.proclaim(unsafe { argument::text(value, "value") }?)
    })
}

/// Carries out a transaction, which the server does only if the lock is held at that moment: neither branch else. Its keys
/// are those of the store: the setting `root`, which the lock's name is below, has no meaning for them. So two
/// holders never act at once, however long one of them was suspended.
///
/// - `lock`: must not be NULL.
/// - `json`: as for `etcd_txn`; must not be NULL.
///
/// Returns a reply as of `etcd_txn`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 101 (the lock is not held, and nothing was done), 1010 (over v2), and those of `etcd_txn`.
///
/// etcd: over v3 only: `KV/Txn`
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lock_txn(lock: *mut etcd_lock, json: *const c_char) -> *mut c_char {
    guard::reply(|| {
        let lock = LOCKS.get(lock, "lock")?;
        // SAFETY: the header's conventions on strings.
        lock.txn(&from_json(unsafe { argument::text(json, "json") }?, "json")?)
    })
}

/// Frees a lock, or a place in its line. The next one has it at once if a server can be told within a second; else after
/// this one's ttl.
///
/// - `lock`: NULL is fine. In a forked child only the handle is freed: the lock is the parent's.
///
/// etcd: `DELETE /v2/keys/{key}?prevIndex={index}`; over v3 `Lease/LeaseRevoke`
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lock_free(lock: *mut etcd_lock) {
    guard::plain((), || {
        let Ok(found) = LOCKS.get(lock, "lock") else { return };
        if found.is_of_this_process() {
            found.free();
            // Only now: a thread that frees it at the same time waits, too.
            LOCKS.remove(lock);
        } else {
            process::leave((found, LOCKS.remove(lock)));
        }
    });
}

/// Watches who holds a lock, or leads an election. Events are fetched with `etcd_watch_next`.
///
/// - `client`: must not be NULL.
/// - `name`: as for `etcd_lock_open`.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the watcher, which the caller owns and frees with `etcd_watch_free`; NULL on failure. Its events are
/// `{"leader":{"value":"10.0.0.1:80","key":"/leader/...","token":17}}`, or `{"leader":null}` while there is none: what is so
/// now, and then each change, of its value, too. Of changes that follow each other quickly some may be left out, never the
/// last.
///
/// Errors: 1001, 1009, 1011 (no thread), 1099. An error that comes later and ends the watch is its last event.
///
/// etcd: `GET /v2/keys/{name}`, and a watch; over v3 the same with `KV/Range`
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_leader_watch(
    client: *const etcd_client,
    name: *const c_char,
    error: *mut *mut c_char,
) -> *mut etcd_watcher {
    // SAFETY: the header's conventions on strings and on `error`.
    unsafe {
        guard::value(error, null_mut(), || {
            let client = CLIENTS.get(client, "client")?;
            let line = Key::parse(argument::text(name, "name")?)?;
            Ok(WATCHERS.insert(client.watch_leader(line, Box::new(Callbacks::none()))?))
        })
    }
}
