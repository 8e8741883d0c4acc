//! Mirrors
//!
//! A mirror is a directory held in memory: read once, then kept up by a watch. Reading it is no I/O and takes about a
//! microsecond, so a program can look at its configuration wherever it needs it, and goes on with what it had while no
//! server answers. Several threads may read at once, and none waits for another or for a change that comes in.
//!
//! Each read shows the mirror as it was at one index of the store, the `/header/etcdIndex` of the reply: all changes of one
//! transaction are seen at once. (Not where a role may not read the mirrored key and what is below it alike: then the two are
//! watched by themselves.) After a gap, which a watch would tell by a resync, all of it is exchanged at once.
//!
//! Replies have the shape of `etcd_get`'s. What differs: there is neither `ttl` nor `expiration`, for a refresh is not told to
//! watches. Hidden keys below the mirrored one are not there. A directory of v3 in which there are
//! hidden or in-order keys may have other indexes than `etcd_get` shows, and end with its last key that is not hidden, or stay
//! without it.
//!
//! 10,000 keys of 100 bytes each take about 1.3 MB. A mirror ends with `etcd_mirror_free`, with its client, or with an error
//! that ends a watch; reads return that error from then on. In a forked child it has ended.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::connect::etcd_client;
use super::handles::{CLIENTS, MIRRORS, WATCHERS};
use super::watch::{Callbacks, etcd_watcher};
use super::{argument, guard, text};
use crate::base::error::Result;
use crate::base::process;
use crate::operation::Key;
use crate::recipes::mirror::Mirror;

/// A directory held in memory; see `etcd_mirror_open`.
#[allow(non_camel_case_types)]
pub struct etcd_mirror {
    _opaque: [u8; 0],
}

/// Makes a mirror of a key and all below it. It returns when the mirror has all there is, as a majority of the cluster agrees
/// on.
///
/// - `client`, `key`: must not be NULL. The key need not exist, and may hold a value: the mirror follows what becomes of it.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the mirror, which the caller owns and frees with `etcd_mirror_free`; NULL on failure.
///
/// Errors: 104, and those of every call: there is no mirror if the key cannot be read, but that nothing is there (100) is no
/// failure. 1011: no thread.
///
/// etcd: `GET /v2/keys/{key}?quorum=true&recursive=true&sorted=true`, then as `etcd_watch_open`
///
/// ```c
/// etcd_mirror *mirror = etcd_mirror_open(client, "/app", &error);
/// if (!mirror) { fprintf(stderr, "%s\n", error); etcd_free(error); return 1; }
/// char *reply = etcd_mirror_get(mirror, "/app/colour");
/// char *colour = etcd_json_text(reply, "/node/value");
/// printf("%s\n", colour ? colour : "no colour");
/// etcd_free(colour);
/// etcd_free(reply);
/// etcd_mirror_free(mirror);
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_mirror_open(
    client: *const etcd_client,
    key: *const c_char,
    error: *mut *mut c_char,
) -> *mut etcd_mirror {
    // SAFETY: the header's conventions on strings and on `error`.
    unsafe {
        guard::value(error, null_mut(), || {
            let client = CLIENTS.get(client, "client")?;
            let key = Key::parse(argument::text(key, "key")?)?;
            Ok(MIRRORS.insert(Mirror::open(client, key)?))
        })
    }
}

/// Reads a key, or lists one level of a directory, as `etcd_get` does without a flag, and without asking a server.
///
/// - `mirror`: must not be NULL.
/// - `key`: must not be NULL; the mirrored key, or one below it, with its whole path.
///
/// Returns a reply of `etcd_get`'s shape. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 100, 104, 1001 (the key is not in the mirror, or hidden), 1009 (the mirror has ended), and the error that has ended
/// it.
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_mirror_get(mirror: *const etcd_mirror, key: *const c_char) -> *mut c_char {
    // SAFETY: as this function's.
    guard::reply(|| unsafe { read(mirror, key, false) })
}

/// Lists a directory and all below it, sorted, as `etcd_get` does with `ETCD_RECURSIVE` and `ETCD_SORTED`, and without asking
/// a server.
///
/// - `mirror`, `key`: as for `etcd_mirror_get`.
///
/// Returns a reply of `etcd_get`'s shape. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: as for `etcd_mirror_get`.
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_mirror_list(mirror: *const etcd_mirror, key: *const c_char) -> *mut c_char {
    // SAFETY: as this function's.
    guard::reply(|| unsafe { read(mirror, key, true) })
}

/// Waits until a mirror has seen an index: with the `/header/etcdIndex` of a reply, what that reply tells of. So one reads
/// one's own writes.
///
/// - `mirror`: NULL, or a mirror that was freed, has ended.
/// - `index`: the index. Where nothing in the mirror has it, because the change was elsewhere in the store, a server is asked
///   after 50 ms, and then now and then, by reading the directory again.
/// - `timeout_ms`: how many milliseconds to wait; 0: not at all; below 0: without end.
///
/// Returns 1 if the mirror has seen the index, 0 if not yet, -1 if it has ended.
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_mirror_wait(mirror: *const etcd_mirror, index: u64, timeout_ms: i64) -> c_int {
    guard::plain(-1, || {
        let seen = MIRRORS.get(mirror, "mirror").ok().and_then(|found| found.wait(index, argument::until(timeout_ms)));
        seen.map_or(-1, c_int::from)
    })
}

