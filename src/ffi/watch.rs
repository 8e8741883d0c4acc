//! Watching
//!
//! A watch loses nothing: it delivers each change of what it watches once, in order, whatever happens to
//! connections and servers meanwhile. It asks in long polls from where the last answer left off, and after a
//! failure goes on from there. Where etcd's history (the last 1,000 changes of the whole store) no longer reaches back
//! so far, or the cluster was rebuilt, it delivers one event that tells what is there now and which changes are unknown:
//! `{"action":"resync","node":{...},"missed":{"after":A,"before":B},"header":{...}}`; `node` is null if nothing is
//! there, and the indexes strictly between A and B are the ones missed. (In a rebuilt cluster the indexes begin anew, and
//! B may be below A: then it is not known what was missed. One that has its predecessor's id and has overtaken its index
//! before it is asked again cannot be told from it.)
//!
//! Any other event is etcd's own, `{"action":"set","node":{...},"prevNode":{...},"header":{...}}`. Its `action` is
//! set, create, update, compareAndSwap, delete, compareAndDelete or expire. When a directory goes with all that is in
//! it, those who watch something in it get one event, whose `/node/key` is the directory: who watches `/d/a/b` may get
//! `/d`. A refresh is no change. Whoever resumes later does so from the change's own `/node/modifiedIndex` plus 1, or
//! after a resync from B: an event's `header` tells of the store when it was asked, which may be before the change.
//!
//! An error ends a watch, as its last event, where waiting cannot mend it: 1008, an error of etcd's own (104, say, where
//! something above the key holds a value), 1005 once every endpoint has answered so, a change larger than
//! `max_response_bytes`. Endpoints that cannot be reached, TLS that fails (1007), time that runs out and answers that cannot
//! be read are tried again for ever, with growing pauses; the log tells.
//!
//! Events are pulled with `etcd_watch_next` from a watch of `etcd_watch_open`, or pushed to a callback. Each watch has a
//! thread of the library, named `etcd-watch`, with a stack of 2 MiB and all signals blocked. Callbacks run on it: those of
//! one watch never overlap, those of several do. They may call any function of the library, but two must not free each
//! other's watch. A watch that is stopped, or whose client is disconnected, ends without a last event. A forked child has
//! none of its parent's watches.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::null_mut;

use super::connect::{CLIENTS, etcd_client};
use super::keys::ETCD_RECURSIVE;
use super::registry::Registry;
use super::{argument, guard, text};
use crate::error::Result;
use crate::key::Key;
use crate::net::Deadline;
use crate::operation::Target;
use crate::watch::{self, Watcher};

/// A watch; see `etcd_watch` and `etcd_watchloop`.
#[allow(non_camel_case_types)]
pub struct etcd_watcher {
    _opaque: [u8; 0],
}

/// Takes one event. `event` is borrowed until the callback returns.
#[allow(non_camel_case_types)]
pub type etcd_watch_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const c_char)>;

/// Is asked after each event has been delivered whether that was the last: anything but 0 ends the watch.
/// `event` is borrowed until the callback returns.
#[allow(non_camel_case_types)]
pub type etcd_predicate_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const c_char) -> c_int>;

/// Takes `user_data` back: called once, after the last callback has returned, also when registering failed.
#[allow(non_camel_case_types)]
pub type etcd_release_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

pub(super) static WATCHERS: Registry<Watcher> = Registry::new();

/// Watches for one change, then ends. A resync counts as one.
///
/// - `client`, `key`: must not be NULL. The key need not exist.
/// - `flags`: 0 for the key itself (of a directory not what is in it), `ETCD_RECURSIVE` for all below it, too.
/// - `wait_index`: the first change of interest, past ones included: the `modifiedIndex` last seen, plus 1. One that is
///   still to come is waited for. After `etcd_get` it is `/header/etcdIndex` plus 1. 0: from now on; a server is asked
///   what "now" is, so that no change after this call has returned is missed, and the call waits for its answer,
///   `timeout.request_ms` at most. If none can say, the watch begins with a resync when one can. With any other index
///   the call returns at once.
/// - `callback`: takes the event; it may be called before this call has returned. NULL: `etcd_watch_next` fetches it,
///   as with `etcd_watch_open`.
/// - `user_data`: handed to the callbacks; may be NULL.
/// - `release`: takes `user_data` back; may be NULL.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the watcher, which the caller owns and gives back with `etcd_watch_free`; NULL on failure. That a
/// server cannot be reached is no failure: the watch begins when it can.
///
/// Errors: 1001, 1009, 1099. What cannot mend later is delivered as the last event: an error's text, for
/// `etcd_error_code`.
///
/// etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch(
    client: *const etcd_client,
    key: *const c_char,
    flags: u32,
    wait_index: u64,
    callback: etcd_watch_fn,
    user_data: *mut c_void,
    release: etcd_release_fn,
    error: *mut *mut c_char,
) -> *mut etcd_watcher {
    let receiver = Callbacks { callback, until: None, release, user_data };
    // SAFETY: the header's conventions on strings, on callbacks and on `error`.
    unsafe { guard::value(error, null_mut(), || watch(client, key, flags, wait_index, receiver, true)) }
}