/// Waits as `etcd_mirror_wait` does, but not in a call: by a watch of one event, for `poll`, `epoll`, asyncio or libuv. Any
/// number of them may wait for the same mirror, each for its index, and none costs a thread. (While no event shows what is
/// awaited, one thread asks on behalf of all that wait for a mirror.)
///
/// - `mirror`: must not be NULL.
/// - `index`: as for `etcd_mirror_wait`.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the watcher, which the caller owns and frees with `etcd_watch_free`, also to wait no longer; NULL on failure. Its
/// one event, `{"header":{"etcdIndex":17}}`, says how far the mirror is once it has seen the index. If the mirror ends before,
/// the event is the error that its reads return from then on.
///
/// Errors: 1001, 1009.
///
/// etcd: as for `etcd_mirror_open`, to ask
///
/// ```c
/// etcd_mirror *mirror = etcd_mirror_open(client, "/app", NULL);
/// etcd_watcher *seen = etcd_mirror_await(mirror, (uint64_t)etcd_json_int(reply, "/header/etcdIndex", 0), NULL);
/// int descriptor = etcd_watch_fd(seen); // once the program's loop finds it readable:
/// char *event = etcd_watch_next(seen, 0);
/// etcd_free(event);
/// etcd_watch_free(seen);
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_mirror_await(
    mirror: *const etcd_mirror,
    index: u64,
    error: *mut *mut c_char,
) -> *mut etcd_watcher {
    // SAFETY: the header's conventions on `error`.
    unsafe {
        guard::value(error, null_mut(), || {
            let mirror = MIRRORS.get(mirror, "mirror")?;
            Ok(WATCHERS.insert(mirror.await_index(index, Box::new(Callbacks::none()))?))
        })
    }
}

/// Fetches the next change of what is mirrored. When it is fetched, the mirror has it already.
///
/// Changes are kept for a reader from the first call of this function or of `etcd_mirror_fd` on. Who did not ask before the
/// first change, or lets more than `watch.queue` changes wait, gets one `resync` in place of those that were not kept, with
/// all there is, as a watch does; so a mirror needs no more memory for one who never asks, or asks too rarely. After a gap
/// in the watch itself what differs is told: `delete` for each key that has gone, and `set` for each that is new or has
/// changed, with `prevNode`.
///
/// - `mirror`: NULL, or a mirror that was freed, has no changes.
/// - `timeout_ms`: how many milliseconds to wait for a change; 0: not at all; below 0: without end.
///
/// Returns the change, an event as `etcd_watch_next` returns it; NULL if there was none in time, or if the mirror has ended,
/// of which `etcd_mirror_wait` tells. An error that ends the mirror is its last event. The caller owns the text and frees it
/// with `etcd_free`.
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_mirror_next(mirror: *mut etcd_mirror, timeout_ms: i64) -> *mut c_char {
    guard::plain(null_mut(), || {
        let change = MIRRORS.get(mirror, "mirror").ok().and_then(|mirror| mirror.next(argument::until(timeout_ms)));
        text::give_or_null(change)
    })
}

/// Makes the changes of a mirror usable with `poll`, `epoll`, asyncio or libuv.
///
/// - `mirror`: NULL, or a mirror that was freed, has none.
///
/// Returns a descriptor that is readable while a change, or the end, waits for `etcd_mirror_next`. What `etcd_watch_fd` says
/// of its own holds for it, too. -1 if there is none, or if the process has no descriptor left; a later call tries again.
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_mirror_fd(mirror: *const etcd_mirror) -> c_int {
    guard::plain(-1, || MIRRORS.get(mirror, "mirror").ok().and_then(|mirror| mirror.descriptor()).unwrap_or(-1))
}

/// Ends a mirror and frees it. A thread that waits in `etcd_mirror_next` or `etcd_mirror_wait` returns.
///
/// - `mirror`: NULL is fine. In a forked child only the handle is freed: the mirror is the parent's.
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_mirror_free(mirror: *mut etcd_mirror) {
    guard::plain((), || {
        let Ok(found) = MIRRORS.get(mirror, "mirror") else { return };
        let handle = mirror.addr();
        let remove = move || MIRRORS.remove(std::ptr::without_provenance::<etcd_mirror>(handle));
        if found.is_of_this_process() {
            found.finish(move || drop(remove()));
        } else {
            process::leave((found, remove()));
        }
    });
}

unsafe fn read(mirror: *const etcd_mirror, key: *const c_char, recursive: bool) -> Result<String> {
    let mirror = MIRRORS.get(mirror, "mirror")?;
    // SAFETY: as this function's.
    let key = Key::parse(unsafe { argument::text(key, "key") }?)?;
    mirror.get(&key, recursive)
}