/// Watches for every change until it is stopped, `until` says so, or an error that cannot mend; that error's text
/// is the last event.
///
/// - `client`, `key`, `flags`, `wait_index`, `callback`, `user_data`, `release`, `error`: as for `etcd_watch`.
/// - `until`: ends the watch; may be NULL. Without a `callback` it is asked when the event is ready to be fetched.
///
/// Returns the watcher, which the caller owns and gives back with `etcd_watch_free`; NULL on failure.
///
/// Errors: as for `etcd_watch`.
///
/// etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`, again and again
///
///     static void print(void *user_data, const char *event) { puts(event); }
///     etcd_watcher *watcher = etcd_watchloop(client, "/app", ETCD_RECURSIVE, 0, print, NULL, NULL, NULL, NULL);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watchloop(
    client: *const etcd_client,
    key: *const c_char,
    flags: u32,
    wait_index: u64,
    callback: etcd_watch_fn,
    until: etcd_predicate_fn,
    user_data: *mut c_void,
    release: etcd_release_fn,
    error: *mut *mut c_char,
) -> *mut etcd_watcher {
    let receiver = Callbacks { callback, until, release, user_data };
    // SAFETY: the header's conventions on strings, on callbacks and on `error`.
    unsafe { guard::value(error, null_mut(), || watch(client, key, flags, wait_index, receiver, false)) }
}

/// Watches for every change, to be fetched with `etcd_watch_next`: the same as `etcd_watchloop` without callbacks.
///
/// - `client`, `key`, `flags`, `wait_index`, `error`: as for `etcd_watch`.
///
/// Returns the watcher, which the caller owns and gives back with `etcd_watch_free`; NULL on failure.
///
/// Errors: as for `etcd_watch`.
///
/// etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`, again and again
///
/// A directory and all that becomes of it, with nothing lost in between (error 100: nothing is there yet):
///
///     char *now = etcd_get(client, "/app", ETCD_RECURSIVE | ETCD_QUORUM);
///     uint64_t index = (uint64_t)etcd_json_int(now, "/header/etcdIndex", 0);
///     if (etcd_error_code(now) == 0 || etcd_error_code(now) == ETCD_ERROR_KEY_NOT_FOUND) {
///         etcd_watcher *watcher = etcd_watch_open(client, "/app", ETCD_RECURSIVE, index + 1, &error);
///         for (char *event; (event = etcd_watch_next(watcher, -1)); etcd_free(event))
///             puts(event);
///     }
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_open(
    client: *const etcd_client,
    key: *const c_char,
    flags: u32,
    wait_index: u64,
    error: *mut *mut c_char,
) -> *mut etcd_watcher {
    // SAFETY: as this function's.
    unsafe { etcd_watchloop(client, key, flags, wait_index, None, None, null_mut(), None, error) }
}

/// Fetches the next event of a watch that was made without a callback. Signals do not end the waiting; `etcd_watch_fd`
/// serves whoever wants to heed them.
///
/// - `watcher`: NULL, or one with a callback, has no events to fetch.
/// - `timeout_ms`: how many milliseconds to wait for one; 0: not at all; below 0: without end.
///
/// Returns the event; NULL if there was none in time, or if the watch has ended and all its events have been
/// fetched: `etcd_watch_ended` tells which. The caller owns the text and frees it with `etcd_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_next(watcher: *mut etcd_watcher, timeout_ms: i64) -> *mut c_char {
    guard::plain(null_mut(), || {
        let event = WATCHERS.get(watcher, "watcher").ok().and_then(|watcher| watcher.next(deadline(timeout_ms)));
        event.map_or(null_mut(), text::give)
    })
}

/// Tells whether nothing more will come of a watch.
///
/// - `watcher`: NULL, or one that was freed, has ended.
///
/// Returns 1 once the watch has ended and all its events have been fetched, so that `etcd_watch_next` will return NULL
/// for ever; 0 before that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_ended(watcher: *const etcd_watcher) -> c_int {
    guard::plain(1, || WATCHERS.get(watcher, "watcher").map_or(1, |watcher| c_int::from(watcher.is_over())))
}

/// Gives a descriptor for `poll`, `epoll`, asyncio or libuv.
///
/// - `watcher`: one that was made without a callback.
///
/// Returns a descriptor that is readable while an event, or the end, waits for `etcd_watch_next`; level- or
/// edge-triggered, each event and the end make it so anew. It does not block, is closed on exec, and may be duplicated;
/// it is the watcher's own, not to be read from or closed, and lives until `etcd_watch_free`: stop the watch first, and free
/// it once nobody waits for the descriptor. -1 for any other watcher, or if the process has no descriptor left; a later
/// call tries again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_fd(watcher: *const etcd_watcher) -> c_int {
    guard::plain(-1, || WATCHERS.get(watcher, "watcher").ok().and_then(|watcher| watcher.descriptor()).unwrap_or(-1))
}

/// Waits for a watch to end: for its last callback to have returned and `release`, too. One whose queue is full does not
/// end by itself before there is room for its last event.
///
/// - `watcher`: NULL, or one that was freed, has ended.
/// - `timeout_ms`: how many milliseconds to wait; 0: not at all; below 0: without end.
///
/// Returns 1 if it has ended, 0 if not yet. Inside its own callback it has not ended, and this returns at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_wait(watcher: *const etcd_watcher, timeout_ms: i64) -> c_int {
    guard::plain(1, || {
        WATCHERS.get(watcher, "watcher").map_or(1, |watcher| c_int::from(watcher.wait(deadline(timeout_ms))))
    })
}

/// Asks a watch to end, and returns at once. No callback is begun any more. It ends within milliseconds, whatever it
/// waits for, but for a callback that is running. Events that were not fetched yet still can be.
///
/// - `watcher`: NULL, or one that was freed, has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_stop(watcher: *mut etcd_watcher) {
    guard::plain((), || {
        if let Ok(watcher) = WATCHERS.get(watcher, "watcher") {
            watcher.stop();
        }
    });
}

/// Ends a watch and frees it: waits until its last callback has returned and `release`, too. Called inside a callback of
/// that watch it only marks it and returns; the rest happens after the callback.
///
/// - `watcher`: NULL is fine. In a forked child only the handle is freed: the watch is the parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_free(watcher: *mut etcd_watcher) {
    guard::plain((), || {
        let Some(watcher) = WATCHERS.remove(watcher) else { return };
        if watcher.is_of_this_process() {
            watcher.finish();
        } else {
            // Its locks may be held by threads that this process does not have.
            std::mem::forget(watcher);
        }
    });
}

unsafe fn watch(
    client: *const etcd_client,
    key: *const c_char,
    flags: u32,
    wait_index: u64,
    receiver: Callbacks,
    once: bool,
) -> Result<*mut etcd_watcher> {
    let client = CLIENTS.get(client, "client")?;
    // SAFETY: as this function's.
    let key = Key::parse(unsafe { argument::text(key, "key") }?)?;
    let wait_index = argument::index(wait_index, "wait_index")?;
    let target = Target { key, recursive: argument::flags(flags, ETCD_RECURSIVE)? & ETCD_RECURSIVE != 0 };
    Ok(WATCHERS.insert(client.watch(target, wait_index, once, Box::new(receiver))?))
}

fn deadline(timeout_ms: i64) -> Option<Deadline> {
    u64::try_from(timeout_ms).ok().map(|ms| Deadline::after(std::time::Duration::from_millis(ms)))
}

/// The caller's callbacks. Dropping it gives `user_data` back.
struct Callbacks {
    callback: etcd_watch_fn,
    until: etcd_predicate_fn,
    release: etcd_release_fn,
    user_data: *mut c_void,
}

// SAFETY: the header has the callbacks run on a thread of the library; what user_data points to must bear that.
unsafe impl Send for Callbacks {}

impl watch::Receiver for Callbacks {
    fn is_pushed(&self) -> bool {
        self.callback.is_some()
    }

    fn take(&mut self, event: &str) -> bool {
        if self.callback.is_none() && self.until.is_none() {
            return true;
        }
        let event = CString::new(event).expect("an event is JSON, which holds no NUL");
        if let Some(callback) = self.callback {
            // SAFETY: the caller's function, with the user_data that it was registered with.
            unsafe { callback(self.user_data, event.as_ptr()) };
        }
        // SAFETY: the same.
        self.until.is_none_or(|until| unsafe { until(self.user_data, event.as_ptr()) } == 0)
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the caller's function, with the user_data that it was registered with; once.
            unsafe { release(self.user_data) };
        }
    }
}
